/* SPDX-License-Identifier: MIT */
/* The path of a value in a document, for people. */
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

/* Write the path of these steps ("" for none), cut to fit with "..." at its head. Keys that are not plain words are written as ["key"] with
 * control characters escaped. */
void rdv__path_write(const struct rdv__path_part *steps, size_t count, char *buffer, size_t size);

#endif
