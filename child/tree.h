/* SPDX-License-Identifier: MIT */
/*
 * The program and all of its descendants. Whoever loses its parent becomes our own child, so all of them hang on our children; and
 * none of them is in our session, as the program begins one of its own.
 */
#ifndef CHILD_TREE_H
#define CHILD_TREE_H

#include <stdbool.h>

#include <sys/types.h>

struct tree {
    pid_t program;
    pid_t spared; /* 0, or a descendant that is, with its own, no part of the tree any more */
    bool ended;   /* the program; what it has left may still be there */
    int status;   /* as waitpid() gives it */
    bool unknown; /* it does not: the system could not tell how it ended */
};

/* Take in those that have ended; false when nobody is left, not even one that is spared. */
bool tree_reap(struct tree *tree);

/* Signal each once, and wake the stopped ones. */
void tree_signal(const struct tree *tree, int number);

/* From now on this process is not killed with the others: it follows us as the agent, restarted from inside. */
void tree_spare(struct tree *tree, pid_t pid);

/* Kill and reap all, those too that are born meanwhile. Gives up after a time on what the kernel can't end now. */
void tree_kill(struct tree *tree);

#endif
