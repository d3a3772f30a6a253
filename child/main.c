/* SPDX-License-Identifier: MIT */
/*
 * rdvtask-child: runs one program for the task agent, with what only a process of its own can give it.
 *
 *     rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... [--record FILE] -- PROGRAM ARGUMENT...
 *
 * It is the program's parent, and the reaper of all its descendants, however they detach themselves: when the program ends, or
 * when it is told to end it, it ends them all, and then ends as the program did: with its exit code, or by its signal.
 *
 * SIGTERM is passed on to all of them. SIGQUIT kills them all. It is never in the way: its descriptors 0 to 3 are the program's.
 *
 * With --record it outlives the agent. Output and notices go through it, so that the program can write on when nobody reads any
 * more, and FILE says who it is and, at the end, how the program ended and what it printed last (record.h). A later agent reads
 * that.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "record.h"
#include "relay.h"
#include "start.h"
#include "tree.h"

/* How the program ended, once it has. */
struct ended {
    bool yes;
    int status; /* as waitpid() gives it */
};

static int usage(void)
{
    fputs("usage: rdvtask-child [--user NAME] [--directory PATH] [--limit NAME=NUMBER]... "
          "[--record FILE] -- PROGRAM "
          "ARGUMENT...\n",
          stderr);
    return START_FAILED;
}

/* Take in all that has ended; orphans of the tree come to us too. */
static void reap(pid_t program, struct ended *ended)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == program) {
            ended->yes = true;
            ended->status = status;
        }
}

static void handle_signals(int signals, pid_t program, struct ended *ended)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(program, ended);
        else if (info.ssi_signo == SIGQUIT)
            tree_kill();
        else
            tree_signal((int)info.ssi_signo);
    }
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

int main(int argc, char **argv)
{
    struct start start;
    if (start_parse(argc, argv, &start) != 0)
        return usage();

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        fprintf(stderr, "rdvtask-child: %s\n", strerror(errno));
        return START_FAILED;
    }

    struct relay relay;
    if (relay_init(&relay, start.record != NULL) != 0) {
        fprintf(stderr, "rdvtask-child: %s\n", strerror(errno));
        return START_FAILED;
    }
    /* The record comes first: from its beginning on the program is never without somebody who is known. */
    if (start.record && record_begin(start.record) != 0) {
        fprintf(stderr, "rdvtask-child: cannot write '%s': %s\n", start.record, strerror(errno));
        return START_FAILED;
    }
    const pid_t program = start_program(&start, &relay);
    if (program < 0)
        return START_FAILED;
    relay_started(&relay);

    struct ended ended = {false, 0};
    while (!ended.yes) {
        relay_wait(&relay, signals);
        handle_signals(signals, program, &ended);
        relay_pass_on(&relay);
    }
    /* What it leaves behind ends with it. */
    tree_kill();
    relay_drain(&relay);
    if (start.record)
        record_end(start.record, ended.status, relay.tail, relay_tail_size(&relay));
    return end_as(ended.status);
}
