/* SPDX-License-Identifier: MIT */
/* A plug-in that calls a function which nobody has. */
#include <rdvtask/module.h>

void nobody_has_this(void);

static int open_it(const rdv_module_host *host, rdv_plugin **ret_plugin)
{
    (void)host;
    (void)ret_plugin;
    nobody_has_this();
    return RDV_EFAILED;
}

static void close_it(rdv_plugin *plugin)
{
    (void)plugin;
}

const rdv_module_entry rdvtask_plugin = {
    .size = sizeof(rdv_module_entry),
    .abi = RDV_MODULE_ABI,
    .open = open_it,
    .close = close_it,
};
