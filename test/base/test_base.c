/* SPDX-License-Identifier: MIT */
#include "base/error.h"
#include "base/utf8.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "harness.h"
#include "kit/kit.h"

/* ------------------------------------------------------------------ errors */

static const struct row {
    const char *name;
    int code;
    uint32_t hresult;
    const char *words;
} rows[] = {
#define ROW(name, number, hresult, words) {#name, name, hresult, words},
    RDV_ERRORS(ROW)
#undef ROW
};

#define ROWS ((int)(sizeof rows / sizeof rows[0]))

START_TEST(the_version_is_the_headers)
{
    char version[32];

    snprintf(version, sizeof version, "%d.%d.%d", RDV_VERSION_MAJOR, RDV_VERSION_MINOR,
             RDV_VERSION_PATCH);
    ck_assert_str_eq(rdv_version(), version);
}
END_TEST

START_TEST(an_error_has_one_hresult_both_ways)
{
    const struct row *row = &rows[_i];

    ck_assert_msg(row->code < 0, "%s is not negative", row->name);
    ck_assert_msg(row->hresult & 0x80000000u, "%s has an HRESULT of success", row->name);
    ck_assert_uint_eq(rdv_error_to_hresult(row->code), row->hresult);
    ck_assert_int_eq(rdv_error_from_hresult(row->hresult), row->code);
    ck_assert_str_eq(rdv_strerror(row->code), row->words);
}
END_TEST

START_TEST(no_two_errors_share_a_number_an_hresult_or_words)
{
    for (int other = 0; other < _i; other++) {
        ck_assert_int_ne(rows[_i].code, rows[other].code);
        ck_assert_uint_ne(rows[_i].hresult, rows[other].hresult);
        ck_assert_str_ne(rows[_i].words, rows[other].words);
    }
}
END_TEST

START_TEST(numbers_that_are_out_in_the_world_do_not_change)
{
    ck_assert_int_eq(RDV_EINVAL, -1);
    ck_assert_uint_eq(rdv_error_to_hresult(RDV_EINVAL), 0x80070057u);  /* E_INVALIDARG */
    ck_assert_uint_eq(rdv_error_to_hresult(RDV_ENOMEM), 0x8007000Eu);  /* E_OUTOFMEMORY */
    ck_assert_uint_eq(rdv_error_to_hresult(RDV_EACCES), 0x80070005u);  /* E_ACCESSDENIED */
    ck_assert_uint_eq(rdv_error_to_hresult(RDV_EFAILED), 0x80004005u); /* E_FAIL */
    ck_assert_int_eq(RDV_EEXISTS, -22);
    ck_assert_int_eq(RDV_ERESOURCES, -23);
    ck_assert_int_eq(RDV_EUNRECORDED, -24);
    ck_assert_uint_eq(rdv_error_to_hresult(RDV_EUNRECORDED), 0x8000000Au); /* E_PENDING */
    ck_assert_int_eq(RDV_ELOST, -25);
}
END_TEST

START_TEST(success_is_zero_both_ways)
{
    ck_assert_uint_eq(rdv_error_to_hresult(0), 0);
    ck_assert_int_eq(rdv_error_from_hresult(0), 0);
    ck_assert_int_eq(rdv_error_from_hresult(1), 0); /* S_FALSE */
    ck_assert_int_eq(rdv_error_from_hresult(0x7FFFFFFFu), 0);
    ck_assert_str_eq(rdv_strerror(0), "success");
}
END_TEST

START_TEST(an_unknown_number_is_a_failure)
{
    static const int codes[] = {1, 57, -999, -1000, INT_MAX, INT_MIN};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        ck_assert_uint_eq(rdv_error_to_hresult(codes[i]), 0x8000FFFFu);
        ck_assert_str_eq(rdv_strerror(codes[i]), "unknown error");
    }
    ck_assert_int_eq(rdv_error_from_hresult(0x80040154u), RDV_EFAILED);
}
END_TEST

START_TEST(a_failure_fills_in_the_error)
{
    struct rdv_error error;

    memset(&error, 0xA5, sizeof error);
    ck_assert_int_eq(rdv__fail(&error, RDV_EIO, "cannot read '%s': %d", "a.json", 5), RDV_EIO);
    ck_assert_int_eq(error.code, RDV_EIO);
    ck_assert_int_eq(error.line, 0);
    ck_assert_int_eq(error.column, 0);
    ck_assert_str_eq(error.path, "");
    ck_assert_str_eq(error.text, "cannot read 'a.json': 5");
}
END_TEST

START_TEST(a_failure_may_have_a_place)
{
    struct rdv_error error;

    memset(&error, 0xA5, sizeof error);
    ck_assert_int_eq(
        rdv__fail_at(&error, RDV_ESYNTAX, 12, 7, "tasks[3].start", "expected %s", "a time"),
        RDV_ESYNTAX);
    ck_assert_int_eq(error.code, RDV_ESYNTAX);
    ck_assert_int_eq(error.line, 12);
    ck_assert_int_eq(error.column, 7);
    ck_assert_str_eq(error.path, "tasks[3].start");
    ck_assert_str_eq(error.text, "expected a time");

    ck_assert_int_eq(rdv__fail_at(&error, RDV_EINVAL, 1, 1, NULL, "no"), RDV_EINVAL);
    ck_assert_str_eq(error.path, "");
}
END_TEST

START_TEST(a_failure_needs_nobody_who_asks_why)
{
    ck_assert_int_eq(rdv__fail(NULL, RDV_EIO, "%s", "lost"), RDV_EIO);
    ck_assert_int_eq(rdv__fail_at(NULL, RDV_EIO, 1, 2, "a", "%s", "lost"), RDV_EIO);
}
END_TEST

START_TEST(a_failure_may_be_made_of_an_earlier_one)
{
    struct rdv_error error;

    rdv__fail_at(&error, RDV_EINVAL, 3, 4, "a.b", "no such \\n unit");
    rdv__fail_at(&error, RDV_EINVAL, error.line, error.column, error.path, "x.json: %s",
                 error.text);
    ck_assert_int_eq(error.line, 3);
    ck_assert_str_eq(error.path, "a.b");
    ck_assert_str_eq(error.text, "x.json: no such \\n unit");
}
END_TEST

START_TEST(words_of_a_failure_are_one_line_of_good_text)
{
    struct rdv_error error;

    rdv__fail_at(&error, RDV_EINVAL, 1, 1, "a\nb", "%s",
                 "\x1b[31m\n\xff \xc2\x9b caf\xc3\xa9 a\\b");
    ck_assert_str_eq(error.path, "a\\nb");
    ck_assert_str_eq(error.text, "\\x1b[31m\\n\\xff \\xc2\\x9b caf\xc3\xa9 a\\b");
}
END_TEST

/* Words of a character that is repeated; those that do not fit end with "...", at a whole character. */
static void check_cut(const char *character, size_t times, bool fits)
{
    struct rdv_error error;
    size_t size = strlen(character) * times;
    char *words = malloc(size + 1);

    ck_assert_ptr_nonnull(words);
    for (size_t i = 0; i < times; i++)
        memcpy(words + i * strlen(character), character, strlen(character));
    words[size] = '\0';

    rdv__fail(&error, RDV_EINVAL, "%s", words);
    size_t length = strlen(error.text);
    ck_assert(rdv__utf8_valid(error.text, length));
    if (fits) {
        ck_assert_str_eq(error.text, words);
    } else {
        ck_assert_str_eq(error.text + length - 3, "...");
        ck_assert_uint_eq((length - 3) % strlen(character), 0);
        ck_assert_int_eq(memcmp(error.text, words, length - 3), 0);
        ck_assert_uint_gt(length + strlen(character) + 1, sizeof error.text - 1);
    }
    free(words);
}

START_TEST(words_that_are_too_long_are_cut_at_a_character)
{
    check_cut("a", 383, true);
    check_cut("a", 384, false);
    check_cut("a", 100000, false);
    check_cut("\xe2\x82\xac", 127, true);
    check_cut("\xe2\x82\xac", 128, false);
    for (size_t times = 330; times < 360; times++) /* about RDV__LOG_LINE */
        check_cut("\xe2\x82\xac", times, false);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_cut)
{
    struct rdv_error error;
    char path[200];

    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    rdv__fail_at(&error, RDV_EINVAL, 1, 1, path, "no");
    ck_assert_uint_eq(strlen(error.path), sizeof error.path - 1);
    ck_assert_str_eq(error.path + sizeof error.path - 5, "p...");
}
END_TEST

/* ------------------------------------------------------------------- UTF-8 */

/* Put a number into a sequence of this length, whether or not that is the right one. */
static void encode(uint32_t number, size_t length, unsigned char *bytes)
{
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = length; i-- > 1; number >>= 6)
        bytes[i] = (unsigned char)(0x80 | (number & 0x3F));
    bytes[0] = (unsigned char)(leads[length] | number);
}

START_TEST(a_character_is_taken_in_its_shortest_form_only)
{
    static const uint32_t past[] = {0, 0x80, 0x800, 0x10000, 0x200000};

    for (size_t length = 1; length <= 4; length++) {
        for (uint32_t number = 0; number < past[length]; number++) {
            unsigned char bytes[4];
            bool good = number >= (length > 1 ? past[length - 1] : 0) && number <= 0x10FFFF &&
                        (number < 0xD800 || number > 0xDFFF);
            encode(number, length, bytes);
            if (rdv__utf8_valid(bytes, length) != good)
                ck_abort_msg("U+%04X in %zu bytes", (unsigned)number, length);
            if (length > 1 && rdv__utf8_valid(bytes, length - 1))
                ck_abort_msg("U+%04X without its last byte", (unsigned)number);
        }
    }
}
END_TEST

START_TEST(what_is_no_utf8_is_seen_wherever_it_stands)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc3",
        "\xc3(",
        "\xe2\x82",
        "\xe2(\xac",
        "\xe2\x82(",
        "\xed\xa0\x80",
        "\xf0\x9f\x98",
        "\xf0\x9f(\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t at = 0; at < 20; at++) {
            char text[40];
            memset(text, 'a', sizeof text);
            ck_assert(rdv__utf8_valid(text, sizeof text));
            memcpy(text + at, bad[i], strlen(bad[i]));
            ck_assert_msg(!rdv__utf8_valid(text, sizeof text), "number %zu at %zu", i, at);
            ck_assert_msg(!rdv__utf8_valid(text, at + strlen(bad[i])), "number %zu ends", i);
        }
    }
}
END_TEST

START_TEST(nothing_and_nul_bytes_are_good_utf8)
{
    ck_assert(rdv__utf8_valid("", 0));
    ck_assert(rdv__utf8_valid(NULL, 0));
    ck_assert(rdv__utf8_valid("a\0b", 3));
}
END_TEST

START_TEST(text_is_cut_between_characters)
{
    /* 1, 2, 3 and 4 bytes */
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10, 10};

    for (size_t limit = 0; limit < sizeof cuts / sizeof cuts[0]; limit++)
        ck_assert_uint_eq(rdv__utf8_cut(text, sizeof text - 1, limit), cuts[limit]);
}
END_TEST

START_TEST(text_that_is_no_utf8_can_be_cut_anywhere)
{
    static const char text[] = "\x80\x80\x80\x80\x80\x80";

    ck_assert_uint_eq(rdv__utf8_cut(text, 6, 5), 5);
    ck_assert_uint_eq(rdv__utf8_cut(text, 6, 2), 2);
    ck_assert_uint_eq(rdv__utf8_cut(text, 6, 0), 0);
    ck_assert_uint_eq(rdv__utf8_cut("a\x80\x80\x80\x80\x80", 6, 5), 5);
}
END_TEST

/* ----------------------------------------------------------------- escapes */

static const struct escape {
    const char *text;
    size_t size;
    const char *shown;
} escapes[] = {
    {"", 0, ""},
    {"plain", 5, "plain"},
    {"a\nb\tc\\d", 7, "a\\nb\\tc\\\\d"},
    {"\r\x1b\x7f", 3, "\\x0d\\x1b\\x7f"},
    {"\0", 1, "\\x00"},
    {"\x1f ~", 3, "\\x1f ~"},
    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 14, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\xc2\x80\xc2\x9f\xc2\xa0", 6, "\\xc2\\x80\\xc2\\x9f\xc2\xa0"}, /* C1, and what follows it */
    {"\xff\xc3", 2, "\\xff\\xc3"},
    {"a\xe2\x80\x8b\xef\xbb\xbf", 7, "a\\xe2\\x80\\x8b\\xef\\xbb\\xbf"},        /* not seen */
    {"\xe2\x80\xae\xe2\x81\xa6", 6, "\\xe2\\x80\\xae\\xe2\\x81\\xa6"},          /* orders */
    {"\xe2\x80\xa8\xf3\xa0\x81\x81", 7, "\\xe2\\x80\\xa8\\xf3\\xa0\\x81\\x81"}, /* breaks; a tag */
    {"\xe2\x82z", 3, "\\xe2\\x82z"},
};

START_TEST(control_characters_and_bad_bytes_are_escaped)
{
    const struct escape *row = &escapes[_i];
    char buffer[64];

    ck_assert_uint_eq(rdv__escape(row->text, row->size, buffer, sizeof buffer), strlen(row->shown));
    ck_assert_str_eq(buffer, row->shown);
}
END_TEST

START_TEST(what_is_escaped_is_cut_at_a_whole_character_or_escape)
{
    static const char text[] = "a\n\xe2\x82\xac\x01z"; /* a \n € \x01 z: 1 2 3 4 1 */
    static const char shown[] = "a\\n\xe2\x82\xac\\x01z";
    static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

    for (size_t room = 0; room < sizeof ends / sizeof ends[0]; room++) {
        char buffer[32];
        memset(buffer, '#', sizeof buffer);
        ck_assert_uint_eq(rdv__escape(text, sizeof text - 1, buffer, room + 1), sizeof shown - 1);
        ck_assert_uint_eq(strlen(buffer), ends[room]);
        ck_assert_int_eq(memcmp(buffer, shown, ends[room]), 0);
        ck_assert_int_eq(buffer[room + 1], '#');
    }
}
END_TEST

START_TEST(the_length_can_be_asked_for_without_a_buffer)
{
    ck_assert_uint_eq(rdv__escape("a\nb", 3, NULL, 0), 4);
}
END_TEST

/* --------------------------------------------------------------------- log */

START_TEST(a_log_gets_one_line_with_control_characters_escaped)
{
    static struct rdv_kit_log heard;
    rdv_log log = rdv_kit_log_ops(&heard);
    rdv_kit_log_clear(&heard);

    rdv__log(&log, RDV_LOG_WARNING, "run %d said '%s'", 7, "a\nb\\n\x1b");
    ck_assert_int_eq(heard.lines, 1);
    ck_assert_int_eq(heard.level, RDV_LOG_WARNING);
    ck_assert_str_eq(heard.last, "run 7 said 'a\\nb\\n\\x1b'");
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut)
{
    static struct rdv_kit_log heard;
    rdv_log log = rdv_kit_log_ops(&heard);
    rdv_kit_log_clear(&heard);

    rdv__log(&log, RDV_LOG_INFO, "%2000d", 1);
    ck_assert_uint_eq(strlen(heard.last), RDV__LOG_LINE - 1);
    ck_assert_str_eq(heard.last + RDV__LOG_LINE - 5, " ...");

    rdv__log(&log, RDV_LOG_INFO, "%1023d", 1);
    ck_assert_uint_eq(strlen(heard.last), 1023);
    ck_assert_str_eq(heard.last + 1021, " 1");
}
END_TEST

START_TEST(without_a_log_lines_are_dropped)
{
    rdv_log log = {NULL, NULL};

    rdv__log(NULL, RDV_LOG_ERROR, "%s", "nobody");
    rdv__log(&log, RDV_LOG_ERROR, "%s", "nobody");
}
END_TEST

START_TEST(a_text_is_freed_and_null_is_fine)
{
    rdv_free(malloc(10));
    rdv_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *errors = tcase_create("errors");
    TCase *utf8 = tcase_create("utf8");
    TCase *shown = tcase_create("shown");

    tcase_add_test(errors, the_version_is_the_headers);
    tcase_add_loop_test(errors, an_error_has_one_hresult_both_ways, 0, ROWS);
    tcase_add_loop_test(errors, no_two_errors_share_a_number_an_hresult_or_words, 0, ROWS);
    tcase_add_test(errors, numbers_that_are_out_in_the_world_do_not_change);
    tcase_add_test(errors, success_is_zero_both_ways);
    tcase_add_test(errors, an_unknown_number_is_a_failure);
    tcase_add_test(errors, a_failure_fills_in_the_error);
    tcase_add_test(errors, a_failure_may_have_a_place);
    tcase_add_test(errors, a_failure_needs_nobody_who_asks_why);
    tcase_add_test(errors, a_failure_may_be_made_of_an_earlier_one);
    tcase_add_test(errors, words_of_a_failure_are_one_line_of_good_text);
    tcase_add_test(errors, words_that_are_too_long_are_cut_at_a_character);
    tcase_add_test(errors, a_path_that_is_too_long_is_cut);
    suite_add_tcase(suite, errors);

    tcase_add_test(utf8, a_character_is_taken_in_its_shortest_form_only);
    tcase_add_test(utf8, what_is_no_utf8_is_seen_wherever_it_stands);
    tcase_add_test(utf8, nothing_and_nul_bytes_are_good_utf8);
    tcase_add_test(utf8, text_is_cut_between_characters);
    tcase_add_test(utf8, text_that_is_no_utf8_can_be_cut_anywhere);
    tcase_set_timeout(utf8, 60);
    suite_add_tcase(suite, utf8);

    tcase_add_loop_test(shown, control_characters_and_bad_bytes_are_escaped, 0,
                        (int)(sizeof escapes / sizeof escapes[0]));
    tcase_add_test(shown, what_is_escaped_is_cut_at_a_whole_character_or_escape);
    tcase_add_test(shown, the_length_can_be_asked_for_without_a_buffer);
    tcase_add_test(shown, a_log_gets_one_line_with_control_characters_escaped);
    tcase_add_test(shown, a_line_that_is_too_long_is_cut);
    tcase_add_test(shown, without_a_log_lines_are_dropped);
    tcase_add_test(shown, a_text_is_freed_and_null_is_fine);
    suite_add_tcase(suite, shown);
    return rdv_test_main(suite);
}
