/* SPDX-License-Identifier: MIT */
/*
 * What a trigger agent is, for the files of this folder that see inside it. Each does a part of its
 * work:
 *  - trigger.c makes a trigger agent, attaches its task agent, and frees it;
 *  - decide.c decides in each turn of the loop what expires and what starts;
 *  - live.c follows the entries under way, from StartTask to their end;
 *  - take_over.c goes on with the entries that the last process has left under way;
 *  - termination.c ends the task agent;
 *  - retry.c tries again what the store did not take;
 *  - api.c has the calls of programs and of the control; sink.c has those of the task agent;
 *  - explain.c and query.c tell how things are.
 */
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
    /* For pending entries, which go by the clock; NULL with a clock of the program's own. */
    struct rdv__alarm *alarm;
    /* What the alarm is set to. */
    rdv_time next;
    /* For live entries, which go by running time. */
    rdv_timer *limits;
    /* The moment that `limits` is set to; 0 = it is off. */
    rdv_duration first_due;
    /* For the store's retry and the wait for the clock, which go by running time too. */
    rdv_timer *timer;

    struct rdv__clock clock;
    /* NULL if no task agent is attached. */
    rdv_plugin *plugin;
    rdv_sink *sink;
    bool paused;
    /* How many live entries have the status REBOOTING: nothing starts meanwhile. */
    size_t rebooting;
    /* Entries that the last process has left under way are to be taken over. */
    bool resume_due;
    /* Entries were cancelled in memory only, and the plug-in is still to be asked to end them. */
    bool cancel_due;
    bool retry_waiting;
    /* How long the latest wait for the store takes; 0 = the store works. */
    rdv_duration retry_delay;

    /* Which boot this is: see rdv__cut_boot(). */
    int64_t boot;
    bool terminating, terminated;
    /* It ends because it was asked to, and not because of a failure. */
    bool in_order;
    int reason;
    rdv_terminated_fn terminated_fn;
    void *terminated_user;
};

#endif
