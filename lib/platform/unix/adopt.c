/* SPDX-License-Identifier: MIT */
/*
 * Supervisors that have outlived the agent that started them: their records, how to follow them,
 * and what they report of the end. The agent calls rdv__plat_adopt() and rdv__plat_record_read()
 * when it starts again; spawn.c uses rdv__unix_read_ending() for supervisors that it has started
 * itself. child/record.h and child/ending.h have the formats.
 *
 * A record is trusted only as far as its folder is, which is private. A process id in it counts
 * only together with the moment at which that process was started, and the boot.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "platform/unix/started.h"
#include "platform/unix/supervisor.h"
#include "platform/unix/unix.h"

/*
 * The largest record that is read. Its head is far smaller, and its tail as large as the supervisor
 * keeps it.
 */
#define RECORD_MAX 65536

struct head {
    int pid;
    unsigned long long started;
    char boot[RDV__BOOT_ID_SIZE];
    /* 0 = it has none. */
    unsigned long secret;
};

/* Take the next line off *text. Returns NULL if there is no whole line. */
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

/* Read a line that is a word and a number. Returns what comes after the number, or NULL. */
static const char *take_number(const char *line, const char *word, uint64_t most, uint64_t *ret)
{
    const size_t size = strlen(word);
    char *end;
    if (!line || strncmp(line, word, size) != 0 || line[size] != ' ' || line[size + 1] < '0' ||
        line[size + 1] > '9')
        return NULL;
    errno = 0;
    *ret = strtoull(line + size + 1, &end, 10);
    return errno == 0 && *ret <= most ? end : NULL;
}

int rdv__unix_read_ending(char *text, size_t size, bool whole, struct rdv__plat_end *ret_end)
{
    struct rdv__plat_end end = {0};
    uint64_t number;
    char *at = text;
    const char *line = next_line(&at), *after;
    if ((after = take_number(line, "exit", 255, &number)) && !*after) {
        end.code = (int)number;
    } else if ((after = take_number(line, "signal", 127, &number)) && !*after && number > 0) {
        end.code = -(int)number;
    } else if ((after = take_number(line, "failed", INT_MAX, &number)) && *after == ' ') {
        end.failure = rdv__unix_error((int)number);
        snprintf(end.words, sizeof end.words, "%s", after + 1);
        if (end.failure == 0)
            return RDV_EIO;
    } else {
        return RDV_EIO;
    }
    line = next_line(&at);
    if ((after = take_number(line, "lost", UINT64_MAX, &end.lost)) && !*after)
        line = next_line(&at);
    if (!(after = take_number(line, "output", SIZE_MAX, &number)) || *after)
        return RDV_EIO;
    const size_t rest = size - (size_t)(at - text);
    if (whole ? number != rest : number < rest)
        return RDV_EIO;
    end.tail = malloc(rest + 1);
    if (!end.tail)
        return RDV_ENOMEM;
    memcpy(end.tail, at, rest);
    end.tail[rest] = '\0';
    end.tail_size = rest;
    *ret_end = end;
    return 0;
}

void rdv__plat_end_free(struct rdv__plat_end *end)
{
    free(end->tail);
    end->tail = NULL;
}

static int read_record(const char *path, struct head *ret_head, struct rdv__plat_record *ret_record)
{
    char *data = NULL;
    size_t size;
    int result = rdv__plat_read_file(path, RECORD_MAX, &data, &size, NULL);
    /* A record that can't be read for want of resources exists all the same. */
    if (result != 0)
        return result == RDV_ENOMEM || result == RDV_ERESOURCES ? result : RDV_ENOTFOUND;
    result = RDV_ENOTFOUND;
    struct head head = {0};
    struct rdv__plat_record record = {0};
    char *at = data;
    const char *line = next_line(&at);
    /* A supervisor that an older version has started has no secret. */
    if (!line || strcmp(line, "rdvtask-child 1") != 0 || !(line = next_line(&at)) ||
        sscanf(line, "pid %d %llu %39s %lx", &head.pid, &head.started, head.boot, &head.secret) <
            3 ||
        head.pid <= 0)
        goto out;
    result = 0;
    if (*at) {
        record.ended = true;
        result = rdv__unix_read_ending(at, size - (size_t)(at - data), true, &record.end);
    }
    if (result == 0) {
        *ret_head = head;
        *ret_record = record;
    } else if (result != RDV_ENOMEM) {
        result = RDV_ENOTFOUND;
    }
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
    /* A supervisor that was killed leaves this file, too. */
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

/*
 * Tell the supervisor that this process follows it. The program may have restarted the agent, which
 * must not end with the program then. The supervisor believes this of a process that has read its
 * record.
 */
static void follow_supervisor(int pidfd, unsigned long secret)
{
    siginfo_t info = {.si_signo = RDV__FOLLOW_SIGNAL, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = (void *)secret;
    if (secret)
        syscall(SYS_pidfd_send_signal, pidfd, info.si_signo, &info, 0);
    /* The supervisor of an older version believes any process. */
    else
        syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0);
}

int rdv__plat_adopt(const char *record_path, struct rdv__plat_child *ret_child)
{
    struct head head;
    struct rdv__plat_record record;
    char boot[RDV__BOOT_ID_SIZE];
    int result = read_record(record_path, &head, &record);
    if (result != 0)
        return result;
    rdv__plat_end_free(&record.end);
    if (record.ended || rdv__plat_boot_id(boot) != 0 || strcmp(boot, head.boot) != 0)
        return RDV_ENOTFOUND;
    const int pidfd = rdv__unix_high((int)syscall(SYS_pidfd_open, head.pid, 0));
    if (pidfd < 0)
        return errno == ESRCH ? RDV_ENOTFOUND : rdv__unix_error(errno);
    /*
     * This is checked only now, as the number can't become another process's while the descriptor
     * is open. A supervisor that has ended may not be reaped yet.
     */
    struct pollfd end = {pidfd, POLLIN, 0};
    if (started(head.pid) != head.started || poll(&end, 1, 0) != 0) {
        close(pidfd);
        return RDV_ENOTFOUND;
    }
    follow_supervisor(pidfd, head.secret);
    *ret_child = (struct rdv__plat_child){.pid = head.pid,
                                          .end = pidfd,
                                          .output = -1,
                                          .notices = -1,
                                          .output_kept = -1,
                                          .notices_kept = -1,
                                          .report = -1,
                                          .monitor = -1,
                                          .supervised = true,
                                          .adopted = true};
    return 0;
}
