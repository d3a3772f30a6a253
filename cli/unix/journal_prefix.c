/* SPDX-License-Identifier: MIT */
/* Whether standard error goes to the journal, and the prefixes that it reads. */
#include "../journal_prefix.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* JOURNAL_STREAM is DEVICE:INODE of the socket that the manager connected this process to. It
 * has to be compared with standard error, since the variable is passed on to programs whose
 * output goes elsewhere. */
static bool stderr_is_journal(void)
{
    struct stat status;
    const char *text = getenv("JOURNAL_STREAM");
    char *end;
    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    const unsigned long long device = strtoull(text, &end, 10);
    if (errno || *end != ':' || end[1] < '0' || end[1] > '9')
        return false;
    const unsigned long long inode = strtoull(end + 1, &end, 10);
    if (errno || *end || fstat(STDERR_FILENO, &status) != 0)
        return false;
    return device == (unsigned long long)status.st_dev &&
           inode == (unsigned long long)status.st_ino;
}

const char *journal_prefix(int priority)
{
    static const char *const prefixes[] = {"<0>", "<1>", "<2>", "<3>", "<4>", "<5>", "<6>", "<7>"};
    if (priority < 0 || (size_t)priority >= sizeof(prefixes) / sizeof(prefixes[0]))
        return "";
    return stderr_is_journal() ? prefixes[priority] : "";
}
