/* SPDX-License-Identifier: MIT */
/*
 * The program's use of cJSON that more than one file needs. Requests are built as a tree and
 * printed by session.c; answers are parsed where they are used. Two traits of cJSON matter here: it
 * keeps each number as a double, so that a whole number is written as raw text and read from the
 * text; and its lookup by name ignores case unless it is told otherwise.
 */
#include "json_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest whole number, "-9223372036854775808", and a NUL. */
#define INTEGER_SIZE 24

/* ------------------------------------------------------------ building */

bool json_add_integer(cJSON *object, const char *name, int64_t number)
{
    char digits[INTEGER_SIZE];
    snprintf(digits, sizeof(digits), "%" PRId64, number);
    return cJSON_AddRawToObject(object, name, digits) != NULL;
}

bool json_add_time(cJSON *object, const char *name, rdv_time time)
{
    char words[RDV_TIME_TEXT_SIZE];
    if (time == 0 || rdv_time_format(time, words, sizeof(words)) != 0)
        return true;
    return cJSON_AddStringToObject(object, name, words) != NULL;
}

bool json_add_duration(cJSON *object, const char *name, rdv_duration duration)
{
    char words[RDV_DURATION_TEXT_SIZE];
    if (duration <= 0 || rdv_duration_format(duration, words, sizeof(words)) != 0)
        return true;
    return cJSON_AddStringToObject(object, name, words) != NULL;
}

bool json_add_string_or_null(cJSON *object, const char *name, const char *string)
{
    const cJSON *added = string ? cJSON_AddStringToObject(object, name, string)
                                : cJSON_AddNullToObject(object, name);
    return added != NULL;
}

void json_print_shown(const cJSON *value, struct text *text)
{
    char *json = value ? cJSON_PrintUnformatted(value) : NULL;
    if (json)
        text_add_json(text, json);
    else
        text->failed = true;
    cJSON_free(json);
}

/* ------------------------------------------------------------ reading */

const char *json_get_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool json_get_time(const cJSON *object, const char *name, rdv_time *ret_time)
{
    const char *words = json_get_string(object, name);
    return words && rdv_time_parse(words, ret_time) == 0;
}

bool json_is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* Whether the text is one whole number of 64 bits, which is followed by anything that can't be
 * part of it. */
static bool read_integer(const char *text, size_t size, int64_t *ret_number)
{
    char digits[INTEGER_SIZE], *end;
    if (size >= sizeof(digits))
        return false;
    memcpy(digits, text, size);
    digits[size] = '\0';
    errno = 0;
    const long long number = strtoll(digits, &end, 10);
    if (errno || end == digits || *end)
        return false;
    *ret_number = number;
    return true;
}

bool json_find_integer(const char *object, const char *name, int64_t *ret_number)
{
    struct json_walk walk = {object, object + strlen(object)};
    if (!json_walk_take(&walk, '{'))
        return false;
    while (json_walk_next(&walk)) {
        const int named = json_walk_name(&walk, name);
        const char *text;
        size_t size;
        cJSON *value = named >= 0 ? json_walk_value(&walk, &text, &size) : NULL;
        const bool is_number = cJSON_IsNumber(value);
        cJSON_Delete(value);
        if (!value)
            return false;
        if (named == 1)
            return is_number && read_integer(text, size, ret_number);
    }
    return false;
}

/* ------------------------------------------------------------ walking */

static void skip_blanks(struct json_walk *walk)
{
    while (walk->at < walk->end && memchr(" \t\n\r", *walk->at, 4))
        walk->at++;
}

bool json_walk_take(struct json_walk *walk, char character)
{
    skip_blanks(walk);
    if (walk->at == walk->end || *walk->at != character)
        return false;
    walk->at++;
    return true;
}

bool json_walk_next(struct json_walk *walk)
{
    json_walk_take(walk, ',');
    skip_blanks(walk);
    return walk->at < walk->end && *walk->at != ']' && *walk->at != '}';
}

cJSON *json_walk_value(struct json_walk *walk, const char **ret_text, size_t *ret_size)
{
    const char *after = NULL;
    skip_blanks(walk);
    cJSON *value =
        cJSON_ParseWithLengthOpts(walk->at, (size_t)(walk->end - walk->at), &after, false);
    if (!value)
        return NULL;
    if (ret_text)
        *ret_text = walk->at;
    if (ret_size)
        *ret_size = (size_t)(after - walk->at);
    walk->at = after;
    return value;
}

int json_walk_name(struct json_walk *walk, const char *name)
{
    cJSON *found = json_walk_value(walk, NULL, NULL);
    const char *string = cJSON_GetStringValue(found);
    const int result = !string || !json_walk_take(walk, ':') ? -1 : strcmp(string, name) == 0;
    cJSON_Delete(found);
    return result;
}
