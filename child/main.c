/* SPDX-License-Identifier: MIT */
/*
 * rdvtask-child: runs one program for the task agent, with what only a process of its own can give it.
 *
 *     rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... [--record FILE] [--report FD] [--environment FD]
 *         -- PROGRAM ARGUMENT...
 *
 * It is the program's parent, and the reaper of all its descendants, however they detach themselves: when the program ends, or
 * when it is told to end it, it ends them all, and then ends as the program did: with its exit code, or by its signal. FD of
 * --report is told how that was, so that the end of the program is never mistaken for ours (ending.h).
 *
 * It may have more rights than the program. Its environment is its own: the program has that of --environment.
 *
 * SIGTERM, SIGINT and SIGHUP are passed on to all of them. SIGQUIT kills them all. It is never in the way: its descriptors 0 to 3
 * are the program's. If it is killed itself, the kernel kills the program, as nobody would follow that any more.
 *
 * With --record it outlives the agent. Output and notices go through it, so that the program can write on when nobody reads any
 * more, and FILE says who it is and, at the end, how the program ended and what it printed last (record.h). A later agent reads
 * that, and says so by a signal: if it is one of our own descendants, as the program has restarted the agent, it is no part of the
 * tree any more. That takes the secret of the record. Whoever may read the record can say so, too.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "record.h"
#include "relay.h"
#include "start.h"
#include "tree.h"

/* Descriptors 0 to 3 are the program's: input, output, errors, notices. Ours come after them. */
#define REPORT RDV__REPORT_FD

static int usage(void)
{
    fputs("usage: rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... "
          "[--record FILE] [--report FD] [--environment FD] -- PROGRAM ARGUMENT...\n",
          stderr);
    return START_FAILED;
}

/* Something else may have closed them: what we open ourselves must not land there, and a program may count on the first three. */
static int fill_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < REPORT);
    return fd < 0 ? -1 : close(fd);
}

/* Close all others: the program would inherit them. */
static int close_descriptors(struct start *start)
{
    if (start->report >= 0) {
        if (start->report != REPORT && dup2(start->report, REPORT) < 0)
            return -1;
        start->report = REPORT;
        if (fcntl(REPORT, F_SETFD, FD_CLOEXEC) != 0)
            return -1;
    }
    const unsigned first = start->report >= 0 ? REPORT + 1 : REPORT;
    return (int)syscall(SYS_close_range, first, ~0u, 0);
}

static int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set,
              SIGUSR1); /* older agents sent it, but anybody could: it means nothing any more */
    sigaddset(&set, RDV__FOLLOW_SIGNAL);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* where it is ignored there is nobody to be waited for */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* so that writing the record fails, and we go on */
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Only a process that has read the record knows the secret: the program may send us signals, but not this one by chance. */
static bool is_follower(const struct signalfd_siginfo *info, const struct record *record)
{
    return record && info->ssi_code == SI_QUEUE && (unsigned long)info->ssi_ptr == record->secret;
}

static void handle_signals(int signals, struct tree *tree, const struct record *record)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        const int number = (int)info.ssi_signo;
        if (number == SIGQUIT)
            tree_kill(tree);
        else if (number == RDV__FOLLOW_SIGNAL && is_follower(&info, record))
            tree_spare(tree, (pid_t)info.ssi_pid);
        else if (number != SIGCHLD && number != SIGUSR1 && number != RDV__FOLLOW_SIGNAL)
            tree_signal(tree, number);
    }
    tree_reap(tree);
}

/* End as the program did. */
static int end_as(int status)
{
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    const int number = WTERMSIG(status);
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t set;
    prctl(PR_SET_DUMPABLE, 0); /* the core, if any, was the program's */
    sigaction(number, &plain, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 128 + number; /* not reached, unless the signal is one that does not end us */
}

/* If there is no agent to be told, say it on standard error. */
static void say_failure(const struct start *start)
{
    if (start->report < 0 && start->failure->number != 0)
        fprintf(stderr, "rdvtask-child: %s\n", start->failure->words);
}

/* Run the program until nothing is left of it, and fill in how it ended. */
static void supervise(const struct start *start, int signals, const struct record *record,
                      struct relay *relay, struct ending *ending)
{
    struct tree tree = {.program = start_program(start, relay)};
    relay_started(relay);
    if (tree.program < 0)
        tree.ended = true;
    while (!tree.ended) {
        relay_wait(relay, signals);
        handle_signals(signals, &tree, record);
        relay_pass_on(relay);
    }
    tree_kill(&tree); /* what it leaves behind ends with it */
    if (tree.unknown)
        start_fail(start, "cannot tell how the program ended");
    relay_drain(relay);
    ending->status = tree.status;
    ending->lost = relay->ways[0].lost;
    ending->tail = relay->tail;
    ending->tail_size = relay_tail_size(relay);
}

/* The record comes first, so that the program never runs without a supervisor that is known. */
static int begin(const struct start *start, struct relay *relay, struct record *record)
{
    const int signals = take_signals();
    if (signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
        relay_init(relay, start->record != NULL) != 0)
        start_fail(start, "cannot start");
    else if (start->record && record_begin(record, start->record, RELAY_TAIL) != 0)
        start_fail(start, "cannot write '%s'", start->record);
    return signals;
}

int main(int argc, char **argv)
{
    struct start start;
    struct relay relay;
    struct record record;
    const bool filled = fill_descriptors() == 0;
    if (start_parse(argc, argv, &start) != 0)
        return usage();
    if (!filled || start_prepare(&start) != 0 || close_descriptors(&start) != 0)
        start_fail(&start, "cannot start");

    struct record *const kept = start.record ? &record : NULL;
    const int signals = start.failure->number == 0 ? begin(&start, &relay, &record) : -1;
    struct ending ending = {.failure = start.failure};
    if (start.failure->number == 0) {
        supervise(&start, signals, kept, &relay, &ending);
        if (kept && record_end(kept, &ending) != 0)
            fprintf(stderr, "rdvtask-child: cannot write '%s': %s\n", start.record,
                    strerror(errno));
    }
    say_failure(&start);
    /* The agent already has what came through the pipe. */
    if (ending.tail_size > ending.lost) {
        ending.tail += ending.tail_size - ending.lost;
        ending.tail_size = ending.lost;
    }
    ending_report(&ending, start.report);
    start_free(&start);
    return start.failure->number != 0 ? START_FAILED : end_as(ending.status);
}
