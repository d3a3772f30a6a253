/* SPDX-License-Identifier: MIT */
/*
 * The loop's inside: turns, and posts from other threads.
 *
 * A turn: (1) what is ready and what was posted is handled: this stages changes; (2) deciders run: the trigger looks what is
 * due, and stages starts and expiries; (3) committers run: the store commits; (4) settlers run: the store settles each change,
 * which calls plug-ins, handlers and watchers; what they stage is for the next turn, which follows at once. Then calls of
 * rdv_loop_call() of this turn are answered. rdv_loop_call() on the owner thread itself runs the committers alone, whenever
 * that is, also inside a settler.
 */
#ifndef RDV__LOOP_LOOP_H
#define RDV__LOOP_LOOP_H

#include <stdbool.h>

#include <rdvtask/loop.h>

#include "loop/alarm.h"
#include "loop/io.h"
#include "platform/platform.h"

/* ---- turns ---- */
enum rdv__turn_phase { RDV__TURN_DECIDE, RDV__TURN_COMMIT, RDV__TURN_SETTLE };

/* Embedded in its owner. Hooks of a phase run in the order in which they were added. run's result (commit phase only): an error
 * is given to this turn's rdv_loop_call()s whose own result was 0. */
struct rdv__turn {
    int (*run)(struct rdv__turn *turn);
    enum rdv__turn_phase phase;
    struct rdv__turn *next; /* the loop's */
};
void rdv__loop_add_turn(rdv_loop *loop, struct rdv__turn *turn); /* owner thread */
void rdv__loop_remove_turn(rdv_loop *loop,
                           struct rdv__turn *turn); /* owner thread; fine inside run */

/* Have another turn soon, without waiting for anything; makes rdv_loop_fd() readable. Owner thread (cheap; may be repeated). */
void rdv__loop_again(rdv_loop *loop);

/* ---- from other threads ---- */

/* Embedded in its owner; in one queue at a time. fn is called on the owner thread at the start of a turn; the post is out of
 * the queue by then. Posts keep their order. When the loop is freed before, drop (may be NULL) is called in place of fn. */
struct rdv__post {
    void (*fn)(struct rdv__post *post);
    void (*drop)(struct rdv__post *post);
    struct rdv__post *next; /* the loop's */
};
void rdv__loop_post(rdv_loop *loop, struct rdv__post *post); /* any thread */

/* Whether the calling thread is the owner. Any thread. */
bool rdv__loop_is_owner(const rdv_loop *loop);

/* Whether a function of rdv_loop_call() is being called: what it stages is committed before the call is answered, so it need
 * not commit by itself. Owner thread. */
bool rdv__loop_in_call(const rdv_loop *loop);

/* ---- what lives on the loop ---- */

/* Watch a descriptor: io.h has what can be done with it then. */
int rdv__io_new(rdv_loop *loop, rdv__descriptor fd, void (*fn)(void *user), void *user,
                struct rdv__io **ret_io);

/* Make an alarm: alarm.h has what can be done with it then. */
int rdv__alarm_new(rdv_loop *loop, void (*fn)(void *user), void *user,
                   struct rdv__alarm **ret_alarm);

/* What the loop polls; its tests look at it. */
struct rdv__poll *rdv__loop_poll(rdv_loop *loop);

#endif
