/* SPDX-License-Identifier: MIT */
/*
 * The database file of a store: who may have put it there, and that nobody gets in as a second writer, by whatever name. Here
 * other processes are forked, since what a process may lose are locks.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/platform.h"
#include "store/records.h"
#include "store/store.h"

#include "../harness.h"
#include "store/store_help.h"

#define STRANGER 65534

/* Where SQLite's shared locks are. */
#define SHARED_FIRST 0x40000002
#define SHARED_SIZE  510

static struct rdv_error error;

static void set_up(void)
{
    make_directory();
    memset(&error, 0, sizeof error);
}

static void tear_down(void)
{
    remove_directory();
}

/* What another process makes of opening the store. */
static int open_elsewhere(const char *file, unsigned flags)
{
    pid_t child = fork();
    if (child == 0) {
        rdv_store_options options;
        rdv_store *other = NULL;
        rdv_store_options_init(&options);
        options.flags = flags;
        _exit(-rdv_store_open(file, &options, &other, NULL));
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

/* Whether another process sees SQLite's own lock of this one, which keeps the log from being removed. */
static bool is_shared(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SHARED_FIRST, .l_len = SHARED_SIZE};
        int fd = open(path, O_RDWR | O_CLOEXEC);
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 ? lock.l_type != F_UNLCK : 2);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 1;
}

/* ------------------------------------------------------------------ writers */

START_TEST(a_lock_file_that_was_removed_lets_nobody_in)
{
    rdv_store *store = open_store(path, 0);
    rdv_test_remove(in_directory("store.db.lock"));
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ELOCKED);
    ck_assert_msg(strstr(error.text, "is in use by another process"), "said: %s", error.text);
    ck_assert_int_eq(open_elsewhere(path, 0), RDV_ELOCKED);
    /* Nor does one that was made again, or has the words of somebody else. */
    rdv_test_write(in_directory("store.db.lock"), "rdvtask list (pid 1)\n", 21);
    ck_assert_int_eq(open_elsewhere(path, 0), RDV_ELOCKED);
    rdv_store_close(store);
    rdv_store_close(open_store(path, 0));
}
END_TEST

START_TEST(a_lock_file_that_another_version_has_keeps_us_out)
{
    rdv_store_close(open_store(path, 0));
    struct rdv__plat_lock *lock;
    ck_assert_int_eq(rdv__plat_lock(in_directory("store.db.lock"), "rdvtask run", &lock, &error),
                     0);
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ELOCKED);
    ck_assert_msg(strstr(error.text, "is in use by rdvtask run (pid"), "said: %s", error.text);
    rdv__plat_unlock(lock);
    rdv_store_close(open_store(path, 0));
}
END_TEST

START_TEST(a_store_that_has_a_second_name_is_refused)
{
    rdv_store *store = open_store(path, 0);
    rdv_test_make_directory(in_directory("other"));
    const char *other = in_directory("other/store.db");
    ck_assert_int_eq(link(path, other), 0);
    for (unsigned flags = 0; flags <= RDV_STORE_READ_ONLY; flags++) {
        ck_assert_int_eq(open_error(other, flags, &error), RDV_EINVAL);
        ck_assert_msg(strstr(error.text, "hard links"), "said: %s", error.text);
    }
    rdv_store_close(store);
    ck_assert_int_eq(open_error(path, 0, &error), RDV_EINVAL);
    rdv_test_remove(other);
    rdv_store_close(open_store(path, 0));
}
END_TEST

START_TEST(a_descriptor_is_no_way_to_a_second_writer)
{
    rdv_store *store = open_store(path, 0);
    char name[64];
    int fd = open(path, O_PATH | O_CLOEXEC);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ck_assert_int_eq(open_error(name, 0, &error), RDV_ELOCKED);
    snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)getpid(), fd);
    ck_assert_int_eq(open_elsewhere(name, 0), RDV_ELOCKED);
    close(fd);
    rdv_store_close(store);
}
END_TEST

static const char *no_mounts(void)
{
    if (geteuid() != 0)
        return "needs root";
    pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
                  ? 0
                  : 1);
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0
               ? NULL
               : "may not mount in a namespace of its own";
}

START_TEST(a_mount_is_no_way_to_a_second_writer)
{
    ck_assert(unshare(CLONE_NEWNS) == 0 &&
              mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    rdv_store *store = open_store(path, 0);
    char other[RDV_TEST_PATH];
    rdv_test_make_folder(other, "mounted");
    ck_assert_int_eq(mount(directory, other, NULL, MS_BIND, NULL), 0);
    char name[RDV_TEST_PATH + 16];
    snprintf(name, sizeof name, "%s/store.db", other);
    ck_assert_int_eq(open_elsewhere(name, 0), RDV_ELOCKED);
    ck_assert_int_eq(open_elsewhere(name, RDV_STORE_READ_ONLY), 0);
    ck_assert_int_eq(umount(other), 0);
    /* The file alone, in another folder. */
    rdv_test_write(name, "", 0);
    ck_assert_int_eq(mount(path, name, NULL, MS_BIND, NULL), 0);
    ck_assert_int_ne(open_elsewhere(name, 0), 0);
    ck_assert_int_eq(umount(name), 0);
    rdv_test_remove(other);
    rdv_store_close(store);
}
END_TEST

START_TEST(a_copy_is_another_store)
{
    rdv_store *store = open_store(path, 0);
    rdv_store_close(store);
    size_t size;
    char *bytes = rdv_test_read(path, &size);
    store = open_store(path, 0);
    rdv_test_write(in_directory("copy.db"), bytes, size);
    ck_assert_int_eq(chmod(in_directory("copy.db"), 0600), 0);
    free(bytes);
    rdv_store *copy = open_store(in_directory("copy.db"), 0);
    rdv_store_close(copy);
    rdv_store_close(store);
}
END_TEST

START_TEST(a_store_that_is_refused_or_closed_takes_no_lock_from_another_one)
{
    rdv_store *store = open_store(path, 0);
    ck_assert(is_shared());
    ck_assert_int_eq(open_error(path, 0, &error), RDV_ELOCKED);
    ck_assert(is_shared());
    rdv_store *reader = open_store(path, RDV_STORE_READ_ONLY);
    ck_assert_int_eq(count_entries(reader, 0), 0);
    rdv_store_close(reader);
    ck_assert(is_shared());
    ck_assert_int_eq(open_elsewhere(path, 0), RDV_ELOCKED);
    /* The other way round: a writer goes, a reader stays. */
    reader = open_store(path, RDV_STORE_READ_ONLY);
    ck_assert_int_eq(count_entries(reader, 0), 0);
    rdv_store_close(store);
    ck_assert(is_shared());
    store = open_store(path, 0);
    rdv_store_close(reader);
    ck_assert(is_shared());
    ck_assert_int_eq(open_elsewhere(path, 0), RDV_ELOCKED);
    rdv_store_close(store);
    ck_assert(!is_shared());
    ck_assert_int_eq(open_elsewhere(path, 0), 0);
}
END_TEST

START_TEST(a_forked_child_gives_nothing_back_that_is_its_parents)
{
    rdv_store *store = open_store(path, 0);
    struct rdv__plat_hold *hold;
    ck_assert_int_eq(rdv__plat_hold_new(path, false, &hold, &error), 0);
    pid_t child = fork();
    if (child == 0) {
        rdv__plat_hold_free(hold, false);
        rdv__plat_hold_free(hold, true);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(open_elsewhere(path, 0), RDV_ELOCKED);
    rdv__plat_hold_free(hold, false);
    rdv_store_close(store);
}
END_TEST

START_TEST(a_lock_is_free_after_closing_though_a_forked_process_has_its_descriptor)
{
    rdv_store *store = open_store(path, 0);
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    rdv_store_close(store);
    rdv_store_close(open_store(path, 0));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}
END_TEST

/* ------------------------------------------------------- locks that can't be had */

static int heard;

static void settle(struct rdv__store_change *change, int result)
{
    (void)change;
    heard = result;
}

/* Schedule something: what the caller is told, which is what the change is settled with. */
static int schedule(rdv_store *store, const char *identifier)
{
    static struct rdv__store_change change = {.settle = settle};
    const rdv_window window = {0};
    int result = rdv__store_stage(store);
    if (result != 0)
        return result;
    heard = 1;
    rdv_task *task = make_task("label", identifier, "");
    ck_assert_int_eq(
        rdv__record_schedule(store, rdv__record_next_number(store), &window, task, NOW), 0);
    rdv_task_unref(task);
    rdv__store_defer(store, &change);
    result = rdv__store_commit(store);
    if (result != 0)
        ck_assert_int_eq(heard, result);
    rdv__store_disown(store, NULL);
    return result;
}

static int calls_to_failure; /* of fcntl() by SQLite; below 0 = none fails */
static int failed_calls;

static int failing_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if ((command == F_SETLK || command == F_GETLK) && calls_to_failure >= 0 &&
        calls_to_failure-- == 0) {
        failed_calls++;
        errno = EIO;
        return -1;
    }
    return fcntl(fd, command, argument);
}

/* SQLite asks again for up to ten seconds where a lock does not come. */
static int no_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

START_TEST(a_lock_that_fails_once_does_not_stick)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    int (*sleep)(sqlite3_vfs *, int) = vfs->xSleep;
    vfs->xSleep = no_sleep;
    rdv_store *store = open_store(path, 0);
    int after = 0;
    ck_assert_int_eq(
        vfs->xSetSystemCall(vfs, "fcntl", (sqlite3_syscall_ptr)(void (*)(void))failing_fcntl),
        SQLITE_OK);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "entry-%d", i);
        calls_to_failure = i;
        (void)schedule(store, name);
        (void)schedule(store, name);
        calls_to_failure = -1;
        snprintf(name, sizeof name, "after-%d", i);
        int result = schedule(store, name);
        ck_assert_msg(result == 0, "after call %d: %s", i, rdv_store_message(store));
        after++;
    }
    ck_assert_int_gt(failed_calls, 10);
    ck_assert_int_ge(count_entries(store, 0), after);
    calls_to_failure = -1;
    rdv_store_close(store);
    vfs->xSetSystemCall(vfs, "fcntl", NULL);
    vfs->xSleep = sleep;
    ck_assert_int_eq(open_elsewhere(path, 0), 0);
}
END_TEST

/* --------------------------------------------------------------------- loss */

static void is_lost(rdv_store *store)
{
    ck_assert_int_eq(schedule(store, "late"), RDV_ELOST);
    ck_assert_msg(strstr(rdv_store_message(store), "removed or replaced"), "said: %s",
                  rdv_store_message(store));
    ck_assert_int_eq(schedule(store, "later"), RDV_ELOST);
}

START_TEST(a_store_whose_files_were_removed_acknowledges_nothing_more)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rdv_store *store = open_store(path, 0);
        ck_assert_int_eq(schedule(store, "early"), 0);
        rdv_test_remove(in_directory(names[i]));
        is_lost(store);
        rdv_store_close(store);
    }
}
END_TEST

START_TEST(a_store_that_was_emptied_in_place_acknowledges_nothing_more)
{
    static const char *const names[] = {"store.db", "store.db-wal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rdv_store *store = open_store(path, 0);
        ck_assert_int_eq(schedule(store, "early"), 0);
        ck_assert_int_eq(truncate(in_directory(names[i]), 0), 0);
        /* It is looked for that ten times a second, and after a commit. */
        const struct timespec pause = {.tv_nsec = 150 * 1000 * 1000};
        nanosleep(&pause, NULL);
        is_lost(store);
        rdv_store_close(store);
        rdv_test_remove(path);
        rdv_test_remove(in_directory("store.db-wal"));
        rdv_test_remove(in_directory("store.db-shm"));
    }
}
END_TEST

/* An administrator may do so with the shell of SQLite. */
START_TEST(a_log_that_another_connection_has_moved_into_the_database_is_no_loss)
{
    rdv_store *store = open_store(path, 0);
    ck_assert_int_eq(schedule(store, "early"), 0);
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(other);
    /* Nothing is written by this one. */
    ck_assert_int_eq(rdv__store_stage(store), 0);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    ck_assert_int_eq(schedule(store, "late"), 0);
    ck_assert_int_eq(count_entries(store, 0), 2);
    rdv_store_close(store);
}
END_TEST

START_TEST(a_store_that_was_moved_or_replaced_acknowledges_nothing_more)
{
    rdv_store_close(open_store(path, 0));
    size_t size;
    char *backup = rdv_test_read(path, &size);
    rdv_store *store = open_store(path, 0);
    ck_assert_int_eq(schedule(store, "early"), 0);
    ck_assert_int_eq(rename(path, in_directory("away.db")), 0);
    is_lost(store);
    rdv_store_close(store);
    /* What was acknowledged before went with it. */
    store = open_store(in_directory("away.db"), RDV_STORE_READ_ONLY);
    ck_assert_int_ge(count_entries(store, 0), 1);
    rdv_store_close(store);

    store = open_store(path, 0);
    ck_assert_int_eq(schedule(store, "early"), 0);
    rdv_test_write(in_directory("backup.db"), backup, size);
    ck_assert_int_eq(chmod(in_directory("backup.db"), 0600), 0);
    ck_assert_int_eq(rename(in_directory("backup.db"), path), 0);
    is_lost(store);
    rdv_store_close(store);
    /* The backup is as it was made. */
    store = open_store(path, 0);
    ck_assert_int_eq(count_entries(store, 0), 0);
    rdv_store_close(store);
    free(backup);
}
END_TEST

START_TEST(what_was_acknowledged_survives_the_removal_of_the_log)
{
    rdv_store *store = open_store(path, 0);
    ck_assert_int_eq(schedule(store, "early"), 0);
    rdv_test_remove(in_directory("store.db-wal"));
    rdv_store_close(store);
    store = open_store(path, 0);
    ck_assert_int_eq(count_entries(store, 0), 1);
    rdv_store_close(store);
}
END_TEST

START_TEST(files_that_others_have_made_in_the_place_of_ours_are_left_alone)
{
    static const char *const names[] = {"store.db-wal", "store.db-shm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rdv_store *store = open_store(path, 0);
        ck_assert_int_eq(schedule(store, "early"), 0);
        rdv_test_write(in_directory("theirs"), "words", 5);
        ck_assert_int_eq(rename(in_directory("theirs"), in_directory(names[i])), 0);
        rdv_store_close(store);
        ck_assert_int_eq(rdv_test_size(in_directory(names[i])), 5);
        rdv_test_remove(in_directory("store.db-wal"));
        rdv_test_remove(in_directory("store.db-shm"));
    }
}
END_TEST

/* -------------------------------------------------------------------- trust */

static void refused(const char *file, const char *words)
{
    for (unsigned flags = 0; flags <= RDV_STORE_READ_ONLY; flags++) {
        ck_assert_int_eq(open_error(file, flags, &error), RDV_EACCES);
        ck_assert_msg(strstr(error.text, words), "said: %s", error.text);
    }
}

START_TEST(a_store_of_another_user_is_refused_in_any_folder)
{
    rdv_store_close(open_store(path, 0));
    ck_assert_int_eq(chown(path, STRANGER, STRANGER), 0);
    refused(path, "belongs to user 65534");
    ck_assert_int_eq(chmod(directory, 01777), 0);
    refused(path, "belongs to user 65534");
}
END_TEST

START_TEST(a_store_in_a_folder_that_others_may_write_to_is_refused)
{
    rdv_store_close(open_store(path, 0));
    ck_assert_int_eq(chmod(directory, 0777), 0);
    refused(path, "everybody may write to the folder");
    ck_assert_int_eq(chmod(directory, 0770), 0);
    refused(path, "its group may write to the folder");
    /* Nor is one made there. */
    ck_assert_int_eq(open_error(in_directory("new.db"), 0, &error), RDV_EACCES);
    ck_assert(!there(in_directory("new.db")));
    ck_assert_int_eq(chmod(directory, 0700), 0);
    rdv_store_close(open_store(path, 0));
}
END_TEST

/* All that SQLite reads is there and ours as soon as it looks, so that nobody else can put anything there. */
START_TEST(a_store_in_a_sticky_folder_has_its_places_taken)
{
    static const char *const names[] = {"store.db-wal", "store.db-shm", "store.db-journal"};
    rdv_store_close(open_store(path, 0));
    ck_assert_int_eq(chmod(directory, 01777), 0);
    for (int i = 0; i < 2; i++) {
        rdv_store *store = open_store(path, 0);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct stat about;
            ck_assert_msg(lstat(in_directory(names[k]), &about) == 0, "%s", names[k]);
            ck_assert(S_ISREG(about.st_mode) && (about.st_mode & 077) == 0);
        }
        rdv_store *reader = open_store(path, RDV_STORE_READ_ONLY);
        ck_assert_int_eq(count_entries(reader, 0), 0);
        rdv_store_close(reader);
        rdv_store_close(store);
    }
    rdv_store_close(open_store(in_directory("new.db"), 0));
    rdv_store_close(open_store(in_directory("new.db"), 0));
}
END_TEST

START_TEST(what_lies_beside_a_store_is_looked_at_before_it_is_read)
{
    static const char *const names[] = {"store.db-wal", "store.db-journal", "store.db-shm"};
    rdv_store_close(open_store(path, 0));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *name = in_directory(names[i]);
        rdv_test_write(name, "", 0);
        ck_assert_int_eq(chmod(name, 0666), 0);
        refused(path, "everybody may write to the file");
        if (geteuid() == 0) {
            ck_assert_int_eq(chmod(name, 0600), 0);
            ck_assert_int_eq(chown(name, STRANGER, STRANGER), 0);
            refused(path, "belongs to user 65534");
        }
        rdv_test_remove(name);
        ck_assert_int_eq(symlink("elsewhere", name), 0);
        refused(path, "not a regular file");
        rdv_test_remove(name);
        ck_assert_int_eq(mkfifo(name, 0600), 0);
        refused(path, "not a regular file");
        rdv_test_remove(name);
        rdv_store_close(open_store(path, 0));
    }
}
END_TEST

START_TEST(a_lock_file_that_is_not_ours_alone_is_refused_and_left_alone)
{
    const char *name = in_directory("store.db.lock");
    rdv_test_write(name, "words", 5);
    ck_assert_int_eq(chmod(name, 0666), 0);
    ck_assert_int_eq(open_error(path, 0, &error), RDV_EACCES);
    ck_assert_int_eq(chmod(name, 0600), 0);
    ck_assert_int_eq(link(name, in_directory("precious")), 0);
    ck_assert_int_eq(open_error(path, 0, &error), RDV_EACCES);
    rdv_test_remove(in_directory("precious"));
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(name, STRANGER, STRANGER), 0);
        ck_assert_int_eq(open_error(path, 0, &error), RDV_EACCES);
    }
    ck_assert_int_eq(rdv_test_size(name), 5);
}
END_TEST

START_TEST(a_link_to_a_store_is_followed_and_looked_at)
{
    rdv_store_close(open_store(path, 0));
    const char *link = in_directory("link.db");
    ck_assert_int_eq(symlink("store.db", link), 0);
    rdv_store_close(open_store(link, 0));
    ck_assert(!there(in_directory("link.db.lock")));
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(lchown(link, STRANGER, STRANGER), 0);
    refused(link, "the symbolic link");
}
END_TEST

int main(void)
{
    const char *no_root = geteuid() == 0 ? NULL : "needs root, to give files away";
    umask(022);
    Suite *suite = suite_create("database");
    TCase *writers = tcase_create("writers");
    tcase_add_checked_fixture(writers, set_up, tear_down);
    tcase_set_timeout(writers, 120);
    tcase_add_test(writers, a_lock_file_that_was_removed_lets_nobody_in);
    tcase_add_test(writers, a_lock_file_that_another_version_has_keeps_us_out);
    tcase_add_test(writers, a_store_that_has_a_second_name_is_refused);
    tcase_add_test(writers, a_descriptor_is_no_way_to_a_second_writer);
    rdv_test_add_unless(writers, a_mount_is_no_way_to_a_second_writer, no_mounts());
    tcase_add_test(writers, a_copy_is_another_store);
    tcase_add_test(writers, a_store_that_is_refused_or_closed_takes_no_lock_from_another_one);
    tcase_add_test(writers, a_forked_child_gives_nothing_back_that_is_its_parents);
    tcase_add_test(writers,
                   a_lock_is_free_after_closing_though_a_forked_process_has_its_descriptor);
    suite_add_tcase(suite, writers);
    tcase_add_test(writers, a_lock_that_fails_once_does_not_stick);
    TCase *loss = tcase_create("loss");
    tcase_add_checked_fixture(loss, set_up, tear_down);
    tcase_set_timeout(loss, 120);
    tcase_add_test(loss, a_store_whose_files_were_removed_acknowledges_nothing_more);
    tcase_add_test(loss, a_store_that_was_emptied_in_place_acknowledges_nothing_more);
    tcase_add_test(loss, a_log_that_another_connection_has_moved_into_the_database_is_no_loss);
    tcase_add_test(loss, a_store_that_was_moved_or_replaced_acknowledges_nothing_more);
    tcase_add_test(loss, what_was_acknowledged_survives_the_removal_of_the_log);
    tcase_add_test(loss, files_that_others_have_made_in_the_place_of_ours_are_left_alone);
    suite_add_tcase(suite, loss);
    TCase *trust = tcase_create("trust");
    tcase_add_checked_fixture(trust, set_up, tear_down);
    tcase_set_timeout(trust, 120);
    rdv_test_add_unless(trust, a_store_of_another_user_is_refused_in_any_folder, no_root);
    tcase_add_test(trust, a_store_in_a_folder_that_others_may_write_to_is_refused);
    tcase_add_test(trust, a_store_in_a_sticky_folder_has_its_places_taken);
    tcase_add_test(trust, what_lies_beside_a_store_is_looked_at_before_it_is_read);
    tcase_add_test(trust, a_lock_file_that_is_not_ours_alone_is_refused_and_left_alone);
    tcase_add_test(trust, a_link_to_a_store_is_followed_and_looked_at);
    suite_add_tcase(suite, trust);
    return rdv_test_main(suite);
}
