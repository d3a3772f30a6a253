/* SPDX-License-Identifier: MIT */
/*
 * Text that is shown: nothing that comes from outside reaches a terminal as a control sequence, and columns are counted as
 * terminals do.
 */
#ifndef CLI_DISPLAY_TEXT_H
#define CLI_DISPLAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <rdvtask/base.h>

/* A text that grows. Starts zeroed. Running out of memory sticks in `failed`, and the text is then incomplete. */
struct text {
    char *data; /* NUL-terminated once anything was added */
    size_t size, room;
    bool failed;
};

void text_finish(struct text *text);
void text_clear(struct text *text);

/* Add bytes as they are. */
void text_add(struct text *text, const char *bytes, size_t size);
void text_add_string(struct text *text, const char *string);

/*
 * Add text from outside, escaped: control and direction characters as \n, \e, \u{202e}; bytes that are not UTF-8 as \xff.
 * At most `columns` columns (0 = no limit): what is longer is cut and ends in an ellipsis. Returns the columns it takes.
 */
size_t text_add_escaped(struct text *text, const char *bytes, size_t size, size_t columns);

/* The same, filled with blanks to exactly `columns`. */
void text_add_cell(struct text *text, const char *string, size_t columns);

/*
 * Add JSON that is right and has no blanks outside its strings. JSON may have most characters as they are, but those that a terminal may
 * obey, or that a person does not see, are added as \uXXXX, and so are all control characters.
 */
void text_add_json(struct text *text, const char *json);

/* The columns that a string takes when it is escaped. */
size_t text_width(const char *string);

/* Write as much of an escaped string as fits to a buffer of `room` bytes. Returns the length; there is no NUL. */
size_t text_escape(const char *string, char *buffer, size_t room);

/* Print a string, escaped. */
void text_print(FILE *file, const char *string);

/* Room for what the following write. */
#define TEXT_TIME_SIZE     32
#define TEXT_DURATION_SIZE 24

/* A time to the second, "2026-11-22T03:00:00Z"; "-" for none. Returns buffer. */
const char *text_time(rdv_time time, char buffer[TEXT_TIME_SIZE]);

/* How long, in at most two units: "42s", "3m10s", "2h05m", "4d"; if `fine` also "120ms" and "1.5s". Returns buffer. */
const char *text_duration(rdv_duration duration, bool fine, char buffer[TEXT_DURATION_SIZE]);

#endif
