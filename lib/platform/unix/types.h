/* SPDX-License-Identifier: MIT */
/*
 * The types that platform.h and socket.h hand out. There is another header of this name in win/;
 * the build chooses one.
 */
#ifndef RDV__UNIX_TYPES_H
#define RDV__UNIX_TYPES_H

#include <stdint.h>

/* What the loop can watch: a file descriptor. */
typedef int rdv__descriptor;
#define RDV__NO_DESCRIPTOR (-1)

/* An open file. */
typedef int rdv__file;
#define RDV__NO_FILE (-1)

/* A group of users, by its number. */
typedef uint32_t rdv__group;

/* How a child has ended that was killed: by SIGKILL. */
#define RDV__KILLED (-9)

#endif
