/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"
#include "system.h"

#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <rdvtask/control.h>
#include <rdvtask/document.h>

#include "control/rpc.h"
#include "document/schedule.h"
#include "json/value.h"
#include "json/writer.h"
#include "platform/thread.h"

static const struct rdv__json_form whole = {.most_values = RDV_DOCUMENT_VALUES};

#define NOW (RDV_TIME_MAX / 2)

static struct rdv__json *json_of(const char *text)
{
    struct rdv__json *json = NULL;
    struct rdv_error error = {0};

    ck_assert_msg(rdv__json_parse(text, strlen(text), whole, &json, &error) == 0, "%s: %s", text,
                  error.text);
    return json;
}

/* The member of the root that has this key. */
static struct rdv__value member(const struct rdv__json *json, const char *wanted)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value;
    const char *key;

    while (rdv__json_next(rdv__json_root(json), &iterator, &key, &value))
        if (strcmp(key, wanted) == 0)
            return value;
    ck_abort_msg("no %s", wanted);
    return value;
}

static void check_error(const struct rdv_error *error, int code, int line, int column,
                        const char *path, const char *words)
{
    ck_assert_int_eq(error->code, code);
    ck_assert_msg(error->line == line && error->column == column, "%d:%d %s", error->line,
                  error->column, error->text);
    ck_assert_str_eq(error->path, path);
    ck_assert_msg(strstr(error->text, words) != NULL, "%s", error->text);
}

/* ----------------------------------------------------------------- reading */

START_TEST(what_a_lax_parser_would_let_through_is_refused)
{
    static const char *const texts[] = {"[01]", "[1]x", "{\"a\":1,\"a\":2}", "\"\\u0000\"",
                                        "\"\xFF\""};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rdv__json *json = NULL;
        struct rdv_error error = {0};
        ck_assert_int_eq(rdv__json_parse(texts[i], strlen(texts[i]), whole, &json, &error),
                         RDV_ESYNTAX);
        ck_assert_ptr_null(json);
        ck_assert_int_eq(error.line, 1);
    }
    struct rdv__json *json = NULL;
    ck_assert_int_eq(rdv__json_parse("", 0, whole, &json, NULL), RDV_ESYNTAX);
}
END_TEST

START_TEST(a_parsed_text_is_a_copy)
{
    char text[] = "{\"a\":\"word\"}";
    struct rdv__json *json = json_of(text);
    const char *word;

    memset(text, 'x', sizeof text - 1);
    ck_assert_int_eq(rdv__json_string(member(json, "a"), &word, NULL), 0);
    ck_assert_str_eq(word, "word");
    rdv__json_free(json);
    rdv__json_free(NULL);
}
END_TEST

START_TEST(a_file_is_loaded_and_a_missing_one_is_named)
{
    char folder[RDV_TEST_PATH], path[RDV_TEST_PATH + 8];
    struct rdv__json *json = NULL;
    struct rdv_error error = {0};

    rdv_test_make_folder(folder, "js\xC3\xB6n"); /* no ASCII */
    snprintf(path, sizeof path, "%s/a.json", folder);
    rdv_test_write_text(path, "{\"a\":\n17}");
    ck_assert_int_eq(rdv__json_load(path, NULL, &json, NULL), 0);
    int64_t number;
    ck_assert_int_eq(rdv__json_integer(member(json, "a"), 0, 100, &number, NULL), 0);
    ck_assert_int_eq(number, 17);
    rdv__json_free(json);

    rdv_test_write_text(path, "{\"a\":\n17");
    ck_assert_int_eq(rdv__json_load(path, NULL, &json, &error), RDV_ESYNTAX);
    check_error(&error, RDV_ESYNTAX, 2, 3, "", "',' or '}'");
    rdv_test_remove(folder);
    ck_assert_int_eq(rdv__json_load(path, NULL, &json, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, path));
}
END_TEST

START_TEST(walking_pairs_each_value_with_its_own_place)
{
    struct rdv__json *json =
        json_of("{\"a\":[1,[2,{\"x\":3}],{}],\n\"b\":{},\n\"c\":[],\n\"d\":\"e\"}");
    static const enum rdv__json_type types[] = {RDV__JSON_ARRAY, RDV__JSON_OBJECT, RDV__JSON_ARRAY,
                                                RDV__JSON_STRING};
    struct rdv__json_iterator iterator = {0}, inner = {0};
    struct rdv__scan_cursor cursor = {0};
    struct rdv__value value, element;
    const char *key;
    int count = 0;

    while (rdv__json_next(rdv__json_root(json), &iterator, &key, &value)) {
        int line, column, again;
        ck_assert_int_eq(key[0], 'a' + count);
        ck_assert_int_eq((int)rdv__json_type(value), (int)types[count]);
        rdv__json_place(value, NULL, &line, &column);
        ck_assert_int_eq(line, ++count);
        ck_assert_int_eq(column, count == 1 ? 6 : 5);
        rdv__json_place(value, &cursor, &again, &column);
        ck_assert_int_eq(again, line);
    }
    ck_assert_int_eq(count, 4);
    ck_assert(!rdv__json_next(rdv__json_root(json), &iterator, &key, &value));

    value = member(json, "a");
    size_t length = 0;
    ck_assert_int_eq(rdv__json_array(value, &length, NULL), 0);
    ck_assert_uint_eq(length, 3);
    for (count = 0; rdv__json_next(value, &inner, &key, &element); count++) {
        static const char *const paths[] = {"a[0]", "a[1]", "a[2]"};
        struct rdv_error error = {0};
        ck_assert_ptr_null(key);
        rdv__json_fail(element, &error, RDV_EINVAL, "words");
        ck_assert_str_eq(error.path, paths[count]);
    }
    ck_assert_int_eq(count, 3);
    rdv__json_free(json);
}
END_TEST

START_TEST(an_empty_container_has_nothing_to_walk)
{
    struct rdv__json *json = json_of("{\"o\":{},\"a\":[]}");
    struct rdv__json_iterator object = {0}, array = {0};
    struct rdv__value value;

    ck_assert(!rdv__json_next(member(json, "o"), &object, NULL, &value));
    ck_assert(!rdv__json_next(member(json, "o"), &object, NULL, &value));
    ck_assert(!rdv__json_next(member(json, "a"), &array, NULL, &value));
    rdv__json_free(json);
}
END_TEST

START_TEST(types_are_told_apart)
{
    static const char *const texts[] = {"null", "true", "-1", "\"\"", "[]", "{}"};
    static const char *const words[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};

    for (int i = 0; i < 6; i++) {
        struct rdv__json *json = json_of(texts[i]);
        struct rdv__value root = rdv__json_root(json);
        struct rdv_error error = {0};
        const char *text = NULL;
        int64_t number;
        ck_assert_int_eq((int)rdv__json_type(root), i);
        ck_assert_int_eq(rdv__json_object(root, NULL), i == 5 ? 0 : RDV_EINVAL);
        ck_assert_int_eq(rdv__json_array(root, NULL, NULL), i == 4 ? 0 : RDV_EINVAL);
        ck_assert_int_eq(rdv__json_string(root, &text, NULL), i == 3 ? 0 : RDV_EINVAL);
        ck_assert_int_eq(rdv__json_integer(root, -1, 1, &number, NULL), i == 2 ? 0 : RDV_EINVAL);
        if (i == 3)
            rdv__json_array(root, NULL, &error);
        else
            rdv__json_string(root, &text, &error);
        char found[64];
        snprintf(found, sizeof found, "expected %s, but found %s", i == 3 ? "an array" : "a string",
                 words[i]);
        check_error(&error, RDV_EINVAL, 1, 1, "", found);
        rdv__json_free(json);
    }
}
END_TEST

START_TEST(strings_come_unescaped)
{
    struct rdv__json *json = json_of("[\"a\\u00e9\\ud83d\\ude00\\n\\\"\\/\"]");
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value;
    const char *text;

    ck_assert(rdv__json_next(rdv__json_root(json), &iterator, NULL, &value));
    ck_assert_int_eq(rdv__json_string(value, &text, NULL), 0);
    ck_assert_str_eq(text, "a\xC3\xA9\xF0\x9F\x98\x80\n\"/");
    rdv__json_free(json);
}
END_TEST

/* The string of a document that is nothing else. */
static void check_string(const char *document, const char *expected)
{
    struct rdv__json *json = json_of(document);
    const char *text = NULL;

    ck_assert_int_eq(rdv__json_string(rdv__json_root(json), &text, NULL), 0);
    ck_assert_msg(strcmp(text, expected) == 0, "%s reads as %s", document, text);
    rdv__json_free(json);
}

START_TEST(each_way_to_write_a_character_says_the_same)
{
    check_string("\"\"", "");
    check_string("\"plain\"", "plain");
    check_string("\"\\\"\"", "\"");
    check_string("\"\\\\\"", "\\");
    check_string("\"\\\\\\\"\\\\\"", "\\\"\\");
    check_string("\"\\/\\b\\f\\n\\r\\t\"", "/\b\f\n\r\t");
    check_string("\"\\u0041\\u005a\\u005C\\u0022\"", "AZ\\\"");
    check_string("\"\\uABCD\\uabcd\"", "\xEA\xAF\x8D\xEA\xAF\x8D");
    check_string("\"\\ud83d\\uDE00x\xF0\x9F\x98\x80\"", "\xF0\x9F\x98\x80x\xF0\x9F\x98\x80");
}
END_TEST

START_TEST(every_character_that_is_escaped_reads_as_cjson_reads_it)
{
    for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x900 ? 1 : 29) {
        char document[32];
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        if (c < 0x10000)
            snprintf(document, sizeof document, "\"\\u%04" PRIx32 "\"", c);
        else
            snprintf(document, sizeof document, "\"\\u%04" PRIX32 "\\u%04" PRIX32 "\"",
                     0xD800 + ((c - 0x10000) >> 10), 0xDC00 + (c & 0x3FF));
        cJSON *root = cJSON_Parse(document);
        ck_assert_ptr_nonnull(root);
        check_string(document, cJSON_GetStringValue(root));
        cJSON_Delete(root);
    }
}
END_TEST

/* ---- documents at random ---- */

struct made {
    char text[16384];
    size_t size;
    uint32_t random;
};

static uint32_t draw(struct made *made, uint32_t below)
{
    made->random = made->random * 1664525u + 1013904223u;
    return (made->random >> 8) % below;
}

static void put_piece(struct made *made, const char *piece)
{
    size_t size = strlen(piece);

    ck_assert_uint_lt(made->size + size, sizeof made->text);
    memcpy(made->text + made->size, piece, size + 1);
    made->size += size;
}

static void put_quoted(struct made *made, const char *head)
{
    static const char *const pieces[] = {"a",
                                         " ",
                                         "/",
                                         "\\/",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\xC3\xA9",
                                         "{",
                                         "],",
                                         "\\ud83d\\ude00",
                                         ":",
                                         "\\u00E9",
                                         "\\u0022",
                                         "\\b",
                                         "\\u005c",
                                         "eight or more",
                                         "\x7F"};

    put_piece(made, "\"");
    put_piece(made, head);
    for (uint32_t count = draw(made, 6); count > 0; count--)
        put_piece(made, pieces[draw(made, sizeof pieces / sizeof *pieces)]);
    put_piece(made, "\"");
}

static void put_value(struct made *made, int depth)
{
    static const char *const others[] = {"true", "false", "null", "17", "-3", "0"};
    static const char *const spaces[] = {"", "", " ", "\n", "\t\r\n  "};
    uint32_t kind = draw(made, depth > 0 ? 6 : 4);

    if (kind < 3) {
        put_quoted(made, "");
    } else if (kind == 3) {
        put_piece(made, others[draw(made, sizeof others / sizeof *others)]);
    } else {
        put_piece(made, kind == 4 ? "[" : "{");
        for (uint32_t i = 0, count = draw(made, 5); i < count; i++) {
            char head[12];
            put_piece(made, i > 0 ? "," : "");
            put_piece(made, spaces[draw(made, 5)]);
            if (kind == 5) {
                snprintf(head, sizeof head, "%u", (unsigned)i); /* no key twice */
                put_quoted(made, head);
                put_piece(made, spaces[draw(made, 5)]);
                put_piece(made, ":");
                put_piece(made, spaces[draw(made, 5)]);
            }
            put_value(made, depth - 1);
            put_piece(made, spaces[draw(made, 5)]);
        }
        put_piece(made, kind == 4 ? "]" : "}");
    }
}

static void check_same(struct rdv__value value, const cJSON *other)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value inner;
    const char *text;
    int64_t number;
    bool flag;

    switch (rdv__json_type(value)) {
    case RDV__JSON_NULL:
        ck_assert(cJSON_IsNull(other));
        break;
    case RDV__JSON_BOOL:
        ck_assert_int_eq(rdv__json_bool(value, &flag, NULL), 0);
        ck_assert(cJSON_IsBool(other) && cJSON_IsTrue(other) == flag);
        break;
    case RDV__JSON_NUMBER:
        ck_assert_int_eq(rdv__json_integer(value, -100, 100, &number, NULL), 0);
        ck_assert(cJSON_IsNumber(other) && other->valueint == number);
        break;
    case RDV__JSON_STRING:
        ck_assert_int_eq(rdv__json_string(value, &text, NULL), 0);
        ck_assert(cJSON_IsString(other));
        ck_assert_str_eq(text, other->valuestring);
        break;
    default:
        ck_assert(rdv__json_type(value) == RDV__JSON_ARRAY ? cJSON_IsArray(other)
                                                           : cJSON_IsObject(other));
        other = other->child;
        for (; rdv__json_next(value, &iterator, &text, &inner); other = other->next) {
            ck_assert_ptr_nonnull(other);
            ck_assert((text == NULL) == (other->string == NULL));
            if (text)
                ck_assert_str_eq(text, other->string);
            check_same(inner, other);
        }
        ck_assert_ptr_null(other);
    }
}

START_TEST(any_document_reads_as_cjson_reads_it)
{
    struct made made = {.random = 0x9E3779B9u};

    for (int round = 0; round < 3000; round++) {
        made.size = 0;
        put_value(&made, 5);
        struct rdv__json *json = json_of(made.text);
        cJSON *root = cJSON_Parse(made.text);
        ck_assert_ptr_nonnull(root);
        check_same(rdv__json_root(json), root);
        check_same(rdv__json_root(json), root); /* and again */
        cJSON_Delete(root);
        rdv__json_free(json);
    }
}
END_TEST

START_TEST(a_string_stays_while_others_are_read_and_reads_the_same_again)
{
    struct rdv__json *json = json_of("{\"k\\u0065y\":\"a\\nb\",\"c\":\"\\\"\"}");
    struct rdv__json_iterator iterator = {0};
    struct rdv__value first, second;
    const char *key, *text, *other, *again;

    ck_assert(rdv__json_next(rdv__json_root(json), &iterator, &key, &first));
    ck_assert(rdv__json_next(rdv__json_root(json), &iterator, NULL, &second));
    ck_assert_int_eq(rdv__json_string(first, &text, NULL), 0);
    ck_assert_int_eq(rdv__json_string(second, &other, NULL), 0);
    ck_assert_int_eq(rdv__json_string(first, &again, NULL), 0);
    ck_assert_str_eq(key, "key");
    ck_assert_str_eq(text, "a\nb");
    ck_assert_str_eq(other, "\"");
    ck_assert_str_eq(again, "a\nb");
    rdv__json_free(json);
}
END_TEST

static const struct {
    const char *text;
    int64_t number;
} whole_numbers[] = {
    {"0", 0},
    {"-0", 0},
    {"-0.0e5", 0},
    {"7", 7},
    {"1e3", 1000},
    {"1E+3", 1000},
    {"1000.000", 1000},
    {"1.5e1", 15},
    {"2500e-2", 25},
    {"-12.0", -12},
    {"0.001e3", 1},
    {"9007199254740993", INT64_C(9007199254740993)},
    {"9007199254740993.0", INT64_C(9007199254740993)},
    {"9223372036854775807", INT64_MAX},
    {"-9223372036854775808", INT64_MIN},
    {"922337203685477580.7e1", INT64_MAX},
    {"9.223372036854775807e18", INT64_MAX},
    {"0e99999", 0},
};

START_TEST(whole_numbers_are_read_exactly)
{
    struct rdv__json *json = json_of(whole_numbers[_i].text);
    int64_t number = 5;

    ck_assert_int_eq(rdv__json_integer(rdv__json_root(json), INT64_MIN, INT64_MAX, &number, NULL),
                     0);
    ck_assert_msg(number == whole_numbers[_i].number, "%s: %" PRId64, whole_numbers[_i].text,
                  number);
    rdv__json_free(json);
}
END_TEST

static const char *const other_numbers[] = {
    "1.5",
    "-0.1",
    "1e-1",
    "15e-1",
    "0.99999999999999999999999",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551617",
    "99999999999999999999",
    "1e19",
    "1e300",
    "9007199254740992.5",
    "1e-400",
};

START_TEST(other_numbers_are_not_rounded_to_whole_ones)
{
    struct rdv__json *json = json_of(other_numbers[_i]);
    struct rdv_error error = {0};
    int64_t number = 5;

    ck_assert_int_eq(rdv__json_integer(rdv__json_root(json), INT64_MIN, INT64_MAX, &number, &error),
                     RDV_EINVAL);
    ck_assert_int_eq(number, 5);
    ck_assert_ptr_nonnull(strstr(error.text, other_numbers[_i]));
    rdv__json_free(json);
}
END_TEST

START_TEST(a_number_out_of_range_is_told_with_the_range)
{
    struct rdv__json *json = json_of("{\"retries\": 101, \"low\": -1}");
    struct rdv_error error = {0};
    int64_t number;

    ck_assert_int_eq(rdv__json_integer(member(json, "retries"), 0, 100, &number, &error),
                     RDV_EINVAL);
    check_error(&error, RDV_EINVAL, 1, 13, "retries",
                "expected a whole number from 0 to 100, but found 101");
    ck_assert_int_eq(rdv__json_integer(member(json, "low"), 0, 100, &number, &error), RDV_EINVAL);
    ck_assert_int_eq(rdv__json_integer(member(json, "low"), -1, 100, &number, &error), 0);
    ck_assert_int_eq(rdv__json_integer(member(json, "retries"), 0, 101, &number, &error), 0);
    rdv__json_free(json);
}
END_TEST

START_TEST(durations_are_strings_within_bounds)
{
    struct rdv__json *json = json_of("{\"good\":\"1h30m\",\"number\":90,\n\"bad\":\"90\",\"long\":"
                                     "\"3h\",\"short\":\"1s\",\"control\":\"1\\u001b\"}");
    struct rdv_error error = {0};
    rdv_duration duration = 1;

    ck_assert_int_eq(
        rdv__json_duration(member(json, "good"), RDV_MINUTE, 2 * RDV_HOUR, &duration, NULL), 0);
    ck_assert(duration == 90 * RDV_MINUTE);
    ck_assert_int_eq(rdv__json_duration(member(json, "number"), 0, RDV_HOUR, &duration, &error),
                     RDV_EINVAL);
    check_error(&error, RDV_EINVAL, 1, 26, "number", "expected a duration, such as \"10m\"");
    ck_assert_int_eq(rdv__json_duration(member(json, "bad"), 0, RDV_HOUR, &duration, &error),
                     RDV_EINVAL);
    check_error(&error, RDV_EINVAL, 2, 7, "bad", "but found '90'");
    ck_assert_int_eq(
        rdv__json_duration(member(json, "long"), RDV_MINUTE, 2 * RDV_HOUR, &duration, &error),
        RDV_EINVAL);
    check_error(&error, RDV_EINVAL, 2, 19, "long", "a duration from 1m to 2h, but found '3h'");
    ck_assert_int_eq(
        rdv__json_duration(member(json, "short"), RDV_MINUTE, 2 * RDV_HOUR, &duration, &error),
        RDV_EINVAL);
    ck_assert_int_eq(rdv__json_duration(member(json, "control"), 0, RDV_HOUR, &duration, &error),
                     RDV_EINVAL);
    ck_assert_ptr_null(strchr(error.text, '\x1b'));
    ck_assert(duration == 90 * RDV_MINUTE);
    rdv__json_free(json);
}
END_TEST

START_TEST(moments_are_rfc_3339_or_relative)
{
    struct rdv__json *json = json_of("{\"fixed\":\"2026-11-22T03:00:00Z\",\"later\":\"+2h\","
                                     "\"sooner\":\"-10m\",\"bad\":\"tomorrow\",\"number\":5}");
    struct rdv_error error = {0};
    rdv_time time = 1, fixed;

    ck_assert_int_eq(rdv_time_parse("2026-11-22T03:00:00Z", &fixed), 0);
    ck_assert_int_eq(rdv__json_moment(member(json, "fixed"), NOW, &time, NULL), 0);
    ck_assert(time == fixed);
    ck_assert_int_eq(rdv__json_moment(member(json, "later"), NOW, &time, NULL), 0);
    ck_assert(time == NOW + 2 * RDV_HOUR);
    ck_assert_int_eq(rdv__json_moment(member(json, "sooner"), NOW, &time, NULL), 0);
    ck_assert(time == NOW - 10 * RDV_MINUTE);
    ck_assert_int_eq(rdv__json_moment(member(json, "bad"), NOW, &time, &error), RDV_EINVAL);
    check_error(&error, RDV_EINVAL, 1, 69, "bad", "expected a time, such as");
    ck_assert_int_eq(rdv__json_moment(member(json, "number"), NOW, &time, &error), RDV_EINVAL);
    check_error(&error, RDV_EINVAL, 1, 89, "number", "but found a number");
    rdv__json_free(json);
}
END_TEST

START_TEST(a_moment_may_be_of_any_length_and_have_escapes)
{
    for (int zeros = 40; zeros < 90; zeros++) {
        char text[384];
        rdv_time time = 0;
        snprintf(text, sizeof text, "[\"+%0*dh\",\"\\u002b%0*d\\u0068\",\"%0*dh\"]", zeros, 2,
                 zeros, 2, zeros, 2);
        struct rdv__json *json = json_of(text);
        for (size_t i = 0; i < 2; i++) {
            struct rdv__value value = rdv__json_element(rdv__json_root(json), i);
            ck_assert_int_eq(rdv__json_moment(value, NOW, &time, NULL), 0);
            ck_assert(time == NOW + 2 * RDV_HOUR);
        }
        struct rdv_error error = {0};
        struct rdv__value last = rdv__json_element(rdv__json_root(json), 2);
        ck_assert_int_eq(rdv__json_moment(last, NOW, &time, &error), RDV_EINVAL);
        ck_assert_str_eq(error.path, "[2]");
        rdv__json_free(json);
    }
}
END_TEST

START_TEST(bytes_are_those_of_the_string)
{
    struct rdv__json *json = json_of("[\"plain\",\"\",\"a\\\"b\\u00e9\",7]");
    static const char *const expected[] = {"plain", "", "a\"b\xC3\xA9"};
    const char *text = NULL;
    size_t size = 0;

    for (size_t i = 0; i < 3; i++) {
        struct rdv__value value = rdv__json_element(rdv__json_root(json), i);
        ck_assert_int_eq(rdv__json_bytes(value, &text, &size, NULL), 0);
        ck_assert_uint_eq(size, strlen(expected[i]));
        ck_assert(memcmp(text, expected[i], size) == 0);
    }
    struct rdv_error error = {0};
    struct rdv__value number = rdv__json_element(rdv__json_root(json), 3);
    ck_assert_int_eq(rdv__json_bytes(number, &text, &size, &error), RDV_EINVAL);
    check_error(&error, RDV_EINVAL, 1, 26, "[3]", "expected a string, but found a number");
    rdv__json_free(json);
}
END_TEST

START_TEST(an_object_is_read_by_its_known_members)
{
    static const char *const names[] = {"label", "start", "end", NULL};
    struct rdv__json *json = json_of("{\"end\":1,\"label\":2}");
    struct rdv__value values[3];

    ck_assert_int_eq(rdv__json_members(rdv__json_root(json), names, values, NULL), 0);
    ck_assert_ptr_nonnull(values[0].item);
    ck_assert_uint_eq(values[0].index, 2);
    ck_assert_ptr_null(values[1].item);
    ck_assert_uint_eq(values[2].index, 1);
    ck_assert_int_eq(rdv__json_members(values[0], names, values, NULL), RDV_EINVAL);
    rdv__json_free(json);
}
END_TEST

START_TEST(a_member_is_known_however_its_key_is_written)
{
    static const char *const names[] = {"one", "on", "o/e", NULL};
    static const char *const others[] = {"{\"on\\u0065s\":1}", "{\"\\u006f\":1}", "{\"o\\n\":1}",
                                         "{\"\":1}",           "{\"ones\":1}",    "{\"o\":1}"};
    struct rdv__value values[3];

    struct rdv__json *json = json_of("{\"\\u006fn\\u0065\":1,\"o\\u006E\":2,\"o\\/e\":3}");
    ck_assert_int_eq(rdv__json_members(rdv__json_root(json), names, values, NULL), 0);
    for (int i = 0; i < 3; i++) {
        int64_t number = 0;
        ck_assert_int_eq(rdv__json_integer(values[i], 1, 3, &number, NULL), 0);
        ck_assert_int_eq(number, i + 1);
    }
    rdv__json_free(json);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        json = json_of(others[i]);
        ck_assert_int_eq(rdv__json_members(rdv__json_root(json), names, values, NULL), RDV_EINVAL);
        rdv__json_free(json);
    }
}
END_TEST

START_TEST(an_unknown_member_is_told_at_its_key_with_the_known_ones)
{
    static const char *const names[] = {"label", "start", "end", NULL};
    static const struct {
        const char *text, *words;
    } texts[] = {
        {"{\n \"strat\" :1}",
         "unknown key 'strat' (did you mean 'start'?); known here: label, start, end"},
        {"{\n \"Label\" :1}", "(did you mean 'label'?)"},
        {"{\n \"ends\" :1}", "(did you mean 'end'?)"},
        {"{\n \"dead\" :1}", "(did you mean 'end'?)"},
        {"{\n \"windows\" :1}", "unknown key 'windows'; known here"},
        {"{\n \"\" :1}", "unknown key ''; known here"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rdv__json *json = json_of(texts[i].text);
        struct rdv__value values[3];
        struct rdv_error error = {0};
        ck_assert_int_eq(rdv__json_members(rdv__json_root(json), names, values, &error),
                         RDV_EINVAL);
        ck_assert_int_eq(error.line, 2);
        ck_assert_int_eq(error.column, 2);
        ck_assert_msg(strstr(error.text, texts[i].words) != NULL, "%s", error.text);
        rdv__json_free(json);
    }
}
END_TEST

static const struct {
    const char *text, *compact;
} compacts[] = {
    {"{\"v\": 1.50e+007 }", "1.50e+007"},
    {"{\"v\":12345678901234567890123}", "12345678901234567890123"},
    {"{\"v\": true\n}", "true"},
    {"{\"v\":null,\"w\":1}", "null"},
    {"{\"v\": \"a b\\\" , ]\\\\\" , \"w\":1}", "\"a b\\\" , ]\\\\\""},
    {"{\"v\":\"\"}", "\"\""},
    {"{\"v\": [ ] }", "[]"},
    {"{\"v\": { \"a\" : [ 1 , { \"b c\" : \" } \" } ] , \"\\u00e9\" : -0 } , \"w\" : [ ] }",
     "{\"a\":[1,{\"b c\":\" } \"}],\"\\u00e9\":-0}"},
    {"{\"w\":0,\"v\":[\n\t1,\r\n\t2\n] \n }", "[1,2]"},
};

START_TEST(compact_text_keeps_each_string_and_number_as_it_was_written)
{
    struct rdv__json *json = json_of(compacts[_i].text);
    char *text = NULL;
    size_t size = 0;

    ck_assert_int_eq(rdv__json_compact(member(json, "v"), &text, &size), 0);
    ck_assert_str_eq(text, compacts[_i].compact);
    ck_assert_uint_eq(size, strlen(text));
    free(text);
    rdv__json_free(json);
}
END_TEST

START_TEST(a_whole_document_can_be_made_compact)
{
    static const char *const texts[] = {" 17 ", " \"x\" ", " [ 1 ] ", "true"};
    static const char *const wanted[] = {"17", "\"x\"", "[1]", "true"};

    for (size_t i = 0; i < 4; i++) {
        struct rdv__json *json = json_of(texts[i]);
        char *text = NULL;
        size_t size;
        ck_assert_int_eq(rdv__json_compact(rdv__json_root(json), &text, &size), 0);
        ck_assert_str_eq(text, wanted[i]);
        free(text);
        rdv__json_free(json);
    }
}
END_TEST

START_TEST(names_that_differ_in_case_are_different)
{
    static const char *const names[] = {"label", "LABEL", "laBel", NULL};
    struct rdv__json *json = json_of("{\"laBel\":3,\"LABEL\":2,\"label\":1}");
    struct rdv__value values[3];
    int64_t number = 0;

    ck_assert_int_eq(rdv__json_members(rdv__json_root(json), names, values, NULL), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rdv__json_integer(values[i], 1, 3, &number, NULL), 0);
        ck_assert_int_eq(number, i + 1);
    }
    rdv__json_free(json);
}
END_TEST

/* Numbers with a decimal point, beside ones without, and strings that look like them. */
static const char fractions[] =
    "{\"a\":[1.5,\"1.5\",1000.0,-0.25e3,9007199254740993.0],\"1.5\":1.0}";

static void check_fractions(void)
{
    struct rdv__json *json = json_of(fractions);
    static const int64_t wholes[] = {0, 0, 1000, -250, INT64_C(9007199254740993)};
    struct rdv__value a = member(json, "a");
    const char *word = "";
    char *compact = NULL;
    int64_t number = 0;
    size_t size;

    for (size_t i = 0; i < 5; i++)
        if (wholes[i] != 0) {
            struct rdv__value value = rdv__json_element(a, i);
            ck_assert_int_eq(rdv__json_integer(value, INT64_MIN, INT64_MAX, &number, NULL), 0);
            ck_assert(number == wholes[i]);
        }
    ck_assert_int_eq(rdv__json_integer(rdv__json_element(a, 0), 0, 999, &number, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv__json_string(rdv__json_element(a, 1), &word, NULL), 0);
    ck_assert_str_eq(word, "1.5");
    ck_assert_int_eq(rdv__json_integer(member(json, "1.5"), 1, 1, &number, NULL), 0);
    ck_assert_int_eq(rdv__json_compact(rdv__json_root(json), &compact, &size), 0);
    ck_assert_str_eq(compact, fractions);
    free(compact);
    rdv__json_free(json);
}

START_TEST(numbers_with_a_decimal_point_read_as_they_are_written)
{
    check_fractions();
}
END_TEST

/* A locale that this system has, with another decimal point than ours; NULL = it has none. */
static const char *other_point(void)
{
    static const char *const names[] = {"fa_IR.UTF-8", "ps_AF.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8",
                                        "German"};
    const char *found = NULL;

    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        if (setlocale(LC_NUMERIC, names[i]) && strcmp(localeconv()->decimal_point, ".") != 0)
            found = names[i];
    setlocale(LC_NUMERIC, "C");
    return found;
}

START_TEST(the_locale_has_no_say_in_numbers)
{
    setlocale(LC_NUMERIC, other_point());
    check_fractions();
    setlocale(LC_NUMERIC, "C");
}
END_TEST

/* ---- arrays that are left out of the tree ---- */

static const char *const list_path[] = {"outer", "list", NULL};
static const struct rdv__json_form in_parts = {.most_values = RDV_DOCUMENT_VALUES,
                                               .walked = list_path};

static struct rdv__json *in_parts_of(const char *text)
{
    struct rdv__json *json = NULL;

    ck_assert_int_eq(rdv__json_parse(text, strlen(text), in_parts, &json, NULL), 0);
    return json;
}

/* The array at list_path. */
static struct rdv__value list_of(const struct rdv__json *json)
{
    static const char *const names[] = {"list", "after", NULL};
    struct rdv__value members[2];

    ck_assert_int_eq(rdv__json_members(member(json, "outer"), names, members, NULL), 0);
    return members[0];
}

static void check_walk(struct rdv__value list, size_t first, size_t count)
{
    struct rdv__json_elements elements = rdv__json_elements(list, first);
    struct rdv__value value;

    for (size_t i = first; i < count; i++) {
        static const char *const names[] = {"n", "f", NULL};
        struct rdv__value members[2];
        struct rdv_error error = {0};
        char path[32];
        int64_t number = -1;
        ck_assert_int_eq(rdv__json_elements_next(&elements, &value, NULL), 0);
        ck_assert_int_eq(rdv__json_members(value, names, members, NULL), 0);
        ck_assert_int_eq(rdv__json_integer(members[0], 0, 9, &number, NULL), 0);
        ck_assert_int_eq(number, (int)i);
        snprintf(path, sizeof path, "outer.list[%u].f", (unsigned)i);
        ck_assert_int_eq(rdv__json_object(members[1], &error), RDV_EINVAL);
        check_error(&error, RDV_EINVAL, (int)i + 2, 12, path, "expected an object");
    }
    ck_assert_int_eq(rdv__json_elements_next(&elements, &value, NULL), 0);
    ck_assert_ptr_null(value.item);
    ck_assert_int_eq(rdv__json_elements_next(&elements, &value, NULL), 0);
    ck_assert_ptr_null(value.item);
    rdv__json_elements_finish(&elements);
}

static const char listed[] = "{\"outer\":{\"list\":[\n{\"n\":0,\"f\":0.5},\n{\"n\":1,\"f\":[[]]},"
                             "\n{\"n\":2,\"f\":\"\"}],\"after\":[1.5,2]},\"list\":[7]}";

START_TEST(an_array_that_was_left_out_is_walked_as_one_of_the_tree_is)
{
    struct rdv__json *whole_json = json_of(listed), *json = in_parts_of(listed);
    size_t count = 0;

    for (size_t first = 0; first <= 3; first++) {
        check_walk(list_of(whole_json), first, 3);
        check_walk(list_of(json), first, 3);
        check_walk(list_of(json), first, 3);
    }
    ck_assert_int_eq(rdv__json_array(list_of(json), &count, NULL), 0);
    ck_assert_uint_eq(count, 3);
    /* Only that one was left out. */
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value;
    int64_t number = 0;
    ck_assert(rdv__json_next(member(json, "list"), &iterator, NULL, &value));
    ck_assert_int_eq(rdv__json_integer(value, 7, 7, &number, NULL), 0);
    rdv__json_free(json);
    rdv__json_free(whole_json);
}
END_TEST

START_TEST(a_walk_may_end_early_and_an_empty_or_missing_array_is_fine)
{
    struct rdv__json *json = in_parts_of(listed);
    struct rdv__json_elements elements = rdv__json_elements(list_of(json), 0);
    struct rdv__value value;

    ck_assert_int_eq(rdv__json_elements_next(&elements, &value, NULL), 0);
    rdv__json_elements_finish(&elements);
    rdv__json_elements_finish(&elements);
    rdv__json_free(json);
    json = in_parts_of("{\"\\u006futer\":{\"list\":[]}}");
    check_walk(list_of(json), 0, 0);
    rdv__json_free(json);
    static const char *const others[] = {
        "[1]", "{\"outer\":[1]}",         "{\"outer\":{\"list\":{\"a\":1}}}", "{}",
        "17",  "{\"outer\":{\"list\":1}}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char *compact = NULL;
        size_t size;
        json = in_parts_of(others[i]);
        struct rdv__json *other = json_of(others[i]);
        ck_assert_int_eq(rdv__json_compact(rdv__json_root(json), &compact, &size), 0);
        ck_assert_str_eq(compact, others[i]);
        ck_assert_int_eq((int)rdv__json_type(rdv__json_root(json)),
                         (int)rdv__json_type(rdv__json_root(other)));
        free(compact);
        rdv__json_free(other);
        rdv__json_free(json);
    }
}
END_TEST

/* ---- bounds ---- */

/* head, so many ones with a comma before each but the first, and tail; free(). */
static char *ones_between(const char *head, size_t count, const char *tail)
{
    size_t size = strlen(head);
    char *text = malloc(size + 2 * count + strlen(tail) + 1);

    ck_assert_ptr_nonnull(text);
    memcpy(text, head, size);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[size++] = ',';
        text[size++] = '1';
    }
    memcpy(text + size, tail, strlen(tail) + 1);
    return text;
}

START_TEST(a_document_has_at_most_two_million_values)
{
    /* Of the array's own value and its elements. */
    for (size_t over = 0; over < 2; over++) {
        char *text = ones_between("[", RDV_DOCUMENT_VALUES - 1 + over, "]");
        struct rdv__json *json = NULL;
        struct rdv_error error = {0};
        int result = rdv__json_parse_borrowed(text, strlen(text), whole, &json, &error);
        ck_assert_int_eq(result, over ? RDV_ELIMIT : 0);
        if (over)
            check_error(&error, RDV_ELIMIT, 1, 2 * RDV_DOCUMENT_VALUES, "[1999999]",
                        "more than 2000000 values");
        rdv__json_free(json);
        free(text);
    }
}
END_TEST

/* Read a request that has so many values; returns the result. */
static int read_request(const char *method, size_t values, struct rdv__failure *failure)
{
    char head[96];
    struct rdv__request request;

    /* The request, its three scalars, its parameters and the array are six of them. */
    snprintf(head, sizeof head,
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{\"tasks\":[", method);
    char *text = ones_between(head, values - 6, "]}}");
    int result = rdv__request_read(text, strlen(text), &request, failure);
    ck_assert_str_eq(request.id, "7");
    rdv__request_finish(&request);
    free(text);
    return result;
}

START_TEST(a_request_has_at_most_ten_thousand_values_and_schedule_as_many_as_a_document)
{
    struct rdv__failure failure;

    ck_assert_int_eq(read_request("list", RDV_CONTROL_VALUES, &failure), 0);
    ck_assert_int_eq(read_request("list", RDV_CONTROL_VALUES + 1, &failure), RDV_ELIMIT);
    ck_assert_int_eq(failure.number, RDV__RPC_REQUEST);
    ck_assert_ptr_nonnull(strstr(failure.error.text, "more than 10000 values"));
    ck_assert_str_eq(failure.error.path, "params.tasks[9994]");
    ck_assert_int_eq(read_request("schedule", RDV_CONTROL_VALUES + 1, &failure), 0);
    ck_assert_int_eq(read_request("Schedule", RDV_CONTROL_VALUES + 1, &failure), RDV_ELIMIT);
}
END_TEST

static const char *const verbatim[] = {"o", "v", NULL};
static const struct rdv__json_form bounded = {
    .most_values = RDV_DOCUMENT_VALUES,
    .walked = list_path,
    .most_in_tree = 20,
    .verbatim = verbatim,
};

/*
 * Parse a document with `outside` values besides the five outside the list, and one element in it,
 * with `extra` values besides the four that are not in "v". Free the text after it.
 */
static struct rdv__json *bounded_of(size_t outside, size_t in_v, size_t extra, char **ret_text)
{
    char *outer =
        ones_between("{\"first\":1,\"outer\":{\"after\":[", outside, "],\"list\":[{\"o\":{\"v\":[");
    char *inner = ones_between(outer, in_v, "],\"w\":[");
    char *text = ones_between(inner, extra, "]}}]}}");
    struct rdv__json *json = NULL;

    ck_assert_int_eq(rdv__json_parse_borrowed(text, strlen(text), bounded, &json, NULL), 0);
    free(inner);
    free(outer);
    *ret_text = text;
    return json;
}

/* The root, "first", "outer", "after" and "list" are the others outside; the element, "o", "v" and "w"
 * are the others inside. */
enum { OUTSIDE = 20 - 5, INSIDE = 20 - 4 };

START_TEST(a_tree_ends_at_its_bound_and_the_check_tells_where)
{
    struct rdv_error error = {0};
    char *text;
    struct rdv__json *json = bounded_of(OUTSIDE, 0, 0, &text);

    ck_assert_int_eq(rdv__json_check_tree(json, &error), 0);
    rdv__json_free(json);
    free(text);
    /* What comes before the bound can be read. */
    json = bounded_of(OUTSIDE + 1, 0, 0, &text);
    int64_t first = 0;
    ck_assert_int_eq(rdv__json_integer(member(json, "first"), 1, 1, &first, NULL), 0);
    ck_assert_int_eq(rdv__json_check_tree(json, &error), RDV_ELIMIT);
    check_error(&error, RDV_ELIMIT, 1, 40 + 2 * OUTSIDE, "outer.list", "more than 20 values");
    rdv__json_free(json);
    free(text);
    json = bounded_of(OUTSIDE + 10, 0, 0, &text);
    ck_assert_int_eq(rdv__json_check_tree(json, &error), RDV_ELIMIT);
    check_error(&error, RDV_ELIMIT, 1, 30 + 2 * 16, "outer.after[16]", "more than 20 values");
    rdv__json_free(json);
    free(text);
}
END_TEST

/* Read the only element; returns the result. */
static int read_element(size_t in_v, size_t extra, struct rdv_error *error)
{
    static const char *const names[] = {"o", NULL}, *const inner_names[] = {"v", "w", NULL};
    struct rdv__value value, outer, inner[2];
    char *text;
    struct rdv__json *json = bounded_of(0, in_v, extra, &text);
    struct rdv__json_elements elements = rdv__json_elements(list_of(json), 0);
    int result = rdv__json_elements_next(&elements, &value, error);

    if (result == 0) {
        char *compact = NULL, *expected = ones_between("[", in_v, "]");
        size_t size, count;
        ck_assert_int_eq(rdv__json_members(value, names, &outer, NULL), 0);
        ck_assert_int_eq(rdv__json_members(outer, inner_names, inner, NULL), 0);
        ck_assert_int_eq(rdv__json_compact(inner[0], &compact, &size), 0);
        ck_assert_str_eq(compact, expected);
        ck_assert_int_eq(rdv__json_array(inner[1], &count, NULL), 0);
        ck_assert_uint_eq(count, extra);
        free(compact);
        free(expected);
    }
    rdv__json_elements_finish(&elements);
    rdv__json_free(json);
    free(text);
    return result;
}

START_TEST(an_element_may_be_larger_than_its_tree_by_what_is_kept_as_text)
{
    struct rdv_error error = {0};

    ck_assert_int_eq(read_element(0, INSIDE, &error), 0);
    ck_assert_int_eq(read_element(INSIDE, 0, &error), 0);
    ck_assert_int_eq(read_element(INSIDE + 1, 0, &error), 0);
    ck_assert_int_eq(read_element(100, INSIDE, &error), 0);
    ck_assert_int_eq(read_element(100, INSIDE + 1, &error), RDV_ELIMIT);
    ck_assert_str_eq(error.path, "outer.list[0].o.w[16]");
    ck_assert_ptr_nonnull(strstr(error.text, "more than 20 values"));
    ck_assert_int_eq(read_element(0, INSIDE + 5, &error), RDV_ELIMIT);
    ck_assert_str_eq(error.path, "outer.list[0].o.w[16]");
}
END_TEST

/* ---- cJSON and its surroundings ---- */

static long allocations_left; /* what cJSON gets before it gets nothing any more */

static void *CJSON_CDECL allocate_some(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void CJSON_CDECL release(void *memory)
{
    free(memory);
}

/* Read a request with this head, so many ones and this tail; returns how often cJSON asked for memory. */
static long count_allocations(const char *head, size_t ones, const char *tail, int expected)
{
    char *text = ones_between(head, ones, tail);
    struct rdv__request request;
    struct rdv__failure failure;
    struct rdv__schedule schedule = {.count = 0};

    allocations_left = LONG_MAX;
    int result = rdv__request_read(text, strlen(text), &request, &failure);
    ck_assert_str_eq(request.id, "7");
    if (result == 0) {
        result = rdv__schedule_read(request.params, NOW, &schedule, &failure.error);
        if (result == 0)
            rdv__schedule_finish(&schedule);
    }
    ck_assert_msg(result == expected, "%d: %s", result, failure.error.text);
    rdv__request_finish(&request);
    free(text);
    return LONG_MAX - allocations_left;
}

#define SCHEDULE_HEAD "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"schedule\",\"params\":"

START_TEST(no_request_becomes_a_tree_of_more_than_ten_thousand_values)
{
    static const struct {
        const char *head, *tail;
        int result;
    } requests[] = {
        {SCHEDULE_HEAD "{\"tasks\":[{\"label\":\"x\",\"context\":{\"json\":[", "]}}]}}", 0},
        {SCHEDULE_HEAD "{\"tasks\":[{\"label\":\"x\",\"context\":[", "]}]}}", RDV_ELIMIT},
        {SCHEDULE_HEAD "{\"tasks\":[{\"label\":[", "]}]}}", RDV_ELIMIT},
        {SCHEDULE_HEAD "{\"tasks\":[[", "]]}}", RDV_ELIMIT},
        {SCHEDULE_HEAD "{\"tasks\":[], \"x\":[", "]}}", RDV_ELIMIT},
        {SCHEDULE_HEAD "[", "]}", RDV_ELIMIT},
        {SCHEDULE_HEAD "{\"tasks\":[]},\"x\":[", "]}", RDV_ELIMIT},
    };
    cJSON_Hooks some = {allocate_some, release};

    cJSON_InitHooks(&some);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        long allocations =
            count_allocations(requests[i].head, 200000, requests[i].tail, requests[i].result);
        ck_assert_msg(allocations < 100, "%ld: %s", allocations, requests[i].head);
    }
    cJSON_InitHooks(NULL);
}
END_TEST

/* Read all of a text with so many allocations of cJSON. */
static int read_all(const char *text, struct rdv__json_form form, long allocations)
{
    struct rdv__json *json = NULL;
    struct rdv_error error = {0};
    struct rdv__value value = {NULL, NULL, 0};

    allocations_left = allocations;
    int result = rdv__json_parse(text, strlen(text), form, &json, &error);
    if (result == 0) {
        struct rdv__json_elements elements = rdv__json_elements(list_of(json), 0);
        do
            result = rdv__json_elements_next(&elements, &value, &error);
        while (result == 0 && value.item);
        rdv__json_elements_finish(&elements);
    }
    rdv__json_free(json);
    if (result != 0)
        ck_assert_ptr_nonnull(strstr(error.text, "out of memory"));
    return result;
}

START_TEST(no_memory_for_the_tree_is_told_wherever_it_is_missing)
{
    static const char large[] =
        "{\"outer\":{\"after\":[1],\"list\":[{\"o\":{\"v\":[1,2,3,4,5,6,7,8,9,0,"
        "1,2,3,4,5,6,7,8,9,0,1],\"w\":[1]}}]}}";
    const struct {
        const char *text;
        struct rdv__json_form form;
        int least; /* allocations */
    } forms[] = {{listed, whole, 15}, {listed, in_parts, 15}, {large, bounded, 10}};
    cJSON_Hooks some = {allocate_some, release};

    cJSON_InitHooks(&some);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        long allocations = 0;
        while (read_all(forms[i].text, forms[i].form, allocations) == RDV_ENOMEM)
            allocations++;
        ck_assert_int_eq(read_all(forms[i].text, forms[i].form, allocations), 0);
        ck_assert_int_gt(allocations, forms[i].least);
    }
    cJSON_InitHooks(NULL);
}
END_TEST

static void read_repeatedly(void *user)
{
    int *failures = user;

    for (int i = 0; i < 300; i++) {
        struct rdv__json *json = NULL;
        bool refused = i % 3 == 0;
        int result = rdv__json_parse(listed, strlen(listed) - refused, whole, &json, NULL);
        *failures += result != (refused ? RDV_ESYNTAX : 0);
        rdv__json_free(json);
    }
}

START_TEST(threads_may_parse_at_the_same_time)
{
    struct rdv__thread *threads[2];
    int failures[2] = {0, 0};

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(rdv__thread_new(read_repeatedly, &failures[i], &threads[i]), 0);
    for (int i = 0; i < 2; i++)
        rdv__thread_join(threads[i]);
    ck_assert_int_eq(failures[0] + failures[1], 0);
}
END_TEST

/* ----------------------------------------------------------------- writing */

START_TEST(what_is_written_is_one_compact_line)
{
    struct rdv__json_writer *writer;
    char *text = NULL;
    rdv_time time;

    ck_assert_int_eq(rdv_time_parse("2026-11-22T03:00:00.25+01:00", &time), 0);
    ck_assert_int_eq(rdv__json_writer_new(&writer), 0);
    rdv__json_write_integer(writer, "least", INT64_MIN);
    rdv__json_write_integer(writer, "exact", INT64_C(9007199254740993));
    rdv__json_write_string(writer, "none", NULL, 0);
    rdv__json_write_string(writer, "empty", "", 0);
    rdv__json_begin_array(writer, "list");
    rdv__json_begin_object(writer, NULL);
    rdv__json_end(writer);
    rdv__json_begin_object(writer, NULL);
    rdv__json_write_null(writer, "a");
    rdv__json_write_bool(writer, "b", true);
    rdv__json_end(writer);
    rdv__json_begin_array(writer, NULL);
    rdv__json_end(writer);
    rdv__json_write_bool(writer, NULL, false);
    rdv__json_write_integer(writer, NULL, -7);
    rdv__json_end(writer);
    rdv__json_write_time(writer, "at", time);
    rdv__json_write_time(writer, "never", 0);
    ck_assert_int_eq(rdv__json_writer_finish(writer, &text), 0);
    ck_assert_str_eq(text, "{\"least\":-9223372036854775808,\"exact\":9007199254740993,"
                           "\"none\":null,\"empty\":\"\","
                           "\"list\":[{},{\"a\":null,\"b\":true},[],false,-7],"
                           "\"at\":\"2026-11-22T02:00:00.25Z\",\"never\":null}");
    free(text);
}
END_TEST

START_TEST(written_strings_are_escaped_and_made_valid)
{
    static const char raw[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f\xC2\x85\xC2\xA0\xC3\xA9\xF0\x9F\x98\x80"
                              "|\xFF|\xC3|\xED\xA0\x80|\0|\xE2\x82";
    struct rdv__json_writer *writer;
    char *text = NULL;

    ck_assert_int_eq(rdv__json_writer_new(&writer), 0);
    rdv__json_write_string(writer, "t", raw, sizeof raw - 1);
    ck_assert_int_eq(rdv__json_writer_finish(writer, &text), 0);
    ck_assert_str_eq(text, "{\"t\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u0085\xC2\xA0"
                           "\xC3\xA9\xF0\x9F\x98\x80|\xEF\xBF\xBD|\xEF\xBF\xBD|"
                           "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD|"
                           "\xEF\xBF\xBD\xEF\xBF\xBD\"}");
    free(text);
}
END_TEST

START_TEST(what_is_written_reads_back_the_same)
{
    struct rdv__json_writer *writer;
    char bytes[127], *text = NULL;
    const char *back;

    for (int i = 0; i < 127; i++)
        bytes[i] = (char)(i + 1);
    ck_assert_int_eq(rdv__json_writer_new(&writer), 0);
    rdv__json_write_string(writer, "t", bytes, sizeof bytes);
    ck_assert_int_eq(rdv__json_writer_finish(writer, &text), 0);
    struct rdv__json *json = json_of(text);
    ck_assert_int_eq(rdv__json_string(member(json, "t"), &back, NULL), 0);
    ck_assert_uint_eq(strlen(back), sizeof bytes);
    ck_assert_mem_eq(back, bytes, sizeof bytes);
    rdv__json_free(json);
    free(text);
}
END_TEST

START_TEST(an_unfinished_writer_can_be_freed)
{
    struct rdv__json_writer *writer;

    ck_assert_int_eq(rdv__json_writer_new(&writer), 0);
    rdv__json_begin_array(writer, "list");
    rdv__json_writer_free(writer);
    rdv__json_writer_free(NULL);
}
END_TEST

#define LENGTH(table) ((int)(sizeof table / sizeof table[0]))

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *reading = tcase_create("reading");
    TCase *parts = tcase_create("parts");
    TCase *bounds = tcase_create("bounds");
    TCase *tree = tcase_create("tree");
    TCase *writing = tcase_create("writing");

    tcase_add_test(reading, what_a_lax_parser_would_let_through_is_refused);
    tcase_add_test(reading, a_parsed_text_is_a_copy);
    tcase_add_test(reading, a_file_is_loaded_and_a_missing_one_is_named);
    tcase_add_test(reading, walking_pairs_each_value_with_its_own_place);
    tcase_add_test(reading, an_empty_container_has_nothing_to_walk);
    tcase_add_test(reading, types_are_told_apart);
    tcase_add_test(reading, strings_come_unescaped);
    tcase_add_test(reading, each_way_to_write_a_character_says_the_same);
    tcase_add_test(reading, every_character_that_is_escaped_reads_as_cjson_reads_it);
    tcase_add_test(reading, any_document_reads_as_cjson_reads_it);
    tcase_add_test(reading, a_string_stays_while_others_are_read_and_reads_the_same_again);
    tcase_add_loop_test(reading, whole_numbers_are_read_exactly, 0, LENGTH(whole_numbers));
    tcase_add_loop_test(reading, other_numbers_are_not_rounded_to_whole_ones, 0,
                        LENGTH(other_numbers));
    tcase_add_test(reading, a_number_out_of_range_is_told_with_the_range);
    tcase_add_test(reading, durations_are_strings_within_bounds);
    tcase_add_test(reading, moments_are_rfc_3339_or_relative);
    tcase_add_test(reading, a_moment_may_be_of_any_length_and_have_escapes);
    tcase_add_test(reading, bytes_are_those_of_the_string);
    tcase_add_test(reading, an_object_is_read_by_its_known_members);
    tcase_add_test(reading, a_member_is_known_however_its_key_is_written);
    tcase_add_test(reading, an_unknown_member_is_told_at_its_key_with_the_known_ones);
    tcase_add_loop_test(reading, compact_text_keeps_each_string_and_number_as_it_was_written, 0,
                        LENGTH(compacts));
    tcase_add_test(reading, a_whole_document_can_be_made_compact);
    tcase_add_test(reading, names_that_differ_in_case_are_different);
    tcase_add_test(reading, numbers_with_a_decimal_point_read_as_they_are_written);
    rdv_test_add_unless(reading, the_locale_has_no_say_in_numbers,
                        other_point() ? NULL : "no locale here with another decimal point");
    suite_add_tcase(suite, reading);
    tcase_add_test(parts, an_array_that_was_left_out_is_walked_as_one_of_the_tree_is);
    tcase_add_test(parts, a_walk_may_end_early_and_an_empty_or_missing_array_is_fine);
    suite_add_tcase(suite, parts);
    tcase_add_test(bounds, a_tree_ends_at_its_bound_and_the_check_tells_where);
    tcase_add_test(bounds, an_element_may_be_larger_than_its_tree_by_what_is_kept_as_text);
    tcase_add_test(bounds, a_document_has_at_most_two_million_values);
    tcase_add_test(bounds,
                   a_request_has_at_most_ten_thousand_values_and_schedule_as_many_as_a_document);
    tcase_set_timeout(bounds, 30); /* millions of values, on a machine that does other things too */
    suite_add_tcase(suite, bounds);
    tcase_add_test(tree, no_memory_for_the_tree_is_told_wherever_it_is_missing);
    tcase_add_test(tree, no_request_becomes_a_tree_of_more_than_ten_thousand_values);
    tcase_add_test(tree, threads_may_parse_at_the_same_time);
    suite_add_tcase(suite, tree);
    tcase_add_test(writing, what_is_written_is_one_compact_line);
    tcase_add_test(writing, written_strings_are_escaped_and_made_valid);
    tcase_add_test(writing, what_is_written_reads_back_the_same);
    tcase_add_test(writing, an_unfinished_writer_can_be_freed);
    suite_add_tcase(suite, writing);
    return rdv_test_main(suite);
}
