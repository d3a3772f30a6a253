/* SPDX-License-Identifier: MIT */
/* Rule 9: what becomes of entries and runs when the process ends. */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "harness.h"
#include "trigger_bench.h"

/* ------------------------------------------------------------------ rule 9 */

START_TEST(rule_9_pending_entries_are_as_before_after_a_restart)
{
    use_a_file(RDV_KIT_ALL);
    schedule("late", 0, 0, fake_clock.now + 2);
    schedule("early", 0, 0, fake_clock.now + 1);
    schedule("opens", fake_clock.now + 100, 0, 0);
    restart(RDV_KIT_ALL);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
    plugin.finishes_at_once = true;
    attach();
    turn();
    ck_assert_str_eq(plugin.started[0].identifier, "early");
    ck_assert_str_eq(plugin.started[1].identifier, "late");
    ck_assert_int_eq(plugin.started_count, 2);
    move_clock(NOW + 100);
    ck_assert_int_eq(plugin.started_count, 3);
}
END_TEST

START_TEST(rule_9_a_restart_safe_plug_in_gets_start_task_again_for_the_same_run)
{
    use_a_file(RESTART_SAFE);
    options.max_running = 2;
    restart(RESTART_SAFE);
    attach();
    schedule("a", 0, 0, 0);
    schedule("b", 0, 0, 0);
    turn();
    int64_t run = plugin.started[0].run;
    fake_clock.now += RDV_HOUR;
    restart(RESTART_SAFE);
    attach();
    ck_assert_int_eq(plugin.started_count, 2);
    ck_assert_str_eq(plugin.started[0].identifier, "a");
    ck_assert_str_eq(plugin.started[1].identifier, "b");
    ck_assert_int_eq(plugin.started[0].run, run);
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.entry.attempt, 2);
    ck_assert_int_eq(seen.entry.started_at, NOW);
    /* It was not running while nobody ran it. */
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.run_limit);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(rule_9_another_plug_in_has_resume_limit_to_report)
{
    use_a_file(RDV_KIT_ALL);
    options.max_running = 2;
    restart(RDV_KIT_ALL);
    attach();
    schedule("reports", 0, 0, 0);
    schedule("silent", 0, 0, 0);
    turn();
    restart(RDV_KIT_ALL);
    attach();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.resume_limit);
    ck_assert_int_eq(report("reports", RDV_STATUS_REBOOTED, NULL), 0);
    turn();
    move_clock(NOW + options.resume_limit);
    ck_assert_int_eq(outcome("silent"), RDV_OUTCOME_TIMED_OUT);
    ck_assert_int_eq(outcome("reports"), RDV_OUTCOME_NONE);
    succeed("reports");
}
END_TEST

START_TEST(rule_9_a_run_that_was_being_cancelled_is_not_started_again)
{
    use_a_file(RESTART_SAFE);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    restart(RESTART_SAFE);
    plugin.cancel_result = RDV_ENOTFOUND;
    attach();
    turn();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(rule_9_a_trigger_that_holds_what_is_stored_leaves_it_alone)
{
    use_a_file(RESTART_SAFE);
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("waits", 0, fake_clock.now + 10, 0);
    options.flags = RDV_TRIGGER_HOLD_STORED;
    restart(RESTART_SAFE);
    attach();
    schedule("mine", 0, 0, 0);
    move_clock(NOW + 20);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0].identifier, "mine");
    ck_assert_int_eq(schedule_in(trigger, "runs", 0, 0, 0), RDV_EBUSY);
    ck_assert_int_eq(look(store, "waits", RDV_FILTER_PENDING).count, 1);
    succeed("mine");
    options.flags = 0;
}
END_TEST

/* ------------------------------------------------- rule 9: runs cut short */

/* A number of the store itself. */
static int64_t stored(const char *column)
{
    char sql[80];
    sqlite3 *database;
    sqlite3_stmt *statement;
    snprintf(sql, sizeof sql, "SELECT %s FROM entry WHERE identifier = 'a'", column);
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return number;
}

static char boot_file[RDV_TEST_PATH + 16];

/* The machine reboots: the process that comes next is in a boot with this name. */
static void boot(const char *name)
{
    snprintf(boot_file, sizeof boot_file, "%s/boot", folder);
    FILE *file = fopen(boot_file, "w");
    ck_assert_ptr_nonnull(file);
    fputs(name, file);
    ck_assert_int_eq(fclose(file), 0);
    options.boot_id_file = boot_file;
}

/* The process is killed, and another one takes over. */
static void crash(unsigned features)
{
    restart(features);
    attach();
}

/* It is stopped in order; the plug-in leaves what runs to the next one. */
static void stop(unsigned features)
{
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, NULL, NULL), 0);
    turn();
    crash(features);
}

static void start_a_before_b(unsigned features)
{
    use_a_file(features);
    boot("first");
    crash(features);
    schedule("a", 0, 0, 0);
    turn();
    schedule("b", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
}

/* The sixth interruption has come: a is ended first, and then b has its turn. */
static void assert_given_up(void)
{
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(plugin.cancelled_count, 1);
    ck_assert_str_eq(plugin.cancelled[0], "a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_NONE);
    succeed("a");
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.entry.outcome, RDV_OUTCOME_FAILED);
    ck_assert_int_eq(seen.entry.status, RDV_STATUS_FAILED);
    ck_assert_int_eq(seen.entry.code, RDV_EFAILED);
    ck_assert_ptr_nonnull(strstr(seen.message, "and that is enough; at its end it succeeded"));
    ck_assert_str_eq(plugin.started[0].identifier, "b");
}

START_TEST(rule_9_a_run_that_is_interrupted_over_and_over_fails)
{
    start_a_before_b(RESTART_SAFE);
    for (int i = 1; i <= 5; i++) {
        crash(RESTART_SAFE);
        ck_assert_int_eq(plugin.started_count, 1);
        ck_assert_str_eq(plugin.started[0].identifier, "a");
        ck_assert_int_eq(stored("interruptions"), i);
        /* No progress sets that back. */
        ck_assert_int_eq(report("a", RDV_STATUS_APPLYING, "on"), 0);
        turn();
    }
    crash(RESTART_SAFE);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_an_interruption_is_on_disk_before_start_task_is_called)
{
    start_a_before_b(RESTART_SAFE);
    for (int i = 0; i < 5; i++) {
        crash(RESTART_SAFE);
        /* Killed inside that call, it is counted once; killed before it, not yet. */
        restart(RESTART_SAFE);
        ck_assert_int_eq(stored("interruptions"), i + 1);
    }
    attach();
    assert_given_up();
}
END_TEST

START_TEST(rule_9_a_run_that_is_being_given_up_is_not_started_after_another_crash)
{
    start_a_before_b(RESTART_SAFE);
    for (int i = 0; i < 7; i++)
        crash(RESTART_SAFE);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_a_reboot_is_an_interruption_though_it_is_preceded_by_an_orderly_stop)
{
    char name[16];
    start_a_before_b(RESTART_SAFE);
    for (int i = 1; i <= 6; i++) {
        snprintf(name, sizeof name, "boot-%d", i);
        boot(name);
        stop(RESTART_SAFE);
        if (i <= 5)
            ck_assert_int_eq(stored("interruptions"), i);
    }
    assert_given_up();
}
END_TEST

START_TEST(rule_9_interruptions_count_for_a_plug_in_that_is_not_asked_to_start_again)
{
    start_a_before_b(RDV_KIT_ALL);
    for (int i = 1; i <= 5; i++) {
        crash(RDV_KIT_ALL);
        ck_assert_int_eq(plugin.cancelled_count, 0);
        ck_assert_int_eq(stored("interruptions"), i);
    }
    crash(RDV_KIT_ALL);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_how_many_interruptions_are_too_many_can_be_set)
{
    options.max_interruptions = 0;
    start_a_before_b(RESTART_SAFE);
    crash(RESTART_SAFE);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_reboots_that_a_run_asks_for_have_a_count_of_their_own)
{
    char name[16];
    start_a_before_b(RESTART_SAFE);
    crash(RESTART_SAFE);
    for (int i = 1; i <= 5; i++) {
        ck_assert_int_eq(report("a", RDV_STATUS_REBOOTING, NULL), 0);
        turn();
        snprintf(name, sizeof name, "boot-%d", i);
        boot(name);
        stop(RESTART_SAFE);
        ck_assert_int_eq(plugin.started_count, 1);
        ck_assert_int_eq(stored("interruptions"), 1);
        ck_assert_int_eq(stored("reboots"), i);
    }
    ck_assert_int_eq(report("a", RDV_STATUS_REBOOTING, NULL), 0);
    turn();
    crash(RESTART_SAFE);
    assert_given_up();
    ck_assert_ptr_nonnull(strstr(look(store, "a", 0).message, "rebooted 5 times"));
}
END_TEST

START_TEST(rule_9_a_stop_in_order_is_no_interruption_but_others_go_first_after_each_other_one)
{
    start_a_before_b(RESTART_SAFE);
    stop(RESTART_SAFE);
    ck_assert_str_eq(plugin.started[0].identifier, "a");
    ck_assert_int_eq(plugin.started_count, 1);
    stop(RESTART_SAFE);
    /* Its slot is another's as long as it waits, and it takes the next one that is free. */
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0].identifier, "b");
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    ck_assert_int_eq(explain("a").why, RDV_WHY_RUNNING);
    ck_assert_ptr_nonnull(strstr(explain("a").words, "stopped over and over"));
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + RDV_SECOND);
    schedule("c", 0, 0, 0);
    move_clock(fake_clock.now + RDV_SECOND);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(explain("a").why, RDV_WHY_BEHIND);
    succeed("b");
    ck_assert_int_eq(plugin.started_count, 2);
    ck_assert_str_eq(plugin.started[1].identifier, "a");
    ck_assert_int_eq(stored("interruptions"), 0);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
    ck_assert_str_eq(plugin.started[2].identifier, "c");
}
END_TEST

START_TEST(rule_9_each_stop_of_a_step_has_it_wait_longer_up_to_an_hour)
{
    rdv_duration waited = 0;
    use_a_file(RESTART_SAFE);
    boot("first");
    crash(RESTART_SAFE);
    schedule("a", 0, 0, 0);
    turn();
    stop(RESTART_SAFE);
    for (int i = 0; i < 20; i++) {
        stop(RESTART_SAFE);
        ck_assert_int_eq(plugin.started_count, 0);
        /* Nothing of it is under way, so that a crash is none of its interruptions, and takes nothing off its wait. */
        crash(RESTART_SAFE);
        ck_assert_int_eq(plugin.started_count, 0);
        stop(RESTART_SAFE);
        rdv_duration wait = rdv_trigger_next(trigger) - fake_clock.now;
        ck_assert_int_ge(wait, waited);
        ck_assert_int_le(wait, RDV_HOUR);
        waited = wait;
        move_clock(fake_clock.now + wait);
        ck_assert_int_eq(plugin.started_count, 1);
    }
    ck_assert_int_eq(waited, RDV_HOUR);
    ck_assert_int_eq(stored("interruptions"), 0);
}
END_TEST

START_TEST(rule_9_a_run_that_waits_after_stops_can_be_cancelled)
{
    start_a_before_b(RESTART_SAFE);
    stop(RESTART_SAFE);
    stop(RESTART_SAFE);
    ck_assert_str_eq(plugin.started[0].identifier, "b");
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_str_eq(plugin.cancelled[0], "a");
    ck_assert_int_eq(report("a", RDV_STATUS_FAILED, "ended"), 0);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    succeed("b");
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
}
END_TEST

START_TEST(rule_9_paused_a_run_that_was_interrupted_does_not_begin_again)
{
    start_a_before_b(RESTART_SAFE);
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    crash(RESTART_SAFE);
    crash(RESTART_SAFE);
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(explain("a").why, RDV_WHY_PAUSED);
    ck_assert_int_eq(rdv_trigger_resume(trigger), 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0].identifier, "a");
    ck_assert_int_eq(stored("interruptions"), 1);
}
END_TEST

START_TEST(rule_9_an_end_for_a_failure_is_no_stop_in_order)
{
    start_a_before_b(RESTART_SAFE);
    ck_assert_int_eq(rdv_trigger_terminate(trigger, RDV_EIO, NULL, NULL), 0);
    turn();
    crash(RESTART_SAFE);
    ck_assert_int_eq(stored("interruptions"), 1);
}
END_TEST

/* A C function that has not ended by the time at which its process does. */
static rdv_run *c_runs[8];
static int c_run_count;

static void run_on(rdv_run *run, void *user)
{
    (void)user;
    ck_assert_int_lt(c_run_count, 8);
    c_runs[c_run_count++] = run;
}

START_TEST(rule_9_interruptions_count_for_c_functions)
{
    use_a_file(RESTART_SAFE);
    schedule("a", 0, 0, 0);
    c_run_count = 0;
    for (int i = 0; i <= 6; i++) {
        rdv_agent *agent;
        restart(RESTART_SAFE);
        ck_assert_int_eq(rdv_agent_new(loop, store, NULL, &agent), 0);
        ck_assert_int_eq(rdv_agent_add_handler(agent, "label", run_on, NULL, 0), 0);
        ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(agent)), 0);
        turn();
        ck_assert_int_eq(c_run_count, i < 6 ? i + 1 : 6);
        ck_assert_int_eq(outcome("a"), i < 6 ? RDV_OUTCOME_NONE : RDV_OUTCOME_FAILED);
        rdv_trigger_free(trigger);
        trigger = NULL;
        rdv_agent_free(agent);
    }
    ck_assert_ptr_nonnull(strstr(look(store, "a", 0).message, "interrupted 6 times"));
    while (c_run_count > 0)
        ck_assert_int_eq(rdv_run_finish(c_runs[--c_run_count], 0, NULL), 0);
    close_trigger();
}
END_TEST

START_TEST(rule_9_a_trigger_that_holds_what_is_stored_does_not_say_that_it_was_stopped)
{
    start_a_before_b(RESTART_SAFE);
    options.flags = RDV_TRIGGER_HOLD_STORED;
    crash(RESTART_SAFE);
    stop(RESTART_SAFE);
    options.flags = 0;
    crash(RESTART_SAFE);
    ck_assert_int_eq(stored("interruptions"), 1);
}
END_TEST

void add_restart_tests(TCase *rules)
{
    tcase_add_test(rules, rule_9_pending_entries_are_as_before_after_a_restart);
    tcase_add_test(rules, rule_9_a_restart_safe_plug_in_gets_start_task_again_for_the_same_run);
    tcase_add_test(rules, rule_9_another_plug_in_has_resume_limit_to_report);
    tcase_add_test(rules, rule_9_a_run_that_was_being_cancelled_is_not_started_again);
    tcase_add_test(rules, rule_9_a_trigger_that_holds_what_is_stored_leaves_it_alone);
    tcase_add_test(rules, rule_9_a_run_that_is_interrupted_over_and_over_fails);
    tcase_add_test(rules, rule_9_an_interruption_is_on_disk_before_start_task_is_called);
    tcase_add_test(rules, rule_9_a_run_that_is_being_given_up_is_not_started_after_another_crash);
    tcase_add_test(rules,
                   rule_9_a_reboot_is_an_interruption_though_it_is_preceded_by_an_orderly_stop);
    tcase_add_test(rules,
                   rule_9_interruptions_count_for_a_plug_in_that_is_not_asked_to_start_again);
    tcase_add_test(rules, rule_9_how_many_interruptions_are_too_many_can_be_set);
    tcase_add_test(rules, rule_9_reboots_that_a_run_asks_for_have_a_count_of_their_own);
    tcase_add_test(
        rules, rule_9_a_stop_in_order_is_no_interruption_but_others_go_first_after_each_other_one);
    tcase_add_test(rules, rule_9_each_stop_of_a_step_has_it_wait_longer_up_to_an_hour);
    tcase_add_test(rules, rule_9_a_run_that_waits_after_stops_can_be_cancelled);
    tcase_add_test(rules, rule_9_paused_a_run_that_was_interrupted_does_not_begin_again);
    tcase_add_test(rules, rule_9_an_end_for_a_failure_is_no_stop_in_order);
    tcase_add_test(rules, rule_9_interruptions_count_for_c_functions);
    tcase_add_test(rules,
                   rule_9_a_trigger_that_holds_what_is_stored_does_not_say_that_it_was_stopped);
}
