/* SPDX-License-Identifier: MIT */
/* A line of JSON, built in memory. A failure, which is RDV_ENOMEM, sticks, and is told at the end. */
#ifndef RDV__JSON_WRITER_H
#define RDV__JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

struct rdv__json_writer; /* an object under construction */
int rdv__json_writer_new(struct rdv__json_writer **ret_writer);
void rdv__json_writer_free(struct rdv__json_writer *writer);
/*
 * key is NULL inside an array. A text that is NULL is written as null. For each byte that is not
 * UTF-8, and for each NUL, U+FFFD is written.
 */
void rdv__json_write_string(struct rdv__json_writer *writer, const char *key, const char *text,
                            size_t size);
void rdv__json_write_integer(struct rdv__json_writer *writer, const char *key, int64_t number);
void rdv__json_write_bool(struct rdv__json_writer *writer, const char *key, bool value);
void rdv__json_write_null(struct rdv__json_writer *writer, const char *key);
void rdv__json_write_time(struct rdv__json_writer *writer, const char *key,
                          rdv_time time); /* 0 = null */
/* JSON that is written already. */
void rdv__json_write_raw(struct rdv__json_writer *writer, const char *key, const char *text,
                         size_t size);
void rdv__json_begin_object(struct rdv__json_writer *writer, const char *key);
void rdv__json_begin_array(struct rdv__json_writer *writer, const char *key);
void rdv__json_end(struct rdv__json_writer *writer); /* the object or array begun last */
/* How many bytes there are so far, and how much memory they take. */
size_t rdv__json_writer_size(const struct rdv__json_writer *writer);
size_t rdv__json_writer_memory(const struct rdv__json_writer *writer);
/* Where it has got to, and back there: what was written since is gone. */
struct rdv__json_mark {
    size_t size;
    int depth;
    bool first;
};
struct rdv__json_mark rdv__json_writer_mark(const struct rdv__json_writer *writer);
void rdv__json_writer_rewind(struct rdv__json_writer *writer, struct rdv__json_mark mark);
/* The finished line, malloc'd; the writer is freed in any case. */
int rdv__json_writer_finish(struct rdv__json_writer *writer, char **ret_text);

#endif
