/* SPDX-License-Identifier: MIT */
/* Messages for people, on standard error: one line each, with control characters escaped. */
#ifndef CLI_MESSAGES_H
#define CLI_MESSAGES_H

#include <stdbool.h>

#include <rdvtask/base.h>

/* The conversions are those of C99. For Windows, gcc takes plain "printf" to mean Microsoft's. */
#if defined(__clang__)
#define MESSAGE_FORMAT(text, first) __attribute__((format(printf, text, first)))
#elif defined(__GNUC__)
#define MESSAGE_FORMAT(text, first) __attribute__((format(gnu_printf, text, first)))
#else
#define MESSAGE_FORMAT(text, first)
#endif

/* Report what is wrong, and what to do about it. */
void report_error(const char *format, ...) MESSAGE_FORMAT(1, 2);

/* Print a line of the log, with a priority of journal_prefix.h. */
void print_log_line(int priority, const char *line);

/* Print something good to know, unless `quiet`, which is what --quiet says. */
void print_note(bool quiet, const char *format, ...) MESSAGE_FORMAT(2, 3);

/* Report a mistake on the command line, and point to the help of the verb (NULL = the program's
 * help). Returns EXIT_USAGE. */
int report_usage_error(const char *verb, const char *format, ...) MESSAGE_FORMAT(2, 3);

/* Report what is wrong with a document, and where: "file:line:column path: words". Returns the
 * exit code for it. */
int report_document_error(const char *file, const struct rdv_error *error);

/* Flush standard output. If not all that was printed could be written, report why and return
 * EXIT_FAILED. It is no error if the reader has gone: it wanted no more. */
int flush_output(void);

/* Report that writing to standard output has failed with this errno (0 = unknown). Returns
 * EXIT_FAILED. */
int report_output_failure(int number);

/* Report how many lines were lost since the last report, and why, for each stream that works
 * again (output_queue.h). */
void report_lost_lines(void);

/* End what output_begin() has begun, and report how many lines were lost in all. */
void finish_output(void);

#endif
