/* SPDX-License-Identifier: MIT */
/* The envelope: JSON-RPC 2.0 requests in, answers out. What the methods mean is control.c's. */
#ifndef RDV__CONTROL_RPC_H
#define RDV__CONTROL_RPC_H

#include <stddef.h>

#include <rdvtask/base.h>

#include "base/error.h"
#include "json/value.h"
#include "json/writer.h"

/* JSON-RPC's own error numbers. Ours are RDV_E…, which it leaves to us. */
#define RDV__RPC_SYNTAX  (-32700)
#define RDV__RPC_REQUEST (-32600)
#define RDV__RPC_METHOD  (-32601)
#define RDV__RPC_PARAMS  (-32602)

struct rdv__request {
    struct rdv__json *json;
    char *id;           /* compact JSON, owned; NULL = a notification: nobody waits for an answer */
    const char *method; /* borrowed from json */
    struct rdv__value params; /* an object; item is NULL if there are none */
};

/* Why there is an error in place of a result. */
struct rdv__failure {
    int number; /* of JSON-RPC, or error.code */
    struct rdv_error error;
};

/*
 * Read a line, which is borrowed until the request is finished. On failure the request has an id all the same: that of the line if it could be read, else "null". Finish it in
 * any case. RDV_ENOMEM is one of the failures; with it there may be no id, and then there is no answer.
 */
int rdv__request_read(const char *line, size_t size, struct rdv__request *ret_request,
                      struct rdv__failure *ret_failure);
void rdv__request_finish(struct rdv__request *request);

/* Begin the line of an answer: the result is to be written under "result". */
int rdv__answer_begin(const char *id, struct rdv__json_writer **ret_writer);

/* The line of an answer that is an error; malloc'd, NULL without memory. */
char *rdv__answer_failure(const char *id, const struct rdv__failure *failure);

/* The same from a number of JSON-RPC (0 = code) and our code, in printf's words. */
void rdv__failure_set(struct rdv__failure *failure, int number, int code, const char *format, ...)
    RDV__PRINTF(4, 5);

/* The code of "RDV_EBUSY"; 0 if there is none of that name. */
int rdv__error_from_name(const char *name);

#endif
