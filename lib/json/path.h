/* SPDX-License-Identifier: MIT */
/*
 * The path of something in a document, for people: the part that the scanner needs as well. The
 * rest is in scan.h.
 */
#ifndef RDV__JSON_PATH_H
#define RDV__JSON_PATH_H

#include <stddef.h>
#include <stdint.h>

/* One step down from a container: to the value of a key or, if key is NULL, to an element. */
struct rdv__path_part {
    /* The key as it is written in the text, without its quotes. */
    const char *key;
    uint32_t key_size;
    uint32_t element;
};

/* Write a path as rdv__scan_path() does. */
void rdv__path_write(const struct rdv__path_part *steps, size_t count, char *buffer, size_t size);

#endif
