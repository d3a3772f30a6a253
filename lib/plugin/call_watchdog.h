/* SPDX-License-Identifier: MIT */
/*
 * Notices calls of foreign functions that take too long. Such a call can't be interrupted, and it
 * holds up the thread that made it; so the watchdog has a thread of its own, which tells of it.
 */
#ifndef RDV__PLUGIN_CALL_WATCHDOG_H
#define RDV__PLUGIN_CALL_WATCHDOG_H

#include <rdvtask/base.h>

struct rdv__watchdog;

/* A call under way, on the stack of its caller. */
struct rdv__watched {
    /* The function that was called; NULL if it has called back into this library, whose time is not
     * the foreign function's. */
    const char *what;
    /* The task that the call is about, or NULL. */
    const char *subject;
    struct rdv__watched *outer;
    /* The running time when it began, later by the time spent in inner calls. */
    rdv_duration since;
    /* How long it may take until it is told of, or told of again. */
    rdv_duration tell;
};

/*
 * Make a watchdog for calls that take longer than limit, which is above 0. fn is called on the
 * watchdog's thread when a call has taken limit, 2 * limit, 4 * limit and so on; if fn is NULL,
 * nobody is told. Returns 0 or RDV_ENOMEM.
 */
int rdv__watchdog_new(rdv_duration limit, void (*fn)(void *user, const char *text), void *user,
                      struct rdv__watchdog **ret_watchdog);

/* Set the name of the plug-in whose functions are called, for the text. It is copied, and cut if it
 * is too long. */
void rdv__watchdog_set_name(struct rdv__watchdog *watchdog, const char *name);

/* Begin to watch a call. Only one thread makes calls; each may be made inside the one before. */
void rdv__watchdog_enter(struct rdv__watchdog *watchdog, struct rdv__watched *call,
                         const char *what, const char *subject);

/* End the innermost call. Returns how long it took if that was the limit or longer, else 0. */
rdv_duration rdv__watchdog_leave(struct rdv__watchdog *watchdog, struct rdv__watched *call);

/* Join the thread, and free all. No call may be under way. NULL is fine. */
void rdv__watchdog_free(struct rdv__watchdog *watchdog);

#endif
