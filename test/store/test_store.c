/* SPDX-License-Identifier: MIT */
/* The store: batches and who hears of them, opening, formats, locks and readers. Faults are scenario_store_faults.c's. */
#include <inttypes.h>
#include <sqlite3.h>

#include <rdvtask/loop.h>

#include "harness.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"
#include "store/database.h"
#include "store/journal.h"
#include "store/records.h"
#include "store/schema.h"
#include "store/store.h"
#include "store_help.h"

static rdv_store *store;
static rdv_loop *loop;
static char heard[256]; /* what was settled: "a=0 b=-9 " */
static char owners[4];  /* their addresses tell owners apart */

struct note {
    struct rdv__store_change change;
    const char *name;
    void (*then)(struct note *note, int result);
};

static void settle(struct rdv__store_change *change, int result)
{
    struct note *note = (struct note *)change;
    size_t used = strlen(heard);
    snprintf(heard + used, sizeof heard - used, "%s=%d ", note->name, result);
    if (note->then)
        note->then(note, result);
}

/* Notes outlive the test's own function, as changes outlive what has made them. */
static struct note notes[16];
static size_t note_count;

static struct note *note(const char *name)
{
    ck_assert_uint_lt(note_count, sizeof notes / sizeof *notes);
    struct note *next = &notes[note_count++];
    *next = (struct note){.change = {.settle = settle, .owner = owners}, .name = name};
    return next;
}

/* Stage something that can be seen from outside: an entry with this name. */
static void stage(struct note *change)
{
    ck_assert_int_eq(rdv__store_stage(store), 0);
    rdv_task *task = make_task("label", change->name, "");
    const rdv_window window = {0};
    ck_assert_int_eq(
        rdv__record_schedule(store, rdv__record_next_number(store), &window, task, NOW), 0);
    rdv_task_unref(task);
    rdv__store_defer(store, &change->change);
}

static void dispatch(void)
{
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

/* Whether the loop says that it has something to do; where it has no descriptor, nothing is said. */
static void expect_ready(bool ready)
{
    if (rdv_loop_fd(loop) >= 0)
        ck_assert_int_eq(rdv_test_wait(loop, 0), ready);
}

/* What someone else finds in the file. */
static int stored(void)
{
    rdv_store *reader = open_store(path, RDV_STORE_READ_ONLY);
    int count = count_entries(reader, 0);
    rdv_store_close(reader);
    return count;
}

static void set_up(void)
{
    make_directory();
    *heard = '\0';
    note_count = 0;
    store = NULL;
    loop = NULL;
}

static void set_up_store(void)
{
    set_up();
    store = open_store(path, 0);
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    ck_assert_int_eq(rdv__store_attach(store, loop), 0);
}

static void tear_down(void)
{
    if (store)
        rdv__store_disown(store, owners);
    rdv_store_close(store);
    rdv_loop_free(loop);
    remove_directory();
}

static int64_t number_of(const char *sql)
{
    int64_t number = -1;
    ck_assert_int_eq(rdv__database_number(rdv__store_database(store), sql, &number), 0);
    return number;
}

/* ----------------------------------------------------------------- batches */

START_TEST(nothing_is_heard_or_seen_before_the_commit)
{
    struct note *a = note("a");
    stage(a);
    ck_assert_str_eq(heard, "");
    ck_assert_int_eq(stored(), 0);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    ck_assert_int_eq(stored(), 1);
}
END_TEST

START_TEST(a_commit_is_heard_of_in_the_loops_turn_and_not_before)
{
    struct note *a = note("a");
    expect_ready(false);
    stage(a);
    expect_ready(true);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    ck_assert_str_eq(heard, "");
    dispatch();
    ck_assert_str_eq(heard, "a=0 ");
    expect_ready(false);
}
END_TEST

static int do_nothing(void *user)
{
    (void)user;
    return 0;
}

START_TEST(a_call_on_the_owner_thread_commits_and_settles_nothing)
{
    struct note *a = note("a");
    stage(a);
    ck_assert_int_eq(rdv_loop_call(loop, do_nothing, NULL), 0);
    ck_assert_int_eq(stored(), 1);
    ck_assert_str_eq(heard, "");
    dispatch();
    ck_assert_str_eq(heard, "a=0 ");
}
END_TEST

static int count_commit(void *user)
{
    ++*(int *)user;
    return 0;
}

START_TEST(all_changes_of_a_turn_share_one_commit_and_are_heard_in_order)
{
    int commits = 0;
    sqlite3_commit_hook(rdv__store_database(store)->handle, count_commit, &commits);
    struct note *a = note("a"), *b = note("b"), *c = note("c");
    stage(a);
    stage(b);
    stage(c);
    dispatch();
    ck_assert_int_eq(commits, 1);
    ck_assert_str_eq(heard, "a=0 b=0 c=0 ");
    dispatch();
    ck_assert_int_eq(commits, 1);
}
END_TEST

START_TEST(a_batch_that_fails_is_undone_at_once_in_reverse_order)
{
    struct note *a = note("a"), *b = note("b"), *c = note("c"), *d = note("d");
    stage(a);
    stage(b);
    stage(c);
    ck_assert_int_eq(rdv__store_fail(store, RDV_ENOSPC), RDV_ENOSPC);
    ck_assert_str_eq(heard, "c=-9 b=-9 a=-9 ");
    *heard = '\0';
    stage(d);
    dispatch();
    ck_assert_str_eq(heard, "d=0 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

static int refuse_commit(void *user)
{
    (void)user;
    return 1;
}

START_TEST(nothing_joins_a_batch_that_sqlite_has_undone)
{
    struct note *a = note("a"), *b = note("b");
    stage(a);
    /* As SQLite does by itself when it lacks memory. */
    ck_assert_int_eq(rdv__database_execute(rdv__store_database(store), "ROLLBACK"), 0);
    ck_assert_int_eq(rdv__store_stage(store), RDV_EIO);
    ck_assert_str_eq(heard, "a=-8 ");
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), "undone"));
    dispatch();
    *heard = '\0';
    stage(b);
    dispatch();
    ck_assert_str_eq(heard, "b=0 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

START_TEST(a_commit_that_fails_undoes_its_batch_and_the_next_one_works)
{
    struct note *a = note("a"), *b = note("b"), *c = note("c");
    stage(a);
    stage(b);
    sqlite3_commit_hook(rdv__store_database(store)->handle, refuse_commit, NULL);
    ck_assert_int_eq(rdv__store_commit(store), RDV_EIO);
    ck_assert_str_eq(heard, "b=-8 a=-8 ");
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), path));
    sqlite3_commit_hook(rdv__store_database(store)->handle, NULL, NULL);
    *heard = '\0';
    stage(c);
    dispatch();
    ck_assert_str_eq(heard, "c=0 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

static struct note *later;

static void stage_later(struct note *change, int result)
{
    (void)change;
    (void)result;
    stage(later);
}

START_TEST(a_change_may_stage_another_when_it_is_settled)
{
    struct note *a = note("a"), *b = note("b");
    later = note("later");
    a->then = stage_later;
    stage(a);
    stage(b);
    dispatch(); /* takes the next turn as well, as it was asked for */
    ck_assert_str_eq(heard, "a=0 b=0 later=0 ");
    ck_assert_int_eq(stored(), 3);
}
END_TEST

START_TEST(the_message_is_of_the_last_failure_whoever_failed)
{
    struct note *a = note("a"), *b = note("b"), *c = note("c");
    stage(a);
    (void)rdv__store_fail(store, RDV_ENOSPC);
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), rdv_strerror(RDV_ENOSPC)));
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), path));
    stage(b);
    (void)rdv__store_fail(store, RDV_ENOMEM);
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), rdv_strerror(RDV_ENOMEM)));
    stage(c);
    (void)rdv__store_fail(store, RDV_ECANCELLED); /* on purpose */
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), rdv_strerror(RDV_ENOMEM)));
}
END_TEST

START_TEST(a_change_may_stage_another_when_it_is_undone)
{
    struct note *a = note("a"), *b = note("b");
    later = note("later");
    b->then = stage_later;
    stage(a);
    stage(b);
    ck_assert_int_eq(rdv__store_fail(store, RDV_ENOMEM), RDV_ENOMEM);
    ck_assert_str_eq(heard, "b=-2 a=-2 ");
    dispatch();
    ck_assert_str_eq(heard, "b=-2 a=-2 later=0 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

START_TEST(closing_undoes_what_was_not_committed)
{
    struct note *a = note("a"), *b = note("b");
    stage(a);
    dispatch();
    stage(b);
    rdv_store_close(store);
    store = NULL;
    ck_assert_str_eq(heard, "a=0 b=-16 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

/* ------------------------------------------------------------ held batches */

START_TEST(a_held_batch_is_committed_by_its_release_only)
{
    struct note *a = note("a");
    ck_assert_int_eq(rdv__store_hold(store), 0);
    stage(a);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    ck_assert_int_eq(stored(), 0);
    ck_assert_int_eq(count_entries(store, 0), 1); /* its own changes are seen inside */
    ck_assert_int_eq(rdv__store_release(store, true), 0);
    ck_assert_int_eq(stored(), 1);
    dispatch();
    ck_assert_str_eq(heard, "a=0 ");
}
END_TEST

START_TEST(a_release_is_heard_of_also_when_turns_were_taken_before)
{
    struct note *a = note("a");
    ck_assert_int_eq(rdv__store_hold(store), 0);
    stage(a);
    dispatch();
    ck_assert_str_eq(heard, "");
    expect_ready(false);
    ck_assert_int_eq(rdv__store_release(store, true), 0);
    expect_ready(true);
    dispatch();
    ck_assert_str_eq(heard, "a=0 ");
}
END_TEST

START_TEST(a_held_batch_can_be_undone)
{
    struct note *a = note("a"), *b = note("b");
    ck_assert_int_eq(rdv__store_hold(store), 0);
    stage(a);
    stage(b);
    ck_assert_int_eq(rdv__store_release(store, false), 0);
    ck_assert_str_eq(heard, "b=-18 a=-18 ");
    ck_assert_int_eq(stored(), 0);
    /* Nobody failed. */
    ck_assert_str_eq(rdv_store_message(store), "");
}
END_TEST

START_TEST(what_was_staged_before_a_hold_is_no_part_of_it)
{
    struct note *a = note("a"), *b = note("b");
    stage(a);
    ck_assert_int_eq(rdv__store_hold(store), 0);
    stage(b);
    ck_assert_int_eq(rdv__store_release(store, false), 0);
    dispatch();
    ck_assert_str_eq(heard, "b=-18 a=0 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

START_TEST(a_held_batch_that_failed_says_so_at_release_and_takes_nothing_more)
{
    struct note *a = note("a"), *b = note("b");
    ck_assert_int_eq(rdv__store_hold(store), 0);
    stage(a);
    ck_assert_int_eq(rdv__store_fail(store, RDV_ENOSPC), RDV_ENOSPC);
    ck_assert_int_eq(rdv__store_stage(store), RDV_ENOSPC);
    ck_assert_int_eq(rdv__store_release(store, true), RDV_ENOSPC);
    ck_assert_int_eq(stored(), 0);
    stage(b);
    dispatch();
    ck_assert_str_eq(heard, "a=-9 b=0 ");
}
END_TEST

START_TEST(only_one_batch_can_be_held)
{
    ck_assert_int_eq(rdv__store_release(store, true), RDV_ESTATE);
    ck_assert_int_eq(rdv__store_hold(store), 0);
    ck_assert_int_eq(rdv__store_hold(store), RDV_ESTATE);
    ck_assert_int_eq(rdv__store_release(store, true), 0);
    ck_assert_int_eq(rdv__store_release(store, true), RDV_ESTATE);
}
END_TEST

/* ------------------------------------------------------------------ owners */

START_TEST(an_owner_that_goes_hears_of_its_changes_only)
{
    struct note *a = note("a"), *b = note("b"), *c = note("c");
    b->change.owner = owners + 1;
    stage(a);
    stage(b);
    stage(c);
    rdv__store_disown(store, owners);
    ck_assert_str_eq(heard, "a=-16 c=-16 ");
    ck_assert_int_eq(stored(), 3); /* committed all the same */
    dispatch();
    ck_assert_int_eq(rdv__store_attach(store, loop), 0);
    expect_ready(true);
    dispatch();
    ck_assert_str_eq(heard, "a=-16 c=-16 b=0 ");
}
END_TEST

static void disown_second(struct note *change, int result)
{
    (void)change;
    (void)result;
    rdv__store_disown(store, owners + 1);
}

START_TEST(a_store_stays_on_its_loop_while_someone_uses_it)
{
    ck_assert_int_eq(rdv__store_attach(store, loop), 0);
    rdv__store_disown(store, owners + 1);
    struct note *a = note("a");
    stage(a);
    dispatch();
    ck_assert_str_eq(heard, "a=0 ");
}
END_TEST

START_TEST(an_owner_may_go_while_changes_are_settled)
{
    ck_assert_int_eq(rdv__store_attach(store, loop), 0);
    struct note *a = note("a"), *b = note("b"), *c = note("c");
    a->then = disown_second;
    b->change.owner = owners + 1;
    stage(a);
    stage(b);
    stage(c);
    dispatch();
    ck_assert_str_eq(heard, "a=0 b=-16 c=0 ");
}
END_TEST

START_TEST(an_owner_may_go_while_changes_are_undone)
{
    ck_assert_int_eq(rdv__store_attach(store, loop), 0);
    struct note *a = note("a"), *b = note("b"), *c = note("c");
    c->then = disown_second;
    b->change.owner = owners + 1;
    stage(a);
    stage(b);
    stage(c);
    ck_assert_int_eq(rdv__store_fail(store, RDV_ENOMEM), RDV_ENOMEM);
    ck_assert_str_eq(heard, "c=-2 b=-16 a=-2 ");
}
END_TEST

START_TEST(an_owner_that_goes_undoes_the_batch_that_is_held)
{
    struct note *a = note("a");
    ck_assert_int_eq(rdv__store_hold(store), 0);
    stage(a);
    rdv__store_disown(store, owners);
    ck_assert_str_eq(heard, "a=-18 ");
    ck_assert_int_eq(rdv__store_release(store, true), RDV_ESTATE);
    ck_assert_int_eq(stored(), 0);
}
END_TEST

START_TEST(a_store_is_on_one_loop_at_a_time)
{
    rdv_loop *other;
    ck_assert_int_eq(rdv_loop_new(&other), 0);
    ck_assert_int_eq(rdv__store_attach(store, other), RDV_ESTATE);
    rdv__store_disown(store, owners);
    ck_assert_int_eq(rdv__store_attach(store, other), 0);
    rdv__store_disown(store, owners);
    rdv_loop_free(other);
}
END_TEST

START_TEST(a_store_may_be_closed_after_its_loop_was_freed)
{
    rdv__store_disown(store, owners);
    rdv_loop_free(loop);
    loop = NULL;
    struct note *a = note("a");
    stage(a);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv__store_disown(store, owners);
    ck_assert_str_eq(heard, "a=-16 ");
    rdv_store_close(store);
    store = NULL;
    ck_assert_int_eq(stored(), 1);
}
END_TEST

/* ------------------------------------------------------ calls of a loop */

static struct note *of_call;

static int stage_in_call(void *user)
{
    (void)user;
    stage(of_call);
    return 0;
}

static int calling; /* atomic */

static void call_from_outside(void *user)
{
    rdv__atomic_store(&calling, 1);
    *(int *)user = rdv_loop_call(loop, stage_in_call, NULL);
}

/* Someone else's change, in the same turn, finds that the disk is full. */
static void lose_batch(struct rdv__post *post)
{
    (void)post;
    ck_assert_int_eq(rdv__store_stage(store), 0);
    (void)rdv__store_fail(store, RDV_ENOSPC);
    /* What comes now would be answered like the rest of the turn, so it must not be done. */
    ck_assert_int_eq(rdv__store_stage(store), RDV_ENOSPC);
}

static int call_and_post(void (*fn)(struct rdv__post *post))
{
    struct rdv__thread *thread;
    int result = 1;
    of_call = note("call");
    rdv__atomic_store(&calling, 0);
    ck_assert_int_eq(rdv__thread_new(call_from_outside, &result, &thread), 0);
    ck_assert(rdv_test_wait(loop, 60000));
    if (rdv_loop_fd(loop) <
        0) { /* nothing tells that the call has come, only that it is about to */
        while (!rdv__atomic_load(&calling))
            rdv_test_sleep(1);
        rdv_test_sleep(200);
    }
    struct rdv__post post = {.fn = fn};
    if (fn)
        rdv__loop_post(loop, &post);
    dispatch();
    rdv__thread_join(thread);
    return result;
}

START_TEST(a_call_is_answered_when_its_change_is_durable)
{
    ck_assert_int_eq(call_and_post(NULL), 0);
    ck_assert_str_eq(heard, "call=0 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

START_TEST(a_call_hears_that_its_change_was_lost_by_another_one_of_its_turn)
{
    ck_assert_int_eq(call_and_post(lose_batch), RDV_ENOSPC);
    ck_assert_str_eq(heard, "call=-9 ");
    ck_assert_int_eq(stored(), 0);
    *heard = '\0';
    ck_assert_int_eq(call_and_post(NULL), 0);
    ck_assert_str_eq(heard, "call=0 ");
    ck_assert_int_eq(stored(), 1);
}
END_TEST

START_TEST(a_failure_outside_of_calls_is_no_failure_of_a_later_call)
{
    struct note *a = note("a");
    stage(a);
    (void)rdv__store_fail(store, RDV_ENOMEM);
    of_call = note("call");
    ck_assert_int_eq(rdv_loop_call(loop, stage_in_call, NULL), 0);
    ck_assert_int_eq(stored(), 1);
}
END_TEST

START_TEST(a_held_batch_that_failed_in_a_call_is_no_failure_of_other_calls)
{
    struct note *a = note("a");
    ck_assert_int_eq(rdv__store_hold(store), 0);
    of_call = note("call");
    ck_assert_int_eq(rdv_loop_call(loop, stage_in_call, NULL), 0);
    sqlite3_commit_hook(rdv__store_database(store)->handle, refuse_commit, NULL);
    ck_assert_int_eq(rdv__store_release(store, true), RDV_EIO);
    sqlite3_commit_hook(rdv__store_database(store)->handle, NULL, NULL);
    stage(a);
    dispatch();
    ck_assert_str_eq(heard, "call=-8 a=0 ");
}
END_TEST

/* ---------------------------------------------------------------- listings */

static int try_to_stage(void *user, const rdv_entry *entry)
{
    (void)entry;
    *(int *)user = rdv__store_stage(store);
    return 0;
}

START_TEST(nothing_is_staged_inside_a_listing)
{
    struct note *a = note("a");
    stage(a);
    int result = 0;
    ck_assert_int_eq(rdv_store_entries(store, NULL, try_to_stage, &result), 0);
    ck_assert_int_eq(result, RDV_ESTATE);
    ck_assert_int_eq(rdv__store_stage(store), 0);
}
END_TEST

static int list_inside(void *user, const rdv_entry *entry)
{
    (void)entry;
    *(int *)user += count_entries(store, 0);
    return 0;
}

START_TEST(listings_may_be_nested)
{
    struct note *a = note("a"), *b = note("b");
    stage(a);
    stage(b);
    int count = 0;
    ck_assert_int_eq(rdv_store_entries(store, NULL, list_inside, &count), 0);
    ck_assert_int_eq(count, 4);
    ck_assert_int_eq(rdv__store_stage(store), 0);
}
END_TEST

static int write_behind(void *user, const rdv_entry *entry)
{
    (void)entry;
    struct note *more = user;
    stage(more);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    return 0;
}

START_TEST(a_listing_is_one_view_while_another_writes)
{
    struct note *a = note("a"), *b = note("b"), *more[] = {note("m1"), note("m2")};
    stage(a);
    stage(b);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv_store *reader = open_store(path, RDV_STORE_READ_ONLY);
    int listed = 0;
    /* Each entry that is shown makes another one be written; none of those shows. */
    const rdv_filter first = {.size = sizeof first, .limit = 1};
    ck_assert_int_eq(rdv__store_begin_view(reader), 0);
    ck_assert_int_eq(rdv_store_entries(reader, &first, write_behind, more[0]), 0);
    ck_assert_int_eq(rdv_store_entries(reader, &first, write_behind, more[1]), 0);
    ck_assert_int_eq(rdv_store_entries(reader, NULL, count_one, &listed), 0);
    ck_assert_int_eq(listed, 2);
    rdv__store_end_view(reader);
    ck_assert_int_eq(count_entries(reader, 0), 4);
    rdv_store_close(reader);
}
END_TEST

START_TEST(a_listing_shows_what_is_staged_and_commits_it)
{
    struct note *a = note("a");
    stage(a);
    ck_assert_int_eq(count_entries(store, 0), 1);
    ck_assert_int_eq(stored(), 1);
}
END_TEST

/* ----------------------------------------------------------------- opening */

START_TEST(a_new_store_is_private_whatever_the_umask_is)
{
    rdv_test_be_generous(directory);
    store = open_store(path, 0);
    struct note *a = note("a");
    stage(a);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm",
                                        "store.db.lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_msg(rdv_test_is_private(in_directory(names[i])), "%s", names[i]);
    }
    rdv__store_disown(store, owners);
}
END_TEST

START_TEST(a_store_keeps_the_mode_that_it_was_given)
{
    rdv_store_close(open_store(path, 0));
    ck_assert(rdv_test_is_private(path));
    rdv_test_let_read(path);
    store = open_store(path, 0);
    ck_assert(!rdv_test_is_private(path));
}
END_TEST

START_TEST(an_orderly_close_leaves_the_file_alone_behind)
{
    store = open_store(path, 0);
    struct note *a = note("a");
    stage(a);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    ck_assert(there(in_directory("store.db-wal")));
    rdv__store_disown(store, owners);
    rdv_store_close(store);
    store = NULL;
    ck_assert(!there(in_directory("store.db-wal")));
    ck_assert(!there(in_directory("store.db-shm")));
    /* Deleting it would let two processes have one each. It names nobody any more. */
    ck_assert_int_eq(rdv_test_size(in_directory("store.db.lock")), 0);
}
END_TEST

START_TEST(every_commit_is_synced)
{
    store = open_store(path, 0);
    ck_assert_int_eq(number_of("PRAGMA synchronous"), 2);
    ck_assert_int_eq(number_of("SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    ck_assert_int_le(number_of("PRAGMA busy_timeout"), 250);
}
END_TEST

START_TEST(a_store_in_memory_is_gone_when_it_is_closed)
{
    for (int i = 0; i < 2; i++) {
        store = open_store(NULL, 0);
        ck_assert_ptr_null(rdv__store_path(store));
        ck_assert_int_eq(count_entries(store, 0), 0);
        struct note *a = note("a");
        stage(a);
        ck_assert_int_eq(rdv__store_commit(store), 0);
        ck_assert_int_eq(count_entries(store, 0), 1);
        rdv__store_disown(store, owners);
        rdv_store_close(store);
        store = NULL;
    }
}
END_TEST

START_TEST(the_path_is_absolute)
{
    rdv_test_go_to(directory);
    store = open_store("store.db", 0);
    rdv_test_go_to("/");
    char found[RDV_TEST_PATH];
    rdv_test_path(rdv__store_path(store), found);
    ck_assert_str_eq(found, path);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
    rdv_store_options options, wrong;
    struct rdv_error error;
    rdv_store_options_init(&options);
    ck_assert_int_eq(options.history_count, 10000);
    ck_assert_int_eq(rdv_store_open(path, &options, NULL, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_store_open("", &options, &store, &error), RDV_EINVAL);
    ck_assert_int_eq(rdv_store_open(":memory:", &options, &store, &error), RDV_EINVAL);
    ck_assert_int_eq(rdv_store_open("file:a?mode=memory", &options, &store, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "write './file:a?mode=memory'"));
    wrong = options;
    wrong.size--;
    ck_assert_int_eq(rdv_store_open(path, &wrong, &store, NULL), RDV_EINVAL);
    wrong = options;
    wrong.flags = 2;
    ck_assert_int_eq(rdv_store_open(path, &wrong, &store, NULL), RDV_EINVAL);
    wrong = options;
    wrong.history_count = -1;
    ck_assert_int_eq(rdv_store_open(path, &wrong, &store, NULL), RDV_EINVAL);
    wrong = options;
    wrong.history_age = -1;
    ck_assert_int_eq(rdv_store_open(path, &wrong, &store, NULL), RDV_EINVAL);
    wrong = options;
    wrong.flags = RDV_STORE_READ_ONLY;
    ck_assert_int_eq(rdv_store_open(NULL, &wrong, &store, NULL), RDV_EINVAL);
    ck_assert_ptr_null(store);
    ck_assert(!there(path));
    ck_assert_str_eq(rdv_store_message(NULL), "");
    rdv_store_close(NULL);
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_words)
{
    char deep[RDV_TEST_PATH + 400];
    struct rdv_error error;
    snprintf(deep, sizeof deep, "%s", directory);
    while (strlen(deep) < 320)
        strcat(deep, "/./././.");
    strcat(deep, "/store.db");
    rdv_store *writer = open_store(path, 0);
    ck_assert_int_eq(open_error(deep, 0, &error), RDV_ELOCKED);
    ck_assert_int_eq(strncmp(error.text, "...", 3), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "/store.db is in use by rdvtask library (pid "));
    rdv_store_close(writer);
}
END_TEST

/* ----------------------------------------------------- writers and readers */

START_TEST(a_second_writer_is_refused_with_the_name_of_the_first)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.holder = "rdvtask run";
    ck_assert_int_eq(rdv_store_open(path, &options, &store, NULL), 0);
    struct rdv_error error;
    char words[RDV_TEST_PATH + 128];
    snprintf(words, sizeof words, "%s is in use by rdvtask run (pid %" PRId64 ")", path,
             rdv_test_process_id());
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ELOCKED);
    ck_assert_str_eq(error.text, words);
    /* The first one's hold on the file has not suffered. */
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ELOCKED);
    struct note *a = note("a");
    stage(a);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv__store_disown(store, owners);
    rdv_store_close(store);
    store = open_store(path, 0);
    ck_assert_int_eq(count_entries(store, 0), 1);
}
END_TEST

START_TEST(a_symbolic_link_is_no_way_to_a_second_writer)
{
    store = open_store(path, 0);
    const char *link = in_directory("link.db");
    ck_assert(rdv_test_link(path, link));
    struct rdv_error error;
    ck_assert_int_eq(open_error(link, 0, &error), RDV_ELOCKED);
}
END_TEST

START_TEST(readers_see_what_is_committed_while_a_writer_writes)
{
    store = open_store(path, 0);
    rdv_store *reader = open_store(path, RDV_STORE_READ_ONLY);
    struct note *a = note("a"), *b = note("b");
    stage(a);
    ck_assert_int_eq(count_entries(reader, 0), 0);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    ck_assert_int_eq(count_entries(reader, 0), 1);
    stage(b);
    ck_assert_int_eq(count_entries(reader, 0), 1);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv__store_disown(store, owners);
    rdv_store_close(store);
    store = NULL;
    ck_assert_int_eq(count_entries(reader, 0), 2);
    rdv_store_close(reader);
}
END_TEST

START_TEST(a_reader_writes_nothing)
{
    rdv_store_close(open_store(path, 0));
    rdv_store *reader = open_store(path, RDV_STORE_READ_ONLY);
    ck_assert_int_eq(rdv__store_stage(reader), RDV_EREADONLY);
    ck_assert_int_eq(rdv__store_hold(reader), RDV_EREADONLY);
    ck_assert_str_ne(rdv_store_message(reader), "");
    ck_assert_int_ne(rdv__database_execute(rdv__store_database(reader), "DELETE FROM entry"), 0);
    rdv_store_close(reader);
}
END_TEST

START_TEST(a_reader_does_not_make_a_store)
{
    struct rdv_error error;
    ck_assert_int_eq(open_error(path, RDV_STORE_READ_ONLY, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert(!there(path));
    /* One that a writer is just making: */
    rdv_test_write_text(path, "");
    ck_assert_int_eq(open_error(path, RDV_STORE_READ_ONLY, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, "is empty"));
}
END_TEST

/* ----------------------------------------------------------------- formats */

static const char *next_migrations[] = {
    NULL,
    NULL,
    NULL,
    NULL, /* ours */
    "ALTER TABLE entry ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'",
    "CREATE TABLE more (number INTEGER PRIMARY KEY); INSERT INTO more VALUES (1), (2)",
};
static const struct rdv__schema next_format = {next_migrations, 6};

static int open_next(unsigned flags, rdv_store **ret_store, struct rdv_error *error)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.flags = flags;
    ck_assert_int_eq(rdv__schema.version, 4);
    for (int i = 0; i < rdv__schema.version; i++)
        next_migrations[i] = rdv__schema.migrations[i];
    return rdv__store_open_as(path, &options, &next_format, ret_store, error);
}

START_TEST(a_new_store_says_what_it_is)
{
    store = open_store(path, 0);
    ck_assert_int_eq(number_of("PRAGMA user_version"), rdv__schema.version);
    ck_assert_int_eq(number_of("PRAGMA application_id"), 0x52445654); /* "RDVT" */
}
END_TEST

START_TEST(an_older_store_is_migrated_and_loses_nothing)
{
    store = open_store(path, 0);
    struct note *a = note("a"), *b = note("b");
    stage(a);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv__store_disown(store, owners);
    rdv_store_close(store);
    store = NULL;

    struct rdv_error error;
    ck_assert_int_eq(open_next(RDV_STORE_READ_ONLY, &store, &error), RDV_ESTATE);
    ck_assert_ptr_nonnull(strstr(error.text, "older"));
    ck_assert_int_eq(open_next(0, &store, &error), 0);
    ck_assert_int_eq(number_of("PRAGMA user_version"), next_format.version);
    ck_assert_int_eq(number_of("SELECT count(*) FROM entry WHERE colour = 'grey'"), 1);
    ck_assert_int_eq(number_of("SELECT count(*) FROM more"), 2);
    stage(b);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv__store_disown(store, owners);
    rdv_store_close(store);
    /* Once only. */
    ck_assert_int_eq(open_next(0, &store, &error), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM more"), 2);
    ck_assert_int_eq(count_entries(store, 0), 2);
}
END_TEST

static int see_row(void *user, const struct rdv__journal *row)
{
    snprintf(user, 64, "%s %d %s %d %d [%s]", row->identifier, (int)row->run, row->state, row->step,
             row->reboots, row->boot_id);
    return 0;
}

START_TEST(a_journal_of_version_1_has_asked_for_no_reboot)
{
    const struct rdv__schema first = {rdv__schema.migrations, 1};
    rdv_store_options options;
    rdv_store_options_init(&options);
    struct rdv_error error;
    ck_assert_int_eq(rdv__store_open_as(path, &options, &first, &store, &error), 0);
    ck_assert_int_eq(
        rdv__database_execute(rdv__store_database(store),
                              "INSERT INTO journal (identifier, label, run, step, attempt, state,"
                              " context) VALUES ('a', 'l', 7, 1, 2, 'step', x'00')"),
        0);
    rdv_store_close(store);
    store = open_store(path, 0);
    ck_assert_int_eq(number_of("PRAGMA user_version"), rdv__schema.version);
    char row[64] = "";
    ck_assert_int_eq(rdv__journal_get(store, "a", see_row, row), 0);
    ck_assert_str_eq(row, "a 7 step 1 0 []");
}
END_TEST

static int see_changes(void *user, const rdv_entry *entry)
{
    char *seen = user;
    for (size_t i = 0; i < entry->change_count; i++) {
        size_t used = strlen(seen);
        snprintf(seen + used, 128 - used, "%s ", entry->changes[i].message);
    }
    return 0;
}

START_TEST(reports_of_version_2_are_kept_in_their_order)
{
    const struct rdv__schema second = {rdv__schema.migrations, 2};
    rdv_store_options options;
    rdv_store_options_init(&options);
    struct rdv_error error;
    ck_assert_int_eq(rdv__store_open_as(path, &options, &second, &store, &error), 0);
    ck_assert_int_eq(
        rdv__database_execute(
            rdv__store_database(store),
            "INSERT INTO entry VALUES (1, 1, 0, 0, 0, 9, 'a', 'l', 0, 0, 1, 0, 3, 1, -1, 0, ''),"
            " (2, 1, 0, 0, 0, 8, 'b', 'l', 0, 0, 1, 0, 3, 1, -1, 0, '');"
            "INSERT INTO report VALUES (5, 1, 1, 3, 1, -1, 0, 'one'), (6, 2, 1, 3, 1, -1, 0, "
            "'two'),"
            " (7, 1, 1, 3, 1, -1, 0, 'three'), (8, 2, 1, 3, 1, -1, 0, 'four')"),
        0);
    rdv_store_close(store);
    store = open_store(path, 0);
    char seen[128] = "";
    const rdv_filter filter = {.size = sizeof filter, .flags = RDV_FILTER_CHANGES};
    ck_assert_int_eq(rdv_store_entries(store, &filter, see_changes, seen), 0);
    ck_assert_str_eq(seen, "  one three   two four ");
}
END_TEST

START_TEST(a_migration_that_fails_changes_nothing)
{
    store = open_store(path, 0);
    struct note *a = note("a");
    stage(a);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv__store_disown(store, owners);
    rdv_store_close(store);
    store = NULL;

    const char *good = next_migrations[5];
    next_migrations[5] = "CREATE TABLE more (number); INSERT INTO nothing VALUES (1)";
    struct rdv_error error;
    int result = open_next(0, &store, &error);
    next_migrations[5] = good;
    ck_assert_int_eq(result, RDV_EIO);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert_ptr_null(store);
    store = open_store(path, 0);
    ck_assert_int_eq(number_of("PRAGMA user_version"), rdv__schema.version);
    ck_assert_int_eq(count_entries(store, 0), 1);
    ck_assert_int_eq(number_of("SELECT count(*) FROM sqlite_schema WHERE name = 'more'"), 0);
}
END_TEST

START_TEST(a_newer_store_is_refused_and_left_alone)
{
    struct rdv_error error;
    ck_assert_int_eq(open_next(0, &store, &error), 0);
    rdv_store_close(store);
    store = NULL;
    for (unsigned flags = 0; flags <= RDV_STORE_READ_ONLY; flags++) {
        ck_assert_int_eq(open_error(path, flags, &error), RDV_ENEWER);
        ck_assert_ptr_nonnull(strstr(error.text, path));
        ck_assert_ptr_nonnull(strstr(error.text, "has format 6"));
        ck_assert_ptr_nonnull(strstr(error.text, "use the newer rdvtask"));
    }
    ck_assert_int_eq(open_next(0, &store, &error), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM more"), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *batches = tcase_create("batches");
    tcase_set_timeout(batches, 60);
    rdv_test_add_fixture(batches, set_up_store, NULL, tear_down);
    tcase_add_test(batches, nothing_is_heard_or_seen_before_the_commit);
    tcase_add_test(batches, a_commit_is_heard_of_in_the_loops_turn_and_not_before);
    tcase_add_test(batches, a_call_on_the_owner_thread_commits_and_settles_nothing);
    tcase_add_test(batches, all_changes_of_a_turn_share_one_commit_and_are_heard_in_order);
    tcase_add_test(batches, a_batch_that_fails_is_undone_at_once_in_reverse_order);
    tcase_add_test(batches, nothing_joins_a_batch_that_sqlite_has_undone);
    tcase_add_test(batches, a_commit_that_fails_undoes_its_batch_and_the_next_one_works);
    tcase_add_test(batches, a_change_may_stage_another_when_it_is_settled);
    tcase_add_test(batches, the_message_is_of_the_last_failure_whoever_failed);
    tcase_add_test(batches, a_change_may_stage_another_when_it_is_undone);
    tcase_add_test(batches, closing_undoes_what_was_not_committed);
    tcase_add_test(batches, a_held_batch_is_committed_by_its_release_only);
    tcase_add_test(batches, a_release_is_heard_of_also_when_turns_were_taken_before);
    tcase_add_test(batches, a_held_batch_can_be_undone);
    tcase_add_test(batches, what_was_staged_before_a_hold_is_no_part_of_it);
    tcase_add_test(batches, a_held_batch_that_failed_says_so_at_release_and_takes_nothing_more);
    tcase_add_test(batches, only_one_batch_can_be_held);
    tcase_add_test(batches, an_owner_that_goes_hears_of_its_changes_only);
    tcase_add_test(batches, a_store_stays_on_its_loop_while_someone_uses_it);
    tcase_add_test(batches, an_owner_may_go_while_changes_are_settled);
    tcase_add_test(batches, an_owner_may_go_while_changes_are_undone);
    tcase_add_test(batches, an_owner_that_goes_undoes_the_batch_that_is_held);
    tcase_add_test(batches, a_store_is_on_one_loop_at_a_time);
    tcase_add_test(batches, a_store_may_be_closed_after_its_loop_was_freed);
    tcase_add_test(batches, a_call_is_answered_when_its_change_is_durable);
    tcase_add_test(batches, a_call_hears_that_its_change_was_lost_by_another_one_of_its_turn);
    tcase_add_test(batches, a_failure_outside_of_calls_is_no_failure_of_a_later_call);
    tcase_add_test(batches, a_held_batch_that_failed_in_a_call_is_no_failure_of_other_calls);
    tcase_add_test(batches, nothing_is_staged_inside_a_listing);
    tcase_add_test(batches, listings_may_be_nested);
    tcase_add_test(batches, a_listing_is_one_view_while_another_writes);
    tcase_add_test(batches, a_listing_shows_what_is_staged_and_commits_it);
    suite_add_tcase(suite, batches);

    TCase *opening = tcase_create("opening");
    tcase_set_timeout(opening, 60);
    rdv_test_add_fixture(opening, set_up, NULL, tear_down);
    tcase_add_test(opening, a_new_store_is_private_whatever_the_umask_is);
    tcase_add_test(opening, a_store_keeps_the_mode_that_it_was_given);
    tcase_add_test(opening, an_orderly_close_leaves_the_file_alone_behind);
    tcase_add_test(opening, every_commit_is_synced);
    tcase_add_test(opening, a_store_in_memory_is_gone_when_it_is_closed);
    tcase_add_test(opening, the_path_is_absolute);
    tcase_add_test(opening, wrong_arguments_are_refused);
    tcase_add_test(opening, a_long_path_leaves_room_for_the_words);
    tcase_add_test(opening, a_second_writer_is_refused_with_the_name_of_the_first);
    rdv_test_add_unless(opening, a_symbolic_link_is_no_way_to_a_second_writer, rdv_test_no_links());
    tcase_add_test(opening, readers_see_what_is_committed_while_a_writer_writes);
    tcase_add_test(opening, a_reader_writes_nothing);
    tcase_add_test(opening, a_reader_does_not_make_a_store);
    tcase_add_test(opening, a_new_store_says_what_it_is);
    tcase_add_test(opening, an_older_store_is_migrated_and_loses_nothing);
    tcase_add_test(opening, a_journal_of_version_1_has_asked_for_no_reboot);
    tcase_add_test(opening, reports_of_version_2_are_kept_in_their_order);
    tcase_add_test(opening, a_migration_that_fails_changes_nothing);
    tcase_add_test(opening, a_newer_store_is_refused_and_left_alone);
    suite_add_tcase(suite, opening);
    return rdv_test_main(suite);
}
