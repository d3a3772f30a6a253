/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that a loop watches, level-triggered. poll_epoll.c and poll_win.c have the functions.
 * Owner thread only.
 */
#ifndef RDV__LOOP_IO_H
#define RDV__LOOP_IO_H

#include <stdbool.h>

#include "platform/platform.h"

struct rdv__poll;

/* A descriptor that is watched. */
struct rdv__io;

/*
 * Watch fd, which is borrowed, for reading: fn(user) is called while there is something to read.
 * Returns 0, RDV_ENOMEM, RDV_ERESOURCES or RDV_EIO.
 */
int rdv__poll_watch(struct rdv__poll *poll, rdv__descriptor fd, void (*fn)(void *user), void *user,
                    struct rdv__io **ret_io);

/*
 * Watch for what these two ask for from now on. With neither, the descriptor is not watched at all,
 * and causes no wake-up. fn is not told which of the two has happened, so it tries both. After an
 * error of the descriptor, fn is called again, once, only if this function asks for it anew. May be
 * called from fn.
 */
void rdv__io_watch(struct rdv__io *io, bool readable, bool writable);

/*
 * Stop watching at once, so that the descriptor may be closed. May be called from fn. NULL is fine.
 */
void rdv__io_free(struct rdv__io *io);

#endif
