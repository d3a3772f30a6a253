/* SPDX-License-Identifier: MIT */
/**
 * @file trigger.h
 * The trigger agent: it keeps the schedule, starts tasks inside their windows on a task agent, and follows them.
 *
 * The one rule of writing: every change is on disk before anyone hears of it, before a task is started for it, and before a
 * call that asked for it returns. A call from inside rdv_loop_call() is durable when that returns, and is undone if that
 * returns an error of the store.
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

/** A trigger agent. @since 0.1.0 */
typedef struct rdv_trigger rdv_trigger;

/**
 * Where a trigger agent takes its time from. All NULL = the system.
 *
 * A program that brings a clock of its own (a test) calls rdv_trigger_clock_changed() when it has moved it; no real timer
 * is armed then.
 * @since 0.1.0
 */
typedef struct rdv_clock {
    rdv_time (*now)(void *user);
    bool (*synchronised)(void *user); /**< whether the clock is known to be right; NULL = always */
    rdv_duration (*since_boot)(
        void *user); /**< running time since the machine started; NULL = long ago */
    rdv_duration (*running)(
        void *
            user); /**< running time since some moment: never goes back, and sleep doesn't count. The limits of runs and all
                          waits are counted in it. NULL with a `now` of the program's own: `now` is used in its place */
    void *user;
} rdv_clock;

/**
 * Leave alone what the store holds already: only what is scheduled through this object is started or expires.
 * @since 0.1.0
 */
#define RDV_TRIGGER_HOLD_STORED 1u

/** Called when a task agent has shut down. @param reason what the plug-in gave to terminated. @since 0.1.0 */
typedef void (*rdv_terminated_fn)(void *user, int reason);

/** How a trigger agent works. @since 0.1.0 */
typedef struct rdv_trigger_options {
    size_t size;
    unsigned flags;         /**< RDV_TRIGGER_… */
    int max_running;        /**< how many tasks run at once, 1 to 1,000,000. Default 1 */
    rdv_duration run_limit; /**< for entries without a limit of their own; default 24 h */
    rdv_duration
        resume_limit; /**< how long a plug-in that can't be restarted safely has to report on a run that was under
                                    way when the process ended; default 10 min */
    rdv_duration
        cancel_wait; /**< how long a plug-in has to end a run that it was asked to cancel, beyond what it says itself that
                                   this may take (rdv_plugin_ops.end_wait); default 1 min */
    rdv_duration
        clock_wait; /**< after boot, how long to wait at most for the clock to be synchronised; default 5 min */
    int max_interruptions; /**< how often a run may be cut short by a crash, a kill or a reboot that it has not asked for; the next
                                time it fails. 0 to 1,000,000; default 5 */
    const char *
        boot_id_file; /**< a file whose first line says which boot of the machine this is; NULL = ask the system. Read by
                                   rdv_trigger_new(), and not kept */
    rdv_clock clock;
    rdv_log log;
    rdv_terminated_fn
        terminated; /**< the task agent has shut down by itself (OnTerminated), or was shut down because the store is lost
                                    (RDV_ELOST), and nothing starts any more; what is left is
                                    to shut down. Called from the loop, once all that it has reported is durable. NULL = only
                                    the log says so */
    void *user;     /**< for terminated */
} rdv_trigger_options;

/** Set the size and the defaults. Any thread. @since 0.1.0 */
RDV_API void rdv_trigger_options_init(rdv_trigger_options *options);

/**
 * Make a trigger agent on a loop and a store, and read the schedule from the store.
 *
 * @param loop     referenced; must outlive the trigger.
 * @param store    a writable store that no other trigger uses; must outlive the trigger.
 * @param options  NULL = defaults; copied.
 * @param ret_trigger  owned by the caller: rdv_trigger_free().
 * @return 0; RDV_EINVAL, also for options out of range; RDV_ESTATE if the store is used on another loop; RDV_EREADONLY; RDV_ENOMEM;
 * RDV_EIO if the system gives no descriptors; or an error of the store.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_new(rdv_loop *loop, rdv_store *store, const rdv_trigger_options *options,
                            rdv_trigger **ret_trigger);

/**
 * Give the trigger its task agent: calls the plug-in's initialize. From here on tasks start. Runs that were under way when
 * the last process ended go on: a plug-in with RDV_PLUGIN_RESTART_SAFE gets StartTask again, another has resume_limit to
 * report.
 *
 * @param plugin  must live until it has reported terminated, or the trigger is freed.
 * @return 0; RDV_EINVAL, also for a table of functions that is too small; RDV_ESTATE if there is or was one already, or the trigger
 * is shut down; or what initialize returned.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_attach(rdv_trigger *trigger, rdv_plugin *plugin);

/**
 * Begin a batch: schedules and deletes up to rdv_trigger_commit() become durable together, or not at all. Which of its tasks
 * start first is decided when all are there. The loop must not be run or dispatched before the batch ends. Where one of them
 * could not be written, the batch may be lost: those that follow, and rdv_trigger_commit(), then give the same error.
 * @return 0, RDV_EINVAL, or RDV_ESTATE inside a batch.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_begin(rdv_trigger *trigger);

/**
 * Commit a batch.
 * @return 0; RDV_EINVAL; RDV_ESTATE outside a batch; RDV_ECANCELLED (see rdv_trigger_load()) or an error of the store: then nothing
 * of the batch was done.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_commit(rdv_trigger *trigger);

/** Undo a batch. @return 0, RDV_EINVAL, or RDV_ESTATE outside a batch. Owner thread. @since 0.1.0 */
RDV_API int rdv_trigger_rollback(rdv_trigger *trigger);

/**
 * Schedule a task (ScheduleTask). An identifier that is pending is replaced; one that has finished is scheduled anew, and
 * the finished one stays in the history. Outside a batch, a task that may start at once is running when this returns, if the
 * plug-in has RDV_PLUGIN_RESTART_SAFE; the plug-in hears of it when the loop goes on. Tasks that are to compete for their start
 * belong into one batch.
 *
 * @param window  NULL = now, with no end and no deadline; copied.
 * @param task    referenced.
 * @return 0, durably done; RDV_EINVAL; RDV_EBUSY if the identifier is running; RDV_ESHUTDOWN after rdv_trigger_terminate();
 * RDV_ENOMEM; an error of the store.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_schedule(rdv_trigger *trigger, const rdv_window *window, rdv_task *task);

/**
 * Schedule all tasks of a JSON document (rdvtask-schedule), as one batch: all or none. Inside a batch they become part of it. There
 * a document that can't be read, or is not right, leaves the batch as it was; any other failure undoes what is in it, if
 * anything is, and what follows in it then gives RDV_ECANCELLED, rdv_trigger_commit() too.
 *
 * @param path       the file.
 * @param ret_count  optional: how many tasks were scheduled.
 * @param error      optional: where the trouble is.
 * @return 0; RDV_ESYNTAX, RDV_EINVAL (also for no regular file) or RDV_ELIMIT for a document that is not right; RDV_ENOTFOUND,
 * RDV_EACCES, RDV_EIO for the file (RDV_EIO also if there is nothing to make a random UUID from); otherwise as
 * rdv_trigger_schedule().
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_load(rdv_trigger *trigger, const char *path, size_t *ret_count,
                             struct rdv_error *error);

/**
 * Delete a pending entry (DeleteSchedule); the history keeps it as cancelled. An entry that was under way when an earlier process
 * ended, and that nobody runs now (no task agent is attached, or the entry is held), is cancelled instead.
 * @return 0, durably done; RDV_EINVAL; RDV_ENOTFOUND; RDV_EBUSY if it is running (cancel it instead); an error of the store.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_delete(rdv_trigger *trigger, const char *identifier);

/**
 * Cancel a task: a pending one is deleted, a running one is asked to end. The request is durable when this returns 0; the
 * outcome `cancelled` follows when the plug-in reports, at the latest after its end_wait and cancel_wait. If the task was under way
 * when an earlier process ended, and no task agent is attached, the outcome follows once a task agent is attached, which ends what
 * is left of the task.
 *
 * A running task is asked to end even if the store can't be written to, as it may be what fills the disk: the request is written as
 * soon as that works, and the outcome is the same. If the process is killed before that, the next one goes on with the task. Inside
 * a batch nothing is done in that case, as the batch fails.
 * @return 0; RDV_EUNRECORDED if it is asked to end, and that is not durable yet; RDV_EINVAL; RDV_ENOTFOUND; RDV_ENOTSUP if it is
 * running, and the plug-in can't cancel; an error of the store for a pending task, or one that nobody runs.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_cancel(rdv_trigger *trigger, const char *identifier);

/**
 * Start nothing more until rdv_trigger_resume(); what runs goes on, and windows pass. Durable: a paused store stays paused over
 * restarts.
 * @return 0, also when it is paused already; RDV_EINVAL; RDV_ESTATE inside a batch; or an error of the store.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_pause(rdv_trigger *trigger);

/** Start tasks again. Results as for rdv_trigger_pause(). Owner thread. @since 0.1.0 */
RDV_API int rdv_trigger_resume(rdv_trigger *trigger);

/** Whether it is paused. Owner thread. @since 0.1.0 */
RDV_API bool rdv_trigger_paused(const rdv_trigger *trigger);

/**
 * Why an entry has not started: what holds it up. Before its window that is RDV_WHY_WINDOW, also if the trigger agent is paused, say.
 * That no handler has its label holds nothing up; where something else does, that is the reason. In both cases
 * rdv_explanation.words have all of it.
 * @since 0.1.0
 */
typedef enum rdv_why {
    RDV_WHY_STARTS = 0,     /**< nothing holds it up: it starts in the next turn */
    RDV_WHY_RUNNING = 1,    /**< it has started, and its task agent is there */
    RDV_WHY_WINDOW = 2,     /**< its window is not open yet */
    RDV_WHY_BEHIND = 3,     /**< others come before it, or run */
    RDV_WHY_PAUSED = 4,     /**< the trigger agent is paused */
    RDV_WHY_CLOCK = 5,      /**< the clock is not synchronised */
    RDV_WHY_REBOOT = 6,     /**< a task is about to reboot the machine */
    RDV_WHY_NO_HANDLER = 7, /**< nothing holds it up, but it will fail: no handler has its label */
    RDV_WHY_STORE = 8,      /**< the store can't be written to */
    RDV_WHY_NO_AGENT = 9,   /**< there is no task agent, or it is shutting down */
    RDV_WHY_HELD = 10 /**< RDV_TRIGGER_HOLD_STORED: not this trigger's to start or go on with */
} rdv_why;

/** The answer of rdv_trigger_explain(). @since 0.1.0 */
typedef struct rdv_explanation {
    size_t size; /**< set by the caller */
    rdv_why why;
    int64_t run;    /**< the entry's number */
    size_t ahead;   /**< of those that are ready, how many come before it */
    size_t running; /**< how many run */
    rdv_time
        next; /**< when it will be looked at next if nothing else happens; 0 = when something happens */
    char words[512]; /**< all of that for people, one line */
} rdv_explanation;

/**
 * "starts", "running", "window", "behind", "paused", "clock", "reboot", "no-handler", "store", "no-agent", "held".
 * @return a constant string; NULL for none of these.
 * Any thread. @since 0.1.0
 */
RDV_API const char *rdv_why_name(rdv_why why);

/**
 * Say why an unfinished entry has not started, by the code that decides about starting it.
 * @return 0, RDV_EINVAL, RDV_ENOTFOUND, or an error of the store.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_explain(rdv_trigger *trigger, const char *identifier,
                                rdv_explanation *ret_explanation);

/**
 * What keeps every entry from starting: RDV_WHY_STORE, _NO_AGENT, _CLOCK, _REBOOT or _PAUSED, the first of these that holds;
 * RDV_WHY_STARTS if nothing does.
 * Owner thread. @since 0.1.0
 */
RDV_API rdv_why rdv_trigger_held_up(rdv_trigger *trigger);

/** How many entries are not finished: pending and running ones together. Owner thread. @since 0.1.0 */
RDV_API size_t rdv_trigger_unfinished(const rdv_trigger *trigger);

/**
 * How many entries are running. A run that was stopped over and over, and waits to begin again, is not counted.
 * Owner thread. @since 0.1.0
 */
RDV_API size_t rdv_trigger_running(const rdv_trigger *trigger);

/**
 * The moment at which the trigger will look at its schedule next if nothing else happens: 0 = only when something happens.
 * Owner thread. @since 0.1.0
 */
RDV_API rdv_time rdv_trigger_next(const rdv_trigger *trigger);

/** Tell the trigger that its own clock (rdv_clock) has moved. The system's clock needs no telling. Owner thread. @since 0.1.0 */
RDV_API void rdv_trigger_clock_changed(rdv_trigger *trigger);

/** One who watches a trigger. @since 0.1.0 */
typedef struct rdv_watch rdv_watch;

/**
 * Call fn(user, entry) after each change of an entry, once it is durable: scheduled, started, each report, finished.
 * A replaced entry is not told of. `entry` has no changes and no output.
 *
 * @param fn        may call any function of the trigger; its result is ignored.
 * @param ret_watch owned by the caller: rdv_watch_free(), before or after the trigger.
 * @return 0, RDV_EINVAL or RDV_ENOMEM.
 * Owner thread; fn is called from inside the loop. @since 0.1.0
 */
RDV_API int rdv_trigger_watch(rdv_trigger *trigger, rdv_entry_fn fn, void *user,
                              rdv_watch **ret_watch);

/** Stop watching. NULL is fine; fine inside fn. Owner thread. @since 0.1.0 */
RDV_API void rdv_watch_free(rdv_watch *watch);

/**
 * Shut down in order (Terminate): start nothing more, ask the plug-in to end, and call fn(user, reason) from the loop when
 * it has. Runs that did not end are taken up again by the next process. A task agent that has shut down by itself
 * (rdv_trigger_options.terminated) is not asked again.
 *
 * @param fn  may be NULL.
 * @param reason  0 = normal shutdown, else the failure: the plug-in gets it.
 * @return 0, RDV_EINVAL, or RDV_ESTATE if it is shutting down already.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_trigger_terminate(rdv_trigger *trigger, int reason, rdv_terminated_fn fn,
                                  void *user);

/**
 * Free a trigger, shut down or not; a batch that is open is undone. NULL is fine. Not from inside its own callbacks.
 * Owner thread. @since 0.1.0
 */
RDV_API void rdv_trigger_free(rdv_trigger *trigger);

#ifdef __cplusplus
}
#endif

#endif
