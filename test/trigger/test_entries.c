/* SPDX-License-Identifier: MIT */
/* Unfinished entries: under identifiers that have one hash, which nobody can choose, but chance can; and in large batches. */
#include "trigger/entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "store/database.h"
#include "store/store.h"
#include "store/write_behind.h"

#define NOW (INT64_C(400) * 365 * RDV_DAY)

static rdv_loop *loop;
static rdv_store *store;
static struct rdv__entries entries;

static void hear_live(void *user, struct rdv__live_entry *live)
{
    (void)user, (void)live;
}

static void hear_result(void *user, int result)
{
    (void)user, (void)result;
}

static const struct rdv__entries_ops ops = {
    .started = hear_live, .cancelling = hear_live, .settled = hear_result};

/* ------------------------------------------------- two names with one hash */

static char one[32], other[32];

struct hashed {
    uint32_t hash;
    int number;
};

static int compare_hashed(const void *a, const void *b)
{
    const struct hashed *left = a, *right = b;
    return left->hash < right->hash ? -1 : left->hash > right->hash;
}

static uint32_t hash_of(int number, char identifier[32])
{
    size_t size = (size_t)snprintf(identifier, 32, "task-%d", number);
    return rdv__queue_hash(entries.queue, identifier, size);
}

/* Of so many names some twenty pairs have one hash: no queue in a hundred million has none. */
static void find_a_pair(void)
{
    enum { COUNT = 400000 };
    struct hashed *hashed = malloc(COUNT * sizeof *hashed);
    ck_assert_ptr_nonnull(hashed);
    for (int i = 0; i < COUNT; i++)
        hashed[i] = (struct hashed){hash_of(i, one), i};
    qsort(hashed, COUNT, sizeof *hashed, compare_hashed);
    int i = 1;
    while (i < COUNT && hashed[i].hash != hashed[i - 1].hash)
        i++;
    ck_assert_int_lt(i, COUNT);
    ck_assert_uint_eq(hash_of(hashed[i].number, one), hash_of(hashed[i - 1].number, other));
    free(hashed);
}

static void set_up(void)
{
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    ck_assert_int_eq(rdv_store_open(NULL, NULL, &store, NULL), 0);
    ck_assert_int_eq(rdv__store_attach(store, loop), 0);
    ck_assert_int_eq(rdv__entries_init(&entries, store, &ops, NULL), 0);
    find_a_pair();
}

static void tear_down(void)
{
    ck_assert(rdv__queue_check(entries.queue));
    rdv__entries_finish(&entries);
    rdv_store_close(store);
    rdv_loop_free(loop);
}

/* ------------------------------------------------------------------ the rule */

static void schedule_with(const char *identifier, const void *context, size_t size)
{
    const rdv_window window = {0};
    struct rdv__entries_known known;
    rdv_task *task = NULL;
    ck_assert_int_eq(rdv_task_new("label", identifier, context, size, &task), 0);
    ck_assert_int_eq(rdv__entries_look_up(&entries, identifier, &known), 0);
    ck_assert_int_eq(rdv__entries_schedule(&entries, &window, task, &known, NOW), 0);
    rdv_task_unref(task);
}

static void schedule(const char *identifier)
{
    schedule_with(identifier, NULL, 0);
}

static void settle(void)
{
    ck_assert_int_eq(rdv__store_commit(store), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

/* Find the slot of an entry. *ret_live is NULL for a pending one. */
static uint32_t find(const char *identifier, struct rdv__live_entry **ret_live)
{
    uint32_t slot = RDV__QUEUE_NONE;
    ck_assert_int_eq(rdv__entries_find(&entries, identifier, &slot, ret_live), 0);
    return slot;
}

static int64_t number_of(const char *identifier)
{
    struct rdv__live_entry *live = NULL;
    return rdv__queue_number(entries.queue, find(identifier, &live));
}

static void expect_unknown(const char *identifier)
{
    uint32_t slot;
    struct rdv__live_entry *live;
    ck_assert_int_eq(rdv__entries_find(&entries, identifier, &slot, &live), RDV_ENOTFOUND);
}

START_TEST(identifiers_with_one_hash_are_two_entries)
{
    schedule(one);
    expect_unknown(other);
    schedule(other);
    ck_assert_uint_eq(rdv__queue_count(entries.queue), 2);
    ck_assert_int_eq(number_of(one), 1);
    ck_assert_int_eq(number_of(other), 2);
    settle();
    ck_assert_int_eq(number_of(one), 1);
    ck_assert_int_eq(number_of(other), 2);
}
END_TEST

START_TEST(of_two_with_one_hash_the_one_that_is_named_is_replaced)
{
    schedule(one);
    schedule(other);
    schedule(one); /* in the same batch */
    ck_assert_int_eq(number_of(one), 3);
    settle();
    schedule(other);
    settle();
    ck_assert_uint_eq(rdv__queue_count(entries.queue), 2);
    ck_assert_int_eq(number_of(one), 3);
    ck_assert_int_eq(number_of(other), 4);
}
END_TEST

/* The elder, and the younger, which is seen first. */
START_TEST(of_two_with_one_hash_the_one_that_runs_is_busy)
{
    const char *busy = _i ? one : other, *idle = _i ? other : one;
    struct rdv__live_entry *live = NULL;
    struct rdv__entries_known known;
    schedule(one);
    schedule(other);
    ck_assert_int_eq(rdv__entries_start(&entries, find(busy, &live), NOW, &live), 0);
    ck_assert_int_eq(rdv__entries_look_up(&entries, busy, &known), RDV_EBUSY);
    ck_assert_int_eq(rdv__entries_look_up(&entries, idle, &known), 0);
    settle();
    ck_assert_int_eq(rdv__entries_look_up(&entries, busy, &known), RDV_EBUSY);
    (void)find(idle, &live);
    ck_assert_ptr_null(live);
    (void)find(busy, &live);
    ck_assert_ptr_nonnull(live);
    ck_assert_str_eq(rdv_task_identifier(live->task), busy);
}
END_TEST

START_TEST(of_two_with_one_hash_the_one_that_ended_is_gone)
{
    struct rdv__live_entry *live = NULL;
    schedule(one);
    schedule(other);
    settle();
    ck_assert_int_eq(rdv__entries_end_pending(&entries, find(one, &live), RDV_OUTCOME_CANCELLED,
                                              RDV_ECANCELLED, "", NOW),
                     0);
    expect_unknown(one);
    ck_assert_int_eq(number_of(other), 2);
    ck_assert_int_eq(rdv__store_fail(store, RDV_EIO), RDV_EIO);
    ck_assert_int_eq(number_of(one), 1); /* the batch was lost */
    ck_assert_int_eq(number_of(other), 2);
}
END_TEST

/* ------------------------------------------------------------------ batches */

/* How many new entries wait to be written, and need not be read back. */
static size_t waiting(void)
{
    return rdv__store_database(store)->write_behind->count;
}

/* Whether it waits to be written or not. */
static void expect_started_with(const char *identifier, const char *context, size_t size)
{
    struct rdv__live_entry *live = NULL;
    size_t found = 0;
    ck_assert_int_eq(rdv__entries_start(&entries, find(identifier, &live), NOW, &live), 0);
    const void *bytes = rdv_task_context(live->task, &found);
    ck_assert_uint_eq(found, size);
    ck_assert(memcmp(bytes, context, size) == 0);
}

START_TEST(a_batch_does_not_keep_large_contexts_and_starts_their_tasks_all_the_same)
{
    static char context[RDV__NEW_CONTEXTS_MAX];
    memset(context, 'c', sizeof context);
    schedule_with("small", context, 100);
    ck_assert_uint_eq(waiting(), 1);
    schedule_with("large", context, sizeof context - 101);
    ck_assert_uint_eq(waiting(), 2);
    schedule_with("one byte too many", context, 1);
    ck_assert_uint_eq(waiting(), 0);
    schedule_with("larger than some", context, 2000);
    ck_assert_uint_eq(waiting(), 1);
    expect_started_with("larger than some", context, 2000);
    expect_started_with("small", context, 100);
    expect_started_with("large", context, sizeof context - 101);
    schedule_with("largest", context, sizeof context);
    ck_assert_uint_eq(waiting(), 0);
    expect_started_with("largest", context, sizeof context);
    settle();
    ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(a_batch_of_more_tasks_than_may_wait_starts_the_first_and_the_last)
{
    enum { COUNT = RDV__NEW_ROWS_MAX + 10 };
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "of many %d", i);
        schedule_with(name, name, strlen(name));
        ck_assert_uint_lt(waiting(), RDV__NEW_ROWS_MAX);
    }
    ck_assert_uint_eq(waiting(), COUNT - RDV__NEW_ROWS_MAX);
    expect_started_with("of many 0", "of many 0", 9);
    snprintf(name, sizeof name, "of many %d", COUNT - 1);
    expect_started_with(name, name, strlen(name));
    settle();
    ck_assert_uint_eq(rdv__queue_count(entries.queue), COUNT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("entries");
    TCase *one_hash = tcase_create("one hash");
    tcase_add_checked_fixture(one_hash, set_up, tear_down);
    tcase_set_timeout(one_hash, 60);
    tcase_add_test(one_hash, identifiers_with_one_hash_are_two_entries);
    tcase_add_test(one_hash, of_two_with_one_hash_the_one_that_is_named_is_replaced);
    tcase_add_loop_test(one_hash, of_two_with_one_hash_the_one_that_runs_is_busy, 0, 2);
    tcase_add_test(one_hash, of_two_with_one_hash_the_one_that_ended_is_gone);
    suite_add_tcase(suite, one_hash);
    TCase *batches = tcase_create("batches");
    tcase_add_checked_fixture(batches, set_up, tear_down);
    tcase_set_timeout(batches, 60);
    tcase_add_test(batches,
                   a_batch_does_not_keep_large_contexts_and_starts_their_tasks_all_the_same);
    tcase_add_test(batches, a_batch_of_more_tasks_than_may_wait_starts_the_first_and_the_last);
    suite_add_tcase(suite, batches);
    return rdv_test_main(suite);
}
