/* SPDX-License-Identifier: MIT */
/*
 * Those who watch a trigger agent. entries.c owns the list, keeps a copy of an entry for each
 * change as long as anybody watches, and tells it when the change is durable; api.c adds watches,
 * and rdv_watch_free() takes them away.
 *
 * A watch may be freed inside a callback, its own or another's: it then stays in the list, without
 * a function, until all are told. A watch may outlive the trigger agent.
 */
#include "trigger/observers.h"

#include <stdlib.h>
#include <string.h>

struct rdv_watch {
    /* NULL once the trigger agent is gone. */
    struct rdv__watchers *watchers;
    /* NULL once the watch was freed inside a callback. */
    rdv_entry_fn fn;
    void *user;
    rdv_watch *next;
};

struct rdv__entry_copy {
    rdv_entry entry;
    /* The strings of the entry. */
    char text[];
};

static const char *copy_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

int rdv__entry_copy_new(const rdv_entry *entry, struct rdv__entry_copy **ret_copy)
{
    size_t size = strlen(entry->identifier) + strlen(entry->label) + strlen(entry->message) + 3;
    struct rdv__entry_copy *copy = malloc(sizeof *copy + size);
    if (!copy)
        return RDV_ENOMEM;
    copy->entry = *entry;
    char *at = copy->text;
    copy->entry.identifier = copy_text(&at, entry->identifier);
    copy->entry.label = copy_text(&at, entry->label);
    copy->entry.message = copy_text(&at, entry->message);
    *ret_copy = copy;
    return 0;
}

void rdv__entry_copy_free(struct rdv__entry_copy *copy)
{
    free(copy);
}

/* Free the watches that were given up inside a callback. */
static void free_given_up(struct rdv__watchers *watchers)
{
    for (rdv_watch **at = &watchers->first; *at;) {
        rdv_watch *watch = *at;
        if (watch->fn) {
            at = &watch->next;
        } else {
            *at = watch->next;
            free(watch);
        }
    }
}

void rdv__watchers_tell(struct rdv__watchers *watchers, const struct rdv__entry_copy *copy)
{
    watchers->telling = true;
    for (rdv_watch *watch = watchers->first; watch; watch = watch->next)
        if (watch->fn)
            watch->fn(watch->user, &copy->entry);
    watchers->telling = false;
    free_given_up(watchers);
}

int rdv__watchers_add(struct rdv__watchers *watchers, rdv_entry_fn fn, void *user,
                      rdv_watch **ret_watch)
{
    rdv_watch *watch = malloc(sizeof *watch);
    if (!watch)
        return RDV_ENOMEM;
    *watch = (rdv_watch){.watchers = watchers, .fn = fn, .user = user, .next = watchers->first};
    watchers->first = watch;
    *ret_watch = watch;
    return 0;
}

void rdv__watchers_detach(struct rdv__watchers *watchers)
{
    for (rdv_watch *watch = watchers->first; watch; watch = watch->next)
        watch->watchers = NULL;
    watchers->first = NULL;
}

void rdv_watch_free(rdv_watch *watch)
{
    if (!watch)
        return;
    struct rdv__watchers *watchers = watch->watchers;
    if (!watchers) {
        free(watch);
        return;
    }
    watch->fn = NULL;
    if (!watchers->telling)
        free_given_up(watchers);
}
