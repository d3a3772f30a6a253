/* SPDX-License-Identifier: MIT */
/* What plat.h and socket.h hand out: another header of this name is in win/, and the build chooses. */
#ifndef RDV__SYSTEM_H
#define RDV__SYSTEM_H

/* What the loop can watch: a file descriptor. */
typedef int rdv__descriptor;
#define RDV__NO_DESCRIPTOR (-1)

/* An open file. */
typedef int rdv__file;
#define RDV__NO_FILE (-1)

#endif
