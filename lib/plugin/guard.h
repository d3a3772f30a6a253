/* SPDX-License-Identifier: MIT */
/*
 * A plug-in in front of a foreign one, so that the log names what goes wrong there: calls that take
 * too long, wrong results, wrong calls of the sink, an end that doesn't come. It also knows when
 * the foreign plug-in may be freed.
 */
#ifndef RDV__PLUGIN_GUARD_H
#define RDV__PLUGIN_GUARD_H

#include <stdbool.h>

#include <rdvtask/plugin.h>

#include "loop/thread_log.h"
#include "plugin/call_watchdog.h"
#include "plugin/table.h"

struct rdv__guard;

/* What a guard needs. All of it belongs to the caller of rdv__guard_new(), and lives as long as the
 * guard. */
struct rdv__guard_parts {
    /* The foreign plug-in. Its table was checked: it has at least RDV__PLUGIN_OPS_SIZE bytes and
     * the functions that are required. */
    rdv_plugin *plugin;
    const char *name;
    rdv_loop *loop;
    struct rdv__thread_log *tell;
    struct rdv__watchdog *watchdog;
    rdv_duration terminate_wait;
};

/* Make a guard; nothing is called yet. Returns 0 or RDV_ENOMEM. */
int rdv__guard_new(const struct rdv__guard_parts *parts, struct rdv__guard **ret_guard);

/* The plug-in for the trigger agent. It belongs to the guard. */
rdv_plugin *rdv__guard_plugin(struct rdv__guard *guard);

/* Check the result of a foreign function: a number that is not an RDV_E… code is logged, and
 * becomes RDV_EFAILED. */
int rdv__guard_check_result(struct rdv__thread_log *tell, const char *name, const char *what,
                            int result);

/* Log how long a call took, which is what rdv__watchdog_leave() returned: 0 is not too long. */
void rdv__guard_log_call(struct rdv__thread_log *tell, const char *name, const char *what,
                         rdv_duration took);

/* Whether the foreign plug-in may be freed: it was never initialised, or that has failed, or it has
 * reported that it has terminated. */
bool rdv__guard_may_free(struct rdv__guard *guard);

/* How many references to its sink the foreign plug-in still has. */
int rdv__guard_references(struct rdv__guard *guard);

/* Free only what needs the loop and the watchdog. The foreign plug-in stays in memory and may still
 * call its sink, so the rest of the guard stays too. */
void rdv__guard_abandon(struct rdv__guard *guard);

/* Free the guard; the foreign plug-in must not call its sink any more. NULL is fine. */
void rdv__guard_free(struct rdv__guard *guard);

#endif
