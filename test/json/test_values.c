/* SPDX-License-Identifier: MIT */
/*
 * What documents say, held against a record: test/data/values.txt has, for each document, whether it is accepted, and if so
 * every value with its place, path, key and type, what it reads as, and its compact form; of a schedule also the tasks. The record
 * was made when values were read by another reader than today's, so that a reader that takes its place has to read the same.
 *
 * A document stands in the record itself (a line "document TEXT") or is a file (a line "file PATH", below test/data/documents); the
 * lines below it, up to an empty one, are what it gives. To add a document, add such a line and an empty one, and have the rest
 * written:
 *
 *     build/test/test-values --write && git diff test/data/values.txt
 *
 * What that changes is a change of behaviour, and each line of it is to be looked at. Bytes that are not printable ASCII are
 * written as \xHH, a line break as \n and a backslash as \\.
 */
#include "harness.h"
#include "system.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>
#include <rdvtask/task.h>

#include "document/schedule.h"
#include "json/value.h"

static const struct rdv__json_form whole = {.most_values = RDV_DOCUMENT_VALUES};

#define RECORD RDV_TEST_DATA "/values.txt"

/* Relative times of schedules are counted from here. */
static const char now_text[] = "2026-11-22T12:00:00Z";

/* A text that grows. */
struct text {
    char *bytes; /* ends with a NUL */
    size_t size, room;
};

static void add_bytes(struct text *text, const char *bytes, size_t size)
{
    if (text->room - text->size <= size) {
        text->room = 2 * text->room + size + 1;
        text->bytes = realloc(text->bytes, text->room);
        ck_assert_ptr_nonnull(text->bytes);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

static void add(struct text *text, const char *format, ...)
{
    char piece[1024];
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    ck_assert(size >= 0 && size < (int)sizeof piece);
    add_bytes(text, piece, (size_t)size);
}

static void add_escaped(struct text *text, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '\n')
            add(text, "\\n");
        else if (byte == '\\')
            add(text, "\\\\");
        else if (byte < 0x20 || byte > 0x7E)
            add(text, "\\x%02X", (unsigned)byte);
        else
            add_bytes(text, bytes + i, 1);
    }
}

/* What a line of the record stands for, which ends at `end`. */
static void add_unescaped(struct text *text, const char *at, const char *end)
{
    add_bytes(text, "", 0);
    for (; at < end; at++) {
        char byte = *at;
        if (byte == '\\') {
            at++;
            byte = *at == 'n' ? '\n' : '\\';
            if (*at == 'x') {
                const char digits[] = {at[1], at[2], '\0'};
                byte = (char)strtoul(digits, NULL, 16);
                at += 2;
            }
        }
        add_bytes(text, &byte, 1);
    }
}

static void add_failure(struct text *text, int code, const struct rdv_error *error)
{
    add(text, "refused: %s, %d:%d, ", rdv_strerror(code), error->line, error->column);
    add_escaped(text, error->path, strlen(error->path));
    add(text, ": ");
    add_escaped(text, error->text, strlen(error->text));
    add(text, "\n");
}

/* ------------------------------------------------------------------ values */

/* What a value that is no container reads as. */
static void add_scalar(struct text *text, struct rdv__value value)
{
    const char *string, *bytes;
    size_t size = 0;
    int64_t number = 0;
    bool flag = false;

    switch (rdv__json_type(value)) {
    case RDV__JSON_NULL:
        add(text, "null");
        break;
    case RDV__JSON_BOOL:
        ck_assert_int_eq(rdv__json_bool(value, &flag, NULL), 0);
        add(text, "bool | %s", flag ? "true" : "false");
        break;
    case RDV__JSON_NUMBER:
        if (rdv__json_integer(value, INT64_MIN, INT64_MAX, &number, NULL) == 0)
            add(text, "number | %" PRId64, number);
        else
            add(text, "number | not whole");
        break;
    default:
        ck_assert_int_eq(rdv__json_bytes(value, &bytes, &size, NULL), 0);
        ck_assert_int_eq(rdv__json_string(value, &string, NULL), 0);
        ck_assert_uint_eq(strlen(string), size);
        ck_assert_mem_eq(string, bytes, size);
        add(text, "string | ");
        add_escaped(text, bytes, size);
        break;
    }
}

static void add_value(struct text *text, struct rdv__value value, const char *key)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv_error error = {0};
    struct rdv__value inner;
    int line, column;
    size_t size = 0;
    char *compact = NULL;
    bool object = rdv__json_type(value) == RDV__JSON_OBJECT;

    rdv__json_place(value, NULL, &line, &column);
    rdv__json_fail(value, &error, RDV_EINVAL, "words");
    ck_assert(error.line == line && error.column == column);
    add(text, "%d:%d | ", line, column);
    add_escaped(text, error.path, strlen(error.path));
    add(text, " | ");
    add_escaped(text, key ? key : "-", strlen(key ? key : "-"));
    add(text, " | ");
    if (object || rdv__json_type(value) == RDV__JSON_ARRAY)
        add(text, object ? "object" : "array");
    else
        add_scalar(text, value);
    ck_assert_int_eq(rdv__json_compact(value, &compact, &size), 0);
    ck_assert_uint_eq(strlen(compact), size);
    add(text, " | ");
    add_escaped(text, compact, size);
    add(text, "\n");
    free(compact);
    if (object || rdv__json_type(value) == RDV__JSON_ARRAY)
        while (rdv__json_next(value, &iterator, &key, &inner))
            add_value(text, inner, key);
}

/* ---------------------------------------------------------------- schedule */

static bool has_member(struct rdv__value object, const char *name)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value;
    const char *key;

    while (rdv__json_next(object, &iterator, &key, &value))
        if (strcmp(key, name) == 0)
            return true;
    return false;
}

static void add_time(struct text *text, rdv_time time)
{
    char words[RDV_TIME_TEXT_SIZE] = "-";

    if (time != 0)
        ck_assert_int_eq(rdv_time_format(time, words, sizeof words), 0);
    add(text, " | %s", words);
}

static void add_task(struct text *text, const struct rdv__schedule_item *item, struct rdv__value at)
{
    const char *label = rdv_task_label(item->task), *identifier = rdv_task_identifier(item->task);
    size_t size = 0;
    const char *context = rdv_task_context(item->task, &size);

    add(text, "task | ");
    add_escaped(text, label, strlen(label));
    add(text, " | ");
    if (has_member(at, "identifier"))
        add_escaped(text, identifier, strlen(identifier));
    else
        add(text, "-"); /* a random one */
    add_time(text, item->window.start);
    add_time(text, item->window.end);
    add_time(text, item->window.deadline);
    add(text, " | %" PRId64 " | ", item->window.limit);
    add_escaped(text, context, size);
    add(text, "\n");
}

static void add_schedule(struct text *text, struct rdv__value root)
{
    struct rdv__schedule schedule;
    struct rdv_error error = {0};
    rdv_time now = 0;

    ck_assert_int_eq(rdv_time_parse(now_text, &now), 0);
    int result = rdv__schedule_read(root, now, &schedule, &error);
    if (result < 0) {
        add(text, "schedule ");
        add_failure(text, result, &error);
        return;
    }
    add(text, "schedule of %lu\n", (unsigned long)schedule.count);
    struct rdv__json_elements elements = rdv__json_elements(schedule.tasks, 0);
    struct rdv__value task;
    for (size_t i = 0; i < schedule.count; i++) {
        ck_assert_int_eq(rdv__json_elements_next(&elements, &task, NULL), 0);
        add_task(text, &schedule.items[i], task);
    }
    rdv__json_elements_finish(&elements);
    rdv__schedule_finish(&schedule);
}

/* ------------------------------------------------------------------ record */

/* What the tasks say is the same where they are parsed one by one. */
static void check_tasks_in_parts(const char *document, size_t size, const char *expected)
{
    static const char *const tasks[] = {"tasks", NULL};
    const struct rdv__json_form in_parts = {.most_values = RDV_DOCUMENT_VALUES, .walked = tasks};
    struct rdv__json *json = NULL;
    struct text text = {0};

    ck_assert_int_eq(rdv__json_parse(document, size, in_parts, &json, NULL), 0);
    add_schedule(&text, rdv__json_root(json));
    ck_assert_str_eq(text.bytes, expected);
    free(text.bytes);
    rdv__json_free(json);
}

/* All that the record has to say of a document. */
static void add_document(struct text *text, const char *document, size_t size)
{
    struct rdv__json *json = NULL;
    struct rdv_error error = {0};
    int result = rdv__json_parse(document, size, whole, &json, &error);

    if (result < 0) {
        add_failure(text, result, &error);
        return;
    }
    struct rdv__value root = rdv__json_root(json);
    add_value(text, root, NULL);
    if (rdv__json_type(root) == RDV__JSON_OBJECT && has_member(root, "tasks")) {
        size_t before = text->size;
        add_schedule(text, root);
        check_tasks_in_parts(document, size, text->bytes + before);
    }
    rdv__json_free(json);
}

/* Where the line ends that begins here. */
static const char *line_end(const char *at)
{
    const char *end = strchr(at, '\n');

    return end ? end : at + strlen(at);
}

/* The same for the lines up to an empty one. */
static const char *block_end(const char *at)
{
    while (*at != '\0' && *at != '\n') {
        at = line_end(at);
        at += *at == '\n';
    }
    return at;
}

/* What the block gives that begins with this line: its first line, and what follows from it. */
static void add_block(struct text *text, const char *line)
{
    static const char document[] = "document ", file[] = "file ";
    const char *end = line_end(line);
    struct text bytes = {0};

    if (strncmp(line, document, strlen(document)) == 0) {
        add_unescaped(&bytes, line + strlen(document), end);
    } else {
        char path[RDV_TEST_PATH];
        ck_assert_msg(strncmp(line, file, strlen(file)) == 0, "%.40s", line);
        line += strlen(file);
        snprintf(path, sizeof path, "%s/documents/%.*s", RDV_TEST_DATA, (int)(end - line), line);
        line -= strlen(file);
        bytes.bytes = rdv_test_read(path, &bytes.size);
    }
    add_bytes(text, line, (size_t)(end - line));
    add(text, "\n");
    add_document(text, bytes.bytes, bytes.size);
    free(bytes.bytes);
}

START_TEST(each_document_of_the_record_says_what_it_said)
{
    char *record = rdv_test_read(RECORD, NULL);
    const char *at = block_end(record); /* the first block says what this is */
    unsigned documents = 0;

    for (; *at == '\n'; documents++) {
        struct text block = {0};
        at++;
        const char *end = block_end(at);
        add_block(&block, at);
        if (block.size != (size_t)(end - at) || memcmp(block.bytes, at, block.size) != 0)
            ck_abort_msg("the record has:\n%.*s\nand now it is:\n%s", (int)(end - at), at,
                         block.bytes);
        free(block.bytes);
        at = end;
    }
    ck_assert_uint_ge(documents, 300);
    free(record);
}
END_TEST

/* With --write. */
START_TEST(the_record_is_written_anew_from_its_own_documents)
{
    char *record = rdv_test_read(RECORD, NULL);
    const char *at = block_end(record);
    struct text text = {0};

    add_bytes(&text, record, (size_t)(at - record));
    while (*at == '\n') {
        add(&text, "\n");
        add_block(&text, at + 1);
        at = block_end(at + 1);
    }
    rdv_test_write(RECORD, text.bytes, text.size);
    free(text.bytes);
    free(record);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("values");
    TCase *record = tcase_create("record");
    bool write = argc > 1 && strcmp(argv[1], "--write") == 0;

    tcase_add_test(record, write ? the_record_is_written_anew_from_its_own_documents
                                 : each_document_of_the_record_says_what_it_said);
    suite_add_tcase(suite, record);
    return rdv_test_main(suite);
}
