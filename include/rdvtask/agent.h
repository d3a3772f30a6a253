/* SPDX-License-Identifier: MIT */
/**
 * @file agent.h
 * The ready-made task agent. It maps labels to handlers, which are steps of a JSON document or C
 * functions.
 *
 * A task only ever chooses a label that the machine's administrator has configured. Label,
 * identifier and context are data, never commands.
 *
 * A C handler gets a run, reports on it if it likes, and finishes it; that is all of
 * rdv_agent_add_handler(), rdv_run_report() and rdv_run_finish(). "How steps are run" in
 * doc/documents.md says how the steps of a document run, what their programs are given and what
 * their exit codes mean. doc/contract.md says what becomes of runs over stops, crashes and reboots.
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

/** A task agent. */
typedef struct rdv_agent rdv_agent;

/** How a task agent works. */
typedef struct rdv_agent_options {
    /** sizeof(rdv_agent_options); rdv_agent_options_init() sets it. */
    size_t size;
    /**
     * The folder for the output of runs, one file RUN.log for each, named by the run's number. It
     * is made if it is missing. NULL = only the last 8 KiB are kept, in the history.
     *
     * A file that can't be written to is reported to the log, and disturbs no run. A log is deleted
     * when the history forgets its run. The folder belongs to one store; "Logs of runs" in
     * doc/documents.md says whose folders and files are used and which are left alone.
     */
    const char *log_directory;
    /**
     * The most bytes of output that are kept of one run. What exceeds them is left out, and a line
     * in the log says so. Default 1 MiB.
     */
    int64_t log_run_bytes;
    /**
     * How many bytes of the disk all logs in log_directory may take; the oldest are deleted first.
     * A file counts with the blocks that it takes, and with at least 4 KiB. Default 64 MiB.
     */
    int64_t log_total_bytes;
    /** Where log lines go. Default: nowhere. */
    rdv_log log;
    /**
     * The absolute path of the program rdvtask-child, which then stands between the agent and each
     * program that it starts; pkg-config's variable `supervisor` says where it is installed. With
     * it all descendants of a program end when the program ends, however they detach themselves,
     * and documents may have "user", "directory", "limits" and "on_stop": "leave".
     *
     * NULL = none. Programs are direct children then, which start sooner; only those descendants
     * that stay in the process group end with them; and steps of handlers that ask for one of these
     * four fail.
     */
    const char *supervisor;
    /**
     * A file whose first line, of at most 127 bytes, says which boot of the machine this is. It is
     * read each time that the agent needs it, so a reboot can be rehearsed. NULL = ask the system.
     */
    const char *boot_id_file;
    /**
     * How long the machine may take to go down after the command that reboots it has succeeded.
     * Default 10 min, at most RDV_LIMIT_MAX.
     */
    rdv_duration reboot_wait;
} rdv_agent_options;

/** Set the size and the defaults. Any thread. */
RDV_API void rdv_agent_options_init(rdv_agent_options *options);

/**
 * Make a task agent with no handlers.
 *
 * @param loop       must outlive the agent.
 * @param store      keeps the journal of steps; may be the trigger's store; must outlive the agent.
 * @param options    copied, with its strings; NULL = defaults.
 * @param ret_agent  owned by the caller, who gives it to rdv_agent_free().
 * @return 0; RDV_EINVAL, also for a supervisor whose path is relative; RDV_ESTATE if the store is
 *   used on another loop; RDV_EREADONLY; RDV_ENOMEM; RDV_EIO if the system gives no random
 *   number; or an error of the store.
 * Owner thread.
 */
RDV_API int rdv_agent_new(rdv_loop *loop, rdv_store *store, const rdv_agent_options *options,
                          rdv_agent **ret_agent);

/**
 * Take the handlers of an agent document (rdvtask-agent(5)): all of them, in place of the handlers
 * of an earlier document, or, on failure, none. Handlers that rdv_agent_add_handler() has added
 * stay. Running tasks are left alone.
 *
 * The regular files of the folder "PATH/name.d" beside "PATH/name.json" whose names end with .json
 * add their handlers, in byte order of their names. Files and folders that anyone but root and the
 * effective user could have changed are refused, and so is a path that leads through such a
 * folder, links included.
 *
 * @param error  where the trouble is; may be NULL. If it is in a file of the folder, the words name
 *   the file and the place, and line is 0.
 * @return 0; for a document that is not right RDV_ESYNTAX, RDV_EINVAL (also if it is not a regular
 *   file) or RDV_ELIMIT (also for too many files); RDV_EEXISTS for a label that has a C handler;
 *   for the file RDV_ENOTFOUND, RDV_EACCES (also if it can't be trusted) or RDV_EIO; RDV_ENOMEM.
 * Owner thread.
 */
RDV_API int rdv_agent_load(rdv_agent *agent, const char *path, struct rdv_error *error);

/**
 * A run of a C handler: the work on one task. It is valid from the handler's call until
 * rdv_run_finish() returns.
 */
typedef struct rdv_run rdv_run;

/**
 * A C handler: starts the work for a run. It is called on the owner thread and must not block
 * there; it may finish the run at once or later, from any thread. With RDV_HANDLER_THREAD it is
 * called on a thread of its own, and may take its time. Every run must be finished exactly once.
 */
typedef void (*rdv_handler_fn)(rdv_run *run, void *user);

/** A flag of a handler: each of its runs gets a thread of its own. */
#define RDV_HANDLER_THREAD 1u

/**
 * Have a C function do the tasks with a label.
 *
 * @param label  copied; 1 to RDV_NAME_MAX bytes of valid UTF-8.
 * @param fn     called for each start of a task.
 * @param user   handed to fn; must live as long as the agent.
 * @param flags  0 or RDV_HANDLER_THREAD.
 * @return 0, RDV_EINVAL, RDV_ELIMIT, RDV_EEXISTS if the label has a handler already, RDV_ENOMEM.
 * Owner thread.
 */
RDV_API int rdv_agent_add_handler(rdv_agent *agent, const char *label, rdv_handler_fn fn,
                                  void *user, unsigned flags);

/**
 * The agent as a plug-in, for rdv_trigger_attach(). Its name is the document's, and may change with
 * the next rdv_agent_load(). It can be initialised once: after terminate it takes no other sink.
 *
 * @return borrowed: it lives as long as the agent.
 * Owner thread.
 */
RDV_API rdv_plugin *rdv_agent_plugin(rdv_agent *agent);

/** The task of a run. It is borrowed, and lives as long as the run. Any thread. */
RDV_API rdv_task *rdv_run_task(const rdv_run *run);

/**
 * Report the progress of a run. SUCCESS and FAILED are not reported, but given to
 * rdv_run_finish().
 *
 * If other threads report faster than the loop takes the reports, some are left out: first those
 * that don't change the status, and never the latest one. A report for a run that was given up,
 * because it took too long, only makes rdv_run_cancelled() return true.
 *
 * @param report  copied.
 * @return 0, RDV_EINVAL (see rdv_report_check(); also for SUCCESS and FAILED), RDV_ENOMEM.
 * Any thread.
 */
RDV_API int rdv_run_report(rdv_run *run, const rdv_report *report);

/**
 * Finish a run. The run must not be used afterwards.
 *
 * @param result   0 = success; else the run has failed, with this code, which is an RDV_E… constant
 *   or an exit code.
 * @param message  words for people, copied; NULL = none.
 * @return 0; RDV_EINVAL if run is NULL, or if the message is not UTF-8, in which case the run is
 *   finished all the same, without the message.
 * Any thread, once.
 */
RDV_API int rdv_run_finish(rdv_run *run, int result, const char *message);

/**
 * Whether the run should end soon, because it was cancelled or the agent is shutting down. A run
 * that finishes with an error after a shutdown has begun counts as interrupted, and the next
 * process starts it again.
 * Any thread.
 */
RDV_API bool rdv_run_cancelled(const rdv_run *run);

/**
 * Free an agent. Child processes are killed. Handlers' threads are joined, so a handler that does
 * not check rdv_run_cancelled(), or that waits for the loop, delays this. Nothing is reported about
 * what was running; the journal keeps the runs of steps for the next agent on the store. Unfinished
 * runs of handlers without a thread stay valid until rdv_run_finish(), which then does nothing
 * else. NULL is allowed. Must not be called from inside a handler.
 * Owner thread.
 */
RDV_API void rdv_agent_free(rdv_agent *agent);

#ifdef __cplusplus
}
#endif

#endif
