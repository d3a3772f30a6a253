/* SPDX-License-Identifier: MIT */
/* The environment of the programs that an agent document names. */
#ifndef RDV__ENVIRONMENT_H
#define RDV__ENVIRONMENT_H

#include <stddef.h>

#include "json.h"
#include <rdvtask/base.h>

/* The most names that one object of a document may have. */
#define RDV__ENVIRONMENT_MAX 256

/* Texts "NAME=value", each name once: the last one said. */
struct rdv__environment {
    /* Ends with NULL. */
    char **list;
    size_t count;
};

/* A name and its value; NULL = leave it out. */
struct rdv__variable {
    const char *name, *value;
};

/* Make a list of its own: what is inherited, and the members of an object, which may be absent,
 * each in place of what is inherited by its name. */
int rdv__environment_read(const char *const *inherited, size_t inherited_count,
                          struct rdv__value object, struct rdv__environment *ret_environment,
                          struct rdv_error *error);

/* Make a list of all of environment and of these variables, which ends with NULL: one block that
 * free() frees. It borrows the texts of environment. */
int rdv__environment_join(const struct rdv__environment *environment,
                          const struct rdv__variable *more, size_t count, const char ***ret_list);

#endif
