/* SPDX-License-Identifier: MIT */
/* A child process with its whole tree: started, listened to, ended and reaped on a loop. Owner
 * thread only. */
#ifndef RDV__AGENT_PROCESS_H
#define RDV__AGENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>

#include "agent/notices.h"
#include "platform/platform.h"

struct rdv__process;

struct rdv__process_options {
    /* These three are as in struct rdv__plat_spawn, and are copied where that is needed. */
    const char *const *argv;
    const char *const *environment;
    const void *input;
    size_t input_size;
    /* NULL = none; see platform.h. */
    const struct rdv__supervision *supervision;
    void *user;
    /* What it prints, as it comes, standard output and error together. */
    void (*output)(void *user, const char *data, size_t size);
    void (*notice)(void *user, const struct rdv__child_notice *notice);
    /* A line on descriptor 3 that is not a notice (too long, unknown key, bad value): words for the
     * log. At most 10 of them for a child. */
    void (*trouble)(void *user, const char *words);
    /*
     * The child has ended, all of its output has been handed over, and its group is gone. If result
     * is 0, code is as struct rdv__plat_end has it. result is RDV_EIO if the system could not tell,
     * or another error if rdv__process_not_started() has words. This is the last callback, and may
     * call rdv__process_free().
     */
    void (*ended)(void *user, int result, int code);
};

/* Start a child. If that fails (there is no such program, there are no descriptors), nothing is
 * left behind and no callback is called. */
int rdv__process_start(rdv_loop *loop, const struct rdv__process_options *options,
                       struct rdv__process **ret_process, struct rdv_error *error);

/* Why the supervisor could not start the program, in words that belong to the process; NULL if it
 * could. To be called inside `ended`. */
const char *rdv__process_not_started(const struct rdv__process *process);

/* Ask the whole group to end, and kill it after `grace`; 0 kills it at once. Repeating this can
 * only shorten the time. `ended` follows as always. */
void rdv__process_end(struct rdv__process *process, rdv_duration grace);

/*
 * Follow a child that another process of rdvtask has started with this record and has left running.
 * Its output and notices are lost until it ends; then what it printed last is handed to `output`,
 * before `ended`. If it has ended already, `ended` is called soon. Of the options, only user and
 * the callbacks count. Returns RDV_ENOTFOUND if it is not known how the child ended, as its
 * supervisor or the machine was killed.
 */
int rdv__process_adopt(rdv_loop *loop, const char *record,
                       const struct rdv__process_options *options,
                       struct rdv__process **ret_process);

/* Free the process, but let the child run on, which has to have a record. No callback is called.
 * NULL is fine. */
void rdv__process_leave(struct rdv__process *process);

/* Free the process. A child that has not ended is killed with its group, and reaped, first; this
 * may take a moment. No callback is called. NULL is fine. */
void rdv__process_free(struct rdv__process *process);

#endif
