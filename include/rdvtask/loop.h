/* SPDX-License-Identifier: MIT */
/**
 * @file loop.h
 * The event loop that trigger agents and task agents run on.
 *
 * One thread owns a loop: the one that calls rdv_loop_run() or rdv_loop_dispatch(), or the thread
 * of rdv_loop_start_thread(). Until one of these is called, the thread that made the loop owns it.
 * Trigger and task agents are used on the owner thread; functions that other threads may call say
 * so. Callbacks (handlers, watchers, log lines) come from inside rdv_loop_run() or
 * rdv_loop_dispatch(), never from inside another call.
 *
 * A program with an event loop of its own polls rdv_loop_fd() for reading, and calls
 * rdv_loop_dispatch() when it is ready; examples/own-loop.c does that.
 */
#ifndef RDVTASK_LOOP_H
#define RDVTASK_LOOP_H

#include <rdvtask/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event loop. */
typedef struct rdv_loop rdv_loop;

/**
 * Make a loop.
 *
 * @param ret_loop  owned by the caller, who gives it to rdv_loop_free().
 * @return 0, RDV_EINVAL, RDV_ENOMEM, RDV_ERESOURCES if descriptors have run out, or RDV_EIO.
 * Any thread.
 */
RDV_API int rdv_loop_new(rdv_loop **ret_loop);

/**
 * Run until rdv_loop_stop() is called. The loop may be run again afterwards.
 * @return 0, RDV_EINVAL, or RDV_ESTATE if the loop is already being run, or has a thread of its
 *   own.
 * Any thread, which becomes the owner thread.
 */
RDV_API int rdv_loop_run(rdv_loop *loop);

/**
 * Make rdv_loop_run() return soon. If the loop is not being run, the next rdv_loop_run() returns at
 * once. This does nothing to a loop with a thread of its own.
 * @return 0 or RDV_EINVAL.
 * Any thread.
 */
RDV_API int rdv_loop_stop(rdv_loop *loop);

/**
 * Run the loop on a thread of its own, which becomes the owner thread, until rdv_loop_free(). From
 * then on everything is done through rdv_loop_call().
 * @return 0; RDV_EINVAL; RDV_ESTATE if the loop is already being run, or has a thread; RDV_ENOMEM
 *   if no thread could be made.
 * Owner thread, which the caller no longer is afterwards.
 */
RDV_API int rdv_loop_start_thread(rdv_loop *loop);

/**
 * Call fn(user) on the owner thread, and wait for its result. The result is returned once
 * everything that fn wrote to a store on this loop is durable; if that could not be written, the
 * store's error is returned. Calls that come together share one commit. On the owner thread itself
 * fn is called at once, and its writes are committed before this returns.
 *
 * It deadlocks if no thread runs the loop.
 *
 * @return fn's result; an error of the store; RDV_ESHUTDOWN if the loop is freed before fn was
 *   called; RDV_EINVAL; RDV_ENOMEM if there was no memory to wait with, and fn was not called.
 * Any thread.
 */
RDV_API int rdv_loop_call(rdv_loop *loop, int (*fn)(void *user), void *user);

/**
 * The descriptor to poll for reading. The loop owns it, and it is always the same one; -1 on
 * Windows, where there is none.
 * Any thread.
 */
RDV_API int rdv_loop_fd(const rdv_loop *loop);

/**
 * Do what is ready now, without waiting. A program that polls rdv_loop_fd() calls this whenever the
 * descriptor is ready; calls that are made on an agent or a trigger also make it ready.
 * @return 0, RDV_EINVAL, or RDV_ESTATE if the loop is already being run, or has a thread of its
 *   own.
 * Any thread, which becomes the owner thread.
 */
RDV_API int rdv_loop_dispatch(rdv_loop *loop);

/**
 * Free a loop. Its thread, if it has one, is stopped and joined. Agents and triggers on it must be
 * freed before. NULL is allowed. Must not be called from inside a callback of the loop.
 * Any thread, while none is inside rdv_loop_run() or rdv_loop_dispatch().
 */
RDV_API void rdv_loop_free(rdv_loop *loop);

/* ------------------------------------------------------------------ timers */

/** A program's own timer. It counts running time, and does not follow changes of the clock. */
typedef struct rdv_timer rdv_timer;

/**
 * Make a timer that is not started.
 *
 * @param fn         called from the loop.
 * @param user       handed to fn; must live as long as the timer.
 * @param ret_timer  owned by the caller, who gives it to rdv_timer_free(), before or after the loop
 *   is freed.
 * @return 0, RDV_EINVAL or RDV_ENOMEM.
 * Owner thread.
 */
RDV_API int rdv_timer_new(rdv_loop *loop, void (*fn)(void *user), void *user,
                          rdv_timer **ret_timer);

/**
 * Call fn once, after this duration. A timer that is started already starts anew. A negative
 * duration counts as 0.
 * Owner thread.
 */
RDV_API void rdv_timer_start(rdv_timer *timer, rdv_duration duration);

/** Stop the timer if it is started. Owner thread. */
RDV_API void rdv_timer_stop(rdv_timer *timer);

/**
 * Stop and free the timer. NULL is allowed, and so is a call from inside its own callback.
 * Owner thread.
 */
RDV_API void rdv_timer_free(rdv_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
