/* SPDX-License-Identifier: MIT */
/* What the agent (spawn.c) and its supervisor (child/) say to each other. */
#ifndef RDV__UNIX_SUPERVISOR_H
#define RDV__UNIX_SUPERVISOR_H

#include <signal.h>

/*
 * Where the supervisor has what is between the two, above what is the program's.
 *
 * It tells through the pipe REPORT, once, how the program has ended, in the lines that its record has for that (child/ending.h). An
 * agent that hears nothing knows that the supervisor itself was killed, or never came to its work.
 *
 * It reads the program's environment from the file ENVIRONMENT, each string with its NUL. Its own environment is another one: what a
 * document says is in force only once the rights are those of the document's user. Nor is it among the arguments, which
 * everybody can read.
 */
#define RDV__REPORT_FD      4
#define RDV__ENVIRONMENT_FD 5

/* Sent with the secret of its record by an agent that follows it from then on. Such signals queue: none is lost for another's. */
#define RDV__FOLLOW_SIGNAL SIGRTMIN

/* The longest words on why a program was not started, with the NUL. */
#define RDV__REPORT_WORDS 320

/* How much it tells of what the program has printed last. */
#define RDV__REPORT_TAIL 8192

#endif
