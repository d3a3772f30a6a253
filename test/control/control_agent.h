/* SPDX-License-Identifier: MIT */
/*
 * The fixture of the control's tests, test_control*.c: an agent with a socket, and where both ways are compared another one that
 * is called directly.
 */
#ifndef RDV_TEST_CONTROL_AGENT_H
#define RDV_TEST_CONTROL_AGENT_H

#include "control_bench.h"
#include "harness.h"

/* How long a test may take, in seconds: many times what it does, and more than what is waited for in it. */
#define PATIENCE 180

static struct bench agent, direct;

static inline void set_up(void)
{
    bench_open(&agent, true);
}

static inline void set_up_both(void)
{
    bench_open(&agent, true);
    bench_open(&direct, false);
}

static inline void tear_down(void)
{
    bench_close(&agent);
    bench_close(&direct);
}

#define SCHEDULE(id, identifier)                                                                 \
    REQUEST(id, "schedule", "{\"tasks\":[{\"label\":\"x\",\"identifier\":\"" identifier "\"}]}") \
    "\n"

/* Of the tasks that are scheduled next. */
static const char *label = "x";

static inline void schedule(const char *identifier, rdv_time start)
{
    rdv_task *task;
    rdv_window window = {.start = start};
    ck_assert_int_eq(rdv_task_new(label, identifier, NULL, 0, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(agent.trigger, &window, task), 0);
    rdv_task_unref(task);
}

/* A schedule with a context of so many bytes. */
static inline char *large_schedule(const char *identifier, size_t size)
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

static inline void send_all(struct bench *bench, struct wire *fd, const char *text, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        sent += wire_send(fd, text + sent, size - sent);
        bench_turns(bench);
    }
}

/* So many tasks, each of which has more than six KiB in an answer. */
static inline void schedule_long_names(int count)
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

#endif
