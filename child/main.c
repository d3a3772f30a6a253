/* SPDX-License-Identifier: MIT */
/*
 * rdvtask-child runs one program for the task agent, with what only a separate process can give it.
 *
 *     rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... [--record FILE]
 *         [--report FD] [--environment FD] -- PROGRAM ARGUMENT...
 *
 * It is the parent of the program, and the reaper of all of the program's descendants, however they
 * detach themselves. When the program ends, or when this process is told to end it, all of them are
 * ended. Then this process ends as the program did: with its exit code, or by its signal. The
 * descriptor of --report is told how that was, so that the end of the program is never mistaken for
 * the end of this process (ending.h).
 *
 *     fill and close descriptors --> begin_supervision() --> supervise()
 *                                     record, relay           |  program runs: relay, signals
 *     end_as() <-- record and report <-- tree_kill() <--------+  program ended, or SIGQUIT
 *
 * This process may have more rights than the program. Its environment is its own; the program has
 * that of --environment.
 *
 * SIGTERM, SIGINT and SIGHUP are passed on to all of the program's processes, and SIGQUIT kills
 * them all. Descriptors 0 to 3 are the program's. If this process is killed itself, the kernel
 * kills the program, as nobody would follow it any more.
 *
 * With --record it outlives the agent. Output and notices go through this process, so that the
 * program can write on when nobody reads any more. FILE says who this process is and, at the end,
 * how the program ended and what it printed last (record.h). A later agent reads that, and says so
 * by a signal, which takes the secret of the record; whoever may read the record can send it. If
 * the program has restarted the agent, that agent is a descendant of this process; from the signal
 * on it is no longer part of the tree.
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

/*
 * Descriptors 0 to 3 are the program's: input, output, errors and notices. Those of this process
 * come after them.
 */
#define REPORT RDV__REPORT_FD

static int usage(void)
{
    fputs("usage: rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... "
          "[--record FILE] [--report FD] [--environment FD] -- PROGRAM ARGUMENT...\n",
          stderr);
    return START_FAILED;
}

/*
 * Fill descriptors 0 to 3 if something has closed them. Otherwise what this process opens could
 * land there, and a program may count on having the first three.
 */
static int fill_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < REPORT);
    return fd < 0 ? -1 : close(fd);
}

/* Close all other descriptors, which the program would inherit. */
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
              /* Older agents sent it, but anybody could, so it means nothing any more. */
              SIGUSR1);
    sigaddset(&set, RDV__FOLLOW_SIGNAL);
    sigprocmask(SIG_SETMASK, &set, NULL);
    /* Where SIGCHLD is ignored, there is nobody to wait for. */
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    /* Writing the record fails then, instead of ending this process. */
    signal(SIGXFSZ, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * Whether a signal comes from an agent that has read the record, as only such a process knows the
 * secret. The program may send signals to this process, but not this one by chance.
 */
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
    /* A core, if there is one, was the program's. */
    prctl(PR_SET_DUMPABLE, 0);
    sigaction(number, &plain, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    /* This is reached only if the signal is one that doesn't end this process. */
    return 128 + number;
}

/* Print why the program was not started on standard error, if there is no agent to be told. */
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
    /* What the program leaves behind ends with it. */
    tree_kill(&tree);
    if (tree.unknown)
        start_fail(start, "cannot tell how the program ended");
    relay_drain(relay);
    ending->status = tree.status;
    ending->lost = relay->ways[0].lost;
    ending->tail = relay->tail;
    ending->tail_size = relay_tail_size(relay);
}

/*
 * Write the record, and open the relay. The record comes first, so that the program never runs
 * without a supervisor that can be found.
 */
static int begin_supervision(const struct start *start, struct relay *relay, struct record *record)
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
    const int signals =
        start.failure->number == 0 ? begin_supervision(&start, &relay, &record) : -1;
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
