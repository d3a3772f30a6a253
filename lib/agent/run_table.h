/* SPDX-License-Identifier: MIT */
/*
 * The runs of a task agent: which identifiers are in flight, and what the two kinds of runs have in
 * common. command_run.c has those whose handler is the steps of a document, function_run.c those
 * whose handler is a C function; agent.c tells them apart. Owner thread only.
 */
#ifndef RDV__AGENT_RUN_TABLE_H
#define RDV__AGENT_RUN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/run_logs.h"
#include "base/hash.h"
#include "platform/boot.h"
#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/plugin.h>
#include <rdvtask/store.h>
#include <rdvtask/task.h>

struct rdv__run;

/* How far a run is from being disturbed by a reboot: rule 12 of doc/design.md. */
enum rdv__rest {
    /* It is in the middle of something. */
    RDV__REST_NONE,
    /* It is between steps. */
    RDV__REST_IDLE,
    /* It only waits for the reboot that it has asked for. */
    RDV__REST_ASKS
};

struct rdv__run_ops {
    /* End the run, and report that. */
    void (*cancel)(struct rdv__run *run);
    /* The agent shuts down (runs->terminating is set): end the run in such a way that the next
     * process takes it up again. */
    void (*interrupt)(struct rdv__run *run);
    /* The agent is freed: end the run at once, and report nothing. May free the run. */
    void (*destroy)(struct rdv__run *run);
    /*
     * Whether the run is at rest. NULL for runs that have no steps: reboots wait until these end.
     */
    enum rdv__rest (*rest)(const struct rdv__run *run);
    /*
     * All other runs are at rest: reboot the machine. This is not done before the function returns.
     */
    void (*reboot)(struct rdv__run *run);
    /*
     * There is no reboot to wait for any more: go on. This is not done before the function returns.
     */
    void (*go_on)(struct rdv__run *run);
    /* How long the run may take to end after cancel(). NULL for runs that nothing here can end. */
    rdv_duration (*end_wait)(const struct rdv__run *run);
};

/* Embedded in a run of either kind. */
struct rdv__run {
    const struct rdv__run_ops *ops;
    struct rdv__runs *runs;
    /* The run has a reference on it, and it never changes. */
    rdv_task *task;
    uint32_t hash;
    /* Its identifier is taken by it. */
    bool in_flight;
    /* StartTask is still to come for it. */
    bool prepared;
    /* The sink does not know the run any more: it is being ended, and reports nothing. */
    bool gone;
    /* It asks for a reboot. */
    bool asks;
    /* The next run in the same bucket of the hash table. */
    struct rdv__run *chain;
    struct rdv__run *next, *previous;
};

/* Embedded in the agent. */
struct rdv__runs {
    rdv_loop *loop;
    rdv_store *store;
    /* NULL before the plug-in was initialized. */
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

    /* The list of all runs, the latest first. */
    struct rdv__run *first;
    /* How many runs there are, and what else rdv__runs_hold() counts. */
    size_t held;
    struct rdv__run **buckets;
    /* Always a power of two. */
    size_t bucket_count;
    size_t in_flight;
    /* Drawn at random, so that nobody can choose identifiers that share a bucket. */
    struct rdv__hash_key key;
    /* How many runs ask for a reboot. */
    size_t asking;
    /* The one of them that was told to reboot the machine, or NULL. */
    struct rdv__run *rebooter;
};

/* Make the hash table; all other members are the caller's to fill in. Returns 0, RDV_ENOMEM,
 * or RDV_EIO without a random number. */
int rdv__runs_init(struct rdv__runs *runs);
/* Free the hash table. All runs have gone. */
void rdv__runs_finish(struct rdv__runs *runs);

/* Find the run that has this identifier in flight. NULL if there is none. */
struct rdv__run *rdv__runs_find(const struct rdv__runs *runs, const char *identifier);

/* Fill in a run, and take it in. No run has its identifier in flight. The run gets a reference on
 * the task. */
void rdv__runs_add(struct rdv__runs *runs, struct rdv__run *run, const struct rdv__run_ops *ops,
                   rdv_task *task);

/* The run has ended: its identifier is free from now on, but the run still has something to do. It
 * does no harm to call this again. */
void rdv__runs_release(struct rdv__run *run);

/* The run has gone: take it out. May call `emptied`. The caller frees what the run is embedded in,
 * and its reference on the task. */
void rdv__runs_remove(struct rdv__run *run);

/* Keep the agent from being done, as long as a thread has to be joined, for example. Dropping the
 * last hold may call `emptied`. */
void rdv__runs_hold(struct rdv__runs *runs);
void rdv__runs_drop(struct rdv__runs *runs);

/*
 * Reboots, rule 12 of doc/design.md. A run that asks for one makes the other runs come to rest;
 * each of them says when it has. Then one of those that ask is told to reboot, and that serves all
 * of them. A run that does not ask any more, or is removed, withdraws; the last one to do so makes
 * the others go on.
 */
void rdv__runs_ask(struct rdv__run *run);
void rdv__runs_rested(struct rdv__runs *runs);

/* A run that asks for a reboot, or NULL. */
const struct rdv__run *rdv__runs_asking(const struct rdv__runs *runs);

/* Tell which boot of the machine this is. Returns 0, or an error with words. */
int rdv__runs_boot_id(const struct rdv__runs *runs, char buffer[RDV__BOOT_ID_ROOM],
                      struct rdv_error *error);

/* Hand a report to the sink. */
int rdv__runs_report(const struct rdv__run *run, const rdv_report *report);

#endif
