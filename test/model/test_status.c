/* SPDX-License-Identifier: MIT */
#include "model/status.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* The API's numbers, by number. */
static const char *const names[] = {"unknown",  "searching", "downloading", "applying", "rebooting",
                                    "rebooted", "success",   "failed",      "timeout"};

#define STATUSES ((int)COUNT_OF(names))

START_TEST(a_status_has_a_name_both_ways)
{
    rdv_status status = (rdv_status)-5;
    char mixed[32] = {0};

    ck_assert_str_eq(rdv_status_name((rdv_status)_i), names[_i]);
    ck_assert_int_eq(rdv_status_parse(names[_i], &status), 0);
    ck_assert_int_eq((int)status, _i);

    for (size_t i = 0; names[_i][i]; i++)
        mixed[i] = (char)(i % 2 ? names[_i][i] : names[_i][i] - 'a' + 'A');
    status = (rdv_status)-5;
    ck_assert_int_eq(rdv_status_parse(mixed, &status), 0);
    ck_assert_int_eq((int)status, _i);
}
END_TEST

START_TEST(what_names_no_status_is_refused)
{
    static const char *const bad[] = {"",     "search",    "searchingg", " searching", "searching ",
                                      "done", "succeeded", "6",          "SUCCES",     "{uccess"};
    rdv_status status = RDV_STATUS_APPLYING;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_int_eq(rdv_status_parse(bad[i], &status), RDV_EINVAL);
    ck_assert_int_eq(rdv_status_parse(NULL, &status), RDV_EINVAL);
    ck_assert_int_eq(rdv_status_parse("failed", NULL), RDV_EINVAL);
    ck_assert_int_eq(status, RDV_STATUS_APPLYING);
}
END_TEST

START_TEST(no_status_state_or_outcome_has_no_name)
{
    static const int none[] = {-1, 9, 1000, INT_MAX, INT_MIN};

    for (size_t i = 0; i < COUNT_OF(none); i++) {
        ck_assert_ptr_null(rdv_status_name((rdv_status)none[i]));
        ck_assert_ptr_null(rdv_state_name((rdv_state)none[i]));
        ck_assert_ptr_null(rdv_outcome_name((rdv_outcome)none[i]));
    }
    ck_assert_ptr_null(rdv_state_name((rdv_state)3));
    ck_assert_ptr_null(rdv_outcome_name((rdv_outcome)6));
    ck_assert_ptr_null(rdv_outcome_name(RDV_OUTCOME_NONE));
}
END_TEST

START_TEST(states_and_outcomes_have_names)
{
    ck_assert_str_eq(rdv_state_name(RDV_STATE_PENDING), "pending");
    ck_assert_str_eq(rdv_state_name(RDV_STATE_RUNNING), "running");
    ck_assert_str_eq(rdv_state_name(RDV_STATE_FINISHED), "finished");
    ck_assert_str_eq(rdv_outcome_name(RDV_OUTCOME_SUCCEEDED), "succeeded");
    ck_assert_str_eq(rdv_outcome_name(RDV_OUTCOME_FAILED), "failed");
    ck_assert_str_eq(rdv_outcome_name(RDV_OUTCOME_CANCELLED), "cancelled");
    ck_assert_str_eq(rdv_outcome_name(RDV_OUTCOME_EXPIRED), "expired");
    ck_assert_str_eq(rdv_outcome_name(RDV_OUTCOME_TIMED_OUT), "timed-out");
}
END_TEST

START_TEST(an_outcome_has_its_status_in_the_api)
{
    ck_assert_int_eq(rdv__outcome_status(RDV_OUTCOME_NONE), RDV_STATUS_UNKNOWN);
    ck_assert_int_eq(rdv__outcome_status(RDV_OUTCOME_SUCCEEDED), RDV_STATUS_SUCCESS);
    ck_assert_int_eq(rdv__outcome_status(RDV_OUTCOME_FAILED), RDV_STATUS_FAILED);
    ck_assert_int_eq(rdv__outcome_status(RDV_OUTCOME_CANCELLED), RDV_STATUS_FAILED);
    ck_assert_int_eq(rdv__outcome_status(RDV_OUTCOME_EXPIRED), RDV_STATUS_TIMEOUT);
    ck_assert_int_eq(rdv__outcome_status(RDV_OUTCOME_TIMED_OUT), RDV_STATUS_TIMEOUT);
    ck_assert_int_eq(rdv__outcome_status((rdv_outcome)6), RDV_STATUS_UNKNOWN);
    ck_assert_int_eq(rdv__outcome_status((rdv_outcome)-1), RDV_STATUS_UNKNOWN);
}
END_TEST

/* Rows: from; columns: to. */
static const char *const may_follow[] = {
    /* U S D A R R S F T */
    "-xxxxxxx-", /* unknown */
    "-xxxxxxx-", /* searching */
    "-xxxxxxx-", /* downloading */
    "-xxxxxxx-", /* applying */
    "-xxxxxxx-", /* rebooting */
    "-xxxxxxx-", /* rebooted */
    "---------", /* success */
    "---------", /* failed */
    "---------", /* timeout */
};

START_TEST(rule_6_any_agents_status_follows_any_that_is_not_terminal)
{
    for (int to = 0; to < STATUSES; to++)
        ck_assert_msg(rdv__status_may_follow((rdv_status)_i, (rdv_status)to) ==
                          (may_follow[_i][to] == 'x'),
                      "%s to %s", names[_i], names[to]);
    ck_assert(!rdv__status_may_follow((rdv_status)_i, (rdv_status)-1));
    ck_assert(!rdv__status_may_follow((rdv_status)_i, (rdv_status)9));
    ck_assert(!rdv__status_may_follow((rdv_status)-1, (rdv_status)_i));
    ck_assert(!rdv__status_may_follow((rdv_status)9, (rdv_status)_i));
}
END_TEST

START_TEST(success_failed_and_timeout_are_terminal)
{
    ck_assert(rdv__status_terminal((rdv_status)_i) == (_i >= 6));
}
END_TEST

static const struct checked {
    rdv_report report;
    int result;
} reports[] = {
    {{sizeof(rdv_report), RDV_STATUS_SEARCHING, -1, 0, 0, NULL}, 0},
    {{sizeof(rdv_report), RDV_STATUS_FAILED, 100, -20, 3, "exit code 2"}, 0},
    {{sizeof(rdv_report), RDV_STATUS_SUCCESS, 0, INT_MAX, INT_MAX, ""}, 0},
    {{sizeof(rdv_report) + 8, RDV_STATUS_APPLYING, 50, 0, 1, "caf\xc3\xa9"},
     0}, /* a newer caller */
    {{sizeof(rdv_report) - 1, RDV_STATUS_APPLYING, 50, 0, 1, NULL}, RDV_EINVAL},
    {{0, RDV_STATUS_APPLYING, 50, 0, 1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), RDV_STATUS_UNKNOWN, 50, 0, 1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), RDV_STATUS_TIMEOUT, 50, 0, 1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), (rdv_status)-1, 50, 0, 1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), (rdv_status)9, 50, 0, 1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), RDV_STATUS_APPLYING, -2, 0, 1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), RDV_STATUS_APPLYING, 101, 0, 1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), RDV_STATUS_APPLYING, 0, 0, -1, NULL}, RDV_EINVAL},
    {{sizeof(rdv_report), RDV_STATUS_APPLYING, 0, 0, 0, "caf\xe9"}, RDV_EINVAL},
};

START_TEST(a_task_agent_may_only_send_what_the_api_lets_it)
{
    ck_assert_int_eq(rdv_report_check(&reports[_i].report), reports[_i].result);
}
END_TEST

START_TEST(an_empty_report_has_no_status_to_send)
{
    rdv_report report = RDV_REPORT_INIT;

    ck_assert_uint_eq(report.size, sizeof report);
    ck_assert_int_eq(report.progress, -1);
    ck_assert_int_eq(rdv_report_check(&report), RDV_EINVAL);
    ck_assert_int_eq(rdv_report_check(NULL), RDV_EINVAL);
    report.status = RDV_STATUS_SEARCHING;
    ck_assert_int_eq(rdv_report_check(&report), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase = tcase_create("status");

    tcase_add_loop_test(tcase, a_status_has_a_name_both_ways, 0, STATUSES);
    tcase_add_test(tcase, what_names_no_status_is_refused);
    tcase_add_test(tcase, no_status_state_or_outcome_has_no_name);
    tcase_add_test(tcase, states_and_outcomes_have_names);
    tcase_add_test(tcase, an_outcome_has_its_status_in_the_api);
    tcase_add_loop_test(tcase, rule_6_any_agents_status_follows_any_that_is_not_terminal, 0,
                        STATUSES);
    tcase_add_loop_test(tcase, success_failed_and_timeout_are_terminal, 0, STATUSES);
    tcase_add_loop_test(tcase, a_task_agent_may_only_send_what_the_api_lets_it, 0,
                        (int)COUNT_OF(reports));
    tcase_add_test(tcase, an_empty_report_has_no_status_to_send);
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
