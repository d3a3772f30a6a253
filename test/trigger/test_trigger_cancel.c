/* SPDX-License-Identifier: MIT */
/* Runs that are cancelled, and how long their ends are waited for. */
#include <stddef.h>
#include <string.h>

#include "harness.h"
#include "trigger_bench.h"

/* ------------------------------------------------------------------ cancel */

START_TEST(cancel_ends_a_running_task_as_cancelled_once_the_plug_in_reports)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    ck_assert_int_eq(plugin.cancelled_count, 0); /* only the loop calls */
    turn();
    ck_assert_int_eq(plugin.cancelled_count, 1);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(plugin.cancelled_count, 1);
    ck_assert(look(store, "a", 0).entry.cancelling);
    ck_assert_int_eq(report("a", RDV_STATUS_FAILED, "stopped"), 0);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(cancel_is_over_after_cancel_wait_even_if_the_plug_in_does_not_answer)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    move_clock(NOW + options.cancel_wait);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(cancel_waits_as_long_as_the_plug_in_says_that_an_end_may_take)
{
    attach();
    plugin.end_wait = 5 * RDV_MINUTE;
    schedule("a", 0, 0, 0);
    turn();
    schedule("b", 0, 0, 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    move_clock(NOW + plugin.end_wait + options.cancel_wait - 1);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_NONE);
    ck_assert_int_eq(plugin.started_count, 1);
    move_clock(NOW + plugin.end_wait + options.cancel_wait);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    ck_assert_str_eq(plugin.started[1].identifier, "b");
}
END_TEST

START_TEST(a_wait_for_an_end_that_is_out_of_range_is_logged_and_taken_for_none)
{
    static const rdv_duration wrong[] = {-1, INT64_MIN, RDV_LIMIT_MAX + 1, INT64_MAX};
    attach();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        plugin.end_wait = wrong[i];
        schedule("a", 0, 0, 0);
        turn();
        ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
        turn();
        ck_assert_ptr_nonnull(
            strstr(fake_log.last, "the task agent 'fake' says that ending a may take"));
        ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.cancel_wait);
        ck_assert_int_eq(report("a", RDV_STATUS_FAILED, NULL), 0);
        turn();
    }
    plugin.end_wait = RDV_LIMIT_MAX;
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger),
                     fake_clock.now + RDV_LIMIT_MAX + options.cancel_wait);
}
END_TEST

START_TEST(an_end_that_is_reported_from_inside_end_wait_is_an_end)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    plugin.ends_when_asked = true;
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    ck_assert_int_eq(rdv_trigger_next(trigger), 0);
    plugin.start_result = RDV_EBUSY;
    schedule("b", 0, 0, 0);
    turn();
    ck_assert_int_eq(outcome("b"), RDV_OUTCOME_FAILED);
    ck_assert_str_eq(look(store, "b", 0).message, "ended");
    ck_assert_int_eq(rdv_trigger_next(trigger), 0);
}
END_TEST

static int never_check_label(rdv_plugin *base, const char *label)
{
    (void)base;
    ck_abort_msg("was asked for %s", label);
    return 0;
}

static rdv_duration never_end_wait(rdv_plugin *base, const char *identifier)
{
    (void)base;
    ck_abort_msg("was asked for %s", identifier);
    return 0;
}

START_TEST(what_is_past_the_end_of_a_plug_ins_table_is_not_called)
{
    close_trigger();
    open_trigger(RDV_KIT_ALL);
    plugin.ops.check_label = never_check_label;
    plugin.ops.end_wait = never_end_wait;
    plugin.ops.size = offsetof(rdv_plugin_ops, check_label);
    attach();
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(explain("a").why, RDV_WHY_STARTS);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.cancel_wait);
}
END_TEST

START_TEST(cancel_deletes_a_pending_task_and_does_not_find_an_unknown_one)
{
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), RDV_ENOTFOUND);
}
END_TEST

START_TEST(cancel_does_not_turn_a_success_that_came_before_it_into_something_else)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(report("a", RDV_STATUS_SUCCESS, NULL), 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), RDV_ENOTFOUND);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(a_cancelled_run_is_cancelled_whatever_it_says_at_its_end)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(report("a", RDV_STATUS_SUCCESS, "tidied up"), 0);
    turn();
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.entry.outcome, RDV_OUTCOME_CANCELLED);
    ck_assert_int_eq(seen.entry.status, RDV_STATUS_FAILED);
    ck_assert_int_eq(seen.entry.code, RDV_ECANCELLED);
    ck_assert_str_eq(seen.message, "cancelled; at its end it succeeded: tidied up");
}
END_TEST

START_TEST(
    a_cancel_that_was_acknowledged_holds_though_the_success_comes_before_the_plug_in_is_asked)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(a_cancelled_run_that_says_that_it_reboots_is_cancelled_and_holds_nothing_up)
{
    use_a_file(RESTART_SAFE);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    schedule("b", 0, 0, 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(report("a", RDV_STATUS_REBOOTING, NULL), 0);
    turn();
    restart(RESTART_SAFE);
    attach();
    ck_assert_str_eq(plugin.cancelled[0], "a");
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    ck_assert_str_eq(plugin.started[0].identifier, "b");
}
END_TEST

START_TEST(a_success_counts_where_the_cancel_before_it_could_not_be_recorded)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    ck_assert_int_eq(report("a", RDV_STATUS_SUCCESS, "well done"), 0);
    ck_assert_int_eq(rdv_trigger_rollback(trigger), 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), RDV_ENOTFOUND);
    turn();
    ck_assert_int_eq(plugin.cancelled_count, 0);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
    ck_assert_str_eq(look(store, "a", 0).message, "well done");
}
END_TEST

START_TEST(a_run_that_is_cancelled_after_a_restart_is_given_up_as_cancelled)
{
    use_a_file(RDV_KIT_ALL);
    attach();
    schedule("silent", 0, 0, 0);
    turn();
    restart(RDV_KIT_ALL);
    attach();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "silent"), 0);
    turn();
    ck_assert_int_eq(report("silent", RDV_STATUS_REBOOTED, NULL), 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.cancel_wait);
    move_clock(NOW + options.cancel_wait);
    ck_assert_int_eq(outcome("silent"), RDV_OUTCOME_CANCELLED);
}
END_TEST

void add_cancel_tests(TCase *rules)
{
    tcase_add_test(rules, cancel_ends_a_running_task_as_cancelled_once_the_plug_in_reports);
    tcase_add_test(rules, cancel_is_over_after_cancel_wait_even_if_the_plug_in_does_not_answer);
    tcase_add_test(rules, cancel_waits_as_long_as_the_plug_in_says_that_an_end_may_take);
    tcase_add_test(rules, a_wait_for_an_end_that_is_out_of_range_is_logged_and_taken_for_none);
    tcase_add_test(rules, an_end_that_is_reported_from_inside_end_wait_is_an_end);
    tcase_add_test(rules, what_is_past_the_end_of_a_plug_ins_table_is_not_called);
    tcase_add_test(rules, cancel_deletes_a_pending_task_and_does_not_find_an_unknown_one);
    tcase_add_test(rules, cancel_does_not_turn_a_success_that_came_before_it_into_something_else);
    tcase_add_test(rules, a_cancelled_run_is_cancelled_whatever_it_says_at_its_end);
    tcase_add_test(rules, a_success_counts_where_the_cancel_before_it_could_not_be_recorded);
    tcase_add_test(rules,
                   a_cancelled_run_that_says_that_it_reboots_is_cancelled_and_holds_nothing_up);
    tcase_add_test(rules, a_run_that_is_cancelled_after_a_restart_is_given_up_as_cancelled);
    tcase_add_test(
        rules,
        a_cancel_that_was_acknowledged_holds_though_the_success_comes_before_the_plug_in_is_asked);
}
