/* SPDX-License-Identifier: MIT */
/* Where something stands in a document, for people: the part of it that the scanner needs too. The rest is in scan.h. */
#ifndef RDV__JSON_PATH_H
#define RDV__JSON_PATH_H

#include <stddef.h>
#include <stdint.h>

/* One step down from a container: to a key's value, or (key is NULL) to an element. */
struct rdv__path_part {
    const char *key; /* as it is written, without its quotes */
    uint32_t key_size;
    uint32_t element;
};

/* Write a path as rdv__scan_path() does. */
void rdv__path_write(const struct rdv__path_part *steps, size_t count, char *buffer, size_t size);

#endif
