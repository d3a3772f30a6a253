/* SPDX-License-Identifier: MIT */
/**
 * @file trigger.h
 * The trigger agent: it keeps the schedule, starts tasks inside their windows on a task agent, and
 * follows them until they have ended.
 *
 * A program makes a loop (loop.h), a store (store.h) and a trigger, attaches a task agent
 * (plugin.h, or the ready-made one of agent.h), and runs the loop. With results left unchecked:
 *
 *     rdv_loop_new(&loop);
 *     rdv_store_open("tasks.db", NULL, &store, NULL);
 *     rdv_trigger_new(loop, store, NULL, &trigger);
 *     rdv_trigger_attach(trigger, &updater.base);
 *     rdv_task_new("update", NULL, NULL, 0, &task);
 *     rdv_trigger_schedule(trigger, NULL, task);
 *     rdv_task_unref(task);
 *     rdv_loop_run(loop); // until rdv_loop_stop()
 *
 * Each scheduled task is an entry of the store: pending, then running, then finished with one
 * outcome.
 *
 * The one rule of writing: every change is on disk before anyone is told of it, before a task is
 * started for it, and before the call that asked for it returns. Inside rdv_loop_call() it is on
 * disk when that returns, and is undone if that returns an error of the store. "An error of the
 * store" is one of those that store.h lists.
 *
 * doc/contract.md says what this means over reboots, power cuts, changes of the clock and full
 * disks.
 */
#ifndef RDVTASK_TRIGGER_H
#define RDVTASK_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/plugin.h>
#include <rdvtask/store.h>
#include <rdvtask/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A trigger agent. */
typedef struct rdv_trigger rdv_trigger;

/**
 * Where a trigger agent takes its time from. All NULL = the system.
 *
 * A program that brings a clock of its own, such as a test, calls rdv_trigger_clock_changed() when
 * it has moved the clock. No real timer is armed then.
 */
typedef struct rdv_clock {
    /** The time of day. */
    rdv_time (*now)(void *user);
    /** Whether the clock is known to be right. NULL = always. */
    bool (*synchronised)(void *user);
    /** How long ago the machine started, in running time. NULL = long ago. */
    rdv_duration (*since_boot)(void *user);
    /**
     * Running time since some moment: it never goes back, and time asleep doesn't count. The limits
     * of runs and all waits are counted in it. If it is NULL and `now` is the program's own, `now`
     * is used in its place.
     */
    rdv_duration (*running)(void *user);
    /** Handed to the functions. */
    void *user;
} rdv_clock;

/**
 * A flag: leave alone what the store holds already. Only tasks that are scheduled through this
 * trigger are started or expire.
 */
#define RDV_TRIGGER_HOLD_STORED 1u

/** Called when a task agent has shut down. @param reason  what the plug-in gave to `terminated`. */
typedef void (*rdv_terminated_fn)(void *user, int reason);

/** How a trigger agent works. */
typedef struct rdv_trigger_options {
    /** sizeof(rdv_trigger_options); rdv_trigger_options_init() sets it. */
    size_t size;
    /** RDV_TRIGGER_…. Default 0. */
    unsigned flags;
    /** How many tasks run at once, 1 to 1,000,000. Default 1. */
    int max_running;
    /** The run limit of entries that have none of their own. Default 24 h. */
    rdv_duration run_limit;
    /**
     * How long a plug-in without RDV_PLUGIN_RESTART_SAFE has to report on a run that was under way
     * when the process ended. Default 10 min.
     */
    rdv_duration resume_limit;
    /**
     * How long a plug-in has to end a run that it was asked to cancel, in addition to what its
     * end_wait says. Default 1 min.
     */
    rdv_duration cancel_wait;
    /** After boot, how long to wait at most until the clock is synchronised. Default 5 min. */
    rdv_duration clock_wait;
    /**
     * How often a run may be cut short by a crash, a kill or a reboot that it has not asked for.
     * The next time it fails. 0 to 1,000,000; default 5.
     */
    int max_interruptions;
    /**
     * A file whose first line says which boot of the machine this is. rdv_trigger_new() reads it,
     * and does not keep the path. NULL = ask the system.
     */
    const char *boot_id_file;
    /** The time. Default: the system's. */
    rdv_clock clock;
    /** Where log lines go. Default: nowhere. */
    rdv_log log;
    /**
     * Called from the loop when the task agent has shut down by itself (OnTerminated), or when the
     * trigger has shut it down because the store is lost (RDV_ELOST). All that the task agent has
     * reported is durable by then, and nothing starts any more: the program is to shut down. NULL =
     * only the log says so.
     */
    rdv_terminated_fn terminated;
    /** Handed to terminated. */
    void *user;
} rdv_trigger_options;

/** Set the size and the defaults. Any thread. */
RDV_API void rdv_trigger_options_init(rdv_trigger_options *options);

/**
 * Make a trigger agent on a loop and a store, and read the schedule from the store.
 *
 * @param loop         must outlive the trigger.
 * @param store        a writable store that no other trigger uses; must outlive the trigger.
 * @param options      copied; NULL = defaults.
 * @param ret_trigger  owned by the caller, who gives it to rdv_trigger_free().
 * @return 0; RDV_EINVAL, also for options out of range; RDV_ESTATE if the store is used on another
 *   loop; RDV_EREADONLY; RDV_ENOMEM; RDV_EIO if the system gives no descriptors; or an error of the
 *   store.
 * Owner thread.
 */
RDV_API int rdv_trigger_new(rdv_loop *loop, rdv_store *store, const rdv_trigger_options *options,
                            rdv_trigger **ret_trigger);

/**
 * Give the trigger its task agent: this calls the plug-in's initialize, and tasks start from here
 * on. Runs that were under way when the last process ended go on: a plug-in with
 * RDV_PLUGIN_RESTART_SAFE gets start_task again, any other has resume_limit to report on them.
 *
 * @param plugin  must live until it has called `terminated`, or the trigger is freed.
 * @return 0; RDV_EINVAL, also for a table of functions that is too small; RDV_ESTATE if a plug-in
 *   is or was attached already, or the trigger is shut down; or what initialize returned.
 * Owner thread.
 */
RDV_API int rdv_trigger_attach(rdv_trigger *trigger, rdv_plugin *plugin);

/**
 * Begin a batch: what is scheduled and deleted before rdv_trigger_commit() becomes durable together
 * or not at all. Which of its tasks start first is decided when all of them are there. The loop
 * must not be run or dispatched before the batch ends. If one of the changes can't be written, the
 * batch may be lost: the calls that follow, and rdv_trigger_commit(), then return the same error.
 * @return 0, RDV_EINVAL, or RDV_ESTATE inside a batch.
 * Owner thread.
 */
RDV_API int rdv_trigger_begin(rdv_trigger *trigger);

/**
 * Commit a batch. On failure nothing of the batch was done.
 * @return 0; RDV_EINVAL; RDV_ESTATE outside a batch; RDV_ECANCELLED (see rdv_trigger_load()) or an
 *   error of the store.
 * Owner thread.
 */
RDV_API int rdv_trigger_commit(rdv_trigger *trigger);

/** Undo a batch. @return 0, RDV_EINVAL, or RDV_ESTATE outside a batch. Owner thread. */
RDV_API int rdv_trigger_rollback(rdv_trigger *trigger);

/**
 * Schedule a task (ScheduleTask). A pending entry with the same identifier is replaced. If the
 * identifier belongs to a finished entry, the task is scheduled anew and that entry stays in the
 * history.
 *
 * Outside a batch, a task that may start at once is running when this returns, if the plug-in has
 * RDV_PLUGIN_RESTART_SAFE; its start_task is called when the loop goes on. Tasks that are to
 * compete for their start belong into one batch.
 *
 * @param window  copied; NULL = now, with no end and no deadline.
 * @param task    referenced.
 * @return 0 if it is on disk; RDV_EINVAL; RDV_EBUSY if the identifier is running; RDV_ESHUTDOWN
 *   after rdv_trigger_terminate(); RDV_ENOMEM; an error of the store.
 * Owner thread.
 */
RDV_API int rdv_trigger_schedule(rdv_trigger *trigger, const rdv_window *window, rdv_task *task);

/**
 * Schedule all tasks of a schedule document (rdvtask-schedule(5)) as one batch: all or none.
 *
 * Inside a batch they become part of it. A document that can't be read, or is not right, then
 * leaves the batch as it was. Any other failure undoes what the batch holds, if it holds anything,
 * and the calls that follow in it return RDV_ECANCELLED, including rdv_trigger_commit().
 *
 * @param path       the file.
 * @param ret_count  how many tasks were scheduled; may be NULL.
 * @param error      where the trouble is; may be NULL.
 * @return 0; for a document that is not right RDV_ESYNTAX, RDV_EINVAL (also if it is not a regular
 *   file) or RDV_ELIMIT; for the file RDV_ENOTFOUND, RDV_EACCES or RDV_EIO; RDV_EIO also if the
 *   system has no random numbers for a UUID; otherwise what rdv_trigger_schedule() returns.
 * Owner thread.
 */
RDV_API int rdv_trigger_load(rdv_trigger *trigger, const char *path, size_t *ret_count,
                             struct rdv_error *error);

/**
 * Delete a pending entry (DeleteSchedule). The history keeps it as cancelled. An entry that was
 * under way when an earlier process ended, and that no task agent works on now (none is attached,
 * or the entry is held), is cancelled instead.
 * @return 0 if it is on disk; RDV_EINVAL; RDV_ENOTFOUND; RDV_EBUSY if the entry is running, in
 *   which case it can be cancelled; an error of the store.
 * Owner thread.
 */
RDV_API int rdv_trigger_delete(rdv_trigger *trigger, const char *identifier);

/**
 * Cancel a task: a pending one is deleted, a running one is asked to end.
 *
 * The request is on disk when this returns 0. The outcome `cancelled` follows when the plug-in
 * reports, at the latest after its end_wait and cancel_wait. If the task was under way when an
 * earlier process ended and no task agent is attached, the outcome follows once one is attached,
 * which ends what is left of the task.
 *
 * A running task is asked to end even if the store can't be written to, since the task may be what
 * fills the disk. The request is written as soon as that works, and the outcome is the same. If the
 * process is killed before that, the next one goes on with the task. Inside a batch nothing is done
 * in that case, because the batch fails.
 *
 * @return 0; RDV_EUNRECORDED if the task was asked to end and that is not on disk yet; RDV_EINVAL;
 *   RDV_ENOTFOUND; RDV_ENOTSUP if the task is running and the plug-in can't cancel; an error of the
 *   store for a task that is pending, or that no task agent works on.
 * Owner thread.
 */
RDV_API int rdv_trigger_cancel(rdv_trigger *trigger, const char *identifier);

/**
 * Start nothing more until rdv_trigger_resume(). Running tasks go on, and windows pass. This is
 * durable: a paused store stays paused over restarts.
 * @return 0, also if it is paused already; RDV_EINVAL; RDV_ESTATE inside a batch; or an error of
 *   the store.
 * Owner thread.
 */
RDV_API int rdv_trigger_pause(rdv_trigger *trigger);

/** Start tasks again. It returns what rdv_trigger_pause() returns. Owner thread. */
RDV_API int rdv_trigger_resume(rdv_trigger *trigger);

/** Whether the trigger is paused. Owner thread. */
RDV_API bool rdv_trigger_paused(const rdv_trigger *trigger);

/**
 * Why an entry has not started. Before its window opens the reason is RDV_WHY_WINDOW, even if the
 * trigger is paused as well. RDV_WHY_NO_HANDLER is given only if nothing else holds the entry up.
 * In both cases rdv_explanation.words has the other reasons too.
 */
typedef enum rdv_why {
    /** Nothing holds it up: it starts in the next turn of the loop. */
    RDV_WHY_STARTS = 0,
    /** It has started, and its task agent is there. */
    RDV_WHY_RUNNING = 1,
    /** Its window is not open yet. */
    RDV_WHY_WINDOW = 2,
    /** Others come before it, or are running. */
    RDV_WHY_BEHIND = 3,
    /** The trigger agent is paused. */
    RDV_WHY_PAUSED = 4,
    /** The clock is not synchronised. */
    RDV_WHY_CLOCK = 5,
    /** A task is about to reboot the machine. */
    RDV_WHY_REBOOT = 6,
    /** It would start, but would fail: no handler has its label. */
    RDV_WHY_NO_HANDLER = 7,
    /** The store can't be written to. */
    RDV_WHY_STORE = 8,
    /** No task agent is attached, or it is shutting down. */
    RDV_WHY_NO_AGENT = 9,
    /** RDV_TRIGGER_HOLD_STORED: this trigger neither starts it nor goes on with it. */
    RDV_WHY_HELD = 10
} rdv_why;

/** The answer of rdv_trigger_explain(). */
typedef struct rdv_explanation {
    /** sizeof(rdv_explanation), set by the caller. */
    size_t size;
    /** What holds the entry up. */
    rdv_why why;
    /** The entry's run number. */
    int64_t run;
    /** How many of the entries that are ready to start come before it. */
    size_t ahead;
    /** How many entries are running. */
    size_t running;
    /** When it will be looked at next if nothing else happens; 0 = only if something does. */
    rdv_time next;
    /** All of that for people, in one line. */
    char words[512];
} rdv_explanation;

/**
 * "starts", "running", "window", "behind", "paused", "clock", "reboot", "no-handler", "store",
 * "no-agent" or "held".
 * @return a constant string; NULL for a number that is not an rdv_why.
 * Any thread.
 */
RDV_API const char *rdv_why_name(rdv_why why);

/**
 * Explain why an unfinished entry has not started. The answer comes from the code that decides
 * about starting it.
 *
 * @param ret_explanation  written on success; its size must be set before.
 * @return 0, RDV_EINVAL, RDV_ENOTFOUND, or an error of the store.
 * Owner thread.
 */
RDV_API int rdv_trigger_explain(rdv_trigger *trigger, const char *identifier,
                                rdv_explanation *ret_explanation);

/**
 * What keeps every entry from starting: the first that holds of RDV_WHY_STORE, RDV_WHY_NO_AGENT,
 * RDV_WHY_CLOCK, RDV_WHY_REBOOT and RDV_WHY_PAUSED; RDV_WHY_STARTS if nothing does.
 * Owner thread.
 */
RDV_API rdv_why rdv_trigger_held_up(rdv_trigger *trigger);

/** How many entries are not finished, pending and running ones together. Owner thread. */
RDV_API size_t rdv_trigger_unfinished(const rdv_trigger *trigger);

/**
 * How many entries are running. A run that was stopped over and over, and that waits to begin
 * again, does not count.
 * Owner thread.
 */
RDV_API size_t rdv_trigger_running(const rdv_trigger *trigger);

/**
 * When the trigger will look at its schedule next if nothing else happens; 0 = only when something
 * happens.
 * Owner thread.
 */
RDV_API rdv_time rdv_trigger_next(const rdv_trigger *trigger);

/**
 * Tell the trigger that its own clock (rdv_clock) has moved. It notices changes of the system's
 * clock by itself.
 * Owner thread.
 */
RDV_API void rdv_trigger_clock_changed(rdv_trigger *trigger);

/** A function that watches a trigger. */
typedef struct rdv_watch rdv_watch;

/**
 * Call fn(user, entry) after each change of an entry, once it is on disk: when the entry is
 * scheduled or started, for each report, and when it has finished. There is no call for an entry
 * that is replaced. The entry has no `changes` and no `output`.
 *
 * @param fn         called from inside the loop. It may call any function of the trigger; its
 *   result is ignored.
 * @param user       handed to fn; must live as long as the watch.
 * @param ret_watch  owned by the caller, who gives it to rdv_watch_free(), before or after the
 *   trigger is freed.
 * @return 0, RDV_EINVAL or RDV_ENOMEM.
 * Owner thread.
 */
RDV_API int rdv_trigger_watch(rdv_trigger *trigger, rdv_entry_fn fn, void *user,
                              rdv_watch **ret_watch);

/** Stop watching. NULL is allowed, and so is a call from inside fn. Owner thread. */
RDV_API void rdv_watch_free(rdv_watch *watch);

/**
 * Shut down in order (Terminate): start nothing more, call the plug-in's terminate, and call
 * fn(user, reason) from the loop when the plug-in has shut down. Runs that did not end are taken up
 * by the next process. A task agent that has shut down by itself (rdv_trigger_options.terminated)
 * is not asked again.
 *
 * @param reason  handed to the plug-in: 0 for a normal shutdown, else the failure.
 * @param fn      may be NULL.
 * @return 0, RDV_EINVAL, or RDV_ESTATE if the trigger is shutting down already.
 * Owner thread.
 */
RDV_API int rdv_trigger_terminate(rdv_trigger *trigger, int reason, rdv_terminated_fn fn,
                                  void *user);

/**
 * Free a trigger, whether it is shut down or not. A batch that is open is undone. NULL is allowed.
 * Must not be called from inside the trigger's own callbacks.
 * Owner thread.
 */
RDV_API void rdv_trigger_free(rdv_trigger *trigger);

#ifdef __cplusplus
}
#endif

#endif
