/* SPDX-License-Identifier: MIT */
/* Words for why an entry has not started. What is the case is the trigger agent's to know. */
#ifndef RDV__EXPLAIN_H
#define RDV__EXPLAIN_H

#include <rdvtask/trigger.h>

struct rdv__facts {
    rdv_time now;
    rdv_window window;
    const char *label;
    int max_running;
    const char *blocker; /* identifier of a task that waits for a reboot, or NULL */
};

/* Fill in the words; all else of the explanation is set. */
void rdv__explain(rdv_explanation *explanation, const struct rdv__facts *facts);

#endif
