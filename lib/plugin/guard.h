/* SPDX-License-Identifier: MIT */
/*
 * A plug-in in front of a foreign one, so that what goes wrong there is named: calls that take too long, results and calls of the
 * sink that are not right, an end that doesn't come. It also knows when the foreign one may be freed.
 */
#ifndef RDV__PLUGIN_GUARD_H
#define RDV__PLUGIN_GUARD_H

#include <stdbool.h>

#include <rdvtask/plugin.h>

#include "loop/thread_log.h"
#include "plugin/call_watchdog.h"
#include "plugin/table.h"

struct rdv__guard;

/* All but plugin belong to the caller of rdv__guard_new() and live as long as the guard. */
struct rdv__guard_parts {
    rdv_plugin *plugin; /* its ops have RDV__PLUGIN_OPS_SIZE, and what is required */
    const char *name;
    rdv_loop *loop;
    struct rdv__tell *tell;
    struct rdv__watchdog *watchdog;
    rdv_duration terminate_wait;
};

int rdv__guard_new(const struct rdv__guard_parts *parts, struct rdv__guard **ret_guard);
rdv_plugin *rdv__guard_plugin(struct rdv__guard *guard);

/* An error of a foreign function as one of ours, RDV_EFAILED for none. */
int rdv__guard_result(struct rdv__tell *tell, const char *name, const char *what, int result);

/* Say how long a call took, if it was too long (rdv__watchdog_leave()). */
void rdv__guard_took(struct rdv__tell *tell, const char *name, const char *what, rdv_duration took);

/* Whether the foreign plug-in may be freed: it was never initialised, or has failed to, or has reported terminated. */
bool rdv__guard_may_free(struct rdv__guard *guard);

/* How many references to the sink it still has. */
int rdv__guard_references(struct rdv__guard *guard);

/* The foreign plug-in stays and may still call its sink, for which the guard stays as well: only its part with loop and watchdog
 * goes. */
void rdv__guard_abandon(struct rdv__guard *guard);

/* NULL is fine. */
void rdv__guard_free(struct rdv__guard *guard);

#endif
