/* SPDX-License-Identifier: MIT */
/*
 * The runs of a task agent: which identifiers are in flight, and what its two kinds of runs share.
 * command_run.c knows the runs of a document's steps, function_run.c those of C functions, and
 * agent.c tells them apart. Owner thread only.
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
    /* It is in the middle of something. */
    RDV__REST_NONE,
    /* It is between steps. */
    RDV__REST_IDLE,
    /* It only waits for the reboot that it has asked for. */
    RDV__REST_ASKS
};

struct rdv__run_ops {
    /* End it, and report that. */
    void (*cancel)(struct rdv__run *run);
    /* The agent shuts down (runs->terminating is set): end it so that the next process takes it up
     * again. */
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
    /* A reference; the same from add to the run's end. */
    rdv_task *task;
    uint32_t hash;
    /* Its identifier is taken. */
    bool in_flight;
    /* StartTask is still to come for it. */
    bool prepared;
    /* The sink knows it no more: it is being ended, and reports nothing. */
    bool gone;
    /* For a reboot. */
    bool asks;
    /* Of its bucket. */
    struct rdv__run *chain;
    struct rdv__run *next, *previous;
};

/* Embedded in the agent. */
struct rdv__runs {
    rdv_loop *loop;
    rdv_store *store;
    /* NULL before initialize. */
    rdv_sink *sink;
    rdv_log log;
    /* NULL = what runs print is not kept in files. */
    struct rdv__logs *logs;
    /* The path of rdvtask-child; NULL = none. */
    const char *supervisor;
    /* NULL = ask the system. */
    const char *boot_id_file;
    /* How long the machine may take to go down. */
    rdv_duration reboot_wait;
    bool terminating;
    bool freeing;
    /* Called when the last run has gone and nothing is held. */
    void (*emptied)(struct rdv__runs *runs);

    /* All of them. */
    struct rdv__run *first;
    /* Runs, and what else rdv__runs_hold() counts. */
    size_t held;
    struct rdv__run **buckets;
    /* A power of two. */
    size_t bucket_count;
    size_t in_flight;
    uint32_t seed;
    /* How many runs ask for a reboot. */
    size_t asking;
    /* The one of them that was told to do it. */
    struct rdv__run *rebooter;
};

/* The rest of the struct is the caller's to fill in. 0 or RDV_ENOMEM. */
int rdv__runs_init(struct rdv__runs *runs);
void rdv__runs_finish(struct rdv__runs *runs); /* all runs have gone */

/* The run that has this identifier in flight, or NULL. */
struct rdv__run *rdv__runs_find(const struct rdv__runs *runs, const char *identifier);

/* Fill in a run and take it in; its identifier is free. Takes a reference on the task. */
void rdv__runs_add(struct rdv__runs *runs, struct rdv__run *run, const struct rdv__run_ops *ops,
                   rdv_task *task);

/* The run has ended, so its identifier is free, but something is still to be done for it.
 * Idempotent. */
void rdv__runs_release(struct rdv__run *run);

/* The run has gone; may call `emptied`. What it is embedded in, and the reference on the task, are
 * the caller's to free. */
void rdv__runs_remove(struct rdv__run *run);

/* Keep the agent from being done (a thread to join); drop may call `emptied`. */
void rdv__runs_hold(struct rdv__runs *runs);
void rdv__runs_drop(struct rdv__runs *runs);

/*
 * Reboots (rule 12). A run that asks for one has other runs come to rest, and then one that asks is
 * told to reboot: all that ask are served by it. Whoever comes to rest says so. A run that does not
 * ask any more, or that is removed, withdraws; the last one to do so has the others go on.
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
