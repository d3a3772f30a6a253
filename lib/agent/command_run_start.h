/* SPDX-License-Identifier: MIT */
/* How the task agent begins command runs, and takes up or ends what an earlier process has left of
 * them. What follows comes to the run as events: see command_run.c. */
#ifndef RDV__AGENT_COMMAND_RUN_START_H
#define RDV__AGENT_COMMAND_RUN_START_H

#include "agent/run_table.h"
#include "document/handlers.h"

/*
 * Begin a run, or go on with one that an earlier process has left in the journal. The handler is
 * one of handlers, which the run gets a reference on. If handler is NULL, there is none for the
 * label any more: what an earlier process has left under the identifier is ended, and then the run
 * fails. Returns 0 if the run was taken. Otherwise nothing was begun: RDV_ENOHANDLER if handler is
 * NULL and nothing was left, or RDV_ENOMEM.
 */
int rdv__command_run_start(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                           const struct rdv__handler *handler);

/*
 * The start of the task is staged in the store: stage the journal's row of its first step, too, for
 * a run that goes on only if StartTask comes before that is settled. Nothing is done if there is
 * more to be done first, or if a reboot is asked for. If this fails, it may have failed the batch.
 */
int rdv__command_run_prepare(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                             const struct rdv__handler *handler);

/*
 * Cancel a run that is not in flight but was left in the journal: what it has left behind is ended,
 * and its end is reported. It need not have a handler any more. RDV_ENOTFOUND if there is no such
 * run, RDV_ENOMEM, or an error of the store.
 */
int rdv__command_run_cancel(struct rdv__runs *runs, const char *identifier,
                            struct rdv__handlers *handlers);

/*
 * The task is to be done by something other than steps: end what an earlier process has left of
 * steps under its identifier, and report nothing. Returns 0 if there is nothing. RDV_EBUSY: it is
 * being ended, and the identifier is in flight meanwhile. Otherwise an error.
 */
int rdv__command_run_clear(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers);

/* End what is left of all runs that the trigger agent of the store does not know any more. What
 * can't be done is left to the next process, and the log says so. */
void rdv__command_run_clean_up(struct rdv__runs *runs, struct rdv__handlers *handlers);

#endif
