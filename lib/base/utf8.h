/* SPDX-License-Identifier: MIT */
/* UTF-8, and how text from outside is shown. */
#ifndef RDV__BASE_UTF8_H
#define RDV__BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether these bytes are well-formed UTF-8: no overlong forms, no surrogates, nothing past
 * U+10FFFF. NUL bytes count as characters.
 */
bool rdv__utf8_valid(const void *text, size_t size);

/*
 * Return the largest number of bytes, at most limit, at which the text can be cut without splitting
 * a character.
 */
size_t rdv__utf8_cut(const char *text, size_t size, size_t limit);

/*
 * Whether the character at the start of the text, of up to four bytes, is invisible, or orders,
 * breaks or controls other text; such a character is never shown as it is. ret_character is its
 * code. Bytes that are not UTF-8 give false.
 */
bool rdv__utf8_hidden(const void *text, size_t size, uint32_t *ret_character);

/*
 * Copy text to a buffer so that it can be shown on one line. Control characters, other hidden
 * characters, and backslashes become \n, \t, \\, or \xNN for each byte, and so does bad UTF-8. The
 * result is cut to fit at a whole character or escape, and always ends with a NUL. Returns the
 * length that the whole result would have.
 */
size_t rdv__escape(const char *text, size_t size, char *buffer, size_t buffer_size);

/*
 * Escape text as rdv__escape() does, except for backslashes: for words that may already have
 * escapes in them.
 */
size_t rdv__escape_hidden(const char *text, size_t size, char *buffer, size_t buffer_size);

/* Whether rdv__escape() would leave text as it is, except for backslashes. */
bool rdv__is_plain(const char *text, size_t size);

#endif
