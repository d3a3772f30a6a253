/* SPDX-License-Identifier: MIT */
/* A child process with its whole tree: started, heard, ended and reaped on a loop. Owner thread
 * only. */
#ifndef RDV__PROCESS_H
#define RDV__PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>

#include "notices.h"
#include "plat.h"

struct rdv__process;

struct rdv__process_options {
    /* As in rdv__plat_spawn; all copied as needed. */
    const char *const *argv;
    const char *const *environment;
    const void *input;
    size_t input_size;
    /* NULL = nothing of it; see plat.h. */
    const struct rdv__supervision *supervision;
    void *user;
    /* What it printed, as it comes, standard output and error together. */
    void (*output)(void *user, const char *data, size_t size);
    void (*notice)(void *user, const struct rdv__child_notice *notice);
    /* A line on descriptor 3 that is no notice (too long, unknown key, bad value): words for the
     * log. At most 10 a child. */
    void (*trouble)(void *user, const char *words);
    /*
     * It has ended, all of its output has been handed over, its group is gone. code: as struct
     * rdv__plat_end has it, when result is 0; RDV_EIO when the system could not tell; another error
     * when rdv__process_not_started() has words. The last callback; rdv__process_free() is fine
     * inside.
     */
    void (*ended)(void *user, int result, int code);
};

/* Start a child. On failure (the program is not there, no descriptors) nothing is left behind and
 * no callback comes. */
int rdv__process_start(rdv_loop *loop, const struct rdv__process_options *options,
                       struct rdv__process **ret_process, struct rdv_error *error);

/* Inside `ended`: why the supervisor could not start the program, in words, or NULL. They belong to
 * the process. */
const char *rdv__process_not_started(const struct rdv__process *process);

/* Ask the whole group to end: politely now, killed after `grace`. 0 = killed at once. Repeating can
 * only shorten it. `ended` follows as always. */
void rdv__process_end(struct rdv__process *process, rdv_duration grace);

/*
 * Follow a child that another process of ours has started with this record, and has not ended: its
 * output and notices are lost until it ends; then what it printed last is handed to `output`,
 * before `ended`. If it has ended already, `ended` comes soon. RDV_ENOTFOUND if it is not known how
 * it ended: it, or the machine, was killed. Of options, only user and callbacks count.
 */
int rdv__process_adopt(rdv_loop *loop, const char *record,
                       const struct rdv__process_options *options,
                       struct rdv__process **ret_process);

/*
 * Free it, but let the child run on: only for one with a record. No callback comes. NULL is fine.
 */
void rdv__process_leave(struct rdv__process *process);

/* Free it. A child that has not ended is killed with its group and reaped first (this may wait a
 * moment); no callback comes. NULL is fine. */
void rdv__process_free(struct rdv__process *process);

#endif
