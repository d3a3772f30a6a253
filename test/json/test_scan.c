/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <rdvtask/document.h>

#include "json/scan.h"

#define PLACED_FILL ((size_t)0x5A)

/* Scan a copy that ends where the text ends, so that reading past it is seen by sanitizers and Valgrind. */
static int scan_exactly(const char *text, size_t size, struct rdv_error *error)
{
    struct rdv__scan scan = {.count = PLACED_FILL};
    char *copy = malloc(size > 0 ? size : 1);

    ck_assert_ptr_nonnull(copy);
    if (size > 0)
        memcpy(copy, text, size);
    int result = rdv__scan(copy, size, RDV_DOCUMENT_VALUES, &scan, error);
    if (result == 0) {
        ck_assert_uint_gt(scan.count, 0);
        ck_assert_uint_eq(scan.values[0].next, scan.count);
        rdv__scan_finish(&scan);
    } else {
        ck_assert_uint_eq(scan.count, PLACED_FILL);
    }
    free(copy);
    return result;
}

static int scan_text(const char *text, struct rdv_error *error)
{
    return scan_exactly(text, strlen(text), error);
}

/* ------------------------------------------------------------------ syntax */

static const char *const accepted[] = {
    "{}",
    "[]",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "\"\"",
    " \t\r\n[ \t\r\n] \t\r\n",
    "[0,-0,-1,12,1.5,0.0,-0.25,1e3,1E3,1e+3,1e-3,0e0,0.1e10,123456789012345678901234567890]",
    "1.7976931348623157e308",
    "-1.7976931348623158e308",
    "17976931348623158e292",
    "0.00017976931348623157e312",
    "0e999999999999",
    "0.000e+99999",
    "1e-400",
    "9.9e307",
    "{\"a\":{\"b\":1},\"b\":[{\"c\":2}],\"c\":3}",
    "1e-99999999999999999999",
    "{\"a\":{\"a\":{\"a\":[]}},\"b\":[{\"a\":1},{\"a\":2}]}",
    "{\"\":1,\" \":2}",
    "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e9\\u20AC\\uFFFF\\ud83d\\ude00\"]",
    "[\"\x7F \xC2\x80 \xC3\xA9 \xE2\x82\xAC \xED\x9F\xBF \xEE\x80\x80\"]",
    "[\"\xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF\"]",
    "[\"\xEF\xBB\xBF\"]",
    "[\"// no comment, 'quoted', [{]}\"]",
    "{\"a\":1,\"A\":2,\"\\u00e9\":3,\"e\":4,\"\\n\":5,\"n\":6,\"\\ud83d\\ude00\":7}",
    "[\"01234567890123456789012345678901\\n0123456789012345678901234567890123456789\"]",
};

START_TEST(what_the_standard_allows_is_accepted)
{
    struct rdv_error error = {.line = 77};
    const char *text = accepted[_i];

    ck_assert_msg(scan_text(text, &error) == 0, "%s refused: %d:%d %s", text, error.line,
                  error.column, error.text);
    ck_assert_int_eq(error.line, 77);
}
END_TEST

static const struct refusal {
    const char *text;
    int code, line, column;
    const char *path, *words;
} refused[] = {
    /* nothing, or not all */
    {"", RDV_ESYNTAX, 1, 1, "", "expected a value, but found the end of the text"},
    {" \n ", RDV_ESYNTAX, 2, 2, "", "the end of the text"},
    {"[1,", RDV_ESYNTAX, 1, 4, "[1]", "expected a value, but found the end of the text"},
    {"[", RDV_ESYNTAX, 1, 2, "[0]", "expected a value or ']'"},
    {"{", RDV_ESYNTAX, 1, 2, "", "expected a key in double quotes or '}'"},
    {"{\"a\"", RDV_ESYNTAX, 1, 5, "a", "expected ':' after the key"},
    {"{\"a\":", RDV_ESYNTAX, 1, 6, "a", "expected a value"},
    {"{\"a\":1", RDV_ESYNTAX, 1, 7, "", "expected ',' or '}'"},
    {"\"abc", RDV_ESYNTAX, 1, 5, "", "the text ends inside a string"},
    {"tru", RDV_ESYNTAX, 1, 4, "", "the text ends inside 'true'"},
    {"-", RDV_ESYNTAX, 1, 2, "", "expected a digit after '-'"},
    {"\"\\", RDV_ESYNTAX, 1, 3, "", "ends inside a string"},
    {"\"\\u", RDV_ESYNTAX, 1, 4, "", "ends inside a string"},
    {"\"\\ud83d\\ude0", RDV_ESYNTAX, 1, 13, "", "ends inside a string"},
    {"\"\xE2\x82", RDV_ESYNTAX, 1, 4, "", "ends inside a character"},
    {"\"\xF8\x88", RDV_ESYNTAX, 1, 2, "", "byte 0xF8 is not valid UTF-8"},
    /* more than one value */
    {"{} {}", RDV_ESYNTAX, 1, 4, "", "expected nothing after the value, but found '{'"},
    {"1 2", RDV_ESYNTAX, 1, 3, "", "nothing after the value"},
    {"[]]", RDV_ESYNTAX, 1, 3, "", "nothing after the value, but found ']'"},
    {"{},", RDV_ESYNTAX, 1, 3, "", "nothing after the value, but found ','"},
    /* commas, colons, brackets */
    {"[1,]", RDV_ESYNTAX, 1, 4, "[1]", "found ']' (is there a ',' too many?)"},
    {"[,1]", RDV_ESYNTAX, 1, 2, "[0]", "expected a value, but found ','"},
    {"[1,,2]", RDV_ESYNTAX, 1, 4, "[1]", "found ','"},
    {"{\"a\":1,\n}", RDV_ESYNTAX, 2, 1, "",
     "expected a key in double quotes, but found '}' (is there a ',' too many?)"},
    {"{,}", RDV_ESYNTAX, 1, 2, "", "found ','"},
    {"{\"a\":}", RDV_ESYNTAX, 1, 6, "a", "expected a value, but found '}'"},
    {"{\"a\" 1}", RDV_ESYNTAX, 1, 6, "a", "expected ':' after the key, but found '1'"},
    {"{\"a\"::1}", RDV_ESYNTAX, 1, 6, "a", "found ':'"},
    {"{\"a\",1}", RDV_ESYNTAX, 1, 5, "a", "found ','"},
    {"[1 2]", RDV_ESYNTAX, 1, 4, "", "expected ',' or ']', but found '2'"},
    {"[\"a\" \"b\"]", RDV_ESYNTAX, 1, 6, "", "expected ',' or ']', but found '\"'"},
    {"{\"a\":1 \"b\":2}", RDV_ESYNTAX, 1, 8, "", "expected ',' or '}'"},
    {"[1}", RDV_ESYNTAX, 1, 3, "", "expected ',' or ']', but found '}'"},
    {"{\"a\":1]", RDV_ESYNTAX, 1, 7, "", "expected ',' or '}', but found ']'"},
    {"]", RDV_ESYNTAX, 1, 1, "", "found ']'"},
    {"{a:1}", RDV_ESYNTAX, 1, 2, "", "expected a key in double quotes or '}', but found 'a'"},
    {"{1:1}", RDV_ESYNTAX, 1, 2, "", "found '1'"},
    {"{'a':1}", RDV_ESYNTAX, 1, 2, "", "JSON has double quotes only"},
    {"['a']", RDV_ESYNTAX, 1, 2, "[0]", "JSON has double quotes only"},
    /* comments */
    {"// words\n{}", RDV_ESYNTAX, 1, 1, "", "JSON has no comments"},
    {"{} /* words */", RDV_ESYNTAX, 1, 4, "", "JSON has no comments"},
    {"[1, # words\n2]", RDV_ESYNTAX, 1, 5, "[1]", "JSON has no comments"},
    {"{\"a\": /**/ 1}", RDV_ESYNTAX, 1, 7, "a", "JSON has no comments"},
    /* words */
    {"nul", RDV_ESYNTAX, 1, 4, "", "inside 'null'"},
    {"[nul]", RDV_ESYNTAX, 1, 2, "[0]", "found 'nul'"},
    {"[True]", RDV_ESYNTAX, 1, 2, "[0]", "found 'True'"},
    {"[NaN]", RDV_ESYNTAX, 1, 2, "[0]", "expected a value, but found 'NaN'"},
    {"[-Infinity]", RDV_ESYNTAX, 1, 3, "[0]", "expected a digit after '-', but found 'Infinity'"},
    {"[undefined]", RDV_ESYNTAX, 1, 2, "[0]", "found 'undefined'"},
    {"[truely]", RDV_ESYNTAX, 1, 6, "", "expected ',' or ']', but found 'ly'"},
    /* numbers */
    {"[01]", RDV_ESYNTAX, 1, 2, "[0]", "a number must not begin with 0"},
    {"[-01]", RDV_ESYNTAX, 1, 3, "[0]", "a number must not begin with 0"},
    {"[00]", RDV_ESYNTAX, 1, 2, "[0]", "must not begin with 0"},
    {"[1.]", RDV_ESYNTAX, 1, 4, "[0]", "expected a digit after '.', but found ']'"},
    {"[1.e5]", RDV_ESYNTAX, 1, 4, "[0]", "expected a digit after '.'"},
    {"[.5]", RDV_ESYNTAX, 1, 2, "[0]", "found '.'"},
    {"[-.5]", RDV_ESYNTAX, 1, 3, "[0]", "expected a digit after '-'"},
    {"[+1]", RDV_ESYNTAX, 1, 2, "[0]", "found '+'"},
    {"[1e]", RDV_ESYNTAX, 1, 4, "[0]", "expected a digit in the exponent"},
    {"[1e+]", RDV_ESYNTAX, 1, 5, "[0]", "expected a digit in the exponent"},
    {"[--1]", RDV_ESYNTAX, 1, 3, "[0]", "expected a digit after '-'"},
    {"[0x10]", RDV_ESYNTAX, 1, 3, "", "found 'x'"},
    {"[1_000]", RDV_ESYNTAX, 1, 3, "", "found '_'"},
    {"[1e5.5]", RDV_ESYNTAX, 1, 5, "", "found '.'"},
    {"[1e400]", RDV_ELIMIT, 1, 2, "[0]", "the number is too large"},
    {"[-1e400]", RDV_ELIMIT, 1, 2, "[0]", "the number is too large"},
    {"[1.7976931348623159e308]", RDV_ELIMIT, 1, 2, "[0]", "too large"},
    {"[17976931348623159e292]", RDV_ELIMIT, 1, 2, "[0]", "too large"},
    {"[0.00017976931348623159e312]", RDV_ELIMIT, 1, 2, "[0]", "too large"},
    {"[1e99999999999999999999]", RDV_ELIMIT, 1, 2, "[0]", "too large"},
    {"[1234567890123456789012345678901234567890123456789012345678901234]", RDV_ELIMIT, 1, 2, "[0]",
     "longer than 63 bytes"},
    /* strings */
    {"[\"a\nb\"]", RDV_ESYNTAX, 1, 4, "[0]", "control character 0x0A must be escaped"},
    {"[\"\t\"]", RDV_ESYNTAX, 1, 3, "[0]", "control character 0x09"},
    {"[\"0123456789\x01\"]", RDV_ESYNTAX, 1, 13, "[0]", "control character 0x01"},
    {"[\"\\x41\"]", RDV_ESYNTAX, 1, 3, "[0]", "a backslash must not be followed by 'x'"},
    {"[\"\\'\"]", RDV_ESYNTAX, 1, 3, "[0]", "a backslash must not be followed by '''"},
    {"[\"\\\x01\"]", RDV_ESYNTAX, 1, 3, "[0]", "followed by byte 0x01"},
    {"[\"ab\\u12g4\"]", RDV_ESYNTAX, 1, 5, "[0]", "four hexadecimal digits"},
    {"[\"\\u00\"]", RDV_ESYNTAX, 1, 3, "[0]", "four hexadecimal digits"},
    {"[\"\\U0041\"]", RDV_ESYNTAX, 1, 3, "[0]", "must not be followed by 'U'"},
    {"[\"\\u0000\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\u0000 is not allowed"},
    {"{\"\\u0000\":1}", RDV_ESYNTAX, 1, 3, "", "\\u0000 is not allowed"},
    {"[\"\\ud83d\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\ud83d is half of a surrogate pair"},
    {"[\"\\ude00\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\ude00 is half of a surrogate pair"},
    {"[\"\\ud83d\\u0041\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\ud83d is half"},
    {"[\"\\ud83d\\ud83d\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\ud83d is half"},
    {"[\"\\ud83dx\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\ud83d is half"},
    {"[\"\\ud83d\\n\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\ud83d is half"},
    {"[\"\\ud83d\\u12g4\"]", RDV_ESYNTAX, 1, 3, "[0]", "\\ud83d is half"},
    /* UTF-8 */
    {"[\"ab\x80\"]", RDV_ESYNTAX, 1, 5, "[0]", "byte 0x80 is not valid UTF-8"},
    {"[\"\xC0\xAF\"]", RDV_ESYNTAX, 1, 3, "[0]", "byte 0xC0"},
    {"[\"\xE0\x80\xAF\"]", RDV_ESYNTAX, 1, 3, "[0]", "byte 0xE0"},
    {"[\"\xC3(\"]", RDV_ESYNTAX, 1, 3, "[0]", "byte 0xC3"},
    {"[\"\xED\xA0\x80\"]", RDV_ESYNTAX, 1, 3, "[0]", "byte 0xED"},
    {"[\"\xF4\x90\x80\x80\"]", RDV_ESYNTAX, 1, 3, "[0]", "byte 0xF4"},
    {"[\"\xF8\x88\x80\x80\x80\"]", RDV_ESYNTAX, 1, 3, "[0]", "byte 0xF8"},
    {"[\"\xE9t\xE9\"]", RDV_ESYNTAX, 1, 3, "[0]", "byte 0xE9"},
    {"\xFF\xFE{\x01", RDV_ESYNTAX, 1, 1, "", "UTF-16: save it as UTF-8 without a byte order mark"},
    {"\xFE\xFF", RDV_ESYNTAX, 1, 1, "", "UTF-16: save it as UTF-8 without a byte order mark"},
    {"\xFF\xFF{}", RDV_ESYNTAX, 1, 1, "", "byte 0xFF"},
    {"\xFE", RDV_ESYNTAX, 1, 1, "", "byte 0xFE"},
    {"\xEF\xBB\xBF{}", RDV_ESYNTAX, 1, 1, "", "save it as UTF-8 without a byte order mark"},
    {"\xC2\xA0[]", RDV_ESYNTAX, 1, 1, "", "expected a value, but found byte 0xC2"},
    {"[\f]", RDV_ESYNTAX, 1, 2, "[0]", "found byte 0x0C"},
    /* duplicate keys */
    {"{\"a\":1,\n \"a\":2}", RDV_ESYNTAX, 2, 2, "a",
     "the same key twice in one object (first on line 1, column 2)"},
    {"{\"t\":[{\"x\":1,\"b\":1,\"x\":1}]}", RDV_ESYNTAX, 1, 20, "t[0].x", "the same key twice"},
    {"{\"a\":1,\"\\u0061\":2}", RDV_ESYNTAX, 1, 8, "[\"\\u0061\"]", "the same key twice"},
    {"{\"\\u00e9\":1,\"\xC3\xA9\":2}", RDV_ESYNTAX, 1, 13, "[\"\xC3\xA9\"]", "the same key twice"},
    {"{\"\\u20ac\":1,\"\xE2\x82\xAC\":2}", RDV_ESYNTAX, 1, 13, "[\"\xE2\x82\xAC\"]", "same key"},
    {"{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}", RDV_ESYNTAX, 1, 19, "[\"\xF0\x9F\x98\x80\"]",
     "the same key twice"},
    {"{\"\\n\":1,\"\\u000A\":2}", RDV_ESYNTAX, 1, 9, "[\"\\u000A\"]", "the same key twice"},
    {"{\"\\/\":1,\"/\":2}", RDV_ESYNTAX, 1, 9, "[\"/\"]", "the same key twice"},
    /* where it is, and how that is told */
    {"{\n  \"tasks\": [\n    {},\n    {\"start\": nope}\n  ]\n}", RDV_ESYNTAX, 4, 15,
     "tasks[1].start", "expected a value, but found 'nope'"},
    {"[\r\n1,\r\n2,\r\nx]", RDV_ESYNTAX, 4, 1, "[2]", "found 'x'"},
    {"{\"a b\":{\"\":[[x]]}}", RDV_ESYNTAX, 1, 14, "[\"a b\"][\"\"][0][0]", "found 'x'"},
    {"{\"$a_1-b\":{\"1a\":x}}", RDV_ESYNTAX, 1, 17, "$a_1-b[\"1a\"]", "found 'x'"},
    {"{\"\x7F\xC2\x85\\n\":x}", RDV_ESYNTAX, 1, 10, "[\"\\u007f\\u0085\\n\"]", "found 'x'"},
    {"{\"a\":[1,{\"b\":2},[]],\"c\":[x]}", RDV_ESYNTAX, 1, 26, "c[0]", "found 'x'"},
};

START_TEST(what_the_standard_forbids_is_refused_with_place_path_and_words)
{
    const struct refusal *want = &refused[_i];
    struct rdv_error error = {0};

    ck_assert_msg(scan_text(want->text, &error) == want->code, "%s: wrong code, %s", want->text,
                  error.text);
    ck_assert_int_eq(error.code, want->code);
    ck_assert_msg(error.line == want->line && error.column == want->column, "%s: %d:%d %s",
                  want->text, error.line, error.column, error.text);
    ck_assert_str_eq(error.path, want->path);
    ck_assert_msg(strstr(error.text, want->words) != NULL, "%s: %s", want->text, error.text);
    ck_assert_int_eq(scan_text(want->text, NULL), want->code);
}
END_TEST

START_TEST(every_control_character_is_refused_anywhere_in_a_string)
{
    for (char c = 1; c < 0x20; c++) {
        for (size_t at = 1; at < 21; at++) {
            char text[] = "\"01234567890123456789\"";
            struct rdv_error error = {0};
            text[at] = c;
            ck_assert_int_eq(scan_text(text, &error), RDV_ESYNTAX);
            ck_assert_int_eq(error.column, (int)at + 1);
        }
    }
}
END_TEST

START_TEST(nul_bytes_are_refused_everywhere)
{
    static const struct {
        const char *text;
        size_t size;
        int column;
    } texts[] = {
        {"\0", 1, 1}, {"[]\0", 3, 3}, {"[\0]", 3, 2}, {"\"a\0b\"", 5, 3}, {"\"\\\0\"", 4, 2}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rdv_error error = {0};
        ck_assert_int_eq(scan_exactly(texts[i].text, texts[i].size, &error), RDV_ESYNTAX);
        ck_assert_int_eq(error.column, texts[i].column);
    }
}
END_TEST

static const char whole[] = "{\"tasks\": [\n  {\"label\": \"caf\xC3\xA9 \xE2\x82\xAC "
                            "\xF0\x9F\x98\x80\", \"n\": [-1.5e+3, 0, true]},\n"
                            "  {\"x\\u00e9\\ud83d\\ude00\\n\": null, \"y\": [false, {}, []]}\n]}";

START_TEST(every_beginning_of_a_document_is_refused_at_its_end)
{
    ck_assert_int_eq(scan_text(whole, NULL), 0);
    for (size_t size = 0; size < strlen(whole); size++) {
        struct rdv__scan scan = {.text = whole, .size = size};
        struct rdv_error error = {0};
        int line, column;
        ck_assert_int_eq(scan_exactly(whole, size, &error), RDV_ESYNTAX);
        rdv__scan_place(&scan, size, &line, &column);
        ck_assert_msg(error.line == line && error.column == column, "%u bytes: %d:%d %s",
                      (unsigned)size, error.line, error.column, error.text);
    }
}
END_TEST

/* A small generator of its own, so that a seed gives the same documents everywhere. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

START_TEST(what_a_damaged_document_scans_as_cjson_parses_too)
{
    static const char spice[] = "{}[]\",:\\u0e-+. 9tn\n\xC3\xA9\xF0";
    uint32_t state = 0x9E3779B9u + (uint32_t)_i;
    unsigned good = 0;

    for (int round = 0; round < 4000; round++) {
        char text[2 * sizeof whole];
        size_t size = strlen(whole);
        memcpy(text, whole, size);
        for (uint32_t changes = 1 + next_random(&state) % 3; changes > 0; changes--) {
            size_t at = next_random(&state) % size;
            char byte = spice[next_random(&state) % (sizeof spice - 1)];
            switch (next_random(&state) % 4) {
            case 0:
                text[at] = byte;
                break;
            case 1:
                memmove(text + at, text + at + 1, --size - at);
                break;
            case 2:
                memmove(text + at + 1, text + at, size++ - at);
                text[at] = byte;
                break;
            default:
                text[at] = (char)(next_random(&state) & 0xFF);
                break;
            }
        }
        struct rdv_error error = {0};
        if (scan_exactly(text, size, &error) < 0) {
            ck_assert_int_gt(error.line, 0);
            ck_assert_int_gt(error.column, 0);
            ck_assert_str_ne(error.text, "");
            continue;
        }
        good++;
        cJSON *root = cJSON_ParseWithLength(text, size);
        ck_assert_msg(root != NULL, "cJSON refuses %.*s", (int)size, text);
        cJSON_Delete(root);
    }
    ck_assert_uint_gt(good, 50);
}
END_TEST

/* ------------------------------------------------------------------ limits */

START_TEST(sixty_four_levels_are_fine_and_sixty_five_are_not)
{
    char text[2 * 65 + 1] = {0};
    struct rdv_error error = {0};

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    ck_assert_int_eq(scan_text(text, NULL), 0);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    ck_assert_int_eq(scan_text(text, &error), RDV_ELIMIT);
    ck_assert_int_eq(error.column, 65);
    ck_assert_ptr_nonnull(strstr(error.text, "64 levels"));
}
END_TEST

START_TEST(depth_is_depth_and_not_the_number_of_containers)
{
    size_t count = 1000;
    char *text = malloc(3 * count + 2);
    size_t size = 0;

    ck_assert_ptr_nonnull(text);
    text[size++] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(text + size, i + 1 < count ? "[]," : "{}]", 3);
        size += 3;
    }
    ck_assert_int_eq(scan_exactly(text, size, NULL), 0);
    free(text);
}
END_TEST

START_TEST(a_document_of_64_mib_is_scanned_and_one_byte_more_is_refused)
{
    size_t size = RDV_DOCUMENT_MAX;
    struct rdv_error error = {0};
    struct rdv__scan scan = {0};
    char *text = malloc(size + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, ' ', size + 1);
    text[size - 1] = '1';
    ck_assert_int_eq(rdv__scan(text, size, RDV_DOCUMENT_VALUES, &scan, &error), 0);
    ck_assert_uint_eq(scan.values[0].offset, size - 1);
    rdv__scan_finish(&scan);
    ck_assert_int_eq(rdv__scan(text, size + 1, RDV_DOCUMENT_VALUES, &scan, &error), RDV_ELIMIT);
    ck_assert_ptr_nonnull(strstr(error.text, "64 MiB"));
    free(text);
}
END_TEST

START_TEST(the_number_of_values_is_bounded)
{
    /* Of the array's own value and its elements. */
    size_t size = 2 * (size_t)RDV_DOCUMENT_VALUES - 1;
    struct rdv_error error = {0};
    struct rdv__scan scan = {0};
    char *text = malloc(size + 3);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size + 2; i += 2) {
        text[i] = i == 0 ? '[' : ',';
        text[i + 1] = '1';
    }
    text[size - 1] = ']';
    ck_assert_int_eq(rdv__scan(text, size, RDV_DOCUMENT_VALUES, &scan, &error), 0);
    ck_assert_uint_eq(scan.count, RDV_DOCUMENT_VALUES);
    rdv__scan_finish(&scan);
    text[size - 1] = ',';
    text[size + 1] = ']';
    ck_assert_int_eq(rdv__scan(text, size + 2, RDV_DOCUMENT_VALUES, &scan, &error), RDV_ELIMIT);
    ck_assert_int_eq(error.column, (int)size + 1);
    ck_assert_ptr_nonnull(strstr(error.text, "more than 2000000 values"));
    free(text);
}
END_TEST

/* ------------------------------------------------------------ many things */

/* An object of `count` different keys; the one at `twin` (if there are so many) is made to be that of `of`. */
static char *object_of(size_t count, size_t twin, size_t of, size_t *ret_size)
{
    char *text = malloc(count * 24 + 3);
    size_t size = 1;

    ck_assert_ptr_nonnull(text);
    text[0] = '{';
    for (size_t i = 0; i < count; i++) {
        unsigned long number = (unsigned long)(i == twin ? of : i) * 2654435761u % 4294967296u;
        size += (size_t)sprintf(text + size, "%s\"k%lu\":0", i > 0 ? "," : "", number);
    }
    text[size++] = '}';
    *ret_size = size;
    return text;
}

START_TEST(a_repeated_key_is_found_in_objects_of_any_size)
{
    for (size_t count = 2; count < 60; count++) {
        for (size_t twin = 1; twin < count; twin++) {
            struct rdv_error error = {0};
            size_t size, before;
            char *text = object_of(count, count, 0, &size);
            ck_assert_int_eq(scan_exactly(text, size, NULL), 0);
            free(text);
            text = object_of(count, twin, twin / 2, &size);
            char *head = object_of(twin, twin, 0, &before);
            ck_assert_int_eq(scan_exactly(text, size, &error), RDV_ESYNTAX);
            ck_assert_ptr_nonnull(strstr(error.text, "the same key twice"));
            /* "{...}" without its brace, a comma, and there it is. */
            ck_assert_int_eq(error.column, (int)before + 1);
            free(head);
            free(text);
        }
    }
}
END_TEST

START_TEST(the_first_of_several_repeated_keys_is_told)
{
    struct rdv_error error = {0};
    char text[1024] = "{";

    for (int i = 0; i < 20; i++)
        sprintf(text + strlen(text), "\"k%d\":0,", i);
    size_t at = strlen(text);
    strcat(text, "\"\\u006b7\":0,\"k3\":0,\"k7\":0}");
    ck_assert_int_eq(scan_text(text, &error), RDV_ESYNTAX);
    ck_assert_int_eq(error.column, (int)at + 1);
    ck_assert_str_eq(error.path, "[\"\\u006b7\"]");
    ck_assert_ptr_nonnull(strstr(error.text, "line 1, column 51)"));
}
END_TEST

START_TEST(a_million_keys_in_one_object_are_compared_in_reasonable_time)
{
    const size_t keys = rdv_test_slowly() ? 50000 : 1000000;
    size_t size;
    char *text = object_of(keys, keys - 1, keys / 2 - 1, &size);
    struct rdv__scan scan;
    struct rdv_error error = {0};

    ck_assert_int_eq(rdv__scan(text, size, RDV_DOCUMENT_VALUES, &scan, &error), RDV_ESYNTAX);
    ck_assert_ptr_nonnull(strstr(error.text, "the same key twice"));
    free(text);
}
END_TEST

/* ------------------------------------------------------------------ places */

static const char placed[] =
    "{\n"
    "  \"tasks\": [\n"
    "    { \"label\": \"a\", \"context\" : {\"json\": [1, [2, 3], {\"k\": 4}]} },\n"
    "    null,\n"
    "    { \"q\\\"u\\\\\" : true, \"\\\\\":7 }\n"
    "  ], \"z\": \"end\"\n"
    "}";

static const struct {
    int line, column, key_column;
    const char *path, *begins;
} places[] = {
    {1, 1, 1, "", "{"},
    {2, 12, 3, "tasks", "["},
    {3, 5, 5, "tasks[0]", "{ \"label"},
    {3, 16, 7, "tasks[0].label", "\"a\""},
    {3, 33, 21, "tasks[0].context", "{\"json"},
    {3, 42, 34, "tasks[0].context.json", "[1"},
    {3, 43, 43, "tasks[0].context.json[0]", "1"},
    {3, 46, 46, "tasks[0].context.json[1]", "[2"},
    {3, 47, 47, "tasks[0].context.json[1][0]", "2"},
    {3, 50, 50, "tasks[0].context.json[1][1]", "3"},
    {3, 54, 54, "tasks[0].context.json[2]", "{\"k"},
    {3, 60, 55, "tasks[0].context.json[2].k", "4"},
    {4, 5, 5, "tasks[1]", "null"},
    {5, 5, 5, "tasks[2]", "{ \"q"},
    {5, 18, 7, "tasks[2][\"q\\\"u\\\\\"]", "true"},
    {5, 29, 24, "tasks[2][\"\\\\\"]", "7"},
    {6, 11, 6, "z", "\"end\""},
};

START_TEST(every_value_has_its_place_path_and_successor)
{
    struct rdv__scan scan;
    struct rdv__scan_cursor cursor = {0};
    size_t count = sizeof places / sizeof places[0];

    ck_assert_int_eq(rdv__scan(placed, strlen(placed), RDV_DOCUMENT_VALUES, &scan, NULL), 0);
    ck_assert_uint_eq(scan.count, count);
    for (uint32_t i = 0; i < count; i++) {
        char path[128];
        int line, column;
        const char *begins = places[i].begins;
        ck_assert_int_eq(strncmp(placed + scan.values[i].offset, begins, strlen(begins)), 0);
        rdv__scan_path(&scan, i, path, sizeof path);
        ck_assert_str_eq(path, places[i].path);
        rdv__scan_place(&scan, scan.values[i].offset, &line, &column);
        ck_assert_int_eq(line, places[i].line);
        ck_assert_int_eq(column, places[i].column);
        rdv__scan_place_next(&scan, &cursor, scan.values[i].offset, &line, &column);
        ck_assert_int_eq(line, places[i].line);
        ck_assert_int_eq(column, places[i].column);
        rdv__scan_place(&scan, scan.values[i].key, &line, &column);
        ck_assert_int_eq(column, places[i].key_column);
    }
    ck_assert_uint_eq(scan.values[2].next, 12);
    ck_assert_uint_eq(scan.values[5].next, 12);
    ck_assert_uint_eq(scan.values[7].next, 10);
    ck_assert_uint_eq(scan.values[12].next, 13);
    ck_assert_uint_eq(scan.values[0].next, count);
    rdv__scan_finish(&scan);
    rdv__scan_finish(&scan);
}
END_TEST

START_TEST(a_long_path_keeps_its_end)
{
    struct rdv__scan scan;
    char path[16], roomy[64];
    static const char text[] = "{\"outermost\":{\"middle\":{\"start\":1}}}";
    static const char euros[] = "{\"\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\":[1]}";
    static const char accents[] = "{\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\":[1]}";

    ck_assert_int_eq(rdv__scan(text, strlen(text), RDV_DOCUMENT_VALUES, &scan, NULL), 0);
    rdv__scan_path(&scan, 3, path, sizeof path);
    ck_assert_str_eq(path, "...middle.start");
    rdv__scan_path(&scan, 3, path, 12);
    ck_assert_str_eq(path, "...le.start");
    rdv__scan_path(&scan, 3, roomy, strlen("outermost.middle.start") + 1);
    ck_assert_str_eq(roomy, "outermost.middle.start");
    rdv__scan_path(&scan, 3, roomy, strlen("outermost.middle.start"));
    ck_assert_str_eq(roomy, "...rmost.middle.start");
    rdv__scan_finish(&scan);

    /* No half characters. */
    ck_assert_int_eq(rdv__scan(accents, strlen(accents), RDV_DOCUMENT_VALUES, &scan, NULL), 0);
    rdv__scan_path(&scan, 2, path, 16);
    ck_assert_str_eq(path, "...\xC3\xA9\xC3\xA9\xC3\xA9\"][0]");
    rdv__scan_path(&scan, 2, path, 14);
    ck_assert_str_eq(path, "...\xC3\xA9\xC3\xA9\"][0]");
    rdv__scan_path(&scan, 2, roomy, sizeof roomy);
    ck_assert_str_eq(roomy, "[\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"][0]");
    rdv__scan_finish(&scan);
    ck_assert_int_eq(rdv__scan(euros, strlen(euros), RDV_DOCUMENT_VALUES, &scan, NULL), 0);
    for (size_t room = 12; room <= 14; room++) {
        rdv__scan_path(&scan, 2, path, room + 1);
        ck_assert_str_eq(path,
                         room < 14 ? "...\xE2\x82\xAC\"][0]" : "...\xE2\x82\xAC\xE2\x82\xAC\"][0]");
    }
    rdv__scan_finish(&scan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scan");
    TCase *syntax = tcase_create("syntax");
    TCase *limits = tcase_create("limits");
    TCase *place = tcase_create("places");

    tcase_add_loop_test(syntax, what_the_standard_allows_is_accepted, 0,
                        (int)(sizeof accepted / sizeof accepted[0]));
    tcase_add_loop_test(syntax, what_the_standard_forbids_is_refused_with_place_path_and_words, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(syntax, every_control_character_is_refused_anywhere_in_a_string);
    tcase_add_test(syntax, nul_bytes_are_refused_everywhere);
    tcase_add_test(syntax, every_beginning_of_a_document_is_refused_at_its_end);
    tcase_add_loop_test(syntax, what_a_damaged_document_scans_as_cjson_parses_too, 0, 5);
    suite_add_tcase(suite, syntax);
    tcase_set_timeout(limits, 30);
    tcase_add_test(limits, sixty_four_levels_are_fine_and_sixty_five_are_not);
    tcase_add_test(limits, depth_is_depth_and_not_the_number_of_containers);
    tcase_add_test(limits, a_document_of_64_mib_is_scanned_and_one_byte_more_is_refused);
    tcase_add_test(limits, the_number_of_values_is_bounded);
    tcase_add_test(limits, a_repeated_key_is_found_in_objects_of_any_size);
    tcase_add_test(limits, the_first_of_several_repeated_keys_is_told);
    tcase_add_test(limits, a_million_keys_in_one_object_are_compared_in_reasonable_time);
    suite_add_tcase(suite, limits);
    tcase_add_test(place, every_value_has_its_place_path_and_successor);
    tcase_add_test(place, a_long_path_keeps_its_end);
    suite_add_tcase(suite, place);
    return rdv_test_main(suite);
}
