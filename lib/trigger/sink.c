/* SPDX-License-Identifier: MIT */
/*
 * A trigger agent's sink, which its plug-in calls from any thread. On the owner thread the call is
 * passed on at once, to api.c, live.c or termination.c. On any other thread it is checked, copied
 * and posted; the loop passes it on, and what it changes shares the commit of that turn.
 *
 * Whoever has a reference may call a sink for as long as it likes: once the trigger agent has
 * detached it, calls do nothing. `trigger` and `posted` are read and written under the mutex.
 * `trigger` is set to NULL by the owner thread only, which may therefore use what it has read after
 * it has let go of the mutex.
 */
#include "trigger/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"
#include "trigger/api.h"
#include "trigger/live.h"
#include "trigger/termination.h"

struct sink {
    rdv_sink base;
    int references;
    struct rdv__mutex *mutex;
    /* NULL once detached. */
    rdv_trigger *trigger;
    rdv_loop *loop;
    rdv_log log;
    /* How many calls wait for the loop. */
    int posted;
};

enum call_kind { CALL_SCHEDULE, CALL_DELETE, CALL_REPORT, CALL_TERMINATED };

/* A call from another thread, on its way to the owner thread. */
struct sink_call {
    struct rdv__post post;
    struct sink *sink;
    enum call_kind kind;
    rdv_window window;
    rdv_task *task;
    rdv_report report;
    int reason;
    /* These lie in `text`; NULL = the call has none. */
    char *identifier;
    char *message;
    char text[];
};

static struct sink *sink_of(rdv_sink *base)
{
    return (struct sink *)base;
}

static void sink_ref(rdv_sink *base)
{
    rdv__atomic_add(&sink_of(base)->references, 1);
}

static void sink_unref(rdv_sink *base)
{
    struct sink *sink = sink_of(base);
    if (rdv__atomic_add(&sink->references, -1) > 0)
        return;
    rdv__mutex_free(sink->mutex);
    free(sink);
}

static void call_free(struct sink_call *call)
{
    rdv_task_unref(call->task);
    sink_unref(&call->sink->base);
    free(call);
}

static void call_drop(struct rdv__post *post)
{
    call_free((struct sink_call *)post);
}

/* Pass on what was posted. Nobody waits for the result, so trouble goes to the log. */
static void pass_on(struct sink *sink, rdv_trigger *trigger, struct sink_call *call)
{
    int result = 0;
    const char *what = "";
    switch (call->kind) {
    case CALL_SCHEDULE:
        what = "scheduling";
        result = rdv__trigger_schedule(trigger, &call->window, call->task);
        break;
    case CALL_DELETE:
        what = "deleting";
        result = rdv__trigger_delete(trigger, call->identifier);
        break;
    case CALL_REPORT:
        call->report.message = call->message;
        /* A report that is refused has its line in the log already. */
        (void)rdv__live_hear_report(trigger, call->identifier, &call->report);
        break;
    case CALL_TERMINATED:
        rdv__termination_hear(trigger, call->reason);
        break;
    }
    if (result != 0)
        rdv__log(&sink->log, RDV_LOG_WARNING, "%s %s for the task agent: %s", what,
                 call->task ? rdv_task_identifier(call->task) : call->identifier,
                 rdv_strerror(result));
}

/* On the owner thread: the turn of a posted call has come. */
static void call_run(struct rdv__post *post)
{
    struct sink_call *call = (struct sink_call *)post;
    struct sink *sink = call->sink;
    rdv__mutex_lock(sink->mutex);
    sink->posted--;
    rdv__mutex_unlock(sink->mutex);
    if (sink->trigger)
        pass_on(sink, sink->trigger, call);
    call_free(call);
}

static int call_new(struct sink *sink, enum call_kind kind, const char *identifier,
                    const char *message, struct sink_call **ret_call)
{
    size_t identifier_size = identifier ? strlen(identifier) + 1 : 0;
    size_t message_size = message ? strlen(message) + 1 : 0;
    struct sink_call *call = calloc(1, sizeof *call + identifier_size + message_size);
    if (!call)
        return RDV_ENOMEM;
    call->post.fn = call_run;
    call->post.drop = call_drop;
    call->sink = sink;
    call->kind = kind;
    if (identifier)
        call->identifier = memcpy(call->text, identifier, identifier_size);
    if (message)
        call->message = memcpy(call->text + identifier_size, message, message_size);
    sink_ref(&sink->base);
    *ret_call = call;
    return 0;
}

/* Post a call, which this takes over, also on failure. With `must`, it is taken however many
 * wait. */
static int call_post(struct sink_call *call, bool must)
{
    struct sink *sink = call->sink;
    int result = 0;
    rdv__mutex_lock(sink->mutex);
    if (!sink->trigger)
        result = RDV_ESHUTDOWN;
    else if (sink->posted >= RDV__SINK_POSTS && !must)
        result = RDV_ELIMIT;
    if (result == 0) {
        sink->posted++;
        /* The loop outlives the trigger agent, which can't detach the sink before the mutex is
         * free. */
        rdv__loop_post(sink->loop, &call->post);
    }
    rdv__mutex_unlock(sink->mutex);
    if (result != 0)
        call_free(call);
    return result;
}

/* The trigger agent if it is still there and the calling thread owns it; else NULL. */
static rdv_trigger *owned_trigger(struct sink *sink)
{
    rdv__mutex_lock(sink->mutex);
    rdv_trigger *trigger = sink->trigger && rdv__loop_is_owner(sink->loop) ? sink->trigger : NULL;
    rdv__mutex_unlock(sink->mutex);
    return trigger;
}

static int sink_schedule_task(rdv_sink *base, const rdv_window *window, rdv_task *task)
{
    struct sink *sink = sink_of(base);
    if (!task || (window && rdv_window_check(window) != 0))
        return RDV_EINVAL;
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger)
        return rdv_trigger_schedule(trigger, window, task);
    struct sink_call *call;
    int result = call_new(sink, CALL_SCHEDULE, NULL, NULL, &call);
    if (result != 0)
        return result;
    if (window)
        call->window = *window;
    call->task = rdv_task_ref(task);
    return call_post(call, false);
}

static int sink_delete_schedule(rdv_sink *base, const char *identifier)
{
    struct sink *sink = sink_of(base);
    if (!identifier || !*identifier)
        return RDV_EINVAL;
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger)
        return rdv_trigger_delete(trigger, identifier);
    struct sink_call *call;
    int result = call_new(sink, CALL_DELETE, identifier, NULL, &call);
    return result != 0 ? result : call_post(call, false);
}

static int sink_task_state_changed(rdv_sink *base, const char *identifier, const rdv_report *report)
{
    struct sink *sink = sink_of(base);
    if (!identifier || !*identifier || rdv_report_check(report) != 0)
        return RDV_EINVAL;
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger)
        return rdv__live_hear_report(trigger, identifier, report);
    struct sink_call *call;
    int result = call_new(sink, CALL_REPORT, identifier, report->message, &call);
    if (result != 0)
        return result;
    call->report = *report;
    return call_post(call,
                     report->status == RDV_STATUS_SUCCESS || report->status == RDV_STATUS_FAILED);
}

static void sink_terminated(rdv_sink *base, int reason)
{
    struct sink *sink = sink_of(base);
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger) {
        rdv__termination_hear(trigger, reason);
        return;
    }
    struct sink_call *call;
    if (call_new(sink, CALL_TERMINATED, NULL, NULL, &call) != 0)
        return;
    call->reason = reason;
    (void)call_post(call, true);
}

static const rdv_sink_ops sink_ops = {
    .size = sizeof sink_ops,
    .ref = sink_ref,
    .unref = sink_unref,
    .schedule_task = sink_schedule_task,
    .delete_schedule = sink_delete_schedule,
    .task_state_changed = sink_task_state_changed,
    .terminated = sink_terminated,
};

int rdv__sink_new(rdv_trigger *trigger, rdv_loop *loop, const rdv_log *log, rdv_sink **ret_sink)
{
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return RDV_ENOMEM;
    int result = rdv__mutex_new(&sink->mutex);
    if (result != 0) {
        free(sink);
        return result;
    }
    sink->base.ops = &sink_ops;
    sink->references = 1;
    sink->trigger = trigger;
    sink->loop = loop;
    sink->log = *log;
    *ret_sink = &sink->base;
    return 0;
}

void rdv__sink_detach(rdv_sink *base)
{
    if (!base)
        return;
    struct sink *sink = sink_of(base);
    rdv__mutex_lock(sink->mutex);
    sink->trigger = NULL;
    rdv__mutex_unlock(sink->mutex);
    sink_unref(base);
}
