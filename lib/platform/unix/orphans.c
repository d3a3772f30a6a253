/* SPDX-License-Identifier: MIT */
/*
 * Processes that a killed process of rdvtask, or a killed supervisor, has left behind. They are
 * found by what is in their environment, and ended. agent/orphans.c calls this on a thread of its
 * own, as it waits.
 *
 *     look_for_new() --> SIGTERM --> grace is over: SIGKILL --> KILLED_WAIT is over: give up
 *         |     ^                        |
 *         |     +--- every LOOK_EVERY ---+
 *         +--> QUIET_LOOKS looks in a row have found nothing, and none is left: done
 *
 * Invariant: a process is only ever signalled through a pidfd, after its environment was checked
 * once more, as its number may have become that of another process.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

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

#include "platform/unix/unix.h"

/* The largest environment that is read, in bytes: as much as Linux gives a process by default. */
#define ENVIRONMENT_MAX ((size_t)2 << 20)

/*
 * How long to wait for processes that were killed. One in the middle of a disk operation may take
 * longer, and is left alone then.
 */
#define KILLED_WAIT (5 * RDV_SECOND)

/* How often to search for new ones meanwhile. */
#define LOOK_EVERY (RDV_SECOND / 2)

/*
 * A process in the middle of exec() shows no environment for a moment. So nothing is left only if
 * this many searches in a row, with such a pause between them, have found nothing.
 */
#define QUIET_LOOKS 2
#define QUIET_WAIT  (10 * RDV_MILLISECOND)

/*
 * A supervisor (rdvtask-child) is told to kill the processes that it knows, which may not be found
 * from here. It has this long for that before it is killed itself.
 */
#define SUPERVISOR_WAIT (2 * RDV_SECOND)
static const char supervisor_name[] = "rdvtask-child\n";

/* The line "Uid:" is among the first of /proc/PID/status, which is not larger than this. */
#define STATUS_MAX ((size_t)64 << 10)

struct orphan_search {
    const char *const *marks;
    bool anyone;
    /* The signal that they are sent. */
    int number;
    int found;
    struct pollfd *pidfds;
    pid_t *pids;
    size_t count, room;
    /* Supervisors are killed as well. */
    bool harder;
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
    /* rdv__plat_read_file() has put a NUL at the end, whatever the process has made of its
     * environment. */
    for (size_t at = 0; at < size; at += strlen(environment + at) + 1)
        if (strcmp(environment + at, mark) == 0)
            return true;
    return false;
}

/*
 * Whether nobody but root and the effective user could have given the process its environment. Both
 * its real and its effective user are looked at, as a program that takes on another user's rights
 * has the environment of whoever started it.
 */
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
    /* If the environment can't be read, the process is somebody else's. */
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

static void signal_process(const struct orphan_search *search, int pidfd, pid_t pid)
{
    int number = search->number;
    if (number == SIGKILL && !search->harder && is_supervisor(pid))
        number = SIGQUIT;
    signal_pidfd(pidfd, number);
    if (number != SIGKILL)
        signal_pidfd(pidfd, SIGCONT);
}

static bool make_room_for_one(struct orphan_search *search)
{
    if (search->count < search->room)
        return true;
    size_t room = search->room > 0 ? 2 * search->room : 16;
    struct pollfd *pidfds = realloc(search->pidfds, room * sizeof *pidfds);
    if (pidfds)
        search->pidfds = pidfds;
    pid_t *pids = realloc(search->pids, room * sizeof *pids);
    if (pids)
        search->pids = pids;
    if (!pidfds || !pids)
        return false;
    search->room = room;
    return true;
}

static void consider_process(struct orphan_search *search, pid_t pid)
{
    for (size_t i = 0; i < search->count; i++)
        if (search->pids[i] == pid)
            return;
    if (!is_marked(pid, search->marks) || (!search->anyone && !is_ours(pid)) ||
        !make_room_for_one(search))
        return;

    /* Between the look and the opening, the number may have become that of another process: look
     * again, and see that it still lives afterwards. */
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return;
    if (!is_marked(pid, search->marks) || signal_pidfd(pidfd, 0) < 0) {
        close(pidfd);
        return;
    }
    signal_process(search, pidfd, pid);
    search->pidfds[search->count] = (struct pollfd){pidfd, POLLIN, 0};
    search->pids[search->count] = pid;
    search->count++;
    search->found++;
}

/* Look for processes that are new, and signal them. Returns false if it could not be told which
 * processes there are, for want of a descriptor or memory. */
static bool look_for_new(struct orphan_search *search)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    const struct dirent *entry;
    while ((entry = readdir(processes)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && pid > 0 && pid <= INT_MAX && pid != getpid())
            consider_process(search, (pid_t)pid);
    }
    closedir(processes);
    return true;
}

static void wait_for_ends(struct orphan_search *search, rdv_duration patience)
{
    int milliseconds = (int)((patience + RDV_MILLISECOND - 1) / RDV_MILLISECOND);
    if (poll(search->pidfds, (nfds_t)search->count, milliseconds) <= 0)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < search->count; i++) {
        if (search->pidfds[i].revents != 0) {
            close(search->pidfds[i].fd);
            continue;
        }
        search->pidfds[kept] = search->pidfds[i];
        search->pids[kept++] = search->pids[i];
    }
    search->count = kept;
}

static void signal_each(const struct orphan_search *search)
{
    for (size_t i = 0; i < search->count; i++)
        signal_process(search, search->pidfds[i].fd, search->pids[i]);
}

int rdv__plat_end_orphans(const char *const *marks, bool anyone, rdv_duration grace)
{
    struct orphan_search search = {
        .marks = marks, .anyone = anyone, .number = grace > 0 ? SIGTERM : SIGKILL};
    /* Without a mark, every process would be meant. */
    if (!marks[0])
        return 0;

    rdv_duration now = rdv__plat_running();
    rdv_duration kill_at = now + (grace > 0 ? grace : 0), give_up_at = kill_at + KILLED_WAIT;
    for (int quiet = 0;;) {
        if (now >= kill_at && search.number != SIGKILL) {
            search.number = SIGKILL;
            signal_each(&search);
        } else if (now >= kill_at + SUPERVISOR_WAIT && !search.harder) {
            search.harder = true;
            signal_each(&search);
        }
        /* This is done again and again: a process that was just ended may have started another one
         * before. */
        quiet = look_for_new(&search) && search.count == 0 ? quiet + 1 : 0;
        if (quiet == QUIET_LOOKS || now >= give_up_at)
            break;
        rdv_duration until = (now < kill_at ? kill_at : give_up_at) - now;
        const rdv_duration pause = quiet > 0 ? QUIET_WAIT : LOOK_EVERY;
        wait_for_ends(&search, until < pause ? until : pause);
        now = rdv__plat_running();
    }

    for (size_t i = 0; i < search.count; i++)
        close(search.pidfds[i].fd);
    free(search.pidfds);
    free(search.pids);
    return search.found;
}
