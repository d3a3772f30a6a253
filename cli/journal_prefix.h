/* SPDX-License-Identifier: MIT */
/* Log lines as the journal wants them: a line that begins with "<3>" is kept with that priority (sd-daemon(3)). */
#ifndef CLI_JOURNAL_PREFIX_H
#define CLI_JOURNAL_PREFIX_H

/* The numbers are syslog's, and those of rdv_log_level. */
enum journal_priority {
    JOURNAL_ERROR = 3,
    JOURNAL_WARNING = 4,
    JOURNAL_NOTICE = 5,
    JOURNAL_INFO = 6,
    JOURNAL_DEBUG = 7
};

/* What a line on stderr is to begin with: "" unless stderr goes to the journal. A constant string. */
const char *journal_prefix(int priority);

#endif
