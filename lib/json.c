/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "base.h"
#include "plat.h"
#include "scan.h"
#include "unescape.h"

/* The words about a value, in bytes with the NUL. */
#define WORDS_SIZE 384

/* The longest text from a document that is repeated in words, in bytes. */
#define QUOTE_MAX 48

/* A time of up to so many bytes, with the NUL, is read on the stack: every usual one. */
#define MOMENT_SIZE 64

struct rdv__json {
    const char *text;
    char *owned; /* the same, or NULL if it is somebody else's */
    struct rdv__scan scan;
    /* What strings say, each at the offset that its opening quote has in the text, once it was asked for. */
    char *strings;
};

/* ----------------------------------------------------------------- reading */

int rdv__json_parse_borrowed(const char *text, size_t size, struct rdv__json **ret_json,
                             struct rdv_error *error)
{
    struct rdv__json *json = calloc(1, sizeof *json);
    int result;

    if (!json)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    result = rdv__scan(text, size, &json->scan, error);
    if (result < 0)
        goto out;
    json->strings = malloc(size);
    if (!json->strings) {
        result = rdv__fail(error, RDV_ENOMEM, "out of memory");
        goto out;
    }
    json->text = text;
    *ret_json = json;
    json = NULL;

out:
    rdv__json_free(json);
    return result;
}

/* Takes text on success only. */
static int parse_owned(char *text, size_t size, struct rdv__json **ret_json,
                       struct rdv_error *error)
{
    int result = rdv__json_parse_borrowed(text, size, ret_json, error);

    if (result == 0)
        (*ret_json)->owned = text;
    return result;
}

int rdv__json_parse(const char *text, size_t size, struct rdv__json **ret_json,
                    struct rdv_error *error)
{
    char *copy = malloc(size > 0 ? size : 1);
    int result;

    if (!copy)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    if (size > 0)
        memcpy(copy, text, size);
    result = parse_owned(copy, size, ret_json, error);
    if (result < 0)
        free(copy);
    return result;
}

int rdv__json_load(const char *path, struct rdv__json **ret_json, struct rdv_error *error)
{
    char *text;
    size_t size;
    int result = rdv__plat_read_file(path, RDV_DOCUMENT_MAX, &text, &size, error);

    if (result < 0)
        return result;
    result = parse_owned(text, size, ret_json, error);
    if (result < 0)
        free(text);
    return result;
}

void rdv__json_free(struct rdv__json *json)
{
    if (!json)
        return;
    rdv__scan_finish(&json->scan);
    free(json->strings);
    free(json->owned);
    free(json);
}

static struct rdv__value value_at(const struct rdv__json *json, uint32_t index)
{
    struct rdv__value value = {json, json->text + json->scan.values[index].offset, index};

    return value;
}

struct rdv__value rdv__json_root(const struct rdv__json *json)
{
    return value_at(json, 0);
}

/* What the string says whose opening quote is at this offset. Each time the same is written to the same place. */
static const char *string_at(const struct rdv__json *json, uint32_t offset, size_t *ret_size)
{
    char *string = json->strings + offset;
    size_t size = rdv__unescape(json->text + offset + 1, string);

    if (ret_size)
        *ret_size = size;
    return string;
}

/* NULL for an element of an array. */
static const char *key_of(const struct rdv__json *json, uint32_t index)
{
    const struct rdv__scan_value *value = &json->scan.values[index];

    return value->key != value->offset ? string_at(json, value->key, NULL) : NULL;
}

static const char *string_of(struct rdv__value value, size_t *ret_size)
{
    return string_at(value.json, value.json->scan.values[value.index].offset, ret_size);
}

static int fail_at(struct rdv__value value, size_t offset, struct rdv_error *error, int code,
                   const char *words)
{
    const struct rdv__scan *scan = &value.json->scan;
    char path[sizeof error->path];
    int line, column;

    if (!error)
        return code;
    rdv__scan_path(scan, value.index, path, sizeof path);
    rdv__scan_place(scan, offset, &line, &column);
    return rdv__fail_at(error, code, line, column, path, "%s", words);
}

int rdv__json_fail(struct rdv__value value, struct rdv_error *error, int code, const char *format,
                   ...)
{
    char words[WORDS_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return fail_at(value, value.json->scan.values[value.index].offset, error, code, words);
}

enum rdv__json_type rdv__json_type(struct rdv__value value)
{
    switch (*value.text) {
    case '{':
        return RDV__JSON_OBJECT;
    case '[':
        return RDV__JSON_ARRAY;
    case '"':
        return RDV__JSON_STRING;
    case 'n':
        return RDV__JSON_NULL;
    case 't':
    case 'f':
        return RDV__JSON_BOOL;
    default:
        return RDV__JSON_NUMBER;
    }
}

static int fail_type(struct rdv__value value, struct rdv_error *error, const char *expected)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};

    return rdv__json_fail(value, error, RDV_EINVAL, "expected %s, but found %s", expected,
                          names[rdv__json_type(value)]);
}

bool rdv__json_next(struct rdv__value container, struct rdv__json_iterator *iterator,
                    const char **ret_key, struct rdv__value *ret_value)
{
    const struct rdv__scan_value *values = container.json->scan.values;
    uint32_t index = iterator->next != 0 ? iterator->next : container.index + 1;

    if (index == values[container.index].next)
        return false;
    iterator->next = values[index].next;
    if (ret_key)
        *ret_key = key_of(container.json, index);
    *ret_value = value_at(container.json, index);
    return true;
}

/* How many single-byte changes lead from a to b; only whether there are at most two matters. */
static unsigned distance(const char *a, const char *b, unsigned allowed)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    if (*a == *b)
        return 0;
    if (allowed == 0)
        return 1;
    unsigned least = 1 + allowed;
    unsigned found;
    if (*a != '\0' && (found = 1 + distance(a + 1, b, allowed - 1)) < least)
        least = found;
    if (*b != '\0' && (found = 1 + distance(a, b + 1, allowed - 1)) < least)
        least = found;
    if (*a != '\0' && *b != '\0' && (found = 1 + distance(a + 1, b + 1, allowed - 1)) < least)
        least = found;
    return least;
}

static int fail_unknown(struct rdv__value value, const char *const *names, struct rdv_error *error)
{
    const char *key = key_of(value.json, value.index);
    char words[WORDS_SIZE];
    const char *meant = NULL;
    unsigned nearest = 3;
    size_t used;

    for (size_t i = 0; names[i]; i++) {
        unsigned steps = distance(key, names[i], 2);
        if (steps < nearest) {
            nearest = steps;
            meant = names[i];
        }
    }
    snprintf(words, sizeof words, "unknown key '%.*s'",
             (int)rdv__utf8_cut(key, strlen(key), QUOTE_MAX), key);
    used = strlen(words);
    if (meant)
        snprintf(words + used, sizeof words - used, " (did you mean '%s'?)", meant);
    for (size_t i = 0; names[i]; i++) {
        used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s", i == 0 ? "; known here: " : ", ",
                 names[i]);
    }
    return fail_at(value, value.json->scan.values[value.index].key, error, RDV_EINVAL, words);
}

/* Whether a value's key is this word, which takes no escape to write; a key that has one all the same is read. */
static bool key_is(const struct rdv__json *json, uint32_t index, const char *word)
{
    const char *key = json->text + json->scan.values[index].key + 1;
    const char *rest = word;

    while (*rest != '\0' && *key == *rest) {
        key++;
        rest++;
    }
    if (*key == '\\')
        return strcmp(key_of(json, index), word) == 0;
    return *key == '"' && *rest == '\0';
}

int rdv__json_members(struct rdv__value object, const char *const *names,
                      struct rdv__value *ret_values, struct rdv_error *error)
{
    const struct rdv__json *json = object.json;
    const struct rdv__scan_value *values = json->scan.values;
    int result = rdv__json_object(object, error);

    if (result < 0)
        return result;
    for (size_t i = 0; names[i]; i++) {
        ret_values[i] = object;
        ret_values[i].text = NULL;
    }
    for (uint32_t at = object.index + 1; at != values[object.index].next; at = values[at].next) {
        size_t i = 0;
        while (names[i] && !key_is(json, at, names[i]))
            i++;
        if (!names[i])
            return fail_unknown(value_at(json, at), names, error);
        ret_values[i] = value_at(json, at);
    }
    return 0;
}

void rdv__json_place(struct rdv__value value, struct rdv__scan_cursor *cursor, int *ret_line,
                     int *ret_column)
{
    const struct rdv__scan *scan = &value.json->scan;
    struct rdv__scan_cursor start = {0};

    rdv__scan_place_next(scan, cursor ? cursor : &start, scan->values[value.index].offset, ret_line,
                         ret_column);
}

struct rdv__value rdv__json_element(struct rdv__value array, size_t index)
{
    const struct rdv__scan_value *values = array.json->scan.values;
    uint32_t at = array.index + 1;

    while (index-- > 0)
        at = values[at].next;
    assert(at < values[array.index].next);
    return value_at(array.json, at);
}

/* ------------------------------------------------------------- typed reads */

int rdv__json_object(struct rdv__value value, struct rdv_error *error)
{
    return rdv__json_type(value) == RDV__JSON_OBJECT ? 0 : fail_type(value, error, "an object");
}

int rdv__json_array(struct rdv__value value, size_t *ret_count, struct rdv_error *error)
{
    const struct rdv__scan_value *values = value.json->scan.values;
    size_t count = 0;

    if (rdv__json_type(value) != RDV__JSON_ARRAY)
        return fail_type(value, error, "an array");
    for (uint32_t i = value.index + 1; i != values[value.index].next; i = values[i].next)
        count++;
    if (ret_count)
        *ret_count = count;
    return 0;
}

int rdv__json_string(struct rdv__value value, const char **ret_text, struct rdv_error *error)
{
    if (*value.text != '"')
        return fail_type(value, error, "a string");
    *ret_text = string_of(value, NULL);
    return 0;
}

int rdv__json_bytes(struct rdv__value value, const char **ret_text, size_t *ret_size,
                    struct rdv_error *error)
{
    if (*value.text != '"')
        return fail_type(value, error, "a string");
    const char *text = value.text + 1, *end = value.json->text + value.json->scan.size;
    bool plain = rdv__unescape_plain(text, end, ret_size);
    *ret_text = plain ? text : string_of(value, ret_size);
    return 0;
}

/* Read a well-formed number exactly: false if it isn't whole or has no room in 64 bits. */
static bool whole_number(const char *at, const char *end, int64_t *ret_number)
{
    char digits[RDV__SCAN_NUMBER_MAX + 1];
    bool negative = *at == '-', fraction = false;
    long exponent = 0;
    int count = 0, places = 0;
    uint64_t number = 0;

    for (at += negative; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        places += fraction;
        if (count > 0 || *at != '0')
            digits[count++] = *at;
    }
    if (at < end) {
        bool down = at[1] == '-';
        for (at += at[1] == '-' || at[1] == '+' ? 2 : 1; at < end; at++)
            exponent = exponent < 100000 ? exponent * 10 + (*at - '0') : exponent;
        exponent = down ? -exponent : exponent;
    }
    /* The number is digits * 10^(exponent - places). */
    exponent -= places;
    for (; count > 0 && exponent < 0 && digits[count - 1] == '0'; exponent++)
        count--;
    if (count > 0 && (exponent < 0 || count + exponent > 19))
        return false;
    for (int i = 0; i < count; i++)
        number = number * 10 + (uint64_t)(digits[i] - '0');
    for (; count > 0 && exponent > 0; exponent--)
        number *= 10;
    if (number > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
        return false;
    *ret_number = negative && number > 0 ? -(int64_t)(number - 1) - 1 : (int64_t)number;
    return true;
}

int rdv__json_integer(struct rdv__value value, int64_t min, int64_t max, int64_t *ret_number,
                      struct rdv_error *error)
{
    const char *text = value.text;
    const char *end = value.json->text + value.json->scan.size;
    size_t size = 0;
    int64_t number = 0;

    if (rdv__json_type(value) != RDV__JSON_NUMBER)
        return fail_type(value, error, "a whole number");
    while (text + size < end && text[size] != '\0' && strchr("+-.0123456789Ee", text[size]))
        size++;
    if (!whole_number(text, text + size, &number) || number < min || number > max)
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "expected a whole number from %" PRId64 " to %" PRId64
                              ", but found %.*s",
                              min, max, (int)size, text);
    *ret_number = number;
    return 0;
}

int rdv__json_bool(struct rdv__value value, bool *ret_bool, struct rdv_error *error)
{
    if (rdv__json_type(value) != RDV__JSON_BOOL)
        return fail_type(value, error, "true or false");
    *ret_bool = *value.text == 't';
    return 0;
}

/* The beginning of a string of the document as it is shown in words. */
static int quote_size(const char *text)
{
    return (int)rdv__utf8_cut(text, strlen(text), QUOTE_MAX);
}

int rdv__json_duration(struct rdv__value value, rdv_duration min, rdv_duration max,
                       rdv_duration *ret, struct rdv_error *error)
{
    char least[RDV_DURATION_TEXT_SIZE] = "?", most[RDV_DURATION_TEXT_SIZE] = "?";
    rdv_duration duration;
    const char *text;

    if (*value.text != '"')
        return fail_type(value, error, "a duration, such as \"10m\" or \"1h30m\"");
    text = string_of(value, NULL);
    if (rdv_duration_parse(text, &duration) < 0)
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "expected a duration, such as \"10m\" or \"1h30m\", but found '%.*s'",
                              quote_size(text), text);
    if (duration < min || duration > max) {
        rdv_duration_format(min, least, sizeof least);
        rdv_duration_format(max, most, sizeof most);
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "expected a duration from %s to %s, but found '%.*s'", least, most,
                              quote_size(text), text);
    }
    *ret = duration;
    return 0;
}

int rdv__json_moment(struct rdv__value value, rdv_time now, rdv_time *ret_time,
                     struct rdv_error *error)
{
    static const char form[] = "a time, such as \"2026-11-22T03:00:00Z\" or \"+2h\"";
    char copy[MOMENT_SIZE];
    const char *text = "";
    size_t size = 0;

    if (rdv__json_bytes(value, &text, &size, NULL) < 0)
        return fail_type(value, error, form);
    if (size < sizeof copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
        text = copy;
    } else {
        text = string_of(value, NULL);
    }
    if (rdv_time_parse_relative(text, now, ret_time) < 0)
        return rdv__json_fail(value, error, RDV_EINVAL, "expected %s, but found '%.*s'", form,
                              quote_size(text), text);
    return 0;
}

int rdv__json_compact(struct rdv__value value, char **ret_text, size_t *ret_size)
{
    const struct rdv__scan *scan = &value.json->scan;
    const char *at = value.text, *end = scan->text + scan->size;
    uint32_t next = scan->values[value.index].next;
    size_t length = 0;
    int depth = 0;

    /* What is copied ends before the next value; that much room is enough. */
    size_t room = (next < scan->count ? scan->values[next].offset : scan->size) -
                  scan->values[value.index].offset;
    char *text = malloc(room + 1);
    if (!text)
        return RDV_ENOMEM;
    for (; at < end; at++) {
        if (*at == '"') {
            do {
                if (*at == '\\')
                    text[length++] = *at++;
                text[length++] = *at++;
            } while (*at != '"');
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        } else if (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') {
            continue;
        }
        if (depth < 0 || (depth == 0 && *at == ','))
            break;
        text[length++] = *at;
        if (depth == 0 && (*at == '"' || *at == '}' || *at == ']'))
            break;
    }
    text[length] = '\0';
    *ret_text = text;
    *ret_size = length;
    return 0;
}
