/* SPDX-License-Identifier: MIT */
/* The lock of a listener. */
#ifndef RDV__PLATFORM_LOCK_H
#define RDV__PLATFORM_LOCK_H

#include <rdvtask/base.h>

#include "platform/platform.h"

/* Take rdv__plat_lock() on PATH.lock. Fails as that does, and with RDV_ENOMEM. */
int rdv__lock_beside(const char *path, struct rdv__plat_lock **ret_lock, struct rdv_error *error);

#endif
