/* SPDX-License-Identifier: MIT */
/* How an entry of the store is shown: as a word with its colour, as JSON, and by the end of its
 * output. */
#ifndef CLI_ENTRY_TEXT_H
#define CLI_ENTRY_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include <rdvtask/store.h>

#include "display_text.h"

struct options;

/* One word for the state of an entry: "pending", "running", a status, "cancelling", or its
 * outcome. */
const char *entry_word(const rdv_entry *entry);

/* Whether to use colours on standard output. */
bool entry_colors(const struct options *options);

/* Add the word as a cell, in its colour if `colors` is set. */
void entry_add_word(struct text *text, const rdv_entry *entry, size_t columns, bool colors);

/* Print the end of a task's output to standard error. An rdv_entry_fn that always returns 0. */
int entry_print_output_end(void *user, const rdv_entry *entry);

/* The exit code of `start` for a task with this outcome, and with this code in its last report. */
int entry_exit_code(rdv_outcome outcome, int code);

/* Print an entry as one line of JSON, without the line end. Returns 0 or an RDV_E…. */
int entry_print_json(FILE *file, const rdv_entry *entry);

/* Add an entry as one line of JSON, without the line end, to a text. Returns 0 or an RDV_E…. */
int entry_add_json(struct text *text, const rdv_entry *entry);

#endif
