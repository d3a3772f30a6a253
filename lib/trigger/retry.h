/* SPDX-License-Identifier: MIT */
/* What a trigger agent does about a store that can't be written to: it waits, and tries again. */
#ifndef RDV__TRIGGER_RETRY_H
#define RDV__TRIGGER_RETRY_H

#include <rdvtask/trigger.h>

/* The longest wait between two tries. */
#define RDV__RETRY_LAST RDV_MINUTE

/* The store did not take something that has to be written, and gave this error: log that, and have
 * another try later. Until then, trigger->retry_waiting is set, and nothing starts. */
void rdv__retry_later(rdv_trigger *trigger, int result);

/* The function of trigger->timer: the wait is over. */
void rdv__retry_fired(void *trigger);

/* A change of the entries is durable, or has failed with this error: note whether the store
 * works. */
void rdv__retry_settled(void *trigger, int result);

#endif
