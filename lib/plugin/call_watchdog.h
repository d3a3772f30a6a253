/* SPDX-License-Identifier: MIT */
/*
 * Notices calls of foreign functions that take too long. They can't be interrupted, and hold up the thread that made them, so a
 * thread of the watchdog's own says so. It sleeps without a timer while no call is under way.
 */
#ifndef RDV__PLUGIN_CALL_WATCHDOG_H
#define RDV__PLUGIN_CALL_WATCHDOG_H

#include <rdvtask/base.h>

struct rdv__watchdog;

/* A call under way; on the stack of who makes it. */
struct rdv__watched {
    const char *what;    /* the function; NULL: back in our own code, which is not watched */
    const char *subject; /* the task it is about, or NULL */
    struct rdv__watched *outer;
    rdv_duration since; /* running time; time spent in inner calls is left out */
    rdv_duration tell;  /* how long it may take until that is told next */
};

/*
 * limit > 0. fn(user, text), on the watchdog's thread, when a call has taken limit, 2 * limit, and so on; NULL = nobody is told.
 * 0 or RDV_ENOMEM.
 */
int rdv__watchdog_new(rdv_duration limit, void (*fn)(void *user, const char *text), void *user,
                      struct rdv__watchdog **ret_watchdog);

/* Who is called, for the words; copied, cut to a bound. */
void rdv__watchdog_set_name(struct rdv__watchdog *watchdog, const char *name);

/* Around each call, always by the same thread; calls may be nested, each inside the one before. leave returns how long it took if
 * that was the limit or longer, else 0. */
void rdv__watchdog_enter(struct rdv__watchdog *watchdog, struct rdv__watched *call,
                         const char *what, const char *subject);
rdv_duration rdv__watchdog_leave(struct rdv__watchdog *watchdog, struct rdv__watched *call);

/* No call may be under way. Joins the thread. NULL is fine. */
void rdv__watchdog_free(struct rdv__watchdog *watchdog);

#endif
