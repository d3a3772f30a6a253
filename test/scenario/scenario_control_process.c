/* SPDX-License-Identifier: MIT */
/*
 * An agent in a process of its own, killed and started again, with clients in this one: what was acknowledged is there, the
 * socket that was left behind is replaced, and who watches goes on where it was.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

#include "harness.h"
#include "system.h"

/* How long an answer may take, and, in milliseconds, an agent to be there. */
#define WAIT       RDV_MINUTE
#define START_WAIT 120000

static char directory[RDV_TEST_PATH];
static char socket_path[RDV_TEST_PATH + 16], store_path[RDV_TEST_PATH + 16];
static struct rdv_test_child *agent;

/* ------------------------------------------------------------------- agent */

/* A handler that is done at once, or never. */
static void handle(rdv_run *run, void *user)
{
    if (user)
        rdv_run_finish(run, 0, "done");
}

/* In a process of its own. */
static int run_agent(void)
{
    rdv_loop *loop;
    rdv_store *store;
    rdv_agent *task_agent;
    rdv_trigger *trigger;
    rdv_control *control;
    rdv_control_options options;
    rdv_control_options_init(&options);
    options.socket = socket_path;
    rdv_trigger_options how;
    rdv_trigger_options_init(&how);
    how.clock_wait = 0; /* whenever the machine was started */
    if (rdv_loop_new(&loop) || rdv_store_open(store_path, NULL, &store, NULL) ||
        rdv_agent_new(loop, store, NULL, &task_agent) ||
        rdv_agent_add_handler(task_agent, "quick", handle, &agent, 0) ||
        rdv_agent_add_handler(task_agent, "endless", handle, NULL, 0) ||
        rdv_trigger_new(loop, store, &how, &trigger) ||
        rdv_control_new(loop, store, trigger, &options, &control, NULL) ||
        rdv_trigger_attach(trigger, rdv_agent_plugin(task_agent)))
        return 3;
    rdv_loop_run(loop);
    return 4;
}

/* A client that asks without end, likewise. */
static int ask_without_end(void)
{
    rdv_client *client = NULL;
    if (rdv_client_open(socket_path, &client, NULL) != 0)
        return 3;
    puts("connected");
    fflush(stdout);
    for (int i = 0; i < 10000; i++)
        (void)rdv_client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"watch\"}");
    rdv_client_close(client);
    return 0;
}

static void name_files(void)
{
    snprintf(socket_path, sizeof socket_path, "%s/socket", directory);
    snprintf(store_path, sizeof store_path, "%s/store.db", directory);
}

static void start_agent(void)
{
    agent = rdv_test_child_start((const char *const[]){"agent", directory, NULL});
}

/* It has not ended by itself before. */
static void kill_agent(void)
{
    rdv_test_child_kill(agent);
    ck_assert_int_eq(rdv_test_child_wait(agent), -1);
    agent = NULL;
}

static void set_up(void)
{
    rdv_test_make_folder(directory, "process");
    name_files();
    start_agent();
}

static void tear_down(void)
{
    if (agent)
        kill_agent();
    rdv_test_remove(directory);
}

/* ------------------------------------------------------------------ client */

/* Connect to an agent that is starting: it may not listen yet, or not answer. */
static rdv_client *connect_client(void)
{
    struct rdv_error error = {0};
    rdv_client *client = NULL;
    int64_t begun = rdv_test_clock();
    int result = rdv_client_open(socket_path, &client, &error);
    while ((result == RDV_ENOTFOUND || result == RDV_EBUSY) &&
           rdv_test_clock() - begun < START_WAIT) {
        rdv_test_sleep(5);
        result = rdv_client_open(socket_path, &client, &error);
    }
    ck_assert_msg(result == 0, "%s", error.text);
    return client;
}

/* Ask, and get the answer; notifications that come before it are left out. */
static rdv_response *ask(rdv_client *client, const char *method, const char *params)
{
    char *request = NULL;
    rdv_response *response = NULL;
    ck_assert_int_eq(rdv_request_new(1, method, params, &request), 0);
    ck_assert_int_eq(rdv_client_send(client, request), 0);
    rdv_free(request);
    for (;;) {
        const char *line, *words = "";
        ck_assert_int_eq(rdv_client_receive(client, WAIT, &line), 0);
        ck_assert_int_eq(rdv_response_parse(line, &response), 0);
        if (!rdv_response_method(response)) {
            ck_assert_msg(rdv_response_error(response, &words) == 0, "%s: %s", method, words);
            return response;
        }
        rdv_response_free(response);
    }
}

static int keep_entry(void *user, const rdv_entry *entry)
{
    rdv_entry *kept = user;
    *kept = *entry;
    return 0;
}

/* Hear changes up to one of this identifier with this outcome; the changes' numbers only grow. */
static int64_t hear_until(rdv_client *client, const char *identifier, rdv_outcome outcome,
                          int64_t after)
{
    for (bool found = false; !found;) {
        const char *line;
        rdv_response *response = NULL;
        rdv_entry entry = {0};
        ck_assert_int_eq(rdv_client_receive(client, WAIT, &line), 0);
        ck_assert_int_eq(rdv_response_parse(line, &response), 0);
        ck_assert_str_eq(rdv_response_method(response), "change");
        ck_assert_int_eq(rdv_response_entries(response, keep_entry, &entry), 0);
        ck_assert_int_gt(entry.change, after);
        after = entry.change;
        found = strcmp(entry.identifier, identifier) == 0 && entry.outcome == outcome;
        rdv_response_free(response);
    }
    return after;
}

/* ------------------------------------------------------------------- tests */

START_TEST(a_killed_agent_starts_again_on_its_socket_and_keeps_what_it_acknowledged)
{
    rdv_client *client = connect_client();
    rdv_client *watcher = connect_client();
    rdv_response_free(ask(watcher, "watch", "{}"));
    rdv_response_free(
        ask(client, "schedule", "{\"tasks\":[{\"label\":\"quick\",\"identifier\":\"first\"}]}"));
    int64_t heard = hear_until(watcher, "first", RDV_OUTCOME_SUCCEEDED, 0);
    rdv_response_free(ask(client, "schedule",
                          "{\"tasks\":[{\"label\":\"endless\",\"identifier\":\"long\"},"
                          "{\"label\":\"quick\",\"identifier\":\"second\"}]}"));
    kill_agent();
    const char *line;
    while (rdv_client_receive(watcher, WAIT, &line) == 0)
        ;
    ck_assert_int_eq(rdv_client_receive(watcher, WAIT, &line), RDV_ESHUTDOWN);
#ifndef _WIN32 /* where a pipe goes with who made it */
    ck_assert(rdv_test_exists(socket_path));
#endif
    rdv_client_close(client);
    rdv_client_close(watcher);

    start_agent();
    client = connect_client();
    watcher = connect_client();
    char params[64];
    snprintf(params, sizeof params, "{\"after\":%" PRId64 "}", heard);
    rdv_response_free(ask(watcher, "watch", params));
    rdv_entry entry;
    rdv_response *response = ask(client, "show", "{\"identifier\":\"first\"}");
    ck_assert_int_eq(rdv_response_entries(response, keep_entry, &entry), 0);
    ck_assert_int_eq(entry.outcome, RDV_OUTCOME_SUCCEEDED);
    rdv_response_free(response);
    rdv_response_free(ask(client, "cancel", "{\"identifier\":\"long\"}"));
    heard = hear_until(watcher, "long", RDV_OUTCOME_NONE, heard);
    rdv_client_close(client);
    rdv_client_close(watcher);
}
END_TEST

START_TEST(whatever_was_acknowledged_survives_kills_at_any_moment)
{
    char known[200][32];
    int acknowledged = 0;
    for (int round = 0; round < 5; round++) {
        rdv_client *client = connect_client();
        int sent = 0;
        /* One after the other until the agent is gone: what was answered counts. */
        for (bool alive = true; alive && acknowledged < 200;) {
            char request[200], name[32];
            const char *line;
            snprintf(name, sizeof name, "task-%d-%d", round, sent++);
            snprintf(request, sizeof request,
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"schedule\",\"params\":{\"tasks\":"
                     "[{\"label\":\"quick\",\"identifier\":\"%s\"}]}}",
                     name);
            if (sent == 10 + round * 3)
                rdv_test_child_kill(agent);
            alive = rdv_client_send(client, request) == 0 &&
                    rdv_client_receive(client, WAIT, &line) == 0;
            if (alive)
                strcpy(known[acknowledged++], name);
        }
        rdv_client_close(client);
        kill_agent();
        start_agent();
    }
    ck_assert_int_ge(acknowledged, 5 * 9);
    rdv_client *client = connect_client();
    for (int i = 0; i < acknowledged; i++) {
        char params[128];
        rdv_entry entry;
        snprintf(params, sizeof params, "{\"identifier\":\"%.31s\"}", known[i]);
        rdv_response *response = ask(client, "show", params);
        ck_assert_int_eq(rdv_response_entries(response, keep_entry, &entry), 0);
        ck_assert_str_eq(entry.identifier, known[i]);
        rdv_response_free(response);
    }
    rdv_client_close(client);
}
END_TEST

START_TEST(a_second_agent_does_not_take_a_socket_that_is_in_use)
{
    rdv_client *client = connect_client();
    rdv_loop *loop;
    rdv_store *store;
    rdv_trigger *trigger;
    rdv_control *control = NULL;
    rdv_control_options options;
    struct rdv_error error = {0};
    rdv_control_options_init(&options);
    options.socket = socket_path;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    ck_assert_int_eq(rdv_store_open(NULL, NULL, &store, NULL), 0);
    ck_assert_int_eq(rdv_trigger_new(loop, store, NULL, &trigger), 0);
    ck_assert_int_eq(rdv_control_new(loop, store, trigger, &options, &control, &error),
                     RDV_ELOCKED);
    char pid[32];
    snprintf(pid, sizeof pid, "(pid %" PRId64 ")", rdv_test_child_id(agent));
    ck_assert_msg(strstr(error.text, pid) != NULL, "%s", error.text);
    rdv_trigger_free(trigger);
    rdv_store_close(store);
    rdv_loop_free(loop);
    rdv_response_free(ask(client, "status", NULL));
    rdv_client_close(client);
}
END_TEST

START_TEST(clients_that_are_killed_harm_nobody)
{
    rdv_client *client = connect_client();
    for (int i = 0; i < 20; i++) {
        struct rdv_test_child *child =
            rdv_test_child_start((const char *const[]){"client", directory, NULL});
        char connected;
        ck_assert_uint_eq(rdv_test_child_read(child, &connected, 1), 1);
        rdv_test_sleep(3);
        rdv_test_child_kill(child);
        rdv_test_child_wait(child);
        rdv_response_free(ask(client, "status", NULL));
    }
    rdv_client_close(client);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 3) {
        snprintf(directory, sizeof directory, "%s", argv[2]);
        name_files();
        return strcmp(argv[1], "agent") == 0 ? run_agent() : ask_without_end();
    }
    Suite *suite = suite_create("control process");
    TCase *processes = tcase_create("processes");
    tcase_set_timeout(processes, 280);
    tcase_add_checked_fixture(processes, set_up, tear_down);
    tcase_add_test(processes,
                   a_killed_agent_starts_again_on_its_socket_and_keeps_what_it_acknowledged);
    tcase_add_test(processes, whatever_was_acknowledged_survives_kills_at_any_moment);
    tcase_add_test(processes, a_second_agent_does_not_take_a_socket_that_is_in_use);
    tcase_add_test(processes, clients_that_are_killed_harm_nobody);
    suite_add_tcase(suite, processes);
    return rdv_test_main(suite);
}
