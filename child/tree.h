/* SPDX-License-Identifier: MIT */
/* All descendants, found through /proc: whoever detaches from its parent becomes our own child. */
#ifndef CHILD_TREE_H
#define CHILD_TREE_H

/* Signal each once (and wake the stopped ones). */
void tree_signal(int number);

/* Kill all, again and again until there are none; reaps them. Does not return before, or before no more can be done. */
void tree_kill(void);

#endif
