/* SPDX-License-Identifier: MIT */
/* How running tasks are shown: a live table on a terminal, otherwise a line a change, as text or JSON. */
#ifndef CLI_LIVE_VIEW_H
#define CLI_LIVE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/loop.h>
#include <rdvtask/store.h>

struct options;
struct view;

/* The live table's last line. */
struct view_figures {
    bool known; /* else the rest is not */
    bool paused;
    size_t running, waiting;
    rdv_time next; /* when something happens next; 0 = not known */
};

/* Where the live table gets what it shows. */
struct view_source {
    /* Call fn for the first entries that have not ended. Returns 0 or an RDV_E…. */
    int (*entries)(void *source, const char *identifier, int64_t limit, rdv_entry_fn fn,
                   void *user);
    void (*figures)(void *source, struct view_figures *ret_figures);
    void *source;
};

/* Make a view. `identifier`: the only one to show, NULL = all. What it shows goes through output_queue.h. Returns 0 or an RDV_E… constant. */
int view_new(const struct options *options, rdv_loop *loop, const struct view_source *source,
             const char *identifier, struct view **ret_view);

/* Show the table from now on: its source is ready. */
void view_begin(struct view *view);

/* An entry has changed. */
void view_show_change(struct view *view, const rdv_entry *entry);

/* A line for people, on stderr, out of the table's way. */
void view_print_line(struct view *view, int priority, const char *line);

/* The terminal has another size. */
void view_resized(struct view *view);

/* Show where things stand, and leave the terminal as it was; nothing is shown afterwards. Before the trigger is freed. */
void view_end(struct view *view);

/* NULL is fine. */
void view_free(struct view *view);

#endif
