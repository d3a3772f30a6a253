/* SPDX-License-Identifier: MIT */
/* What every file of the library may use: words for errors, text checks, log lines. */
#ifndef RDV__BASE_H
#define RDV__BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

/* C99's conversions; gcc for Windows takes plain "printf" for Microsoft's. */
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
 * Fill in error (may be NULL) with code, no place and these words, and return code. Control characters and bad UTF-8 in
 * the words are escaped, and what is too long is cut at a character and ends with "...".
 */
int rdv__fail(struct rdv_error *error, int code, const char *format, ...) RDV__PRINTF(3, 4);

/* The same with a place. path may be NULL. */
int rdv__fail_at(struct rdv_error *error, int code, int line, int column, const char *path,
                 const char *format, ...) RDV__PRINTF(6, 7);

/* Whether these bytes are well-formed UTF-8 (no overlong forms, no surrogates, up to U+10FFFF). NUL bytes are fine here. */
bool rdv__utf8_valid(const void *text, size_t size);

/* The largest number of bytes <= limit at which text can be cut without splitting a character. */
size_t rdv__utf8_cut(const char *text, size_t size, size_t limit);

/*
 * Whether the character at the start of text, of up to four bytes, is invisible, or orders, breaks or controls other text: such a
 * character is never shown as it is. ret_character is its code. False also for what is not UTF-8.
 */
bool rdv__utf8_hidden(const void *text, size_t size, uint32_t *ret_character);

/*
 * Copy text to buffer so that it can be shown on one line: control characters, others that are hidden, and backslash become \n, \t, \\,
 * or \xNN for each byte, as bad UTF-8 does. Cut at a whole character or escape to fit; always ends with NUL. Returns the length that the
 * whole would have.
 */
size_t rdv__escape(const char *text, size_t size, char *buffer, size_t buffer_size);

/* Whether rdv__escape() would leave text as it is, except for backslashes. */
bool rdv__is_plain(const char *text, size_t size);

/* now + wait, at most RDV_TIME_MAX; neither is negative. */
rdv_time rdv__time_later(rdv_time now, rdv_duration wait);

/* One line to the log, if there is one to write to. The formatted words are escaped as a whole but for backslashes. */
void rdv__log(const rdv_log *log, rdv_log_level level, const char *format, ...) RDV__PRINTF(3, 4);

#endif
