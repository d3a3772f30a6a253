/* SPDX-License-Identifier: MIT */
/*
 * The runs of a task agent: which identifiers are in flight, and what its two kinds of runs share. command_run.c knows the runs
 * of a document's steps, function_run.c those of C functions, and agent.c tells them apart. Owner thread only.
 */
#ifndef RDV__RUN_TABLE_H
#define RDV__RUN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot.h"
#include "run_logs.h"
#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/plugin.h>
#include <rdvtask/store.h>
#include <rdvtask/task.h>

struct rdv__run;

/* What a run does that a reboot would disturb: rule 12. */
enum rdv__rest {
    RDV__REST_NONE, /* it is in the middle of something */
    RDV__REST_IDLE, /* it is between steps */
    RDV__REST_ASKS  /* it only waits for the reboot that it has asked for */
};

struct rdv__run_ops {
    /* End it, and report that. */
    void (*cancel)(struct rdv__run *run);
    /* The agent shuts down (runs->terminating is set): end it so that the next process takes it up again. */
    void (*interrupt)(struct rdv__run *run);
    /* The agent is freed: end it at once and tell nobody. May free the run. */
    void (*destroy)(struct rdv__run *run);
    /* NULL for runs that have no steps: they are waited for until they end. */
    enum rdv__rest (*rest)(const struct rdv__run *run);
    /* All others rest: reboot the machine. Not done from inside. */
    void (*reboot)(struct rdv__run *run);
    /* No reboot is to be waited for any more: go on. Not done from inside. */
    void (*go_on)(struct rdv__run *run);
    /* How long it may take to end after cancel(). NULL for runs that nobody here can end. */
    rdv_duration (*end_wait)(const struct rdv__run *run);
};

/* Embedded in a run of either kind. */
struct rdv__run {
    const struct rdv__run_ops *ops;
    struct rdv__runs *runs;
    rdv_task *task; /* a reference; the same from add to the run's end */
    uint32_t hash;
    bool in_flight;         /* its identifier is taken */
    bool prepared;          /* StartTask is still to come for it */
    bool gone;              /* the sink knows it no more: it is being ended, and reports nothing */
    bool asks;              /* for a reboot */
    struct rdv__run *chain; /* of its bucket */
    struct rdv__run *next, *previous;
};

/* Embedded in the agent. */
struct rdv__runs {
    rdv_loop *loop;
    rdv_store *store;
    rdv_sink *sink; /* NULL before initialize */
    rdv_log log;
    struct rdv__logs *logs;   /* NULL = what runs print is not kept in files */
    const char *supervisor;   /* the path of rdvtask-child; NULL = none */
    const char *boot_id_file; /* NULL = ask the system */
    rdv_duration reboot_wait; /* how long the machine may take to go down */
    bool terminating;
    bool freeing;
    /* Called when the last run has gone and nothing is held. */
    void (*emptied)(struct rdv__runs *runs);

    struct rdv__run *first; /* all of them */
    size_t held;            /* runs, and what else rdv__runs_hold() counts */
    struct rdv__run **buckets;
    size_t bucket_count; /* a power of two */
    size_t in_flight;
    uint32_t seed;
    size_t asking;             /* how many runs ask for a reboot */
    struct rdv__run *rebooter; /* the one of them that was told to do it */
};

/* The rest of the struct is the caller's to fill in. 0 or RDV_ENOMEM. */
int rdv__runs_init(struct rdv__runs *runs);
void rdv__runs_finish(struct rdv__runs *runs); /* all runs have gone */

/* The run that has this identifier in flight, or NULL. */
struct rdv__run *rdv__runs_find(const struct rdv__runs *runs, const char *identifier);

/* Fill in a run and take it in; its identifier is free. Takes a reference on the task. */
void rdv__runs_add(struct rdv__runs *runs, struct rdv__run *run, const struct rdv__run_ops *ops,
                   rdv_task *task);

/* The run has ended, so its identifier is free, but something is still to be done for it. Idempotent. */
void rdv__runs_release(struct rdv__run *run);

/* The run has gone; may call `emptied`. What it is embedded in, and the reference on the task, are the caller's to free. */
void rdv__runs_remove(struct rdv__run *run);

/* Keep the agent from being done (a thread to join); drop may call `emptied`. */
void rdv__runs_hold(struct rdv__runs *runs);
void rdv__runs_drop(struct rdv__runs *runs);

/*
 * Reboots (rule 12). A run that asks for one has other runs come to rest, and then one that asks is told to reboot: all that
 * ask are served by it. Whoever comes to rest says so. A run that does not ask any more, or that is removed, withdraws; the
 * last one to do so has the others go on.
 */
void rdv__runs_ask(struct rdv__run *run);
void rdv__runs_rested(struct rdv__runs *runs);

/* One that asks for a reboot, or NULL. */
const struct rdv__run *rdv__runs_asking(const struct rdv__runs *runs);

/* Which boot of the machine this is. 0, or an error with words. */
int rdv__runs_boot_id(const struct rdv__runs *runs, char buffer[RDV__BOOT_ID_ROOM],
                      struct rdv_error *error);

/* Hand a report to the sink. */
int rdv__runs_report(const struct rdv__run *run, const rdv_report *report);

#endif
