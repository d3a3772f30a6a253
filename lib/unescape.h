/* SPDX-License-Identifier: MIT */
/* What a string of JSON says, as opposed to how it is written. All text here is known to be well-formed: scan.c has seen it. */
#ifndef RDV__UNESCAPE_H
#define RDV__UNESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next character; *at moves behind it. */
uint32_t rdv__unescape_next(const char **at);

/* Whether the string that begins here, behind its quote, has no escapes: then what it says stands here, in so many bytes. Its
 * closing quote lies before `end`. */
bool rdv__unescape_plain(const char *text, const char *end, size_t *ret_size);

/* Write what the string says that begins here, and a NUL; returns how much that is. It takes no more room than how it is written. */
size_t rdv__unescape(const char *text, char *buffer);

#endif
