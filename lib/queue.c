/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "window.h"

/*
 * Memory comes in chunks, which never move: the entries, and with each entry one place in each heap. So a heap has room for
 * whatever is in the queue, nothing is copied when it grows, and no more than one chunk is unused. 56 bytes an entry are
 * here; up to 4 more are in the hash, just after it has grown.
 */
#define CHUNK 64

enum heap { HEAP_TIME, HEAP_READY, HEAPS };

/* What an entry's place in the ready heap says if it is in none. Larger than any place. */
#define MODE_FREE           (UINT32_MAX - 1)
#define MODE_RESTING        (UINT32_MAX - 2)
#define MODE_WAITING        (UINT32_MAX - 3)
#define MODE_RUNNING        (UINT32_MAX - 4)
#define MODE_HIDDEN         (UINT32_MAX - 5)
#define MODE_HIDDEN_RUNNING (UINT32_MAX - 6)

/* Slots and places stay below the modes, and below RDV__QUEUE_NONE. */
#define SLOTS_MAX (UINT32_MAX - CHUNK)

struct entry {
    rdv_time start; /* the moment of the limit in one that runs */
    rdv_time end;   /* 0 in one that runs */
    union {
        rdv_time deadline;
        void *user; /* in one that runs */
    } u;
    int64_t number;
    uint32_t hash;
    uint32_t next;         /* in the bucket, or of the free slots */
    uint32_t place[HEAPS]; /* place[HEAP_READY] may be a mode */
};

struct chunk {
    struct entry entries[CHUNK];
    uint32_t heaps[HEAPS][CHUNK]; /* slots */
};

struct rdv__queue {
    struct chunk **chunks;
    uint32_t chunk_count;
    uint32_t chunk_room;
    uint32_t *buckets; /* the first entry of each; a power of two of them, or none */
    uint32_t bucket_count;
    uint32_t slot_count; /* slots used so far, with the free ones */
    uint32_t free;       /* the first free slot */
    uint32_t used;       /* slots that are not free */
    uint32_t shown;      /* of these, not hidden */
    uint32_t heap_count[HEAPS];
    struct rdv__hash_key key;
};

static struct entry *entry_of(const struct rdv__queue *queue, uint32_t slot)
{
    assert(slot < queue->slot_count);
    return &queue->chunks[slot / CHUNK]->entries[slot % CHUNK];
}

static bool is_ready(const struct entry *entry)
{
    return entry->place[HEAP_READY] < SLOTS_MAX;
}

static bool is_hidden(const struct entry *entry)
{
    return entry->place[HEAP_READY] == MODE_HIDDEN ||
           entry->place[HEAP_READY] == MODE_HIDDEN_RUNNING;
}

static bool is_running(const struct entry *entry)
{
    return entry->place[HEAP_READY] == MODE_RUNNING ||
           entry->place[HEAP_READY] == MODE_HIDDEN_RUNNING;
}

/* ------------------------------------------------------------------- heaps */

/*
 * With four children a node: half the levels of a binary heap, and memory, which a large heap mostly waits for, brings the four
 * at once. `heap` is a constant in every call, so that the compiler makes one set of functions for each heap.
 */
#define CHILDREN 4

/* The first moment at which something happens to an entry that is in the time heap. */
static inline rdv_time moment_of(const struct entry *entry)
{
    return is_ready(entry) ? entry->end + 1 : entry->start;
}

static inline bool is_before(enum heap heap, const struct entry *a, const struct entry *b)
{
    if (heap == HEAP_READY)
        return rdv__order(a->u.deadline, a->start, a->number, b->u.deadline, b->start, b->number) <
               0;

    rdv_time a_moment = moment_of(a), b_moment = moment_of(b);
    return a_moment != b_moment ? a_moment < b_moment : a->number < b->number;
}

static inline uint32_t *heap_cell(const struct rdv__queue *queue, enum heap heap, uint32_t place)
{
    return &queue->chunks[place / CHUNK]->heaps[heap][place % CHUNK];
}

static inline void heap_put(struct rdv__queue *queue, enum heap heap, uint32_t place, uint32_t slot,
                            struct entry *entry)
{
    *heap_cell(queue, heap, place) = slot;
    entry->place[heap] = place;
}

/* Whether the entry is in the heap. */
static inline bool heap_has(enum heap heap, const struct entry *entry)
{
    return entry->place[heap] < SLOTS_MAX;
}

/* Find the entry's place, from a place that is free for it: up or down. */
static inline void heap_settle(struct rdv__queue *queue, enum heap heap, uint32_t place,
                               uint32_t slot, struct entry *entry)
{
    uint32_t count = queue->heap_count[heap];
    uint32_t from = place;

    while (place > 0) {
        uint32_t above = (place - 1) / CHILDREN;
        uint32_t other_slot = *heap_cell(queue, heap, above);
        struct entry *other = entry_of(queue, other_slot);
        if (!is_before(heap, entry, other))
            break;
        heap_put(queue, heap, place, other_slot, other);
        place = above;
    }

    while (place >= from && place < (count + CHILDREN - 2) / CHILDREN) {
        uint32_t child = place * CHILDREN + 1;
        uint32_t behind = count - child < CHILDREN ? count : child + CHILDREN;
        uint32_t first = child, first_slot = *heap_cell(queue, heap, child);
        struct entry *first_entry = entry_of(queue, first_slot);

        while (++child < behind) {
            uint32_t other_slot = *heap_cell(queue, heap, child);
            struct entry *other = entry_of(queue, other_slot);
            if (is_before(heap, other, first_entry)) {
                first = child;
                first_slot = other_slot;
                first_entry = other;
            }
        }
        if (!is_before(heap, first_entry, entry))
            break;
        heap_put(queue, heap, place, first_slot, first_entry);
        place = first;
    }

    heap_put(queue, heap, place, slot, entry);
}

/* Put an entry in, or have one that is in follow its changed key. */
static inline void heap_set(struct rdv__queue *queue, enum heap heap, uint32_t slot,
                            struct entry *entry)
{
    uint32_t place = heap_has(heap, entry) ? entry->place[heap] : queue->heap_count[heap]++;

    heap_settle(queue, heap, place, slot, entry);
}

/* Take an entry out if it is in; out of the ready heap it rests. */
static inline void heap_drop(struct rdv__queue *queue, enum heap heap, struct entry *entry)
{
    if (!heap_has(heap, entry))
        return;

    uint32_t place = entry->place[heap];
    uint32_t last_slot = *heap_cell(queue, heap, --queue->heap_count[heap]);
    struct entry *last = entry_of(queue, last_slot);
    if (last != entry)
        heap_settle(queue, heap, place, last_slot, last);
    entry->place[heap] = heap == HEAP_READY ? MODE_RESTING : RDV__QUEUE_NONE;
}

static void set_time(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    heap_set(queue, HEAP_TIME, slot, entry);
}

static void drop_time(struct rdv__queue *queue, struct entry *entry)
{
    heap_drop(queue, HEAP_TIME, entry);
}

static void drop_ready(struct rdv__queue *queue, struct entry *entry)
{
    heap_drop(queue, HEAP_READY, entry);
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

static void link_entry(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    uint32_t *bucket = bucket_of(queue, entry->hash);

    entry->next = *bucket;
    *bucket = slot;
    queue->shown++;
}

static void unlink_entry(struct rdv__queue *queue, uint32_t slot, struct entry *entry)
{
    uint32_t *link = bucket_of(queue, entry->hash);

    while (*link != slot)
        link = &entry_of(queue, *link)->next;
    *link = entry->next;
    queue->shown--;
}

/*
 * Twice as many buckets, filled anew in the order of the slots: so entries are read as they lie in memory, where following the
 * buckets would wait for each.
 */
static int grow_buckets(struct rdv__queue *queue)
{
    uint32_t count = queue->bucket_count > 0 ? queue->bucket_count * 2 : CHUNK / 2;

    uint32_t *buckets = realloc(queue->buckets, (size_t)count * sizeof *buckets);
    if (!buckets)
        return RDV_ENOMEM;
    queue->buckets = buckets;
    queue->bucket_count = count;

    memset(buckets, 0xFF, (size_t)count * sizeof *buckets); /* RDV__QUEUE_NONE */
    for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
        struct entry *entry = entry_of(queue, slot);
        if (is_hidden(entry) || entry->place[HEAP_READY] == MODE_FREE)
            continue;
        uint32_t *bucket = bucket_of(queue, entry->hash);
        entry->next = *bucket;
        *bucket = slot;
    }
    return 0;
}

/* ------------------------------------------------------------------- slots */

static int grow_chunks(struct rdv__queue *queue)
{
    if (queue->chunk_count == queue->chunk_room) {
        uint32_t room = queue->chunk_room + queue->chunk_room / 4 + 4;
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

/* Have memory for one more entry, whatever is to be done with it later. */
static int reserve(struct rdv__queue *queue)
{
    int r = 0;

    if (queue->used >= SLOTS_MAX)
        return RDV_ENOMEM;
    if (queue->free == RDV__QUEUE_NONE && queue->slot_count == queue->chunk_count * CHUNK)
        r = grow_chunks(queue);
    if (r == 0 && queue->used / 2 >= queue->bucket_count)
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
    r = rdv__hash_key_new(&queue->key);
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
    free(queue->buckets);
    free(queue);
}

static void set_keys(struct entry *entry, const struct rdv__keys *keys)
{
    assert(keys->number > 0);
    assert(keys->start >= 0 && keys->deadline >= 0);
    assert(keys->end >= 0 && keys->end < INT64_MAX);
    entry->start = keys->start;
    entry->end = keys->end;
    entry->u.deadline = keys->deadline;
    entry->number = keys->number;
}

int rdv__queue_add(struct rdv__queue *queue, const struct rdv__keys *keys, uint32_t hash,
                   uint32_t *ret_slot)
{
    int r = reserve(queue);
    if (r < 0)
        return r;

    uint32_t slot = take_slot(queue);
    struct entry *entry = entry_of(queue, slot);
    set_keys(entry, keys);
    entry->hash = hash;
    entry->place[HEAP_TIME] = RDV__QUEUE_NONE;
    entry->place[HEAP_READY] = MODE_RESTING;
    link_entry(queue, slot, entry);
    *ret_slot = slot;
    return 0;
}

void rdv__queue_remove(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = entry_of(queue, slot);

    rdv__queue_hide(queue, slot);
    entry->place[HEAP_READY] = MODE_FREE;
    entry->next = queue->free;
    queue->free = slot;
    queue->used--;
}

void rdv__queue_hide(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = entry_of(queue, slot);

    assert(entry->place[HEAP_READY] != MODE_FREE);
    if (is_hidden(entry))
        return;
    drop_ready(queue, entry);
    drop_time(queue, entry);
    unlink_entry(queue, slot, entry);
    entry->place[HEAP_READY] = is_running(entry) ? MODE_HIDDEN_RUNNING : MODE_HIDDEN;
}

void rdv__queue_show(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = entry_of(queue, slot);

    assert(is_hidden(entry));
    if (is_running(entry)) {
        entry->place[HEAP_READY] = MODE_RUNNING;
        entry->start = 0;
    } else {
        entry->place[HEAP_READY] = MODE_RESTING;
    }
    link_entry(queue, slot, entry);
}

/* ------------------------------------------------------------------- modes */

/* An entry whose mode may be changed. */
static struct entry *idle_entry_of(const struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = entry_of(queue, slot);

    assert(is_ready(entry) || entry->place[HEAP_READY] == MODE_WAITING ||
           entry->place[HEAP_READY] == MODE_RESTING);
    return entry;
}

void rdv__queue_rest(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = idle_entry_of(queue, slot);

    drop_ready(queue, entry);
    drop_time(queue, entry);
    entry->place[HEAP_READY] = MODE_RESTING;
}

void rdv__queue_wait(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = idle_entry_of(queue, slot);

    drop_ready(queue, entry);
    entry->place[HEAP_READY] = MODE_WAITING;
    set_time(queue, slot, entry);
}

void rdv__queue_ready(struct rdv__queue *queue, uint32_t slot)
{
    struct entry *entry = idle_entry_of(queue, slot);

    if (is_ready(entry))
        return;
    heap_set(queue, HEAP_READY, slot, entry);
    if (entry->end != 0)
        set_time(queue, slot, entry);
    else
        drop_time(queue, entry);
}

void rdv__queue_run(struct rdv__queue *queue, uint32_t slot, void *user, rdv_time limit)
{
    struct entry *entry = entry_of(queue, slot);

    assert(user);
    assert(limit >= 0);
    assert(!is_hidden(entry) && entry->place[HEAP_READY] != MODE_FREE);
    drop_ready(queue, entry);
    entry->place[HEAP_READY] = MODE_RUNNING;
    entry->start = limit;
    entry->end = 0;
    entry->u.user = user;
    if (limit != 0)
        set_time(queue, slot, entry);
    else
        drop_time(queue, entry);
}

void rdv__queue_restore(struct rdv__queue *queue, uint32_t slot, const struct rdv__keys *keys)
{
    struct entry *entry = entry_of(queue, slot);

    assert(is_running(entry));
    assert(keys->number == entry->number);
    drop_time(queue, entry);
    set_keys(entry, keys);
    entry->place[HEAP_READY] = is_hidden(entry) ? MODE_HIDDEN : MODE_RESTING;
}

/* ----------------------------------------------------------------- looking */

struct rdv__keys rdv__queue_keys(const struct rdv__queue *queue, uint32_t slot)
{
    const struct entry *entry = entry_of(queue, slot);

    assert(!is_running(entry) && entry->place[HEAP_READY] != MODE_FREE);
    return (struct rdv__keys){entry->start, entry->end, entry->u.deadline, entry->number};
}

int64_t rdv__queue_number(const struct rdv__queue *queue, uint32_t slot)
{
    return entry_of(queue, slot)->number;
}

void *rdv__queue_user(const struct rdv__queue *queue, uint32_t slot)
{
    const struct entry *entry = entry_of(queue, slot);

    return is_running(entry) ? entry->u.user : NULL;
}

bool rdv__queue_is_ready(const struct rdv__queue *queue, uint32_t slot)
{
    return is_ready(entry_of(queue, slot));
}

uint32_t rdv__queue_earliest(const struct rdv__queue *queue, rdv_time *ret_moment)
{
    if (queue->heap_count[HEAP_TIME] == 0)
        return RDV__QUEUE_NONE;

    uint32_t slot = *heap_cell(queue, HEAP_TIME, 0);
    if (ret_moment)
        *ret_moment = moment_of(entry_of(queue, slot));
    return slot;
}

uint32_t rdv__queue_first_ready(const struct rdv__queue *queue)
{
    return queue->heap_count[HEAP_READY] > 0 ? *heap_cell(queue, HEAP_READY, 0) : RDV__QUEUE_NONE;
}

size_t rdv__queue_ready_before(const struct rdv__queue *queue, uint32_t slot)
{
    const struct entry *entry = entry_of(queue, slot);
    assert(!is_running(entry));
    size_t before = 0;
    for (uint32_t place = 0; place < queue->heap_count[HEAP_READY]; place++) {
        const struct entry *other = entry_of(queue, *heap_cell(queue, HEAP_READY, place));
        before += rdv__order(other->u.deadline, other->start, other->number, entry->u.deadline,
                             entry->start, entry->number) < 0;
    }
    return before;
}

uint32_t rdv__queue_next_match(const struct rdv__queue *queue, uint32_t hash, uint32_t slot)
{
    if (queue->bucket_count == 0)
        return RDV__QUEUE_NONE;

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
           (size_t)queue->bucket_count * sizeof *queue->buckets;
}

/* ---------------------------------------------------------------- checking */

static bool check_heap(const struct rdv__queue *queue, enum heap heap)
{
    for (uint32_t place = 0; place < queue->heap_count[heap]; place++) {
        const struct entry *entry = entry_of(queue, *heap_cell(queue, heap, place));
        uint32_t above = place > 0 ? *heap_cell(queue, heap, (place - 1) / CHILDREN) : 0;
        if (entry->place[heap] != place ||
            (place > 0 && !is_before(heap, entry_of(queue, above), entry)))
            return false;
    }
    return true;
}

/* Whether an entry is in the time heap and in the hash when its mode says so. */
static bool check_entry(const struct rdv__queue *queue, uint32_t slot)
{
    const struct entry *entry = entry_of(queue, slot);
    uint32_t other = rdv__queue_next_match(queue, entry->hash, RDV__QUEUE_NONE);
    bool in_time = heap_has(HEAP_TIME, entry);

    while (other != RDV__QUEUE_NONE && other != slot)
        other = rdv__queue_next_match(queue, entry->hash, other);
    bool found = other == slot;

    if (is_ready(entry))
        return found && in_time == (entry->end != 0);
    switch (entry->place[HEAP_READY]) {
    case MODE_WAITING:
        return found && in_time;
    case MODE_RESTING:
        return found && !in_time;
    case MODE_RUNNING:
        return found && in_time == (entry->start != 0);
    default: /* hidden or free */
        return !found && !in_time;
    }
}

bool rdv__queue_check(const struct rdv__queue *queue)
{
    uint32_t in_time = 0, ready = 0, shown = 0, used = 0, unused = 0;
    bool good = check_heap(queue, HEAP_TIME) && check_heap(queue, HEAP_READY);

    for (uint32_t slot = 0; slot < queue->slot_count; slot++) {
        const struct entry *entry = entry_of(queue, slot);
        bool is_used = entry->place[HEAP_READY] != MODE_FREE;
        used += is_used;
        shown += is_used && !is_hidden(entry);
        ready += is_ready(entry);
        in_time += heap_has(HEAP_TIME, entry);
        good = good && check_entry(queue, slot);
    }
    for (uint32_t slot = queue->free; slot != RDV__QUEUE_NONE; slot = entry_of(queue, slot)->next)
        unused++;
    return good && used == queue->used && used + unused == queue->slot_count &&
           shown == queue->shown && ready == queue->heap_count[HEAP_READY] &&
           in_time == queue->heap_count[HEAP_TIME];
}
