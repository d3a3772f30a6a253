/* SPDX-License-Identifier: MIT */
/*
 * What the program writes to standard output and standard error.
 *
 * Most verbs write and wait for whoever reads, as any program does. Those that run or follow tasks must not be held up by a terminal
 * that was stopped, a pager or a full disk: between out_begin() and out_end() what is written goes into a bounded queue, and threads of
 * their own write it, in its order. What there is no room for, or what can't be written, is lost and counted. Nothing here makes a
 * descriptor non-blocking: it is shared with the shell and others.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

enum out_stream { OUT_STDOUT, OUT_STDERR };
#define OUT_STREAMS 2

/* Write a line, or another piece that is written whole or lost. Any thread. Never waits long between out_begin() and out_end(). */
void out_write(enum out_stream stream, const char *bytes, size_t size);

/* From here on nothing waits for a reader. False: there is no memory. */
bool out_begin(void);

/* Give what waits a short time to be written. What is stuck then is given up, and counts as lost. */
void out_settle(void);

/* The same for what came after that, and have everything as it was before out_begin(). No other thread may write meanwhile. */
void out_end(void);

/* Wait until all of a stream has been written, for at most so long (0 = look only). Whether it has been. */
bool out_wait(enum out_stream stream, rdv_duration wait);

/* The errno of the last write to a stream; 0 = it worked. */
int out_failure(enum out_stream stream);

/* Have fn called, on another thread, whenever a write to standard output has failed. It must not write. NULL = no more. */
void out_watch(void (*fn)(void *user), void *user);

/* Something was left out, as the stream was not read: it counts as a lost line. */
void out_count_lost(enum out_stream stream);

/* Lines that were lost since the last call, and why; 0 as long as the stream is still in trouble. */
size_t out_lost_lately(enum out_stream stream, const char **ret_why);

/* Lines that were lost since out_begin(), and why the last ones were. */
size_t out_lost(enum out_stream stream, const char **ret_why);

#endif
