/* SPDX-License-Identifier: MIT */
/*
 * Text that grows, and how text from outside is shown. Which characters are escaped is the
 * library's table (lib/base/hidden.h), so that program and library show the same ones; how they are
 * escaped differs, and so does what a terminal has room for.
 */
#include "display_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

#include "../lib/base/hidden.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* The longest escape: "\u{10ffff}" and a NUL. */
#define ESCAPE_SIZE 16

/* How many bytes are printed at a time. */
#define PRINTED_SIZE 512

struct range {
    uint32_t first, last;
};

/* Characters that take no column of their own. */
static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},   {0x064b, 0x065f},
    {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff},
    {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff},
};

/* Characters that take two columns. */
static const struct range double_width[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},
    {0x2614, 0x2615},   {0x26a1, 0x26a1},   {0x2705, 0x2705},   {0x274c, 0x274c},
    {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
    {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x1f18e, 0x1f19a},
    {0x1f200, 0x1f265}, {0x1f300, 0x1f3fa}, {0x1f400, 0x1f64f}, {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

static const struct range unsafe[] = {RDV__HIDDEN_RANGES};

#define IN(table, character) in_table(table, sizeof(table) / sizeof(table[0]), character)

static bool in_table(const struct range *table, size_t count, uint32_t character)
{
    for (size_t i = 0; i < count && table[i].first <= character; i++)
        if (character <= table[i].last)
            return true;
    return false;
}

/* Decode the first character. Returns its length in bytes; 0 if it is not UTF-8. */
static size_t decode_character(const char *bytes, size_t size, uint32_t *ret_character)
{
    const unsigned char *at = (const unsigned char *)bytes;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t character = at[0];
    size_t length = 1;
    if (character >= 0x80) {
        if (character >= 0xc2 && character <= 0xdf)
            length = 2;
        else if (character >= 0xe0 && character <= 0xef)
            length = 3;
        else if (character >= 0xf0 && character <= 0xf4)
            length = 4;
        else
            return 0;
        if (length > size)
            return 0;
        character &= 0x7fu >> length;
        for (size_t i = 1; i < length; i++) {
            if ((at[i] & 0xc0) != 0x80)
                return 0;
            character = character << 6 | (at[i] & 0x3fu);
        }
        if (character < smallest[length] || character > 0x10ffff ||
            (character >= 0xd800 && character <= 0xdfff))
            return 0;
    }
    *ret_character = character;
    return length;
}

/*
 * Find how the first character of text from outside is shown: with which bytes (of the input, or in
 * `escape`), and in how many columns. Returns how many bytes of the input it takes.
 */
static size_t show_character(const char *bytes, size_t size, char escape[ESCAPE_SIZE],
                             const char **ret_text, size_t *ret_size, size_t *ret_columns)
{
    uint32_t character;
    const size_t length = decode_character(bytes, size, &character);
    int written;
    if (length == 0)
        written = snprintf(escape, ESCAPE_SIZE, "\\x%02x", (unsigned char)bytes[0]);
    else if (!IN(unsafe, character)) {
        *ret_text = bytes;
        *ret_size = length;
        *ret_columns = IN(zero_width, character) ? 0 : IN(double_width, character) ? 2 : 1;
        return length;
    } else if (character == '\n')
        written = snprintf(escape, ESCAPE_SIZE, "\\n");
    else if (character == '\r')
        written = snprintf(escape, ESCAPE_SIZE, "\\r");
    else if (character == '\t')
        written = snprintf(escape, ESCAPE_SIZE, "\\t");
    else if (character == 0x1b)
        written = snprintf(escape, ESCAPE_SIZE, "\\e");
    else if (character < 0x80)
        written = snprintf(escape, ESCAPE_SIZE, "\\x%02x", (unsigned)character);
    else
        written = snprintf(escape, ESCAPE_SIZE, "\\u{%x}", (unsigned)character);
    *ret_text = escape;
    *ret_size = *ret_columns = (size_t)written;
    return length == 0 ? 1 : length;
}

void text_finish(struct text *text)
{
    free(text->data);
    memset(text, 0, sizeof(*text));
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->data)
        text->data[0] = '\0';
}

void text_add(struct text *text, const char *bytes, size_t size)
{
    if (text->failed)
        return;
    if (size >= text->room - text->size || !text->data) {
        size_t room = text->room ? text->room : 128;
        while (room - text->size <= size && room <= SIZE_MAX / 2)
            room *= 2;
        char *data = room - text->size > size ? realloc(text->data, room) : NULL;
        if (!data) {
            text->failed = true;
            return;
        }
        text->data = data;
        text->room = room;
    }
    if (size > 0)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

size_t text_add_escaped(struct text *text, const char *bytes, size_t size, size_t columns)
{
    size_t used = 0;
    /* Where to cut if the text turns out to be too long: the last place that leaves a column for
     * the ellipsis. */
    size_t cut = text->size, cut_used = 0;
    for (size_t at = 0; at < size;) {
        char escape[ESCAPE_SIZE];
        const char *piece;
        size_t piece_size, piece_columns;
        at += show_character(bytes + at, size - at, escape, &piece, &piece_size, &piece_columns);
        if (columns > 0 && used + piece_columns > columns) {
            if (text->failed)
                return used;
            text->size = cut;
            text_add_string(text, ELLIPSIS);
            return cut_used + 1;
        }
        text_add(text, piece, piece_size);
        used += piece_columns;
        if (columns > 0 && used < columns) {
            cut = text->size;
            cut_used = used;
        }
    }
    return used;
}

void text_add_cell(struct text *text, const char *string, size_t columns)
{
    size_t used = columns > 0 ? text_add_escaped(text, string, strlen(string), columns) : 0;
    for (; used < columns; used++)
        text_add(text, " ", 1);
}

void text_add_name(struct text *text, const char *name, size_t columns)
{
    size_t used = text_add_escaped(text, name, strlen(name), 0);
    for (; used < columns; used++)
        text_add(text, " ", 1);
    text_add(text, "  ", 2);
}

void text_end_line(struct text *text)
{
    while (text->size > 0 && text->data[text->size - 1] == ' ')
        text->size--;
    text_add(text, "\n", 1);
}

/* A character that takes an escape, as \uXXXX, or two of them beyond the first 65,536. */
static void add_json_escape(struct text *text, uint32_t character)
{
    char escape[ESCAPE_SIZE];
    if (character < 0x10000)
        snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)character);
    else
        snprintf(escape, sizeof(escape), "\\u%04x\\u%04x",
                 (unsigned)(0xd800 + ((character - 0x10000) >> 10)),
                 (unsigned)(0xdc00 + ((character - 0x10000) & 0x3ff)));
    text_add_string(text, escape);
}

void text_add_json(struct text *text, const char *json)
{
    static const char letters[] = "bfnrt", characters[] = "\b\f\n\r\t";
    for (size_t left = strlen(json), length; left > 0; json += length, left -= length) {
        uint32_t character = 0;
        const char *letter = *json == '\\' ? strchr(letters, json[1]) : NULL;
        if (letter) {
            add_json_escape(text, (unsigned char)characters[letter - letters]);
            length = 2;
            continue;
        }
        length = *json == '\\' ? 2 : decode_character(json, left, &character);
        const bool hidden = character > 0 && IN(unsafe, character);
        length = length > 0 ? length : 1;
        if (hidden)
            add_json_escape(text, character);
        else
            text_add(text, json, length);
    }
}

size_t text_width(const char *string)
{
    size_t used = 0;
    for (size_t left = strlen(string); left > 0;) {
        char escape[ESCAPE_SIZE];
        const char *piece;
        size_t piece_size, piece_columns;
        const size_t taken =
            show_character(string, left, escape, &piece, &piece_size, &piece_columns);
        string += taken;
        left -= taken;
        used += piece_columns;
    }
    return used;
}

/* Escape as much of *string as fits, and move *string past it. */
static size_t escape_some(const char **string, char *buffer, size_t room)
{
    size_t filled = 0;
    for (size_t left = strlen(*string); left > 0;) {
        char escape[ESCAPE_SIZE];
        const char *piece;
        size_t piece_size, piece_columns;
        const size_t taken =
            show_character(*string, left, escape, &piece, &piece_size, &piece_columns);
        if (piece_size > room - filled)
            break;
        memcpy(buffer + filled, piece, piece_size);
        filled += piece_size;
        *string += taken;
        left -= taken;
    }
    return filled;
}

size_t text_escape(const char *string, char *buffer, size_t room)
{
    return escape_some(&string, buffer, room);
}

void text_print(FILE *file, const char *string)
{
    /* This allocates nothing, since it may have to print that there is no memory. */
    char printed[PRINTED_SIZE];
    while (*string) {
        const size_t filled = escape_some(&string, printed, sizeof(printed));
        system_print(file, printed, filled);
    }
}

const char *text_time(rdv_time time, char buffer[TEXT_TIME_SIZE])
{
    if (time <= 0 || rdv_time_format(time - time % RDV_SECOND, buffer, TEXT_TIME_SIZE) != 0)
        memcpy(buffer, "-", sizeof("-"));
    return buffer;
}

const char *text_duration(rdv_duration duration, bool fine, char buffer[TEXT_DURATION_SIZE])
{
    const long long seconds = (long long)(duration / RDV_SECOND);
    if (duration < RDV_SECOND && fine)
        snprintf(buffer, TEXT_DURATION_SIZE, "%dms", (int)(duration / RDV_MILLISECOND));
    else if (seconds < 10 && fine)
        snprintf(buffer, TEXT_DURATION_SIZE, "%lld.%ds", seconds,
                 (int)(duration % RDV_SECOND * 10 / RDV_SECOND));
    else if (seconds < 60)
        snprintf(buffer, TEXT_DURATION_SIZE, "%llds", seconds);
    else if (seconds < 60LL * 60)
        snprintf(buffer, TEXT_DURATION_SIZE, "%lldm%02llds", seconds / 60, seconds % 60);
    else if (seconds < 24LL * 60 * 60)
        snprintf(buffer, TEXT_DURATION_SIZE, "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(buffer, TEXT_DURATION_SIZE, "%lldd", seconds / 86400);
    return buffer;
}
