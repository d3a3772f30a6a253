/* SPDX-License-Identifier: MIT */
/*
 * Conversions between COM's values and those of the core: valid and hostile ones, and that none of
 * them leaks memory.
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "../harness.h"
#include "shim-com/common/convert.h"
#include "spy.h"
#include "values.h"

/* What outputs are set to before a call that must leave them alone. */
#define UNTOUCHED ((void *)0x5A5A)

static long alive_before;

static void count(void)
{
    alive_before = spy_alive();
}

/* After each test: what was made of COM's memory has been given back. */
static void all_given_back(void)
{
    ck_assert_int_eq(spy_alive(), alive_before);
}

/* Each of these takes the BSTR. */
static void ck_text(BSTR bstr, const char *expected)
{
    char *text;
    ck_assert_int_eq(rdv__com_text(bstr, RDV_NAME_MAX, &text), 0);
    ck_assert_str_eq(text, expected);
    free(text);
    SysFreeString(bstr);
}

static void ck_no_text(BSTR bstr, int expected)
{
    char *text = UNTOUCHED;
    ck_assert_int_eq(rdv__com_text(bstr, RDV_NAME_MAX, &text), expected);
    ck_assert_ptr_eq(text, UNTOUCHED);
    SysFreeString(bstr);
}

/* -------------------------------------------------------------------- text */

START_TEST(a_null_bstr_is_empty_text)
{
    ck_text(NULL, "");
}
END_TEST

START_TEST(an_empty_bstr_is_empty_text)
{
    ck_text(units(L"", 0), "");
}
END_TEST

START_TEST(every_plane_comes_through_both_ways)
{
    const wchar_t utf16[] = {L'a', 0x00E9, 0x20AC, 0xFFFD, 0xD83D, 0xDE00, 0xDBFF, 0xDFFF};
    const char *utf8 = "a\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBD\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF";
    ck_text(units(utf16, sizeof utf16 / sizeof *utf16), utf8);
    BSTR bstr;
    ck_assert_int_eq(rdv__com_bstr(utf8, &bstr), 0);
    ck_assert_uint_eq(SysStringByteLen(bstr), sizeof utf16);
    ck_assert_mem_eq(bstr, utf16, sizeof utf16);
    SysFreeString(bstr);
}
END_TEST

START_TEST(a_bstr_of_an_odd_number_of_bytes_is_refused)
{
    ck_no_text(SysAllocStringByteLen("a\0b", 3), RDV_EINVAL);
    ck_no_text(SysAllocStringByteLen("a", 1), RDV_EINVAL);
}
END_TEST

START_TEST(a_lone_surrogate_is_refused_wherever_it_stands)
{
    const wchar_t high_last[] = {L'a', 0xD83D}, low[] = {0xDE00, L'a'},
                  high[] = {L'a', 0xD83D, L'b'}, reversed[] = {0xDE00, 0xD83D},
                  two_high[] = {0xD83D, 0xD83D, 0xDE00};
    ck_no_text(units(high_last, 2), RDV_EINVAL);
    ck_no_text(units(low, 2), RDV_EINVAL);
    ck_no_text(units(high, 3), RDV_EINVAL);
    ck_no_text(units(reversed, 2), RDV_EINVAL);
    ck_no_text(units(two_high, 3), RDV_EINVAL);
}
END_TEST

START_TEST(a_nul_inside_is_refused_and_not_the_end)
{
    ck_no_text(units(L"ab\0cd", 5), RDV_EINVAL);
    ck_no_text(units(L"ab\0", 3), RDV_EINVAL);
    ck_no_text(units(L"\0", 1), RDV_EINVAL);
}
END_TEST

START_TEST(text_of_1_kib_is_taken_and_one_byte_more_is_not)
{
    char expected[RDV_NAME_MAX + 1];
    memset(expected, 'x', RDV_NAME_MAX);
    expected[RDV_NAME_MAX] = '\0';
    ck_text(repeated(L'x', RDV_NAME_MAX), expected);
    ck_no_text(repeated(L'x', RDV_NAME_MAX + 1), RDV_ELIMIT);
}
END_TEST

START_TEST(the_limit_counts_bytes_of_utf_8_and_not_units)
{
    char *text;
    BSTR bstr = repeated(0x00E9, RDV_NAME_MAX / 2);
    ck_assert_int_eq(rdv__com_text(bstr, RDV_NAME_MAX, &text), 0);
    ck_assert_uint_eq(strlen(text), RDV_NAME_MAX);
    free(text);
    SysFreeString(bstr);
    ck_no_text(repeated(0x00E9, RDV_NAME_MAX / 2 + 1), RDV_ELIMIT);
    ck_no_text(repeated(L'x', 20 * 1024 * 1024), RDV_ELIMIT);
}
END_TEST

START_TEST(empty_text_becomes_a_bstr_that_is_there)
{
    BSTR bstr = NULL;
    ck_assert_int_eq(rdv__com_bstr("", &bstr), 0);
    ck_assert_ptr_nonnull(bstr);
    ck_assert_uint_eq(SysStringByteLen(bstr), 0);
    SysFreeString(bstr);
}
END_TEST

START_TEST(bad_utf_8_does_not_become_a_bstr)
{
    static const char *const bad[] = {
        "\x80",             /* a byte that continues nothing */
        "a\xC3",            /* cut off */
        "\xC0\xAF",         /* overlong */
        "\xE0\x80\x80",     /* overlong */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF4\x90\x80\x80", /* past the last plane */
        "\xFF",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        BSTR bstr = UNTOUCHED;
        ck_assert_int_eq(rdv__com_bstr(bad[i], &bstr), RDV_EINVAL);
        ck_assert_ptr_eq(bstr, UNTOUCHED);
    }
}
END_TEST

START_TEST(text_of_more_than_16_mib_does_not_become_a_bstr)
{
    const size_t size = 16 * 1024 * 1024;
    char *text = malloc(size + 2);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', size + 1);
    text[size + 1] = '\0';
    BSTR bstr = UNTOUCHED;
    ck_assert_int_eq(rdv__com_bstr(text, &bstr), RDV_ELIMIT);
    ck_assert_ptr_eq(bstr, UNTOUCHED);
    text[size] = '\0';
    ck_assert_int_eq(rdv__com_bstr(text, &bstr), 0);
    ck_assert_uint_eq(SysStringLen(bstr), size);
    SysFreeString(bstr);
    free(text);
}
END_TEST

/* ---------------------------------------------------------------- contexts */

static SAFEARRAY *row(VARTYPE type, LONG lower, ULONG count_of)
{
    SAFEARRAYBOUND bound = {.cElements = count_of, .lLbound = lower};
    SAFEARRAY *array = SafeArrayCreate(type, 1, &bound);
    ck_assert_ptr_nonnull(array);
    return array;
}

static void ck_no_bytes(SAFEARRAY *array, int expected)
{
    const void *bytes = UNTOUCHED;
    size_t size = 77;
    ck_assert_int_eq(rdv__com_bytes_begin(array, &bytes, &size), expected);
    ck_assert_ptr_eq(bytes, UNTOUCHED);
    ck_assert_uint_eq(size, 77);
    ck_assert_uint_eq(array->cLocks, 0);
}

START_TEST(a_null_array_is_no_bytes)
{
    const void *bytes;
    size_t size = 77;
    ck_assert_int_eq(rdv__com_bytes_begin(NULL, &bytes, &size), 0);
    ck_assert_uint_eq(size, 0);
    rdv__com_bytes_end(NULL);
}
END_TEST

START_TEST(an_empty_array_is_no_bytes)
{
    SAFEARRAY *array = row(VT_UI1, 0, 0);
    const void *bytes;
    size_t size = 77;
    ck_assert_int_eq(rdv__com_bytes_begin(array, &bytes, &size), 0);
    ck_assert_uint_eq(size, 0);
    rdv__com_bytes_end(array);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(an_array_is_locked_as_long_as_its_bytes_are_read)
{
    SAFEARRAY *array = row(VT_UI1, 0, 3);
    memcpy(array->pvData, "abc", 3);
    const void *bytes;
    size_t size;
    ck_assert_int_eq(rdv__com_bytes_begin(array, &bytes, &size), 0);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(bytes, "abc", 3);
    ck_assert_uint_eq(array->cLocks, 1);
    ck_assert_int_eq(SafeArrayDestroy(array), DISP_E_ARRAYISLOCKED);
    rdv__com_bytes_end(array);
    ck_assert_uint_eq(array->cLocks, 0);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(a_lower_bound_below_zero_changes_nothing)
{
    SAFEARRAY *array = row(VT_UI1, -5, 7);
    memcpy(array->pvData, "sevenof", 7);
    const void *bytes;
    size_t size;
    ck_assert_int_eq(rdv__com_bytes_begin(array, &bytes, &size), 0);
    ck_assert_uint_eq(size, 7);
    ck_assert_mem_eq(bytes, "sevenof", 7);
    rdv__com_bytes_end(array);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(elements_of_another_type_are_refused_even_of_the_same_size)
{
    static const VARTYPE types[] = {VT_I1,   VT_I2,   VT_UI2,     VT_I4,      VT_R8,
                                    VT_BSTR, VT_BOOL, VT_VARIANT, VT_UNKNOWN, VT_DATE};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        SAFEARRAY *array = row(types[i], 0, 4);
        ck_no_bytes(array, RDV_EINVAL);
        ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
    }
}
END_TEST

START_TEST(an_empty_array_of_another_type_is_refused_too)
{
    SAFEARRAY *array = row(VT_VARIANT, 0, 0);
    ck_no_bytes(array, RDV_EINVAL);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(two_dimensions_are_refused)
{
    SAFEARRAYBOUND bounds[2] = {{.cElements = 2}, {.cElements = 3}};
    SAFEARRAY *array = SafeArrayCreate(VT_UI1, 2, bounds);
    ck_assert_ptr_nonnull(array);
    ck_no_bytes(array, RDV_EINVAL);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(a_descriptor_that_contradicts_itself_is_refused)
{
    SAFEARRAY *array = row(VT_UI1, 0, 4);
    array->cbElements = 4;
    ck_no_bytes(array, RDV_EINVAL);
    array->cbElements = 1;
    array->cDims = 0;
    ck_no_bytes(array, RDV_EINVAL);
    array->cDims = 1;
    void *data = array->pvData;
    array->pvData = NULL;
    ck_no_bytes(array, RDV_EINVAL);
    array->pvData = data;
    const USHORT features = array->fFeatures;
    array->fFeatures = (USHORT)(features & ~FADF_HAVEVARTYPE);
    ck_no_bytes(array, RDV_EINVAL);
    array->fFeatures = features;
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(a_context_of_16_mib_is_taken_and_one_byte_more_is_not)
{
    SAFEARRAY *array = row(VT_UI1, 0, RDV_CONTEXT_MAX);
    const void *bytes;
    size_t size;
    ck_assert_int_eq(rdv__com_bytes_begin(array, &bytes, &size), 0);
    ck_assert_uint_eq(size, RDV_CONTEXT_MAX);
    rdv__com_bytes_end(array);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);

    array = row(VT_UI1, 0, RDV_CONTEXT_MAX + 1);
    ck_no_bytes(array, RDV_ELIMIT);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(bytes_become_an_array_that_gives_them_back)
{
    const unsigned char sent[] = {0, 1, 127, 128, 255};
    SAFEARRAY *array;
    ck_assert_int_eq(rdv__com_array(sent, sizeof sent, &array), 0);
    VARTYPE type;
    LONG lower;
    ck_assert_int_eq(SafeArrayGetVartype(array, &type), S_OK);
    ck_assert_uint_eq(type, VT_UI1);
    ck_assert_int_eq(SafeArrayGetLBound(array, 1, &lower), S_OK);
    ck_assert_int_eq(lower, 0);
    const void *bytes;
    size_t size;
    ck_assert_int_eq(rdv__com_bytes_begin(array, &bytes, &size), 0);
    ck_assert_uint_eq(size, sizeof sent);
    ck_assert_mem_eq(bytes, sent, sizeof sent);
    rdv__com_bytes_end(array);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(no_bytes_become_a_null_array)
{
    SAFEARRAY *array = UNTOUCHED;
    ck_assert_int_eq(rdv__com_array(NULL, 0, &array), 0);
    ck_assert_ptr_null(array);
}
END_TEST

START_TEST(more_than_16_mib_do_not_become_an_array)
{
    SAFEARRAY *array = UNTOUCHED;
    ck_assert_int_eq(rdv__com_array("", (size_t)RDV_CONTEXT_MAX + 1, &array), RDV_ELIMIT);
    ck_assert_ptr_eq(array, UNTOUCHED);
}
END_TEST

/* ------------------------------------------------------------------- times */

START_TEST(a_time_goes_through_bit_for_bit)
{
    static const uint64_t ticks[] = {1, 0xFFFFFFFF, 0x100000000, 132223104000000000u, RDV_TIME_MAX};
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
        rdv_time time;
        ck_assert_int_eq(rdv__com_time(filetime(ticks[i]), &time), 0);
        ck_assert_int_eq(time, (int64_t)ticks[i]);
        const FILETIME back = rdv__com_filetime(time), sent = filetime(ticks[i]);
        ck_assert_int_eq(CompareFileTime(&back, &sent), 0);
    }
}
END_TEST

START_TEST(a_filetime_of_zeros_is_a_time_not_given)
{
    rdv_time time = 77;
    ck_assert_int_eq(rdv__com_time(filetime(0), &time), 0);
    ck_assert_int_eq(time, 0);
    const FILETIME back = rdv__com_filetime(0);
    ck_assert_uint_eq(back.dwLowDateTime, 0);
    ck_assert_uint_eq(back.dwHighDateTime, 0);
}
END_TEST

START_TEST(a_filetime_past_the_last_moment_is_refused)
{
    static const uint64_t ticks[] = {(uint64_t)RDV_TIME_MAX + 1, INT64_MAX, (uint64_t)INT64_MAX + 1,
                                     UINT64_MAX};
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
        rdv_time time = 77;
        ck_assert_int_eq(rdv__com_time(filetime(ticks[i]), &time), RDV_EINVAL);
        ck_assert_int_eq(time, 77);
    }
}
END_TEST

/* ----------------------------------------------------------------- results */

START_TEST(every_error_has_one_hresult_which_is_a_failure_and_leads_back)
{
#define ROW(name, number, hresult, words)                                         \
    ck_assert_msg(FAILED(rdv__com_hresult(name)), "%s counts as success", #name); \
    ck_assert_uint_eq((uint32_t)rdv__com_hresult(name), hresult);                 \
    ck_assert_int_eq(rdv__com_code(rdv__com_hresult(name)), name);
    RDV_ERRORS(ROW)
#undef ROW
}
END_TEST

START_TEST(the_errors_of_com_are_what_they_are_called)
{
    ck_assert_int_eq(rdv__com_hresult(RDV_EINVAL), E_INVALIDARG);
    ck_assert_int_eq(rdv__com_hresult(RDV_ENOMEM), E_OUTOFMEMORY);
    ck_assert_int_eq(rdv__com_hresult(RDV_ESTATE), E_UNEXPECTED);
    ck_assert_int_eq(rdv__com_hresult(RDV_EACCES), E_ACCESSDENIED);
    ck_assert_int_eq(rdv__com_hresult(RDV_EFAILED), E_FAIL);
    ck_assert_int_eq(rdv__com_hresult(RDV_ETHREAD), RPC_E_WRONG_THREAD);
    ck_assert_int_eq(rdv__com_hresult(RDV_ESHUTDOWN),
                     HRESULT_FROM_WIN32(ERROR_SHUTDOWN_IN_PROGRESS));
    ck_assert_int_eq(rdv__com_hresult(RDV_EBUSY), HRESULT_FROM_WIN32(ERROR_BUSY));
    ck_assert_int_eq(rdv__com_hresult(RDV_ENOTFOUND), HRESULT_FROM_WIN32(ERROR_NOT_FOUND));
}
END_TEST

START_TEST(success_of_any_kind_is_success)
{
    ck_assert_int_eq(rdv__com_hresult(0), S_OK);
    ck_assert_int_eq(rdv__com_code(S_OK), 0);
    ck_assert_int_eq(rdv__com_code(S_FALSE), 0);
    ck_assert_int_eq(rdv__com_code(INT32_MAX), 0);
}
END_TEST

START_TEST(a_failure_that_is_none_of_ours_is_a_failure)
{
    ck_assert_int_eq(rdv__com_code(REGDB_E_CLASSNOTREG), RDV_EFAILED);
    ck_assert_int_eq(rdv__com_code(INT32_MIN), RDV_EFAILED);
    ck_assert_int_eq(rdv__com_code(-1), RDV_EFAILED);
    ck_assert(FAILED(rdv__com_hresult(-1000)));
    ck_assert(FAILED(rdv__com_hresult(1000)));
}
END_TEST

/* ------------------------------------------------------------- whole tasks */

START_TEST(a_task_has_copies_of_all_three_values)
{
    BSTR label = units(L"updates", 7), identifier = units(L"one", 3);
    SAFEARRAY *array = row(VT_UI1, 1, 3);
    memcpy(array->pvData, "\0ab", 3);
    rdv_task *task;
    ck_assert_int_eq(rdv__com_task(label, identifier, array, &task), 0);
    ck_assert_uint_eq(array->cLocks, 0);
    SysFreeString(label);
    SysFreeString(identifier);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);

    size_t size;
    ck_assert_str_eq(rdv_task_label(task), "updates");
    ck_assert_str_eq(rdv_task_identifier(task), "one");
    ck_assert_mem_eq(rdv_task_context(task, &size), "\0ab", 3);
    ck_assert_uint_eq(size, 3);
    rdv_task_unref(task);
}
END_TEST

START_TEST(a_task_without_label_or_identifier_is_refused)
{
    BSTR name = units(L"x", 1), empty = units(L"", 0);
    rdv_task *task = UNTOUCHED;
    ck_assert_int_eq(rdv__com_task(NULL, name, NULL, &task), RDV_EINVAL);
    ck_assert_int_eq(rdv__com_task(name, NULL, NULL, &task), RDV_EINVAL);
    ck_assert_int_eq(rdv__com_task(empty, name, NULL, &task), RDV_EINVAL);
    ck_assert_int_eq(rdv__com_task(name, empty, NULL, &task), RDV_EINVAL);
    ck_assert_ptr_eq(task, UNTOUCHED);
    SysFreeString(name);
    SysFreeString(empty);
}
END_TEST

START_TEST(a_task_that_is_refused_leaves_the_array_unlocked)
{
    BSTR name = units(L"x", 1);
    SAFEARRAY *array = row(VT_UI1, 0, 3);
    rdv_task *task = UNTOUCHED;
    ck_assert_int_eq(rdv__com_task(name, NULL, array, &task), RDV_EINVAL);
    ck_assert_uint_eq(array->cLocks, 0);
    ck_assert_ptr_eq(task, UNTOUCHED);
    SysFreeString(name);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
}
END_TEST

START_TEST(the_spy_sees_what_is_not_given_back)
{
    const long before = spy_alive(), made = spy_made();
    BSTR bstr = units(L"x", 1);
    ck_assert_int_gt(spy_alive(), before);
    ck_assert_int_gt(spy_made(), made);
    SAFEARRAY *array = row(VT_UI1, 0, 3);
    ck_assert_int_gt(spy_alive(), before + 1);
    SysFreeString(bstr);
    SafeArrayDestroy(array);
    ck_assert_int_eq(spy_alive(), before);
}
END_TEST

int main(void)
{
    spy_install();
    Suite *suite = suite_create("com-convert");

    TCase *text = tcase_create("text");
    tcase_add_checked_fixture(text, count, all_given_back);
    tcase_add_test(text, a_null_bstr_is_empty_text);
    tcase_add_test(text, an_empty_bstr_is_empty_text);
    tcase_add_test(text, every_plane_comes_through_both_ways);
    tcase_add_test(text, a_bstr_of_an_odd_number_of_bytes_is_refused);
    tcase_add_test(text, a_lone_surrogate_is_refused_wherever_it_stands);
    tcase_add_test(text, a_nul_inside_is_refused_and_not_the_end);
    tcase_add_test(text, text_of_1_kib_is_taken_and_one_byte_more_is_not);
    tcase_add_test(text, the_limit_counts_bytes_of_utf_8_and_not_units);
    tcase_add_test(text, empty_text_becomes_a_bstr_that_is_there);
    tcase_add_test(text, bad_utf_8_does_not_become_a_bstr);
    tcase_add_test(text, text_of_more_than_16_mib_does_not_become_a_bstr);
    suite_add_tcase(suite, text);

    TCase *contexts = tcase_create("contexts");
    tcase_add_checked_fixture(contexts, count, all_given_back);
    tcase_add_test(contexts, a_null_array_is_no_bytes);
    tcase_add_test(contexts, an_empty_array_is_no_bytes);
    tcase_add_test(contexts, an_array_is_locked_as_long_as_its_bytes_are_read);
    tcase_add_test(contexts, a_lower_bound_below_zero_changes_nothing);
    tcase_add_test(contexts, elements_of_another_type_are_refused_even_of_the_same_size);
    tcase_add_test(contexts, an_empty_array_of_another_type_is_refused_too);
    tcase_add_test(contexts, two_dimensions_are_refused);
    tcase_add_test(contexts, a_descriptor_that_contradicts_itself_is_refused);
    tcase_add_test(contexts, a_context_of_16_mib_is_taken_and_one_byte_more_is_not);
    tcase_add_test(contexts, bytes_become_an_array_that_gives_them_back);
    tcase_add_test(contexts, no_bytes_become_a_null_array);
    tcase_add_test(contexts, more_than_16_mib_do_not_become_an_array);
    suite_add_tcase(suite, contexts);

    TCase *times = tcase_create("times");
    tcase_add_test(times, a_time_goes_through_bit_for_bit);
    tcase_add_test(times, a_filetime_of_zeros_is_a_time_not_given);
    tcase_add_test(times, a_filetime_past_the_last_moment_is_refused);
    suite_add_tcase(suite, times);

    TCase *results = tcase_create("results");
    tcase_add_test(results, every_error_has_one_hresult_which_is_a_failure_and_leads_back);
    tcase_add_test(results, the_errors_of_com_are_what_they_are_called);
    tcase_add_test(results, success_of_any_kind_is_success);
    tcase_add_test(results, a_failure_that_is_none_of_ours_is_a_failure);
    suite_add_tcase(suite, results);

    TCase *tasks = tcase_create("tasks");
    tcase_add_checked_fixture(tasks, count, all_given_back);
    tcase_add_test(tasks, a_task_has_copies_of_all_three_values);
    tcase_add_test(tasks, a_task_without_label_or_identifier_is_refused);
    tcase_add_test(tasks, a_task_that_is_refused_leaves_the_array_unlocked);
    tcase_add_test(tasks, the_spy_sees_what_is_not_given_back);
    suite_add_tcase(suite, tasks);

    return rdv_test_main(suite);
}
