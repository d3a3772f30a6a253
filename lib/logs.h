/* SPDX-License-Identifier: MIT */
/*
 * The folder with the logs of an agent's runs, RUN.log, and the budget for all of them. What each takes on disk is a row in the
 * store, which is written in the commit that ends the run, and goes with the run's history; so a run costs the same however many
 * logs there are. What a crash, or an older rdvtask, has left without rows is found when the agent starts, a few files a turn.
 *
 * A folder belongs to one store, whose mark is in it. Files that are not ours alone, or have other names, are never touched. Trouble
 * with files is told to the log, and disturbs no run. Owner thread only.
 */
#ifndef RDV__LOGS_H
#define RDV__LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/store.h>

#include "system.h"

struct rdv__logs;

struct rdv__logs_options {
    const char *directory; /* copied */
    int64_t run_bytes;     /* of one file at most, > 0 */
    int64_t total_bytes;   /* of the disk for all of them at most, > 0 */
    rdv_log log;
};

/* Loop and store are borrowed. What is in the folder is counted from the next turn on. 0 or RDV_ENOMEM. */
int rdv__logs_new(rdv_loop *loop, rdv_store *store, const struct rdv__logs_options *options,
                  struct rdv__logs **ret_logs);
void rdv__logs_free(struct rdv__logs *logs); /* NULL is fine */

/* How large the file of one run may be. */
int64_t rdv__logs_run_bytes(const struct rdv__logs *logs);

/* Open a run's file; the folder is made. again: it is added to; else it is begun anew. Trouble is told. */
int rdv__logs_open(struct rdv__logs *logs, int64_t run, bool again, rdv__file *ret_file);

/* The file can't be used any more, for this reason. */
void rdv__logs_trouble(const struct rdv__logs *logs, int64_t run, const char *doing, int result);

/* Have room for so many more bytes of a file that is open; logs of runs that have ended make it. False: there is none. */
bool rdv__logs_take(struct rdv__logs *logs, int64_t bytes);
void rdv__logs_give_back(struct rdv__logs *logs, int64_t bytes);

/* What a file of this size takes at least: also many small ones fill a folder. */
int64_t rdv__logs_rounded(int64_t bytes);

/* The run has ended, and its file is closed: it takes so many bytes; -1 = look whether there is one. In an open batch; an error of
 * the store is to fail it. */
int rdv__logs_put(struct rdv__logs *logs, int64_t run, int64_t taken);

/* Delete what the history has forgotten, and the oldest past the budget: some now, in the open batch, the rest later. */
void rdv__logs_tidy(struct rdv__logs *logs);

/* Whether something is left that is done in later turns. */
bool rdv__logs_are_busy(const struct rdv__logs *logs);

#endif
