/* SPDX-License-Identifier: MIT */
/**
 * @file task.h
 * The values that travel through rdvtask: task, window, status and report. None of them belongs to
 * a thread.
 *
 * A trigger agent gives a task agent a task. The task agent answers with reports, each of which has
 * a status. plugin.h has the functions by which both go from one to the other.
 */
#ifndef RDVTASK_TASK_H
#define RDVTASK_TASK_H

#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest label or identifier, in bytes without the NUL. */
#define RDV_NAME_MAX 1024

/** The largest context, in bytes. */
#define RDV_CONTEXT_MAX (16 * 1024 * 1024)

/**
 * The longest message of a report that is kept, in bytes without the NUL. A longer one is cut
 * between two characters.
 */
#define RDV_MESSAGE_MAX 1024

/** The longest run limit that a window may have. */
#define RDV_LIMIT_MAX (366 * RDV_DAY)

/* -------------------------------------------------------------------- task */

/**
 * A task: the Label, Identifier and Context of the API's ScheduleTask and StartTask. The label says
 * what is to be done, the identifier which task it is, and the context is data for the task agent;
 * none of them is ever a command.
 *
 * A task never changes. Its references are counted, and the count is safe to use from any thread,
 * so the parts are copied once, when the task is made, and shared from then on.
 */
typedef struct rdv_task rdv_task;

/**
 * Make a task from copies of its parts.
 *
 * @param label       what is to be done: 1 to RDV_NAME_MAX bytes of valid UTF-8.
 * @param identifier  which task it is: the same bounds; NULL for a new random UUID.
 * @param context     data for the task agent; may be NULL if size is 0.
 * @param size        bytes of context, 0 to RDV_CONTEXT_MAX.
 * @param ret_task    the task, with one reference that the caller owns.
 * @return 0; RDV_EINVAL for an empty label or identifier, or invalid UTF-8; RDV_ELIMIT for a part
 *   that is too long; RDV_ENOMEM; RDV_EIO if the system has no random numbers for a UUID.
 * Any thread.
 */
RDV_API int rdv_task_new(const char *label, const char *identifier, const void *context,
                         size_t size, rdv_task **ret_task);

/** Take one more reference. @return task. Any thread. */
RDV_API rdv_task *rdv_task_ref(rdv_task *task);

/**
 * Give a reference back. The last one frees the task. NULL is allowed.
 * @return NULL.
 * Any thread.
 */
RDV_API rdv_task *rdv_task_unref(rdv_task *task);

/** The label. It lives as long as the task. Any thread. */
RDV_API const char *rdv_task_label(const rdv_task *task);

/** The identifier. It lives as long as the task. Any thread. */
RDV_API const char *rdv_task_identifier(const rdv_task *task);

/**
 * The context. It lives as long as the task.
 *
 * @param ret_size  its size in bytes.
 * @return the bytes; never NULL, not even for an empty context.
 * Any thread.
 */
RDV_API const void *rdv_task_context(const rdv_task *task, size_t *ret_size);

/**
 * The number of the run that the task was started for, which rdvtask's trigger agent gives. It is 0
 * for a task that was not started yet, or that another trigger agent has started. An identifier may
 * be used again for a later task; a run's number never is.
 * Any thread.
 */
RDV_API int64_t rdv_task_run(const rdv_task *task);

/* ------------------------------------------------------------------ window */

/**
 * When a task may start, and which task comes first: the start, end and deadline of ScheduleTask.
 * A time of 0 is not given. All zeros: at once, with no end.
 */
typedef struct rdv_window {
    /** The earliest start. */
    rdv_time start;
    /** The latest start. A task that has not started by then expires. */
    rdv_time end;
    /**
     * Of several tasks in their windows, the one with the earliest deadline starts first. A
     * deadline only orders tasks; no task is ended for it.
     */
    rdv_time deadline;
    /** The run limit: a run that takes longer is cancelled. 0 = the trigger agent's default. */
    rdv_duration limit;
} rdv_window;

/**
 * The deadline that comes before all others. It only orders: where deadlines are shown, as JSON or
 * to people, an entry with this one has none.
 */
#define RDV_DEADLINE_FIRST 1

/**
 * Check a window: no time is negative or past RDV_TIME_MAX, end is not before start, and limit is
 * within 0 to RDV_LIMIT_MAX. The deadline may lie outside the window.
 * @return 0 or RDV_EINVAL.
 * Any thread.
 */
RDV_API int rdv_window_check(const rdv_window *window);

/* ------------------------------------------------------------------ status */

/** RDV_TASK_STATUS of the API, with its numbers. */
typedef enum rdv_status {
    /** Not started, or nothing was reported yet. A task agent never sends it. */
    RDV_STATUS_UNKNOWN = 0,
    /** Looking for updates. */
    RDV_STATUS_SEARCHING = 1,
    /** Downloading updates. */
    RDV_STATUS_DOWNLOADING = 2,
    /** Applying updates. */
    RDV_STATUS_APPLYING = 3,
    /** About to reboot. It does not say whether the task is complete. */
    RDV_STATUS_REBOOTING = 4,
    /** Has rebooted. It does not say whether the task is complete. */
    RDV_STATUS_REBOOTED = 5,
    /** Ended well. */
    RDV_STATUS_SUCCESS = 6,
    /** Ended with an error. */
    RDV_STATUS_FAILED = 7,
    /**
     * The trigger agent's status for a task that did not finish in time. A task agent never sends
     * it.
     */
    RDV_STATUS_TIMEOUT = 8
} rdv_status;

/** Where an entry of the trigger agent is in its life. */
typedef enum rdv_state {
    RDV_STATE_PENDING = 0,
    RDV_STATE_RUNNING = 1,
    RDV_STATE_FINISHED = 2
} rdv_state;

/** How an entry of the trigger agent ended. */
typedef enum rdv_outcome {
    /** It has not ended. */
    RDV_OUTCOME_NONE = 0,
    /** RDV_STATUS_SUCCESS. */
    RDV_OUTCOME_SUCCEEDED = 1,
    /** RDV_STATUS_FAILED. */
    RDV_OUTCOME_FAILED = 2,
    /** RDV_STATUS_FAILED, because it was cancelled or deleted. */
    RDV_OUTCOME_CANCELLED = 3,
    /** RDV_STATUS_TIMEOUT: its window passed before it could start. */
    RDV_OUTCOME_EXPIRED = 4,
    /** RDV_STATUS_TIMEOUT: it ran past its limit, or never reported again. */
    RDV_OUTCOME_TIMED_OUT = 5
} rdv_outcome;

/**
 * A status in lower case, as documents and notices spell it, such as "searching".
 * @return a constant string; NULL for a number that is not a status.
 * Any thread.
 */
RDV_API const char *rdv_status_name(rdv_status status);

/**
 * The status with this name. Upper and lower case of ASCII are the same.
 * @return 0, or RDV_EINVAL for another name.
 * Any thread.
 */
RDV_API int rdv_status_parse(const char *name, rdv_status *ret_status);

/**
 * "pending", "running" or "finished".
 * @return a constant string; NULL for a number that is not a state.
 * Any thread.
 */
RDV_API const char *rdv_state_name(rdv_state state);

/**
 * "succeeded", "failed", "cancelled", "expired" or "timed-out".
 * @return a constant string; NULL for RDV_OUTCOME_NONE and for a number that is not an outcome.
 * Any thread.
 */
RDV_API const char *rdv_outcome_name(rdv_outcome outcome);

/* ------------------------------------------------------------------ report */

/** What a task agent reports about a task: the API's OnTaskStateChange, with more detail. */
typedef struct rdv_report {
    /** sizeof(rdv_report) of the caller; RDV_REPORT_INIT sets it. */
    size_t size;
    /** SEARCHING to FAILED. A task agent must not send UNKNOWN or TIMEOUT. */
    rdv_status status;
    /** Percent, 0 to 100; -1 = not known. */
    int progress;
    /** The exit code or RDV_E… constant of what happened; 0 for none. */
    int code;
    /** Which try of the current work this is, from 1; 0 = as before. */
    int attempt;
    /**
     * A line for people in UTF-8, or NULL. It is copied; control characters are escaped where it is
     * shown.
     */
    const char *message;
} rdv_report;

/** A report with its size set, no status, no progress and no message. */
#define RDV_REPORT_INIT                                        \
    {                                                          \
        sizeof(rdv_report), RDV_STATUS_UNKNOWN, -1, 0, 0, NULL \
    }

/**
 * Check whether a task agent may send this report: its size is right, status is SEARCHING to
 * FAILED, progress -1 to 100, attempt not negative, and message NULL or valid UTF-8.
 * @return 0 or RDV_EINVAL.
 * Any thread.
 */
RDV_API int rdv_report_check(const rdv_report *report);

#ifdef __cplusplus
}
#endif

#endif
