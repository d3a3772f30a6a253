/* SPDX-License-Identifier: MIT */
/*
 * What a JSON string says, as opposed to how it is written, as far as the scanner needs it: to tell
 * whether two keys are the same. All text here is known to be well-formed, because scan.c has
 * checked it. Values are read from cJSON's tree instead.
 */
#ifndef RDV__JSON_STRING_H
#define RDV__JSON_STRING_H

#include <stdint.h>

/* Return the next character, and move *at behind it. */
uint32_t rdv__unescape_next(const char **at);

#endif
