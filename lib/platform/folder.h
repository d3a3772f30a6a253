/* SPDX-License-Identifier: MIT */
/* What is in a folder: the same functions for each system, chosen by the build. */
#ifndef RDV__PLATFORM_FOLDER_H
#define RDV__PLATFORM_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

/*
 * The names in a folder that end with `suffix`, sorted by bytes: of regular files (symbolic links are followed), and of what
 * can't be looked at, so that it is missed; names that begin with a dot are left out. RDV_ELIMIT for more than `limit`;
 * RDV_ENOTFOUND; else what the system says; error's words name the folder. ret_names ends with NULL; free() each and all.
 */
int rdv__folder_list(const char *path, const char *suffix, size_t limit, char ***ret_names,
                     struct rdv_error *error);

/* Whether there is something of this name, of whatever kind. */
bool rdv__folder_has(const char *path);

#endif
