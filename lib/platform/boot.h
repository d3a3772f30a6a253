/* SPDX-License-Identifier: MIT */
/* Which boot of the machine this is. */
#ifndef RDV__PLATFORM_BOOT_H
#define RDV__PLATFORM_BOOT_H

#include <rdvtask/base.h>

#define RDV__BOOT_ID_ROOM 128

/*
 * How many times a run may have the machine rebooted by asking for it, so that no task can keep it
 * rebooting for ever.
 */
#define RDV__REBOOTS_MAX 5

/*
 * Read the boot id from the first line of this file or, if it is NULL, ask the system. Returns 0,
 * or an error with words.
 */
int rdv__boot_id(const char *file, char buffer[RDV__BOOT_ID_ROOM], struct rdv_error *error);

#endif
