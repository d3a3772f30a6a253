/* SPDX-License-Identifier: MIT */
/* Supervisors that have outlived the process of ours that started them: their records, and how to follow them. */
#define _GNU_SOURCE

#include "plat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>

#include "base.h"
#include "started.h"
#include "unix.h"

/* A record's head is far smaller, and its tail as large as the supervisor keeps it. */
#define RECORD_MAX 65536

struct head {
    int pid;
    unsigned long long started;
    char boot[RDV__BOOT_ID_SIZE];
};

/* Take the next line off *text: NULL if there is none that is whole. */
static char *next_line(char **text)
{
    char *line = *text;
    char *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *text = end + 1;
    return line;
}

static int read_record(const char *path, struct head *ret_head, struct rdv__plat_record *ret_record)
{
    char *data = NULL;
    size_t size;
    if (rdv__plat_read_file(path, RECORD_MAX, &data, &size, NULL) != 0)
        return RDV_ENOTFOUND;
    int result = RDV_ENOTFOUND;
    struct head head = {0};
    struct rdv__plat_record record = {0};
    char *at = data;
    const char *line = next_line(&at);
    if (!line || strcmp(line, "rdvtask-child 1") != 0 || !(line = next_line(&at)) ||
        sscanf(line, "pid %d %llu %39s", &head.pid, &head.started, head.boot) != 3 || head.pid <= 0)
        goto out;
    if ((line = next_line(&at))) {
        size_t tail_size;
        if (sscanf(line, "exit %d", &record.code) != 1) {
            if (sscanf(line, "signal %d", &record.code) != 1)
                goto out;
            record.code = -record.code;
        }
        if (!(line = next_line(&at)) || sscanf(line, "output %zu", &tail_size) != 1 ||
            tail_size != size - (size_t)(at - data))
            goto out;
        record.ended = true;
        record.tail_size = tail_size;
        record.tail = malloc(tail_size + 1);
        if (!record.tail) {
            result = RDV_ENOMEM;
            goto out;
        }
        memcpy(record.tail, at, tail_size);
        record.tail[tail_size] = '\0';
    }
    *ret_head = head;
    *ret_record = record;
    result = 0;
out:
    free(data);
    return result;
}

int rdv__plat_record_read(const char *path, struct rdv__plat_record *ret_record)
{
    struct head head;
    return read_record(path, &head, ret_record);
}

void rdv__plat_record_delete(const char *path)
{
    char fresh[PATH_MAX];
    unlink(path);
    /* A supervisor that was killed leaves this too. */
    if (snprintf(fresh, sizeof fresh, "%s.new", path) < (int)sizeof fresh)
        unlink(fresh);
}

int rdv__plat_private_folder(const char *path, struct rdv_error *error)
{
    struct stat about;
    if ((mkdir(path, 0700) < 0 && errno != EEXIST) || lstat(path, &about) < 0)
        return rdv__fail(error, rdv__unix_error(errno), "cannot make the folder '%s': %s", path,
                         rdv__unix_words(errno));
    if (S_ISDIR(about.st_mode) && about.st_uid == geteuid() && (about.st_mode & 022) == 0)
        return 0;
    return rdv__fail(error, RDV_EACCES,
                     "'%s' is not a folder that only its owner, we, may write in", path);
}

static unsigned long long started(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    return rdv__unix_started(path);
}

int rdv__plat_adopt(const char *record_path, struct rdv__plat_child *ret_child)
{
    struct head head;
    struct rdv__plat_record record;
    char boot[RDV__BOOT_ID_SIZE];
    int result = read_record(record_path, &head, &record);
    if (result != 0)
        return result;
    free(record.tail);
    if (record.ended || rdv__plat_boot_id(boot) != 0 || strcmp(boot, head.boot) != 0)
        return RDV_ENOTFOUND;
    const int pidfd = rdv__unix_high((int)syscall(SYS_pidfd_open, head.pid, 0));
    if (pidfd < 0)
        return errno == ESRCH ? RDV_ENOTFOUND : rdv__unix_error(errno);
    /* Only now: the number can't become another's while the descriptor is open. One that has ended may not be reaped yet. */
    struct pollfd end = {pidfd, POLLIN, 0};
    if (started(head.pid) != head.started || poll(&end, 1, 0) != 0) {
        close(pidfd);
        return RDV_ENOTFOUND;
    }
    /* It may be that the program has restarted us: then we are not to end with it. */
    syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0);
    *ret_child = (struct rdv__plat_child){.pid = head.pid,
                                          .end = pidfd,
                                          .output = -1,
                                          .notices = -1,
                                          .output_kept = -1,
                                          .notices_kept = -1,
                                          .monitor = -1,
                                          .supervised = true,
                                          .adopted = true};
    return 0;
}
