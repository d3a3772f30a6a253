/* SPDX-License-Identifier: MIT */
/*
 * The parameters of `schedule`, from files or from the command line.
 *
 * The tasks of a file are handed on as they are written there, since a JSON context keeps the
 * spelling of its numbers and strings. cJSON only finds where they begin and end, one task at a
 * time, so that no tree of the whole file is built.
 */
#include "request_params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "commands.h"
#include "display_text.h"
#include "json_text.h"
#include "messages.h"
#include "options.h"
#include "system.h"

/* Bytes that are read at a time. */
#define READ_SIZE ((size_t)64 * 1024)

static int report_no_memory(void)
{
    report_error("%s", rdv_strerror(RDV_ENOMEM));
    return EXIT_FAILED;
}

/* An object with an array `tasks`, which is empty. NULL if there is no memory. */
static cJSON *make_params(cJSON **ret_tasks)
{
    cJSON *params = cJSON_CreateObject();
    *ret_tasks = cJSON_AddArrayToObject(params, "tasks");
    if (*ret_tasks)
        return params;
    cJSON_Delete(params);
    return NULL;
}

/* ------------------------------------------------------------ files */

static int read_file(const char *path, struct text *text)
{
    char buffer[READ_SIZE];
    size_t got;
    FILE *file = system_open(path);
    if (!file) {
        report_error("cannot read %s: %s", path, strerror(errno));
        return EXIT_FAILED;
    }
    errno = 0;
    while (text->size <= RDV_DOCUMENT_MAX && (got = fread(buffer, 1, sizeof(buffer), file)) > 0)
        text_add(text, buffer, got);
    const bool failed = ferror(file) || text->failed;
    if (failed)
        report_error("cannot read %s: %s", path,
                     text->failed ? rdv_strerror(RDV_ENOMEM) : strerror(errno));
    fclose(file);
    return failed ? EXIT_FAILED : EXIT_OK;
}

/* Put a document on one line. Outside of strings a line end is as good as a blank, and inside
 * there are none. */
static void join_lines(char *document, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (document[at] == '\n' || document[at] == '\r')
            document[at] = ' ';
}

/* Find what stands between the brackets of an array, without the blanks around it. *ret_size is
 * 0 for an empty one. Returns false if it is no array, or there is no memory. */
static bool find_elements(struct json_walk *walk, const char **ret_text, size_t *ret_size)
{
    const char *begin = NULL, *end = NULL;
    if (!json_walk_take(walk, '['))
        return false;
    while (json_walk_next(walk)) {
        const char *text;
        size_t size;
        cJSON *element = json_walk_value(walk, &text, &size);
        cJSON_Delete(element);
        if (!element)
            return false;
        begin = begin ? begin : text;
        end = text + size;
    }
    *ret_text = begin;
    *ret_size = begin ? (size_t)(end - begin) : 0;
    return json_walk_take(walk, ']');
}

/* Find the tasks of a schedule document. */
static bool find_tasks(struct json_walk walk, const char **ret_text, size_t *ret_size)
{
    if (!json_walk_take(&walk, '{'))
        return false;
    while (json_walk_next(&walk)) {
        const int named = json_walk_name(&walk, "tasks");
        if (named == 1)
            return find_elements(&walk, ret_text, ret_size);
        cJSON *other = named == 0 ? json_walk_value(&walk, NULL, NULL) : NULL;
        cJSON_Delete(other);
        if (!other)
            return false;
    }
    return false;
}

/* Add the tasks of a document to an array, as one piece of raw text, which is printed as it is.
 * The document is changed. */
static bool add_tasks(cJSON *tasks, struct text *document)
{
    const char *found = NULL;
    size_t size = 0;
    join_lines(document->data, document->size);
    const struct json_walk walk = {document->data, document->data + document->size};
    if (!find_tasks(walk, &found, &size))
        return false;
    if (size == 0)
        return true;
    document->data[(size_t)(found - document->data) + size] = '\0';
    return cJSON_AddItemToArray(tasks, cJSON_CreateRaw(found));
}

int params_from_files(const struct options *options, cJSON **ret_params)
{
    cJSON *tasks = NULL, *params = make_params(&tasks);
    if (!params)
        return report_no_memory();
    for (size_t i = 0; i < options->argument_count; i++) {
        struct text document = {0};
        int code = read_file(options->arguments[i], &document);
        if (code == 0 && !(document.data && add_tasks(tasks, &document))) {
            /* It was right when it was checked. */
            report_error("cannot read %s: it was changed meanwhile, or there is not enough memory",
                         options->arguments[i]);
            code = EXIT_FAILED;
        }
        text_finish(&document);
        if (code) {
            cJSON_Delete(params);
            return code;
        }
    }
    *ret_params = params;
    return EXIT_OK;
}

/* ------------------------------------------------------------ one task */

static void add_base64(struct text *text, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < size; at += 3) {
        const size_t left = size - at;
        const uint32_t group = (uint32_t)bytes[at] << 16 |
                               (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
                               (left > 2 ? (uint32_t)bytes[at + 2] : 0);
        const char four[] = {digits[group >> 18], digits[group >> 12 & 63],
                             left > 1 ? digits[group >> 6 & 63] : '=',
                             left > 2 ? digits[group & 63] : '='};
        text_add(text, four, sizeof(four));
    }
}

/* Add a context, unless it is empty. Returns false if there is no memory. */
static bool add_context(cJSON *object, const void *context, size_t size)
{
    struct text base64 = {0};
    if (size == 0)
        return true;
    add_base64(&base64, context, size);
    cJSON *form = base64.failed ? NULL : cJSON_AddObjectToObject(object, "context");
    const bool added = form && cJSON_AddStringToObject(form, "base64", base64.data);
    text_finish(&base64);
    return added;
}

int params_from_task(rdv_task *task, const rdv_window *window, cJSON **ret_params)
{
    size_t size = 0;
    const void *context = rdv_task_context(task, &size);
    cJSON *tasks = NULL, *params = make_params(&tasks), *object = cJSON_CreateObject();
    if (!cJSON_AddItemToArray(tasks, object)) {
        cJSON_Delete(object);
        object = NULL;
    }
    if (!cJSON_AddStringToObject(object, "label", rdv_task_label(task)) ||
        !cJSON_AddStringToObject(object, "identifier", rdv_task_identifier(task)) ||
        !json_add_time(object, "start", window->start) ||
        !json_add_time(object, "end", window->end) ||
        !json_add_time(object, "deadline", window->deadline) ||
        !json_add_duration(object, "limit", window->limit) || !add_context(object, context, size)) {
        cJSON_Delete(params);
        return report_no_memory();
    }
    *ret_params = params;
    return EXIT_OK;
}
