/* SPDX-License-Identifier: MIT */
/*
 * Paths, and programs by their names, for spawn.c. A program is searched for as Windows itself does
 * it, except that the current folder and relative folders of PATH are passed over, and batch files
 * are refused.
 */
#include "platform/win/child.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/error.h"

static bool is_separator(char c)
{
    return c == '\\' || c == '/';
}

bool rdv__plat_is_absolute(const char *path)
{
    if (is_separator(path[0]))
        return is_separator(path[1]);
    return isalpha((unsigned char)path[0]) && path[1] == ':' && is_separator(path[2]);
}

const char *rdv__plat_last_part(const char *path)
{
    const char *part = path;
    for (const char *c = path; *c; c++)
        if (is_separator(*c))
            part = c + 1;
    return *part ? part : path;
}

/*
 * Whether a path depends on the current folder, or on that of a drive, in a way that means
 * something else elsewhere.
 */
static bool is_half_absolute(const char *path)
{
    return !rdv__plat_is_absolute(path) && (is_separator(path[0]) || strchr(path, ':'));
}

/* ------------------------------------------------------------------ programs */

static bool ends_with(const wchar_t *path, const wchar_t *suffix)
{
    size_t length = wcslen(path), cut = wcslen(suffix);
    return length > cut && CompareStringOrdinal(path + length - cut, (int)cut, suffix, (int)cut,
                                                TRUE) == CSTR_EQUAL;
}

/*
 * Whether a path is that of a batch file. Windows hands those to cmd.exe, which reads their
 * arguments as commands, by rules of its own that no quoting is safe from. The path is in Windows'
 * own form: without trailing spaces and dots, with which the file could be opened as well.
 */
static bool is_batch(const wchar_t *path)
{
    return ends_with(path, L".bat") || ends_with(path, L".cmd");
}

static bool is_file(const wchar_t *path)
{
    DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY);
}

static int cannot(const char *name, DWORD number, struct rdv_error *error)
{
    char buffer[RDV__WIN_WORDS];
    return rdv__fail(error, rdv__win_error(number), "cannot run '%s': %s", name,
                     rdv__win_words(number, buffer));
}

static int refuse_batch(const char *name, const wchar_t *path, struct rdv_error *error)
{
    char *found = rdv__win_found(path);
    int result =
        rdv__fail(error, RDV_ENOTSUP,
                  "cannot run '%s': a batch file is run by cmd.exe, to which arguments are "
                  "commands; if they are fit for that, write \"cmd.exe\", \"/d\", \"/c\" before "
                  "the path of the file, %s",
                  name, found ? found : name);
    free(found);
    return result;
}

/*
 * Join a folder (of this length; none if it is 0), a name and a suffix, in Windows' own form.
 * Returns NULL with GetLastError().
 */
static wchar_t *path_of(const char *folder, size_t length, const char *name, const char *suffix)
{
    size_t room = length + strlen(name) + strlen(suffix) + 2;
    char *path = malloc(room);
    if (!path) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    snprintf(path, room, "%.*s%s%s%s", (int)length, folder, length > 0 ? "\\" : "", name, suffix);
    wchar_t *result = rdv__win_path(path);
    free(path);
    return result;
}

/*
 * Look for a program in a folder by the name as it is written, and with the suffixes that Windows
 * adds; or, with `batch`, for a batch file. Returns NULL if there is none.
 */
static wchar_t *look_in_folder(const char *folder, size_t length, const char *name, bool batch)
{
    static const char *const programs[] = {"", ".exe", NULL};
    static const char *const batches[] = {"", ".cmd", ".bat", NULL};
    const char *const *suffix = batch ? batches : programs;
    /* Without a suffix, it isn't the name of a program. */
    if (!strchr(rdv__plat_last_part(name), '.'))
        suffix++;
    for (; *suffix; suffix++) {
        wchar_t *path = path_of(folder, length, name, *suffix);
        if (path && is_file(path) && is_batch(path) == batch)
            return path;
        free(path);
    }
    return NULL;
}

static const char *path_variable(const char *const *environment)
{
    const char *found = "";
    for (; *environment; environment++)
        if (_strnicmp(*environment, "PATH=", 5) == 0)
            /* The last one counts, as in the child. */
            found = *environment + 5;
    return found;
}

/*
 * Look for a program in the folders of PATH. Folders that are not absolute (an empty one isn't) are
 * passed over, as what is run may not depend on where the host happens to be.
 */
static wchar_t *look_in_path(const char *folders, const char *name, bool batch)
{
    wchar_t *path = NULL;
    for (const char *end; !path && *folders; folders = end + (*end == ';')) {
        size_t length = strcspn(folders, ";");
        const char *folder = folders;
        end = folders + length;
        if (length >= 2 && folder[0] == '"' && folder[length - 1] == '"') {
            folder++;
            length -= 2;
        }
        if (length >= 2 && rdv__plat_is_absolute(folder))
            path = look_in_folder(folder, length, name, batch);
    }
    return path;
}

static int find_by_name(const char *name, const char *folders, wchar_t **ret_path,
                        struct rdv_error *error)
{
    wchar_t *path = *name ? look_in_path(folders, name, false) : NULL;
    if (path) {
        *ret_path = path;
        return 0;
    }
    path = *name ? look_in_path(folders, name, true) : NULL;
    int result = path ? refuse_batch(name, path, error)
                      : rdv__fail(error, RDV_ENOTFOUND, "cannot run '%s': not found in PATH", name);
    free(path);
    return result;
}

static int find_by_path(const char *name, const char *directory, wchar_t **ret_path,
                        struct rdv_error *error)
{
    const bool relative = !rdv__plat_is_absolute(name);
    const char *folder = relative && directory ? directory : "";
    if (is_half_absolute(name))
        return rdv__fail(error, RDV_EINVAL,
                         "cannot run '%s': its path depends on the current folder or drive; write "
                         "all of it, such as C:\\Tools\\x.exe",
                         name);
    wchar_t *path = look_in_folder(folder, strlen(folder), name, false);
    if (!path)
        path = path_of(folder, strlen(folder), name, "");
    if (!path)
        return cannot(name, GetLastError(), error);

    DWORD attributes = GetFileAttributesW(path);
    int result = 0;
    if (attributes == INVALID_FILE_ATTRIBUTES)
        result = cannot(name, GetLastError(), error);
    else if (attributes & FILE_ATTRIBUTE_DIRECTORY)
        result = cannot(name, ERROR_ACCESS_DENIED, error);
    else if (is_batch(path))
        result = refuse_batch(name, path, error);
    if (result == 0)
        *ret_path = path;
    else
        free(path);
    return result;
}

int rdv__win_find_program(const struct rdv__plat_spawn *spawn, const char *directory,
                          wchar_t **ret_path, struct rdv_error *error)
{
    const char *name = spawn->argv[0];
    if (strpbrk(name, "/\\:"))
        return find_by_path(name, directory, ret_path, error);
    return find_by_name(name, path_variable(spawn->environment), ret_path, error);
}
