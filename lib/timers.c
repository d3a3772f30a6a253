/* SPDX-License-Identifier: MIT */
/* Timers: those that are started are in a heap, and the system's timer is set to the earliest of them. */
#include "timers.h"

#include <stdint.h>
#include <stdlib.h>

#include "loop.h"
#include "plat.h"

struct rdv_timer {
    struct rdv__timers *timers; /* NULL once the loop is gone */
    void (*fn)(void *user);
    void *user;
    int64_t due; /* on rdv__plat_running()'s scale */
    uint64_t order;
    size_t place; /* in the heap; SIZE_MAX = not started */
    rdv_timer *previous, *next;
};

#define NOT_STARTED SIZE_MAX

struct rdv__timers {
    rdv_loop *loop;
    struct rdv__plat_timer clockwork; /* for all of them, set to the earliest */
    struct rdv__io *ticking;
    int64_t armed; /* what clockwork is set to */
    rdv_timer *all;
    size_t count;
    rdv_timer **heap; /* started ones; has room for all */
    size_t heap_count, heap_room;
    uint64_t started; /* counts rdv_timer_start() */
};

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

    /* What is started from here on waits for the next turn, also if it is due already. */
    uint64_t last = timers->started;
    int64_t now = rdv__plat_running();
    while (timers->heap_count > 0 && timers->heap[0]->due <= now &&
           timers->heap[0]->order <= last) {
        rdv_timer *timer = timers->heap[0];
        heap_remove(timers, timer);
        timer->fn(timer->user);
    }
}

/* While a turn is under way the next poll does it, for all that happens until then. */
static void arm_soon(struct rdv__timers *timers)
{
    if (!rdv__loop_is_inside(timers->loop))
        rdv__timers_arm(timers);
}

int rdv__timers_new(rdv_loop *loop, struct rdv__timers **ret_timers)
{
    struct rdv__timers *timers = calloc(1, sizeof *timers);
    if (!timers)
        return RDV_ENOMEM;
    timers->loop = loop;
    int result = rdv__plat_timer_open(false, &timers->clockwork);
    if (result != 0)
        goto no_clockwork;
    result = rdv__io_new(loop, timers->clockwork.fd, timers_due, timers, &timers->ticking);
    if (result != 0)
        goto no_ticking;
    *ret_timers = timers;
    return 0;

no_ticking:
    rdv__plat_timer_close(&timers->clockwork);
no_clockwork:
    free(timers);
    return result;
}

void rdv__timers_free(struct rdv__timers *timers)
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
    free(timers);
}

/* ------------------------------------------------------------------- timers */

int rdv_timer_new(rdv_loop *loop, void (*fn)(void *user), void *user, rdv_timer **ret_timer)
{
    if (!loop || !fn || !ret_timer)
        return RDV_EINVAL;

    /* All the room that starting it could need is taken here. */
    struct rdv__timers *timers = rdv__loop_timers(loop);
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
