/* SPDX-License-Identifier: MIT */
/* The environment of the programs that an agent document names. */
#ifndef RDV__DOCUMENT_ENVIRONMENT_H
#define RDV__DOCUMENT_ENVIRONMENT_H

#include <stddef.h>

#include "json/value.h"
#include <rdvtask/base.h>

/* The most names that one object of a document may have. */
#define RDV__ENVIRONMENT_MAX 256

/* Texts "NAME=value". Each name is there once, with the value that was said last. */
struct rdv__environment {
    /* Ends with NULL. */
    char **list;
    size_t count;
};

/* A name and its value; if the value is NULL, the name is left out. */
struct rdv__variable {
    const char *name, *value;
};

/* Make a list of copies: of what is inherited, and of the members of an object, which may be
 * absent. A member takes the place of what is inherited by its name. */
int rdv__environment_read(const char *const *inherited, size_t inherited_count,
                          struct rdv__value object, struct rdv__environment *ret_environment,
                          struct rdv_error *error);

/* Make a list of the texts of environment and of these variables, which ends with NULL. It is one
 * block that free() frees, and borrows the texts of environment. */
int rdv__environment_join(const struct rdv__environment *environment,
                          const struct rdv__variable *more, size_t count, const char ***ret_list);

#endif
