/* SPDX-License-Identifier: MIT */
/*
 * A task agent of one's own: what IRDVTaskPlugin is in the API, rdv_plugin is here. This one counts to a hundred for each
 * task, a bit at a time, and does one task of its own accord, which it schedules through the sink.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

#define STEP 25

struct counter {
    rdv_plugin base; /* first: the trigger agent's pointer is ours */
    rdv_sink *sink;
    rdv_timer *timer;
    rdv_task *task; /* the one under way */
    int progress;
    bool cancelled;
};

static struct counter *counter_of(rdv_plugin *plugin)
{
    return (struct counter *)(void *)plugin;
}

static const char *counter_name(rdv_plugin *plugin)
{
    (void)plugin;
    return "Counter";
}

static int counter_initialize(rdv_plugin *plugin, rdv_sink *sink)
{
    struct counter *counter = counter_of(plugin);
    rdv_task *task = NULL;
    sink->ops->ref(sink);
    counter->sink = sink;
    int result = rdv_task_new("count", "of-my-own-accord", NULL, 0, &task);
    if (result == 0)
        result = sink->ops->schedule_task(sink, NULL, task);
    rdv_task_unref(task);
    return result;
}

/* Does a bit of the work, from a timer of the loop. */
static void count(void *user)
{
    struct counter *counter = user;
    rdv_task *task = counter->task;
    rdv_report report = RDV_REPORT_INIT;
    counter->progress += STEP;
    report.progress = counter->progress;
    if (counter->cancelled) {
        report.status = RDV_STATUS_FAILED;
        report.code = RDV_ECANCELLED;
    } else {
        report.status = counter->progress < 100 ? RDV_STATUS_APPLYING : RDV_STATUS_SUCCESS;
    }
    const bool ended = report.status != RDV_STATUS_APPLYING;
    if (ended)
        counter->task = NULL;
    else
        rdv_timer_start(counter->timer, RDV_MILLISECOND);
    /* The last thing: the trigger agent may start the next task from inside this call. */
    counter->sink->ops->task_state_changed(counter->sink, rdv_task_identifier(task), &report);
    if (ended)
        rdv_task_unref(task);
}

static int counter_start_task(rdv_plugin *plugin, rdv_task *task)
{
    struct counter *counter = counter_of(plugin);
    if (strcmp(rdv_task_label(task), "count") != 0)
        return RDV_ENOHANDLER;
    if (counter->task)
        return RDV_EBUSY; /* one at a time; the trigger agent's max_running is 1 */
    counter->task = rdv_task_ref(task);
    counter->progress = 0;
    counter->cancelled = false;
    rdv_timer_start(counter->timer, 0);
    return 0;
}

static int counter_cancel_task(rdv_plugin *plugin, const char *identifier)
{
    struct counter *counter = counter_of(plugin);
    if (!counter->task || strcmp(rdv_task_identifier(counter->task), identifier) != 0)
        return RDV_ENOTFOUND;
    counter->cancelled = true;
    return 0;
}

static int counter_terminate(rdv_plugin *plugin, int reason)
{
    struct counter *counter = counter_of(plugin);
    rdv_sink *sink = counter->sink;
    rdv_timer_stop(counter->timer);
    counter->task = rdv_task_unref(counter->task);
    counter->sink = NULL;
    sink->ops->terminated(sink, reason);
    sink->ops->unref(sink);
    return 0;
}

static const rdv_plugin_ops counter_ops = {
    .size = sizeof(rdv_plugin_ops),
    .name = counter_name,
    .initialize = counter_initialize,
    .start_task = counter_start_task,
    .cancel_task = counter_cancel_task,
    .terminate = counter_terminate,
};

/* ------------------------------------------------------------ the program around it */

struct program {
    rdv_loop *loop;
    rdv_trigger *trigger;
    int succeeded, failed, reports;
};

static void on_terminated(void *user, int reason)
{
    (void)reason;
    rdv_loop_stop(user);
}

static int show(void *user, const rdv_entry *entry)
{
    struct program *program = user;
    printf("%s (%s): %s %d%% %s\n", entry->identifier, entry->label, rdv_state_name(entry->state),
           entry->progress, entry->message);
    program->succeeded += entry->outcome == RDV_OUTCOME_SUCCEEDED;
    program->failed += entry->outcome == RDV_OUTCOME_FAILED;
    program->reports += entry->status == RDV_STATUS_APPLYING;
    if (program->succeeded + program->failed == 3)
        rdv_trigger_terminate(program->trigger, 0, on_terminated, program->loop);
    return 0;
}

static int schedule(rdv_trigger *trigger, const char *label, const char *identifier)
{
    rdv_task *task = NULL;
    int result = rdv_task_new(label, identifier, NULL, 0, &task);
    if (result == 0)
        result = rdv_trigger_schedule(trigger, NULL, task);
    rdv_task_unref(task);
    return result;
}

int main(void)
{
    struct counter counter = {.base = {&counter_ops}};
    struct program program = {0};
    rdv_store *store = NULL;
    rdv_watch *watch = NULL;
    int result = rdv_loop_new(&program.loop);
    if (result == 0)
        result = rdv_store_open(NULL, NULL, &store, NULL);
    if (result == 0)
        result = rdv_timer_new(program.loop, count, &counter, &counter.timer);
    if (result == 0)
        result = rdv_trigger_new(program.loop, store, NULL, &program.trigger);
    if (result == 0)
        result = rdv_trigger_watch(program.trigger, show, &program, &watch);
    if (result == 0)
        result = schedule(program.trigger, "count", "asked-for");
    if (result == 0)
        result = schedule(program.trigger, "something-else", "refused");
    if (result == 0)
        result = rdv_trigger_attach(program.trigger, &counter.base);
    if (result == 0)
        result = rdv_loop_run(program.loop);
    if (result)
        fprintf(stderr, "failed: %s\n", rdv_strerror(result));
    /* Two tasks counted to the end, the third had a label that this task agent doesn't know. */
    const bool right = result == 0 && program.succeeded == 2 && program.failed == 1 &&
                       program.reports == 2 * (100 / STEP - 1);
    if (counter.sink) /* only if it was not terminated */
        counter.sink->ops->unref(counter.sink);
    rdv_watch_free(watch);
    rdv_trigger_free(program.trigger);
    rdv_task_unref(counter.task);
    rdv_timer_free(counter.timer);
    rdv_store_close(store);
    rdv_loop_free(program.loop);
    return right ? 0 : 1;
}
