/* SPDX-License-Identifier: MIT */
/* Writes entries as JSON, and reads them. */
#ifndef RDV__DOCUMENT_ENTRY_JSON_H
#define RDV__DOCUMENT_ENTRY_JSON_H

#include <rdvtask/base.h>
#include <rdvtask/store.h>

#include "json/value.h"
#include "json/writer.h"

/* Write an entry as rdv_entry_to_json() does, under a key of an object, or with NULL into an
 * array. */
void rdv__entry_write(struct rdv__json_writer *writer, const char *key, const rdv_entry *entry);

/*
 * Read an entry. Strings are borrowed from the document. ret_entry->changes is *ret_changes, which
 * the caller frees with free(); it is NULL if there are none. Returns 0, RDV_EINVAL if the value is
 * not an entry, or RDV_ENOMEM.
 */
int rdv__entry_read(struct rdv__value value, rdv_entry *ret_entry, rdv_change **ret_changes,
                    struct rdv_error *error);

#endif
