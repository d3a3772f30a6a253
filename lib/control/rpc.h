/* SPDX-License-Identifier: MIT */
/* The envelope: JSON-RPC 2.0 requests in, answers out. methods.c knows what the methods mean. */
#ifndef RDV__CONTROL_RPC_H
#define RDV__CONTROL_RPC_H

#include <stddef.h>

#include <rdvtask/base.h>

#include "base/error.h"
#include "json/value.h"
#include "json/writer.h"

/* The error numbers of JSON-RPC itself. It leaves others to the application: here the RDV_E…
 * codes. */
#define RDV__RPC_SYNTAX  (-32700)
#define RDV__RPC_REQUEST (-32600)
#define RDV__RPC_METHOD  (-32601)
#define RDV__RPC_PARAMS  (-32602)

struct rdv__request {
    struct rdv__json *json;
    /* Compact JSON, owned. NULL for a notification: nobody waits for an answer. */
    char *id;
    /* Borrowed from json. */
    const char *method;
    /* An object; its item is NULL if there are no parameters. */
    struct rdv__value params;
};

/* Why there is an error in place of a result. */
struct rdv__failure {
    /* An error number of JSON-RPC, or error.code. */
    int number;
    struct rdv_error error;
};

/*
 * Read a line, which is borrowed until the request is finished. On failure too the request has an
 * id: that of the line if it could be read, else "null". Only with RDV_ENOMEM there may be none;
 * then there can be no answer. Finish the request in any case.
 */
int rdv__request_read(const char *line, size_t size, struct rdv__request *ret_request,
                      struct rdv__failure *ret_failure);
void rdv__request_finish(struct rdv__request *request);

/* Begin the line of an answer; its result is to be written next, under "result". */
int rdv__answer_begin(const char *id, struct rdv__json_writer **ret_writer);

/* Make the line of an answer that is an error. free(). NULL if there is no memory. */
char *rdv__answer_failure(const char *id, const struct rdv__failure *failure);

/* Fill in a failure: an error number of JSON-RPC (0 = code), an RDV_E… code, and a message as of
 * printf(). */
void rdv__failure_set(struct rdv__failure *failure, int number, int code, const char *format, ...)
    RDV__PRINTF(4, 5);

/* Get the code of a name such as "RDV_EBUSY"; 0 if no code has that name. */
int rdv__error_from_name(const char *name);

#endif
