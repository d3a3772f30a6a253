/* SPDX-License-Identifier: MIT */
/* Following what an agent does, from another process. `start` uses this, too, where an agent
 * runs. */
#ifndef CLI_CMD_WATCH_H
#define CLI_CMD_WATCH_H

#include <rdvtask/task.h>

#include "session.h"

struct options;

/* Have the agent run a task, and follow the task to its end. Takes the session. Returns the exit
 * code of `start`. */
int start_by_agent(const struct options *options, struct session *session, rdv_task *task,
                   const rdv_window *window);

#endif
