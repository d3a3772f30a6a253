/* SPDX-License-Identifier: MIT */
/*
 * What the loop can watch on Windows, where it waits for objects and not for descriptors: two of them, of which one is signalled
 * while there is something to read, or the end of it, and the other while there is room to write. Timers, processes, pipes and
 * listeners lead with a source; io.c waits for it, and knows nothing else of them.
 */
#ifndef RDV__WIN_SOURCE_H
#define RDV__WIN_SOURCE_H

struct rdv__source {
    void *readable; /* HANDLE of a manual-reset event, timer or process; NULL = it is never read */
    void *writable; /* the same; NULL = it is never written */
};

#endif
