/* SPDX-License-Identifier: MIT */
/*
 * Log lines from any thread. A log belongs to the loop's owner thread. On that thread a line is
 * written at once; on others it is copied, and the loop writes it, in order.
 */
#ifndef RDV__LOOP_THREAD_LOG_H
#define RDV__LOOP_THREAD_LOG_H

#include <rdvtask/loop.h>

#include "base/error.h"

/* How many lines may wait for the loop; beyond that, lines are counted and dropped. */
#define RDV__THREAD_LOG_LINES 256

struct rdv__thread_log;

int rdv__thread_log_new(rdv_loop *loop, const rdv_log *log, struct rdv__thread_log **ret_tell);

/* Write a line. Any thread. */
void rdv__thread_log_write(struct rdv__thread_log *tell, rdv_log_level level, const char *format,
                           ...) RDV__PRINTF(3, 4);

/*
 * Write the lines that wait, and nothing afterwards, whichever thread writes: the loop and the log
 * may be freed. Owner thread.
 */
void rdv__thread_log_close(struct rdv__thread_log *tell);

/* Close the log, and free this. Nobody may use it any more. NULL is fine. Owner thread. */
void rdv__thread_log_free(struct rdv__thread_log *tell);

#endif
