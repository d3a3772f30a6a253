/* SPDX-License-Identifier: MIT */
/*
 * The loop. It polls, and after each poll it takes a turn, in which everything else in this library
 * happens. It owns the poll, the alarms and the timers. The fields of the first block of struct
 * rdv_loop are under its lock; all others belong to the owner thread.
 *
 *     poll_once()  -->  take_turn():  posts  -->  DECIDE  -->  COMMIT  -->  SETTLE  -->  answers
 *         ^                                                                                |
 *         +--------------------------------------------------------------------------------+
 *
 * The descriptor of rdv_loop_fd() becomes readable whenever there is work to do. This is why timers
 * and alarms are descriptors: libuv's own timers can't be seen from outside.
 */
#include "loop/loop.h"

#include <assert.h>
#include <stdlib.h>

#include "loop/alarm.h"
#include "loop/poll.h"
#include "loop/timers.h"

/* The most turns that rdv_loop_dispatch() takes while each of them asks for another one. */
#define DISPATCH_TURNS 16

/* A place in the list of turns. It moves on when the turn that it points to is removed. */
struct cursor {
    struct rdv__turn *next;
    struct cursor *outer;
};

/* A call from another thread, on the stack of that thread. */
struct loop_call {
    struct rdv__post post;
    rdv_loop *loop;
    int (*fn)(void *user);
    void *user;
    int result;
    /* Under the loop's lock. */
    bool done;
    /* Signalled when the result is there. */
    uv_cond_t given;
    struct loop_call *next;
};

struct rdv_loop {
    /* This block is what other threads reach, and is under the lock. */
    uv_mutex_t lock;
    uv_cond_t no_callers;
    uv_thread_t owner;
    uv_thread_t thread;
    struct rdv__post *posts, **posts_end;
    /* Threads inside rdv_loop_call(), except for the owner. */
    size_t callers;
    bool threaded;
    /* Whether rdv_loop_run(), rdv_loop_dispatch() or the loop's thread is running it. */
    bool running;
    /* rdv_loop_run() is to stop when it looks next. */
    bool stopping;
    bool closing;

    struct rdv__poll poll;
    struct rdv__alarms alarms;
    struct rdv__timers timers;
    /* How many functions of rdv_loop_call() are being called, one inside the other. */
    int calls;
    struct rdv__turn *turns;
    struct cursor *cursors;
    /* Calls that were made, and are answered at the end of the turn. */
    struct loop_call *answers, **answers_end;
};

/* ----------------------------------------------------------------- turns */

void rdv__loop_add_turn(rdv_loop *loop, struct rdv__turn *turn)
{
    struct rdv__turn **end = &loop->turns;
    while (*end)
        end = &(*end)->next;
    turn->next = NULL;
    *end = turn;
}

void rdv__loop_remove_turn(rdv_loop *loop, struct rdv__turn *turn)
{
    for (struct cursor *cursor = loop->cursors; cursor; cursor = cursor->outer)
        if (cursor->next == turn)
            cursor->next = turn->next;
    for (struct rdv__turn **place = &loop->turns; *place; place = &(*place)->next) {
        if (*place == turn) {
            *place = turn->next;
            return;
        }
    }
}

void rdv__loop_again(rdv_loop *loop)
{
    rdv__poll_again(&loop->poll);
}

/* Run the hooks of a phase. Returns the first error. */
static int run_hooks(rdv_loop *loop, enum rdv__turn_phase phase)
{
    int result = 0;
    struct cursor cursor = {loop->turns, loop->cursors};
    loop->cursors = &cursor;
    while (cursor.next) {
        struct rdv__turn *turn = cursor.next;
        cursor.next = turn->next;
        if (turn->phase != phase)
            continue;
        int status = turn->run(turn);
        if (result == 0)
            result = status;
    }
    loop->cursors = cursor.outer;
    return result;
}

/* Commit, and give an error to every call whose writes may have been part of it. */
static int commit_changes(rdv_loop *loop)
{
    int result = run_hooks(loop, RDV__TURN_COMMIT);
    if (result != 0)
        for (struct loop_call *call = loop->answers; call; call = call->next)
            if (call->result == 0)
                call->result = result;
    return result;
}

static struct rdv__post *take_posts(rdv_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    struct rdv__post *posts = loop->posts;
    loop->posts = NULL;
    loop->posts_end = &loop->posts;
    uv_mutex_unlock(&loop->lock);
    return posts;
}

static void give_answer(struct loop_call *call, int result)
{
    rdv_loop *loop = call->loop;
    uv_mutex_lock(&loop->lock);
    call->result = result;
    call->done = true;
    uv_cond_signal(&call->given);
    uv_mutex_unlock(&loop->lock);
}

/* Take one turn. What was ready has just been handled. */
static void take_turn(rdv_loop *loop)
{
    loop->poll.again = false;
    rdv__alarms_tell_change(&loop->alarms);
    for (struct rdv__post *post = take_posts(loop), *next; post; post = next) {
        next = post->next;
        post->fn(post);
    }
    run_hooks(loop, RDV__TURN_DECIDE);
    commit_changes(loop);
    run_hooks(loop, RDV__TURN_SETTLE);

    struct loop_call *call = loop->answers;
    loop->answers = NULL;
    loop->answers_end = &loop->answers;
    while (call) {
        /* Read this first, as a call is gone once it is answered. */
        struct loop_call *next = call->next;
        give_answer(call, call->result);
        call = next;
    }
}

static void poll_once(rdv_loop *loop, bool wait)
{
    rdv__timers_arm(&loop->timers);
    loop->poll.fresh = false;
    rdv__poll_once(&loop->poll, wait);
}

static void end_running(rdv_loop *loop)
{
    rdv__timers_arm(&loop->timers);
    rdv__poll_end(&loop->poll);
}

/* ----------------------------------------------------- from other threads */

void rdv__loop_post(rdv_loop *loop, struct rdv__post *post)
{
    uv_mutex_lock(&loop->lock);
    bool first = !loop->posts;
    post->next = NULL;
    *loop->posts_end = post;
    loop->posts_end = &post->next;
    if (first)
        rdv__poll_wake(&loop->poll);
    uv_mutex_unlock(&loop->lock);
}

bool rdv__loop_is_owner(const rdv_loop *loop)
{
    /* The lock is not part of what the caller sees. */
    uv_mutex_t *lock = &((rdv_loop *)loop)->lock;
    uv_thread_t self = uv_thread_self();
    uv_mutex_lock(lock);
    bool result = uv_thread_equal(&loop->owner, &self) != 0;
    uv_mutex_unlock(lock);
    return result;
}

bool rdv__loop_in_call(const rdv_loop *loop)
{
    return loop->calls > 0;
}

static void call_now(struct rdv__post *post)
{
    struct loop_call *call = (struct loop_call *)post;
    rdv_loop *loop = call->loop;
    loop->calls++;
    call->result = call->fn(call->user);
    loop->calls--;
    call->next = NULL;
    *loop->answers_end = call;
    loop->answers_end = &call->next;
}

static void call_dropped(struct rdv__post *post)
{
    give_answer((struct loop_call *)post, RDV_ESHUTDOWN);
}

int rdv_loop_call(rdv_loop *loop, int (*fn)(void *user), void *user)
{
    if (!loop || !fn)
        return RDV_EINVAL;

    if (rdv__loop_is_owner(loop)) {
        loop->calls++;
        int result = fn(user);
        loop->calls--;
        int committed = commit_changes(loop);
        return result != 0 ? result : committed;
    }

    struct loop_call call = {
        .post = {.fn = call_now, .drop = call_dropped}, .loop = loop, .fn = fn, .user = user};
    if (uv_cond_init(&call.given) != 0)
        return RDV_ENOMEM;

    uv_mutex_lock(&loop->lock);
    if (loop->closing) {
        call.result = RDV_ESHUTDOWN;
    } else {
        loop->callers++;
        bool first = !loop->posts;
        *loop->posts_end = &call.post;
        loop->posts_end = &call.post.next;
        if (first)
            rdv__poll_wake(&loop->poll);
        while (!call.done)
            uv_cond_wait(&call.given, &loop->lock);
        if (--loop->callers == 0)
            uv_cond_signal(&loop->no_callers);
    }
    uv_mutex_unlock(&loop->lock);
    uv_cond_destroy(&call.given);
    return call.result;
}

/* --------------------------------------------------------------- the loop */

int rdv_loop_new(rdv_loop **ret_loop)
{
    if (!ret_loop)
        return RDV_EINVAL;
    rdv_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return RDV_ENOMEM;

    int result = RDV_ENOMEM;
    loop->posts_end = &loop->posts;
    loop->answers_end = &loop->answers;
    loop->owner = uv_thread_self();
    if (uv_mutex_init(&loop->lock) != 0)
        goto no_lock;
    if (uv_cond_init(&loop->no_callers) != 0)
        goto no_cond;
    result = rdv__poll_open(&loop->poll);
    if (result != 0)
        goto no_poll;
    loop->alarms.poll = &loop->poll;
    result = rdv__timers_open(&loop->timers, &loop->poll);
    if (result != 0)
        goto no_timers;

    /* The kernel has to know of both before anyone polls the descriptor. */
    poll_once(loop, false);
    *ret_loop = loop;
    return 0;

no_timers:
    rdv__poll_close(&loop->poll);
no_poll:
    uv_cond_destroy(&loop->no_callers);
no_cond:
    uv_mutex_destroy(&loop->lock);
no_lock:
    free(loop);
    return result;
}

/* Become the owner, and the thread that runs the loop, unless another thread runs it. */
static int claim_loop(rdv_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    int result = loop->running || loop->threaded ? RDV_ESTATE : 0;
    if (result == 0) {
        loop->running = true;
        loop->owner = uv_thread_self();
    }
    uv_mutex_unlock(&loop->lock);
    return result;
}

static void release_loop(rdv_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    loop->running = false;
    uv_mutex_unlock(&loop->lock);
}

/* Whether rdv_loop_stop() was called. The request is used up by this. */
static bool take_stop(rdv_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    bool result = loop->stopping;
    loop->stopping = false;
    uv_mutex_unlock(&loop->lock);
    return result;
}

static void run_loop(rdv_loop *loop)
{
    rdv__poll_begin(&loop->poll);
    while (!take_stop(loop)) {
        poll_once(loop, !loop->poll.again);
        take_turn(loop);
    }
    end_running(loop);
}

int rdv_loop_run(rdv_loop *loop)
{
    if (!loop)
        return RDV_EINVAL;
    int result = claim_loop(loop);
    if (result != 0)
        return result;
    run_loop(loop);
    release_loop(loop);
    return 0;
}

int rdv_loop_dispatch(rdv_loop *loop)
{
    if (!loop)
        return RDV_EINVAL;
    int result = claim_loop(loop);
    if (result != 0)
        return result;

    rdv__poll_begin(&loop->poll);
    int turns = 0;
    do {
        rdv__poll_look(&loop->poll);
        poll_once(loop, false);
        take_turn(loop);
    } while ((loop->poll.again || loop->poll.fresh) && ++turns < DISPATCH_TURNS);
    end_running(loop);
    release_loop(loop);
    return 0;
}

int rdv_loop_stop(rdv_loop *loop)
{
    if (!loop)
        return RDV_EINVAL;
    uv_mutex_lock(&loop->lock);
    /* A loop with a thread of its own runs until it is freed. */
    if (!loop->threaded) {
        uv_thread_t self = uv_thread_self();
        loop->stopping = true;
        /* Inside a turn no wake-up is needed, as the end of the turn notices it. */
        if (!uv_thread_equal(&loop->owner, &self) || !loop->poll.inside)
            rdv__poll_wake(&loop->poll);
    }
    uv_mutex_unlock(&loop->lock);
    return 0;
}

int rdv_loop_fd(const rdv_loop *loop)
{
    return loop ? rdv__poll_fd(&loop->poll) : -1;
}

static void thread_main(void *user)
{
    rdv_loop *loop = user;
    /* Wait until the starting thread has written down that this thread is the owner. */
    uv_mutex_lock(&loop->lock);
    uv_mutex_unlock(&loop->lock);
    run_loop(loop);
}

int rdv_loop_start_thread(rdv_loop *loop)
{
    if (!loop)
        return RDV_EINVAL;
    uv_mutex_lock(&loop->lock);
    int result = loop->running || loop->threaded ? RDV_ESTATE : 0;
    if (result == 0 && uv_thread_create(&loop->thread, thread_main, loop) != 0)
        result = RDV_ENOMEM;
    if (result == 0) {
        loop->threaded = true;
        loop->stopping = false;
        loop->owner = loop->thread;
    }
    uv_mutex_unlock(&loop->lock);
    return result;
}

void rdv_loop_free(rdv_loop *loop)
{
    if (!loop)
        return;

    uv_mutex_lock(&loop->lock);
    assert(!loop->running);
    loop->closing = true;
    if (loop->threaded) {
        loop->stopping = true;
        rdv__poll_wake(&loop->poll);
    }
    uv_mutex_unlock(&loop->lock);
    if (loop->threaded)
        uv_thread_join(&loop->thread);

    uv_mutex_lock(&loop->lock);
    loop->owner = uv_thread_self();
    uv_mutex_unlock(&loop->lock);
    for (struct rdv__post *post; (post = take_posts(loop)) != NULL;) {
        for (struct rdv__post *next; post; post = next) {
            next = post->next;
            if (post->drop)
                post->drop(post);
        }
    }
    uv_mutex_lock(&loop->lock);
    while (loop->callers > 0)
        uv_cond_wait(&loop->no_callers, &loop->lock);
    uv_mutex_unlock(&loop->lock);

    assert(!loop->alarms.first);
    rdv__timers_close(&loop->timers);
    rdv__poll_close(&loop->poll);
    uv_cond_destroy(&loop->no_callers);
    uv_mutex_destroy(&loop->lock);
    free(loop);
}

/* ---------------------------------------------- what lives on the loop */

struct rdv__poll *rdv__loop_poll(rdv_loop *loop)
{
    return &loop->poll;
}

int rdv__io_new(rdv_loop *loop, rdv__descriptor fd, void (*fn)(void *user), void *user,
                struct rdv__io **ret_io)
{
    return rdv__poll_watch(&loop->poll, fd, fn, user, ret_io);
}

int rdv__alarm_new(rdv_loop *loop, void (*fn)(void *user), void *user,
                   struct rdv__alarm **ret_alarm)
{
    return rdv__alarms_add(&loop->alarms, fn, user, ret_alarm);
}

int rdv_timer_new(rdv_loop *loop, void (*fn)(void *user), void *user, rdv_timer **ret_timer)
{
    if (!loop || !fn || !ret_timer)
        return RDV_EINVAL;
    return rdv__timers_add(&loop->timers, fn, user, ret_timer);
}
