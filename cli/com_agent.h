/* SPDX-License-Identifier: MIT */
/* The task agent of COM that `run --com` uses: the same functions in win/ and, where there is no COM and they say so, in unix/. */
#ifndef CLI_COM_AGENT_H
#define CLI_COM_AGENT_H

#include <rdvtask/loop.h>
#include <rdvtask/plugin.h>

struct options;
struct com;

/* Create the one that --com names. Says what is wrong, and returns an exit code. */
int com_open(const struct options *options, rdv_loop *loop, const rdv_log *log,
             struct com **ret_com);

/* For rdv_trigger_attach(). */
rdv_plugin *com_plugin(struct com *com);

/* After the trigger is freed. NULL is fine. */
void com_close(struct com *com);

#endif
