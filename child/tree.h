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
    bool ended; /* the program; what it has left may still be there */
    int status; /* as waitpid() gives it */
};

/* Take in those that have ended; false when nobody is left. */
bool tree_reap(struct tree *tree);

/* Signal each once, and wake the stopped ones. */
void tree_signal(int number);

/* Kill and reap all, those too that are born meanwhile. Gives up after a time on what the kernel can't end now. */
void tree_kill(struct tree *tree);

#endif
