/* SPDX-License-Identifier: MIT */
/* Words for people, on stderr: one line each, control characters escaped. */
#ifndef CLI_MESSAGES_H
#define CLI_MESSAGES_H

#include <rdvtask/base.h>

/* C99's conversions; gcc for Windows takes plain "printf" for Microsoft's. */
#if defined(__clang__)
#define MESSAGE_FORMAT(text, first) __attribute__((format(printf, text, first)))
#elif defined(__GNUC__)
#define MESSAGE_FORMAT(text, first) __attribute__((format(gnu_printf, text, first)))
#else
#define MESSAGE_FORMAT(text, first)
#endif

struct options;

/* What is wrong, and what to do about it. */
void report_error(const char *format, ...) MESSAGE_FORMAT(1, 2);

/* A line of the log, of a priority that journal_prefix.h has. */
void print_log_line(int priority, const char *line);

/* Something good to know; not with --quiet. */
void print_note(const struct options *options, const char *format, ...) MESSAGE_FORMAT(2, 3);

/* A mistake on the command line; points to the help of the verb (NULL = the program's). Returns EXIT_USAGE. */
int report_usage_error(const char *verb, const char *format, ...) MESSAGE_FORMAT(2, 3);

/* Trouble with a file, with its place if it has one: "file:line:column path: words". Returns the exit code for it. */
int report_document_error(const char *file, const struct rdv_error *error);

/* Flush stdout. If not all that was printed has been written, this says what is wrong and returns EXIT_FAILED. It is no error if the
 * reader has gone, as it wanted no more. */
int flush_output(void);

/* Say that writing standard output has failed with this errno (0 = it isn't known). Returns EXIT_FAILED. */
int report_output_failure(int number);

/* Say how many lines were lost since the last time, and why, once the stream works again (output_queue.h). */
void report_lost_lines(void);

/* End what output_begin() has begun, and say how many lines were lost in all. */
void finish_output(void);

#endif
