/* SPDX-License-Identifier: MIT */
/*
 * Questions about many entries, answered in slices. control/methods.c makes a query for each such
 * question that comes through the socket, owns it, and does a slice of it at a time; control.c
 * follows the changes for its watchers, and owns how far each has got. Entries are read by
 * store/listing.c; which ones is found out in the queue and the history.
 *
 * A query goes through these stages:
 *     list      LISTING -----------------------------------> OVER
 *     history   COUNTING_BACK (with a limit) --> TELLING --> OVER
 *     show      FINDING (if it is unfinished) -------------> OVER
 *               FINDING --> COUNTING_BACK ------> TELLING --> OVER
 *
 * Each slice is a view of the store of its own: what is staged is committed before it, and nothing
 * of the store stays open after it. Between slices, a query keeps numbers only.
 */
#include "trigger/query.h"

#include <stdlib.h>
#include <string.h>

#include "store/listing.h"
#include "store/records.h"
#include "store/store.h"
#include "trigger/internal.h"

/*
 * What a slice may cost: showing an entry is 1 and an eighth of the number of its changes, looking
 * at a row of the history is an eighth, and looking at an entry in memory is less than a hundredth.
 */
#define SLICE_WORK     256
#define ROWS_A_UNIT    8
#define SLOTS_A_UNIT   128
#define CHANGES_A_UNIT 8

/* How many changes of each kind a slice of following looks for, and how many rows of unfinished
 * entries it looks at. */
#define FOLLOW_MAX  64
#define FOLLOW_ROWS 1024

/* How many entries a pass over all of them picks: for a question that has to make do with little
 * memory, and for one that may use more. */
#define PICKS       512
#define PICKS_ROOMY 8192

enum stage { LISTING, FINDING, COUNTING_BACK, TELLING, OVER };

struct rdv__query {
    rdv_trigger *trigger;
    /* Their texts lie behind this struct. */
    struct rdv__query_terms terms;
    unsigned flags;
    enum stage stage;
    /* What is left of the slice. */
    int work;
    /* How many entries were shown. */
    int64_t shown;
    /* How far the query has got in the history. */
    int64_t change;
    /* The last change when the question was asked: nothing that ended later is shown. */
    int64_t last;
    /* Which of the walk's picks is next. */
    size_t pick;
    rdv_entry_fn fn;
    void *user;
    /* For a list; else NULL. */
    struct rdv__queue_walk *walk;
};

static const char *copy_text(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static struct rdv__queue_walk *walk_new(const struct rdv__query_terms *terms)
{
    size_t room = terms->roomy ? PICKS_ROOMY : PICKS;
    struct rdv__queue_walk *walk = malloc(sizeof *walk + room * sizeof *walk->picks);
    if (walk)
        *walk = (struct rdv__queue_walk){.room = room};
    return walk;
}

int rdv__query_new(rdv_trigger *trigger, const struct rdv__query_terms *terms,
                   struct rdv__query **ret_query)
{
    size_t size = (terms->identifier ? strlen(terms->identifier) + 1 : 0) +
                  (terms->label ? strlen(terms->label) + 1 : 0);
    struct rdv__query *query = malloc(sizeof *query + size);
    if (!query)
        return RDV_ENOMEM;
    *query = (struct rdv__query){.trigger = trigger, .terms = *terms, .pick = 0};
    char *at = (char *)(query + 1);
    query->terms.identifier = copy_text(&at, terms->identifier);
    query->terms.label = copy_text(&at, terms->label);
    query->last = rdv__record_last_change(trigger->entries.store);
    switch (terms->kind) {
    case RDV__QUERY_LIST:
        query->stage = LISTING;
        query->walk = walk_new(terms);
        if (!query->walk) {
            free(query);
            return RDV_ENOMEM;
        }
        break;
    case RDV__QUERY_HISTORY:
        query->flags = RDV_FILTER_CHANGES;
        query->stage = terms->limit > 0 ? COUNTING_BACK : TELLING;
        query->change = terms->limit > 0 ? INT64_MAX : -1;
        break;
    case RDV__QUERY_SHOW:
        query->flags = RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT;
        query->stage = FINDING;
        query->terms.limit = 1;
        query->change = INT64_MAX;
        break;
    }
    *ret_query = query;
    return 0;
}

void rdv__query_free(struct rdv__query *query)
{
    if (query)
        free(query->walk);
    free(query);
}

size_t rdv__query_memory(const struct rdv__query *query)
{
    return sizeof *query +
           (query->walk ? sizeof *query->walk + query->walk->room * sizeof *query->walk->picks : 0);
}

/* ------------------------------------------------------------------ stages */

static int show_entry(void *user, const rdv_entry *entry)
{
    struct rdv__query *query = user;
    query->work -= (int)(entry->change_count / CHANGES_A_UNIT);
    query->shown++;
    return query->fn(query->user, entry);
}

static bool has_enough(const struct rdv__query *query)
{
    return query->terms.limit > 0 && query->shown >= query->terms.limit;
}

static int show_unfinished(struct rdv__query *query, int64_t number)
{
    query->work--;
    return rdv__listing_unfinished(query->trigger->entries.store, number, query->terms.label,
                                   query->flags, show_entry, query);
}

/* Do a part of the list: show what the last pass has picked, or make the next pass over all
 * entries. */
static int step_list(struct rdv__query *query)
{
    struct rdv__queue_walk *walk = query->walk;
    const bool pass_is_over = walk->slot == 0 && walk->after.number != 0;
    if (pass_is_over && query->pick < walk->count) {
        int result = show_unfinished(query, walk->picks[query->pick++].number);
        if (has_enough(query))
            query->stage = OVER;
        return result < 0 ? result : 0;
    }
    if (pass_is_over && walk->count < walk->room) {
        query->stage = OVER;
        return 0;
    }
    int slots = query->work * SLOTS_A_UNIT;
    query->pick = 0;
    if (rdv__queue_walk(query->trigger->entries.queue, walk, &slots) && walk->count == 0)
        query->stage = OVER;
    query->work = slots / SLOTS_A_UNIT;
    return 0;
}

static int step_find(struct rdv__query *query)
{
    uint32_t slot;
    struct rdv__live_entry *live;
    struct rdv__entries *entries = &query->trigger->entries;
    int result = rdv__entries_find(entries, query->terms.identifier, &slot, &live);
    if (result == 0)
        result = show_unfinished(query, rdv__queue_number(entries->queue, slot));
    if (result < 0 && result != RDV_ENOTFOUND)
        return result;
    query->stage = query->shown > 0 ? OVER : COUNTING_BACK;
    return 0;
}

/* Look for the next finished entry. Returns 1 if it is at query->change, and 0 if there is none or
 * the slice is over. */
static int seek_ended(struct rdv__query *query, bool back)
{
    int rows = query->work * ROWS_A_UNIT;
    int result = rdv__listing_seek(query->trigger->entries.store, back, query->terms.identifier,
                                   &query->change, &rows);
    query->work = rows / ROWS_A_UNIT;
    return result;
}

/* Go from the end of the history back to the first of the entries that are wanted. */
static int step_back(struct rdv__query *query)
{
    int found = seek_ended(query, true);
    if (found < 0)
        return found;
    /* Entries are counted here, and anew when they are shown. */
    if (found == 1)
        query->shown++;
    if (has_enough(query) || (found == 0 && query->work > 0)) {
        query->change = has_enough(query) ? query->change - 1 : -1;
        query->stage = query->shown > 0 ? TELLING : OVER;
        query->shown = 0;
    }
    return 0;
}

/* Show the history from where step_back() has got to, up to what had ended when the question was
 * asked. */
static int step_tell(struct rdv__query *query)
{
    int found = seek_ended(query, false);
    if (found == 1 && query->change <= query->last) {
        query->work--;
        found = rdv__listing_ended(query->trigger->entries.store, query->change, query->flags,
                                   show_entry, query);
    } else if (found == 1 || (found == 0 && query->work > 0)) {
        query->stage = OVER;
    }
    if (has_enough(query))
        query->stage = OVER;
    return found < 0 ? found : 0;
}

int rdv__query_step(struct rdv__query *query, rdv_entry_fn fn, void *user)
{
    rdv_store *store = query->trigger->entries.store;
    int result = rdv__store_begin_view(store);
    if (result != 0)
        return result;
    query->fn = fn;
    query->user = user;
    query->work = SLICE_WORK;
    while (result == 0 && query->work > 0 && query->stage != OVER) {
        switch (query->stage) {
        case LISTING:
            result = step_list(query);
            break;
        case FINDING:
            result = step_find(query);
            break;
        case COUNTING_BACK:
            result = step_back(query);
            break;
        case TELLING:
            result = step_tell(query);
            break;
        case OVER:
            break;
        }
    }
    rdv__store_end_view(store);
    return result != 0 ? result : query->stage != OVER;
}

/* --------------------------------------------------------------- following */

/* A change that is to be told, and where its entry is. */
struct item {
    int64_t change;
    /* The number of the entry; 0 = it has ended. */
    int64_t number;
};

/* Changes of all kinds. Some of those after `bound` may be missing, so all of these are left to the
 * next slice. */
struct items {
    struct item items[3 * FOLLOW_MAX];
    size_t count;
    int64_t bound;
};

static void add_item(struct items *items, int64_t change, int64_t number)
{
    items->items[items->count++] = (struct item){change, number};
}

/* Leave the changes after this one to the next slice. */
static void bound_items(struct items *items, int64_t change)
{
    if (change < items->bound)
        items->bound = change;
}

static int gather_ended(rdv_store *store, int64_t told, struct items *items)
{
    int rows = FOLLOW_MAX, result;
    int64_t change = told;
    while ((result = rdv__listing_seek(store, false, NULL, &change, &rows)) == 1)
        add_item(items, change, 0);
    if (rows == 0)
        bound_items(items, change);
    return result;
}

/* Pending entries have the change that scheduled them, so their changes are in the order of their
 * numbers. */
static int gather_pending(rdv_store *store, struct rdv__query_follow *follow, struct items *items)
{
    struct rdv__listing_key keys[FOLLOW_ROWS];
    size_t count = 0, found = 0;
    int result = rdv__listing_keys(store, follow->number, keys, FOLLOW_ROWS, &count);
    if (result != 0)
        return result;
    for (size_t i = 0; i < count && found < FOLLOW_MAX; i++) {
        if (keys[i].waits && keys[i].change > follow->told) {
            add_item(items, keys[i].change, keys[i].number);
            found++;
        } else if (found == 0) {
            follow->number = keys[i].number;
        }
    }
    /* If none of so many rows is news, it is not known yet from which change on there is any. */
    if (found == FOLLOW_MAX || count == FOLLOW_ROWS)
        bound_items(items, found > 0 ? items->items[items->count - 1].change : follow->told);
    return 0;
}

/* Collect the earliest changes of entries under way, in a heap with the latest of them at its head.
 * */
static void gather_running(const struct rdv__entries *entries, int64_t told, struct items *items)
{
    struct item *heap = items->items + items->count;
    size_t count = 0;
    bool more = false;
    for (const struct rdv__live_entry *live = entries->live; live; live = live->next) {
        if (live->change <= told)
            continue;
        size_t place = count;
        if (count < FOLLOW_MAX) {
            count++;
        } else {
            more = true;
            if (live->change >= heap[0].change)
                continue;
            /* Take out the head: move its place down to where nothing is below it. */
            place = 0;
            for (size_t child; (child = place * 2 + 1) < count; place = child) {
                if (child + 1 < count && heap[child + 1].change > heap[child].change)
                    child++;
                heap[place] = heap[child];
            }
        }
        while (place > 0 && heap[(place - 1) / 2].change < live->change) {
            heap[place] = heap[(place - 1) / 2];
            place = (place - 1) / 2;
        }
        heap[place] = (struct item){live->change, live->keys.number};
    }
    items->count += count;
    if (more)
        bound_items(items, heap[0].change);
}

/* An entry whose end is not settled yet is found twice, by the same change. The one that has ended
 * comes first, as that is what the store has. */
static int compare_items(const void *a, const void *b)
{
    const struct item *first = a, *second = b;
    if (first->change != second->change)
        return first->change < second->change ? -1 : 1;
    return (first->number > second->number) - (first->number < second->number);
}

int rdv__query_follow(rdv_trigger *trigger, struct rdv__query_follow *follow, rdv_entry_fn fn,
                      void *user)
{
    rdv_store *store = trigger->entries.store;
    struct items items = {.count = 0, .bound = INT64_MAX};
    int result = rdv__store_begin_view(store);
    if (result != 0)
        return result;
    result = gather_ended(store, follow->told, &items);
    if (result == 0)
        result = gather_pending(store, follow, &items);
    if (result == 0)
        gather_running(&trigger->entries, follow->told, &items);
    qsort(items.items, items.count, sizeof *items.items, compare_items);
    int64_t last = rdv__record_last_change(store);
    bool enough = false;
    for (size_t i = 0; i < items.count && items.items[i].change <= items.bound; i++) {
        const struct item *item = &items.items[i];
        if (result < 0 || enough)
            break;
        /* The entry was told of already, as ended. */
        if (item->change == follow->told)
            continue;
        result = item->number != 0 ? rdv__listing_unfinished(store, item->number, NULL, 0, fn, user)
                                   : rdv__listing_ended(store, item->change, 0, fn, user);
        enough = result == RDV__QUERY_ENOUGH;
        if (result >= 0)
            follow->told = item->change;
    }
    rdv__store_end_view(store);
    if (result < 0)
        return result;
    if (!enough)
        follow->told = items.bound < INT64_MAX ? items.bound : last;
    return enough || items.bound < INT64_MAX;
}
