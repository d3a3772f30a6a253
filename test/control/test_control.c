/* SPDX-License-Identifier: MIT */
/* The control: its methods, through a socket and directly, and the commits that calls share. */
#define _GNU_SOURCE

#include <inttypes.h>

#include "control_agent.h"
#include "loop/loop.h"

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
    sqlite3 *database = rdv__store_database(direct.store)->handle;
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
    ck_assert_int_eq(
        rdv__database_execute(rdv__store_database(direct.store), "UPDATE entry SET status = 77"),
        0);
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
    ck_assert_int_eq(rdv__database_execute(rdv__store_database(direct.store), "DROP TABLE context"),
                     0);
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

int main(void)
{
    const char *slow = rdv_test_under_valgrind("takes a minute under Valgrind");
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

    return rdv_test_main(suite);
}
