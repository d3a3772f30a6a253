/* SPDX-License-Identifier: MIT */
/* What an agent document says: labels, and the steps that do their tasks. Immutable once loaded. */
#ifndef RDV__HANDLER_H
#define RDV__HANDLER_H

#include <stddef.h>

#include <rdvtask/base.h>
#include <rdvtask/task.h>

enum rdv__on_interrupt { RDV__INTERRUPT_RESUME, RDV__INTERRUPT_RESTART, RDV__INTERRUPT_FAIL };

struct rdv__step {
    rdv_status status;
    char **argv;          /* ends with NULL */
    rdv_duration timeout; /* 0 = none */
    rdv_duration
        retry_delay; /* before the first retry; doubles from there, at most RDV__RETRY_DELAY_MAX */
    int retries;
};
#define RDV__RETRY_DELAY_MAX RDV_HOUR

struct rdv__handler {
    char *label;
    struct rdv__step *steps;
    size_t step_count;
    char *
        *environment; /* "NAME=value" of the document and of the handler, merged; ends with NULL */
    rdv_duration grace;
    enum rdv__on_interrupt on_interrupt;
};

/* The handlers of one document: reference-counted on the owner thread, so that runs keep theirs when a new document comes. */
struct rdv__handlers {
    int references;
    char *name;
    struct rdv__handler *handlers;
    size_t count;
};

int rdv__handlers_load(const char *path, struct rdv__handlers **ret_handlers,
                       struct rdv_error *error);
struct rdv__handlers *rdv__handlers_ref(struct rdv__handlers *handlers);
struct rdv__handlers *rdv__handlers_unref(
    struct rdv__handlers *handlers); /* NULL is fine; returns NULL */
const struct rdv__handler *rdv__handlers_find(const struct rdv__handlers *handlers,
                                              const char *label);

#endif
