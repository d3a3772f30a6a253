/* SPDX-License-Identifier: MIT */
/* What the store holds: entries and their history, the journal, outputs; and what a listing shows of it. */
#include <rdvtask/document.h>

#include "harness.h"
#include "store/database.h"
#include "store/journal.h"
#include "store/listing.h"
#include "store/records.h"
#include "store/schema.h"
#include "store/startup_scan.h"
#include "store/store.h"
#include "store_help.h"

static rdv_store *store;

static void reopen(const rdv_store_options *options)
{
    rdv_store_close(store);
    store = NULL;
    ck_assert_int_eq(rdv_store_open(path, options, &store, NULL), 0);
}

static void set_up(void)
{
    make_directory();
    store = NULL;
    reopen(NULL);
}

static void tear_down(void)
{
    rdv_store_close(store);
    remove_directory();
}

static void stage(void)
{
    ck_assert_int_eq(rdv__store_stage(store), 0);
}

static void commit(void)
{
    ck_assert_int_eq(rdv__store_commit(store), 0);
}

static int64_t number_of(const char *sql)
{
    int64_t number = -1;
    ck_assert_int_eq(rdv__database_number(rdv__store_database(store), sql, &number), 0);
    return number;
}

static void execute(const char *sql)
{
    ck_assert_int_eq(rdv__database_execute(rdv__store_database(store), sql), 0);
}

/* How many rows were inserted, changed and deleted since the store was opened. */
static int64_t writes(void)
{
    return sqlite3_total_changes64(rdv__store_database(store)->handle);
}

static int64_t schedule(const char *identifier, const char *context, rdv_window window)
{
    rdv_task *task = make_task("label", identifier, context);
    int64_t number = rdv__record_next_number(store);
    stage();
    ck_assert_int_eq(rdv__record_schedule(store, number, &window, task, NOW), 0);
    rdv_task_unref(task);
    return number;
}

static enum rdv__ending ending; /* what reports say of it */

static void report(int64_t number, rdv_status status, int progress, const char *message,
                   rdv_time at, bool keep)
{
    const struct rdv__progress words = {.status = status,
                                        .ending = ending,
                                        .attempt = 2,
                                        .progress = progress,
                                        .code = 7,
                                        .message = message};
    stage();
    ck_assert_int_eq(rdv__record_report(store, number, &words, at, keep), 0);
}

/* The same, and that it was asked to end. */
static void end_soon(int64_t number, rdv_status status, int progress, const char *message)
{
    const struct rdv__progress at = {.status = status,
                                     .ending = RDV__ENDING_CANCEL,
                                     .attempt = 1,
                                     .progress = progress,
                                     .message = message};
    ck_assert_int_eq(rdv__record_report(store, number, &at, NOW, false), 0);
}

static void finish(int64_t number, rdv_time at)
{
    const struct rdv__progress words = {
        .status = RDV_STATUS_FAILED, .attempt = 3, .progress = 60, .code = 9, .message = "end"};
    stage();
    ck_assert_int_eq(rdv__record_finish(store, number, RDV_OUTCOME_FAILED, &words, at), 0);
}

/* An entry that was scheduled, reported on, and has ended, with output. */
static int64_t history(const char *identifier, rdv_time at)
{
    int64_t number = schedule(identifier, "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, number, at), 0);
    report(number, RDV_STATUS_APPLYING, 50, "half", at, true);
    ck_assert_int_eq(rdv__output_put(store, number, "out", 3), 0);
    finish(number, at);
    return number;
}

/* The identifiers that a listing shows, with spaces between. */
static char listed[512];

static int list_one(void *user, const rdv_entry *entry)
{
    (void)user;
    size_t used = strlen(listed);
    snprintf(listed + used, sizeof listed - used, "%s%s", used ? " " : "", entry->identifier);
    return 0;
}

static const char *list(rdv_filter filter)
{
    *listed = '\0';
    filter.size = sizeof filter;
    ck_assert_int_eq(rdv_store_entries(store, &filter, list_one, NULL), 0);
    return listed;
}

/* ----------------------------------------------------------------- numbers */

START_TEST(numbers_grow_and_dont_come_back)
{
    int64_t a = schedule("a", "", (rdv_window){0}), b = schedule("b", "", (rdv_window){0});
    ck_assert_int_gt(a, 0);
    ck_assert_int_gt(b, a);
    commit();
    reopen(NULL);
    int64_t c = schedule("c", "", (rdv_window){0});
    ck_assert_int_gt(c, b);
    (void)rdv__store_fail(store, RDV_ENOMEM);
    /* That one was seen by nobody, but may be in a log. */
    ck_assert_int_gt(rdv__record_next_number(store), c);
}
END_TEST

START_TEST(numbers_dont_come_back_when_the_last_entry_has_gone)
{
    int64_t finished = schedule("a", "", (rdv_window){0});
    finish(finished, NOW);
    commit();
    reopen(NULL);
    int64_t forgotten = schedule("b", "", (rdv_window){0});
    ck_assert_int_gt(forgotten, finished);
    ck_assert_int_eq(rdv__record_forget(store, forgotten), 0);
    commit();
    reopen(NULL);
    ck_assert_int_gt(rdv__record_next_number(store), forgotten);
}
END_TEST

START_TEST(numbers_dont_come_back_when_an_earlier_entry_ends_after_the_last)
{
    int64_t first = schedule("a", "", (rdv_window){0}), last = schedule("b", "", (rdv_window){0});
    commit();
    finish(last, NOW);
    commit();
    reopen(NULL);
    ck_assert_int_eq(rdv__record_last_number(store), last);
    finish(first, NOW);
    commit();
    reopen(NULL);
    ck_assert_int_eq(rdv__record_last_number(store), last);

    first = schedule("a", "", (rdv_window){0}), last = schedule("b", "", (rdv_window){0});
    finish(last, NOW);
    finish(first, NOW);
    commit();
    reopen(NULL);
    ck_assert_int_eq(rdv__record_last_number(store), last);
}
END_TEST

START_TEST(the_end_of_the_last_entry_is_counted_by_its_row_alone)
{
    int64_t before = writes();
    finish(schedule("a", "", (rdv_window){0}), NOW);
    commit();
    ck_assert_int_eq(writes() - before, 3); /* the entry comes and goes, and the history's row */
}
END_TEST

START_TEST(numbers_dont_come_back_when_a_later_one_was_never_stored)
{
    int64_t stored = schedule("a", "", (rdv_window){0});
    commit();
    (void)schedule("b", "", (rdv_window){0});
    (void)rdv__store_fail(store, RDV_ENOMEM);
    finish(stored, NOW);
    commit();
    reopen(NULL);
    ck_assert_int_gt(rdv__record_next_number(store), stored);
}
END_TEST

static int scan_nothing(void *user, const struct rdv__record_key *key)
{
    (void)user;
    (void)key;
    return 0;
}

START_TEST(changes_are_counted_on_from_those_of_unfinished_entries)
{
    history("a", NOW);
    int64_t number = schedule("b", "", (rdv_window){0});
    report(number, RDV_STATUS_APPLYING, 0, "", NOW, false);
    commit();
    int64_t last = rdv__record_last_change(store);
    reopen(NULL);
    ck_assert_int_eq(rdv__startup_scan_run(store, scan_nothing, NULL), 0);
    ck_assert_int_eq(rdv__record_last_change(store), last);
}
END_TEST

START_TEST(changes_are_counted_on_from_those_of_running_entries_too)
{
    int64_t first = schedule("a", "", (rdv_window){0});
    schedule("b", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, first, NOW), 0);
    commit();
    int64_t last = rdv__record_last_change(store);
    reopen(NULL);
    ck_assert_int_eq(rdv__startup_scan_run(store, scan_nothing, NULL), 0);
    ck_assert_int_eq(rdv__record_last_change(store), last);
}
END_TEST

START_TEST(numbers_dont_come_back_when_the_history_that_had_them_is_trimmed)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.history_age = RDV_HOUR;
    reopen(&options);
    int64_t last = 0;
    for (int i = 0; i < 3; i++)
        last = history("a", NOW);
    int64_t change = rdv__record_last_change(store);
    ck_assert_int_eq(rdv__record_retain(store, NOW + RDV_DAY), 0);
    commit();
    ck_assert_int_eq(count_entries(store, 0), 0);
    reopen(&options);
    ck_assert_int_eq(rdv__record_last_change(store), change);
    ck_assert_int_gt(rdv__record_next_number(store), last);
}
END_TEST

START_TEST(the_agents_own_numbers_are_negative_and_dont_come_back)
{
    int64_t numbers[3];
    for (int i = 0; i < 3; i++) {
        stage();
        ck_assert_int_eq(rdv__journal_new_run(store, &numbers[i]), 0);
        commit();
        reopen(NULL);
    }
    ck_assert_int_eq(numbers[0], -1);
    ck_assert_int_eq(numbers[1], -2);
    ck_assert_int_eq(numbers[2], -3);
}
END_TEST

/* ----------------------------------------------------------------- entries */

START_TEST(a_scheduled_entry_is_loaded_as_it_was_given)
{
    char context[3000];
    for (size_t i = 0; i < sizeof context; i++)
        context[i] = (char)i; /* NULs as well */
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("l\xc3\xa4"
                                  "bel",
                                  "id'1", context, sizeof context, &task),
                     0);
    const rdv_window window = {NOW + 1, NOW + 2, NOW + 3, RDV_HOUR};
    int64_t number = rdv__record_next_number(store);
    stage();
    ck_assert_int_eq(rdv__record_schedule(store, number, &window, task, NOW + 4), 0);
    commit();
    reopen(NULL);

    struct rdv__record_entry entry;
    ck_assert_int_eq(rdv__record_load(store, number, &entry), 0);
    ck_assert_str_eq(rdv_task_label(entry.task), "l\xc3\xa4"
                                                 "bel");
    ck_assert_str_eq(rdv_task_identifier(entry.task), "id'1");
    size_t size;
    ck_assert_mem_eq(rdv_task_context(entry.task, &size), context, sizeof context);
    ck_assert_uint_eq(size, sizeof context);
    ck_assert_int_eq(rdv_task_run(entry.task), number);
    ck_assert_mem_eq(&entry.window, &window, sizeof window);
    ck_assert_int_eq(entry.scheduled_at, NOW + 4);
    ck_assert(!entry.running && entry.ending == RDV__ENDING_NONE);
    ck_assert_int_eq(entry.status, RDV_STATUS_UNKNOWN);
    ck_assert_int_eq(entry.progress, -1);
    ck_assert_int_eq(entry.attempt, 0);
    ck_assert_str_eq(entry.message, "");
    rdv_task_unref(entry.task);
    rdv_task_unref(task);
}
END_TEST

START_TEST(an_entry_is_loaded_as_it_was_last_reported)
{
    int64_t number = schedule("a", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, number, NOW + 5), 0);
    report(number, RDV_STATUS_APPLYING, 40, "at it", NOW + 6, true);
    ending = RDV__ENDING_LIMIT;
    report(number, RDV_STATUS_APPLYING, 50, "still", NOW + 7, false);
    ending = RDV__ENDING_NONE;
    commit();
    struct rdv__record_entry entry;
    ck_assert_int_eq(rdv__record_load(store, number, &entry), 0);
    ck_assert(entry.running && entry.ending == RDV__ENDING_LIMIT);
    ck_assert_int_eq(entry.started_at, NOW + 5);
    ck_assert_int_eq(entry.status, RDV_STATUS_APPLYING);
    ck_assert_int_eq(entry.progress, 50);
    ck_assert_int_eq(entry.attempt, 2);
    ck_assert_int_eq(entry.code, 7);
    ck_assert_str_eq(entry.message, "still");
    size_t size;
    ck_assert_ptr_nonnull(rdv_task_context(entry.task, &size));
    ck_assert_uint_eq(size, 0);
    rdv_task_unref(entry.task);
    ck_assert_int_eq(rdv__record_load(store, number + 1, &entry), RDV_ENOTFOUND);
}
END_TEST

START_TEST(a_forgotten_entry_leaves_nothing)
{
    int64_t number = schedule("a", "context", (rdv_window){0});
    ck_assert_int_eq(rdv__record_forget(store, number), 0);
    commit();
    ck_assert_int_eq(number_of("SELECT count(*) FROM entry"), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM context"), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM history"), 0);
}
END_TEST

START_TEST(a_finished_entry_is_in_the_history_only_and_without_its_context)
{
    int64_t number = schedule("a", "context", (rdv_window){0});
    finish(number, NOW);
    commit();
    ck_assert_int_eq(number_of("SELECT count(*) FROM entry"), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM context"), 0);
    ck_assert_int_eq(number_of("SELECT context_size FROM history"), 7);
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_FINISHED}), "a");
}
END_TEST

struct scanned {
    int64_t numbers[8];
    char words[128];
    int count, stop;
};

static int scan_one(void *user, const struct rdv__record_key *key)
{
    struct scanned *scanned = user;
    scanned->numbers[scanned->count++] = key->keys.number;
    size_t used = strlen(scanned->words);
    snprintf(scanned->words + used, sizeof scanned->words - used, "%.*s/%zu/%d/%d/%d/%d ",
             (int)key->identifier_size, key->identifier, key->identifier_size, key->running,
             (int)(key->keys.start - NOW), (int)(key->keys.end - NOW),
             (int)(key->keys.deadline - NOW));
    return scanned->stop;
}

START_TEST(a_scan_gives_the_keys_of_all_unfinished_entries_by_number)
{
    int64_t a = schedule("a", "", (rdv_window){NOW + 1, NOW + 2, NOW + 3, 0});
    int64_t b = schedule("bb", "", (rdv_window){NOW + 4, NOW + 5, NOW + 6, 0});
    finish(schedule("c", "", (rdv_window){0}), NOW);
    ck_assert_int_eq(rdv__record_start(store, b, NOW), 0);
    commit();
    struct scanned scanned = {0};
    ck_assert_int_eq(rdv__startup_scan_run(store, scan_one, &scanned), 0);
    ck_assert_int_eq(scanned.count, 2);
    ck_assert_int_eq(scanned.numbers[0], a);
    ck_assert_int_eq(scanned.numbers[1], b);
    ck_assert_str_eq(scanned.words, "a/1/0/1/2/3 bb/2/1/4/5/6 ");

    scanned = (struct scanned){.stop = RDV_ENOMEM};
    ck_assert_int_eq(rdv__startup_scan_run(store, scan_one, &scanned), RDV_ENOMEM);
    ck_assert_int_eq(scanned.count, 1);
}
END_TEST

static int scan_within(void *user, const rdv_entry *entry)
{
    (void)entry;
    return rdv__startup_scan_run(store, scan_one, user);
}

START_TEST(entries_are_scanned_while_they_are_listed_too)
{
    schedule("a", "", (rdv_window){0});
    schedule("b", "", (rdv_window){0});
    commit();
    struct scanned scanned = {0};
    ck_assert_int_eq(rdv_store_entries(store, NULL, scan_within, &scanned), 0);
    ck_assert_int_eq(scanned.count, 4);
}
END_TEST

START_TEST(an_identifier_is_compared_with_the_one_entry)
{
    int64_t number = schedule("a", "", (rdv_window){0});
    bool is = false;
    ck_assert_int_eq(rdv__record_identifier_is(store, number, "a", &is), 0);
    ck_assert(is);
    ck_assert_int_eq(rdv__record_identifier_is(store, number, "A", &is), 0);
    ck_assert(!is);
    is = true;
    ck_assert_int_eq(rdv__record_identifier_is(store, number + 1, "a", &is), 0);
    ck_assert(!is);
}
END_TEST

/* ----------------------------------------------------------------- put off */

START_TEST(a_start_in_the_batch_of_its_schedule_is_written_with_it)
{
    int64_t before = writes();
    int64_t a = schedule("a", "", (rdv_window){0}), b = schedule("b", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, b, NOW + 5), 0);
    int64_t last = rdv__record_last_change(store);
    commit();
    ck_assert_int_eq(writes() - before, 2);
    struct rdv__record_entry entry;
    ck_assert_int_eq(rdv__record_load(store, b, &entry), 0);
    ck_assert(entry.running);
    ck_assert_int_eq(entry.started_at, NOW + 5);
    ck_assert_int_eq(entry.attempt, 1);
    rdv_task_unref(entry.task);
    ck_assert_int_eq(rdv__record_load(store, a, &entry), 0);
    ck_assert(!entry.running);
    ck_assert_int_eq(entry.attempt, 0);
    rdv_task_unref(entry.task);
    ck_assert_int_eq(number_of("SELECT change FROM entry WHERE identifier = 'b'"), last);
}
END_TEST

START_TEST(an_entry_that_is_not_written_yet_is_what_it_will_be)
{
    int64_t number = schedule("a", "context", (rdv_window){.deadline = NOW + 1});
    ck_assert_int_eq(rdv__record_start(store, number, NOW + 5), 0);
    struct rdv__record_entry entry;
    ck_assert_int_eq(rdv__record_load(store, number, &entry), 0);
    ck_assert(entry.running);
    ck_assert_int_eq(entry.window.deadline, NOW + 1);
    size_t size;
    ck_assert_mem_eq(rdv_task_context(entry.task, &size), "context", 7);
    rdv_task_unref(entry.task);

    number = schedule("b", "", (rdv_window){0});
    report(number, RDV_STATUS_APPLYING, 40, "at it", NOW + 6, true);
    number = schedule("c", "", (rdv_window){0});
    end_soon(number, RDV_STATUS_UNKNOWN, -1, "");
    finish(schedule("d", "", (rdv_window){0}), NOW);
    number = schedule("e", "", (rdv_window){0});
    bool is = false;
    ck_assert_int_eq(rdv__record_identifier_is(store, number, "e", &is), 0);
    ck_assert(is);
    ck_assert_int_eq(rdv__record_forget(store, schedule("f", "context", (rdv_window){0})), 0);
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "d a b c e");
    ck_assert_int_eq(number_of("SELECT count(*) FROM context"), 1);
    ck_assert_int_eq(number_of("SELECT progress FROM entry WHERE identifier = 'b'"), 40);
    ck_assert_int_eq(number_of("SELECT cancelling FROM entry WHERE identifier = 'c'"), 1);
}
END_TEST

START_TEST(a_listing_inside_a_batch_shows_what_is_put_off)
{
    int64_t old = schedule("old", "", (rdv_window){0});
    commit();
    ck_assert_int_eq(rdv__store_hold(store), 0);
    finish(old, NOW);
    (void)schedule("new", "", (rdv_window){0});
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_PENDING}), "new");
    ck_assert_int_eq(rdv__store_release(store, false), 0);
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_PENDING}), "old");
}
END_TEST

START_TEST(a_batch_that_fails_leaves_nothing_put_off)
{
    int64_t old = schedule("old", "", (rdv_window){0});
    commit();
    finish(old, NOW);
    (void)schedule("new", "", (rdv_window){0});
    (void)rdv__store_fail(store, RDV_ENOSPC);
    (void)schedule("newer", "", (rdv_window){0});
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "old newer");
}
END_TEST

START_TEST(entries_that_end_in_any_order_are_all_taken_from_the_unfinished)
{
    static const int order[] = {1, 2, 5, 6, 7, 0, 4, 9};
    int64_t numbers[10];
    for (int i = 0; i < 10; i++)
        numbers[i] = schedule((const char[]){(char)('a' + i), 0}, "", (rdv_window){0});
    commit();
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        finish(numbers[order[i]], NOW);
    commit();
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_PENDING}), "d i");
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_FINISHED}), "b c f g h a e j");
}
END_TEST

START_TEST(a_batch_may_have_more_new_entries_than_are_put_off)
{
    int64_t first = schedule("first", "", (rdv_window){0}), last = first;
    for (int i = 0; i < 3000; i++)
        last = schedule("more", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, first, NOW), 0);
    ck_assert_int_eq(rdv__record_start(store, last, NOW), 0);
    commit();
    ck_assert_int_eq(number_of("SELECT count(*) FROM entry"), 3001);
    ck_assert_int_eq(number_of("SELECT count(*) FROM entry WHERE started_at != 0"), 2);
}
END_TEST

START_TEST(each_of_many_new_entries_is_stored_as_it_was_given)
{
    enum { MOST = 40 };
    for (int count = 1; count <= MOST; count++) {
        int64_t first = 0;
        for (int i = 0; i < count; i++) {
            char identifier[16], label[16], context[16];
            snprintf(identifier, sizeof identifier, "%d-%d", count, i);
            snprintf(label, sizeof label, "label-%d", i);
            snprintf(context, sizeof context, "%.*s", i % 3, "cc");
            const rdv_window window = {NOW + i, NOW + 100 + i, NOW + 200 + i, RDV_HOUR + i};
            rdv_task *task = make_task(label, identifier, context);
            int64_t number = rdv__record_next_number(store);
            first = i == 0 ? number : first;
            stage();
            ck_assert_int_eq(rdv__record_schedule(store, number, &window, task, NOW + 300 + i), 0);
            if (i % 5 == 4)
                ck_assert_int_eq(rdv__record_start(store, number, NOW + 400 + i), 0);
            rdv_task_unref(task);
        }
        commit();
        for (int i = 0; i < count; i++) {
            struct rdv__record_entry entry;
            char words[16];
            size_t size;
            ck_assert_int_eq(rdv__record_load(store, first + i, &entry), 0);
            snprintf(words, sizeof words, "%d-%d", count, i);
            ck_assert_str_eq(rdv_task_identifier(entry.task), words);
            snprintf(words, sizeof words, "label-%d", i);
            ck_assert_str_eq(rdv_task_label(entry.task), words);
            (void)rdv_task_context(entry.task, &size);
            ck_assert_uint_eq(size, (size_t)(i % 3));
            ck_assert_int_eq(entry.window.start, NOW + i);
            ck_assert_int_eq(entry.window.end, NOW + 100 + i);
            ck_assert_int_eq(entry.window.deadline, NOW + 200 + i);
            ck_assert_int_eq(entry.window.limit, RDV_HOUR + i);
            ck_assert_int_eq(entry.scheduled_at, NOW + 300 + i);
            ck_assert_int_eq(entry.started_at, i % 5 == 4 ? NOW + 400 + i : 0);
            ck_assert_int_eq(entry.attempt, i % 5 == 4);
            ck_assert_int_eq(entry.progress, -1);
            ck_assert(entry.running == (i % 5 == 4) && entry.ending == RDV__ENDING_NONE &&
                      entry.code == 0);
            rdv_task_unref(entry.task);
        }
    }
    ck_assert_int_eq(number_of("SELECT count(DISTINCT change) FROM entry"),
                     number_of("SELECT count(*) FROM entry"));
}
END_TEST

/* A pending task with so many bytes of context; whoever scheduled it has no reference any more. */
static int64_t schedule_bytes(size_t size)
{
    char *context = calloc(size, 1);
    rdv_task *task = NULL;
    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(rdv_task_new("label", "bytes", context, size, &task), 0);
    free(context);
    int64_t number = rdv__record_next_number(store);
    stage();
    ck_assert_int_eq(rdv__record_schedule(store, number, &(rdv_window){0}, task, NOW), 0);
    rdv_task_unref(task);
    return number;
}

START_TEST(what_waits_in_a_batch_is_bounded_by_rows_and_by_the_bytes_of_their_contexts)
{
    const size_t most = 1024 * 1024;
    int64_t before = writes();
    for (int i = 1; i < 1024; i++)
        (void)schedule("row", "", (rdv_window){0});
    ck_assert_int_eq(writes() - before, 0);
    (void)schedule("row", "", (rdv_window){0});
    ck_assert_int_eq(writes() - before, 1024);

    for (int round = 0; round < 2; round++) {
        before = writes();
        (void)schedule_bytes(most - 1);
        ck_assert_int_eq(writes() - before, 0);
        (void)schedule_bytes(1);
        ck_assert_int_eq(writes() - before, 4); /* two rows and two contexts */
    }
    before = writes();
    int64_t large = schedule_bytes(3 * most);
    ck_assert_int_eq(writes() - before, 2);
    ck_assert_int_eq(rdv__record_start(store, large, NOW), 0);
    commit();
    ck_assert_int_eq(number_of("SELECT count(*) FROM entry"), 1024 + 4 + 1);
    ck_assert_int_eq(number_of("SELECT sum(length(bytes)) FROM context"), 5 * (int64_t)most);
    ck_assert_int_eq(number_of("SELECT number FROM entry WHERE started_at != 0"), large);

    /* Nothing is left of a batch that has ended. */
    before = writes();
    (void)schedule_bytes(most - 1);
    (void)rdv__store_fail(store, RDV_ENOSPC);
    (void)schedule_bytes(most - 1);
    ck_assert_int_eq(writes() - before, 0);
    commit();
}
END_TEST

/* From here on SQLite refuses a row of an entry that is called "bad". */
static void refuse_bad(void)
{
    execute("CREATE TEMP TRIGGER refuse BEFORE INSERT ON entry WHEN NEW.identifier = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'bad'); END");
}

START_TEST(an_entry_that_cant_be_written_when_too_much_waits_fails_where_it_is_scheduled)
{
    refuse_bad();
    (void)schedule("good", "", (rdv_window){0});
    char *context = calloc(1024 * 1024, 1);
    rdv_task *task = NULL;
    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(rdv_task_new("label", "bad", context, 1024 * 1024, &task), 0);
    free(context);
    ck_assert_int_eq(
        rdv__record_schedule(store, rdv__record_next_number(store), &(rdv_window){0}, task, NOW),
        RDV_EIO);
    rdv_task_unref(task);
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), "bad"));
    ck_assert_int_eq(rdv__store_commit(store), RDV_EIO);
    (void)schedule("newer", "", (rdv_window){0});
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "newer");
}
END_TEST

START_TEST(a_look_at_an_entry_that_waits_writes_nothing)
{
    (void)schedule("old", "", (rdv_window){0});
    commit();
    refuse_bad();
    const rdv_window window = {.start = NOW + 1, .end = NOW + 2, .deadline = NOW + 3, .limit = 4};
    int64_t number = schedule("bad", "some bytes", window), before = writes();
    for (int started = 0; started < 2; started++) {
        struct rdv__record_entry entry;
        bool is = false;
        size_t size;
        if (started)
            ck_assert_int_eq(rdv__record_start(store, number, NOW + 5), 0);
        ck_assert_int_eq(rdv__record_identifier_is(store, number, "bad", &is), 0);
        ck_assert(is);
        ck_assert_int_eq(rdv__record_identifier_is(store, number, "old", &is), 0);
        ck_assert(!is);
        ck_assert_int_eq(rdv__record_load(store, number, &entry), 0);
        ck_assert_int_eq(rdv_task_run(entry.task), number);
        ck_assert_str_eq(rdv_task_identifier(entry.task), "bad");
        ck_assert_mem_eq(rdv_task_context(entry.task, &size), "some bytes", 10);
        ck_assert_uint_eq(size, 10);
        rdv_task_unref(entry.task);
        ck_assert(entry.window.start == NOW + 1 && entry.window.end == NOW + 2 &&
                  entry.window.deadline == NOW + 3 && entry.window.limit == 4);
        ck_assert(entry.scheduled_at == NOW && entry.started_at == (started ? NOW + 5 : 0));
        ck_assert(entry.running == (started == 1) && entry.attempt == started);
        ck_assert_int_eq(entry.change, rdv__record_last_change(store));
        ck_assert(entry.progress == -1 && entry.code == 0 && entry.status == RDV_STATUS_UNKNOWN &&
                  entry.ending == RDV__ENDING_NONE && !*entry.message);
    }
    ck_assert_int_eq(writes() - before, 0);
    ck_assert_int_eq(rdv__store_commit(store), RDV_EIO);
}
END_TEST

/* The entries that are shown, as JSON, one after the other. */
struct shown {
    char text[4096];
    size_t size;
    int count;
};

static int show_json(void *user, const rdv_entry *entry)
{
    struct shown *shown = user;
    char *text = NULL;
    ck_assert_int_eq(rdv_entry_to_json(entry, &text), 0);
    size_t size = strlen(text);
    ck_assert_uint_lt(shown->size + size, sizeof shown->text);
    memcpy(shown->text + shown->size, text, size + 1);
    shown->size += size;
    shown->count++;
    free(text);
    return 0;
}

START_TEST(what_waits_is_shown_as_it_is_read_once_it_is_written)
{
    const rdv_window window = {.start = NOW + 1, .end = NOW + 2, .deadline = NOW + 3, .limit = 4};
    struct shown before = {.count = 0}, after = {.count = 0}, middle = {.count = 0};
    (void)schedule("old", "", (rdv_window){0});
    commit();
    int64_t change = rdv__record_last_change(store), first = rdv__record_last_number(store) + 1;
    int64_t writes_before = writes();
    int64_t started = schedule("started", "some bytes", window);
    int64_t pending = schedule("pending", "", window);
    ck_assert_int_eq(rdv__record_start(store, started, NOW + 5), 0);
    ck_assert_int_eq(rdv__listing_staged(store, change, first, INT64_MAX, show_json, &before), 0);
    ck_assert_int_eq(before.count, 2);
    ck_assert_int_eq(rdv__listing_staged(store, change, pending, pending, show_json, &middle), 0);
    ck_assert_int_eq(middle.count, 1);
    ck_assert_int_eq(writes() - writes_before, 0);
    /* With an older one among them, all are read. */
    struct shown all = {.count = 0};
    ck_assert_int_eq(rdv__listing_staged(store, change, first - 1, INT64_MAX, show_json, &all), 0);
    ck_assert_int_eq(all.count, 3);
    ck_assert_ptr_nonnull(strstr(all.text, before.text));
    commit();
    ck_assert_int_eq(rdv__store_stage(store), 0);
    ck_assert_int_eq(rdv__listing_staged(store, change, first, INT64_MAX, show_json, &after), 0);
    ck_assert_int_eq(after.count, 2);
    ck_assert_str_eq(after.text, before.text);
}
END_TEST

START_TEST(a_look_at_what_cant_be_written_leaves_a_batch_that_fails)
{
    (void)schedule("old", "", (rdv_window){0});
    commit();
    refuse_bad();
    (void)schedule("good", "", (rdv_window){0});
    int64_t number = schedule("bad", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_is_unfinished(store, number), RDV_EIO);
    execute("DROP TRIGGER refuse");
    /* What comes after it fails in the same way, and so does the commit: "good" is not in it. */
    const struct rdv__journal row = {.identifier = "a", .label = "l", .state = "step"};
    ck_assert_int_eq(rdv__journal_put(store, &row), RDV_EIO);
    ck_assert_int_eq(rdv__store_commit(store), RDV_EIO);
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), "bad"));
    (void)schedule("newer", "", (rdv_window){0});
    stage();
    ck_assert_int_eq(rdv__journal_put(store, &row), 0);
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "old newer");
}
END_TEST

START_TEST(what_waits_goes_with_a_transaction_that_sqlite_has_undone)
{
    int64_t old = schedule("old", "", (rdv_window){0});
    commit();
    finish(old, NOW);
    (void)schedule("new", "", (rdv_window){0});
    execute("ROLLBACK"); /* as a read does that fails */
    ck_assert_int_eq(rdv__store_commit(store), RDV_EIO);
    reopen(NULL);
    ck_assert_str_eq(list((rdv_filter){0}), "old");
}
END_TEST

START_TEST(an_entry_that_waits_is_found_also_where_a_number_is_missing)
{
    int64_t a = schedule("a", "", (rdv_window){0});
    (void)rdv__record_next_number(store);
    int64_t b = schedule("b", "", (rdv_window){0});
    (void)schedule("c", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, b, NOW), 0);
    ck_assert_int_eq(rdv__record_start(store, a, NOW), 0);
    commit();
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_RUNNING}), "a b");
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_PENDING}), "c");
}
END_TEST

/* --------------------------------------------------------------- retention */

START_TEST(the_history_is_kept_up_to_a_count_and_the_oldest_go_first)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.history_count = 3;
    reopen(&options);
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        history(names[i], NOW + i);
        ck_assert_int_eq(rdv__record_retain(store, NOW + i), 0);
        ck_assert_int_le(number_of("SELECT count(*) FROM history"), 3);
    }
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "c d e");
    ck_assert_int_eq(number_of("SELECT count(*) FROM report"), 3);
    ck_assert_int_eq(number_of("SELECT count(*) FROM output"), 3);
    ck_assert_int_eq(number_of("SELECT count(*) FROM output WHERE number NOT IN"
                               " (SELECT number FROM history)"),
                     0);
}
END_TEST

START_TEST(a_batch_that_fails_brings_back_what_it_trimmed)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.history_count = 2;
    reopen(&options);
    history("a", NOW);
    history("b", NOW);
    commit();
    history("c", NOW);
    ck_assert_int_eq(rdv__record_retain(store, NOW), 0);
    (void)rdv__store_fail(store, RDV_ENOSPC);
    ck_assert_str_eq(list((rdv_filter){0}), "a b");
    history("d", NOW);
    ck_assert_int_eq(rdv__record_retain(store, NOW), 0);
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "b d");
}
END_TEST

START_TEST(a_long_history_is_trimmed_a_tenth_at_a_time)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.history_count = 50;
    reopen(&options);
    for (int i = 0; i < 50; i++) {
        history("a", NOW);
        ck_assert_int_eq(rdv__record_retain(store, NOW), 0);
    }
    commit();
    ck_assert_int_eq(number_of("SELECT count(*) FROM history"), 50);
    /* What a failed batch has trimmed is there again, and counts. */
    history("a", NOW);
    ck_assert_int_eq(rdv__record_retain(store, NOW), 0);
    (void)rdv__store_fail(store, RDV_ENOSPC);
    ck_assert_int_eq(number_of("SELECT count(*) FROM history"), 50);
    history("a", NOW);
    ck_assert_int_eq(rdv__record_retain(store, NOW), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM history"), 45);
    for (int i = 0; i < 5; i++) {
        history("a", NOW);
        ck_assert_int_eq(rdv__record_retain(store, NOW), 0);
    }
    ck_assert_int_eq(number_of("SELECT count(*) FROM history"), 50);
    commit();
}
END_TEST

START_TEST(the_history_is_kept_up_to_an_age)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.history_age = RDV_HOUR;
    reopen(&options);
    history("a", NOW);
    history("b", NOW + RDV_HOUR / 2);
    history("c", NOW + RDV_HOUR);
    ck_assert_int_eq(rdv__record_retain(store, NOW + RDV_HOUR), 0);
    ck_assert_str_eq(list((rdv_filter){0}), "a b c");
    stage();
    ck_assert_int_eq(rdv__record_retain(store, NOW + RDV_HOUR + RDV_MINUTE), 0);
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "b c");
    ck_assert_int_eq(number_of("SELECT count(*) FROM report"), 2);
    ck_assert_int_eq(number_of("SELECT count(*) FROM output"), 2);
}
END_TEST

START_TEST(a_clock_that_was_wrong_takes_no_other_history_with_it)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.history_age = RDV_HOUR;
    reopen(&options);
    history("ahead", NOW + 1000 * RDV_DAY);
    history("right", NOW);
    history("behind", RDV_DAY);
    history("right-again", NOW);
    ck_assert_int_eq(rdv__record_retain(store, NOW + RDV_MINUTE), 0);
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "ahead right right-again");
}
END_TEST

START_TEST(old_history_goes_a_bounded_part_at_a_time)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    for (int i = 0; i < 1500; i++)
        history("a", NOW);
    commit();
    options.history_age = RDV_HOUR;
    reopen(&options);
    stage();
    ck_assert_int_eq(rdv__record_retain(store, NOW + RDV_DAY), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM history"), 500);
    ck_assert_int_eq(rdv__record_retain(store, NOW + RDV_DAY), 0);
    ck_assert_int_eq(number_of("SELECT count(*) FROM history"), 0);
    commit();
}
END_TEST

START_TEST(a_history_without_limits_is_kept)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.history_count = 0;
    reopen(&options);
    for (int i = 0; i < 20; i++)
        history("a", NOW);
    ck_assert_int_eq(rdv__record_retain(store, NOW + 10000 * RDV_DAY), 0);
    commit();
    ck_assert_int_eq(count_entries(store, 0), 20);
}
END_TEST

/* ----------------------------------------------------------------- journal */

static char journalled[256];

static int read_journal(void *user, const struct rdv__journal *journal)
{
    snprintf(journalled, sizeof journalled, "%s %s %d %d %d %d (%s) %s %d [%s] %.*s",
             journal->identifier, journal->label, (int)journal->run, journal->step,
             journal->attempt, journal->failures, journal->starts, journal->state, journal->reboots,
             journal->boot_id, (int)journal->context_size, (const char *)journal->context);
    return *(int *)user;
}

static const char *journal_of(const char *identifier)
{
    int result = 0;
    *journalled = '\0';
    ck_assert_int_eq(rdv__journal_get(store, identifier, read_journal, &result), 0);
    return journalled;
}

START_TEST(a_journal_row_is_put_moved_replaced_and_deleted)
{
    struct rdv__journal row = {.identifier = "a",
                               .label = "label",
                               .context = "bytes",
                               .context_size = 5,
                               .run = -3,
                               .step = 1,
                               .attempt = 2,
                               .failures = 1,
                               .state = "step"};
    const struct rdv__journal moved = {.identifier = "a",
                                       .step = 4,
                                       .attempt = 5,
                                       .failures = 3,
                                       .starts = "1 1 1 5",
                                       .state = "wait"};
    stage();
    ck_assert_int_eq(rdv__journal_put(store, &row), 0);
    commit();
    reopen(NULL);
    ck_assert_str_eq(journal_of("a"), "a label -3 1 2 1 () step 0 [] bytes");
    stage();
    ck_assert_int_eq(rdv__journal_step(store, &moved), 0);
    ck_assert_str_eq(journal_of("a"), "a label -3 4 5 3 (1 1 1 5) wait 0 [] bytes");
    row.context = NULL;
    row.context_size = 0;
    row.state = "reboot";
    row.reboots = 3;
    row.boot_id = "this boot";
    ck_assert_int_eq(rdv__journal_put(store, &row), 0);
    ck_assert_str_eq(journal_of("a"), "a label -3 1 2 1 () reboot 3 [this boot] ");
    ck_assert_int_eq(rdv__journal_step(store, &moved), 0);
    ck_assert_str_eq(journal_of("a"), "a label -3 4 5 3 (1 1 1 5) wait 3 [this boot] ");
    ck_assert_int_eq(rdv__journal_delete(store, "a"), 0);
    commit();
    int result = 0;
    ck_assert_int_eq(rdv__journal_get(store, "a", read_journal, &result), RDV_ENOTFOUND);
}
END_TEST

START_TEST(the_readers_result_is_the_journals)
{
    struct rdv__journal row = {.identifier = "a", .label = "l", .state = "step"};
    stage();
    ck_assert_int_eq(rdv__journal_put(store, &row), 0);
    int result = RDV_EBUSY;
    ck_assert_int_eq(rdv__journal_get(store, "a", read_journal, &result), RDV_EBUSY);
    ck_assert_int_eq(rdv__journal_get(store, "b", read_journal, &result), RDV_ENOTFOUND);
    commit();
}
END_TEST

/* ---------------------------------------------------------------- listings */

START_TEST(a_listing_shows_finished_then_running_then_pending_entries)
{
    (void)schedule("no-deadline", "", (rdv_window){0});
    (void)schedule("late", "", (rdv_window){.deadline = NOW + 20});
    (void)schedule("later-start", "", (rdv_window){.start = NOW, .deadline = NOW + 10});
    (void)schedule("early", "", (rdv_window){.deadline = NOW + 10});
    (void)schedule("early-too", "", (rdv_window){.deadline = NOW + 10});
    int64_t r1 = schedule("run-1", "", (rdv_window){0});
    int64_t r2 = schedule("run-2", "", (rdv_window){0});
    int64_t f1 = schedule("end-2", "", (rdv_window){0});
    int64_t f2 = schedule("end-1", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, r2, NOW), 0);
    ck_assert_int_eq(rdv__record_start(store, r1, NOW + 1), 0);
    finish(f2, NOW);
    finish(f1, NOW - 1); /* in the order in which they ended, whatever the clock said */
    commit();
    ck_assert_str_eq(list((rdv_filter){0}), "end-1 end-2 run-1 run-2 early early-too later-start "
                                            "late no-deadline");
    ck_assert_int_eq(rdv_store_entries(store, NULL, list_one, NULL), 0);
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_PENDING}),
                     "early early-too later-start late no-deadline");
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_RUNNING}), "run-1 run-2");
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_FINISHED}), "end-1 end-2");
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_RUNNING | RDV_FILTER_FINISHED}),
                     "end-1 end-2 run-1 run-2");
    /* The first of those that will be, the last of those that were. */
    ck_assert_str_eq(list((rdv_filter){.limit = 1}), "end-2 run-1 early");
    ck_assert_str_eq(list((rdv_filter){.limit = 2}), "end-1 end-2 run-1 run-2 early early-too");
    ck_assert_str_eq(list((rdv_filter){.identifier = "late"}), "late");
    ck_assert_str_eq(list((rdv_filter){.identifier = "LATE"}), "");
    ck_assert_str_eq(list((rdv_filter){.run = r2}), "run-2");
    ck_assert_str_eq(list((rdv_filter){.run = f1}), "end-2");
    ck_assert_str_eq(list((rdv_filter){.run = f1, .identifier = "late"}), "");
}
END_TEST

START_TEST(an_identifier_shows_with_all_its_runs)
{
    int64_t first = history("a", NOW), second = history("a", NOW);
    (void)history("b", NOW);
    int64_t third = schedule("a", "", (rdv_window){0});
    commit();
    ck_assert_int_lt(first, second);
    ck_assert_int_lt(second, third);
    ck_assert_str_eq(list((rdv_filter){.identifier = "a"}), "a a a");
    ck_assert_str_eq(list((rdv_filter){.identifier = "a", .flags = RDV_FILTER_FINISHED}), "a a");
}
END_TEST

static rdv_entry shown;
static rdv_change changes[8];
static char messages[8][16], identifier[16], label[16], message[16], output[16];

static int keep_one(void *user, const rdv_entry *entry)
{
    (void)user;
    shown = *entry;
    strcpy(identifier, entry->identifier);
    strcpy(label, entry->label);
    strcpy(message, entry->message);
    for (size_t i = 0; i < entry->change_count; i++) {
        changes[i] = entry->changes[i];
        strcpy(messages[i], entry->changes[i].message);
    }
    if (entry->output)
        memcpy(output, entry->output, entry->output_size);
    return 0;
}

static void show(unsigned flags)
{
    const rdv_filter filter = {.size = sizeof filter, .flags = flags};
    ck_assert_int_eq(rdv_store_entries(store, &filter, keep_one, NULL), 0);
}

START_TEST(a_listing_tells_all_of_a_pending_entry)
{
    const rdv_window window = {NOW + 1, NOW + 2, NOW + 3, RDV_HOUR};
    int64_t number = schedule("a", "ctx", window);
    show(0);
    ck_assert_uint_eq(shown.size, sizeof shown);
    ck_assert_int_eq(shown.run, number);
    ck_assert_int_eq(shown.change, rdv__record_last_change(store));
    ck_assert_str_eq(identifier, "a");
    ck_assert_str_eq(label, "label");
    ck_assert_mem_eq(&shown.window, &window, sizeof window);
    ck_assert_uint_eq(shown.context_size, 3);
    ck_assert_int_eq(shown.state, RDV_STATE_PENDING);
    ck_assert_int_eq(shown.status, RDV_STATUS_UNKNOWN);
    ck_assert_int_eq(shown.outcome, RDV_OUTCOME_NONE);
    ck_assert(!shown.cancelling);
    ck_assert_int_eq(shown.attempt, 0);
    ck_assert_int_eq(shown.progress, -1);
    ck_assert_int_eq(shown.code, 0);
    ck_assert_str_eq(message, "");
    ck_assert_int_eq(shown.scheduled_at, NOW);
    ck_assert_int_eq(shown.started_at, 0);
    ck_assert_int_eq(shown.finished_at, 0);
    ck_assert_ptr_null(shown.changes);
    ck_assert_uint_eq(shown.change_count, 0);
    ck_assert_ptr_null(shown.output);
    show(RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT);
    ck_assert_uint_eq(shown.change_count, 1);
    ck_assert_int_eq(changes[0].at, NOW);
    ck_assert_ptr_null(shown.output);
}
END_TEST

START_TEST(a_listing_tells_all_that_happened_in_order)
{
    int64_t number = schedule("a", "", (rdv_window){0});
    ck_assert_int_eq(rdv__record_start(store, number, NOW + 1), 0);
    report(number, RDV_STATUS_SEARCHING, -1, "s", NOW + 2, true);
    report(number, RDV_STATUS_SEARCHING, 10, "not kept", NOW + 3, false);
    report(number, RDV_STATUS_APPLYING, 50, "a", NOW + 4, true);
    end_soon(number, RDV_STATUS_APPLYING, 50, "a");
    show(RDV_FILTER_CHANGES);
    ck_assert_int_eq(shown.state, RDV_STATE_RUNNING);
    ck_assert(shown.cancelling);
    ck_assert_int_eq(shown.status, RDV_STATUS_APPLYING);
    ck_assert_uint_eq(shown.change_count, 4);

    ck_assert_int_eq(rdv__output_put(store, number, "x\0y", 3), 0);
    finish(number, NOW + 5);
    commit();
    show(RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT);
    ck_assert_int_eq(shown.state, RDV_STATE_FINISHED);
    ck_assert_int_eq(shown.status, RDV_STATUS_FAILED);
    ck_assert_int_eq(shown.outcome, RDV_OUTCOME_FAILED);
    ck_assert(!shown.cancelling);
    ck_assert_int_eq(shown.attempt, 3);
    ck_assert_int_eq(shown.progress, 60);
    ck_assert_int_eq(shown.code, 9);
    ck_assert_str_eq(message, "end");
    ck_assert_int_eq(shown.started_at, NOW + 1);
    ck_assert_int_eq(shown.finished_at, NOW + 5);
    static const rdv_time at[] = {NOW, NOW + 1, NOW + 2, NOW + 4, NOW + 5};
    static const rdv_status status[] = {RDV_STATUS_UNKNOWN, RDV_STATUS_UNKNOWN,
                                        RDV_STATUS_SEARCHING, RDV_STATUS_APPLYING,
                                        RDV_STATUS_FAILED};
    static const int attempt[] = {0, 1, 2, 2, 3}, progress[] = {-1, -1, -1, 50, 60};
    static const char *const words[] = {"", "", "s", "a", "end"};
    ck_assert_uint_eq(shown.change_count, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(changes[i].at, at[i]);
        ck_assert_int_eq(changes[i].status, status[i]);
        ck_assert_int_eq(changes[i].attempt, attempt[i]);
        ck_assert_int_eq(changes[i].progress, progress[i]);
        ck_assert_str_eq(messages[i], words[i]);
    }
    ck_assert_uint_eq(shown.output_size, 3);
    ck_assert_mem_eq(output, "x\0y", 3);
    show(0);
    ck_assert_uint_eq(shown.change_count, 0);
    ck_assert_ptr_null(shown.output);
}
END_TEST

static int check_progress(void *user, const rdv_entry *entry)
{
    ck_assert_uint_eq(entry->change_count, 101);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(entry->changes[1 + i].progress, i);
    return count_one(user, entry);
}

START_TEST(many_changes_are_all_listed)
{
    for (int n = 0; n < 2; n++) {
        int64_t number = schedule("a", "", (rdv_window){0});
        for (int i = 0; i < 100; i++)
            report(number, RDV_STATUS_APPLYING, i, "words", NOW, true);
    }
    commit();
    int count = 0;
    const rdv_filter filter = {.size = sizeof filter, .flags = RDV_FILTER_CHANGES};
    ck_assert_int_eq(rdv_store_entries(store, &filter, check_progress, &count), 0);
    ck_assert_int_eq(count, 2);
}
END_TEST

START_TEST(an_output_is_replaced)
{
    int64_t number = schedule("a", "", (rdv_window){0});
    ck_assert_int_eq(rdv__output_put(store, number, "first", 5), 0);
    ck_assert_int_eq(rdv__output_put(store, number, "", 0), 0);
    commit();
    show(RDV_FILTER_OUTPUT);
    ck_assert_ptr_nonnull(shown.output);
    ck_assert_uint_eq(shown.output_size, 0);
}
END_TEST

static int stop_at_second(void *user, const rdv_entry *entry)
{
    (void)entry;
    return ++*(int *)user == 2 ? RDV_ECANCELLED : 0;
}

START_TEST(a_result_of_the_callback_ends_the_listing)
{
    for (int i = 0; i < 3; i++)
        history("a", NOW);
    commit();
    int count = 0;
    ck_assert_int_eq(rdv_store_entries(store, NULL, stop_at_second, &count), RDV_ECANCELLED);
    ck_assert_int_eq(count, 2);
    /* And leaves nothing open. */
    count = 0;
    const rdv_filter all = {.size = sizeof all, .flags = RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT};
    ck_assert_int_eq(rdv_store_entries(store, &all, stop_at_second, &count), RDV_ECANCELLED);
    history("b", NOW);
    commit();
    ck_assert_int_eq(count_entries(store, 0), 4);
}
END_TEST

START_TEST(a_wrong_filter_is_refused)
{
    rdv_filter filter = {.size = sizeof filter};
    int count = 0;
    ck_assert_int_eq(rdv_store_entries(NULL, &filter, count_one, &count), RDV_EINVAL);
    ck_assert_int_eq(rdv_store_entries(store, &filter, NULL, &count), RDV_EINVAL);
    filter.size--;
    ck_assert_int_eq(rdv_store_entries(store, &filter, count_one, &count), RDV_EINVAL);
    filter.size++;
    filter.limit = -1;
    ck_assert_int_eq(rdv_store_entries(store, &filter, count_one, &count), RDV_EINVAL);
}
END_TEST

/* ----------------------------------------------------------- older formats */

/* The same in both; the columns are named where a later format has others, or in another order. */
static const char old_rows[] =
    "INSERT INTO entry VALUES (3, 0, 0, 0, 0, 9, 'pending', 'l', 2, 0, 1, 0, 0, 0, -1, 0, ''),"
    " (4, 5, 0, 0, 0, 10, 'running', 'l', 0, 0, 1, 1, 3, 2, 40, 7, 'at it');"
    "INSERT INTO context VALUES (3, x'6100');"
    "INSERT INTO history VALUES (7, 2, 'ended', 'l', 0, 0, 0, 0, 0, 1, 2, 5, 1, 1, -1, 0, 'end');"
    "INSERT INTO report (change, number, at, status, attempt, progress, code, message) VALUES"
    " (5, 2, 3, 1, 1, -1, 0, 'first'), (6, 2, 4, 3, 1, 50, 8, 'second'),"
    " (8, 4, 6, 3, 1, 10, 0, 'other');"
    "INSERT INTO output VALUES (2, x'6f7574');"
    "INSERT INTO counter VALUES ('number', 20), ('change', 30), ('own_run', -6), ('paused', 1)";

/* A journal of version 1 knows of no reboots. */
static const char journal_of_1[] =
    "INSERT INTO journal (identifier, label, run, step, attempt, state, context) VALUES"
    " ('z', 'lz', 4, 2, 3, 'step', x'6162'), ('y', 'ly', -5, 0, 1, 'reboot', x'')";
static const char journal_of_2[] =
    "INSERT INTO journal (identifier, label, run, step, attempt, state, context, reboots, boot_id)"
    " VALUES ('z', 'lz', 4, 2, 3, 'step', x'6162', 0, ''),"
    " ('y', 'ly', -5, 0, 1, 'reboot', x'', 3, 'boot')";

START_TEST(a_store_of_an_older_format_keeps_all_that_it_had)
{
    const struct rdv__schema older = {rdv__schema.migrations, _i};
    rdv_store_options options;
    rdv_store_options_init(&options);
    ck_assert_int_lt(_i, rdv__schema.version);
    rdv_store_close(store);
    store = NULL;
    rdv_test_remove(path);
    ck_assert_int_eq(rdv__store_open_as(path, &options, &older, &store, NULL), 0);
    execute(old_rows);
    execute(_i >= 2 ? journal_of_2 : journal_of_1);
    reopen(NULL);

    ck_assert_int_eq(number_of("PRAGMA user_version"), rdv__schema.version);
    ck_assert_str_eq(list((rdv_filter){0}), "ended running pending");
    const rdv_filter ended = {.size = sizeof ended,
                              .flags =
                                  RDV_FILTER_FINISHED | RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT};
    ck_assert_int_eq(rdv_store_entries(store, &ended, keep_one, NULL), 0);
    ck_assert_uint_eq(shown.change_count, 5); /* scheduled, started, two reports, the end */
    ck_assert_str_eq(messages[2], "first");
    ck_assert_int_eq(changes[2].at, 3);
    ck_assert_int_eq(changes[2].status, RDV_STATUS_SEARCHING);
    ck_assert_str_eq(messages[3], "second");
    ck_assert_int_eq(changes[3].progress, 50);
    ck_assert_int_eq(changes[3].code, 8);
    ck_assert_int_eq(changes[3].attempt, 1);
    ck_assert_uint_eq(shown.output_size, 3);
    ck_assert_mem_eq(output, "out", 3);
    ck_assert_int_eq(number_of("SELECT count(*) FROM report"), 3);

    struct rdv__record_entry entry;
    size_t size;
    ck_assert_int_eq(rdv__record_load(store, 3, &entry), 0);
    ck_assert_mem_eq(rdv_task_context(entry.task, &size), "a", 2);
    ck_assert_uint_eq(size, 2);
    rdv_task_unref(entry.task);
    ck_assert_int_eq(rdv__record_load(store, 4, &entry), 0);
    ck_assert(entry.running && entry.ending == RDV__ENDING_CANCEL);
    ck_assert_str_eq(entry.message, "at it");
    rdv_task_unref(entry.task);

    ck_assert_str_eq(journal_of("z"), "z lz 4 2 3 0 () step 0 [] ab");
    ck_assert_str_eq(journal_of("y"), _i >= 2 ? "y ly -5 0 1 0 () reboot 3 [boot] "
                                              : "y ly -5 0 1 0 () reboot 0 [] ");
    ck_assert_int_eq(rdv__journal_has_run(store, -5), 0);
    bool is_paused = false;
    ck_assert_int_eq(rdv__record_get_paused(store, &is_paused), 0);
    ck_assert(is_paused);
    ck_assert_int_eq(rdv__record_last_number(store), 20);
    ck_assert_int_eq(rdv__record_last_change(store), 30);

    /* And what it gets now goes beside that. */
    report(4, RDV_STATUS_APPLYING, 60, "newer", NOW, true);
    finish(4, NOW);
    commit();
    ck_assert_int_eq(number_of("SELECT count(*) FROM report WHERE number = 4"), 2);
    ck_assert_str_eq(list((rdv_filter){.flags = RDV_FILTER_FINISHED}), "ended running");
}
END_TEST

START_TEST(who_only_reads_a_store_is_told_too_whether_it_is_paused)
{
    rdv_store_options read_only;
    rdv_store_options_init(&read_only);
    read_only.flags = RDV_STORE_READ_ONLY;
    rdv_store *reader;
    ck_assert_int_eq(rdv_store_open(path, &read_only, &reader, NULL), 0);
    const bool is[] = {false, true, false};
    for (size_t i = 0; i < 3; i++) {
        if (i > 0) {
            stage();
            ck_assert_int_eq(rdv__record_set_paused(store, is[i]), 0);
            commit();
        }
        bool told = !is[i], told_reader = !is[i];
        ck_assert_int_eq(rdv_store_paused(store, &told), 0);
        ck_assert_int_eq(rdv_store_paused(reader, &told_reader), 0);
        ck_assert(told == is[i] && told_reader == is[i]);
    }
    bool paused;
    ck_assert_int_eq(rdv_store_paused(NULL, &paused), RDV_EINVAL);
    ck_assert_int_eq(rdv_store_paused(reader, NULL), RDV_EINVAL);
    rdv_store_close(reader);
}
END_TEST

/* --------------------------------------------- rows that were never written */

/* Each leaves one entry that can't be ours. */
static const char *const damages[] = {
    "UPDATE entry SET identifier = CAST(x'ff' AS TEXT)",
    "UPDATE entry SET label = ''",
    "UPDATE entry SET start = -5",
    "UPDATE entry SET status = 99",
    "DELETE FROM context",
};

START_TEST(a_damaged_row_is_no_task)
{
    int64_t number = schedule("a", "context", (rdv_window){0});
    commit();
    execute(damages[_i]);
    struct rdv__record_entry entry = {.task = NULL};
    ck_assert_int_eq(rdv__record_load(store, number, &entry), RDV_ECORRUPT);
    ck_assert_ptr_null(entry.task);
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), path));
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), "not as it was written"));
}
END_TEST

/* Each leaves one entry that can't be ours, by its keys. */
static const char *const damaged_keys[] = {
    "UPDATE entry SET identifier = ''",    "UPDATE entry SET start = -5",
    "UPDATE entry SET end = 1, start = 2", "UPDATE entry SET end = 9223372036854775807",
    "UPDATE entry SET number = -1",
};

START_TEST(a_scan_refuses_what_was_never_written)
{
    schedule("a", "", (rdv_window){0});
    commit();
    execute(damaged_keys[_i]);
    struct scanned scanned = {0};
    ck_assert_int_eq(rdv__startup_scan_run(store, scan_one, &scanned), RDV_ECORRUPT);
    ck_assert_int_eq(scanned.count, 0);
    ck_assert_ptr_nonnull(strstr(rdv_store_message(store), "not as it was written"));
}
END_TEST

START_TEST(a_row_with_an_unknown_outcome_is_not_listed)
{
    history("a", NOW);
    commit();
    execute("UPDATE history SET outcome = 77");
    int count = 0;
    ck_assert_int_eq(rdv_store_entries(store, NULL, count_one, &count), RDV_ECORRUPT);
    ck_assert_int_eq(count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *records = tcase_create("records");
    tcase_set_timeout(records, 60);
    tcase_add_checked_fixture(records, set_up, tear_down);
    tcase_add_test(records, numbers_grow_and_dont_come_back);
    tcase_add_test(records, numbers_dont_come_back_when_the_last_entry_has_gone);
    tcase_add_test(records, numbers_dont_come_back_when_an_earlier_entry_ends_after_the_last);
    tcase_add_test(records, the_end_of_the_last_entry_is_counted_by_its_row_alone);
    tcase_add_test(records, numbers_dont_come_back_when_a_later_one_was_never_stored);
    tcase_add_test(records, changes_are_counted_on_from_those_of_unfinished_entries);
    tcase_add_test(records, changes_are_counted_on_from_those_of_running_entries_too);
    tcase_add_test(records, numbers_dont_come_back_when_the_history_that_had_them_is_trimmed);
    tcase_add_test(records, the_agents_own_numbers_are_negative_and_dont_come_back);
    tcase_add_test(records, a_scheduled_entry_is_loaded_as_it_was_given);
    tcase_add_test(records, an_entry_is_loaded_as_it_was_last_reported);
    tcase_add_test(records, a_forgotten_entry_leaves_nothing);
    tcase_add_test(records, a_finished_entry_is_in_the_history_only_and_without_its_context);
    tcase_add_test(records, a_scan_gives_the_keys_of_all_unfinished_entries_by_number);
    tcase_add_test(records, entries_are_scanned_while_they_are_listed_too);
    tcase_add_test(records, an_identifier_is_compared_with_the_one_entry);
    tcase_add_test(records, a_start_in_the_batch_of_its_schedule_is_written_with_it);
    tcase_add_test(records, an_entry_that_is_not_written_yet_is_what_it_will_be);
    tcase_add_test(records, a_listing_inside_a_batch_shows_what_is_put_off);
    tcase_add_test(records, a_batch_that_fails_leaves_nothing_put_off);
    tcase_add_test(records, entries_that_end_in_any_order_are_all_taken_from_the_unfinished);
    tcase_add_test(records, a_batch_may_have_more_new_entries_than_are_put_off);
    tcase_add_test(records, each_of_many_new_entries_is_stored_as_it_was_given);
    tcase_add_test(records,
                   what_waits_in_a_batch_is_bounded_by_rows_and_by_the_bytes_of_their_contexts);
    tcase_add_test(records,
                   an_entry_that_cant_be_written_when_too_much_waits_fails_where_it_is_scheduled);
    tcase_add_test(records, a_look_at_an_entry_that_waits_writes_nothing);
    tcase_add_test(records, what_waits_is_shown_as_it_is_read_once_it_is_written);
    tcase_add_test(records, a_look_at_what_cant_be_written_leaves_a_batch_that_fails);
    tcase_add_test(records, what_waits_goes_with_a_transaction_that_sqlite_has_undone);
    tcase_add_test(records, an_entry_that_waits_is_found_also_where_a_number_is_missing);
    tcase_add_test(records, a_journal_row_is_put_moved_replaced_and_deleted);
    tcase_add_test(records, the_readers_result_is_the_journals);
    tcase_add_loop_test(records, a_scan_refuses_what_was_never_written, 0,
                        sizeof damaged_keys / sizeof *damaged_keys);
    tcase_add_loop_test(records, a_damaged_row_is_no_task, 0,
                        (int)(sizeof damages / sizeof *damages));
    suite_add_tcase(suite, records);

    TCase *retention = tcase_create("retention");
    tcase_set_timeout(retention, 60);
    tcase_add_checked_fixture(retention, set_up, tear_down);
    tcase_add_test(retention, the_history_is_kept_up_to_a_count_and_the_oldest_go_first);
    tcase_add_test(retention, a_batch_that_fails_brings_back_what_it_trimmed);
    tcase_add_test(retention, a_long_history_is_trimmed_a_tenth_at_a_time);
    tcase_add_test(retention, the_history_is_kept_up_to_an_age);
    tcase_add_test(retention, a_clock_that_was_wrong_takes_no_other_history_with_it);
    tcase_add_test(retention, old_history_goes_a_bounded_part_at_a_time);
    tcase_add_test(retention, a_history_without_limits_is_kept);
    suite_add_tcase(suite, retention);

    TCase *listings = tcase_create("listings");
    tcase_set_timeout(listings, 60);
    tcase_add_checked_fixture(listings, set_up, tear_down);
    tcase_add_test(listings, a_listing_shows_finished_then_running_then_pending_entries);
    tcase_add_test(listings, an_identifier_shows_with_all_its_runs);
    tcase_add_test(listings, a_listing_tells_all_of_a_pending_entry);
    tcase_add_test(listings, a_listing_tells_all_that_happened_in_order);
    tcase_add_test(listings, many_changes_are_all_listed);
    tcase_add_test(listings, an_output_is_replaced);
    tcase_add_test(listings, a_result_of_the_callback_ends_the_listing);
    tcase_add_test(listings, a_wrong_filter_is_refused);
    tcase_add_test(listings, a_row_with_an_unknown_outcome_is_not_listed);
    tcase_add_test(listings, who_only_reads_a_store_is_told_too_whether_it_is_paused);
    tcase_add_loop_test(listings, a_store_of_an_older_format_keeps_all_that_it_had, 1,
                        rdv__schema.version);
    suite_add_tcase(suite, listings);
    return rdv_test_main(suite);
}
