/* SPDX-License-Identifier: MIT */
/*
 * What the program writes to standard output and standard error.
 *
 * Most verbs write and wait for the reader, as any program does. A verb that runs or follows tasks
 * must not be held up by a stopped terminal, a pager or a full disk. So between output_begin() and
 * output_end() what is written goes into bounded queues, and one thread for each queue writes it in
 * order. What does not fit, or can't be written, is lost and counted. No descriptor is ever made
 * non-blocking, since the shell and others share it.
 */
#ifndef CLI_OUTPUT_QUEUE_H
#define CLI_OUTPUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

enum output_stream { OUTPUT_STDOUT, OUTPUT_STDERR };
#define OUTPUT_STREAMS 2

/* Write a line, or another piece of text, either whole or not at all. Between output_begin() and
 * output_end() this never waits long. Any thread. */
void output_write(enum output_stream stream, const char *bytes, size_t size);

/* Queue what is written from here on, so that nothing waits for a reader. Returns false if there
 * is no memory. */
bool output_begin(void);

/* Give what is queued a short time to be written. What is still stuck after that is given up,
 * and counts as lost. */
void output_settle(void);

/* Settle what was queued since output_settle(), and end the threads. From then on writing waits
 * again, as before output_begin(). No other thread may write meanwhile. */
void output_end(void);

/* Wait until all of a stream has been written, but for at most `wait` (0 = don't wait). Returns
 * whether it has been. */
bool output_wait(enum output_stream stream, rdv_duration wait);

/* The errno of the last write to a stream; 0 if it succeeded. */
int output_failure(enum output_stream stream);

/* Have fn called, on another thread, whenever a write to standard output fails. It must not
 * write. NULL ends this. */
void output_watch_failures(void (*fn)(void *user), void *user);

/* Count one line as lost. The caller has left it out because the stream was not read. */
void output_count_lost(enum output_stream stream);

/* How many lines were lost since the last call, and why. 0 as long as writing still fails or is
 * stuck. */
size_t output_lost_lately(enum output_stream stream, const char **ret_why);

/* How many lines were lost since output_begin(), and why the last of them were. */
size_t output_lost(enum output_stream stream, const char **ret_why);

#endif
