/* SPDX-License-Identifier: MIT */
/*
 * The trigger's sink. A plug-in calls it from any thread: on the owner thread the trigger acts at once, elsewhere the call is
 * checked, copied and posted.
 */
#include "trigger/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"

struct sink {
    rdv_sink base;
    int references;
    const struct rdv__sink_target *target;
    struct rdv__mutex *mutex; /* for trigger and posted */
    rdv_trigger *trigger;     /* NULL once detached */
    rdv_loop *loop;
    rdv_log log;
    int posted;
};

enum call_kind { CALL_SCHEDULE, CALL_DELETE, CALL_REPORT, CALL_TERMINATED };

/* A call from another thread, on its way to the owner thread. */
struct call {
    struct rdv__post post;
    struct sink *sink;
    enum call_kind kind;
    rdv_window window;
    rdv_task *task;
    rdv_report report;
    int reason;
    char *identifier; /* within text */
    char *message;    /* within text, or NULL */
    char text[];
};

static struct sink *of(rdv_sink *base)
{
    return (struct sink *)base;
}

static void sink_ref(rdv_sink *base)
{
    rdv__atomic_add(&of(base)->references, 1);
}

static void sink_unref(rdv_sink *base)
{
    struct sink *sink = of(base);
    if (rdv__atomic_add(&sink->references, -1) > 0)
        return;
    rdv__mutex_free(sink->mutex);
    free(sink);
}

static void call_free(struct call *call)
{
    rdv_task_unref(call->task);
    sink_unref(&call->sink->base);
    free(call);
}

static void call_drop(struct rdv__post *post)
{
    call_free((struct call *)post);
}

/* On the owner thread: do what was posted. Nobody waits for the result, so trouble goes to the log. */
static void call_run(struct rdv__post *post)
{
    struct call *call = (struct call *)post;
    struct sink *sink = call->sink;
    rdv__mutex_lock(sink->mutex);
    sink->posted--;
    rdv__mutex_unlock(sink->mutex);

    /* Only the owner thread detaches, so the trigger stays for the rest of this call. */
    rdv_trigger *trigger = sink->trigger;
    int result = 0;
    const char *what = "";
    if (!trigger) {
        call_free(call);
        return;
    }
    switch (call->kind) {
    case CALL_SCHEDULE:
        what = "scheduling";
        result = sink->target->stage_schedule(trigger, &call->window, call->task);
        break;
    case CALL_DELETE:
        what = "deleting";
        result = sink->target->stage_delete(trigger, call->identifier);
        break;
    case CALL_REPORT:
        call->report.message = call->message;
        /* The trigger logs what it refuses. */
        (void)sink->target->report(trigger, call->identifier, &call->report);
        break;
    case CALL_TERMINATED:
        sink->target->terminated(trigger, call->reason);
        break;
    }
    if (result != 0)
        rdv__log(&sink->log, RDV_LOG_WARNING, "%s %s for the task agent: %s", what,
                 call->task ? rdv_task_identifier(call->task) : call->identifier,
                 rdv_strerror(result));
    call_free(call);
}

static int call_new(struct sink *sink, enum call_kind kind, const char *identifier,
                    const char *message, struct call **ret_call)
{
    size_t identifier_size = identifier ? strlen(identifier) + 1 : 0;
    size_t message_size = message ? strlen(message) + 1 : 0;
    struct call *call = calloc(1, sizeof *call + identifier_size + message_size);
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

/* Takes the call over, also on failure. `must` = however many wait already. */
static int call_post(struct call *call, bool must)
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
        /* Under the lock: the loop outlives the trigger, and the trigger detaches under the lock. */
        rdv__loop_post(sink->loop, &call->post);
    }
    rdv__mutex_unlock(sink->mutex);
    if (result != 0)
        call_free(call);
    return result;
}

/* The trigger, if the calling thread owns it and it is still there. */
static rdv_trigger *owned_trigger(struct sink *sink)
{
    rdv__mutex_lock(sink->mutex);
    rdv_trigger *trigger = sink->trigger && rdv__loop_is_owner(sink->loop) ? sink->trigger : NULL;
    rdv__mutex_unlock(sink->mutex);
    return trigger;
}

static int sink_schedule_task(rdv_sink *base, const rdv_window *window, rdv_task *task)
{
    struct sink *sink = of(base);
    if (!task || (window && rdv_window_check(window) != 0))
        return RDV_EINVAL;
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger)
        return sink->target->schedule(trigger, window, task);
    struct call *call;
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
    struct sink *sink = of(base);
    if (!identifier || !*identifier)
        return RDV_EINVAL;
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger)
        return sink->target->delete_schedule(trigger, identifier);
    struct call *call;
    int result = call_new(sink, CALL_DELETE, identifier, NULL, &call);
    return result != 0 ? result : call_post(call, false);
}

static int sink_task_state_changed(rdv_sink *base, const char *identifier, const rdv_report *report)
{
    struct sink *sink = of(base);
    if (!identifier || !*identifier || rdv_report_check(report) != 0)
        return RDV_EINVAL;
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger)
        return sink->target->report(trigger, identifier, report);
    struct call *call;
    int result = call_new(sink, CALL_REPORT, identifier, report->message, &call);
    if (result != 0)
        return result;
    call->report = *report;
    return call_post(call,
                     report->status == RDV_STATUS_SUCCESS || report->status == RDV_STATUS_FAILED);
}

static void sink_terminated(rdv_sink *base, int reason)
{
    struct sink *sink = of(base);
    rdv_trigger *trigger = owned_trigger(sink);
    if (trigger) {
        sink->target->terminated(trigger, reason);
        return;
    }
    struct call *call;
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

int rdv__sink_new(rdv_trigger *trigger, const struct rdv__sink_target *target, rdv_loop *loop,
                  const rdv_log *log, rdv_sink **ret_sink)
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
    sink->target = target;
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
    struct sink *sink = of(base);
    rdv__mutex_lock(sink->mutex);
    sink->trigger = NULL;
    rdv__mutex_unlock(sink->mutex);
    sink_unref(base);
}
