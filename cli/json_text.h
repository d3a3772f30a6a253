/* SPDX-License-Identifier: MIT */
/*
 * JSON, which cJSON builds, parses and prints; what cJSON lacks is added here: whole numbers that
 * are exact beyond 2^53, and where a value stands in its text.
 */
#ifndef CLI_JSON_TEXT_H
#define CLI_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <rdvtask/base.h>

#include "display_text.h"

/* ------------------------------------------------------------ building */

/* Add a member to an object. They return false if there is no memory. A time or duration that is
 * not given (0) adds nothing. */
bool json_add_integer(cJSON *object, const char *name, int64_t number);
bool json_add_time(cJSON *object, const char *name, rdv_time time);
bool json_add_duration(cJSON *object, const char *name, rdv_duration duration);

/* Add a string, or null for NULL. Returns false if there is no memory. */
bool json_add_string_or_null(cJSON *object, const char *name, const char *string);

/*
 * Print a value, on one line and without blanks, into a text that is shown: characters that a
 * terminal may obey, or that a person does not see, are escaped. If there is no memory, or value is
 * NULL, the text has failed.
 */
void json_print_shown(const cJSON *value, struct text *text);

/* ------------------------------------------------------------ reading */

/* The value of a member, by its exact name. NULL or false if there is no such member, or it is
 * of another kind. */
const char *json_get_string(const cJSON *object, const char *name);
bool json_get_time(const cJSON *object, const char *name, rdv_time *ret_time);
bool json_is_true(const cJSON *object, const char *name);

/* A whole number that is a member of the object in a text. Read from the text itself, so that it
 * is exact. */
bool json_find_integer(const char *object, const char *name, int64_t *ret_number);

/* ------------------------------------------------------------ walking */

/* A place in a text. Begins at its start. */
struct json_walk {
    const char *at, *end;
};

/* Skip blanks, and step over this character if it is the next one. Returns whether it was. */
bool json_walk_take(struct json_walk *walk, char character);

/* Inside an array or object: move to the next value or member. Returns false at its end, and at
 * the end of the text. */
bool json_walk_next(struct json_walk *walk);

/*
 * Parse the value that comes next, and step over it. Returns the value, which the caller deletes,
 * and optionally where it stands in the text; NULL if it is no JSON, or there is no memory.
 */
cJSON *json_walk_value(struct json_walk *walk, const char **ret_text, size_t *ret_size);

/* Inside an object: step over a member's name and the colon behind it. Returns 1 if it has this
 * name, 0 if it has another one, and -1 if it is no JSON, or there is no memory. */
int json_walk_name(struct json_walk *walk, const char *name);

#endif
