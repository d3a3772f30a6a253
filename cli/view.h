/* SPDX-License-Identifier: MIT */
/* How running tasks are shown: a live table on a terminal, otherwise a line a change, as text or JSON. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <stdbool.h>

#include <rdvtask/loop.h>
#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

struct options;
struct view;

/*
 * Make a view. `identifier`: the only one to show, NULL = all. Output that fails is told by `failed(user)`, once.
 * Returns 0 or an RDV_E… constant.
 */
int view_new(const struct options *options, rdv_loop *loop, rdv_store *store,
             const char *identifier, void (*failed)(void *user), void *user,
             struct view **ret_view);

/* The live table's figures come from this trigger; before the first change is shown. */
void view_follow(struct view *view, rdv_trigger *trigger);

/* An entry has changed. */
void view_change(struct view *view, const rdv_entry *entry);

/* A line for people, on stderr, out of the table's way. */
void view_say(struct view *view, int priority, const char *line);

/* The terminal has another size. */
void view_resized(struct view *view);

/* Show where things stand, and leave the terminal as it was; nothing is shown afterwards. Before the trigger is freed. */
void view_end(struct view *view);

/* NULL is fine. */
void view_free(struct view *view);

#endif
