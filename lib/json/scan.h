/* SPDX-License-Identifier: MIT */
/*
 * A strict scanner for JSON (RFC 8259): it accepts what the standard accepts and nothing else, and remembers where each value
 * stands. cJSON, which parses what was accepted, does neither; json.c has both walked in step.
 *
 * Refused besides bad syntax: bad UTF-8 (also as \u escapes: lone surrogates), \u0000 and NUL bytes, duplicate keys in an
 * object (compared after unescaping), more than RDV_DOCUMENT_DEPTH levels, more than RDV_DOCUMENT_MAX bytes or as many values as the caller allows, text after the
 * value, a byte order mark, numbers that are not finite as a double or are longer than RDV__SCAN_NUMBER_MAX.
 */
#ifndef RDV__JSON_SCAN_H
#define RDV__JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

/* The longest number, in bytes: more than any that can be meant, and readers may have room for it on their stack. */
#define RDV__SCAN_NUMBER_MAX 63

/*
 * The values of a document in the order in which they begin (pre-order). The value after v and all that it contains is
 * values[v].next; the first child of a container v is v + 1. Keys are not values.
 */
struct rdv__scan_value {
    uint32_t offset; /* of its first byte */
    uint32_t key;    /* offset of the opening quote of its key; its own offset if it has none */
    uint32_t next;   /* index of the value that follows v's subtree */
};

struct rdv__scan {
    const char *text; /* borrowed */
    size_t size;
    struct rdv__scan_value *values;
    size_t count;
    bool has_fractions; /* a number with a decimal point is among them */
};

/* Where the counting of lines has got to; zeroed = the start of the text. */
struct rdv__scan_cursor {
    size_t offset;
    size_t line_start;
    int lines; /* line breaks before offset */
};

/*
 * Scan a text of at most so many values, which need not end with NUL. RDV_ESYNTAX, RDV_ELIMIT or RDV_ENOMEM with line, column and
 * path in error.
 */
int rdv__scan(const char *text, size_t size, size_t most_values, struct rdv__scan *ret_scan,
              struct rdv_error *error);

/* Free what a scan holds (not its text). A zeroed scan is fine. */
void rdv__scan_finish(struct rdv__scan *scan);

/* Line and column (1-based, column in bytes) of an offset. */
void rdv__scan_place(const struct rdv__scan *scan, size_t offset, int *ret_line, int *ret_column);

/* The same for offsets that are asked for in ascending order: each counts on from the one before. */
void rdv__scan_place_next(const struct rdv__scan *scan, struct rdv__scan_cursor *cursor,
                          size_t offset, int *ret_line, int *ret_column);

/* The path of a value, such as "tasks[3].start" ("" for the whole document), cut to fit with "..." at its head. Keys that are
 * not plain words are written as ["key"] with control characters escaped. */
void rdv__scan_path(const struct rdv__scan *scan, uint32_t value, char *buffer, size_t size);

#endif
