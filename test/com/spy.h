/* SPDX-License-Identifier: MIT */
/*
 * Counts the blocks of COM's task memory that are alive in this process, in whichever module they
 * were made: BSTRs, the descriptors and the data of SAFEARRAYs, and what COM itself keeps.
 */
#ifndef RDV_TEST_SPY_H
#define RDV_TEST_SPY_H

/*
 * Begin to count. Call this once in a process, before any other function of COM. Aborts if COM
 * takes no spy.
 */
void spy_install(void);

/* How many blocks have been made since then and not given back. */
long spy_alive(void);

/*
 * How many blocks have been made at all, so that a test can see that there was something to count.
 */
long spy_made(void);

#endif
