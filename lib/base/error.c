/* SPDX-License-Identifier: MIT */
/*
 * Errors and log lines. This file owns the table of the RDV_E… codes, and puts the words of errors
 * and of log lines together for every other file. The words may hold anything from outside, so all
 * of them are escaped here, and nowhere else: callers hand in text as it is. rdv_version() and
 * rdv_free() live here because they belong to nothing else.
 */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "base/utf8.h"

#define TEXT_OF(number)      #number
#define TEXT_OF_VALUE(macro) TEXT_OF(macro)

const char *rdv_version(void)
{
    return TEXT_OF_VALUE(RDV_VERSION_MAJOR) "." TEXT_OF_VALUE(RDV_VERSION_MINOR) "." TEXT_OF_VALUE(
        RDV_VERSION_PATCH);
}

void rdv_free(void *text)
{
    free(text);
}

/* ------------------------------------------------------------------ errors */

struct error_row {
    int code;
    uint32_t hresult;
    const char *words;
};

static const struct error_row error_rows[] = {
#define ERROR_ROW(name, number, hresult, words) {number, hresult, words},
    RDV_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

#define ERROR_ROWS (sizeof error_rows / sizeof error_rows[0])

/* E_UNEXPECTED, for a number that is not an RDV_E… code. */
#define HRESULT_UNEXPECTED UINT32_C(0x8000FFFF)

#define HRESULT_FAILURE_BIT UINT32_C(0x80000000)

static const struct error_row *find_error(int code)
{
    for (size_t i = 0; i < ERROR_ROWS; i++)
        if (error_rows[i].code == code)
            return &error_rows[i];
    return NULL;
}

const char *rdv_strerror(int code)
{
    if (code == 0)
        return "success";

    const struct error_row *row = find_error(code);
    return row ? row->words : "unknown error";
}

uint32_t rdv_error_to_hresult(int code)
{
    if (code == 0)
        return 0;

    const struct error_row *row = find_error(code);
    return row ? row->hresult : HRESULT_UNEXPECTED;
}

int rdv_error_from_hresult(uint32_t hresult)
{
    if (!(hresult & HRESULT_FAILURE_BIT))
        return 0;

    for (size_t i = 0; i < ERROR_ROWS; i++)
        if (error_rows[i].hresult == hresult)
            return error_rows[i].code;
    return RDV_EFAILED;
}

/* ------------------------------------------------------------------- words */

/*
 * Copy words that may hold anything from outside, and cut them to fit. Backslashes stay as they
 * are, so that what was escaped before is not escaped again.
 */
static void escape_words(const char *text, size_t size, char *buffer, size_t buffer_size)
{
    static const char more[] = "...";

    assert(buffer_size > sizeof more);
    if (rdv__escape_hidden(text, size, buffer, buffer_size) < buffer_size)
        return;

    rdv__escape_hidden(text, size, buffer, buffer_size - (sizeof more - 1));
    memcpy(buffer + strlen(buffer), more, sizeof more);
}

/*
 * Format words and escape them. Escaping makes nothing shorter, so of long words a little more than
 * what fits is enough. vsnprintf() may stop inside a character; that end is cut away.
 */
static void format_words(char *buffer, size_t buffer_size, const char *format, va_list arguments)
{
    char text[RDV__LOG_LINE + 8];

    assert(buffer_size < sizeof text - 4);
    int length = vsnprintf(text, sizeof text, format, arguments);
    size_t size = length < 0 ? 0 : (size_t)length;
    if (size >= sizeof text)
        size = sizeof text - 1;
    escape_words(text, size, buffer, buffer_size);
}

static void fill_error(struct rdv_error *error, int code, int line, int column, const char *path,
                       const char *format, va_list arguments)
{
    struct rdv_error made = {.code = code, .line = line, .column = column};

    /* The error is built aside, because path and arguments may point into *error. */
    if (path)
        escape_words(path, strlen(path), made.path, sizeof made.path);
    format_words(made.text, sizeof made.text, format, arguments);
    *error = made;
}

int rdv__fail(struct rdv_error *error, int code, const char *format, ...)
{
    assert(code < 0);
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill_error(error, code, 0, 0, NULL, format, arguments);
        va_end(arguments);
    }
    return code;
}

int rdv__fail_at(struct rdv_error *error, int code, int line, int column, const char *path,
                 const char *format, ...)
{
    assert(code < 0);
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill_error(error, code, line, column, path, format, arguments);
        va_end(arguments);
    }
    return code;
}

/* --------------------------------------------------------------------- log */

void rdv__log(const rdv_log *log, rdv_log_level level, const char *format, ...)
{
    if (!log || !log->write)
        return;

    char line[RDV__LOG_LINE];
    va_list arguments;
    va_start(arguments, format);
    format_words(line, sizeof line, format, arguments);
    va_end(arguments);
    log->write(log->user, level, line);
}
