/* SPDX-License-Identifier: MIT */
/* The sink that a trigger agent hands to its plug-in. */
#ifndef RDV__TRIGGER_SINK_H
#define RDV__TRIGGER_SINK_H

#include <rdvtask/plugin.h>
#include <rdvtask/trigger.h>

/* How many calls from other threads may wait for the loop; beyond that only the end of a run and of the plug-in are taken. */
#define RDV__SINK_POSTS 4096

/* What the trigger does with what the sink hears; on the owner thread. */
struct rdv__sink_target {
    int (*schedule)(rdv_trigger *trigger, const rdv_window *window, rdv_task *task);
    int (*delete_schedule)(rdv_trigger *trigger, const char *identifier);
    /* The same for what was posted, which shares the commit of the turn. */
    int (*stage_schedule)(rdv_trigger *trigger, const rdv_window *window, rdv_task *task);
    int (*stage_delete)(rdv_trigger *trigger, const char *identifier);
    int (*report)(rdv_trigger *trigger, const char *identifier, const rdv_report *report);
    void (*terminated)(rdv_trigger *trigger, int reason);
};

int rdv__sink_new(rdv_trigger *trigger, const struct rdv__sink_target *target, rdv_loop *loop,
                  const rdv_log *log, rdv_sink **ret_sink);

/* The trigger is going: calls that still come do nothing. Gives the trigger's reference back. NULL is fine. */
void rdv__sink_detach(rdv_sink *sink);

#endif
