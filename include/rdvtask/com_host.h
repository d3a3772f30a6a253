/* SPDX-License-Identifier: MIT */
/**
 * @file com_host.h
 * Task agents of COM under our trigger agent: which ones are registered, how a program runs one, how a vendor checks one.
 *
 * Only on Windows, and linked statically (librdvtask-com-host.a). doc/com-host.md is the guide.
 */
#ifndef RDVTASK_COM_HOST_H
#define RDVTASK_COM_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/plugin.h>
#include <rdvtask/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------- what is registered */

/** A task agent as the registry has it; the strings are valid during the call that hands it out. @since 0.1.0 */
typedef struct rdv_com_plugin {
    size_t size;         /**< sizeof(rdv_com_plugin) of the library */
    const char *name;    /**< its key */
    const char *clsid;   /**< its class, "{…}"; "" if the value is missing */
    const char *server;  /**< the DLL or program of the class; "" if the class is not registered */
    const char *model;   /**< the class's ThreadingModel as it is written; "" for none */
    const char *trouble; /**< what is wrong with its values, in words; "" if nothing is */
    bool enabled;        /**< IsEnabled is 1 */
    bool used;           /**< the first enabled one: it is the one that a trigger agent uses */
} rdv_com_plugin;

/** Called for each registered task agent. @return 0 to go on; anything else stops, and is returned to the caller. @since 0.1.0 */
typedef int (*rdv_com_plugin_fn)(void *user, const rdv_com_plugin *plugin);

/**
 * Go through the registered task agents, in the registry's order; nothing of them is loaded. That they are in
 * HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins is the API's word.
 *
 * @param error  optional: what is wrong, in words.
 * @return 0, also if none is registered; what fn returned; RDV_EINVAL, RDV_EACCES, RDV_EIO, RDV_ENOMEM.
 * Any thread. @since 0.1.0
 */
int rdv_com_plugins(rdv_com_plugin_fn fn, void *user, struct rdv_error *error);

/* ------------------------------------------------------------- running one */

/**
 * The kind of apartment that a plug-in is created and called in. Another one than its ThreadingModel asks for needs proxies of the
 * two interfaces that are registered for the whole machine, and so does a server in a process of its own, or Neutral.
 * @since 0.1.0
 */
typedef enum rdv_com_apartment {
    /** What fits the ThreadingModel: SINGLE for Apartment, Both and none; MULTI for Free, Neutral, and servers in a process of
     * their own. */
    RDV_COM_APARTMENT_OF_CLASS = 0,
    RDV_COM_APARTMENT_SINGLE = 1, /**< single-threaded, with a message loop */
    RDV_COM_APARTMENT_MULTI = 2   /**< the multi-threaded one */
} rdv_com_apartment;

/** A task agent of COM that was created. @since 0.1.0 */
typedef struct rdv_com_host rdv_com_host;

/** How a task agent is run. @since 0.1.0 */
typedef struct rdv_com_host_options {
    size_t size;
    rdv_com_apartment apartment; /**< default RDV_COM_APARTMENT_OF_CLASS */
    rdv_duration
        answer_wait; /**< how long creating it, and Initialize, may take each; default 30 s */
    rdv_duration
        call_limit; /**< how long one call of it may take before that is logged; default 5 s */
    rdv_duration
        terminate_wait; /**< how long it has to end after Terminate; then the trigger agent goes on without it. Default
                                      30 s */
    rdv_log log;
} rdv_com_host_options;

/** Set the size and the defaults. Any thread. @since 0.1.0 */
void rdv_com_host_options_init(rdv_com_host_options *options);

/**
 * Create a task agent on an apartment thread of its own, on which all calls of it are made. Waits until it is there, or answer_wait
 * has passed.
 *
 * @param loop     the loop of the trigger agent that it is for; must outlive the host.
 * @param which    NULL or "": the first enabled one of the registry; "{…}": this class, registered as a task agent or not; else the
 *                 registered one of this name, enabled or not; or, where none has it, a class without its braces.
 * @param options  NULL = defaults; copied.
 * @param ret_host owned by the caller: rdv_com_host_close().
 * @param error    optional: what is wrong, in words that name the task agent.
 * @return 0; RDV_ENOTFOUND (none registered or enabled, or not that one, or its class is not registered); RDV_EINVAL (values of the
 * registry or options that are not right); RDV_EACCES, RDV_EIO (the registry can't be read); RDV_ENOTSUP (the class has no
 * IRDVTaskPlugin); RDV_ETIMEDOUT (it hangs, and is left); RDV_ENOMEM; or what stands for the HRESULT with which it could not be
 * created.
 * Owner thread. @since 0.1.0
 */
int rdv_com_host_open(rdv_loop *loop, const char *which, const rdv_com_host_options *options,
                      rdv_com_host **ret_host, struct rdv_error *error);

/**
 * The task agent, for rdv_trigger_attach(), once. Its start_task never waits for StartTask: if that fails later, the run is reported
 * as failed, with the HRESULT in the words. It can't cancel (the API has no word for it): RDV_ENOTSUP. It does not say
 * that StartTask may be called again after a restart, since a task agent of COM may not expect that.
 * Its initialize waits for Initialize, for at most answer_wait. After Terminate, or OnTerminated, the last reference is given
 * back and the thread ends; only then the trigger agent hears that it has terminated.
 *
 * @return borrowed: lives as long as the host.
 * Owner thread. @since 0.1.0
 */
rdv_plugin *rdv_com_host_plugin(rdv_com_host *host);

/** Its PluginName, or what the registry calls it where it has none; lives as long as the host. Any thread. @since 0.1.0 */
const char *rdv_com_host_name(const rdv_com_host *host);

/** Its class as "{…}"; lives as long as the host. Any thread. @since 0.1.0 */
const char *rdv_com_host_clsid(const rdv_com_host *host);

/**
 * Free a host, after the trigger agent that it is attached to has shut down or was freed. A task agent that hangs in a call is left
 * in memory with its thread, and the log says so. NULL is fine.
 * Owner thread. @since 0.1.0
 */
void rdv_com_host_close(rdv_com_host *host);

/* ------------------------------------------------------------ checking one */

/** What came out of one check. @since 0.1.0 */
typedef enum rdv_com_verdict {
    RDV_COM_HELD = 0,      /**< the rule held */
    RDV_COM_BROKEN = 1,    /**< it did not */
    RDV_COM_NOT_TRIED = 2, /**< it could not be tried; the words say why */
    RDV_COM_NOTED = 3      /**< allowed, and good to know */
} rdv_com_verdict;

/** "held", "broken", "not-tried" or "noted". @return NULL for no verdict. Any thread. @since 0.1.0 */
const char *rdv_com_verdict_name(rdv_com_verdict verdict);

/** One line of a conformance run; the strings are valid during the call that hands it out. @since 0.1.0 */
typedef struct rdv_com_finding {
    size_t size;       /**< sizeof(rdv_com_finding) of the library */
    const char *check; /**< its short name, which stays the same: "query-identity" */
    const char *rule;  /**< what has to hold, as a sentence */
    rdv_com_verdict verdict;
    const char *words; /**< what was seen; "" if there is nothing to add */
} rdv_com_finding;

/** Called for each check. @since 0.1.0 */
typedef void (*rdv_com_finding_fn)(void *user, const rdv_com_finding *finding);

/** How a task agent is checked. @since 0.1.0 */
typedef struct rdv_com_check_options {
    size_t size;
    rdv_com_apartment apartment; /**< default RDV_COM_APARTMENT_OF_CLASS */
    rdv_task *
        task; /**< the task to start; referenced during the call. NULL: none is, and what needs one is not tried */
    rdv_duration run_limit;  /**< how long it has to come to its final status; default 10 min */
    rdv_duration call_limit; /**< how long one call may take; default 30 s */
} rdv_com_check_options;

/** Set the size and the defaults. Any thread. @since 0.1.0 */
void rdv_com_check_options_init(rdv_com_check_options *options);

/**
 * Hold a task agent to the rules of COM and of the API, and tell what held: one finding for each check, always all of them, in the
 * same order, when the run is over. The task agent does its work for real.
 *
 * A task agent that crashes, calls abort(), or does not come back breaks the check during which that happened; the rest is not
 * tried then, its thread is left as it is, and the process should be ended soon, by TerminateProcess(): the thread may hold what
 * exit() waits for. While this runs, it decides what happens to exceptions of the process that nobody handles, and to SIGABRT.
 * One that ends the process in another way ends it with nothing told: by exit(), or by abort() of a C library that is not the
 * caller's.
 *
 * @param which    as for rdv_com_host_open().
 * @param options  NULL = defaults.
 * @param error    optional: what is wrong if it can't be checked at all.
 * @return 0 if no rule was broken; RDV_EFAILED if one was, or, with nothing told, if COM can't be used; else nothing was told:
 * RDV_ENOTFOUND, RDV_EINVAL, RDV_EACCES, RDV_EIO as for rdv_com_host_open(), or RDV_ENOMEM.
 * Any thread, one at a time in a process. Waits. @since 0.1.0
 */
int rdv_com_check(const char *which, const rdv_com_check_options *options, rdv_com_finding_fn fn,
                  void *user, struct rdv_error *error);

#ifdef __cplusplus
}
#endif

#endif
