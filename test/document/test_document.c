/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>
#include <rdvtask/task.h>

#include "document/schedule.h"
#include "system.h"

static const char now_text[] = "2026-11-22T12:00:00Z";
static rdv_time now;

static char folder[RDV_TEST_PATH], path[RDV_TEST_PATH + 8];

static void set_up(void)
{
    rdv_test_make_folder(folder, "doc\xC3\xBCment"); /* no ASCII */
    snprintf(path, sizeof path, "%s/a.json", folder);
    ck_assert_int_eq(rdv_time_parse(now_text, &now), 0);
}

static void tear_down(void)
{
    rdv_test_remove(folder);
}

static int load(const char *text, struct rdv__schedule *schedule, struct rdv_error *error)
{
    rdv_test_write_text(path, text);
    return rdv__schedule_load(path, now, schedule, error);
}

static struct rdv__schedule loaded(const char *text)
{
    struct rdv__schedule schedule = {0};
    struct rdv_error error = {0};

    ck_assert_msg(load(text, &schedule, &error) == 0, "%d:%d %s: %s", error.line, error.column,
                  error.path, error.text);
    return schedule;
}

static rdv_time time_of(const char *text)
{
    rdv_time time = 0;

    ck_assert_int_eq(rdv_time_parse(text, &time), 0);
    return time;
}

static void check_context(const rdv_task *task, const char *data, size_t size)
{
    size_t found;
    const void *context = rdv_task_context(task, &found);

    ck_assert_uint_eq(found, size);
    ck_assert_mem_eq(context, data, size);
}

/* ---------------------------------------------------------------- schedule */

static void check_place(const struct rdv__schedule *schedule, size_t item, int line, int column)
{
    int found_line, found_column;

    rdv__json_place(rdv__json_element(schedule->tasks, item), NULL, &found_line, &found_column);
    ck_assert_int_eq(found_line, line);
    ck_assert_int_eq(found_column, column);
}

START_TEST(a_task_has_its_label_identifier_window_and_context)
{
    struct rdv__schedule schedule = loaded(
        "{\"$schema\": \"schedule.schema.json\", \"tasks\": [\n"
        "  {\"label\": \"caf\\u00e9\", \"identifier\": \"vm-1\",\n"
        "   \"start\": \"2026-11-22T03:00:00+01:00\", \"end\": \"+2h\",\n"
        "   \"deadline\": \"-10m\", \"limit\": \"90m\", \"context\": \"some \\\"text\\\"\"},\n"
        "  {\"label\": \"b\", \"identifier\": \"vm-2\"}\n"
        "]}");
    const struct rdv__schedule_item *item = schedule.items;

    ck_assert_uint_eq(schedule.count, 2);
    ck_assert_str_eq(rdv_task_label(item->task), "caf\xC3\xA9");
    ck_assert_str_eq(rdv_task_identifier(item->task), "vm-1");
    ck_assert(item->window.start == time_of("2026-11-22T02:00:00Z"));
    ck_assert(item->window.end == now + 2 * RDV_HOUR);
    ck_assert(item->window.deadline == now - 10 * RDV_MINUTE);
    ck_assert(item->window.limit == 90 * RDV_MINUTE);
    check_context(item->task, "some \"text\"", 11);
    check_place(&schedule, 0, 2, 3);

    item++;
    ck_assert_str_eq(rdv_task_label(item->task), "b");
    ck_assert(item->window.start == 0 && item->window.end == 0);
    ck_assert(item->window.deadline == 0 && item->window.limit == 0);
    check_context(item->task, "", 0);
    check_place(&schedule, 1, 5, 3);
    rdv__schedule_finish(&schedule);
    rdv__schedule_finish(&schedule);
}
END_TEST

START_TEST(an_empty_schedule_is_allowed)
{
    struct rdv__schedule schedule = loaded("{\"tasks\": []}");

    ck_assert_uint_eq(schedule.count, 0);
    rdv__schedule_finish(&schedule);
}
END_TEST

START_TEST(a_task_without_an_identifier_gets_one_of_its_own)
{
    struct rdv__schedule schedule = loaded("{\"tasks\":[{\"label\":\"a\"},{\"label\":\"a\"}]}");
    const char *one = rdv_task_identifier(schedule.items[0].task);
    const char *other = rdv_task_identifier(schedule.items[1].task);

    ck_assert_uint_eq(strlen(one), 36);
    ck_assert_str_ne(one, other);
    rdv__schedule_finish(&schedule);
}
END_TEST

static const struct {
    const char *json, *data;
    size_t size;
} contexts[] = {
    {"\"\"", "", 0},
    {"\"\\u20ac\\n\"", "\xE2\x82\xAC\n", 4},
    {"{\"base64\":\"\"}", "", 0},
    {"{\"base64\":\"AA==\"}", "\0", 1},
    {"{\"base64\":\"AAE=\"}", "\0\1", 2},
    {"{\"base64\":\"+/+/\"}", "\xFB\xFF\xBF", 3},
    {"{\"base64\":\"Zm9vYmFyCg==\"}", "foobar\n", 7},
    {"{\"json\":null}", "null", 4},
    {"{\"json\": 12345678901234567890.50 }", "12345678901234567890.50", 23},
    {"{\"json\": { \"kb\" : [ 1 , \"a b\" ] } }", "{\"kb\":[1,\"a b\"]}", 16},
    {"{\"json\":\"x\"}", "\"x\"", 3},
};

START_TEST(a_context_is_text_bytes_or_json)
{
    char text[256];

    snprintf(text, sizeof text, "{\"tasks\":[{\"label\":\"a\",\"context\":%s}]}",
             contexts[_i].json);
    struct rdv__schedule schedule = loaded(text);
    check_context(schedule.items[0].task, contexts[_i].data, contexts[_i].size);
    rdv__schedule_finish(&schedule);
}
END_TEST

/* "@" stands for {"tasks":[{"label":"a", */
static const struct {
    const char *text;
    int code, line, column;
    const char *path, *words;
} refused[] = {
    /* the document */
    {"[]", RDV_EINVAL, 1, 1, "", "expected an object, but found an array"},
    {"{}", RDV_EINVAL, 1, 1, "", "a schedule document needs \"tasks\""},
    {"{\"tasks\":{}}", RDV_EINVAL, 1, 10, "tasks", "expected an array, but found an object"},
    {"{\"tasks\":[],\"name\":1}", RDV_EINVAL, 1, 13, "name",
     "unknown key 'name'; known here: $schema, tasks"},
    {"{\"tasks\":[],\n \"$schema\":1}", RDV_EINVAL, 2, 12, "$schema", "expected a string"},
    {"{\"tasks\":[],}", RDV_ESYNTAX, 1, 13, "", "is there a ',' too many?"},
    /* a task */
    {"{\"tasks\":[\n {\"label\":\"a\"},\n 1]}", RDV_EINVAL, 3, 2, "tasks[1]", "expected an object"},
    {"{\"tasks\":[{}]}", RDV_EINVAL, 1, 11, "tasks[0]", "a task needs a \"label\""},
    {"@ \"lable\":\"b\"}]}", RDV_EINVAL, 1, 25, "tasks[0].lable", "did you mean 'label'?"},
    {"@ \"user\":1}]}", RDV_EINVAL, 1, 25, "tasks[0].user",
     "known here: label, identifier, start, end, deadline, limit, context"},
    {"{\"tasks\":[{\"label\":1}]}", RDV_EINVAL, 1, 20, "tasks[0].label", "expected a string"},
    {"{\"tasks\":[{\"label\":\"\"}]}", RDV_EINVAL, 1, 20, "tasks[0].label", "must not be empty"},
    {"@\"identifier\":\"\"}]}", RDV_EINVAL, 1, 37, "tasks[0].identifier", "must not be empty"},
    {"@\"identifier\":null}]}", RDV_EINVAL, 1, 37, "tasks[0].identifier", "but found null"},
    /* its window */
    {"@\"start\":\"noon\"}]}", RDV_EINVAL, 1, 32, "tasks[0].start",
     "expected a time, such as \"2026-11-22T03:00:00Z\" or \"+2h\", but found 'noon'"},
    {"@\"end\":\"2026-11-22T03:00:00\"}]}", RDV_EINVAL, 1, 30, "tasks[0].end", "expected a time"},
    {"@\"deadline\":7}]}", RDV_EINVAL, 1, 35, "tasks[0].deadline", "but found a number"},
    {"@\"limit\":\"0s\"}]}", RDV_EINVAL, 1, 32, "tasks[0].limit", "a duration from 1ms to 366d"},
    {"@\"limit\":\"367d\"}]}", RDV_EINVAL, 1, 32, "tasks[0].limit", "a duration from 1ms to 366d"},
    {"@\"limit\":60}]}", RDV_EINVAL, 1, 32, "tasks[0].limit", "but found a number"},
    {"@\"end\":\"2026-11-22T03:00:00Z\",\n \"start\":\"+1h\"}]}", RDV_EINVAL, 1, 30, "tasks[0].end",
     "the end of the window, 2026-11-22T03:00:00Z, is before its start, 2026-11-22T13:00:00Z"},
    /* its context */
    {"@\"context\":5}]}", RDV_EINVAL, 1, 34, "tasks[0].context", "expected a string, {\"base64\""},
    {"@\"context\":{}}]}", RDV_EINVAL, 1, 34, "tasks[0].context", "expected either"},
    {"@\"context\":{\"json\":1,\"base64\":\"\"}}]}", RDV_EINVAL, 1, 34, "tasks[0].context",
     "expected either \"base64\" or \"json\""},
    {"@\"context\":{\"hex\":\"00\"}}]}", RDV_EINVAL, 1, 35, "tasks[0].context.hex",
     "unknown key 'hex'; known here: base64, json"},
    {"@\"context\":{\"base64\":1}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64", "a string"},
    {"@\"context\":{\"base64\":\"AA\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64", "padded"},
    {"@\"context\":{\"base64\":\"A===\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "base64"},
    {"@\"context\":{\"base64\":\"====\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "base64"},
    {"@\"context\":{\"base64\":\"AB==\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "base64"},
    {"@\"context\":{\"base64\":\"AAB=\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "base64"},
    {"@\"context\":{\"base64\":\"AA=A\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "base64"},
    {"@\"context\":{\"base64\":\"AA==AAAA\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "b"},
    {"@\"context\":{\"base64\":\"AA A\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "base64"},
    {"@\"context\":{\"base64\":\"AAA\\n\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64", "b"},
    {"@\"context\":{\"base64\":\"AA-_\"}}]}", RDV_EINVAL, 1, 44, "tasks[0].context.base64",
     "base64"},
    /* identifiers */
    {"@\"identifier\":\"x\"},\n {\"label\":\"b\",\"identifier\":\"y\"},\n"
     " {\"label\":\"b\",\"identifier\":\"y\"},{\"label\":\"c\",\"identifier\":\"x\"}]}",
     RDV_EINVAL, 3, 28, "tasks[2].identifier",
     "the same identifier as that of tasks[1] on line 2, column 2"},
    {"@\"identifier\":\"\\u0078\"}, {\"label\":\"a\"},{\"label\":\"c\",\"identifier\":\"x\"}]}",
     RDV_EINVAL, 1, 88, "tasks[2].identifier", "that of tasks[0] on line 1, column 11"},
};

START_TEST(a_wrong_schedule_is_refused_with_place_path_and_words)
{
    char text[512];
    struct rdv__schedule schedule = {.count = 7};
    struct rdv_error error = {0};

    snprintf(text, sizeof text, "%s%s",
             refused[_i].text[0] == '@' ? "{\"tasks\":[{\"label\":\"a\"," : "",
             refused[_i].text + (refused[_i].text[0] == '@'));
    ck_assert_int_eq(load(text, &schedule, &error), refused[_i].code);
    ck_assert_int_eq(error.code, refused[_i].code);
    ck_assert_msg(error.line == refused[_i].line && error.column == refused[_i].column,
                  "%s: %d:%d %s", text, error.line, error.column, error.text);
    ck_assert_str_eq(error.path, refused[_i].path);
    ck_assert_msg(strstr(error.text, refused[_i].words) != NULL, "%s: %s", text, error.text);
    ck_assert_uint_eq(schedule.count, 7);
    ck_assert_int_eq(rdv__schedule_load(path, now, &schedule, NULL), refused[_i].code);
}
END_TEST

/* {"tasks":[{"label":"a", KEY : QUOTE aaa... QUOTE }]} with so many a's. */
static int load_long(const char *head, size_t count, const char *tail,
                     struct rdv__schedule *schedule, struct rdv_error *error)
{
    size_t head_size = strlen(head), tail_size = strlen(tail);
    char *text = malloc(head_size + count + tail_size);

    ck_assert_ptr_nonnull(text);
    memcpy(text, head, head_size);
    memset(text + head_size, 'A', count);
    memcpy(text + head_size + count, tail, tail_size);
    rdv_test_write(path, text, head_size + count + tail_size);
    free(text);
    return rdv__schedule_load(path, now, schedule, error);
}

START_TEST(names_and_contexts_have_their_limits)
{
    static const char label[] = "{\"tasks\":[{\"label\":\"";
    static const char identifier[] = "{\"tasks\":[{\"label\":\"a\",\"identifier\":\"";
    static const char plain[] = "{\"tasks\":[{\"label\":\"a\",\"context\":\"";
    static const char json[] = "{\"tasks\":[{\"label\":\"a\",\"context\":{\"json\":\"";
    static const char base64[] = "{\"tasks\":[{\"label\":\"a\",\"context\":{\"base64\":\"";
    static const size_t encoded = RDV_CONTEXT_MAX / 3 * 4;
    const struct {
        const char *head, *fits, *over;
        size_t count;
        const char *path;
    } rows[] = {
        {label, "\"}]}", "A\"}]}", RDV_NAME_MAX, "tasks[0].label"},
        {identifier, "\"}]}", "A\"}]}", RDV_NAME_MAX, "tasks[0].identifier"},
        {plain, "\"}]}", "A\"}]}", RDV_CONTEXT_MAX, "tasks[0].context"},
        {json, "\"}}]}", "A\"}}]}", RDV_CONTEXT_MAX - 2, "tasks[0].context"},
        /* 16 MiB is one byte more than a multiple of three. */
        {base64, "AA==\"}}]}", "AAA=\"}}]}", encoded, "tasks[0].context"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rdv__schedule schedule;
        struct rdv_error error = {0};
        ck_assert_int_eq(load_long(rows[i].head, rows[i].count, rows[i].fits, &schedule, &error),
                         0);
        rdv__schedule_finish(&schedule);
        ck_assert_int_eq(load_long(rows[i].head, rows[i].count, rows[i].over, &schedule, &error),
                         RDV_ELIMIT);
        ck_assert_str_eq(error.path, rows[i].path);
    }
}
END_TEST

START_TEST(a_hundred_thousand_tasks_are_read_without_growing_slow)
{
    size_t count = 100000;
    char *text = malloc(count * 200 + 64);
    size_t size;
    struct rdv__schedule schedule;
    struct rdv_error error = {0};

    ck_assert_ptr_nonnull(text);
    size = (size_t)sprintf(text, "{\"tasks\":[\n");
    for (size_t i = 0; i < count; i++)
        size += (size_t)sprintf(
            text + size,
            "%s{\"label\":\"a\",\"identifier\":\"vm-%05lu\",\"start\":\"+1h\","
            "\"end\":\"2027-01-01T00:00:00Z\",\"limit\":\"1h\",\"context\":\"x\"}\n",
            i > 0 ? "," : "", (unsigned long)(i * 7919 % count));
    size += (size_t)sprintf(text + size, "]}");
    rdv_test_write(path, text, size);

    int64_t before = rdv_test_cpu_time();
    ck_assert_int_eq(rdv__schedule_load(path, now, &schedule, &error), 0);
    double seconds = (double)(rdv_test_cpu_time() - before) / 1e6;
    ck_assert_uint_eq(schedule.count, count);
    check_place(&schedule, count - 1, (int)count + 1, 2);
    rdv__schedule_finish(&schedule);
    /* A quarter of a second is usual. What is quadratic takes minutes, and sanitizers ten times as long at most. */
    ck_assert_msg(seconds < 15, "%f s", seconds);

    /* And the very last repeats the first. */
    size -= 2;
    size += (size_t)sprintf(text + size, ",{\"label\":\"a\",\"identifier\":\"vm-00000\"}]}");
    rdv_test_write(path, text, size);
    ck_assert_int_eq(rdv__schedule_load(path, now, &schedule, &error), RDV_EINVAL);
    ck_assert_str_eq(error.path, "tasks[100000].identifier");
    ck_assert_ptr_nonnull(strstr(error.text, "tasks[0] on line 2, column 1"));
    free(text);
}
END_TEST

/* ------------------------------------------------------------------- kinds */

static int check(const char *text, rdv_document_kind *kind, struct rdv_error *error)
{
    rdv_test_write_text(path, text);
    return rdv_document_check(path, kind, error);
}

START_TEST(the_content_tells_the_kind)
{
    rdv_document_kind kind = 0;

    ck_assert_int_eq(check("{\"tasks\":[{\"label\":\"a\"}]}", &kind, NULL), 0);
    ck_assert_int_eq((int)kind, RDV_DOCUMENT_SCHEDULE);
    ck_assert_int_eq(
        check("{\"handlers\":[{\"label\":\"a\",\"steps\":[{\"run\":[\"true\"]}]}]}", &kind, NULL),
        0);
    ck_assert_int_eq((int)kind, RDV_DOCUMENT_AGENT);
    ck_assert_int_eq(check("{\"tasks\":[]}", NULL, NULL), 0);
}
END_TEST

START_TEST(both_kinds_at_once_or_neither_is_refused)
{
    rdv_document_kind kind = 0;
    struct rdv_error error = {0};

    ck_assert_int_eq(check("\n{\"handlers\":[],\"tasks\":[]}", &kind, &error), RDV_EINVAL);
    ck_assert_int_eq(error.line, 2);
    ck_assert_ptr_nonnull(strstr(error.text, "not both"));
    ck_assert_int_eq(check("{\"task\":[]}", &kind, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "neither an agent document"));
    ck_assert_int_eq(check("[]", &kind, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "expected an object"));
    ck_assert_int_eq((int)kind, 0);
}
END_TEST

START_TEST(each_kind_is_checked_in_full)
{
    rdv_document_kind kind = 0;
    struct rdv_error error = {0};

    ck_assert_int_eq(check("{\"tasks\":[{\"label\":\"a\",\"start\":1}]}", &kind, &error),
                     RDV_EINVAL);
    ck_assert_str_eq(error.path, "tasks[0].start");
    ck_assert_int_eq(check("{\"handlers\":[{\"label\":\"a\",\"steps\":[{}]}]}", &kind, &error),
                     RDV_EINVAL);
    ck_assert_str_eq(error.path, "handlers[0].steps[0]");
    ck_assert_int_eq(check("{\"tasks\":[", &kind, &error), RDV_ESYNTAX);
    ck_assert_int_eq((int)kind, 0);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told)
{
    struct rdv_error error = {0};

    ck_assert_int_eq(rdv_document_check("/nonexistent/x.json", NULL, &error), RDV_ENOTFOUND);
    ck_assert_int_eq(error.line, 0);
    ck_assert_ptr_nonnull(strstr(error.text, "/nonexistent/x.json"));
    ck_assert_int_eq(rdv_document_check(NULL, NULL, &error), RDV_EINVAL);
}
END_TEST

/* ----------------------------------------------------------------- entries */

START_TEST(an_entry_is_written_with_all_its_members)
{
    const rdv_change changes[] = {
        {time_of("2026-11-22T12:00:01Z"), RDV_STATUS_SEARCHING, 1, -1, 0, ""},
        {time_of("2026-11-22T12:00:02.5Z"), RDV_STATUS_FAILED, 2, 0, 3, "it's \"broken\"\n"},
    };
    const rdv_entry entry = {
        .size = sizeof entry,
        .run = INT64_C(9007199254740993),
        .change = 12,
        .identifier = "vm-1",
        .label = "updates",
        .window = {time_of("2026-11-22T03:00:00Z"), time_of("2026-11-22T05:00:00Z"),
                   time_of("2026-11-23T00:00:00.0000001Z"), 90 * RDV_MINUTE},
        .context_size = 5,
        .state = RDV_STATE_FINISHED,
        .status = RDV_STATUS_FAILED,
        .outcome = RDV_OUTCOME_FAILED,
        .cancelling = true,
        .attempt = 2,
        .progress = 40,
        .code = 3,
        .message = "it's \"broken\"\n",
        .scheduled_at = time_of("2026-11-22T11:00:00Z"),
        .started_at = time_of("2026-11-22T12:00:01Z"),
        .finished_at = time_of("2026-11-22T12:00:02.5Z"),
        .changes = changes,
        .change_count = 2,
        .output = "a\xFFz\n\x1b",
        .output_size = 5,
    };
    char *text = NULL;

    ck_assert_int_eq(rdv_entry_to_json(&entry, &text), 0);
    ck_assert_str_eq(
        text,
        "{\"version\":1,\"run\":9007199254740993,\"change\":12,\"identifier\":\"vm-1\","
        "\"label\":\"updates\",\"start\":\"2026-11-22T03:00:00Z\",\"end\":\"2026-11-22T05:00:00Z\","
        "\"deadline\":\"2026-11-23T00:00:00.0000001Z\",\"limit\":\"1h30m\",\"context_size\":5,"
        "\"state\":\"finished\",\"status\":\"failed\",\"outcome\":\"failed\",\"attempt\":2,"
        "\"progress\":40,\"code\":3,\"message\":\"it's \\\"broken\\\"\\n\","
        "\"scheduled_at\":\"2026-11-22T11:00:00Z\",\"started_at\":\"2026-11-22T12:00:01Z\","
        "\"finished_at\":\"2026-11-22T12:00:02.5Z\",\"cancelling\":true,\"changes\":["
        "{\"at\":\"2026-11-22T12:00:01Z\",\"status\":\"searching\",\"attempt\":1,\"progress\":null,"
        "\"code\":0,\"message\":null},"
        "{\"at\":\"2026-11-22T12:00:02.5Z\",\"status\":\"failed\",\"attempt\":2,\"progress\":0,"
        "\"code\":3,\"message\":\"it's \\\"broken\\\"\\n\"}],"
        "\"output\":\"a\xEF\xBF\xBDz\\n\\u001b\"}");
    rdv_free(text);
}
END_TEST

START_TEST(what_an_entry_does_not_have_is_null_or_left_out)
{
    const rdv_entry entry = {
        .size = sizeof entry,
        .run = 1,
        .change = 1,
        .identifier = "i",
        .label = "l",
        .progress = -1,
        .message = "",
        .scheduled_at = time_of("2026-11-22T11:00:00Z"),
    };
    char *text = NULL;

    ck_assert_int_eq(rdv_entry_to_json(&entry, &text), 0);
    ck_assert_str_eq(text,
                     "{\"version\":1,\"run\":1,\"change\":1,\"identifier\":\"i\",\"label\":\"l\","
                     "\"start\":null,\"end\":null,\"deadline\":null,\"limit\":null,"
                     "\"context_size\":0,\"state\":\"pending\",\"status\":\"unknown\","
                     "\"outcome\":null,\"attempt\":0,\"progress\":null,\"code\":0,\"message\":null,"
                     "\"scheduled_at\":\"2026-11-22T11:00:00Z\",\"started_at\":null,"
                     "\"finished_at\":null,\"cancelling\":false}");
    rdv_free(text);
    rdv_free(NULL);
    ck_assert_int_eq(rdv_entry_to_json(NULL, &text), RDV_EINVAL);
    ck_assert_int_eq(rdv_entry_to_json(&entry, NULL), RDV_EINVAL);
}
END_TEST

START_TEST(a_deadline_that_only_puts_an_entry_first_is_none_as_json)
{
    rdv_entry entry = {.size = sizeof entry,
                       .identifier = "i",
                       .label = "l",
                       .window = {.deadline = RDV_DEADLINE_FIRST},
                       .progress = -1,
                       .message = ""};
    char *text = NULL;

    ck_assert_int_eq(rdv_entry_to_json(&entry, &text), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"deadline\":null,"));
    rdv_free(text);
    entry.window.deadline = RDV_DEADLINE_FIRST + 1;
    ck_assert_int_eq(rdv_entry_to_json(&entry, &text), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"deadline\":\"1601-01-01T00:00:00.0000002Z\","));
    rdv_free(text);
}
END_TEST

#define LENGTH(table) ((int)(sizeof table / sizeof table[0]))

int main(void)
{
    Suite *suite = suite_create("document");
    TCase *schedule = tcase_create("schedule");
    TCase *kinds = tcase_create("kinds");
    TCase *entries = tcase_create("entries");

    tcase_add_checked_fixture(schedule, set_up, tear_down);
    tcase_set_timeout(schedule, 60);
    tcase_add_test(schedule, a_task_has_its_label_identifier_window_and_context);
    tcase_add_test(schedule, an_empty_schedule_is_allowed);
    tcase_add_test(schedule, a_task_without_an_identifier_gets_one_of_its_own);
    tcase_add_loop_test(schedule, a_context_is_text_bytes_or_json, 0, LENGTH(contexts));
    tcase_add_loop_test(schedule, a_wrong_schedule_is_refused_with_place_path_and_words, 0,
                        LENGTH(refused));
    tcase_add_test(schedule, names_and_contexts_have_their_limits);
    tcase_add_test(schedule, a_hundred_thousand_tasks_are_read_without_growing_slow);
    suite_add_tcase(suite, schedule);
    tcase_add_checked_fixture(kinds, set_up, tear_down);
    tcase_add_test(kinds, the_content_tells_the_kind);
    tcase_add_test(kinds, both_kinds_at_once_or_neither_is_refused);
    tcase_add_test(kinds, each_kind_is_checked_in_full);
    tcase_add_test(kinds, a_file_that_is_not_there_is_told);
    suite_add_tcase(suite, kinds);
    tcase_add_test(entries, an_entry_is_written_with_all_its_members);
    tcase_add_test(entries, what_an_entry_does_not_have_is_null_or_left_out);
    tcase_add_test(entries, a_deadline_that_only_puts_an_entry_first_is_none_as_json);
    suite_add_tcase(suite, entries);
    return rdv_test_main(suite);
}
