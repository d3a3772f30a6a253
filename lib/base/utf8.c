/* SPDX-License-Identifier: MIT */
/*
 * UTF-8, and how text from outside is shown. These are pure functions for every file of the library
 * that takes text in, cuts it or shows it. All of them take the size of the text, which may hold
 * NUL bytes and need not be well-formed.
 */
#include "base/utf8.h"

#include <string.h>

#include "base/hidden.h"

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/*
 * Return the length of the well-formed character that the text begins with, or 0. The range of the
 * second byte keeps out overlong forms, surrogates, and everything past U+10FFFF; it follows
 * Unicode's table of well-formed byte sequences.
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
        /*
         * Most text is ASCII, so eight bytes are looked at together; the last eight may overlap the
         * ones before.
         */
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

    /*
     * A character has at most three continuation bytes. More of them are bad UTF-8, which can be
     * cut anywhere.
     */
    for (size_t back = 0; back <= 3 && back <= limit; back++)
        if (!is_continuation((unsigned char)text[limit - back]))
            return limit - back;
    return limit;
}

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

/*
 * Write what the first character of the text looks like. Returns the length of what was written,
 * and how many bytes of the text it stands for.
 */
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

static size_t escape_text(const char *text, size_t size, bool backslash, char *buffer,
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
        /*
         * After the first piece that doesn't fit, this is past the end, so that nothing more is
         * written.
         */
        whole += length;
    }
    if (buffer_size > 0)
        buffer[written] = '\0';
    return whole;
}

size_t rdv__escape(const char *text, size_t size, char *buffer, size_t buffer_size)
{
    return escape_text(text, size, true, buffer, buffer_size);
}

size_t rdv__escape_hidden(const char *text, size_t size, char *buffer, size_t buffer_size)
{
    return escape_text(text, size, false, buffer, buffer_size);
}

bool rdv__is_plain(const char *text, size_t size)
{
    return escape_text(text, size, false, NULL, 0) == size;
}
