/* SPDX-License-Identifier: MIT */
/*
 * Text that is shown to people. Nothing that comes from outside reaches a terminal as a control
 * sequence, and columns are counted as a terminal counts them.
 */
#ifndef CLI_DISPLAY_TEXT_H
#define CLI_DISPLAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <rdvtask/base.h>

/* A text that grows. It starts zeroed. If there is no memory for an addition, `failed` is set
 * and stays set: the text is incomplete. */
struct text {
    char *data; /* NULL until something is added, then NUL-terminated */
    size_t size, room;
    bool failed;
};

void text_finish(struct text *text);
void text_clear(struct text *text);

/* Add bytes as they are. */
void text_add(struct text *text, const char *bytes, size_t size);
void text_add_string(struct text *text, const char *string);

/*
 * Add text from outside, escaped: control and direction characters as \n, \e or \u{202e}, bytes
 * that are not UTF-8 as \xff. A text of more than `columns` columns (0 = no limit) is cut, and ends
 * in an ellipsis. Returns the columns that it takes.
 */
size_t text_add_escaped(struct text *text, const char *bytes, size_t size, size_t columns);

/* Add text from outside, escaped, as a cell of a table: cut, or filled up with blanks, to
 * exactly `columns`. */
void text_add_cell(struct text *text, const char *string, size_t columns);

/* Add text from outside, escaped, filled up with blanks to `columns`, and two blanks. A longer
 * text is not cut, since it may be needed for the next command. */
void text_add_name(struct text *text, const char *name, size_t columns);

/* Remove the blanks at the end of a line, and end it. */
void text_end_line(struct text *text);

/*
 * Add JSON that is right and has no blanks outside its strings. JSON may have most characters as
 * they are, but those that a terminal may obey, or that a person does not see, are added as \uXXXX,
 * and so are all control characters.
 */
void text_add_json(struct text *text, const char *json);

/* How many columns a string takes when it is escaped. */
size_t text_width(const char *string);

/* Escape as much of a string as fits into a buffer of `room` bytes. Returns how many bytes were
 * written; there is no NUL. */
size_t text_escape(const char *string, char *buffer, size_t room);

/* Print a string, escaped. */
void text_print(FILE *file, const char *string);

/* Room for what text_time() and text_duration() write. */
#define TEXT_TIME_SIZE     32
#define TEXT_DURATION_SIZE 24

/* A time to the second, "2026-11-22T03:00:00Z"; "-" for none. Returns buffer. */
const char *text_time(rdv_time time, char buffer[TEXT_TIME_SIZE]);

/* A duration in at most two units: "42s", "3m10s", "2h05m", "4d"; if `fine`, also "120ms" and
 * "1.5s". Returns buffer. */
const char *text_duration(rdv_duration duration, bool fine, char buffer[TEXT_DURATION_SIZE]);

#endif
