/* SPDX-License-Identifier: MIT */
/**
 * @file loop.h
 * The event loop that a trigger agent and a task agent live on.
 *
 * One thread owns a loop: the one that calls rdv_loop_run() or rdv_loop_dispatch(), or the thread of
 * rdv_loop_start_thread(). Until one of these is called, the creating thread owns it. Trigger and task agents are used on
 * the owner thread; the functions that other threads may call say so. Callbacks (handlers, watchers, log lines) come from
 * inside rdv_loop_run() or rdv_loop_dispatch(), never from inside another call.
 *
 * A program with an event loop of its own polls rdv_loop_fd() for reading and calls rdv_loop_dispatch() when it is ready.
 */
#ifndef RDVTASK_LOOP_H
#define RDVTASK_LOOP_H

#include <rdvtask/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event loop. @since 0.1.0 */
typedef struct rdv_loop rdv_loop;

/**
 * Make a loop. @param ret_loop  owned by the caller: rdv_loop_free().
 * @return 0, RDV_EINVAL, RDV_ENOMEM, RDV_ERESOURCES if descriptors have run out, or RDV_EIO.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_loop_new(rdv_loop **ret_loop);

/**
 * Run until rdv_loop_stop(). May be called again afterwards.
 * @return 0, RDV_EINVAL, or RDV_ESTATE if the loop is already being run, or has a thread of its own.
 * Any thread: it becomes the owner. @since 0.1.0
 */
RDV_API int rdv_loop_run(rdv_loop *loop);

/**
 * Make rdv_loop_run() return soon; if it is not running, the next one returns at once. Does nothing to a loop with a thread of
 * its own.
 * @return 0 or RDV_EINVAL.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_loop_stop(rdv_loop *loop);

/**
 * Run the loop on a thread of its own, which becomes the owner, until rdv_loop_free(). Everything is then done by
 * rdv_loop_call().
 * @return 0; RDV_EINVAL; RDV_ESTATE if it is already being run, or has a thread; RDV_ENOMEM if there can be no thread.
 * Owner thread, which it is no more afterwards. @since 0.1.0
 */
RDV_API int rdv_loop_start_thread(rdv_loop *loop);

/**
 * Call fn(user) on the owner thread, and wait for its result. The result is given once everything that fn wrote to a store
 * on this loop is durable; if that could not be written, the result is the store's error. Calls that come together share
 * one commit. On the owner thread itself, fn is called at once and its writes are committed before this returns.
 *
 * @return fn's result; an error of the store; RDV_ESHUTDOWN if the loop is freed before fn was called; RDV_EINVAL; RDV_ENOMEM if
 * it could not be waited for, and fn was not called.
 * Any thread. Deadlocks if nobody runs the loop. @since 0.1.0
 */
RDV_API int rdv_loop_call(rdv_loop *loop, int (*fn)(void *user), void *user);

/**
 * The descriptor to poll for reading; always the same one, owned by the loop. -1 on Windows, where there is none.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_loop_fd(const rdv_loop *loop);

/**
 * Do what is ready now, without waiting. Also to be called once after other calls were made on an agent or trigger, or
 * whenever the descriptor is ready: those calls make it so.
 * @return 0, RDV_EINVAL, or RDV_ESTATE if the loop is already being run, or has a thread of its own.
 * Any thread: it becomes the owner. @since 0.1.0
 */
RDV_API int rdv_loop_dispatch(rdv_loop *loop);

/**
 * Free a loop; its thread, if it has one, is stopped and joined. Agents and triggers on it must be freed before. NULL is fine.
 * Any thread, while none is inside rdv_loop_run() or rdv_loop_dispatch(); not from inside a callback of it. @since 0.1.0
 */
RDV_API void rdv_loop_free(rdv_loop *loop);

/* ------------------------------------------------------------------ timers */

/** A timer of a program's own. Counts running time: it does not follow changes of the clock. @since 0.1.0 */
typedef struct rdv_timer rdv_timer;

/**
 * Make a timer, not started.
 * @param fn         called from the loop with user, which must live as long as the timer.
 * @param ret_timer  owned by the caller: rdv_timer_free(), before or after the loop is freed.
 * @return 0, RDV_EINVAL or RDV_ENOMEM.
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_timer_new(rdv_loop *loop, void (*fn)(void *user), void *user,
                          rdv_timer **ret_timer);

/** Call fn once, this long from now; a started timer starts anew. A duration below 0 counts as 0. Owner thread. @since 0.1.0 */
RDV_API void rdv_timer_start(rdv_timer *timer, rdv_duration duration);

/** Stop it, if it is started. Owner thread. @since 0.1.0 */
RDV_API void rdv_timer_stop(rdv_timer *timer);

/** Stop and free it. NULL is fine; fine in its own callback. Owner thread. @since 0.1.0 */
RDV_API void rdv_timer_free(rdv_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
