/* SPDX-License-Identifier: MIT */
/*
 * How tasks are shown while they run. `run`, `start` and `watch` hand in each change, and where the
 * live table gets its entries from.
 *
 * The live table has two parts. A task that has ended is printed once, and scrolls away with the
 * rest of the terminal. Below that, the rows of tasks that run or come next, and a line of figures,
 * are redrawn in place. Nothing is redrawn while the terminal has not taken what was drawn last, so
 * that a slow terminal only sees fewer of the tables.
 */
#include "live_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "display_text.h"
#include "entry_text.h"
#include "messages.h"
#include "options.h"
#include "output_queue.h"
#include "system.h"

/* The least time between two tables. It is longer if drawing would take more than one
 * DRAW_SHARE-th of the time otherwise. */
#define DRAW_GAP   (100 * RDV_MILLISECOND)
#define DRAW_SHARE 10

/* How a terminal is treated that has not taken what was drawn last: the longest time until it is
 * looked at again; how many bytes of rows of ended tasks are kept for it; and how long the last
 * table waits for it. */
#define STUCK_GAP  RDV_SECOND
#define STUCK_SIZE ((size_t)256 * 1024)
#define STUCK_END  (500 * RDV_MILLISECOND)

/* The most rows of the part that is redrawn; and bounds for the columns of the terminal. */
#define LIVE_ROWS_MOST     40
#define LIVE_COLUMNS_MOST  400
#define LIVE_COLUMNS_LEAST 40

#define WORD_COLUMNS    11
#define PERCENT_COLUMNS 4
#define WINDOW_COLUMNS  16

enum mode { MODE_NOTHING, MODE_LINES, MODE_JSON, MODE_LIVE };

struct view {
    enum mode mode;
    bool colors, ended, has_head;
    struct view_source source;
    bool begun;
    struct view_figures figures;
    const char *identifier;

    /* the live table */
    rdv_timer *timer;
    rdv_time now, drawn_at, due; /* due: 0 = the timer has not been started */
    rdv_duration gap, stuck_gap;
    size_t columns, rows;              /* of the terminal */
    size_t widths[LIVE_ROWS_MOST + 1]; /* columns of each line that is drawn below */
    size_t drawn;                      /* how many such lines there are */
    size_t succeeded, not_succeeded;
    struct text ended_rows; /* of tasks that have ended, not printed yet */
    struct text output;     /* what is being drawn */
};

/* The widths of the columns of the table. 0 = left out, because there is no room. */
struct layout {
    size_t identifier, label, bar, window, message;
};

static struct layout lay_out_columns(size_t columns)
{
    struct layout layout = {0};
    if (columns < LIVE_COLUMNS_LEAST)
        columns = LIVE_COLUMNS_LEAST;
    layout.bar = columns >= 100 ? 10 : columns >= 64 ? 5 : 0;
    layout.window = columns >= 76 ? WINDOW_COLUMNS : 0;
    const size_t bar = layout.bar > 0 ? layout.bar + 2 : 0;
    /* The last column stays free: some terminals begin a new line after it, and others don't. */
    const size_t rest = columns - 1 - (WORD_COLUMNS + bar + PERCENT_COLUMNS + layout.window + 5);
    layout.identifier = rest * 2 / 5 < 36 ? rest * 2 / 5 : 36;
    layout.label = rest * 3 / 10 < 24 ? rest * 3 / 10 : 24;
    layout.message = rest - layout.identifier - layout.label;
    return layout;
}

/* Write what is in view->output, or count it as lost if there was no memory for it. */
static void write_output(struct view *view)
{
    /* Lost lines are reported before the next line, once those in between have been written. A
     * live table has no place for a report. */
    if (view->mode != MODE_LIVE)
        report_lost_lines();
    if (view->output.failed)
        output_count_lost(OUTPUT_STDOUT);
    else
        output_write(OUTPUT_STDOUT, view->output.data, view->output.size);
    text_clear(&view->output);
    view->output.failed = false;
}

/* ------------------------------------------------------------ lines */

static void print_change(struct view *view, const rdv_entry *entry)
{
    struct text *line = &view->output;
    char buffer[TEXT_TIME_SIZE];
    text_add_string(line, text_time(rdv_time_now(), buffer));
    text_add_string(line, " ");
    text_add_escaped(line, entry->identifier, strlen(entry->identifier), 0);
    text_add_string(line, " ");
    text_add_escaped(line, entry->label, strlen(entry->label), 0);
    text_add_string(line, " ");
    text_add_string(line, entry_word(entry));
    if (entry->progress >= 0) {
        snprintf(buffer, sizeof(buffer), " %d%%", entry->progress);
        text_add_string(line, buffer);
    }
    if (entry->message[0]) {
        text_add_string(line, " ");
        text_add_escaped(line, entry->message, strlen(entry->message), 0);
    }
    text_add_string(line, "\n");
    write_output(view);
}

static void print_json(struct view *view, const rdv_entry *entry)
{
    if (entry_add_json(&view->output, entry) != 0)
        view->output.failed = true;
    text_add_string(&view->output, "\n");
    write_output(view);
}

/* ------------------------------------------------------------ the table */

/* Add what a person wants to know of the window: when it opens or closes. While nothing runs
 * this is a moment and not a countdown, so that nothing has to be redrawn, and nothing wakes up. */
static void add_window(struct view *view, struct text *line, const rdv_entry *entry, size_t columns)
{
    char text[64] = "", time[TEXT_TIME_SIZE], now[TEXT_TIME_SIZE], length[TEXT_DURATION_SIZE];
    const rdv_window *window = &entry->window;
    const bool opens = entry->state == RDV_STATE_PENDING && window->start > view->now;
    const char *word = opens ? "opens" : "closes";
    const rdv_time moment = opens ? window->start : window->end;
    if (entry->state != RDV_STATE_FINISHED && moment > view->now) {
        if (view->figures.running > 0) {
            text_duration(moment - view->now, false, length);
            snprintf(text, sizeof(text), "%s in %s", word, length);
        } else {
            text_time(moment, time);
            text_time(view->now, now);
            const bool today = strncmp(time, now, strlen("2026-11-22")) == 0;
            snprintf(text, sizeof(text), "%s %.10s", word,
                     today ? time + strlen("2026-11-22T") : time);
        }
    }
    text_add_cell(line, text, columns);
}

static void add_progress(struct text *line, const rdv_entry *entry, size_t bar)
{
    char percent[8] = "";
    const bool known = entry->progress >= 0;
    const size_t filled = known ? (size_t)entry->progress * bar / 100 : 0;
    if (bar > 0)
        text_add_string(line, known ? "[" : " ");
    for (size_t i = 0; i < bar; i++)
        text_add_string(line, !known ? " " : i < filled ? "#" : "-");
    if (bar > 0)
        text_add_string(line, known ? "]" : " ");
    if (known)
        snprintf(percent, sizeof(percent), "%3d%%", entry->progress);
    text_add_cell(line, percent, PERCENT_COLUMNS);
}

/* Add a row and its line end. Returns the most columns that it may take, from which it follows
 * whether it fits into a narrower terminal. */
static size_t add_row(struct view *view, struct text *line, const rdv_entry *entry)
{
    const struct layout layout = lay_out_columns(view->columns);
    char took[TEXT_DURATION_SIZE], words[64];
    text_add_cell(line, entry->identifier, layout.identifier);
    text_add_string(line, " ");
    text_add_cell(line, entry->label, layout.label);
    text_add_string(line, " ");
    entry_add_word(line, entry, WORD_COLUMNS, view->colors);
    text_add_string(line, " ");
    add_progress(line, entry, layout.bar);
    text_add_string(line, " ");
    if (entry->state == RDV_STATE_FINISHED && entry->started_at > 0) {
        text_duration(entry->finished_at - entry->started_at, true, took);
        snprintf(words, sizeof(words), "took %s", took);
        text_add_cell(line, words, layout.window);
    } else {
        add_window(view, line, entry, layout.window);
    }
    text_add_string(line, " ");
    text_add_escaped(line, entry->message, strlen(entry->message), layout.message);
    text_add_string(line, "\n");
    return (view->columns < LIVE_COLUMNS_LEAST ? LIVE_COLUMNS_LEAST : view->columns) - 1;
}

static void add_head(struct view *view)
{
    const struct layout layout = lay_out_columns(view->columns);
    struct text *line = &view->output;
    text_add_cell(line, "IDENTIFIER", layout.identifier);
    text_add_string(line, " ");
    text_add_cell(line, "LABEL", layout.label);
    text_add_string(line, " ");
    text_add_cell(line, "STATUS", WORD_COLUMNS);
    text_add_string(line, " ");
    text_add_cell(line, layout.bar > 0 ? "PROGRESS" : "",
                  PERCENT_COLUMNS + (layout.bar > 0 ? layout.bar + 2 : 0));
    text_add_string(line, " ");
    text_add_cell(line, "WINDOW", layout.window);
    text_add_string(line, " ");
    text_add_cell(line, "MESSAGE", layout.message);
    text_add_string(line, "\n");
}

static int draw_entry(void *user, const rdv_entry *entry)
{
    struct view *view = user;
    if (view->drawn < LIVE_ROWS_MOST)
        view->widths[view->drawn++] = add_row(view, &view->output, entry);
    return 0;
}

static void add_figures(struct view *view)
{
    struct text line = {0};
    char words[128], time[TEXT_TIME_SIZE];
    const struct view_figures *figures = &view->figures;
    snprintf(words, sizeof(words), "%s%zu running, %zu waiting, %zu succeeded, %zu not",
             figures->paused ? "paused: " : "", figures->running, figures->waiting, view->succeeded,
             view->not_succeeded);
    text_add_string(&line, words);
    if (figures->running == 0 && figures->next > view->now) {
        text_add_string(&line, "; next at ");
        text_add_string(&line, text_time(figures->next, time));
    }
    if (!line.failed)
        view->widths[view->drawn++] =
            text_add_escaped(&view->output, line.data, line.size, view->columns - 1);
    text_add_string(&view->output, "\n");
    text_finish(&line);
}

/* Go back to the first of the lines that are redrawn, and erase them. Lines that are too long
 * for the terminal by now have wrapped. */
static void add_erase(struct view *view)
{
    char move[40];
    size_t up = 0;
    for (size_t i = 0; i < view->drawn; i++)
        up += 1 + (view->widths[i] > 0 ? (view->widths[i] - 1) / view->columns : 0);
    if (up > 0) {
        snprintf(move, sizeof(move), "\r\x1b[%zuA\x1b[J", up);
        text_add_string(&view->output, move);
    }
    view->drawn = 0;
}

static void measure_terminal(struct view *view)
{
    system_terminal_size(&view->columns, &view->rows);
    if (view->columns > LIVE_COLUMNS_MOST)
        view->columns = LIVE_COLUMNS_MOST;
}

static void start_timer(struct view *view, rdv_duration duration)
{
    const rdv_time due = view->now + duration;
    if (view->due && view->due > view->now && view->due <= due)
        return;
    view->due = due;
    rdv_timer_start(view->timer, duration);
}

static void draw_table(struct view *view)
{
    struct text *output = &view->output;
    memset(&view->figures, 0, sizeof(view->figures));
    if (view->begun)
        view->source.figures(view->source.source, &view->figures);
    view->now = rdv_time_now();
    measure_terminal(view);
    add_erase(view);
    if (!view->has_head)
        add_head(view);
    view->has_head = true;
    if (view->ended_rows.size > 0)
        text_add(output, view->ended_rows.data, view->ended_rows.size);
    text_clear(&view->ended_rows);
    const size_t room = view->rows > 6 ? view->rows - 3 : 3;
    const int64_t limit = (int64_t)(room < LIVE_ROWS_MOST ? room : LIVE_ROWS_MOST);
    if (view->begun)
        view->source.entries(view->source.source, view->identifier, limit, draw_entry, view);
    if (view->figures.known && !view->identifier)
        add_figures(view);
    write_output(view);
    view->drawn_at = rdv_time_now();
    const rdv_duration took = view->drawn_at > view->now ? view->drawn_at - view->now : 0;
    view->gap = took * DRAW_SHARE > DRAW_GAP ? took * DRAW_SHARE : DRAW_GAP;
    view->now = view->drawn_at;
}

static void on_timer(void *user)
{
    struct view *view = user;
    view->due = 0;
    if (view->ended)
        return;
    if (!output_wait(OUTPUT_STDOUT, 0)) {
        view->now = rdv_time_now();
        start_timer(view, view->stuck_gap);
        view->stuck_gap = view->stuck_gap * 2 < STUCK_GAP ? view->stuck_gap * 2 : STUCK_GAP;
        return;
    }
    view->stuck_gap = DRAW_GAP;
    draw_table(view);
    /* A running task has something new to show each second, even if nothing changes. */
    if (view->figures.running > 0)
        start_timer(view, RDV_SECOND);
}

static void draw_soon(struct view *view)
{
    view->now = rdv_time_now();
    const rdv_duration since = view->now - view->drawn_at;
    start_timer(view, since >= 0 && since < view->gap ? view->gap - since : 0);
}

/* ------------------------------------------------------------ the view */

int view_new(const struct options *options, rdv_loop *loop, const struct view_source *source,
             const char *identifier, struct view **ret_view)
{
    struct view *view = calloc(1, sizeof(*view));
    if (!view)
        return RDV_ENOMEM;
    view->source = *source;
    view->identifier = identifier;
    view->gap = view->stuck_gap = DRAW_GAP;
    if (options->json)
        view->mode = MODE_JSON;
    else if (options->quiet)
        view->mode = MODE_NOTHING;
    else if (system_live_terminal())
        view->mode = MODE_LIVE;
    else
        view->mode = MODE_LINES;
    if (view->mode == MODE_LIVE) {
        view->colors = entry_colors(options);
        view->now = rdv_time_now();
        measure_terminal(view);
        int result = rdv_timer_new(loop, on_timer, view, &view->timer);
        if (result) {
            free(view);
            return result;
        }
        output_write(OUTPUT_STDOUT, "\x1b[?25l", strlen("\x1b[?25l")); /* hide the cursor */
    }
    *ret_view = view;
    return 0;
}

void view_begin(struct view *view)
{
    view->begun = true;
    if (view->mode == MODE_LIVE)
        draw_soon(view);
}

void view_show_change(struct view *view, const rdv_entry *entry)
{
    if (view->ended || (view->identifier && strcmp(view->identifier, entry->identifier) != 0))
        return;
    if (entry->state == RDV_STATE_FINISHED && entry->outcome == RDV_OUTCOME_SUCCEEDED)
        view->succeeded++;
    else if (entry->state == RDV_STATE_FINISHED)
        view->not_succeeded++;
    switch (view->mode) {
    case MODE_NOTHING:
        break;
    case MODE_LINES:
        print_change(view, entry);
        break;
    case MODE_JSON:
        print_json(view, entry);
        break;
    case MODE_LIVE:
        if (entry->state == RDV_STATE_FINISHED && view->ended_rows.size >= STUCK_SIZE)
            output_count_lost(OUTPUT_STDOUT);
        else if (entry->state == RDV_STATE_FINISHED)
            add_row(view, &view->ended_rows, entry);
        draw_soon(view);
        break;
    }
}

void view_print_line(struct view *view, int priority, const char *line)
{
    const bool live = view && view->mode == MODE_LIVE && !view->ended;
    if (live && view->drawn > 0) {
        measure_terminal(view);
        add_erase(view);
        write_output(view);
    }
    print_log_line(priority, line);
    if (live)
        draw_soon(view);
}

void view_resized(struct view *view)
{
    if (view->mode == MODE_LIVE && !view->ended)
        draw_soon(view);
}

void view_end(struct view *view)
{
    if (view->ended || view->mode != MODE_LIVE) {
        view->ended = true;
        return;
    }
    if (output_wait(OUTPUT_STDOUT, STUCK_END))
        draw_table(view);
    view->ended = true;
    rdv_timer_stop(view->timer);
    output_write(OUTPUT_STDOUT, "\x1b[?25h", strlen("\x1b[?25h"));
}

void view_free(struct view *view)
{
    if (!view)
        return;
    rdv_timer_free(view->timer);
    text_finish(&view->ended_rows);
    text_finish(&view->output);
    free(view);
}
