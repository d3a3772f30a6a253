/* SPDX-License-Identifier: MIT */
/* The methods of a control: one function for all of them, whichever way a request has come. */
#ifndef RDV__CONTROL_METHODS_H
#define RDV__CONTROL_METHODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/control.h>

#include "control/rpc.h"
#include "json/value.h"
#include "json/writer.h"

/* What methods work on. */
struct rdv__target {
    rdv_store *store;
    rdv_trigger *trigger;
    int (*reload)(void *user, struct rdv_error *error); /* NULL = not supported */
    void *reload_user;
    /* Tell the one who has asked of all changes above `after`; NULL = there is no way to. */
    int (*watch)(void *user, int64_t after);
    void *watch_user;
    size_t answer_max; /* the longest answer, in bytes */
    bool roomy;        /* a listing may take more memory, to take less time */
};

struct rdv__method;

/* What is left to do of a request that is done in slices. */
struct rdv__work;

/* NULL if there is none of this name. */
const struct rdv__method *rdv__method_find(const char *name);

/* Whether it changes nothing, so that those who may only read may call it. */
bool rdv__method_reads(const struct rdv__method *method);

/* Whether it stages what it does: the answer holds once the batch is committed. The others find all that is staged committed
 * first, and are durable when they return. */
bool rdv__method_stages(const struct rdv__method *method);

/*
 * Do a request; the result is written under "result". On failure nothing was done, the batch may be lost, and what is written is
 * of no use. Not with a batch held open. A listing is only begun: *ret_work then has what is left of it, else it is NULL.
 */
int rdv__dispatch(const struct rdv__target *target, const struct rdv__method *method,
                  const struct rdv__request *request, struct rdv__json_writer *writer,
                  struct rdv__failure *ret_failure, struct rdv__work **ret_work);

/* Do another slice, with the same writer. Returns 1 if there is more, 0 if the result is written, or an error like rdv__dispatch(). */
int rdv__work_step(struct rdv__work *work, struct rdv__json_writer *writer,
                   struct rdv__failure *ret_failure);
size_t rdv__work_memory(const struct rdv__work *work);
void rdv__work_free(struct rdv__work *work); /* NULL is fine */

/* The words for a failure of the store. */
void rdv__failure_of_store(struct rdv__failure *failure, const rdv_store *store, int code);

#endif
