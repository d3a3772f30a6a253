/* SPDX-License-Identifier: MIT */
/* The stored format: what a new store looks like, and how an older one becomes a newer one. */
#ifndef RDV__FORMAT_H
#define RDV__FORMAT_H

#include "store.h"

/* Each migration takes a store one version up; version = how many there are. */
struct rdv__format {
    const char *const *migrations;
    int version;
};

/* The one that the statements in record.c and listing.c are written for. */
extern const struct rdv__format rdv__format;

/* Which version the file has: 0 for an empty one. Writes nothing. RDV_ECORRUPT for a database that is no store, RDV_ENEWER. */
int rdv__format_check(rdv_store *store, const struct rdv__format *format, int *ret_version,
                      struct rdv_error *error);

/* Take the store from this version to the newest: wholly or not at all. */
int rdv__format_migrate(rdv_store *store, const struct rdv__format *format, int version);

/* rdv_store_open() with another format than ours: how a test has an older or a newer store. */
int rdv__store_open_as(const char *path, const rdv_store_options *options,
                       const struct rdv__format *format, rdv_store **ret_store,
                       struct rdv_error *error);

#endif
