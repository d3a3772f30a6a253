/* SPDX-License-Identifier: MIT */
/*
 * Log lines from any thread. A log belongs to the loop's owner thread: there a line is written at once, from elsewhere it is
 * copied and written by the loop, in order.
 */
#ifndef RDV__LOOP_THREAD_LOG_H
#define RDV__LOOP_THREAD_LOG_H

#include <rdvtask/loop.h>

#include "base/error.h"

/* How many lines may wait for the loop; beyond that they are counted and dropped. */
#define RDV__TELL_LINES 256

struct rdv__tell;

int rdv__tell_new(rdv_loop *loop, const rdv_log *log, struct rdv__tell **ret_tell);

/* Any thread. */
void rdv__tell(struct rdv__tell *tell, rdv_log_level level, const char *format, ...)
    RDV__PRINTF(3, 4);

/* Write what waits, and nothing afterwards, whoever calls: the loop and the log may go. Owner thread. */
void rdv__tell_close(struct rdv__tell *tell);

/* Closes it first. Nobody may call it any more. NULL is fine. Owner thread. */
void rdv__tell_free(struct rdv__tell *tell);

#endif
