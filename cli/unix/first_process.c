/* SPDX-License-Identifier: MIT */
/*
 * Orphans become children of process 1, or of a process that was made their reaper before it became
 * this program. No other process can reap them. But the agent must not wait for just any child: it
 * would take the exit codes of those that it has started itself. So there are two processes: one
 * that reaps, and the program. main() calls this before anything else, while there is only one
 * thread.
 */
#define _GNU_SOURCE

#include "first_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "../commands.h"
#include "../messages.h"

static bool reaps_orphans(void)
{
    int reaps = 0;
    return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &reaps) == 0 && reaps);
}

/* If a watchdog expects signs of life from this process, let it take them from the program. */
static void pass_on_watchdog(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    if (pid && strtol(pid, NULL, 10) == (long)getpid())
        unsetenv("WATCHDOG_PID");
}

/* Reap what has ended. Returns whether the program has. */
static bool reap_children(pid_t program, int *ret_status)
{
    bool ended = false;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == program) {
            ended = true;
            *ret_status = status;
        }
    return ended;
}

/* Whether a signal has come to this process only. A terminal sends the signals of its keys and
 * of its size to the program, too; only when it hangs up does it send a signal to the first
 * process of its session alone. */
static bool is_for_us_only(const siginfo_t *info)
{
    return info->si_code <= 0 || info->si_signo == SIGHUP;
}

bool first_process(int *ret_code)
{
    sigset_t all, before;
    if (!reaps_orphans())
        return false;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pass_on_watchdog();
    signal(SIGCHLD, SIG_DFL); /* if it were ignored, exit codes would be lost */
    const pid_t parent = getpid(), program = fork();
    if (program == 0) {
        /* If the first process is killed, nobody can send signals to the program any more. So
         * the program dies with it. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(EXIT_FAILED);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return false;
    }
    if (program < 0) {
        report_error("cannot start a process: %s", strerror(errno));
        *ret_code = EXIT_FAILED;
        return true;
    }
    int status = 0;
    siginfo_t info;
    while (!reap_children(program, &status))
        if (sigwaitinfo(&all, &info) > 0 && info.si_signo != SIGCHLD && is_for_us_only(&info))
            kill(program, info.si_signo);
    *ret_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}
