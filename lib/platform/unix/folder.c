/* SPDX-License-Identifier: MIT */
/*
 * The names in a folder, for document/handlers.c and agent/left_running.c. They are collected first
 * and sorted then, so that files are read in the same order on every file system.
 */
#define _GNU_SOURCE

#include "platform/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/unix/unix.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_wanted(int folder, const char *name, const char *suffix)
{
    size_t size = strlen(name), end = strlen(suffix);
    struct stat status;
    if (name[0] == '.' || size < end || strcmp(name + size - end, suffix) != 0)
        return false;
    return fstatat(folder, name, &status, 0) < 0 || S_ISREG(status.st_mode);
}

int rdv__folder_list(const char *path, const char *suffix, size_t limit, char ***ret_names,
                     struct rdv_error *error)
{
    int result = 0;
    size_t count = 0, room = 16;
    const struct dirent *entry;
    DIR *folder = opendir(path);
    char **names = folder ? malloc(room * sizeof *names) : NULL;
    if (!names)
        goto failed;
    while (errno = 0, (entry = readdir(folder))) {
        if (!is_wanted(dirfd(folder), entry->d_name, suffix))
            continue;
        if (count == limit) {
            result = rdv__fail(error, RDV_ELIMIT, "more than %zu files *%s in '%s'", limit, suffix,
                               path);
            goto out;
        }
        if (count + 1 == room) {
            char **larger = realloc(names, 2 * room * sizeof *names);
            if (!larger)
                goto failed;
            names = larger;
            room *= 2;
        }
        names[count] = strdup(entry->d_name);
        if (!names[count])
            goto failed;
        count++;
    }
    if (errno)
        goto failed;
    qsort(names, count, sizeof *names, compare_names);
    names[count] = NULL;
    *ret_names = names;
    names = NULL;
    goto out;

failed:
    result = rdv__fail(error, rdv__unix_error(errno), "cannot read the folder '%s': %s", path,
                       rdv__unix_words(errno));
out:
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
    if (folder)
        closedir(folder);
    return result;
}

bool rdv__folder_has(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}
