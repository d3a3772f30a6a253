/* SPDX-License-Identifier: MIT */
#include "trigger/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "model/window.h"
#include "system.h"

#define NONE RDV__QUEUE_NONE

/* A generator of our own, so that a failure comes again. */
static uint64_t random_state;

static void seed_random(uint64_t seed)
{
    random_state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t random_below(uint64_t past)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % past;
}

static struct rdv__queue *queue;

static void set_up(void)
{
    ck_assert_int_eq(rdv__queue_new(&queue), 0);
}

static void tear_down(void)
{
    ck_assert(rdv__queue_check(queue));
    rdv__queue_free(queue);
}

static uint32_t add(rdv_time start, rdv_time end, rdv_time deadline, int64_t number)
{
    struct rdv__keys keys = {start, end, deadline, number};
    uint32_t slot = NONE;

    ck_assert_int_eq(rdv__queue_add(queue, &keys, (uint32_t)number, &slot), 0);
    ck_assert_uint_ne(slot, NONE);
    return slot;
}

static rdv_time earliest_moment(void)
{
    rdv_time moment = -1;

    return rdv__queue_earliest(queue, &moment) == NONE ? 0 : moment;
}

/* -------------------------------------------------------------------- modes */

START_TEST(an_empty_queue_has_nothing_first)
{
    rdv_time moment = -5;

    ck_assert_uint_eq(rdv__queue_count(queue), 0);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    ck_assert_uint_eq(rdv__queue_earliest(queue, &moment), NONE);
    ck_assert_int_eq(moment, -5);
    ck_assert_uint_eq(rdv__queue_next_match(queue, 7, NONE), NONE);
    rdv__queue_free(NULL);
}
END_TEST

START_TEST(an_entry_rests_when_it_is_added)
{
    uint32_t slot = add(100, 200, 300, 7);
    struct rdv__keys keys = rdv__queue_keys(queue, slot);

    ck_assert_uint_eq(rdv__queue_count(queue), 1);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert(!rdv__queue_is_ready(queue, slot));
    ck_assert_ptr_null(rdv__queue_user(queue, slot));
    ck_assert_int_eq(keys.start, 100);
    ck_assert_int_eq(keys.end, 200);
    ck_assert_int_eq(keys.deadline, 300);
    ck_assert_int_eq(keys.number, 7);
    ck_assert_int_eq(rdv__queue_number(queue, slot), 7);
}
END_TEST

START_TEST(a_waiting_entry_is_due_at_its_start)
{
    uint32_t slot = add(100, 200, 300, 7);

    rdv__queue_wait(queue, slot);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), slot);
    ck_assert_int_eq(earliest_moment(), 100);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    ck_assert(!rdv__queue_is_ready(queue, slot));
}
END_TEST

START_TEST(a_ready_entry_is_due_one_tick_past_its_end)
{
    uint32_t slot = add(100, 200, 300, 7);

    rdv__queue_wait(queue, slot);
    rdv__queue_ready(queue, slot);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), slot);
    ck_assert_int_eq(earliest_moment(), 201);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), slot);
    ck_assert(rdv__queue_is_ready(queue, slot));
    rdv__queue_ready(queue, slot);
    ck_assert_int_eq(earliest_moment(), 201);
    ck_assert_int_eq(rdv__queue_keys(queue, slot).start, 100);
    ck_assert_int_eq(rdv__queue_keys(queue, slot).end, 200);
}
END_TEST

START_TEST(a_ready_entry_without_an_end_is_never_due)
{
    uint32_t slot = add(100, 0, 0, 7);

    rdv__queue_wait(queue, slot);
    rdv__queue_ready(queue, slot);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), slot);
}
END_TEST

START_TEST(an_entry_that_rests_again_is_in_no_heap)
{
    uint32_t slot = add(100, 200, 300, 7);

    rdv__queue_ready(queue, slot);
    rdv__queue_rest(queue, slot);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    rdv__queue_wait(queue, slot);
    rdv__queue_rest(queue, slot);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_int_eq(rdv__queue_keys(queue, slot).end, 200);
}
END_TEST

START_TEST(a_running_entry_is_in_no_heap)
{
    uint32_t slot = add(100, 200, 300, 7);

    rdv__queue_ready(queue, slot);
    rdv__queue_run(queue, slot, &slot);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_ptr_eq(rdv__queue_user(queue, slot), &slot);
    ck_assert_int_eq(rdv__queue_number(queue, slot), 7);
    ck_assert(!rdv__queue_is_ready(queue, slot));

    rdv__queue_run(queue, slot, &queue);
    ck_assert_ptr_eq(rdv__queue_user(queue, slot), &queue);
}
END_TEST

START_TEST(a_running_entry_can_be_restored_with_its_keys)
{
    uint32_t slot = add(100, 200, 300, 7);
    struct rdv__keys keys = rdv__queue_keys(queue, slot);

    rdv__queue_ready(queue, slot);
    rdv__queue_run(queue, slot, &slot);
    rdv__queue_restore(queue, slot, &keys);
    ck_assert_ptr_null(rdv__queue_user(queue, slot));
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_int_eq(rdv__queue_keys(queue, slot).deadline, 300);
    rdv__queue_ready(queue, slot);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), slot);
    ck_assert_int_eq(earliest_moment(), 201);
}
END_TEST

START_TEST(a_hidden_entry_is_found_by_nobody_until_it_is_shown)
{
    uint32_t slot = add(100, 200, 300, 7);

    rdv__queue_ready(queue, slot);
    rdv__queue_hide(queue, slot);
    rdv__queue_hide(queue, slot);
    ck_assert_uint_eq(rdv__queue_count(queue), 0);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_uint_eq(rdv__queue_next_match(queue, 7, NONE), NONE);
    ck_assert_uint_ne(add(1, 0, 0, 8), slot); /* its slot is kept */

    rdv__queue_show(queue, slot);
    ck_assert_uint_eq(rdv__queue_count(queue), 2);
    ck_assert_uint_eq(rdv__queue_next_match(queue, 7, NONE), slot);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_int_eq(rdv__queue_keys(queue, slot).start, 100);
    ck_assert_int_eq(rdv__queue_keys(queue, slot).end, 200);
}
END_TEST

START_TEST(a_running_entry_that_was_hidden_runs_on)
{
    uint32_t slot = add(100, 200, 300, 7);
    struct rdv__keys keys = rdv__queue_keys(queue, slot);

    rdv__queue_run(queue, slot, &slot);
    rdv__queue_hide(queue, slot);
    ck_assert_ptr_eq(rdv__queue_user(queue, slot), &slot);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_uint_eq(rdv__queue_next_match(queue, 7, NONE), NONE);
    rdv__queue_show(queue, slot);
    ck_assert_ptr_eq(rdv__queue_user(queue, slot), &slot);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_uint_eq(rdv__queue_next_match(queue, 7, NONE), slot);

    rdv__queue_hide(queue, slot);
    rdv__queue_restore(queue, slot, &keys);
    ck_assert_ptr_null(rdv__queue_user(queue, slot));
    ck_assert_uint_eq(rdv__queue_next_match(queue, 7, NONE), NONE);
    rdv__queue_show(queue, slot);
    rdv__queue_ready(queue, slot);
    ck_assert_int_eq(earliest_moment(), 201);
}
END_TEST

START_TEST(a_removed_entry_is_gone_and_its_slot_is_used_again)
{
    uint32_t first = add(100, 200, 300, 7), second = add(100, 200, 300, 8);

    rdv__queue_ready(queue, first);
    rdv__queue_remove(queue, first);
    ck_assert_uint_eq(rdv__queue_count(queue), 1);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
    ck_assert_uint_eq(rdv__queue_next_match(queue, 7, NONE), NONE);
    rdv__queue_hide(queue, second);
    rdv__queue_remove(queue, second);
    ck_assert_uint_eq(rdv__queue_count(queue), 0);

    size_t memory = rdv__queue_memory(queue);
    uint32_t third = add(1, 0, 0, 9), fourth = add(1, 0, 0, 10);
    ck_assert((third == first && fourth == second) || (third == second && fourth == first));
    ck_assert_uint_eq(rdv__queue_memory(queue), memory);
    rdv__queue_run(queue, third, &third);
    rdv__queue_remove(queue, third);
    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), NONE);
}
END_TEST

START_TEST(all_entries_of_a_hash_are_walked)
{
    uint32_t slots[100];
    bool seen[100] = {false};
    size_t count = 0;

    for (int64_t i = 0; i < 100; i++) {
        struct rdv__keys keys = {0, 0, 0, i + 1};
        /* two hashes, which share a bucket for as long as there are few of them */
        uint32_t hash = i % 2 ? 5 : 5 | UINT32_C(0x40000000);
        ck_assert_int_eq(rdv__queue_add(queue, &keys, hash, &slots[i]), 0);
    }
    rdv__queue_hide(queue, slots[1]);
    for (uint32_t slot = rdv__queue_next_match(queue, 5, NONE); slot != NONE;
         slot = rdv__queue_next_match(queue, 5, slot)) {
        int64_t index = rdv__queue_number(queue, slot) - 1;
        ck_assert_int_eq(index % 2, 1);
        ck_assert_int_ne(index, 1);
        ck_assert(!seen[index]);
        seen[index] = true;
        count++;
    }
    ck_assert_uint_eq(count, 49);
    ck_assert_uint_eq(rdv__queue_next_match(queue, 5 + 32, NONE), NONE);
}
END_TEST

static size_t count_matches(uint32_t hash)
{
    size_t count = 0;

    for (uint32_t slot = rdv__queue_next_match(queue, hash, NONE); slot != NONE;
         slot = rdv__queue_next_match(queue, hash, slot))
        count++;
    return count;
}

/* At each growth of the hash, the entries are hashed when one is looked for. */
START_TEST(what_is_done_before_the_first_search_is_found_by_it)
{
    enum { COUNT = 1000 };
    uint32_t slots[COUNT + 1];

    for (int64_t number = 1; number <= COUNT; number++)
        slots[number] = add(0, number, 0, number); /* its hash is its number */
    rdv__queue_hide(queue, slots[10]);
    rdv__queue_hide(queue, slots[11]);
    rdv__queue_show(queue, slots[11]);
    rdv__queue_run(queue, slots[12], queue);
    rdv__queue_remove(queue, slots[13]);
    rdv__queue_remove(queue, slots[14]);
    add(0, 0, 0, COUNT + 1); /* into a slot that is free again */
    rdv__queue_hide(queue, slots[15]);

    for (uint32_t number = 1; number <= COUNT + 1; number++)
        ck_assert_uint_eq(count_matches(number),
                          number != 10 && number != 13 && number != 14 && number != 15);
    rdv__queue_show(queue, slots[15]);
    ck_assert_uint_eq(count_matches(15), 1);
    rdv__queue_hide(queue, slots[16]);
    ck_assert_uint_eq(count_matches(16), 0);
}
END_TEST

/* -------------------------------------------------------------------- order */

struct pending {
    rdv_window window;
    int64_t number;
};

static int compare_pending(const void *a, const void *b)
{
    const struct pending *left = a, *right = b;

    return rdv__order(left->window.deadline, left->window.start, left->number,
                      right->window.deadline, right->window.start, right->number);
}

START_TEST(rule_2_ready_entries_come_in_the_windows_order)
{
    enum { COUNT = 5000 };
    static struct pending pending[COUNT];

    seed_random(2);
    for (int i = 0; i < COUNT; i++) {
        rdv_time deadline = (rdv_time)random_below(40), start = (rdv_time)random_below(40);
        pending[i] = (struct pending){{start, 0, deadline, 0}, i + 1};
    }
    /* made ready in another order than they came */
    for (int i = 0; i < COUNT; i++) {
        int other = (int)random_below(COUNT);
        struct pending kept = pending[i];
        pending[i] = pending[other];
        pending[other] = kept;
    }
    for (int i = 0; i < COUNT; i++)
        rdv__queue_ready(
            queue, add(pending[i].window.start, 0, pending[i].window.deadline, pending[i].number));
    ck_assert(rdv__queue_check(queue));

    qsort(pending, COUNT, sizeof pending[0], compare_pending);
    for (int i = 0; i < COUNT; i++) {
        uint32_t slot = rdv__queue_first_ready(queue);
        ck_assert_uint_ne(slot, NONE);
        ck_assert_int_eq(rdv__queue_number(queue, slot), pending[i].number);
        rdv__queue_remove(queue, slot);
    }
    ck_assert_uint_eq(rdv__queue_first_ready(queue), NONE);
}
END_TEST

START_TEST(equal_moments_come_in_order_of_arrival)
{
    static const int64_t numbers[] = {5, 2, 9, 1, 7, 3, 8, 4, 6};
    uint32_t slots[10];

    for (size_t i = 0; i < 9; i++) {
        uint32_t slot = add(100, 99, 0, numbers[i]);
        slots[numbers[i]] = slot;
        if (numbers[i] % 3 == 0)
            rdv__queue_wait(queue, slot); /* by its start */
        else
            rdv__queue_ready(queue, slot); /* by its end and a tick */
    }
    for (int64_t number = 1; number <= 9; number++) {
        ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), slots[number]);
        ck_assert_int_eq(earliest_moment(), 100);
        rdv__queue_remove(queue, slots[number]);
    }
}
END_TEST

/* ------------------------------------------------------------ against a model */

enum mode { GONE, RESTING, WAITING, READY, RUNNING };

static struct modelled {
    enum mode mode;
    bool hidden;
    struct rdv__keys keys;
    void *user;
    uint32_t hash;
    uint32_t slot;
} model[400];

#define MODELLED (sizeof model / sizeof model[0])

static rdv_time modelled_moment(const struct modelled *entry)
{
    if (entry->mode == GONE || entry->hidden)
        return 0;
    switch (entry->mode) {
    case WAITING:
        return entry->keys.start;
    case READY:
        return entry->keys.end != 0 ? entry->keys.end + 1 : 0;
    default:
        return 0;
    }
}

/* What the queue must say of its heaps' tops: looked for the slow way. */
static void compare_tops(void)
{
    const struct modelled *earliest = NULL, *first = NULL;

    for (const struct modelled *entry = model; entry < model + MODELLED; entry++) {
        rdv_time moment = modelled_moment(entry);
        if (moment != 0 &&
            (!earliest || moment < modelled_moment(earliest) ||
             (moment == modelled_moment(earliest) && entry->keys.number < earliest->keys.number)))
            earliest = entry;
        if (entry->mode != READY || entry->hidden)
            continue;
        if (!first || rdv__order(entry->keys.deadline, entry->keys.start, entry->keys.number,
                                 first->keys.deadline, first->keys.start, first->keys.number) < 0)
            first = entry;
    }

    ck_assert_uint_eq(rdv__queue_earliest(queue, NULL), earliest ? earliest->slot : NONE);
    ck_assert_int_eq(earliest_moment(), earliest ? modelled_moment(earliest) : 0);
    ck_assert_uint_eq(rdv__queue_first_ready(queue), first ? first->slot : NONE);
}

static void compare_entry(const struct modelled *entry)
{
    uint32_t match = NONE;

    if (entry->mode == GONE)
        return;
    do
        match = rdv__queue_next_match(queue, entry->hash, match);
    while (match != NONE && match != entry->slot);
    ck_assert_uint_eq(match, entry->hidden ? NONE : entry->slot);

    ck_assert_int_eq(rdv__queue_number(queue, entry->slot), entry->keys.number);
    ck_assert(rdv__queue_is_ready(queue, entry->slot) == (entry->mode == READY));
    ck_assert_ptr_eq(rdv__queue_user(queue, entry->slot),
                     entry->mode == RUNNING ? entry->user : NULL);
    if (entry->mode != RUNNING) {
        struct rdv__keys keys = rdv__queue_keys(queue, entry->slot);
        ck_assert_int_eq(keys.start, entry->keys.start);
        ck_assert_int_eq(keys.end, entry->keys.end);
        ck_assert_int_eq(keys.deadline, entry->keys.deadline);
    }
}

static void compare_all(void)
{
    size_t count = 0;

    for (const struct modelled *entry = model; entry < model + MODELLED; entry++) {
        compare_entry(entry);
        count += entry->mode != GONE && !entry->hidden;
    }
    ck_assert_uint_eq(rdv__queue_count(queue), count);
    ck_assert(rdv__queue_check(queue));
}

static void add_modelled(struct modelled *entry, int64_t number)
{
    entry->keys = (struct rdv__keys){
        .start = (rdv_time)random_below(50) + 1,
        .end = (rdv_time)random_below(3) * (rdv_time)random_below(50),
        .deadline = (rdv_time)random_below(20),
        .number = number,
    };
    entry->hash = (uint32_t)random_below(300) * UINT32_C(0x01000193);
    ck_assert_int_eq(rdv__queue_add(queue, &entry->keys, entry->hash, &entry->slot), 0);
    entry->mode = RESTING;
    entry->hidden = false;
}

/* Do something that is allowed to this entry. */
static void step(struct modelled *entry, int64_t number)
{
    uint64_t what = random_below(10);

    if (entry->mode == GONE) {
        add_modelled(entry, number);
    } else if (what == 0) {
        rdv__queue_remove(queue, entry->slot);
        entry->mode = GONE;
    } else if (what == 1) {
        rdv__queue_hide(queue, entry->slot);
        if (entry->mode != RUNNING)
            entry->mode = RESTING;
        entry->hidden = true;
    } else if (entry->mode == RUNNING && what <= 3) {
        rdv__queue_restore(queue, entry->slot, &entry->keys);
        entry->mode = RESTING;
    } else if (entry->hidden) {
        rdv__queue_show(queue, entry->slot);
        entry->hidden = false;
    } else if (entry->mode == RUNNING || what == 2) {
        entry->user = &model[random_below(MODELLED)];
        rdv__queue_run(queue, entry->slot, entry->user);
        entry->mode = RUNNING;
    } else if (what == 3) {
        rdv__queue_rest(queue, entry->slot);
        entry->mode = RESTING;
    } else if (what <= 5) {
        rdv__queue_wait(queue, entry->slot);
        entry->mode = WAITING;
    } else {
        rdv__queue_ready(queue, entry->slot);
        entry->mode = READY;
    }
}

/* RDV_TEST_SEED=n tries other sequences. */
START_TEST(whatever_is_done_the_queue_says_what_a_plain_list_would)
{
    const char *chosen = getenv("RDV_TEST_SEED");
    uint64_t seed = (uint64_t)(chosen ? strtoul(chosen, NULL, 0) : 0) * 1000 + (uint64_t)_i;
    size_t in_use = MODELLED >> _i % 4 * 2; /* few of them meet each other more often */

    seed_random(seed);
    memset(model, 0, sizeof model);
    const int64_t last = rdv_test_slowly() ? 2000 : 20000;
    for (int64_t number = 1; number <= last; number++) {
        step(&model[random_below(in_use)], number);
        compare_tops();
        if (number % 500 == 0)
            compare_all();
    }
    compare_all();
}
END_TEST

/* --------------------------------------------------------------------- hash */

START_TEST(an_identifier_has_one_hash)
{
    char copy[] = "xtask-42x";

    ck_assert_uint_eq(rdv__queue_hash(queue, "task-42", 7),
                      rdv__queue_hash(queue, copy + 1, 7)); /* also where it is not aligned */
    ck_assert_uint_ne(rdv__queue_hash(queue, "task-42", 7), rdv__queue_hash(queue, "task-42", 6));
    ck_assert_uint_ne(rdv__queue_hash(queue, "a\0", 2), rdv__queue_hash(queue, "a", 1));
}
END_TEST

START_TEST(a_hash_cannot_be_foreseen_from_another_queue)
{
    struct rdv__queue *other = NULL;
    int same = 0;

    ck_assert_int_eq(rdv__queue_new(&other), 0);
    for (int i = 0; i < 100; i++) {
        char text[16];
        size_t size = (size_t)snprintf(text, sizeof text, "task-%d", i);
        same += rdv__queue_hash(queue, text, size) == rdv__queue_hash(other, text, size);
    }
    rdv__queue_free(other);
    ck_assert_int_lt(same, 3);
}
END_TEST

/* Identifiers as people make them, into as many buckets as there are identifiers. */
START_TEST(identifiers_that_look_alike_are_spread)
{
    enum { COUNT = 1 << 16 };
    static const char *const formats[] = {"task-%d", "%d", "%08x-0000-4000-8000-000000000000",
                                          "nightly/host%d.example.org/security-updates"};
    static unsigned char low[COUNT], high[COUNT];
    size_t empty = 0;
    int most = 0;

    memset(low, 0, sizeof low);
    memset(high, 0, sizeof high);
    for (int i = 0; i < COUNT; i++) {
        char text[80];
        size_t size = (size_t)snprintf(text, sizeof text, formats[_i], i);
        uint32_t hash = rdv__queue_hash(queue, text, size);
        low[hash % COUNT]++;
        high[hash >> 16]++;
    }
    /* Chance leaves 1 in e empty, and has no bucket with 14 but once in a million tries. */
    for (size_t i = 0; i < COUNT; i++) {
        empty += low[i] == 0;
        most = low[i] > most ? low[i] : most;
        most = high[i] > most ? high[i] : most;
    }
    ck_assert_int_lt(most, 14);
    ck_assert_uint_gt(empty, COUNT * 360 / 1000);
    ck_assert_uint_lt(empty, COUNT * 376 / 1000);
}
END_TEST

START_TEST(every_bit_of_an_identifier_counts)
{
    for (size_t size = 1; size <= 40; size++) {
        char text[40] = {0};
        uint32_t zero = rdv__queue_hash(queue, text, size);
        int changed = 0;
        for (size_t bit = 0; bit < size * 8; bit++) {
            text[bit / 8] = (char)(1u << bit % 8);
            uint32_t difference = rdv__queue_hash(queue, text, size) ^ zero;
            ck_assert_uint_ne(difference, 0);
            for (; difference; difference &= difference - 1)
                changed++;
            text[bit / 8] = 0;
        }
        /* about half of the 32 bits of the hash each time */
        ck_assert_int_gt(changed, (int)(size * 8) * 10);
        ck_assert_int_lt(changed, (int)(size * 8) * 22);
    }
}
END_TEST

/* ------------------------------------------------------------------- memory */

/* Add an entry with random keys, and an end; the kinds are: waiting, ready, running. */
enum kind { KIND_WAITING, KIND_READY, KIND_RUNNING, KINDS };

static int add_random(enum kind kind, int64_t number, uint32_t *ret_slot)
{
    rdv_time start = (rdv_time)random_below(1000000) + 1;
    struct rdv__keys keys = {start, start + 1000, (rdv_time)random_below(1000000), number};
    int r = rdv__queue_add(queue, &keys, (uint32_t)random_below(UINT64_C(1) << 32), ret_slot);

    if (r < 0)
        return r;
    if (kind == KIND_WAITING)
        rdv__queue_wait(queue, *ret_slot);
    else
        rdv__queue_ready(queue, *ret_slot); /* in both heaps */
    if (kind == KIND_RUNNING)
        rdv__queue_run(queue, *ret_slot, queue);
    return 0;
}

START_TEST(from_1000_entries_up_each_takes_at_most_64_bytes)
{
    const int64_t most = rdv_test_slowly() ? 50000 : 1000000;
    seed_random(64);
    for (int64_t number = 1; number <= most; number++) {
        uint32_t slot;
        if (add_random((enum kind)_i, number, &slot) != 0)
            ck_abort_msg("no memory");
        size_t memory = rdv__queue_memory(queue);
        if (number >= 1000 && memory > 64 * (size_t)number)
            ck_abort_msg("%zu bytes for %d entries", memory, (int)number);
    }
}
END_TEST

static const char *why_not_counted(void)
{
    size_t before = rdv_test_allocated();
    void *volatile probe = malloc(100000); /* or the compiler leaves it out */
    size_t after = rdv_test_allocated();

    free(probe);
    return after - before >= 100000 ? NULL : "the allocator does not tell what it has given out";
}

START_TEST(the_memory_that_is_told_is_what_is_taken)
{
    static const int64_t sizes[] = {2000, 20000, 131073, 200000};
    size_t before = rdv_test_allocated();
    int64_t number = 0;

    seed_random(64);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        while (number < sizes[i]) {
            uint32_t slot;
            ck_assert_int_eq(add_random(KIND_READY, ++number, &slot), 0);
        }
        /* The allocator rounds up, and keeps some of what it was given back; stdio takes buffers. */
        size_t taken = rdv_test_allocated() - before, told = rdv__queue_memory(queue);
        ck_assert_uint_le(told, taken + 1000); /* the queue itself was there before */
        ck_assert_uint_le(taken, told + told / 100 + 8192);
        if (number >= 20000)
            ck_assert_uint_le(taken, 64 * (size_t)number);
    }
}
END_TEST

static const char *why_memory_does_not_run_out(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "a sanitizer needs the address space";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
    return "a sanitizer needs the address space";
#endif
#endif
    return rdv_test_under_valgrind("Valgrind needs the address space");
}

START_TEST(without_memory_only_adding_fails_and_changes_nothing)
{
    uint32_t slot = NONE;
    int64_t number = 0;
    bool good = true;
    int r;

    seed_random(12);
    rdv_test_limit_memory(4 << 20);

    /* Nothing is asserted here: Check needs memory too. */
    while ((r = add_random(number % 2 ? KIND_WAITING : KIND_READY, number + 1, &slot)) == 0)
        number++;
    uint32_t last = slot;
    struct rdv__keys keys = {1, 2, 3, number + 1};
    for (int i = 0; i < 3; i++)
        good = good && rdv__queue_add(queue, &keys, 5, &slot) == RDV_ENOMEM;
    good = good && slot == last && (int64_t)rdv__queue_count(queue) == number &&
           rdv__queue_check(queue);
    for (uint32_t each = 0; each <= last; each++) {
        keys = rdv__queue_keys(queue, each);
        rdv__queue_ready(queue, each);
        rdv__queue_run(queue, each, queue);
        rdv__queue_hide(queue, each);
        rdv__queue_show(queue, each);
        rdv__queue_restore(queue, each, &keys);
        rdv__queue_wait(queue, each);
    }
    good = good && rdv__queue_check(queue);
    rdv__queue_remove(queue, last);
    good = good && add_random(KIND_READY, number, &slot) == 0; /* there is a free slot now */

    rdv_test_limit_memory(0);
    ck_assert_int_eq(r, RDV_ENOMEM);
    ck_assert(good);
    ck_assert_int_gt(number, 1000);
    ck_assert_int_eq(add_random(KIND_READY, number + 1, &slot), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *modes = tcase_create("modes");
    TCase *order = tcase_create("order");
    TCase *hash = tcase_create("hash");
    TCase *memory = tcase_create("memory");

    tcase_add_checked_fixture(modes, set_up, tear_down);
    tcase_add_test(modes, an_empty_queue_has_nothing_first);
    tcase_add_test(modes, an_entry_rests_when_it_is_added);
    tcase_add_test(modes, a_waiting_entry_is_due_at_its_start);
    tcase_add_test(modes, a_ready_entry_is_due_one_tick_past_its_end);
    tcase_add_test(modes, a_ready_entry_without_an_end_is_never_due);
    tcase_add_test(modes, an_entry_that_rests_again_is_in_no_heap);
    tcase_add_test(modes, a_running_entry_is_in_no_heap);
    tcase_add_test(modes, a_running_entry_can_be_restored_with_its_keys);
    tcase_add_test(modes, a_hidden_entry_is_found_by_nobody_until_it_is_shown);
    tcase_add_test(modes, a_running_entry_that_was_hidden_runs_on);
    tcase_add_test(modes, a_removed_entry_is_gone_and_its_slot_is_used_again);
    tcase_add_test(modes, all_entries_of_a_hash_are_walked);
    tcase_add_test(modes, what_is_done_before_the_first_search_is_found_by_it);
    suite_add_tcase(suite, modes);

    tcase_add_checked_fixture(order, set_up, tear_down);
    tcase_set_timeout(order, 60);
    tcase_add_test(order, rule_2_ready_entries_come_in_the_windows_order);
    tcase_add_test(order, equal_moments_come_in_order_of_arrival);
    tcase_add_loop_test(order, whatever_is_done_the_queue_says_what_a_plain_list_would, 0, 8);
    suite_add_tcase(suite, order);

    tcase_add_checked_fixture(hash, set_up, tear_down);
    tcase_add_test(hash, an_identifier_has_one_hash);
    tcase_add_test(hash, a_hash_cannot_be_foreseen_from_another_queue);
    tcase_add_loop_test(hash, identifiers_that_look_alike_are_spread, 0, 4);
    tcase_add_test(hash, every_bit_of_an_identifier_counts);
    suite_add_tcase(suite, hash);

    tcase_add_checked_fixture(memory, set_up, tear_down);
    tcase_set_timeout(memory, 60);
    tcase_add_loop_test(memory, from_1000_entries_up_each_takes_at_most_64_bytes, 0, KINDS);
    rdv_test_add_unless(memory, the_memory_that_is_told_is_what_is_taken, why_not_counted());
    rdv_test_add_unless(memory, without_memory_only_adding_fails_and_changes_nothing,
                        why_memory_does_not_run_out());
    suite_add_tcase(suite, memory);
    return rdv_test_main(suite);
}
