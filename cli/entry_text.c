/* SPDX-License-Identifier: MIT */
/* How entries are shown. The verbs and the view share this, so that an entry looks the same
 * everywhere. */
#include "entry_text.h"

#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "commands.h"
#include "options.h"
#include "output_queue.h"
#include "system.h"

#define RED    "\x1b[31m"
#define GREEN  "\x1b[32m"
#define YELLOW "\x1b[33m"
#define CYAN   "\x1b[36m"
#define PLAIN  "\x1b[0m"

/* How many lines of the output of a failed task `start` shows. */
#define OUTPUT_LINES 20

/* The exit code of a task that has succeeded and needs a reboot. */
#define CODE_REBOOT 194

const char *entry_word(const rdv_entry *entry)
{
    const char *word = NULL;
    switch (entry->state) {
    case RDV_STATE_PENDING:
        break;
    case RDV_STATE_RUNNING:
        if (entry->cancelling)
            return "cancelling";
        if (entry->status != RDV_STATUS_UNKNOWN)
            word = rdv_status_name(entry->status);
        break;
    case RDV_STATE_FINISHED:
        word = rdv_outcome_name(entry->outcome);
        break;
    }
    if (!word)
        word = rdv_state_name(entry->state);
    return word ? word : "?";
}

bool entry_colors(const struct options *options)
{
    const char *variable = getenv("NO_COLOR");
    return !options->no_color && !(variable && variable[0]) && system_live_terminal();
}

static const char *choose_color(const rdv_entry *entry)
{
    if (entry->state == RDV_STATE_RUNNING)
        return entry->cancelling ? YELLOW : CYAN;
    if (entry->state != RDV_STATE_FINISHED)
        return "";
    switch (entry->outcome) {
    case RDV_OUTCOME_SUCCEEDED:
        return GREEN;
    case RDV_OUTCOME_CANCELLED:
    case RDV_OUTCOME_EXPIRED:
        return YELLOW;
    default:
        return RED;
    }
}

void entry_add_word(struct text *text, const rdv_entry *entry, size_t columns, bool colors)
{
    const char *start = colors ? choose_color(entry) : "";
    text_add_string(text, start);
    text_add_cell(text, entry_word(entry), columns);
    if (start[0])
        text_add_string(text, PLAIN);
}

int entry_print_json(FILE *file, const rdv_entry *entry)
{
    char *json = NULL;
    int result = rdv_entry_to_json(entry, &json);
    if (result)
        return result;
    system_print(file, json, strlen(json));
    rdv_free(json);
    return 0;
}

int entry_add_json(struct text *text, const rdv_entry *entry)
{
    char *json = NULL;
    int result = rdv_entry_to_json(entry, &json);
    if (result)
        return result;
    text_add_string(text, json);
    rdv_free(json);
    return text->failed ? RDV_ENOMEM : 0;
}

int entry_print_output_end(void *user, const rdv_entry *entry)
{
    (void)user;
    struct text line = {0};
    size_t size = entry->output_size, from = size;
    while (size > 0 && (entry->output[size - 1] == '\n' || entry->output[size - 1] == '\r'))
        size--;
    from = size;
    for (int lines = 0; from > 0; from--)
        if (entry->output[from - 1] == '\n' && ++lines == OUTPUT_LINES)
            break;
    while (from < size) {
        const char *end = memchr(entry->output + from, '\n', size - from);
        const size_t length = end ? (size_t)(end - entry->output) - from : size - from;
        text_clear(&line);
        text_add_string(&line, "  | ");
        text_add_escaped(&line, entry->output + from, length, 0);
        text_add_string(&line, "\n");
        if (line.failed)
            break;
        output_write(OUTPUT_STDERR, line.data, line.size);
        from += length + 1;
    }
    text_finish(&line);
    return 0;
}

int entry_exit_code(rdv_outcome outcome, int code)
{
    switch (outcome) {
    case RDV_OUTCOME_SUCCEEDED:
        return code == CODE_REBOOT ? EXIT_REBOOT : EXIT_OK;
    case RDV_OUTCOME_NONE: /* it was stopped before the task ended */
    case RDV_OUTCOME_CANCELLED:
        return EXIT_CANCELLED;
    case RDV_OUTCOME_EXPIRED:
    case RDV_OUTCOME_TIMED_OUT:
        return EXIT_TIMED_OUT;
    default:
        return EXIT_FAILED;
    }
}
