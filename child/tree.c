/* SPDX-License-Identifier: MIT */
/*
 * The program and all of its descendants: reaping, signalling and killing them. main.c calls this.
 *
 * This process is the subreaper of all of them, so whoever loses its parent becomes its child.
 * Children are reaped here only, so the number of a child means that child until tree_reap() has
 * seen its end. Killing goes round by round, as each process may have started another one:
 *
 *     kill_children() until there are none, or CHASE_ROUNDS have passed
 *       --> stop all, kill all, rest  -->  again, for at most KILL_MOST
 */
#define _GNU_SOURCE

#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

/*
 * How long tree_kill() tries, in milliseconds: less than the agent waits before it takes this
 * process for stuck (RDV__SUPERVISOR_WAIT).
 */
#define KILL_MOST 4000

/*
 * For this many rounds children are killed as fast as they are found; then the whole tree is
 * searched, with a rest after each round.
 */
#define CHASE_ROUNDS 64

/* Room for the numbers of the children. Those that don't fit wait for the next round. */
#define CHILDREN_TEXT 65536

bool tree_reap(struct tree *tree)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == tree->program) {
            tree->ended = true;
            tree->status = status;
        } else if (pid == tree->spared) {
            tree->spared = 0;
        }
    /* No process is left, and the program was not among those that were reaped. */
    if (pid < 0 && !tree->ended)
        tree->ended = tree->unknown = true;
    return pid == 0;
}

/* ------------------------------------------------------- the whole tree, at once */

/* A process and its parent. */
struct process {
    pid_t pid, parent;
    bool ours;
};

/*
 * Return the parent of a process, from /proc/PID/stat: "PID (NAME) STATE PARENT …", where the name
 * may hold anything. Returns 0 if the process has gone, or is a zombie, which needs no signal.
 */
static pid_t parent_of(pid_t pid)
{
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    const char *after = strrchr(text, ')');
    char state;
    int parent;
    if (!after || sscanf(after + 1, " %c %d", &state, &parent) != 2 || state == 'Z' || state == 'X')
        return 0;
    return parent;
}

static int compare_by_pid(const void *a, const void *b)
{
    const struct process *one = a, *two = b;
    return (one->pid > two->pid) - (one->pid < two->pid);
}

/*
 * List all processes of the system that have a parent, by number. Returns NULL if there is no
 * memory for them.
 */
static struct process *list_processes(size_t *ret_count)
{
    DIR *directory = opendir("/proc");
    struct process *processes = NULL;
    size_t count = 0, room = 0;
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        const pid_t pid = (pid_t)atoi(entry->d_name);
        const pid_t parent = pid > 0 ? parent_of(pid) : 0;
        if (parent <= 0)
            continue;
        if (count == room) {
            const size_t larger = room ? room * 2 : 256;
            struct process *more = realloc(processes, larger * sizeof *processes);
            if (!more)
                break;
            processes = more;
            room = larger;
        }
        processes[count++] = (struct process){pid, parent, false};
    }
    if (directory)
        closedir(directory);
    if (count > 0)
        qsort(processes, count, sizeof *processes, compare_by_pid);
    *ret_count = count;
    return processes;
}

/*
 * Signal all descendants. Children keep their numbers until they are reaped; deeper down, a number
 * may in theory have become another process's since it was looked up, as with any kill by number.
 */
static size_t signal_all(const struct tree *tree, int number, int then)
{
    size_t count, found = 0;
    struct process *processes = list_processes(&count);
    const pid_t self = getpid();
    /* Parents mostly have the lower number, so this is done in a round or two. */
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < count; i++) {
            if (processes[i].ours || processes[i].pid == tree->spared)
                continue;
            const struct process key = {processes[i].parent, 0, false};
            const struct process *parent =
                bsearch(&key, processes, count, sizeof *processes, compare_by_pid);
            if (processes[i].parent == self || (parent && parent->ours))
                processes[i].ours = changed = true;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (processes[i].ours) {
            found++;
            kill(processes[i].pid, number);
            if (then)
                kill(processes[i].pid, then);
        }
    free(processes);
    return found;
}

void tree_signal(const struct tree *tree, int number)
{
    signal_all(tree, number, SIGCONT);
}

void tree_spare(struct tree *tree, pid_t pid)
{
    const pid_t self = getpid();
    pid_t parent = pid;
    while (parent > 1 && parent != self)
        parent = parent_of(parent);
    if (parent == self && pid != tree->program)
        tree->spared = pid;
}

/* ---------------------------------------------------------------- and its end */

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Kill a child and its group, whose members can't slip away by forking meanwhile, as the kernel
 * takes them all at once.
 */
static void kill_child(const struct tree *tree, pid_t pid)
{
    const pid_t group = getpgid(pid);
    if (!tree->spared && group > 1 && getsid(pid) != getsid(0))
        kill(-group, SIGKILL);
    kill(pid, SIGKILL);
}

/*
 * Kill the children that the kernel lists. Returns how many there were, or -1 if it has no such
 * list. This is so much faster than looking at all processes that it also catches a process that
 * forks and exits again and again, and is always gone before a search has found it.
 */
static int kill_children(const struct tree *tree, int list)
{
    int found = 0;
    static char text[CHILDREN_TEXT];
    const ssize_t size = list < 0 ? -1 : pread(list, text, sizeof text - 1, 0);
    if (size < 0)
        return -1;
    text[size] = '\0';
    char *end;
    for (const char *at = text;; at = end) {
        const long pid = strtol(at, &end, 10);
        /* A number at the very end of a full buffer may be cut. */
        if (end == at || (*end == '\0' && (size_t)size == sizeof text - 1))
            return found;
        if (pid == tree->spared)
            continue;
        kill_child(tree, (pid_t)pid);
        found++;
    }
}

void tree_kill(struct tree *tree)
{
    char path[64];
    if (!tree_reap(tree))
        /* Nearly always, nothing is left to be searched for. */
        return;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    const int list = open(path, O_RDONLY | O_CLOEXEC);
    const int64_t until = milliseconds() + KILL_MOST;
    do {
        int found = 1;
        for (int round = 0; round < CHASE_ROUNDS && found >= 0; round++) {
            found = kill_children(tree, list);
            if (!tree_reap(tree) || (found == 0 && tree->spared))
                goto out;
        }
        /* A stopped process starts no others while the rest are being found. */
        signal_all(tree, SIGSTOP, 0);
        if (signal_all(tree, SIGKILL, 0) == 0 && found < 0 && tree->spared)
            break;
        const struct timespec moment = {0, 1000000};
        nanosleep(&moment, NULL);
    } while (tree_reap(tree) && milliseconds() < until);
out:
    if (list >= 0)
        close(list);
}
