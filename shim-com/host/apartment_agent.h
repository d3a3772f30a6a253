/* SPDX-License-Identifier: MIT */
/*
 * A COM task agent on an apartment thread of its own, as a plug-in whose functions never wait for
 * it (initialize excepted).
 */
#ifndef RDV__COM_HOSTED_H
#define RDV__COM_HOSTED_H

#include <rdvtask/com_host.h>

#include "loop/thread_log.h"
#include "plugin/call_watchdog.h"
#include "shim-com/host/registry.h"

struct rdv__hosted;

/*
 * What the caller provides. It must stay until rdv__hosted_end() has returned true; if that returns
 * false, for as long as the process lives.
 */
struct rdv__hosted_parts {
    CLSID clsid;
    rdv_com_apartment apartment;
    /* Its name in the registry, for messages until its PluginName is known. */
    const char *registered;
    rdv_duration answer_wait;
    struct rdv__thread_log *tell;
    /* Watches the calls that the thread makes. */
    struct rdv__watchdog *watchdog;
};

/*
 * Create the task agent, and wait until that is done. 0, or an error of rdv_com_host_open(); then
 * nothing is left of it, unless *ret_left is set because it hangs.
 */
int rdv__hosted_new(const struct rdv__hosted_parts *parts, struct rdv__hosted **ret_hosted,
                    bool *ret_left, struct rdv_error *error);

/* The plug-in that the trigger agent, or a guard in front of it, calls. */
rdv_plugin *rdv__hosted_plugin(struct rdv__hosted *hosted);

const char *rdv__hosted_name(const struct rdv__hosted *hosted);

/*
 * Have the thread end, and wait for at most that long. Returns false if it hangs and is left; its
 * sink is told nothing more then. `hosted` must not be used afterwards in either case.
 */
bool rdv__hosted_end(struct rdv__hosted *hosted, rdv_duration wait);

#endif
