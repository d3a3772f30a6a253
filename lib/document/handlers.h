/* SPDX-License-Identifier: MIT */
/* What an agent document says: labels, and the steps that do their tasks. It does not change once
 * it is loaded. */
#ifndef RDV__DOCUMENT_HANDLERS_H
#define RDV__DOCUMENT_HANDLERS_H

#include <stddef.h>

#include "base/error.h"
#include "document/environment.h"
#include "document/limits.h"
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

/* The most files in the folder beside the document. */
#define RDV__MEMBERS_MAX 1024

enum rdv__on_interrupt { RDV__INTERRUPT_RESUME, RDV__INTERRUPT_RESTART, RDV__INTERRUPT_FAIL };

/* What becomes of a step under way when the agent is told to terminate: it is ended; or it is
 * waited for; or it is left running, and the next process follows it. */
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
    /* If there is no such rule, its argv is NULL. */
    struct rdv__step step;
    /* The file that asks for a reboot after the last step; NULL = only a step can ask for one. */
    char *when_exists;
};

struct rdv__handler {
    char *label;
    struct rdv__step *steps;
    size_t step_count;
    /* The whole environment of a child, except what differs from run to run: what rdvtask itself
     * sets, and what the document and the handler add. */
    struct rdv__environment environment;
    rdv_duration grace;
    enum rdv__on_interrupt on_interrupt;
    struct rdv__reboot reboot;
    enum rdv__on_stop on_stop;
    /* The user and the folder of its programs; NULL = those of the agent. */
    char *user, *directory;
    struct rdv__limits limits;
    /* How long it is waited for at most, for RDV__STOP_WAIT. */
    rdv_duration stop_wait;
    /* The file that it is in, such as "agent.d/20-more.json"; NULL = the main document. It belongs
     * to the handlers. */
    const char *file;
    /* Its place among all handlers, in the order in which they were read. */
    size_t order;
    /* Its place in the "handlers" of its file. */
    size_t index;
    /* Where its label is in the file. */
    int line, column;
};

/* The handlers of a document and of its folder. They are counted by references on the owner thread,
 * so that runs keep theirs when a new document comes. */
struct rdv__handlers {
    int references;
    char *name;
    /* Sorted by label. */
    struct rdv__handler *handlers;
    size_t count;
    /* The names that the handlers' `file` points to. Ends with NULL. */
    char **files;
    /* The environment that the main document sets, for handlers of the folder. */
    struct rdv__environment environment;
    /* What rdvtask itself sets, and nothing else: the environment of commands that reboot. */
    struct rdv__environment base;
    /* The name of the main document, while it is loaded. */
    const char *main_file;
};

/* Fill in error (may be NULL) with the place of a handler's label, and these words. Returns
 * code. */
int rdv__handler_fail(const struct rdv__handler *handler, struct rdv_error *error, int code,
                      const char *format, ...) RDV__PRINTF(4, 5);

/*
 * Load a document, "PATH/name.json", and those of the folder "PATH/name.d", if there is one: its
 * regular files that are named *.json add handlers, in the order of the bytes of their names.
 * Either all of it is loaded or nothing. If the trouble is in a file of the folder, error has no
 * line: its words name the file and the place.
 */
int rdv__handlers_load(const char *path, struct rdv__handlers **ret_handlers,
                       struct rdv_error *error);

/* Load a document like rdv__handlers_load(), but fail with RDV_EACCES if a file or folder could
 * have been changed by anyone but root and the effective user. */
int rdv__handlers_load_trusted(const char *path, struct rdv__handlers **ret_handlers,
                               struct rdv_error *error);

/* Add a reference. Returns handlers. */
struct rdv__handlers *rdv__handlers_ref(struct rdv__handlers *handlers);

/* Drop a reference, and free the handlers with the last one. NULL is fine. Returns NULL. */
struct rdv__handlers *rdv__handlers_unref(struct rdv__handlers *handlers);

/* Find the handler for a label. NULL if there is none; handlers may be NULL. */
const struct rdv__handler *rdv__handlers_find(const struct rdv__handlers *handlers,
                                              const char *label);

#endif
