/* SPDX-License-Identifier: MIT */
/* The schema of a store: what a new one looks like, and how an older one becomes a newer one. */
#ifndef RDV__STORE_SCHEMA_H
#define RDV__STORE_SCHEMA_H

#include "store/database.h"

/* Each migration takes a store one version up; version = how many there are. */
struct rdv__schema {
    const char *const *migrations;
    int version;
};

/* The schema that all statements are written for. */
extern const struct rdv__schema rdv__schema;

/* Get the version that a database has: 0 for an empty one. Writes nothing. RDV_ECORRUPT for a
 * database that is no store, RDV_ENEWER for a version that is not known yet. */
int rdv__schema_check(struct rdv__database *database, const struct rdv__schema *schema,
                      int *ret_version, struct rdv_error *error);

/* Take a database from this version to the newest: wholly or not at all. */
int rdv__schema_migrate(struct rdv__database *database, const struct rdv__schema *schema,
                        int version);

#endif
