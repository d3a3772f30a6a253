/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "watch.h"

struct rdv_watch {
    struct rdv__watchers *watchers; /* NULL once the trigger is gone */
    rdv_entry_fn fn;                /* NULL once it is freed inside a callback */
    void *user;
    rdv_watch *next;
};

struct rdv__notice {
    rdv_entry entry;
    char text[]; /* its strings */
};

static const char *copy_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

int rdv__notice_new(const rdv_entry *entry, struct rdv__notice **ret_notice)
{
    size_t size = strlen(entry->identifier) + strlen(entry->label) + strlen(entry->message) + 3;
    struct rdv__notice *notice = malloc(sizeof *notice + size);
    if (!notice)
        return RDV_ENOMEM;
    notice->entry = *entry;
    char *at = notice->text;
    notice->entry.identifier = copy_text(&at, entry->identifier);
    notice->entry.label = copy_text(&at, entry->label);
    notice->entry.message = copy_text(&at, entry->message);
    *ret_notice = notice;
    return 0;
}

void rdv__notice_free(struct rdv__notice *notice)
{
    free(notice);
}

/* Free the watches that were given up during a callback. */
static void sweep(struct rdv__watchers *watchers)
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

void rdv__watchers_tell(struct rdv__watchers *watchers, const struct rdv__notice *notice)
{
    watchers->telling = true;
    for (rdv_watch *watch = watchers->first; watch; watch = watch->next)
        if (watch->fn)
            watch->fn(watch->user, &notice->entry);
    watchers->telling = false;
    sweep(watchers);
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
        sweep(watchers);
}
