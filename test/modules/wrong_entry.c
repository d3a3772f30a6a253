/* SPDX-License-Identifier: MIT */
/*
 * Plug-ins whose entry point is not right, by what the build defines: ENTRY_SIZE, ENTRY_ABI, ENTRY_OPEN, ENTRY_CLOSE. None of
 * their functions may be called.
 */
#include <stdlib.h>

#include <rdvtask/module.h>

#ifndef ENTRY_SIZE
#define ENTRY_SIZE sizeof(rdv_module_entry)
#endif
#ifndef ENTRY_ABI
#define ENTRY_ABI RDV_MODULE_ABI
#endif
#ifndef ENTRY_OPEN
#define ENTRY_OPEN never_open
#endif
#ifndef ENTRY_CLOSE
#define ENTRY_CLOSE never_close
#endif

static inline int never_open(const rdv_module_host *host, rdv_plugin **ret_plugin)
{
    (void)host;
    (void)ret_plugin;
    abort();
}

static inline void never_close(rdv_plugin *plugin)
{
    (void)plugin;
    abort();
}

const rdv_module_entry rdvtask_plugin = {
    .size = ENTRY_SIZE,
    .abi = ENTRY_ABI,
    .open = ENTRY_OPEN,
    .close = ENTRY_CLOSE,
};
