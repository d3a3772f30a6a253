/* SPDX-License-Identifier: MIT */
/*
 * The trigger agent's rules, each on a clock of the test's own: nothing here sleeps. The number in a test's name is the
 * rule's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include <rdvtask/rdvtask.h>

#include "harness.h"
#include "system.h"

/* A task agent that notes what it is asked for, and does only what a test tells it to. */
struct fake_plugin {
    rdv_plugin base;
    rdv_sink *sink;
    char started[64][64]; /* identifiers, in order */
    int64_t runs[64];
    char contexts[64][16];
    int started_count;
    char cancelled[64][64];
    int cancelled_count;
    int start_result, cancel_result, label_result;
    rdv_duration end_wait;
    bool ends_when_asked_how_long;
    bool finish_at_once;
    bool terminated_at_once;
    int terminate_reason;
    void (*on_start)(struct fake_plugin *plugin, rdv_task *task);
};

static struct fake_plugin *plugin_of(rdv_plugin *base)
{
    return (struct fake_plugin *)base;
}

static const char *plugin_name(rdv_plugin *base)
{
    (void)base;
    return "fake";
}

static int plugin_initialize(rdv_plugin *base, rdv_sink *sink)
{
    sink->ops->ref(sink);
    plugin_of(base)->sink = sink;
    return 0;
}

static int report(struct fake_plugin *plugin, const char *identifier, rdv_status status,
                  const char *message)
{
    rdv_report words = RDV_REPORT_INIT;
    words.status = status;
    words.message = message;
    return plugin->sink->ops->task_state_changed(plugin->sink, identifier, &words);
}

static int plugin_start_task(rdv_plugin *base, rdv_task *task)
{
    struct fake_plugin *plugin = plugin_of(base);
    ck_assert_int_lt(plugin->started_count, 64);
    snprintf(plugin->started[plugin->started_count], 64, "%s", rdv_task_identifier(task));
    size_t size;
    const char *context = rdv_task_context(task, &size);
    snprintf(plugin->contexts[plugin->started_count], 16, "%.*s", (int)size, context);
    plugin->runs[plugin->started_count] = rdv_task_run(task);
    plugin->started_count++;
    if (plugin->on_start)
        plugin->on_start(plugin, task);
    if (plugin->start_result == 0 && plugin->finish_at_once)
        ck_assert_int_eq(report(plugin, rdv_task_identifier(task), RDV_STATUS_SUCCESS, "done"), 0);
    return plugin->start_result;
}

static int plugin_cancel_task(rdv_plugin *base, const char *identifier)
{
    struct fake_plugin *plugin = plugin_of(base);
    snprintf(plugin->cancelled[plugin->cancelled_count++], 64, "%s", identifier);
    return plugin->cancel_result;
}

static int plugin_check_label(rdv_plugin *base, const char *label)
{
    (void)label;
    return plugin_of(base)->label_result;
}

static rdv_duration plugin_end_wait(rdv_plugin *base, const char *identifier)
{
    struct fake_plugin *plugin = plugin_of(base);
    if (plugin->ends_when_asked_how_long)
        ck_assert_int_eq(report(plugin, identifier, RDV_STATUS_FAILED, "ended"), 0);
    return plugin->end_wait;
}

static int plugin_terminate(rdv_plugin *base, int reason)
{
    struct fake_plugin *plugin = plugin_of(base);
    plugin->terminate_reason = reason;
    if (plugin->terminated_at_once)
        plugin->sink->ops->terminated(plugin->sink, reason);
    return 0;
}

static const rdv_plugin_ops plugin_ops = {
    .size = sizeof plugin_ops,
    .flags = 0,
    .name = plugin_name,
    .initialize = plugin_initialize,
    .start_task = plugin_start_task,
    .cancel_task = plugin_cancel_task,
    .terminate = plugin_terminate,
    .check_label = plugin_check_label,
    .end_wait = plugin_end_wait,
};

static const rdv_plugin_ops restart_safe_ops = {
    .size = sizeof restart_safe_ops,
    .flags = RDV_PLUGIN_RESTART_SAFE,
    .name = plugin_name,
    .initialize = plugin_initialize,
    .start_task = plugin_start_task,
    .cancel_task = plugin_cancel_task,
    .terminate = plugin_terminate,
};

static const rdv_plugin_ops no_cancel_ops = {
    .size = sizeof no_cancel_ops,
    .name = plugin_name,
    .initialize = plugin_initialize,
    .start_task = plugin_start_task,
    .terminate = plugin_terminate,
};

/* ----------------------------------------------------------------- fixture */

#define NOW (INT64_C(420000) * RDV_DAY / 10 * 10)

static char folder[RDV_TEST_PATH];    /* "" = none was needed */
static char path[RDV_TEST_PATH + 16]; /* of the store; "" = in memory */
static rdv_loop *loop;
static rdv_store *store;
static rdv_trigger *trigger;
static rdv_trigger_options options;
static struct fake_plugin plugin;
static rdv_time now;
static bool synchronised;
static rdv_duration since_boot;
static char last_log[1024];
static int log_lines;

static rdv_time clock_now(void *user)
{
    (void)user;
    return now;
}

static bool clock_synchronised(void *user)
{
    (void)user;
    return synchronised;
}

static rdv_duration clock_since_boot(void *user)
{
    (void)user;
    return since_boot;
}

static void log_write(void *user, rdv_log_level level, const char *text)
{
    (void)user;
    (void)level;
    log_lines++;
    snprintf(last_log, sizeof last_log, "%s", text);
}

/* Let the loop do all that is ready. */
static void turn(void)
{
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

static void move_clock(rdv_time to)
{
    now = to;
    rdv_trigger_clock_changed(trigger);
    turn();
}

static void open_trigger(const rdv_plugin_ops *ops)
{
    struct rdv_error error;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    int result = rdv_store_open(*path ? path : NULL, NULL, &store, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    ck_assert_int_eq(rdv_trigger_new(loop, store, &options, &trigger), 0);
    memset(&plugin, 0, sizeof plugin);
    plugin.base.ops = ops;
    plugin.terminated_at_once = true;
}

static void attach(void)
{
    ck_assert_int_eq(rdv_trigger_attach(trigger, &plugin.base), 0);
    turn();
}

static void close_trigger(void)
{
    rdv_trigger_free(trigger);
    if (plugin.sink)
        plugin.sink->ops->unref(plugin.sink);
    rdv_store_close(store);
    rdv_loop_free(loop);
    trigger = NULL;
}

static void set_up(void)
{
    *folder = *path = '\0';
    now = NOW;
    synchronised = true;
    since_boot = RDV_DAY;
    log_lines = 0;
    rdv_trigger_options_init(&options);
    options.clock = (rdv_clock){
        .now = clock_now, .synchronised = clock_synchronised, .since_boot = clock_since_boot};
    options.log.write = log_write;
    open_trigger(&plugin_ops);
}

static void tear_down(void)
{
    if (trigger)
        close_trigger();
    if (*folder)
        rdv_test_remove(folder);
}

/* The same, with a store on disk. */
static void use_a_file(const rdv_plugin_ops *ops)
{
    close_trigger();
    rdv_test_make_folder(folder, "trigger");
    snprintf(path, sizeof path, "%s/store.db", folder);
    open_trigger(ops);
}

static int schedule_in(rdv_trigger *on, const char *identifier, rdv_time start, rdv_time end,
                       rdv_time deadline)
{
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("label", identifier, identifier, strlen(identifier), &task), 0);
    rdv_window window = {start, end, deadline, 0};
    int result = rdv_trigger_schedule(on, &window, task);
    rdv_task_unref(task);
    return result;
}

static void schedule(const char *identifier, rdv_time start, rdv_time end, rdv_time deadline)
{
    ck_assert_int_eq(schedule_in(trigger, identifier, start, end, deadline), 0);
}

/* The newest entry with an identifier, copied. */
struct seen {
    rdv_entry entry;
    char message[128];
    int count;
};

static int see(void *user, const rdv_entry *entry)
{
    struct seen *seen = user;
    seen->entry = *entry;
    snprintf(seen->message, sizeof seen->message, "%s", entry->message);
    seen->count++;
    return 0;
}

static struct seen look(rdv_store *in, const char *identifier, unsigned flags)
{
    struct seen seen = {0};
    rdv_filter filter = {sizeof filter, flags, identifier, 0, 0};
    ck_assert_int_eq(rdv_store_entries(in, &filter, see, &seen), 0);
    return seen;
}

static rdv_outcome outcome(const char *identifier)
{
    struct seen seen = look(store, identifier, RDV_FILTER_FINISHED);
    return seen.count > 0 ? seen.entry.outcome : RDV_OUTCOME_NONE;
}

static void succeed(const char *identifier)
{
    ck_assert_int_eq(report(&plugin, identifier, RDV_STATUS_SUCCESS, NULL), 0);
    turn();
}

static rdv_explanation explain(const char *identifier)
{
    rdv_explanation explanation = {.size = sizeof explanation};
    ck_assert_int_eq(rdv_trigger_explain(trigger, identifier, &explanation), 0);
    ck_assert_uint_gt(strlen(explanation.words), 0);
    ck_assert_ptr_nonnull(rdv_why_name(explanation.why));
    return explanation;
}

/* Through the eyes of another process. */
static struct seen look_from_outside(const char *identifier)
{
    rdv_store_options read_only;
    rdv_store_options_init(&read_only);
    read_only.flags = RDV_STORE_READ_ONLY;
    rdv_store *outside;
    ck_assert_int_eq(rdv_store_open(path, &read_only, &outside, NULL), 0);
    struct seen seen = look(outside, identifier, 0);
    rdv_store_close(outside);
    return seen;
}

/* What a process that is killed leaves behind: the store as it is, with nobody told. */
static void restart(const rdv_plugin_ops *ops)
{
    close_trigger();
    open_trigger(ops);
}

/* ------------------------------------------------------------------ rule 1 */

START_TEST(rule_1_a_schedule_is_on_disk_before_success_is_returned)
{
    use_a_file(&plugin_ops);
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
    use_a_file(&plugin_ops);
    struct in_call in_call = {-1, -1};
    ck_assert_int_eq(rdv_loop_call(loop, schedule_two, &in_call), 0);
    ck_assert_int_eq(in_call.scheduled, 0);
    ck_assert_int_eq(in_call.seen, 0);
    ck_assert_int_eq(look_from_outside("a").count, 1);
    ck_assert_int_eq(look_from_outside("b").count, 1);
}
END_TEST

static struct seen at_start;

static void look_at_start(struct fake_plugin *fake, rdv_task *task)
{
    (void)fake;
    at_start = look_from_outside(rdv_task_identifier(task));
}

START_TEST(rule_1_a_start_is_on_disk_before_start_task_is_called)
{
    use_a_file(&plugin_ops);
    plugin.on_start = look_at_start;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(at_start.count, 1);
    ck_assert_int_eq(at_start.entry.state, RDV_STATE_RUNNING);
    ck_assert_int_eq(at_start.entry.started_at, now);
}
END_TEST

START_TEST(rule_1_a_task_that_may_start_at_once_does_so_with_the_commit_of_its_schedule)
{
    use_a_file(&restart_safe_ops);
    attach();
    schedule("a", 0, 0, 0);
    struct seen outside = look_from_outside("a");
    ck_assert_int_eq(outside.entry.state, RDV_STATE_RUNNING);
    ck_assert_int_eq(outside.entry.started_at, now);
    ck_assert_int_eq(outside.entry.attempt, 1);
    ck_assert_int_eq(plugin.started_count, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(look_from_outside("a").entry.change, outside.entry.change);
}
END_TEST

START_TEST(rule_1_a_task_waits_for_the_loop_where_it_could_not_be_started_again)
{
    use_a_file(&plugin_ops);
    attach();
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(look_from_outside("a").entry.state, RDV_STATE_PENDING);
    restart(&plugin_ops); /* the process ends before the loop goes on */
    attach();
    ck_assert_int_eq(plugin.started_count, 1);
}
END_TEST

START_TEST(rule_1_a_plugin_is_not_called_from_inside_a_schedule_though_something_is_due)
{
    options.run_limit = RDV_HOUR;
    options.max_running = 2;
    restart(&restart_safe_ops);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    now += RDV_HOUR;
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
    use_a_file(&plugin_ops);
    rdv_watch *watch;
    ck_assert_int_eq(rdv_trigger_watch(trigger, compare_with_disk, NULL, &watch), 0);
    told = 0;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_DOWNLOADING, NULL), 0);
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
    plugin.finish_at_once = true;
    schedule("none", 0, 0, 0);
    schedule("late", 0, 0, now + 3);
    schedule("early", 0, 0, now + 1);
    schedule("middle", 0, 0, now + 2);
    attach();
    turn();
    const char *order[] = {"early", "middle", "late", "none"};
    ck_assert_int_eq(plugin.started_count, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(plugin.started[i], order[i]);
}
END_TEST

START_TEST(rule_2_tasks_of_a_batch_compete_for_their_start_when_all_are_there)
{
    restart(&restart_safe_ops);
    attach();
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    schedule("none", 0, 0, 0);
    schedule("late", 0, 0, now + 3);
    schedule("early", 0, 0, now + 1);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
    ck_assert_int_eq(rdv_trigger_commit(trigger), 0);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0], "early");
}
END_TEST

START_TEST(rule_2_ties_go_by_start_and_then_by_arrival)
{
    plugin.finish_at_once = true;
    schedule("b", now - 1, 0, now + 9);
    schedule("c", now - 1, 0, now + 9);
    schedule("a", now - 2, 0, now + 9);
    schedule("y", now - 1, 0, 0);
    schedule("z", now - 1, 0, 0);
    schedule("x", 0, 0, 0);
    attach();
    turn();
    ck_assert_int_eq(plugin.started_count, 6);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(plugin.started[i][0], "abcxyz"[i]);
}
END_TEST

START_TEST(rule_2_a_window_includes_its_start_and_its_end)
{
    attach();
    schedule("at-start", now + 10, now + 20, 0);
    move_clock(NOW + 9);
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(rdv_trigger_next(trigger), NOW + 10);
    move_clock(NOW + 10);
    ck_assert_int_eq(plugin.started_count, 1);
    succeed("at-start");
    schedule("at-end", NOW, NOW + 30, 0);
    now = NOW + 30;
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
    open_trigger(&plugin_ops);
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
    ck_assert_str_eq(plugin.contexts[0], "a");
    ck_assert_int_gt(plugin.runs[0], 0);
}
END_TEST

/* ------------------------------------------------------------------ rule 3 */

START_TEST(rule_3_an_entry_expires_at_once_when_its_end_has_passed)
{
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("waits", 0, now + 5 * RDV_MINUTE, 0);
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
    schedule("old", now - 20, now - 10, 0);
    schedule("jumped-over", now + 10, now + 20, 0);
    turn();
    ck_assert_int_eq(outcome("old"), RDV_OUTCOME_EXPIRED);
    move_clock(NOW + 30);
    ck_assert_int_eq(outcome("jumped-over"), RDV_OUTCOME_EXPIRED);
    ck_assert_int_eq(plugin.started_count, 0);
}
END_TEST

START_TEST(rule_3_with_an_unsynchronised_clock_after_boot_nothing_starts_and_nothing_expires)
{
    synchronised = false;
    since_boot = RDV_SECOND;
    attach();
    schedule("ready", 0, 0, 0);
    schedule("passed", 0, now - 1, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(outcome("passed"), RDV_OUTCOME_NONE);
    ck_assert_ptr_nonnull(strstr(last_log, "not synchronised"));
    synchronised = true;
    move_clock(NOW);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(outcome("passed"), RDV_OUTCOME_EXPIRED);
}
END_TEST

START_TEST(rule_3_the_clock_is_waited_for_at_most_clock_wait)
{
    synchronised = false;
    since_boot = options.clock_wait - 1;
    attach();
    schedule("ready", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 0);
    since_boot = options.clock_wait;
    move_clock(NOW);
    ck_assert_int_eq(plugin.started_count, 1);
}
END_TEST

/* ------------------------------------------------------------------ rule 4 */

START_TEST(rule_4_scheduling_a_pending_entry_again_replaces_it)
{
    schedule("a", now + 100, 0, 0);
    schedule("b", 0, 0, 0);
    schedule("a", now + 50, 0, 7);
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
    plugin.finish_at_once = true;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(look(store, "a", RDV_FILTER_FINISHED).count, 2);
    ck_assert_int_ne(plugin.runs[0], plugin.runs[1]);
}
END_TEST

START_TEST(rule_4_a_window_that_ends_before_it_starts_is_refused)
{
    ck_assert_int_eq(schedule_in(trigger, "a", now + 1, now, 0), RDV_EINVAL);
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

/* ------------------------------------------------------------------ rule 6 */

START_TEST(rule_6_any_status_of_a_task_agent_may_follow_any_that_is_not_terminal)
{
    attach();
    for (int from = RDV_STATUS_SEARCHING; from <= RDV_STATUS_REBOOTED; from++)
        for (int to = RDV_STATUS_SEARCHING; to <= RDV_STATUS_FAILED; to++) {
            plugin.started_count = 0;
            schedule("a", 0, 0, 0);
            turn();
            ck_assert_int_eq(report(&plugin, "a", (rdv_status)from, NULL), 0);
            ck_assert_int_eq(report(&plugin, "a", (rdv_status)to, NULL), 0);
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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_UNKNOWN, NULL), RDV_EINVAL);
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_TIMEOUT, NULL), RDV_EINVAL);
    ck_assert_int_eq(report(&plugin, "a", (rdv_status)9, NULL), RDV_EINVAL);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
}
END_TEST

START_TEST(rule_6_nothing_follows_a_terminal_status)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_FAILED, "broken"), 0);
    /* In the same batch, before anything is committed. */
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
    turn();
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_APPLYING, NULL), RDV_ENOTFOUND);
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
        now += RDV_SECOND;
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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_REBOOTING, NULL), 0);
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
        ck_assert_int_eq(
            report(&plugin, "a", i % 2 ? RDV_STATUS_SEARCHING : RDV_STATUS_DOWNLOADING, NULL), 0);
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
    schedule("later", now + RDV_HOUR, 0, 0);
    turn();
    log_lines = 0;
    ck_assert_int_eq(report(&plugin, "nobody", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
    ck_assert_int_eq(log_lines, 1);
    ck_assert_ptr_nonnull(strstr(last_log, "nobody"));
    ck_assert_int_eq(report(&plugin, "later", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
    ck_assert_int_eq(report(&plugin, "", RDV_STATUS_SUCCESS, NULL), RDV_EINVAL);
    turn();
    ck_assert_int_eq(outcome("later"), RDV_OUTCOME_NONE);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
}
END_TEST

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
    ck_assert_int_eq(rdv_trigger_next(trigger), now + options.run_limit);
    move_clock(NOW + options.run_limit);
    ck_assert_int_eq(plugin.cancelled_count, 1);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_NONE);
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_FAILED, "cancelled"), 0);
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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_SUCCESS, "all is done"), 0);
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
    now = NOW + options.run_limit;
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
    move_clock(now + options.run_limit);
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
    now = NOW + options.run_limit;
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
    use_a_file(&restart_safe_ops);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    move_clock(NOW + options.run_limit);
    ck_assert(look_from_outside("a").entry.cancelling);
    restart(&restart_safe_ops);
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
    ck_assert_str_eq(plugin.started[1], "b");
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_SUCCESS, NULL), RDV_ENOTFOUND);
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
    ck_assert_str_eq(plugin.started[1], "b");
}
END_TEST

START_TEST(rule_8_the_limit_can_be_set_for_an_entry_and_holds_after_a_restart)
{
    use_a_file(&restart_safe_ops);
    attach();
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("label", "a", NULL, 0, &task), 0);
    rdv_window window = {.limit = RDV_MINUTE};
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
    rdv_task_unref(task);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), now + RDV_MINUTE);
    now += RDV_HOUR;
    restart(&restart_safe_ops);
    attach();
    ck_assert_int_eq(rdv_trigger_next(trigger), now + RDV_MINUTE);
}
END_TEST

START_TEST(rule_8_a_plug_in_that_can_not_cancel_loses_its_run_at_once)
{
    close_trigger();
    open_trigger(&no_cancel_ops);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), RDV_ENOTSUP);
    move_clock(NOW + options.run_limit);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_TIMED_OUT);
}
END_TEST

/* Running time goes on by itself, whatever the clock does. */
static rdv_duration running;

static rdv_duration clock_running(void *user)
{
    (void)user;
    return running;
}

static void use_running_time(void)
{
    close_trigger();
    running = 1000 * RDV_SECOND;
    options.clock.running = clock_running;
    open_trigger(&plugin_ops);
    attach();
}

static void pass(rdv_duration duration)
{
    running += duration;
    move_clock(now + duration);
}

START_TEST(rule_8_a_limit_counts_running_time_whatever_becomes_of_the_clock)
{
    static const rdv_duration steps[] = {2 * RDV_DAY, -2 * RDV_DAY, 400 * RDV_DAY};
    use_running_time();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        schedule("a", 0, 0, 0);
        turn();
        move_clock(now + steps[i]); /* the clock is set, or the machine slept */
        ck_assert_int_eq(plugin.cancelled_count, (int)i);
        ck_assert_int_eq(rdv_trigger_next(trigger), now + options.run_limit);
        ck_assert_int_eq(explain("a").next, now + options.run_limit);
        pass(options.run_limit - 1);
        ck_assert_int_eq(plugin.cancelled_count, (int)i);
        pass(1);
        ck_assert_int_eq(plugin.cancelled_count, (int)i + 1);
        move_clock(now - steps[i]);
        ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
        ck_assert_int_eq(rdv_trigger_next(trigger), now + options.cancel_wait);
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
    schedule("opens", now + 3 * options.run_limit, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), now + options.run_limit);
    move_clock(now + 3 * options.run_limit);
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
        ck_assert_int_eq(report(&plugin, name, RDV_STATUS_FAILED, NULL), 0);
        turn();
    }
    ck_assert_int_eq(rdv_trigger_next(trigger), 0);
}
END_TEST

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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_FAILED, "stopped"), 0);
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
    ck_assert_str_eq(plugin.started[1], "b");
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
            strstr(last_log, "the task agent 'fake' says that ending a may take"));
        ck_assert_int_eq(rdv_trigger_next(trigger), now + options.cancel_wait);
        ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_FAILED, NULL), 0);
        turn();
    }
    plugin.end_wait = RDV_LIMIT_MAX;
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), now + RDV_LIMIT_MAX + options.cancel_wait);
}
END_TEST

START_TEST(an_end_that_is_reported_from_inside_end_wait_is_an_end)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    plugin.ends_when_asked_how_long = true;
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
    rdv_plugin_ops old = plugin_ops;
    old.check_label = never_check_label;
    old.end_wait = never_end_wait;
    old.size = offsetof(rdv_plugin_ops, check_label);
    close_trigger();
    open_trigger(&old);
    attach();
    schedule("a", 0, 0, 0);
    ck_assert_int_eq(explain("a").why, RDV_WHY_STARTS);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), now + options.cancel_wait);
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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_SUCCESS, NULL), 0);
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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_SUCCESS, "tidied up"), 0);
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
    use_a_file(&restart_safe_ops);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    schedule("b", 0, 0, 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_REBOOTING, NULL), 0);
    turn();
    restart(&restart_safe_ops);
    attach();
    ck_assert_str_eq(plugin.cancelled[0], "a");
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    ck_assert_str_eq(plugin.started[0], "b");
}
END_TEST

START_TEST(a_success_counts_where_the_cancel_before_it_could_not_be_recorded)
{
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_SUCCESS, "well done"), 0);
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
    use_a_file(&plugin_ops);
    attach();
    schedule("silent", 0, 0, 0);
    turn();
    restart(&plugin_ops);
    attach();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "silent"), 0);
    turn();
    ck_assert_int_eq(report(&plugin, "silent", RDV_STATUS_REBOOTED, NULL), 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), now + options.cancel_wait);
    move_clock(NOW + options.cancel_wait);
    ck_assert_int_eq(outcome("silent"), RDV_OUTCOME_CANCELLED);
}
END_TEST

/* ------------------------------------------------------------------ rule 9 */

START_TEST(rule_9_pending_entries_are_as_before_after_a_restart)
{
    use_a_file(&plugin_ops);
    schedule("late", 0, 0, now + 2);
    schedule("early", 0, 0, now + 1);
    schedule("opens", now + 100, 0, 0);
    restart(&plugin_ops);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
    plugin.finish_at_once = true;
    attach();
    turn();
    ck_assert_str_eq(plugin.started[0], "early");
    ck_assert_str_eq(plugin.started[1], "late");
    ck_assert_int_eq(plugin.started_count, 2);
    move_clock(NOW + 100);
    ck_assert_int_eq(plugin.started_count, 3);
}
END_TEST

START_TEST(rule_9_a_restart_safe_plug_in_gets_start_task_again_for_the_same_run)
{
    use_a_file(&restart_safe_ops);
    options.max_running = 2;
    restart(&restart_safe_ops);
    attach();
    schedule("a", 0, 0, 0);
    schedule("b", 0, 0, 0);
    turn();
    int64_t run = plugin.runs[0];
    now += RDV_HOUR;
    restart(&restart_safe_ops);
    attach();
    ck_assert_int_eq(plugin.started_count, 2);
    ck_assert_str_eq(plugin.started[0], "a");
    ck_assert_str_eq(plugin.started[1], "b");
    ck_assert_int_eq(plugin.runs[0], run);
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.entry.attempt, 2);
    ck_assert_int_eq(seen.entry.started_at, NOW);
    /* It was not running while nobody ran it. */
    ck_assert_int_eq(rdv_trigger_next(trigger), now + options.run_limit);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(rule_9_another_plug_in_has_resume_limit_to_report)
{
    use_a_file(&plugin_ops);
    options.max_running = 2;
    restart(&plugin_ops);
    attach();
    schedule("reports", 0, 0, 0);
    schedule("silent", 0, 0, 0);
    turn();
    restart(&plugin_ops);
    attach();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(rdv_trigger_next(trigger), now + options.resume_limit);
    ck_assert_int_eq(report(&plugin, "reports", RDV_STATUS_REBOOTED, NULL), 0);
    turn();
    move_clock(NOW + options.resume_limit);
    ck_assert_int_eq(outcome("silent"), RDV_OUTCOME_TIMED_OUT);
    ck_assert_int_eq(outcome("reports"), RDV_OUTCOME_NONE);
    succeed("reports");
}
END_TEST

START_TEST(rule_9_a_run_that_was_being_cancelled_is_not_started_again)
{
    use_a_file(&restart_safe_ops);
    attach();
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    restart(&restart_safe_ops);
    plugin.cancel_result = RDV_ENOTFOUND;
    attach();
    turn();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(rule_9_a_trigger_that_holds_what_is_stored_leaves_it_alone)
{
    use_a_file(&restart_safe_ops);
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("waits", 0, now + 10, 0);
    options.flags = RDV_TRIGGER_HOLD_STORED;
    restart(&restart_safe_ops);
    attach();
    schedule("mine", 0, 0, 0);
    move_clock(NOW + 20);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0], "mine");
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
static void crash(const rdv_plugin_ops *ops)
{
    restart(ops);
    attach();
}

/* It is stopped in order; the plug-in leaves what runs to the next one. */
static void stop(const rdv_plugin_ops *ops)
{
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, NULL, NULL), 0);
    turn();
    crash(ops);
}

static void start_a_before_b(const rdv_plugin_ops *ops)
{
    use_a_file(ops);
    boot("first");
    crash(ops);
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
    ck_assert_str_eq(plugin.started[0], "b");
}

START_TEST(rule_9_a_run_that_is_interrupted_over_and_over_fails)
{
    start_a_before_b(&restart_safe_ops);
    for (int i = 1; i <= 5; i++) {
        crash(&restart_safe_ops);
        ck_assert_int_eq(plugin.started_count, 1);
        ck_assert_str_eq(plugin.started[0], "a");
        ck_assert_int_eq(stored("interruptions"), i);
        /* No progress sets that back. */
        ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_APPLYING, "on"), 0);
        turn();
    }
    crash(&restart_safe_ops);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_an_interruption_is_on_disk_before_start_task_is_called)
{
    start_a_before_b(&restart_safe_ops);
    for (int i = 0; i < 5; i++) {
        crash(&restart_safe_ops);
        /* Killed inside that call, it is counted once; killed before it, not yet. */
        restart(&restart_safe_ops);
        ck_assert_int_eq(stored("interruptions"), i + 1);
    }
    attach();
    assert_given_up();
}
END_TEST

START_TEST(rule_9_a_run_that_is_being_given_up_is_not_started_after_another_crash)
{
    start_a_before_b(&restart_safe_ops);
    for (int i = 0; i < 7; i++)
        crash(&restart_safe_ops);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_a_reboot_is_an_interruption_though_it_is_preceded_by_an_orderly_stop)
{
    char name[16];
    start_a_before_b(&restart_safe_ops);
    for (int i = 1; i <= 6; i++) {
        snprintf(name, sizeof name, "boot-%d", i);
        boot(name);
        stop(&restart_safe_ops);
        if (i <= 5)
            ck_assert_int_eq(stored("interruptions"), i);
    }
    assert_given_up();
}
END_TEST

START_TEST(rule_9_interruptions_count_for_a_plug_in_that_is_not_asked_to_start_again)
{
    start_a_before_b(&plugin_ops);
    for (int i = 1; i <= 5; i++) {
        crash(&plugin_ops);
        ck_assert_int_eq(plugin.cancelled_count, 0);
        ck_assert_int_eq(stored("interruptions"), i);
    }
    crash(&plugin_ops);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_how_many_interruptions_are_too_many_can_be_set)
{
    options.max_interruptions = 0;
    start_a_before_b(&restart_safe_ops);
    crash(&restart_safe_ops);
    assert_given_up();
}
END_TEST

START_TEST(rule_9_reboots_that_a_run_asks_for_have_a_count_of_their_own)
{
    char name[16];
    start_a_before_b(&restart_safe_ops);
    crash(&restart_safe_ops);
    for (int i = 1; i <= 5; i++) {
        ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_REBOOTING, NULL), 0);
        turn();
        snprintf(name, sizeof name, "boot-%d", i);
        boot(name);
        stop(&restart_safe_ops);
        ck_assert_int_eq(plugin.started_count, 1);
        ck_assert_int_eq(stored("interruptions"), 1);
        ck_assert_int_eq(stored("reboots"), i);
    }
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_REBOOTING, NULL), 0);
    turn();
    crash(&restart_safe_ops);
    assert_given_up();
    ck_assert_ptr_nonnull(strstr(look(store, "a", 0).message, "rebooted 5 times"));
}
END_TEST

START_TEST(rule_9_a_stop_in_order_is_no_interruption_but_others_go_first_after_each_other_one)
{
    start_a_before_b(&restart_safe_ops);
    stop(&restart_safe_ops);
    ck_assert_str_eq(plugin.started[0], "a");
    ck_assert_int_eq(plugin.started_count, 1);
    stop(&restart_safe_ops);
    /* Its slot is another's as long as it waits, and it takes the next one that is free. */
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0], "b");
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    ck_assert_int_eq(explain("a").why, RDV_WHY_RUNNING);
    ck_assert_ptr_nonnull(strstr(explain("a").words, "stopped over and over"));
    ck_assert_int_eq(rdv_trigger_next(trigger), now + RDV_SECOND);
    schedule("c", 0, 0, 0);
    move_clock(now + RDV_SECOND);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(explain("a").why, RDV_WHY_BEHIND);
    succeed("b");
    ck_assert_int_eq(plugin.started_count, 2);
    ck_assert_str_eq(plugin.started[1], "a");
    ck_assert_int_eq(stored("interruptions"), 0);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);
    ck_assert_str_eq(plugin.started[2], "c");
}
END_TEST

START_TEST(rule_9_each_stop_of_a_step_has_it_wait_longer_up_to_an_hour)
{
    rdv_duration waited = 0;
    use_a_file(&restart_safe_ops);
    boot("first");
    crash(&restart_safe_ops);
    schedule("a", 0, 0, 0);
    turn();
    stop(&restart_safe_ops);
    for (int i = 0; i < 20; i++) {
        stop(&restart_safe_ops);
        ck_assert_int_eq(plugin.started_count, 0);
        /* Nothing of it is under way, so that a crash is none of its interruptions, and takes nothing off its wait. */
        crash(&restart_safe_ops);
        ck_assert_int_eq(plugin.started_count, 0);
        stop(&restart_safe_ops);
        rdv_duration wait = rdv_trigger_next(trigger) - now;
        ck_assert_int_ge(wait, waited);
        ck_assert_int_le(wait, RDV_HOUR);
        waited = wait;
        move_clock(now + wait);
        ck_assert_int_eq(plugin.started_count, 1);
    }
    ck_assert_int_eq(waited, RDV_HOUR);
    ck_assert_int_eq(stored("interruptions"), 0);
}
END_TEST

START_TEST(rule_9_a_run_that_waits_after_stops_can_be_cancelled)
{
    start_a_before_b(&restart_safe_ops);
    stop(&restart_safe_ops);
    stop(&restart_safe_ops);
    ck_assert_str_eq(plugin.started[0], "b");
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    ck_assert_str_eq(plugin.cancelled[0], "a");
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_FAILED, "ended"), 0);
    turn();
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_CANCELLED);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    succeed("b");
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
}
END_TEST

START_TEST(rule_9_paused_a_run_that_was_interrupted_does_not_begin_again)
{
    start_a_before_b(&restart_safe_ops);
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    crash(&restart_safe_ops);
    crash(&restart_safe_ops);
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(explain("a").why, RDV_WHY_PAUSED);
    ck_assert_int_eq(rdv_trigger_resume(trigger), 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0], "a");
    ck_assert_int_eq(stored("interruptions"), 1);
}
END_TEST

START_TEST(rule_9_an_end_for_a_failure_is_no_stop_in_order)
{
    start_a_before_b(&restart_safe_ops);
    ck_assert_int_eq(rdv_trigger_terminate(trigger, RDV_EIO, NULL, NULL), 0);
    turn();
    crash(&restart_safe_ops);
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
    use_a_file(&restart_safe_ops);
    schedule("a", 0, 0, 0);
    c_run_count = 0;
    for (int i = 0; i <= 6; i++) {
        rdv_agent *agent;
        restart(&restart_safe_ops);
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
    start_a_before_b(&restart_safe_ops);
    options.flags = RDV_TRIGGER_HOLD_STORED;
    crash(&restart_safe_ops);
    stop(&restart_safe_ops);
    options.flags = 0;
    crash(&restart_safe_ops);
    ck_assert_int_eq(stored("interruptions"), 1);
}
END_TEST

/* ----------------------------------------------------------------- rule 10 */

START_TEST(rule_10_after_a_jump_forward_the_next_decision_is_right_at_once)
{
    attach();
    schedule("opens", now + RDV_DAY, 0, 0);
    schedule("passes", now + RDV_HOUR, now + 2 * RDV_HOUR, 0);
    turn();
    move_clock(NOW + 30 * RDV_DAY);
    ck_assert_int_eq(outcome("passes"), RDV_OUTCOME_EXPIRED);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_str_eq(plugin.started[0], "opens");
}
END_TEST

START_TEST(rule_10_after_a_jump_back_nothing_starts_before_its_window)
{
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("open", now - RDV_HOUR, now + RDV_HOUR, 0);
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
    plugin.finish_at_once = true;
    schedule("a", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_next(trigger), 0);
}
END_TEST

/* ----------------------------------------------------------------- rule 11 */

START_TEST(rule_11_every_time_on_record_is_the_now_that_was_handed_in)
{
    now = 12345 * RDV_SECOND + 7; /* early on 1 January 1601 */
    plugin.finish_at_once = false;
    attach();
    schedule("a", 0, 0, 0);
    turn();
    now += 1;
    succeed("a");
    struct seen seen = look(store, "a", 0);
    ck_assert_int_eq(seen.entry.scheduled_at, 12345 * RDV_SECOND + 7);
    ck_assert_int_eq(seen.entry.started_at, 12345 * RDV_SECOND + 7);
    ck_assert_int_eq(seen.entry.finished_at, 12345 * RDV_SECOND + 8);
}
END_TEST

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
    schedule("kept", now + 5, 0, 0);
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_begin(trigger), RDV_ESTATE);
    schedule("a", 0, 0, 0);
    schedule("kept", now + 6, 0, 0);
    ck_assert_int_eq(rdv_trigger_delete(trigger, "a"), 0);
    schedule("a", 0, 0, 0);
    schedule("a", now + 9, 0, 0);
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
    log_lines = 0;
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_load(trigger, good, NULL, &error), 0);
    ck_assert_int_eq(rdv_trigger_load(trigger, bad, NULL, &error), RDV_EBUSY);
    ck_assert_int_eq(error.line, 2);
    ck_assert_str_eq(error.path, "tasks[1]");
    ck_assert_int_eq(rdv_trigger_commit(trigger), RDV_ECANCELLED);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    ck_assert_int_eq(rdv_trigger_load(trigger, bad, NULL, &error), RDV_EBUSY);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    ck_assert_int_eq(log_lines, 0); /* the store is well */
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
    schedule("a", now + 2 * RDV_HOUR, 0, 0);
    schedule("b", now + 2 * RDV_HOUR, 0, 0);

    /* Undone: as before. */
    size_t count = 0;
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    ck_assert_int_eq(rdv_trigger_load(trigger, document, NULL, NULL), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
    ck_assert_int_eq(rdv_trigger_rollback(trigger), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 2);
    ck_assert(look(store, "a", 0).entry.window.start == now + 2 * RDV_HOUR);

    /* Done, and done again. */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rdv_trigger_load(trigger, document, &count, NULL), 0);
        ck_assert_uint_eq(count, 3);
        ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct seen seen = look(store, names[k], 0);
            ck_assert_int_eq(seen.count, 1);
            ck_assert(seen.entry.window.start == now + RDV_HOUR);
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
    ck_assert_int_eq(rdv_trigger_next(trigger), now + RDV_SECOND);
    move_clock(NOW + RDV_SECOND);
    ck_assert_int_eq(plugin.started_count, 2);
    plugin.start_result = 0;
    move_clock(NOW + 2 * RDV_SECOND);
    ck_assert_int_eq(plugin.started_count, 3);
    ck_assert_int_eq(rdv_trigger_next(trigger), now + options.run_limit);
    succeed("a");
    ck_assert_int_eq(outcome("a"), RDV_OUTCOME_SUCCEEDED);

    plugin.start_result = RDV_EBUSY;
    schedule("b", 0, 0, 0);
    turn();
    move_clock(now + options.cancel_wait);
    ck_assert_int_eq(outcome("b"), RDV_OUTCOME_FAILED);

    plugin.end_wait = 5 * RDV_MINUTE;
    schedule("c", 0, 0, 0);
    turn();
    move_clock(now + plugin.end_wait + options.cancel_wait - RDV_SECOND);
    ck_assert_int_eq(outcome("c"), RDV_OUTCOME_NONE);
    move_clock(now + RDV_SECOND);
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
    plugin.terminated_at_once = false;
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
    ck_assert_ptr_nonnull(strstr(last_log, "shut down by itself"));
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_NO_AGENT);
}
END_TEST

START_TEST(a_program_hears_of_a_plug_in_that_shuts_down_by_itself_and_of_no_other)
{
    close_trigger();
    options.terminated = on_terminated;
    open_trigger(&plugin_ops);
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
    open_trigger(&plugin_ops);
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
    rdv_window window = {.start = now + 5};
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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_SUCCESS, NULL), RDV_ESHUTDOWN);
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
    schedule("a", now + 1, 0, 0);
    schedule("b", now + 1, 0, 0);
    turn();
    ck_assert_int_eq(calls, 1);
    close_trigger();
    rdv_watch_free(other);
}
END_TEST

START_TEST(paused_nothing_starts_what_runs_goes_on_and_windows_pass)
{
    use_a_file(&restart_safe_ops);
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    schedule("waits", 0, 0, 0);
    schedule("passes", 0, now + 5, 0);
    succeed("runs");
    ck_assert_int_eq(outcome("runs"), RDV_OUTCOME_SUCCEEDED);
    move_clock(NOW + 6);
    ck_assert_int_eq(outcome("passes"), RDV_OUTCOME_EXPIRED);
    ck_assert_int_eq(plugin.started_count, 1);
    restart(&restart_safe_ops);
    ck_assert(rdv_trigger_paused(trigger));
    attach();
    ck_assert_int_eq(plugin.started_count, 0);
    ck_assert_int_eq(rdv_trigger_resume(trigger), 0);
    turn();
    ck_assert_str_eq(plugin.started[0], "waits");
}
END_TEST

START_TEST(rule_12_no_task_starts_while_one_is_about_to_reboot_the_machine)
{
    options.max_running = 3;
    restart(&plugin_ops);
    attach();
    schedule("reboots", 0, 0, 0);
    turn();
    ck_assert_int_eq(report(&plugin, "reboots", RDV_STATUS_REBOOTING, NULL), 0);
    schedule("waits", 0, 0, 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(report(&plugin, "reboots", RDV_STATUS_REBOOTED, NULL), 0);
    turn();
    ck_assert_int_eq(plugin.started_count, 2);
    /* Nor does one that ends instead hold the others up for ever. */
    ck_assert_int_eq(report(&plugin, "reboots", RDV_STATUS_REBOOTING, NULL), 0);
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
    synchronised = false;
    since_boot = 0;
    attach();
    ck_assert_int_eq(explain("a").why, RDV_WHY_CLOCK);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_CLOCK);
    synchronised = true;
    ck_assert_int_eq(explain("a").why, RDV_WHY_STARTS);
    ck_assert_int_eq(rdv_trigger_held_up(trigger), RDV_WHY_STARTS);
    move_clock(NOW);
    ck_assert_int_eq(explain("a").why, RDV_WHY_RUNNING);
    ck_assert_int_eq(explain("a").next, now + options.run_limit);

    schedule("window", now + RDV_HOUR, now + RDV_DAY, 0);
    rdv_explanation window = explain("window");
    ck_assert_int_eq(window.why, RDV_WHY_WINDOW);
    ck_assert_int_eq(window.next, now + RDV_HOUR);
    ck_assert_ptr_nonnull(strstr(window.words, "in 1h"));

    schedule("first", 0, 0, now + 1);
    schedule("second", 0, now + RDV_HOUR, now + 2);
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
    ck_assert_int_eq(report(&plugin, "a", RDV_STATUS_REBOOTING, NULL), 0);
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
    schedule("later", now + RDV_HOUR, 0, 0);
    assert_explained("later", RDV_WHY_WINDOW,
                     "its window opens at 2750-12-04T01:00:00Z (in 1h); " NO_HANDLER " then");
    schedule("ready", 0, 0, 0);
    assert_explained("ready", RDV_WHY_BEHIND, "1 of at most 1 is running; " NO_HANDLER " then");
    assert_explained("runs", RDV_WHY_RUNNING,
                     "it is running; its limit is 2750-12-05T00:00:00Z (in 1d)");
    ck_assert_int_eq(report(&plugin, "runs", RDV_STATUS_SUCCESS, NULL), 0);
    assert_explained("ready", RDV_WHY_NO_HANDLER, "nothing holds it up, but " NO_HANDLER);
    ck_assert_int_eq(explain("ready").next, now);
    plugin.label_result = 0;
    ck_assert_int_eq(explain("ready").why, RDV_WHY_STARTS);
}
END_TEST

START_TEST(explain_tells_of_a_window_and_of_what_holds_up_everything)
{
    synchronised = false;
    since_boot = 0;
    attach();
    schedule("reboots", 0, 0, 0);
    schedule("later", now + RDV_HOUR, now + 2 * RDV_HOUR, 0);
    ck_assert_ptr_nonnull(strstr(explain("later").words, "(in 1h); the system has just started"));
    synchronised = true;
    turn();
    ck_assert_int_eq(rdv_trigger_pause(trigger), 0);
    assert_explained("later", RDV_WHY_WINDOW,
                     "its window opens at 2750-12-04T01:00:00Z (in 1h); the trigger agent is "
                     "paused: 'rdvtask resume' lets tasks start; it expires if it has not started "
                     "by 2750-12-04T02:00:00Z (in 2h)");
    ck_assert_int_eq(explain("later").next, now + RDV_HOUR);
    ck_assert_int_eq(report(&plugin, "reboots", RDV_STATUS_REBOOTING, NULL), 0);
    ck_assert_ptr_nonnull(strstr(explain("later").words, "(in 1h); reboots is about to reboot"));
}
END_TEST

START_TEST(all_that_explain_can_say_of_a_task_fits)
{
    static const char end[] = "; it expires if it has not started by 2750-12-05T00:00:00Z (in 1d)";
    char longest[RDV_NAME_MAX + 1];
    rdv_task *task;
    rdv_window window = {.start = now + 23 * RDV_HOUR + 59 * RDV_MINUTE + 59 * RDV_SECOND + 1,
                         .end = now + RDV_DAY};
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    attach();
    schedule(longest, 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_task_new(longest, "later", NULL, 0, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
    rdv_task_unref(task);
    ck_assert_int_eq(report(&plugin, longest, RDV_STATUS_REBOOTING, NULL), 0);
    plugin.label_result = RDV_ENOHANDLER;
    const rdv_explanation explanation = explain("later");
    size_t size = strlen(explanation.words);
    ck_assert_uint_gt(size, sizeof end);
    ck_assert_str_eq(explanation.words + size - (sizeof end - 1), end);
}
END_TEST

START_TEST(explain_tells_of_a_store_that_can_not_be_written_to)
{
    use_a_file(&plugin_ops);
    attach();
    schedule("runs", 0, 0, 0);
    turn();
    schedule("ready", 0, 0, 0);
    schedule("passes", 0, now + 5, 0);
    turn();
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(explain("ready").why, RDV_WHY_BEHIND);
    move_clock(NOW + 6);
    assert_explained("ready", RDV_WHY_STORE,
                     "the store can't be written to, and nothing starts that can't be recorded");
    ck_assert_int_gt(explain("ready").next, now);
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
    use_a_file(&restart_safe_ops);
    attach();
    schedule("runs", 0, 0, 0);
    schedule("ends", 0, 0, 0);
    turn();
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "ends"), 0);
    schedule("reboots", 0, 0, 0);
    turn();
    ck_assert_int_eq(report(&plugin, "reboots", RDV_STATUS_REBOOTING, NULL), 0);
    turn();
    ck_assert_int_eq(explain("reboots").why, RDV_WHY_RUNNING);
    ck_assert_int_eq(explain("ends").why, RDV_WHY_RUNNING);

    options.flags = RDV_TRIGGER_HOLD_STORED;
    restart(&restart_safe_ops);
    assert_explained("runs", RDV_WHY_HELD, goes_on);
    assert_explained("reboots", RDV_WHY_HELD, goes_on);
    assert_explained("ends", RDV_WHY_HELD, ends);
    ck_assert_int_eq(explain("runs").next, 0);
    attach();
    assert_explained("runs", RDV_WHY_HELD, goes_on);

    options.flags = 0;
    restart(&restart_safe_ops);
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
    schedule("a", now + 5, 0, 0);
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

int main(void)
{
    Suite *suite = suite_create("trigger");
    TCase *rules = tcase_create("rules");
    tcase_set_timeout(rules, 60);
    tcase_add_checked_fixture(rules, set_up, tear_down);
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
    tcase_add_test(rules, rule_3_an_entry_expires_at_once_when_its_end_has_passed);
    tcase_add_test(rules,
                   rule_3_an_entry_whose_window_has_passed_already_expires_and_does_not_start);
    tcase_add_test(
        rules, rule_3_with_an_unsynchronised_clock_after_boot_nothing_starts_and_nothing_expires);
    tcase_add_test(rules, rule_3_the_clock_is_waited_for_at_most_clock_wait);
    tcase_add_test(rules, rule_4_scheduling_a_pending_entry_again_replaces_it);
    tcase_add_test(rules, rule_4_a_running_identifier_is_busy);
    tcase_add_test(rules, rule_4_a_finished_identifier_gets_a_new_entry_and_stays_in_the_history);
    tcase_add_test(rules, rule_4_a_window_that_ends_before_it_starts_is_refused);
    tcase_add_test(rules, rule_5_a_deleted_pending_entry_is_gone_and_the_history_says_cancelled);
    tcase_add_test(rules, rule_5_a_running_entry_is_busy_and_an_unknown_one_not_found);
    tcase_add_test(rules, rule_6_any_status_of_a_task_agent_may_follow_any_that_is_not_terminal);
    tcase_add_test(rules, rule_6_unknown_and_timeout_from_a_plug_in_are_refused);
    tcase_add_test(rules, rule_6_nothing_follows_a_terminal_status);
    tcase_add_test(rules, rule_6_repeats_are_fine_and_the_history_has_each);
    tcase_add_test(rules, rule_6_progress_and_message_stay_while_the_status_does);
    tcase_add_test(rules,
                   from_a_run_s_two_thousandth_report_on_even_changes_of_status_have_no_line);
    tcase_add_test(rules, rule_7_a_report_for_an_unknown_or_pending_run_is_an_error_and_a_log_line);
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
    tcase_add_test(
        rules,
        a_cancel_that_was_acknowledged_holds_though_the_success_comes_before_the_plug_in_is_asked);
    tcase_add_test(rules,
                   a_cancelled_run_that_says_that_it_reboots_is_cancelled_and_holds_nothing_up);
    tcase_add_test(rules, a_run_that_is_cancelled_after_a_restart_is_given_up_as_cancelled);
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
    tcase_add_test(rules, rule_10_after_a_jump_forward_the_next_decision_is_right_at_once);
    tcase_add_test(rules, rule_10_after_a_jump_back_nothing_starts_before_its_window);
    tcase_add_test(rules, rule_10_when_nothing_is_to_happen_no_timer_is_set);
    tcase_add_test(rules, rule_11_every_time_on_record_is_the_now_that_was_handed_in);
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
    suite_add_tcase(suite, rules);
    return rdv_test_main(suite);
}
