/* SPDX-License-Identifier: MIT */
/* Following what an agent does, from another process. */
#ifndef CLI_CMD_WATCH_H
#define CLI_CMD_WATCH_H

#include <rdvtask/task.h>

#include "session.h"

struct options;

/* Have the agent that is asked run a task, and follow it to its end. Takes `asked`. Returns the exit code of `start`. */
int start_by_agent(const struct options *options, struct session *session, rdv_task *task,
                   const rdv_window *window);

#endif
