/* SPDX-License-Identifier: MIT */
/*
 * A strict scanner for JSON (RFC 8259): it accepts what the standard accepts and nothing else, and
 * records where each value stands. cJSON, which parses what was accepted, does neither; value.c
 * walks both in step.
 *
 * Besides bad syntax it refuses: bad UTF-8, also as \u escapes (lone surrogates); \u0000 and NUL
 * bytes; duplicate keys in an object, compared after unescaping; more than RDV_DOCUMENT_DEPTH
 * levels, RDV_DOCUMENT_MAX bytes, or values than the caller allows; text after the value; a byte
 * order mark; and numbers that are not finite as a double or are longer than RDV__SCAN_NUMBER_MAX.
 */
#ifndef RDV__JSON_SCAN_H
#define RDV__JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

/*
 * The longest number, in bytes. It is longer than any that makes sense, and short enough for
 * readers to have room for it on their stack.
 */
#define RDV__SCAN_NUMBER_MAX 63

/*
 * The values of a document, in the order in which they begin (pre-order). The value that follows v
 * and all that v contains is values[v].next; the first child of a container v is v + 1. Keys are
 * not values.
 */
struct rdv__scan_value {
    /* Where the first byte of the value is. */
    uint32_t offset;
    /* Where the opening quote of its key is, or its own offset if it has no key. */
    uint32_t key;
    /* The index of the value that follows this value's subtree. */
    uint32_t next;
};

struct rdv__scan {
    /* Borrowed from the caller. */
    const char *text;
    size_t size;
    struct rdv__scan_value *values;
    size_t count;
    /* Whether a number with a decimal point is among the values. */
    bool has_fractions;
};

/* How far the counting of lines has come. All zero is the start of the text. */
struct rdv__scan_cursor {
    size_t offset;
    size_t line_start;
    /* How many line breaks there are before offset. */
    int lines;
};

/*
 * Scan a text of at most most_values values; it need not end with a NUL. Fails with RDV_ESYNTAX,
 * RDV_ELIMIT or RDV_ENOMEM, and with line, column and path in error.
 */
int rdv__scan(const char *text, size_t size, size_t most_values, struct rdv__scan *ret_scan,
              struct rdv_error *error);

/* Free what a scan holds, except for its text. A zeroed scan is fine. */
void rdv__scan_finish(struct rdv__scan *scan);

/* Find the line and column of an offset. Both count from 1, columns in bytes. */
void rdv__scan_place(const struct rdv__scan *scan, size_t offset, int *ret_line, int *ret_column);

/*
 * Find the line and column of an offset that is not before the cursor's. Counting goes on from the
 * cursor, so that many offsets in ascending order cost one pass over the text.
 */
void rdv__scan_place_next(const struct rdv__scan *scan, struct rdv__scan_cursor *cursor,
                          size_t offset, int *ret_line, int *ret_column);

/*
 * Write the path of a value, such as "tasks[3].start" ("" for the whole document), cut to fit with
 * "..." at its head. Keys that are not plain words are written as ["key"], with control characters
 * escaped.
 */
void rdv__scan_path(const struct rdv__scan *scan, uint32_t value, char *buffer, size_t size);

#endif
