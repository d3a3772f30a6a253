/* SPDX-License-Identifier: MIT */
/* What a trigger agent is, for those that see inside: trigger.c decides, trigger_calls.c is called, explain.c and query.c tell. */
#ifndef RDV__TRIGGER_INTERNAL_H
#define RDV__TRIGGER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"
#include "trigger/entries.h"
#include "trigger/trusted_clock.h"

struct rdv_trigger {
    rdv_loop *loop;
    rdv_trigger_options options;
    struct rdv__entries entries;
    struct rdv__turn turn;
    struct rdv__alarm *alarm; /* NULL with a clock of the program's own */
    rdv_timer *timer; /* for what goes by running time: the store's retry, the wait for the clock */
    rdv_time next;    /* what the alarm is set to */
    rdv_timer *limits;      /* for runs, which go by running time */
    rdv_duration first_due; /* the moment of that timer; 0 = off */

    struct rdv__clock clock;
    rdv_plugin *plugin;
    rdv_sink *sink;
    bool paused;
    size_t rebooting; /* runs whose status is REBOOTING: nothing starts meanwhile */
    bool resume_due;  /* runs of the last process are to be taken up */
    bool
        cancel_due; /* runs that are to end are so in memory only, and their plug-in is to be asked */
    bool retry_waiting;
    rdv_duration retry_delay; /* 0 = the store works */

    int64_t boot; /* which boot this is: see cut.h */
    bool terminating, terminated;
    bool in_order; /* nothing has failed that made it end */
    int reason;
    rdv_terminated_fn terminated_fn;
    void *terminated_user;
};

/* When a moment of running time comes by the clock, as that goes now; 0 for 0. */
rdv_time rdv__trigger_by_clock(const rdv_trigger *trigger, rdv_duration moment);

/* As many run as may. */
bool rdv__trigger_slots_full(const rdv_trigger *trigger);

/*
 * What a call has scheduled starts with the commit of that call, if it may start at once: one sync less. StartTask follows in
 * the loop's turn all the same; a process that ends before that leaves a run that was never handed over, which does no harm only
 * if the next process may start it again. Nothing but starts is decided here, as a plug-in is not called from inside a caller's
 * function: when anything else is due, all of it is left to the turn.
 */
int rdv__trigger_start_with_call(rdv_trigger *trigger);

#endif
