/* SPDX-License-Identifier: MIT */
/*
 * Text, paths and errors at the border to Windows: UTF-8 on this side, UTF-16 on the other. All
 * other files in this folder call these; win.h has the contracts.
 */
#include "platform/win/win.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/error.h"

/*
 * The longest path in the common form, as a folder must leave room for a name of 8 + 1 + 3
 * characters in it.
 */
#define PATH_COMMON (MAX_PATH - 12 - 1)

/* ERROR_DISK_QUOTA_EXCEEDED, which not every SDK has. */
#define QUOTA_EXCEEDED 1295

#define LONG_LOCAL   L"\\\\?\\"
#define LONG_NETWORK L"\\\\?\\UNC\\"
#define LENGTH(text) (sizeof(text) / sizeof *(text)-1)

/* ---------------------------------------------------------------- text */

wchar_t *rdv__win_wide(const char *text)
{
    /* The count includes the NUL. */
    int count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (count <= 0)
        return NULL;
    wchar_t *wide = malloc((size_t)count * sizeof *wide);
    if (!wide) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, count);
    return wide;
}

char *rdv__win_utf8(const wchar_t *text)
{
    int count = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, text, -1, NULL, 0, NULL, NULL);
    if (count <= 0)
        return NULL;
    char *narrow = malloc((size_t)count);
    if (!narrow) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, text, -1, narrow, count, NULL, NULL);
    return narrow;
}

/* --------------------------------------------------------------- paths */

/* Remove the prefix of the form without a limit. Takes path over. */
static wchar_t *without_limit(wchar_t *path)
{
    const bool network = path[0] == L'\\' && path[1] == L'\\';
    const wchar_t *prefix = network ? LONG_NETWORK : LONG_LOCAL;
    const wchar_t *rest = network ? path + 2 : path;
    size_t size = wcslen(prefix), length = wcslen(rest);
    wchar_t *result = malloc((size + length + 1) * sizeof *result);
    if (result) {
        memcpy(result, prefix, size * sizeof *result);
        memcpy(result + size, rest, (length + 1) * sizeof *result);
    }
    free(path);
    if (!result)
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return result;
}

wchar_t *rdv__win_path(const char *path)
{
    wchar_t *wide = rdv__win_wide(path), *full = NULL;
    DWORD length, number = 0;
    if (!wide)
        return NULL;
    if (wide[0] == L'\0') {
        number = ERROR_PATH_NOT_FOUND;
        goto out;
    }
    /* Such paths go to the kernel as they are. */
    if (wcsncmp(wide, LONG_LOCAL, LENGTH(LONG_LOCAL)) == 0)
        return wide;

    length = GetFullPathNameW(wide, 0, NULL, NULL);
    full = length > 0 ? malloc(length * sizeof *full) : NULL;
    if (!full) {
        number = length > 0 ? ERROR_NOT_ENOUGH_MEMORY : GetLastError();
        goto out;
    }
    /* The current folder may have changed in between. */
    DWORD got = GetFullPathNameW(wide, length, full, NULL);
    if (got == 0 || got >= length) {
        number = got == 0 ? GetLastError() : ERROR_BAD_PATHNAME;
        free(full);
        full = NULL;
        goto out;
    }
    if (got > PATH_COMMON && wcsncmp(full, L"\\\\.\\", 4) != 0) {
        full = without_limit(full);
        number = full ? 0 : GetLastError();
    }
out:
    free(wide);
    if (!full)
        SetLastError(number);
    return full;
}

char *rdv__win_found(const wchar_t *path)
{
    if (wcsncmp(path, LONG_NETWORK, LENGTH(LONG_NETWORK)) == 0) {
        char *result = rdv__win_utf8(path + LENGTH(LONG_NETWORK) - 2);
        if (result)
            result[0] = '\\';
        return result;
    }
    /* A volume that has no letter is known by the prefix only. */
    if (wcsncmp(path, LONG_LOCAL, LENGTH(LONG_LOCAL)) == 0 && path[LENGTH(LONG_LOCAL)] != L'\0' &&
        path[LENGTH(LONG_LOCAL) + 1] == L':')
        path += LENGTH(LONG_LOCAL);
    return rdv__win_utf8(path);
}

/* -------------------------------------------------------------- errors */

int rdv__win_error(DWORD number)
{
    switch (number) {
    case ERROR_SUCCESS:
        return 0;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_COMMITMENT_LIMIT:
        return RDV_ENOMEM;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_DIRECTORY:
    case ERROR_INVALID_DRIVE:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
    case ERROR_NOT_READY:
        return RDV_ENOTFOUND;
    case ERROR_ACCESS_DENIED:
    case ERROR_NETWORK_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
        return RDV_EACCES;
    case ERROR_WRITE_PROTECT:
        return RDV_EREADONLY;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case QUOTA_EXCEEDED:
    case ERROR_FILE_TOO_LARGE:
        return RDV_ENOSPC;
    case ERROR_TOO_MANY_OPEN_FILES:
    case ERROR_NO_PROC_SLOTS:
    case ERROR_MAX_THRDS_REACHED:
        return RDV_ERESOURCES;
    default:
        return RDV_EIO;
    }
}

/* Return the words for a frequent error, as other systems have them. */
static const char *common_words(DWORD number)
{
    switch (number) {
    case ERROR_SUCCESS:
        return "Success";
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
        return "Cannot allocate memory";
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return "No such file or directory";
    case ERROR_DIRECTORY:
        return "Not a directory";
    case ERROR_ACCESS_DENIED:
        return "Permission denied";
    case ERROR_WRITE_PROTECT:
        return "Read-only file system";
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        return "No space left on device";
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
        return "File exists";
    case ERROR_SHARING_VIOLATION:
        return "another process has the file open";
    case ERROR_NO_UNICODE_TRANSLATION:
        return "not well-formed Unicode";
    default:
        return NULL;
    }
}

const char *rdv__win_words(DWORD number, char buffer[RDV__WIN_WORDS])
{
    wchar_t text[RDV__WIN_WORDS];
    const char *common = common_words(number);
    if (common)
        return common;

    DWORD length = FormatMessageW(
        FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
        NULL, number, MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), text, RDV__WIN_WORDS, NULL);
    while (length > 0 && (text[length - 1] == L' ' || text[length - 1] == L'.'))
        text[--length] = L'\0';
    /* A Windows of another language may have no English words. */
    if (length == 0 ||
        WideCharToMultiByte(CP_UTF8, 0, text, -1, buffer, RDV__WIN_WORDS, NULL, NULL) <= 0)
        snprintf(buffer, RDV__WIN_WORDS, "Windows error %lu", (unsigned long)number);
    return buffer;
}

int rdv__win_fail(struct rdv_error *error, DWORD number, const char *doing, const char *path)
{
    char words[RDV__WIN_WORDS];
    return rdv__fail(error, rdv__win_error(number), "cannot %s '%s': %s", doing, path,
                     rdv__win_words(number, words));
}
