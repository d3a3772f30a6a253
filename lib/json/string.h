/* SPDX-License-Identifier: MIT */
/*
 * What a string of JSON says, as opposed to how it is written, for as much as the scanner needs of that: whether two keys are the
 * same. All text here is known to be well-formed, as scan.c has seen it. (Values are read from cJSON's tree.)
 */
#ifndef RDV__JSON_STRING_H
#define RDV__JSON_STRING_H

#include <stdint.h>

/* The next character; *at moves behind it. */
uint32_t rdv__unescape_next(const char **at);

#endif
