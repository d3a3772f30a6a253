/* SPDX-License-Identifier: MIT */
/**
 * @file module.h
 * Task agents in shared libraries: what such a plug-in exports, what it is given, and how a program loads it.
 *
 * A plug-in is built from the headers alone: it calls back through the tables that it is handed, and needs no rdvtask library
 * to link with. doc/plugins.md is the guide for those who write one, examples/plugin.c one to copy.
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
 * The number of the contract between program and plug-in: this header, plugin.h, and the structs of task.h. It grows when one
 * of them changes so that a plug-in built for the old one can't work any more; what is added at the end of a struct
 * doesn't change it, and the struct's size tells whether it is there.
 * @since 0.1.0
 */
#define RDV_MODULE_ABI 1

/** The longest name of a plug-in, in bytes without the NUL. @since 0.1.0 */
#define RDV_MODULE_NAME_MAX 128

/** The longest configuration text, in bytes without the NUL. @since 0.1.0 */
#define RDV_MODULE_CONFIGURATION_MAX (64 * 1024)

/**
 * What the program gives to a plug-in. All of it is valid from the entry's `open` until its `close` has returned. The
 * functions may be called from any thread; they are those of task.h and base.h with the same name.
 * @since 0.1.0
 */
typedef struct rdv_module_host {
    size_t size;               /**< sizeof(rdv_module_host) of the program */
    const char *version;       /**< the program's rdv_version(), for logs */
    const char *configuration; /**< the administrator's text for this plug-in, UTF-8; "" for none */

    /** A line for the program's log, UTF-8, without line end; the plug-in's name is put before it. Never waits: where a plug-in
     * logs faster than the program writes, lines are dropped, and their number is logged. */
    void (*log)(const struct rdv_module_host *host, rdv_log_level level, const char *text);

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
 * The entry point: the one symbol that a plug-in exports, a constant of this type named `rdvtask_plugin`. What is in it is read
 * before any function of the plug-in is called, and a plug-in for another RDV_MODULE_ABI is refused then.
 * @since 0.1.0
 */
typedef struct rdv_module_entry {
    uint32_t size; /**< sizeof(rdv_module_entry) of the plug-in */
    uint32_t abi;  /**< RDV_MODULE_ABI of the headers that the plug-in was built with */

    /**
     * Make the task agent. It must not block. Called on the loop's owner thread, as all of the plug-in's functions are.
     *
     * @param host        what the program offers.
     * @param ret_plugin  the task agent, which lives until `close`.
     * @return 0, or an RDV_E… constant: then nothing of the plug-in is left, no thread either.
     */
    int (*open)(const rdv_module_host *host, rdv_plugin **ret_plugin);

    /**
     * Free the task agent. Called once for each `open` that returned 0: after it has called sink->terminated, or if it was never
     * initialised, or its initialize has failed. When this returns no code of the plug-in runs any more (its threads
     * are joined), and it has no reference to the sink: it is unloaded.
     */
    void (*close)(rdv_plugin *plugin);
} rdv_module_entry;

/** What a plug-in defines rdvtask_plugin with. @since 0.1.0 */
#if defined(_WIN32)
#define RDV_MODULE_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define RDV_MODULE_EXPORT __attribute__((visibility("default")))
#else
#define RDV_MODULE_EXPORT
#endif

/** What a plug-in defines, and a program doesn't. @since 0.1.0 */
extern RDV_MODULE_EXPORT const rdv_module_entry rdvtask_plugin;

/* ------------------------------------------------------ the program's side */

/** A plug-in that is loaded. @since 0.1.0 */
typedef struct rdv_module rdv_module;

/** How a plug-in is loaded and looked after. @since 0.1.0 */
typedef struct rdv_module_options {
    size_t size;
    const char *configuration; /**< text for the plug-in, UTF-8; NULL = "" */
    rdv_duration
        call_limit; /**< how long one call of a plug-in's function may take before that is told; default 5 s */
    rdv_duration
        terminate_wait; /**< how long a plug-in has to end after Terminate; then the trigger agent goes on without it. Default
                             30 s */
    /**
     * A call of a plug-in's function has taken call_limit, and twice that, and so on, and nothing else can be done on the
     * loop meanwhile: `text` says which plug-in and which call, in one line. Called on a thread of rdvtask's own, in place of the
     * log, which belongs to the thread that is held up; the log says it when the call has returned. NULL = nobody is told
     * earlier.
     */
    void (*held_up)(void *user, const char *text);
    void *held_up_user;
    rdv_log log;
} rdv_module_options;

/** Set the size and the defaults. Any thread. @since 0.1.0 */
RDV_API void rdv_module_options_init(rdv_module_options *options);

/**
 * Load a task agent from a shared library.
 *
 * The file is only loaded if nobody can have changed it but root and the effective user: it and each folder on the way to it,
 * also by symbolic links, belong to one of the two, and neither group nor others may write there (a folder with the sticky
 * bit, such as /tmp, may be passed through). Loading a library runs its constructors, whatever it is; after that, none of its
 * functions is called before its entry point was found right.
 *
 * @param loop     the loop of the trigger agent that the plug-in is for; must outlive the module.
 * @param path     the file; a name without '/' is a file in the current directory, nothing is searched for.
 * @param options  NULL = defaults; copied, its strings too.
 * @param ret_module  owned by the caller: rdv_module_close().
 * @param error    optional: what is wrong, in words that name the file or the plug-in.
 * @return 0; RDV_ENOTFOUND (no such file); RDV_EACCES (it may not be read, or others may write to it); RDV_EINVAL (not a
 * regular file, not a shared library, no entry point, an entry point or table of functions that is not right, or
 * options that are not); RDV_ENOTSUP for a plug-in with another RDV_MODULE_ABI; RDV_ELIMIT for a configuration that is too long;
 * RDV_ENOMEM; RDV_EIO; or what the plug-in's `open` has returned, RDV_EFAILED where that is no RDV_E….
 * Owner thread. @since 0.1.0
 */
RDV_API int rdv_module_open(rdv_loop *loop, const char *path, const rdv_module_options *options,
                            rdv_module **ret_module, struct rdv_error *error);

/**
 * The task agent, for rdv_trigger_attach(), once. It is the plug-in's with a guard before it: calls that take too long are told,
 * calls of the sink that are refused are logged with the plug-in's name, results that are no RDV_E… become
 * RDV_EFAILED, and a plug-in that does not answer to Terminate is given up after terminate_wait.
 *
 * @return borrowed: lives as long as the module.
 * Owner thread. @since 0.1.0
 */
RDV_API rdv_plugin *rdv_module_plugin(rdv_module *module);

/** The plug-in's name, as it gave it when it was opened; lives as long as the module. Any thread. @since 0.1.0 */
RDV_API const char *rdv_module_name(const rdv_module *module);

/**
 * Free a module, after the trigger agent that it is attached to has shut down or was freed. The library is unloaded if that is
 * safe: its task agent has reported terminated, or was never initialised, and holds no reference to the sink. Else it
 * stays in memory until the process ends, and the log says so. NULL is fine.
 * Owner thread. @since 0.1.0
 */
RDV_API void rdv_module_close(rdv_module *module);

#ifdef __cplusplus
}
#endif

#endif
