/* SPDX-License-Identifier: MIT */
/* What an agent document says: labels, and the steps that do their tasks. Immutable once loaded. */
#ifndef RDV__HANDLERS_H
#define RDV__HANDLERS_H

#include <stddef.h>

#include "environment.h"
#include "error.h"
#include "limit.h"
#include <rdvtask/base.h>
#include <rdvtask/task.h>

/* Bounds of an agent document, beside those of its texts and its environment. */
#define RDV__STEPS_MAX       64
#define RDV__ARGUMENTS_MAX   256
#define RDV__RETRIES_MAX     100
#define RDV__RETRY_DELAY_MAX RDV_HOUR
#define RDV__GRACE_MAX       RDV_HOUR
#define RDV__GRACE_DEFAULT   (10 * RDV_SECOND)
#define RDV__STOP_WAIT_MAX   RDV_HOUR
#define RDV__USER_MAX        256
#define RDV__MEMBERS_MAX     1024 /* files in the folder beside the document */

enum rdv__on_interrupt { RDV__INTERRUPT_RESUME, RDV__INTERRUPT_RESTART, RDV__INTERRUPT_FAIL };

/* What becomes of a step under way when the agent is told to terminate: it is ended, or waited for,
 * or left running for the next process to take up. */
enum rdv__on_stop { RDV__STOP_KILL, RDV__STOP_WAIT, RDV__STOP_LEAVE };

struct rdv__step {
    rdv_status status;
    /* Ends with NULL. */
    char **argv;
    /* 0 = none. */
    rdv_duration timeout;
    /* Before the first retry; doubles from there, at most RDV__RETRY_DELAY_MAX. */
    rdv_duration retry_delay;
    /* -1 = not given. */
    int retries;
};

/* How the machine is rebooted. */
struct rdv__reboot {
    /* Its argv is NULL where there is no such rule. */
    struct rdv__step step;
    /* Or NULL: only when a step asks for it. */
    char *when_exists;
};

struct rdv__handler {
    char *label;
    struct rdv__step *steps;
    size_t step_count;
    /* All of the child's but what differs from run to run: rdvtask's own, the document's and the
     * handler's. */
    struct rdv__environment environment;
    rdv_duration grace;
    enum rdv__on_interrupt on_interrupt;
    struct rdv__reboot reboot;
    enum rdv__on_stop on_stop;
    /* NULL = as we are, where we are. */
    char *user, *directory;
    struct rdv__limits limits;
    /* For RDV__STOP_WAIT: how long at most. */
    rdv_duration stop_wait;
    /* "agent.d/20-more.json"; NULL = the document itself; the handlers'. */
    const char *file;
    /* Of all handlers. */
    size_t order;
    /* In the "handlers" of its file. */
    size_t index;
    /* Of its label there. */
    int line, column;
};

/* The handlers of one document and of its folder: reference-counted on the owner thread, so that
 * runs keep theirs when a new document comes. */
struct rdv__handlers {
    int references;
    char *name;
    /* By label. */
    struct rdv__handler *handlers;
    size_t count;
    /* What handlers' `file` points to; ends with NULL. */
    char **files;
    /* The document's, for those of its folder. */
    struct rdv__environment environment;
    /* Rdvtask's own alone: that of commands that reboot. */
    struct rdv__environment base;
    /* The document's name, while loading. */
    const char *main_file;
};

/* Fill in error (may be NULL) with the place of a handler's label and these words; returns code. */
int rdv__handler_fail(const struct rdv__handler *handler, struct rdv_error *error, int code,
                      const char *format, ...) RDV__PRINTF(4, 5);

/*
 * Load a document, "PATH/name.json", and those of the folder "PATH/name.d", if there is one: its
 * regular files named *.json, in byte order, add handlers. All or nothing. Where the trouble is in
 * one of these, error has no line: its words name the file and the place.
 */
int rdv__handlers_load(const char *path, struct rdv__handlers **ret_handlers,
                       struct rdv_error *error);
/* The same, but RDV_EACCES for a file or folder that others than root and the effective user could
 * have changed. */
int rdv__handlers_load_trusted(const char *path, struct rdv__handlers **ret_handlers,
                               struct rdv_error *error);
struct rdv__handlers *rdv__handlers_ref(struct rdv__handlers *handlers);
/* NULL is fine; returns NULL. */
struct rdv__handlers *rdv__handlers_unref(struct rdv__handlers *handlers);
/* NULL if there is none for the label; handlers may be NULL. */
const struct rdv__handler *rdv__handlers_find(const struct rdv__handlers *handlers,
                                              const char *label);

#endif
