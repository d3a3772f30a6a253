/* SPDX-License-Identifier: MIT */
/*
 * The guard between the trigger agent and a plug-in from a file. module.c makes one for each. It is
 * a plug-in to the trigger agent, and a sink to the foreign plug-in:
 *
 *   trigger agent --- guard_…() ---> foreign plug-in      on the loop's thread, watched
 *   trigger agent <-- sink_…() ----- foreign plug-in      on any thread
 *
 *       initialize          terminate                the plug-in reports, or the timer ends
 *   new ----------> in use -----------> terminating -------------------------------------> told
 *                     |                                                                     ^
 *                     +---------------------------------------------------------------------+
 *                             the plug-in reports its end without being asked
 *
 * The trigger agent is told once that its task agent is gone, whatever the plug-in does (`told`).
 * After the plug-in has reported that it has terminated (`terminated`), it is not called any more,
 * and what it calls is refused. It may be freed only if it has done so, see rdv__guard_may_free().
 */
#include "plugin/guard.h"

#include <assert.h>
#include <stdlib.h>

#include "loop/loop.h"
#include "platform/thread.h"

/* How many wrong calls of the sink are logged for one plug-in. */
#define REFUSALS_TOLD 100

struct rdv__guard {
    /* What the foreign plug-in gets. It is first, so that a check for leaks finds the guard by a
     * pointer that only the plug-in still has. */
    rdv_sink sink;
    /* What the trigger agent gets. */
    rdv_plugin base;
    rdv_plugin_ops ops;
    struct rdv__guard_parts parts;
    /* Ends when terminate_wait is over. */
    rdv_timer *timer;

    /* It protects all that follows. */
    struct rdv__mutex *mutex;
    /* The sink of the trigger agent, set once. */
    rdv_sink *inner;
    /* How many references to the sink the foreign plug-in has. */
    int references;
    int refusals;
    bool initialised;
    /* The foreign plug-in has reported that it has terminated. */
    bool terminated;
    /* The trigger agent was told that its task agent is gone, or need not be told. */
    bool told;
};

static struct rdv__guard *guard_of_plugin(rdv_plugin *base)
{
    return (struct rdv__guard *)(void *)((char *)base - offsetof(struct rdv__guard, base));
}

static struct rdv__guard *guard_of_sink(rdv_sink *sink)
{
    return (struct rdv__guard *)(void *)sink;
}

/* ----------------------------------------------------------------- messages */

static bool is_known_error(int result)
{
    switch (result) {
#define KNOWN_ERROR(name, number, hresult, words) case name:
        RDV_ERRORS(KNOWN_ERROR)
#undef KNOWN_ERROR
        return true;
    default:
        return false;
    }
}

int rdv__guard_check_result(struct rdv__thread_log *tell, const char *name, const char *what,
                            int result)
{
    if (result == 0 || is_known_error(result))
        return result;
    rdv__thread_log_write(tell, RDV_LOG_WARNING,
                          "plug-in '%s': %s gave %d, which is no error of rdvtask", name, what,
                          result);
    return RDV_EFAILED;
}

void rdv__guard_log_call(struct rdv__thread_log *tell, const char *name, const char *what,
                         rdv_duration took)
{
    if (took == 0)
        return;
    char words[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(took / RDV_MILLISECOND * RDV_MILLISECOND, words, sizeof words);
    rdv__thread_log_write(
        tell, RDV_LOG_WARNING,
        "plug-in '%s' took %s in %s, and held up everything else: it must not block", name, words,
        what);
}

/* Log a call of the sink that was refused for a reason that is the plug-in's fault. Returns
 * result. */
static int check_refused(struct rdv__guard *guard, const char *what, const char *subject,
                         int result)
{
    if (result != RDV_EINVAL && result != RDV_ELIMIT && result != RDV_ESHUTDOWN)
        return result;
    rdv__mutex_lock(guard->mutex);
    int refusals = guard->refusals < REFUSALS_TOLD ? ++guard->refusals : REFUSALS_TOLD + 1;
    rdv__mutex_unlock(guard->mutex);
    if (refusals > REFUSALS_TOLD)
        return result;
    rdv__thread_log_write(guard->parts.tell, RDV_LOG_WARNING,
                          "plug-in '%s': its %s was refused: %s%s%s%s%s", guard->parts.name, what,
                          rdv_strerror(result), subject ? " (task '" : "", subject ? subject : "",
                          subject ? "')" : "",
                          refusals == REFUSALS_TOLD ? "; more of this will not be logged" : "");
    return result;
}

/* ------------------------------------------------- the foreign plug-in's sink */

/* A call of the sink. If the loop's thread makes it, it comes back from the foreign plug-in into
 * this library: the time that this takes is not the plug-in's fault. */
struct visit {
    struct rdv__watched call;
    bool owner;
};

static void begin_visit(struct rdv__guard *guard, struct visit *visit)
{
    rdv__mutex_lock(guard->mutex);
    visit->owner = !guard->told && rdv__loop_is_owner(guard->parts.loop);
    rdv__mutex_unlock(guard->mutex);
    if (visit->owner)
        rdv__watchdog_enter(guard->parts.watchdog, &visit->call, NULL, NULL);
}

static void end_visit(struct rdv__guard *guard, struct visit *visit)
{
    if (visit->owner)
        rdv__watchdog_leave(guard->parts.watchdog, &visit->call);
}

static bool has_terminated(struct rdv__guard *guard)
{
    rdv__mutex_lock(guard->mutex);
    bool terminated = guard->terminated;
    rdv__mutex_unlock(guard->mutex);
    return terminated;
}

static void sink_ref(rdv_sink *sink)
{
    struct rdv__guard *guard = guard_of_sink(sink);
    rdv__mutex_lock(guard->mutex);
    guard->references++;
    rdv__mutex_unlock(guard->mutex);
}

/* The guard outlives all references, so nothing is freed here, and a reference that is given back
 * too often does no harm. */
static void sink_unref(rdv_sink *sink)
{
    struct rdv__guard *guard = guard_of_sink(sink);
    rdv__mutex_lock(guard->mutex);
    bool has = guard->references > 0;
    guard->references -= has;
    rdv__mutex_unlock(guard->mutex);
    if (!has)
        rdv__thread_log_write(
            guard->parts.tell, RDV_LOG_WARNING,
            "plug-in '%s' has given back a reference to its sink that it did not have",
            guard->parts.name);
}

static int sink_schedule_task(rdv_sink *sink, const rdv_window *window, rdv_task *task)
{
    struct rdv__guard *guard = guard_of_sink(sink);
    struct visit visit;
    int result = RDV_ESHUTDOWN;
    begin_visit(guard, &visit);
    if (!has_terminated(guard))
        result = guard->inner->ops->schedule_task(guard->inner, window, task);
    end_visit(guard, &visit);
    return check_refused(guard, "call of schedule_task", task ? rdv_task_identifier(task) : NULL,
                         result);
}

static int sink_delete_schedule(rdv_sink *sink, const char *identifier)
{
    struct rdv__guard *guard = guard_of_sink(sink);
    struct visit visit;
    int result = RDV_ESHUTDOWN;
    begin_visit(guard, &visit);
    if (!has_terminated(guard))
        result = guard->inner->ops->delete_schedule(guard->inner, identifier);
    end_visit(guard, &visit);
    return check_refused(guard, "call of delete_schedule", identifier, result);
}

static int sink_task_state_changed(rdv_sink *sink, const char *identifier, const rdv_report *report)
{
    struct rdv__guard *guard = guard_of_sink(sink);
    struct visit visit;
    int result = RDV_ESHUTDOWN;
    begin_visit(guard, &visit);
    if (!has_terminated(guard))
        result = guard->inner->ops->task_state_changed(guard->inner, identifier, report);
    end_visit(guard, &visit);
    return check_refused(guard, "report", identifier, result);
}

/* Tell the trigger agent that its task agent is gone, unless it was told already. `own_word` is
 * true if the foreign plug-in has reported it. */
static void tell_terminated(struct rdv__guard *guard, int reason, bool own_word)
{
    rdv__mutex_lock(guard->mutex);
    bool again = own_word && guard->terminated;
    bool tell = !guard->told;
    guard->terminated |= own_word;
    guard->told = true;
    rdv__mutex_unlock(guard->mutex);
    if (again)
        check_refused(guard, "second call of terminated", NULL, RDV_ESHUTDOWN);
    if (tell)
        guard->inner->ops->terminated(guard->inner, reason);
}

static void sink_terminated(rdv_sink *sink, int reason)
{
    struct rdv__guard *guard = guard_of_sink(sink);
    struct visit visit;
    begin_visit(guard, &visit);
    tell_terminated(guard,
                    rdv__guard_check_result(guard->parts.tell, guard->parts.name,
                                            "its reason to terminate", reason),
                    true);
    end_visit(guard, &visit);
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

/* ------------------------------------------------- the trigger agent's plug-in */

/* End a call of the foreign plug-in. Returns its result, checked. */
static int end_call(struct rdv__guard *guard, struct rdv__watched *call, int result)
{
    const char *what = call->what;
    rdv_duration took = rdv__watchdog_leave(guard->parts.watchdog, call);
    rdv__guard_log_call(guard->parts.tell, guard->parts.name, what, took);
    return rdv__guard_check_result(guard->parts.tell, guard->parts.name, what, result);
}

static const char *guard_name(rdv_plugin *base)
{
    return guard_of_plugin(base)->parts.name;
}

static int guard_initialize(rdv_plugin *base, rdv_sink *sink)
{
    struct rdv__guard *guard = guard_of_plugin(base);
    rdv_plugin *plugin = guard->parts.plugin;
    struct rdv__watched call;
    /* A plug-in is initialised only once. */
    if (guard->inner)
        return RDV_ESTATE;
    sink->ops->ref(sink);
    guard->inner = sink;
    rdv__watchdog_enter(guard->parts.watchdog, &call, "initialize", NULL);
    int result = end_call(guard, &call, plugin->ops->initialize(plugin, &guard->sink));
    /* If it has terminated meanwhile, the trigger agent must not begin to use it. */
    if (result == 0 && has_terminated(guard))
        return RDV_ESHUTDOWN;
    rdv__mutex_lock(guard->mutex);
    guard->initialised = result == 0;
    rdv__mutex_unlock(guard->mutex);
    return result;
}

static int guard_start_task(rdv_plugin *base, rdv_task *task)
{
    struct rdv__guard *guard = guard_of_plugin(base);
    rdv_plugin *plugin = guard->parts.plugin;
    struct rdv__watched call;
    /* It has just reported that on another thread, and the trigger agent is about to hear it. The
     * run stays as it is on disk, and the next process goes on with it: nothing has failed. */
    if (has_terminated(guard))
        return 0;
    rdv__watchdog_enter(guard->parts.watchdog, &call, "start_task", rdv_task_identifier(task));
    return end_call(guard, &call, plugin->ops->start_task(plugin, task));
}

static int guard_cancel_task(rdv_plugin *base, const char *identifier)
{
    struct rdv__guard *guard = guard_of_plugin(base);
    rdv_plugin *plugin = guard->parts.plugin;
    struct rdv__watched call;
    if (has_terminated(guard))
        return RDV_ENOTFOUND;
    rdv__watchdog_enter(guard->parts.watchdog, &call, "cancel_task", identifier);
    return end_call(guard, &call, plugin->ops->cancel_task(plugin, identifier));
}

static int guard_check_label(rdv_plugin *base, const char *label)
{
    struct rdv__guard *guard = guard_of_plugin(base);
    rdv_plugin *plugin = guard->parts.plugin;
    struct rdv__watched call;
    rdv__watchdog_enter(guard->parts.watchdog, &call, "check_label", NULL);
    return end_call(guard, &call, plugin->ops->check_label(plugin, label));
}

static rdv_duration guard_end_wait(rdv_plugin *base, const char *identifier)
{
    struct rdv__guard *guard = guard_of_plugin(base);
    rdv_plugin *plugin = guard->parts.plugin;
    struct rdv__watched call;
    if (has_terminated(guard))
        return 0;
    rdv__watchdog_enter(guard->parts.watchdog, &call, "end_wait", identifier);
    rdv_duration wait = plugin->ops->end_wait(plugin, identifier);
    end_call(guard, &call, 0);
    return wait;
}

/* The time to terminate is over. */
static void give_up_waiting(void *user)
{
    struct rdv__guard *guard = user;
    rdv__mutex_lock(guard->mutex);
    bool told = guard->told;
    rdv__mutex_unlock(guard->mutex);
    if (told)
        return;
    char wait[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(guard->parts.terminate_wait, wait, sizeof wait);
    rdv__thread_log_write(
        guard->parts.tell, RDV_LOG_ERROR,
        "plug-in '%s' was told to terminate %s ago and has not: going on without it",
        guard->parts.name, wait);
    tell_terminated(guard, RDV_ETIMEDOUT, false);
}

static int guard_terminate(rdv_plugin *base, int reason)
{
    struct rdv__guard *guard = guard_of_plugin(base);
    rdv_plugin *plugin = guard->parts.plugin;
    struct rdv__watched call;
    rdv_timer_start(guard->timer, guard->parts.terminate_wait);
    rdv__watchdog_enter(guard->parts.watchdog, &call, "terminate", NULL);
    int result = end_call(guard, &call, plugin->ops->terminate(plugin, reason));
    if (result == 0)
        return 0;
    rdv__thread_log_write(guard->parts.tell, RDV_LOG_WARNING, "plug-in '%s' does not terminate: %s",
                          guard->parts.name, rdv_strerror(result));
    rdv_timer_stop(guard->timer);
    rdv__mutex_lock(guard->mutex);
    /* The trigger agent hears it from the result. */
    guard->told = true;
    rdv__mutex_unlock(guard->mutex);
    return result;
}

/* ---------------------------------------------------------- the life of a guard */

int rdv__guard_new(const struct rdv__guard_parts *parts, struct rdv__guard **ret_guard)
{
    const rdv_plugin_ops *ops = parts->plugin->ops;
    assert(ops->size >= RDV__PLUGIN_OPS_SIZE);
    struct rdv__guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return RDV_ENOMEM;
    guard->sink.ops = &sink_ops;
    guard->base.ops = &guard->ops;
    guard->parts = *parts;
    guard->ops = (rdv_plugin_ops){
        .size = sizeof guard->ops,
        .flags = ops->flags,
        .name = guard_name,
        .initialize = guard_initialize,
        .start_task = guard_start_task,
        .cancel_task = ops->cancel_task ? guard_cancel_task : NULL,
        .terminate = guard_terminate,
        .check_label = RDV__PLUGIN_HAS(ops, check_label) ? guard_check_label : NULL,
        .end_wait = RDV__PLUGIN_HAS(ops, end_wait) ? guard_end_wait : NULL,
    };
    int result = rdv__mutex_new(&guard->mutex);
    if (result == 0)
        result = rdv_timer_new(parts->loop, give_up_waiting, guard, &guard->timer);
    if (result != 0) {
        rdv__guard_free(guard);
        return result;
    }
    *ret_guard = guard;
    return 0;
}

rdv_plugin *rdv__guard_plugin(struct rdv__guard *guard)
{
    return &guard->base;
}

bool rdv__guard_may_free(struct rdv__guard *guard)
{
    rdv__mutex_lock(guard->mutex);
    bool may = !guard->initialised || guard->terminated;
    rdv__mutex_unlock(guard->mutex);
    return may;
}

int rdv__guard_references(struct rdv__guard *guard)
{
    rdv__mutex_lock(guard->mutex);
    int references = guard->references;
    rdv__mutex_unlock(guard->mutex);
    return references;
}

void rdv__guard_abandon(struct rdv__guard *guard)
{
    rdv_timer_free(guard->timer);
    guard->timer = NULL;
    rdv__mutex_lock(guard->mutex);
    /* There is nobody to be told any more, and no loop whose thread could be asked for. */
    guard->told = true;
    rdv__mutex_unlock(guard->mutex);
}

void rdv__guard_free(struct rdv__guard *guard)
{
    if (!guard)
        return;
    rdv_timer_free(guard->timer);
    if (guard->inner)
        guard->inner->ops->unref(guard->inner);
    rdv__mutex_free(guard->mutex);
    free(guard);
}
