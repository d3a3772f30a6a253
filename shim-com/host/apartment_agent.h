/* SPDX-License-Identifier: MIT */
/*
 * A task agent of COM on its apartment thread, as a plug-in that never blocks: what is asked of it is queued for the thread, and what
 * goes wrong there later is a report. Three know it: the host, the thread, and the sink that the task agent was given, which
 * may be called until the task agent lets go of it, however late that is.
 */
#ifndef RDV__COM_HOSTED_H
#define RDV__COM_HOSTED_H

#include <rdvtask/com_host.h>

#include "shim-com/host/registry.h"
#include "tell.h"
#include "watchdog.h"

struct rdv__hosted;

/* Belongs to the caller of rdv__hosted_new(), and stays until rdv__hosted_end() has returned true; else for good. */
struct rdv__hosted_parts {
    CLSID clsid;
    rdv_com_apartment apartment;
    const char *registered; /* its name in the registry, for messages until it has told its own */
    rdv_duration answer_wait;
    struct rdv__tell *tell;
    struct rdv__watchdog *watchdog; /* of the calls on the thread */
};

/* Create it; waits for that. 0, or as for rdv_com_host_open(): then nothing is left of it, or it hangs and *ret_left is set. */
int rdv__hosted_new(const struct rdv__hosted_parts *parts, struct rdv__hosted **ret_hosted,
                    bool *ret_left, struct rdv_error *error);

/* What the trigger agent, or a guard before it, calls. Its functions need the parts. */
rdv_plugin *rdv__hosted_plugin(struct rdv__hosted *hosted);

const char *rdv__hosted_name(const struct rdv__hosted *hosted);

/* Have the thread end, and wait for it at most that long. False: it hangs and is left; nothing of it is told to the sink any more.
 * Either way hosted is not to be used after. */
bool rdv__hosted_end(struct rdv__hosted *hosted, rdv_duration wait);

#endif
