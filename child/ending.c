/* SPDX-License-Identifier: MIT */
/*
 * The end of the program as text, for the record (record.c) and for the agent (main.c calls
 * ending_report() once, at the end); ending.h has the format. Nothing here waits or allocates.
 */
#define _GNU_SOURCE

#include "ending.h"

#include <stdio.h>
#include <unistd.h>

#include <sys/uio.h>
#include <sys/wait.h>

size_t ending_head(const struct ending *ending, char head[ENDING_HEAD])
{
    int size;
    if (ending->failure->number != 0)
        size = snprintf(head, ENDING_HEAD, "failed %d %s\n", ending->failure->number,
                        ending->failure->words);
    else if (WIFSIGNALED(ending->status))
        size = snprintf(head, ENDING_HEAD, "signal %d\n", WTERMSIG(ending->status));
    else
        size = snprintf(head, ENDING_HEAD, "exit %d\n", WEXITSTATUS(ending->status));
    if (ending->lost > 0)
        size += snprintf(head + size, ENDING_HEAD - (size_t)size, "lost %llu\n", ending->lost);
    size += snprintf(head + size, ENDING_HEAD - (size_t)size, "output %zu\n", ending->tail_size);
    return (size_t)size;
}

void ending_report(const struct ending *ending, int report)
{
    char head[ENDING_HEAD];
    if (report < 0)
        return;
    const struct iovec parts[] = {{head, ending_head(ending, head)},
                                  {(char *)ending->tail, ending->tail_size}};
    /*
     * The pipe is empty, and this process must not wait: the end of the tail is lost if the pipe
     * has no room for it.
     */
    const ssize_t written = writev(report, parts, 2);
    (void)written;
}
