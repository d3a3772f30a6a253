/* SPDX-License-Identifier: MIT */
/* Those who watch a trigger agent, and what they are told. */
#ifndef RDV__TRIGGER_OBSERVERS_H
#define RDV__TRIGGER_OBSERVERS_H

#include <stdbool.h>

#include <rdvtask/trigger.h>

struct rdv__watchers {
    rdv_watch *first;
    /* A callback is being called: nothing is freed. */
    bool telling;
};

/* An entry as it is now, kept until its change is durable. */
struct rdv__entry_copy;

/* Copy an entry with its strings. It has no changes and no output. */
int rdv__entry_copy_new(const rdv_entry *entry, struct rdv__entry_copy **ret_copy);

/* NULL is fine. */
void rdv__entry_copy_free(struct rdv__entry_copy *copy);

/* Tell all watchers of an entry. */
void rdv__watchers_tell(struct rdv__watchers *watchers, const struct rdv__entry_copy *copy);

int rdv__watchers_add(struct rdv__watchers *watchers, rdv_entry_fn fn, void *user,
                      rdv_watch **ret_watch);

/* The trigger agent goes. The watches stay, and are their owners' to free. */
void rdv__watchers_detach(struct rdv__watchers *watchers);

#endif
