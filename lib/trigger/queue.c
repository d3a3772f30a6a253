/* SPDX-License-Identifier: MIT */
/*
 * The queue: what memory has of each unfinished entry. entries.c owns it and makes all changes; the
 * files that decide and tell ask it what comes first.
 *
 *                 rest, wait, ready (any of the three to any other)
 *                +-------------------------------------------+
 *   add          |                                           |     run
 *   ---------> resting <------> waiting <------> ready <-----+  ---------> running
 *                ^                                                           |
 *                +------------------------- restore -------------------------+
 *
 * In every mode an entry can be hidden and shown again; a running one is running after that, and
 * all others rest. Removing frees the slot from any mode.
 *
 * What holds between calls (rdv__queue_check() looks at all of it):
 *  - Each heap has the entries of its mode and no others, and each entry knows its place there.
 *  - An entry that has an end has a place among the ends. Only those of ready entries are a heap.
 *  - Once `hashed` is set, each entry that is not hidden is in the bucket of its hash.
 *  - There is room in every array for whatever may still be done to the entries that there are.
 */
#include "trigger/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/window.h"
#include "platform/platform.h"

/*
 * Entries come in chunks, which never move, so that no more than one chunk is unused. What lies in
 * the order of a heap comes in arrays, which grow by an eighth. Of an entry's bytes, 41 are the
 * entry, up to 3 its part of the buckets, and up to 5 its cell: it is ready, or due at a moment, or
 * neither. An end takes up to 14 more.
 */
#define CHUNK 64

/*
 * HEAP_READY and HEAP_TIME share one array, from its two sides: no entry is in both. HEAP_ENDS has
 * the ends themselves: those of ready entries are the heap, and behind it, in no order, lie those
 * of all others that have one.
 */
enum heap { HEAP_READY, HEAP_TIME, HEAP_ENDS, HEAPS };

enum mode { FREE, RESTING, WAITING, READY, RUNNING, HIDDEN, HIDDEN_RUNNING };

#define NOWHERE UINT32_MAX

/* Slots and places stay below this, and so below RDV__QUEUE_NONE. */
#define SLOTS_MAX (UINT32_MAX - CHUNK)

struct entry {
    /* 0 if the entry runs. */
    rdv_time start;
    union {
        rdv_time deadline;
        /* Of an entry that runs. */
        void *user;
    } u;
    int64_t number;
    uint32_t hash;
    /* The next entry in the bucket, or the next free slot. */
    uint32_t next;
    /* The place in the heap of its mode, or NOWHERE. */
    uint32_t place;
    /* The place of its end, or NOWHERE if it has none. */
    uint32_t end;
};

struct chunk {
    struct entry entries[CHUNK];
    unsigned char modes[CHUNK];
};

struct rdv__queue {
    struct chunk **chunks;
    uint32_t chunk_count;
    uint32_t chunk_room;
    /* How many slots were used so far, free ones included. */
    uint32_t slot_count;
    /* The first free slot. */
    uint32_t free;
    /* How many slots are not free, and how many of these are not hidden. */
    uint32_t used;
    uint32_t shown;

    /* The slots in HEAP_READY, from the front, and those in HEAP_TIME, from the back. */
    uint32_t *cells;
    uint32_t cell_room;
    /* The ends, and the slots of the entries that they belong to. */
    rdv_time *ends;
    uint32_t *end_slots;
    uint32_t end_count;
    uint32_t end_room;
    uint32_t heap_count[HEAPS];

    /* The first entry of each bucket. */
    uint32_t *buckets;
    /* A power of two, or 0. */
    uint32_t bucket_count;
    /* The entries are in their buckets. They are not from when the buckets grow until an entry is
     * looked for. */
    bool hashed;
    struct rdv__hash_key key;
};

static struct entry *entry_of(const struct rdv__queue *queue, uint32_t slot)
{
    assert(slot < queue->slot_count);
    return &queue->chunks[slot / CHUNK]->entries[slot % CHUNK];
}

static enum mode mode_of(const struct rdv__queue *queue, uint32_t slot)
{
    assert(slot < queue->slot_count);
    return (enum mode)queue->chunks[slot / CHUNK]->modes[slot % CHUNK];
}

static void set_mode(struct rdv__queue *queue, uint32_t slot, enum mode mode)
{
    queue->chunks[slot / CHUNK]->modes[slot % CHUNK] = (unsigned char)mode;
}

static bool is_hidden(const struct rdv__queue *queue, uint32_t slot)
{
    return mode_of(queue, slot) == HIDDEN || mode_of(queue, slot) == HIDDEN_RUNNING;
}

static bool is_running(const struct rdv__queue *queue, uint32_t slot)
{
    return mode_of(queue, slot) == RUNNING || mode_of(queue, slot) == HIDDEN_RUNNING;
}

/* ------------------------------------------------------------------- heaps */

/*
 * A node has four children: that makes half the levels of a binary heap, and memory, which a large
 * heap mostly waits for, brings the four at once. `heap` is a constant in every call, so that the
 * compiler makes one set of functions for each heap.
 */
#define CHILDREN 4

static inline uint32_t *cell_of(const struct rdv__queue *queue, enum heap heap, uint32_t place)
{
    switch (heap) {
    case HEAP_READY:
        return &queue->cells[place];
    case HEAP_TIME:
        return &queue->cells[queue->cell_room - 1 - place];
    default:
        return &queue->end_slots[place];
    }
}

/* The moment by which HEAP_TIME and HEAP_ENDS are ordered. */
static inline rdv_time moment_at(const struct rdv__queue *queue, enum heap heap, uint32_t place,
                                 const struct entry *entry)
{
    return heap == HEAP_ENDS ? queue->ends[place] : entry->start;
}

static inline void put_at(struct rdv__queue *queue, enum heap heap, uint32_t place, uint32_t slot,
                          struct entry *entry, rdv_time moment)
{
    *cell_of(queue, heap, place) = slot;
    if (heap == HEAP_ENDS) {
        queue->ends[place] = moment;
        entry->end = place;
    } else {
        entry->place = place;
    }
}

static inline bool is_before(enum heap heap, const struct entry *a, rdv_time a_moment,
                             const struct entry *b, rdv_time b_moment)
{
    if (heap == HEAP_READY)
        return rdv__order(a->u.deadline, a->start, a->number, b->u.deadline, b->start, b->number) <
               0;
    return a_moment != b_moment ? a_moment < b_moment : a->number < b->number;
}

/* Put an entry where it belongs in the heap: at a place that is free for it, or up or down from
 * there. */
static inline void settle_entry(struct rdv__queue *queue, enum heap heap, uint32_t place,
                                uint32_t slot, struct entry *entry, rdv_time moment)
{
    uint32_t count = queue->heap_count[heap];
    uint32_t from = place;

    while (place > 0) {
        uint32_t above = (place - 1) / CHILDREN;
        uint32_t other_slot = *cell_of(queue, heap, above);
        struct entry *other = entry_of(queue, other_slot);
        rdv_time other_moment = moment_at(queue, heap, above, other);
        if (!is_before(heap, entry, moment, other, other_moment))
            break;
        put_at(queue, heap, place, other_slot, other, other_moment);
        place = above;
    }

    while (place >= from && place < (count + CHILDREN - 2) / CHILDREN) {
        uint32_t child = place * CHILDREN + 1;
        uint32_t behind = count - child < CHILDREN ? count : child + CHILDREN;
        uint32_t first = child, first_slot = *cell_of(queue, heap, child);
        struct entry *first_entry = entry_of(queue, first_slot);
        rdv_time first_moment = moment_at(queue, heap, child, first_entry);

        while (++child < behind) {
            uint32_t other_slot = *cell_of(queue, heap, child);
            struct entry *other = entry_of(queue, other_slot);
            rdv_time other_moment = moment_at(queue, heap, child, other);
            if (is_before(heap, other, other_moment, first_entry, first_moment)) {
                first = child;
                first_slot = other_slot;
                first_entry = other;
                first_moment = other_moment;
            }
        }
        if (!is_before(heap, first_entry, first_moment, entry, moment))
            break;
        put_at(queue, heap, place, first_slot, first_entry, first_moment);
        place = first;
    }

    put_at(queue, heap, place, slot, entry, moment);
}

static inline void enter_heap(struct rdv__queue *queue, enum heap heap, uint32_t slot,
                              struct entry *entry, rdv_time moment)
{
    settle_entry(queue, heap, queue->heap_count[heap]++, slot, entry, moment);
}

/* Give a place of the heap up. The last entry takes it, and moves to where it belongs. */
static inline void leave_heap(struct rdv__queue *queue, enum heap heap, uint32_t place)
{
    uint32_t last = --queue->heap_count[heap];
    uint32_t last_slot = *cell_of(queue, heap, last);
    struct entry *entry = entry_of(queue, last_slot);

    if (place != last)
        settle_entry(queue, heap, place, last_slot, entry, moment_at(queue, heap, last, entry));
}

/* An entry has become ready: bring its end from behind the heap of ends into it. */
static void watch_end(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    uint32_t behind = queue->heap_count[HEAP_ENDS], other = queue->end_slots[behind];
    rdv_time end = queue->ends[entry->end];

    put_at(queue, HEAP_ENDS, entry->end, other, entry_of(queue, other), queue->ends[behind]);
    enter_heap(queue, HEAP_ENDS, slot, entry, end);
}

/* An entry is not ready any more: put its end behind the heap of ends again. */
static void ignore_end(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    rdv_time end = queue->ends[entry->end];

    leave_heap(queue, HEAP_ENDS, entry->end);
    put_at(queue, HEAP_ENDS, queue->heap_count[HEAP_ENDS], slot, entry, end);
}

static void add_end(struct rdv__queue *queue, uint32_t slot, struct entry *entry, rdv_time end)
{
    put_at(queue, HEAP_ENDS, queue->end_count++, slot, entry, end);
}

static void remove_end(struct rdv__queue *queue, const struct entry *entry)
{
    uint32_t last = --queue->end_count, slot = queue->end_slots[last];

    if (entry->end != last)
        put_at(queue, HEAP_ENDS, entry->end, slot, entry_of(queue, slot), queue->ends[last]);
}

/* Take an entry out of all heaps. */
static void leave_heaps(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    if (entry->place == NOWHERE)
        return;
    if (mode_of(queue, slot) == READY) {
        leave_heap(queue, HEAP_READY, entry->place);
        if (entry->end != NOWHERE)
            ignore_end(queue, slot, entry);
    } else {
        leave_heap(queue, HEAP_TIME, entry->place);
    }
    entry->place = NOWHERE;
}

/* -------------------------------------------------------------------- hash */

uint32_t rdv__queue_hash(const struct rdv__queue *queue, const char *identifier, size_t size)
{
    return rdv__hash(&queue->key, identifier, size);
}

static uint32_t *bucket_of(const struct rdv__queue *queue, uint32_t hash)
{
    return &queue->buckets[hash & (queue->bucket_count - 1)];
}

static void put_in_bucket(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    uint32_t *bucket = bucket_of(queue, entry->hash);

    entry->next = *bucket;
    *bucket = slot;
}

static void link_entry(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    queue->shown++;
    if (queue->hashed)
        put_in_bucket(queue, slot, entry);
}

static void unlink_entry(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    queue->shown--;
    if (!queue->hashed)
        return;
    uint32_t *link = bucket_of(queue, entry->hash);
    while (*link != slot)
        link = &entry_of(queue, *link)->next;
    *link = entry->next;
}

/* Make twice as many buckets. They stay empty until an entry is looked for: so a million entries
 * that are added in a row are hashed once. */
static int grow_buckets(struct rdv__queue *queue)
{
    uint32_t count = queue->bucket_count > 0 ? queue->bucket_count * 2 : CHUNK / 4;

    uint32_t *buckets = realloc(queue->buckets, (size_t)count * sizeof *buckets);
    if (!buckets)
        return RDV_ENOMEM;
    queue->buckets = buckets;
    queue->bucket_count = count;
    queue->hashed = false;
    return 0;
}

/*
 * Fill the buckets anew, in the order of the slots: so entries are read as they lie in memory,
 * where following the buckets would wait for each.
 */
static void fill_buckets(struct rdv__queue *queue)
{
    memset(queue->buckets, 0xFF, (size_t)queue->bucket_count * sizeof *queue->buckets); /* NONE */
    for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
        if (!is_hidden(queue, slot) && mode_of(queue, slot) != FREE)
            put_in_bucket(queue, slot, entry_of(queue, slot));
    }
    queue->hashed = true;
}

/* ------------------------------------------------------------------- slots */

/* How large an array becomes that is full now. */
static uint32_t more_than(uint32_t room)
{
    return room < SLOTS_MAX / 9 * 8 - CHUNK ? room + room / 8 + CHUNK / 2 : SLOTS_MAX;
}

static int grow_chunks(struct rdv__queue *queue)
{
    if (queue->chunk_count == queue->chunk_room) {
        uint32_t room = more_than(queue->chunk_room);
        struct chunk **chunks = realloc(queue->chunks, (size_t)room * sizeof(struct chunk *));
        if (!chunks)
            return RDV_ENOMEM;
        queue->chunks = chunks;
        queue->chunk_room = room;
    }

    struct chunk *chunk = malloc(sizeof *chunk);
    if (!chunk)
        return RDV_ENOMEM;
    queue->chunks[queue->chunk_count++] = chunk;
    return 0;
}

static int grow_cells(struct rdv__queue *queue)
{
    uint32_t room = more_than(queue->cell_room), behind = queue->heap_count[HEAP_TIME];

    uint32_t *cells = realloc(queue->cells, (size_t)room * sizeof *cells);
    if (!cells)
        return RDV_ENOMEM;
    memmove(cells + room - behind, cells + queue->cell_room - behind, behind * sizeof *cells);
    queue->cells = cells;
    queue->cell_room = room;
    return 0;
}

static int grow_ends(struct rdv__queue *queue)
{
    uint32_t room = more_than(queue->end_room);

    rdv_time *ends = realloc(queue->ends, (size_t)room * sizeof *ends);
    if (ends)
        queue->ends = ends;
    uint32_t *slots = realloc(queue->end_slots, (size_t)room * sizeof *slots);
    if (slots)
        queue->end_slots = slots;
    if (!ends || !slots)
        return RDV_ENOMEM;
    queue->end_room = room;
    return 0;
}

/* Make room for one more entry, whatever is to be done with it later. */
static int reserve_entry(struct rdv__queue *queue, bool with_end)
{
    int r = 0;

    if (queue->used >= SLOTS_MAX)
        return RDV_ENOMEM;
    if (queue->free == RDV__QUEUE_NONE && queue->slot_count == queue->chunk_count * CHUNK)
        r = grow_chunks(queue);
    if (r == 0 && queue->used == queue->cell_room)
        r = grow_cells(queue);
    if (r == 0 && with_end && queue->end_count == queue->end_room)
        r = grow_ends(queue);
    if (r == 0 && queue->used / 3 >= queue->bucket_count)
        r = grow_buckets(queue);
    return r;
}

static uint32_t take_slot(struct rdv__queue *queue)
{
    uint32_t slot = queue->free;

    if (slot == RDV__QUEUE_NONE)
        slot = queue->slot_count++;
    else
        queue->free = entry_of(queue, slot)->next;
    queue->used++;
    return slot;
}

int rdv__queue_new(struct rdv__queue **ret_queue)
{
    struct rdv__queue *queue = calloc(1, sizeof *queue);
    int r;

    if (!queue)
        return RDV_ENOMEM;
    queue->free = RDV__QUEUE_NONE;
    r = rdv__plat_random(&queue->key, sizeof queue->key);
    if (r < 0) {
        rdv__queue_free(queue);
        return r;
    }
    *ret_queue = queue;
    return 0;
}

void rdv__queue_free(struct rdv__queue *queue)
{
    if (!queue)
        return;
    for (uint32_t i = 0; i < queue->chunk_count; i++)
        free(queue->chunks[i]);
    free(queue->chunks);
    free(queue->cells);
    free(queue->ends);
    free(queue->end_slots);
    free(queue->buckets);
    free(queue);
}

static void set_keys(struct entry *entry, const struct rdv__keys *keys)
{
    assert(keys->number > 0);
    assert(keys->start >= 0 && keys->deadline >= 0);
    assert(keys->end >= 0 && keys->end < INT64_MAX);
    entry->start = keys->start;
    entry->u.deadline = keys->deadline;
    entry->number = keys->number;
}

static rdv_time end_of(const struct rdv__queue *queue, const struct entry *entry)
{
    return entry->end != NOWHERE ? queue->ends[entry->end] : 0;
}

int rdv__queue_add(struct rdv__queue *queue, const struct rdv__keys *keys, uint32_t hash,
                   uint32_t *ret_slot)
{
    int r = reserve_entry(queue, keys->end != 0);
    if (r < 0)
        return r;

    uint32_t slot = take_slot(queue);
    struct entry *entry = entry_of(queue, slot);
    set_keys(entry, keys);
    entry->hash = hash;
    entry->place = entry->end = NOWHERE;
    if (keys->end != 0)
        add_end(queue, slot, entry, keys->end);
    set_mode(queue, slot, RESTING);
    link_entry(queue, slot, entry);
    *ret_slot = slot;
    return 0;
}

void rdv__queue_remove(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = entry_of(queue, slot);

    rdv__queue_hide(queue, slot);
    if (entry->end != NOWHERE)
        remove_end(queue, entry);
    set_mode(queue, slot, FREE);
    entry->next = queue->free;
    queue->free = slot;
    queue->used--;
}

void rdv__queue_hide(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = entry_of(queue, slot);

    assert(mode_of(queue, slot) != FREE);
    if (is_hidden(queue, slot))
        return;
    leave_heaps(queue, slot, entry);
    unlink_entry(queue, slot, entry);
    set_mode(queue, slot, is_running(queue, slot) ? HIDDEN_RUNNING : HIDDEN);
}

void rdv__queue_show(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = entry_of(queue, slot);

    assert(is_hidden(queue, slot));
    set_mode(queue, slot, is_running(queue, slot) ? RUNNING : RESTING);
    link_entry(queue, slot, entry);
}

/* ------------------------------------------------------------------- modes */

/* Take an entry out of all heaps, and set its mode. The caller puts it into the heap of that mode.
 * */
static struct entry *change_mode(struct rdv__queue *queue, uint32_t slot, enum mode mode)
{
    struct entry *entry = entry_of(queue, slot);

    assert(!is_hidden(queue, slot) && mode_of(queue, slot) != FREE);
    assert(mode == RUNNING || mode_of(queue, slot) != RUNNING);
    leave_heaps(queue, slot, entry);
    set_mode(queue, slot, mode);
    return entry;
}

void rdv__queue_rest(struct rdv__queue *queue, uint32_t slot)
{
    change_mode(queue, slot, RESTING);
}

void rdv__queue_wait(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = change_mode(queue, slot, WAITING);
    enter_heap(queue, HEAP_TIME, slot, entry, entry->start);
}

void rdv__queue_ready(struct rdv__queue *queue, uint32_t slot)
{
    if (mode_of(queue, slot) == READY)
        return;
    struct entry *entry = change_mode(queue, slot, READY);
    enter_heap(queue, HEAP_READY, slot, entry, 0);
    if (entry->end != NOWHERE)
        watch_end(queue, slot, entry);
}

void rdv__queue_run(struct rdv__queue *queue, uint32_t slot, void *user)
{
    assert(user);
    struct entry *entry = change_mode(queue, slot, RUNNING);
    entry->start = 0;
    entry->u.user = user;
}

void rdv__queue_restore(struct rdv__queue *queue, uint32_t slot, const struct rdv__keys *keys)
{
    struct entry *entry = entry_of(queue, slot);

    assert(is_running(queue, slot));
    assert(keys->number == entry->number && keys->end == end_of(queue, entry));
    leave_heaps(queue, slot, entry);
    set_keys(entry, keys);
    set_mode(queue, slot, is_hidden(queue, slot) ? HIDDEN : RESTING);
}

/* ----------------------------------------------------------------- looking */

struct rdv__keys rdv__queue_keys(const struct rdv__queue *queue, uint32_t slot)
{
    const struct entry *entry = entry_of(queue, slot);

    assert(!is_running(queue, slot) && mode_of(queue, slot) != FREE);
    return (struct rdv__keys){entry->start, end_of(queue, entry), entry->u.deadline, entry->number};
}

int64_t rdv__queue_number(const struct rdv__queue *queue, uint32_t slot)
{
    return entry_of(queue, slot)->number;
}

void *rdv__queue_user(const struct rdv__queue *queue, uint32_t slot)
{
    return is_running(queue, slot) ? entry_of(queue, slot)->u.user : NULL;
}

bool rdv__queue_is_ready(const struct rdv__queue *queue, uint32_t slot)
{
    return mode_of(queue, slot) == READY;
}

uint32_t rdv__queue_earliest(const struct rdv__queue *queue, rdv_time *ret_moment)
{
    uint32_t slot = RDV__QUEUE_NONE;
    rdv_time moment = 0;

    if (queue->heap_count[HEAP_TIME] > 0) {
        slot = *cell_of(queue, HEAP_TIME, 0);
        moment = entry_of(queue, slot)->start;
    }
    if (queue->heap_count[HEAP_ENDS] > 0) {
        uint32_t other = queue->end_slots[0];
        rdv_time past = queue->ends[0] + 1;
        if (slot == RDV__QUEUE_NONE || past < moment ||
            (past == moment && entry_of(queue, other)->number < entry_of(queue, slot)->number)) {
            slot = other;
            moment = past;
        }
    }
    if (slot != RDV__QUEUE_NONE && ret_moment)
        *ret_moment = moment;
    return slot;
}

uint32_t rdv__queue_first_ready(const struct rdv__queue *queue)
{
    return queue->heap_count[HEAP_READY] > 0 ? *cell_of(queue, HEAP_READY, 0) : RDV__QUEUE_NONE;
}

/* Count the ready entries from this place of the heap down that come before an entry. Below one
 * that does not, none does. */
static size_t count_before(const struct rdv__queue *queue, uint32_t place,
                           const struct entry *entry)
{
    const struct entry *other = entry_of(queue, *cell_of(queue, HEAP_READY, place));
    if (!is_before(HEAP_READY, other, 0, entry, 0))
        return 0;
    size_t before = 1;
    for (uint32_t child = place * CHILDREN + 1, i = 0; i < CHILDREN; i++, child++)
        if (child < queue->heap_count[HEAP_READY])
            before += count_before(queue, child, entry);
    return before;
}

size_t rdv__queue_ready_before(const struct rdv__queue *queue, uint32_t slot)
{
    assert(!is_running(queue, slot));
    return queue->heap_count[HEAP_READY] > 0 ? count_before(queue, 0, entry_of(queue, slot)) : 0;
}

/* ----------------------------------------------------------------- walking */

static int pick_order(const struct rdv__queue_pick *a, const struct rdv__queue_pick *b)
{
    if (a->waits != b->waits)
        return a->waits ? 1 : -1;
    if (a->waits)
        return rdv__order(a->deadline, a->start, a->number, b->deadline, b->start, b->number);
    return (a->number > b->number) - (a->number < b->number);
}

static int pick_compare(const void *a, const void *b)
{
    return pick_order(a, b);
}

/* Add a pick. While a pass goes on, the picks are a heap with the last of them at its head. */
static void add_pick(struct rdv__queue_walk *walk, const struct rdv__queue_pick *pick)
{
    size_t place = walk->count++;
    while (place > 0 && pick_order(pick, &walk->picks[(place - 1) / 2]) > 0) {
        walk->picks[place] = walk->picks[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    walk->picks[place] = *pick;
}

static void replace_last_pick(struct rdv__queue_walk *walk, const struct rdv__queue_pick *pick)
{
    size_t place = 0, child;
    while ((child = place * 2 + 1) < walk->count) {
        if (child + 1 < walk->count && pick_order(&walk->picks[child + 1], &walk->picks[child]) > 0)
            child++;
        if (pick_order(&walk->picks[child], pick) <= 0)
            break;
        walk->picks[place] = walk->picks[child];
        place = child;
    }
    walk->picks[place] = *pick;
}

/* Pick the entry in this slot if it is one of the next. */
static void consider_entry(const struct rdv__queue *queue, struct rdv__queue_walk *walk,
                           uint32_t slot)
{
    if (mode_of(queue, slot) == FREE || is_hidden(queue, slot))
        return;
    const struct entry *entry = entry_of(queue, slot);
    struct rdv__queue_pick pick = {.number = entry->number, .waits = !is_running(queue, slot)};
    if (pick.waits) {
        pick.deadline = entry->u.deadline;
        pick.start = entry->start;
    }
    if (walk->after.number != 0 && pick_order(&pick, &walk->after) <= 0)
        return;
    if (walk->count < walk->room)
        add_pick(walk, &pick);
    else if (pick_order(&pick, &walk->picks[0]) < 0)
        replace_last_pick(walk, &pick);
}

bool rdv__queue_walk(const struct rdv__queue *queue, struct rdv__queue_walk *walk, int *slots)
{
    if (walk->slot == 0)
        walk->count = 0;
    for (; *slots > 0 && walk->slot < queue->slot_count; --*slots)
        consider_entry(queue, walk, walk->slot++);
    if (walk->slot < queue->slot_count)
        return false;
    qsort(walk->picks, walk->count, sizeof *walk->picks, pick_compare);
    if (walk->count > 0)
        walk->after = walk->picks[walk->count - 1];
    walk->slot = 0;
    return true;
}

uint32_t rdv__queue_next_match(struct rdv__queue *queue, uint32_t hash, uint32_t slot)
{
    if (queue->bucket_count == 0)
        return RDV__QUEUE_NONE;
    if (!queue->hashed)
        fill_buckets(queue);

    slot = slot == RDV__QUEUE_NONE ? *bucket_of(queue, hash) : entry_of(queue, slot)->next;
    while (slot != RDV__QUEUE_NONE && entry_of(queue, slot)->hash != hash)
        slot = entry_of(queue, slot)->next;
    return slot;
}

size_t rdv__queue_count(const struct rdv__queue *queue)
{
    return queue->shown;
}

size_t rdv__queue_memory(const struct rdv__queue *queue)
{
    return sizeof *queue + (size_t)queue->chunk_room * sizeof(struct chunk *) +
           (size_t)queue->chunk_count * sizeof(struct chunk) +
           (size_t)queue->cell_room * sizeof *queue->cells +
           (size_t)queue->end_room * (sizeof *queue->ends + sizeof *queue->end_slots) +
           (size_t)queue->bucket_count * sizeof *queue->buckets;
}

/* ---------------------------------------------------------------- checking */

static bool check_heap(const struct rdv__queue *queue, enum heap heap)
{
    for (uint32_t place = 0; place < queue->heap_count[heap]; place++) {
        const struct entry *entry = entry_of(queue, *cell_of(queue, heap, place));
        uint32_t above = place > 0 ? (place - 1) / CHILDREN : 0;
        const struct entry *other = entry_of(queue, *cell_of(queue, heap, above));
        if ((heap == HEAP_ENDS ? entry->end : entry->place) != place ||
            (place > 0 && !is_before(heap, other, moment_at(queue, heap, above, other), entry,
                                     moment_at(queue, heap, place, entry))))
            return false;
    }
    return true;
}

/* Whether an entry is in the hash and in a heap when its mode says so, and its end is where it has
 * to be. */
static bool check_entry(struct rdv__queue *queue, uint32_t slot)
{
    const struct entry *entry = entry_of(queue, slot);
    enum mode mode = mode_of(queue, slot);
    uint32_t other = rdv__queue_next_match(queue, entry->hash, RDV__QUEUE_NONE);

    while (other != RDV__QUEUE_NONE && other != slot)
        other = rdv__queue_next_match(queue, entry->hash, other);
    if ((other == slot) != (mode != FREE && !is_hidden(queue, slot)))
        return false;
    if (mode == FREE)
        return true;
    if (entry->end != NOWHERE &&
        (entry->end >= queue->end_count || queue->end_slots[entry->end] != slot ||
         (entry->end < queue->heap_count[HEAP_ENDS]) != (mode == READY)))
        return false;
    if (mode == READY || mode == WAITING)
        return entry->place != NOWHERE &&
               *cell_of(queue, mode == READY ? HEAP_READY : HEAP_TIME, entry->place) == slot;
    return entry->place == NOWHERE;
}

bool rdv__queue_check(struct rdv__queue *queue)
{
    uint32_t in_time = 0, ready = 0, ends = 0, shown = 0, used = 0, unused = 0;
    bool good = check_heap(queue, HEAP_TIME) && check_heap(queue, HEAP_READY) &&
                check_heap(queue, HEAP_ENDS);

    for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
        const struct entry *entry = entry_of(queue, slot);
        bool is_used = mode_of(queue, slot) != FREE;
        bool is_ready = mode_of(queue, slot) == READY;
        used += is_used;
        shown += is_used && !is_hidden(queue, slot);
        ready += is_ready;
        in_time += is_used && !is_ready && entry->place != NOWHERE;
        ends += is_used && entry->end != NOWHERE;
        good = good && check_entry(queue, slot);
    }
    for (uint32_t slot = queue->free; slot != RDV__QUEUE_NONE; slot = entry_of(queue, slot)->next)
        unused++;
    return good && used == queue->used && used + unused == queue->slot_count &&
           shown == queue->shown && ready == queue->heap_count[HEAP_READY] &&
           in_time == queue->heap_count[HEAP_TIME] && ends == queue->end_count;
}
