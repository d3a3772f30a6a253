/* SPDX-License-Identifier: MIT */
/* Ten thousand tasks of one file, done by a C handler: they start exactly in the order of rule 2. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

#include "harness.h"
#include "system.h"

#define TASKS 10000

/* What rule 2 sorts by, kept by the test alone. */
struct expected {
    rdv_time deadline, start;
    int arrival;
};

static struct expected expected[TASKS];
static int started[TASKS];
static int started_count;
static int ended_count;
static rdv_loop *loop;

static int by_rule_2(const void *a, const void *b)
{
    const struct expected *x = a, *y = b;
    if ((x->deadline == 0) != (y->deadline == 0))
        return x->deadline == 0 ? 1 : -1;
    if (x->deadline != y->deadline)
        return x->deadline < y->deadline ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->arrival - y->arrival;
}

static void handle(rdv_run *run, void *user)
{
    (void)user;
    ck_assert_int_lt(started_count, TASKS);
    started[started_count++] = atoi(rdv_task_identifier(rdv_run_task(run)));
    ck_assert_int_eq(rdv_run_finish(run, 0, NULL), 0);
}

static int count_end(void *user, const rdv_entry *entry)
{
    (void)user;
    if (entry->state == RDV_STATE_FINISHED && ++ended_count == TASKS)
        rdv_loop_stop(loop);
    return 0;
}

/* Few values for each key, so that every kind of tie comes up; xorshift with a fixed seed. */
static uint32_t draw(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static char schedule[TASKS * 160];
static size_t schedule_size;

static void add(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    schedule_size += (size_t)vsnprintf(schedule + schedule_size, sizeof schedule - schedule_size,
                                       format, arguments);
    va_end(arguments);
    ck_assert_uint_lt(schedule_size, sizeof schedule);
}

static void write_schedule(const char *path)
{
    uint32_t state = 20261122;
    rdv_time base = rdv_time_now() - RDV_DAY;
    base -= base % RDV_SECOND;
    schedule_size = 0;
    add("{\"tasks\": [\n");
    for (int i = 0; i < TASKS; i++) {
        char text[RDV_TIME_TEXT_SIZE];
        add("%s{\"label\": \"order\", \"identifier\": \"%d\"", i ? ",\n" : "", i);
        expected[i] = (struct expected){.arrival = i};
        if (draw(&state) % 4) {
            expected[i].deadline = base + 2 * RDV_DAY + (rdv_time)(draw(&state) % 200);
            ck_assert_int_eq(rdv_time_format(expected[i].deadline, text, sizeof text), 0);
            add(", \"deadline\": \"%s\"", text);
        }
        if (draw(&state) % 3) {
            expected[i].start = base + (rdv_time)(draw(&state) % 20);
            ck_assert_int_eq(rdv_time_format(expected[i].start, text, sizeof text), 0);
            add(", \"start\": \"%s\"", text);
        }
        add("}");
    }
    add("\n]}\n");
    rdv_test_write(path, schedule, schedule_size);
}

START_TEST(ten_thousand_tasks_of_a_file_start_exactly_in_the_order_of_rule_2)
{
    char folder[RDV_TEST_PATH], path[RDV_TEST_PATH + 8];
    started_count = ended_count = 0;
    rdv_test_make_folder(folder, "order");
    snprintf(path, sizeof path, "%s/a.json", folder);
    write_schedule(path);
    qsort(expected, TASKS, sizeof *expected, by_rule_2);

    rdv_store *store;
    rdv_trigger *trigger;
    rdv_agent *agent;
    rdv_watch *watch;
    struct rdv_error error;
    size_t count = 0;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    ck_assert_int_eq(rdv_store_open(NULL, NULL, &store, NULL), 0);
    rdv_trigger_options options;
    rdv_trigger_options_init(&options);
    options.clock_wait = 0;
    options.max_running = _i;
    ck_assert_int_eq(rdv_trigger_new(loop, store, &options, &trigger), 0);
    ck_assert_int_eq(rdv_agent_new(loop, store, NULL, &agent), 0);
    ck_assert_int_eq(rdv_agent_add_handler(agent, "order", handle, NULL, 0), 0);
    int result = rdv_trigger_load(trigger, path, &count, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    ck_assert_uint_eq(count, TASKS);
    rdv_test_remove(folder);
    ck_assert_int_eq(rdv_trigger_watch(trigger, count_end, NULL, &watch), 0);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(agent)), 0);
    ck_assert_int_eq(rdv_loop_run(loop), 0);

    ck_assert_int_eq(started_count, TASKS);
    for (int i = 0; i < TASKS; i++)
        ck_assert_msg(started[i] == expected[i].arrival, "place %d: task %d, and not %d", i,
                      started[i], expected[i].arrival);
    rdv_watch_free(watch);
    rdv_trigger_free(trigger);
    rdv_agent_free(agent);
    rdv_store_close(store);
    rdv_loop_free(loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order");
    TCase *order = tcase_create("order");
    tcase_set_timeout(order, 60);
    /* One at a time, and three at a time. */
    tcase_add_loop_test(order, ten_thousand_tasks_of_a_file_start_exactly_in_the_order_of_rule_2, 1,
                        2);
    tcase_add_loop_test(order, ten_thousand_tasks_of_a_file_start_exactly_in_the_order_of_rule_2, 3,
                        4);
    suite_add_tcase(suite, order);
    return rdv_test_main(suite);
}
