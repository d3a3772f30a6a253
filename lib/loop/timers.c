/* SPDX-License-Identifier: MIT */
/*
 * Timers. Those that are started are in a heap, and one timer of the system is set to the earliest
 * of them. The timers are embedded in a loop, which arms them before each poll; the owners of
 * timers call the rdv_timer_… functions. A timer may outlive its loop, and is off then.
 *
 * Invariants: the heap has room for every timer that exists, so that starting one can't fail; a
 * timer's `place` is its index in the heap, or NOT_STARTED.
 */
#include "loop/timers.h"

#include <stdlib.h>

#include "loop/poll.h"
#include "platform/platform.h"

struct rdv_timer {
    /* NULL once the loop is gone. */
    struct rdv__timers *timers;
    void (*fn)(void *user);
    void *user;
    /* On the scale of rdv__plat_running(). */
    int64_t due;
    uint64_t order;
    /* The index in the heap, or NOT_STARTED. */
    size_t place;
    rdv_timer *previous, *next;
};

#define NOT_STARTED SIZE_MAX

/* --------------------------------------------------------------------- heap */

static bool timer_before(const rdv_timer *a, const rdv_timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void heap_put(struct rdv__timers *timers, size_t place, rdv_timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void heap_up(struct rdv__timers *timers, size_t place, rdv_timer *timer)
{
    while (place > 0 && timer_before(timer, timers->heap[(place - 1) / 2])) {
        heap_put(timers, place, timers->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_put(timers, place, timer);
}

static void heap_down(struct rdv__timers *timers, size_t place, rdv_timer *timer)
{
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= timers->heap_count)
            break;
        if (child + 1 < timers->heap_count &&
            timer_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!timer_before(timers->heap[child], timer))
            break;
        heap_put(timers, place, timers->heap[child]);
        place = child;
    }
    heap_put(timers, place, timer);
}

static void heap_remove(struct rdv__timers *timers, rdv_timer *timer)
{
    size_t place = timer->place;
    rdv_timer *last = timers->heap[--timers->heap_count];
    timer->place = NOT_STARTED;
    if (last == timer)
        return;
    if (place > 0 && timer_before(last, timers->heap[(place - 1) / 2]))
        heap_up(timers, place, last);
    else
        heap_down(timers, place, last);
}

/* ------------------------------------------------------------------- moments */

void rdv__timers_arm(struct rdv__timers *timers)
{
    int64_t due = timers->heap_count > 0 ? timers->heap[0]->due : 0;
    if (due == timers->armed)
        return;
    timers->armed = due;
    rdv__plat_timer_set(&timers->clockwork, due);
}

static void timers_due(void *user)
{
    struct rdv__timers *timers = user;
    if (rdv__plat_timer_read(&timers->clockwork) == RDV__TIMER_DUE)
        timers->armed = 0;

    /* A timer that is started from here on waits for the next turn, even if it is due already. */
    uint64_t last = timers->started;
    int64_t now = rdv__plat_running();
    while (timers->heap_count > 0 && timers->heap[0]->due <= now &&
           timers->heap[0]->order <= last) {
        rdv_timer *timer = timers->heap[0];
        heap_remove(timers, timer);
        timer->fn(timer->user);
    }
}

/*
 * While a turn is under way, nothing is armed here: the timers are armed before the next poll, once
 * for everything that happens until then.
 */
static void arm_soon(struct rdv__timers *timers)
{
    if (!timers->poll->inside)
        rdv__timers_arm(timers);
}

int rdv__timers_open(struct rdv__timers *timers, struct rdv__poll *poll)
{
    *timers = (struct rdv__timers){.poll = poll};
    int result = rdv__plat_timer_open(false, &timers->clockwork);
    if (result != 0)
        return result;
    result = rdv__poll_watch(poll, timers->clockwork.fd, timers_due, timers, &timers->ticking);
    if (result != 0)
        rdv__plat_timer_close(&timers->clockwork);
    return result;
}

void rdv__timers_close(struct rdv__timers *timers)
{
    while (timers->all) {
        rdv_timer *timer = timers->all;
        timers->all = timer->next;
        timer->timers = NULL;
        timer->place = NOT_STARTED;
    }
    rdv__io_free(timers->ticking);
    rdv__plat_timer_close(&timers->clockwork);
    free(timers->heap);
}

/* ------------------------------------------------------------------- timers */

int rdv__timers_add(struct rdv__timers *timers, void (*fn)(void *user), void *user,
                    rdv_timer **ret_timer)
{
    /* All the room that starting this timer could need is taken here. */
    if (timers->count == timers->heap_room) {
        size_t room = timers->heap_room > 0 ? 2 * timers->heap_room : 16;
        rdv_timer **heap = realloc(timers->heap, room * sizeof(rdv_timer *));
        if (!heap)
            return RDV_ENOMEM;
        timers->heap = heap;
        timers->heap_room = room;
    }
    rdv_timer *timer = malloc(sizeof *timer);
    if (!timer)
        return RDV_ENOMEM;
    *timer = (rdv_timer){
        .timers = timers, .fn = fn, .user = user, .place = NOT_STARTED, .next = timers->all};
    if (timers->all)
        timers->all->previous = timer;
    timers->all = timer;
    timers->count++;

    *ret_timer = timer;
    return 0;
}

void rdv_timer_start(rdv_timer *timer, rdv_duration duration)
{
    if (!timer || !timer->timers)
        return;
    struct rdv__timers *timers = timer->timers;

    if (timer->place != NOT_STARTED)
        heap_remove(timers, timer);
    int64_t now = rdv__plat_running();
    timer->due = duration <= 0 ? now : duration > INT64_MAX - now ? INT64_MAX : now + duration;
    timer->order = ++timers->started;
    heap_up(timers, timers->heap_count++, timer);
    arm_soon(timers);
}

void rdv_timer_stop(rdv_timer *timer)
{
    if (!timer || timer->place == NOT_STARTED)
        return;
    heap_remove(timer->timers, timer);
    arm_soon(timer->timers);
}

void rdv_timer_free(rdv_timer *timer)
{
    if (!timer)
        return;
    rdv_timer_stop(timer);
    if (timer->timers) {
        if (timer->previous)
            timer->previous->next = timer->next;
        else
            timer->timers->all = timer->next;
        if (timer->next)
            timer->next->previous = timer->previous;
        timer->timers->count--;
    }
    free(timer);
}
