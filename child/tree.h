/* SPDX-License-Identifier: MIT */
/*
 * The program and all of its descendants. A process that loses its parent becomes a child of the
 * supervisor, so all of them descend from the supervisor's children. None of them is in the
 * supervisor's session, as the program begins one of its own.
 */
#ifndef CHILD_TREE_H
#define CHILD_TREE_H

#include <stdbool.h>

#include <sys/types.h>

struct tree {
    pid_t program;
    /* 0, or a descendant that is no longer part of the tree, nor are its own descendants. */
    pid_t spared;
    /* The program has ended; processes that it has left may still be there. */
    bool ended;
    /* As waitpid() gives it. */
    int status;
    /* There is no status, as the system could not tell how the program ended. */
    bool unknown;
};

/*
 * Reap the processes that have ended. False when no process is left, not even one that is spared.
 */
bool tree_reap(struct tree *tree);

/* Signal each process once, and wake the stopped ones. */
void tree_signal(const struct tree *tree, int number);

/*
 * From now on, this process is not killed with the others: it is an agent that follows the
 * supervisor, and was restarted from inside the tree.
 */
void tree_spare(struct tree *tree, pid_t pid);

/*
 * Kill and reap all of them, including those that are born meanwhile. After a time this gives up on
 * what the kernel can't end now.
 */
void tree_kill(struct tree *tree);

#endif
