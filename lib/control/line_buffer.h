/* SPDX-License-Identifier: MIT */
/* Bytes that have come in from a socket, or that wait to go out, and the lines among them. */
#ifndef RDV__CONTROL_LINE_BUFFER_H
#define RDV__CONTROL_LINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* All zeros is an empty buffer. */
struct rdv__line_buffer {
    char *data;
    /* The bytes in use are those from begin to end. */
    size_t begin, end;
    /* How many bytes data has. */
    size_t room;
    /* So many of the bytes in use, from the first on, are known to hold no line end. */
    size_t scanned;
};

/* How many bytes are in use. */
static inline size_t rdv__line_buffer_size(const struct rdv__line_buffer *buffer)
{
    return buffer->end - buffer->begin;
}

/*
 * Make room for `size` more bytes behind the end; bytes in use may move. *total, unless total is
 * NULL, is the memory of several buffers, and grows with this one. Returns 0 or RDV_ENOMEM.
 */
int rdv__line_buffer_reserve(struct rdv__line_buffer *buffer, size_t size, size_t *total);

/* Copy bytes to the end. Returns 0 or RDV_ENOMEM; it cannot fail after
 * rdv__line_buffer_reserve() has made the room. */
int rdv__line_buffer_append(struct rdv__line_buffer *buffer, const char *data, size_t size,
                            size_t *total);

/* Find the first whole line. Returns whether there is one; *ret_size is its size, without its
 * end. */
bool rdv__line_buffer_find_line(struct rdv__line_buffer *buffer, size_t *ret_size);

/* Forget the first `size` bytes: a whole line with its end, everything, or, in a buffer that is
 * not searched for lines, any number. No byte moves. */
void rdv__line_buffer_drop(struct rdv__line_buffer *buffer, size_t size);

/* Free the memory, with all that is in it. The buffer is empty, and may be used again. */
void rdv__line_buffer_clear(struct rdv__line_buffer *buffer, size_t *total);

#endif
