/* SPDX-License-Identifier: MIT */
/* An entry of the store in words. */
#ifndef CLI_ENTRY_H
#define CLI_ENTRY_H

#include <stdbool.h>
#include <stdio.h>

#include <rdvtask/store.h>

#include "text.h"

struct options;

/* One word for where it is: "pending", "running", a status, "cancelling", or its outcome. */
const char *entry_word(const rdv_entry *entry);

/* Whether to use colours on stdout. */
bool entry_colors(const struct options *options);

/* Add the word as a cell, in its colour if there are to be colours. */
void entry_add_word(struct text *text, const rdv_entry *entry, size_t columns, bool colors);

/* Print it as one line of JSON, without the line end. Returns 0 or an RDV_E… constant. */
int entry_print_json(FILE *file, const rdv_entry *entry);

#endif
