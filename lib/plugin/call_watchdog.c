/* SPDX-License-Identifier: MIT */
/*
 * The watchdog for calls of a plug-in. guard.c and module.c put rdv__watchdog_enter() and
 * rdv__watchdog_leave() around each call, on the loop's thread. The calls under way are a stack, of
 * which only the innermost is watched: the time of an inner call is taken off the outer ones.
 *
 * The watchdog's thread waits for the moment when the innermost call has taken too long. It sleeps
 * without a timer while no call is under way.
 */
#include "plugin/call_watchdog.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/utf8.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"

/* The size of the name in the text, in bytes with the NUL. */
#define NAME_SIZE 256

struct rdv__watchdog {
    /* It protects all that follows, and wakes the thread. */
    struct rdv__monitor *monitor;
    /* NULL if nobody is to be told. */
    struct rdv__thread *thread;
    rdv_duration limit;
    void (*fn)(void *user, const char *text);
    void *user;
    /* The innermost call; NULL if none is under way. */
    struct rdv__watched *top;
    bool stopping;
    char name[NAME_SIZE];
};

static void describe_call(const struct rdv__watchdog *watchdog, char line[RDV__LOG_LINE])
{
    const struct rdv__watched *call = watchdog->top;
    char words[RDV__LOG_LINE], took[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(call->tell, took, sizeof took);
    int size = snprintf(words, sizeof words, "plug-in '%s' has been in %s for %s%s%s%s",
                        watchdog->name, call->what, took, call->subject ? ", task '" : "",
                        call->subject ? call->subject : "", call->subject ? "'" : "");
    size_t length = (size_t)size < sizeof words ? (size_t)size : sizeof words - 1;
    rdv__escape(words, length, line, RDV__LOG_LINE);
}

/* The watchdog's thread. */
static void watch_calls(void *user)
{
    struct rdv__watchdog *watchdog = user;
    char line[RDV__LOG_LINE];
    rdv__monitor_lock(watchdog->monitor);
    while (!watchdog->stopping) {
        struct rdv__watched *call = watchdog->top;
        rdv_duration due = call && call->what ? call->since + call->tell : 0;
        if (due == 0 || rdv__plat_running() < due) {
            rdv__monitor_wait(watchdog->monitor, due);
            continue;
        }
        describe_call(watchdog, line);
        call->tell *= 2;
        rdv__monitor_unlock(watchdog->monitor);
        watchdog->fn(watchdog->user, line);
        rdv__monitor_lock(watchdog->monitor);
    }
    rdv__monitor_unlock(watchdog->monitor);
}

int rdv__watchdog_new(rdv_duration limit, void (*fn)(void *user, const char *text), void *user,
                      struct rdv__watchdog **ret_watchdog)
{
    assert(limit > 0 && limit <= RDV_DAY);
    struct rdv__watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (!watchdog)
        return RDV_ENOMEM;
    watchdog->limit = limit;
    watchdog->fn = fn;
    watchdog->user = user;
    int result = rdv__monitor_new(&watchdog->monitor);
    if (result == 0 && fn)
        result = rdv__thread_new(watch_calls, watchdog, &watchdog->thread);
    if (result != 0) {
        rdv__monitor_free(watchdog->monitor);
        free(watchdog);
        return result;
    }
    *ret_watchdog = watchdog;
    return 0;
}

void rdv__watchdog_set_name(struct rdv__watchdog *watchdog, const char *name)
{
    rdv__monitor_lock(watchdog->monitor);
    snprintf(watchdog->name, sizeof watchdog->name, "%s", name);
    rdv__monitor_unlock(watchdog->monitor);
}

void rdv__watchdog_enter(struct rdv__watchdog *watchdog, struct rdv__watched *call,
                         const char *what, const char *subject)
{
    rdv__monitor_lock(watchdog->monitor);
    *call = (struct rdv__watched){.what = what,
                                  .subject = subject,
                                  .outer = watchdog->top,
                                  .since = rdv__plat_running(),
                                  .tell = watchdog->limit};
    watchdog->top = call;
    rdv__monitor_wake(watchdog->monitor);
    rdv__monitor_unlock(watchdog->monitor);
}

rdv_duration rdv__watchdog_leave(struct rdv__watchdog *watchdog, struct rdv__watched *call)
{
    rdv__monitor_lock(watchdog->monitor);
    assert(watchdog->top == call);
    rdv_duration took = rdv__plat_running() - call->since;
    watchdog->top = call->outer;
    if (call->outer)
        call->outer->since += took;
    rdv__monitor_wake(watchdog->monitor);
    rdv__monitor_unlock(watchdog->monitor);
    return took >= watchdog->limit ? took : 0;
}

void rdv__watchdog_free(struct rdv__watchdog *watchdog)
{
    if (!watchdog)
        return;
    rdv__monitor_lock(watchdog->monitor);
    assert(!watchdog->top);
    watchdog->stopping = true;
    rdv__monitor_wake(watchdog->monitor);
    rdv__monitor_unlock(watchdog->monitor);
    rdv__thread_join(watchdog->thread);
    rdv__monitor_free(watchdog->monitor);
    free(watchdog);
}
