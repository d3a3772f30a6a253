/* SPDX-License-Identifier: MIT */
/* The methods of a control. One function does them all, whichever way a request has come. */
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
    /* NULL if there is nothing to reload. */
    int (*reload)(void *user, struct rdv_error *error);
    void *reload_user;
    /* Send all changes after this one to the client. NULL if there is no way to send them. */
    int (*watch)(void *user, int64_t after);
    void *watch_user;
    /* The longest answer, in bytes. */
    size_t answer_max;
    /* A listing may take more memory, to take less time. */
    bool roomy;
};

struct rdv__method;

/* What is left to do of a request that is done in slices. */
struct rdv__work;

/* Find a method by its name. NULL if there is none of this name. */
const struct rdv__method *rdv__method_find(const char *name);

/* Whether a method changes nothing, so that clients that may only read may call it. */
bool rdv__method_reads(const struct rdv__method *method);

/* Whether a method stages what it does: its answer is true once the batch is committed. Before any
 * other method, all that is staged is committed; what such a method does is durable when it
 * returns. */
bool rdv__method_stages(const struct rdv__method *method);

/*
 * Do a request, and write its result under "result". On failure nothing was done, the batch may be
 * lost, and what was written is of no use. No batch may be held open. A listing is only begun, and
 * *ret_work is what is left to do; for all others it is NULL.
 */
int rdv__dispatch(const struct rdv__target *target, const struct rdv__method *method,
                  const struct rdv__request *request, struct rdv__json_writer *writer,
                  struct rdv__failure *ret_failure, struct rdv__work **ret_work);

/* Do another slice, with the same writer. Returns 1 if there is more to do, 0 if the result has
 * been written, or an error as rdv__dispatch() does. */
int rdv__work_step(struct rdv__work *work, struct rdv__json_writer *writer,
                   struct rdv__failure *ret_failure);

/* How much memory the work takes, in bytes. */
size_t rdv__work_memory(const struct rdv__work *work);

/* Free the work, done or not. NULL is fine. */
void rdv__work_free(struct rdv__work *work);

/* Fill in a failure with what the store says about this code, or else with the code's own words. */
void rdv__failure_of_store(struct rdv__failure *failure, const rdv_store *store, int code);

#endif
