/* SPDX-License-Identifier: MIT */
/*
 * Files that SQLite makes beside its database would get the rights of the folder. Here they are
 * given those of the database. store/ calls this after it has opened one.
 */
#include "platform/platform.h"

#include <stdlib.h>

#include "platform/win/win.h"

/*
 * Whether an error does no harm: there is no such file; or it is another user's, who has given it
 * its rights; or this disk has no rights.
 */
static bool is_fine(DWORD number)
{
    return number == ERROR_FILE_NOT_FOUND || number == ERROR_ACCESS_DENIED ||
           number == ERROR_NOT_SUPPORTED || number == ERROR_INVALID_FUNCTION;
}

int rdv__plat_same_rights(const char *from, const char *to)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    wchar_t *source = rdv__win_path(from), *target = source ? rdv__win_path(to) : NULL;
    DWORD size = 0, number = target ? 0 : GetLastError();
    if (number == 0 && !GetFileSecurityW(source, DACL_SECURITY_INFORMATION, NULL, 0, &size))
        number = GetLastError();
    if (number == ERROR_INSUFFICIENT_BUFFER) {
        descriptor = malloc(size);
        number = descriptor ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    }
    if (number == 0 &&
        (!GetFileSecurityW(source, DACL_SECURITY_INFORMATION, descriptor, size, &size) ||
         !SetFileSecurityW(target, DACL_SECURITY_INFORMATION, descriptor)))
        number = GetLastError();
    free(descriptor);
    free(source);
    free(target);
    return is_fine(number) ? 0 : rdv__win_error(number);
}
