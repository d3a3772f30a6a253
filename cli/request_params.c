/* SPDX-License-Identifier: MIT */
#include "request_params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "commands.h"
#include "messages.h"
#include "options.h"
#include "system.h"

/* ------------------------------------------------------------ files */

static int read_file(const char *path, struct text *text)
{
    char buffer[65536];
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

/* Where a string that begins at `at` has ended. */
static size_t skip_string(const char *data, size_t size, size_t at)
{
    for (at++; at < size && data[at] != '"'; at++)
        if (data[at] == '\\')
            at++;
    return at < size ? at + 1 : size;
}

/*
 * What stands in the array of a schedule document: the only one among its members. The document is right, so it is enough to
 * count brackets. Line ends become blanks: outside of strings they mean the same, and inside there are none.
 */
static void add_tasks(struct text *params, struct text *document)
{
    size_t begin = 0, end = 0, depth = 0;
    char *data = document->data;
    for (size_t at = 0; at < document->size && end == 0;) {
        if (data[at] == '"') {
            at = skip_string(data, document->size, at);
            continue;
        }
        if (data[at] == '\n' || data[at] == '\r') {
            data[at] = ' ';
        } else if (data[at] == '{' || data[at] == '[') {
            if (depth++ == 1)
                begin = at + 1;
        } else if (data[at] == '}' || data[at] == ']') {
            if (--depth == 1)
                end = at;
        }
        at++;
    }
    while (begin < end && (data[begin] == ' ' || data[begin] == '\t'))
        begin++;
    if (begin >= end)
        return;
    if (params->data[params->size - 1] != '[')
        text_add_string(params, ",");
    text_add(params, data + begin, end - begin);
}

int params_from_files(const struct options *options, struct text *params)
{
    text_add_string(params, "{\"tasks\":[");
    for (size_t i = 0; i < options->argument_count; i++) {
        struct text document = {0};
        int code = read_file(options->arguments[i], &document);
        if (code == 0 && !params->failed)
            add_tasks(params, &document);
        text_finish(&document);
        if (code)
            return code;
    }
    text_add_string(params, "]}");
    if (!params->failed)
        return EXIT_OK;
    report_error("%s", rdv_strerror(RDV_ENOMEM));
    return EXIT_FAILED;
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

static void add_time(struct text *params, const char *name, rdv_time time)
{
    char buffer[RDV_TIME_TEXT_SIZE];
    if (time == 0 || rdv_time_format(time, buffer, sizeof(buffer)) != 0)
        return;
    text_add_string(params, name);
    text_add_json(params, buffer);
}

int params_from_task(rdv_task *task, const rdv_window *window, struct text *params)
{
    char limit[RDV_DURATION_TEXT_SIZE];
    size_t size = 0;
    const void *context = rdv_task_context(task, &size);
    text_add_string(params, "{\"tasks\":[{\"label\":");
    text_add_json(params, rdv_task_label(task));
    text_add_string(params, ",\"identifier\":");
    text_add_json(params, rdv_task_identifier(task));
    add_time(params, ",\"start\":", window->start);
    add_time(params, ",\"end\":", window->end);
    add_time(params, ",\"deadline\":", window->deadline);
    if (window->limit > 0 && rdv_duration_format(window->limit, limit, sizeof(limit)) == 0) {
        text_add_string(params, ",\"limit\":");
        text_add_json(params, limit);
    }
    if (size > 0) {
        text_add_string(params, ",\"context\":{\"base64\":\"");
        add_base64(params, context, size);
        text_add_string(params, "\"}");
    }
    text_add_string(params, "}]}");
    if (!params->failed)
        return EXIT_OK;
    report_error("%s", rdv_strerror(RDV_ENOMEM));
    return EXIT_FAILED;
}
