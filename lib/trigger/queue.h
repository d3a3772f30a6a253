/* SPDX-License-Identifier: MIT */
/*
 * The unfinished entries of a trigger agent in memory: keys only. Texts and contexts stay in the
 * store.
 *
 * An entry is in one of four modes, and by that in up to two heaps:
 *  - resting: it is in no heap, and nothing happens to it.
 *  - waiting: it is in the heap of times, by its start.
 *  - ready:   it is in the heap of ready ones, in the order of rule 2 (rdv__order); and, if it has
 *             an end, in the heap of ends.
 *  - running: it is in no heap, as its moments are by another clock. It has a `user`, its live
 *             entry, in place of its start and deadline.
 * So the earlier of the first time, and of the tick after the first end, is the next moment at
 * which something happens to an entry although nobody does anything.
 *
 * Unless hidden, an entry is in the hash of identifiers too. Identifiers are kept as 32-bit hashes
 * only: a caller that looks one up confirms each candidate with the store if it is pending, and
 * with its live entry if it runs. Adding doesn't look: if many are added in a row, they are hashed
 * once, when one is looked for.
 *
 * Entries live in slots: small indices that stay the same until the entry is removed. An entry
 * takes at most 64 bytes, all structures included (a test counts them). Nothing here but add can
 * fail: whatever may be done to an entry later, its memory is taken when it is added.
 */
#ifndef RDV__TRIGGER_QUEUE_H
#define RDV__TRIGGER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#include "model/window.h"

struct rdv__queue;

#define RDV__QUEUE_NONE UINT32_MAX

/* Returns 0, RDV_ENOMEM, or RDV_EIO without a random number. */
int rdv__queue_new(struct rdv__queue **ret_queue);
void rdv__queue_free(struct rdv__queue *queue);

/* The hash of an identifier, keyed with a number that is drawn at random for each queue. */
uint32_t rdv__queue_hash(const struct rdv__queue *queue, const char *identifier, size_t size);

/* Add an entry, which rests. Returns 0 or RDV_ENOMEM; then nothing has changed. */
int rdv__queue_add(struct rdv__queue *queue, const struct rdv__keys *keys, uint32_t hash,
                   uint32_t *ret_slot);

/* Take an entry out of heaps and hash, and free its slot. */
void rdv__queue_remove(struct rdv__queue *queue, uint32_t slot);

/* Take an entry out of heaps and hash, but keep its slot, so that rdv__queue_show() can bring it
 * back. A running one stays running, and keeps its user. It does no harm to hide one twice. */
void rdv__queue_hide(struct rdv__queue *queue, uint32_t slot);

/* Bring a hidden entry back into the hash: resting, or running if it was running when hidden. */
void rdv__queue_show(struct rdv__queue *queue, uint32_t slot);

/* Change the mode of an entry that is not running. */
void rdv__queue_rest(struct rdv__queue *queue, uint32_t slot);
void rdv__queue_wait(struct rdv__queue *queue, uint32_t slot);
void rdv__queue_ready(struct rdv__queue *queue, uint32_t slot);

/* Make an entry run. Its keys are gone after that: the caller has kept them. user is not NULL. */
void rdv__queue_run(struct rdv__queue *queue, uint32_t slot, void *user);

/* Make a running entry rest again, with the keys that it was added with. A hidden one stays hidden.
 * */
void rdv__queue_restore(struct rdv__queue *queue, uint32_t slot, const struct rdv__keys *keys);

/* The keys of an entry that is not running. */
struct rdv__keys rdv__queue_keys(const struct rdv__queue *queue, uint32_t slot);

/* The number of an entry, in any mode. */
int64_t rdv__queue_number(const struct rdv__queue *queue, uint32_t slot);

/* The `user` of a running entry, NULL for one that does not run. */
void *rdv__queue_user(const struct rdv__queue *queue, uint32_t slot);

/* Whether an entry is ready (else it waits, rests or runs). */
bool rdv__queue_is_ready(const struct rdv__queue *queue, uint32_t slot);

/* The entry with the earliest moment, of equal ones that with the smallest number; RDV__QUEUE_NONE
 * if none has a moment. ret_moment may be NULL. */
uint32_t rdv__queue_earliest(const struct rdv__queue *queue, rdv_time *ret_moment);

/* The ready entry that comes first, or RDV__QUEUE_NONE. */
uint32_t rdv__queue_first_ready(const struct rdv__queue *queue);

/* How many ready entries come before this one, which may be in any mode but running. Only these are
 * looked at, and few others. */
size_t rdv__queue_ready_before(const struct rdv__queue *queue, uint32_t slot);

/*
 * A walk through all entries in the order of a listing: those that run by number, then the others
 * in the order of rule 2. It is made in passes: each looks at every slot, some at a time, and picks
 * as many of the next entries as there is room for. Nothing of the queue is remembered in between,
 * so it may change: an entry that comes, goes, or starts meanwhile may or may not be met, and none
 * is met twice under one number unless it stops running.
 */
struct rdv__queue_pick {
    rdv_time deadline, start;
    int64_t number;
    /* The entry does not run. */
    bool waits;
};

struct rdv__queue_walk {
    /* The last one of the passes before; its number is 0 if there was none. */
    struct rdv__queue_pick after;
    /* Where the pass has got to. */
    uint32_t slot;
    /* How many entries were picked. */
    size_t count;
    /* How many entries a pass picks at most: the more, the fewer passes. */
    size_t room;
    /* They are in order once the pass is over. */
    struct rdv__queue_pick picks[];
};

/* Look at up to *slots slots more, and count that down. Returns true if the pass is over, and has
 * picked `count` entries. If that is less than there was room for, there are no more; else the next
 * call begins the next pass. */
bool rdv__queue_walk(const struct rdv__queue *queue, struct rdv__queue_walk *walk, int *slots);

/* The next entry with this hash after the one in `slot`, which is RDV__QUEUE_NONE at the beginning;
 * RDV__QUEUE_NONE at the end. Hidden entries are not seen. */
uint32_t rdv__queue_next_match(struct rdv__queue *queue, uint32_t hash, uint32_t slot);

/* How many entries there are; hidden ones are not counted. */
size_t rdv__queue_count(const struct rdv__queue *queue);

/* How many bytes all structures take. */
size_t rdv__queue_memory(const struct rdv__queue *queue);

/* Whether heaps, hash, free slots and counts agree with the entries. This is for tests, and slow.
 * */
bool rdv__queue_check(struct rdv__queue *queue);

#endif
