/* SPDX-License-Identifier: MIT */
/*
 * Reads agent documents: "PATH/agent.json", and those of the folder "PATH/agent.d" that add
 * handlers to it. agent.c loads them for its runs, and check.c only to check them. Each
 * member is checked as it is read, and the first error, with its place, ends the reading: either
 * all of it is loaded or nothing.
 *
 * Handlers never change once they are loaded. They are sorted by label, so that they are found by
 * bisection.
 */
#include "document/handlers.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "document/text.h"
#include "json/value.h"
#include "model/task.h"
#include "platform/folder.h"
#include "platform/platform.h"

/* What holds if a document does not say it. */
#define NAME_DEFAULT        "rdvtask"
#define RETRY_DELAY_DEFAULT (30 * RDV_SECOND)
#define STOP_WAIT_DEFAULT   (90 * RDV_SECOND)

/* Read a text that is one of a few words. Returns the word's index. */
static int read_word(struct rdv__value value, const char *const *words, size_t *ret_index,
                     struct rdv_error *error)
{
    const char *text = NULL;
    int result = rdv__json_string(value, &text, error);
    if (result)
        return result;
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0) {
            *ret_index = i;
            return 0;
        }
    assert(words[0] && words[1]);
    if (!words[2])
        return rdv__json_fail(value, error, RDV_EINVAL, "expected \"%s\" or \"%s\"", words[0],
                              words[1]);
    return rdv__json_fail(value, error, RDV_EINVAL, "expected \"%s\", \"%s\" or \"%s\"", words[0],
                          words[1], words[2]);
}

/* ------------------------------------------------------------------- steps */

static int read_command(struct rdv__value value, struct rdv__step *step, struct rdv_error *error)
{
    size_t count;
    int result = rdv__json_array(value, &count, error);
    if (result)
        return result;
    if (count == 0)
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "expected a program and its arguments, found none");
    if (count > RDV__ARGUMENTS_MAX)
        return rdv__json_fail(value, error, RDV_ELIMIT, "more than %d arguments",
                              RDV__ARGUMENTS_MAX);
    step->argv = calloc(count + 1, sizeof *step->argv);
    if (!step->argv)
        return rdv__fail_memory(error);

    struct rdv__json_iterator iterator = {0};
    struct rdv__value element;
    for (size_t i = 0; rdv__json_next(value, &iterator, NULL, &element); i++) {
        const char *text = NULL;
        size_t size = 0;
        result = rdv__text_read(element, &text, &size, error);
        if (result)
            return result;
        if (i == 0 && size == 0)
            return rdv__json_fail(element, error, RDV_EINVAL, "expected a program");
        step->argv[i] = rdv__text_copy(text, size);
        if (!step->argv[i])
            return rdv__fail_memory(error);
    }
    return 0;
}

static int read_step(struct rdv__value value, struct rdv__step *step, struct rdv_error *error)
{
    enum { RUN, STATUS, TIMEOUT, RETRIES, RETRY_DELAY, MEMBERS };
    static const char *const names[] = {"run", "status", "timeout", "retries", "retry_delay", NULL};
    static const char *const statuses[] = {"searching", "downloading", "applying", NULL};
    struct rdv__value members[MEMBERS];

    step->status = RDV_STATUS_APPLYING;
    step->retries = -1;
    step->retry_delay = RETRY_DELAY_DEFAULT;
    int result = rdv__json_members(value, names, members, error);
    if (result)
        return result;
    if (!rdv__value_is_given(members[RUN]))
        return rdv__json_fail(value, error, RDV_EINVAL, "a step needs \"run\"");
    result = read_command(members[RUN], step, error);
    if (!result && rdv__value_is_given(members[STATUS])) {
        size_t index = 0;
        result = read_word(members[STATUS], statuses, &index, error);
        if (!result)
            step->status = (rdv_status)(RDV_STATUS_SEARCHING + (int)index);
    }
    if (!result && rdv__value_is_given(members[TIMEOUT]))
        result = rdv__json_duration(members[TIMEOUT], 1, RDV_LIMIT_MAX, &step->timeout, error);
    if (!result && rdv__value_is_given(members[RETRIES])) {
        int64_t retries;
        result = rdv__json_integer(members[RETRIES], 0, RDV__RETRIES_MAX, &retries, error);
        if (!result)
            step->retries = (int)retries;
    }
    if (!result && rdv__value_is_given(members[RETRY_DELAY]))
        result = rdv__json_duration(members[RETRY_DELAY], 0, RDV__RETRY_DELAY_MAX,
                                    &step->retry_delay, error);
    return result;
}

static int read_steps(struct rdv__value value, struct rdv__handler *handler,
                      struct rdv_error *error)
{
    size_t count;
    int result = rdv__json_array(value, &count, error);
    if (result)
        return result;
    if (count == 0)
        return rdv__json_fail(value, error, RDV_EINVAL, "expected at least one step");
    if (count > RDV__STEPS_MAX)
        return rdv__json_fail(value, error, RDV_ELIMIT, "more than %d steps", RDV__STEPS_MAX);
    handler->steps = calloc(count, sizeof *handler->steps);
    if (!handler->steps)
        return rdv__fail_memory(error);

    struct rdv__json_iterator iterator = {0};
    struct rdv__value element;
    while (!result && rdv__json_next(value, &iterator, NULL, &element))
        result = read_step(element, &handler->steps[handler->step_count++], error);
    return result;
}

static int read_reboot(struct rdv__value value, struct rdv__reboot *reboot, struct rdv_error *error)
{
    enum { RUN, WHEN_EXISTS, MEMBERS };
    static const char *const names[] = {"run", "when_exists", NULL};
    struct rdv__value members[MEMBERS];
    const char *text = NULL;
    size_t size = 0;

    int result = rdv__json_members(value, names, members, error);
    if (result)
        return result;
    if (!rdv__value_is_given(members[RUN]))
        return rdv__json_fail(value, error, RDV_EINVAL, "\"reboot\" needs \"run\"");
    result = read_command(members[RUN], &reboot->step, error);
    if (result || !rdv__value_is_given(members[WHEN_EXISTS]))
        return result;
    result = rdv__text_read(members[WHEN_EXISTS], &text, &size, error);
    if (result)
        return result;
    if (size == 0)
        return rdv__json_fail(members[WHEN_EXISTS], error, RDV_EINVAL, "expected a path");
    reboot->when_exists = rdv__text_copy(text, size);
    return reboot->when_exists ? 0 : rdv__fail_memory(error);
}

/* ---------------------------------------------------------------- handlers */

static int read_label(struct rdv__value value, struct rdv__handler *handler,
                      struct rdv__scan_cursor *cursor, struct rdv_error *error)
{
    const char *text = NULL;
    int result = rdv__json_string(value, &text, error);
    if (result)
        return result;
    size_t size = strlen(text);
    result = rdv__name_check(text, size);
    if (result == RDV_ELIMIT)
        return rdv__json_fail(value, error, result, "longer than %d bytes", RDV_NAME_MAX);
    if (result)
        return rdv__json_fail(value, error, result, "a label can't be empty");
    handler->label = rdv__text_copy(text, size);
    if (!handler->label)
        return rdv__fail_memory(error);
    rdv__json_place(value, cursor, &handler->line, &handler->column);
    return 0;
}

static int read_user(struct rdv__value value, struct rdv__handler *handler, struct rdv_error *error)
{
    const char *text = NULL;
    size_t size = 0;
    int result = rdv__text_read(value, &text, &size, error);
    if (result)
        return result;
    if (size == 0 || size > RDV__USER_MAX)
        return rdv__json_fail(value, error, RDV_EINVAL, "expected the name of a user");
    handler->user = rdv__text_copy(text, size);
    return handler->user ? 0 : rdv__fail_memory(error);
}

static int read_directory(struct rdv__value value, struct rdv__handler *handler,
                          struct rdv_error *error)
{
    const char *text = NULL;
    size_t size = 0;
    int result = rdv__text_read(value, &text, &size, error);
    if (result)
        return result;
    if (!rdv__plat_is_absolute(text))
        return rdv__json_fail(value, error, RDV_EINVAL, "expected an absolute path");
    handler->directory = rdv__text_copy(text, size);
    return handler->directory ? 0 : rdv__fail_memory(error);
}

/* Read what becomes of a step when the agent is told to terminate. Either member may be absent. */
static int read_on_stop(struct rdv__value on_stop, struct rdv__value stop_wait,
                        struct rdv__handler *handler, struct rdv_error *error)
{
    static const char *const words[] = {"kill", "wait", "leave", NULL};
    int result = 0;
    if (rdv__value_is_given(on_stop)) {
        size_t index = 0;
        result = read_word(on_stop, words, &index, error);
        if (!result)
            handler->on_stop = (enum rdv__on_stop)index;
    }
    if (result || !rdv__value_is_given(stop_wait))
        return result;
    result = rdv__json_duration(stop_wait, 0, RDV__STOP_WAIT_MAX, &handler->stop_wait, error);
    if (!result && handler->on_stop != RDV__STOP_WAIT)
        result = rdv__json_fail(stop_wait, error, RDV_EINVAL, "only \"on_stop\": \"wait\" waits");
    return result;
}

static int read_handler(struct rdv__value value, const struct rdv__environment *environment,
                        struct rdv__scan_cursor *cursor, struct rdv__handler *handler,
                        struct rdv_error *error)
{
    enum {
        LABEL,
        STEPS,
        ENVIRONMENT,
        GRACE,
        ON_INTERRUPT,
        REBOOT,
        ON_STOP,
        STOP_WAIT,
        USER,
        DIRECTORY,
        LIMITS,
        MEMBERS
    };
    static const char *const names[] = {"label",        "steps",     "environment", "grace",
                                        "on_interrupt", "reboot",    "on_stop",     "stop_wait",
                                        "user",         "directory", "limits",      NULL};
    static const char *const words[] = {"resume", "restart", "fail", NULL};
    struct rdv__value members[MEMBERS];

    handler->grace = RDV__GRACE_DEFAULT;
    handler->stop_wait = STOP_WAIT_DEFAULT;
    int result = rdv__json_members(value, names, members, error);
    if (result)
        return result;
    if (!rdv__value_is_given(members[LABEL]))
        return rdv__json_fail(value, error, RDV_EINVAL, "a handler needs \"label\"");
    if (!rdv__value_is_given(members[STEPS]))
        return rdv__json_fail(value, error, RDV_EINVAL, "a handler needs \"steps\"");
    result = read_label(members[LABEL], handler, cursor, error);
    if (!result)
        result = read_steps(members[STEPS], handler, error);
    if (!result)
        result = rdv__environment_read((const char *const *)environment->list, environment->count,
                                       members[ENVIRONMENT], &handler->environment, error);
    if (!result && rdv__value_is_given(members[GRACE]))
        result = rdv__json_duration(members[GRACE], 0, RDV__GRACE_MAX, &handler->grace, error);
    if (!result && rdv__value_is_given(members[ON_INTERRUPT])) {
        size_t index = 0;
        result = read_word(members[ON_INTERRUPT], words, &index, error);
        if (!result)
            handler->on_interrupt = (enum rdv__on_interrupt)index;
    }
    if (!result && rdv__value_is_given(members[REBOOT]))
        result = read_reboot(members[REBOOT], &handler->reboot, error);
    if (!result)
        result = read_on_stop(members[ON_STOP], members[STOP_WAIT], handler, error);
    if (!result && rdv__value_is_given(members[USER]))
        result = read_user(members[USER], handler, error);
    if (!result && rdv__value_is_given(members[DIRECTORY]))
        result = read_directory(members[DIRECTORY], handler, error);
    if (!result && rdv__value_is_given(members[LIMITS]))
        result = rdv__limits_read(members[LIMITS], &handler->limits, error);
    return result;
}

/*
 * If an error is in a file of the folder, put the name of the file and the place into the words: a
 * place without a file would be taken for one in the main document. If the file could not be read,
 * the words name it already.
 */
static void add_file_name(struct rdv_error *error, const char *file)
{
    if (!error || !file || error->line == 0)
        return;
    rdv__fail_at(error, error->code, 0, 0, error->path, "%s:%d:%d%s%s: %s", file, error->line,
                 error->column, error->path[0] ? " " : "", error->path, error->text);
}

int rdv__handler_fail(const struct rdv__handler *handler, struct rdv_error *error, int code,
                      const char *format, ...)
{
    char path[48];
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "handlers[%zu].label", handler->index);
    rdv__fail_at(error, code, handler->line, handler->column, path, "%s", words);
    add_file_name(error, handler->file);
    return code;
}

static int compare_labels(const void *a, const void *b)
{
    const struct rdv__handler *one = a, *two = b;
    int order = strcmp(one->label, two->label);
    if (order)
        return order;
    return one->order < two->order ? -1 : one->order > two->order;
}

static int read_handlers(struct rdv__value value, const struct rdv__environment *environment,
                         const char *file, struct rdv__handlers *handlers, struct rdv_error *error)
{
    size_t count, first = handlers->count;
    int result = rdv__json_array(value, &count, error);
    if (result)
        return result;
    if (count == 0)
        return 0;
    struct rdv__handler *larger =
        realloc(handlers->handlers, (first + count) * sizeof *handlers->handlers);
    if (!larger)
        return rdv__fail_memory(error);
    memset(larger + first, 0, count * sizeof *larger);
    handlers->handlers = larger;

    struct rdv__scan_cursor cursor = {0};
    struct rdv__json_iterator iterator = {0};
    struct rdv__value element;
    while (rdv__json_next(value, &iterator, NULL, &element)) {
        struct rdv__handler *handler = &handlers->handlers[handlers->count];
        handler->file = file;
        handler->order = handlers->count++;
        handler->index = handler->order - first;
        result = read_handler(element, environment, &cursor, handler, error);
        if (result)
            return result;
    }
    return 0;
}

/* Sort the handlers by label, and check that each label is there once. */
static int index_handlers(struct rdv__handlers *handlers, struct rdv_error *error)
{
    if (handlers->count == 0)
        return 0;
    qsort(handlers->handlers, handlers->count, sizeof *handlers->handlers, compare_labels);
    for (size_t i = 1; i < handlers->count; i++) {
        const struct rdv__handler *handler = &handlers->handlers[i];
        const struct rdv__handler *earlier = handler - 1;
        if (strcmp(earlier->label, handler->label) != 0)
            continue;
        if (handler->file == earlier->file)
            return rdv__handler_fail(handler, error, RDV_EINVAL,
                                     "the label '%s' has a handler already, handlers[%zu]",
                                     handler->label, earlier->index);
        return rdv__handler_fail(
            handler, error, RDV_EINVAL, "the label '%s' has a handler already, handlers[%zu] of %s",
            handler->label, earlier->index, earlier->file ? earlier->file : handlers->main_file);
    }
    return 0;
}

static int read_name(struct rdv__value value, struct rdv__handlers *handlers,
                     struct rdv_error *error)
{
    const char *name = NAME_DEFAULT;
    if (rdv__value_is_given(value)) {
        int result = rdv__json_string(value, &name, error);
        if (result)
            return result;
        if (!*name)
            return rdv__json_fail(value, error, RDV_EINVAL, "a name can't be empty");
        if (strlen(name) > RDV_NAME_MAX)
            return rdv__json_fail(value, error, RDV_ELIMIT, "longer than %d bytes", RDV_NAME_MAX);
    }
    handlers->name = rdv__text_copy(name, strlen(name));
    return handlers->name ? 0 : rdv__fail_memory(error);
}

/* Make the environment that a child gets whatever its handler says. */
static int read_document_environment(struct rdv__value object, const char *file,
                                     struct rdv__handlers *handlers,
                                     struct rdv__environment *ret_environment,
                                     struct rdv_error *error)
{
    const struct rdv__environment *inherited = file ? &handlers->environment : &handlers->base;
    int result = file ? 0 : rdv__plat_environment(&handlers->base.list, &handlers->base.count);
    if (result)
        return rdv__fail(error, result, "cannot make the environment of a child: %s",
                         rdv_strerror(result));
    return rdv__environment_read((const char *const *)inherited->list, inherited->count, object,
                                 ret_environment, error);
}

/* Read one document. file is NULL for the main document, which names the agent and has the
 * environment of all. */
static int read_document(struct rdv__value root, const char *file, struct rdv__handlers *handlers,
                         struct rdv_error *error)
{
    enum { SCHEMA, NAME, ENVIRONMENT, HANDLERS, MEMBERS };
    static const char *const names[] = {"$schema", "name", "environment", "handlers", NULL};
    struct rdv__value members[MEMBERS];
    struct rdv__environment environment = {NULL, 0};
    const char *schema;

    int result = rdv__json_members(root, names, members, error);
    if (result)
        return result;
    if (!rdv__value_is_given(members[HANDLERS]))
        return rdv__json_fail(root, error, RDV_EINVAL, "an agent document needs \"handlers\"");
    if (rdv__value_is_given(members[SCHEMA]))
        result = rdv__json_string(members[SCHEMA], &schema, error);
    if (!result && !file)
        result = read_name(members[NAME], handlers, error);
    else if (!result && rdv__value_is_given(members[NAME]))
        result = rdv__json_fail(members[NAME], error, RDV_EINVAL, "only %s names the task agent",
                                handlers->main_file);
    if (!result)
        result =
            read_document_environment(members[ENVIRONMENT], file, handlers, &environment, error);
    if (!result)
        result = read_handlers(members[HANDLERS], &environment, file, handlers, error);
    if (!result && !file)
        handlers->environment = environment;
    else
        rdv__texts_free(environment.list);
    return result;
}

/* If `trusted` is true, the file is checked first. After that, until it is read, only those who are
 * trusted can change it. */
static int read_json(const char *path, bool trusted, struct rdv__json **ret_json,
                     struct rdv_error *error)
{
    if (!trusted)
        return rdv__json_load(path, NULL, ret_json, error);
    rdv__file file;
    char *found;
    int result = rdv__plat_open_trusted(path, &file, &found, error);
    if (result)
        return result;
    result = rdv__json_load(found, NULL, ret_json, error);
    rdv__plat_close(file);
    free(found);
    return result;
}

static int read_file(const char *path, const char *file, bool trusted,
                     struct rdv__handlers *handlers, struct rdv_error *error)
{
    struct rdv__json *json;
    int result = read_json(path, trusted, &json, error);
    if (!result) {
        result = read_document(rdv__json_root(json), file, handlers, error);
        rdv__json_free(json);
    }
    if (result)
        add_file_name(error, file);
    return result;
}

/* "PATH/name.json" -> "PATH/name.d" */
static char *make_folder_path(const char *path)
{
    static const char suffix[] = ".json";
    size_t size = strlen(path), cut = sizeof suffix - 1;
    if (size > cut && strcmp(path + size - cut, suffix) == 0)
        size -= cut;
    char *folder = malloc(size + sizeof ".d");
    if (folder) {
        memcpy(folder, path, size);
        memcpy(folder + size, ".d", sizeof ".d");
    }
    return folder;
}

static char *join_paths(const char *folder, const char *name)
{
    size_t size = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

/* Read the documents of the folder, which may be missing. */
static int read_folder(const char *folder, bool trusted, struct rdv__handlers *handlers,
                       struct rdv_error *error)
{
    char **names;
    int result = 0;
    size_t count = 0;
    if (trusted)
        result = rdv__plat_check_trusted(folder, error);
    if (!result)
        result = rdv__folder_list(folder, ".json", RDV__MEMBERS_MAX, &names, error);
    if (result)
        return result == RDV_ENOTFOUND && !rdv__folder_has(folder) ? 0 : result;
    while (names[count])
        count++;
    handlers->files = calloc(count + 1, sizeof *handlers->files);
    if (!handlers->files)
        result = rdv__fail_memory(error);
    for (size_t i = 0; !result && i < count; i++) {
        char *path = join_paths(folder, names[i]);
        char *file = join_paths(rdv__plat_last_part(folder), names[i]);
        handlers->files[i] = file;
        result = path && file ? read_file(path, file, trusted, handlers, error)
                              : rdv__fail_memory(error);
        free(path);
    }
    rdv__texts_free(names);
    return result;
}

static int load_all(const char *path, bool trusted, struct rdv__handlers **ret_handlers,
                    struct rdv_error *error)
{
    char *folder = make_folder_path(path);
    struct rdv__handlers *handlers = calloc(1, sizeof *handlers);
    int result;
    if (!handlers || !folder) {
        free(handlers);
        free(folder);
        return rdv__fail_memory(error);
    }
    handlers->references = 1;
    handlers->main_file = rdv__plat_last_part(path);
    result = read_file(path, NULL, trusted, handlers, error);
    if (!result)
        result = read_folder(folder, trusted, handlers, error);
    if (!result)
        result = index_handlers(handlers, error);
    handlers->main_file = NULL;
    free(folder);
    if (result)
        rdv__handlers_unref(handlers);
    else
        *ret_handlers = handlers;
    return result;
}

int rdv__handlers_load(const char *path, struct rdv__handlers **ret_handlers,
                       struct rdv_error *error)
{
    return load_all(path, false, ret_handlers, error);
}

int rdv__handlers_load_trusted(const char *path, struct rdv__handlers **ret_handlers,
                               struct rdv_error *error)
{
    return load_all(path, true, ret_handlers, error);
}

struct rdv__handlers *rdv__handlers_ref(struct rdv__handlers *handlers)
{
    handlers->references++;
    return handlers;
}

struct rdv__handlers *rdv__handlers_unref(struct rdv__handlers *handlers)
{
    if (!handlers || --handlers->references > 0)
        return NULL;
    for (size_t i = 0; i < handlers->count; i++) {
        struct rdv__handler *handler = &handlers->handlers[i];
        for (size_t k = 0; k < handler->step_count; k++)
            rdv__texts_free(handler->steps[k].argv);
        free(handler->steps);
        rdv__texts_free(handler->reboot.step.argv);
        free(handler->reboot.when_exists);
        free(handler->user);
        free(handler->directory);
        rdv__texts_free(handler->environment.list);
        free(handler->label);
    }
    free(handlers->handlers);
    rdv__texts_free(handlers->environment.list);
    rdv__texts_free(handlers->base.list);
    rdv__texts_free(handlers->files);
    free(handlers->name);
    free(handlers);
    return NULL;
}

const struct rdv__handler *rdv__handlers_find(const struct rdv__handlers *handlers,
                                              const char *label)
{
    size_t low = 0, high = handlers ? handlers->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(label, handlers->handlers[middle].label);
        if (order == 0)
            return &handlers->handlers[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
