/* SPDX-License-Identifier: MIT */
/*
 * Reads the lines that an agent sends: results, errors and notifications. Programs with a client
 * (client.c) call rdv_response_…; so do those that call rdv_control_call(). An agent may be newer
 * than this library, so members that are not known are passed over.
 */
#include <rdvtask/control.h>

#include <stdlib.h>
#include <string.h>

#include "control/rpc.h"
#include "document/entry_json.h"
#include "json/value.h"

/* The most values of an answer. An agent never sends so many: a line has no room for them. */
#define VALUES_MAX 8000000

struct rdv_response {
    struct rdv__json *json;
    /* The result, or the parameters of a notification. */
    struct rdv__value content;
    /* The content as text; NULL for an error. */
    char *text;
    /* NULL if it is not a notification. */
    const char *method;
    /* The message of an error, and its code; 0 if it is not an error. */
    const char *words;
    int code;
    int64_t id;
};

/* Find a member of an object; its item is NULL if there is none. Other members may be there. */
static struct rdv__value find_member(struct rdv__value object, const char *name)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value = object;
    const char *key;

    if (rdv__json_object(object, NULL) == 0)
        while (rdv__json_next(object, &iterator, &key, &value))
            if (strcmp(key, name) == 0)
                return value;
    value = object;
    value.item = NULL;
    return value;
}

/* Tell which RDV_E… code the error of a response stands for. */
static int find_code(struct rdv__value error, int64_t number)
{
    struct rdv__value data = find_member(error, "data"), value;
    const char *name = "";

    if (data.item) {
        value = find_member(data, "name");
        if (value.item && rdv__json_string(value, &name, NULL) == 0 &&
            rdv__error_from_name(name) != 0)
            return rdv__error_from_name(name);
    }
    switch (number) {
    case RDV__RPC_SYNTAX:
        return RDV_ESYNTAX;
    case RDV__RPC_METHOD:
        return RDV_ENOTSUP;
    case RDV__RPC_REQUEST:
    case RDV__RPC_PARAMS:
        return RDV_EINVAL;
    default:
        return RDV_EFAILED;
    }
}

static int read_error(struct rdv__value error, rdv_response *response)
{
    struct rdv__value code = find_member(error, "code"), message = find_member(error, "message");
    int64_t number = 0;

    if (!code.item || !message.item ||
        rdv__json_integer(code, INT64_MIN, INT64_MAX, &number, NULL) != 0 ||
        rdv__json_string(message, &response->words, NULL) != 0)
        return RDV_ESYNTAX;
    response->code = find_code(error, number);
    return 0;
}

static int read_response(rdv_response *response)
{
    struct rdv__value root = rdv__json_root(response->json);
    struct rdv__value version = find_member(root, "jsonrpc"), method = find_member(root, "method");
    struct rdv__value error = find_member(root, "error"), id = find_member(root, "id");
    const char *text = "";
    size_t size;

    if (!version.item || rdv__json_string(version, &text, NULL) != 0 || strcmp(text, "2.0") != 0)
        return RDV_ESYNTAX;
    if (method.item && rdv__json_string(method, &response->method, NULL) != 0)
        return RDV_ESYNTAX;
    if (!method.item && !id.item)
        return RDV_ESYNTAX;
    if (id.item)
        (void)rdv__json_integer(id, INT64_MIN, INT64_MAX, &response->id, NULL);
    if (!method.item && error.item)
        return read_error(error, response);
    response->content = find_member(root, method.item ? "params" : "result");
    if (!response->content.item)
        return RDV_ESYNTAX;
    return rdv__json_compact(response->content, &response->text, &size);
}

int rdv_response_parse(const char *line, rdv_response **ret_response)
{
    static const char *const entries[] = {"result", NULL};
    const struct rdv__json_form form = {.most_values = VALUES_MAX, .walked = entries};

    if (!line || !ret_response)
        return RDV_EINVAL;
    rdv_response *response = calloc(1, sizeof *response);
    if (!response)
        return RDV_ENOMEM;
    response->id = -1;
    int result = rdv__json_parse(line, strlen(line), form, &response->json, NULL);
    if (result == 0)
        result = read_response(response);
    if (result != 0) {
        rdv_response_free(response);
        return result == RDV_ENOMEM ? result : RDV_ESYNTAX;
    }
    *ret_response = response;
    return 0;
}

int rdv_response_error(const rdv_response *response, const char **ret_words)
{
    if (response->code != 0 && ret_words)
        *ret_words = response->words;
    return response->code;
}

int64_t rdv_response_id(const rdv_response *response)
{
    return response->id;
}

const char *rdv_response_result(const rdv_response *response)
{
    return response->text;
}

const char *rdv_response_method(const rdv_response *response)
{
    return response->method;
}

static int give_entry(struct rdv__value value, rdv_entry_fn fn, void *user)
{
    rdv_entry entry;
    rdv_change *changes = NULL;
    int result = rdv__entry_read(value, &entry, &changes, NULL);

    if (result != 0)
        return result == RDV_ENOMEM ? result : RDV_ESYNTAX;
    result = fn(user, &entry);
    free(changes);
    return result;
}

int rdv_response_entries(const rdv_response *response, rdv_entry_fn fn, void *user)
{
    struct rdv__json_elements elements;
    struct rdv__value value;
    int result;

    if (!response || !fn)
        return RDV_EINVAL;
    if (!response->text)
        return RDV_ESYNTAX;
    if (rdv__json_type(response->content) != RDV__JSON_ARRAY)
        return give_entry(response->content, fn, user);
    elements = rdv__json_elements(response->content, 0);
    do {
        result = rdv__json_elements_next(&elements, &value, NULL);
        if (result == 0 && value.item)
            result = give_entry(value, fn, user);
    } while (result == 0 && value.item);
    rdv__json_elements_finish(&elements);
    return result;
}

void rdv_response_free(rdv_response *response)
{
    if (!response)
        return;
    rdv__json_free(response->json);
    free(response->text);
    free(response);
}
