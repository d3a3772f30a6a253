/* SPDX-License-Identifier: MIT */
/*
 * The lock of a listener: a file beside the socket. Both systems' listeners call this, so that the
 * name of the file is made in one place; the locking itself is in unix/lock.c or win/lock.c.
 */
#include "platform/lock.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int rdv__lock_beside(const char *path, struct rdv__plat_lock **ret_lock, struct rdv_error *error)
{
    size_t size = strlen(path);
    char *name = malloc(size + sizeof ".lock");
    if (!name)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    memcpy(name, path, size);
    memcpy(name + size, ".lock", sizeof ".lock");
    int result = rdv__plat_lock(name, "rdvtask", ret_lock, error);
    free(name);
    return result;
}
