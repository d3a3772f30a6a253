/* SPDX-License-Identifier: MIT */
/*
 * A program as a process of its own, by vfork(), for spawn.c. vfork() doesn't copy the parent's
 * page tables. The parent stands still for as long as each system call between vfork() and exec
 * takes, so only those that are needed are made. posix_spawn() works in the same way but does more:
 * it maps a stack, asks for the limit of descriptors at each of its actions, and sets every signal.
 *
 * Invariant: until exec, the child runs in the parent's memory, with all signals blocked, and calls
 * only async-signal-safe functions.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/unix/unix.h"

/* How much of a folder is read at once. */
#define ENTRIES_SIZE 1024

/*
 * Close what /proc lists of this process's descriptors, from `first` on. False if /proc can't be
 * read.
 */
static bool close_listed(int first)
{
    union {
        struct dirent entry;
        char bytes[ENTRIES_SIZE];
    } entries;
    /* opendir() can't be used, as it allocates memory. */
    const int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long size = -1;
    while (folder >= 0 && (size = syscall(SYS_getdents64, folder, &entries, sizeof entries)) > 0)
        for (long at = 0; at < size;) {
            const struct dirent *entry = (const void *)(entries.bytes + at);
            int fd = 0;
            for (const char *digit = entry->d_name; *digit >= '0' && *digit <= '9'; digit++)
                fd = 10 * fd + (*digit - '0');
            if (fd >= first && fd != folder)
                close(fd);
            at += entry->d_reclen;
        }
    if (folder >= 0)
        close(folder);
    return size == 0;
}

void rdv__unix_close_from(int first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0)
        return;
#endif
    if (close_listed(first))
        return;
    const long end = sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd < end; fd++)
        close(fd);
}

/*
 * Stands in place of an errno as long as the child has not written one. That is for ever where
 * vfork() is another fork(), as under Valgrind and ThreadSanitizer.
 */
#define NOT_TOLD (-1)

/* The C library's own SIGRTMIN is larger, by the signals that it keeps for itself. */
#define KERNEL_SIGRTMIN 32

/*
 * Turn the child into the program. Until then it is in the parent's memory, and on the parent's
 * stack, with all signals blocked. *number becomes 0, or an errno.
 */
static _Noreturn void become_program(const struct rdv__unix_launch *launch, volatile int *number)
{
    /*
     * Signals that are caught are set to default as well, as their handlers would run in the
     * parent's memory.
     */
    struct sigaction action, by_default = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++)
        if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            sigaction(i, &by_default, NULL);
    /*
     * The C library refuses to change the signals that it keeps for itself, though it ignores them
     * in what posix_spawn() starts; so the kernel is called directly. Its struct has another order
     * on each machine, and all zeros mean the default.
     */
    static const unsigned long kernel_default[8];
    for (int i = KERNEL_SIGRTMIN; i < SIGRTMIN; i++)
        syscall(SYS_rt_sigaction, i, kernel_default, NULL, NSIG / 8);

    bool ready = setpgid(0, 0) == 0;
    for (int fd = 0; ready && fd < launch->given_count; fd++)
        ready = dup2(launch->given[fd], fd) >= 0;
    if (ready) {
        rdv__unix_close_from(launch->given_count);
        sigprocmask(SIG_SETMASK, &launch->blocked, NULL);
        *number = 0;
        /*
         * This calls the kernel directly, because tools that measure test coverage replace
         * execve(), and would write their counts in the child.
         */
        syscall(SYS_execve, launch->path, launch->argv, launch->environment);
    }
    *number = errno;
    _exit(127);
}

int rdv__unix_launch(const struct rdv__unix_launch *launch, pid_t *ret_pid)
{
    volatile int number = NOT_TOLD;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = vfork();
    if (pid == 0)
        become_program(launch, &number);
    const int failed = pid < 0 ? errno : number == NOT_TOLD ? 0 : number;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0) {
        /* The child may have ended before it could write a number. */
        if (number == NOT_TOLD)
            setpgid(pid, pid);
        *ret_pid = pid;
    } else if (pid > 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return failed;
}
