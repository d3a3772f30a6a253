/* SPDX-License-Identifier: MIT */
/*
 * JSON-RPC 2.0: reads the envelope of a request, and writes that of an answer. control.c and
 * methods.c call this for the agent; response.c uses its names of errors. What stands in "params"
 * and "result" is not known here, but for one thing: the tasks of a schedule are not parsed with
 * the request.
 */
#include "control/rpc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/control.h>
#include <rdvtask/document.h>

#include "base/error.h"

/* The member of a request with which the paths of errors begin. A caller, who has given only the
 * parameters, knows what follows it. */
#define PARAMS "params"

static const struct {
    const char *name;
    int code;
} names[] = {
#define ERROR_NAME(name, number, hresult, words) {#name, number},
    RDV_ERRORS(ERROR_NAME)
#undef ERROR_NAME
};

static const char *error_name(int code)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    return NULL;
}

int rdv__error_from_name(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].code;
    return 0;
}

void rdv__failure_set(struct rdv__failure *failure, int number, int code, const char *format, ...)
{
    char words[sizeof failure->error.text];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    memset(failure, 0, sizeof *failure);
    (void)rdv__fail(&failure->error, code, "%s", words);
    failure->number = number != 0 ? number : code;
}

/* ---------------------------------------------------------------- requests */

static bool is_id_type(enum rdv__json_type type)
{
    return type == RDV__JSON_STRING || type == RDV__JSON_NUMBER || type == RDV__JSON_NULL;
}

/* Read the id before all else, so that the client gets an answer even if the rest is wrong. */
static int read_id(struct rdv__value root, struct rdv__request *request)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value;
    const char *key;
    size_t size;

    while (rdv__json_next(root, &iterator, &key, &value))
        if (strcmp(key, "id") == 0 && is_id_type(rdv__json_type(value)))
            return rdv__json_compact(value, &request->id, &size);
    return 0;
}

static int read_members(struct rdv__value root, struct rdv__request *request,
                        struct rdv_error *error)
{
    enum { VERSION, ID, METHOD, PARAMETERS, MEMBERS };
    static const char *const members[] = {"jsonrpc", "id", "method", PARAMS, NULL};
    struct rdv__value values[MEMBERS];
    const char *version = "";
    int result = rdv__json_members(root, members, values, error);

    if (result == 0 && (!values[VERSION].item || !values[METHOD].item))
        return rdv__json_fail(root, error, RDV_EINVAL,
                              "a request needs \"jsonrpc\" and \"method\"");
    if (result == 0)
        result = rdv__json_string(values[VERSION], &version, error);
    if (result == 0 && strcmp(version, "2.0") != 0)
        return rdv__json_fail(values[VERSION], error, RDV_EINVAL, "expected \"2.0\"");
    if (result == 0 && values[ID].item && !is_id_type(rdv__json_type(values[ID])))
        return rdv__json_fail(values[ID], error, RDV_EINVAL, "expected a string, a number or null");
    if (result == 0)
        result = rdv__json_string(values[METHOD], &request->method, error);
    request->params = values[PARAMETERS];
    return result;
}

int rdv__request_read(const char *line, size_t size, struct rdv__request *ret_request,
                      struct rdv__failure *ret_failure)
{
    static const char *const tasks[] = {PARAMS, "tasks", NULL};
    /* Of a task, only this can be large; it is kept as text. */
    static const char *const verbatim[] = {"context", "json", NULL};
    const struct rdv__json_form form = {
        .most_values = RDV_DOCUMENT_VALUES,
        .walked = tasks,
        .most_in_tree = RDV_CONTROL_VALUES,
        .verbatim = verbatim,
    };
    struct rdv__request *request = ret_request;
    struct rdv_error *error = &ret_failure->error;
    struct rdv__value root;

    memset(request, 0, sizeof *request);
    memset(ret_failure, 0, sizeof *ret_failure);
    ret_failure->number = RDV__RPC_SYNTAX;
    int result = rdv__json_parse_borrowed(line, size, form, &request->json, error);
    if (result != 0)
        goto out;
    ret_failure->number = RDV__RPC_REQUEST;
    root = rdv__json_root(request->json);
    if (rdv__json_type(root) == RDV__JSON_ARRAY) {
        result = rdv__json_fail(root, error, RDV_ENOTSUP,
                                "batches are not supported: send one request a line");
        goto out;
    }
    result = rdv__json_object(root, error);
    if (result == 0)
        result = read_id(root, request);
    if (result == 0)
        result = rdv__json_check_tree(request->json, error);
    if (result == 0)
        result = read_members(root, request, error);
    /* Only `schedule` takes a document, which may be large. */
    if (result == 0 && strcmp(request->method, "schedule") != 0)
        result = rdv__json_check_values(request->json, RDV_CONTROL_VALUES, error);
    if (result == 0 && request->params.item) {
        ret_failure->number = RDV__RPC_PARAMS;
        result = rdv__json_object(request->params, error);
    }
out:
    if (result == RDV_ENOMEM) {
        ret_failure->number = RDV_ENOMEM;
        (void)rdv__fail(error, RDV_ENOMEM, "out of memory");
    }
    if (result != 0 && !request->id) {
        request->id = malloc(sizeof "null");
        if (request->id)
            memcpy(request->id, "null", sizeof "null");
    }
    return result;
}

void rdv__request_finish(struct rdv__request *request)
{
    rdv__json_free(request->json);
    free(request->id);
    memset(request, 0, sizeof *request);
}

/* ----------------------------------------------------------------- answers */

static void write_text(struct rdv__json_writer *writer, const char *key, const char *text)
{
    rdv__json_write_string(writer, key, text, strlen(text));
}

int rdv__answer_begin(const char *id, struct rdv__json_writer **ret_writer)
{
    struct rdv__json_writer *writer;
    int result = rdv__json_writer_new(&writer);

    if (result != 0)
        return result;
    write_text(writer, "jsonrpc", "2.0");
    rdv__json_write_raw(writer, "id", id, strlen(id));
    *ret_writer = writer;
    return 0;
}

/* Find what follows "params" in a path: the place as the caller knows it. */
static const char *find_place(const char *path)
{
    size_t size = strlen(PARAMS);

    if (strncmp(path, PARAMS, size) != 0)
        return path;
    if (path[size] == '.')
        return path + size + 1;
    return path[size] == '\0' || path[size] == '[' ? path + size : path;
}

char *rdv__answer_failure(const char *id, const struct rdv__failure *failure)
{
    const struct rdv_error *error = &failure->error;
    const char *place = find_place(error->path), *name = error_name(error->code);
    char words[sizeof error->path + sizeof error->text + 2];
    struct rdv__json_writer *writer;
    char *line = NULL;

    if (rdv__answer_begin(id, &writer) != 0)
        return NULL;
    snprintf(words, sizeof words, "%s%s%s", place, *place ? ": " : "", error->text);
    rdv__json_begin_object(writer, "error");
    rdv__json_write_integer(writer, "code", failure->number);
    write_text(writer, "message", words);
    rdv__json_begin_object(writer, "data");
    write_text(writer, "name", name ? name : "RDV_EFAILED");
    if (error->code == RDV_EUNRECORDED)
        rdv__json_write_bool(writer, "recorded", false);
    if (*place)
        write_text(writer, "path", place);
    if (error->column > 0)
        rdv__json_write_integer(writer, "column", error->column);
    rdv__json_end(writer);
    rdv__json_end(writer);
    return rdv__json_writer_finish(writer, &line) == 0 ? line : NULL;
}

int rdv_request_new(int64_t id, const char *method, const char *params, char **ret_line)
{
    struct rdv__json_writer *writer;
    char number[24];

    if (!method || !ret_line)
        return RDV_EINVAL;
    snprintf(number, sizeof number, "%" PRId64, id);
    int result = rdv__answer_begin(number, &writer);
    if (result != 0)
        return result;
    write_text(writer, "method", method);
    if (params)
        rdv__json_write_raw(writer, PARAMS, params, strlen(params));
    return rdv__json_writer_finish(writer, ret_line);
}
