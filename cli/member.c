/* SPDX-License-Identifier: MIT */
/*
 * The members of an object that our own library has written, on one line and without blanks. A quotation mark within a string
 * is escaped there, so the text "name": stands nowhere else than before the member.
 */
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* Room for the longest name, with what is around it. */
#define NAME_SIZE 40

/* Where the value of a member begins; NULL if there is none. */
static const char *find(const rdv_response *response, const char *name)
{
    char pattern[NAME_SIZE];
    const char *text = rdv_response_result(response);
    const int size = snprintf(pattern, sizeof(pattern), "\"%s\":", name);
    if (!text || size < 0 || (size_t)size >= sizeof(pattern))
        return NULL;
    const char *found = strstr(text, pattern);
    return found && strncmp(found + size, "null", 4) != 0 ? found + size : NULL;
}

bool result_number(const rdv_response *response, const char *name, int64_t *ret_number)
{
    const char *value = find(response, name);
    char *end = NULL;
    const long long number = value ? strtoll(value, &end, 10) : 0;
    if (!value || end == value)
        return false;
    *ret_number = number;
    return true;
}

bool result_is_true(const rdv_response *response, const char *name)
{
    const char *value = find(response, name);
    return value && strncmp(value, "true", 4) == 0;
}

/* The code unit of \uXXXX, or -1. */
static long code_unit(const char *escape)
{
    char digits[5] = "", *end;
    if (escape[0] != '\\' || escape[1] != 'u')
        return -1;
    strncpy(digits, escape + 2, 4);
    const long unit = strtol(digits, &end, 16);
    return end == digits + 4 ? unit : -1;
}

static void add_character(struct text *text, unsigned long character)
{
    char bytes[4];
    size_t size = 0;
    if (character < 0x80) {
        bytes[size++] = (char)character;
    } else if (character < 0x800) {
        bytes[size++] = (char)(0xc0 | character >> 6);
        bytes[size++] = (char)(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        bytes[size++] = (char)(0xe0 | character >> 12);
        bytes[size++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[size++] = (char)(0x80 | (character & 0x3f));
    } else {
        bytes[size++] = (char)(0xf0 | character >> 18);
        bytes[size++] = (char)(0x80 | (character >> 12 & 0x3f));
        bytes[size++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[size++] = (char)(0x80 | (character & 0x3f));
    }
    text_add(text, bytes, size);
}

/* Add what an escape stands for. Returns how long it is; 0 if it is none. */
static size_t add_escape(struct text *text, const char *escape)
{
    static const char letters[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
    const char *letter = escape[1] ? strchr(letters, escape[1]) : NULL;
    if (letter) {
        text_add(text, &characters[letter - letters], 1);
        return 2;
    }
    const long first = code_unit(escape);
    if (first <= 0)
        return 0;
    const long second = first >= 0xd800 && first <= 0xdbff ? code_unit(escape + 6) : -1;
    if (second >= 0xdc00 && second <= 0xdfff) {
        add_character(text,
                      0x10000ul + (unsigned long)((first - 0xd800) << 10 | (second - 0xdc00)));
        return 12;
    }
    add_character(text, (unsigned long)first);
    return 6;
}

bool result_text(const rdv_response *response, const char *name, struct text *text)
{
    const char *at = find(response, name);
    if (!at || *at++ != '"')
        return false;
    while (*at && *at != '"') {
        if (*at != '\\') {
            text_add(text, at++, 1);
            continue;
        }
        const size_t length = add_escape(text, at);
        if (length == 0)
            return false;
        at += length;
    }
    return *at == '"' && !text->failed;
}

bool result_time(const rdv_response *response, const char *name, rdv_time *ret_time)
{
    struct text text = {0};
    const bool found =
        result_text(response, name, &text) && text.data && rdv_time_parse(text.data, ret_time) == 0;
    text_finish(&text);
    return found;
}
