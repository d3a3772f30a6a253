/* SPDX-License-Identifier: MIT */
/*
 * Reads schedule documents: trigger/load_document.c loads them from files, control/methods.c has
 * them in requests, and check.c only checks them. Each member is checked as it is read, and the
 * first error, with its place, ends the reading: there is a whole schedule or none.
 *
 * A schedule may have hundreds of thousands of tasks, so each is parsed by itself and dropped again
 * once it is read (rdv__json_elements()).
 */
#include "document/schedule.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "base/error.h"
#include "base/hash.h"
#include "document/text.h"
#include "json/value.h"
#include "model/task.h"
#include "platform/platform.h"

/* The members of a task of a schedule document. */
enum { LABEL, IDENTIFIER, START, END, DEADLINE, LIMIT, CONTEXT, TASK_MEMBERS };
static const char *const task_names[TASK_MEMBERS + 1] = {"label",    "identifier", "start",   "end",
                                                         "deadline", "limit",      "context", NULL};

/* A place of the table that finds identifiers which come twice. */
struct seen {
    /* The hash of the identifier. */
    uint32_t hash;
    /* The index of the task, plus 1; 0 if the place is free. */
    uint32_t item;
};

/* The context of a task. */
struct context {
    const void *data;
    size_t size;
    /* The memory of data, to be freed; NULL if it is borrowed from the document. */
    char *owned;
};

/* ----------------------------------------------------------------- context */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode base64 strictly: groups of four characters, padded, no white space, no stray bits. Returns
 * false if the text is anything else. data has room for three bytes for each group. */
static bool decode_base64(const char *text, size_t size, unsigned char *data, size_t *ret_size)
{
    size_t length = 0;

    if (size % 4 != 0)
        return false;
    for (size_t i = 0; i < size; i += 4) {
        bool last = i + 4 == size;
        int padding = !last || text[i + 3] != '=' ? 0 : text[i + 2] == '=' ? 2 : 1;
        uint32_t bits = 0;
        for (int k = 0; k < 4; k++) {
            int digit = k < 4 - padding ? base64_digit(text[i + (size_t)k]) : 0;
            if (digit < 0)
                return false;
            bits = bits << 6 | (uint32_t)digit;
        }
        /* The bits behind the last byte must be 0, so that one content has only one text. */
        if ((padding == 1 && (bits & 0xFFu)) || (padding == 2 && (bits & 0xFFFFu)))
            return false;
        for (int k = 0; k < 3 - padding; k++)
            data[length++] = (unsigned char)(bits >> (16 - 8 * k));
    }
    *ret_size = length;
    return true;
}

static int read_base64(struct rdv__value value, struct context *ret_context,
                       struct rdv_error *error)
{
    const char *text;
    size_t size;
    int result = rdv__json_bytes(value, &text, &size, error);

    if (result < 0)
        return result;
    char *data = malloc(size / 4 * 3 + 1);
    if (!data)
        return rdv__json_fail(value, error, RDV_ENOMEM, "out of memory");
    if (!decode_base64(text, size, (unsigned char *)data, &ret_context->size)) {
        free(data);
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "expected base64: A-Z a-z 0-9 + /, padded with = to a multiple of "
                              "four, and no white space");
    }
    ret_context->owned = data;
    ret_context->data = data;
    return 0;
}

static int read_context(struct rdv__value value, struct context *ret_context,
                        struct rdv_error *error)
{
    enum { BASE64, JSON };
    static const char *const names[] = {"base64", "json", NULL};
    struct context context = {NULL, 0, NULL};
    struct rdv__value forms[2];
    int result = 0;

    if (rdv__json_type(value) == RDV__JSON_STRING) {
        const char *text = "";
        rdv__json_bytes(value, &text, &context.size, NULL);
        context.data = text;
    } else if (rdv__json_type(value) != RDV__JSON_OBJECT) {
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "expected a string, {\"base64\": ...} or {\"json\": ...}");
    } else {
        result = rdv__json_members(value, names, forms, error);
        if (result < 0)
            return result;
        if (rdv__value_is_given(forms[BASE64]) == rdv__value_is_given(forms[JSON]))
            return rdv__json_fail(value, error, RDV_EINVAL,
                                  "expected either \"base64\" or \"json\" in the object");
        if (rdv__value_is_given(forms[BASE64])) {
            result = read_base64(forms[BASE64], &context, error);
        } else if (rdv__json_compact(forms[JSON], &context.owned, &context.size) < 0) {
            result = rdv__json_fail(value, error, RDV_ENOMEM, "out of memory");
        } else {
            context.data = context.owned;
        }
    }
    if (result == 0 && context.size > RDV_CONTEXT_MAX) {
        free(context.owned);
        return rdv__json_fail(value, error, RDV_ELIMIT, "the context is larger than %d MiB",
                              RDV_CONTEXT_MAX / (1024 * 1024));
    }
    if (result == 0)
        *ret_context = context;
    return result;
}

/* ---------------------------------------------------------------- schedule */

/* Read a label or an identifier, which has no NUL behind it. The scanner has checked its
 * characters. */
static int read_name(struct rdv__value value, const char **ret_name, size_t *ret_size,
                     struct rdv_error *error)
{
    int result = rdv__json_bytes(value, ret_name, ret_size, error);

    if (result < 0)
        return result;
    if (*ret_size > RDV_NAME_MAX)
        return rdv__json_fail(value, error, RDV_ELIMIT, "longer than %d bytes", RDV_NAME_MAX);
    if (*ret_size == 0)
        return rdv__json_fail(value, error, RDV_EINVAL, "must not be empty");
    return 0;
}

int rdv__document_name(struct rdv__value value, const char **ret_name, struct rdv_error *error)
{
    size_t size;
    int result = read_name(value, ret_name, &size, error);

    return result < 0 ? result : rdv__json_string(value, ret_name, error);
}

static int read_window(const struct rdv__value *members, rdv_time now, rdv_window *ret_window,
                       struct rdv_error *error)
{
    rdv_window window = {0, 0, 0, 0};
    int result = 0;

    if (rdv__value_is_given(members[START]))
        result = rdv__json_moment(members[START], now, &window.start, error);
    if (result == 0 && rdv__value_is_given(members[END]))
        result = rdv__json_moment(members[END], now, &window.end, error);
    if (result == 0 && rdv__value_is_given(members[DEADLINE]))
        result = rdv__json_moment(members[DEADLINE], now, &window.deadline, error);
    if (result == 0 && rdv__value_is_given(members[LIMIT]))
        result = rdv__json_duration(members[LIMIT], RDV_MILLISECOND, RDV_LIMIT_MAX, &window.limit,
                                    error);
    if (result < 0)
        return result;
    if (rdv_window_check(&window) < 0) {
        /* Each member is right by itself, so this can only be their order. */
        char start[RDV_TIME_TEXT_SIZE] = "?", end[RDV_TIME_TEXT_SIZE] = "?";
        rdv_time_format(window.start, start, sizeof start);
        rdv_time_format(window.end, end, sizeof end);
        return rdv__json_fail(members[END], error, RDV_EINVAL,
                              "the end of the window, %s, is before its start, %s", end, start);
    }
    *ret_window = window;
    return 0;
}

static int read_task(struct rdv__value value, rdv_time now, struct rdv__schedule_item *item,
                     struct rdv_error *error)
{
    struct rdv__value members[TASK_MEMBERS];
    struct context context = {NULL, 0, NULL};
    const char *label, *identifier = NULL;
    size_t label_size, identifier_size = 0;
    int result = rdv__json_members(value, task_names, members, error);

    if (result < 0)
        return result;
    if (!rdv__value_is_given(members[LABEL]))
        return rdv__json_fail(value, error, RDV_EINVAL, "a task needs a \"label\"");
    result = read_name(members[LABEL], &label, &label_size, error);
    if (result == 0 && rdv__value_is_given(members[IDENTIFIER]))
        result = read_name(members[IDENTIFIER], &identifier, &identifier_size, error);
    if (result == 0)
        result = read_window(members, now, &item->window, error);
    if (result == 0 && rdv__value_is_given(members[CONTEXT]))
        result = read_context(members[CONTEXT], &context, error);
    if (result < 0)
        return result;
    /* All was checked. This can fail only for want of memory, or of random numbers for an
     * identifier. */
    result = rdv__task_new(label, label_size, identifier, identifier_size, context.data,
                           context.size, 0, &item->task);
    free(context.owned);
    if (result < 0)
        return rdv__json_fail(value, error, result, "%s", rdv_strerror(result));
    return 0;
}

static int fail_repeated(const struct rdv__schedule *schedule, size_t first, size_t second,
                         struct rdv_error *error)
{
    struct rdv__json_elements elements = rdv__json_elements(schedule->tasks, second);
    struct rdv__value task, members[TASK_MEMBERS];
    int line, column;
    int result = rdv__json_elements_next(&elements, &task, error);

    if (result == 0) {
        rdv__json_place(rdv__json_element(schedule->tasks, first), NULL, &line, &column);
        rdv__json_members(task, task_names, members, NULL);
        result = rdv__json_fail(members[IDENTIFIER], error, RDV_EINVAL,
                                "the same identifier as that of tasks[%lu] on line %d, column %d",
                                (unsigned long)first, line, column);
    }
    rdv__json_elements_finish(&elements);
    return result;
}

/* Refuse an identifier that comes twice. The error is at the first task that repeats one. */
static int check_identifiers(const struct rdv__schedule *schedule, struct rdv_error *error)
{
    struct rdv__hash_key key;
    size_t room = 16;
    while (room < 2 * schedule->count)
        room *= 2;
    struct seen *seen = calloc(room, sizeof *seen);
    int result = seen ? rdv__plat_random(&key, sizeof key) : RDV_ENOMEM;
    if (result < 0)
        rdv__fail(error, result, "%s", rdv_strerror(result));

    for (size_t i = 0; i < schedule->count && result == 0; i++) {
        const char *identifier = rdv_task_identifier(schedule->items[i].task);
        uint32_t hash = rdv__hash(&key, identifier, strlen(identifier));
        struct seen *at = &seen[hash & (room - 1)];
        while (at->item != 0 && result == 0) {
            size_t other = at->item - 1;
            if (at->hash == hash &&
                strcmp(rdv_task_identifier(schedule->items[other].task), identifier) == 0)
                result = fail_repeated(schedule, other, i, error);
            at = at + 1 < seen + room ? at + 1 : seen;
        }
        *at = (struct seen){hash, (uint32_t)i + 1};
    }
    free(seen);
    return result;
}

static int read_tasks(struct rdv__value tasks, rdv_time now, struct rdv__schedule *ret_schedule,
                      struct rdv_error *error)
{
    struct rdv__schedule schedule = {.tasks = tasks};
    struct rdv__json_elements elements;
    struct rdv__value value;
    size_t count;
    int result = rdv__json_array(tasks, &count, error);

    if (result < 0)
        return result;
    schedule.items = malloc((count > 0 ? count : 1) * sizeof *schedule.items);
    if (!schedule.items)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    elements = rdv__json_elements(tasks, 0);
    while (result == 0 && schedule.count < count) {
        result = rdv__json_elements_next(&elements, &value, error);
        if (result == 0)
            result = read_task(value, now, &schedule.items[schedule.count], error);
        schedule.count += result == 0;
    }
    rdv__json_elements_finish(&elements);
    if (result == 0)
        result = check_identifiers(&schedule, error);
    if (result == 0)
        *ret_schedule = schedule;
    else
        rdv__schedule_finish(&schedule);
    return result;
}

int rdv__schedule_read(struct rdv__value root, rdv_time now, struct rdv__schedule *ret_schedule,
                       struct rdv_error *error)
{
    enum { SCHEMA, TASKS };
    static const char *const names[] = {"$schema", "tasks", NULL};
    struct rdv__value members[2];
    const char *schema;
    int result = rdv__json_members(root, names, members, error);

    if (result < 0)
        return result;
    if (!rdv__value_is_given(members[TASKS]))
        return rdv__json_fail(root, error, RDV_EINVAL, "a schedule document needs \"tasks\"");
    if (rdv__value_is_given(members[SCHEMA])) {
        result = rdv__json_string(members[SCHEMA], &schema, error);
        if (result < 0)
            return result;
    }
    return read_tasks(members[TASKS], now, ret_schedule, error);
}

int rdv__schedule_load_json(const char *path, struct rdv__json **ret_json, struct rdv_error *error)
{
    /* The tasks are read once, one after the other. */
    static const char *const tasks_path[] = {"tasks", NULL};
    return rdv__json_load(path, tasks_path, ret_json, error);
}

int rdv__schedule_load(const char *path, rdv_time now, struct rdv__schedule *ret_schedule,
                       struct rdv_error *error)
{
    struct rdv__json *json;
    int result = rdv__schedule_load_json(path, &json, error);

    if (result < 0)
        return result;
    result = rdv__schedule_read(rdv__json_root(json), now, ret_schedule, error);
    if (result == 0)
        ret_schedule->json = json;
    else
        rdv__json_free(json);
    return result;
}

void rdv__schedule_finish(struct rdv__schedule *schedule)
{
    for (size_t i = 0; i < schedule->count; i++)
        rdv_task_unref(schedule->items[i].task);
    free(schedule->items);
    rdv__json_free(schedule->json);
    *schedule = (struct rdv__schedule){.count = 0};
}
