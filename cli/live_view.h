/* SPDX-License-Identifier: MIT */
/* How tasks are shown while they run: on a terminal as a live table, elsewhere as a line for
 * each change, in words or in JSON. */
#ifndef CLI_LIVE_VIEW_H
#define CLI_LIVE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/loop.h>
#include <rdvtask/store.h>

struct options;
struct view;

/* The figures in the last line of the live table. */
struct view_figures {
    bool known; /* whether the others are */
    bool paused;
    size_t running, waiting;
    rdv_time next; /* when something happens next; 0 = unknown */
};

/* Where the live table gets its entries and figures from. */
struct view_source {
    /* Call fn for the first entries that have not ended. Returns 0 or an RDV_E…. */
    int (*entries)(void *source, const char *identifier, int64_t limit, rdv_entry_fn fn,
                   void *user);
    void (*figures)(void *source, struct view_figures *ret_figures);
    void *source;
};

/* Make a view of one task, or of all (identifier NULL). It writes through output_queue.h.
 * Returns 0 or an RDV_E…. */
int view_new(const struct options *options, rdv_loop *loop, const struct view_source *source,
             const char *identifier, struct view **ret_view);

/* Show the table from now on, since its source is ready. */
void view_begin(struct view *view);

/* Show that an entry has changed. */
void view_show_change(struct view *view, const rdv_entry *entry);

/* Print a log line on standard error, without damage to the table. view may be NULL. */
void view_print_line(struct view *view, int priority, const char *line);

/* Adapt to a new size of the terminal. */
void view_resized(struct view *view);

/* Show the last state, and leave the terminal as it was. Nothing is shown afterwards. Called
 * before the trigger is freed. */
void view_end(struct view *view);

/* NULL is fine. */
void view_free(struct view *view);

#endif
