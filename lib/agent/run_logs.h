/* SPDX-License-Identifier: MIT */
/*
 * The folder with the logs of an agent's runs, RUN.log, and the budget for all of them. For each
 * log, the store has a row that says how much of the disk it takes. The row is written in the
 * commit that ends the run, and deleted with the run's history, so that a run costs the same
 * however many logs there are. Files that have no rows, as a crash or an older rdvtask has left
 * them, are found when the agent starts, a few of them in a turn.
 *
 * A folder belongs to one store, whose mark is in it. A file that others may write to, or that has
 * another name, is never touched. Trouble with files is logged, and disturbs no run. Owner thread
 * only.
 */
#ifndef RDV__AGENT_RUN_LOGS_H
#define RDV__AGENT_RUN_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/store.h>

#include "types.h"

struct rdv__logs;

struct rdv__logs_options {
    /* The path of the folder; it is copied. */
    const char *directory;
    /* The most bytes of one file, > 0. */
    int64_t run_bytes;
    /* How much of the disk all of them may take, > 0. */
    int64_t total_bytes;
    rdv_log log;
};

/* Loop and store are borrowed. From the next turn on, what is in the folder is counted. Returns 0
 * or RDV_ENOMEM. */
int rdv__logs_new(rdv_loop *loop, rdv_store *store, const struct rdv__logs_options *options,
                  struct rdv__logs **ret_logs);
void rdv__logs_free(struct rdv__logs *logs); /* NULL is fine */

/* How large the file of one run may be. */
int64_t rdv__logs_run_bytes(const struct rdv__logs *logs);

/* Open the file of a run, and make the folder if it is missing. If `again` is true, the file is
 * appended to, else begun anew. Trouble is logged. */
int rdv__logs_open(struct rdv__logs *logs, int64_t run, bool again, rdv__file *ret_file);

/* Log that the file of a run can't be used any more, and why. */
void rdv__logs_trouble(const struct rdv__logs *logs, int64_t run, const char *doing, int result);

/* Make room for so many more bytes of an open file, by deleting logs of runs that have ended.
 * Returns false if there is none. */
bool rdv__logs_take(struct rdv__logs *logs, int64_t bytes);
void rdv__logs_give_back(struct rdv__logs *logs, int64_t bytes);

/* How much of the disk a file of this size takes at least: many small files fill a folder, too. */
int64_t rdv__logs_rounded(int64_t bytes);

/*
 * Write the row of a run that has ended, and whose file is closed and takes so many bytes. If that
 * is -1, look whether there is a file. To be called in an open batch, which has to fail if this
 * returns an error of the store.
 */
int rdv__logs_put(struct rdv__logs *logs, int64_t run, int64_t taken);

/* Delete logs that the history has forgotten, and the oldest ones past the budget: some of them
 * now, in the open batch, the rest later. */
void rdv__logs_tidy(struct rdv__logs *logs);

/* Whether something is left to be done in later turns. */
bool rdv__logs_are_busy(const struct rdv__logs *logs);

#endif
