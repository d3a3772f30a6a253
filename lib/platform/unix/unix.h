/* SPDX-License-Identifier: MIT */
/* What the files in unix/ share. */
#ifndef RDV__UNIX_UNIX_H
#define RDV__UNIX_UNIX_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct rdv__plat_end;
struct stat;

/* The RDV_E… constant for an errno; 0 for 0. */
int rdv__unix_error(int number);

/* Our error for an errno of a call that fails only if there is too little of something: RDV_EIO where it says another thing. */
int rdv__unix_shortage(int number);

/* The words for an errno: constant, in English. */
const char *rdv__unix_words(int number);

/* Check that a file is regular and ours, that nobody else may write to it, and that nobody knows it by another name. */
bool rdv__unix_is_own(const struct stat *status);

/* How many descriptors a program is given: its first. A supervisor has two more, see supervisor.h. */
#define RDV__GIVEN_FDS     4
#define RDV__GIVEN_FDS_MAX 6

/*
 * Keep a descriptor away from the first RDV__GIVEN_FDS_MAX: a host may have closed those, and what lands there would be in the way when a
 * child is given its own, or be mistaken for the host's. Takes fd over: returns it, or a close-on-exec copy in its place, or -1 with
 * errno (fd is closed then). -1 is passed on.
 */
int rdv__unix_high(int fd);

/* Close all descriptors from this one on. Async-signal-safe. */
void rdv__unix_close_from(int first);

/* What a supervisor has written of the end of its program, see child/ending.h: in its record after what says who it is (`whole`), or
 * to an agent that may not have had room for all of it. 0, RDV_ENOMEM, or RDV_EIO if that is not what it is. */
int rdv__unix_read_ending(char *text, size_t size, bool whole, struct rdv__plat_end *ret_end);

struct rdv__unix_launch {
    const char *path;
    char *const *argv; /* as execve() has them */
    char *const *environment;
    /* What it has as 0, 1, 2 and so on: each is that number itself, or above all of them. */
    int given[RDV__GIVEN_FDS_MAX];
    int given_count;
    sigset_t blocked;
};

/* Start a program in a process group of its own, with no other descriptors and all signals by default. 0 or an errno, also
 * exec's: then there is no process. Async-signal-safe. */
int rdv__unix_launch(const struct rdv__unix_launch *launch, pid_t *ret_pid);

#endif
