/* SPDX-License-Identifier: MIT */
/* What the files in unix/ share. */
#ifndef RDV__UNIX_H
#define RDV__UNIX_H

/* The RDV_E… constant for an errno; 0 for 0. */
int rdv__unix_error(int number);

/* The words for an errno: constant, in English. */
const char *rdv__unix_words(int number);

/*
 * Keep a descriptor away from 0 to 3: a host may have closed those, and what lands there would be in the way when a child is
 * given its own, or be mistaken for the host's. Takes fd over: returns it, or a close-on-exec copy in its place, or -1 with
 * errno (fd is closed then). -1 is passed on.
 */
int rdv__unix_high(int fd);

#endif
