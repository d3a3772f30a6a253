/* SPDX-License-Identifier: MIT */
/* The priority of a log line, as systemd's journal reads it: a line that begins with "<3>" has
 * priority 3 (sd-daemon(3)). */
#ifndef CLI_JOURNAL_PREFIX_H
#define CLI_JOURNAL_PREFIX_H

/* The priorities of syslog, which are also those of rdv_log_level. */
enum journal_priority {
    JOURNAL_ERROR = 3,
    JOURNAL_WARNING = 4,
    JOURNAL_NOTICE = 5,
    JOURNAL_INFO = 6,
    JOURNAL_DEBUG = 7
};

/* What a line on standard error begins with: "" unless standard error goes to the journal. A
 * constant string. */
const char *journal_prefix(int priority);

#endif
