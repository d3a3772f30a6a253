/* SPDX-License-Identifier: MIT */
/*
 * The lock on a database file, which store/ takes when it opens one. It is on the file and not on a
 * name, so a second writer can't get in by another link, or by the loss of a file beside it. On
 * Windows a lock belongs to the handle that took it, so other handles of the file may be closed,
 * and a second store of the same process is refused as well.
 */
#include "platform/platform.h"

#include <stdlib.h>

#include "base/error.h"
#include "platform/win/win.h"

/*
 * The high half of the locked byte's offset. It is far from SQLite's own bytes (0x40000000 to
 * 0x400001FF), and from any byte that the file will ever have, as nobody can read a byte that is
 * locked.
 */
#define LOCKED_BYTE_HIGH (1ul << 30)

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

struct rdv__plat_hold {
    HANDLE file;
};

static DWORD lock_to_write(HANDLE file)
{
    OVERLAPPED place = {.OffsetHigh = LOCKED_BYTE_HIGH};
    return LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place)
               ? 0
               : GetLastError();
}

int rdv__plat_hold_new(const char *path, bool write, struct rdv__plat_hold **ret_hold,
                       struct rdv_error *error)
{
    HANDLE file = INVALID_HANDLE_VALUE;
    struct rdv__plat_hold *hold = malloc(sizeof *hold);
    wchar_t *wide = hold ? rdv__win_path(path) : NULL;
    DWORD number = !hold ? ERROR_NOT_ENOUGH_MEMORY : wide ? 0 : GetLastError();
    if (wide)
        file = CreateFileW(wide, write ? GENERIC_READ | GENERIC_WRITE : FILE_READ_ATTRIBUTES,
                           SHARE_ALL, NULL, OPEN_EXISTING, RDV__WIN_AS_IT_IS, NULL);
    if (wide && file == INVALID_HANDLE_VALUE)
        number = GetLastError();
    free(wide);
    if (number == 0 && write)
        number = lock_to_write(file);
    if (number == 0) {
        hold->file = file;
        *ret_hold = hold;
        return 0;
    }
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    free(hold);
    if (number == ERROR_LOCK_VIOLATION || number == ERROR_IO_PENDING)
        return rdv__fail(error, RDV_ELOCKED, "'%s' is locked by another store", path);
    return rdv__win_fail(error, number, "lock", path);
}

bool rdv__plat_file_id(const char *path, struct rdv__plat_file_id *ret_id)
{
    /*
     * SQLite opens its files in such a way that nobody can remove or rename them, so there is
     * nothing to check.
     */
    (void)path;
    *ret_id = (struct rdv__plat_file_id){0, 0, false};
    return true;
}

bool rdv__plat_file_begins(const char *path, const void *bytes, size_t size)
{
    /*
     * A file that SQLite has mapped into memory can't be truncated, and others may not write to
     * this user's files, so there is nothing to check.
     */
    (void)path;
    (void)bytes;
    (void)size;
    return true;
}

void rdv__plat_hold_free(struct rdv__plat_hold *hold, bool write)
{
    if (!hold)
        return;
    /* Closing alone would release the lock only some time later. */
    OVERLAPPED place = {.OffsetHigh = LOCKED_BYTE_HIGH};
    if (write)
        UnlockFileEx(hold->file, 0, 1, 0, &place);
    CloseHandle(hold->file);
    free(hold);
}
