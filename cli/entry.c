/* SPDX-License-Identifier: MIT */
#include "entry.h"

#include <stdlib.h>

#include <rdvtask/document.h>

#include "options.h"
#include "system.h"

#define RED    "\x1b[31m"
#define GREEN  "\x1b[32m"
#define YELLOW "\x1b[33m"
#define CYAN   "\x1b[36m"
#define PLAIN  "\x1b[0m"

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

static const char *color(const rdv_entry *entry)
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
    const char *start = colors ? color(entry) : "";
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
    fputs(json, file);
    rdv_free(json);
    return 0;
}
