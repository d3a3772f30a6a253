/* SPDX-License-Identifier: MIT */
/*
 * The unfinished entries of a trigger agent in memory: keys only. Texts and contexts stay in the store.
 *
 * An entry is in one of four modes, and by that in up to two heaps:
 *  - resting: in no heap; nothing happens to it.
 *  - waiting: in the heap of times, by its start.
 *  - ready:   in the heap of ready ones, in the order of rule 2 (rdv__order); and, if an end is given, in the heap of ends.
 *  - running: in no heap, as its moments are by another clock; it has a `user`, its run, in place of its start and deadline.
 * So the earlier of the first time, and of the tick after the first end, is the next moment at which something happens to an entry
 * although nobody does anything.
 *
 * Unless hidden, it is in the hash of identifiers too. Identifiers are kept as 32-bit hashes only: who looks one up confirms each
 * candidate with the store (pending) or its run (running). Adding doesn't look: who adds many in a row has them hashed once, when
 * one is looked for.
 *
 * Entries live in slots: small indices that stay the same until the entry is freed. At most 64 bytes an entry, all
 * structures included (a test counts them). Nothing here but add can fail: whatever may be done to an entry later, its
 * memory is taken when it is added.
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

/* 0, RDV_ENOMEM, or RDV_EIO without a random number. */
int rdv__queue_new(struct rdv__queue **ret_queue);
void rdv__queue_free(struct rdv__queue *queue);

/* The hash of an identifier, keyed with a number that is drawn at random for each queue. */
uint32_t rdv__queue_hash(const struct rdv__queue *queue, const char *identifier, size_t size);

/* Add an entry: resting. 0 or RDV_ENOMEM (then nothing has changed). */
int rdv__queue_add(struct rdv__queue *queue, const struct rdv__keys *keys, uint32_t hash,
                   uint32_t *ret_slot);

/* Take an entry out of heaps and hash, and free its slot. */
void rdv__queue_remove(struct rdv__queue *queue, uint32_t slot);

/* Take an entry out of heaps and hash, but keep its slot, so that show() can bring it back, resting. Not for a running one:
 * restore() it first, or hide it with its user kept (it stays running, in no heap). Idempotent. */
void rdv__queue_hide(struct rdv__queue *queue, uint32_t slot);

/* Bring a hidden entry back into the hash: resting, or running if it was running when hidden. */
void rdv__queue_show(struct rdv__queue *queue, uint32_t slot);

/* Change the mode of an entry that is not running. */
void rdv__queue_rest(struct rdv__queue *queue, uint32_t slot);
void rdv__queue_wait(struct rdv__queue *queue, uint32_t slot);
void rdv__queue_ready(struct rdv__queue *queue, uint32_t slot);

/* Make an entry running (its keys are gone: the caller has kept them). user is not NULL. */
void rdv__queue_run(struct rdv__queue *queue, uint32_t slot, void *user);

/* Make a running entry rest again, with the keys that it was added with. A hidden one stays hidden. */
void rdv__queue_restore(struct rdv__queue *queue, uint32_t slot, const struct rdv__keys *keys);

/* The keys of an entry that is not running. */
struct rdv__keys rdv__queue_keys(const struct rdv__queue *queue, uint32_t slot);

/* The number of an entry, in any mode. */
int64_t rdv__queue_number(const struct rdv__queue *queue, uint32_t slot);

/* The `user` of a running entry, NULL for one that does not run. */
void *rdv__queue_user(const struct rdv__queue *queue, uint32_t slot);

/* Whether an entry is ready (else it waits, rests or runs). */
bool rdv__queue_is_ready(const struct rdv__queue *queue, uint32_t slot);

/* The entry with the earliest moment (of equal ones the smallest number), and that moment, which is optional;
 * RDV__QUEUE_NONE if none has a moment. */
uint32_t rdv__queue_earliest(const struct rdv__queue *queue, rdv_time *ret_moment);

/* The ready entry that comes first, or RDV__QUEUE_NONE. */
uint32_t rdv__queue_first_ready(const struct rdv__queue *queue);

/* How many ready entries come before this one, which may be in any mode but running. Only these are looked at, and few others. */
size_t rdv__queue_ready_before(const struct rdv__queue *queue, uint32_t slot);

/*
 * A walk through all entries in the order of a listing: those that run by number, then the others in the order of rule 2. It is made
 * in passes: each looks at every slot, some at a time, and picks as many of the next entries as there is room for. Nothing of the queue
 * is remembered in between, so it may change: an entry that comes, goes, or starts meanwhile may or may not be met, and none is met twice
 * under one number unless it stops running.
 */
struct rdv__queue_pick {
    rdv_time deadline, start;
    int64_t number;
    bool waits; /* the entry does not run */
};

struct rdv__queue_walk {
    struct rdv__queue_pick after; /* the last one of the passes before; number 0 = there was none */
    uint32_t slot;                /* where the pass has got to */
    size_t count;
    size_t room;                    /* how many a pass picks at most: the more, the fewer passes */
    struct rdv__queue_pick picks[]; /* in order once the pass is over */
};

/* Look at up to *slots slots more, and count that down. Returns true if the pass is over, and has picked `count` entries. If that is less
 * than there was room for, there are no more; else the next call begins the next pass. */
bool rdv__queue_walk(const struct rdv__queue *queue, struct rdv__queue_walk *walk, int *slots);

/* Walk all entries with this hash: start with RDV__QUEUE_NONE. Hidden ones are not seen. */
uint32_t rdv__queue_next_match(struct rdv__queue *queue, uint32_t hash, uint32_t slot);

/* How many entries there are (hidden ones not counted), and the bytes that all structures take. */
size_t rdv__queue_count(const struct rdv__queue *queue);
size_t rdv__queue_memory(const struct rdv__queue *queue);

/* For tests: whether heaps, hash, free slots and counts agree with the entries. Slow. */
bool rdv__queue_check(struct rdv__queue *queue);

#endif
