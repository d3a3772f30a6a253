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

/* Return the RDV_E… code for an errno; 0 for 0. */
int rdv__unix_error(int number);

/*
 * Return the RDV_E… code for an errno of a call that fails only if there is too little of
 * something; RDV_EIO if the errno says anything else.
 */
int rdv__unix_shortage(int number);

/* Return the words for an errno: constant, in English. */
const char *rdv__unix_words(int number);

/*
 * Whether a file is a regular one of the effective user, to which nobody else may write, and which
 * has no second name.
 */
bool rdv__unix_is_own(const struct stat *status);

/*
 * How many descriptors a program is given, counted from 0. A supervisor has two more, see
 * supervisor.h.
 */
#define RDV__GIVEN_FDS     4
#define RDV__GIVEN_FDS_MAX 6

/*
 * Keep a descriptor away from the first RDV__GIVEN_FDS_MAX. A host may have closed those; what
 * lands there would be in the way when a child is given its own, or be mistaken for the host's.
 * Takes fd over: returns it, or a close-on-exec copy in its place, or -1 with errno, and then fd is
 * closed. -1 is passed on.
 */
int rdv__unix_high(int fd);

/* Close all descriptors from this one on. Async-signal-safe. */
void rdv__unix_close_from(int first);

/*
 * Read what a supervisor has written about the end of its program (see child/ending.h): in its
 * record, after the lines about the supervisor (`whole`), or to an agent, whose pipe may not have
 * had room for all of it. Returns 0, RDV_ENOMEM, or RDV_EIO if it is something else.
 */
int rdv__unix_read_ending(char *text, size_t size, bool whole, struct rdv__plat_end *ret_end);

struct rdv__unix_launch {
    const char *path;
    /* As execve() takes them. */
    char *const *argv;
    char *const *environment;
    /*
     * What the program has as descriptors 0, 1, 2 and so on. Each is that number itself, or above
     * all of them.
     */
    int given[RDV__GIVEN_FDS_MAX];
    int given_count;
    sigset_t blocked;
};

/*
 * Start a program in a process group of its own, with no other descriptors and all signals set to
 * default. Returns 0 or an errno, including that of exec, and then there is no process.
 * Async-signal-safe.
 */
int rdv__unix_launch(const struct rdv__unix_launch *launch, pid_t *ret_pid);

#endif
