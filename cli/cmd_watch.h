/* SPDX-License-Identifier: MIT */
/* Following what an agent does, from another process. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include <rdvtask/task.h>

#include "session.h"

struct options;

/* Have the agent that is asked run a task, and follow it to its end. Takes `asked`. Returns the exit code of `start`. */
int follow_start(const struct options *options, struct ask *asked, rdv_task *task,
                 const rdv_window *window);

#endif
