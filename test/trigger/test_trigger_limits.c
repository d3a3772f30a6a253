/* SPDX-License-Identifier: MIT */
/* Rule 8: how long a run may take. */
#include <stdio.h>

#include "harness.h"
#include "trigger_bench.h"

/* ------------------------------------------------------------------ rule 8 */

static int cancel_a(void *user)
{
    (void)user;
    return rdv_trigger_cancel(trigger, "a");
}

START_TEST(rule_8_past_its_limit_a_run_is_cancelled_then_timed_out)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.run_limit);
    move_clock(NOW + options.run_limit);
    ck_assert_int_eq(plugin.cancelled_count, 1);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_NONE);
    ck_assert_int_eq(report("a", RDV_STATUS_FAILED, "cancelled"), 0);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
    ck_assert_int_eq(look(store, "a", 0).entry.status, RDV_STATUS_TIMEOUT);
    ck_assert_str_eq(look(store, "a", 0).message,
                     "ran past its limit of 1d; at its end it failed: cancelled");
}
END_TEST

START_TEST(rule_8_a_run_that_was_ended_for_its_limit_has_timed_out_whatever_it_says)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    move_clock(NOW + options.run_limit);
    ck_assert_int_eq(report("a", RDV_STATUS_SUCCESS, "all is done"), 0);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.entry.status, RDV_STATUS_TIMEOUT);
    ck_assert_int_eq(seen.entry.code, RDV_ETIMEDOUT);
    ck_assert_str_eq(seen.message,
                     "ran past its limit of 1d; at its end it succeeded: all is done");
}
END_TEST

START_TEST(rule_8_an_end_that_is_reported_when_the_limit_is_reached_came_before_it)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    fake_clock.now = NOW + options.run_limit;
    succeed("a");
    ck_assert_int_eq(plugin.cancelled_count, 0);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(rule_8_what_was_the_first_to_end_a_run_stays_the_reason)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    move_clock(NOW + options.run_limit);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(plugin.cancelled_count, 1);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);

    schedule("b", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "b"), 0);
    plugin.end_wait = 2 * options.run_limit;
    turn();
    move_clock(fake_clock.now + options.run_limit);
    ck_assert_int_eq(plugin.cancelled_count, 2);
    succeed("b");
    ck_assert_int_eq(outcome("b"), RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(rule_8_a_limit_that_is_reached_as_a_cancel_comes_asks_once)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    fake_clock.now = NOW + options.run_limit;
    ck_assert_int_eq(rdv_loop_call(loop, cancel_a, NULL), 0);
    turn();
    ck_assert_int_eq(plugin.cancelled_count, 1);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_NONE);
    succeed("a");
    ck_assert_int_ne(outcome("a"), RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(rule_8_a_run_that_was_being_ended_for_its_limit_is_not_started_again)
{
    use_a_file(RESTART_SAFE);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    move_clock(NOW + options.run_limit);
    ck_assert(look_from_outside("a").entry.cancelling);
    restart(RESTART_SAFE);
    attach();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(plugin.cancelled_count, 1);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
}
END_TEST

START_TEST(rule_8_the_slot_is_free_again_even_if_the_plug_in_does_not_answer)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    schedule("b", 0, 0, 0);
    move_clock(NOW + options.run_limit);
    move_clock(NOW + options.run_limit + options.cancel_wait - 1);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_NONE);
    move_clock(NOW + options.run_limit + options.cancel_wait);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
    ck_assert_str_eq(plugin.started[1].identifier, "b");
    ck_assert_int_eq(report("a", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
}
END_TEST

START_TEST(rule_8_a_plug_in_is_waited_for_as_long_as_it_says_that_an_end_may_take)
{
    attach();
    plugin.end_wait = 5 * RDV_MINUTE;
    schedule("a", 0, 0, 0);
    turn();
    schedule("b", 0, 0, 0);
    move_clock(NOW + options.run_limit);
    move_clock(NOW + options.run_limit + plugin.end_wait + options.cancel_wait - 1);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_NONE);
    ck_assert_int_eq(plugin.started_count, 1);
    move_clock(NOW + options.run_limit + plugin.end_wait + options.cancel_wait);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
    ck_assert_str_eq(plugin.started[1].identifier, "b");
}
END_TEST

START_TEST(rule_8_the_limit_can_be_set_for_an_entry_and_holds_after_a_restart)
{
    use_a_file(RESTART_SAFE);
    attach();
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("label", "a", NULL, 0, &task), 0);
    rdv_window window = {.limit = RDV_MINUTE};
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
    rdv_task_unref(task);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + RDV_MINUTE);
    fake_clock.now += RDV_HOUR;
    restart(RESTART_SAFE);
    attach();
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + RDV_MINUTE);
}
END_TEST

START_TEST(rule_8_a_plug_in_that_can_not_cancel_loses_its_run_at_once)
{
    close_trigger();
    open_trigger(0);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), RDV_ENOTSUP);
    move_clock(NOW + options.run_limit);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
}
END_TEST

/* Running time goes on by itself, whatever the clock does. */
static void use_running_time(void)
{
    close_trigger();
    fake_clock.running = 1000 * RDV_SECOND;
    fake_clock.counts_running = true;
    options.clock = rdv_kit_clock_ops(&fake_clock);
    open_trigger(RDV_KIT_ALL);
    attach();
}

static void pass(rdv_duration duration)
{
    fake_clock.running += duration;
    move_clock(fake_clock.now + duration);
}

START_TEST(rule_8_a_limit_counts_running_time_whatever_becomes_of_the_clock)
{
    static const rdv_duration steps[] = {2 * RDV_DAY, -2 * RDV_DAY, 400 * RDV_DAY};
    use_running_time();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        schedule("a", 0, 0, 0);
        turn();
        move_clock(fake_clock.now + steps[i]); /* the clock is set, or the machine slept */
        ck_assert_int_eq(plugin.cancelled_count, (int)i);
        ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.run_limit);
        ck_assert_int_eq(explain("a").next, fake_clock.now + options.run_limit);
        pass(options.run_limit - 1);
        ck_assert_int_eq(plugin.cancelled_count, (int)i);
        pass(1);
        ck_assert_int_eq(plugin.cancelled_count, (int)i + 1);
        move_clock(fake_clock.now - steps[i]);
        ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
        ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.cancel_wait);
        pass(options.cancel_wait);
        ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
        ck_assert_int_eq(rdv_trigger_next(trigger), 0);
    }
}
END_TEST

START_TEST(rule_8_windows_go_by_the_clock_beside_limits_by_running_time)
{
    options.max_running = 2;
    use_running_time();
    schedule("a", 0, 0, 0);
    schedule("opens", fake_clock.now + 3 * options.run_limit, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.run_limit);
    move_clock(fake_clock.now + 3 * options.run_limit);
    ck_assert_int_eq(plugin.started_count, 2);
    ck_assert_int_eq(plugin.cancelled_count, 0);
}
END_TEST

START_TEST(rule_8_the_earliest_of_many_limits_is_the_next_whatever_ends_before)
{
    options.max_running = 64;
    use_running_time();
    char name[16];
    for (int i = 0; i < 40; i++) {
        rdv_task *task;
        snprintf(name, sizeof name, "t%d", i);
        ck_assert_int_eq(rdv_task_new("label", name, NULL, 0, &task), 0);
        /* In an order that is none. */
        rdv_window window = {.limit = (1 + i * 17 % 40) * RDV_MINUTE};
        ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
        rdv_task_unref(task);
    }
    turn();
    for (int i = 0; i < 40; i += 3) {
        snprintf(name, sizeof name, "t%d", i);
        succeed(name);
    }
    int expected = 0;
    for (int minute = 1; minute <= 40; minute++) {
        int i = 0;
        while (1 + i * 17 % 40 != minute)
            i++;
        pass(RDV_MINUTE);
        if (i % 3 == 0)
            continue;
        snprintf(name, sizeof name, "t%d", i);
        ck_assert_int_eq(plugin.cancelled_count, ++expected);
        ck_assert_str_eq(plugin.cancelled[expected - 1], name);
        ck_assert_int_eq(report(name, RDV_STATUS_FAILED, NULL), 0);
        turn();
    }
    ck_assert_int_eq(rdv_trigger_next(trigger), 0);
}
END_TEST

void add_limit_tests(TCase *rules)
{
    tcase_add_test(rules, rule_8_past_its_limit_a_run_is_cancelled_then_timed_out);
    tcase_add_test(rules, rule_8_the_slot_is_free_again_even_if_the_plug_in_does_not_answer);
    tcase_add_test(rules, rule_8_a_plug_in_is_waited_for_as_long_as_it_says_that_an_end_may_take);
    tcase_add_test(rules, rule_8_the_limit_can_be_set_for_an_entry_and_holds_after_a_restart);
    tcase_add_test(rules, rule_8_a_plug_in_that_can_not_cancel_loses_its_run_at_once);
    tcase_add_test(rules, rule_8_a_limit_counts_running_time_whatever_becomes_of_the_clock);
    tcase_add_test(rules, rule_8_windows_go_by_the_clock_beside_limits_by_running_time);
    tcase_add_test(rules, rule_8_the_earliest_of_many_limits_is_the_next_whatever_ends_before);
    tcase_add_test(rules, rule_8_a_run_that_was_ended_for_its_limit_has_timed_out_whatever_it_says);
    tcase_add_test(rules, rule_8_an_end_that_is_reported_when_the_limit_is_reached_came_before_it);
    tcase_add_test(rules, rule_8_what_was_the_first_to_end_a_run_stays_the_reason);
    tcase_add_test(rules, rule_8_a_limit_that_is_reached_as_a_cancel_comes_asks_once);
    tcase_add_test(rules, rule_8_a_run_that_was_being_ended_for_its_limit_is_not_started_again);
}
