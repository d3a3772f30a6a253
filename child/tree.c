/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/types.h>
#include <sys/wait.h>

/* A process and its parent. */
struct process {
    pid_t pid, parent;
    bool ours;
};

/* How often killing goes round at most: a tree that forks as fast as it is killed is stopped first, so few rounds are needed. */
#define ROUNDS 1000

/* The parent of a process, from /proc/PID/stat: "PID (NAME) STATE PARENT …"; the name may hold anything. 0 if it has gone, or
 * is a zombie, which needs no signal. */
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

/* All processes of the system that have a parent; NULL if there is no memory for them. */
static struct process *look(size_t *ret_count)
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
            room = room ? room * 2 : 256;
            struct process *more = realloc(processes, room * sizeof *processes);
            if (!more)
                break;
            processes = more;
        }
        processes[count++] = (struct process){pid, parent, false};
    }
    if (directory)
        closedir(directory);
    *ret_count = count;
    return processes;
}

static bool is_ours(const struct process *processes, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (processes[i].pid == pid)
            return processes[i].ours;
    return false;
}

/* Signal all descendants; how many there were. A process id can't be used anew between the look and the signal unless its process
 * has been reaped, which for our own children only we do; deeper down the tree a parent of theirs might, and that is the risk of
 * any kill by number. */
static size_t signal_all(int number)
{
    size_t count, found = 0;
    struct process *processes = look(&count);
    const pid_t self = getpid();
    /* Children may stand before their parents: go round until nothing is new. */
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < count; i++)
            if (!processes[i].ours &&
                (processes[i].parent == self || is_ours(processes, count, processes[i].parent)))
                processes[i].ours = changed = true;
    }
    for (size_t i = 0; i < count; i++)
        if (processes[i].ours) {
            found++;
            kill(processes[i].pid, number);
        }
    free(processes);
    return found;
}

void tree_signal(int number)
{
    signal_all(number);
    signal_all(SIGCONT);
}

/* Whether anybody is left: all descendants hang on a child of ours. */
static bool any_left(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

void tree_kill(void)
{
    for (int round = 0; round < ROUNDS && any_left(); round++) {
        signal_all(SIGSTOP);
        /* Zombies are left for their reaper, which wants to know how the program ended. */
        if (signal_all(SIGKILL) == 0)
            return;
        const struct timespec moment = {0, 1000000};
        nanosleep(&moment, NULL);
    }
}
