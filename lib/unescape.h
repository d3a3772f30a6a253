/* SPDX-License-Identifier: MIT */
/* What a string of JSON says, as opposed to how it is written. All text here is known to be well-formed: scan.c has seen it. */
#ifndef RDV__UNESCAPE_H
#define RDV__UNESCAPE_H

#include <stdint.h>

/* The next character; *at moves behind it. */
uint32_t rdv__unescape_next(const char **at);

/*
 * Write what stands from `text` (behind the opening quote) to the closing quote, which lies before `end`, and a NUL. That takes
 * no more room than how it is written.
 */
void rdv__unescape(const char *text, const char *end, char *buffer);

#endif
