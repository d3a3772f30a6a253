/* SPDX-License-Identifier: MIT */
/* What else trigger.h promises: starts that fail, batches, shutting down, watching, pausing, explaining. */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "harness.h"
#include "trigger_bench.h"

/* ------------------------------------------------------------ the contract */

START_TEST(start_task_that_fails_ends_the_run_as_failed_with_words)
{
    attach();
    plugin.start_result = RDV_ENOHANDLER;
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_FAILED);
    ck_assert_str_eq(look(store, "a", 0).message, "no handler is configured for the label 'label'");
    plugin.start_result = RDV_ENOMEM;
    schedule("b", 0, 0, 0);
    turn();
    ck_assert_str_eq(look(store, "b", 0).message,
                     "the task agent 'fake' could not start it: out of memory");
}
END_TEST

START_TEST(a_batch_is_taken_whole_or_not_at_all)
{
    schedule("kept", fake_clock.now + 5, 0, 0);
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_begin(trigger), RDV_ESTATE);
    schedule("a", 0, 0, 0);
    schedule("kept", fake_clock.now + 6, 0, 0);
    ck_assert_int_eq(rdv_trigger_delete(trigger, "a"), 0);
    schedule("a", 0, 0, 0);
    schedule("a", fake_clock.now + 9, 0, 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 2);
    ck_assert_int_eq(rdv_trigger_rollback(trigger), 0);
    ck_assert_int_eq(rdv_trigger_rollback(trigger), RDV_ESTATE);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    ck_assert_int_eq(look(store, "kept", 0).entry.window.start, NOW + 5);
    ck_assert_int_eq(look(store, "a", 0).count, 0);
    attach();
    ck_assert_int_eq(rdv_trigger_next(trigger), NOW + 5);

    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(rdv_trigger_delete(trigger, "kept"), 0);
    ck_assert_int_eq(rdv_trigger_commit(trigger), 0);
    ck_assert_int_eq(rdv_trigger_commit(trigger), RDV_ESTATE);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(outcome("kept"), RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(documents_in_a_batch_are_taken_together_or_not_at_all)
{
    char good[RDV_TEST_PATH + 16], bad[RDV_TEST_PATH + 16];
    rdv_test_make_folder(folder, "trigger");
    snprintf(good, sizeof good, "%s/good.json", folder);
    snprintf(bad, sizeof bad, "%s/bad.json", folder);
    rdv_test_write_text(good, "{\"tasks\": [{\"label\": \"l\", \"identifier\": \"one\"}]}");
    rdv_test_write_text(
        bad, "{\"tasks\": [{\"label\": \"l\"},\n {\"label\": \"l\", \"identifier\": \"runs\"}]}");
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    struct rdv_error error = {0};
    fake_log.lines = 0;
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_load(trigger, good, NULL, &error), 0);
    ck_assert_int_eq(rdv_trigger_load(trigger, bad, NULL, &error), RDV_EBUSY);
    ck_assert_int_eq(error.line, 2);
    ck_assert_str_eq(error.path, "tasks[1]");
    ck_assert_int_eq(rdv_trigger_commit(trigger), RDV_ECANCELLED);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    ck_assert_int_eq(rdv_trigger_load(trigger, bad, NULL, &error), RDV_EBUSY);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    ck_assert_int_eq(fake_log.lines, 0); /* the store is well */
    size_t count = 0;
    ck_assert_int_eq(rdv_trigger_load(trigger, good, &count, &error), 0);
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(a_document_replaces_what_is_pending_and_adds_the_rest)
{
    static const char *const names[] = {"a", "b", "c"};
    char document[RDV_TEST_PATH + 16];
    rdv_test_make_folder(folder, "trigger");
    snprintf(document, sizeof document, "%s/both.json", folder);
    rdv_test_write_text(document,
                        "{\"tasks\": [{\"label\":\"l\",\"identifier\":\"c\",\"start\":\"+1h\"},"
                        "{\"label\":\"l\",\"identifier\":\"a\",\"start\":\"+1h\"},"
                        "{\"label\":\"l\",\"identifier\":\"b\",\"start\":\"+1h\"}]}");
    schedule("a", fake_clock.now + 2 * RDV_HOUR, 0, 0);
    schedule("b", fake_clock.now + 2 * RDV_HOUR, 0, 0);

    /* Undone: as before. */
    size_t count = 0;
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_load(trigger, document, NULL, NULL), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
    ck_assert_int_eq(rdv_trigger_rollback(trigger), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 2);
    ck_assert(look(store, "a", 0).entry.window.start == fake_clock.now + 2 * RDV_HOUR);

    /* Done, and done again. */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rdv_trigger_load(trigger, document, &count, NULL), 0);
        ck_assert_uint_eq(count, 3);
        ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct seen seen = look(store, names[k], 0);
            ck_assert_int_eq(seen.count, 1);
            ck_assert(seen.entry.window.start == fake_clock.now + RDV_HOUR);
        }
        turn();
        ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
    }
}
END_TEST

START_TEST(a_plug_in_that_still_ends_an_earlier_run_is_asked_again_for_a_while)
{
    attach();
    plugin.start_result = RDV_EBUSY;
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + RDV_SECOND);
    move_clock(NOW + RDV_SECOND);
    ck_assert_int_eq(plugin.started_count, 2);
    plugin.start_result = 0;
    move_clock(NOW + 2 * RDV_SECOND);
    ck_assert_int_eq(plugin.started_count, 3);
    ck_assert_int_eq(rdv_trigger_next(trigger), fake_clock.now + options.run_limit);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);

    plugin.start_result = RDV_EBUSY;
    schedule("b", 0, 0, 0);
    turn();
    move_clock(fake_clock.now + options.cancel_wait);
    ck_assert_int_eq(outcome("b"), RDV_OUTCOME_FAILED);

    plugin.end_wait = 5 * RDV_MINUTE;
    schedule("c", 0, 0, 0);
    turn();
    move_clock(fake_clock.now + plugin.end_wait + options.cancel_wait - RDV_SECOND);
    ck_assert_int_eq(outcome("c"), RDV_OUTCOME_NONE);
    move_clock(fake_clock.now + RDV_SECOND);
    ck_assert_int_eq(outcome("c"), RDV_OUTCOME_FAILED);
}
END_TEST

static int terminated_reason = 1;

static void on_terminated(void *user, int reason)
{
    (void)user;
    terminated_reason = reason;
}

START_TEST(terminate_starts_nothing_more_and_tells_when_it_is_over)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    schedule("b", 0, 0, 0);
    plugin.terminates_at_once = false;
    terminated_reason = 1;
    ck_assert_int_eq(rdv_trigger_terminate(trigger, RDV_EFAILED, on_terminated, NULL), 0);
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, NULL, NULL), RDV_ESTATE);
    ck_assert_int_eq(plugin.terminate_reason, RDV_EFAILED);
    ck_assert_int_eq(schedule_in(trigger, "c", 0, 0, 0), RDV_ESHUTDOWN);
    succeed("a");
    ck_assert_int_eq(terminated_reason, 1);
    ck_assert_int_eq(plugin.started_count, 1);
    plugin.sink->ops->terminated(plugin.sink, 0);
    ck_assert_int_eq(terminated_reason, 1); /* only the loop calls */
    turn();
    ck_assert_int_eq(terminated_reason, 0);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(terminate_without_a_plug_in_is_over_at_once)
{
    terminated_reason = 1;
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, on_terminated, NULL), 0);
    turn();
    ck_assert_int_eq(terminated_reason, 0);
}
END_TEST

START_TEST(a_plug_in_that_shuts_down_by_itself_gets_no_more_tasks)
{
    attach();
    plugin.sink->ops->terminated(plugin.sink, RDV_EIO);
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_ptr_nonnull(strstr(fake_log.last, "shut down by itself"));
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_NO_AGENT);
}
END_TEST

START_TEST(a_program_hears_of_a_plug_in_that_shuts_down_by_itself_and_of_no_other)
{
    close_trigger();
    options.terminated = on_terminated;
    open_trigger(RDV_KIT_ALL);
    attach();
    terminated_reason = 1;
    plugin.sink->ops->terminated(plugin.sink, RDV_EIO);
    turn();
    ck_assert_int_eq(terminated_reason, RDV_EIO);
    terminated_reason = 1;
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, NULL, NULL), 0);
    turn();
    ck_assert_int_eq(terminated_reason, 1);

    close_trigger();
    open_trigger(RDV_KIT_ALL);
    attach();
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, NULL, NULL), 0);
    turn();
    ck_assert_int_eq(terminated_reason, 1);
}
END_TEST

START_TEST(a_plug_in_schedules_and_deletes_through_its_sink)
{
    attach();
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("label", "own", NULL, 0, &task), 0);
    rdv_window window = {.start = fake_clock.now + 5};
    ck_assert_int_eq(plugin.sink->ops->schedule_task(plugin.sink, &window, task), 0);
    ck_assert_int_eq(look(store, "own", RDV_FILTER_PENDING).count, 1);
    ck_assert_int_eq(plugin.sink->ops->delete_schedule(plugin.sink, "own"), 0);
    ck_assert_int_eq(plugin.sink->ops->delete_schedule(plugin.sink, "own"), RDV_ENOTFOUND);
    rdv_task_unref(task);
}
END_TEST

START_TEST(a_sink_that_outlives_its_trigger_refuses_all)
{
    attach();
    rdv_trigger_free(trigger);
    trigger = NULL;
    ck_assert_int_eq(report("a", RDV_STATUS_SUCCESS, NULL), RDV_ESHUTDOWN);
    ck_assert_int_eq(plugin.sink->ops->delete_schedule(plugin.sink, "own"), RDV_ESHUTDOWN);
    plugin.sink->ops->terminated(plugin.sink, 0);
    plugin.sink->ops->unref(plugin.sink);
    rdv_store_close(store);
    rdv_loop_free(loop);
}
END_TEST

static rdv_watch *own_watch;

static int free_own_watch(void *user, const rdv_entry *entry)
{
    (void)entry;
    ++*(int *)user;
    rdv_watch_free(own_watch);
    return 0;
}

START_TEST(a_watch_may_free_itself_and_may_outlive_its_trigger)
{
    int calls = 0;
    struct seen seen = {0};
    rdv_watch *other;
    ck_assert_int_eq(rdv_trigger_watch(trigger, free_own_watch, &calls, &own_watch), 0);
    ck_assert_int_eq(rdv_trigger_watch(trigger, see, &seen, &other), 0);
    schedule("a", fake_clock.now + 1, 0, 0);
    schedule("b", fake_clock.now + 1, 0, 0);
    turn();
    ck_assert_int_eq(calls, 1);
    close_trigger();
    rdv_watch_free(other);
}
END_TEST

START_TEST(paused_nothing_starts_what_runs_goes_on_and_windows_pass)
{
    use_a_file(RESTART_SAFE);
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    schedule("waits", 0, 0, 0);
    schedule("passes", 0, fake_clock.now + 5, 0);
    succeed("runs");
    ck_assert_int_eq(outcome("runs"), RDV_OUTCOME_SUCCEEDED);
    move_clock(NOW + 6);
    ck_assert_int_eq(outcome("passes"), RDV_OUTCOME_EXPIRED);
    ck_assert_int_eq(plugin.started_count, 1);
    restart(RESTART_SAFE);
    ck_assert(rdv_trigger_paused(trigger));
    attach();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(rdv_trigger_resume(trigger), 0);
    turn();
    ck_assert_str_eq(plugin.started[0].identifier, "waits");
}
END_TEST

START_TEST(rule_12_no_task_starts_while_one_is_about_to_reboot_the_machine)
{
    options.max_running = 3;
    restart(RDV_KIT_ALL);
    attach();
    schedule("reboots", 0, 0, 0);
    turn();
    ck_assert_int_eq(report("reboots", RDV_STATUS_REBOOTING, NULL), 0);
    schedule("waits", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(report("reboots", RDV_STATUS_REBOOTED, NULL), 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 2);
    /* Nor does one that ends instead hold the others up for ever. */
    ck_assert_int_eq(report("reboots", RDV_STATUS_REBOOTING, NULL), 0);
    succeed("reboots");
    schedule("next", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 3);
}
END_TEST

START_TEST(explain_gives_the_reason_that_decides)
{
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(explain("a").why, RDV_WHY_NO_AGENT);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_NO_AGENT);
    fake_clock.synchronised = false;
    fake_clock.since_boot = 0;
    attach();
    ck_assert_int_eq(explain("a").why, RDV_WHY_CLOCK);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_CLOCK);
    fake_clock.synchronised = true;
    ck_assert_int_eq(explain("a").why, RDV_WHY_STARTS);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_STARTS);
    move_clock(NOW);
    ck_assert_int_eq(explain("a").why, RDV_WHY_RUNNING);
    ck_assert_int_eq(explain("a").next, fake_clock.now + options.run_limit);

    schedule("window", fake_clock.now + RDV_HOUR, fake_clock.now + RDV_DAY, 0);
    rdv_explanation window = explain("window");
    ck_assert_int_eq(window.why, RDV_WHY_WINDOW);
    ck_assert_int_eq(window.next, fake_clock.now + RDV_HOUR);
    ck_assert_ptr_nonnull(strstr(window.words, "in 1h"));

    schedule("first", 0, 0, fake_clock.now + 1);
    schedule("second", 0, fake_clock.now + RDV_HOUR, fake_clock.now + 2);
    ck_assert_int_eq(explain("first").why, RDV_WHY_BEHIND);
    ck_assert_uint_eq(explain("first").ahead, 0);
    rdv_explanation second = explain("second");
    ck_assert_int_eq(second.why, RDV_WHY_BEHIND);
    ck_assert_uint_eq(second.ahead, 1);
    ck_assert_uint_eq(second.running, 1);
    ck_assert_int_eq(second.next, NOW + RDV_HOUR + 1);

    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    ck_assert_int_eq(explain("first").why, RDV_WHY_PAUSED);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_PAUSED);
    ck_assert_int_eq(report("a", RDV_STATUS_REBOOTING, NULL), 0);
    ck_assert_int_eq(explain("first").why, RDV_WHY_REBOOT);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_REBOOT);
    ck_assert_ptr_nonnull(strstr(explain("first").words, "a is about to reboot"));

    rdv_explanation none = {.size = sizeof none};
    ck_assert_int_eq(rdv_trigger_explain(trigger, "nobody", &none), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv_trigger_explain(trigger, "", &none), RDV_EINVAL);
}
END_TEST

static void assert_explained(const char *identifier, rdv_why why, const char *words)
{
    rdv_explanation explanation = explain(identifier);
    ck_assert_int_eq(explanation.why, why);
    ck_assert_str_eq(explanation.words, words);
}

#define NO_HANDLER "no handler is configured for its label 'label', so it will fail"

START_TEST(explain_says_early_that_no_handler_has_the_label)
{
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    plugin.label_result = RDV_ENOHANDLER;
    schedule("later", fake_clock.now + RDV_HOUR, 0, 0);
    assert_explained("later", RDV_WHY_WINDOW,
                     "its window opens at 2750-12-04T01:00:00Z (in 1h); " NO_HANDLER " then");
    schedule("ready", 0, 0, 0);
    assert_explained("ready", RDV_WHY_BEHIND, "1 of at most 1 is running; " NO_HANDLER " then");
    assert_explained("runs", RDV_WHY_RUNNING,
                     "it is running; its limit is 2750-12-05T00:00:00Z (in 1d)");
    ck_assert_int_eq(report("runs", RDV_STATUS_SUCCESS, NULL), 0);
    assert_explained("ready", RDV_WHY_NO_HANDLER, "nothing holds it up, but " NO_HANDLER);
    ck_assert_int_eq(explain("ready").next, fake_clock.now);
    plugin.label_result = 0;
    ck_assert_int_eq(explain("ready").why, RDV_WHY_STARTS);
}
END_TEST

START_TEST(explain_tells_of_a_window_and_of_what_holds_up_everything)
{
    fake_clock.synchronised = false;
    fake_clock.since_boot = 0;
    attach();
    schedule("reboots", 0, 0, 0);
    schedule("later", fake_clock.now + RDV_HOUR, fake_clock.now + 2 * RDV_HOUR, 0);
    ck_assert_ptr_nonnull(strstr(explain("later").words, "(in 1h); the system has just started"));
    fake_clock.synchronised = true;
    turn();
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    assert_explained("later", RDV_WHY_WINDOW,
                     "its window opens at 2750-12-04T01:00:00Z (in 1h); the trigger agent is "
                     "paused: 'rdvtask resume' lets tasks start; it expires if it has not started "
                     "by 2750-12-04T02:00:00Z (in 2h)");
    ck_assert_int_eq(explain("later").next, fake_clock.now + RDV_HOUR);
    ck_assert_int_eq(report("reboots", RDV_STATUS_REBOOTING, NULL), 0);
    ck_assert_ptr_nonnull(strstr(explain("later").words, "(in 1h); reboots is about to reboot"));
}
END_TEST

START_TEST(all_that_explain_can_say_of_a_task_fits)
{
    static const char end[] = "; it expires if it has not started by 2750-12-05T00:00:00Z (in 1d)";
    char longest[RDV_NAME_MAX + 1];
    rdv_task *task;
    rdv_window window = {.start =
                             fake_clock.now + 23 * RDV_HOUR + 59 * RDV_MINUTE + 59 * RDV_SECOND + 1,
                         .end = fake_clock.now + RDV_DAY};
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    attach();
    schedule(longest, 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_task_new(longest, "later", NULL, 0, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
    rdv_task_unref(task);
    ck_assert_int_eq(report(longest, RDV_STATUS_REBOOTING, NULL), 0);
    plugin.label_result = RDV_ENOHANDLER;
    const rdv_explanation explanation = explain("later");
    size_t size = strlen(explanation.words);
    ck_assert_uint_gt(size, sizeof end);
    ck_assert_str_eq(explanation.words + size - (sizeof end - 1), end);
}
END_TEST

START_TEST(explain_tells_of_a_store_that_can_not_be_written_to)
{
    use_a_file(RDV_KIT_ALL);
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("ready", 0, 0, 0);
    schedule("passes", 0, fake_clock.now + 5, 0);
    turn();
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(explain("ready").why, RDV_WHY_BEHIND);
    move_clock(NOW + 6);
    assert_explained("ready", RDV_WHY_STORE,
                     "the store can't be written to, and nothing starts that can't be recorded");
    ck_assert_int_gt(explain("ready").next, fake_clock.now);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_STORE);
    ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}
END_TEST

START_TEST(explain_calls_nothing_running_that_nobody_runs)
{
    static const char goes_on[] = "it was running, and goes on with the next 'rdvtask run'";
    static const char ends[] = "it was asked to end, and ends with the next 'rdvtask run'";
    options.max_running = 4;
    use_a_file(RESTART_SAFE);
    attach();
    schedule("runs", 0, 0, 0);
    schedule("ends", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "ends"), 0);
    schedule("reboots", 0, 0, 0);
    turn();
    ck_assert_int_eq(report("reboots", RDV_STATUS_REBOOTING, NULL), 0);
    turn();
    ck_assert_int_eq(explain("reboots").why, RDV_WHY_RUNNING);
    ck_assert_int_eq(explain("ends").why, RDV_WHY_RUNNING);

    options.flags = RDV_TRIGGER_HOLD_STORED;
    restart(RESTART_SAFE);
    assert_explained("runs", RDV_WHY_HELD, goes_on);
    assert_explained("reboots", RDV_WHY_HELD, goes_on);
    assert_explained("ends", RDV_WHY_HELD, ends);
    ck_assert_int_eq(explain("runs").next, 0);
    attach();
    assert_explained("runs", RDV_WHY_HELD, goes_on);

    options.flags = 0;
    restart(RESTART_SAFE);
    assert_explained("runs", RDV_WHY_NO_AGENT, goes_on);
    assert_explained("ends", RDV_WHY_NO_AGENT, ends);
    attach();
    ck_assert_int_eq(explain("runs").why, RDV_WHY_RUNNING);
    plugin.sink->ops->terminated(plugin.sink, 0);
    turn();
    assert_explained("runs", RDV_WHY_NO_AGENT, goes_on);
}
END_TEST

START_TEST(explain_leaves_what_it_looks_at_alone)
{
    attach();
    schedule("a", fake_clock.now + 5, 0, 0);
    rdv_explanation before = explain("a");
    for (int i = 0; i < 3; i++) {
        turn();
        rdv_explanation after = explain("a");
        ck_assert_mem_eq(&before, &after, sizeof before);
    }
    ck_assert_int_eq(plugin.started_count, 0);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    rdv_trigger *other = NULL;
    rdv_trigger_options wrong = options;
    wrong.max_running = 0;
    ck_assert_int_eq(rdv_trigger_new(loop, store, &wrong, &other), RDV_EINVAL);
    wrong = options;
    wrong.run_limit = 0;
    ck_assert_int_eq(rdv_trigger_new(loop, store, &wrong, &other), RDV_EINVAL);
    wrong = options;
    wrong.size = 1;
    ck_assert_int_eq(rdv_trigger_new(loop, store, &wrong, &other), RDV_EINVAL);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(rdv_trigger_attach(trigger, NULL), RDV_EINVAL);
    attach();
    ck_assert_int_eq(rdv_trigger_attach(trigger, &plugin.base), RDV_ESTATE);
}
END_TEST

void add_contract_tests(TCase *rules)
{
    tcase_add_test(rules, start_task_that_fails_ends_the_run_as_failed_with_words);
    tcase_add_test(rules, a_plug_in_that_still_ends_an_earlier_run_is_asked_again_for_a_while);
    tcase_add_test(rules, a_batch_is_taken_whole_or_not_at_all);
    tcase_add_test(rules, documents_in_a_batch_are_taken_together_or_not_at_all);
    tcase_add_test(rules, a_document_replaces_what_is_pending_and_adds_the_rest);
    tcase_add_test(rules, terminate_starts_nothing_more_and_tells_when_it_is_over);
    tcase_add_test(rules, terminate_without_a_plug_in_is_over_at_once);
    tcase_add_test(rules, a_plug_in_that_shuts_down_by_itself_gets_no_more_tasks);
    tcase_add_test(rules, a_program_hears_of_a_plug_in_that_shuts_down_by_itself_and_of_no_other);
    tcase_add_test(rules, a_plug_in_schedules_and_deletes_through_its_sink);
    tcase_add_test(rules, a_sink_that_outlives_its_trigger_refuses_all);
    tcase_add_test(rules, a_watch_may_free_itself_and_may_outlive_its_trigger);
    tcase_add_test(rules, paused_nothing_starts_what_runs_goes_on_and_windows_pass);
    tcase_add_test(rules, rule_12_no_task_starts_while_one_is_about_to_reboot_the_machine);
    tcase_add_test(rules, explain_gives_the_reason_that_decides);
    tcase_add_test(rules, explain_says_early_that_no_handler_has_the_label);
    tcase_add_test(rules, explain_tells_of_a_window_and_of_what_holds_up_everything);
    tcase_add_test(rules, all_that_explain_can_say_of_a_task_fits);
    tcase_add_test(rules, explain_tells_of_a_store_that_can_not_be_written_to);
    tcase_add_test(rules, explain_calls_nothing_running_that_nobody_runs);
    tcase_add_test(rules, explain_leaves_what_it_looks_at_alone);
    tcase_add_test(rules, options_out_of_range_are_refused);
}
