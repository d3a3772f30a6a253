/* SPDX-License-Identifier: MIT */
/* Reads "limits" in an agent document. */
#ifndef RDV__DOCUMENT_LIMITS_H
#define RDV__DOCUMENT_LIMITS_H

#include <stddef.h>

#include "json/value.h"
#include "platform/platform.h"

struct rdv__limits {
    struct rdv__limit list[RDV__LIMITS_MAX];
    size_t count;
};

/* Read the object, and add what it says to limits. */
int rdv__limits_read(struct rdv__value value, struct rdv__limits *limits, struct rdv_error *error);

#endif
