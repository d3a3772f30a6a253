/* SPDX-License-Identifier: MIT */
/**
 * @file com_host.h
 * COM task agents under our trigger agent: list those that are registered, run one, and check
 * whether one keeps the rules.
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

/**
 * A task agent as the registry has it. The strings are valid during the call that hands them out.
 */
typedef struct rdv_com_plugin {
    /** sizeof(rdv_com_plugin) in the library */
    size_t size;
    /** The name of its key. */
    const char *name;
    /** Its class, "{…}"; "" if the value is missing. */
    const char *clsid;
    /** The DLL or program of the class; "" if the class is not registered. */
    const char *server;
    /** The class's ThreadingModel as it is written; "" if there is none. */
    const char *model;
    /** What is wrong with its values, in words; "" if nothing is. */
    const char *trouble;
    /** IsEnabled is 1. */
    bool enabled;
    /** It is the first enabled one, which is the one that a trigger agent uses. */
    bool used;
} rdv_com_plugin;

/**
 * Called for each registered task agent.
 * @return 0 to go on; anything else stops, and is returned to the caller.
 */
typedef int (*rdv_com_plugin_fn)(void *user, const rdv_com_plugin *plugin);

/**
 * Go through the registered task agents, in the registry's order, without loading any. The API says
 * that they are registered under
 * HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins.
 *
 * @param error  optional: what is wrong, in words.
 * @return 0, also if none is registered; what fn returned; RDV_EINVAL, RDV_EACCES, RDV_EIO,
 *   RDV_ENOMEM.
 * Any thread.
 */
int rdv_com_plugins(rdv_com_plugin_fn fn, void *user, struct rdv_error *error);

/* ------------------------------------------------------------- running one */

/**
 * The kind of apartment in which a task agent is created and called. If that is not the kind that
 * its ThreadingModel asks for, calls go through proxies, and those of the two interfaces have to be
 * registered for the whole machine. The same is needed for a server in a process of its own, and
 * for a class with the model Neutral.
 */
typedef enum rdv_com_apartment {
    /**
     * The kind that fits the ThreadingModel: SINGLE for Apartment, Both and none; MULTI for Free,
     * Neutral, and servers in a process of their own.
     */
    RDV_COM_APARTMENT_OF_CLASS = 0,
    /** A single-threaded apartment, with a message loop. */
    RDV_COM_APARTMENT_SINGLE = 1,
    /** The multi-threaded apartment. */
    RDV_COM_APARTMENT_MULTI = 2
} rdv_com_apartment;

/** A COM task agent that was created. */
typedef struct rdv_com_host rdv_com_host;

/** How a task agent is run. */
typedef struct rdv_com_host_options {
    /** sizeof(rdv_com_host_options) */
    size_t size;
    /** Default RDV_COM_APARTMENT_OF_CLASS. */
    rdv_com_apartment apartment;
    /** How long creating it may take, and how long Initialize may take; default 30 s. */
    rdv_duration answer_wait;
    /** How long one call of it may take before that is logged; default 5 s. */
    rdv_duration call_limit;
    /**
     * How long it has to end after Terminate; then the trigger agent goes on without it. Default
     * 30 s.
     */
    rdv_duration terminate_wait;
    /** Hears what goes wrong. */
    rdv_log log;
} rdv_com_host_options;

/** Set the size and the defaults. Any thread. */
void rdv_com_host_options_init(rdv_com_host_options *options);

/**
 * Create a task agent on an apartment thread of its own, on which all calls of it are made. Waits
 * until it has been created, or until answer_wait has passed.
 *
 * @param loop      the loop of the trigger agent that it is for; must outlive the host.
 * @param which     which one:
 *   - NULL or "": the first enabled one of the registry.
 *   - "{…}": this class, whether it is registered as a task agent or not.
 *   - anything else: the registered one of this name, enabled or not; or, if none has this name,
 *     the class whose CLSID this is without its braces.
 * @param options   NULL = defaults; copied.
 * @param ret_host  owned by the caller: rdv_com_host_close().
 * @param error     optional: what is wrong, in words that name the task agent.
 * @return 0, or
 *   - RDV_ENOTFOUND: none is registered or enabled, or not that one, or its class isn't registered.
 *   - RDV_EINVAL: values in the registry, or options, are not valid.
 *   - RDV_EACCES, RDV_EIO: the registry can't be read.
 *   - RDV_ENOTSUP: the class has no IRDVTaskPlugin.
 *   - RDV_ETIMEDOUT: it hangs, and is left alone.
 *   - RDV_ENOMEM.
 *   - what stands for the HRESULT with which it could not be created.
 * Owner thread.
 */
int rdv_com_host_open(rdv_loop *loop, const char *which, const rdv_com_host_options *options,
                      rdv_com_host **ret_host, struct rdv_error *error);

/**
 * The task agent, for rdv_trigger_attach(), once.
 *
 * Its start_task never waits for StartTask: if that fails later, the run is reported as failed,
 * with the HRESULT in the message. It can't cancel (RDV_ENOTSUP), since the API has no call for
 * that. It does not say that StartTask may be called again after a restart, since a COM task agent
 * may not expect that. Its initialize waits for Initialize, for at most answer_wait. After
 * Terminate or OnTerminated the last reference is given back and the thread ends; only then does
 * the trigger agent hear that the task agent has terminated.
 *
 * @return borrowed: lives as long as the host.
 * Owner thread.
 */
rdv_plugin *rdv_com_host_plugin(rdv_com_host *host);

/**
 * Its PluginName, or its name in the registry if it has none. Lives as long as the host. Any
 * thread.
 */
const char *rdv_com_host_name(const rdv_com_host *host);

/** Its class as "{…}". Lives as long as the host. Any thread. */
const char *rdv_com_host_clsid(const rdv_com_host *host);

/**
 * Free a host, after the trigger agent that it is attached to has shut down or was freed. A task
 * agent that hangs in a call stays in memory with its thread, and the log says so. NULL is fine.
 * Owner thread.
 */
void rdv_com_host_close(rdv_com_host *host);

/* ------------------------------------------------------------ checking one */

/** The result of one check. */
typedef enum rdv_com_verdict {
    /** The rule held. */
    RDV_COM_HELD = 0,
    /** The rule did not hold. */
    RDV_COM_BROKEN = 1,
    /** The rule could not be tried; the words say why. */
    RDV_COM_NOT_TRIED = 2,
    /** What was seen is allowed, and good to know. */
    RDV_COM_NOTED = 3
} rdv_com_verdict;

/** "held", "broken", "not-tried" or "noted". @return NULL for other numbers. Any thread. */
const char *rdv_com_verdict_name(rdv_com_verdict verdict);

/** What one check found. The strings are valid during the call that hands them out. */
typedef struct rdv_com_finding {
    /** sizeof(rdv_com_finding) in the library */
    size_t size;
    /** The check's short name, which never changes: "query-identity". */
    const char *check;
    /** What has to hold, as a sentence. */
    const char *rule;
    rdv_com_verdict verdict;
    /** What was seen; "" if there is nothing to add. */
    const char *words;
} rdv_com_finding;

/** Called for each check. */
typedef void (*rdv_com_finding_fn)(void *user, const rdv_com_finding *finding);

/** How a task agent is checked. */
typedef struct rdv_com_check_options {
    /** sizeof(rdv_com_check_options) */
    size_t size;
    /** Default RDV_COM_APARTMENT_OF_CLASS. */
    rdv_com_apartment apartment;
    /**
     * The task to start; referenced during the call. NULL: no task is started, and what needs one
     * is not tried.
     */
    rdv_task *task;
    /** How long the task has to come to its final status; default 10 min. */
    rdv_duration run_limit;
    /** How long one call may take; default 30 s. */
    rdv_duration call_limit;
} rdv_com_check_options;

/** Set the size and the defaults. Any thread. */
void rdv_com_check_options_init(rdv_com_check_options *options);

/**
 * Hold a task agent to the rules of COM and of the API. When the run is over, each check is handed
 * out once, always all of them and in the same order. The task agent does its work for real.
 * doc/com-host.md says what happens to the process if the task agent hangs, crashes or ends it.
 *
 * @param which    as for rdv_com_host_open().
 * @param options  NULL = defaults.
 * @param error    optional: what is wrong if it can't be checked at all.
 * @return 0 if no rule was broken; RDV_EFAILED if one was, or, with nothing handed out, if COM
 *   can't be used; with nothing handed out, also RDV_ENOTFOUND, RDV_EINVAL, RDV_EACCES and RDV_EIO
 *   as for rdv_com_host_open(), and RDV_ENOMEM.
 * Any thread, one at a time in a process. Waits.
 */
int rdv_com_check(const char *which, const rdv_com_check_options *options, rdv_com_finding_fn fn,
                  void *user, struct rdv_error *error);

#ifdef __cplusplus
}
#endif

#endif
