/* SPDX-License-Identifier: MIT */
/*
 * Plug-ins whose entry point is not right, by what the build defines: ENTRY_SIZE, ENTRY_ABI, or 0 for HAS_OPEN or HAS_CLOSE. None
 * of their functions may be called.
 */
#include <stdlib.h>

#include <rdvtask/module.h>

#ifndef ENTRY_SIZE
#define ENTRY_SIZE sizeof(rdv_module_entry)
#endif
#ifndef ENTRY_ABI
#define ENTRY_ABI RDV_MODULE_ABI
#endif
#ifndef HAS_OPEN
#define HAS_OPEN 1
#endif
#ifndef HAS_CLOSE
#define HAS_CLOSE 1
#endif

static int never_open(const rdv_module_host *host, rdv_plugin **ret_plugin)
{
    (void)host;
    (void)ret_plugin;
    abort();
}

static void never_close(rdv_plugin *plugin)
{
    (void)plugin;
    abort();
}

const rdv_module_entry rdvtask_plugin = {
    .size = ENTRY_SIZE,
    .abi = ENTRY_ABI,
    .open = HAS_OPEN ? never_open : NULL,
    .close = HAS_CLOSE ? never_close : NULL,
};
