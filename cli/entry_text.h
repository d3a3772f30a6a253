/* SPDX-License-Identifier: MIT */
/* An entry of the store in words. */
#ifndef CLI_ENTRY_TEXT_H
#define CLI_ENTRY_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include <rdvtask/store.h>

#include "display_text.h"

struct options;

/* One word for where it is: "pending", "running", a status, "cancelling", or its outcome. */
const char *entry_word(const rdv_entry *entry);

/* Whether to use colours on stdout. */
bool entry_colors(const struct options *options);

/* Add the word as a cell, in its colour if there are to be colours. */
void entry_add_word(struct text *text, const rdv_entry *entry, size_t columns, bool colors);

/* Print the end of its output to stderr. A result of 0. */
int entry_print_output_end(void *user, const rdv_entry *entry);

/* What `start` ends with for a task that has ended so, with this code in its last report. */
int entry_exit_code(rdv_outcome outcome, int code);

/* Print it as one line of JSON, without the line end. Returns 0 or an RDV_E… constant. */
int entry_print_json(FILE *file, const rdv_entry *entry);

/* Add that to a text. */
int entry_add_json(struct text *text, const rdv_entry *entry);

#endif
