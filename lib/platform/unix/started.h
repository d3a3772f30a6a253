/* SPDX-License-Identifier: MIT */
/*
 * When a process was started. rdvtask-child writes it into its record, and adopt.c compares it, so
 * both read it here.
 */
#ifndef RDV__UNIX_STARTED_H
#define RDV__UNIX_STARTED_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Read field 22 of /proc/PID/stat, in clock ticks since boot. Returns 0 if there is no such
 * process.
 */
static inline unsigned long long rdv__unix_started(const char *stat_path)
{
    char text[1024];
    const int fd = open(stat_path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    /* The name comes before it, and may have anything in it. */
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

#endif
