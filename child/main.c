/* SPDX-License-Identifier: MIT */
/*
 * rdvtask-child: runs one program for the task agent, with what only a process of its own can give it.
 *
 *     rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... [--record FILE] -- PROGRAM ARGUMENT...
 *
 * It is the program's parent, and the reaper of all its descendants, however they detach themselves: when the program ends, or
 * when it is told to end it, it ends them all, and then ends as the program did: with its exit code, or by its signal.
 *
 * SIGTERM, SIGINT and SIGHUP are passed on to all of them. SIGQUIT kills them all. It is never in the way: its descriptors 0 to 3
 * are the program's. SIGUSR1 is said by an agent that follows it from now on: should that be one of its own descendants, as the
 * program has restarted the agent, it is no part of the tree any more. Is it killed itself, the kernel kills the program: nobody would follow it any more.
 *
 * With --record it outlives the agent. Output and notices go through it, so that the program can write on when nobody reads any
 * more, and FILE says who it is and, at the end, how the program ended and what it printed last (record.h). A later agent reads
 * that.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

/* 0 to 3 are the program's: input, output, errors, notices. */
#define FIRST_FREE 4

static int usage(void)
{
    fputs("usage: rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... "
          "[--record FILE] -- PROGRAM "
          "ARGUMENT...\n",
          stderr);
    return START_FAILED;
}

/* Something else may have closed them: what we open ourselves must not land there, and a program may count on the first three. */
static int fill_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < FIRST_FREE);
    if (fd < 0)
        return -1;
    close(fd);
    /* What else we were given would go on to the program. */
    return (int)syscall(SYS_close_range, (unsigned)FIRST_FREE, ~0u, 0);
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
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* where it is ignored there is nobody to be waited for */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* then the record is what can't be written */
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void handle_signals(int signals, struct tree *tree)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGQUIT)
            tree_kill(tree);
        else if (info.ssi_signo == SIGUSR1)
            tree_spare(tree, (pid_t)info.ssi_pid);
        else if (info.ssi_signo != SIGCHLD)
            tree_signal(tree, (int)info.ssi_signo);
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
    prctl(PR_SET_DUMPABLE, 0);          /* the core, if any, was the program's */
    prctl(PR_SET_NAME, "rdvtask-done"); /* and so was the signal: nobody has killed us */
    sigaction(number, &plain, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 128 + number; /* not reached, unless the signal is one that does not end us */
}

static int fail(const char *what)
{
    fprintf(stderr, "rdvtask-child: %s: %s\n", what, strerror(errno));
    return START_FAILED;
}

int main(int argc, char **argv)
{
    struct start start;
    struct relay relay;
    struct record record;
    if (fill_descriptors() != 0)
        return fail("cannot open /dev/null");
    if (start_parse(argc, argv, &start) != 0)
        return usage();
    const int signals = take_signals();
    if (signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
        relay_init(&relay, start.record != NULL) != 0)
        return fail("cannot start");
    /* The record comes first: from its beginning on the program is never without somebody who is known. */
    if (start.record && record_begin(&record, start.record, RELAY_TAIL) != 0) {
        fprintf(stderr, "rdvtask-child: cannot write '%s': %s\n", start.record, strerror(errno));
        return START_FAILED;
    }

    struct tree tree = {.program = start_program(&start, &relay)};
    relay_started(&relay);
    if (tree.program < 0) {
        tree.ended = true;
        tree.status = W_EXITCODE(START_FAILED, 0);
    }
    while (!tree.ended) {
        relay_wait(&relay, signals);
        handle_signals(signals, &tree);
        relay_pass_on(&relay);
    }
    tree_kill(&tree); /* what it leaves behind ends with it */
    relay_drain(&relay);
    if (start.record && record_end(&record, tree.status, relay.tail, relay_tail_size(&relay)) != 0)
        fprintf(stderr, "rdvtask-child: cannot write '%s': %s\n", start.record, strerror(errno));
    return end_as(tree.status);
}
