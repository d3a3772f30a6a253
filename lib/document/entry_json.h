/* SPDX-License-Identifier: MIT */
/* Entries as JSON, both ways. */
#ifndef RDV__DOCUMENT_ENTRY_JSON_H
#define RDV__DOCUMENT_ENTRY_JSON_H

#include <rdvtask/base.h>
#include <rdvtask/store.h>

#include "json/value.h"
#include "json/writer.h"

/* rdv_entry_to_json() as a value of something larger. */
void rdv__entry_write(struct rdv__json_writer *writer, const char *key, const rdv_entry *entry);

/*
 * Read what was written so. Strings are borrowed from the document; ret_entry->changes is *ret_changes, which is the caller's to
 * free() (NULL if there are none). Members that are not known pass. RDV_EINVAL for what is no entry, RDV_ENOMEM.
 */
int rdv__entry_read(struct rdv__value value, rdv_entry *ret_entry, rdv_change **ret_changes,
                    struct rdv_error *error);

#endif
