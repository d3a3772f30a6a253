/* SPDX-License-Identifier: MIT */
/* What the end of a step's process means. */
#include "agent/step_result.h"

#include <string.h>

#include "commands.h"
#include "harness.h"
#include "platform/platform.h"

static struct rdv__step step;
static struct rdv__step_end end;

static void set_up(void)
{
    memset(&step, 0, sizeof step);
    memset(&end, 0x55, sizeof end);
    step.retries = -1;
    step.retry_delay = 30 * RDV_SECOND;
    step.timeout = 10 * RDV_MINUTE;
}

static void assert_end(enum rdv__step_kind kind, int code, const char *words)
{
    ck_assert_str_eq(end.words, words);
    ck_assert_int_eq(end.kind, kind);
    ck_assert_int_eq(end.code, code);
}

START_TEST(exit_codes_have_the_meanings_of_the_contract)
{
    rdv__step_ended(&step, false, 0, 0, &end);
    assert_end(RDV__STEP_DONE, 0, "");
    rdv__step_ended(&step, false, 0, 75, &end);
    assert_end(RDV__STEP_LATER, 75, "exit code 75");
    rdv__step_ended(&step, false, 0, 100, &end);
    assert_end(RDV__STEP_FAILED, 100, "exit code 100");
    rdv__step_ended(&step, false, 0, 255, &end);
    assert_end(RDV__STEP_FAILED, 255, "exit code 255");
    rdv__step_ended(&step, false, 0, 194, &end);
    ck_assert_int_eq(end.kind, RDV__STEP_REBOOT);
    ck_assert_int_eq(end.code, 194);
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(signals_are_named_and_have_the_codes_of_shells)

START_TEST(exit_codes_of_the_system_have_their_meanings)
{
    rdv__step_ended(&step, false, 0, 3010, &end);
    assert_end(RDV__STEP_REBOOT, 3010, "exit code 3010");
    rdv__step_ended(&step, false, 0, 1641, &end);
    assert_end(RDV__STEP_REBOOTING, 1641, "exit code 1641");
    rdv__step_ended(&step, false, 0, 1603, &end);
    assert_end(RDV__STEP_FAILED, 1603, "exit code 1603");
}
END_TEST

START_TEST(what_windows_ended_is_named)
{
    rdv__step_ended(&step, false, 0, RDV__KILLED, &end);
    assert_end(RDV__STEP_FAILED, 137, "killed");
    rdv__step_ended(&step, false, 0, (int)0xC0000005u, &end);
    assert_end(RDV__STEP_FAILED, (int)0xC0000005u, "ended with 0xC0000005 (access violation)");
    rdv__step_ended(&step, false, 0, -1, &end);
    assert_end(RDV__STEP_FAILED, RDV_EFAILED, "exit code -1 (0xFFFFFFFF)");
}
END_TEST
#else
RDV_TEST_ELSEWHERE(exit_codes_of_the_system_have_their_meanings)
RDV_TEST_ELSEWHERE(what_windows_ended_is_named)

START_TEST(signals_are_named_and_have_the_codes_of_shells)
{
    rdv__step_ended(&step, false, 0, -9, &end);
    assert_end(RDV__STEP_FAILED, 137, "killed by signal 9 (SIGKILL)");
    rdv__step_ended(&step, false, 0, -15, &end);
    assert_end(RDV__STEP_FAILED, 143, "killed by signal 15 (SIGTERM)");
    rdv__step_ended(&step, false, 0, -10, &end); /* another signal on each system */
    assert_end(RDV__STEP_FAILED, 138, "killed by signal 10");
    rdv__step_ended(&step, false, 0, -64, &end);
    assert_end(RDV__STEP_FAILED, 192, "killed by signal 64");
}
END_TEST
#endif

START_TEST(a_timeout_is_one_however_the_process_ended_then)
{
    rdv__step_ended(&step, true, 0, 0, &end);
    assert_end(RDV__STEP_FAILED, RDV_ETIMEDOUT, "ran past its timeout of 10m");
    rdv__step_ended(&step, true, 0, -15, &end);
    assert_end(RDV__STEP_FAILED, RDV_ETIMEDOUT, "ran past its timeout of 10m");
}
END_TEST

START_TEST(an_end_that_the_system_cannot_tell_is_a_failure)
{
    rdv__step_ended(&step, false, RDV_EIO, 0, &end);
    assert_end(RDV__STEP_FAILED, RDV_EIO, "the system can't tell how it ended");
    rdv__step_not_started(RDV_ENOTFOUND, "cannot run 'x\n'", &end);
    assert_end(RDV__STEP_FAILED, RDV_ENOTFOUND, "cannot run 'x\\n'");
}
END_TEST

START_TEST(retries_are_what_the_document_says_or_three_for_who_asks)
{
    rdv__step_ended(&step, false, 0, 1, &end);
    ck_assert_int_eq(rdv__step_retries(&step, &end), 0);
    step.retries = 7;
    ck_assert_int_eq(rdv__step_retries(&step, &end), 7);
    rdv__step_ended(&step, true, 0, 1, &end);
    ck_assert_int_eq(rdv__step_retries(&step, &end), 7);
    rdv__step_ended(&step, false, 0, 75, &end);
    ck_assert_int_eq(rdv__step_retries(&step, &end), 7);
    step.retries = 0;
    ck_assert_int_eq(rdv__step_retries(&step, &end), 0);
    step.retries = -1;
    ck_assert_int_eq(rdv__step_retries(&step, &end), RDV__RETRIES_LATER);
    ck_assert_int_eq(RDV__RETRIES_LATER, 3);
}
END_TEST

START_TEST(delays_double_up_to_an_hour)
{
    ck_assert(rdv__step_delay(&step, 1) == 30 * RDV_SECOND);
    ck_assert(rdv__step_delay(&step, 2) == RDV_MINUTE);
    ck_assert(rdv__step_delay(&step, 7) == 32 * RDV_MINUTE);
    ck_assert(rdv__step_delay(&step, 8) == RDV_HOUR);
    ck_assert(rdv__step_delay(&step, 101) == RDV_HOUR);
    step.retry_delay = 0;
    ck_assert(rdv__step_delay(&step, 101) == 0);
    step.retry_delay = RDV_HOUR;
    ck_assert(rdv__step_delay(&step, 1) == RDV_HOUR);
}
END_TEST

START_TEST(a_program_is_shown_by_the_last_part_of_its_path)
{
    char buffer[RDV__PROGRAM_SHOWN];
    char *argv[] = {NULL, NULL};
    static const char *const pairs[][2] = {
        {"apt-get", "apt-get"},
        {"/usr/bin/apt-get", "apt-get"},
        {"./a\033b", "a\\x1bb"},
        {"/strange/", "/strange/"},
#ifdef _WIN32
        {"C:\\Tools\\x.exe", "x.exe"},
        {"C:\\Tools/sub\\x", "x"},
        {"\\\\server\\share\\", "\\\\server\\share\\"},
#endif
    };
    step.argv = argv;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char path[32];
        strcpy(path, pairs[i][0]);
        argv[0] = path;
        ck_assert_str_eq(rdv__step_program(&step, buffer), pairs[i][1]);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        exit_codes_have_the_meanings_of_the_contract,
        a_timeout_is_one_however_the_process_ended_then,
        an_end_that_the_system_cannot_tell_is_a_failure,
        retries_are_what_the_document_says_or_three_for_who_asks,
        delays_double_up_to_an_hour,
        a_program_is_shown_by_the_last_part_of_its_path,
    };
    Suite *suite = suite_create("step");
    TCase *tcase = tcase_create("step");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    const char *windows = RDV_TEST_ON_WINDOWS("there are no signals");
    const char *unix = windows ? NULL : "only Windows has such codes";
    rdv_test_add_unless(tcase, signals_are_named_and_have_the_codes_of_shells, windows);
    rdv_test_add_unless(tcase, exit_codes_of_the_system_have_their_meanings, unix);
    rdv_test_add_unless(tcase, what_windows_ended_is_named, unix);
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
