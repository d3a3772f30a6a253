/* SPDX-License-Identifier: MIT */
/*
 * The loop's inside: turns, and posts from other threads.
 *
 * A turn has these steps. (1) What is ready and what was posted is handled, which stages changes.
 * (2) The DECIDE hooks run: the trigger agent looks at what is due, and stages starts and expiries.
 * (3) The COMMIT hooks run: the store commits. (4) The SETTLE hooks run: the store settles each
 * change, which calls plug-ins, handlers and watchers; whatever they stage is for the next turn,
 * which follows at once. (5) The rdv_loop_call()s of this turn are answered. rdv_loop_call() on the
 * owner thread itself runs the COMMIT hooks alone, at whatever moment it is called, even inside a
 * SETTLE hook.
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

/*
 * A hook, embedded in its owner. The hooks of a phase run in the order in which they were added.
 * The result of run counts in the COMMIT phase only: an error is given to the rdv_loop_call()s of
 * this turn whose own result was 0.
 */
struct rdv__turn {
    int (*run)(struct rdv__turn *turn);
    enum rdv__turn_phase phase;
    /* Belongs to the loop. */
    struct rdv__turn *next;
};

/* Add a hook. Owner thread. */
void rdv__loop_add_turn(rdv_loop *loop, struct rdv__turn *turn);

/* Remove a hook, which may be done inside run. Owner thread. */
void rdv__loop_remove_turn(rdv_loop *loop, struct rdv__turn *turn);

/*
 * Have another turn soon, without waiting for anything. This makes rdv_loop_fd() readable; it is
 * cheap, and may be repeated. Owner thread.
 */
void rdv__loop_again(rdv_loop *loop);

/* ---- from other threads ---- */

/*
 * A post, embedded in its owner, and in one queue at a time. fn is called on the owner thread at
 * the start of a turn; by then the post is out of the queue. Posts keep their order. If the loop is
 * freed before that, drop (may be NULL) is called in place of fn.
 */
struct rdv__post {
    void (*fn)(struct rdv__post *post);
    void (*drop)(struct rdv__post *post);
    /* Belongs to the loop. */
    struct rdv__post *next;
};

/* Post to the loop. Any thread. */
void rdv__loop_post(rdv_loop *loop, struct rdv__post *post);

/* Whether the calling thread is the owner. Any thread. */
bool rdv__loop_is_owner(const rdv_loop *loop);

/*
 * Whether a function of rdv_loop_call() is being called. What it stages is committed before the
 * call is answered, so it need not commit by itself. Owner thread.
 */
bool rdv__loop_in_call(const rdv_loop *loop);

/* ---- what lives on the loop ---- */

/* Watch a descriptor. io.h says what can be done with it then. */
int rdv__io_new(rdv_loop *loop, rdv__descriptor fd, void (*fn)(void *user), void *user,
                struct rdv__io **ret_io);

/* Make an alarm. alarm.h says what can be done with it then. */
int rdv__alarm_new(rdv_loop *loop, void (*fn)(void *user), void *user,
                   struct rdv__alarm **ret_alarm);

/* Return what the loop polls, for tests of it. */
struct rdv__poll *rdv__loop_poll(rdv_loop *loop);

#endif
