/* SPDX-License-Identifier: MIT */
/* Runs whose handler is a C function. It is called on the loop or on a thread of its own, and may
 * report and finish from any thread. */
#ifndef RDV__AGENT_FUNCTION_RUN_H
#define RDV__AGENT_FUNCTION_RUN_H

#include "agent/run_table.h"
#include <rdvtask/agent.h>

/* How many reports of a run may wait for the loop. If there are more, they are thinned out. */
#define RDV__CALL_REPORTS 64

/* What runs share with the threads that finish them. It lives on after the agent for as long as
 * there are runs. */
struct rdv__function_runs;

int rdv__function_runs_new(struct rdv__runs *runs, struct rdv__function_runs **ret_calls);

/* The agent is freed: join the threads. Runs that are not finished stay valid until they are. NULL
 * is fine. */
void rdv__function_runs_free(struct rdv__function_runs *calls);

/* Call fn for a task. Returns 0, or RDV_ENOMEM if fn was not called. The run may be over when this
 * returns. */
int rdv__function_runs_start(struct rdv__function_runs *calls, rdv_task *task, rdv_handler_fn fn,
                             void *user, unsigned flags);

#endif
