/* SPDX-License-Identifier: MIT */
/**
 * @file task.h
 * The values that travel through rdvtask: task, window, status and report. None of them has a thread of its own.
 */
#ifndef RDVTASK_TASK_H
#define RDVTASK_TASK_H

#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest label or identifier, in bytes without the NUL. @since 0.1.0 */
#define RDV_NAME_MAX 1024

/** The largest context, in bytes. @since 0.1.0 */
#define RDV_CONTEXT_MAX (16 * 1024 * 1024)

/** The longest message of a report that is kept, in bytes without the NUL; longer ones are cut at a character. @since 0.1.0 */
#define RDV_MESSAGE_MAX 1024

/** The longest run limit that a window may have. @since 0.1.0 */
#define RDV_LIMIT_MAX (366 * RDV_DAY)

/* -------------------------------------------------------------------- task */

/**
 * A task: the Label, Identifier and Context of the API's ScheduleTask and StartTask. Immutable, and reference-counted
 * with a thread-safe count, so that it is copied once, where it comes in, and shared from there on.
 * @since 0.1.0
 */
typedef struct rdv_task rdv_task;

/**
 * Make a task from copies of its parts.
 *
 * @param label       what is to be done: 1 to RDV_NAME_MAX bytes of valid UTF-8.
 * @param identifier  which one it is: the same limits; NULL for a new random UUID.
 * @param context     data for the task agent; may be NULL if size is 0.
 * @param size        bytes of context, 0 to RDV_CONTEXT_MAX.
 * @param ret_task    the task, with one reference that the caller owns.
 * @return 0; RDV_EINVAL for an empty label or identifier, or invalid UTF-8; RDV_ELIMIT past a limit; RDV_ENOMEM; RDV_EIO
 * if there is nothing to make a random UUID from.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_task_new(const char *label, const char *identifier, const void *context,
                         size_t size, rdv_task **ret_task);

/** Take one more reference. @return task. Any thread. @since 0.1.0 */
RDV_API rdv_task *rdv_task_ref(rdv_task *task);

/** Give a reference back; the last one frees the task. NULL is fine. @return NULL. Any thread. @since 0.1.0 */
RDV_API rdv_task *rdv_task_unref(rdv_task *task);

/** The label; lives as long as the task. Any thread. @since 0.1.0 */
RDV_API const char *rdv_task_label(const rdv_task *task);

/** The identifier; lives as long as the task. Any thread. @since 0.1.0 */
RDV_API const char *rdv_task_identifier(const rdv_task *task);

/** The context, and its size in bytes; never NULL, also for an empty one; lives as long as the task. Any thread. @since 0.1.0 */
RDV_API const void *rdv_task_context(const rdv_task *task, size_t *ret_size);

/**
 * The number of the run that the task was started for: given by rdvtask's trigger agent, 0 where there is none (a task
 * that was not started yet, or that another trigger agent starts). Identifiers come back, run numbers don't.
 * Any thread. @since 0.1.0
 */
RDV_API int64_t rdv_task_run(const rdv_task *task);

/* ------------------------------------------------------------------ window */

/**
 * When a task may start, and what comes first: the start, end and deadline of ScheduleTask. 0 = not given.
 * @since 0.1.0
 */
typedef struct rdv_window {
    rdv_time start; /**< earliest start */
    rdv_time end;   /**< latest start; the task expires if it has not started by then */
    rdv_time
        deadline; /**< order: of several tasks in their windows the earliest deadline starts first */
    rdv_duration
        limit; /**< run limit: a run that takes longer is cancelled; 0 = the trigger agent's default */
} rdv_window;

/**
 * The deadline that comes before all others. It only orders: as JSON, and for people, an entry that has it has none.
 * @since 0.1.0
 */
#define RDV_DEADLINE_FIRST 1

/**
 * Check a window: no negative time, none past RDV_TIME_MAX, end not before start, limit within 0..RDV_LIMIT_MAX.
 * A deadline outside the window is allowed: it only orders.
 * @return 0 or RDV_EINVAL.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_window_check(const rdv_window *window);

/* ------------------------------------------------------------------ status */

/** RDV_TASK_STATUS of the API, with its numbers. @since 0.1.0 */
typedef enum rdv_status {
    RDV_STATUS_UNKNOWN = 0, /**< not started, or nothing reported yet; never sent by a task agent */
    RDV_STATUS_SEARCHING = 1,   /**< looking for updates */
    RDV_STATUS_DOWNLOADING = 2, /**< downloading updates */
    RDV_STATUS_APPLYING = 3,    /**< applying updates */
    RDV_STATUS_REBOOTING = 4,   /**< about to reboot; does not say whether the task is complete */
    RDV_STATUS_REBOOTED = 5,    /**< has rebooted; does not say whether the task is complete */
    RDV_STATUS_SUCCESS = 6,     /**< ended well */
    RDV_STATUS_FAILED = 7,      /**< ended with an error */
    RDV_STATUS_TIMEOUT = 8 /**< the trigger agent's word for a task that did not finish in time */
} rdv_status;

/** Where an entry of the trigger agent is in its life. @since 0.1.0 */
typedef enum rdv_state {
    RDV_STATE_PENDING = 0,
    RDV_STATE_RUNNING = 1,
    RDV_STATE_FINISHED = 2
} rdv_state;

/** How an entry of the trigger agent ended. @since 0.1.0 */
typedef enum rdv_outcome {
    RDV_OUTCOME_NONE = 0,      /**< not ended */
    RDV_OUTCOME_SUCCEEDED = 1, /**< RDV_STATUS_SUCCESS */
    RDV_OUTCOME_FAILED = 2,    /**< RDV_STATUS_FAILED */
    RDV_OUTCOME_CANCELLED = 3, /**< RDV_STATUS_FAILED, because someone cancelled or deleted it */
    RDV_OUTCOME_EXPIRED = 4,   /**< RDV_STATUS_TIMEOUT: its window passed before it could start */
    RDV_OUTCOME_TIMED_OUT =
        5 /**< RDV_STATUS_TIMEOUT: it ran past its limit, or never reported again */
} rdv_outcome;

/** The status in lower case, as documents and notices spell it: "searching". @return NULL for no status. Any thread. @since 0.1.0 */
RDV_API const char *rdv_status_name(rdv_status status);

/** The status of a name, in any mix of upper and lower case ASCII. @return 0 or RDV_EINVAL. Any thread. @since 0.1.0 */
RDV_API int rdv_status_parse(const char *name, rdv_status *ret_status);

/** "pending", "running" or "finished". @return NULL for no state. Any thread. @since 0.1.0 */
RDV_API const char *rdv_state_name(rdv_state state);

/** "succeeded", "failed", "cancelled", "expired" or "timed-out". @return NULL for RDV_OUTCOME_NONE and for no outcome. Any thread. @since 0.1.0 */
RDV_API const char *rdv_outcome_name(rdv_outcome outcome);

/* ------------------------------------------------------------------ report */

/**
 * What a task agent says of a task: OnTaskStateChange of the API, with more detail.
 * @since 0.1.0
 */
typedef struct rdv_report {
    size_t size;       /**< sizeof(rdv_report) of the caller */
    rdv_status status; /**< SEARCHING to FAILED; the other two are not a task agent's to send */
    int progress;      /**< percent, 0 to 100; -1 = not known */
    int code;          /**< exit code or RDV_E… of what happened; 0 for none */
    int attempt;       /**< which try of the work under way, from 1; 0 = as before */
    const char *
        message; /**< words for people, UTF-8, or NULL; copied, control characters escaped when shown */
} rdv_report;

/** A report with its size set, no status, no progress, no message. @since 0.1.0 */
#define RDV_REPORT_INIT                                        \
    {                                                          \
        sizeof(rdv_report), RDV_STATUS_UNKNOWN, -1, 0, 0, NULL \
    }

/**
 * Whether a task agent may send this report: size, status SEARCHING to FAILED, progress -1 to 100, attempt not negative,
 * message NULL or valid UTF-8.
 * @return 0 or RDV_EINVAL.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_report_check(const rdv_report *report);

#ifdef __cplusplus
}
#endif

#endif
