/* SPDX-License-Identifier: MIT */
/*
 * Messages to a service manager about the state of the program: the protocol of sd_notify(3), on
 * the socket that NOTIFY_SOCKET names. If the variable is not set, notify_new() gives NULL, and all
 * other functions do nothing with NULL.
 */
#ifndef CLI_SERVICE_NOTIFY_H
#define CLI_SERVICE_NOTIFY_H

#include <rdvtask/loop.h>
#include <rdvtask/trigger.h>

struct notify;

/* Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. A socket that can't be used is reported,
 * and is no failure. Returns 0, with *ret_notify NULL if there is nothing to notify, or an
 * RDV_E…. */
int notify_new(rdv_loop *loop, struct notify **ret_notify);

/* The program has started, or has reloaded its document, and answers requests from here on. The
 * status line is made from the trigger, which must live until notify_stopping() or
 * notify_free(). If there is a watchdog, the loop sends it signs of life from now on. */
void notify_ready(struct notify *notify, const rdv_trigger *trigger);

/* The status line may have changed. If it has, it is sent soon, and at most once a second. */
void notify_changed(struct notify *notify);

/* The document is being reloaded. notify_ready() follows. */
void notify_reloading(struct notify *notify);

/* The program is about to end. */
void notify_stopping(struct notify *notify);

/* Free it, before the loop is freed. NULL is fine. */
void notify_free(struct notify *notify);

#endif
