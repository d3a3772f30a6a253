/* SPDX-License-Identifier: MIT */
/*
 * A buffer at each end of a socket: line_server.c has two for a connection, client.c one for what
 * the agent sends. Bytes are added at the end and dropped from the beginning.
 *
 * Bytes are moved to the front only when at least as many have gone as are moved, or when the
 * buffer grows; so each byte is moved about once, however the lines come. They move only inside
 * rdv__line_buffer_reserve(): a line that was found stays in its place until the next call of it.
 */
#include "control/line_buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* The smallest size of a buffer, in bytes. */
#define ROOM_MIN 512

int rdv__line_buffer_reserve(struct rdv__line_buffer *buffer, size_t size, size_t *total)
{
    size_t count = rdv__line_buffer_size(buffer);
    if (buffer->room - buffer->end >= size)
        return 0;
    if (buffer->room - count >= size && buffer->begin >= count) {
        memcpy(buffer->data, buffer->data + buffer->begin, count);
    } else {
        /* It grows by an eighth: so little of a large buffer is unused, and on Linux the system
         * moves a large one without copying it. */
        size_t room = count + size + (count + size) / 8;
        room = room > ROOM_MIN ? room : ROOM_MIN;
        if (count > 0 && buffer->begin > 0)
            memmove(buffer->data, buffer->data + buffer->begin, count);
        buffer->begin = 0;
        buffer->end = count;
        char *data = realloc(buffer->data, room);
        if (!data)
            return RDV_ENOMEM;
        if (total)
            *total += room - buffer->room;
        buffer->data = data;
        buffer->room = room;
    }
    buffer->begin = 0;
    buffer->end = count;
    return 0;
}

int rdv__line_buffer_append(struct rdv__line_buffer *buffer, const char *data, size_t size,
                            size_t *total)
{
    int result = rdv__line_buffer_reserve(buffer, size, total);
    if (result != 0)
        return result;
    if (size > 0)
        memcpy(buffer->data + buffer->end, data, size);
    buffer->end += size;
    return 0;
}

bool rdv__line_buffer_find_line(struct rdv__line_buffer *buffer, size_t *ret_size)
{
    size_t size = rdv__line_buffer_size(buffer);
    if (size == buffer->scanned)
        return false;
    const char *line = buffer->data + buffer->begin;
    const char *end = memchr(line + buffer->scanned, '\n', size - buffer->scanned);
    buffer->scanned = end ? (size_t)(end - line) : size;
    if (!end)
        return false;
    *ret_size = buffer->scanned;
    return true;
}

void rdv__line_buffer_drop(struct rdv__line_buffer *buffer, size_t size)
{
    buffer->begin += size;
    buffer->scanned = 0;
    if (buffer->begin == buffer->end)
        buffer->begin = buffer->end = 0;
}

void rdv__line_buffer_clear(struct rdv__line_buffer *buffer, size_t *total)
{
    if (total)
        *total -= buffer->room;
    free(buffer->data);
    *buffer = (struct rdv__line_buffer){0};
}
