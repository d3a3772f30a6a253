/* SPDX-License-Identifier: MIT */
/**
 * @file module.h
 * Task agents in shared libraries: what such a plug-in exports, what it is given, and how a program
 * loads it.
 *
 * A plug-in is built from the headers alone: it calls back through tables of functions that it is
 * given, and does not link with rdvtask. doc/plugins.md is the guide for its authors, and
 * examples/plugin.c one to copy.
 */
#ifndef RDVTASK_MODULE_H
#define RDVTASK_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>
#include <rdvtask/plugin.h>
#include <rdvtask/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------- the plug-in's side */

/**
 * The number of the contract between program and plug-in, which is this header, plugin.h and the
 * structs of task.h. It grows when one of them changes so that a plug-in that was built for the old
 * one can't work any more. A member that is added at the end of a struct does not change it; the
 * struct's size tells whether it is there.
 */
#define RDV_MODULE_ABI 1

/** The longest name of a plug-in, in bytes without the NUL. */
#define RDV_MODULE_NAME_MAX 128

/** The longest configuration text, in bytes without the NUL. */
#define RDV_MODULE_CONFIGURATION_MAX (64 * 1024)

/**
 * What the program gives to a plug-in. All of it is valid from the call of the entry's `open` until
 * its `close` has returned. The functions may be called from any thread.
 */
typedef struct rdv_module_host {
    /** sizeof(rdv_module_host) of the program. */
    size_t size;
    /** The program's rdv_version(), for logs. */
    const char *version;
    /** The administrator's text for this plug-in, UTF-8; "" for none. */
    const char *configuration;

    /**
     * Write a line to the program's log, after the plug-in's name. The text is UTF-8 without a line
     * end. This never waits: if a plug-in logs faster than the program writes, lines are dropped,
     * and their number is logged.
     */
    void (*log)(const struct rdv_module_host *host, rdv_log_level level, const char *text);

    /** The functions rdv_task_… of task.h. */
    int (*task_new)(const char *label, const char *identifier, const void *context, size_t size,
                    rdv_task **ret_task);
    rdv_task *(*task_ref)(rdv_task *task);
    rdv_task *(*task_unref)(rdv_task *task);
    const char *(*task_label)(const rdv_task *task);
    const char *(*task_identifier)(const rdv_task *task);
    const void *(*task_context)(const rdv_task *task, size_t *ret_size);
    int64_t (*task_run)(const rdv_task *task);
} rdv_module_host;

/**
 * The entry point: the one symbol that a plug-in exports, a constant of this type that is named
 * `rdvtask_plugin`. It is read before any function of the plug-in is called, and a plug-in for
 * another RDV_MODULE_ABI is refused then.
 */
typedef struct rdv_module_entry {
    /** sizeof(rdv_module_entry) of the plug-in. */
    uint32_t size;
    /** RDV_MODULE_ABI of the headers that the plug-in was built with. */
    uint32_t abi;

    /**
     * Make the task agent. It must not block. Like all functions of the plug-in it is called on the
     * loop's owner thread.
     *
     * @param host        what the program offers.
     * @param ret_plugin  the task agent, which lives until `close`.
     * @return 0, or an RDV_E… constant: then nothing of the plug-in may be left, no thread either.
     */
    int (*open)(const rdv_module_host *host, rdv_plugin **ret_plugin);

    /**
     * Free the task agent. Called once for each `open` that returned 0: after the task agent has
     * called sink->terminated, or if it was never initialised, or if its initialize has failed.
     * When this returns, no code of the plug-in may run any more (its threads are joined), and it
     * may hold no reference to the sink: the library is unloaded.
     */
    void (*close)(rdv_plugin *plugin);
} rdv_module_entry;

/** What a plug-in defines rdvtask_plugin with. */
#if defined(_WIN32)
#define RDV_MODULE_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define RDV_MODULE_EXPORT __attribute__((visibility("default")))
#else
#define RDV_MODULE_EXPORT
#endif

/** The entry point. A plug-in defines it; a program doesn't. */
extern RDV_MODULE_EXPORT const rdv_module_entry rdvtask_plugin;

/* ------------------------------------------------------ the program's side */

/** A loaded plug-in. */
typedef struct rdv_module rdv_module;

/** How a plug-in is loaded and watched. */
typedef struct rdv_module_options {
    /** sizeof(rdv_module_options); rdv_module_options_init() sets it. */
    size_t size;
    /** The text for the plug-in, UTF-8. NULL = "". */
    const char *configuration;
    /**
     * How long a call of one of the plug-in's functions may take before held_up is called. Default
     * 5 s.
     */
    rdv_duration call_limit;
    /**
     * How long a plug-in has to shut down after `terminate`; then the trigger agent goes on without
     * it. Default 30 s.
     */
    rdv_duration terminate_wait;
    /**
     * Called when a call of one of the plug-in's functions has taken call_limit, then twice that,
     * and so on. Nothing else can be done on the loop meanwhile. The text says in one line which
     * plug-in and which call it is. This is called on a thread of rdvtask's own instead of writing
     * to the log, since the log belongs to the thread that is held up; a line is logged when the
     * call has returned. NULL = only that line.
     */
    void (*held_up)(void *user, const char *text);
    /** Handed to held_up. */
    void *held_up_user;
    /** Where log lines go. Default: nowhere. */
    rdv_log log;
} rdv_module_options;

/** Set the size and the defaults. Any thread. */
RDV_API void rdv_module_options_init(rdv_module_options *options);

/**
 * Load a task agent from a shared library.
 *
 * The file is loaded only if nobody but root and the effective user can have changed it; "Who may
 * write to it" in doc/plugins.md has the rules. Loading a library runs its constructors, whatever
 * it is; none of its functions is called before its entry point was checked.
 *
 * @param loop        the loop of the trigger agent that the plug-in is for; must outlive the
 *   module.
 * @param path        the file. A name without '/' is a file in the current directory; it is not
 *   searched for.
 * @param options     copied, with its strings; NULL = defaults.
 * @param ret_module  owned by the caller, who gives it to rdv_module_close().
 * @param error       may be NULL: what is wrong, in words that name the file or the plug-in.
 * @return 0; RDV_ENOTFOUND if there is no such file; RDV_EACCES if it may not be read, or others
 *   may write to it; RDV_EINVAL for options that are not right, or a file that is not a regular
 *   file, is not a shared library, or has no entry point, or one with a wrong entry or table of
 *   functions; RDV_ENOTSUP for a plug-in with another RDV_MODULE_ABI; RDV_ELIMIT for a
 *   configuration that is too long; RDV_ENOMEM; RDV_EIO; or what the plug-in's `open` has returned,
 *   which is RDV_EFAILED if that is not an RDV_E… constant.
 * Owner thread.
 */
RDV_API int rdv_module_open(rdv_loop *loop, const char *path, const rdv_module_options *options,
                            rdv_module **ret_module, struct rdv_error *error);

/**
 * The task agent, for one rdv_trigger_attach(). It is the plug-in's own with a guard in front:
 * calls that take too long are reported, calls of the sink that are refused are logged with the
 * plug-in's name, results that are not RDV_E… constants become RDV_EFAILED, and a plug-in that does
 * not shut down is given up after terminate_wait.
 *
 * @return borrowed: it lives as long as the module.
 * Owner thread.
 */
RDV_API rdv_plugin *rdv_module_plugin(rdv_module *module);

/**
 * The plug-in's name, as it gave it when it was opened. It lives as long as the module.
 * Any thread.
 */
RDV_API const char *rdv_module_name(const rdv_module *module);

/**
 * Free a module, after the trigger agent that it is attached to has shut down or was freed. The
 * library is unloaded if that is safe: its task agent has called `terminated` or was never
 * initialised, and holds no reference to the sink. Otherwise it stays in memory until the process
 * ends, and the log says so. NULL is allowed.
 * Owner thread.
 */
RDV_API void rdv_module_close(rdv_module *module);

#ifdef __cplusplus
}
#endif

#endif
