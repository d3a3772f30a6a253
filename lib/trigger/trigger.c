/* SPDX-License-Identifier: MIT */
/*
 * A trigger agent from its making to its end: the options are checked, the store's entries are
 * loaded, the timers and the sink are made, a task agent is attached, and all of it is freed. The
 * program calls it. What the trigger agent does in between is in the other files of this folder,
 * which internal.h lists; this one puts them together, and none of them includes it.
 */
#include "trigger/internal.h"

#include <stdlib.h>

#include "base/error.h"
#include "platform/boot.h"
#include "plugin/table.h"
#include "store/records.h"
#include "store/store.h"
#include "trigger/decide.h"
#include "trigger/interruptions.h"
#include "trigger/live.h"
#include "trigger/retry.h"
#include "trigger/sink.h"

#define MAX_RUNNING_LIMIT       1000000
#define MAX_INTERRUPTIONS_LIMIT 1000000

static const struct rdv__entries_ops entries_ops = {
    .started = rdv__live_hand_over,
    .cancelling = rdv__live_pass_on_cancel,
    .settled = rdv__retry_settled,
};

void rdv_trigger_options_init(rdv_trigger_options *options)
{
    *options = (rdv_trigger_options){.size = sizeof *options,
                                     .max_running = 1,
                                     .run_limit = 24 * RDV_HOUR,
                                     .resume_limit = 10 * RDV_MINUTE,
                                     .cancel_wait = RDV_MINUTE,
                                     .clock_wait = 5 * RDV_MINUTE,
                                     .max_interruptions = 5};
}

static bool are_options_right(const rdv_trigger_options *options)
{
    return options->size == sizeof *options && !(options->flags & ~RDV_TRIGGER_HOLD_STORED) &&
           options->max_running >= 1 && options->max_running <= MAX_RUNNING_LIMIT &&
           options->max_interruptions >= 0 &&
           options->max_interruptions <= MAX_INTERRUPTIONS_LIMIT && options->run_limit > 0 &&
           options->run_limit <= RDV_LIMIT_MAX && options->resume_limit >= 0 &&
           options->resume_limit <= RDV_LIMIT_MAX && options->cancel_wait >= 0 &&
           options->cancel_wait <= RDV_LIMIT_MAX && options->clock_wait >= 0 &&
           options->clock_wait <= RDV_LIMIT_MAX;
}

/* The number of this boot. If it is not known, all boots count as the same: then only runs that
 * were not stopped in order were interrupted. */
static int64_t find_boot(const rdv_trigger_options *options)
{
    char id[RDV__BOOT_ID_ROOM];
    struct rdv_error error;
    if (rdv__boot_id(options->boot_id_file, id, &error) == 0)
        return rdv__cut_boot(id);
    rdv__log(&options->log, RDV_LOG_WARNING, "%s: a reboot is taken for a restart", error.text);
    return rdv__cut_boot("");
}

/* Attach the store, and load the entries that it has. */
static int load_entries(rdv_trigger *trigger, rdv_store *store)
{
    const bool hold = trigger->options.flags & RDV_TRIGGER_HOLD_STORED;
    int result = rdv__store_attach(store, trigger->loop);
    /* An empty batch shows early whether the store can be written to. */
    if (result == 0)
        result = rdv__store_stage(store);
    if (result == 0)
        result = rdv__store_commit(store);
    if (result == 0)
        result = rdv__entries_init(&trigger->entries, store, &entries_ops, trigger);
    if (result == 0)
        result = rdv__entries_load(&trigger->entries, hold);
    if (result == 0)
        result = rdv__record_get_paused(store, &trigger->paused);
    for (struct rdv__live_entry *live = trigger->entries.live; live; live = live->next)
        trigger->rebooting += live->at.status == RDV_STATUS_REBOOTING;
    return result;
}

static int make_timers(rdv_trigger *trigger)
{
    int result = rdv_timer_new(trigger->loop, rdv__retry_fired, trigger, &trigger->timer);
    if (result == 0)
        result = rdv_timer_new(trigger->loop, rdv__decide_limits_fired, trigger, &trigger->limits);
    if (result == 0 && rdv__clock_is_system(&trigger->clock))
        result = rdv__alarm_new(trigger->loop, rdv__decide_alarm_fired, trigger, &trigger->alarm);
    return result;
}

int rdv_trigger_new(rdv_loop *loop, rdv_store *store, const rdv_trigger_options *options,
                    rdv_trigger **ret_trigger)
{
    rdv_trigger_options defaults;
    rdv_trigger_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!loop || !store || !ret_trigger || !are_options_right(options))
        return RDV_EINVAL;

    rdv_trigger *trigger = calloc(1, sizeof *trigger);
    if (!trigger)
        return RDV_ENOMEM;
    trigger->loop = loop;
    trigger->options = *options;
    trigger->options.boot_id_file = NULL;
    trigger->boot = find_boot(options);
    trigger->clock = (struct rdv__clock){
        .source = options->clock, .wait = options->clock_wait, .log = options->log};
    trigger->turn = (struct rdv__turn){.run = rdv__decide_turn, .phase = RDV__TURN_DECIDE};
    rdv__loop_add_turn(loop, &trigger->turn);
    int result = load_entries(trigger, store);
    if (result == 0)
        result = make_timers(trigger);
    if (result == 0)
        result = rdv__sink_new(trigger, loop, &options->log, &trigger->sink);
    if (result != 0) {
        rdv_trigger_free(trigger);
        return result;
    }
    *ret_trigger = trigger;
    return 0;
}

int rdv_trigger_attach(rdv_trigger *trigger, rdv_plugin *plugin)
{
    if (!trigger || !plugin || !plugin->ops || plugin->ops->size < RDV__PLUGIN_OPS_SIZE)
        return RDV_EINVAL;
    if (trigger->plugin || trigger->terminating || trigger->terminated)
        return RDV_ESTATE;
    int result = plugin->ops->initialize(plugin, trigger->sink);
    if (result != 0)
        return result;
    trigger->plugin = plugin;
    trigger->resume_due = trigger->entries.held_number == 0;
    const struct rdv__store_plugin_ops *ops = rdv__plugin_store_ops(plugin);
    if (ops)
        ops->clean_up(plugin, trigger->entries.store);
    rdv__log(&trigger->options.log, RDV_LOG_DEBUG, "task agent '%s' is ready",
             plugin->ops->name(plugin));
    rdv__loop_again(trigger->loop);
    return 0;
}

void rdv_trigger_free(rdv_trigger *trigger)
{
    if (!trigger)
        return;
    rdv__loop_remove_turn(trigger->loop, &trigger->turn);
    rdv__sink_detach(trigger->sink);
    rdv__entries_finish(&trigger->entries);
    rdv__alarm_free(trigger->alarm);
    rdv_timer_free(trigger->timer);
    rdv_timer_free(trigger->limits);
    free(trigger);
}
