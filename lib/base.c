/* SPDX-License-Identifier: MIT */
#include "base.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hidden.h"

#include <rdvtask/document.h>

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

/* E_UNEXPECTED, for a number that is no error of ours. */
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

/* ------------------------------------------------------------------- UTF-8 */

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/*
 * The length of the well-formed character that text begins with, or 0. The second byte's range is what keeps out overlong
 * forms, surrogates and what is past U+10FFFF (Unicode's table of well-formed byte sequences).
 */
static size_t character_length(const unsigned char *text, size_t size)
{
    unsigned char lead = text[0];
    unsigned char low = 0x80, high = 0xBF;
    size_t length;

    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0)
            low = 0xA0;
        else if (lead == 0xED)
            high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0)
            low = 0x90;
        else if (lead == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }

    if (size < length || text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_continuation(text[i]))
            return 0;
    return length;
}

bool rdv__utf8_valid(const void *text, size_t size)
{
    const unsigned char *bytes = text;
    size_t i = 0;

    while (i < size) {
        /* Most text is ASCII: eight bytes at a time, the last of which may have been looked at before. */
        uint64_t eight;
        if (size >= sizeof eight) {
            size_t from = size - i >= sizeof eight ? i : size - sizeof eight;
            memcpy(&eight, bytes + from, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                i = from + sizeof eight;
                continue;
            }
        }

        size_t length = character_length(bytes + i, size - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

size_t rdv__utf8_cut(const char *text, size_t size, size_t limit)
{
    if (size <= limit)
        return size;

    /* A character has at most three continuation bytes; more of them is bad UTF-8, which can be cut anywhere. */
    for (size_t back = 0; back <= 3 && back <= limit; back++)
        if (!is_continuation((unsigned char)text[limit - back]))
            return limit - back;
    return limit;
}

/* ----------------------------------------------------------------- escapes */

/* The longest piece that escape_piece() writes: a character of four bytes, each as \xNN. */
#define PIECE_SIZE 16

static const struct {
    uint32_t first, last;
} hidden[] = {RDV__HIDDEN_RANGES};

bool rdv__utf8_hidden(const void *text, size_t size, uint32_t *ret_character)
{
    const unsigned char *bytes = text;
    size_t length = character_length(bytes, size);
    if (length == 0)
        return false;
    uint32_t character = length == 1 ? bytes[0] : bytes[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        character = character << 6 | (bytes[i] & 0x3Fu);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden && hidden[i].first <= character; i++)
        if (character <= hidden[i].last) {
            *ret_character = character;
            return true;
        }
    return false;
}

static size_t put_hex(char *piece, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";

    piece[0] = '\\';
    piece[1] = 'x';
    piece[2] = digits[byte >> 4];
    piece[3] = digits[byte & 15];
    return 4;
}

/* Write what the first character of text looks like; returns how long that is, and how many bytes of text it stands for. */
static size_t escape_piece(const unsigned char *text, size_t size, bool backslash,
                           char piece[PIECE_SIZE], size_t *ret_taken)
{
    size_t length = character_length(text, size);
    unsigned char lead = text[0];

    *ret_taken = length > 0 ? length : 1;
    if (length == 0)
        return put_hex(piece, lead);
    if (lead == '\n' || lead == '\t' || (lead == '\\' && backslash)) {
        piece[0] = '\\';
        piece[1] = lead == '\n' ? 'n' : lead == '\t' ? 't' : '\\';
        return 2;
    }
    uint32_t character;
    if (rdv__utf8_hidden(text, size, &character)) {
        for (size_t i = 0; i < length; i++)
            put_hex(piece + 4 * i, text[i]);
        return 4 * length;
    }
    memcpy(piece, text, length);
    return length;
}

static size_t escape(const char *text, size_t size, bool backslash, char *buffer,
                     size_t buffer_size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t whole = 0, written = 0;

    for (size_t i = 0, taken; i < size; i += taken) {
        char piece[PIECE_SIZE];
        size_t length = escape_piece(bytes + i, size - i, backslash, piece, &taken);

        if (whole + length < buffer_size) {
            memcpy(buffer + whole, piece, length);
            written = whole + length;
        }
        whole += length; /* past the end from the first piece on that does not fit */
    }
    if (buffer_size > 0)
        buffer[written] = '\0';
    return whole;
}

size_t rdv__escape(const char *text, size_t size, char *buffer, size_t buffer_size)
{
    return escape(text, size, true, buffer, buffer_size);
}

bool rdv__is_plain(const char *text, size_t size)
{
    return escape(text, size, false, NULL, 0) == size;
}

/* Copy words of ours, which may hold anything from outside. Their backslashes stay: what was escaped before is not again. */
static void escape_words(const char *text, size_t size, char *buffer, size_t buffer_size)
{
    static const char more[] = "...";

    assert(buffer_size > sizeof more);
    if (escape(text, size, false, buffer, buffer_size) < buffer_size)
        return;

    escape(text, size, false, buffer, buffer_size - (sizeof more - 1));
    memcpy(buffer + strlen(buffer), more, sizeof more);
}

/*
 * As above, from a format. Escaping makes nothing shorter, so of longer words it is enough to have a little more than fits:
 * where vsnprintf ends, perhaps inside a character, is cut away.
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

static void fail(struct rdv_error *error, int code, int line, int column, const char *path,
                 const char *format, va_list arguments)
{
    struct rdv_error made = {.code = code, .line = line, .column = column};

    /* Made aside: path and words may come from *error. */
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
        fail(error, code, 0, 0, NULL, format, arguments);
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
        fail(error, code, line, column, path, format, arguments);
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
