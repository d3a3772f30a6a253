/* SPDX-License-Identifier: MIT */
/* rdv_trigger_load(): a schedule document into a trigger agent, whole or not at all. */
#include <rdvtask/trigger.h>

#include "base.h"
#include "document.h"
#include "store.h"
#include "trigger.h"

int rdv_trigger_load(rdv_trigger *trigger, const char *path, size_t *ret_count,
                     struct rdv_error *error)
{
    if (!trigger || !path)
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_trigger_load");
    struct rdv__schedule items;
    int result = rdv__schedule_load(path, rdv__trigger_now(trigger), &items, error);
    if (result != 0)
        return result;
    rdv_store *store = rdv__trigger_store(trigger);
    bool own_batch = !rdv__store_is_held(store);
    if (own_batch)
        result = rdv__store_hold(store);
    for (size_t i = 0; i < items.count && result == 0; i++) {
        const struct rdv__schedule_item *item = &items.items[i];
        result = rdv_trigger_schedule(trigger, &item->window, item->task);
        if (result != 0) {
            rdv__json_fail(rdv__json_element(items.tasks, i), error, result, "%s",
                           rdv_strerror(result));
        }
    }
    if (result != 0 && !own_batch)
        (void)rdv__store_fail(store, RDV_ECANCELLED); /* on purpose: the store is well */
    if (own_batch) {
        int released = rdv__store_release(store, result == 0);
        if (result == 0 && released != 0)
            result = rdv__fail(error, released, "%s", rdv_store_message(store));
    }
    if (result == 0 && ret_count)
        *ret_count = items.count;
    rdv__schedule_finish(&items);
    return result;
}
