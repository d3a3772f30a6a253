/* SPDX-License-Identifier: MIT */
/*
 * What the program writes to standard output and standard error.
 *
 * Most verbs write and wait for whoever reads, as any program does. Those that run or follow tasks must not be held up by a terminal
 * that was stopped, a pager or a full disk: between out_begin() and out_end() what is written goes into bounded queues, and a thread
 * for each of them writes it in order. What there is no room for, or what can't be written, is lost and counted. Nothing here makes a
 * descriptor non-blocking: it is shared with the shell and others.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

enum out_stream { OUT_STDOUT, OUT_STDERR };
#define OUT_STREAMS 2

/* Write a line, or another piece of text, whole or not at all. Any thread. Between out_begin() and out_end() it never waits long. */
void out_write(enum out_stream stream, const char *bytes, size_t size);

/* From here on nothing waits for a reader. Returns false if there is no memory. */
bool out_begin(void);

/* Give what waits a short time to be written. What is stuck then is given up, and counts as lost. */
void out_settle(void);

/* Settle what was written since out_settle(), and restore the state before out_begin(). No other thread may write meanwhile. */
void out_end(void);

/* Wait until all of a stream has been written, for at most `wait` (0 = only look). Returns whether it has been. */
bool out_wait(enum out_stream stream, rdv_duration wait);

/* The errno of the last write to a stream; 0 = it worked. */
int out_failure(enum out_stream stream);

/* Have fn called, on another thread, whenever a write to standard output has failed. It must not write. NULL ends that. */
void out_watch(void (*fn)(void *user), void *user);

/* Count a line as lost: the caller has left something out because the stream was not read. */
void out_count_lost(enum out_stream stream);

/* How many lines were lost since the last call, and why; 0 as long as writing still fails or is stuck. */
size_t out_lost_lately(enum out_stream stream, const char **ret_why);

/* How many lines were lost since out_begin(), and why the last ones were. */
size_t out_lost(enum out_stream stream, const char **ret_why);

#endif
