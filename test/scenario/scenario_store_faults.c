/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong with the file: a full disk, permissions, locks, damage, kill -9. Each time: the right error, words that name
 * the file and say what to do, nothing that was acknowledged is lost, memory is as before, and the next try works once the
 * fault is gone.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

#include "harness.h"
#include "kit/kit.h"
#include "store/database.h"
#include "store/journal.h"
#include "store/records.h"
#include "store/startup_scan.h"
#include "store/store.h"
#include "store/store_help.h"
#include "store_faults.h"

static rdv_store *store;
static rdv_loop *loop;
static rdv_trigger *trigger;

/* ------------------------------------------------ a trigger and its plug-in */

static struct rdv_kit_plugin plugin; /* of the next trigger that one is attached to */
static struct rdv_kit_clock fake_clock;
static struct rdv_kit_log fake_log;
static int told; /* how often the watcher heard of an end */

static int hear_end(void *user, const rdv_entry *entry)
{
    (void)user;
    told += entry->state == RDV_STATE_FINISHED;
    return 0;
}

static rdv_watch *watch;

static int open_trigger(void)
{
    rdv_trigger_options options;
    rdv_trigger_options_init(&options);
    options.clock = rdv_kit_clock_ops(&fake_clock);
    options.log = rdv_kit_log_ops(&fake_log);
    store = open_store(path, 0);
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    int result = rdv_trigger_new(loop, store, &options, &trigger);
    if (result == 0)
        ck_assert_int_eq(rdv_trigger_watch(trigger, hear_end, NULL, &watch), 0);
    return result;
}

static void close_trigger(void)
{
    rdv_watch_free(watch);
    watch = NULL;
    rdv_trigger_free(trigger);
    trigger = NULL;
    rdv_kit_plugin_finish(&plugin);
    rdv_store_close(store);
    store = NULL;
    rdv_loop_free(loop);
    loop = NULL;
}

static void set_up(void)
{
    make_directory();
    told = 0;
    rdv_kit_clock_init(&fake_clock, NOW);
    rdv_kit_log_clear(&fake_log);
    rdv_kit_plugin_init(&plugin, 0);
}

static void tear_down(void)
{
    close_trigger();
    remove_directory();
}

/* Attach a plug-in with these features, RDV_KIT_…; it goes on with the counts of the one before. */
static int attach(unsigned features)
{
    int started = plugin.started_count, cancelled = plugin.cancelled_count;
    rdv_kit_plugin_init(&plugin, features);
    plugin.started_count = started;
    plugin.cancelled_count = cancelled;
    return rdv_trigger_attach(trigger, &plugin.base);
}

/* Schedule for tomorrow: nothing starts by itself. */
static int schedule(const char *identifier, const char *context)
{
    const rdv_window tomorrow = {.start = NOW + RDV_DAY};
    rdv_task *task = make_task("label", identifier, context);
    int result = rdv_trigger_schedule(trigger, &tomorrow, task);
    rdv_task_unref(task);
    return result;
}

/* What is in the file, as another process would see it. */
static int stored(unsigned flags)
{
    rdv_store *reader = open_store(path, RDV_STORE_READ_ONLY);
    int count = count_entries(reader, flags);
    rdv_store_close(reader);
    return count;
}

static void make_store_with(int entries)
{
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    char *context = calloc(1, 501);
    ck_assert_ptr_nonnull(context);
    memset(context, 'x', 500);
    for (int i = 0; i < entries; i++) {
        char identifier[32];
        snprintf(identifier, sizeof identifier, "entry-%d", i);
        ck_assert_int_eq(schedule(identifier, context), 0);
    }
    free(context);
    ck_assert_int_eq(rdv_trigger_commit(trigger), 0);
    close_trigger();
}

/* Dispatch until nothing runs, for some seconds at most. */
static void wait_until_none_runs(void)
{
    int64_t end = rdv_test_clock() + 20000;
    while (rdv_trigger_running(trigger) > 0 && rdv_test_clock() < end) {
        rdv_test_wait(loop, 1000);
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    }
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

/* Paths may be written as the system writes them. */
static void expect_words(const char *words, const char *part)
{
    char plain[2048];
    snprintf(plain, sizeof plain, "%s", words);
    for (char *at = plain; *at; at++)
        if (*at == '\\')
            *at = '/';
    ck_assert_msg(strstr(plain, part) != NULL, "'%s' has no '%s'", words, part);
}

/* --------------------------------------------------------------- full disk */

/* Three ways to have no room. */
struct full {
    void (*prepare)(void); /* before anything is in the directory */
    void (*fill)(void);
    void (*make_room)(void);
};

static void nothing(void)
{
}

/* SQLite's own limit: works everywhere, but only counts pages of the database. */
static void limit_pages(void)
{
    int64_t pages = 0;
    ck_assert_int_eq(rdv__database_number(rdv__store_database(store), "PRAGMA page_count", &pages),
                     0);
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA max_page_count=%d", (int)pages);
    ck_assert_int_eq(rdv__database_execute(rdv__store_database(store), pragma), 0);
}

static void unlimit_pages(void)
{
    ck_assert_int_eq(
        rdv__database_execute(rdv__store_database(store), "PRAGMA max_page_count=1000000000"), 0);
}

/* A limit on the size of files. */
static void limit_files(void)
{
    rdv_test_limit_files(rdv_test_size(in_directory("store.db-wal")));
}

static void unlimit_files(void)
{
    rdv_test_limit_files(-1);
}

static void use_small_disk(void)
{
    rdv_test_use_disk(directory);
}

static void fill_disk(void)
{
    rdv_test_fill_disk(directory);
}

static void empty_disk(void)
{
    rdv_test_empty_disk(directory);
}

static void leave_small_disk(void)
{
    close_trigger();
    rdv_test_leave_disk(directory);
}

static const struct full pages = {nothing, limit_pages, unlimit_pages};
static const struct full files = {nothing, limit_files, unlimit_files};
static const struct full disk = {use_small_disk, fill_disk, empty_disk};

static const char *long_context(void)
{
    static char context[9000];
    memset(context, 'x', sizeof context - 1);
    return context;
}

/* Schedule until there is no room; returns how many were acknowledged. */
static int schedule_until_full(void)
{
    char identifier[32];
    int count = 0, result;
    do
        snprintf(identifier, sizeof identifier, "more-%d", count);
    while ((result = schedule(identifier, long_context())) == 0 && ++count < 1000);
    ck_assert_int_eq(result, RDV_ENOSPC);
    return count;
}

static void schedule_on(const struct full *full)
{
    full->prepare();
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("before", ""), 0);
    full->fill();
    int count = 1 + schedule_until_full();
    expect_words(rdv_store_message(store), path);
    expect_words(rdv_store_message(store), "make room on the disk");
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), (size_t)count);
    ck_assert_int_eq(stored(0), count);

    /* Also in place of another one, which stays. */
    ck_assert_int_eq(schedule("before", long_context()), RDV_ENOSPC);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), (size_t)count);
    ck_assert_int_eq(stored(0), count);

    /* Also as a batch, of which nothing stays. */
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    int first = schedule("batch-1", ""), second = schedule("batch-2", long_context());
    int batch = rdv_trigger_commit(trigger);
    ck_assert(first == RDV_ENOSPC || second == RDV_ENOSPC || batch == RDV_ENOSPC);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), (size_t)count);

    full->make_room();
    ck_assert_int_eq(schedule("before", long_context()), 0);
    ck_assert_int_eq(schedule("after", long_context()), 0);
    count++;
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), (size_t)count);
    close_trigger();
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), (size_t)count);
}

START_TEST(no_room_for_pages_refuses_a_schedule_and_changes_nothing)
{
    schedule_on(&pages);
}
END_TEST

START_TEST(a_file_size_limit_refuses_a_schedule_and_changes_nothing)
{
    schedule_on(&files);
}
END_TEST

START_TEST(a_full_disk_refuses_a_schedule_and_changes_nothing)
{
    schedule_on(&disk);
}
END_TEST

static int schedule_now(const char *identifier, const char *context)
{
    rdv_task *task = make_task("label", identifier, context);
    int result = rdv_trigger_schedule(trigger, NULL, task);
    rdv_task_unref(task);
    return result;
}

START_TEST(a_start_that_comes_with_a_schedule_is_refused_with_it)
{
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(attach(RDV_KIT_RESTART_SAFE), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    limit_pages();
    (void)schedule_until_full();
    size_t pending = rdv_trigger_unfinished(trigger);

    ck_assert_int_eq(schedule_now("now", long_context()), RDV_ENOSPC);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), pending);
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    int in_batch = schedule_now("now", long_context()), batch = rdv_trigger_commit(trigger);
    ck_assert(in_batch == RDV_ENOSPC || batch == RDV_ENOSPC);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), pending);

    unlimit_pages();
    int64_t end = rdv_test_clock() + 20000; /* the store is tried again after a while */
    while (schedule_now("now", long_context()) == 0 && rdv_trigger_running(trigger) == 0 &&
           rdv_test_clock() < end) {
        rdv_test_wait(loop, 1000);
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    }
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(plugin.started_count, 1);
    ck_assert_int_eq(stored(RDV_FILTER_RUNNING), 1);
}
END_TEST

static void end_run_on(const struct full *full)
{
    full->prepare();
    ck_assert_int_eq(open_trigger(), 0);
    rdv_task *task = make_task("label", "run", "");
    ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), 0);
    rdv_task_unref(task);
    ck_assert_int_eq(attach(0), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(plugin.started_count, 1);
    full->fill();
    (void)schedule_until_full();

    rdv_report report = RDV_REPORT_INIT;
    report.status = RDV_STATUS_SUCCESS;
    report.message = "well done";
    ck_assert_int_eq(plugin.sink->ops->task_state_changed(plugin.sink, "run", &report), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    ck_assert_int_eq(told, 0);
    ck_assert_int_ge(fake_log.errors, 1);
    ck_assert_int_eq(stored(RDV_FILTER_FINISHED), 0);
    ck_assert_int_eq(stored(RDV_FILTER_RUNNING), 1);

    full->make_room();
    wait_until_none_runs();
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(stored(RDV_FILTER_FINISHED), 1);
    ck_assert_int_eq(plugin.started_count, 1);
    close_trigger();
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(count_entries(store, RDV_FILTER_FINISHED), 1);
}

static int see_cancelled(void *user, const rdv_entry *entry)
{
    int *seen = user;
    ck_assert_int_eq(entry->outcome, RDV_OUTCOME_CANCELLED);
    ++*seen;
    return 0;
}

static int see_cancelling(void *user, const rdv_entry *entry)
{
    *(bool *)user = entry->cancelling;
    return 0;
}

static bool stored_cancelling(void)
{
    const rdv_filter running = {.size = sizeof running, .flags = RDV_FILTER_RUNNING};
    bool cancelling = false;
    ck_assert_int_eq(rdv_store_entries(store, &running, see_cancelling, &cancelling), 0);
    return cancelling;
}

/* What runs may be what fills the disk. */
START_TEST(a_cancel_that_can_not_be_recorded_ends_the_run_all_the_same)
{
    const rdv_filter finished = {.size = sizeof finished, .flags = RDV_FILTER_FINISHED};
    rdv_report report = RDV_REPORT_INIT;
    int seen = 0;
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule_now("run", ""), 0);
    ck_assert_int_eq(schedule("pending", ""), 0);
    ck_assert_int_eq(attach(RDV_KIT_CANCELS), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(plugin.started_count, 1);
    rdv_test_limit_files(0);

    /* A batch is all or nothing, and a pending entry goes with its record. */
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    int result = rdv_trigger_cancel(trigger, "run");
    ck_assert(rdv_trigger_commit(trigger) != 0 || result != 0);
    ck_assert_int_ne(rdv_trigger_cancel(trigger, "pending"), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(plugin.cancelled_count, 0);

    /* It is told each time, and asked once. */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rdv_trigger_cancel(trigger, "run"), RDV_EUNRECORDED);
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
        ck_assert_int_eq(plugin.cancelled_count, 1);
        ck_assert(!stored_cancelling());
    }
    report.status = RDV_STATUS_SUCCESS;
    ck_assert_int_eq(plugin.sink->ops->task_state_changed(plugin.sink, "run", &report), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(told, 0);

    unlimit_files();
    wait_until_none_runs();
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(rdv_store_entries(store, &finished, see_cancelled, &seen), 0);
    ck_assert_int_eq(seen, 1);
}
END_TEST

START_TEST(a_cancel_that_could_not_be_recorded_is_once_there_is_room)
{
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule_now("run", ""), 0);
    ck_assert_int_eq(attach(RDV_KIT_CANCELS), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    rdv_test_limit_files(0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "run"), RDV_EUNRECORDED);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    unlimit_files();
    int64_t end = rdv_test_clock() + 20000; /* the store is tried again after a while */
    while (!stored_cancelling() && rdv_test_clock() < end) {
        rdv_test_wait(loop, 1000);
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    }
    ck_assert(stored_cancelling());
    ck_assert_int_eq(plugin.cancelled_count, 1);
}
END_TEST

START_TEST(a_run_that_ends_at_a_file_size_limit_is_recorded_later_by_itself)
{
    end_run_on(&files);
}
END_TEST

START_TEST(a_run_that_ends_on_a_full_disk_is_recorded_later_by_itself)
{
    end_run_on(&disk);
}
END_TEST

START_TEST(a_run_that_is_taken_over_when_the_file_can_not_grow_is_counted_and_started_once)
{
    int64_t interruptions = -1;
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(attach(RDV_KIT_RESTART_SAFE), 0);
    ck_assert_int_eq(schedule_now("run", ""), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(plugin.started_count, 1);
    close_trigger();

    ck_assert_int_eq(open_trigger(), 0);
    limit_files();
    (void)schedule_until_full();
    ck_assert_int_eq(attach(RDV_KIT_RESTART_SAFE), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(plugin.started_count, 1); /* not before it is counted */
    ck_assert_int_ge(fake_log.errors, 1);
    unlimit_files();
    int64_t end = rdv_test_clock() + 20000;
    while (plugin.started_count == 1 && rdv_test_clock() < end) {
        rdv_test_wait(loop, 1000);
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    }
    ck_assert_int_eq(plugin.started_count, 2);
    ck_assert_int_eq(rdv__database_number(rdv__store_database(store),
                                          "SELECT interruptions FROM entry WHERE started_at <> 0",
                                          &interruptions),
                     0);
    ck_assert_int_eq(interruptions, 1);
}
END_TEST

START_TEST(a_store_on_a_full_disk_is_opened_once_there_is_room)
{
    use_small_disk();
    fill_disk();
    struct rdv_error error;
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ENOSPC);
    expect_words(error.text, path);
    expect_words(error.text, "make room on the disk");
    empty_disk();
    make_store_with(3);
    fill_disk();
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ENOSPC);
    expect_words(error.text, path);
    empty_disk();
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
}
END_TEST

/* -------------------------------------------------------------- permissions */

static void expect_read_only_file(void)
{
    struct rdv_error error;
    ck_assert_int_eq(open_error(path, 0, &error), RDV_EREADONLY);
    expect_words(error.text, path);
    expect_words(error.text, "check the permissions");
    ck_assert_int_eq(stored(0), 2);
}

START_TEST(a_read_only_file_can_be_read_only)
{
    make_store_with(2);
    rdv_test_permit(directory, RDV_TEST_EVERYTHING);
    rdv_test_remove(in_directory("store.db.lock"));
    rdv_test_permit(path, RDV_TEST_READING);
    rdv_test_as_nobody(expect_read_only_file);
    /* A reader has left files of its own and of the store's mode beside it. */
    static const char *const names[] = {"store.db-wal", "store.db-shm", "store.db"};
    rdv_test_remove(in_directory("store.db.lock"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (there(in_directory(names[i])))
            rdv_test_permit(in_directory(names[i]), RDV_TEST_EVERYTHING);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("more", ""), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 3);
}
END_TEST

static void expect_secret_file(void)
{
    struct rdv_error error;
    for (unsigned flags = 0; flags <= RDV_STORE_READ_ONLY; flags++) {
        ck_assert_int_eq(open_error(path, flags, &error), RDV_EACCES);
        expect_words(error.text, path);
        expect_words(error.text, "Permission denied");
    }
}

START_TEST(a_file_that_may_not_be_read_is_refused)
{
    make_store_with(2);
    rdv_test_permit(directory, RDV_TEST_EVERYTHING);
    rdv_test_permit(path, RDV_TEST_NOTHING);
    rdv_test_as_nobody(expect_secret_file);
    rdv_test_permit(path, RDV_TEST_EVERYTHING);
    ck_assert_int_eq(stored(0), 2);
}
END_TEST

static void expect_read_only_directory(void)
{
    struct rdv_error error;
    int result = open_error(path, 0, &error); /* the file itself may be another's as well */
    ck_assert(result == RDV_EACCES || result == RDV_EREADONLY);
    expect_words(error.text, path);
    expect_words(error.text, "check the permissions");
    ck_assert_int_eq(open_error(in_directory("new.db"), 0, &error), RDV_EACCES);
    expect_words(error.text, "new.db");
    ck_assert_int_eq(stored(0), 2);
}

START_TEST(a_store_in_a_read_only_directory_can_be_read_only)
{
    make_store_with(2);
    rdv_test_remove(in_directory("store.db.lock"));
    rdv_test_permit(path, RDV_TEST_EVERYTHING);
    rdv_test_permit(directory, RDV_TEST_READING);
    rdv_test_as_nobody(expect_read_only_directory);
    rdv_test_permit(directory, RDV_TEST_EVERYTHING);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("more", ""), 0);
}
END_TEST

START_TEST(a_store_on_a_full_disk_can_be_read)
{
    use_small_disk();
    make_store_with(2);
    rdv_test_fill_disk(directory);
    for (int i = 0; i < 2; i++) /* the first may leave something behind that the second finds */
        ck_assert_int_eq(stored(0), 2);
    rdv_test_empty_disk(directory);
    ck_assert_int_eq(open_trigger(), 0);
}
END_TEST

START_TEST(a_store_on_a_read_only_disk_can_be_read_only)
{
    use_small_disk();
    snprintf(path, sizeof path, "%s/%s", directory, rdv_test_odd_name());
    make_store_with(2);
    const char *words = rdv_test_forbid_disk(directory, true);
    struct rdv_error error;
    ck_assert_int_eq(open_error(path, 0, &error), RDV_EREADONLY);
    expect_words(error.text, path);
    expect_words(error.text, words);
    ck_assert_int_eq(stored(0), 2);
    rdv_test_forbid_disk(directory, false);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("more", ""), 0);
}
END_TEST

static void expect_unreadable(void)
{
    struct rdv_error error;
    ck_assert_int_ne(open_error(path, RDV_STORE_READ_ONLY, &error), 0);
    expect_words(error.text, path);
}

static void copy(const char *from, const char *to)
{
    size_t size;
    char *bytes = rdv_test_read(in_directory(from), &size);
    rdv_test_write(in_directory(to), bytes, size);
    rdv_test_permit(in_directory(to), RDV_TEST_READING);
    free(bytes);
}

START_TEST(a_log_that_cannot_be_read_is_not_ignored)
{
    make_store_with(1);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("a", ""), 0);
    /* What a killed writer leaves, on a disk that nobody can write to. */
    copy("store.db", "copy.db");
    copy("store.db-wal", "copy.db-wal");
    close_trigger();
    rdv_test_permit(directory, RDV_TEST_READING);
    snprintf(path, sizeof path, "%s/copy.db", directory);
    rdv_test_as_nobody(expect_unreadable);
    rdv_test_permit(directory, RDV_TEST_EVERYTHING);
    ck_assert_int_eq(stored(0), 2);
}
END_TEST

/* ------------------------------------------------------------------- locks */

static void must(bool right)
{
    if (!right)
        exit(3);
}

/* What another process does: hold the store until it is killed. */
static void hold(const char *file)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.holder = "rdvtask run";
    rdv_store *held;
    must(rdv_store_open(file, &options, &held, NULL) == 0);
    must(putchar('.') != EOF && fflush(stdout) == 0);
    for (;;)
        rdv_test_sleep(60000);
}

START_TEST(a_second_process_is_refused_with_the_name_of_the_first)
{
    struct rdv_test_child *child = rdv_test_child_start((const char *[]){"hold", path, NULL});
    struct rdv_error error;
    char words[RDV_TEST_PATH + 128], byte;
    ck_assert_uint_eq(rdv_test_child_read(child, &byte, 1), 1);
    snprintf(words, sizeof words, "%s is in use by rdvtask run (pid %" PRId64 ")", path,
             rdv_test_child_id(child));
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ELOCKED);
    ck_assert_str_eq(error.text, words);
    ck_assert_int_eq(stored(0), 0); /* readers are free */
    rdv_test_child_kill(child);
    ck_assert_int_eq(rdv_test_child_wait(child), -1);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("a", ""), 0);
}
END_TEST

START_TEST(a_foreign_lock_holds_up_the_loop_only_once)
{
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("before", ""), 0);
    sqlite3 *foreign;
    ck_assert_int_eq(sqlite3_open(path, &foreign), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(foreign, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t begin = rdv_test_clock();
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(schedule("a", ""), RDV_ELOCKED);
    ck_assert_int_lt(rdv_test_clock() - begin, 5000); /* fifty waits would be 12.5 s */
    expect_words(rdv_store_message(store), path);
    expect_words(rdv_store_message(store), "close the other program");
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    ck_assert_int_eq(count_entries(store, 0), 1);
    ck_assert_int_eq(sqlite3_exec(foreign, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(schedule("a", ""), 0);
    int64_t patience = 0;
    ck_assert_int_eq(
        rdv__database_number(rdv__store_database(store), "PRAGMA busy_timeout", &patience), 0);
    ck_assert_int_gt(patience, 0);
    sqlite3_close(foreign);
}
END_TEST

/* ------------------------------------------------------------------ damage */

static char *read_all(size_t *ret_size)
{
    return rdv_test_read(path, ret_size);
}

static void write_all(const void *bytes, size_t size)
{
    rdv_test_write(path, bytes, size);
}

/* The open is refused for writing and reading, and the file stays as it is, for whoever wants to rescue something. */
static void expect_corrupt(const char *words)
{
    size_t before_size, after_size;
    char *before = read_all(&before_size);
    struct rdv_error error;
    for (unsigned flags = 0; flags <= RDV_STORE_READ_ONLY; flags++) {
        ck_assert_int_eq(open_error(path, flags, &error), RDV_ECORRUPT);
        expect_words(error.text, path);
        expect_words(error.text, words);
    }
    char *after = read_all(&after_size);
    ck_assert_uint_eq(after_size, before_size);
    ck_assert_mem_eq(after, before, before_size);
    free(before);
    free(after);
}

START_TEST(a_file_of_something_else_is_no_store)
{
    char bytes[8192];
    memset(bytes, 0x5a, sizeof bytes);
    write_all(bytes, sizeof bytes);
    expect_corrupt("move it away");
    write_all("hello\n", 6);
    expect_corrupt("move it away");
}
END_TEST

START_TEST(another_programs_database_is_no_store)
{
    sqlite3 *foreign;
    ck_assert_int_eq(sqlite3_open(path, &foreign), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(foreign, "CREATE TABLE entry (number)", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(foreign);
    expect_corrupt("not a store of rdvtask");
    ck_assert_int_eq(sqlite3_open(path, &foreign), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(foreign, "PRAGMA user_version=1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(foreign);
    expect_corrupt("not a store of rdvtask");
}
END_TEST

START_TEST(a_store_that_was_cut_short_is_refused_and_can_be_restored)
{
    make_store_with(100);
    size_t size;
    char *backup = read_all(&size);
    ck_assert_uint_gt(size, 20000);
    write_all(backup, size / 2);
    expect_corrupt("restore it from a backup");
    write_all(backup, 1000);
    expect_corrupt("restore it from a backup");
    write_all(backup, size);
    free(backup);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 100);
}
END_TEST

START_TEST(a_damaged_page_of_the_schedule_is_found_before_anything_starts)
{
    make_store_with(100);
    size_t size;
    char *bytes = read_all(&size);
    /* The leaf with the first entry: not what opening reads. What it once was has left copies in other kinds of pages. */
    const char leaf = 13;
    char *place = NULL;
    for (size_t i = 0; i + 7 < size && !place; i++)
        if (memcmp(bytes + i, "entry-0", 7) == 0 && bytes[i / 4096 * 4096] == leaf)
            place = bytes + i;
    ck_assert_ptr_nonnull(place);
    size_t page = (size_t)(place - bytes) / 4096 * 4096;
    char good[4096];
    memcpy(good, bytes + page, sizeof good);
    memset(bytes + page, 0xff, sizeof good);
    write_all(bytes, size);

    ck_assert_int_eq(open_trigger(), RDV_ECORRUPT);
    expect_words(rdv_store_message(store), path);
    expect_words(rdv_store_message(store), "restore it from a backup");
    close_trigger();
    memcpy(bytes + page, good, sizeof good);
    write_all(bytes, size);
    free(bytes);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 100);
}
END_TEST

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int load_entry(void *user, const struct rdv__record_key *key)
{
    (void)user;
    struct rdv__record_entry entry;
    int result = rdv__record_load(store, key->keys.number, &entry);
    if (result == 0)
        rdv_task_unref(entry.task);
    return result == RDV_ENOTFOUND ? 0 : result;
}

static bool is_damage(int result)
{
    return result == RDV_ECORRUPT || result == RDV_ENEWER || result == RDV_EIO;
}

START_TEST(flipped_bytes_are_an_error_or_harmless_and_never_more)
{
    make_store_with(30);
    size_t size;
    char *good = read_all(&size), *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    int refused = 0;
    for (unsigned seed = 1; seed <= (rdv_test_system_slowly() ? 60u : 300u); seed++) {
        unsigned state = seed;
        memcpy(bytes, good, size);
        for (unsigned flips = 1 + seed % 8; flips > 0; flips--)
            bytes[next_random(&state) % size] ^= (char)(1u << next_random(&state) % 8);
        if (seed % 4 == 0) /* where the structure is */
            bytes[next_random(&state) % 100 + next_random(&state) % (size / 4096) * 4096] ^= 0x55;
        write_all(bytes, size);
        rdv_test_remove(in_directory("store.db-wal"));

        struct rdv_error error;
        int result = rdv_store_open(path, NULL, &store, &error);
        if (result != 0) {
            ck_assert_msg(is_damage(result), "seed %u: %s", seed, error.text);
            refused++;
            continue;
        }
        int count = 0;
        const rdv_filter all = {.size = sizeof all,
                                .flags = RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT};
        result = rdv_store_entries(store, &all, count_one, &count);
        ck_assert_msg(result == 0 || is_damage(result), "seed %u: %d", seed, result);
        result = rdv__startup_scan_run(store, load_entry, NULL);
        ck_assert_msg(result == 0 || is_damage(result), "seed %u: %d", seed, result);
        rdv_store_close(store);
        store = NULL;
    }
    ck_assert_int_gt(refused, 0);
    free(bytes);
    write_all(good, size);
    free(good);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 30);
}
END_TEST

/* A row in each table that making entries does not fill. */
static const char fill[] =
    "INSERT INTO history VALUES (900, 800, 'h', 'label', 0, 0, 0, 0, 0, 1, 2, 3, 1, 1, -1, 0, '');"
    "INSERT INTO report VALUES (800, 899, 2, 2, 1, -1, 0, 'words');"
    "INSERT INTO output VALUES (800, x'6162');"
    "INSERT OR REPLACE INTO context SELECT max(number), x'6162' FROM entry;"
    "UPDATE entry SET context_size = 2, started_at = 5, attempt = 1"
    " WHERE number = (SELECT max(number) FROM entry);"
    "INSERT OR REPLACE INTO counter VALUES ('number', 950), ('change', 950), ('own_run', -3);"
    "INSERT INTO journal (identifier, label, run, step, attempt, failures, starts, grace, nonce, "
    "state, "
    "reboots, boot_id, context) VALUES ('j', 'label', 800, 0, 1, 0, '1 ', 0, '', 'step', 0, '', "
    "x'');";

static const char *const wrong_values[] = {"NULL",
                                           "'text'",
                                           "''",
                                           "-1",
                                           "1e300",
                                           "x'00ff'",
                                           "char(120, 0, 121)",
                                           "CAST(x'ff' AS TEXT)",
                                           "zeroblob(100000)",
                                           "4294967296",
                                           "4611686018427387904",
                                           "9223372036854775807",
                                           "-9223372036854775807 - 1"};

static int take_journal(void *user, const struct rdv__journal *journal)
{
    *(size_t *)user = strlen(journal->label) + strlen(journal->state) + journal->context_size;
    return 0;
}

static bool is_told(int result)
{
    return result == 0 || result == RDV_ECORRUPT || result == RDV_ENOTFOUND;
}

/* All that is done with a store. Nothing may be the end of the process. */
static void use_whatever_is_there(const char *what)
{
    const rdv_filter all = {.size = sizeof all, .flags = RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT};
    rdv_trigger_options options;
    size_t size = 0;
    int count = 0;
    rdv_trigger_options_init(&options);
    rdv_kit_clock_init(&fake_clock, NOW);
    options.clock = rdv_kit_clock_ops(&fake_clock);
    int result = rdv_store_open(path, NULL, &store, NULL);
    ck_assert_msg(is_told(result), "opening with %s: %d", what, result);
    if (result != 0)
        return;
    sqlite3_exec(rdv__store_database(store)->handle, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    ck_assert_msg(is_told(rdv_store_entries(store, &all, count_one, &count)), "list: %s", what);
    ck_assert_msg(is_told(rdv__journal_get(store, "j", take_journal, &size)), "journal: %s", what);
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    result = rdv_trigger_new(loop, store, &options, &trigger);
    ck_assert_msg(is_told(result), "trigger with %s: %d", what, result);
    if (result == 0) {
        ck_assert_int_eq(attach(RDV_KIT_RESTART_SAFE), 0);
        (void)schedule("added", "");
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
        ck_assert_msg(is_told(rdv_store_entries(store, &all, count_one, &count)), "%s", what);
    }
    close_trigger();
}

START_TEST(a_value_that_was_never_written_like_this_is_refused_or_harmless)
{
    make_store_with(3);
    sqlite3 *raw;
    sqlite3_stmt *columns;
    char *words = NULL, sql[20000];
    size_t size;
    int changed = 0;
    ck_assert_int_eq(sqlite3_open(path, &raw), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(raw, fill, NULL, NULL, &words) == SQLITE_OK, "%s", words);
    sqlite3_close(raw);
    char *good = read_all(&size);
    ck_assert_int_eq(sqlite3_open(":memory:", &raw), SQLITE_OK);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS good", path);
    ck_assert_int_eq(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_prepare_v2(raw,
                           "SELECT t.name, c.name FROM good.sqlite_schema t, pragma_table_info("
                           "t.name, 'good') c WHERE t.type = 'table'",
                           -1, &columns, NULL),
        SQLITE_OK);
    char names[128][2][64];
    int count = 0;
    while (sqlite3_step(columns) == SQLITE_ROW && count < 128) {
        for (int i = 0; i < 2; i++)
            snprintf(names[count][i], sizeof names[count][i], "%s",
                     (const char *)sqlite3_column_text(columns, i));
        count++;
    }
    ck_assert_int_gt(count, 50);
    sqlite3_finalize(columns);
    sqlite3_close(raw);
    /* What is read is the same on each system. Where that is slow these are fewer, with each column and each value among them. */
    const int step = rdv_test_system_slowly() ? 7 : 1;
    for (int i = 0; i < count; i++) {
        for (int k = i % step; k < (int)(sizeof wrong_values / sizeof *wrong_values); k += step) {
            write_all(good, size);
            snprintf(sql, sizeof sql, "PRAGMA synchronous=OFF; UPDATE OR IGNORE %s SET \"%s\" = %s",
                     names[i][0], names[i][1], wrong_values[k]);
            ck_assert_int_eq(sqlite3_open(path, &raw), SQLITE_OK);
            bool done = sqlite3_exec(raw, sql, NULL, NULL, NULL) == SQLITE_OK;
            sqlite3_close(raw);
            changed += done;
            if (done)
                use_whatever_is_there(sql + sizeof "PRAGMA synchronous=OFF;");
        }
    }
    ck_assert_int_gt(changed, 400 / step);
    free(good);
}
END_TEST

START_TEST(an_empty_file_is_a_new_store)
{
    write_all("", 0);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("a", ""), 0);
    ck_assert_int_eq(stored(0), 1);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    struct rdv_error error;
    const char *no_file = rdv_test_no_file(path);
    for (unsigned flags = 0; flags <= RDV_STORE_READ_ONLY; flags++) {
        ck_assert_int_eq(open_error(directory, flags, &error), RDV_EINVAL);
        expect_words(error.text, directory);
        expect_words(error.text, "not a regular file");
        ck_assert_int_eq(open_error(no_file, flags, &error), RDV_EINVAL);
        expect_words(error.text, "not a regular file");
        ck_assert_int_eq(open_error(in_directory("nowhere/store.db"), flags, &error),
                         RDV_ENOTFOUND);
        expect_words(error.text, "nowhere/store.db");
    }
}
END_TEST

START_TEST(a_link_to_nowhere_is_not_followed_by_making_a_file_there)
{
    struct rdv_error error;
    ck_assert(rdv_test_link(in_directory("elsewhere"), path));
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ENOTFOUND);
    ck_assert(!there(in_directory("elsewhere")));
}
END_TEST

/* ----------------------------------------------------------------- kill -9 */

#define ROUNDS 20

/* What another process does: schedule, start, report on and finish entries for ever, and say each number when it is durable. */
static void write_for_ever(const char *file)
{
    rdv_store *mine;
    static const struct rdv__progress end = {
        .status = RDV_STATUS_SUCCESS, .progress = 100, .message = ""};
    const rdv_window window = {0};
    must(rdv_store_open(file, NULL, &mine, NULL) == 0);
    int64_t last = 0;
    for (unsigned i = 0;; i++) {
        int64_t number = rdv__record_next_number(mine);
        char context[2000];
        memset(context, 'c', sizeof context);
        rdv_task *task;
        must(rdv_task_new("label", NULL, context, i % sizeof context, &task) == 0);
        must(rdv__store_stage(mine) == 0 &&
             rdv__record_schedule(mine, number, &window, task, NOW) == 0);
        if (i % 3 == 1)
            must(rdv__record_report(mine, last, &end, NOW, true) == 0 &&
                 rdv__output_put(mine, last, context, sizeof context) == 0 &&
                 rdv__record_finish(mine, last, RDV_OUTCOME_SUCCEEDED, &end, NOW) == 0);
        must(rdv__store_commit(mine) == 0);
        must(fwrite(&number, sizeof number, 1, stdout) == 1 && fflush(stdout) == 0);
        rdv_task_unref(task);
        last = number;
    }
}

/* The next number that the writer has said; false = it has said all that it will. */
static bool hear(struct rdv_test_child *writer, int64_t *ret_number)
{
    size_t have = 0, more;
    while (have < sizeof *ret_number &&
           (more = rdv_test_child_read(writer, (char *)ret_number + have,
                                       sizeof *ret_number - have)) > 0)
        have += more;
    return have == sizeof *ret_number;
}

struct numbers {
    int64_t *list;
    size_t count;
};

static int tick_off(void *user, const rdv_entry *entry)
{
    struct numbers *numbers = user;
    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->list[i] == entry->run)
            numbers->list[i] = 0;
    return 0;
}

/* Whether all these numbers are there, for this kind of opening. */
static void expect_numbers(const int64_t *list, size_t count, unsigned flags)
{
    struct numbers numbers = {malloc(count * sizeof *list + 1), count};
    ck_assert_ptr_nonnull(numbers.list);
    memcpy(numbers.list, list, count * sizeof *list);
    rdv_store *look = open_store(path, flags);
    ck_assert_int_eq(rdv_store_entries(look, NULL, tick_off, &numbers), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(numbers.list[i] == 0, "%lld is lost", (long long)list[i]);
    if (!(flags & RDV_STORE_READ_ONLY)) {
        int64_t sound = 0;
        ck_assert_int_eq(rdv__database_number(
                             rdv__store_database(look),
                             "SELECT integrity_check = 'ok' FROM pragma_integrity_check", &sound),
                         0);
        ck_assert_int_eq(sound, 1);
    }
    rdv_store_close(look);
    free(numbers.list);
}

START_TEST(what_was_acknowledged_is_there_after_a_kill_at_any_moment)
{
    static int64_t acknowledged[20000];
    size_t count = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned state = round + 77;
        struct rdv_test_child *writer = rdv_test_child_start((const char *[]){"write", path, NULL});
        size_t wanted = count + next_random(&state) % 40;
        while (count < wanted)
            ck_assert(hear(writer, &acknowledged[count++]));
        rdv_test_sleep((int)(next_random(&state) % 3));
        rdv_test_child_kill(writer);
        while (count < sizeof acknowledged / sizeof *acknowledged &&
               hear(writer, &acknowledged[count]))
            count++;
        ck_assert_int_eq(rdv_test_child_wait(writer), -1); /* it has not ended by itself */
        /* First from the log that the writer left, then from the file that the next writer makes of it. */
        if (count > 0)
            expect_numbers(acknowledged, count, RDV_STORE_READ_ONLY);
        if (round % 2)
            expect_numbers(acknowledged, count, 0);
    }
    ck_assert_uint_gt(count, ROUNDS);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 3) {
        rdv_test_prepare();
        rdv_test_arguments(argc, argv);
        (strcmp(argv[1], "hold") == 0 ? hold : write_for_ever)(argv[2]);
    }

    rdv_test_faults_begin();
    const char *no_disk = rdv_test_no_disk(), *no_rights = rdv_test_no_rights();
    Suite *suite = suite_create("store faults");

    TCase *full = tcase_create("full disk");
    tcase_add_checked_fixture(full, set_up, tear_down);
    tcase_set_timeout(full, 60);
    tcase_add_test(full, no_room_for_pages_refuses_a_schedule_and_changes_nothing);
    tcase_add_test(full, a_file_size_limit_refuses_a_schedule_and_changes_nothing);
    tcase_add_test(full, a_start_that_comes_with_a_schedule_is_refused_with_it);
    tcase_add_test(full, a_run_that_ends_at_a_file_size_limit_is_recorded_later_by_itself);
    tcase_add_test(full,
                   a_run_that_is_taken_over_when_the_file_can_not_grow_is_counted_and_started_once);
    tcase_add_test(full, a_cancel_that_can_not_be_recorded_ends_the_run_all_the_same);
    tcase_add_test(full, a_cancel_that_could_not_be_recorded_is_once_there_is_room);
    suite_add_tcase(suite, full);

    TCase *small = tcase_create("small disk");
    tcase_add_checked_fixture(small, set_up, tear_down);
    tcase_add_checked_fixture(small, NULL, leave_small_disk);
    tcase_set_timeout(small, 60);
    rdv_test_add_unless(small, a_full_disk_refuses_a_schedule_and_changes_nothing, no_disk);
    rdv_test_add_unless(small, a_run_that_ends_on_a_full_disk_is_recorded_later_by_itself, no_disk);
    rdv_test_add_unless(small, a_store_on_a_full_disk_is_opened_once_there_is_room, no_disk);
    rdv_test_add_unless(small, a_store_on_a_full_disk_can_be_read, no_disk);
    rdv_test_add_unless(small, a_store_on_a_read_only_disk_can_be_read_only, no_disk);
    suite_add_tcase(suite, small);

    TCase *permissions = tcase_create("permissions");
    tcase_set_timeout(permissions, 60);
    tcase_add_checked_fixture(permissions, set_up, tear_down);
    rdv_test_add_unless(permissions, a_read_only_file_can_be_read_only, no_rights);
    rdv_test_add_unless(permissions, a_file_that_may_not_be_read_is_refused, rdv_test_no_secrets());
    rdv_test_add_unless(permissions, a_store_in_a_read_only_directory_can_be_read_only, no_rights);
    rdv_test_add_unless(permissions, a_log_that_cannot_be_read_is_not_ignored, no_rights);
    suite_add_tcase(suite, permissions);

    TCase *locks = tcase_create("locks");
    tcase_add_checked_fixture(locks, set_up, tear_down);
    tcase_set_timeout(locks, 60);
    tcase_add_test(locks, a_second_process_is_refused_with_the_name_of_the_first);
    tcase_add_test(locks, a_foreign_lock_holds_up_the_loop_only_once);
    suite_add_tcase(suite, locks);

    TCase *damage = tcase_create("damage");
    tcase_set_timeout(damage, 180);
    tcase_add_checked_fixture(damage, set_up, tear_down);
    tcase_set_timeout(damage, 60);
    tcase_add_test(damage, a_file_of_something_else_is_no_store);
    tcase_add_test(damage, another_programs_database_is_no_store);
    tcase_add_test(damage, a_store_that_was_cut_short_is_refused_and_can_be_restored);
    tcase_add_test(damage, a_damaged_page_of_the_schedule_is_found_before_anything_starts);
    tcase_add_test(damage, flipped_bytes_are_an_error_or_harmless_and_never_more);
    tcase_add_test(damage, a_value_that_was_never_written_like_this_is_refused_or_harmless);
    tcase_add_test(damage, an_empty_file_is_a_new_store);
    tcase_add_test(damage, what_is_no_file_is_refused);
    rdv_test_add_unless(damage, a_link_to_nowhere_is_not_followed_by_making_a_file_there,
                        rdv_test_no_links());
    suite_add_tcase(suite, damage);

    TCase *kills = tcase_create("kill -9");
    tcase_add_checked_fixture(kills, set_up, tear_down);
    tcase_set_timeout(kills, 120);
    tcase_add_test(kills, what_was_acknowledged_is_there_after_a_kill_at_any_moment);
    suite_add_tcase(suite, kills);
    return rdv_test_main(suite);
}
