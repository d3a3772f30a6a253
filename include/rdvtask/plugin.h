/* SPDX-License-Identifier: MIT */
/**
 * @file plugin.h
 * The two contracts of the API, in C: what a task agent implements and what a trigger agent
 * implements.
 *
 * rdv_plugin stands for IRDVTaskPlugin: a task agent, which does tasks. rdv_sink stands for
 * IRDVTaskPluginNotifySink: what a trigger agent offers to its task agent. Each is a struct that
 * holds a pointer to a constant table of functions. The implementer makes it the first member of a
 * struct of its own, and casts the pointer that the functions get to that struct.
 *
 * To write a task agent:
 *  1. Fill in an rdv_plugin_ops, with its size. cancel_task, check_label and end_wait may be NULL;
 *     the other functions are required.
 *  2. Give the plug-in to rdv_trigger_attach() (trigger.h), which calls initialize with the sink.
 *  3. For each start_task, return 0 and do the work elsewhere, on a thread or in a process of your
 *     own: the functions of the table run on the loop's owner thread and must not wait.
 *  4. Report with sink->ops->task_state_changed(sink, identifier, &report), where `report` starts
 *     as RDV_REPORT_INIT (task.h). Any number of reports may come; the first one with SUCCESS or
 *     FAILED ends the run, and every run needs one.
 *  5. On terminate, stop the work, and call sink->ops->terminated() as the last call but unref.
 *     Don't report FAILED for a run that the shutdown interrupts: without a report the next process
 *     takes it up again.
 *
 * In short, with `begin_update` and `stop_update` for the work itself:
 *
 *     struct updater {
 *         rdv_plugin base; // first: set to {&updater_ops}
 *         rdv_sink *sink;
 *     };
 *
 *     static const char *name(rdv_plugin *plugin)
 *     {
 *         return "Updater";
 *     }
 *
 *     static int initialize(rdv_plugin *plugin, rdv_sink *sink)
 *     {
 *         sink->ops->ref(sink);
 *         ((struct updater *)plugin)->sink = sink;
 *         return 0;
 *     }
 *
 *     static int start_task(rdv_plugin *plugin, rdv_task *task)
 *     {
 *         if (strcmp(rdv_task_label(task), "update") != 0)
 *             return RDV_ENOHANDLER;
 *         return begin_update((struct updater *)plugin, rdv_task_ref(task));
 *     }
 *
 *     // Called by the work when it is done, from any thread.
 *     static void updated(struct updater *updater, rdv_task *task)
 *     {
 *         rdv_sink *sink = updater->sink;
 *         rdv_report report = RDV_REPORT_INIT;
 *         report.status = RDV_STATUS_SUCCESS;
 *         sink->ops->task_state_changed(sink, rdv_task_identifier(task), &report);
 *         rdv_task_unref(task);
 *     }
 *
 *     static int terminate(rdv_plugin *plugin, int reason)
 *     {
 *         struct updater *updater = (struct updater *)plugin;
 *         stop_update(updater);
 *         updater->sink->ops->terminated(updater->sink, reason);
 *         updater->sink->ops->unref(updater->sink);
 *         return 0;
 *     }
 *
 *     static const rdv_plugin_ops updater_ops = {
 *         .size = sizeof(rdv_plugin_ops),
 *         .name = name,
 *         .initialize = initialize,
 *         .start_task = start_task,
 *         .terminate = terminate,
 *     };
 *
 * The life of a plug-in is: initialize, then any number of start_task and cancel_task, then
 * terminate, then `terminated` on the sink. doc/plugins.md describes it in full, also how a plug-in
 * becomes a shared library (module.h); examples/plugin.c is a complete one to copy. agent.h has a
 * ready-made task agent.
 *
 * Functions that return int return 0, or a negative RDV_E… constant of base.h.
 */
#ifndef RDVTASK_PLUGIN_H
#define RDVTASK_PLUGIN_H

#include <rdvtask/base.h>
#include <rdvtask/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a task agent reports to (IRDVTaskPluginNotifySink), and a task agent (IRDVTaskPlugin). */
typedef struct rdv_sink rdv_sink;
typedef struct rdv_plugin rdv_plugin;

/**
 * What a trigger agent offers to its task agent (IRDVTaskPluginNotifySink). All functions may be
 * called from any thread while the caller holds a reference, also from inside a function of the
 * plug-in. They check their arguments, post the call, and never wait.
 *
 * A call from the loop's owner thread is done before it returns, and its result says how that went.
 * A call from another thread is done later, in the order in which that thread made its calls; 0
 * means that the call was posted, and an error that comes after that is logged.
 */
typedef struct rdv_sink_ops {
    /** sizeof(rdv_sink_ops) of the implementer. */
    size_t size;

    /** Take a reference. */
    void (*ref)(rdv_sink *sink);

    /** Give a reference back. */
    void (*unref)(rdv_sink *sink);

    /**
     * Schedule a task (ScheduleTask). The window is copied and the task referenced. A NULL
     * window means now, with no end and no deadline.
     *
     * @return on the owner thread what rdv_trigger_schedule() returns. On other threads 0,
     *   RDV_EINVAL, RDV_ENOMEM, or RDV_ELIMIT if too many calls wait already. On any thread
     *   RDV_ESHUTDOWN once the trigger agent was freed; a plug-in of module.h gets it also after it
     *   has called `terminated`.
     */
    int (*schedule_task)(rdv_sink *sink, const rdv_window *window, rdv_task *task);

    /**
     * Delete a pending entry (DeleteSchedule).
     *
     * @return on the owner thread what rdv_trigger_delete() returns; on other threads the same as
     *   schedule_task.
     */
    int (*delete_schedule)(rdv_sink *sink, const char *identifier);

    /**
     * Report the new status of a started task (OnTaskStateChange). The report is copied. SUCCESS
     * and FAILED end the run; the plug-in's next start_task may come before this call returns, on
     * the owner thread also from inside it. A report may come from inside start_task.
     *
     * @param identifier  of the task that start_task was called with.
     * @return 0, or RDV_EINVAL if rdv_report_check() refuses the report. On the owner thread also
     *   RDV_ENOTFOUND if no run with this identifier is under way, or an error of the store. On
     *   other threads also RDV_ENOMEM, or RDV_ELIMIT if too many calls wait already (not for
     *   SUCCESS and FAILED). RDV_ESHUTDOWN as for schedule_task.
     */
    int (*task_state_changed)(rdv_sink *sink, const char *identifier, const rdv_report *report);

    /**
     * The plug-in has shut down, or asks to be shut down (OnTerminated). Nothing is reported after
     * it.
     *
     * @param reason  0 for a normal shutdown, else the RDV_E… constant of the failure.
     */
    void (*terminated)(rdv_sink *sink, int reason);
} rdv_sink_ops;

/** A sink: the first member of the implementer's own struct. */
struct rdv_sink {
    const rdv_sink_ops *ops;
};

/**
 * A flag of a plug-in: start_task may be called again for a run that was under way when the process
 * ended, and the plug-in knows how to go on. rdv_trigger_options.max_interruptions says how often
 * that happens at most. Without the flag start_task is not called again: the plug-in has
 * rdv_trigger_options.resume_limit to report on the run by its identifier, or it has timed out.
 */
#define RDV_PLUGIN_RESTART_SAFE 1u

/**
 * A task agent (IRDVTaskPlugin). The trigger agent calls these functions on its loop's owner thread
 * (see loop.h): while one of them runs, nothing else happens, so none of them may block.
 */
typedef struct rdv_plugin_ops {
    /** sizeof(rdv_plugin_ops) of the implementer. */
    size_t size;
    /** RDV_PLUGIN_…, or 0. */
    unsigned flags;

    /**
     * The display name in UTF-8, for logs (PluginName). It is valid at any time, also before
     * initialize, and never NULL.
     */
    const char *(*name)(rdv_plugin *plugin);

    /**
     * Begin to work with this sink (Initialize). The plug-in takes a reference to the sink, and
     * gives it back after it has called `terminated`.
     *
     * @return 0, or an RDV_E… constant, which rdv_trigger_attach() then returns.
     */
    int (*initialize)(rdv_plugin *plugin, rdv_sink *sink);

    /**
     * Start a task (StartTask). The start is on disk before this is called. 0 means that the task
     * was taken: from here on the plug-in reports what happens through the sink. Any other result
     * means that the start has failed, and nothing may be reported. The plug-in takes a reference
     * to the task if it keeps it.
     *
     * Several tasks may be under way at once, up to rdv_trigger_options.max_running. If the call
     * repeats a task that is under way, with the same identifier, label and context, the plug-in
     * returns 0 and starts no second run.
     *
     * @return 0; RDV_ENOHANDLER if the plug-in does not do tasks with this label; RDV_EBUSY if an
     *   earlier run of the identifier has not ended yet, in which case the plug-in is asked again
     *   soon; or another RDV_E… constant.
     */
    int (*start_task)(rdv_plugin *plugin, rdv_task *task);

    /**
     * Ask a started task to end. The plug-in still reports how it ended, and its words are kept in
     * the message; but a run that was cancelled, or was ended at its limit, has not succeeded,
     * whatever the plug-in reports. The function may be NULL: then tasks can't be cancelled. The
     * API has no counterpart.
     *
     * @return 0; RDV_ENOTFOUND if no such task is under way; RDV_ENOTSUP.
     */
    int (*cancel_task)(rdv_plugin *plugin, const char *identifier);

    /**
     * Shut down (Terminate): take no new tasks, end what runs, and call sink->terminated, from
     * inside this function or later. It is called at most once, and not if initialize failed.
     *
     * @param reason  0 for a normal shutdown, else the failure.
     * @return 0; or an RDV_E… constant: then the trigger agent does not wait for `terminated`.
     */
    int (*terminate)(rdv_plugin *plugin, int reason);

    /**
     * Check whether the plug-in does tasks with this label. It is only asked to explain why a task
     * waits. The function may be NULL: then this is not known before start_task.
     *
     * @return 0 or RDV_ENOHANDLER.
     */
    int (*check_label)(rdv_plugin *plugin, const char *label);

    /**
     * How long the work under an identifier may take to end after it was asked to, as far as the
     * plug-in sees to its end itself. The trigger agent waits that long, and
     * rdv_trigger_options.cancel_wait after it, before it gives the run up. It asks after
     * cancel_task, and after start_task has returned RDV_EBUSY because an earlier run of the task
     * is still ending. The function may be NULL: then the time is 0.
     *
     * @return 0 to RDV_LIMIT_MAX; 0 for an identifier that the plug-in does not know.
     */
    rdv_duration (*end_wait)(rdv_plugin *plugin, const char *identifier);
} rdv_plugin_ops;

/** A task agent: the first member of the implementer's own struct. */
struct rdv_plugin {
    const rdv_plugin_ops *ops;
};

#ifdef __cplusplus
}
#endif

#endif
