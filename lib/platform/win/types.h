/* SPDX-License-Identifier: MIT */
/*
 * The types that platform.h and socket.h hand out. There is another header of this name in unix/;
 * the build chooses one.
 */
#ifndef RDV__WIN_TYPES_H
#define RDV__WIN_TYPES_H

/* What the loop can watch: see source.h. */
typedef struct rdv__source *rdv__descriptor;
#define RDV__NO_DESCRIPTOR NULL

/* An open file: a HANDLE. */
typedef void *rdv__file;
#define RDV__NO_FILE NULL

/* A group of users, by its SID. The longest one has 15 numbers. */
typedef struct rdv__group {
    unsigned char sid[68];
} rdv__group;

/*
 * How a child has ended that was killed: with the exit code that rdvtask gives it, 0xE7FFFFF7,
 * which nobody else uses.
 */
#define RDV__KILLED (-0x18000009)

#endif
