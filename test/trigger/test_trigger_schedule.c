/* SPDX-License-Identifier: MIT */
/* Rules 1, 2, 4 and 5: what is scheduled is on disk, starts in order, is replaced and is deleted. */
#include "harness.h"
#include "trigger_bench.h"

/* ------------------------------------------------------------------ rule 1 */

START_TEST(rule_1_a_schedule_is_on_disk_before_success_is_returned)
{
    use_a_file(RDV_KIT_ALL);
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(look_from_outside("a").count, 1);
}
END_TEST

struct in_call {
    int scheduled, seen;
};

static int schedule_two(void *user)
{
    struct in_call *in_call = user;
    in_call->scheduled = schedule_in(trigger, "a", 0, 0, 0);
    if (in_call->scheduled == 0)
        in_call->scheduled = schedule_in(trigger, "b", 0, 0, 0);
    in_call->seen = look_from_outside("a").count + look_from_outside("b").count;
    return 0;
}

START_TEST(rule_1_what_one_loop_call_schedules_is_on_disk_together_when_it_returns)
{
    use_a_file(RDV_KIT_ALL);
    struct in_call in_call = {-1, -1};
    ck_assert_int_eq(rdv_loop_call(loop, schedule_two, &in_call), 0);
    ck_assert_int_eq(in_call.scheduled, 0);
    ck_assert_int_eq(in_call.seen, 0);
    ck_assert_int_eq(look_from_outside("a").count, 1);
    ck_assert_int_eq(look_from_outside("b").count, 1);
}
END_TEST

static struct seen at_start;

static void look_at_start(struct rdv_kit_plugin *fake, rdv_task *task)
{
    (void)fake;
    at_start = look_from_outside(rdv_task_identifier(task));
}

START_TEST(rule_1_a_start_is_on_disk_before_start_task_is_called)
{
    use_a_file(RDV_KIT_ALL);
    plugin.on_start = look_at_start;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(at_start.count, 1);
    ck_assert_int_eq(at_start.entry.state, RDV_STATE_RUNNING);
    ck_assert_int_eq(at_start.entry.started_at, fake_clock.now);
}
END_TEST

START_TEST(rule_1_a_task_that_may_start_at_once_does_so_with_the_commit_of_its_schedule)
{
    use_a_file(RESTART_SAFE);
    attach();
    schedule("a", 0, 0, 0);
    struct seen outside = look_from_outside("a");
    ck_assert_int_eq(outside.entry.state, RDV_STATE_RUNNING);
    ck_assert_int_eq(outside.entry.started_at, fake_clock.now);
    ck_assert_int_eq(outside.entry.attempt, 1);
    ck_assert_int_eq(plugin.started_count, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(look_from_outside("a").entry.change, outside.entry.change);
}
END_TEST

START_TEST(rule_1_a_task_waits_for_the_loop_where_it_could_not_be_started_again)
{
    use_a_file(RDV_KIT_ALL);
    attach();
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(look_from_outside("a").entry.state, RDV_STATE_PENDING);
    restart(RDV_KIT_ALL); /* the process ends before the loop goes on */
    attach();
    ck_assert_int_eq(plugin.started_count, 1);
}
END_TEST

START_TEST(rule_1_a_plugin_is_not_called_from_inside_a_schedule_though_something_is_due)
{
    options.run_limit = RDV_HOUR;
    options.max_running = 2;
    restart(RESTART_SAFE);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    fake_clock.now += RDV_HOUR;
    schedule("b", 0, 0, 0);
    ck_assert_int_eq(plugin.cancelled_count, 0);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    turn();
    ck_assert_int_eq(plugin.cancelled_count, 1);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 2);
}
END_TEST

static int told;

static int compare_with_disk(void *user, const rdv_entry *entry)
{
    (void)user;
    struct seen outside = look_from_outside(entry->identifier);
    ck_assert_int_eq(outside.count, 1);
    ck_assert_int_ge(outside.entry.state, entry->state);
    ck_assert_int_ge(outside.entry.change, entry->change);
    told++;
    return 0;
}

START_TEST(rule_1_a_status_is_on_disk_before_anyone_is_told)
{
    use_a_file(RDV_KIT_ALL);
    rdv_watch *watch;
    ck_assert_int_eq(rdv_trigger_watch(trigger, compare_with_disk, NULL, &watch), 0);
    told = 0;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(report("a", RDV_STATUS_DOWNLOADING, NULL), 0);
    ck_assert_int_eq(told, 2);
    turn();
    ck_assert_int_eq(told, 3);
    succeed("a");
    ck_assert_int_eq(told, 4);
    rdv_watch_free(watch);
}
END_TEST

START_TEST(rule_1_nothing_is_called_from_inside_a_direct_call)
{
    attach();
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(plugin.started_count, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
}
END_TEST

/* ------------------------------------------------------------------ rule 2 */

START_TEST(rule_2_the_earliest_deadline_starts_first_and_none_is_last)
{
    plugin.finishes_at_once = true;
    schedule("none", 0, 0, 0);
    schedule("late", 0, 0, fake_clock.now + 3);
    schedule("early", 0, 0, fake_clock.now + 1);
    schedule("middle", 0, 0, fake_clock.now + 2);
    attach();
    turn();
    const char *order[] = {"early", "middle", "late", "none"};
    ck_assert_int_eq(plugin.started_count, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(plugin.started[i].identifier, order[i]);
}
END_TEST

START_TEST(rule_2_tasks_of_a_batch_compete_for_their_start_when_all_are_there)
{
    restart(RESTART_SAFE);
    attach();
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    schedule("none", 0, 0, 0);
    schedule("late", 0, 0, fake_clock.now + 3);
    schedule("early", 0, 0, fake_clock.now + 1);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
    ck_assert_int_eq(rdv_trigger_commit(trigger), 0);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0].identifier, "early");
}
END_TEST

START_TEST(rule_2_ties_go_by_start_and_then_by_arrival)
{
    plugin.finishes_at_once = true;
    schedule("b", fake_clock.now - 1, 0, fake_clock.now + 9);
    schedule("c", fake_clock.now - 1, 0, fake_clock.now + 9);
    schedule("a", fake_clock.now - 2, 0, fake_clock.now + 9);
    schedule("y", fake_clock.now - 1, 0, 0);
    schedule("z", fake_clock.now - 1, 0, 0);
    schedule("x", 0, 0, 0);
    attach();
    turn();
    ck_assert_int_eq(plugin.started_count, 6);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(plugin.started[i].identifier[0], "abcxyz"[i]);
}
END_TEST

START_TEST(rule_2_a_window_includes_its_start_and_its_end)
{
    attach();
    schedule("at-start", fake_clock.now + 10, fake_clock.now + 20, 0);
    move_clock(NOW + 9);
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(rdv_trigger_next(trigger), NOW + 10);
    move_clock(NOW + 10);
    ck_assert_int_eq(plugin.started_count, 1);
    succeed("at-start");
    schedule("at-end", NOW, NOW + 30, 0);
    fake_clock.now = NOW + 30;
    turn();
    ck_assert_int_eq(plugin.started_count, 2);
}
END_TEST

START_TEST(rule_2_no_more_than_max_running_run_at_once)
{
    attach();
    schedule("a", 0, 0, 0);
    schedule("b", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    succeed("a");
    ck_assert_int_eq(plugin.started_count, 2);

    close_trigger();
    options.max_running = 3;
    open_trigger(RDV_KIT_ALL);
    attach();
    for (int i = 0; i < 5; i++)
        schedule((const char[]){(char)('a' + i), 0}, 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 3);
}
END_TEST

START_TEST(rule_2_context_and_label_arrive_as_they_were_scheduled)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_str_eq(plugin.started[0].context, "a");
    ck_assert_int_gt(plugin.started[0].run, 0);
}
END_TEST

/* ------------------------------------------------------------------ rule 4 */

START_TEST(rule_4_scheduling_a_pending_entry_again_replaces_it)
{
    schedule("a", fake_clock.now + 100, 0, 0);
    schedule("b", 0, 0, 0);
    schedule("a", fake_clock.now + 50, 0, 7);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 2);
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.count, 1);
    ck_assert_int_eq(seen.entry.window.start, NOW + 50);
    attach();
    ck_assert_int_eq(plugin.started_count, 1);
    succeed("b");
    move_clock(NOW + 50);
    ck_assert_int_eq(plugin.started_count, 2);
    succeed("a");
    move_clock(NOW + 100);
    ck_assert_int_eq(plugin.started_count, 2);
}
END_TEST

START_TEST(rule_4_a_running_identifier_is_busy)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(schedule_in(trigger, "a", 0, 0, 0), RDV_EBUSY);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
}
END_TEST

START_TEST(rule_4_a_finished_identifier_gets_a_new_entry_and_stays_in_the_history)
{
    plugin.finishes_at_once = true;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(look(store, "a", RDV_FILTER_FINISHED).count, 2);
    ck_assert_int_ne(plugin.started[0].run, plugin.started[1].run);
}
END_TEST

START_TEST(rule_4_a_window_that_ends_before_it_starts_is_refused)
{
    ck_assert_int_eq(schedule_in(trigger, "a", fake_clock.now + 1, fake_clock.now, 0), RDV_EINVAL);
    ck_assert_int_eq(rdv_trigger_delete(trigger, ""), RDV_EINVAL);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 0);
}
END_TEST

/* ------------------------------------------------------------------ rule 5 */

START_TEST(rule_5_a_deleted_pending_entry_is_gone_and_the_history_says_cancelled)
{
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(rdv_trigger_delete(trigger, "a"), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 0);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    attach();
    ck_assert_int_eq(plugin.started_count, 0);
}
END_TEST

START_TEST(rule_5_a_running_entry_is_busy_and_an_unknown_one_not_found)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_delete(trigger, "a"), RDV_EBUSY);
    ck_assert_int_eq(rdv_trigger_delete(trigger, "b"), RDV_ENOTFOUND);
    succeed("a");
    ck_assert_int_eq(rdv_trigger_delete(trigger, "a"), RDV_ENOTFOUND);
}
END_TEST

void add_schedule_tests(TCase *rules)
{
    tcase_add_test(rules, rule_1_a_schedule_is_on_disk_before_success_is_returned);
    tcase_add_test(rules, rule_1_what_one_loop_call_schedules_is_on_disk_together_when_it_returns);
    tcase_add_test(rules, rule_1_a_start_is_on_disk_before_start_task_is_called);
    tcase_add_test(rules,
                   rule_1_a_task_that_may_start_at_once_does_so_with_the_commit_of_its_schedule);
    tcase_add_test(rules, rule_1_a_task_waits_for_the_loop_where_it_could_not_be_started_again);
    tcase_add_test(rules,
                   rule_1_a_plugin_is_not_called_from_inside_a_schedule_though_something_is_due);
    tcase_add_test(rules, rule_1_a_status_is_on_disk_before_anyone_is_told);
    tcase_add_test(rules, rule_1_nothing_is_called_from_inside_a_direct_call);
    tcase_add_test(rules, rule_2_the_earliest_deadline_starts_first_and_none_is_last);
    tcase_add_test(rules, rule_2_tasks_of_a_batch_compete_for_their_start_when_all_are_there);
    tcase_add_test(rules, rule_2_ties_go_by_start_and_then_by_arrival);
    tcase_add_test(rules, rule_2_a_window_includes_its_start_and_its_end);
    tcase_add_test(rules, rule_2_no_more_than_max_running_run_at_once);
    tcase_add_test(rules, rule_2_context_and_label_arrive_as_they_were_scheduled);
    tcase_add_test(rules, rule_4_scheduling_a_pending_entry_again_replaces_it);
    tcase_add_test(rules, rule_4_a_running_identifier_is_busy);
    tcase_add_test(rules, rule_4_a_finished_identifier_gets_a_new_entry_and_stays_in_the_history);
    tcase_add_test(rules, rule_4_a_window_that_ends_before_it_starts_is_refused);
    tcase_add_test(rules, rule_5_a_deleted_pending_entry_is_gone_and_the_history_says_cancelled);
    tcase_add_test(rules, rule_5_a_running_entry_is_busy_and_an_unknown_one_not_found);
}
