/* SPDX-License-Identifier: MIT */
/*
 * Files to read, for every folder above, and the functions of win.h that tell files, links and
 * folders apart. platform.h and win.h have the contracts.
 */
#include "platform/platform.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "platform/win/win.h"

#define READ_FIRST 4096
/* The most that one call reads. */
#define READ_MAX (1ul << 30)

/* How a file is opened by a caller that doesn't care what becomes of it meanwhile. */
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

/* ------------------------------------------------------------------ win.h */

bool rdv__win_is_file(HANDLE file)
{
    BY_HANDLE_FILE_INFORMATION about;
    return GetFileType(file) == FILE_TYPE_DISK && GetFileInformationByHandle(file, &about) &&
           !(about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY);
}

bool rdv__win_is_link(HANDLE file)
{
    /*
     * What a file system keeps for itself in such a point, as for a compressed file, leads nowhere.
     */
    FILE_ATTRIBUTE_TAG_INFO about;
    return GetFileInformationByHandleEx(file, FileAttributeTagInfo, &about, sizeof about) &&
           (about.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
           IsReparseTagNameSurrogate(about.ReparseTag);
}

/* ---------------------------------------------------------------- reading */

/*
 * Open anything to read it, even a folder, so that it can be told from a file. The process at the
 * other end of a pipe can't act as this user.
 */
static DWORD open_to_read(const char *path, HANDLE *ret_file)
{
    wchar_t *wide = rdv__win_path(path);
    if (!wide)
        return GetLastError();
    HANDLE file =
        CreateFileW(wide, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    DWORD number = file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    free(wide);
    if (number == 0)
        *ret_file = file;
    return number;
}

/* Read on until there is no more room, or nothing more to read. */
static DWORD read_on(HANDLE file, char *data, size_t room, size_t *size)
{
    while (*size < room) {
        DWORD got, part = room - *size < READ_MAX ? (DWORD)(room - *size) : READ_MAX;
        if (!ReadFile(file, data + *size, part, &got, NULL))
            return GetLastError();
        if (got == 0)
            break;
        *size += got;
    }
    return 0;
}

int rdv__plat_read_file(const char *path, size_t limit, char **ret_data, size_t *ret_size,
                        struct rdv_error *error)
{
    assert(limit < SIZE_MAX / 2);
    int result = 0;
    char *data = NULL;
    size_t size = 0, room = READ_FIRST;
    LARGE_INTEGER told;

    HANDLE file = INVALID_HANDLE_VALUE;
    DWORD number = open_to_read(path, &file);
    if (number != 0)
        goto failed;
    if (!rdv__win_is_file(file)) {
        result = rdv__fail(error, RDV_EINVAL, "'%s' is not a regular file", path);
        goto out;
    }

    /* The size is only a hint, as files grow. */
    if (GetFileSizeEx(file, &told) && told.QuadPart > 0)
        room = told.QuadPart < (LONGLONG)limit ? (size_t)told.QuadPart + 1 : limit + 1;
    for (;;) {
        if (room > limit + 1)
            room = limit + 1;
        char *larger = realloc(data, room + 1);
        number = larger ? 0 : ERROR_NOT_ENOUGH_MEMORY;
        if (larger) {
            data = larger;
            number = read_on(file, data, room, &size);
        }
        if (size > limit) {
            result = rdv__fail(error, RDV_ELIMIT, "'%s' is larger than %llu bytes", path,
                               (unsigned long long)limit);
            goto out;
        }
        if (number != 0)
            goto failed;
        if (size < room)
            break;
        room *= 2;
    }

    data[size] = '\0';
    *ret_data = data;
    *ret_size = size;
    data = NULL;
    goto out;

failed:
    result = rdv__win_fail(error, number, "read", path);
out:
    free(data);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    return result;
}

void rdv__plat_close(rdv__file file)
{
    if (file != RDV__NO_FILE)
        CloseHandle(file);
}
