/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unshare */
#include "scenario/store_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "../system.h"

#define NOBODY 65534

void rdv_test_faults_begin(void)
{
}

void rdv_test_limit_files(int64_t size)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < 0 ? limit.rlim_max : (rlim_t)size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* In a namespace of our own, which nobody else sees and which goes with us. */
static int mount_small(const char *folder)
{
    return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
           mount("tmpfs", folder, "tmpfs", 0, "size=512k,mode=0700");
}

const char *rdv_test_no_disk(void)
{
    if (geteuid() != 0)
        return "needs root";
    pid_t child = fork();
    if (child == 0)
        _exit(mount_small("/tmp") ? 1 : 0);
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0
               ? NULL
               : "may not mount in a namespace of its own";
}

void rdv_test_use_disk(const char *folder)
{
    ck_assert_int_eq(mount_small(folder), 0);
}

static void filler(const char *folder, char path[RDV_TEST_PATH + 16])
{
    snprintf(path, RDV_TEST_PATH + 16, "%s/filler", folder);
}

void rdv_test_fill_disk(const char *folder)
{
    static const char zeros[4096];
    char path[RDV_TEST_PATH + 16];
    filler(folder, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    while (write(fd, zeros, sizeof zeros) > 0) {
    }
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
}

void rdv_test_empty_disk(const char *folder)
{
    char path[RDV_TEST_PATH + 16];
    filler(folder, path);
    ck_assert_int_eq(unlink(path), 0);
}

void rdv_test_leave_disk(const char *folder)
{
    (void)umount2(folder, MNT_DETACH);
}

const char *rdv_test_forbid_disk(const char *folder, bool forbid)
{
    ck_assert_int_eq(mount(NULL, folder, NULL, MS_REMOUNT | (forbid ? MS_RDONLY : 0), NULL), 0);
    return "Read-only file system";
}

const char *rdv_test_odd_name(void)
{
    return "50% of #1?.db";
}

void rdv_test_permit(const char *path, enum rdv_test_right right)
{
    static const mode_t files[] = {0, 0444, 0644}, folders[] = {0, 0555, 0755};
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(chmod(path, S_ISDIR(about.st_mode) ? folders[right] : files[right]), 0);
}

const char *rdv_test_no_rights(void)
{
    return NULL;
}

const char *rdv_test_no_secrets(void)
{
    return NULL;
}

void rdv_test_as_nobody(void (*fn)(void))
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

const char *rdv_test_no_file(const char *path)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    return path;
}
