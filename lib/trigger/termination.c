/* SPDX-License-Identifier: MIT */
/*
 * Ending the task agent. The program asks for it, or the store is lost, or the task agent shuts
 * down by itself; sink.c hands in the task agent's word that it has, and decide.c finishes the rest
 * in its turn.
 *
 *   at work --- rdv_trigger_terminate() ---> terminating --- the task agent's word ---> terminated
 *      |                                          \___ without one, or refused ____________^ ^
 *      +--------------- the task agent's word, unasked --------------------------------------+
 *
 * Nothing starts from the first step on. The program is told once, when the task agent has shut
 * down and no change is unsettled.
 */
#include "trigger/termination.h"

#include "base/error.h"
#include "store/store.h"
#include "trigger/internal.h"
#include "trigger/take_over.h"

int rdv_trigger_terminate(rdv_trigger *trigger, int reason, rdv_terminated_fn fn, void *user)
{
    if (!trigger)
        return RDV_EINVAL;
    if (trigger->terminating)
        return RDV_ESTATE;
    trigger->terminating = true;
    trigger->in_order = reason == 0;
    trigger->terminated_fn = fn;
    trigger->terminated_user = user;
    rdv_plugin *plugin = trigger->plugin;
    int result = plugin ? plugin->ops->terminate(plugin, reason) : 0;
    if (!plugin || result != 0) {
        trigger->terminated = true;
        if (result != 0)
            trigger->reason = result;
    }
    rdv__loop_again(trigger->loop);
    return 0;
}

void rdv__termination_hear(rdv_trigger *trigger, int reason)
{
    if (!trigger->plugin)
        return;
    if (!trigger->terminating) {
        rdv__log(&trigger->options.log, RDV_LOG_WARNING,
                 "the task agent '%s' has shut down by itself: %s",
                 trigger->plugin->ops->name(trigger->plugin),
                 reason == 0 ? "normal" : rdv_strerror(reason));
        trigger->terminated_fn = trigger->options.terminated;
        trigger->terminated_user = trigger->options.user;
    }
    if (trigger->in_order)
        rdv__take_over_mark_stopped(trigger);
    trigger->plugin = NULL;
    trigger->terminated = true;
    trigger->reason = reason;
    rdv__loop_again(trigger->loop);
}

void rdv__termination_begin_if_lost(rdv_trigger *trigger)
{
    if (!rdv__store_is_lost(trigger->entries.store) || trigger->terminating || trigger->terminated)
        return;
    rdv__log(&trigger->options.log, RDV_LOG_ERROR, "%s; nothing more is started",
             rdv_store_message(trigger->entries.store));
    (void)rdv_trigger_terminate(trigger, RDV_ELOST, trigger->options.terminated,
                                trigger->options.user);
}

void rdv__termination_finish(rdv_trigger *trigger)
{
    if (!trigger->terminated || trigger->entries.unsettled > 0 || !trigger->terminated_fn)
        return;
    rdv_terminated_fn fn = trigger->terminated_fn;
    trigger->terminated_fn = NULL;
    fn(trigger->terminated_user, trigger->reason);
}
