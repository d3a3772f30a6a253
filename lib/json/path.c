/* SPDX-License-Identifier: MIT */
/*
 * The path of a value as people read it, such as "tasks[3].start". The scanner calls this for the
 * place of a fault, and for the place of a value in an accepted text. Paths are cut at their head to
 * fit, since their end says more, and never inside a character.
 */
#include "json/path.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * A path while it is being written. It counts everything that is put, and keeps what comes after
 * the first `skip` bytes as long as there is room.
 */
struct path_writer {
    char *buffer;
    size_t room, length, total, skip;
};

static void put_bytes(struct path_writer *writer, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++, writer->total++) {
        bool continues = ((unsigned char)text[i] & 0xC0u) == 0x80u;
        if (continues && writer->total == writer->skip)
            /* The character began before the part that is kept. */
            writer->skip++;
        else if (writer->total >= writer->skip && writer->length < writer->room)
            writer->buffer[writer->length++] = text[i];
    }
}

static bool plain_word(const struct rdv__path_part *step)
{
    for (size_t i = 0; i < step->key_size; i++) {
        char c = step->key[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-')))
            return false;
    }
    return step->key_size > 0;
}

static void put_key(struct path_writer *writer, const struct rdv__path_part *step)
{
    put_bytes(writer, "[\"", 2);
    for (size_t i = 0; i < step->key_size; i++) {
        unsigned char c = (unsigned char)step->key[i];
        unsigned char after = i + 1 < step->key_size ? (unsigned char)step->key[i + 1] : 0;
        char escape[8];
        /* JSON text has the other control characters escaped already. */
        if (c == 0x7F || (c == 0xC2 && after < 0xA0)) {
            snprintf(escape, sizeof escape, "\\u%04x", c == 0x7F ? 0x7Fu : (unsigned)after);
            put_bytes(writer, escape, 6);
            i += c != 0x7F;
        } else {
            put_bytes(writer, step->key + i, 1);
        }
    }
    put_bytes(writer, "\"]", 2);
}

static void put_steps(struct path_writer *writer, const struct rdv__path_part *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct rdv__path_part *step = &steps[i];
        if (!step->key) {
            char index[16];
            int size = snprintf(index, sizeof index, "[%lu]", (unsigned long)step->element);
            put_bytes(writer, index, (size_t)size);
        } else if (plain_word(step)) {
            put_bytes(writer, ".", i > 0);
            put_bytes(writer, step->key, step->key_size);
        } else {
            put_key(writer, step);
        }
    }
}

void rdv__path_write(const struct rdv__path_part *steps, size_t count, char *buffer, size_t size)
{
    assert(size >= 8);
    struct path_writer counter = {NULL, 0, 0, 0, 0};
    struct path_writer writer = {buffer, size - 1, 0, 0, 0};

    put_steps(&counter, steps, count);
    if (counter.total > size - 1) {
        memcpy(buffer, "...", 3);
        writer.length = 3;
        writer.skip = counter.total - (size - 1 - 3);
    }
    put_steps(&writer, steps, count);
    buffer[writer.length] = '\0';
}
