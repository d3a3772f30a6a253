/* SPDX-License-Identifier: MIT */
/*
 * A process that runs tasks is killed with SIGKILL in the middle of a step, and another one goes on from the journal. What ran is
 * written to a file by the steps themselves.
 */
#include "agent/agent_bench.h"

#include <inttypes.h>

#include "platform/platform.h"
#include "store/database.h"
#include "store/journal.h"
#include "store/store.h"

static char directory[RDV_TEST_PATH];

static void set_up(void)
{
    rdv_test_make_folder(directory, "interrupt");
}

static void tear_down(void)
{
    rdv_test_remove(directory);
}

static struct bench *open_bench(void)
{
    struct bench *bench = bench_new(directory, false);
    bench->keep_directory = true;
    return bench;
}

/* Three steps; the second one hangs, with a child, in its first attempt. */
static void load(struct bench *bench, const char *on_interrupt)
{
    char document[1024];
    snprintf(
        document, sizeof document,
        "{'handlers':[{'label':'l','grace':'300ms','on_interrupt':'%s','steps':["
        "{'run':['sh','-c','echo one $RDV_ATTEMPT >>@/marks']},"
        "{'run':['sh','-c','echo two $RDV_ATTEMPT $RDV_RUN >>@/marks; echo output of $RDV_ATTEMPT; "
        "test -e "
        "@/hung || { touch @/hung; sleep 300 & echo $! >@/pid.new; mv @/pid.new @/pid; wait; }']},"
        "{'run':['sh','-c','echo three $RDV_ATTEMPT >>@/marks']}]}]}",
        on_interrupt);
    bench_load(bench, document);
}

/* What a process of its own does: which of the tests below it is, and their words. */
static const char *second_words[3];

START_TEST(second_interrupted)
{
    struct bench *bench = open_bench();
    load(bench, second_words[0]);
    bench_start(bench, "l", second_words[1], second_words[2]);
    /* The output may come later than what the step does after it. */
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while ((!rdv_test_exists(bench_path(bench, "pid")) ||
            !strstr(bench_read(bench, "log/-1.log"), "output of 1\n")) &&
           rdv_test_clock() < end)
        bench_linger(bench, 5);
    bench_write(bench, "ready", "");
    bench_linger(bench, BENCH_WAIT_MS);
}
END_TEST

static const char *path_of(const char *name)
{
    static struct bench place;
    snprintf(place.directory, sizeof place.directory, "%s", directory);
    return bench_path(&place, name);
}

/* The process that the step of a killed process of ours has written down: it is left behind, but where a job ends it. */
static int64_t left_behind(void)
{
    static struct bench place;
    snprintf(place.directory, sizeof place.directory, "%s", directory);
    int64_t pid = atoi(bench_read(&place, "pid"));
    ck_assert_int_gt(pid, 1);
    if (RDV_TEST_ON_WINDOWS("a job ends it"))
        bench_wait_gone(pid);
    else
        ck_assert(rdv_test_is_running(pid));
    return pid;
}

/* Have a process of its own start the task and hang, and kill it. Returns the process that the step has left behind. */
static int64_t interrupt(const char *on_interrupt, const char *identifier, const char *context)
{
    const char *const words[] = {"interrupted", directory, on_interrupt, identifier, context, NULL};
    bench_second_kill(words, path_of("ready"));
    return left_behind();
}

static const struct rdv_kit_heard *last(const struct bench *bench)
{
    return &bench->sink.heard[bench->sink.heard_count - 1];
}

static int no_rows(void *user, const struct rdv__journal *row)
{
    (void)user;
    (void)row;
    return 0;
}

static void assert_no_row(const struct bench *bench)
{
    ck_assert_int_eq(rdv__journal_get(bench->store, "task", no_rows, NULL), RDV_ENOTFOUND);
}

START_TEST(resume_repeats_the_step_that_was_interrupted)
{
    int64_t left = interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    load(bench, "resume");
    ck_assert_int_eq(bench_do(bench, "c")->status, RDV_STATUS_SUCCESS);
    ck_assert(!rdv_test_is_running(left));
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 -1\ntwo 2 -1\nthree 1\n");
    ck_assert_str_eq(bench->sink.heard[0].message, "step 2 of 3: sh");
    ck_assert_int_eq(bench->sink.heard[0].attempt, 2);
    ck_assert_ptr_nonnull(
        strstr(bench->log.text, "task: was interrupted during step 2, attempt 1"));
    if (!RDV_TEST_ON_WINDOWS("a job has ended it"))
        ck_assert_ptr_nonnull(strstr(bench->log.text, "left behind"));
    /* The log of the run goes on. */
    ck_assert_str_eq(bench_read(bench, "log/-1.log"), "output of 1\noutput of 2\n");
    bench_linger(bench, 10);
    assert_no_row(bench);
    bench_free(bench);
}
END_TEST

/* A process that is none of the run's, and bears the marks of it that can be guessed. */
static int64_t start_stranger(const struct bench *bench)
{
    char command[2 * RDV_TEST_PATH + 128];
    snprintf(command, sizeof command,
             "RDV_STORE='%s' RDV_RUN=-1 sleep 300 >/dev/null 2>&1 & echo $! >%s/stranger",
             rdv__store_path(bench->store), directory);
    ck_assert_int_eq(system(command), 0);
    int64_t pid = atoi(bench_read(bench, "stranger"));
    ck_assert_int_gt(pid, 1);
    return pid;
}

START_TEST(a_process_that_has_copied_marks_is_no_part_of_the_run)
{
    int64_t left = interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    int64_t stranger = start_stranger(bench);
    load(bench, "resume");
    ck_assert_int_eq(bench_do(bench, "c")->status, RDV_STATUS_SUCCESS);
    ck_assert(!rdv_test_is_running(left));
    ck_assert(rdv_test_is_running(stranger));
    char command[64];
    snprintf(command, sizeof command, "kill %" PRId64, stranger);
    ck_assert_int_eq(system(command), 0);
    bench_free(bench);
}
END_TEST

START_TEST(a_run_of_an_older_version_is_known_by_its_store_and_number)
{
    int64_t left = interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    ck_assert_int_eq(sqlite3_exec(rdv__store_database(bench->store)->handle,
                                  "UPDATE journal SET nonce = ''", NULL, NULL, NULL),
                     SQLITE_OK);
    load(bench, "resume");
    ck_assert_int_eq(bench_do(bench, "c")->status, RDV_STATUS_SUCCESS);
    ck_assert(!rdv_test_is_running(left));
    bench_free(bench);
}
END_TEST

START_TEST(restart_begins_with_the_first_step)
{
    int64_t left = interrupt("restart", "task", "c");
    struct bench *bench = open_bench();
    load(bench, "restart");
    ck_assert_int_eq(bench_do(bench, "c")->status, RDV_STATUS_SUCCESS);
    ck_assert(!rdv_test_is_running(left));
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 -1\none 2\ntwo 2 -1\nthree 1\n");
    bench_free(bench);
}
END_TEST

START_TEST(fail_ends_the_run_in_words)
{
    int64_t left = interrupt("fail", "task", "c");
    struct bench *bench = open_bench();
    load(bench, "fail");
    const struct rdv_kit_heard *end = bench_do(bench, "c");
    ck_assert_int_eq(end->status, RDV_STATUS_FAILED);
    ck_assert_int_eq(end->code, RDV_EFAILED);
    ck_assert_str_eq(end->message, "interrupted during step 2 of 3 (sh)");
    ck_assert(!rdv_test_is_running(left));
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 -1\n");
    bench_linger(bench, 10);
    assert_no_row(bench);
    bench_free(bench);
}
END_TEST

START_TEST(another_task_of_the_identifier_begins_anew_and_what_was_left_is_ended)
{
    int64_t left = interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    load(bench, "resume");
    ck_assert_int_eq(bench_do(bench, "another context")->status, RDV_STATUS_SUCCESS);
    ck_assert(!rdv_test_is_running(left));
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 -1\none 1\ntwo 1 -2\nthree 1\n");
    bench_linger(bench, 10);
    assert_no_row(bench);
    bench_free(bench);
}
END_TEST

START_TEST(a_run_left_in_the_journal_can_be_cancelled)
{
    int64_t left = interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    load(bench, "fail");
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "other"), RDV_ENOTFOUND);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(last(bench)->code, RDV_ECANCELLED);
    ck_assert_str_eq(last(bench)->message, "cancelled");
    ck_assert(!rdv_test_is_running(left));
    bench_linger(bench, 10);
    assert_no_row(bench);
    bench_free(bench);
}
END_TEST

/* The document may have lost, or renamed, the label meanwhile. */
START_TEST(a_run_whose_label_has_gone_fails_once_what_is_left_of_it_is_ended)
{
    int64_t left = interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    bench_load(bench, "{'handlers':[{'label':'other','steps':[{'run':['true']}]}]}");
    const struct rdv_kit_heard *end = bench_do(bench, "c");
    ck_assert(!rdv_test_is_running(left));
    ck_assert_int_eq(end->status, RDV_STATUS_FAILED);
    ck_assert_int_eq(end->code, RDV_ENOHANDLER);
    ck_assert_str_eq(end->message, "no handler is configured for the label 'l'");
    bench_linger(bench, 10);
    assert_no_row(bench);
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), RDV_ENOHANDLER);
    bench_free(bench);
}
END_TEST

START_TEST(a_run_whose_label_has_gone_can_be_cancelled)
{
    int64_t left = interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert(!rdv_test_is_running(left));
    ck_assert_int_eq(last(bench)->code, RDV_ECANCELLED);
    ck_assert_str_eq(last(bench)->message, "cancelled");
    bench_linger(bench, 10);
    assert_no_row(bench);
    bench_free(bench);
}
END_TEST

START_TEST(a_document_that_has_lost_the_step_begins_with_the_first)
{
    interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    bench_load(bench,
               "{'handlers':[{'label':'l','steps':[{'run':['sh','-c','echo new >>@/marks']}]}]}");
    ck_assert_int_eq(bench_do(bench, "c")->status, RDV_STATUS_SUCCESS);
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 -1\nnew\n");
    bench_free(bench);
}
END_TEST

/* The step that ignores the polite signal keeps the agent waiting for its grace. */
START_TEST(second_stubborn)
{
    struct bench *bench = open_bench();
    bench_load(bench,
               "{'handlers':[{'label':'l','grace':'20s','steps':[{'run':['sh','-c','trap "
               "\\\"\\\" TERM; echo $$ >@/pid.new; mv @/pid.new @/pid; while :; do sleep 0.05; "
               "done']}]}]}");
    bench_start(bench, "l", "task", "c");
    bench_linger(bench, BENCH_WAIT_MS);
}
END_TEST

static void leave_a_stubborn_one(void)
{
    const char *const words[] = {"stubborn", directory, NULL};
    bench_second_kill(words, path_of("pid"));
}

START_TEST(freeing_the_agent_does_not_wait_for_what_was_left)
{
    leave_a_stubborn_one();
    struct bench *bench = open_bench();
    ck_assert_int_eq(rdv_agent_load(bench->agent, bench_path(bench, "agent.json"), NULL), 0);
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_linger(bench, 100);
    ck_assert_int_eq(bench->sink.heard_count, 0); /* nothing starts before it has gone */
    int64_t pid = atoi(bench_read(bench, "pid"));
    ck_assert(rdv_test_is_running(pid));
    int64_t begin = rdv_test_clock();
    bench_free(bench);
    ck_assert_int_lt(rdv_test_clock() - begin, 10000);
    ck_assert(!rdv_test_is_running(pid));
}
END_TEST

START_TEST(terminate_waits_for_what_was_left_and_keeps_the_run_for_the_next)
{
    interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    load(bench, "resume");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    bench_free(bench);
    bench = open_bench();
    load(bench, "resume");
    ck_assert_int_eq(bench_do(bench, "c")->status, RDV_STATUS_SUCCESS);
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 -1\ntwo 2 -1\nthree 1\n");
    bench_free(bench);
}
END_TEST

START_TEST(cancelling_while_what_was_left_is_ended_starts_nothing)
{
    interrupt("resume", "task", "c");
    struct bench *bench = open_bench();
    load(bench, "resume");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(last(bench)->code, RDV_ECANCELLED);
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 -1\n");
    bench_free(bench);
}
END_TEST

/* ------------------------------------------------------- under our trigger */

static rdv_trigger *attach(struct bench *bench)
{
    rdv_trigger *trigger;
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, NULL, &bench->agent), 0);
    load(bench, "resume");
    rdv_trigger_options options;
    rdv_trigger_options_init(&options);
    options.clock_wait = 0; /* whenever the machine was started */
    options.log = rdv_kit_log_ops(&bench->log);
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &options, &trigger), 0);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(bench->agent)), 0);
    return trigger;
}

static void wait_for_the_end(struct bench *bench, rdv_trigger *trigger)
{
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (rdv_trigger_unfinished(trigger) > 0 && rdv_test_clock() < end)
        bench_linger(bench, 5);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 0);
}

static void close_both(struct bench *bench, rdv_trigger *trigger)
{
    rdv_trigger_free(trigger);
    rdv_agent_free(bench->agent);
    bench->agent = NULL;
    bench_free(bench);
}

static int see_entry(void *user, const rdv_entry *entry)
{
    char *seen = user;
    snprintf(seen, 128, "%s %d %s %.*s", entry->identifier, (int)entry->run,
             rdv_outcome_name(entry->outcome), (int)entry->output_size, entry->output);
    return 0;
}

START_TEST(second_triggered)
{
    struct bench *bench = open_bench();
    rdv_trigger *trigger = attach(bench);
    rdv_task *task;
    rdv_task_new("l", "task", "c", 1, &task);
    rdv_trigger_schedule(trigger, NULL, task);
    bench_linger(bench, BENCH_WAIT_MS);
}
END_TEST

START_TEST(under_our_trigger_a_killed_run_goes_on_with_its_number)
{
    const char *const words[] = {"triggered", directory, NULL};
    bench_second_kill(words, path_of("pid"));
    int64_t left = left_behind();

    struct bench *bench = open_bench();
    rdv_trigger *trigger = attach(bench);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    wait_for_the_end(bench, trigger);
    ck_assert(!rdv_test_is_running(left));
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 1\ntwo 2 1\nthree 1\n");
    char seen[128] = "";
    rdv_filter filter = {.size = sizeof filter, .flags = RDV_FILTER_FINISHED | RDV_FILTER_OUTPUT};
    ck_assert_int_eq(rdv_store_entries(bench->store, &filter, see_entry, seen), 0);
    ck_assert_str_eq(seen, "task 1 succeeded output of 2\n");
    assert_no_row(bench);
    close_both(bench, trigger);
}
END_TEST

static void schedule(rdv_trigger *trigger, int expected)
{
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("l", "task", "c", 1, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), expected);
    rdv_task_unref(task);
}

static int64_t interrupt_under_our_trigger(void)
{
    const char *const words[] = {"triggered", directory, NULL};
    bench_second_kill(words, path_of("pid"));
    return left_behind();
}

/* As a store would be whose history was restored, or a run that only an older version has given up. */
START_TEST(under_our_trigger_what_is_left_of_a_run_that_is_not_known_any_more_is_ended)
{
    int64_t left = interrupt_under_our_trigger();
    struct bench *bench = open_bench();
    ck_assert_int_eq(rdv__database_execute(rdv__store_database(bench->store),
                                           "DELETE FROM entry; INSERT OR REPLACE INTO "
                                           "counter VALUES ('number', 1)"),
                     0);
    rdv_trigger *trigger = attach(bench);
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (rdv__journal_get(bench->store, "task", no_rows, NULL) == 0 && rdv_test_clock() < end)
        bench_linger(bench, 5);
    assert_no_row(bench);
    ck_assert(!rdv_test_is_running(left));
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 1\n");
    close_both(bench, trigger);
}
END_TEST

static void do_nothing(rdv_run *run, void *user)
{
    (void)user;
    rdv_run_finish(run, 0, NULL);
}

START_TEST(under_our_trigger_what_is_left_of_steps_is_ended_before_a_c_handler_does_the_label)
{
    int64_t left = interrupt_under_our_trigger();
    struct bench *bench = open_bench();
    rdv_trigger_options options;
    rdv_trigger *trigger;
    char seen[128] = "";
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, NULL, &bench->agent), 0);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "l", do_nothing, NULL, 0), 0);
    rdv_trigger_options_init(&options);
    options.clock_wait = 0;
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &options, &trigger), 0);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(bench->agent)), 0);
    wait_for_the_end(bench, trigger);
    ck_assert(!rdv_test_is_running(left));
    assert_no_row(bench);
    rdv_filter filter = {.size = sizeof filter, .flags = RDV_FILTER_FINISHED};
    ck_assert_int_eq(rdv_store_entries(bench->store, &filter, see_entry, seen), 0);
    ck_assert_str_eq(seen, "task 1 succeeded ");
    close_both(bench, trigger);
}
END_TEST

/* It is recorded at once, and what is left is ended by whoever is attached next. */
START_TEST(under_our_trigger_a_run_can_be_cancelled_and_deleted_while_no_agent_is_attached)
{
    int64_t left = interrupt_under_our_trigger();
    struct bench *bench = open_bench();
    rdv_trigger *trigger;
    char seen[128] = "";
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, NULL, &trigger), 0);
    ck_assert_int_eq(rdv_trigger_delete(trigger, "task"), 0);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "task"), 0);
    bench_linger(bench, 20);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
    rdv_trigger_free(trigger);
    trigger = attach(bench);
    wait_for_the_end(bench, trigger);
    ck_assert(!rdv_test_is_running(left));
    assert_no_row(bench);
    rdv_filter filter = {.size = sizeof filter, .flags = RDV_FILTER_FINISHED};
    ck_assert_int_eq(rdv_store_entries(bench->store, &filter, see_entry, seen), 0);
    ck_assert_str_eq(seen, "task 1 cancelled ");
    close_both(bench, trigger);
}
END_TEST

START_TEST(under_our_trigger_a_start_and_the_journal_of_its_first_step_share_a_commit)
{
    struct bench *bench = open_bench();
    rdv_trigger *trigger = attach(bench);
    bench_linger(bench, 1);
    bench_write(bench, "hung", "");
    schedule(trigger, 0);
    rdv_store_options read_only;
    rdv_store_options_init(&read_only);
    read_only.flags = RDV_STORE_READ_ONLY;
    rdv_store *outside;
    ck_assert_int_eq(rdv_store_open(bench_path(bench, "store"), &read_only, &outside, NULL), 0);
    ck_assert_int_eq(rdv__journal_has_run(outside, 1), 0);
    rdv_store_close(outside);
    ck_assert_str_eq(bench_read(bench, "marks"), "");
    wait_for_the_end(bench, trigger);
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 1\nthree 1\n");
    close_both(bench, trigger);
}
END_TEST

static int refuse(void *user)
{
    (void)user;
    return 1;
}

START_TEST(under_our_trigger_nothing_is_left_of_a_start_that_cannot_be_recorded)
{
    struct bench *bench = open_bench();
    rdv_trigger *trigger = attach(bench);
    bench_linger(bench, 1);
    bench_write(bench, "hung", "");
    sqlite3_commit_hook(rdv__store_database(bench->store)->handle, refuse, NULL);
    schedule(trigger, RDV_EIO);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 0);
    sqlite3_commit_hook(rdv__store_database(bench->store)->handle, NULL, NULL);
    bench_linger(bench, 20);
    ck_assert_str_eq(bench_read(bench, "marks"), "");
    ck_assert_ptr_null(strstr(bench->log.text, "refused")); /* no report on it */
    assert_no_row(bench);
    schedule(trigger, 0);
    wait_for_the_end(bench, trigger);
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 2\nthree 1\n");
    close_both(bench, trigger);
}
END_TEST

START_TEST(under_our_trigger_a_journal_without_room_refuses_the_schedule)
{
    struct bench *bench = open_bench();
    rdv_trigger *trigger = attach(bench);
    bench_linger(bench, 1);
    ck_assert_int_eq(
        rdv__database_execute(rdv__store_database(bench->store), "PRAGMA max_page_count=1"),
        0); /* as it is */
    static char context[100000];
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("l", "task", context, sizeof context, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), RDV_ENOSPC);
    rdv_task_unref(task);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 0);
    bench_linger(bench, 20);
    ck_assert_str_eq(bench_read(bench, "marks"), "");
    close_both(bench, trigger);
}
END_TEST

static void terminated(void *user, int reason)
{
    (void)reason;
    ++*(int *)user;
}

START_TEST(under_our_trigger_a_start_that_meets_a_shutdown_is_left_to_the_next_process)
{
    struct bench *bench = open_bench();
    rdv_trigger *trigger = attach(bench);
    bench_linger(bench, 1);
    bench_write(bench, "hung", "");
    schedule(trigger, 0);
    int ended = 0;
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, terminated, &ended), 0);
    bench_wait(bench, &ended, 1);
    ck_assert_str_eq(bench_read(bench, "marks"), "");
    close_both(bench, trigger);

    bench = open_bench();
    trigger = attach(bench);
    wait_for_the_end(bench, trigger);
    ck_assert_str_eq(bench_read(bench, "marks"), "one 1\ntwo 1 1\nthree 1\n");
    close_both(bench, trigger);
}
END_TEST

/* A second process: its name, the folder, and its words. */
static int be_second(int argc, char **argv)
{
    snprintf(directory, sizeof directory, "%s", argv[2]);
    for (int i = 3; i < argc && i < 6; i++)
        second_words[i - 3] = argv[i];
    return bench_second_main(strcmp(argv[1], "stubborn") == 0    ? second_stubborn
                             : strcmp(argv[1], "triggered") == 0 ? second_triggered
                                                                 : second_interrupted);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return be_second(argc, argv);
    const TTest *const tests[] = {
        resume_repeats_the_step_that_was_interrupted,
        restart_begins_with_the_first_step,
        fail_ends_the_run_in_words,
        another_task_of_the_identifier_begins_anew_and_what_was_left_is_ended,
        a_run_left_in_the_journal_can_be_cancelled,
        a_run_whose_label_has_gone_fails_once_what_is_left_of_it_is_ended,
        a_run_whose_label_has_gone_can_be_cancelled,
        a_document_that_has_lost_the_step_begins_with_the_first,
        terminate_waits_for_what_was_left_and_keeps_the_run_for_the_next,
        cancelling_while_what_was_left_is_ended_starts_nothing,
        under_our_trigger_a_killed_run_goes_on_with_its_number,
        under_our_trigger_what_is_left_of_a_run_that_is_not_known_any_more_is_ended,
        under_our_trigger_what_is_left_of_steps_is_ended_before_a_c_handler_does_the_label,
        under_our_trigger_a_run_can_be_cancelled_and_deleted_while_no_agent_is_attached,
        under_our_trigger_a_start_and_the_journal_of_its_first_step_share_a_commit,
        under_our_trigger_nothing_is_left_of_a_start_that_cannot_be_recorded,
        under_our_trigger_a_journal_without_room_refuses_the_schedule,
        under_our_trigger_a_start_that_meets_a_shutdown_is_left_to_the_next_process,
    };
    Suite *suite = suite_create("agent_interrupt");
    TCase *tcase = tcase_create("interrupt");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    rdv_test_add_unless(tcase, freeing_the_agent_does_not_wait_for_what_was_left,
                        RDV_TEST_ON_WINDOWS("a job ends what could be left"));
    rdv_test_add_unless(tcase, a_process_that_has_copied_marks_is_no_part_of_the_run,
                        RDV_TEST_ON_WINDOWS("a job ends what could be left"));
    rdv_test_add_unless(tcase, a_run_of_an_older_version_is_known_by_its_store_and_number,
                        RDV_TEST_ON_WINDOWS("a job ends what could be left"));
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
