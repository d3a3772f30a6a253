/* SPDX-License-Identifier: MIT */
/*
 * What is in a folder: the same functions for every system. The build chooses unix/folder.c or
 * win/folder.c.
 */
#ifndef RDV__PLATFORM_FOLDER_H
#define RDV__PLATFORM_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

/*
 * List the names in a folder that end with `suffix`, sorted by bytes. They are names of regular
 * files (symbolic links are followed), and of files that can't be examined, so that the caller
 * notices these; names that begin with a dot are left out. Fails with RDV_ELIMIT for more than
 * `limit` names, RDV_ENOTFOUND, or what the system says; error's words name the folder. ret_names
 * ends with NULL; the caller frees each name, and the list, with free().
 */
int rdv__folder_list(const char *path, const char *suffix, size_t limit, char ***ret_names,
                     struct rdv_error *error);

/* Whether something has this name, of whatever kind. */
bool rdv__folder_has(const char *path);

#endif
