/* SPDX-License-Identifier: MIT */
/* Clients of the control, in loops and on threads of their own, and what requests and responses look like. */
#define _GNU_SOURCE

#include <inttypes.h>

#include "control_agent.h"
#include "loop/loop.h"
#include "platform/thread.h"

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
    Suite *suite = suite_create("control client");

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
