/* SPDX-License-Identifier: MIT */
/*
 * A command that takes longer to end than the trigger agent would wait for it of its own accord. The trigger agent's clock is the
 * test's, while the grace passes by the system's: so it does not matter how fast the machine is.
 */
#include "agent/agent_bench.h"

#define NOW (INT64_C(420000) * RDV_DAY / 10 * 10)

/* The bench's agent has a trigger agent here, in place of the bench's sink. */
static struct bench *bench;
static rdv_trigger *trigger;
static rdv_trigger_options options;
static struct rdv_kit_clock fake_clock;
static int second_started;
static bool first_was_running;

/* What the second task does: look whether the command of the first is still there. */
static void look_for_first(rdv_run *run, void *user)
{
    (void)user;
    first_was_running = rdv_test_is_running(atoi(bench_read(bench, "pid")));
    second_started++;
    ck_assert_int_eq(rdv_run_finish(run, 0, NULL), 0);
}

static void set_up(void)
{
    bench = bench_new(NULL, false);
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, NULL, &bench->agent), 0);
    bench_load(bench, "{'handlers':[{'label':'first','grace':'2s','steps':[{'run':['sh','-c','trap "
                      "\\\"\\\" TERM; echo $$ >@/pid.new; mv @/pid.new @/pid; "
                      "while :; do sleep 0.05; done']}]}]}");
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "second", look_for_first, NULL, 0), 0);
    rdv_kit_clock_init(&fake_clock, NOW);
    second_started = 0;
    rdv_trigger_options_init(&options);
    options.clock = rdv_kit_clock_ops(&fake_clock);
    options.log = rdv_kit_log_ops(&bench->log);
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &options, &trigger), 0);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(bench->agent)), 0);
}

static void tear_down(void)
{
    rdv_trigger_free(trigger);
    bench_free(bench);
}

static void schedule(const char *label, rdv_duration limit)
{
    rdv_task *task;
    rdv_window window = {.limit = limit};
    ck_assert_int_eq(rdv_task_new(label, label, NULL, 0, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
    rdv_task_unref(task);
}

static void move_clock(rdv_time to)
{
    fake_clock.now = to;
    rdv_trigger_clock_changed(trigger);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
}

/* One task at a time, and the first has begun. */
static void start_first(rdv_duration limit)
{
    schedule("first", limit);
    bench_wait_file(bench, "pid");
    schedule("second", 0);
}

static int see(void *user, const rdv_entry *entry)
{
    rdv_outcome *outcome = user;
    *outcome = entry->outcome;
    ck_assert_msg(!strstr(entry->message, "did not"), "%s", entry->message);
    return 0;
}

/* The trigger agent's own patience is over at this moment. */
static void assert_second_waits(rdv_time moment, rdv_outcome expected)
{
    rdv_filter filter = {.size = sizeof filter, .identifier = "first"};
    rdv_outcome outcome = RDV_OUTCOME_NONE;
    move_clock(moment);
    bench_wait(bench, &second_started, 1);
    ck_assert(!first_was_running);
    ck_assert_int_eq(rdv_store_entries(bench->store, &filter, see, &outcome), 0);
    ck_assert_int_eq(outcome, expected);
}

START_TEST(rule_2_no_task_starts_while_a_cancelled_command_takes_its_grace)
{
    start_first(0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "first"), 0);
    move_clock(NOW);
    assert_second_waits(NOW + options.cancel_wait, RDV_OUTCOME_CANCELLED);
}
END_TEST

START_TEST(rule_2_no_task_starts_while_a_command_past_its_limit_takes_its_grace)
{
    start_first(RDV_HOUR);
    move_clock(NOW + RDV_HOUR);
    assert_second_waits(NOW + RDV_HOUR + options.cancel_wait, RDV_OUTCOME_TIMED_OUT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent_grace");
    TCase *grace = tcase_create("grace");
    tcase_set_timeout(grace, 120);
    tcase_add_checked_fixture(grace, set_up, tear_down);
    tcase_add_test(grace, rule_2_no_task_starts_while_a_cancelled_command_takes_its_grace);
    tcase_add_test(grace, rule_2_no_task_starts_while_a_command_past_its_limit_takes_its_grace);
    suite_add_tcase(suite, grace);
    return rdv_test_main(suite);
}
