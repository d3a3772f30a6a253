/* SPDX-License-Identifier: MIT */
/* Texts of an agent document. */
#ifndef RDV__DOCUMENT_TEXT_H
#define RDV__DOCUMENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "json/value.h"
#include <rdvtask/base.h>

/* The longest text (an argument, a path, a value of the environment), in bytes. */
#define RDV__TEXT_MAX 65536

/* Copy a text of this size; the copy ends with NUL. NULL if there is no memory. free(). */
char *rdv__text_copy(const char *text, size_t size);

/* Free a list of texts, which ends with NULL, and the texts in it. NULL is fine. */
void rdv__texts_free(char **texts);

/* Fill in error (may be NULL) for want of memory. Returns RDV_ENOMEM. */
int rdv__fail_memory(struct rdv_error *error);

/* Whether a member of an object is there. */
bool rdv__value_is_given(struct rdv__value value);

/* Read a text of at most RDV__TEXT_MAX bytes; it belongs to the document. */
int rdv__text_read(struct rdv__value value, const char **ret_text, size_t *ret_size,
                   struct rdv_error *error);

#endif
