/* SPDX-License-Identifier: MIT */
/* Texts of an agent document, and of what is made of it: a bound is checked as they are read, and
 * they are copied into memory of their own. handlers.c and environment.c call this. */
#include "document/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

char *rdv__text_copy(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

void rdv__texts_free(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}

int rdv__fail_memory(struct rdv_error *error)
{
    return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
}

bool rdv__value_is_given(struct rdv__value value)
{
    return value.item != NULL;
}

int rdv__text_read(struct rdv__value value, const char **ret_text, size_t *ret_size,
                   struct rdv_error *error)
{
    const char *text = NULL;
    int result = rdv__json_string(value, &text, error);
    if (result)
        return result;
    size_t size = strlen(text);
    if (size > RDV__TEXT_MAX)
        return rdv__json_fail(value, error, RDV_ELIMIT, "longer than %d bytes", RDV__TEXT_MAX);
    *ret_text = text;
    *ret_size = size;
    return 0;
}
