/* SPDX-License-Identifier: MIT */
/* Processes that a killed predecessor or supervisor has left, found by what is in their environment. */
#define _GNU_SOURCE

#include "plat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unix.h"

/* The largest environment that is looked at, in bytes: as much as Linux gives a process by default. */
#define ENVIRONMENT_MAX ((size_t)2 << 20)

/* How long to wait for those that were killed: one in the middle of a disk operation may take longer, and is left then. */
#define KILLED_WAIT (5 * RDV_SECOND)

/* How often to look for new ones meanwhile. */
#define LOOK_EVERY (RDV_SECOND / 2)

/* A process in the middle of exec() shows no environment for a moment. So nothing is left only if so many looks in a row, with such a pause
 * between them, have found nothing. */
#define QUIET_LOOKS 2
#define QUIET_WAIT  (10 * RDV_MILLISECOND)

/* A supervisor (rdvtask-child) is told to kill what it knows, which we may not find; so long it has before it is killed itself. */
#define SUPERVISOR_WAIT (2 * RDV_SECOND)
static const char supervisor_name[] = "rdvtask-child\n";

/* The "Uid:" line is among the first of /proc/PID/status, which is not larger than this. */
#define STATUS_MAX ((size_t)64 << 10)

struct leftovers {
    const char *const *marks;
    bool anyone;
    int number; /* the signal that they get */
    int found;
    struct pollfd *pidfds;
    pid_t *pids;
    size_t count, room;
    bool harder; /* supervisors are killed, too */
};

static bool is_supervisor(pid_t pid)
{
    char path[40], *name;
    size_t size;
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    if (rdv__plat_read_file(path, sizeof supervisor_name, &name, &size, NULL) != 0)
        return false;
    bool is = strcmp(name, supervisor_name) == 0;
    free(name);
    return is;
}

static bool has_mark(const char *environment, size_t size, const char *mark)
{
    /* The environment ends with a NUL of ours, whatever the process has made of it. */
    for (size_t at = 0; at < size; at += strlen(environment + at) + 1)
        if (strcmp(environment + at, mark) == 0)
            return true;
    return false;
}

/* Whether nobody else could have given the process its environment. Both its real and its effective user are looked at, as a program
 * that takes on another user's rights has the environment of whoever started it. */
static bool is_ours(pid_t pid)
{
    char path[40], *status;
    size_t size;
    unsigned real, effective;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    if (rdv__plat_read_file(path, STATUS_MAX, &status, &size, NULL) != 0)
        return false;
    const char *line = strstr(status, "\nUid:");
    const bool told = line && sscanf(line, "\nUid: %u %u", &real, &effective) == 2;
    free(status);
    return told && (real == 0 || real == geteuid()) && (effective == 0 || effective == geteuid());
}

static bool is_marked(pid_t pid, const char *const *marks)
{
    char path[40];
    char *environment;
    size_t size;
    snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
    /* Others' processes can't be read: they are not ours. */
    if (rdv__plat_read_file(path, ENVIRONMENT_MAX, &environment, &size, NULL) != 0)
        return false;
    bool result = true;
    for (; result && *marks; marks++)
        result = has_mark(environment, size, *marks);
    free(environment);
    return result;
}

static int signal_pidfd(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static void signal_one(const struct leftovers *left, int pidfd, pid_t pid)
{
    int number = left->number;
    if (number == SIGKILL && !left->harder && is_supervisor(pid))
        number = SIGQUIT;
    signal_pidfd(pidfd, number);
    if (number != SIGKILL)
        signal_pidfd(pidfd, SIGCONT);
}

static bool make_room(struct leftovers *left)
{
    if (left->count < left->room)
        return true;
    size_t room = left->room > 0 ? 2 * left->room : 16;
    struct pollfd *pidfds = realloc(left->pidfds, room * sizeof *pidfds);
    if (pidfds)
        left->pidfds = pidfds;
    pid_t *pids = realloc(left->pids, room * sizeof *pids);
    if (pids)
        left->pids = pids;
    if (!pidfds || !pids)
        return false;
    left->room = room;
    return true;
}

static void consider(struct leftovers *left, pid_t pid)
{
    for (size_t i = 0; i < left->count; i++)
        if (left->pids[i] == pid)
            return;
    if (!is_marked(pid, left->marks) || (!left->anyone && !is_ours(pid)) || !make_room(left))
        return;

    /* Between looking and opening, the number may have become another's: look again, and see that it still lives after. */
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return;
    if (!is_marked(pid, left->marks) || signal_pidfd(pidfd, 0) < 0) {
        close(pidfd);
        return;
    }
    signal_one(left, pidfd, pid);
    left->pidfds[left->count] = (struct pollfd){pidfd, POLLIN, 0};
    left->pids[left->count] = pid;
    left->count++;
    left->found++;
}

/* Returns false if it could not be told which processes there are, for want of a descriptor or memory. */
static bool look(struct leftovers *left)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    const struct dirent *entry;
    while ((entry = readdir(processes)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && pid > 0 && pid <= INT_MAX && pid != getpid())
            consider(left, (pid_t)pid);
    }
    closedir(processes);
    return true;
}

static void wait_for_some(struct leftovers *left, rdv_duration patience)
{
    int milliseconds = (int)((patience + RDV_MILLISECOND - 1) / RDV_MILLISECOND);
    if (poll(left->pidfds, (nfds_t)left->count, milliseconds) <= 0)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < left->count; i++) {
        if (left->pidfds[i].revents != 0) {
            close(left->pidfds[i].fd);
            continue;
        }
        left->pidfds[kept] = left->pidfds[i];
        left->pids[kept++] = left->pids[i];
    }
    left->count = kept;
}

static void signal_each(const struct leftovers *left)
{
    for (size_t i = 0; i < left->count; i++)
        signal_one(left, left->pidfds[i].fd, left->pids[i]);
}

int rdv__plat_end_leftovers(const char *const *marks, bool anyone, rdv_duration grace)
{
    struct leftovers left = {
        .marks = marks, .anyone = anyone, .number = grace > 0 ? SIGTERM : SIGKILL};
    /* Without a mark, everyone would be meant. */
    if (!marks[0])
        return 0;

    rdv_duration now = rdv__plat_running();
    rdv_duration kill_at = now + (grace > 0 ? grace : 0), give_up_at = kill_at + KILLED_WAIT;
    for (int quiet = 0;;) {
        if (now >= kill_at && left.number != SIGKILL) {
            left.number = SIGKILL;
            signal_each(&left);
        } else if (now >= kill_at + SUPERVISOR_WAIT && !left.harder) {
            left.harder = true;
            signal_each(&left);
        }
        /* Again and again: one that was just ended may have started another before. */
        quiet = look(&left) && left.count == 0 ? quiet + 1 : 0;
        if (quiet == QUIET_LOOKS || now >= give_up_at)
            break;
        rdv_duration until = (now < kill_at ? kill_at : give_up_at) - now;
        const rdv_duration pause = quiet > 0 ? QUIET_WAIT : LOOK_EVERY;
        wait_for_some(&left, until < pause ? until : pause);
        now = rdv__plat_running();
    }

    for (size_t i = 0; i < left.count; i++)
        close(left.pidfds[i].fd);
    free(left.pidfds);
    free(left.pids);
    return left.found;
}
