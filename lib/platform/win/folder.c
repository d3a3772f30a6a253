/* SPDX-License-Identifier: MIT */
/*
 * The names in a folder, for document/handlers.c and agent/left_running.c. They are collected first
 * and sorted then, so that files are read in the same order on every file system.
 */
#include "platform/folder.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/error.h"
#include "platform/win/win.h"

struct names {
    char **list;
    /* The NULL at the end needs one more. */
    size_t count, room;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_wanted(const WIN32_FIND_DATAW *found, const char *name, const char *suffix)
{
    size_t size = strlen(name), end = strlen(suffix);
    return name[0] != '.' && size >= end && strcmp(name + size - end, suffix) == 0 &&
           !(found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY);
}

static DWORD add_name(struct names *names, char *name)
{
    if (names->count + 1 >= names->room) {
        size_t room = names->room > 0 ? 2 * names->room : 16;
        char **larger = realloc(names->list, room * sizeof *larger);
        if (!larger)
            return ERROR_NOT_ENOUGH_MEMORY;
        names->list = larger;
        names->room = room;
    }
    names->list[names->count++] = name;
    names->list[names->count] = NULL;
    return 0;
}

/* Make the pattern for everything in the folder. The caller frees it with free(). */
static wchar_t *pattern_of(const char *path)
{
    wchar_t *folder = rdv__win_path(path);
    if (!folder)
        return NULL;
    size_t length = wcslen(folder);
    wchar_t *pattern = realloc(folder, (length + 3) * sizeof *pattern);
    if (!pattern) {
        free(folder);
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    wcscpy(pattern + length, L"\\*");
    return pattern;
}

static int list_names(HANDLE search, WIN32_FIND_DATAW *found, const char *suffix, size_t limit,
                      struct names *names, const char *path, struct rdv_error *error)
{
    DWORD number = 0;
    do {
        char *name = rdv__win_utf8(found->cFileName);
        if (!name)
            return rdv__win_fail(error, GetLastError(), "read the folder", path);
        if (!is_wanted(found, name, suffix)) {
            free(name);
            continue;
        }
        if (names->count == limit) {
            free(name);
            return rdv__fail(error, RDV_ELIMIT, "more than %llu files *%s in '%s'",
                             (unsigned long long)limit, suffix, path);
        }
        number = add_name(names, name);
        if (number != 0)
            free(name);
    } while (number == 0 && FindNextFileW(search, found));
    if (number == 0)
        number = GetLastError();
    return number == ERROR_NO_MORE_FILES ? 0
                                         : rdv__win_fail(error, number, "read the folder", path);
}

int rdv__folder_list(const char *path, const char *suffix, size_t limit, char ***ret_names,
                     struct rdv_error *error)
{
    int result = 0;
    WIN32_FIND_DATAW found;
    struct names names = {.list = calloc(1, sizeof *names.list), .room = 1};
    wchar_t *pattern = names.list ? pattern_of(path) : NULL;
    if (!pattern) {
        result = rdv__win_fail(error, names.list ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY,
                               "read the folder", path);
        goto out;
    }
    HANDLE search = FindFirstFileW(pattern, &found);
    if (search != INVALID_HANDLE_VALUE) {
        result = list_names(search, &found, suffix, limit, &names, path, error);
        FindClose(search);
        /* That error comes from a drive that is empty. */
    } else if (GetLastError() != ERROR_FILE_NOT_FOUND) {
        result = rdv__win_fail(error, GetLastError(), "read the folder", path);
    }
    if (result != 0)
        goto out;
    qsort(names.list, names.count, sizeof *names.list, compare_names);
    *ret_names = names.list;
    names = (struct names){0};

out:
    for (size_t i = 0; i < names.count; i++)
        free(names.list[i]);
    free(names.list);
    free(pattern);
    return result;
}

bool rdv__folder_has(const char *path)
{
    wchar_t *wide = rdv__win_path(path);
    bool result = wide && GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
    free(wide);
    return result;
}
