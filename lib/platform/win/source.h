/* SPDX-License-Identifier: MIT */
/*
 * What the loop can watch on Windows, where it waits for objects and not for descriptors. A source
 * has two of them: one is signalled while there is something to read, or the end of it, and the
 * other while there is room to write. Timers, processes, pipes and listeners begin with a source;
 * loop/poll_win.c waits for it, and knows nothing else about them.
 */
#ifndef RDV__WIN_SOURCE_H
#define RDV__WIN_SOURCE_H

struct rdv__source {
    /* HANDLE of a manual-reset event, timer or process; NULL = it is never readable. */
    void *readable;
    /* HANDLE of the same kind; NULL = it is never writable. */
    void *writable;
};

#endif
