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
        (void)rdv__store_fail(store, RDV_ECANCELLED); /* on purpose: the store is well */
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
