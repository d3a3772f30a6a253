/* SPDX-License-Identifier: MIT */
/*
 * What the program writes to standard output and standard error.
 *
 * Most verbs write and wait for whoever reads, as any program does. Those that run or follow tasks must not be held up by a terminal
 * that was stopped, a pager or a full disk: between output_begin() and output_end() what is written goes into bounded queues, and a thread
 * for each of them writes it in order. What there is no room for, or what can't be written, is lost and counted. Nothing here makes a
 * descriptor non-blocking: it is shared with the shell and others.
 */
#ifndef CLI_OUTPUT_QUEUE_H
#define CLI_OUTPUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

enum output_stream { OUTPUT_STDOUT, OUTPUT_STDERR };
#define OUTPUT_STREAMS 2

/* Write a line, or another piece of text, whole or not at all. Any thread. Between output_begin() and output_end() it never waits long. */
void output_write(enum output_stream stream, const char *bytes, size_t size);

/* From here on nothing waits for a reader. Returns false if there is no memory. */
bool output_begin(void);

/* Give what waits a short time to be written. What is stuck then is given up, and counts as lost. */
void output_settle(void);

/* Settle what was written since output_settle(), and restore the state before output_begin(). No other thread may write meanwhile. */
void output_end(void);

/* Wait until all of a stream has been written, for at most `wait` (0 = only look). Returns whether it has been. */
bool output_wait(enum output_stream stream, rdv_duration wait);

/* The errno of the last write to a stream; 0 = it worked. */
int output_failure(enum output_stream stream);

/* Have fn called, on another thread, whenever a write to standard output has failed. It must not write. NULL ends that. */
void output_watch_failures(void (*fn)(void *user), void *user);

/* Count a line as lost: the caller has left something out because the stream was not read. */
void output_count_lost(enum output_stream stream);

/* How many lines were lost since the last call, and why; 0 as long as writing still fails or is stuck. */
size_t output_lost_lately(enum output_stream stream, const char **ret_why);

/* How many lines were lost since output_begin(), and why the last ones were. */
size_t output_lost(enum output_stream stream, const char **ret_why);

#endif
