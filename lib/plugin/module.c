/* SPDX-License-Identifier: MIT */
/*
 * Task agents in shared libraries: rdv_module_… loads a file, checks what it has, puts a guard in
 * front of its plug-in, and unloads it again. Programs call it on the loop's thread.
 *
 * Nothing of a file is run before it was found that only trusted users can change it; nothing of
 * its tables is read before it was found that they have it. A file is unloaded only when none of
 * its code can run any more. Otherwise all that it can reach stays in memory until the process
 * ends: the struct rdv_module, and its guard.
 */
#include <rdvtask/module.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "loop/thread_log.h"
#include "platform/platform.h"
#include "plugin/call_watchdog.h"
#include "plugin/guard.h"

#define ENTRY_POINT "rdvtask_plugin"

/* The size of the first members of an entry, which say whether the rest can be read. */
#define ENTRY_HEAD (offsetof(rdv_module_entry, abi) + sizeof(uint32_t))

struct rdv_module {
    /* What the plug-in gets. It is first, so that a check for leaks finds the module by a pointer
     * that only the plug-in still has. */
    rdv_module_host host;
    char *configuration;
    void *library;
    const rdv_module_entry *entry;
    /* The foreign plug-in. */
    rdv_plugin *plugin;
    struct rdv__guard *guard;
    struct rdv__thread_log *tell;
    struct rdv__watchdog *watchdog;
    /* The name of the file, which stands for the name of the task agent until that is known. */
    char file[RDV_MODULE_NAME_MAX + 1];
    char name[RDV_MODULE_NAME_MAX + 1];
    /* Whether name is set. It is atomic, as threads of the plug-in ask for it. */
    int named;
};

/* ------------------------------------------------------- what a plug-in is given */

/* Get the name of the plug-in for messages. */
static const char *get_name(const struct rdv_module *module)
{
    return rdv__atomic_load(&module->named) ? module->name : module->file;
}

static void host_log(const rdv_module_host *host, rdv_log_level level, const char *text)
{
    const struct rdv_module *module = (const struct rdv_module *)(const void *)host;
    rdv__thread_log_write(module->tell, level, "%s: %s", get_name(module), text ? text : "");
}

static const rdv_module_host host_functions = {
    .size = sizeof host_functions,
    .log = host_log,
    .task_new = rdv_task_new,
    .task_ref = rdv_task_ref,
    .task_unref = rdv_task_unref,
    .task_label = rdv_task_label,
    .task_identifier = rdv_task_identifier,
    .task_context = rdv_task_context,
    .task_run = rdv_task_run,
};

/* -------------------------------------------------------------------- checks */

static int check_entry(const rdv_module_entry *entry, const char *path, struct rdv_error *error)
{
    if (!entry)
        return rdv__fail(error, RDV_EINVAL,
                         "'%s' is no plug-in of rdvtask: it has no '" ENTRY_POINT "'", path);
    if (entry->size < ENTRY_HEAD)
        return rdv__fail(error, RDV_EINVAL, "'%s': its '" ENTRY_POINT "' is not filled in", path);
    if (entry->abi != RDV_MODULE_ABI)
        return rdv__fail(error, RDV_ENOTSUP,
                         "'%s' was built for version %lu of the plug-in contract, and this program "
                         "has version %lu: it has to be built again, with the headers of rdvtask "
                         "%s",
                         path, (unsigned long)entry->abi, (unsigned long)RDV_MODULE_ABI,
                         rdv_version());
    if (entry->size < sizeof *entry || !entry->open || !entry->close)
        return rdv__fail(error, RDV_EINVAL, "'%s': its '" ENTRY_POINT "' lacks %s", path,
                         entry->size < sizeof *entry ? "members"
                         : !entry->open              ? "'open'"
                                                     : "'close'");
    return 0;
}

static int check_plugin(const rdv_plugin *plugin, const char *path, struct rdv_error *error)
{
    if (!plugin || !plugin->ops)
        return rdv__fail(error, RDV_EINVAL, "'%s': its 'open' gave no task agent", path);
    const rdv_plugin_ops *ops = plugin->ops;
    if (ops->size < RDV__PLUGIN_OPS_SIZE)
        return rdv__fail(error, RDV_EINVAL,
                         "'%s': its table of functions has %zu bytes, at least %zu are needed",
                         path, ops->size, (size_t)RDV__PLUGIN_OPS_SIZE);
    const char *missing = !ops->name         ? "name"
                          : !ops->initialize ? "initialize"
                          : !ops->start_task ? "start_task"
                          : !ops->terminate  ? "terminate"
                                             : NULL;
    if (missing)
        return rdv__fail(error, RDV_EINVAL, "'%s': its table of functions lacks '%s'", path,
                         missing);
    return 0;
}

static int check_options(const rdv_module_options *options, struct rdv_error *error)
{
    if (options->size != sizeof *options || options->call_limit <= 0 ||
        options->call_limit > RDV_DAY || options->terminate_wait < 0 ||
        options->terminate_wait > RDV_DAY)
        return rdv__fail(error, RDV_EINVAL, "the options for plug-ins are not right");
    const char *text = options->configuration ? options->configuration : "";
    size_t size = strlen(text);
    if (size > RDV_MODULE_CONFIGURATION_MAX)
        return rdv__fail(error, RDV_ELIMIT,
                         "the configuration text for the plug-in is longer than %d bytes",
                         RDV_MODULE_CONFIGURATION_MAX);
    if (!rdv__utf8_valid(text, size))
        return rdv__fail(error, RDV_EINVAL,
                         "the configuration text for the plug-in is not valid UTF-8");
    return 0;
}

/* ------------------------------------------------------------------ opening */

static void enter_call(struct rdv_module *module, struct rdv__watched *call, const char *what)
{
    rdv__watchdog_enter(module->watchdog, call, what, NULL);
}

static void leave_call(struct rdv_module *module, struct rdv__watched *call)
{
    const char *what = call->what;
    rdv__guard_log_call(module->tell, get_name(module), what,
                        rdv__watchdog_leave(module->watchdog, call));
}

static void set_name(struct rdv_module *module, char buffer[RDV_MODULE_NAME_MAX + 1],
                     const char *name)
{
    size_t size = rdv__utf8_cut(name, strlen(name), RDV_MODULE_NAME_MAX);
    memcpy(buffer, name, size);
    buffer[size] = '\0';
    rdv__watchdog_set_name(module->watchdog, buffer);
}

/* Ask the plug-in for its name, and keep it. */
static int ask_for_name(struct rdv_module *module, const char *path, struct rdv_error *error)
{
    struct rdv__watched call;
    enter_call(module, &call, "name");
    const char *name = module->plugin->ops->name(module->plugin);
    leave_call(module, &call);
    if (!name || !*name || !rdv__utf8_valid(name, strlen(name)))
        return rdv__fail(error, RDV_EINVAL, "'%s': its task agent has no name, or none in UTF-8",
                         path);
    set_name(module, module->name, name);
    rdv__atomic_store(&module->named, 1);
    return 0;
}

/* Load the file into memory, which runs its constructors. */
static int load_library(struct rdv_module *module, const char *path, struct rdv_error *error)
{
    struct rdv__watched call;
    char *resolved = NULL;
    rdv__file file = RDV__NO_FILE;
    int result = rdv__plat_open_trusted(path, &file, &resolved, error);
    if (result != 0)
        return result;
    enter_call(module, &call, "its constructors");
    /* It is opened by its path and not by the descriptor, as libraries beside it are found by its
     * folder. Only trusted users could have replaced it meanwhile. */
    result = rdv__plat_library_open(resolved, &module->library, error);
    leave_call(module, &call);
    rdv__plat_close(file);
    free(resolved);
    return result;
}

static int open_plugin(struct rdv_module *module, const char *path, struct rdv_error *error)
{
    struct rdv__watched call;
    rdv_plugin *plugin = NULL;
    const rdv_module_entry *entry = rdv__plat_library_symbol(module->library, ENTRY_POINT);
    int result = check_entry(entry, path, error);
    if (result != 0)
        return result;
    enter_call(module, &call, "open");
    result = entry->open(&module->host, &plugin);
    leave_call(module, &call);
    result = rdv__guard_check_result(module->tell, get_name(module), "open", result);
    if (result != 0)
        return rdv__fail(error, result, "the plug-in '%s' could not be opened: %s", path,
                         rdv_strerror(result));
    module->entry = entry;
    module->plugin = plugin;
    result = check_plugin(plugin, path, error);
    return result != 0 ? result : ask_for_name(module, path, error);
}

void rdv_module_options_init(rdv_module_options *options)
{
    *options = (rdv_module_options){
        .size = sizeof *options, .call_limit = 5 * RDV_SECOND, .terminate_wait = 30 * RDV_SECOND};
}

/* Make a module into which nothing is loaded yet. */
static int module_new(rdv_loop *loop, const char *path, const rdv_module_options *options,
                      struct rdv_module **ret_module)
{
    const char *text = options->configuration ? options->configuration : "";
    struct rdv_module *module = calloc(1, sizeof *module);
    if (!module)
        return RDV_ENOMEM;
    int result = 0;
    module->host = host_functions;
    module->host.version = rdv_version();
    module->configuration = malloc(strlen(text) + 1);
    if (!module->configuration)
        result = RDV_ENOMEM;
    if (result == 0)
        module->host.configuration = strcpy(module->configuration, text);
    if (result == 0)
        result = rdv__thread_log_new(loop, &options->log, &module->tell);
    if (result == 0)
        result = rdv__watchdog_new(options->call_limit, options->held_up, options->held_up_user,
                                   &module->watchdog);
    if (result != 0) {
        rdv_module_close(module);
        return result;
    }
    set_name(module, module->file, rdv__plat_last_part(path));
    *ret_module = module;
    return 0;
}

int rdv_module_open(rdv_loop *loop, const char *path, const rdv_module_options *options,
                    rdv_module **ret_module, struct rdv_error *error)
{
    rdv_module_options defaults;
    rdv_module_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!loop || !path || !ret_module)
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_module_open");
    struct rdv_module *module = NULL;
    int result = check_options(options, error);
    if (result != 0)
        return result;
    result = module_new(loop, path, options, &module);
    if (result != 0)
        return rdv__fail(error, result, "cannot load '%s': %s", path, rdv_strerror(result));
    result = load_library(module, path, error);
    if (result == 0)
        result = open_plugin(module, path, error);
    if (result == 0) {
        struct rdv__guard_parts parts = {.plugin = module->plugin,
                                         .name = module->name,
                                         .loop = loop,
                                         .tell = module->tell,
                                         .watchdog = module->watchdog,
                                         .terminate_wait = options->terminate_wait};
        result = rdv__guard_new(&parts, &module->guard);
        if (result != 0)
            rdv__fail(error, result, "cannot load '%s': %s", path, rdv_strerror(result));
    }
    if (result != 0) {
        rdv_module_close(module);
        return result;
    }
    rdv__thread_log_write(module->tell, RDV_LOG_DEBUG, "plug-in '%s' was loaded from '%s'",
                          module->name, path);
    *ret_module = module;
    return 0;
}

/* --------------------------------------------------------- the life of a module */

rdv_plugin *rdv_module_plugin(rdv_module *module)
{
    return rdv__guard_plugin(module->guard);
}

const char *rdv_module_name(const rdv_module *module)
{
    return module->name;
}

/* Free the foreign plug-in, if that is safe. Returns whether none of its code can run any more. */
static bool close_plugin(struct rdv_module *module)
{
    struct rdv__watched call;
    if (module->guard && !rdv__guard_may_free(module->guard)) {
        rdv__thread_log_write(
            module->tell, RDV_LOG_WARNING,
            "plug-in '%s' has not terminated: it stays in memory until the process ends",
            get_name(module));
        return false;
    }
    if (module->plugin) {
        enter_call(module, &call, "close");
        module->entry->close(module->plugin);
        leave_call(module, &call);
    }
    int references = module->guard ? rdv__guard_references(module->guard) : 0;
    if (references == 0)
        return true;
    rdv__thread_log_write(
        module->tell, RDV_LOG_WARNING,
        "plug-in '%s' still has %d reference%s to its sink: it stays in memory until the "
        "process ends",
        get_name(module), references, references == 1 ? "" : "s");
    return false;
}

void rdv_module_close(rdv_module *module)
{
    if (!module)
        return;
    bool unload = close_plugin(module);
    rdv__watchdog_free(module->watchdog);
    module->watchdog = NULL;
    if (!unload) {
        /* The plug-in may call its sink and its host at any time: what it can reach stays. */
        rdv__guard_abandon(module->guard);
        rdv__thread_log_close(module->tell);
        return;
    }
    rdv__guard_free(module->guard);
    rdv__plat_library_close(module->library);
    rdv__thread_log_free(module->tell);
    free(module->configuration);
    free(module);
}
