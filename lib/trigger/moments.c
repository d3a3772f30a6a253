/* SPDX-License-Identifier: MIT */
/*
 * A pairing heap of moments. entries.c owns the one that there is, and embeds a struct rdv__moment
 * in each live entry.
 *
 * Each heap is a tree: no moment comes before its parent. A parent has a list of its children, by
 * `child` and `next`; `previous` leads back in that list, and from the first child to the parent.
 * The root has neither `next` nor `previous`.
 */
#include "trigger/moments.h"

#include <assert.h>
#include <stddef.h>

static bool is_before(const struct rdv__moment *a, const struct rdv__moment *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

/* Make one heap of two, of which either may be NULL. */
static struct rdv__moment *meld(struct rdv__moment *a, struct rdv__moment *b)
{
    if (!a || !b)
        return a ? a : b;
    if (is_before(b, a)) {
        struct rdv__moment *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    if (b->next)
        b->next->previous = b;
    b->previous = a;
    a->child = b;
    return a;
}

/* Make one heap of a row of heaps: first merge them in pairs, and then all the pairs. */
static struct rdv__moment *meld_all(struct rdv__moment *row)
{
    struct rdv__moment *pairs = NULL, *all = NULL;
    while (row) {
        struct rdv__moment *a = row, *b = a->next;
        row = b ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b)
            b->next = b->previous = NULL;
        struct rdv__moment *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct rdv__moment *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        all = meld(all, pair);
    }
    return all;
}

void rdv__moments_remove(struct rdv__moments *moments, struct rdv__moment *moment)
{
    if (!moment->is_in)
        return;
    struct rdv__moment *below = meld_all(moment->child);
    if (moment == moments->first) {
        moments->first = below;
    } else {
        if (moment->previous->child == moment)
            moment->previous->child = moment->next;
        else
            moment->previous->next = moment->next;
        if (moment->next)
            moment->next->previous = moment->previous;
        moments->first = meld(moments->first, below);
    }
    moment->child = moment->next = moment->previous = NULL;
    moment->is_in = false;
}

void rdv__moments_put(struct rdv__moments *moments, struct rdv__moment *moment, rdv_duration at)
{
    rdv__moments_remove(moments, moment);
    assert(!moment->child && !moment->next && !moment->previous);
    moment->at = at;
    moment->is_in = true;
    moments->first = meld(moments->first, moment);
}
