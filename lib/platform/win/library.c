/* SPDX-License-Identifier: MIT */
/*
 * Shared libraries, loaded while the program runs. plugin/module.c calls this, after the file was
 * found to be trusted.
 */
#include "platform/platform.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "platform/win/win.h"

int rdv__plat_library_open(const char *path, void **ret_library, struct rdv_error *error)
{
    /* Otherwise the loader would search for it. */
    assert(strpbrk(path, "/\\:"));
    DWORD number = 0, mode;
    wchar_t *wide = rdv__win_path(path);
    if (!wide)
        return rdv__win_fail(error, GetLastError(), "load", path);

    /*
     * The libraries beside it are used in place of those beside the program, and no window opens if
     * one is missing.
     */
    BOOL quiet = SetThreadErrorMode(SEM_FAILCRITICALERRORS | SEM_NOOPENFILEERRORBOX, &mode);
    HMODULE library = LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!library)
        number = GetLastError();
    if (quiet)
        SetThreadErrorMode(mode, NULL);
    free(wide);
    if (!library) {
        char words[RDV__WIN_WORDS];
        return rdv__fail(error, RDV_EINVAL, "'%s' can't be loaded as a shared library: %s", path,
                         rdv__win_words(number, words));
    }
    *ret_library = library;
    return 0;
}

const void *rdv__plat_library_symbol(void *library, const char *name)
{
    /* The cast goes by way of an integer, as C has no cast from a function to an object. */
    return (const void *)(uintptr_t)GetProcAddress(library, name);
}

void rdv__plat_library_close(void *library)
{
    if (library)
        FreeLibrary(library);
}
