/* SPDX-License-Identifier: MIT */
/*
 * Loads a schedule document into a trigger agent, whole or not at all. A program calls it with the
 * path of a file, and control/methods.c with a document that came through the socket.
 *
 * Either all tasks of the document are staged in one batch, or the batch has failed. A batch that
 * the caller has begun stays the caller's; otherwise it is begun and ended here.
 */
#include "trigger/load_document.h"

#include <stdlib.h>

#include "base/error.h"
#include "document/schedule.h"
#include "store/store.h"
#include "trigger/api.h"
#include "trigger/entries.h"

/*
 * All identifiers are looked for before any task is added: those of a document differ, so that new
 * ones need not be compared with each other, and one that is busy is told before anything is
 * staged.
 */
int rdv__trigger_schedule_all(rdv_trigger *trigger, const struct rdv__schedule *schedule,
                              size_t *ret_failed)
{
    struct rdv__entries *entries;
    int result = rdv__trigger_entries(trigger, &entries);
    if (result != 0 || schedule->count == 0)
        return result;
    struct rdv__entries_known *known = malloc(schedule->count * sizeof *known);
    if (!known)
        return RDV_ENOMEM;
    for (size_t i = 0; i < schedule->count && result == 0; i++) {
        const rdv_task *task = schedule->items[i].task;
        result = rdv__entries_look_up(entries, rdv_task_identifier(task), &known[i]);
        if (result == RDV_EBUSY)
            *ret_failed = i;
    }
    const rdv_time now = rdv__trigger_now(trigger);
    for (size_t i = 0; i < schedule->count && result == 0; i++) {
        const struct rdv__schedule_item *item = &schedule->items[i];
        result = rdv__entries_schedule(entries, &item->window, item->task, &known[i], now);
        if (result != 0 && i > 0)
            result = rdv__store_fail(rdv__trigger_store(trigger), result);
    }
    free(known);
    return result;
}

int rdv_trigger_load(rdv_trigger *trigger, const char *path, size_t *ret_count,
                     struct rdv_error *error)
{
    if (!trigger || !path)
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_trigger_load");
    struct rdv__schedule schedule;
    int result = rdv__schedule_load(path, rdv__trigger_now(trigger), &schedule, error);
    if (result != 0)
        return result;
    rdv_store *store = rdv__trigger_store(trigger);
    bool own_batch = !rdv__store_is_held(store);
    if (own_batch)
        result = rdv__store_hold(store);
    size_t failed = 0;
    if (result == 0)
        result = rdv__trigger_schedule_all(trigger, &schedule, &failed);
    if (result == RDV_EBUSY)
        rdv__json_fail(rdv__json_element(schedule.tasks, failed), error, result, "%s",
                       rdv_strerror(result));
    else if (result != 0)
        rdv__fail(error, result, "%s", rdv_strerror(result));
    if (result != 0 && !own_batch)
        /* RDV_ECANCELLED says that the batch is given up on purpose, and the store is well. */
        (void)rdv__store_fail(store, RDV_ECANCELLED);
    if (own_batch) {
        int released = rdv__store_release(store, result == 0);
        if (result == 0 && released != 0)
            result = rdv__fail(error, released, "%s", rdv_store_message(store));
    }
    if (result == 0 && ret_count)
        *ret_count = schedule.count;
    rdv__schedule_finish(&schedule);
    return result;
}
