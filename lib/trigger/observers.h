/* SPDX-License-Identifier: MIT */
/* Who watches a trigger agent, and what they are told. */
#ifndef RDV__TRIGGER_OBSERVERS_H
#define RDV__TRIGGER_OBSERVERS_H

#include <stdbool.h>

#include <rdvtask/trigger.h>

struct rdv__watchers {
    rdv_watch *first;
    bool telling; /* inside a callback: nothing is freed */
};

/* An entry as it is now, kept until its change is durable. */
struct rdv__entry_copy;
int rdv__entry_copy_new(const rdv_entry *entry,
                        struct rdv__entry_copy **ret_copy); /* copies all; no changes, no output */
void rdv__entry_copy_free(struct rdv__entry_copy *copy);    /* NULL is fine */

void rdv__watchers_tell(struct rdv__watchers *watchers, const struct rdv__entry_copy *copy);
int rdv__watchers_add(struct rdv__watchers *watchers, rdv_entry_fn fn, void *user,
                      rdv_watch **ret_watch);
void rdv__watchers_detach(
    struct rdv__watchers *watchers); /* the trigger is going; the watches stay their owners' */

#endif
