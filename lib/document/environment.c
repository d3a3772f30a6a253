/* SPDX-License-Identifier: MIT */
/*
 * The environment of programs. handlers.c has one made for each handler: what is inherited, and
 * what the document adds or puts in its place, checked. command_run_process.c joins it with the
 * variables that differ from run to run.
 *
 * A name is in a list once, and none that a document gives begins with RDV_.
 */
#include "document/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document/text.h"

static bool have_same_name(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");
    return size == strcspn(b, "=") && memcmp(a, b, size) == 0;
}

static int check_variable_name(struct rdv__value value, const char *name, struct rdv_error *error)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char later[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (!name[0] || !strchr(first, name[0]) || name[strspn(name, later)] != '\0')
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "'%s' can't be a name in the environment: it takes letters, digits "
                              "and _, and no digit first",
                              name);
    if (strncmp(name, "RDV_", 4) == 0)
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "names that begin with RDV_ are rdvtask's own");
    return 0;
}

/* Put the members of an object into a list that has room for them. Each takes the place of an
 * earlier one of its name. */
static int add_members(struct rdv__value object, char **list, size_t *count,
                       struct rdv_error *error)
{
    struct rdv__json_iterator iterator = {0};
    const char *name;
    struct rdv__value value;
    while (rdv__json_next(object, &iterator, &name, &value)) {
        const char *text = NULL;
        size_t size = 0;
        int result = check_variable_name(value, name, error);
        if (!result)
            result = rdv__text_read(value, &text, &size, error);
        if (result)
            return result;
        size_t name_size = strlen(name);
        char *line = malloc(name_size + 1 + size + 1);
        if (!line)
            return rdv__fail_memory(error);
        memcpy(line, name, name_size);
        line[name_size] = '=';
        memcpy(line + name_size + 1, text, size + 1);

        size_t i = 0;
        while (i < *count && !have_same_name(list[i], line))
            i++;
        if (i < *count)
            free(list[i]);
        else
            ++*count;
        list[i] = line;
    }
    return 0;
}

int rdv__environment_read(const char *const *inherited, size_t inherited_count,
                          struct rdv__value object, struct rdv__environment *ret_environment,
                          struct rdv_error *error)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value;
    size_t members = 0;
    size_t count = 0;
    int result = rdv__value_is_given(object) ? rdv__json_object(object, error) : 0;
    if (result)
        return result;
    while (rdv__value_is_given(object) && rdv__json_next(object, &iterator, NULL, &value))
        members++;
    if (members > RDV__ENVIRONMENT_MAX)
        return rdv__json_fail(object, error, RDV_ELIMIT, "more than %d names",
                              RDV__ENVIRONMENT_MAX);

    char **list = calloc(inherited_count + members + 1, sizeof *list);
    if (!list)
        return rdv__fail_memory(error);
    for (; !result && count < inherited_count; count++) {
        list[count] = rdv__text_copy(inherited[count], strlen(inherited[count]));
        if (!list[count])
            result = rdv__fail_memory(error);
    }
    if (!result && rdv__value_is_given(object))
        result = add_members(object, list, &count, error);
    if (result) {
        rdv__texts_free(list);
        return result;
    }
    ret_environment->list = list;
    ret_environment->count = count;
    return 0;
}

int rdv__environment_join(const struct rdv__environment *environment,
                          const struct rdv__variable *more, size_t count, const char ***ret_list)
{
    size_t pointers = environment->count + count + 1;
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        if (more[i].value)
            size += strlen(more[i].name) + 1 + strlen(more[i].value) + 1;
    const char **list = malloc(pointers * sizeof *list + size);
    if (!list)
        return RDV_ENOMEM;

    size_t used = 0;
    for (; used < environment->count; used++)
        list[used] = environment->list[used];
    char *text = (char *)(list + pointers);
    for (size_t i = 0; i < count; i++) {
        if (!more[i].value)
            continue;
        list[used++] = text;
        text += sprintf(text, "%s=%s", more[i].name, more[i].value) + 1;
    }
    list[used] = NULL;
    *ret_list = list;
    return 0;
}
