/* SPDX-License-Identifier: MIT */
/*
 * rdv_com_host: finds a COM task agent in the registry, has apartment_agent.c run it on a thread,
 * and puts in front of it the guard that lib/ has for all plug-ins of others. What the two share
 * (the log, the watchdog) is made here and freed here; if the task agent hangs, it stays in memory
 * with the host.
 */
#include <rdvtask/com_host.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "plugin/guard.h"
#include "shim-com/host/apartment_agent.h"

struct rdv_com_host {
    char registered[RDV__PLUGIN_NAME];
    char clsid[RDV__CLSID_SIZE];
    struct rdv__hosted *hosted;
    struct rdv__guard *guard;
    struct rdv__thread_log *tell;
    /* Watches the calls on the task agent's thread. */
    struct rdv__watchdog *calls;
    /* The guard needs one, too. The calls that it makes don't block, so this one tells nobody. */
    struct rdv__watchdog *guard_calls;
    rdv_duration terminate_wait;
};

void rdv_com_host_options_init(rdv_com_host_options *options)
{
    *options = (rdv_com_host_options){.size = sizeof *options,
                                      .answer_wait = 30 * RDV_SECOND,
                                      .call_limit = 5 * RDV_SECOND,
                                      .terminate_wait = 30 * RDV_SECOND};
}

static bool are_valid(const rdv_com_host_options *options)
{
    return options->size == sizeof *options && options->apartment >= RDV_COM_APARTMENT_OF_CLASS &&
           options->apartment <= RDV_COM_APARTMENT_MULTI && options->answer_wait > 0 &&
           options->answer_wait <= RDV_DAY && options->call_limit > 0 &&
           options->call_limit <= RDV_DAY && options->terminate_wait >= 0 &&
           options->terminate_wait <= RDV_DAY;
}

/* Called on the watchdog's thread. */
static void on_slow_call(void *user, const char *text)
{
    rdv__thread_log_write(user, RDV_LOG_WARNING, "%s", text);
}

/* Make all that the task agent uses. */
static int make_parts(struct rdv_com_host *host, rdv_loop *loop,
                      const rdv_com_host_options *options)
{
    host->terminate_wait = options->terminate_wait;
    int result = rdv__thread_log_new(loop, &options->log, &host->tell);
    if (result == 0)
        result = rdv__watchdog_new(options->call_limit, on_slow_call, host->tell, &host->calls);
    if (result == 0)
        result = rdv__watchdog_new(options->call_limit, NULL, NULL, &host->guard_calls);
    return result;
}

/* If the task agent's thread is `left`, all that it uses stays. */
static void free_host(struct rdv_com_host *host, bool left)
{
    if (left) {
        if (host->guard)
            rdv__guard_abandon(host->guard);
        rdv__thread_log_close(host->tell);
        return;
    }
    rdv__guard_free(host->guard);
    rdv__watchdog_free(host->guard_calls);
    rdv__watchdog_free(host->calls);
    rdv__thread_log_free(host->tell);
    free(host);
}

int rdv_com_host_open(rdv_loop *loop, const char *which, const rdv_com_host_options *options,
                      rdv_com_host **ret_host, struct rdv_error *error)
{
    rdv_com_host_options defaults;
    struct rdv__hosted_parts parts = {0};
    struct rdv__class class;
    bool left = false;
    rdv_com_host_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!loop || !ret_host || !are_valid(options))
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_com_host_open");
    struct rdv_com_host *host = calloc(1, sizeof *host);
    if (!host)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    int result = rdv__registry_find(which, &parts.clsid, host->registered, error);
    if (result != 0) {
        free(host);
        return result;
    }
    rdv__registry_text(&parts.clsid, host->clsid);
    rdv__registry_class(&parts.clsid, &class);
    result = make_parts(host, loop, options);
    if (result == 0) {
        parts.apartment = options->apartment == RDV_COM_APARTMENT_OF_CLASS
                              ? rdv__registry_apartment(&class)
                              : options->apartment;
        parts.registered = host->registered;
        parts.answer_wait = options->answer_wait;
        parts.tell = host->tell;
        parts.watchdog = host->calls;
        result = rdv__hosted_new(&parts, &host->hosted, &left, error);
    } else {
        rdv__fail(error, result, "%s", rdv_strerror(result));
    }
    if (result == 0) {
        struct rdv__guard_parts guarded = {.plugin = rdv__hosted_plugin(host->hosted),
                                           .name = rdv__hosted_name(host->hosted),
                                           .loop = loop,
                                           .tell = host->tell,
                                           .watchdog = host->guard_calls,
                                           .terminate_wait = options->terminate_wait};
        result = rdv__guard_new(&guarded, &host->guard);
        if (result != 0) {
            left = !rdv__hosted_end(host->hosted, options->terminate_wait);
            rdv__fail(error, result, "%s", rdv_strerror(result));
        }
    }
    if (result != 0) {
        free_host(host, left);
        return result;
    }
    rdv__thread_log_write(host->tell, RDV_LOG_INFO,
                          "the task agent is '%s', registered as '%s', of class %s",
                          rdv__hosted_name(host->hosted), host->registered, host->clsid);
    *ret_host = host;
    return 0;
}

rdv_plugin *rdv_com_host_plugin(rdv_com_host *host)
{
    return rdv__guard_plugin(host->guard);
}

const char *rdv_com_host_name(const rdv_com_host *host)
{
    return rdv__hosted_name(host->hosted);
}

const char *rdv_com_host_clsid(const rdv_com_host *host)
{
    return host->clsid;
}

void rdv_com_host_close(rdv_com_host *host)
{
    if (!host)
        return;
    /*
     * If it was told to terminate, it has had its time already, or somebody has decided not to wait
     * for it.
     */
    const bool may = rdv__guard_may_free(host->guard);
    char name[RDV__PLUGIN_NAME];
    strncpy(name, rdv__hosted_name(host->hosted), sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const bool ended = rdv__hosted_end(host->hosted, may ? host->terminate_wait : 0);
    if (!ended)
        rdv__thread_log_write(
            host->tell, RDV_LOG_WARNING,
            "plug-in '%s' has not terminated: it stays in memory until the process ends", name);
    free_host(host, !ended);
}
