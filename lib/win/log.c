/* SPDX-License-Identifier: MIT */
/* Log files. */
#include "plat.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "win.h"

/* As much as a write of one call may have. */
#define WRITE_MAX (1ul << 30)

/* Offsets of a write that mean the end of the file, wherever that is by then. */
#define AT_THE_END 0xFFFFFFFFul

/* What this folder has under a name; free(). */
static wchar_t *path_in(const wchar_t *folder, const wchar_t *name)
{
    size_t length = wcslen(folder), more = wcslen(name);
    wchar_t *path = malloc((length + more + 2) * sizeof *path);
    if (!path) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    memcpy(path, folder, length * sizeof *path);
    path[length] = L'\\';
    memcpy(path + length + 1, name, (more + 1) * sizeof *path);
    return path;
}

/* Make a folder and those above it, for us alone. What is there stays as it is. */
static DWORD make_folders(wchar_t *path, SECURITY_ATTRIBUTES *private)
{
    if (CreateDirectoryW(path, private))
        return 0;
    DWORD number = GetLastError();
    if (number == ERROR_ALREADY_EXISTS)
        return 0;
    wchar_t *slash = wcsrchr(path, L'\\');
    if (number != ERROR_PATH_NOT_FOUND || !slash || slash == path)
        return number;
    *slash = L'\0';
    number = make_folders(path, private);
    *slash = L'\\';
    if (number != 0)
        return number;
    if (CreateDirectoryW(path, private) || GetLastError() == ERROR_ALREADY_EXISTS)
        return 0;
    return GetLastError();
}

/* Appends whatever the file's place is, so that nothing is lost when two write. */
static DWORD open_log(const wchar_t *path, bool fresh, SECURITY_ATTRIBUTES *private,
                      HANDLE *ret_file)
{
    DWORD number = 0;
    HANDLE file = CreateFileW(path, GENERIC_WRITE | FILE_READ_ATTRIBUTES,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, private,
                              OPEN_ALWAYS, RDV__WIN_AS_IT_IS, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!rdv__win_is_file(file) || rdv__win_is_link(file))
        number = ERROR_INVALID_PARAMETER;
    else if (fresh && !SetEndOfFile(file))
        number = GetLastError();
    if (number == 0)
        *ret_file = file;
    else
        CloseHandle(file);
    return number;
}

int rdv__plat_log_open(const char *directory, const char *name, bool fresh, rdv__file *ret_file)
{
    assert(!strpbrk(name, "/\\:"));
    SECURITY_ATTRIBUTES private = {0};
    DWORD number = rdv__win_private(&private);
    if (number != 0)
        return rdv__win_error(number);

    HANDLE file = INVALID_HANDLE_VALUE;
    wchar_t *folder = rdv__win_path(directory), *wide = rdv__win_wide(name);
    wchar_t *path = folder && wide ? path_in(folder, wide) : NULL;
    if (!path)
        number = GetLastError();
    if (number == 0)
        number = make_folders(folder, &private);
    if (number == 0)
        number = open_log(path, fresh, &private, &file);
    if (number == 0)
        *ret_file = file;
    free(path);
    free(wide);
    free(folder);
    rdv__win_private_free(&private);
    return rdv__win_error(number);
}

int rdv__plat_log_write(rdv__file file, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0) {
        OVERLAPPED end = {.Offset = AT_THE_END, .OffsetHigh = AT_THE_END};
        DWORD written, part = size < WRITE_MAX ? (DWORD)size : WRITE_MAX;
        if (!WriteFile(file, next, part, &written, &end))
            return rdv__win_error(GetLastError()) == RDV_ENOSPC ? RDV_ENOSPC : RDV_EIO;
        next += written;
        size -= written;
    }
    return 0;
}

void rdv__plat_log_close(rdv__file file)
{
    rdv__plat_close(file);
}

int64_t rdv__plat_log_size(rdv__file file)
{
    LARGE_INTEGER size;
    return file != RDV__NO_FILE && GetFileSizeEx(file, &size) ? size.QuadPart : -1;
}

/* ------------------------------------------------------------ trimming */

struct log_file {
    ULONGLONG changed;
    int64_t size;
    wchar_t name[MAX_PATH];
};

struct logs {
    struct log_file *files;
    size_t count, room;
    int64_t sum; /* bytes, with that of the one to keep */
};

static int log_order(const void *a, const void *b)
{
    const struct log_file *left = a, *right = b;
    if (left->changed != right->changed)
        return left->changed < right->changed ? -1 : 1;
    return wcscmp(left->name, right->name);
}

/* A pattern of Windows' would also find short names, and longer endings. */
static bool is_log(const WIN32_FIND_DATAW *found)
{
    static const wchar_t ending[] = L".log";
    const size_t end = sizeof ending / sizeof *ending - 1, size = wcslen(found->cFileName);
    return size > end && wcscmp(found->cFileName + size - end, ending) == 0 &&
           !(found->dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT));
}

static int add_log(struct logs *logs, const WIN32_FIND_DATAW *found, const wchar_t *keep)
{
    int64_t size = (int64_t)((ULONGLONG)found->nFileSizeHigh << 32 | found->nFileSizeLow);
    logs->sum += size;
    if (keep && wcscmp(found->cFileName, keep) == 0)
        return 0;
    if (logs->count == logs->room) {
        size_t room = logs->room > 0 ? 2 * logs->room : 64;
        struct log_file *larger = realloc(logs->files, room * sizeof *larger);
        if (!larger)
            return RDV_ENOMEM;
        logs->files = larger;
        logs->room = room;
    }
    struct log_file *file = &logs->files[logs->count++];
    const FILETIME changed = found->ftLastWriteTime;
    file->changed = (ULONGLONG)changed.dwHighDateTime << 32 | changed.dwLowDateTime;
    file->size = size;
    memcpy(file->name, found->cFileName, sizeof file->name);
    return 0;
}

static int find_logs(const wchar_t *folder, const wchar_t *keep, struct logs *logs)
{
    WIN32_FIND_DATAW found;
    wchar_t *all = path_in(folder, L"*");
    if (!all)
        return RDV_ENOMEM;
    HANDLE search = FindFirstFileW(all, &found);
    DWORD number = search == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    free(all);
    if (number != 0)
        return number == ERROR_FILE_NOT_FOUND ? 0 : rdv__win_error(number);

    int result = 0;
    do {
        if (is_log(&found))
            result = add_log(logs, &found, keep);
    } while (result == 0 && FindNextFileW(search, &found));
    if (result == 0 && GetLastError() != ERROR_NO_MORE_FILES)
        result = rdv__win_error(GetLastError());
    FindClose(search);
    return result;
}

static int delete_log(const wchar_t *folder, const wchar_t *name)
{
    wchar_t *path = path_in(folder, name);
    if (!path)
        return RDV_ENOMEM;
    int result = DeleteFileW(path) || GetLastError() == ERROR_FILE_NOT_FOUND
                     ? 0
                     : rdv__win_error(GetLastError());
    free(path);
    return result;
}

int rdv__plat_log_trim(const char *directory, int64_t total, const char *keep)
{
    struct logs logs = {0};
    wchar_t *folder = rdv__win_path(directory), *kept = keep ? rdv__win_wide(keep) : NULL;
    int result = folder && (kept || !keep) ? 0 : rdv__win_error(GetLastError());
    if (result == 0)
        result = find_logs(folder, kept, &logs);
    if (result != 0)
        goto out;

    if (logs.count > 0)
        qsort(logs.files, logs.count, sizeof *logs.files, log_order);
    for (size_t i = 0; i < logs.count && logs.sum > total; i++) {
        int status = delete_log(folder, logs.files[i].name);
        if (status == 0)
            logs.sum -= logs.files[i].size;
        else if (result == 0)
            result = status;
    }

out:
    free(logs.files);
    free(kept);
    free(folder);
    return result;
}
