/* SPDX-License-Identifier: MIT */
/*
 * Documents as typed values with places. scan.c checks a text and knows where each value stands,
 * and cJSON parses it. When a getter fails, its error has the position, the path, and what was
 * expected there.
 */
#ifndef RDV__JSON_VALUE_H
#define RDV__JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "json/scan.h"

struct cJSON;

/* A document. */
struct rdv__json;

/* A value in a document. It is cheap to copy, and lives as long as the document. */
struct rdv__value {
    const struct rdv__json *json;
    /* The value in the tree; NULL if the value is absent. */
    const struct cJSON *item;
    /* The value in the scan. */
    uint32_t index;
};

/*
 * How to parse a text: at most most_values values, and all of it or not.
 *
 * A tree takes several times the memory of its text. So a long array of which each element is
 * needed only once may be left out of it: `walked` has the names of the members that lead to the
 * array, and ends with NULL. If there is an array at that place, its elements can only be read with
 * rdv__json_elements(). If walked is NULL, the tree is whole.
 *
 * most_in_tree bounds the tree of a text that a stranger wrote: the values that are parsed at once,
 * which are those outside the array, or those of one element. 0 is no bound. An element with more
 * is parsed without the contents of the value to which the names in `verbatim` lead from it (NULL
 * if there is none). That value is only good for rdv__json_compact().
 */
struct rdv__json_form {
    size_t most_values;
    const char *const *walked;
    size_t most_in_tree;
    const char *const *verbatim;
};

/*
 * Parse a text, which is copied, or borrowed for as long as the document lives; or read and parse a
 * file of at most RDV_DOCUMENT_VALUES values. They fail as rdv__scan() does. rdv__json_free() takes
 * NULL.
 */
int rdv__json_parse(const char *text, size_t size, struct rdv__json_form form,
                    struct rdv__json **ret_json, struct rdv_error *error);
int rdv__json_parse_borrowed(const char *text, size_t size, struct rdv__json_form form,
                             struct rdv__json **ret_json, struct rdv_error *error);
int rdv__json_load(const char *path, const char *const *walked, struct rdv__json **ret_json,
                   struct rdv_error *error);
void rdv__json_free(struct rdv__json *json);

struct rdv__value rdv__json_root(const struct rdv__json *json);

/* Fail with RDV_ELIMIT, at the first value that is too many, if there are more than most_values. */
int rdv__json_check_values(const struct rdv__json *json, size_t most_values,
                           struct rdv_error *error);

/*
 * Fail with RDV_ELIMIT, at the first value that is too many, if the tree had to end before it
 * because of most_in_tree. With a bound, a document has to be checked before it is trusted to be
 * whole. Elements that are walked need no check.
 */
int rdv__json_check_tree(const struct rdv__json *json, struct rdv_error *error);

/* Fill in error with the place of the value and these words, and return code. */
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

/*
 * Walk the members of an object or the elements of an array; returns false at the end. *iterator
 * starts zeroed. ret_key (may be NULL) receives the member's name, borrowed. The whole walk takes
 * linear time, unlike one that asks for each element by its index.
 */
struct rdv__json_iterator {
    /* The value that was returned last. */
    const struct cJSON *item;
    uint32_t index;
};
bool rdv__json_next(struct rdv__value container, struct rdv__json_iterator *iterator,
                    const char **ret_key, struct rdv__value *ret_value);

/*
 * Read an object that may have these members and no others (names ends with NULL). ret_values[i] is
 * the value of names[i], without an item if it is absent. Any other member fails with RDV_EINVAL at
 * its key, and the words name the known ones.
 */
int rdv__json_members(struct rdv__value object, const char *const *names,
                      struct rdv__value *ret_values, struct rdv_error *error);

/*
 * Find the line and column of a value. For many values in the order of the document, hand in a
 * cursor that is zeroed at first; then all of them together cost one pass. Without one (NULL),
 * lines are counted from the start.
 */
void rdv__json_place(struct rdv__value value, struct rdv__scan_cursor *cursor, int *ret_line,
                     int *ret_column);

/*
 * Return the element of an array at an index that it has; this walks there. If the array was left
 * out of the tree, the element has no item, and only rdv__json_place() and rdv__json_fail() take
 * it.
 */
struct rdv__value rdv__json_element(struct rdv__value array, size_t index);

/*
 * Walk the elements of an array, including one that was left out of the tree, beginning with the
 * element at this index. Each element lives until the next call; at the end *ret_value has no item.
 * The next one may fail with RDV_ENOMEM, or with RDV_ELIMIT if it has too many values for a tree.
 * The walk has to be finished in any case.
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

/*
 * The typed reads. Each fails with RDV_EINVAL, at the value's place, and with words such as
 * "expected a string".
 */

/* Check that the value is an object. */
int rdv__json_object(struct rdv__value value, struct rdv_error *error);

/* Check that the value is an array, and return its length. */
int rdv__json_array(struct rdv__value value, size_t *ret_count, struct rdv_error *error);

/* Read a string, which is borrowed from the document. */
int rdv__json_string(struct rdv__value value, const char **ret_text, struct rdv_error *error);

/* Read a string, which is borrowed from the document, and its size. */
int rdv__json_bytes(struct rdv__value value, const char **ret_text, size_t *ret_size,
                    struct rdv_error *error);

/*
 * Read a whole number however it is written (1000, 1e3 and 1000.0 are the same number). It is read
 * exactly, not through a double.
 */
int rdv__json_integer(struct rdv__value value, int64_t min, int64_t max, int64_t *ret_number,
                      struct rdv_error *error);
int rdv__json_bool(struct rdv__value value, bool *ret_bool, struct rdv_error *error);
int rdv__json_duration(struct rdv__value value, rdv_duration min, rdv_duration max,
                       rdv_duration *ret, struct rdv_error *error);

/* Read a time in the form of RFC 3339, or one such as +2h that counts from now. */
int rdv__json_moment(struct rdv__value value, rdv_time now, rdv_time *ret_time,
                     struct rdv_error *error);

/*
 * Return the value as compact JSON text: the document's own spelling of strings and numbers,
 * without white space. The caller frees it with free().
 */
int rdv__json_compact(struct rdv__value value, char **ret_text, size_t *ret_size);

#endif
