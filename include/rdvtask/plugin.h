/* SPDX-License-Identifier: MIT */
/**
 * @file plugin.h
 * The two contracts of the API, in C: everything plugs in here.
 *
 * rdv_plugin stands for IRDVTaskPlugin and is implemented by a task agent; rdv_sink stands for IRDVTaskPluginNotifySink and
 * is implemented by a trigger agent. Each is a struct led by a pointer to a constant table of functions; the implementer
 * embeds it as the first member of a struct of its own.
 */
#ifndef RDVTASK_PLUGIN_H
#define RDVTASK_PLUGIN_H

#include <rdvtask/base.h>
#include <rdvtask/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a task agent reports to (IRDVTaskPluginNotifySink), and a task agent (IRDVTaskPlugin). @since 0.1.0 */
typedef struct rdv_sink rdv_sink;
typedef struct rdv_plugin rdv_plugin;

/**
 * What a trigger agent offers to its task agent (IRDVTaskPluginNotifySink). All functions may be called from any thread,
 * while the caller holds a reference: they check, post, and never wait.
 * @since 0.1.0
 */
typedef struct rdv_sink_ops {
    size_t size; /**< sizeof(rdv_sink_ops) of the implementer */

    /** Take a reference. */
    void (*ref)(rdv_sink *sink);

    /** Give a reference back. */
    void (*unref)(rdv_sink *sink);

    /**
     * Schedule a task (ScheduleTask). The window is copied and the task referenced.
     * @return on the owner thread what rdv_trigger_schedule() gives. From another thread 0 means that the call was posted, and
     * what becomes of it is logged; else RDV_EINVAL, RDV_ENOMEM, or RDV_ELIMIT if too many calls wait already. On any thread
     * RDV_ESHUTDOWN once the trigger agent was freed; a plug-in of module.h gets it also after terminated.
     */
    int (*schedule_task)(rdv_sink *sink, const rdv_window *window, rdv_task *task);

    /** Delete a pending entry (DeleteSchedule). @return as for schedule_task, on the owner thread as for rdv_trigger_delete(). */
    int (*delete_schedule)(rdv_sink *sink, const char *identifier);

    /**
     * A started task has a new status (OnTaskStateChange). The report is copied; SUCCESS and FAILED end the run.
     * @return 0; RDV_EINVAL if rdv_report_check() refuses it; on the owner thread also an error of the store, or RDV_ENOTFOUND if
     * no run with this identifier is under way (from another thread that is logged); from another thread also RDV_ENOMEM, or
     * RDV_ELIMIT if too many calls wait already (not for SUCCESS and FAILED); RDV_ESHUTDOWN as for schedule_task.
     */
    int (*task_state_changed)(rdv_sink *sink, const char *identifier, const rdv_report *report);

    /** The plug-in is shut down, or asks to be (OnTerminated). @param reason 0, or the failure. */
    void (*terminated)(rdv_sink *sink, int reason);
} rdv_sink_ops;

/** A sink: what leads the implementer's own struct. @since 0.1.0 */
struct rdv_sink {
    const rdv_sink_ops *ops;
};

/**
 * A flag of a plug-in: StartTask may be called again for a run that was under way when the process ended, and the plug-in
 * knows how to go on. How often that happens is bounded: see rdv_trigger_options.max_interruptions.
 * @since 0.1.0
 */
#define RDV_PLUGIN_RESTART_SAFE 1u

/**
 * A task agent (IRDVTaskPlugin). The trigger agent calls these on its loop's owner thread; none may block.
 * @since 0.1.0
 */
typedef struct rdv_plugin_ops {
    size_t size;    /**< sizeof(rdv_plugin_ops) of the implementer */
    unsigned flags; /**< RDV_PLUGIN_… */

    /** The display name, for logs (PluginName). Valid at any time, also before initialize; never NULL. */
    const char *(*name)(rdv_plugin *plugin);

    /**
     * Start work with this sink (Initialize). The plug-in takes a reference, and gives it back after `terminated`.
     * @return 0, or an RDV_E… constant, which rdv_trigger_attach() gives.
     */
    int (*initialize)(rdv_plugin *plugin, rdv_sink *sink);

    /**
     * Start a task (StartTask). 0 = taken: what happens from here on is reported through the sink. Else the start has
     * failed, and nothing may be reported. The plug-in takes a reference on the task if it keeps it.
     * For an identifier that is in flight with the same label and context: 0, and no second run.
     * @return 0; RDV_ENOHANDLER; RDV_EBUSY if an earlier run of the identifier has not ended yet: it is asked again soon; or
     * another RDV_E… constant.
     */
    int (*start_task)(rdv_plugin *plugin, rdv_task *task);

    /**
     * Ask for the end of a started task. It still reports how it ended, and that is kept in the message; but a run that was
     * cancelled, or ended at its limit, has not succeeded, whatever it reports. May be NULL: then tasks can't be cancelled.
     * @return 0, RDV_ENOTFOUND, or RDV_ENOTSUP.
     */
    int (*cancel_task)(rdv_plugin *plugin, const char *identifier);

    /**
     * Shut down (Terminate): take no new tasks, end what runs, and call sink->terminated, maybe later. Not called when
     * initialize failed.
     * @param reason  0 = normal shutdown, else the failure.
     * @return 0, or an RDV_E… constant: then terminated is not waited for.
     */
    int (*terminate)(rdv_plugin *plugin, int reason);

    /**
     * Whether a task with this label would find somebody to do it: 0 or RDV_ENOHANDLER. May be NULL: then nobody knows before
     * start_task. Only used to explain why a task waits.
     */
    int (*check_label)(rdv_plugin *plugin, const char *label);

    /**
     * How long what runs under an identifier may take to end once it was asked to, as far as the plug-in sees to that: the trigger
     * agent waits so long, and cancel_wait after it, before it goes on without the plug-in's word. Called after cancel_task, and
     * when start_task has said RDV_EBUSY, as an earlier run of the task is still being ended. May be NULL: then 0.
     * @return 0 to RDV_LIMIT_MAX; 0 for an identifier that it does not know.
     */
    rdv_duration (*end_wait)(rdv_plugin *plugin, const char *identifier);
} rdv_plugin_ops;

/** A task agent: what leads the implementer's own struct. @since 0.1.0 */
struct rdv_plugin {
    const rdv_plugin_ops *ops;
};

#ifdef __cplusplus
}
#endif

#endif
