/* SPDX-License-Identifier: MIT */
/*
 * The waits for a store that can't be written to. decide.c and live.c call rdv__retry_later() when
 * a change was refused that can't be given up; entries.c tells of each change how it ended.
 *
 * What was refused stays in memory, with the entry that it belongs to, and is written when the wait
 * is over. The first change that the store takes sets the wait back to its beginning.
 */
#include "trigger/retry.h"

#include "base/error.h"
#include "base/time.h"
#include "store/store.h"
#include "trigger/internal.h"

/* The first wait; each one after it is twice as long, up to RDV__RETRY_LAST. */
#define RETRY_FIRST RDV_SECOND

void rdv__retry_later(rdv_trigger *trigger, int result)
{
    /* A store that is lost does not come back: the next turn says so, and ends. */
    if (trigger->retry_waiting || rdv__store_is_lost(trigger->entries.store))
        return;
    trigger->retry_delay = trigger->retry_delay == 0 ? RETRY_FIRST : trigger->retry_delay * 2;
    if (trigger->retry_delay > RDV__RETRY_LAST)
        trigger->retry_delay = RDV__RETRY_LAST;
    char delay[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(trigger->retry_delay, delay, sizeof delay);
    rdv__log(&trigger->options.log, RDV_LOG_ERROR,
             "the store can't be written to: %s; nothing is lost, trying again in %s",
             *rdv_store_message(trigger->entries.store) ? rdv_store_message(trigger->entries.store)
                                                        : rdv_strerror(result),
             delay);
    trigger->retry_waiting = true;
    rdv_timer_start(trigger->timer, trigger->retry_delay);
}

void rdv__retry_fired(void *user)
{
    rdv_trigger *trigger = user;
    trigger->retry_waiting = false;
    rdv__loop_again(trigger->loop);
}

void rdv__retry_settled(void *user, int result)
{
    rdv_trigger *trigger = user;
    /* RDV_ECANCELLED is of a batch that was rolled back on purpose, which says nothing of the
     * store. */
    if (result == 0)
        trigger->retry_delay = 0;
    else if (result != RDV_ECANCELLED)
        rdv__retry_later(trigger, result);
    trigger->resume_due |= result != 0 && trigger->plugin && trigger->entries.held_number == 0;
    rdv__loop_again(trigger->loop);
}
