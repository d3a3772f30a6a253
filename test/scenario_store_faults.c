/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong with the file: a full disk, permissions, locks, damage, kill -9. Each time: the right error, words that name
 * the file and say what to do, nothing that was acknowledged is lost, memory is as before, and the next try works once the
 * fault is gone.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rdvtask/rdvtask.h>

#include "harness.h"
#include "record.h"
#include "sql.h"
#include "store.h"
#include "store_help.h"

#define NOBODY 65534

static rdv_store *store;
static rdv_loop *loop;
static rdv_trigger *trigger;

/* ------------------------------------------------ a trigger and its plug-in */

static rdv_sink *sink;
static int starts; /* how many tasks were started */
static int told;   /* how often the watcher heard of an end */
static int complaints;

static const char *plugin_name(rdv_plugin *plugin)
{
    (void)plugin;
    return "test";
}

static int plugin_initialize(rdv_plugin *plugin, rdv_sink *given)
{
    (void)plugin;
    given->ops->ref(given);
    sink = given;
    return 0;
}

static int plugin_start(rdv_plugin *plugin, rdv_task *task)
{
    (void)plugin;
    (void)task;
    starts++;
    return 0;
}

static int plugin_terminate(rdv_plugin *plugin, int reason)
{
    (void)plugin;
    sink->ops->terminated(sink, reason);
    return 0;
}

static const rdv_plugin_ops plugin_ops = {
    .size = sizeof plugin_ops,
    .name = plugin_name,
    .initialize = plugin_initialize,
    .start_task = plugin_start,
    .terminate = plugin_terminate,
};
static rdv_plugin plugin = {&plugin_ops};

static rdv_time clock_now(void *user)
{
    (void)user;
    return NOW;
}

static void count_complaint(void *user, rdv_log_level level, const char *line)
{
    (void)user;
    (void)line;
    complaints += level == RDV_LOG_ERROR;
}

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
    options.clock.now = clock_now;
    options.log.write = count_complaint;
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
    if (sink)
        sink->ops->unref(sink);
    sink = NULL;
    rdv_store_close(store);
    store = NULL;
    rdv_loop_free(loop);
    loop = NULL;
}

static void set_up(void)
{
    make_directory();
    starts = told = complaints = 0;
}

static void tear_down(void)
{
    close_trigger();
    remove_directory();
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

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Dispatch until nothing runs, for some seconds at most. */
static void wait_until_none_runs(void)
{
    int64_t end = milliseconds() + 20000;
    while (rdv_trigger_running(trigger) > 0 && milliseconds() < end) {
        struct pollfd ready = {.fd = rdv_loop_fd(loop), .events = POLLIN};
        ck_assert_int_ge(poll(&ready, 1, 1000), 0);
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    }
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

static void expect_words(const char *words, const char *part)
{
    ck_assert_msg(strstr(words, part) != NULL, "'%s' has no '%s'", words, part);
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
    ck_assert_int_eq(rdv__sql_number(store, "PRAGMA page_count", &pages), 0);
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA max_page_count=%d", (int)pages);
    ck_assert_int_eq(rdv__sql_execute(store, pragma), 0);
}

static void unlimit_pages(void)
{
    ck_assert_int_eq(rdv__sql_execute(store, "PRAGMA max_page_count=1000000000"), 0);
}

/* A limit on the size of files: what a quota looks like from inside. */
static struct rlimit usual_limit;

static void limit_files(void)
{
    struct stat status;
    ck_assert_int_eq(stat(in_directory("store.db-wal"), &status), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &usual_limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = (rlim_t)status.st_size, .rlim_max = usual_limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_files(void)
{
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &usual_limit), 0);
}

/* A small file system in a namespace of our own, which nobody else sees and which goes with us. */
static int mount_small(void)
{
    return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
           mount("tmpfs", directory, "tmpfs", 0, "size=512k,mode=0700");
}

static void use_small_disk(void)
{
    ck_assert_int_eq(mount_small(), 0);
}

static void fill_disk(void)
{
    static const char zeros[4096];
    int fd = open(in_directory("filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    while (write(fd, zeros, sizeof zeros) > 0) {
    }
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
}

static void empty_disk(void)
{
    ck_assert_int_eq(unlink(in_directory("filler")), 0);
}

static void leave_small_disk(void)
{
    close_trigger();
    (void)umount2(directory, MNT_DETACH);
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

static void end_run_on(const struct full *full)
{
    full->prepare();
    ck_assert_int_eq(open_trigger(), 0);
    rdv_task *task = make_task("label", "run", "");
    ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), 0);
    rdv_task_unref(task);
    ck_assert_int_eq(rdv_trigger_attach(trigger, &plugin), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_eq(starts, 1);
    full->fill();
    (void)schedule_until_full();

    rdv_report report = RDV_REPORT_INIT;
    report.status = RDV_STATUS_SUCCESS;
    report.message = "well done";
    ck_assert_int_eq(sink->ops->task_state_changed(sink, "run", &report), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
    ck_assert_int_eq(told, 0);
    ck_assert_int_ge(complaints, 1);
    ck_assert_int_eq(stored(RDV_FILTER_FINISHED), 0);
    ck_assert_int_eq(stored(RDV_FILTER_RUNNING), 1);

    full->make_room();
    wait_until_none_runs();
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(stored(RDV_FILTER_FINISHED), 1);
    ck_assert_int_eq(starts, 1);
    close_trigger();
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(count_entries(store, RDV_FILTER_FINISHED), 1);
}

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

/* Run fn as someone whom permissions bind: in a process of its own if we are root. */
static void as_nobody(void (*fn)(void))
{
    if (geteuid() != 0) {
        fn();
        return;
    }
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (setgid(NOBODY) || setuid(NOBODY))
            _exit(3);
        fn();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "as nobody: %x", status);
}

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
    ck_assert_int_eq(chmod(directory, 0777), 0);
    ck_assert_int_eq(unlink(in_directory("store.db.lock")), 0);
    ck_assert_int_eq(chmod(path, 0444), 0);
    as_nobody(expect_read_only_file);
    /* A reader has left files of its own and of the store's mode beside it. */
    (void)unlink(in_directory("store.db.lock"));
    (void)chmod(in_directory("store.db-wal"), 0600);
    (void)chmod(in_directory("store.db-shm"), 0600);
    ck_assert_int_eq(chmod(path, 0600), 0);
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
    ck_assert_int_eq(chmod(directory, 0755), 0);
    ck_assert_int_eq(chmod(path, 0), 0);
    as_nobody(expect_secret_file);
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(stored(0), 2);
}
END_TEST

static void expect_read_only_directory(void)
{
    struct rdv_error error;
    ck_assert_int_eq(open_error(path, 0, &error), RDV_EACCES);
    expect_words(error.text, path);
    expect_words(error.text, "check the permissions");
    ck_assert_int_eq(open_error(in_directory("new.db"), 0, &error), RDV_EACCES);
    expect_words(error.text, "new.db");
    ck_assert_int_eq(stored(0), 2);
}

START_TEST(a_store_in_a_read_only_directory_can_be_read_only)
{
    make_store_with(2);
    ck_assert_int_eq(unlink(in_directory("store.db.lock")), 0);
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_int_eq(chmod(directory, 0555), 0);
    as_nobody(expect_read_only_directory);
    ck_assert_int_eq(chmod(directory, 0700), 0);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("more", ""), 0);
}
END_TEST

START_TEST(a_store_on_a_read_only_disk_can_be_read_only)
{
    use_small_disk();
    /* Characters that mean something in the URI that the file is opened by. */
    snprintf(path, sizeof path, "%s/50%% of #1?.db", directory);
    make_store_with(2);
    ck_assert_int_eq(mount(NULL, directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    struct rdv_error error;
    ck_assert_int_eq(open_error(path, 0, &error), RDV_EREADONLY);
    expect_words(error.text, path);
    expect_words(error.text, "Read-only file system");
    ck_assert_int_eq(stored(0), 2);
    ck_assert_int_eq(mount(NULL, directory, NULL, MS_REMOUNT, NULL), 0);
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

START_TEST(a_log_that_cannot_be_read_is_not_ignored)
{
    make_store_with(1);
    ck_assert_int_eq(open_trigger(), 0);
    ck_assert_int_eq(schedule("a", ""), 0);
    /* What a killed writer leaves, on a disk that nobody can write to. */
    char command[256];
    snprintf(command, sizeof command,
             "cd %s && cp store.db copy.db && cp store.db-wal copy.db-wal && chmod 644 copy.db*",
             directory);
    ck_assert_int_eq(system(command), 0);
    close_trigger();
    ck_assert_int_eq(chmod(directory, 0555), 0);
    snprintf(path, sizeof path, "%s/copy.db", directory);
    as_nobody(expect_unreadable);
    ck_assert_int_eq(chmod(directory, 0700), 0);
    ck_assert_int_eq(stored(0), 2);
}
END_TEST

/* ------------------------------------------------------------------- locks */

/* A process that opens the store, writes one byte, and waits to be killed. */
static pid_t start_holder(void)
{
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        rdv_store_options options;
        rdv_store_options_init(&options);
        options.holder = "rdvtask run";
        rdv_store *held;
        if (rdv_store_open(path, &options, &held, NULL) || write(ready[1], "", 1) != 1)
            _exit(3);
        for (;;)
            pause();
    }
    char byte;
    close(ready[1]);
    ck_assert_int_eq((int)read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

START_TEST(a_second_process_is_refused_with_the_name_of_the_first)
{
    pid_t child = start_holder();
    struct rdv_error error;
    char words[256];
    snprintf(words, sizeof words, "%s is in use by rdvtask run (pid %ld)", path, (long)child);
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ELOCKED);
    ck_assert_str_eq(error.text, words);
    ck_assert_int_eq(stored(0), 0); /* readers are free */
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
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
    int64_t begin = milliseconds();
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(schedule("a", ""), RDV_ELOCKED);
    ck_assert_int_lt(milliseconds() - begin, 5000); /* fifty waits would be 12.5 s */
    expect_words(rdv_store_message(store), path);
    expect_words(rdv_store_message(store), "close the other program");
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    ck_assert_int_eq(count_entries(store, 0), 1);
    ck_assert_int_eq(sqlite3_exec(foreign, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(schedule("a", ""), 0);
    int64_t patience = 0;
    ck_assert_int_eq(rdv__sql_number(store, "PRAGMA busy_timeout", &patience), 0);
    ck_assert_int_gt(patience, 0);
    sqlite3_close(foreign);
}
END_TEST

/* ------------------------------------------------------------------ damage */

static char *read_all(size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    *ret_size = (size_t)size;
    return bytes;
}

static void write_all(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
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
    ck_assert_int_eq(truncate(path, (off_t)(size / 2)), 0);
    expect_corrupt("restore it from a backup");
    ck_assert_int_eq(truncate(path, 1000), 0);
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
    /* The leaf with the first entry: not what opening reads. */
    char *place = NULL;
    for (size_t i = 0; i + 7 < size && !place; i++)
        if (memcmp(bytes + i, "entry-0", 7) == 0)
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
    for (unsigned seed = 1; seed <= 300; seed++) {
        unsigned state = seed;
        memcpy(bytes, good, size);
        for (unsigned flips = 1 + seed % 8; flips > 0; flips--)
            bytes[next_random(&state) % size] ^= (char)(1u << next_random(&state) % 8);
        if (seed % 4 == 0) /* where the structure is */
            bytes[next_random(&state) % 100 + next_random(&state) % (size / 4096) * 4096] ^= 0x55;
        write_all(bytes, size);
        (void)unlink(in_directory("store.db-wal"));

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
        result = rdv__record_scan(store, load_entry, NULL);
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
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    for (unsigned flags = 0; flags <= RDV_STORE_READ_ONLY; flags++) {
        ck_assert_int_eq(open_error(directory, flags, &error), RDV_EINVAL);
        expect_words(error.text, directory);
        expect_words(error.text, "not a regular file");
        ck_assert_int_eq(open_error(path, flags, &error), RDV_EINVAL);
        expect_words(error.text, "not a regular file");
        ck_assert_int_eq(open_error(in_directory("nowhere/store.db"), flags, &error),
                         RDV_ENOTFOUND);
        expect_words(error.text, "nowhere/store.db");
    }
    /* A link to nowhere is not followed by making a file there. */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink(in_directory("elsewhere"), path), 0);
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ENOTFOUND);
    ck_assert(!there(in_directory("elsewhere")));
}
END_TEST

/* ----------------------------------------------------------------- kill -9 */

#define ROUNDS 20

static void put_or_die(bool right)
{
    if (!right)
        _exit(3);
}

/* Schedule, start, report on and finish entries for ever, and say each number when it is durable. */
static void write_for_ever(int acknowledge)
{
    rdv_store *mine;
    static const struct rdv__progress end = {
        .status = RDV_STATUS_SUCCESS, .progress = 100, .message = ""};
    const rdv_window window = {0};
    put_or_die(rdv_store_open(path, NULL, &mine, NULL) == 0);
    int64_t last = 0;
    for (unsigned i = 0;; i++) {
        int64_t number = rdv__record_next_number(mine);
        char context[2000];
        memset(context, 'c', sizeof context);
        rdv_task *task;
        put_or_die(rdv_task_new("label", NULL, context, i % sizeof context, &task) == 0);
        put_or_die(rdv__store_stage(mine) == 0 &&
                   rdv__record_schedule(mine, number, &window, task, NOW) == 0);
        if (i % 3 == 1)
            put_or_die(rdv__record_report(mine, last, &end, NOW, true) == 0 &&
                       rdv__output_put(mine, last, context, sizeof context) == 0 &&
                       rdv__record_finish(mine, last, RDV_OUTCOME_SUCCEEDED, &end, NOW) == 0);
        put_or_die(rdv__store_commit(mine) == 0);
        put_or_die(write(acknowledge, &number, sizeof number) == (ssize_t)sizeof number);
        rdv_task_unref(task);
        last = number;
    }
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
        ck_assert_int_eq(
            rdv__sql_number(look, "SELECT integrity_check = 'ok' FROM pragma_integrity_check",
                            &sound),
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
        int pipes[2];
        ck_assert_int_eq(pipe(pipes), 0);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            close(pipes[0]);
            write_for_ever(pipes[1]);
        }
        close(pipes[1]);
        size_t wanted = count + next_random(&state) % 40;
        while (count < wanted)
            ck_assert_int_eq((int)read(pipes[0], &acknowledged[count++], 8), 8);
        struct timespec moment = {.tv_nsec = (long)(next_random(&state) % 2000000)};
        nanosleep(&moment, NULL);
        kill(child, SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFSIGNALED(status), "the writer ended by itself: %x", status);
        while (count < sizeof acknowledged / sizeof *acknowledged &&
               read(pipes[0], &acknowledged[count], 8) == 8)
            count++;
        close(pipes[0]);
        /* First from the log that the writer left, then from the file that the next writer makes of it. */
        if (count > 0)
            expect_numbers(acknowledged, count, RDV_STORE_READ_ONLY);
        if (round % 2)
            expect_numbers(acknowledged, count, 0);
    }
    ck_assert_uint_gt(count, ROUNDS);
}
END_TEST

/* Why this process can't have a disk of its own; NULL if it can. */
static const char *no_small_disk(void)
{
    if (geteuid() != 0)
        return "needs root";
    pid_t child = fork();
    if (child == 0) {
        strcpy(directory, "/tmp");
        _exit(mount_small() ? 1 : 0);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0
               ? NULL
               : "may not mount in a namespace of its own";
}

int main(void)
{
    const char *no_disk = no_small_disk();
    Suite *suite = suite_create("store faults");

    TCase *full = tcase_create("full disk");
    tcase_add_checked_fixture(full, set_up, tear_down);
    tcase_set_timeout(full, 60);
    tcase_add_test(full, no_room_for_pages_refuses_a_schedule_and_changes_nothing);
    tcase_add_test(full, a_file_size_limit_refuses_a_schedule_and_changes_nothing);
    tcase_add_test(full, a_run_that_ends_at_a_file_size_limit_is_recorded_later_by_itself);
    suite_add_tcase(suite, full);

    TCase *small = tcase_create("small disk");
    tcase_add_checked_fixture(small, set_up, tear_down);
    tcase_add_checked_fixture(small, NULL, leave_small_disk);
    tcase_set_timeout(small, 60);
    rdv_test_add_unless(small, a_full_disk_refuses_a_schedule_and_changes_nothing, no_disk);
    rdv_test_add_unless(small, a_run_that_ends_on_a_full_disk_is_recorded_later_by_itself, no_disk);
    rdv_test_add_unless(small, a_store_on_a_full_disk_is_opened_once_there_is_room, no_disk);
    rdv_test_add_unless(small, a_store_on_a_read_only_disk_can_be_read_only, no_disk);
    suite_add_tcase(suite, small);

    TCase *permissions = tcase_create("permissions");
    tcase_add_checked_fixture(permissions, set_up, tear_down);
    tcase_add_test(permissions, a_read_only_file_can_be_read_only);
    tcase_add_test(permissions, a_file_that_may_not_be_read_is_refused);
    tcase_add_test(permissions, a_store_in_a_read_only_directory_can_be_read_only);
    tcase_add_test(permissions, a_log_that_cannot_be_read_is_not_ignored);
    suite_add_tcase(suite, permissions);

    TCase *locks = tcase_create("locks");
    tcase_add_checked_fixture(locks, set_up, tear_down);
    tcase_set_timeout(locks, 60);
    tcase_add_test(locks, a_second_process_is_refused_with_the_name_of_the_first);
    tcase_add_test(locks, a_foreign_lock_holds_up_the_loop_only_once);
    suite_add_tcase(suite, locks);

    TCase *damage = tcase_create("damage");
    tcase_add_checked_fixture(damage, set_up, tear_down);
    tcase_set_timeout(damage, 60);
    tcase_add_test(damage, a_file_of_something_else_is_no_store);
    tcase_add_test(damage, another_programs_database_is_no_store);
    tcase_add_test(damage, a_store_that_was_cut_short_is_refused_and_can_be_restored);
    tcase_add_test(damage, a_damaged_page_of_the_schedule_is_found_before_anything_starts);
    tcase_add_test(damage, flipped_bytes_are_an_error_or_harmless_and_never_more);
    tcase_add_test(damage, an_empty_file_is_a_new_store);
    tcase_add_test(damage, what_is_no_file_is_refused);
    suite_add_tcase(suite, damage);

    TCase *kills = tcase_create("kill -9");
    tcase_add_checked_fixture(kills, set_up, tear_down);
    tcase_set_timeout(kills, 120);
    tcase_add_test(kills, what_was_acknowledged_is_there_after_a_kill_at_any_moment);
    suite_add_tcase(suite, kills);
    return rdv_test_main(suite);
}
