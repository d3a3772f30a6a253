/* SPDX-License-Identifier: MIT */
/* The control: its methods, through a socket and directly; what is shared, told, refused, and withstood. */
#define _GNU_SOURCE

#include <inttypes.h>
#ifndef _WIN32
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "control_bench.h"
#include "harness.h"
#include "loop.h"
#include "thread.h"

/* How long a test may take, in seconds: many times what it does, and more than what is waited for in it. */
#define PATIENCE 180

static struct bench agent, direct;

static void set_up(void)
{
    bench_open(&agent, true);
}

static void set_up_both(void)
{
    bench_open(&agent, true);
    bench_open(&direct, false);
}

static void tear_down(void)
{
    bench_close(&agent);
    bench_close(&direct);
}

/* ---------------------------------------------------------------- both ways */

/* A request, and what has to be in the answer to it. */
struct exchange {
    const char *request, *part;
};

static const struct exchange exchanges[] = {
    {CALL("list", "{}"), "\"result\":[]"},
    {CALL("history", "{}"), "\"result\":[]"},
    {CALL("schedule",
          "{\"tasks\":["
          "{\"label\":\"one\",\"identifier\":\"a\"},"
          "{\"label\":\"two\",\"identifier\":\"b\",\"start\":\"+2h\",\"end\":\"+3h\"},"
          "{\"label\":\"two\",\"identifier\":\"c\",\"deadline\":\"+1h\",\"limit\":\"5m\","
          "\"context\":{\"json\":{\"x\":[1,2]}}}]}"),
     "\"result\":[{\"version\":1,\"run\":1,\"change\":1,\"identifier\":\"a\""},
    {CALL("schedule", "{\"tasks\":[]}"), "\"result\":[]"},
    {CALL("list", "{}"), "\"identifier\":\"b\""},
    {CALL("list", "{\"label\":\"one\"}"), "\"identifier\":\"a\""},
    {CALL("list", "{\"limit\":2}"), "\"identifier\":\"a\""},
    {CALL("explain", "{\"identifier\":\"a\"}"), "\"run\":1,\"identifier\":\"a\",\"why\":\""},
    {CALL("explain", "{\"identifier\":\"b\"}"), "\"run\":2,"},
    {CALL("explain", "{\"identifier\":\"c\"}"), "\"words\":\""},
    {CALL("explain", "{\"identifier\":\"d\"}"), "'d' is neither pending nor running"},
    {CALL("show", "{\"identifier\":\"a\"}"), "\"changes\":[{\"at\":"},
    {CALL("show", "{\"identifier\":\"d\"}"), "\"name\":\"RDV_ENOTFOUND\""},
    {CALL("schedule", "{\"tasks\":[{\"label\":\"two\",\"identifier\":\"b\",\"start\":\"+4h\"}]}"),
     "\"run\":4"},
    {CALL("status", "{}"), "\"paused\":false"},
    {CALL("pause", "{}"), "\"result\":true"},
    {CALL("pause", "{}"), "\"result\":true"},
    {CALL("status", "{}"), "\"paused\":true"},
    {CALL("resume", "{}"), "\"result\":true"},
    {CALL("delete", "{\"identifier\":\"b\"}"), "\"outcome\":\"cancelled\""},
    {CALL("delete", "{\"identifier\":\"b\"}"), "'b' is neither pending nor running"},
    {CALL("show", "{\"identifier\":\"b\"}"), "\"deleted before it started\""},
    {CALL("cancel", "{\"identifier\":\"nobody\"}"), "\"code\":-3"},
    {CALL("reload", "{}"), "\"name\":\"RDV_ENOTSUP\""},
    {CALL("history", "{}"), "\"identifier\":\"b\""},
    {CALL("history", "{\"identifier\":\"a\"}"), "\"result\":[]"},
    {CALL("history", "{\"identifier\":\"b\",\"limit\":1}"), "\"changes\":["},
    /* What is wrong, and where. */
    {CALL("schedule", "{\"tasks\":[{\"label\":\"x\"},{\"label\":\"x\",\"start\":\"soon\"}]}"),
     "\"code\":-32602,\"message\":\"tasks[1].start: expected a time"},
    {CALL("schedule", "{}"), "\"code\":-32602,\"message\":\"a schedule document needs"},
    {REQUEST("1", "schedule", "[]"), "\"code\":-32602,\"message\":\"expected an object"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"schedule\"}", "\"code\":-32602"},
    {CALL("show", "{}"), "an \\\"identifier\\\" is needed"},
    {CALL("show", "{\"identifier\":\"\"}"), "\"message\":\"identifier: must not be empty\""},
    {CALL("show", "{\"identifier\":7}"), "\"path\":\"identifier\",\"column\":"},
    {CALL("list", "{\"lable\":\"x\"}"), "did you mean 'label'?"},
    {CALL("list", "{\"limit\":-1}"), "\"code\":-32602,\"message\":\"limit: "},
    {CALL("history", "{\"limit\":\"all\"}"), "\"code\":-32602"},
    {CALL("status", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("pause", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("resume", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("reload", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("delete", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("cancel", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("explain", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("history", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("watch", "{\"after\":-1}"), "\"code\":-32602,\"message\":\"after: "},
    {CALL("watch", "{\"after\":1000}"), "\"message\":\"after: the last change of this store is "},
    {CALL("watch", "{\"x\":1}"), "\"code\":-32602"},
    {CALL("shutdown", "{}"), "\"code\":-32601,\"message\":\"there is no method 'shutdown'\""},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}", "\"result\":["},
};

static void compare(const struct exchange *exchange, struct wire *client)
{
    const char *one = bench_ask(&agent, client, exchange->request);
    char *other = bench_call(&direct, exchange->request);
    bench_turns(&agent);
    bench_turns(&direct);
    ck_assert_str_eq(one, other);
    ck_assert_has(one, exchange->part);
    ck_assert_has(one, "{\"jsonrpc\":\"2.0\",\"id\":1,");
    rdv_response *response = NULL;
    ck_assert_int_eq(rdv_response_parse(one, &response), 0);
    rdv_response_free(response);
    free(other);
}

START_TEST(every_method_answers_the_same_through_the_socket_and_directly)
{
    if (_i == 1) {
        bench_attach(&agent);
        bench_attach(&direct);
    }
    struct wire *client = bench_client(&agent);
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++)
        compare(&exchanges[i], client);
    wire_close(client);
}
END_TEST

START_TEST(what_runs_is_treated_the_same_through_the_socket_and_directly)
{
    static const struct exchange running[] = {
        {CALL("schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"a\"}]}"),
         "\"state\":\"pending\""},
        {CALL("status", "{}"),
         "\"agent\":\"the test's\",\"paused\":false,\"pending\":0,\"running\":1"},
        {CALL("list", "{}"), "\"state\":\"running\""},
        {CALL("explain", "{\"identifier\":\"a\"}"), "\"why\":\"running\""},
        {CALL("schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"new\"},"
                          "{\"label\":\"x\",\"identifier\":\"a\"}]}"),
         "\"code\":-4,\"message\":\"tasks[1]: 'a' is running\",\"data\":{\"name\":\"RDV_EBUSY\","
         "\"path\":\"tasks[1]\",\"column\":"},
        {CALL("show", "{\"identifier\":\"new\"}"), "\"name\":\"RDV_ENOTFOUND\""},
        {CALL("delete", "{\"identifier\":\"a\"}"), "'a' is running: cancel it instead"},
        {CALL("cancel", "{\"identifier\":\"a\"}"), "\"cancelling\":true"},
        {CALL("cancel", "{\"identifier\":\"a\"}"), "\"cancelling\":true"},
        {CALL("schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"b\"}]}"), "\"run\":2"},
        {CALL("explain", "{\"identifier\":\"b\"}"), "\"why\":\"behind\""},
        {CALL("cancel", "{\"identifier\":\"b\"}"), "\"cancelled before it started\""},
    };
    bench_attach(&agent);
    bench_attach(&direct);
    struct wire *client = bench_client(&agent);
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        compare(&running[i], client);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(bench_report(i ? &agent : &direct, "a", RDV_STATUS_FAILED, -1, "over"), 0);
        bench_turns(i ? &agent : &direct);
    }
    static const struct exchange after[] = {
        {CALL("show", "{\"identifier\":\"a\"}"), "\"outcome\":\"cancelled\""},
        {CALL("history", "{}"), "\"message\":\"over\""},
        {CALL("schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"a\",\"start\":\"+1h\"}]}"),
         "\"run\":3"},
        {CALL("show", "{\"identifier\":\"a\"}"), "\"state\":\"pending\""},
    };
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        compare(&after[i], client);
    wire_close(client);
}
END_TEST

START_TEST(a_run_without_a_task_agent_can_not_be_cancelled_and_says_why)
{
    bench_attach(&agent);
    struct wire *client = bench_client(&agent);
    bench_ask(&agent, client,
              CALL("schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"a\"}]}"));
    agent.plugin.sink->ops->terminated(agent.plugin.sink, 0);
    const char *answer = bench_ask(&agent, client, CALL("cancel", "{\"identifier\":\"a\"}"));
    ck_assert_has(answer, "'a' was running, and no task agent is there to cancel it");
    ck_assert_has(answer, "\"code\":-5");
    wire_close(client);
}
END_TEST

START_TEST(watching_takes_an_agent_that_runs)
{
    char *answer = bench_call(&direct, CALL("watch", "{}"));
    ck_assert_has(answer, "\"name\":\"RDV_ENOTSUP\"");
    ck_assert_has(answer, "no agent is running that could be watched");
    free(answer);
}
END_TEST

/* ------------------------------------------------------------------- direct */

START_TEST(a_direct_call_is_durable_before_it_is_answered)
{
    direct.commits = 0;
    char *answer = bench_call(&direct, CALL("schedule", "{\"tasks\":[{\"label\":\"x\"}]}"));
    ck_assert_int_eq(direct.commits, 1);
    ck_assert_has(answer, "\"result\":[");
    free(answer);
}
END_TEST

START_TEST(a_direct_call_that_can_not_be_written_is_an_error_and_undone)
{
    direct.fail_commit = true;
    char *answer = bench_call(&direct, CALL("schedule", "{\"tasks\":[{\"label\":\"x\"}]}"));
    ck_assert_has(answer, "\"error\":{\"code\":-8,");
    free(answer);
    ck_assert_uint_eq(rdv_trigger_unfinished(direct.trigger), 0);
    answer = bench_call(&direct, CALL("list", "{}"));
    ck_assert_has(answer, "\"result\":[]");
    free(answer);
}
END_TEST

START_TEST(pause_that_can_not_be_written_is_an_error)
{
    direct.fail_commit = true;
    char *answer = bench_call(&direct, CALL("pause", "{}"));
    ck_assert_has(answer, "\"error\":{\"code\":-8,");
    ck_assert(!rdv_trigger_paused(direct.trigger));
    free(answer);
    ck_assert_int_eq(rdv_trigger_pause(direct.trigger), 0);
    direct.fail_commit = true;
    answer = bench_call(&direct, CALL("resume", "{}"));
    ck_assert_has(answer, "\"error\":{\"code\":-8,");
    ck_assert(rdv_trigger_paused(direct.trigger));
    free(answer);
}
END_TEST

START_TEST(nothing_is_called_into_an_open_batch)
{
    ck_assert_int_eq(rdv_trigger_begin(direct.trigger), 0);
    char *answer = bench_call(&direct, CALL("list", "{}"));
    ck_assert_has(answer, "\"name\":\"RDV_ESTATE\"");
    free(answer);
    ck_assert_int_eq(rdv_trigger_rollback(direct.trigger), 0);
}
END_TEST

START_TEST(a_direct_notification_is_done_and_not_answered)
{
    char *answer = bench_call(&direct, "{\"jsonrpc\":\"2.0\",\"method\":\"schedule\",\"params\":"
                                       "{\"tasks\":[{\"label\":\"x\"}]}}");
    ck_assert_ptr_null(answer);
    ck_assert_uint_eq(rdv_trigger_unfinished(direct.trigger), 1);
    answer = bench_call(&direct, "{\"jsonrpc\":\"2.0\",\"method\":\"no such\"}");
    ck_assert_ptr_null(answer);
    direct.fail_commit = true;
    answer = bench_call(&direct, "{\"jsonrpc\":\"2.0\",\"method\":\"schedule\",\"params\":"
                                 "{\"tasks\":[{\"label\":\"x\"}]}}");
    ck_assert_ptr_null(answer);
    ck_assert_uint_eq(rdv_trigger_unfinished(direct.trigger), 1);
}
END_TEST

START_TEST(invalid_arguments_are_refused)
{
    rdv_control *control = NULL;
    struct rdv_error error = {0};
    rdv_control_options options;
    char *answer = NULL;
    rdv_control_options_init(&options);
    ck_assert_int_eq(rdv_control_new(NULL, direct.store, direct.trigger, NULL, &control, &error),
                     RDV_EINVAL);
    ck_assert_int_eq(error.code, RDV_EINVAL);
    options.size--;
    ck_assert_int_eq(
        rdv_control_new(direct.loop, direct.store, direct.trigger, &options, &control, NULL),
        RDV_EINVAL);
    ck_assert_int_eq(rdv_control_call(NULL, "", bench_keep, &answer), RDV_EINVAL);
    ck_assert_int_eq(rdv_control_call(direct.control, NULL, bench_keep, &answer), RDV_EINVAL);
    ck_assert_int_eq(rdv_control_call(direct.control, "", NULL, NULL), RDV_EINVAL);
    rdv_control_free(NULL);
    ck_assert_int_eq(
        rdv_control_new(direct.loop, direct.store, direct.trigger, NULL, &control, NULL), 0);
    rdv_control_free(control);
}
END_TEST

START_TEST(a_socket_that_can_not_be_had_is_an_error)
{
    rdv_control *control = NULL;
    struct rdv_error error = {0};
    rdv_control_options options = direct.options;
    options.socket = agent.socket;
    ck_assert_int_eq(
        rdv_control_new(direct.loop, direct.store, direct.trigger, &options, &control, &error),
        RDV_ELOCKED);
    ck_assert_has(error.text, agent.socket);
    options.socket = direct.socket;
    options.reader_group = "no-such-group";
    ck_assert_int_eq(
        rdv_control_new(direct.loop, direct.store, direct.trigger, &options, &control, &error),
        RDV_ENOTFOUND);
    ck_assert_has(error.text, "no-such-group");
    ck_assert_ptr_null(control);
}
END_TEST

START_TEST(another_loop_is_not_the_stores)
{
    rdv_control *control = NULL;
    struct rdv_error error = {0};
    ck_assert_int_eq(
        rdv_control_new(agent.loop, direct.store, direct.trigger, NULL, &control, &error),
        RDV_ESTATE);
    ck_assert_has(error.text, "another loop");
}
END_TEST

static int reload_result, reloads;

static int reload(void *user, struct rdv_error *error)
{
    ck_assert_ptr_eq(user, &reloads);
    reloads++;
    if (reload_result == RDV_ESYNTAX) {
        error->code = reload_result;
        strcpy(error->text, "agent.json: expected a value");
    }
    return reload_result;
}

START_TEST(reload_is_the_programs_own)
{
    rdv_control_free(direct.control);
    direct.options.reload = reload;
    direct.options.user = &reloads;
    bench_listen(&direct);
    reload_result = 0;
    char *answer = bench_call(&direct, CALL("reload", "{}"));
    ck_assert_has(answer, "\"result\":true");
    free(answer);
    reload_result = RDV_ESYNTAX;
    answer = bench_call(&direct, CALL("reload", "{}"));
    ck_assert_has(answer, "{\"code\":-6,\"message\":\"agent.json: expected a value\"");
    free(answer);
    reload_result = RDV_ENOTFOUND; /* and no words */
    answer = bench_call(&direct, CALL("reload", "{}"));
    ck_assert_has(answer, "{\"code\":-3,\"message\":\"not found\"");
    free(answer);
    ck_assert_int_eq(reloads, 3);
}
END_TEST

START_TEST(show_has_the_output_and_what_is_no_text_in_it_is_replaced)
{
    static const char tail[] = "one\ntwo \xFF|\0|\x1b[31m";
    char *answer = bench_call(&direct, CALL("schedule", "{\"tasks\":[{\"label\":\"x\","
                                                        "\"identifier\":\"a\"}]}"));
    free(answer);
    sqlite3_stmt *put = NULL;
    sqlite3 *database = rdv__sql_database(direct.store);
    ck_assert_int_eq(sqlite3_prepare_v2(database, "INSERT INTO output (number, tail) VALUES (1, ?)",
                                        -1, &put, NULL),
                     SQLITE_OK);
    sqlite3_bind_blob(put, 1, tail, sizeof tail - 1, SQLITE_STATIC);
    ck_assert_int_eq(sqlite3_step(put), SQLITE_DONE);
    sqlite3_finalize(put);
    answer = bench_call(&direct, CALL("show", "{\"identifier\":\"a\"}"));
    ck_assert_has(answer, "\"output\":\"one\\ntwo \xEF\xBF\xBD|\xEF\xBF\xBD|\\u001b[31m\"");
    rdv_response *response = NULL;
    ck_assert_int_eq(rdv_response_parse(answer, &response), 0);
    rdv_response_free(response);
    free(answer);
}
END_TEST

START_TEST(a_damaged_store_is_an_error)
{
    char *answer = bench_call(&direct, CALL("schedule", "{\"tasks\":[{\"label\":\"x\","
                                                        "\"identifier\":\"a\"}]}"));
    free(answer);
    ck_assert_int_eq(rdv__sql_execute(direct.store, "UPDATE entry SET status = 77"), 0);
    static const char *const requests[] = {
        CALL("list", "{}"), CALL("show", "{\"identifier\":\"a\"}"),
        CALL("explain", "{\"identifier\":\"a\"}"),
        CALL("schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"b\"},"
                         "{\"label\":\"x\",\"identifier\":\"a\"}]}")};
    for (size_t i = 0; i < 3; i++) {
        answer = bench_call(&direct, requests[i]);
        ck_assert_has(answer, "\"name\":\"RDV_ECORRUPT\"");
        ck_assert_has(answer, "an entry is not as it was written");
        free(answer);
    }
    ck_assert_int_eq(rdv__sql_execute(direct.store, "DROP TABLE context"), 0);
    answer = bench_call(&direct, requests[3]);
    ck_assert_has(answer, "\"error\":{");
    free(answer);
    ck_assert_uint_eq(rdv_trigger_unfinished(direct.trigger), 1);
}
END_TEST

/* ------------------------------------------------------------------ envelope */

START_TEST(an_answer_has_the_id_of_its_request)
{
    static const char *const ids[] = {"\"a\\u00e9 b\"", "7", "-1.50e3", "null", "\"\""};
    struct wire *client = bench_client(&agent);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char request[128], part[64];
        snprintf(request, sizeof request,
                 "{\"method\" : \"list\", \"jsonrpc\": \"2.0\", \"id\" : %s }", ids[i]);
        snprintf(part, sizeof part, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\"", ids[i]);
        ck_assert_has(bench_ask(&agent, client, request), part);
    }
    wire_close(client);
}
END_TEST

static const struct exchange wrong[] = {
    {"{", "\"id\":null,\"error\":{\"code\":-32700,"},
    {"no JSON", "\"code\":-32700,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\",}", "\"code\":-32700,"},
    {"\"\xFF\"", "\"code\":-32700,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\",\"params\":{\"label\":\"\xC3\x28\"}}",
     "\"code\":-32700,"},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "\"code\":-32700,"},
    {"[]", "\"id\":null,\"error\":{\"code\":-32600,\"message\":\"batches are not supported"},
    {"[" CALL("list", "{}") "]", "\"code\":-32600,"},
    {"7", "\"code\":-32600,"},
    {"{}", "\"id\":null,\"error\":{\"code\":-32600,"},
    {"{\"id\":5}", "\"id\":5,\"error\":{\"code\":-32600,"},
    {"{\"jsonrpc\":\"1.0\",\"id\":5,\"method\":\"list\"}", "\"id\":5,\"error\":{\"code\":-32600,"},
    {"{\"jsonrpc\":2,\"id\":5,\"method\":\"list\"}", "\"code\":-32600,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"list\"}",
     "\"id\":null,\"error\":{\"code\":-32600,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"list\"}", "\"code\":-32600,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":5}", "\"id\":5,\"error\":{\"code\":-32600,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"list\",\"x\":1}", "unknown key 'x'"},
    {"{\"jsonrpc\":\"2.0\",\"method\":5}", "\"id\":null,\"error\":{\"code\":-32600,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"LIST\"}", "\"id\":5,\"error\":{\"code\":-32601,"},
    {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"list\",\"params\":null}", "\"code\":-32602,"},
};

START_TEST(what_is_no_request_is_answered_with_an_error_and_the_client_goes_on)
{
    struct wire *client = bench_client(&agent);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *answer = bench_ask(&agent, client, wrong[i].request);
        ck_assert_has(answer, wrong[i].part);
        rdv_response *response = NULL;
        ck_assert_int_eq(rdv_response_parse(answer, &response), 0);
        ck_assert_int_ne(rdv_response_error(response, NULL), 0);
        rdv_response_free(response);
    }
    ck_assert_has(bench_ask(&agent, client, CALL("list", "{}")), "\"result\":[]");
    wire_close(client);
}
END_TEST

START_TEST(a_nul_byte_is_answered_with_an_error_and_the_client_goes_on)
{
    struct wire *client = bench_client(&agent);
    ck_assert_uint_eq(wire_send(client, "{\"a\0b\":1}\n", 10), 10);
    ck_assert_has(bench_hear(&agent, client), "\"code\":-32700,");
    ck_assert_has(bench_ask(&agent, client, CALL("list", "{}")), "\"result\":[]");
    wire_close(client);
}
END_TEST

START_TEST(blank_lines_and_line_ends_of_another_system_are_fine)
{
    struct wire *client = bench_client(&agent);
    bench_send(client, "\n \t\r\n\r\n" CALL("list", "{}") "\r\n");
    ck_assert_has(bench_hear(&agent, client), "\"result\":[]");
    ck_assert_ptr_null(bench_hear_now(&agent, client));
    wire_close(client);
}
END_TEST

START_TEST(a_notification_is_done_and_not_answered)
{
    struct wire *client = bench_client(&agent);
    bench_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"schedule\",\"params\":{\"tasks\":[{"
                       "\"label\":\"x\",\"identifier\":\"a\"}]}}\n"
                       "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}\n"
                       "{\"jsonrpc\":\"2.0\",\"method\":\"delete\"}\n"
                       "{\"jsonrpc\":\"2.0\",\"method\":\"pause\"}\n");
    /* The first that is heard is the answer to what comes after them. */
    ck_assert_has(bench_ask(&agent, client, CALL("status", "{}")), "\"paused\":true");
    ck_assert_ptr_null(bench_hear_now(&agent, client));
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), 1);
    ck_assert(rdv_trigger_paused(agent.trigger));
    wire_close(client);
}
END_TEST

/* A schedule with a context of so many bytes. */
static char *large_schedule(const char *identifier, size_t size)
{
    char *text = malloc(size + 200);
    ck_assert_ptr_nonnull(text);
    int head =
        sprintf(text,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"schedule\",\"params\":{\"tasks\":[{"
                "\"label\":\"x\",\"identifier\":\"%s\",\"context\":\"",
                identifier);
    memset(text + head, 'c', size);
    strcpy(text + (size_t)head + size, "\"}]}}\n");
    return text;
}

static void send_all(struct bench *bench, struct wire *fd, const char *text, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        sent += wire_send(fd, text + sent, size - sent);
        bench_turns(bench);
    }
}

START_TEST(a_line_of_a_megabyte_is_taken_and_holds_up_nobody)
{
    struct wire *large = bench_client(&agent), *other = bench_client(&agent);
    char *text = large_schedule("large", 1024 * 1024);
    size_t size = strlen(text);
    send_all(&agent, large, text, size / 2);
    ck_assert_has(bench_ask(&agent, other, CALL("list", "{}")), "\"result\":[]");
    send_all(&agent, large, text + size / 2, size - size / 2);
    ck_assert_has(bench_hear(&agent, large), "\"context_size\":1048576");
    ck_assert_has(bench_ask(&agent, other, CALL("list", "{}")), "\"identifier\":\"large\"");
    free(text);
    wire_close(large);
    wire_close(other);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_an_error_and_the_client_goes_on)
{
    struct wire *client = bench_client(&agent);
    size_t size = RDV_CONTROL_LINE_MAX + 2;
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', size);
    text[0] = '{';
    text[size - 1] = '\n';
    send_all(&agent, client, text, size);
    const char *answer = bench_hear(&agent, client);
    ck_assert_has(answer, "\"id\":null,\"error\":{\"code\":-32600,");
    ck_assert_has(answer, "\"message\":\"the request is longer than 67108864 bytes\"");
    ck_assert_has(bench_ask(&agent, client, CALL("list", "{}")), "\"result\":[]");
    free(text);
    wire_close(client);
}
END_TEST

/* So many tasks, each of which has more than six KiB in an answer. */
static void schedule_long_names(int count)
{
    rdv_task *task;
    char escaped[RDV_NAME_MAX + 1];
    memset(escaped, '\x7f', RDV_NAME_MAX); /* six characters each */
    escaped[RDV_NAME_MAX] = '\0';
    ck_assert_int_eq(rdv_trigger_begin(agent.trigger), 0);
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(rdv_task_new(escaped, NULL, NULL, 0, &task), 0);
        ck_assert_int_eq(rdv_trigger_schedule(agent.trigger, NULL, task), 0);
        rdv_task_unref(task);
    }
    ck_assert_int_eq(rdv_trigger_commit(agent.trigger), 0);
    bench_turns(&agent);
}

START_TEST(an_answer_that_would_be_too_long_is_an_error)
{
    schedule_long_names(11000);
    struct wire *client = bench_client(&agent);
    const char *answer = bench_ask(&agent, client, CALL("list", "{}"));
    ck_assert_has(answer, "\"name\":\"RDV_ELIMIT\"");
    ck_assert_has(answer, "the answer would be longer than 64 MiB: ask for less");
    ck_assert_has(bench_ask(&agent, client, CALL("list", "{\"limit\":3}")), "\"result\":[{");
    wire_close(client);
}
END_TEST

START_TEST(a_schedule_whose_answer_would_be_too_long_is_done_and_answered_with_true)
{
    struct wire *client = bench_client(&agent);
    const size_t count = 12000;
    char *text = malloc(count * (RDV_NAME_MAX + 20) + 200);
    ck_assert_ptr_nonnull(text);
    char *at = text + sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"schedule\","
                                    "\"params\":{\"tasks\":[");
    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, "%s{\"label\":\"", i ? "," : "");
        memset(at, '\x7f', RDV_NAME_MAX);
        at += RDV_NAME_MAX;
        at += sprintf(at, "\"}");
    }
    at += sprintf(at, "]}}\n");
    send_all(&agent, client, text, (size_t)(at - text));
    ck_assert_str_eq(bench_hear(&agent, client), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}");
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), count);
    free(text);
    wire_close(client);
}
END_TEST

/* -------------------------------------------------------------------- commits */

/* A turn that takes long, as under a sanitizer, leaves some of its callers to the next. */
static void ck_assert_commits(int count)
{
    ck_assert_int_ge(agent.commits, count);
    ck_assert_int_le(agent.commits, rdv_test_slowly() ? 2 * count : count);
}

#define SCHEDULE(id, identifier)                                                                 \
    REQUEST(id, "schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"" identifier "\"}]}") \
    "\n"

static struct wire *watched_clients[8];
static bool heard_before_commit;

static void look_for_answers(struct bench *bench)
{
    (void)bench;
    for (int i = 0; i < 8; i++)
        heard_before_commit |= wire_waits(watched_clients[i]);
}

/*
 * Clients that have not been taken yet. What they send is all there when they are, and so is read in one turn: what comes to those
 * who were taken before, Windows may tell us of in two.
 */
static void open_clients(struct wire **clients, int count)
{
    for (int i = 0; i < count; i++)
        clients[i] = wire_open(agent.socket);
}

START_TEST(calls_of_one_turn_share_one_commit_and_are_answered_after_it)
{
    open_clients(watched_clients, 8);
    for (int i = 0; i < 8; i++) {
        char text[300];
        snprintf(text, sizeof text, SCHEDULE("%d", "a%d") SCHEDULE("%d", "b%d"), i, i, i, i);
        bench_send(watched_clients[i], text);
    }
    agent.commits = 0;
    heard_before_commit = false;
    agent.at_commit = look_for_answers;
    bench_until_unfinished(&agent, 16);
    ck_assert_commits(1);
    ck_assert(!heard_before_commit);
    for (int i = 0; i < 8; i++) {
        char part[64];
        snprintf(part, sizeof part, "\"identifier\":\"a%d\"", i);
        ck_assert_has(bench_hear(&agent, watched_clients[i]), part);
        snprintf(part, sizeof part, "\"identifier\":\"b%d\"", i);
        ck_assert_has(bench_hear(&agent, watched_clients[i]), part);
        wire_close(watched_clients[i]);
    }
}
END_TEST

START_TEST(who_reads_does_not_split_the_commit_of_those_who_write)
{
    struct wire *clients[8];
    open_clients(clients, 8);
    for (int i = 0; i < 8; i++) {
        char text[300];
        snprintf(text, sizeof text, SCHEDULE("1", "t%d"), i);
        bench_send(clients[i], i % 2 ? CALL("list", "{}") "\n" : text);
    }
    agent.commits = 0;
    bench_until_unfinished(&agent, 4);
    ck_assert_commits(1);
    for (int i = 0; i < 8; i++) {
        ck_assert_has(bench_hear(&agent, clients[i]), i % 2 ? "\"t6\"" : "\"result\":[{");
        wire_close(clients[i]);
    }
}
END_TEST

START_TEST(who_writes_and_reads_in_turn_shares_commits_with_others_who_do)
{
    struct wire *clients[4];
    open_clients(clients, 4);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 3; k++) {
            char text[300];
            snprintf(text, sizeof text, SCHEDULE("1", "t%d-%d"), i, k);
            bench_send(clients[i], text);
            bench_send(clients[i], CALL("list", "{}") "\n");
        }
    }
    agent.commits = 0;
    bench_until_unfinished(&agent, 12);
    ck_assert_commits(3);
    for (int i = 0; i < 4; i++)
        wire_close(clients[i]);
}
END_TEST

START_TEST(a_commit_that_fails_is_told_to_each_caller_and_undone)
{
    struct wire *clients[4];
    open_clients(clients, 4);
    for (int i = 0; i < 4; i++) {
        char text[300];
        snprintf(text, sizeof text, SCHEDULE("\"%d\"", "a%d") SCHEDULE("\"%d-\"", "b%d"), i, i, i,
                 i);
        bench_send(clients[i], text);
    }
    agent.fail_commit = true;
    for (int i = 0; i < 4; i++) {
        char part[64];
        snprintf(part, sizeof part, "\"id\":\"%d\",\"error\":{\"code\":-8,", i);
        ck_assert_has(bench_hear(&agent, clients[i]), part);
        snprintf(part, sizeof part, "\"id\":\"%d-\",\"error\":{\"code\":-8,", i);
        ck_assert_has(bench_hear(&agent, clients[i]), part);
    }
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), 0);
    ck_assert_has(bench_ask(&agent, clients[0], SCHEDULE("1", "a0")), "\"result\":[{");
    for (int i = 0; i < 4; i++)
        wire_close(clients[i]);
}
END_TEST

START_TEST(a_client_sees_what_it_has_changed_before_asking)
{
    struct wire *client = bench_client(&agent);
    bench_send(client, SCHEDULE("1", "a") REQUEST("2", "list", "{}") "\n" SCHEDULE("3", "b")
                           REQUEST("4", "delete",
                                   "{\"identifier\":\"a\"}") "\n" REQUEST("5", "list", "{}") "\n");
    ck_assert_has(bench_hear(&agent, client), "\"id\":1,\"result\":[{");
    const char *list = bench_hear(&agent, client);
    ck_assert_has(list, "\"id\":2,");
    ck_assert_has(list, "\"identifier\":\"a\"");
    ck_assert_ptr_null(strstr(list, "\"identifier\":\"b\""));
    ck_assert_has(bench_hear(&agent, client), "\"id\":3,\"result\":[{");
    ck_assert_has(bench_hear(&agent, client), "\"id\":4,\"result\":{");
    list = bench_hear(&agent, client);
    ck_assert_has(list, "\"id\":5,");
    ck_assert_has(list, "\"identifier\":\"b\"");
    ck_assert_ptr_null(strstr(list, "\"identifier\":\"a\""));
    wire_close(client);
}
END_TEST

START_TEST(nobody_is_shown_what_is_undone_later)
{
    struct wire *writer = bench_client(&agent), *reader = bench_client(&agent);
    bench_send(writer, SCHEDULE("1", "a"));
    bench_send(reader, CALL("list", "{}") "\n" CALL("status", "{}") "\n" CALL(
                           "explain", "{\"identifier\":\"a\"}") "\n");
    agent.fail_commit = true;
    ck_assert_has(bench_hear(&agent, writer), "\"error\":{\"code\":-8,");
    ck_assert_has(bench_hear(&agent, reader), "\"result\":[]");
    ck_assert_has(bench_hear(&agent, reader), "\"pending\":0");
    ck_assert_has(bench_hear(&agent, reader), "\"name\":\"RDV_ENOTFOUND\"");
    wire_close(writer);
    wire_close(reader);
}
END_TEST

static void fail_second(struct bench *bench)
{
    bench->fail_commit = bench->commits == 2;
}

START_TEST(nobody_is_shown_an_end_that_is_undone_later)
{
    /* Started with the first commit, and ended at once: that is open when the status is asked for. */
    struct wire *client = bench_client(&agent);
    agent.plugin.finishes_at_once = true;
    bench_attach(&agent);
    bench_send(client, SCHEDULE("1", "a") CALL("status", "{}") "\n");
    agent.commits = 0;
    agent.at_commit = fail_second;
    ck_assert_has(bench_hear(&agent, client), "\"result\":[{");
    ck_assert_has(bench_hear(&agent, client), "\"pending\":0,\"running\":1,");
    wire_close(client);
}
END_TEST

START_TEST(a_schedule_is_taken_whole_or_not_at_all)
{
    bench_attach(&agent);
    struct wire *client = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, client, SCHEDULE("1", "a")), "\"result\":[{");
    bench_turns(&agent);
    const char *answer = bench_ask(
        &agent, client,
        CALL("schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"b\",\"start\":\"+1h\"},"
                         "{\"label\":\"x\",\"identifier\":\"a\"}]}"));
    ck_assert_has(answer, "\"code\":-4,\"message\":\"tasks[1]: 'a' is running\"");
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), 1);
    wire_close(client);
}
END_TEST

START_TEST(nothing_is_scheduled_once_the_agent_shuts_down)
{
    bench_attach(&agent);
    struct wire *client = bench_client(&agent);
    ck_assert_int_eq(rdv_trigger_terminate(agent.trigger, 0, NULL, NULL), 0);
    ck_assert_has(bench_ask(&agent, client, SCHEDULE("1", "a")), "\"name\":\"RDV_ESHUTDOWN\"");
    wire_close(client);
}
END_TEST

START_TEST(a_client_that_goes_before_its_answer_is_no_trouble)
{
    struct wire *client = bench_client(&agent), *other = bench_client(&agent);
    bench_send(client, SCHEDULE("1", "a") SCHEDULE("2", "b"));
    wire_close(client);
    bench_until_unfinished(&agent, 2);
    ck_assert_has(bench_ask(&agent, other, CALL("list", "{}")), "\"identifier\":\"b\"");
    wire_close(other);
}
END_TEST

/* After the requests were read, and before their commit. */
static int free_control(struct rdv__turn *turn)
{
    (void)turn;
    if (rdv_trigger_unfinished(agent.trigger) > 0) {
        rdv_control_free(agent.control);
        agent.control = NULL;
    }
    return 0;
}

START_TEST(a_control_may_be_freed_with_requests_on_their_way)
{
    struct rdv__turn turn = {.run = free_control, .phase = RDV__TURN_DECIDE};
    struct wire *client = bench_client(&agent);
    rdv__loop_add_turn(agent.loop, &turn);
    bench_send(client, SCHEDULE("1", "a") SCHEDULE("2", "b"));
    bench_until_unfinished(&agent, 2);
    ck_assert_ptr_null(agent.control);
    ck_assert(bench_closed(&agent, client));
    rdv__loop_remove_turn(agent.loop, &turn);
    wire_close(client);
}
END_TEST

START_TEST(many_requests_in_one_write_are_all_answered_in_order)
{
    static char text[400000];
    struct wire *client = bench_client(&agent);
    size_t size = 0;
    for (int i = 0; i < 1000; i++) {
        if (i % 5 == 4)
            size += (size_t)sprintf(text + size, "%s\n",
                                    REQUEST("7", "show", "{\"identifier\":\"nobody\"}"));
        else
            size += (size_t)sprintf(text + size, SCHEDULE("7", "task-%d"), i);
    }
    send_all(&agent, client, text, size);
    for (int i = 0; i < 1000; i++) {
        const char *answer = bench_hear(&agent, client);
        ck_assert_ptr_nonnull(answer);
        char part[64] = "\"name\":\"RDV_ENOTFOUND\"";
        if (i % 5 != 4)
            snprintf(part, sizeof part, "\"identifier\":\"task-%d\"", i);
        ck_assert_has(answer, part);
    }
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), 800);
    wire_close(client);
}
END_TEST

static size_t most_at_once, unfinished_before;

static void count_staged(struct bench *bench)
{
    size_t unfinished = rdv_trigger_unfinished(bench->trigger);
    if (unfinished - unfinished_before > most_at_once)
        most_at_once = unfinished - unfinished_before;
    unfinished_before = unfinished;
}

START_TEST(large_answers_that_wait_for_a_commit_hold_up_what_follows)
{
    /* Each answer has more than a megabyte, so they are not all prepared at once; all come all the same. */
    static char text[100000];
    struct wire *clients[4];
    size_t size = (size_t)sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"schedule\","
                                        "\"params\":{\"tasks\":[");
    for (int k = 0; k < 3000; k++)
        size += (size_t)sprintf(text + size, "%s{\"label\":\"x\"}", k ? "," : "");
    sprintf(text + size, "]}}\n");
    for (int i = 0; i < 4; i++)
        clients[i] = bench_client(&agent);
    for (int i = 0; i < 4; i++)
        bench_send(clients[i], text);
    most_at_once = unfinished_before = 0;
    agent.at_commit = count_staged;
    for (int i = 0; i < 4; i++) {
        const char *answer = bench_hear(&agent, clients[i]);
        ck_assert_ptr_nonnull(answer);
        ck_assert_has(answer, "\"id\":1,\"result\":[{");
        ck_assert_uint_gt(strlen(answer), 1024 * 1024);
        wire_close(clients[i]);
    }
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), 12000);
    ck_assert_uint_eq(most_at_once, 3000);
}
END_TEST

/* ------------------------------------------------------------------- watching */

/* What a watcher has heard. */
struct heard {
    int64_t change, run;
    rdv_state state;
    rdv_outcome outcome;
    int progress;
    char identifier[32];
};

static int note_heard(void *user, const rdv_entry *entry)
{
    struct heard *heard = user;
    heard->change = entry->change;
    heard->run = entry->run;
    heard->state = entry->state;
    heard->outcome = entry->outcome;
    heard->progress = entry->progress;
    snprintf(heard->identifier, sizeof heard->identifier, "%s", entry->identifier);
    return 0;
}

static void read_change(const char *line, struct heard *ret_heard)
{
    rdv_response *response = NULL;
    ck_assert_int_eq(rdv_response_parse(line, &response), 0);
    ck_assert_str_eq(rdv_response_method(response), "change");
    ck_assert_int_eq(rdv_response_id(response), -1);
    ck_assert_int_eq(rdv_response_entries(response, note_heard, ret_heard), 0);
    rdv_response_free(response);
}

/* The next change that is told, which is waited for. */
static void next_change(struct wire *fd, struct heard *ret_heard)
{
    read_change(bench_hear(&agent, fd), ret_heard);
}

/* The next change, if one is told without waiting for anything; false if none is. */
static bool next_change_now(struct wire *fd, struct heard *ret_heard)
{
    const char *line = bench_hear_now(&agent, fd);
    if (line)
        read_change(line, ret_heard);
    return line != NULL;
}

static const char *label = "x";

static void schedule(const char *identifier, rdv_time start)
{
    rdv_task *task;
    rdv_window window = {.start = start};
    ck_assert_int_eq(rdv_task_new(label, identifier, NULL, 0, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(agent.trigger, &window, task), 0);
    rdv_task_unref(task);
}

START_TEST(watch_tells_what_there_is_and_then_what_changes)
{
    struct heard heard = {0};
    bench_attach(&agent);
    schedule("done", 0);
    bench_turns(&agent);
    ck_assert_int_eq(bench_report(&agent, "done", RDV_STATUS_SUCCESS, -1, NULL), 0);
    schedule("later", NOW + RDV_HOUR);
    schedule("running", 0);
    bench_turns(&agent);

    struct wire *client = bench_client(&agent);
    const char *answer = bench_ask(&agent, client, CALL("watch", "{}"));
    ck_assert_has(answer, "\"result\":{\"after\":0,\"last\":6}");
    static const char *const order[] = {"done", "later", "running"};
    for (int i = 0; i < 3; i++) {
        int64_t before = heard.change;
        next_change(client, &heard);
        ck_assert_str_eq(heard.identifier, order[i]);
        ck_assert_int_gt(heard.change, before);
    }
    ck_assert_int_eq(heard.change, 6);
    ck_assert(!next_change_now(client, &heard));

    ck_assert_int_eq(bench_report(&agent, "running", RDV_STATUS_APPLYING, 50, "half"), 0);
    next_change(client, &heard);
    ck_assert_int_eq(heard.progress, 50);
    ck_assert_int_eq(bench_report(&agent, "running", RDV_STATUS_SUCCESS, -1, NULL), 0);
    next_change(client, &heard);
    ck_assert_int_eq(heard.outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert(!next_change_now(client, &heard));
    wire_close(client);
}
END_TEST

START_TEST(watch_after_a_change_tells_only_what_came_later)
{
    struct heard heard;
    schedule("a", NOW + RDV_HOUR);
    schedule("b", NOW + RDV_HOUR);
    struct wire *client = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, client, CALL("watch", "{\"after\":1}")),
                  "{\"after\":1,\"last\":2}");
    next_change(client, &heard);
    ck_assert_str_eq(heard.identifier, "b");
    ck_assert(!next_change_now(client, &heard));
    /* Again on the same connection: from another number. */
    ck_assert_has(bench_ask(&agent, client, CALL("watch", "{\"after\":2}")),
                  "{\"after\":2,\"last\":2}");
    ck_assert(!next_change_now(client, &heard));
    schedule("c", NOW + RDV_HOUR);
    next_change(client, &heard);
    ck_assert_str_eq(heard.identifier, "c");
    ck_assert(!next_change_now(client, &heard));
    ck_assert_has(bench_ask(&agent, client, CALL("watch", "{}")), "{\"after\":0,\"last\":3}");
    for (int i = 1; i <= 3; i++) {
        next_change(client, &heard);
        ck_assert_int_eq(heard.change, i);
    }
    ck_assert(!next_change_now(client, &heard));
    wire_close(client);
}
END_TEST

START_TEST(nobody_is_told_of_what_is_undone)
{
    struct heard heard;
    struct wire *watcher = bench_client(&agent), *writer = bench_client(&agent);
    bench_ask(&agent, watcher, CALL("watch", "{}"));
    bench_send(writer, SCHEDULE("1", "a"));
    agent.fail_commit = true;
    ck_assert_has(bench_hear(&agent, writer), "\"error\":{\"code\":-8,");
    ck_assert(!next_change_now(watcher, &heard));
    bench_send(writer, SCHEDULE("2", "b"));
    next_change(watcher, &heard);
    ck_assert_str_eq(heard.identifier, "b");
    wire_close(watcher);
    wire_close(writer);
}
END_TEST

START_TEST(a_change_that_was_told_from_the_store_is_not_told_again)
{
    /* The second task ends in the turn in which the watcher is told what there is: committed early for it, and settled later. */
    struct heard heard = {0};
    struct wire *watcher = bench_client(&agent), *writer = bench_client(&agent);
    agent.plugin.finishes_at_once = true;
    bench_attach(&agent);
    bench_send(watcher, CALL("watch", "{}") "\n");
    bench_send(writer, SCHEDULE("1", "a") SCHEDULE("2", "b"));
    ck_assert_has(bench_hear(&agent, watcher), "\"after\":0");
    int64_t before = 0;
    do {
        next_change(watcher, &heard);
        ck_assert_int_gt(heard.change, before);
        before = heard.change;
    } while (heard.outcome != RDV_OUTCOME_SUCCEEDED || strcmp(heard.identifier, "b") != 0);
    ck_assert(!next_change_now(watcher, &heard));
    wire_close(watcher);
    wire_close(writer);
}
END_TEST

START_TEST(what_comes_while_a_watch_begins_anew_does_not_hide_what_was_before)
{
    struct heard heard = {0};
    struct wire *watcher = bench_client(&agent), *writer = bench_client(&agent);
    bench_ask(&agent, watcher, CALL("watch", "{}"));
    schedule("a", NOW + RDV_HOUR);
    next_change(watcher, &heard);
    /* The schedule waits for the list, and so becomes durable in the turn in which the watcher is told what there is. */
    bench_send(watcher, CALL("watch", "{}") "\n");
    bench_send(writer, CALL("list", "{}") "\n" SCHEDULE("1", "b"));
    /* Windows may tell us of the writer first: then the watch that goes on until the new one begins hears of it, too. */
    const char *begun = bench_hear(&agent, watcher);
    if (!strstr(begun, "\"result\"")) {
        read_change(begun, &heard);
        ck_assert_str_eq(heard.identifier, "b");
        begun = bench_hear(&agent, watcher);
    }
    ck_assert_has(begun, "\"result\":{\"after\":0,");
    next_change(watcher, &heard);
    ck_assert_str_eq(heard.identifier, "a");
    next_change(watcher, &heard);
    ck_assert_str_eq(heard.identifier, "b");
    ck_assert(!next_change_now(watcher, &heard));
    wire_close(watcher);
    wire_close(writer);
}
END_TEST

START_TEST(watching_ends_with_the_connection)
{
    struct wire *one = bench_client(&agent), *two = bench_client(&agent),
                *three = bench_client(&agent);
    struct heard heard;
    bench_ask(&agent, one, CALL("watch", "{}"));
    bench_ask(&agent, two, CALL("watch", "{}"));
    bench_ask(&agent, three, CALL("watch", "{}"));
    wire_close(two);
    schedule("a", NOW + RDV_HOUR);
    next_change(one, &heard);
    wire_close(three);
    schedule("b", NOW + RDV_HOUR);
    next_change(one, &heard);
    wire_close(one);
    schedule("c", NOW + RDV_HOUR);
    bench_turns(&agent);
    one = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, one, CALL("watch", "{\"after\":2}")), "\"last\":3");
    next_change(one, &heard);
    ck_assert_str_eq(heard.identifier, "c");
    wire_close(one);
}
END_TEST

/* What a watcher knows of each run: by its number. */
struct knowledge {
    struct wire *fd;
    int64_t last;
    struct heard runs[4000];
};

static int check_known(void *user, const rdv_entry *entry)
{
    const struct knowledge *known = user;
    ck_assert_int_lt(entry->run, 4000);
    const struct heard *heard = &known->runs[entry->run];
    ck_assert_msg(heard->change == entry->change, "run %d: %d was told last, but it is at %d",
                  (int)entry->run, (int)heard->change, (int)entry->change);
    ck_assert_int_eq(heard->state, entry->state);
    ck_assert_int_eq(heard->outcome, entry->outcome);
    ck_assert_int_eq(heard->progress, entry->progress);
    return 0;
}

static void note_known(struct knowledge *known, const struct heard *heard)
{
    ck_assert_int_gt(heard->change, known->last);
    known->last = heard->change;
    ck_assert_int_lt(heard->run, 4000);
    known->runs[heard->run] = *heard;
}

static void hear_some(struct knowledge *known, int count)
{
    struct heard heard;
    for (int i = 0; i < count && next_change_now(known->fd, &heard); i++)
        note_known(known, &heard);
}

static int find_last(void *user, const rdv_entry *entry)
{
    int64_t *last = user;
    if (entry->change > *last)
        *last = entry->change;
    return 0;
}

/* All that there is to be heard, and nothing after it. */
static void hear_the_rest(struct knowledge *known)
{
    struct heard heard;
    int64_t last = 0;
    bench_turns(&agent);
    ck_assert_int_eq(rdv_store_entries(agent.store, NULL, find_last, &last), 0);
    while (known->last < last) {
        next_change(known->fd, &heard);
        note_known(known, &heard);
    }
    ck_assert(!next_change_now(known->fd, &heard));
}

START_TEST(watchers_that_come_and_lag_hear_of_everything_in_order_and_once)
{
    static struct knowledge known[6];
    /* So long that what there is does not fit between the agent and who reads slowly. */
    char long_label[RDV_NAME_MAX + 1];
    memset(long_label, 'l', RDV_NAME_MAX);
    long_label[RDV_NAME_MAX] = '\0';
    label = long_label;
    memset(known, 0, sizeof known);
    bench_attach(&agent);
    srand(17);
    int scheduled = 0, watchers = 0;
    for (int step = 0; step < 1500; step++) {
        char name[32];
        int choice = rand() % 10;
        if (choice < 5) {
            snprintf(name, sizeof name, "t%d", scheduled++);
            schedule(name, rand() % 3 ? NOW + RDV_HOUR : 0);
        } else if (choice < 7 && scheduled > 0) {
            snprintf(name, sizeof name, "t%d", rand() % scheduled);
            (void)rdv_trigger_delete(agent.trigger, name);
        } else if (scheduled > 0) {
            rdv_status status = rand() % 3 ? RDV_STATUS_APPLYING : RDV_STATUS_SUCCESS;
            for (int i = 0; i < 20; i++) {
                snprintf(name, sizeof name, "t%d", rand() % scheduled);
                if (bench_report(&agent, name, status, rand() % 101, NULL) == 0)
                    break;
            }
        }
        if (step % 250 == 100) {
            known[watchers].fd = bench_client(&agent);
            ck_assert_has(bench_ask(&agent, known[watchers].fd, CALL("watch", "{}")),
                          "\"after\":0");
            watchers++;
        }
        if (rand() % 4 == 0)
            ck_assert_int_eq(rdv_loop_dispatch(agent.loop), 0);
        if (watchers > 0 && rand() % 30 == 0)
            hear_some(&known[rand() % watchers], rand() % 100);
    }
    ck_assert_int_eq(watchers, 6);
    for (int i = 0; i < watchers; i++) {
        hear_the_rest(&known[i]);
        ck_assert_int_eq(rdv_store_entries(agent.store, NULL, check_known, &known[i]), 0);
        wire_close(known[i].fd);
    }
    label = "x";
}
END_TEST

START_TEST(a_watcher_that_never_reads_is_cut_off_and_harms_nobody)
{
    struct heard heard = {0};
    int64_t begun = rdv_test_clock();
    bench_attach(&agent);
    struct wire *silent = bench_client(&agent), *watcher = bench_client(&agent);
    bench_ask(&agent, silent, CALL("watch", "{}"));
    bench_ask(&agent, watcher, CALL("watch", "{}"));
    schedule("a", 0);
    next_change(watcher, &heard);
    next_change(watcher, &heard);
    char message[RDV_MESSAGE_MAX + 1];
    memset(message, '\x01', RDV_MESSAGE_MAX); /* six characters each */
    message[RDV_MESSAGE_MAX] = '\0';
    for (int i = 0; i < 3000 && !strstr(agent.log.last, "cut off"); i++) {
        int64_t before = heard.change;
        ck_assert_int_eq(bench_report(&agent, "a", RDV_STATUS_APPLYING, i % 101, message), 0);
        next_change(watcher, &heard);
        ck_assert_int_eq(heard.change, before + 1);
    }
    /* A machine that takes half a minute for it has it cut off for that: it has read nothing for so long. */
    if (rdv_test_clock() - begun < 25000)
        ck_assert_str_eq(agent.log.last,
                         "a client was cut off: it does not read what it asked for");
    ck_assert_has(agent.log.last, "a client was cut off: it ");
    ck_assert(bench_closed(&agent, silent));
    ck_assert_int_eq(bench_report(&agent, "a", RDV_STATUS_SUCCESS, -1, NULL), 0);
    next_change(watcher, &heard);
    wire_close(silent);
    wire_close(watcher);
}
END_TEST

START_TEST(a_client_that_never_reads_its_answers_harms_nobody)
{
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        schedule(name, NOW + RDV_HOUR);
    }
    struct wire *silent = bench_client(&agent), *other = bench_client(&agent);
    int sent = 0;
    for (int i = 0; i < 20000; i++) {
        if (wire_send(silent, CALL("list", "{}") "\n", sizeof CALL("list", "{}")) == 0)
            break;
        sent++;
        if (i % 100 == 0)
            bench_turns(&agent);
    }
    /* It is not read from any more. */
    ck_assert_int_lt(sent, 20000);
    ck_assert_has(bench_ask(&agent, other, CALL("status", "{}")), "\"pending\":300");
    bench_turns(&agent);
    ck_assert(!bench_busy(&agent, 50));
    wire_close(silent);
    wire_close(other);
}
END_TEST

START_TEST(a_store_that_can_not_be_read_cuts_watchers_off)
{
    schedule("a", NOW + RDV_HOUR);
    bench_turns(&agent);
    ck_assert_int_eq(rdv__sql_execute(agent.store, "UPDATE entry SET status = 77"), 0);
    struct wire *client = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, client, CALL("watch", "{}")), "\"result\":{");
    ck_assert(bench_closed(&agent, client));
    ck_assert_has(agent.log.last, "a client that watches was cut off: ");
    wire_close(client);
}
END_TEST

START_TEST(idle_clients_and_watchers_cost_no_wake_ups)
{
    struct wire *client = bench_client(&agent), *watcher = bench_client(&agent);
    schedule("a", NOW + RDV_HOUR);
    struct heard heard;
    bench_ask(&agent, client, CALL("list", "{}"));
    bench_ask(&agent, watcher, CALL("watch", "{}"));
    next_change(watcher, &heard);
    ck_assert(!next_change_now(watcher, &heard));
    bench_send(client, "{\"half\":");
    bench_turns(&agent);
    ck_assert(!bench_busy(&agent, 200));
    wire_close(client);
    wire_close(watcher);
}
END_TEST

/* ------------------------------------------------------------------ connections */

START_TEST(a_thousand_connections_at_once_are_withstood)
{
    static struct wire *fds[1000];
    struct wire *first = bench_client(&agent);
    for (int i = 0; i < 1000; i++) {
        fds[i] = wire_open(agent.socket);
        if (i % 4 == 3) /* a pipe lets fewer wait than a socket */
            bench_turns(&agent);
    }
    for (int i = 0; i < 20; i++)
        bench_turns(&agent);
    int served = 0, refused = 0;
    for (int i = 0; i < 1000; i++) {
        const char *line = wire_line(fds[i]);
        if (line) {
            ck_assert_has(line, "\"id\":null,\"error\":{\"code\":-4,");
            ck_assert_has(line, "too many clients");
            ck_assert(bench_closed(&agent, fds[i]));
            refused++;
        } else {
            served++;
        }
    }
    ck_assert_int_eq(served, RDV_CONTROL_CLIENTS - 1);
    ck_assert_int_eq(refused, 1000 - served);
    ck_assert_has(bench_ask(&agent, first, CALL("list", "{}")), "\"result\":[]");
    for (int i = 0; i < 1000; i++)
        wire_close(fds[i]);
    /* Once it has noticed that they have gone, whoever comes is taken, and told nothing. */
    struct wire *after = bench_client(&agent);
    int64_t begun = rdv_test_clock();
    while (bench_hear_now(&agent, after) && bench_goes_on(&agent, begun)) {
        wire_close(after);
        after = bench_client(&agent);
    }
    ck_assert_has(bench_ask(&agent, after, CALL("list", "{}")), "\"result\":[]");
    wire_close(after);
    wire_close(first);
}
END_TEST

/* ------------------------------------------------------------------ credentials */

#ifdef _WIN32

START_TEST(others_can_not_connect)
{
}
END_TEST

START_TEST(others_are_refused_even_where_the_socket_lets_them_in)
{
}
END_TEST

START_TEST(the_reader_group_may_call_what_only_reads)
{
}
END_TEST

START_TEST(the_reader_group_may_not_call_what_changes_something)
{
}
END_TEST

START_TEST(the_reader_group_has_shorter_lines)
{
}
END_TEST

START_TEST(readers_that_take_all_places_they_may_have_keep_out_nobody_else)
{
}
END_TEST

START_TEST(readers_take_no_more_memory_than_they_may)
{
}
END_TEST

START_TEST(readers_that_do_not_read_hold_up_only_readers)
{
}
END_TEST

static const char *needs_root(void)
{
    return "needs other users, whom only Unix lets root be";
}

/* Whether there are enough descriptors for so many connections. */
static const char *needs_descriptors(void)
{
    return NULL;
}

#else

static gid_t reader_gid;

/* Become somebody, connect and ask: 0 if the answer has the part; without a request, if connecting is not allowed. */
static int try_as(uid_t uid, gid_t group, const char *request, const char *part)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char line[4096];
    memcpy(address.sun_path, agent.socket, strlen(agent.socket));
    if (setgroups(group != 65534, &group) < 0 || setgid(65534) < 0 || setuid(uid) < 0)
        return 1;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return errno == EACCES && !request ? 0 : 2;
    if (!request)
        return 3;
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    (void)!send(fd, "\n", 1, MSG_NOSIGNAL);
    ssize_t size = recv(fd, line, sizeof line - 1, 0);
    line[size > 0 ? size : 0] = '\0';
    return strstr(line, part) ? 0 : 4;
}

/* The same in a process of its own, which is killed, so that nothing that it has copied counts as lost. */
static void ask_as(uid_t uid, gid_t group, const char *request, const char *part)
{
    int *verdict =
        mmap(NULL, sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(verdict != MAP_FAILED);
    *verdict = -1;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        __atomic_store_n(verdict, try_as(uid, group, request, part), __ATOMIC_RELEASE);
        for (;;)
            pause();
    }
    int result = -1;
    for (int i = 0; i < 6000 && result == -1; i++) {
        bench_turns(&agent);
        bench_busy(&agent, 5);
        result = __atomic_load_n(verdict, __ATOMIC_ACQUIRE);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    munmap(verdict, sizeof *verdict);
    ck_assert_msg(result == 0, "as %d: %s: %d", (int)uid, request ? request : "connect", result);
}

static const char *needs_root(void)
{
    if (geteuid() != 0)
        return "needs root, to become somebody else";
    struct group *group = getgrnam("daemon");
    if (!group)
        return "needs a group 'daemon'";
    reader_gid = group->gr_gid;
    return NULL;
}

/* The directory lets everybody through. */
static void open_to_readers(void)
{
    rdv_control_free(agent.control);
    agent.options.reader_group = "daemon";
    bench_listen(&agent);
    ck_assert_int_eq(chmod(agent.directory, 0755), 0);
}

START_TEST(others_can_not_connect)
{
    ck_assert_int_eq(chmod(agent.directory, 0755), 0);
    ask_as(65534, 65534, NULL, NULL);
    ask_as(0, 65534, CALL("list", "{}"), "\"result\":[]");
}
END_TEST

START_TEST(others_are_refused_even_where_the_socket_lets_them_in)
{
    ck_assert_int_eq(chmod(agent.directory, 0755), 0);
    ck_assert_int_eq(chmod(agent.socket, 0666), 0);
    ask_as(65534, 65534, CALL("list", "{}"), "\"id\":null,\"error\":{\"code\":-10,");
    ask_as(65534, reader_gid, CALL("list", "{}"), "\"id\":null,\"error\":{\"code\":-10,");
    ck_assert_has(agent.log.last, "a client was refused: uid 65534, pid ");
}
END_TEST

START_TEST(the_reader_group_may_call_what_only_reads)
{
    static const char *const reads[] = {
        CALL("list", "{}"),   CALL("history", "{}"),
        CALL("status", "{}"), CALL("show", "{\"identifier\":\"a\"}"),
        CALL("watch", "{}"),  CALL("explain", "{\"identifier\":\"a\"}")};
    struct stat status;
    open_to_readers();
    schedule("a", NOW + RDV_HOUR);
    ck_assert_int_eq(stat(agent.socket, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0660);
    ck_assert_uint_eq(status.st_gid, reader_gid);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        ask_as(65534, reader_gid, reads[i], "\"result\":");
    ask_as(65534, 65534, NULL, NULL);
}
END_TEST

START_TEST(the_reader_group_may_not_call_what_changes_something)
{
    static const char *const methods[] = {"schedule", "delete", "cancel",
                                          "pause",    "resume", "reload"};
    open_to_readers();
    schedule("a", NOW + RDV_HOUR);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char request[200], part[100];
        snprintf(request, sizeof request, CALL("%s", "{\"identifier\":\"a\"}"), methods[i]);
        snprintf(part, sizeof part, "\"code\":-10,\"message\":\"'%s' is not for those who",
                 methods[i]);
        ask_as(65534, reader_gid, request, part);
    }
    ask_as(65534, reader_gid, "{\"jsonrpc\":\"2.0\",\"method\":\"pause\"}\n" CALL("status", "{}"),
           "\"paused\":false");
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), 1);
    ask_as(0, 65534, CALL("delete", "{\"identifier\":\"a\"}"), "\"outcome\":\"cancelled\"");
}
END_TEST

START_TEST(the_reader_group_has_shorter_lines)
{
    static char request[RDV_CONTROL_READER_LINE_MAX + 100];
    open_to_readers();
    memset(request, ' ', RDV_CONTROL_READER_LINE_MAX + 1);
    ask_as(65534, reader_gid, request, "\"code\":-32600,");
}
END_TEST

/* Clients of the group that have been taken, or refused. */
static void readers(struct wire **wires, int count)
{
    for (int done = 0; done < count;) {
        int some = count - done < 50 ? count - done : 50;
        wire_open_as(agent.socket, 65534, reader_gid, wires + done, some);
        done += some;
        bench_turns(&agent);
    }
}

START_TEST(readers_that_take_all_places_they_may_have_keep_out_nobody_else)
{
    static struct wire *fds[RDV_CONTROL_READERS + 8];
    open_to_readers();
    schedule("a", NOW + RDV_HOUR);
    readers(fds, RDV_CONTROL_READERS + 8);
    for (int i = 0; i < RDV_CONTROL_READERS + 8; i++) {
        if (i < RDV_CONTROL_READERS)
            ck_assert_has(bench_ask(&agent, fds[i], CALL("status", "{}")), "\"pending\":1");
        else
            ck_assert_has(bench_hear(&agent, fds[i]),
                          "\"code\":-4,\"message\":\"the agent has too");
    }
    struct wire *owner = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, owner, CALL("cancel", "{\"identifier\":\"a\"}")),
                  "\"outcome\":\"cancelled\"");
    wire_close(owner);
    for (int i = 0; i < RDV_CONTROL_READERS + 8; i++)
        wire_close(fds[i]);
}
END_TEST

START_TEST(readers_that_do_not_read_hold_up_only_readers)
{
    struct wire *fds[3];
    open_to_readers();
    schedule_long_names(600); /* a list of them is more than a third of what may wait for readers */
    schedule("a", NOW + RDV_HOUR);
    readers(fds, 3);
    for (int i = 0; i < 2; i++) {
        bench_send(fds[i], CALL("list", "{}") "\n");
        bench_turns(&agent);
    }
    ck_assert_has(bench_ask(&agent, fds[2], CALL("list", "{}")),
                  "\"code\":-4,\"message\":\"too much waits for clients that do not read\"");
    struct wire *owner = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, owner, CALL("cancel", "{\"identifier\":\"a\"}")),
                  "\"outcome\":\"cancelled\"");
    for (int i = 0; i < 3; i++)
        wire_close(fds[i]);
    wire_close(owner);
}
END_TEST

/* What is allocated, in bytes; where the library can't say, 0. */
static size_t allocated(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

#define READERS_ALL 190

/* Each of them does the same, and reads nothing; meanwhile entries change, and all of that is long. */
static void ck_take_no_more_than_they_may(const char *line, size_t size)
{
    static struct wire *fds[READERS_ALL];
    char message[RDV_MESSAGE_MAX + 1];
    memset(message, '\x01', RDV_MESSAGE_MAX); /* six characters each */
    message[RDV_MESSAGE_MAX] = '\0';
    open_to_readers();
    bench_attach(&agent);
    schedule_long_names(500);
    schedule("a", 0);
    bench_turns(&agent);
    size_t before = allocated(), most = 0;
    /* What the wires themselves take is not the agent's. */
    readers(fds, READERS_ALL);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < READERS_ALL; i++)
            (void)wire_send(fds[i], line, size);
        for (int i = 0; i < 20; i++)
            (void)bench_report(&agent, "a", RDV_STATUS_APPLYING, i, message);
        bench_turns(&agent);
        size_t now = allocated();
        most = now > before && now - before > most ? now - before : most;
    }
    ck_assert_msg(most <= RDV_CONTROL_READER_MEMORY_MAX, "%zu bytes", most);
    struct wire *owner = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, owner, CALL("cancel", "{\"identifier\":\"a\"}")),
                  "\"identifier\":\"a\"");
    wire_close(owner);
    for (int i = 0; i < READERS_ALL; i++)
        wire_close(fds[i]);
    bench_turns(&agent);
}

START_TEST(readers_take_no_more_memory_than_they_may)
{
    static char half[RDV_CONTROL_READER_LINE_MAX];
    memset(half, ' ', sizeof half);
    static const char watch[] = CALL("watch", "{\"after\":501}") "\n",
                      list[] = CALL("list", "{}") "\n",
                      show[] = CALL("show", "{\"identifier\":\"a\"}") "\n";
    switch (_i) {
    case 0:
        ck_take_no_more_than_they_may(watch, sizeof watch - 1);
        break;
    case 1:
        ck_take_no_more_than_they_may(list, sizeof list - 1);
        break;
    case 2:
        ck_take_no_more_than_they_may(show, sizeof show - 1);
        break;
    default:
        ck_take_no_more_than_they_may(half, sizeof half);
    }
}
END_TEST

/* Whether there are enough descriptors for so many connections. */
static const char *needs_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 2600)
        return NULL;
    limit.rlim_cur = limit.rlim_max < 2600 ? limit.rlim_max : 2600;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 2600
               ? NULL
               : "needs 2600 open files";
}

#endif

/* -------------------------------------------------------------------- clients */

/* An agent whose loop has a thread of its own, as a program has it beside. */
static void start_thread(void)
{
    ck_assert_int_eq(rdv_loop_start_thread(agent.loop), 0);
}

static int free_agent(void *user)
{
    (void)user;
    rdv_control_free(agent.control);
    agent.control = NULL;
    rdv_trigger_free(agent.trigger);
    agent.trigger = NULL;
    return 0;
}

static rdv_client *open_client(void)
{
    rdv_client *client = NULL;
    struct rdv_error error = {0};
    int result = rdv_client_open(agent.socket, &client, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    return client;
}

static int count_entry(void *user, const rdv_entry *entry)
{
    (void)entry;
    ++*(int *)user;
    return 0;
}

START_TEST(a_client_asks_and_hears)
{
    start_thread();
    rdv_client *client = open_client();
    const char *line;
    char *request = NULL;
    rdv_response *response = NULL;
    int count = 0;
    /* Where there are descriptors, a client has one, as a loop has. */
    ck_assert_int_eq(rdv_client_fd(client) >= 0, rdv_loop_fd(agent.loop) >= 0);
    ck_assert_int_eq(rdv_client_receive(client, 0, &line), RDV_ETIMEDOUT);
    ck_assert_int_eq(rdv_request_new(42, "schedule", "{\"tasks\":[{\"label\":\"x\"}]}", &request),
                     0);
    ck_assert_int_eq(rdv_client_send(client, request), 0);
    ck_assert_int_eq(rdv_client_receive(client, -1, &line), 0);
    ck_assert_int_eq(rdv_response_parse(line, &response), 0);
    ck_assert_int_eq(rdv_response_error(response, NULL), 0);
    ck_assert_int_eq(rdv_response_id(response), 42);
    ck_assert_ptr_null(rdv_response_method(response));
    ck_assert_int_eq(rdv_response_entries(response, count_entry, &count), 0);
    ck_assert_int_eq(count, 1);
    rdv_response_free(response);
    rdv_free(request);

    ck_assert_int_eq(rdv_request_new(43, "list", NULL, &request), 0);
    ck_assert_int_eq(rdv_client_send(client, request), 0);
    ck_assert_int_eq(rdv_client_send(client, request), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rdv_client_receive(client, RDV_MINUTE, &line), 0);
        ck_assert_has(line, "\"id\":43,\"result\":[{");
    }
    rdv_free(request);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
    ck_assert_int_eq(rdv_client_receive(client, -1, &line), RDV_ESHUTDOWN);
    ck_assert_int_eq(rdv_client_send(client, "{}"), RDV_ESHUTDOWN);
    rdv_client_close(client);
}
END_TEST

/* What follows a connection in a loop of its own, and counts. */
struct follower {
    rdv_client *client;
    rdv_loop *loop;
    int calls, lines, result;
    bool close; /* at the first line */
};

static void follow(void *user)
{
    struct follower *follower = user;
    const char *line;
    follower->calls++;
    while ((follower->result = rdv_client_receive(follower->client, 0, &line)) == 0) {
        follower->lines++;
        if (follower->close) {
            rdv_client_close(follower->client);
            follower->client = NULL;
            break;
        }
    }
    rdv_loop_stop(follower->loop);
}

START_TEST(a_loop_can_wait_for_what_comes_to_a_client)
{
    start_thread();
    struct follower follower = {.client = open_client()};
    ck_assert_int_eq(rdv_loop_new(&follower.loop), 0);
    ck_assert_int_eq(rdv_client_attach(follower.client, follower.loop, NULL, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_attach(NULL, follower.loop, follow, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_attach(follower.client, follower.loop, follow, &follower), 0);
    ck_assert_int_eq(rdv_client_attach(follower.client, follower.loop, follow, &follower),
                     RDV_ESTATE);
    ck_assert_int_eq(rdv_loop_dispatch(follower.loop), 0);
    ck_assert_int_eq(follower.calls, 0);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(rdv_client_send(follower.client, CALL("list", "{}")), 0);
        while (follower.lines < i)
            ck_assert_int_eq(rdv_loop_run(follower.loop), 0);
        ck_assert_int_eq(follower.result, RDV_ETIMEDOUT);
    }
    ck_assert_int_eq(follower.lines, 3);

    /* Detached it is told of nothing, and loses nothing. */
    ck_assert_int_eq(rdv_client_attach(follower.client, NULL, NULL, NULL), 0);
    int calls = follower.calls;
    const char *line;
    ck_assert_int_eq(rdv_client_send(follower.client, CALL("list", "{}")), 0);
    ck_assert_int_eq(rdv_client_receive(follower.client, RDV_MINUTE, &line), 0);
    ck_assert_int_eq(rdv_loop_dispatch(follower.loop), 0);
    ck_assert_int_eq(follower.calls, calls);
    rdv_client_close(follower.client);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
    rdv_loop_free(follower.loop);
}
END_TEST

START_TEST(a_client_in_a_loop_is_told_once_that_the_agent_has_gone)
{
    start_thread();
    struct follower follower = {.client = open_client()};
    ck_assert_int_eq(rdv_loop_new(&follower.loop), 0);
    ck_assert_int_eq(rdv_client_attach(follower.client, follower.loop, follow, &follower), 0);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
    while (follower.result != RDV_ESHUTDOWN)
        ck_assert_int_eq(rdv_loop_run(follower.loop), 0);
    int calls = follower.calls;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(rdv_loop_dispatch(follower.loop), 0);
    ck_assert_int_eq(follower.calls, calls);
    rdv_client_close(follower.client);
    rdv_loop_free(follower.loop);
}
END_TEST

START_TEST(a_client_may_be_closed_where_its_loop_tells_of_a_line)
{
    start_thread();
    struct follower follower = {.client = open_client(), .close = true};
    ck_assert_int_eq(rdv_loop_new(&follower.loop), 0);
    ck_assert_int_eq(rdv_client_attach(follower.client, follower.loop, follow, &follower), 0);
    ck_assert_int_eq(rdv_client_send(follower.client, CALL("list", "{}")), 0);
    while (follower.client)
        ck_assert_int_eq(rdv_loop_run(follower.loop), 0);
    ck_assert_int_eq(follower.lines, 1);
    rdv_loop_free(follower.loop);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
}
END_TEST

START_TEST(a_client_may_send_more_than_it_has_read_yet)
{
    start_thread();
    rdv_client *client = open_client();
    const char *line;
    char *request = large_schedule("large", 100000);
    request[strlen(request) - 1] = '\0';
    ck_assert_int_eq(rdv_client_send(client, request), 0);
    ck_assert_int_eq(rdv_client_receive(client, -1, &line), 0);
    free(request);
    /* Each answer is longer than its request: with nobody reading, both sides would wait for ever. */
    for (int i = 0; i < 6000; i++)
        ck_assert_int_eq(rdv_client_send(client, CALL("list", "{}")), 0);
    for (int i = 0; i < 6000; i++) {
        ck_assert_int_eq(rdv_client_receive(client, RDV_MINUTE, &line), 0);
        ck_assert_has(line, "\"context_size\":100000");
    }
    rdv_client_close(client);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
}
END_TEST

static void ask_often(void *user)
{
    int number = *(int *)user;
    rdv_client *client = open_client();
    for (int i = 0; i < 50; i++) {
        char request[200], part[64];
        const char *line;
        snprintf(request, sizeof request, SCHEDULE("%d", "t%d-%d"), i, number, i);
        request[strlen(request) - 1] = '\0';
        ck_assert_int_eq(rdv_client_send(client, request), 0);
        ck_assert_int_eq(rdv_client_receive(client, RDV_MINUTE, &line), 0);
        snprintf(part, sizeof part, "\"identifier\":\"t%d-%d\"", number, i);
        ck_assert_has(line, part);
    }
    rdv_client_close(client);
}

START_TEST(clients_on_many_threads_get_their_own_answers)
{
    struct rdv__thread *threads[8];
    int numbers[8];
    agent.plugin.finishes_at_once = true;
    bench_attach(&agent);
    start_thread();
    for (int i = 0; i < 8; i++) {
        numbers[i] = i;
        ck_assert_int_eq(rdv__thread_new(ask_often, &numbers[i], &threads[i]), 0);
    }
    for (int i = 0; i < 8; i++)
        rdv__thread_join(threads[i]);
    rdv_client *client = open_client();
    int count = 0;
    for (int i = 0; i < 1000 && count < 8 * 50; i++) {
        const char *line;
        rdv_response *response = NULL;
        rdv_test_sleep(10);
        count = 0;
        ck_assert_int_eq(rdv_client_send(client, CALL("history", "{}")), 0);
        ck_assert_int_eq(rdv_client_receive(client, RDV_MINUTE, &line), 0);
        ck_assert_int_eq(rdv_response_parse(line, &response), 0);
        ck_assert_int_eq(rdv_response_entries(response, count_entry, &count), 0);
        rdv_response_free(response);
    }
    ck_assert_int_eq(count, 8 * 50);
    rdv_client_close(client);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
}
END_TEST

START_TEST(a_client_hears_that_there_are_too_many)
{
    rdv_client *client = NULL;
    struct rdv_error error = {0};
    struct wire *fds[RDV_CONTROL_CLIENTS];
    for (int i = 0; i < RDV_CONTROL_CLIENTS; i++)
        fds[i] = bench_client(&agent);
    start_thread();
    ck_assert_int_eq(rdv_client_open(agent.socket, &client, &error), RDV_EBUSY);
    ck_assert_str_eq(error.text, "the agent has too many clients");
    ck_assert_ptr_null(client);
    for (int i = 0; i < RDV_CONTROL_CLIENTS; i++)
        wire_close(fds[i]);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
}
END_TEST

START_TEST(a_client_of_nobody_is_told_so)
{
    char none[RDV_TEST_PATH + 32];
    snprintf(none, sizeof none, "%s/no-such-directory/socket", agent.directory);
    rdv_client *client = NULL;
    struct rdv_error error = {0};
    ck_assert_int_eq(rdv_client_open(none, &client, &error), RDV_ENOTFOUND);
    ck_assert_has(error.text, "nobody listens at '");
    ck_assert_has(error.text, none);
    ck_assert_int_eq(rdv_client_open(NULL, &client, &error), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_open(agent.socket, NULL, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_send(NULL, ""), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_receive(NULL, 0, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_fd(NULL), -1);
    rdv_client_close(NULL);
}
END_TEST

/* One who answers with these bytes, and hangs up. */
struct other {
    char path[RDV_TEST_PATH + 16];
    const char *text;
    struct rdv__listener *listener;
};

static void answer_with(void *user)
{
    struct other *other = user;
    rdv__descriptor fd;
    char request[200];
    size_t size = 0;
    rdv__socket_wait(rdv__listener_fd(other->listener), false, RDV_MINUTE);
    ck_assert_int_eq(rdv__listener_accept(other->listener, &fd), 0);
    while (size == 0 && rdv__socket_wait(fd, false, RDV_MINUTE) == 0)
        ck_assert_int_eq(rdv__socket_receive(fd, request, sizeof request, &size), 0);
    ck_assert_int_eq(rdv__socket_send(fd, other->text, strlen(other->text), &size), 0);
    rdv__socket_close(fd);
}

START_TEST(a_client_believes_only_an_agent)
{
    static const struct {
        const char *text;
        int result;
    } others[] = {{"", RDV_ENOTFOUND}, {"hello\n", RDV_ESYNTAX}, {"half", RDV_ENOTFOUND}};
    struct rdv__thread *thread;
    struct other other = {.text = others[_i].text};
    rdv_client *client = NULL;
    struct rdv_error error = {0};
    snprintf(other.path, sizeof other.path, "%s/other", agent.directory);
    ck_assert_int_eq(rdv__listener_new(other.path, NULL, &other.listener, &error), 0);
    ck_assert_int_eq(rdv__thread_new(answer_with, &other, &thread), 0);
    ck_assert_int_eq(rdv_client_open(other.path, &client, &error), others[_i].result);
    rdv__thread_join(thread);
    rdv__listener_free(other.listener);
}
END_TEST

START_TEST(a_line_in_a_request_is_refused)
{
    start_thread();
    rdv_client *client = open_client();
    const char *line;
    ck_assert_int_eq(rdv_client_send(client, "{}\n{}"), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_send(client, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_client_receive(client, 10 * RDV_MILLISECOND, &line), RDV_ETIMEDOUT);
    rdv_client_close(client);
    ck_assert_int_eq(rdv_loop_call(agent.loop, free_agent, NULL), 0);
}
END_TEST

/* ------------------------------------------------------------------- messages */

START_TEST(a_request_is_written_on_one_line)
{
    char *line = NULL;
    ck_assert_int_eq(rdv_request_new(-3, "li\"st", NULL, &line), 0);
    ck_assert_str_eq(line, "{\"jsonrpc\":\"2.0\",\"id\":-3,\"method\":\"li\\\"st\"}");
    rdv_free(line);
    ck_assert_int_eq(rdv_request_new(1, NULL, NULL, &line), RDV_EINVAL);
    ck_assert_int_eq(rdv_request_new(1, "list", NULL, NULL), RDV_EINVAL);
}
END_TEST

START_TEST(what_is_no_response_is_refused)
{
    static const char *const texts[] = {
        "",
        "[]",
        "7",
        "{}",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":1}",
        "{\"jsonrpc\":2,\"id\":1,\"result\":1}",
        "{\"id\":1,\"result\":1}",
        "{\"jsonrpc\":\"2.0\",\"result\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"change\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"x\",\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":1}}",
    };
    rdv_response *response = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(rdv_response_parse(texts[i], &response) == RDV_ESYNTAX, "%s", texts[i]);
    ck_assert_int_eq(rdv_response_parse(NULL, &response), RDV_EINVAL);
    ck_assert_int_eq(rdv_response_parse("{}", NULL), RDV_EINVAL);
    ck_assert_ptr_null(response);
    rdv_response_free(NULL);
}
END_TEST

START_TEST(an_error_has_one_of_our_codes)
{
    static const struct {
        const char *error;
        int code;
    } errors[] = {
        {"{\"code\":-4,\"message\":\"m\",\"data\":{\"name\":\"RDV_EBUSY\"}}", RDV_EBUSY},
        {"{\"code\":-32602,\"message\":\"m\",\"data\":{\"name\":\"RDV_ELIMIT\"}}", RDV_ELIMIT},
        {"{\"code\":-32602,\"message\":\"m\"}", RDV_EINVAL},
        {"{\"code\":-32600,\"message\":\"m\",\"data\":{}}", RDV_EINVAL},
        {"{\"code\":-32601,\"message\":\"m\",\"data\":7}", RDV_ENOTSUP},
        {"{\"code\":-32700,\"message\":\"m\",\"data\":{\"name\":\"RDV_ENEW\"}}", RDV_ESYNTAX},
        {"{\"code\":-32603,\"message\":\"m\",\"data\":{\"name\":1}}", RDV_EFAILED},
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        char line[200];
        const char *words = NULL;
        rdv_response *response = NULL;
        int count = 0;
        snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":%s}",
                 errors[i].error);
        ck_assert_int_eq(rdv_response_parse(line, &response), 0);
        ck_assert_int_eq(rdv_response_error(response, &words), errors[i].code);
        ck_assert_str_eq(words, "m");
        ck_assert_ptr_null(rdv_response_result(response));
        ck_assert_int_eq(rdv_response_id(response), -1);
        ck_assert_int_eq(rdv_response_entries(response, count_entry, &count), RDV_ESYNTAX);
        rdv_response_free(response);
    }
}
END_TEST

START_TEST(a_result_is_given_as_compact_text)
{
    rdv_response *response = NULL;
    const char *words = "as before";
    ck_assert_int_eq(rdv_response_parse("{ \"id\" : 9, \"result\" : { \"a\" : [ 1, \"b c\" ] },"
                                        " \"jsonrpc\" : \"2.0\", \"more\": 1 }",
                                        &response),
                     0);
    ck_assert_str_eq(rdv_response_result(response), "{\"a\":[1,\"b c\"]}");
    ck_assert_int_eq(rdv_response_error(response, &words), 0);
    ck_assert_str_eq(words, "as before");
    rdv_response_free(response);
}
END_TEST

static const rdv_change full_changes[] = {
    {NOW, RDV_STATUS_UNKNOWN, 0, -1, 0, ""},
    {NOW + 1, RDV_STATUS_APPLYING, 2, 40, 75, "tries \"again\""},
};

static const rdv_entry full_entry = {
    .size = sizeof full_entry,
    .run = INT64_C(9007199254740993), /* no double has it */
    .change = 12,
    .identifier = "i \xC3\xA9",
    .label = "l",
    .window = {NOW, NOW + RDV_HOUR, NOW + 2 * RDV_HOUR + 7, 90 * RDV_MINUTE},
    .context_size = 5,
    .state = RDV_STATE_FINISHED,
    .status = RDV_STATUS_TIMEOUT,
    .outcome = RDV_OUTCOME_TIMED_OUT,
    .cancelling = true,
    .attempt = 2,
    .progress = 40,
    .code = -19,
    .message = "over",
    .scheduled_at = NOW - 1,
    .started_at = NOW,
    .finished_at = NOW + RDV_HOUR,
    .changes = full_changes,
    .change_count = 2,
    .output = "out\nput",
    .output_size = 7,
};

static const rdv_entry bare_entry = {
    .size = sizeof bare_entry,
    .run = 1,
    .identifier = "i",
    .label = "l",
    .progress = -1,
    .message = "",
    .scheduled_at = NOW,
};

static int write_again(void *user, const rdv_entry *entry)
{
    ck_assert_uint_eq(entry->size, sizeof *entry);
    return rdv_entry_to_json(entry, user);
}

START_TEST(an_entry_reads_back_as_it_was_written)
{
    const rdv_entry *entries[] = {&full_entry, &bare_entry};
    for (int i = 0; i < 2; i++) {
        char *text = NULL, *again = NULL, *line = NULL;
        rdv_response *response = NULL;
        ck_assert_int_eq(rdv_entry_to_json(entries[i], &text), 0);
        size_t size = strlen(text) + 100;
        line = malloc(size);
        snprintf(line, size, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s%s%s}", i ? "[" : "", text,
                 i ? "]" : "");
        ck_assert_int_eq(rdv_response_parse(line, &response), 0);
        ck_assert_int_eq(rdv_response_entries(response, write_again, &again), 0);
        ck_assert_str_eq(text, again);
        rdv_response_free(response);
        rdv_free(text);
        rdv_free(again);
        free(line);
    }
}
END_TEST

START_TEST(what_is_no_entry_is_refused)
{
#define ENTRY "\"version\":1,\"identifier\":\"i\",\"label\":\"l\""
    static const char *const results[] = {
        "true",
        "[1]",
        "{}",
        "{\"version\":1,\"identifier\":\"i\"}",
        "{\"version\":2,\"identifier\":\"i\",\"label\":\"l\"}",
        "{\"identifier\":\"i\",\"label\":\"l\"}",
        "{" ENTRY ",\"run\":\"1\"}",
        "{" ENTRY ",\"run\":1.5}",
        "{" ENTRY ",\"attempt\":3000000000}",
        "{" ENTRY ",\"context_size\":-1}",
        "{" ENTRY ",\"state\":\"gone\"}",
        "{" ENTRY ",\"state\":1}",
        "{" ENTRY ",\"status\":\"gone\"}",
        "{" ENTRY ",\"outcome\":\"gone\"}",
        "{" ENTRY ",\"start\":\"soon\"}",
        "{" ENTRY ",\"start\":5}",
        "{" ENTRY ",\"limit\":\"long\"}",
        "{" ENTRY ",\"cancelling\":1}",
        "{" ENTRY ",\"message\":1}",
        "{" ENTRY ",\"changes\":1}",
        "{" ENTRY ",\"changes\":[1]}",
        "{" ENTRY ",\"changes\":[{\"at\":1}]}",
        "{" ENTRY ",\"changes\":[{}],\"run\":\"1\"}",
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        char line[200];
        rdv_response *response = NULL;
        int count = 0;
        snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", results[i]);
        ck_assert_int_eq(rdv_response_parse(line, &response), 0);
        ck_assert_msg(rdv_response_entries(response, count_entry, &count) == RDV_ESYNTAX, "%s",
                      results[i]);
        ck_assert_int_eq(count, 0);
        rdv_response_free(response);
    }
    ck_assert_int_eq(rdv_response_entries(NULL, count_entry, NULL), RDV_EINVAL);
}
END_TEST

static int stop_at_two(void *user, const rdv_entry *entry)
{
    (void)entry;
    return ++*(int *)user == 2 ? 77 : 0;
}

START_TEST(a_function_can_end_the_entries)
{
    rdv_response *response = NULL;
    int count = 0;
    ck_assert_int_eq(rdv_response_parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{" ENTRY
                                        "},{" ENTRY ",\"new\":{\"x\":1}},{" ENTRY "}]}",
                                        &response),
                     0);
    ck_assert_int_eq(rdv_response_entries(response, stop_at_two, &count), 77);
    ck_assert_int_eq(count, 2);
    ck_assert_int_eq(rdv_response_entries(response, NULL, NULL), RDV_EINVAL);
    rdv_response_free(response);
}
END_TEST

int main(void)
{
    const char *slow = rdv_test_under_valgrind("takes a minute under Valgrind");
    const char *no_root = needs_root();
    Suite *suite = suite_create("control");

    TCase *ways = tcase_create("both ways");
    tcase_set_timeout(ways, PATIENCE);
    tcase_add_checked_fixture(ways, set_up_both, tear_down);
    tcase_add_loop_test(ways, every_method_answers_the_same_through_the_socket_and_directly, 0, 2);
    tcase_add_test(ways, what_runs_is_treated_the_same_through_the_socket_and_directly);
    tcase_add_test(ways, a_run_without_a_task_agent_can_not_be_cancelled_and_says_why);
    tcase_add_test(ways, watching_takes_an_agent_that_runs);
    tcase_add_test(ways, a_direct_call_is_durable_before_it_is_answered);
    tcase_add_test(ways, a_direct_call_that_can_not_be_written_is_an_error_and_undone);
    tcase_add_test(ways, pause_that_can_not_be_written_is_an_error);
    tcase_add_test(ways, nothing_is_called_into_an_open_batch);
    tcase_add_test(ways, a_direct_notification_is_done_and_not_answered);
    tcase_add_test(ways, invalid_arguments_are_refused);
    tcase_add_test(ways, a_socket_that_can_not_be_had_is_an_error);
    tcase_add_test(ways, another_loop_is_not_the_stores);
    tcase_add_test(ways, reload_is_the_programs_own);
    tcase_add_test(ways, show_has_the_output_and_what_is_no_text_in_it_is_replaced);
    tcase_add_test(ways, a_damaged_store_is_an_error);
    suite_add_tcase(suite, ways);

    TCase *envelope = tcase_create("envelope");
    tcase_set_timeout(envelope, PATIENCE);
    tcase_add_checked_fixture(envelope, set_up, tear_down);
    tcase_add_test(envelope, an_answer_has_the_id_of_its_request);
    tcase_add_test(envelope, what_is_no_request_is_answered_with_an_error_and_the_client_goes_on);
    tcase_add_test(envelope, a_nul_byte_is_answered_with_an_error_and_the_client_goes_on);
    tcase_add_test(envelope, blank_lines_and_line_ends_of_another_system_are_fine);
    tcase_add_test(envelope, a_notification_is_done_and_not_answered);
    tcase_add_test(envelope, a_line_of_a_megabyte_is_taken_and_holds_up_nobody);
    tcase_add_test(envelope, a_line_that_is_too_long_is_an_error_and_the_client_goes_on);
    rdv_test_add_unless(envelope, an_answer_that_would_be_too_long_is_an_error, slow);
    rdv_test_add_unless(
        envelope, a_schedule_whose_answer_would_be_too_long_is_done_and_answered_with_true, slow);
    suite_add_tcase(suite, envelope);

    TCase *commits = tcase_create("commits");
    tcase_set_timeout(commits, PATIENCE);
    tcase_add_checked_fixture(commits, set_up, tear_down);
    tcase_add_test(commits, calls_of_one_turn_share_one_commit_and_are_answered_after_it);
    tcase_add_test(commits, who_reads_does_not_split_the_commit_of_those_who_write);
    tcase_add_test(commits, who_writes_and_reads_in_turn_shares_commits_with_others_who_do);
    tcase_add_test(commits, a_commit_that_fails_is_told_to_each_caller_and_undone);
    tcase_add_test(commits, a_client_sees_what_it_has_changed_before_asking);
    tcase_add_test(commits, nobody_is_shown_what_is_undone_later);
    tcase_add_test(commits, nobody_is_shown_an_end_that_is_undone_later);
    tcase_add_test(commits, a_schedule_is_taken_whole_or_not_at_all);
    tcase_add_test(commits, nothing_is_scheduled_once_the_agent_shuts_down);
    tcase_add_test(commits, a_client_that_goes_before_its_answer_is_no_trouble);
    tcase_add_test(commits, a_control_may_be_freed_with_requests_on_their_way);
    tcase_add_test(commits, many_requests_in_one_write_are_all_answered_in_order);
    tcase_add_test(commits, large_answers_that_wait_for_a_commit_hold_up_what_follows);
    suite_add_tcase(suite, commits);

    TCase *watching = tcase_create("watching");
    tcase_set_timeout(watching, PATIENCE);
    tcase_add_checked_fixture(watching, set_up, tear_down);
    tcase_add_test(watching, watch_tells_what_there_is_and_then_what_changes);
    tcase_add_test(watching, watch_after_a_change_tells_only_what_came_later);
    tcase_add_test(watching, nobody_is_told_of_what_is_undone);
    tcase_add_test(watching, a_change_that_was_told_from_the_store_is_not_told_again);
    tcase_add_test(watching, what_comes_while_a_watch_begins_anew_does_not_hide_what_was_before);
    tcase_add_test(watching, watching_ends_with_the_connection);
    tcase_add_test(watching, watchers_that_come_and_lag_hear_of_everything_in_order_and_once);
    tcase_add_test(watching, a_watcher_that_never_reads_is_cut_off_and_harms_nobody);
    tcase_add_test(watching, a_client_that_never_reads_its_answers_harms_nobody);
    tcase_add_test(watching, a_store_that_can_not_be_read_cuts_watchers_off);
    tcase_add_test(watching, idle_clients_and_watchers_cost_no_wake_ups);
    suite_add_tcase(suite, watching);

    TCase *connections = tcase_create("connections");
    tcase_set_timeout(connections, PATIENCE);
    tcase_add_checked_fixture(connections, set_up, tear_down);
    rdv_test_add_unless(connections, a_thousand_connections_at_once_are_withstood,
                        needs_descriptors());
    rdv_test_add_unless(connections, others_can_not_connect, no_root);
    rdv_test_add_unless(connections, others_are_refused_even_where_the_socket_lets_them_in,
                        no_root);
    rdv_test_add_unless(connections, the_reader_group_may_call_what_only_reads, no_root);
    rdv_test_add_unless(connections, the_reader_group_may_not_call_what_changes_something, no_root);
    rdv_test_add_unless(connections, the_reader_group_has_shorter_lines, no_root);
    rdv_test_add_unless(connections,
                        readers_that_take_all_places_they_may_have_keep_out_nobody_else,
                        no_root ? no_root : needs_descriptors());
    rdv_test_add_unless(connections, readers_that_do_not_read_hold_up_only_readers,
                        no_root ? no_root : slow);
    if (no_root || slow)
        rdv_test_add_unless(connections, readers_take_no_more_memory_than_they_may,
                            no_root ? no_root : slow);
    else
        tcase_add_loop_test(connections, readers_take_no_more_memory_than_they_may, 0, 4);
    suite_add_tcase(suite, connections);

    TCase *clients = tcase_create("clients");
    tcase_set_timeout(clients, PATIENCE);
    tcase_add_checked_fixture(clients, set_up, tear_down);
    tcase_add_test(clients, a_client_asks_and_hears);
    tcase_add_test(clients, a_loop_can_wait_for_what_comes_to_a_client);
    tcase_add_test(clients, a_client_in_a_loop_is_told_once_that_the_agent_has_gone);
    tcase_add_test(clients, a_client_may_be_closed_where_its_loop_tells_of_a_line);
    tcase_add_test(clients, a_client_may_send_more_than_it_has_read_yet);
    tcase_add_test(clients, clients_on_many_threads_get_their_own_answers);
    tcase_add_test(clients, a_client_hears_that_there_are_too_many);
    tcase_add_test(clients, a_client_of_nobody_is_told_so);
    tcase_add_loop_test(clients, a_client_believes_only_an_agent, 0, 3);
    tcase_add_test(clients, a_line_in_a_request_is_refused);
    suite_add_tcase(suite, clients);

    TCase *messages = tcase_create("messages");
    tcase_set_timeout(messages, PATIENCE);
    tcase_add_test(messages, a_request_is_written_on_one_line);
    tcase_add_test(messages, what_is_no_response_is_refused);
    tcase_add_test(messages, an_error_has_one_of_our_codes);
    tcase_add_test(messages, a_result_is_given_as_compact_text);
    tcase_add_test(messages, an_entry_reads_back_as_it_was_written);
    tcase_add_test(messages, what_is_no_entry_is_refused);
    tcase_add_test(messages, a_function_can_end_the_entries);
    suite_add_tcase(suite, messages);

    return rdv_test_main(suite);
}
