/* SPDX-License-Identifier: MIT */
/*
 * A line of JSON, built in memory. A failure, which is always RDV_ENOMEM, sticks, and is reported
 * at the end.
 */
#ifndef RDV__JSON_WRITER_H
#define RDV__JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

/* An object under construction. */
struct rdv__json_writer;
int rdv__json_writer_new(struct rdv__json_writer **ret_writer);
void rdv__json_writer_free(struct rdv__json_writer *writer);

/*
 * Write a value into the innermost container. key is NULL inside an array. A text that is NULL is
 * written as null. U+FFFD takes the place of each byte that is not UTF-8, and of each NUL.
 */
void rdv__json_write_string(struct rdv__json_writer *writer, const char *key, const char *text,
                            size_t size);
void rdv__json_write_integer(struct rdv__json_writer *writer, const char *key, int64_t number);
void rdv__json_write_bool(struct rdv__json_writer *writer, const char *key, bool value);
void rdv__json_write_null(struct rdv__json_writer *writer, const char *key);

/* Write a time, or null for 0. */
void rdv__json_write_time(struct rdv__json_writer *writer, const char *key, rdv_time time);

/* Write a value that is JSON text already. */
void rdv__json_write_raw(struct rdv__json_writer *writer, const char *key, const char *text,
                         size_t size);
void rdv__json_begin_object(struct rdv__json_writer *writer, const char *key);
void rdv__json_begin_array(struct rdv__json_writer *writer, const char *key);

/* End the object or array that was begun last. */
void rdv__json_end(struct rdv__json_writer *writer);

/* Return how many bytes have been written so far, and how much memory the writer takes. */
size_t rdv__json_writer_size(const struct rdv__json_writer *writer);
size_t rdv__json_writer_memory(const struct rdv__json_writer *writer);

/* Mark how far the writer has come, and go back to there: what was written since then is gone. */
struct rdv__json_mark {
    size_t size;
    int depth;
    bool first;
};
struct rdv__json_mark rdv__json_writer_mark(const struct rdv__json_writer *writer);
void rdv__json_writer_rewind(struct rdv__json_writer *writer, struct rdv__json_mark mark);

/* Return the finished line, which the caller frees with free(). The writer is freed in any case. */
int rdv__json_writer_finish(struct rdv__json_writer *writer, char **ret_text);

#endif
