/* SPDX-License-Identifier: MIT */
/**
 * @file agent.h
 * The ready-made task agent: it maps labels to handlers, which are steps of a JSON document or C functions.
 *
 * A task only ever chooses a label that the machine's administrator configured. Label, identifier and context are data,
 * never commands.
 *
 * How the steps of a document run:
 *  - Each is a program with its arguments; there is no shell. Its environment is PATH and LANG=C.UTF-8, what the document and the
 *    handler say, and RDV_LABEL, RDV_IDENTIFIER, RDV_RUN, RDV_ATTEMPT (how often the run has started this step, from 1), RDV_STORE
 *    (the store's absolute path; not for a store in memory) and RDV_NONCE (a random value of the run's own, by which what a crash
 *    leaves behind is recognised). HOME is not set: a document that needs it says what it is.
 *  - The context is its standard input, a file that can be read again. On descriptor 3 it may say, in lines, STATUS=searching,
 *    downloading or applying, PROGRESS=0 to 100, and MESSAGE=text.
 *  - Exit code 0: done, the next step. 75: try again later. 194: done, and a reboot is needed (see below). All else is a failure, as are the end by a signal (whose code is 128
 *    and the signal's number), a timeout (RDV_ETIMEDOUT), and a program that can't be started (the error).
 *  - "retries" are for whatever makes a step fail. Where it is not given, exit code 75 is tried again three times, and all else
 *    not at all. A start that was cut short is no failure. Nor is one that was not possible because the system was short of
 *    descriptors, processes or memory (RDV_ERESOURCES, RDV_ENOMEM): it is tried again later. The first retry comes after
 *    "retry_delay" (default 30 s), each further one after twice the time, at most 1 h.
 *  - A step is in the store's journal before it starts. When the process was killed or shut down in the middle of it, the next
 *    start of the same task first ends what is left of it, and then does what "on_interrupt" says: resume (do the step again, as
 *    the next attempt), restart (begin with the first step), or fail. A wait for a retry is no interruption. If the label has no
 *    handler any more, what is left is ended all the same, and the run fails with RDV_ENOHANDLER.
 *  - A step whose start the store refuses to record is not begun; it is tried again after a second at first, and each minute at last.
 *  - Where the handler says how to reboot, the machine is rebooted right after a step that exits with 194, and at the end if the
 *    path is there that the handler names. Before that the run's state is REBOOTING, on disk; the agent's other runs finish the
 *    step they are in, C handlers their run, and no next step begins; runs that ask too are served by the same reboot. When the
 *    command has succeeded, the machine has `reboot_wait` to go down, else the run fails. After it, known by the boot id, the
 *    next start of the same task reports REBOOTED and goes on with the next step. If only this process was restarted, the
 *    reboot is asked for again. Five times in all; then the run fails.
 *  - Without such a rule the next step follows, and the run ends as SUCCESS with code 194.
 *  - A shutdown ends the step under way ("on_stop": "kill"), and the next process begins it again; or it waits until the step
 *    has ended ("wait"), but at most "stop_wait" (default 90 s), and the next process goes on after it; or it lets the step
 *    run on ("leave"), and the next process takes it up where it is: it is neither ended nor begun again. What it prints and tells
 *    between the two is lost, but for the last 8 KiB that it has printed in all, and its timeout begins anew. So it goes also
 *    when the agent is killed.
 *  - Timeout, cancelling and shutdown end the step's whole process group: politely, and by force after "grace" (default 10 s).
 *    What a program makes of a shutdown does not matter, also if it exits with 0: its step counts as interrupted.
 */
#ifndef RDVTASK_AGENT_H
#define RDVTASK_AGENT_H

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

/** A task agent. @since 0.1.0 */
typedef struct rdv_agent rdv_agent;

/** How a task agent works. @since 0.1.0 */
typedef struct rdv_agent_options {
    size_t size;
    /**
     * Where the output of runs is kept, in a file for each, named by the run's number: RUN.log. Made if missing. Files that can't
     * be written are told to the log, and disturb no run. NULL = only the last 8 KiB, in the history.
     *
     * The folder belongs to one store; a file "store" in it says which. As long as that store exists, an agent on another store does
     * not use the folder. A log is deleted when the history forgets its run. Logs whose run the history does not know are deleted
     * after the agent has started; for a store in memory they are kept within log_total_bytes. Files with other names are left
     * alone, and so is everything that is not a regular file of the effective user's with one name, which others may not write to.
     * If anybody but root and that user could change the folder or one on the way to it, it is not used.
     */
    const char *log_directory;
    /** Of one run at most: what comes past it is left out, and a line says so. Default 1 MiB. */
    int64_t log_run_bytes;
    /**
     * How much of the disk all logs in log_directory may take: the oldest go first. A file counts as the blocks that it takes, and as
     * at least 4 KiB. Default 64 MiB.
     */
    int64_t log_total_bytes;
    rdv_log log;
    /**
     * The absolute path of the program rdvtask-child (RDV_EINVAL for a relative one: it is not searched for), which then stands
     * between the agent and each program: with it all of a program's descendants end with it, however they detach themselves, and
     * documents may say "user", "directory", "limits" and "on_stop": "leave". pkg-config's variable `supervisor` says where it is installed. NULL = none: programs are direct
     * children, which start sooner, and of their descendants those end that stay in the group; steps of handlers that ask for
     * one of these fail.
     */
    const char *supervisor;
    /**
     * A file whose first line names the boot that this is, in at most 127 bytes: it is read whenever that is asked, so a reboot
     * can be rehearsed. NULL = ask the system.
     */
    const char *boot_id_file;
    /** How long the machine may take to go down once the command that reboots it has succeeded. Default 10 min, at most
     * RDV_LIMIT_MAX. */
    rdv_duration reboot_wait;
} rdv_agent_options;

/** Set the size and the defaults. Any thread. @since 0.1.0 */
RDV_API void rdv_agent_options_init(rdv_agent_options *options);

/**
 * Make a task agent with no handlers.
 *
 * @param loop     must outlive the agent.
 * @param store    keeps the journal of steps; may be the trigger's; must outlive the agent.
 * @param options  NULL = defaults; copied, its strings too.
 * @param ret_agent  owned by the caller: rdv_agent_free().
 * @return 0; RDV_EINVAL; RDV_ESTATE if the store is used on another loop; RDV_EREADONLY; RDV_ENOMEM; or an error of the store.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_agent_new(rdv_loop *loop, rdv_store *store, const rdv_agent_options *options,
                          rdv_agent **ret_agent);

/**
 * Take the handlers of a JSON document (rdvtask-agent): all of them, in place of those of an earlier document, or, on
 * failure, none. Handlers added by rdv_agent_add_handler() stay. Running tasks are left alone.
 *
 * For "PATH/name.json" the regular files *.json of the folder "PATH/name.d", if there is one, add theirs, in byte order of their
 * names. Files and folders that others than root and the effective user could have changed are refused, and so are those whose
 * path, links included, leads through such a place.
 *
 * @param error  optional: where the trouble is. In a file of the folder: the words name it and the place, and line is 0.
 * @return 0; RDV_ESYNTAX, RDV_EINVAL (also for no regular file), RDV_ELIMIT for a document that is not right, RDV_ELIMIT also for
 * too many files; RDV_EEXISTS for a label that a C handler
 * has; RDV_ENOTFOUND, RDV_EACCES (also for a file that can't be trusted), RDV_EIO for the file; RDV_ENOMEM.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_agent_load(rdv_agent *agent, const char *path, struct rdv_error *error);

/** A run of a C handler: valid from the handler's call until rdv_run_finish() returns. @since 0.1.0 */
typedef struct rdv_run rdv_run;

/**
 * A C handler: starts the work for a run. It is called on the owner thread, must not block there, and may finish the run
 * at once or later, from any thread; with RDV_HANDLER_THREAD it is called on a thread of its own and may take its time.
 * Every run must be finished, once.
 * @since 0.1.0
 */
typedef void (*rdv_handler_fn)(rdv_run *run, void *user);

/** Each run of the handler gets a thread of its own. @since 0.1.0 */
#define RDV_HANDLER_THREAD 1u

/**
 * Have a C function do the tasks of a label.
 *
 * @param label  copied; 1 to RDV_NAME_MAX bytes of valid UTF-8.
 * @param fn     called for each start of a task.
 * @param user   handed to fn; must live as long as the agent.
 * @param flags  0 or RDV_HANDLER_THREAD.
 * @return 0, RDV_EINVAL, RDV_ELIMIT, RDV_EEXISTS if the label has a handler, RDV_ENOMEM.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_agent_add_handler(rdv_agent *agent, const char *label, rdv_handler_fn fn,
                                  void *user, unsigned flags);

/**
 * The agent as a plug-in, for rdv_trigger_attach(). Borrowed: lives as long as the agent. Its name is the document's, and may
 * change with the next rdv_agent_load(). It is initialized once: after terminate it takes no other sink.
 * Owner thread. @since 0.1.0
 */
RDV_API rdv_plugin *rdv_agent_plugin(rdv_agent *agent);

/** The task of a run; borrowed: lives as long as the run. Any thread. @since 0.1.0 */
RDV_API rdv_task *rdv_run_task(const rdv_run *run);

/**
 * Report how a run gets on. SUCCESS and FAILED are not to be reported but given to rdv_run_finish(). Reports that come from
 * other threads faster than the loop takes them are thinned out: the latest always arrives, and changes of status go last.
 * A report for a run that nobody waits for any more (it was timed out) does nothing but make rdv_run_cancelled() true.
 * @return 0, RDV_EINVAL (see rdv_report_check(); also for SUCCESS and FAILED), RDV_ENOMEM.
 * Any thread; copied. @since 0.1.0
 */
RDV_API int rdv_run_report(rdv_run *run, const rdv_report *report);

/**
 * End a run. The run must not be used afterwards.
 *
 * @param result   0 = success; else failed, with this code (an RDV_E… constant or an exit code).
 * @param message  words for people, or NULL; copied.
 * @return 0; RDV_EINVAL for no run, or for a message that is not UTF-8: the run is ended all the same, without it.
 * Any thread, once. @since 0.1.0
 */
RDV_API int rdv_run_finish(rdv_run *run, int result, const char *message);

/**
 * Whether the run should end soon: it was cancelled, or the agent is shutting down. After a shutdown a run that finishes with
 * an error counts as interrupted and is started again by the next process.
 * Any thread. @since 0.1.0
 */
RDV_API bool rdv_run_cancelled(const rdv_run *run);

/**
 * Free an agent. Child processes are killed; handlers' threads are joined, so a handler that doesn't look at
 * rdv_run_cancelled(), or that waits for the loop, holds this up. What runs is told to nobody; the journal keeps the runs of
 * steps for the next agent on the store. Runs of handlers without a thread that are not finished yet stay valid until
 * rdv_run_finish(), which then does nothing else. NULL is fine. Not from inside a handler.
 * Owner thread. @since 0.1.0
 */
RDV_API void rdv_agent_free(rdv_agent *agent);

#ifdef __cplusplus
}
#endif

#endif
