/* SPDX-License-Identifier: MIT */
/* Options as values. `run`, `start`, `schedule` and `check-plugin` call this before they do
 * anything else. */
#include "task_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "messages.h"
#include "options.h"
#include "system.h"

int integer_from_option(const struct options *options, const char *name, const char *value,
                        int64_t least, int64_t most, int64_t *ret_number)
{
    char *end;
    if (!value)
        return EXIT_OK;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    if (!errno && end != value && !*end && number >= least && number <= most) {
        *ret_number = number;
        return EXIT_OK;
    }
    if (most == INT64_MAX)
        return report_usage_error(options->verb,
                                  "--%s '%s' is not a whole number of at least %" PRId64, name,
                                  value, least);
    return report_usage_error(options->verb,
                              "--%s '%s' is not a number from %" PRId64 " to %" PRId64, name, value,
                              least, most);
}

int time_from_option(const struct options *options, const char *name, const char *value,
                     rdv_time now, rdv_time *ret_time)
{
    if (value && rdv_time_parse_relative(value, now, ret_time) != 0)
        return report_usage_error(
            options->verb,
            "--%s '%s' is not a time: write 2026-11-22T03:00:00Z, or +2h for two "
            "hours from now",
            name, value);
    return EXIT_OK;
}

int duration_from_option(const struct options *options, const char *name, const char *value,
                         rdv_duration most, rdv_duration *ret_duration)
{
    rdv_duration duration;
    if (!value)
        return EXIT_OK;
    if (strcmp(value, "0") == 0)
        duration = 0; /* the only duration that is clear without a unit */
    else if (rdv_duration_parse(value, &duration) != 0)
        return report_usage_error(
            options->verb, "--%s '%s' is not a duration: write 90s, 10m or 1h30m", name, value);
    if (duration > most)
        return report_usage_error(options->verb, "--%s '%s' is too long", name, value);
    *ret_duration = duration;
    return EXIT_OK;
}

int window_from_options(const struct options *options, rdv_window *ret_window)
{
    rdv_window window = {0};
    const rdv_time now = rdv_time_now(); /* the same for all, so that +1h is one moment */
    int code = time_from_option(options, "start", options->start, now, &window.start);
    if (code == 0)
        code = time_from_option(options, "end", options->end, now, &window.end);
    if (code == 0)
        code = time_from_option(options, "deadline", options->deadline, now, &window.deadline);
    if (code == 0)
        code = duration_from_option(options, "run-limit", options->run_limit, RDV_LIMIT_MAX,
                                    &window.limit);
    if (code)
        return code;
    if (options->run_limit && window.limit == 0)
        return report_usage_error(options->verb, "--run-limit must be longer than 0");
    if (window.end && window.end < window.start)
        return report_usage_error(options->verb, "--end is before --start");
    if (rdv_window_check(&window) != 0)
        return report_usage_error(options->verb, "that window is not possible");
    *ret_window = window;
    return EXIT_OK;
}

/* Read a file, or standard input for "-", of at most RDV_CONTEXT_MAX bytes. The caller frees it. */
static int read_context(const char *path, char **ret_data, size_t *ret_size)
{
    const bool is_input = strcmp(path, "-") == 0;
    const char *name = is_input ? "standard input" : path;
    FILE *file = is_input ? stdin : system_open(path);
    char *data = NULL;
    size_t size = 0, room = 0;
    int code = EXIT_FAILED;
    if (!file) {
        report_error("cannot read %s: %s", name, strerror(errno));
        return code;
    }
    for (;;) {
        if (size == room) {
            room = room ? room * 2 : 4096;
            char *more = realloc(data, room);
            if (!more) {
                report_error("%s", rdv_strerror(RDV_ENOMEM));
                goto out;
            }
            data = more;
        }
        errno = 0;
        const size_t got = fread(data + size, 1, room - size, file);
        size += got;
        if (size > RDV_CONTEXT_MAX) {
            report_error("%s is larger than a context may be: %d bytes", name, RDV_CONTEXT_MAX);
            goto out;
        }
        if (ferror(file)) {
            report_error("cannot read %s: %s", name, strerror(errno ? errno : EIO));
            goto out;
        }
        if (got == 0)
            break;
    }
    *ret_data = data;
    *ret_size = size;
    data = NULL;
    code = EXIT_OK;
out:
    free(data);
    if (!is_input)
        fclose(file);
    return code;
}

int task_from_options(const struct options *options, size_t first, rdv_task **ret_task)
{
    const char *label = options->arguments[first];
    const char *identifier =
        options->argument_count > first + 1 ? options->arguments[first + 1] : NULL;
    const char *context = options->context;
    size_t size = context ? strlen(context) : 0;
    char *data = NULL;
    if (!label[0])
        return report_usage_error(options->verb, "a label can't be empty");
    if (identifier && !identifier[0])
        return report_usage_error(options->verb, "an identifier can't be empty");
    if (strlen(label) > RDV_NAME_MAX || (identifier && strlen(identifier) > RDV_NAME_MAX))
        return report_usage_error(options->verb, "a label or identifier has at most %d bytes",
                                  RDV_NAME_MAX);
    if (options->context && options->context_file)
        return report_usage_error(options->verb,
                                  "--context and --context-file can't be given both");
    if (options->context_file) {
        int code = read_context(options->context_file, &data, &size);
        if (code)
            return code;
        context = data;
    }
    int result = rdv_task_new(label, identifier, context, size, ret_task);
    free(data);
    if (result == RDV_EINVAL) /* everything else has been checked */
        return report_usage_error(options->verb, "a label or identifier must be valid UTF-8");
    if (result) {
        report_error("%s", rdv_strerror(result));
        return EXIT_FAILED;
    }
    return EXIT_OK;
}
