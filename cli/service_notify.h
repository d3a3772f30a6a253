/* SPDX-License-Identifier: MIT */
/*
 * What a service manager is told of the program: the protocol of sd_notify(3), on the socket that NOTIFY_SOCKET names. With no
 * such socket there is nothing to tell: notify_new() gives NULL, and all others do nothing with it.
 */
#ifndef CLI_SERVICE_NOTIFY_H
#define CLI_SERVICE_NOTIFY_H

#include <rdvtask/loop.h>
#include <rdvtask/trigger.h>

struct notify;

/* Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. A socket that can't be used is said on stderr, and is no failure.
 * Returns 0, with *ret_notify NULL for none, or an RDV_E…. */
int notify_new(rdv_loop *loop, struct notify **ret_notify);

/* It has started, or has been reloaded: what is asked of it is answered from here on. The status line is made from trigger,
 * which must live until notify_stopping() or notify_free(); if a watchdog is to be kept quiet, the loop does so from now on. */
void notify_ready(struct notify *notify, const rdv_trigger *trigger);

/* Something may read differently in the status line. It is told soon, and at most once a second. */
void notify_changed(struct notify *notify);

/* It is being reloaded: notify_ready() follows. */
void notify_reloading(struct notify *notify);

/* It is about to end. */
void notify_stopping(struct notify *notify);

/* Before the loop is freed. NULL is fine. */
void notify_free(struct notify *notify);

#endif
