/* SPDX-License-Identifier: MIT */
/* What the agent (spawn.c) and its supervisor (child/) say to each other. */
#ifndef RDV__UNIX_SUPERVISOR_H
#define RDV__UNIX_SUPERVISOR_H

#include <signal.h>

/*
 * Where the supervisor has the descriptors that connect the two, above those of the program.
 *
 * Through the pipe REPORT it says, once, how the program has ended, in the lines that its record
 * has for that (child/ending.h). An agent that receives nothing knows that the supervisor itself
 * was killed, or never got to work.
 *
 * It reads the program's environment from the file ENVIRONMENT, each string with its NUL. Its own
 * environment is a different one, because what a document says must not take effect before the
 * rights are those of the document's user. The environment is not among the arguments either, as
 * everybody can read those.
 */
#define RDV__REPORT_FD      4
#define RDV__ENVIRONMENT_FD 5

/*
 * The signal of an agent that follows a supervisor from then on, sent with the secret of its
 * record. Such signals queue, so none is lost.
 */
#define RDV__FOLLOW_SIGNAL SIGRTMIN

/* The longest words on why a program was not started, in bytes with the NUL. */
#define RDV__REPORT_WORDS 320

/* How much of the end of the program's output the supervisor reports. */
#define RDV__REPORT_TAIL 8192

#endif
