/* SPDX-License-Identifier: MIT */
/*
 * The verbs that only read: `list`, `history` and `show`. A table is printed in two passes over the
 * entries, of which the first finds the widths of the columns. No entry is kept, so that the number
 * of entries does not matter.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "entry_text.h"
#include "messages.h"
#include "options.h"
#include "session.h"
#include "system.h"
#include "task_options.h"

/* The widths of columns. A name that is longer than NAME_COLUMNS pushes the rest of its line to
 * the right. */
#define NAME_COLUMNS 48
#define WORD_COLUMNS 11
#define TIME_COLUMNS 20

struct listing {
    const struct options *options;
    bool finished;            /* this is the history, not what is unfinished */
    bool any;                 /* an entry has come */
    size_t identifier, label; /* the widths of these columns */
    size_t columns;           /* of the terminal; 0 = lines are not cut */
    bool colors;
    struct text line;
};

/* The deadline to show; 0 = none. */
static rdv_time deadline_of(const rdv_entry *entry)
{
    return entry->window.deadline == RDV_DEADLINE_FIRST ? 0 : entry->window.deadline;
}

static size_t widen_column(size_t columns, const char *name)
{
    const size_t width = text_width(name);
    return width > columns ? width < NAME_COLUMNS ? width : NAME_COLUMNS : columns;
}

/* The first pass: make the columns wide enough for an entry. */
static int measure_entry(void *user, const rdv_entry *entry)
{
    struct listing *listing = user;
    listing->identifier = widen_column(listing->identifier, entry->identifier);
    listing->label = widen_column(listing->label, entry->label);
    listing->any = true;
    return 0;
}

static void add_cell(struct text *text, const char *string, size_t columns)
{
    text_add_cell(text, string, columns);
    text_add_string(text, "  ");
}

/* Add the last column, which takes what is left of the line, and print the line. */
static int end_line(struct listing *listing, const char *message, size_t used)
{
    struct text *line = &listing->line;
    size_t room = 0;
    if (listing->columns > 0)
        room = listing->columns > used + 8 ? listing->columns - used : 8;
    text_add_escaped(line, message, strlen(message), room);
    text_end_line(line);
    if (line->failed)
        return RDV_ENOMEM;
    system_print(stdout, line->data, line->size);
    text_clear(line);
    return 0;
}

static int print_head(struct listing *listing)
{
    struct text *line = &listing->line;
    if (listing->finished)
        add_cell(line, "FINISHED", TIME_COLUMNS);
    text_add_name(line, "IDENTIFIER", listing->identifier);
    text_add_name(line, "LABEL", listing->label);
    if (listing->finished) {
        add_cell(line, "OUTCOME", WORD_COLUMNS);
        add_cell(line, "TOOK", 7);
        add_cell(line, "TRIES", 5);
    } else {
        add_cell(line, "STATUS", WORD_COLUMNS);
        add_cell(line, "", 4);
        add_cell(line, "START", TIME_COLUMNS);
        add_cell(line, "END", TIME_COLUMNS);
        add_cell(line, "DEADLINE", TIME_COLUMNS);
    }
    return end_line(listing, "MESSAGE", 0);
}

static int print_line(void *user, const rdv_entry *entry)
{
    struct listing *listing = user;
    struct text *line = &listing->line;
    char time[TEXT_TIME_SIZE], number[TEXT_DURATION_SIZE];
    size_t used = 2 * 2 + listing->identifier + listing->label;
    if (listing->finished)
        add_cell(line, text_time(entry->finished_at, time), TIME_COLUMNS);
    text_add_name(line, entry->identifier, listing->identifier);
    text_add_name(line, entry->label, listing->label);
    entry_add_word(line, entry, WORD_COLUMNS, listing->colors);
    text_add_string(line, "  ");
    used += WORD_COLUMNS + 2;
    if (listing->finished) {
        const bool ran = entry->started_at > 0;
        add_cell(line,
                 ran ? text_duration(entry->finished_at - entry->started_at, true, number) : "-",
                 7);
        snprintf(number, sizeof(number), "%d", entry->attempt);
        add_cell(line, number, 5);
        used += TIME_COLUMNS + 2 + 7 + 2 + 5 + 2;
    } else {
        snprintf(number, sizeof(number), "%d%%", entry->progress);
        add_cell(line, entry->progress >= 0 ? number : "", 4);
        add_cell(line, text_time(entry->window.start, time), TIME_COLUMNS);
        add_cell(line, text_time(entry->window.end, time), TIME_COLUMNS);
        add_cell(line, text_time(deadline_of(entry), time), TIME_COLUMNS);
        used += 4 + 2 + 3 * (TIME_COLUMNS + 2);
    }
    return end_line(listing, entry->message, used);
}

static int print_json(void *user, const rdv_entry *entry)
{
    struct listing *listing = user;
    fputs(listing->any ? ",\n" : "\n", stdout);
    listing->any = true;
    return entry_print_json(stdout, entry);
}

/* Print what a person should know besides the table: that it is empty, or that nothing starts. */
static void print_listing_notes(const struct options *options, struct session *session,
                                const struct listing *listing)
{
    if (!listing->any)
        print_note(options->quiet,
                   listing->finished ? "nothing has ended yet" : "nothing is pending or running");
    if (!listing->finished && session_is_paused(session))
        print_note(options->quiet, "paused: nothing starts before 'rdvtask resume'");
}

/* Print the entries that the filter selects, as an array or a table. */
static int print_entries(const struct options *options, const rdv_filter *filter)
{
    struct listing listing = {.options = options,
                              .finished = filter->flags & RDV_FILTER_FINISHED,
                              .identifier = strlen("IDENTIFIER"),
                              .label = strlen("LABEL"),
                              .colors = entry_colors(options)};
    const char *method = listing.finished ? "history" : "list";
    struct session *session = NULL;
    size_t rows;
    int result = 0;
    int code = session_open(options, SESSION_READ_STORE, &session);
    if (code)
        return code;
    if (options->json) {
        fputs("[", stdout);
        if (session)
            result = session_list_entries(session, method, filter, print_json, &listing);
        if (result == 0)
            fputs(listing.any ? "\n]\n" : "]\n", stdout);
    } else if (session) {
        if (system_live_terminal())
            system_terminal_size(&listing.columns, &rows);
        result = session_list_entries(session, method, filter, measure_entry, &listing);
        if (result == 0 && listing.any)
            result = print_head(&listing);
        if (result == 0 && listing.any)
            result = session_list_entries(session, method, filter, print_line, &listing);
        if (result == 0)
            print_listing_notes(options, session, &listing);
    }
    if (result)
        code = session_report_failure(session, "read the store", result);
    text_finish(&listing.line);
    session_close(session);
    return code;
}

int command_list(const struct options *options)
{
    const rdv_filter filter = {.size = sizeof(filter),
                               .flags = RDV_FILTER_PENDING | RDV_FILTER_RUNNING};
    return print_entries(options, &filter);
}

int command_history(const struct options *options)
{
    rdv_filter filter = {.size = sizeof(filter), .flags = RDV_FILTER_FINISHED};
    if (options->json)
        filter.flags |= RDV_FILTER_CHANGES;
    if (options->argument_count > 0) {
        filter.identifier = options->arguments[0];
        if (!filter.identifier[0])
            return report_usage_error(options->verb, "an identifier can't be empty");
    }
    int code = integer_from_option(options, "limit", options->limit, 1, INT64_MAX, &filter.limit);
    return code ? code : print_entries(options, &filter);
}

static void print_field(const char *name, const char *value)
{
    printf("%-12s", name);
    text_print(stdout, value);
    fputc('\n', stdout);
}

static void print_time(const char *name, rdv_time time)
{
    char buffer[RDV_TIME_TEXT_SIZE];
    if (time > 0 && rdv_time_format(time, buffer, sizeof(buffer)) == 0)
        print_field(name, buffer);
}

/* Print the output of a run, each of its lines as one line. The last one may lack its end. */
static void print_output(const char *output, size_t size)
{
    struct text line = {0};
    while (size > 0) {
        const char *end = memchr(output, '\n', size);
        const size_t length = end ? (size_t)(end - output) : size;
        const size_t shown = length > 0 && output[length - 1] == '\r' ? length - 1 : length;
        text_clear(&line);
        text_add_string(&line, "  | ");
        text_add_escaped(&line, output, shown, 0);
        text_add_string(&line, "\n");
        if (line.failed)
            break;
        system_print(stdout, line.data, line.size);
        output += length + (end != NULL);
        size -= length + (end != NULL);
    }
    text_finish(&line);
}

static void print_change(const rdv_change *change, bool first)
{
    char time[RDV_TIME_TEXT_SIZE];
    const char *status = rdv_status_name(change->status);
    if (rdv_time_format(change->at, time, sizeof(time)) != 0)
        time[0] = '\0';
    if (!status || change->status == RDV_STATUS_UNKNOWN)
        status = first ? "scheduled" : "started";
    const bool more = change->progress >= 0 || change->attempt > 1 || change->message[0];
    printf("  %-28s %-*s", time, more ? WORD_COLUMNS : 0, status);
    if (change->progress >= 0)
        printf(" %3d%%", change->progress);
    if (change->attempt > 1)
        printf(" (try %d)", change->attempt);
    if (change->message[0]) {
        fputc(' ', stdout);
        text_print(stdout, change->message);
    }
    fputc('\n', stdout);
}

static int show_entry(void *user, const rdv_entry *entry)
{
    struct listing *listing = user;
    char buffer[RDV_DURATION_TEXT_SIZE];
    listing->any = true;
    if (listing->options->json) {
        int result = entry_print_json(stdout, entry);
        fputc('\n', stdout);
        return result;
    }
    print_field("identifier", entry->identifier);
    print_field("label", entry->label);
    printf("%-12s%lld\n", "run", (long long)entry->run);
    print_field("status", entry_word(entry));
    if (entry->progress >= 0)
        printf("%-12s%d%%\n", "progress", entry->progress);
    if (entry->message[0])
        print_field("message", entry->message);
    if (entry->code)
        printf("%-12s%d\n", "code", entry->code);
    if (entry->attempt > 0)
        printf("%-12s%d\n", "tries", entry->attempt);
    printf("%-12s%zu bytes\n", "context", entry->context_size);
    print_time("start", entry->window.start);
    print_time("end", entry->window.end);
    print_time("deadline", deadline_of(entry));
    if (entry->window.limit > 0 &&
        rdv_duration_format(entry->window.limit, buffer, sizeof(buffer)) == 0)
        print_field("run limit", buffer);
    print_time("scheduled", entry->scheduled_at);
    print_time("started", entry->started_at);
    print_time("finished", entry->finished_at);
    if (entry->change_count > 0)
        puts("changes");
    for (size_t i = 0; i < entry->change_count; i++)
        print_change(&entry->changes[i], i == 0);
    if (entry->output_size > 0) {
        puts("output");
        print_output(entry->output, entry->output_size);
    }
    return 0;
}

int command_show(const struct options *options)
{
    struct listing listing = {.options = options};
    struct session *session = NULL;
    const char *identifier;
    int code = session_open_task(options, SESSION_READ_STORE, &session, &identifier);
    if (code)
        return code;
    int result = session_show_entry(session, identifier, show_entry, &listing);
    if (result == RDV_ENOTFOUND || result == RDV_EINVAL || result == RDV_ELIMIT) {
        /* If it can't be an identifier, no task has it. */
        report_error(
            "there is no task '%s': 'rdvtask list' and 'rdvtask history' show what there is",
            identifier);
        code = EXIT_NOTHING;
    } else if (result) {
        code = session_report_failure(session, "read the store", result);
    }
    session_close(session);
    return code;
}
