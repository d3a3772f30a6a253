/* SPDX-License-Identifier: MIT */
/* The control: who watches hears of each change, in order and once. */
#define _GNU_SOURCE

#include <inttypes.h>

#include "control_agent.h"
#include "loop/loop.h"

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
    ck_assert_int_eq(
        rdv__database_execute(rdv__store_database(agent.store), "UPDATE entry SET status = 77"), 0);
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

int main(void)
{
    Suite *suite = suite_create("control watching");

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

    return rdv_test_main(suite);
}
