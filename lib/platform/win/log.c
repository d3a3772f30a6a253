/* SPDX-License-Identifier: MIT */
/*
 * Files in a folder that only this user may change: the logs of runs, for agent/run_logs.c. The way
 * to the folder is checked first, so that nobody else can put another one in its place. What
 * already lies there may be anything, and is checked before it is opened.
 */
#include "platform/platform.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <aclapi.h>

#include "base/error.h"
#include "platform/win/win.h"

/* The most that one call writes. */
#define WRITE_MAX (1ul << 30)

/* The offsets of a write that stand for the end of the file, wherever that is by then. */
#define AT_THE_END 0xFFFFFFFFul

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

struct rdv__plat_logs {
    /* INVALID_HANDLE_VALUE unless names are being read. */
    HANDLE search;
    /* The name in `found` has not been returned yet. */
    bool has_found;
    /* What the search has found last. */
    WIN32_FIND_DATAW found;
    wchar_t *folder;
};

/* Make the path of a name in this folder. The caller frees it with free(). */
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

/* Make a folder and those above it, for this user alone. Folders that exist stay as they are. */
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

static bool is_folder(const wchar_t *path)
{
    DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

int rdv__plat_logs_open(const char *directory, bool make, struct rdv__plat_logs **ret_logs,
                        struct rdv_error *error)
{
    SECURITY_ATTRIBUTES private = {0};
    struct rdv__plat_logs *logs = NULL;
    wchar_t *folder = rdv__win_path(directory);
    int result = 0;
    DWORD number = folder ? 0 : GetLastError();
    if (number == 0 && make)
        number = rdv__win_private(&private);
    if (number == 0 && make)
        number = make_folders(folder, &private);
    rdv__win_private_free(&private);
    if (number != 0)
        result = rdv__win_fail(error, number, "make the folder", directory);
    if (result == 0)
        result = rdv__plat_check_trusted(directory, error);
    if (result == 0 && !is_folder(folder))
        result = rdv__win_fail(error, ERROR_DIRECTORY, "open the folder", directory);
    if (result == 0) {
        logs = calloc(1, sizeof *logs);
        if (!logs)
            result = rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    }
    if (result != 0) {
        free(folder);
        return result;
    }
    logs->search = INVALID_HANDLE_VALUE;
    logs->folder = folder;
    *ret_logs = logs;
    return 0;
}

static void end_reading(struct rdv__plat_logs *logs)
{
    if (logs->search != INVALID_HANDLE_VALUE)
        FindClose(logs->search);
    logs->search = INVALID_HANDLE_VALUE;
    logs->has_found = false;
}

void rdv__plat_logs_close(struct rdv__plat_logs *logs)
{
    if (!logs)
        return;
    end_reading(logs);
    free(logs->folder);
    free(logs);
}

int rdv__plat_logs_begin(struct rdv__plat_logs *logs)
{
    end_reading(logs);
    wchar_t *all = path_in(logs->folder, L"*");
    if (!all)
        return RDV_ENOMEM;
    logs->search = FindFirstFileW(all, &logs->found);
    DWORD number = logs->search == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    free(all);
    logs->has_found = number == 0;
    return number == ERROR_FILE_NOT_FOUND ? 0 : rdv__win_error(number);
}

int rdv__plat_logs_next(struct rdv__plat_logs *logs, char name[RDV__LOG_NAME_SIZE])
{
    if (logs->search == INVALID_HANDLE_VALUE)
        return 0;
    if (!logs->has_found && !FindNextFileW(logs->search, &logs->found))
        return GetLastError() == ERROR_NO_MORE_FILES ? 0 : rdv__win_error(GetLastError());
    logs->has_found = false;
    /* A name that isn't valid text was not made by rdvtask, nor was one that is too long. */
    char *found = rdv__win_utf8(logs->found.cFileName);
    size_t size = found ? strlen(found) : 0;
    if (size >= RDV__LOG_NAME_SIZE)
        size = 0;
    if (size > 0)
        memcpy(name, found, size);
    name[size] = '\0';
    free(found);
    return 1;
}

/* -------------------------------------------------------------- its files */

/* Check whether nobody else has made the file, can change it, or knows it by another name. */
static DWORD judge_file(HANDLE file, bool *ret_ours)
{
    BY_HANDLE_FILE_INFORMATION about;
    union rdv__win_sid user;
    PSECURITY_DESCRIPTOR descriptor;
    PSID who;
    if (!GetFileInformationByHandle(file, &about))
        return GetLastError();
    DWORD number = rdv__win_user(&user);
    if (number == 0)
        number = GetSecurityInfo(file, SE_FILE_OBJECT,
                                 OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL, NULL,
                                 NULL, NULL, &descriptor);
    if (number != 0)
        return number;
    *ret_ours = rdv__win_is_file(file) && !rdv__win_is_link(file) && about.nNumberOfLinks == 1 &&
                rdv__win_judge(descriptor, &user, RDV__WIN_CHANGE, &who) == RDV__WIN_OURS;
    LocalFree(descriptor);
    return 0;
}

static int64_t taken(HANDLE file)
{
    FILE_STANDARD_INFO about;
    return GetFileInformationByHandleEx(file, FileStandardInfo, &about, sizeof about)
               ? about.AllocationSize.QuadPart
               : -1;
}

static int look_at_file(const wchar_t *path, int64_t *ret_taken)
{
    bool ours = false;
    HANDLE file = CreateFileW(path, READ_CONTROL | FILE_READ_ATTRIBUTES, SHARE_ALL, NULL,
                              OPEN_EXISTING, RDV__WIN_AS_IT_IS, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return rdv__win_error(GetLastError());
    DWORD number = judge_file(file, &ours);
    int64_t size = taken(file);
    CloseHandle(file);
    if (number != 0)
        return rdv__win_error(number);
    if (!ours)
        return RDV_EACCES;
    *ret_taken = size > 0 ? size : 0;
    return 0;
}

static wchar_t *path_of(const struct rdv__plat_logs *logs, const char *name)
{
    assert(!strpbrk(name, "/\\:"));
    wchar_t *wide = rdv__win_wide(name);
    wchar_t *path = wide ? path_in(logs->folder, wide) : NULL;
    free(wide);
    return path;
}

int rdv__plat_log_look(struct rdv__plat_logs *logs, const char *name, int64_t *ret_taken)
{
    wchar_t *path = path_of(logs, name);
    int result = path ? look_at_file(path, ret_taken) : rdv__win_error(GetLastError());
    free(path);
    return result;
}

int rdv__plat_log_delete(struct rdv__plat_logs *logs, const char *name)
{
    int64_t size;
    wchar_t *path = path_of(logs, name);
    int result = path ? look_at_file(path, &size) : rdv__win_error(GetLastError());
    if (result == 0 && !DeleteFileW(path))
        result = rdv__win_error(GetLastError());
    free(path);
    return result;
}

static int refuse(const char *name, struct rdv_error *error)
{
    return rdv__fail(error, RDV_EACCES,
                     "'%s' is there already, and is not a regular file that is ours alone", name);
}

/*
 * Open a file to append to, wherever its position is, so that nothing is lost when two processes
 * write.
 */
static DWORD open_log(const wchar_t *path, DWORD how, HANDLE *ret_file)
{
    SECURITY_ATTRIBUTES private;
    DWORD number = rdv__win_private(&private);
    if (number != 0)
        return number;
    HANDLE file = CreateFileW(path, GENERIC_WRITE | READ_CONTROL | FILE_READ_ATTRIBUTES, SHARE_ALL,
                              &private, how, RDV__WIN_AS_IT_IS, NULL);
    number = file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    rdv__win_private_free(&private);
    if (number == 0)
        *ret_file = file;
    return number;
}

int rdv__plat_log_open(struct rdv__plat_logs *logs, const char *name, bool fresh,
                       rdv__file *ret_file, struct rdv_error *error)
{
    int64_t size;
    bool ours = false;
    HANDLE file = NULL;
    wchar_t *path = path_of(logs, name);
    int result = path ? look_at_file(path, &size) : rdv__win_error(GetLastError());
    DWORD number = path ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    const bool add = result == 0 && !fresh;
    if (result == RDV_EACCES) {
        free(path);
        return refuse(name, error);
    }
    if (number == 0 && result == 0 && fresh && !DeleteFileW(path))
        number = GetLastError();
    if (number == 0)
        number = open_log(path, add ? OPEN_EXISTING : CREATE_NEW, &file);
    if (number == 0)
        number = judge_file(file, &ours);
    free(path);
    result = number != 0 ? rdv__win_fail(error, number, "open", name)
             : ours      ? 0
                         : refuse(name, error);
    if (result == 0)
        *ret_file = file;
    else if (file)
        CloseHandle(file);
    return result;
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

int64_t rdv__plat_log_taken(rdv__file file)
{
    return file != RDV__NO_FILE ? taken(file) : -1;
}
