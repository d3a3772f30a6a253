/* SPDX-License-Identifier: MIT */
/*
 * A line of JSON, built in memory. Entries, answers and notifications are written with it
 * (entry_json.c, rpc.c, methods.c, control.c).
 *
 * cJSON's printer can't take its place, because it prints a finished tree into a text of any size.
 * Here entries are written one by one as they come out of the store, the size so far is known after
 * each, what no longer fits is taken back, and text that is not UTF-8 becomes U+FFFD on its way.
 *
 * The first failure sticks, so callers check only once, at the end. Open containers are objects or
 * arrays, up to RDV_DOCUMENT_DEPTH of them, and the outermost one is an object.
 */
#include "json/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "base/utf8.h"

struct rdv__json_writer {
    char *text;
    size_t size, capacity;
    bool failed;
    /* Nothing has been written yet in the innermost container. */
    bool first;
    int depth;
    /* Which of the open containers are arrays. */
    bool arrays[RDV_DOCUMENT_DEPTH];
};

static void put_bytes(struct rdv__json_writer *writer, const char *text, size_t size)
{
    if (writer->failed)
        return;
    if (writer->capacity - writer->size < size) {
        size_t capacity = writer->capacity + writer->capacity / 2 + size;
        char *grown = realloc(writer->text, capacity);
        if (!grown) {
            writer->failed = true;
            return;
        }
        writer->text = grown;
        writer->capacity = capacity;
    }
    memcpy(writer->text + writer->size, text, size);
    writer->size += size;
}

static void put_text(struct rdv__json_writer *writer, const char *text)
{
    put_bytes(writer, text, strlen(text));
}

/* Return how many bytes the well-formed character here has, or 0 if this is bad UTF-8. */
static size_t character_size(const char *text, size_t left)
{
    unsigned char lead = (unsigned char)*text;
    size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;

    return size <= left && rdv__utf8_valid(text, size) ? size : 0;
}

static void put_string(struct rdv__json_writer *writer, const char *text, size_t size)
{
    static const char letters[] = "\b\f\n\r\t", names[] = "bfnrt";

    put_text(writer, "\"");
    for (size_t i = 0, step; i < size; i += step) {
        unsigned char c = (unsigned char)text[i];
        char escape[16];
        const char *letter;
        uint32_t hidden;
        step = c >= 0x20 && c < 0x7F ? 1 : character_size(text + i, size - i);
        /* What the scanner would refuse to read is not written either. */
        if (step == 0 || c == '\0') {
            step = 1;
            put_text(writer, "\xEF\xBF\xBD");
        } else if (c == '"' || c == '\\') {
            escape[0] = '\\';
            escape[1] = (char)c;
            put_bytes(writer, escape, 2);
        } else if ((letter = strchr(letters, c)) != NULL) {
            escape[0] = '\\';
            escape[1] = names[letter - letters];
            put_bytes(writer, escape, 2);
        } else if ((c < 0x20 || c >= 0x7F) && rdv__utf8_hidden(text + i, step, &hidden)) {
            /*
             * JSON asks for few of these escapes, but a terminal may obey such a character, and a
             * person doesn't see it.
             */
            if (hidden < 0x10000)
                snprintf(escape, sizeof escape, "\\u%04x", (unsigned)hidden);
            else
                snprintf(escape, sizeof escape, "\\u%04x\\u%04x",
                         (unsigned)(0xD800 + ((hidden - 0x10000) >> 10)),
                         (unsigned)(0xDC00 + ((hidden - 0x10000) & 0x3FF)));
            put_text(writer, escape);
        } else {
            put_bytes(writer, text + i, step);
        }
    }
    put_text(writer, "\"");
}

/* Write what comes before any value: a comma where one is due, and the key. */
static void put_key(struct rdv__json_writer *writer, const char *key)
{
    assert(writer->depth > 0 && (key == NULL) == writer->arrays[writer->depth - 1]);
    if (!writer->first)
        put_text(writer, ",");
    writer->first = false;
    if (key) {
        put_string(writer, key, strlen(key));
        put_text(writer, ":");
    }
}

static void begin_container(struct rdv__json_writer *writer, bool array)
{
    assert(writer->depth < RDV_DOCUMENT_DEPTH);
    put_text(writer, array ? "[" : "{");
    writer->arrays[writer->depth++] = array;
    writer->first = true;
}

int rdv__json_writer_new(struct rdv__json_writer **ret_writer)
{
    struct rdv__json_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return RDV_ENOMEM;
    begin_container(writer, false);
    *ret_writer = writer;
    return 0;
}

void rdv__json_writer_free(struct rdv__json_writer *writer)
{
    if (writer)
        free(writer->text);
    free(writer);
}

void rdv__json_write_string(struct rdv__json_writer *writer, const char *key, const char *text,
                            size_t size)
{
    put_key(writer, key);
    if (text)
        put_string(writer, text, size);
    else
        put_text(writer, "null");
}

void rdv__json_write_integer(struct rdv__json_writer *writer, const char *key, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    put_key(writer, key);
    put_text(writer, text);
}

void rdv__json_write_bool(struct rdv__json_writer *writer, const char *key, bool value)
{
    put_key(writer, key);
    put_text(writer, value ? "true" : "false");
}

void rdv__json_write_null(struct rdv__json_writer *writer, const char *key)
{
    put_key(writer, key);
    put_text(writer, "null");
}

void rdv__json_write_time(struct rdv__json_writer *writer, const char *key, rdv_time time)
{
    char text[RDV_TIME_TEXT_SIZE];

    if (rdv_time_format(time, text, sizeof text) == 0)
        rdv__json_write_string(writer, key, text, strlen(text));
    else
        rdv__json_write_null(writer, key);
}

void rdv__json_write_raw(struct rdv__json_writer *writer, const char *key, const char *text,
                         size_t size)
{
    put_key(writer, key);
    put_bytes(writer, text, size);
}

void rdv__json_begin_object(struct rdv__json_writer *writer, const char *key)
{
    put_key(writer, key);
    begin_container(writer, false);
}

void rdv__json_begin_array(struct rdv__json_writer *writer, const char *key)
{
    put_key(writer, key);
    begin_container(writer, true);
}

void rdv__json_end(struct rdv__json_writer *writer)
{
    assert(writer->depth > 0);
    writer->depth--;
    put_text(writer, writer->arrays[writer->depth] ? "]" : "}");
    writer->first = false;
}

size_t rdv__json_writer_size(const struct rdv__json_writer *writer)
{
    return writer->size;
}

size_t rdv__json_writer_memory(const struct rdv__json_writer *writer)
{
    return sizeof *writer + writer->capacity;
}

struct rdv__json_mark rdv__json_writer_mark(const struct rdv__json_writer *writer)
{
    struct rdv__json_mark mark = {writer->size, writer->depth, writer->first};

    return mark;
}

void rdv__json_writer_rewind(struct rdv__json_writer *writer, struct rdv__json_mark mark)
{
    assert(mark.size <= writer->size && mark.depth <= writer->depth);
    writer->size = mark.size;
    writer->depth = mark.depth;
    writer->first = mark.first;
}

int rdv__json_writer_finish(struct rdv__json_writer *writer, char **ret_text)
{
    int result = RDV_ENOMEM;

    assert(writer->depth == 1);
    rdv__json_end(writer);
    put_bytes(writer, "", 1);
    if (!writer->failed) {
        *ret_text = writer->text;
        writer->text = NULL;
        result = 0;
    }
    rdv__json_writer_free(writer);
    return result;
}
