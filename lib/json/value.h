/* SPDX-License-Identifier: MIT */
/*
 * Documents as typed values with places: scan.c checks a text and knows where each value stands, and cJSON parses it. Every
 * getter's failure names file position, path and what was expected.
 */
#ifndef RDV__JSON_VALUE_H
#define RDV__JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "json/scan.h"

struct cJSON;

struct rdv__json; /* a document */

/* A value in a document: cheap to copy, lives as long as the document. */
struct rdv__value {
    const struct rdv__json *json;
    const struct cJSON *item; /* in the tree; NULL for "absent" */
    uint32_t index;           /* in the scan */
};

/*
 * Parse a text: copied, or borrowed for as long as the document lives; or read and parse a file, of at most RDV_DOCUMENT_VALUES
 * values. Errors are those of rdv__scan().
 *
 * A tree takes several times the memory of its text. So a long array of which each element is needed only once may be left out of
 * it: `walked` has the names of the members that lead to it, and ends with NULL. If there is an array of that name, only
 * rdv__json_elements() gets at what it has. walked NULL = the tree is whole.
 */
struct rdv__json_form {
    size_t most_values;
    const char *const *walked;
};
int rdv__json_parse(const char *text, size_t size, struct rdv__json_form form,
                    struct rdv__json **ret_json, struct rdv_error *error);
int rdv__json_parse_borrowed(const char *text, size_t size, struct rdv__json_form form,
                             struct rdv__json **ret_json, struct rdv_error *error);
int rdv__json_load(const char *path, const char *const *walked, struct rdv__json **ret_json,
                   struct rdv_error *error);
void rdv__json_free(struct rdv__json *json);

struct rdv__value rdv__json_root(const struct rdv__json *json);

/* RDV_ELIMIT at the first value that is too many, if there are more than so many. */
int rdv__json_check_values(const struct rdv__json *json, size_t most_values,
                           struct rdv_error *error);

/* Fill in error with the place of value and these words; returns code. */
int rdv__json_fail(struct rdv__value value, struct rdv_error *error, int code, const char *format,
                   ...) RDV__PRINTF(4, 5);

enum rdv__json_type {
    RDV__JSON_NULL,
    RDV__JSON_BOOL,
    RDV__JSON_NUMBER,
    RDV__JSON_STRING,
    RDV__JSON_ARRAY,
    RDV__JSON_OBJECT
};
enum rdv__json_type rdv__json_type(struct rdv__value value);

/* Walk the members of an object or the elements of an array: returns false at the end. *iterator starts zeroed.
 * ret_key (the member's name; optional) is borrowed. Linear in all: use it rather than asking for each by index. */
struct rdv__json_iterator {
    const struct cJSON *item; /* the value that was told last */
    uint32_t index;
};
bool rdv__json_next(struct rdv__value container, struct rdv__json_iterator *iterator,
                    const char **ret_key, struct rdv__value *ret_value);

/*
 * Read an object that may have these members and no others (names ends with NULL): ret_values[i] is the value of names[i],
 * with item NULL where it is absent. A member that is not among them fails with RDV_EINVAL at its key; the words name the known
 * ones.
 */
int rdv__json_members(struct rdv__value object, const char *const *names,
                      struct rdv__value *ret_values, struct rdv_error *error);

/* Line and column of a value. For many values in the order of the document hand in a cursor, zeroed at first: then all of
 * them together cost one pass. NULL = count from the start. */
void rdv__json_place(struct rdv__value value, struct rdv__scan_cursor *cursor, int *ret_line,
                     int *ret_column);

/* The element of an array at an index that it has. Walks there. Of an array that was left out of the tree it has no item: only
 * rdv__json_place() and rdv__json_fail() are for it. */
struct rdv__value rdv__json_element(struct rdv__value array, size_t index);

/*
 * Walk the elements of an array, beginning with the one at this index, each of which lives until the next call: also of one that
 * was left out of the tree. At the end *ret_value has no item. RDV_ENOMEM. Finish it in any case.
 */
struct rdv__json_elements {
    struct rdv__value next;
    uint32_t end;
    bool in_parts;
    struct cJSON *part;
};
struct rdv__json_elements rdv__json_elements(struct rdv__value array, size_t first);
int rdv__json_elements_next(struct rdv__json_elements *elements, struct rdv__value *ret_value,
                            struct rdv_error *error);
void rdv__json_elements_finish(struct rdv__json_elements *elements);

/* Typed reads. Each fails with RDV_EINVAL and words such as "expected a string" at the value's place. */
int rdv__json_object(struct rdv__value value, struct rdv_error *error); /* is it one? */
int rdv__json_array(struct rdv__value value, size_t *ret_count,
                    struct rdv_error *error); /* is it one, how long? */
int rdv__json_string(struct rdv__value value, const char **ret_text,
                     struct rdv_error *error); /* borrowed */
/* The same with its size. */
int rdv__json_bytes(struct rdv__value value, const char **ret_text, size_t *ret_size,
                    struct rdv_error *error);
/* A whole number however it is written (1000, 1e3, 1000.0 are the same number), read exactly: not through a double. */
int rdv__json_integer(struct rdv__value value, int64_t min, int64_t max, int64_t *ret_number,
                      struct rdv_error *error);
int rdv__json_bool(struct rdv__value value, bool *ret_bool, struct rdv_error *error);
int rdv__json_duration(struct rdv__value value, rdv_duration min, rdv_duration max,
                       rdv_duration *ret, struct rdv_error *error);
int rdv__json_moment(struct rdv__value value, rdv_time now, rdv_time *ret_time,
                     struct rdv_error *error); /* RFC 3339 or +2h */

/* The value as compact JSON text: the document's own spelling of strings and numbers, without white space. The caller frees it with free(). */
int rdv__json_compact(struct rdv__value value, char **ret_text, size_t *ret_size);

#endif
