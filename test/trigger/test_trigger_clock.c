/* SPDX-License-Identifier: MIT */
/* Rules 3, 10 and 11: windows that pass, a clock that is not right yet or jumps, and the times on record. */
#include <string.h>

#include "harness.h"
#include "trigger_bench.h"

/* ------------------------------------------------------------------ rule 3 */

START_TEST(rule_3_an_entry_expires_at_once_when_its_end_has_passed)
{
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("waits", 0, fake_clock.now + 5 * RDV_MINUTE, 0);
    turn();
    rdv_time end = NOW + 5 * RDV_MINUTE;
    ck_assert_int_eq(rdv_trigger_next(trigger), end + 1);
    move_clock(end);
    ck_assert_int_eq(outcome("waits"), RDV_OUTCOME_NONE);
    move_clock(end + 1);
    ck_assert_int_eq(outcome("waits"), RDV_OUTCOME_EXPIRED);
    struct seen seen = look(store, "waits", 0);
    ck_assert_int_eq(seen.entry.status, RDV_STATUS_TIMEOUT);
    ck_assert_int_eq(seen.entry.finished_at, end + 1);
    ck_assert_int_eq(seen.entry.started_at, 0);
}
END_TEST

START_TEST(rule_3_an_entry_whose_window_has_passed_already_expires_and_does_not_start)
{
    attach();
    schedule("old", fake_clock.now - 20, fake_clock.now - 10, 0);
    schedule("jumped-over", fake_clock.now + 10, fake_clock.now + 20, 0);
    turn();
    ck_assert_int_eq(outcome("old"), RDV_OUTCOME_EXPIRED);
    move_clock(NOW + 30);
    ck_assert_int_eq(outcome("jumped-over"), RDV_OUTCOME_EXPIRED);
    ck_assert_int_eq(plugin.started_count, 0);
}
END_TEST

START_TEST(rule_3_with_an_unsynchronised_clock_after_boot_nothing_starts_and_nothing_expires)
{
    fake_clock.synchronised = false;
    fake_clock.since_boot = RDV_SECOND;
    attach();
    schedule("ready", 0, 0, 0);
    schedule("passed", 0, fake_clock.now - 1, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(outcome("passed"), RDV_OUTCOME_NONE);
    ck_assert_ptr_nonnull(strstr(fake_log.last, "not synchronised"));
    fake_clock.synchronised = true;
    move_clock(NOW);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(outcome("passed"), RDV_OUTCOME_EXPIRED);
}
END_TEST

START_TEST(rule_3_the_clock_is_waited_for_at_most_clock_wait)
{
    fake_clock.synchronised = false;
    fake_clock.since_boot = options.clock_wait - 1;
    attach();
    schedule("ready", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 0);
    fake_clock.since_boot = options.clock_wait;
    move_clock(NOW);
    ck_assert_int_eq(plugin.started_count, 1);
}
END_TEST

/* ----------------------------------------------------------------- rule 10 */

START_TEST(rule_10_after_a_jump_forward_the_next_decision_is_right_at_once)
{
    attach();
    schedule("opens", fake_clock.now + RDV_DAY, 0, 0);
    schedule("passes", fake_clock.now + RDV_HOUR, fake_clock.now + 2 * RDV_HOUR, 0);
    turn();
    move_clock(NOW + 30 * RDV_DAY);
    ck_assert_int_eq(outcome("passes"), RDV_OUTCOME_EXPIRED);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0].identifier, "opens");
}
END_TEST

START_TEST(rule_10_after_a_jump_back_nothing_starts_before_its_window)
{
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("open", fake_clock.now - RDV_HOUR, fake_clock.now + RDV_HOUR, 0);
    turn();
    move_clock(NOW - RDV_DAY);
    succeed("runs");
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(rdv_trigger_next(trigger), NOW - RDV_HOUR);
    move_clock(NOW - RDV_HOUR);
    ck_assert_int_eq(plugin.started_count, 2);
}
END_TEST

START_TEST(rule_10_when_nothing_is_to_happen_no_timer_is_set)
{
    attach();
    ck_assert_int_eq(rdv_trigger_next(trigger), 0);
    plugin.finishes_at_once = true;
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), 0);
}
END_TEST

/* ----------------------------------------------------------------- rule 11 */

START_TEST(rule_11_every_time_on_record_is_the_now_that_was_handed_in)
{
    fake_clock.now = 12345 * RDV_SECOND + 7; /* early on 1 January 1601 */
    plugin.finishes_at_once = false;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    fake_clock.now += 1;
    succeed("a");
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.entry.scheduled_at, 12345 * RDV_SECOND + 7);
    ck_assert_int_eq(seen.entry.started_at, 12345 * RDV_SECOND + 7);
    ck_assert_int_eq(seen.entry.finished_at, 12345 * RDV_SECOND + 8);
}
END_TEST

void add_clock_tests(TCase *rules)
{
    tcase_add_test(rules, rule_3_an_entry_expires_at_once_when_its_end_has_passed);
    tcase_add_test(rules,
                   rule_3_an_entry_whose_window_has_passed_already_expires_and_does_not_start);
    tcase_add_test(
        rules, rule_3_with_an_unsynchronised_clock_after_boot_nothing_starts_and_nothing_expires);
    tcase_add_test(rules, rule_3_the_clock_is_waited_for_at_most_clock_wait);
    tcase_add_test(rules, rule_10_after_a_jump_forward_the_next_decision_is_right_at_once);
    tcase_add_test(rules, rule_10_after_a_jump_back_nothing_starts_before_its_window);
    tcase_add_test(rules, rule_10_when_nothing_is_to_happen_no_timer_is_set);
    tcase_add_test(rules, rule_11_every_time_on_record_is_the_now_that_was_handed_in);
}
