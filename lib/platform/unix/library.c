/* SPDX-License-Identifier: MIT */
/*
 * Shared libraries, loaded while the program runs. plugin/module.c calls this, after the file was
 * found to be trusted.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <assert.h>
#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

int rdv__plat_library_open(const char *path, void **ret_library, struct rdv_error *error)
{
    /* Otherwise the loader would search for it. */
    assert(strchr(path, '/'));
    /*
     * RTLD_NOW reports missing symbols now, and not in the middle of a task; RTLD_LOCAL keeps the
     * library's names to itself.
     */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *words = dlerror();
        return rdv__fail(error, RDV_EINVAL, "'%s' can't be loaded as a shared library: %s", path,
                         words ? words : "no reason given");
    }
    *ret_library = library;
    return 0;
}

const void *rdv__plat_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void rdv__plat_library_close(void *library)
{
    if (library)
        dlclose(library);
}
