/* SPDX-License-Identifier: MIT */
/*
 * Unescaping, for the scanner alone: it compares keys by what they say and not by how they are
 * written. The text has been scanned, so every escape is whole and every character well-formed, and
 * nothing is checked here.
 */
#include "json/string.h"

#include <string.h>

/* Return the number that four hexadecimal digits make. */
static uint32_t unit_at(const char *digits)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];
        int digit = c <= '9' ? c - '0' : c <= 'F' ? c - 'A' + 10 : c - 'a' + 10;
        unit = unit << 4 | (uint32_t)digit;
    }
    return unit;
}

/* Read the character whose escape begins with the backslash at *at. */
static uint32_t escaped_character(const char **at)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *text = *at;

    if (text[1] != 'u') {
        const char *letter = strchr(from, text[1]);
        *at += 2;
        return (uint32_t)(letter ? to[letter - from] : text[1]);
    }
    uint32_t unit = unit_at(text + 2);
    *at += 6;
    if (unit < 0xD800 || unit > 0xDBFF)
        return unit;
    /* Skip the other half of the surrogate pair. */
    *at += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + unit_at(text + 8) - 0xDC00;
}

uint32_t rdv__unescape_next(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    uint32_t c = p[0];

    if (c == '\\')
        return escaped_character(at);
    if (c < 0x80) {
        *at += 1;
    } else if (c < 0xE0) {
        c = (c & 0x1Fu) << 6 | (p[1] & 0x3Fu);
        *at += 2;
    } else if (c < 0xF0) {
        c = (c & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        *at += 3;
    } else {
        c = (c & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
        *at += 4;
    }
    return c;
}
