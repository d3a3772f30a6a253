/* SPDX-License-Identifier: MIT */
/*
 * Documents as values. scan.c looks at a text first and accepts what RFC 8259 and the limits allow.
 * Only then does cJSON parse it, and what a value says is read from cJSON's tree. Documents, and
 * requests and answers of the socket, are all read here.
 *
 * The tree has no places, so it is walked in step with the scan: the members and elements of both
 * stand in the order of the text, and a value is a pair of a node of the tree and an index in the
 * scan. Three things are taken from the text, at the place that the scan has for the value: whole
 * numbers (cJSON has them as a double, which is exact up to 2^53 only), the compact form (which
 * keeps the document's own spelling), and places.
 *
 * These parts of cJSON are not used, for these reasons:
 * - cJSON_GetObjectItem() ignores case. Names are compared with strcmp() instead.
 * - cJSON_GetArrayItem() and the like walk from the first item each time. Iterators go on from
 *   where they are.
 * - cJSON_GetErrorPtr() reads a static variable that each call of cJSON_Parse…() writes, on every
 *   thread. cJSON's manual promises that threads may parse at the same time as long as nobody reads
 *   it, and a system's cJSON is used on that promise; a lock of this library would not keep out an
 *   embedder that parses, too. Where the build compiles cJSON, a patch removes the writes, so that
 *   ThreadSanitizer has nothing to report either. The scanner has already refused whatever can't be
 *   parsed, so the only failure left is a lack of memory.
 * - Its numbers are read with strtod() and the decimal point of the locale. Where that point is
 *   more than one byte, or the library was built without support for it, cJSON refuses "1.5". So it
 *   gets a text without decimal points (see drop_points()).
 */
#include "json/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <rdvtask/document.h>

#include "base/error.h"
#include "base/utf8.h"
#include "json/scan.h"
#include "json/string.h"
#include "platform/platform.h"

/* The size of the words about a value, in bytes with the NUL. */
#define WORDS_SIZE 384

/* The longest text from a document that is repeated in words, in bytes. */
#define QUOTE_MAX 48

struct rdv__json {
    /* The text if this document owns it, or NULL if it is borrowed. */
    char *owned;
    struct rdv__scan scan;
    cJSON *tree;
    /* See struct rdv__json_form. most_in_tree is never 0 here. */
    size_t most_in_tree;
    const char *const *verbatim;
    /* The first value that the tree had no room for, or 0. */
    uint32_t beyond;
};

/* A tree that is being made. */
struct growth {
    const struct rdv__scan *scan;
    /* How many values may still be added to it. */
    size_t room;
    /* The first value for which there was no room, or 0. With it the tree ends. */
    uint32_t beyond;
};

/* The scanner's own limit bounds how deeply cJSON calls itself. */
static_assert(RDV_DOCUMENT_DEPTH < CJSON_NESTING_LIMIT,
              "cJSON would refuse what the scanner lets through");

/* ----------------------------------------------------------------- reading */

static bool in_number(char c)
{
    return c != '\0' && strchr("+-.0123456789Ee", c) != NULL;
}

/* Return the length of the number that begins here. */
static size_t number_size(const struct rdv__scan *scan, uint32_t index)
{
    const char *text = scan->text + scan->values[index].offset;
    const char *end = scan->text + scan->size;
    size_t size = 0;

    while (text + size < end && in_number(text[size]))
        size++;
    return size;
}

/*
 * Put a digit in place of each decimal point in a copy of a value's text. Numbers are never read
 * from the copy.
 */
static void drop_points(const struct rdv__scan *scan, uint32_t index, char *copy)
{
    const uint32_t from = scan->values[index].offset;

    for (uint32_t i = index; i < scan->values[index].next; i++) {
        char *number = copy + (scan->values[i].offset - from);
        char *point = in_number(*number) ? memchr(number, '.', number_size(scan, i)) : NULL;
        if (point)
            *point = '0';
    }
}

/* Parse a value that was accepted, as a whole. Returns its tree, or NULL if there is no memory. */
static cJSON *parse_whole(const struct rdv__scan *scan, uint32_t index)
{
    const uint32_t next = scan->values[index].next;
    const char *text = scan->text + scan->values[index].offset;
    /* The value is followed by text up to the next value, which cJSON does not look at. */
    const char *end = scan->text + (next < scan->count ? scan->values[next].key : scan->size);
    const size_t size = (size_t)(end - text);

    if (!scan->has_fractions)
        return cJSON_ParseWithLength(text, size);
    char *copy = malloc(size);
    if (!copy)
        return NULL;
    memcpy(copy, text, size);
    drop_points(scan, index, copy);
    cJSON *tree = cJSON_ParseWithLength(copy, size);
    free(copy);
    return tree;
}

/* Return a value of this kind with nothing in it. */
static cJSON *make_empty(char kind)
{
    return kind == '{'   ? cJSON_CreateObject()
           : kind == '[' ? cJSON_CreateArray()
                         : cJSON_CreateNull();
}

/* Take room for so many values, beginning with this one. Returns false if there is not enough. */
static bool take_room(struct growth *growth, uint32_t index, size_t count)
{
    if (count > growth->room) {
        growth->beyond = index + (uint32_t)growth->room;
        return false;
    }
    growth->room -= count;
    return true;
}

/* Parse a value as a whole, or leave it empty if there is no room for it. */
static cJSON *grow_whole(struct growth *growth, uint32_t index)
{
    const struct rdv__scan_value *value = &growth->scan->values[index];

    if (!take_room(growth, index, value->next - index))
        return make_empty(growth->scan->text[value->offset]);
    return parse_whole(growth->scan, index);
}

static cJSON *grow(struct growth *growth, uint32_t index, const char *const *names, bool arrays);

/* Add to an object the member that has this index in the scan. */
static bool grow_member(struct growth *growth, uint32_t index, const char *const *names,
                        bool arrays, cJSON *object)
{
    const struct rdv__scan_value *value = &growth->scan->values[index];
    cJSON *key = cJSON_ParseWithLength(growth->scan->text + value->key, value->offset - value->key);
    if (!key)
        return false;
    const bool on_the_way = strcmp(key->valuestring, names[0]) == 0;
    cJSON *item = on_the_way ? grow(growth, index, names + 1, arrays) : grow_whole(growth, index);
    if (item) {
        item->string = key->valuestring;
        key->valuestring = NULL;
        /* This function serves for objects as well, as it only links the item in. */
        cJSON_AddItemToArray(object, item);
    }
    cJSON_Delete(key);
    return item != NULL;
}

/*
 * Parse a value without what is in the container that these names lead to, which has to be an array
 * if only arrays are left out. Returns the tree, as far as there was room, or NULL if there is no
 * memory.
 */
static cJSON *grow(struct growth *growth, uint32_t index, const char *const *names, bool arrays)
{
    const struct rdv__scan_value *values = growth->scan->values;
    const char kind = growth->scan->text[values[index].offset];
    const bool left_out = !names[0] && (kind == '[' || (kind == '{' && !arrays));

    if (!left_out && (!names[0] || kind != '{'))
        return grow_whole(growth, index);
    cJSON *object = make_empty(kind);
    if (!take_room(growth, index, 1) || left_out)
        return object;
    for (uint32_t i = index + 1; object && growth->beyond == 0 && i != values[index].next;
         i = values[i].next) {
        if (!grow_member(growth, i, names, arrays, object)) {
            cJSON_Delete(object);
            object = NULL;
        }
    }
    return object;
}

int rdv__json_parse_borrowed(const char *text, size_t size, struct rdv__json_form form,
                             struct rdv__json **ret_json, struct rdv_error *error)
{
    struct rdv__json *json = calloc(1, sizeof *json);
    int result;

    if (!json)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    result = rdv__scan(text, size, form.most_values, &json->scan, error);
    if (result < 0)
        goto out;
    json->most_in_tree = form.most_in_tree > 0 ? form.most_in_tree : SIZE_MAX;
    json->verbatim = form.verbatim;
    struct growth growth = {&json->scan, json->most_in_tree, 0};
    json->tree = form.walked ? grow(&growth, 0, form.walked, true) : grow_whole(&growth, 0);
    json->beyond = growth.beyond;
    if (!json->tree) {
        result = rdv__fail(error, RDV_ENOMEM, "out of memory");
        goto out;
    }
    *ret_json = json;
    json = NULL;

out:
    rdv__json_free(json);
    return result;
}

/* Make a document of a text, which it takes over on success only. */
static int parse_owned(char *text, size_t size, struct rdv__json_form form,
                       struct rdv__json **ret_json, struct rdv_error *error)
{
    int result = rdv__json_parse_borrowed(text, size, form, ret_json, error);

    if (result == 0)
        (*ret_json)->owned = text;
    return result;
}

int rdv__json_parse(const char *text, size_t size, struct rdv__json_form form,
                    struct rdv__json **ret_json, struct rdv_error *error)
{
    char *copy = malloc(size > 0 ? size : 1);
    int result;

    if (!copy)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    if (size > 0)
        memcpy(copy, text, size);
    result = parse_owned(copy, size, form, ret_json, error);
    if (result < 0)
        free(copy);
    return result;
}

int rdv__json_load(const char *path, const char *const *walked, struct rdv__json **ret_json,
                   struct rdv_error *error)
{
    const struct rdv__json_form form = {.most_values = RDV_DOCUMENT_VALUES, .walked = walked};
    char *text;
    size_t size;
    int result = rdv__plat_read_file(path, RDV_DOCUMENT_MAX, &text, &size, error);

    if (result < 0)
        return result;
    result = parse_owned(text, size, form, ret_json, error);
    if (result < 0)
        free(text);
    return result;
}

void rdv__json_free(struct rdv__json *json)
{
    if (!json)
        return;
    rdv__scan_finish(&json->scan);
    cJSON_Delete(json->tree);
    free(json->owned);
    free(json);
}

static struct rdv__value value_of(const struct rdv__json *json, const cJSON *item, uint32_t index)
{
    struct rdv__value value = {json, item, index};

    return value;
}

struct rdv__value rdv__json_root(const struct rdv__json *json)
{
    return value_of(json, json->tree, 0);
}

/* Fail at the first value that is too many. */
static int fail_beyond(const struct rdv__json *json, uint32_t beyond, size_t most,
                       struct rdv_error *error)
{
    return rdv__json_fail(value_of(json, NULL, beyond), error, RDV_ELIMIT, "more than %lu values",
                          (unsigned long)most);
}

int rdv__json_check_values(const struct rdv__json *json, size_t most_values,
                           struct rdv_error *error)
{
    if (json->scan.count <= most_values)
        return 0;
    return fail_beyond(json, (uint32_t)most_values, most_values, error);
}

int rdv__json_check_tree(const struct rdv__json *json, struct rdv_error *error)
{
    if (json->beyond == 0)
        return 0;
    return fail_beyond(json, json->beyond, json->most_in_tree, error);
}

static const char *text_of(struct rdv__value value)
{
    const struct rdv__scan *scan = &value.json->scan;

    return scan->text + scan->values[value.index].offset;
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
    switch (value.item->type & 0xFF) {
    case cJSON_Object:
        return RDV__JSON_OBJECT;
    case cJSON_Array:
        return RDV__JSON_ARRAY;
    case cJSON_String:
        return RDV__JSON_STRING;
    case cJSON_Number:
        return RDV__JSON_NUMBER;
    case cJSON_NULL:
        return RDV__JSON_NULL;
    default:
        return RDV__JSON_BOOL;
    }
}

static int fail_type(struct rdv__value value, struct rdv_error *error, const char *expected)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};

    return rdv__json_fail(value, error, RDV_EINVAL, "expected %s, but found %s", expected,
                          names[rdv__json_type(value)]);
}

/* Return the first value in a container, or a value without an item. */
static struct rdv__value first_in(struct rdv__value container)
{
    return value_of(container.json, container.item->child, container.index + 1);
}

/* Return the value that follows in the same container, or a value without an item. */
static struct rdv__value next_of(struct rdv__value value)
{
    return value_of(value.json, value.item ? value.item->next : NULL,
                    value.json->scan.values[value.index].next);
}

/* Whether the elements of an array were left out of the tree. */
static bool is_walked(struct rdv__value container)
{
    return !container.item->child &&
           container.json->scan.values[container.index].next != container.index + 1;
}

bool rdv__json_next(struct rdv__value container, struct rdv__json_iterator *iterator,
                    const char **ret_key, struct rdv__value *ret_value)
{
    struct rdv__value value = first_in(container);

    assert(!is_walked(container));
    if (iterator->item)
        value = next_of(value_of(container.json, iterator->item, iterator->index));
    if (!value.item)
        return false;
    iterator->item = value.item;
    iterator->index = value.index;
    if (ret_key)
        *ret_key = value.item->string;
    *ret_value = value;
    return true;
}

/*
 * Count the single-byte changes that lead from a to b. It only matters whether there are at most
 * two.
 */
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
    const char *key = value.item->string;
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

int rdv__json_members(struct rdv__value object, const char *const *names,
                      struct rdv__value *ret_values, struct rdv_error *error)
{
    int result = rdv__json_object(object, error);

    if (result < 0)
        return result;
    for (size_t i = 0; names[i]; i++)
        ret_values[i] = value_of(object.json, NULL, object.index);
    for (struct rdv__value at = first_in(object); at.item; at = next_of(at)) {
        size_t i = 0;
        while (names[i] && strcmp(at.item->string, names[i]) != 0)
            i++;
        if (!names[i])
            return fail_unknown(at, names, error);
        ret_values[i] = at;
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
    struct rdv__value value = first_in(array);

    while (index-- > 0)
        value = next_of(value);
    assert(value.index <= array.json->scan.values[array.index].next);
    return value;
}

struct rdv__json_elements rdv__json_elements(struct rdv__value array, size_t first)
{
    return (struct rdv__json_elements){
        .next = rdv__json_element(array, first),
        .end = array.json->scan.values[array.index].next,
        .in_parts = is_walked(array),
    };
}

/* Parse an element that was left out of the tree. */
static int parse_element(struct rdv__value element, cJSON **ret_part, struct rdv_error *error)
{
    const struct rdv__json *json = element.json;
    const size_t count = json->scan.values[element.index].next - element.index;
    struct growth growth = {&json->scan, json->most_in_tree, 0};

    *ret_part = json->verbatim && count > json->most_in_tree
                    ? grow(&growth, element.index, json->verbatim, false)
                    : grow_whole(&growth, element.index);
    if (growth.beyond != 0)
        return fail_beyond(json, growth.beyond, json->most_in_tree, error);
    return *ret_part ? 0 : rdv__fail(error, RDV_ENOMEM, "out of memory");
}

int rdv__json_elements_next(struct rdv__json_elements *elements, struct rdv__value *ret_value,
                            struct rdv_error *error)
{
    struct rdv__value value = elements->next;
    int result = 0;

    rdv__json_elements_finish(elements);
    if (value.index != elements->end) {
        elements->next = next_of(value);
        if (elements->in_parts) {
            result = parse_element(value, &elements->part, error);
            value.item = elements->part;
        }
    }
    *ret_value = value;
    return result;
}

void rdv__json_elements_finish(struct rdv__json_elements *elements)
{
    cJSON_Delete(elements->part);
    elements->part = NULL;
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
    /* The elements are counted in the scan, because the tree may lack them. */
    for (uint32_t i = value.index + 1; i != values[value.index].next; i = values[i].next)
        count++;
    if (ret_count)
        *ret_count = count;
    return 0;
}

int rdv__json_string(struct rdv__value value, const char **ret_text, struct rdv_error *error)
{
    if (rdv__json_type(value) != RDV__JSON_STRING)
        return fail_type(value, error, "a string");
    *ret_text = value.item->valuestring;
    return 0;
}

int rdv__json_bytes(struct rdv__value value, const char **ret_text, size_t *ret_size,
                    struct rdv_error *error)
{
    int result = rdv__json_string(value, ret_text, error);

    if (result == 0)
        *ret_size = strlen(*ret_text);
    return result;
}

/*
 * Read a well-formed number exactly. Returns false if it is not whole or doesn't fit into 64 bits.
 */
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
    if (rdv__json_type(value) != RDV__JSON_NUMBER)
        return fail_type(value, error, "a whole number");
    const char *text = text_of(value);
    size_t size = number_size(&value.json->scan, value.index);
    int64_t number = 0;
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
    *ret_bool = cJSON_IsTrue(value.item);
    return 0;
}

/* Return how much of a string of the document is shown in words. */
static int quote_size(const char *text)
{
    return (int)rdv__utf8_cut(text, strlen(text), QUOTE_MAX);
}

int rdv__json_duration(struct rdv__value value, rdv_duration min, rdv_duration max,
                       rdv_duration *ret, struct rdv_error *error)
{
    char least[RDV_DURATION_TEXT_SIZE] = "?", most[RDV_DURATION_TEXT_SIZE] = "?";
    rdv_duration duration;
    const char *text = "";

    if (rdv__json_string(value, &text, NULL) < 0)
        return fail_type(value, error, "a duration, such as \"10m\" or \"1h30m\"");
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
    const char *text = "";

    if (rdv__json_string(value, &text, NULL) < 0)
        return fail_type(value, error, form);
    if (rdv_time_parse_relative(text, now, ret_time) < 0)
        return rdv__json_fail(value, error, RDV_EINVAL, "expected %s, but found '%.*s'", form,
                              quote_size(text), text);
    return 0;
}

int rdv__json_compact(struct rdv__value value, char **ret_text, size_t *ret_size)
{
    const struct rdv__scan *scan = &value.json->scan;
    const char *at = text_of(value), *end = scan->text + scan->size;
    uint32_t next = scan->values[value.index].next;
    size_t length = 0;
    int depth = 0;

    /* What is copied ends before the next value, so that much room is enough. */
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
