/* SPDX-License-Identifier: MIT */
/* The fixture of the trigger agent's tests: see trigger_bench.h. */
#include "trigger_bench.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

char folder[RDV_TEST_PATH];
char path[RDV_TEST_PATH + 16];
rdv_loop *loop;
rdv_store *store;
rdv_trigger *trigger;
rdv_trigger_options options;
struct rdv_kit_plugin plugin;
struct rdv_kit_clock fake_clock;
struct rdv_kit_log fake_log;

int report(const char *identifier, rdv_status status, const char *message)
{
    return rdv_kit_plugin_report(&plugin, identifier, status, -1, message);
}

void turn(void)
{
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

void move_clock(rdv_time to)
{
    fake_clock.now = to;
    rdv_trigger_clock_changed(trigger);
    turn();
}

void open_trigger(unsigned features)
{
    struct rdv_error error;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    int result = rdv_store_open(*path ? path : NULL, NULL, &store, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    ck_assert_int_eq(rdv_trigger_new(loop, store, &options, &trigger), 0);
    rdv_kit_plugin_init(&plugin, features);
}

void attach(void)
{
    ck_assert_int_eq(rdv_trigger_attach(trigger, &plugin.base), 0);
    turn();
}

void close_trigger(void)
{
    rdv_trigger_free(trigger);
    rdv_kit_plugin_finish(&plugin);
    rdv_store_close(store);
    rdv_loop_free(loop);
    trigger = NULL;
}

void set_up(void)
{
    *folder = *path = '\0';
    rdv_kit_clock_init(&fake_clock, NOW);
    rdv_kit_log_clear(&fake_log);
    rdv_trigger_options_init(&options);
    options.clock = rdv_kit_clock_ops(&fake_clock);
    options.log = rdv_kit_log_ops(&fake_log);
    open_trigger(RDV_KIT_ALL);
}

void tear_down(void)
{
    if (trigger)
        close_trigger();
    if (*folder)
        rdv_test_remove(folder);
}

void use_a_file(unsigned features)
{
    close_trigger();
    rdv_test_make_folder(folder, "trigger");
    snprintf(path, sizeof path, "%s/store.db", folder);
    open_trigger(features);
}

int schedule_in(rdv_trigger *on, const char *identifier, rdv_time start, rdv_time end,
                rdv_time deadline)
{
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("label", identifier, identifier, strlen(identifier), &task), 0);
    rdv_window window = {start, end, deadline, 0};
    int result = rdv_trigger_schedule(on, &window, task);
    rdv_task_unref(task);
    return result;
}

void schedule(const char *identifier, rdv_time start, rdv_time end, rdv_time deadline)
{
    ck_assert_int_eq(schedule_in(trigger, identifier, start, end, deadline), 0);
}

int see(void *user, const rdv_entry *entry)
{
    struct seen *seen = user;
    seen->entry = *entry;
    snprintf(seen->message, sizeof seen->message, "%s", entry->message);
    seen->count++;
    return 0;
}

struct seen look(rdv_store *in, const char *identifier, unsigned flags)
{
    struct seen seen = {0};
    rdv_filter filter = {sizeof filter, flags, identifier, 0, 0};
    ck_assert_int_eq(rdv_store_entries(in, &filter, see, &seen), 0);
    return seen;
}

rdv_outcome outcome(const char *identifier)
{
    struct seen seen = look(store, identifier, RDV_FILTER_FINISHED);
    return seen.count > 0 ? seen.entry.outcome : RDV_OUTCOME_NONE;
}

void succeed(const char *identifier)
{
    ck_assert_int_eq(report(identifier, RDV_STATUS_SUCCESS, NULL), 0);
    turn();
}

rdv_explanation explain(const char *identifier)
{
    rdv_explanation explanation = {.size = sizeof explanation};
    ck_assert_int_eq(rdv_trigger_explain(trigger, identifier, &explanation), 0);
    ck_assert_uint_gt(strlen(explanation.words), 0);
    ck_assert_ptr_nonnull(rdv_why_name(explanation.why));
    return explanation;
}

struct seen look_from_outside(const char *identifier)
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

void restart(unsigned features)
{
    close_trigger();
    open_trigger(features);
}
