/* SPDX-License-Identifier: MIT */
/* Rules 6 and 7: what a task agent may tell of a run. */
#include <string.h>

#include "harness.h"
#include "trigger_bench.h"

/* ------------------------------------------------------------------ rule 6 */

START_TEST(rule_6_any_status_of_a_task_agent_may_follow_any_that_is_not_terminal)
{
    attach();
    for (int from = RDV_STATUS_SEARCHING; from <= RDV_STATUS_REBOOTED; from++)
        for (int to = RDV_STATUS_SEARCHING; to <= RDV_STATUS_FAILED; to++) {
            plugin.started_count = 0;
            schedule("a", 0, 0, 0);
            turn();
            ck_assert_int_eq(report("a", (rdv_status)from, NULL), 0);
            ck_assert_int_eq(report("a", (rdv_status)to, NULL), 0);
            turn();
            bool ended = to >= RDV_STATUS_SUCCESS;
            ck_assert_int_eq((int)look(store, "a", 0).entry.status, to);
            ck_assert_uint_eq(rdv_trigger_running(trigger), ended ? 0 : 1);
            if (!ended)
                succeed("a");
        }
}
END_TEST

START_TEST(rule_6_unknown_and_timeout_from_a_plug_in_are_refused)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(report("a", RDV_STATUS_UNKNOWN, NULL), RDV_EINVAL);
    ck_assert_int_eq(report("a", RDV_STATUS_TIMEOUT, NULL), RDV_EINVAL);
    ck_assert_int_eq(report("a", (rdv_status)9, NULL), RDV_EINVAL);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
}
END_TEST

START_TEST(rule_6_nothing_follows_a_terminal_status)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(report("a", RDV_STATUS_FAILED, "broken"), 0);
    /* In the same batch, before anything is committed. */
    ck_assert_int_eq(report("a", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
    turn();
    ck_assert_int_eq(report("a", RDV_STATUS_APPLYING, NULL), RDV_ENOTFOUND);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_FAILED);
    ck_assert_str_eq(look(store, "a", 0).message, "broken");
}
END_TEST

static int count_changes(void *user, const rdv_entry *entry)
{
    size_t *count = user;
    *count = entry->change_count;
    for (size_t i = 1; i < entry->change_count; i++)
        ck_assert_int_ge(entry->changes[i].at, entry->changes[i - 1].at);
    return 0;
}

START_TEST(rule_6_repeats_are_fine_and_the_history_has_each)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    rdv_report words = RDV_REPORT_INIT;
    words.status = RDV_STATUS_APPLYING;
    for (int i = 0; i < 5; i++) {
        words.progress = i * 10;
        fake_clock.now += RDV_SECOND;
        ck_assert_int_eq(plugin.sink->ops->task_state_changed(plugin.sink, "a", &words), 0);
    }
    turn();
    ck_assert_int_eq(look(store, "a", 0).entry.progress, 40);
    succeed("a");
    size_t count = 0;
    rdv_filter filter = {sizeof filter, RDV_FILTER_CHANGES, "a", 0, 0};
    ck_assert_int_eq(rdv_store_entries(store, &filter, count_changes, &count), 0);
    ck_assert_uint_eq(count, 8); /* scheduled, started, five reports, the end */
}
END_TEST

START_TEST(rule_6_progress_and_message_stay_while_the_status_does)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    rdv_report words = RDV_REPORT_INIT;
    words.status = RDV_STATUS_APPLYING;
    words.progress = 10;
    words.message = "unpacking";
    ck_assert_int_eq(plugin.sink->ops->task_state_changed(plugin.sink, "a", &words), 0);
    words.progress = 20;
    words.message = NULL;
    ck_assert_int_eq(plugin.sink->ops->task_state_changed(plugin.sink, "a", &words), 0);
    turn();
    struct seen seen = look(store, "a", 0);
    ck_assert_str_eq(seen.message, "unpacking");
    ck_assert_int_eq(seen.entry.progress, 20);
    ck_assert_int_eq(report("a", RDV_STATUS_REBOOTING, NULL), 0);
    turn();
    seen = look(store, "a", 0);
    ck_assert_str_eq(seen.message, "");
    ck_assert_int_eq(seen.entry.progress, -1);
}
END_TEST

/* A task that goes to and fro between two does not fill the store. */
START_TEST(from_a_run_s_two_thousandth_report_on_even_changes_of_status_have_no_line)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    for (int i = 0; i < 2500; i++)
        ck_assert_int_eq(report("a", i % 2 ? RDV_STATUS_SEARCHING : RDV_STATUS_DOWNLOADING, NULL),
                         0);
    turn();
    /* With the lines that say scheduled and started. */
    ck_assert_uint_eq(look(store, "a", RDV_FILTER_CHANGES).entry.change_count, 2002);
    ck_assert_int_eq(look(store, "a", 0).entry.status, RDV_STATUS_SEARCHING);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
}
END_TEST

/* ------------------------------------------------------------------ rule 7 */

START_TEST(rule_7_a_report_for_an_unknown_or_pending_run_is_an_error_and_a_log_line)
{
    attach();
    schedule("later", fake_clock.now + RDV_HOUR, 0, 0);
    turn();
    fake_log.lines = 0;
    ck_assert_int_eq(report("nobody", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
    ck_assert_int_eq(fake_log.lines, 1);
    ck_assert_ptr_nonnull(strstr(fake_log.last, "nobody"));
    ck_assert_int_eq(report("later", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
    ck_assert_int_eq(report("", RDV_STATUS_SUCCESS, NULL), RDV_EINVAL);
    turn();
    ck_assert_int_eq(outcome("later"), RDV_OUTCOME_NONE);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
}
END_TEST

void add_report_tests(TCase *rules)
{
    tcase_add_test(rules, rule_6_any_status_of_a_task_agent_may_follow_any_that_is_not_terminal);
    tcase_add_test(rules, rule_6_unknown_and_timeout_from_a_plug_in_are_refused);
    tcase_add_test(rules, rule_6_nothing_follows_a_terminal_status);
    tcase_add_test(rules, rule_6_repeats_are_fine_and_the_history_has_each);
    tcase_add_test(rules, rule_6_progress_and_message_stay_while_the_status_does);
    tcase_add_test(rules,
                   from_a_run_s_two_thousandth_report_on_even_changes_of_status_have_no_line);
    tcase_add_test(rules, rule_7_a_report_for_an_unknown_or_pending_run_is_an_error_and_a_log_line);
}
