/* SPDX-License-Identifier: MIT */
/* What platform.h and socket.h hand out: another header of this name is in unix/, and the build chooses. */
#ifndef RDV__WIN_TYPES_H
#define RDV__WIN_TYPES_H

/* What the loop can watch: see source.h. */
typedef struct rdv__source *rdv__descriptor;
#define RDV__NO_DESCRIPTOR NULL

/* An open file: a HANDLE. */
typedef void *rdv__file;
#define RDV__NO_FILE NULL

/* A group of users: its SID, in the longest of which there are 15 numbers. */
typedef struct rdv__group {
    unsigned char sid[68];
} rdv__group;

/* How a child ended that was killed: the exit code that we give it, 0xE7FFFFF7, which nobody else has. */
#define RDV__KILLED (-0x18000009)

#endif
