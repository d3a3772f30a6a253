/* SPDX-License-Identifier: MIT */
/* The COM task agent that `run --com` uses. win/ and unix/ have the same functions; as there is
 * no COM on Unix, those there report that. */
#ifndef CLI_COM_AGENT_H
#define CLI_COM_AGENT_H

#include <rdvtask/loop.h>
#include <rdvtask/plugin.h>

struct options;
struct com;

/* Create the task agent that --com names. Reports what is wrong, and returns an exit code. */
int com_open(const struct options *options, rdv_loop *loop, const rdv_log *log,
             struct com **ret_com);

/* The plug-in for rdv_trigger_attach(). */
rdv_plugin *com_plugin(struct com *com);

/* Release the task agent, after the trigger was freed. NULL is fine. */
void com_close(struct com *com);

#endif
