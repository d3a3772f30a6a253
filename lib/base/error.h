/* SPDX-License-Identifier: MIT */
/* Errors with words, and log lines. */
#ifndef RDV__BASE_ERROR_H
#define RDV__BASE_ERROR_H

#include <rdvtask/base.h>

/* The conversions are those of C99; gcc for Windows takes plain "printf" to mean Microsoft's. */
#if defined(__clang__)
#define RDV__PRINTF(words, first) __attribute__((format(printf, words, first)))
#elif defined(__GNUC__)
#define RDV__PRINTF(words, first) __attribute__((format(gnu_printf, words, first)))
#else
#define RDV__PRINTF(words, first)
#endif

/* The longest line that rdv__log() writes, in bytes with the NUL; longer ones are cut. */
#define RDV__LOG_LINE 1024

/*
 * Fill in error (may be NULL) with the code and these words, without a place, and return the code.
 * Control characters and bad UTF-8 in the words are escaped. Words that are too long are cut at a
 * character and end with "...".
 */
int rdv__fail(struct rdv_error *error, int code, const char *format, ...) RDV__PRINTF(3, 4);

/* Do what rdv__fail() does, and fill in the place, too. path may be NULL. */
int rdv__fail_at(struct rdv_error *error, int code, int line, int column, const char *path,
                 const char *format, ...) RDV__PRINTF(6, 7);

/*
 * Write one line to the log, if there is a log. The formatted words are escaped as a whole, except
 * for their backslashes.
 */
void rdv__log(const rdv_log *log, rdv_log_level level, const char *format, ...) RDV__PRINTF(3, 4);

#endif
