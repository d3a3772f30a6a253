/* SPDX-License-Identifier: MIT */
/* What plat.h and socket.h hand out: another header of this name is in unix/, and the build chooses. */
#ifndef RDV__SYSTEM_H
#define RDV__SYSTEM_H

/* What the loop can watch: see source.h. */
typedef struct rdv__source *rdv__descriptor;
#define RDV__NO_DESCRIPTOR NULL

/* An open file: a HANDLE. */
typedef void *rdv__file;
#define RDV__NO_FILE NULL

#endif
