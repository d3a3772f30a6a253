/* SPDX-License-Identifier: MIT */
#ifndef _WIN32
#define _GNU_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utime.h>

#ifdef _WIN32
#include "platform/win/win.h"

#include <aclapi.h>
#include <sddl.h>

#include "platform/win/source.h"
#else
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "agent/left_running.h"
#include "harness.h"
#include "platform/folder.h"
#include "platform/platform.h"
#include "platform/thread.h"
#include "system.h"

/* ------------------------------------------------------------------- stage */

static char folder[RDV_TEST_PATH];
static char path[RDV_TEST_PATH + 64];
static struct rdv_error error;

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void set_up(void)
{
    rdv_test_make_folder(folder, "plat");
    memset(&error, 0, sizeof error);
}

static void tear_down(void)
{
    rdv_test_remove(folder);
}

static void make_file(const char *name, const char *text, size_t size)
{
    rdv_test_write(at(name), text, size);
}

#ifdef _WIN32
/* Its timers know of time asleep; who reads them sees to it. */
#define MAY_BE_EARLY true

#define NO_FILE "NUL"

static bool readable(rdv__descriptor fd, int patience)
{
    return WaitForSingleObject(fd->readable, (DWORD)patience) == WAIT_OBJECT_0;
}

/* Whether only its owner, administrators and the system may do anything with it. */
static bool is_private(const char *file)
{
    PSECURITY_DESCRIPTOR descriptor;
    union rdv__win_sid user;
    PSID who;
    wchar_t *wide = rdv__win_path(file);
    ck_assert_int_eq(GetNamedSecurityInfoW(wide, SE_FILE_OBJECT,
                                           OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                           NULL, NULL, NULL, NULL, &descriptor),
                     0);
    ck_assert_int_eq(rdv__win_user(&user), 0);
    bool result = rdv__win_judge(descriptor, &user, MAXDWORD, &who) == RDV__WIN_OURS;
    LocalFree(descriptor);
    free(wide);
    return result;
}

static void open_to_all(const char *file)
{
    PSECURITY_DESCRIPTOR descriptor;
    PACL list;
    BOOL given, defaulted;
    wchar_t *wide = rdv__win_path(file);
    ck_assert(ConvertStringSecurityDescriptorToSecurityDescriptorW(
        L"D:P(A;OICI;FA;;;WD)", SDDL_REVISION_1, &descriptor, NULL));
    ck_assert(GetSecurityDescriptorDacl(descriptor, &given, &list, &defaulted));
    ck_assert_int_eq(
        SetNamedSecurityInfoW(wide, SE_FILE_OBJECT,
                              DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, NULL,
                              NULL, list, NULL),
        0);
    LocalFree(descriptor);
    free(wide);
}

/* All get what they ask for. */
static void ask_for_all_rights(void)
{
}
#else
#define MAY_BE_EARLY false

#define NO_FILE "/dev/zero"

static bool readable(rdv__descriptor fd, int patience)
{
    struct pollfd wait = {fd, POLLIN, 0};
    return poll(&wait, 1, patience) == 1;
}

/* Whether only its owner may do anything with it. */
static bool is_private(const char *file)
{
    struct stat status;
    ck_assert_int_eq(stat(file, &status), 0);
    return (status.st_mode & 07777) == (S_ISDIR(status.st_mode) ? 0700 : 0600);
}

static void open_to_all(const char *file)
{
    ck_assert_int_eq(chmod(file, 0777), 0);
}

/* What is made without a word about rights is for everybody from now on. */
static void ask_for_all_rights(void)
{
    umask(0);
}
#endif

/* -------------------------------------------------------------------- time */

START_TEST(now_is_the_system_s_clock)
{
    time_t before = time(NULL);
    rdv_time now = rdv_time_now();
    ck_assert_int_ge(now, rdv_time_from_unix(before, 0));
    ck_assert_int_lt(now, rdv_time_from_unix(before + 60, 0));
}
END_TEST

START_TEST(running_time_and_time_since_boot_go_forward)
{
    rdv_duration running = rdv__plat_running(), boot = rdv__plat_since_boot();
    rdv_test_sleep(40); /* Windows counts in steps of 16 ms */
    ck_assert_int_ge(rdv__plat_running(), running + RDV_MILLISECOND);
    ck_assert_int_ge(rdv__plat_since_boot(), boot + RDV_MILLISECOND);
    ck_assert_int_ge(boot, running - RDV_SECOND);
}
END_TEST

START_TEST(the_clock_s_state_can_be_asked_for)
{
    bool first = rdv__plat_clock_synchronised();
    ck_assert(first == rdv__plat_clock_synchronised());
}
END_TEST

START_TEST(a_timer_s_descriptor_is_ready_at_its_moment_and_not_before)
{
    for (int i = 0; i < 2; i++) {
        struct rdv__plat_timer timer;
        ck_assert_int_eq(rdv__plat_timer_open(i == 1, &timer), 0);
        int64_t now = i == 1 ? rdv_time_now() : rdv__plat_running();
        ck_assert_int_eq(rdv__plat_timer_read(&timer), RDV__TIMER_NOTHING);
        rdv__plat_timer_set(&timer, now + 20 * RDV_MILLISECOND);
        /* Maybe its moment has come before it is looked at. */
        enum rdv__plat_timer_event event = rdv__plat_timer_read(&timer);
        for (bool first = true; event == RDV__TIMER_NOTHING && (first || MAY_BE_EARLY);
             first = false) {
            ck_assert(readable(timer.fd, 5000));
            event = rdv__plat_timer_read(&timer);
        }
        ck_assert_int_eq(event, RDV__TIMER_DUE);
        ck_assert_int_ge(i == 1 ? rdv_time_now() : rdv__plat_running(), now + 20 * RDV_MILLISECOND);
        ck_assert(!readable(timer.fd, 0));

        rdv__plat_timer_set(&timer, 1);
        ck_assert(readable(timer.fd, 5000));
        rdv__plat_timer_set(&timer, INT64_MAX);
        ck_assert(!readable(timer.fd, 0));
        rdv__plat_timer_set(&timer, 1);
        rdv__plat_timer_set(&timer, 0);
        ck_assert(!readable(timer.fd, 5));
        rdv__plat_timer_close(&timer);
        rdv__plat_timer_close(&timer);
    }
}
END_TEST

/* ------------------------------------------------------------ this machine */

START_TEST(random_bytes_differ)
{
    unsigned char first[600], second[600];
    ck_assert_int_eq(rdv__plat_random(first, sizeof first), 0);
    ck_assert_int_eq(rdv__plat_random(second, sizeof second), 0);
    ck_assert_mem_ne(first, second, 16);
    ck_assert_mem_ne(first + 584, second + 584, 16);
}
END_TEST

START_TEST(the_boot_id_is_one_line_and_stays)
{
    char first[RDV__BOOT_ID_SIZE], second[RDV__BOOT_ID_SIZE];
    ck_assert_int_eq(rdv__plat_boot_id(first), 0);
    ck_assert_int_eq(rdv__plat_boot_id(second), 0);
    ck_assert_uint_ge(strlen(first), 16);
    ck_assert_ptr_null(strpbrk(first, " \r\n"));
    ck_assert_str_eq(first, second);
}
END_TEST

static int counter;

static void count(void *user)
{
    for (int i = 0; i < 10000; i++)
        rdv__atomic_add(user, 1);
}

START_TEST(atomics_lose_nothing)
{
    struct rdv__thread *threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(rdv__thread_new(count, &counter, &threads[i]), 0);
    for (int i = 0; i < 4; i++)
        rdv__thread_join(threads[i]);
    ck_assert_int_eq(rdv__atomic_load(&counter), 40000);
    ck_assert_int_eq(rdv__atomic_add(&counter, -1), 39999);
    rdv__atomic_store(&counter, 5);
    ck_assert_int_eq(rdv__atomic_load(&counter), 5);
}
END_TEST

/* ------------------------------------------------------------------- files */

static void check_reads(const char *name, size_t limit, const char *expected, size_t size)
{
    char *data;
    size_t got;
    ck_assert_int_eq(rdv__plat_read_file(at(name), limit, &data, &got, &error), 0);
    ck_assert_uint_eq(got, size);
    ck_assert_mem_eq(data, expected, size);
    ck_assert_int_eq(data[size], '\0');
    free(data);
}

static void check_refuses(const char *file, size_t limit, int code, const char *words)
{
    char *data = NULL;
    size_t size = 77;
    memset(&error, 0, sizeof error);
    ck_assert_int_eq(rdv__plat_read_file(file, limit, &data, &size, &error), code);
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(size, 77);
    ck_assert_int_eq(error.code, code);
    ck_assert_int_eq(error.line, 0);
    ck_assert_msg(strstr(error.text, words) && strstr(error.text, file), "said: %s", error.text);
}

START_TEST(a_file_is_read_whole)
{
    static char large[300001];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 % 251);
    make_file("empty", "", 0);
    make_file("zero", "a\0b", 3);
    make_file("large", large, sizeof large);
    check_reads("empty", 100, "", 0);
    check_reads("empty", 0, "", 0);
    check_reads("zero", 100, "a\0b", 3);
    check_reads("large", sizeof large, large, sizeof large);
    check_reads("large", 1 << 20, large, sizeof large);
}
END_TEST

START_TEST(a_file_whose_size_is_not_told_is_read_whole)
{
#ifndef _WIN32
    char *data;
    size_t size;
    ck_assert_int_eq(rdv__plat_read_file("/proc/self/smaps", 64 << 20, &data, &size, NULL), 0);
    ck_assert_uint_gt(size, 4096);
    ck_assert_uint_eq(strlen(data), size);
    free(data);
#endif
}
END_TEST

START_TEST(a_file_past_the_limit_is_refused)
{
    make_file("four", "1234", 4);
    check_reads("four", 4, "1234", 4);
    check_refuses(at("four"), 3, RDV_ELIMIT, "larger than 3 bytes");
    check_refuses(at("four"), 0, RDV_ELIMIT, "larger than 0 bytes");
#ifndef _WIN32
    check_refuses("/proc/self/status", 10, RDV_ELIMIT, "larger than 10 bytes");
#endif
}
END_TEST

START_TEST(errors_of_the_system_have_one_meaning_each)
{
    ck_assert_int_eq(rdv__plat_error(0), 0);
#ifdef _WIN32
    ck_assert_int_eq(rdv__plat_error(ERROR_NOT_ENOUGH_MEMORY), RDV_ENOMEM);
    ck_assert_int_eq(rdv__plat_error(ERROR_OUTOFMEMORY), RDV_ENOMEM);
    ck_assert_int_eq(rdv__plat_error(ERROR_FILE_NOT_FOUND), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_error(ERROR_PATH_NOT_FOUND), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_error(ERROR_DIRECTORY), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_error(ERROR_ACCESS_DENIED), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_error(ERROR_PRIVILEGE_NOT_HELD), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_error(ERROR_WRITE_PROTECT), RDV_EREADONLY);
    ck_assert_int_eq(rdv__plat_error(ERROR_DISK_FULL), RDV_ENOSPC);
    ck_assert_int_eq(rdv__plat_error(ERROR_HANDLE_DISK_FULL), RDV_ENOSPC);
    ck_assert_int_eq(rdv__plat_error(1295), RDV_ENOSPC);
    ck_assert_int_eq(rdv__plat_error(ERROR_TOO_MANY_OPEN_FILES), RDV_ERESOURCES);
    ck_assert_int_eq(rdv__plat_error(ERROR_SHARING_VIOLATION), RDV_EIO);
#else
    ck_assert_int_eq(rdv__plat_error(ENOMEM), RDV_ENOMEM);
    ck_assert_int_eq(rdv__plat_error(ENOENT), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_error(ENOTDIR), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_error(EACCES), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_error(EPERM), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_error(EROFS), RDV_EREADONLY);
    ck_assert_int_eq(rdv__plat_error(ENOSPC), RDV_ENOSPC);
    ck_assert_int_eq(rdv__plat_error(EDQUOT), RDV_ENOSPC);
    ck_assert_int_eq(rdv__plat_error(EMFILE), RDV_ERESOURCES);
    ck_assert_int_eq(rdv__plat_error(ENFILE), RDV_ERESOURCES);
    ck_assert_int_eq(rdv__plat_error(EAGAIN), RDV_ERESOURCES);
    ck_assert_int_eq(rdv__plat_error(EIO), RDV_EIO);
#endif
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused_without_waiting)
{
    check_refuses(folder, 100, RDV_EINVAL, "not a regular file");
    check_refuses(NO_FILE, 100, RDV_EINVAL, "not a regular file");
#ifdef _WIN32
    char name[64];
    snprintf(name, sizeof name, "//./pipe/rdvtask-test-plat-%lu", GetCurrentProcessId());
    HANDLE pipe = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, 0, 1, 0, 0, 0, NULL);
    ck_assert_ptr_ne(pipe, INVALID_HANDLE_VALUE);
    check_refuses(name, 100, RDV_EINVAL, "not a regular file");
    CloseHandle(pipe);
#else
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    check_refuses(at("fifo"), 100, RDV_EINVAL, "not a regular file");
#endif
}
END_TEST

START_TEST(a_file_that_is_not_there_is_said_to_be_so)
{
    check_refuses(at("missing"), 100, RDV_ENOTFOUND, "No such file");
    check_refuses(at("missing/too"), 100, RDV_ENOTFOUND, "No such file");
#ifndef _WIN32
    ck_assert_int_eq(symlink("loop", at("loop")), 0);
    check_refuses(at("loop"), 100, RDV_EIO, "symbolic links");
#endif
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_said_to_be_so)
{
#ifndef _WIN32
    make_file("secret", "x", 1);
    ck_assert_int_eq(chmod(at("secret"), 0), 0);
    /* Root may read everything, so it must be someone else, in a process of its own. */
    pid_t pid = fork();
    if (pid == 0) {
        char *data;
        size_t size;
        if (chmod(folder, 0755) < 0 || (geteuid() == 0 && setuid(65534) < 0))
            _exit(2);
        int code = rdv__plat_read_file(path, 100, &data, &size, &error);
        _exit(code == RDV_EACCES && strstr(error.text, "Permission denied") ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
#endif
}
END_TEST

START_TEST(a_database_file_is_made_for_its_owner_and_one_that_is_there_left_alone)
{
    char *found = NULL;
    ask_for_all_rights();
    ck_assert_int_eq(rdv__plat_database_file(at("own"), false, &found, &error), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_database_file(at("own"), true, &found, &error), 0);
    free(found);
    ck_assert(is_private(at("own")));
    ck_assert_int_eq(rdv_test_size(at("own")), 0);
    rdv_test_write(at("own"), "words", 5);
    ck_assert_int_eq(rdv__plat_database_file(at("own"), true, &found, &error), 0);
    ck_assert(rdv__plat_is_absolute(found));
    free(found);
    check_reads("own", 100, "words", 5);
    found = NULL;
    ck_assert_int_eq(rdv__plat_database_file(folder, true, &found, &error), RDV_EINVAL);
    ck_assert_int_eq(rdv__plat_database_file(at("no/own"), true, &found, &error), RDV_ENOTFOUND);
    ck_assert_ptr_null(found);
}
END_TEST

START_TEST(a_database_that_others_may_write_to_is_refused)
{
    char *found = NULL;
    ck_assert_int_eq(rdv__plat_database_file(at("own"), true, &found, &error), 0);
    free(found);
    open_to_all(at("own"));
    ck_assert_int_eq(rdv__plat_database_file(at("own"), false, &found, &error), RDV_EACCES);
    ck_assert_msg(strstr(error.text, "can't be trusted"), "said: %s", error.text);
}
END_TEST

START_TEST(a_private_folder_is_made_and_one_that_others_may_write_in_refused)
{
    ask_for_all_rights();
    ck_assert_int_eq(rdv__plat_private_folder(at("own"), &error), 0);
    ck_assert(is_private(at("own")));
    ck_assert_int_eq(rdv__plat_private_folder(at("own"), &error), 0);
    open_to_all(at("own"));
    ck_assert_int_eq(rdv__plat_private_folder(at("own"), &error), RDV_EACCES);
    make_file("file", "", 0);
    ck_assert_int_eq(rdv__plat_private_folder(at("file"), &error), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_private_folder(at("no/own"), &error), RDV_ENOTFOUND);
}
END_TEST

START_TEST(a_record_in_a_folder_that_others_may_write_in_is_not_believed)
{
    ck_assert_int_eq(rdv__plat_private_folder(at("store.run.d"), &error), 0);
    make_file("store.run.d/1-0-1", "", 0);
    char *record = rdv__left_record(at("store"), 1, 0, 1);
    ck_assert_ptr_nonnull(record);
    ck_assert(rdv__left_has(record));
    open_to_all(at("store.run.d"));
    ck_assert(!rdv__left_has(record));
    ck_assert(!rdv__left_can_adopt(record));
    /* Nor is it deleted: it may be anybody's. */
    rdv__left_forget(at("store"), 1);
    ck_assert(rdv_test_exists(record));
    free(record);
}
END_TEST

START_TEST(a_path_may_be_long_and_in_any_language)
{
    char names[2][241], way[RDV_TEST_PATH + 512], whole[RDV_TEST_PATH + 600];
    struct rdv__plat_lock *lock;
    struct rdv__plat_logs *logs;
    rdv__file file;
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k + 2 < sizeof names[i]; k += 2)
            memcpy(names[i] + k, "\xC3\x9F", 3); /* U+00DF */
    snprintf(way, sizeof way, "%s/%s/%s", folder, names[0], names[1]);
    snprintf(whole, sizeof whole, "%s/%s", way, "\xF0\x9F\x98\x80 \xE6\x9B\xB4\xE6\x96\xB0.log");
    ck_assert_int_eq(rdv__plat_logs_open(way, true, &logs, &error), 0);
    ck_assert_int_eq(rdv__plat_log_open(logs, strrchr(whole, '/') + 1, true, &file, &error), 0);
    ck_assert_int_eq(rdv__plat_log_write(file, "words", 5), 0);
    rdv__plat_log_close(file);

    char *data;
    size_t size;
    ck_assert_int_eq(rdv__plat_read_file(whole, 100, &data, &size, &error), 0);
    ck_assert_str_eq(data, "words");
    free(data);
    char *found = NULL;
    ck_assert_int_eq(rdv__plat_database_file(whole, false, &found, &error), 0);
    free(found);
    ck_assert_int_eq(rdv__plat_lock(whole, "a", &lock, &error), 0);
    rdv__plat_unlock(lock);
    ck_assert_int_eq(rdv__plat_log_delete(logs, strrchr(whole, '/') + 1), 0);
    rdv__plat_logs_close(logs);
    ck_assert_int_eq(rdv__plat_database_file(whole, false, &found, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, "\xC3\x9F"));
#ifdef _WIN32
    /* What removes the test's folder knows common paths only. */
    wchar_t *wide = rdv__win_path(way);
    ck_assert_uint_ge(wcslen(wide), MAX_PATH);
    ck_assert(RemoveDirectoryW(wide));
    free(wide);
#endif
}
END_TEST

START_TEST(what_is_in_a_folder_is_listed_in_order)
{
    char **names;
    make_file("c.json", "", 0);
    make_file("\xC3\x9F.json", "", 0);
    make_file("a.json", "", 0);
    make_file(".d.json", "", 0);
    make_file("e.jsonx", "", 0);
    rdv_test_make_directory(at("f.json"));
    ck_assert_int_eq(rdv__folder_list(folder, ".json", 3, &names, &error), 0);
    ck_assert_str_eq(names[0], "a.json");
    ck_assert_str_eq(names[1], "c.json");
    ck_assert_str_eq(names[2], "\xC3\x9F.json");
    ck_assert_ptr_null(names[3]);
    for (int i = 0; i < 3; i++)
        free(names[i]);
    free(names);
    ck_assert_int_eq(rdv__folder_list(folder, ".none", 0, &names, &error), 0);
    ck_assert_ptr_null(names[0]);
    free(names);

    ck_assert_int_eq(rdv__folder_list(folder, ".json", 2, &names, &error), RDV_ELIMIT);
    ck_assert_int_eq(rdv__folder_list(at("none"), "", 2, &names, &error), RDV_ENOTFOUND);
    ck_assert(rdv__folder_has(at("a.json")));
    ck_assert(rdv__folder_has(at("f.json")));
    ck_assert(!rdv__folder_has(at("g.json")));
}
END_TEST

/* -------------------------------------------------------------------- lock */

/* What a second process does: "lock PATH" tries, "hold PATH" has it until it is killed. */
static int other_process(const char *what, const char *file)
{
    struct rdv__plat_lock *lock;
    bool hold = strcmp(what, "hold") == 0;
    const char *words = hold ? "a holder whose words are longer than the next one's" : "child";
    int result = rdv__plat_lock(file, words, &lock, NULL);
    if (!hold || result != 0)
        return result == RDV_ELOCKED ? 0 : 1;
    printf("ready\n");
    fflush(stdout);
    for (;;)
        rdv_test_sleep(1000);
}

START_TEST(a_second_writer_is_refused_with_the_first_one_s_name)
{
    struct rdv__plat_lock *lock, *second = NULL;
    char words[64];
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "test holder", &lock, &error), 0);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "other", &second, &error), RDV_ELOCKED);
    ck_assert_ptr_null(second);
    snprintf(words, sizeof words, "test holder (pid %lld)", (long long)rdv_test_process_id());
    ck_assert_msg(strstr(error.text, words), "said: %s", error.text);

    struct rdv_test_child *child = rdv_test_child_start((const char *const[]){"lock", path, NULL});
    ck_assert_int_eq(rdv_test_child_wait(child), 0);

    rdv__plat_unlock(lock);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "other", &second, &error), 0);
    rdv__plat_unlock(second);
    rdv__plat_unlock(NULL);
}
END_TEST

START_TEST(a_lock_is_free_after_unlock_though_a_forked_process_has_its_descriptor)
{
#ifndef _WIN32
    struct rdv__plat_lock *lock;
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "a", &lock, NULL), 0);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    rdv__plat_unlock(lock);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "b", &lock, NULL), 0);
    rdv__plat_unlock(lock);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
#endif
}
END_TEST

START_TEST(a_lock_of_a_process_that_was_killed_is_free)
{
    struct rdv__plat_lock *lock;
    char ready[8];
    struct rdv_test_child *child =
        rdv_test_child_start((const char *const[]){"hold", at("lock"), NULL});
    ck_assert_uint_ge(rdv_test_child_read(child, ready, sizeof ready), 6);
    ck_assert_int_eq(rdv__plat_lock(path, "b", &lock, NULL), RDV_ELOCKED);
    rdv_test_child_kill(child);
    ck_assert_int_eq(rdv_test_child_wait(child), -1);
    ck_assert_int_eq(rdv__plat_lock(path, "b", &lock, NULL), 0);

    char expected[64], *text;
    size_t size;
    snprintf(expected, sizeof expected, "b (pid %lld)\n", (long long)rdv_test_process_id());
    ck_assert_int_eq(rdv__plat_read_file(path, 1000, &text, &size, NULL), 0);
    ck_assert_str_eq(text, expected);
    free(text);
    rdv__plat_unlock(lock);
}
END_TEST

START_TEST(a_lock_s_holder_that_is_not_told_is_another_process)
{
    struct rdv__plat_lock *lock;
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "a", &lock, NULL), 0);
    rdv_test_write(at("lock"), "", 0);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "b", &lock, &error), RDV_ELOCKED);
    ck_assert_msg(strstr(error.text, "another process"), "said: %s", error.text);
    rdv__plat_unlock(lock);
}
END_TEST

START_TEST(a_lock_s_file_is_for_its_owner_only_and_not_inherited)
{
    struct rdv__plat_lock *lock;
    ask_for_all_rights();
#ifndef _WIN32
    close(STDIN_FILENO);
#endif
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "a", &lock, NULL), 0);
    ck_assert(is_private(at("lock")));
#ifndef _WIN32
    ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
#endif
    rdv__plat_unlock(lock);
}
END_TEST

START_TEST(a_lock_that_can_t_be_made_says_why)
{
    struct rdv__plat_lock *lock = NULL;
    ck_assert_int_eq(rdv__plat_lock(at("no/lock"), "a", &lock, &error), RDV_ENOTFOUND);
    ck_assert_msg(strstr(error.text, "No such file"), "said: %s", error.text);
    ck_assert_int_eq(rdv__plat_lock(folder, "a", &lock, &error), RDV_EIO);
    ck_assert_int_eq(rdv__plat_lock(NO_FILE, "a", &lock, &error), RDV_EIO);
#ifndef _WIN32
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    ck_assert_int_eq(rdv__plat_lock(at("fifo"), "a", &lock, &error), RDV_EIO);
    make_file("target", "", 0);
    ck_assert_int_eq(symlink("target", at("link")), 0);
    ck_assert_int_eq(rdv__plat_lock(at("link"), "a", &lock, &error), RDV_EIO);
#endif
    ck_assert_ptr_null(lock);
}
END_TEST

/* -------------------------------------------------------------------- logs */

static struct rdv__plat_logs *open_logs(const char *directory)
{
    struct rdv__plat_logs *logs;
    int result = rdv__plat_logs_open(directory, true, &logs, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    return logs;
}

static rdv__file open_log(struct rdv__plat_logs *logs, const char *name, bool fresh)
{
    rdv__file file;
    int result = rdv__plat_log_open(logs, name, fresh, &file, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    return file;
}

START_TEST(a_log_is_made_with_its_folders_appended_to_and_begun_afresh)
{
    ask_for_all_rights();
    struct rdv__plat_logs *logs = open_logs(at("a/b/c"));
    for (int i = 0; i < 2; i++) {
        rdv__file file = open_log(logs, "1.log", false);
        ck_assert_int_eq(rdv__plat_log_write(file, "12345", 5), 0);
        ck_assert_int_eq(rdv__plat_log_size(file), (i + 1) * 5);
        rdv__plat_log_close(file);
    }
    ck_assert(is_private(at("a/b/c/1.log")));
    ck_assert(is_private(at("a/b")));

    rdv__file file = open_log(logs, "1.log", true);
    ck_assert_int_eq(rdv__plat_log_size(file), 0);
#ifndef _WIN32
    ck_assert_int_eq(fcntl(file, F_GETFD), FD_CLOEXEC);
#endif
    rdv__plat_log_close(file);
    rdv__plat_log_close(RDV__NO_FILE);
    ck_assert_int_eq(rdv__plat_log_size(RDV__NO_FILE), -1);
    ck_assert_int_eq(rdv__plat_log_taken(RDV__NO_FILE), -1);
    rdv__plat_logs_close(logs);
    rdv__plat_logs_close(NULL);
}
END_TEST

START_TEST(two_that_write_to_a_log_take_nothing_from_each_other)
{
    char *text;
    size_t size;
    struct rdv__plat_logs *logs = open_logs(folder);
    rdv__file first = open_log(logs, "1.log", true), second = open_log(logs, "1.log", false);
    ck_assert_int_eq(rdv__plat_log_write(first, "a", 1), 0);
    ck_assert_int_eq(rdv__plat_log_write(second, "bc", 2), 0);
    ck_assert_int_eq(rdv__plat_log_write(first, "d", 1), 0);
    rdv__plat_log_close(first);
    rdv__plat_log_close(second);
    rdv__plat_logs_close(logs);
    ck_assert_int_eq(rdv__plat_read_file(at("1.log"), 100, &text, &size, NULL), 0);
    ck_assert_str_eq(text, "abcd");
    free(text);
}
END_TEST

/* Whoever has the one before open gets nothing of it; on Windows its name is only free once it is closed. */
START_TEST(a_log_that_is_begun_afresh_is_a_file_of_its_own)
{
    struct rdv__plat_logs *logs = open_logs(folder);
    rdv__file before = open_log(logs, "1.log", true);
    ck_assert_int_eq(rdv__plat_log_write(before, "before", 6), 0);
#ifdef _WIN32
    rdv__plat_log_close(before);
#endif
    rdv__file after = open_log(logs, "1.log", true);
    ck_assert_int_eq(rdv__plat_log_write(after, "x", 1), 0);
    ck_assert_int_eq(rdv__plat_log_size(after), 1);
#ifndef _WIN32
    ck_assert_int_eq(rdv__plat_log_size(before), 6);
    rdv__plat_log_close(before);
#endif
    rdv__plat_log_close(after);
    rdv__plat_logs_close(logs);
}
END_TEST

START_TEST(a_log_that_can_t_be_made_or_written_says_why)
{
    struct rdv__plat_logs *logs;
    make_file("file", "", 0);
    ck_assert_int_lt(rdv__plat_logs_open(at("file"), true, &logs, &error), 0);
    ck_assert_int_eq(rdv__plat_logs_open(at("file/a/b"), true, &logs, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, "file/a/b"));
    ck_assert_int_eq(rdv__plat_logs_open(at("none"), false, &logs, &error), RDV_ENOTFOUND);
    ck_assert(!rdv_test_exists(at("none")));
    ck_assert_int_eq(rdv__plat_log_write(RDV__NO_FILE, "x", 1), RDV_EIO);
#ifndef _WIN32
    ck_assert_int_eq(rdv__plat_logs_open("/proc/rdv/logs", true, &logs, &error), RDV_ENOTFOUND);
    int file = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(rdv__plat_log_write(file, "x", 1), RDV_ENOSPC);
    close(file);
#endif
}
END_TEST

START_TEST(a_folder_of_logs_that_others_may_write_in_is_refused)
{
    struct rdv__plat_logs *logs;
    rdv_test_make_directory(at("own"));
    rdv__plat_logs_close(open_logs(at("own/logs")));
    open_to_all(at("own"));
    ck_assert_int_eq(rdv__plat_logs_open(at("own"), true, &logs, &error), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_logs_open(at("own/logs"), true, &logs, &error), RDV_EACCES);
    ck_assert_ptr_nonnull(strstr(error.text, "own"));
}
END_TEST

/* What is in a log's place, and is none of ours. */
static void check_foreign(struct rdv__plat_logs *logs, const char *name)
{
    rdv__file file;
    int64_t taken;
    ck_assert_int_eq(rdv__plat_log_look(logs, name, &taken), RDV_EACCES);
    for (int fresh = 0; fresh < 2; fresh++) {
        ck_assert_int_eq(rdv__plat_log_open(logs, name, fresh, &file, &error), RDV_EACCES);
        ck_assert_ptr_nonnull(strstr(error.text, name));
    }
    ck_assert_int_eq(rdv__plat_log_delete(logs, name), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_log_look(logs, name, &taken), RDV_EACCES);
}

START_TEST(what_is_not_a_file_of_ours_alone_is_neither_opened_nor_deleted)
{
    struct rdv__plat_logs *logs = open_logs(folder);
    rdv_test_make_directory(at("1.log"));
    check_foreign(logs, "1.log");
    make_file("2.log", "words", 5);
    open_to_all(at("2.log"));
    check_foreign(logs, "2.log");
#ifndef _WIN32
    char other[RDV_TEST_PATH + 64];
    snprintf(other, sizeof other, "%s", at("other"));
    make_file("other", "words", 5);
    ck_assert_int_eq(symlink("other", at("3.log")), 0);
    ck_assert_int_eq(symlink("nothing", at("4.log")), 0);
    ck_assert_int_eq(link(other, at("5.log")), 0);
    ck_assert_int_eq(mkfifo(at("6.log"), 0600), 0);
    check_foreign(logs, "3.log");
    check_foreign(logs, "4.log");
    check_foreign(logs, "5.log");
    check_foreign(logs, "6.log");
    check_reads("other", 100, "words", 5);
    ck_assert(!rdv_test_exists(at("nothing")));
    if (geteuid() == 0) {
        make_file("7.log", "words", 5);
        ck_assert_int_eq(chown(at("7.log"), 65534, 65534), 0);
        check_foreign(logs, "7.log");
        ck_assert_int_eq(mknod(at("8.log"), S_IFCHR | 0600, makedev(1, 3)), 0);
        check_foreign(logs, "8.log");
    }
#endif
    rdv__plat_logs_close(logs);
}
END_TEST

START_TEST(logs_are_read_by_name_looked_at_and_deleted)
{
    static char much[100000];
    char name[RDV__LOG_NAME_SIZE];
    int logs_seen = 0, long_ones = 0;
    int64_t taken = 0;
    struct rdv__plat_logs *logs = open_logs(at("logs"));
    memset(much, 'x', sizeof much);
    rdv__file file = open_log(logs, "1.log", true);
    ck_assert_int_eq(rdv__plat_log_write(file, much, sizeof much), 0);
    rdv__plat_log_close(file);
    make_file("logs/2.log", "", 0);
    make_file("logs/a-name-that-is-longer-than-that-of-any-log.log", "", 0);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(rdv__plat_logs_begin(logs), 0);
        while (rdv__plat_logs_next(logs, name) == 1) {
            logs_seen += strcmp(name, "1.log") == 0 || strcmp(name, "2.log") == 0;
            long_ones += name[0] == '\0';
        }
    }
    ck_assert_int_eq(logs_seen, 4);
    ck_assert_int_eq(long_ones, 2);
    ck_assert_int_eq(rdv__plat_log_look(logs, "1.log", &taken), 0);
    ck_assert_int_ge(taken, (int64_t)sizeof much / 2);
    ck_assert_int_eq(rdv__plat_log_look(logs, "3.log", &taken), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_log_delete(logs, "1.log"), 0);
    ck_assert_int_eq(rdv__plat_log_delete(logs, "1.log"), RDV_ENOTFOUND);
    rdv__plat_logs_close(logs);
}
END_TEST

/* --------------------------------------------------------------- leftovers */

START_TEST(no_mark_means_nobody)
{
    const char *const none[] = {NULL};
    ck_assert_int_eq(rdv__plat_end_orphans(none, true, 0), 0);
}
END_TEST

#ifdef _WIN32
/* There are none: only the names are wanted. */
START_TEST(leftovers_with_all_marks_are_asked_to_end)
{
}
END_TEST

START_TEST(leftovers_that_refuse_are_killed_after_the_grace_and_stopped_ones_woken)
{
}
END_TEST

START_TEST(leftovers_without_grace_are_killed_with_what_they_start_meanwhile)
{
}
END_TEST

START_TEST(the_caller_itself_is_no_leftover)
{
}
END_TEST

START_TEST(marks_that_can_be_guessed_are_not_believed_of_another_user)
{
}
END_TEST

static const char *no_other_user(void)
{
    return "the children of a killed agent end with it, by their job";
}

static void set_mark(void)
{
    set_up();
}

static const char *no_leftovers(void)
{
    return "the children of a killed agent end with it, by their job";
}
#else
static char mark[64];

/* A shell in the way of a task that was left: the marks are in its environment, and it is nobody's child that is waited for. */
static pid_t leave(const char *script, const char *other)
{
    char run[64];
    snprintf(run, sizeof run, "%s", other);
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    char *environment[] = {"PATH=/usr/bin:/bin", mark, run, NULL};
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0)
            execve("/bin/sh", argv, environment);
        _exit(127);
    }
    /* It is marked once it runs, and what it set up is there once it has printed a line. */
    char byte;
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

static int status_of(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static const char *const *marks_of(const char *second)
{
    static const char *marks[3];
    marks[0] = mark;
    marks[1] = second;
    marks[2] = NULL;
    return marks;
}

static void set_mark(void)
{
    set_up();
    snprintf(mark, sizeof mark, "RDV_TEST_MARK=%ld", (long)getpid());
}

START_TEST(leftovers_with_all_marks_are_asked_to_end)
{
    pid_t meant = leave("trap 'exit 3' TERM; echo; while :; do sleep 0.03; done", "RUN=1");
    pid_t other = leave("echo; exec sleep 100", "RUN=11");
    /* The shell, and the sleep that it may be waiting for. */
    ck_assert_int_ge(rdv__plat_end_orphans(marks_of("RUN=1"), true, 10 * RDV_SECOND), 1);
    int status = status_of(meant);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert_int_eq(kill(other, 0), 0);
    ck_assert_int_eq(waitpid(other, NULL, WNOHANG), 0);
    kill(other, SIGKILL);
    status_of(other);
}
END_TEST

START_TEST(leftovers_that_refuse_are_killed_after_the_grace_and_stopped_ones_woken)
{
    /* A busy machine may not let the stopped one die within a short grace: then with a longer one. */
    int end = 0;
    for (rdv_duration grace = RDV_SECOND / 5; end != SIGTERM && grace <= 20 * RDV_SECOND;
         grace *= 10) {
        pid_t stubborn = leave("trap '' TERM; echo; while :; do sleep 0.03; done", "RUN=2");
        pid_t stopped = leave("echo; kill -STOP $$; sleep 100", "RUN=2");
        int status;
        ck_assert_int_eq(waitpid(stopped, &status, WUNTRACED), stopped);
        ck_assert_int_ge(rdv__plat_end_orphans(marks_of("RUN=2"), true, grace), 2);
        ck_assert_int_eq(WTERMSIG(status_of(stubborn)), SIGKILL);
        end = WTERMSIG(status_of(stopped));
    }
    ck_assert_int_eq(end, SIGTERM);
}
END_TEST

START_TEST(leftovers_without_grace_are_killed_with_what_they_start_meanwhile)
{
    pid_t forking =
        leave("trap '' TERM; echo; for i in 1 2 3 4 5; do for k in 1 2 3 4 5 6 7 8 9; do "
              "sleep 20 & done; done; wait",
              "RUN=3");
    ck_assert_int_ge(rdv__plat_end_orphans(marks_of("RUN=3"), true, 0), 1);
    ck_assert_int_eq(WTERMSIG(status_of(forking)), SIGKILL);
    ck_assert_int_eq(rdv__plat_end_orphans(marks_of("RUN=3"), true, 0), 0);
}
END_TEST

START_TEST(the_caller_itself_is_no_leftover)
{
    /* Its own environment as it was started with has this, as all that are started from the same place do. */
    char *environment;
    size_t size;
    ck_assert_int_eq(rdv__plat_read_file("/proc/self/environ", 1 << 20, &environment, &size, NULL),
                     0);
    free(environment);
    ck_assert_int_eq(rdv__plat_end_orphans(marks_of(NULL), true, 0), 0);

    /* So one that has the marks asks for it, and has to live to tell. */
    char self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    char *argv[] = {self, "leftover", mark, NULL};
    char *own[] = {mark, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execve(self, argv, own);
        _exit(127);
    }
    ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(marks_that_can_be_guessed_are_not_believed_of_another_user)
{
    pid_t stranger = leave("exec setpriv --reuid=65534 --regid=65534 --clear-groups "
                           "sh -c \"trap '' TERM; echo; while :; do sleep 0.03; done\"",
                           "RUN=4");
    /* Neither is it ended, nor waited for. */
    rdv_duration before = rdv__plat_running();
    ck_assert_int_eq(rdv__plat_end_orphans(marks_of("RUN=4"), false, 20 * RDV_SECOND), 0);
    ck_assert_int_lt(rdv__plat_running() - before, 10 * RDV_SECOND);
    ck_assert_int_eq(waitpid(stranger, NULL, WNOHANG), 0);
    pid_t ours = leave("echo; exec sleep 100", "RUN=4");
    ck_assert_int_ge(rdv__plat_end_orphans(marks_of("RUN=4"), false, 0), 1);
    status_of(ours);
    ck_assert_int_eq(waitpid(stranger, NULL, WNOHANG), 0);
    ck_assert_int_ge(rdv__plat_end_orphans(marks_of("RUN=4"), true, 0), 1);
    ck_assert_int_eq(WTERMSIG(status_of(stranger)), SIGKILL);
}
END_TEST

/* Valgrind has no pidfds. */
static const char *no_leftovers(void)
{
    return syscall(SYS_pidfd_open, 1, ~0u) >= 0 || errno != ENOSYS ? NULL : "needs pidfds";
}

static const char *no_other_user(void)
{
    return geteuid() == 0 ? no_leftovers() : "needs root";
}
#endif

static TCase *add_case(Suite *suite, const char *name, SFun begin)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(int argc, char **argv)
{
#ifdef _WIN32
    const char *not_here = "Windows has no such thing";
    const char *no_user = "needs another user", *none_here = no_leftovers();
#else
    const char *not_here = NULL, *no_user = NULL, *none_here = NULL;
    if (argc == 3 && strcmp(argv[1], "leftover") == 0) {
        const char *const marks[] = {argv[2], NULL};
        return rdv__plat_end_orphans(marks, true, 0);
    }
#endif
    if (argc == 3)
        return other_process(argv[1], argv[2]);

    Suite *suite = suite_create("plat");

    TCase *time = add_case(suite, "time", set_up);
    tcase_add_test(time, now_is_the_system_s_clock);
    tcase_add_test(time, running_time_and_time_since_boot_go_forward);
    tcase_add_test(time, the_clock_s_state_can_be_asked_for);
    tcase_add_test(time, a_timer_s_descriptor_is_ready_at_its_moment_and_not_before);

    TCase *machine = add_case(suite, "machine", set_up);
    tcase_add_test(machine, random_bytes_differ);
    tcase_add_test(machine, the_boot_id_is_one_line_and_stays);
    tcase_add_test(machine, atomics_lose_nothing);

    TCase *files = add_case(suite, "files", set_up);
    tcase_add_test(files, a_file_is_read_whole);
    rdv_test_add_unless(files, a_file_whose_size_is_not_told_is_read_whole, not_here);
    tcase_add_test(files, a_file_past_the_limit_is_refused);
    tcase_add_test(files, errors_of_the_system_have_one_meaning_each);
    tcase_add_test(files, what_is_no_regular_file_is_refused_without_waiting);
    tcase_add_test(files, a_file_that_is_not_there_is_said_to_be_so);
    rdv_test_add_unless(files, a_file_that_may_not_be_read_is_said_to_be_so, no_user);

    tcase_add_test(files, a_database_file_is_made_for_its_owner_and_one_that_is_there_left_alone);
    tcase_add_test(files, a_database_that_others_may_write_to_is_refused);
    tcase_add_test(files, a_private_folder_is_made_and_one_that_others_may_write_in_refused);
    tcase_add_test(files, a_record_in_a_folder_that_others_may_write_in_is_not_believed);
    tcase_add_test(files, a_path_may_be_long_and_in_any_language);
    tcase_add_test(files, what_is_in_a_folder_is_listed_in_order);

    TCase *lock = add_case(suite, "lock", set_up);
    tcase_add_test(lock, a_second_writer_is_refused_with_the_first_one_s_name);
    rdv_test_add_unless(
        lock, a_lock_is_free_after_unlock_though_a_forked_process_has_its_descriptor, not_here);
    tcase_add_test(lock, a_lock_of_a_process_that_was_killed_is_free);
    tcase_add_test(lock, a_lock_s_holder_that_is_not_told_is_another_process);
    tcase_add_test(lock, a_lock_s_file_is_for_its_owner_only_and_not_inherited);
    tcase_add_test(lock, a_lock_that_can_t_be_made_says_why);

    TCase *logs = add_case(suite, "logs", set_up);
    tcase_add_test(logs, a_log_is_made_with_its_folders_appended_to_and_begun_afresh);
    tcase_add_test(logs, two_that_write_to_a_log_take_nothing_from_each_other);
    tcase_add_test(logs, a_log_that_can_t_be_made_or_written_says_why);
    tcase_add_test(logs, a_log_that_is_begun_afresh_is_a_file_of_its_own);
    tcase_add_test(logs, a_folder_of_logs_that_others_may_write_in_is_refused);
    tcase_add_test(logs, what_is_not_a_file_of_ours_alone_is_neither_opened_nor_deleted);
    tcase_add_test(logs, logs_are_read_by_name_looked_at_and_deleted);

    TCase *leftovers = add_case(suite, "leftovers", set_mark);
    const char *reason = no_leftovers();
    rdv_test_add_unless(leftovers, leftovers_with_all_marks_are_asked_to_end, reason);
    rdv_test_add_unless(
        leftovers, leftovers_that_refuse_are_killed_after_the_grace_and_stopped_ones_woken, reason);
    rdv_test_add_unless(leftovers,
                        leftovers_without_grace_are_killed_with_what_they_start_meanwhile, reason);
    tcase_add_test(leftovers, no_mark_means_nobody);
    rdv_test_add_unless(leftovers, the_caller_itself_is_no_leftover, none_here);
    rdv_test_add_unless(leftovers, marks_that_can_be_guessed_are_not_believed_of_another_user,
                        no_other_user());

    return rdv_test_main(suite);
}
