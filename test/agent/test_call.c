/* SPDX-License-Identifier: MIT */
/* Runs of C handlers: on the loop and on threads, finished from anywhere. */
#include "agent_bench.h"

#include "agent/function_run.h"
#include "platform/platform.h"
#include "platform/thread.h"

static struct bench *bench;

/* What the handlers below work with. */
static rdv_run *kept[8];
static int kept_count;
static int calls;
static int finished; /* atomic */

static void set_up(void)
{
    bench = bench_new(NULL, true);
    kept_count = 0;
    calls = 0;
    finished = 0;
}

static void tear_down(void)
{
    bench_free(bench);
}

static void add(rdv_handler_fn fn, unsigned flags)
{
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "l", fn, bench, flags), 0);
}

static int start(const char *identifier)
{
    return bench_start(bench, "l", identifier, "context");
}

static const struct rdv_kit_heard *last(void)
{
    return &bench->sink.heard[bench->sink.heard_count - 1];
}

static void report(rdv_run *run, rdv_status status, int progress, const char *message)
{
    rdv_report said = RDV_REPORT_INIT;
    said.status = status;
    said.progress = progress;
    said.message = message;
    ck_assert_int_eq(rdv_run_report(run, &said), 0);
}

static void keep(rdv_run *run, void *user)
{
    (void)user;
    kept[kept_count++] = run;
}

static void finish_at_once(rdv_run *run, void *user)
{
    (void)user;
    calls++;
    rdv_run_finish(run, 0, NULL);
}

/* ---------------------------------------------------------------- on the loop */

static void look_at_task(rdv_run *run, void *user)
{
    struct bench *b = user;
    size_t size;
    ck_assert_str_eq(rdv_task_label(rdv_run_task(run)), "l");
    ck_assert_str_eq(rdv_task_identifier(rdv_run_task(run)), "task");
    ck_assert_int_eq(memcmp(rdv_task_context(rdv_run_task(run), &size), "context", 7), 0);
    ck_assert_uint_eq(size, 7);
    ck_assert(!rdv_run_cancelled(run));
    report(run, RDV_STATUS_SEARCHING, 0, "looking");
    ck_assert_int_eq(b->sink.heard_count, 1); /* on the owner thread it is told directly */
    report(run, RDV_STATUS_APPLYING, 50, NULL);
    rdv_run_finish(run, 0, "all done");
}

START_TEST(a_handler_gets_its_task_reports_and_finishes)
{
    add(look_at_task, 0);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(bench->sink.heard_count, 3);
    ck_assert_int_eq(bench->sink.heard[0].status, RDV_STATUS_SEARCHING);
    ck_assert_int_eq(bench->sink.heard[0].progress, 0);
    ck_assert_str_eq(bench->sink.heard[0].message, "looking");
    ck_assert_int_eq(bench->sink.heard[1].progress, 50);
    ck_assert_int_eq(last()->status, RDV_STATUS_SUCCESS);
    ck_assert_str_eq(last()->message, "all done");
}
END_TEST

START_TEST(a_run_may_be_finished_later)
{
    add(keep, 0);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(start("task"), 0); /* in flight: no second run */
    ck_assert_int_eq(bench_start(bench, "l", "task", "other"), RDV_EBUSY);
    ck_assert_int_eq(start("another"), 0);
    ck_assert_int_eq(kept_count, 2);
    rdv_run_finish(kept[1], 7, "went wrong");
    ck_assert_str_eq(last()->identifier, "another");
    ck_assert_int_eq(last()->status, RDV_STATUS_FAILED);
    ck_assert_int_eq(last()->code, 7);
    ck_assert_str_eq(last()->message, "went wrong");
    rdv_run_finish(kept[0], 0, NULL);
    ck_assert_str_eq(last()->identifier, "task");
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(kept_count, 3);
    rdv_run_finish(kept[2], RDV_EIO, NULL);
    ck_assert_int_eq(last()->code, RDV_EIO);
    ck_assert_str_eq(last()->message, rdv_strerror(RDV_EIO));
}
END_TEST

START_TEST(what_is_not_a_runs_to_report_is_refused)
{
    add(keep, 0);
    ck_assert_int_eq(start("task"), 0);
    rdv_report said = RDV_REPORT_INIT;
    said.status = RDV_STATUS_SUCCESS;
    ck_assert_int_eq(rdv_run_report(kept[0], &said), RDV_EINVAL);
    said.status = RDV_STATUS_FAILED;
    ck_assert_int_eq(rdv_run_report(kept[0], &said), RDV_EINVAL);
    said.status = RDV_STATUS_TIMEOUT;
    ck_assert_int_eq(rdv_run_report(kept[0], &said), RDV_EINVAL);
    said.status = RDV_STATUS_APPLYING;
    said.message = "\xff";
    ck_assert_int_eq(rdv_run_report(kept[0], &said), RDV_EINVAL);
    ck_assert_int_eq(rdv_run_report(NULL, &said), RDV_EINVAL);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    ck_assert_int_eq(rdv_run_finish(NULL, 0, NULL), RDV_EINVAL);
    ck_assert_ptr_null(rdv_run_task(NULL));
    ck_assert(!rdv_run_cancelled(NULL));
    ck_assert_int_eq(rdv_run_finish(kept[0], 0, "\xff"), RDV_EINVAL);
    ck_assert_int_eq(last()->status, RDV_STATUS_SUCCESS); /* ended all the same */
    ck_assert_str_eq(last()->message, "");
}
END_TEST

START_TEST(handlers_are_checked_when_they_are_added)
{
    static char longest[RDV_NAME_MAX + 2];
    memset(longest, 'x', RDV_NAME_MAX + 1);
    ck_assert_int_eq(rdv_agent_add_handler(NULL, "l", keep, NULL, 0), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, NULL, keep, NULL, 0), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "", keep, NULL, 0), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "l", NULL, NULL, 0), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "l", keep, NULL, 2), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, longest, keep, NULL, 0), RDV_ELIMIT);
    add(keep, 0);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "l", keep, NULL, 0), RDV_EEXISTS);
}
END_TEST

START_TEST(a_label_can_be_checked_before_a_task_comes)
{
    const rdv_plugin_ops *ops = bench->plugin->ops;
    ck_assert_int_eq(ops->check_label(bench->plugin, "l"), RDV_ENOHANDLER);
    add(keep, 0);
    bench_load(bench, "{'handlers':[{'label':'a','steps':[{'run':['true']}]}]}");
    ck_assert_int_eq(ops->check_label(bench->plugin, "l"), 0);
    ck_assert_int_eq(ops->check_label(bench->plugin, "a"), 0);
    ck_assert_int_eq(ops->check_label(bench->plugin, "b"), RDV_ENOHANDLER);
}
END_TEST

START_TEST(how_long_a_function_takes_to_end_is_not_for_us_to_say)
{
    const rdv_plugin_ops *ops = bench->plugin->ops;
    add(keep, 0);
    bench_start(bench, "l", "task", "");
    ck_assert_int_eq(ops->cancel_task(bench->plugin, "task"), 0);
    ck_assert_int_eq(ops->end_wait(bench->plugin, "task"), 0);
    ck_assert_int_eq(rdv_run_finish(kept[0], 0, NULL), 0);
}
END_TEST

START_TEST(a_label_has_one_handler_of_whichever_kind)
{
    struct rdv_error error = {0};
    add(keep, 0);
    ck_assert_int_eq(bench_try(bench,
                               "{'handlers':[{'label':'a','steps':[{'run':['true']}]},\n"
                               "{'label':'l','steps':[{'run':['true']}]}]}",
                               &error),
                     RDV_EEXISTS);
    ck_assert_int_eq(error.line, 2);
    ck_assert_int_eq(error.column, 10);
    ck_assert_str_eq(error.path, "handlers[1].label");
    ck_assert_int_eq(bench_start(bench, "a", "task", ""), RDV_ENOHANDLER);
    bench_load(bench, "{'handlers':[{'label':'a','steps':[{'run':['true']}]}]}");
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "a", keep, NULL, 0), RDV_EEXISTS);
    /* A document replaces those of documents only. */
    bench_load(bench, "{'handlers':[]}");
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "a", keep, NULL, 0), 0);
    ck_assert_int_eq(start("task"), 0);
    rdv_run_finish(kept[0], 0, NULL);
}
END_TEST

START_TEST(many_runs_at_once_are_told_apart)
{
    enum { SOME = 300 };
    static rdv_run *runs[SOME];
    add(keep, 0);
    for (int i = 0; i < SOME; i++) {
        char identifier[16];
        snprintf(identifier, sizeof identifier, "task-%d", i);
        kept_count = 0;
        ck_assert_int_eq(start(identifier), 0);
        ck_assert_int_eq(start(identifier), 0);
        ck_assert_int_eq(kept_count, 1);
        runs[i] = kept[0];
    }
    for (int i = 0; i < SOME; i++) {
        rdv_run_finish(runs[(i * 7) % SOME], 0, NULL);
        char identifier[16];
        snprintf(identifier, sizeof identifier, "task-%d", (i * 7) % SOME);
        ck_assert_str_eq(last()->identifier, identifier);
    }
    ck_assert_int_eq(bench->sink.ended, SOME);
}
END_TEST

/* --------------------------------------------------------- other threads */

static void finish_elsewhere(void *user)
{
    rdv_run *run = user;
    report(run, RDV_STATUS_DOWNLOADING, 10, "ten");
    report(run, RDV_STATUS_APPLYING, 90, NULL);
    rdv_run_finish(run, 3, "from elsewhere");
}

START_TEST(a_run_may_be_reported_and_finished_from_any_thread)
{
    struct rdv__thread *thread;
    add(keep, 0);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(rdv__thread_new(finish_elsewhere, kept[0], &thread), 0);
    rdv__thread_join(thread);
    ck_assert_int_eq(bench->sink.heard_count, 0); /* told on the loop */
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(bench->sink.heard_count, 3);
    ck_assert_str_eq(bench->sink.heard[0].message, "ten");
    ck_assert_int_eq(bench->sink.heard[1].progress, 90);
    ck_assert_int_eq(last()->code, 3);
    ck_assert_str_eq(last()->message, "from elsewhere");
}
END_TEST

static void report_elsewhere(void *user)
{
    report(user, RDV_STATUS_DOWNLOADING, 1, "first");
}

START_TEST(reports_keep_their_order_across_threads)
{
    struct rdv__thread *thread;
    add(keep, 0);
    for (int i = 0; i < 2; i++) {
        kept_count = 0;
        bench->sink.heard_count = 0;
        ck_assert_int_eq(start("task"), 0);
        ck_assert_int_eq(rdv__thread_new(report_elsewhere, kept[0], &thread), 0);
        rdv__thread_join(thread);
        if (i == 0)
            report(kept[0], RDV_STATUS_APPLYING, 2, "second");
        rdv_run_finish(kept[0], 0, "third");
        bench_linger(bench, 5);
        ck_assert_int_eq(bench->sink.heard_count, i == 0 ? 3 : 2);
        ck_assert_str_eq(bench->sink.heard[0].message, "first");
        ck_assert_str_eq(last()->message, "third");
    }
}
END_TEST

START_TEST(a_run_finished_on_the_loop_has_said_what_was_said_elsewhere)
{
    struct rdv__thread *thread;
    add(keep, 0);
    ck_assert_int_eq(start("a"), 0);
    ck_assert_int_eq(start("b"), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rdv__thread_new(report_elsewhere, kept[i], &thread), 0);
        rdv__thread_join(thread);
    }
    rdv_run_finish(kept[1], 0, NULL);
    ck_assert_int_eq(bench->sink.heard_count, 2);
    ck_assert_str_eq(bench->sink.heard[0].identifier, "b");
    ck_assert_str_eq(bench->sink.heard[0].message, "first");
    bench_linger(bench, 5);
    ck_assert_int_eq(bench->sink.heard_count, 3);
    ck_assert_str_eq(last()->identifier, "a");
    rdv_run_finish(kept[0], 0, NULL);
}
END_TEST

enum { MANY = 1500 }; /* more than are served in one turn */
static rdv_run *many[MANY];

static void finish_many(void *user)
{
    (void)user;
    for (int i = 0; i < MANY; i++)
        rdv_run_finish(many[i], 0, NULL);
}

START_TEST(many_runs_may_finish_at_once_on_another_thread)
{
    struct rdv__thread *thread;
    add(keep, 0);
    for (int i = 0; i < MANY; i++) {
        char identifier[16];
        snprintf(identifier, sizeof identifier, "task-%d", i);
        kept_count = 0;
        ck_assert_int_eq(start(identifier), 0);
        many[i] = kept[0];
    }
    ck_assert_int_eq(rdv__thread_new(finish_many, NULL, &thread), 0);
    rdv__thread_join(thread);
    bench_wait(bench, &bench->sink.ended, MANY);
    ck_assert_int_eq(bench->sink.heard_count, MANY);
}
END_TEST

static void flood(void *user)
{
    rdv_run *run = user;
    for (int i = 0; i <= 100; i++) {
        report(run, RDV_STATUS_DOWNLOADING, i, NULL);
        report(run, RDV_STATUS_DOWNLOADING, i, "again");
    }
    report(run, RDV_STATUS_APPLYING, 1, NULL);
    for (int i = 0; i <= 100; i++)
        report(run, RDV_STATUS_APPLYING, i, NULL);
    rdv_run_finish(run, 0, NULL);
}

START_TEST(reports_that_come_too_fast_are_thinned_out_but_no_change_of_status_is_lost)
{
    struct rdv__thread *thread;
    add(keep, 0);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(rdv__thread_new(flood, kept[0], &thread), 0);
    rdv__thread_join(thread);
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(bench->sink.heard_count, RDV__CALL_REPORTS + 1);
    ck_assert_int_eq(bench->sink.heard[0].status, RDV_STATUS_DOWNLOADING);
    ck_assert_int_eq(bench->sink.heard[0].progress, 0);
    const struct rdv_kit_heard *before_end = last() - 1;
    ck_assert_int_eq(before_end->status, RDV_STATUS_APPLYING);
    ck_assert_int_eq(before_end->progress, 100); /* the latest always arrives */
    int i = 0;
    while (bench->sink.heard[i].status == RDV_STATUS_DOWNLOADING)
        i++;
    ck_assert_int_eq(bench->sink.heard[i - 1].progress, 100);
    for (; i < bench->sink.heard_count - 1; i++)
        ck_assert_int_eq(bench->sink.heard[i].status, RDV_STATUS_APPLYING);
}
END_TEST

static void flood_with_changes(void *user)
{
    rdv_run *run = user;
    for (int i = 0; i < RDV__CALL_REPORTS + 6; i++)
        report(run, i % 2 ? RDV_STATUS_APPLYING : RDV_STATUS_DOWNLOADING, i, NULL);
    rdv_run_finish(run, 0, NULL);
}

START_TEST(past_the_bound_even_changes_of_status_give_way_to_the_latest)
{
    struct rdv__thread *thread;
    add(keep, 0);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(rdv__thread_new(flood_with_changes, kept[0], &thread), 0);
    rdv__thread_join(thread);
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(bench->sink.heard_count, RDV__CALL_REPORTS + 1);
    ck_assert_int_eq((last() - 1)->progress, RDV__CALL_REPORTS + 5);
}
END_TEST

/* A thread of its own. */
static void on_a_thread(rdv_run *run, void *user)
{
    (void)user;
    report(run, RDV_STATUS_SEARCHING, -1, "on a thread");
    rdv_run_finish(run, 0, NULL);
    rdv__atomic_add(&finished, 1);
}

START_TEST(a_handler_with_a_thread_runs_on_it_and_it_is_joined)
{
    add(on_a_thread, RDV_HANDLER_THREAD);
    ck_assert_int_eq(start("first"), 0); /* a sanitizer may start a thread of its own with it */
    bench_wait(bench, &bench->sink.ended, 1);
    bench_linger(bench, 20);
    int threads = rdv_test_threads();
    for (int i = 1; i < 20; i++) {
        char identifier[16];
        snprintf(identifier, sizeof identifier, "task-%d", i);
        ck_assert_int_eq(start(identifier), 0);
    }
    bench_wait(bench, &bench->sink.ended, 20);
    ck_assert_int_eq(bench->sink.heard_count, 40);
    bench_linger(bench, 20);
    ck_assert_int_eq(rdv__atomic_load(&finished), 20);
    /* One that has been joined may take a moment to go, and a system's pool may lose some of its own. */
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (rdv_test_threads() > threads && rdv_test_clock() < end)
        bench_linger(bench, 10);
    ck_assert_int_le(rdv_test_threads(), threads);
}
END_TEST

static void until_cancelled(rdv_run *run, void *user)
{
    (void)user;
    while (!rdv_run_cancelled(run))
        rdv_test_sleep(1);
    rdv__atomic_add(&finished, 1);
    rdv_run_finish(run, RDV_ECANCELLED, "stopped");
}

START_TEST(cancelling_a_run_is_seen_and_its_end_is_reported)
{
    add(until_cancelled, RDV_HANDLER_THREAD);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "other"), RDV_ENOTFOUND);
    bench_linger(bench, 20);
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(last()->status, RDV_STATUS_FAILED);
    ck_assert_int_eq(last()->code, RDV_ECANCELLED);
}
END_TEST

START_TEST(terminate_waits_for_threads_and_an_error_then_counts_as_interrupted)
{
    add(until_cancelled, RDV_HANDLER_THREAD);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    ck_assert_int_eq(bench->sink.terminated, 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    ck_assert_int_eq(rdv__atomic_load(&finished), 1);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    ck_assert_int_eq(bench->sink.references, 0);
}
END_TEST

START_TEST(a_success_after_terminate_is_reported)
{
    add(keep, 0);
    ck_assert_int_eq(start("a"), 0);
    ck_assert_int_eq(start("b"), 0);
    ck_assert_int_eq(start("c"), 0);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "c"), 0);
    ck_assert(!rdv_run_cancelled(kept[0]));
    ck_assert(rdv_run_cancelled(kept[2]));
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 5), 0);
    ck_assert(rdv_run_cancelled(kept[0]));
    rdv_run_finish(kept[0], 0, NULL);
    ck_assert_int_eq(bench->sink.heard_count, 1);
    ck_assert_int_eq(last()->status, RDV_STATUS_SUCCESS);
    rdv_run_finish(kept[2], 1, NULL); /* it was cancelled before: that is an end, no interruption */
    ck_assert_int_eq(bench->sink.heard_count, 2);
    ck_assert_int_eq(bench->sink.terminated, 0);
    rdv_run_finish(kept[1], 1, NULL);
    ck_assert_int_eq(bench->sink.heard_count, 2);
    ck_assert_int_eq(bench->sink.terminated, 1);
    ck_assert_int_eq(bench->sink.reason, 5);
}
END_TEST

START_TEST(a_run_that_nobody_knows_any_more_is_cancelled_and_silent)
{
    add(keep, 0);
    ck_assert_int_eq(start("task"), 0);
    bench->sink.answer = RDV_ENOTFOUND;
    report(kept[0], RDV_STATUS_APPLYING, 1, NULL);
    ck_assert(rdv_run_cancelled(kept[0]));
    report(kept[0], RDV_STATUS_APPLYING, 2, NULL);
    rdv_run_finish(kept[0], 0, NULL);
    ck_assert_int_eq(bench->sink.heard_count, 1);
}
END_TEST

START_TEST(a_report_that_is_lost_goes_to_the_log)
{
    rdv_report said = RDV_REPORT_INIT;
    said.status = RDV_STATUS_APPLYING;
    add(keep, 0);
    ck_assert_int_eq(start("task"), 0);
    bench->sink.answer = RDV_EIO;
    ck_assert_int_eq(rdv_run_report(kept[0], &said), 0);
    ck_assert_ptr_nonnull(strstr(bench->log.text, "task: a report was lost: "));
    bench->sink.answer = RDV_ENOMEM;
    ck_assert_int_eq(rdv_run_report(kept[0], &said), RDV_ENOMEM);
    rdv_run_finish(kept[0], 0, NULL);
}
END_TEST

/* --------------------------------------------------------------------- free */

START_TEST(a_run_outlives_its_agent_until_it_is_finished)
{
    struct rdv__thread *thread;
    add(keep, 0);
    for (int i = 0; i < 4; i++) {
        char identifier[16];
        snprintf(identifier, sizeof identifier, "task-%d", i);
        ck_assert_int_eq(start(identifier), 0);
    }
    /* One is finished already, one has something to say, on their way to a loop that does not turn any more. */
    ck_assert_int_eq(rdv__thread_new(finish_elsewhere, kept[0], &thread), 0);
    rdv__thread_join(thread);
    ck_assert_int_eq(rdv__thread_new(report_elsewhere, kept[1], &thread), 0);
    rdv__thread_join(thread);
    bench_free(bench);
    ck_assert(rdv_run_cancelled(kept[1]));
    ck_assert_str_eq(rdv_task_identifier(rdv_run_task(kept[2])), "task-2");
    report(kept[1], RDV_STATUS_APPLYING, 5, NULL);
    rdv_run_finish(kept[1], 0, NULL);
    rdv_run_finish(kept[2], 1, "words");
    ck_assert_int_eq(rdv__thread_new(finish_elsewhere, kept[3], &thread), 0);
    rdv__thread_join(thread);
    bench = bench_new(NULL, true);
}
END_TEST

START_TEST(freeing_the_agent_joins_the_threads)
{
    add(until_cancelled, RDV_HANDLER_THREAD);
    ck_assert_int_eq(start("a"), 0);
    ck_assert_int_eq(start("b"), 0);
    rdv_agent_free(bench->agent);
    bench->agent = NULL;
    ck_assert_int_eq(rdv__atomic_load(&finished), 2);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    bench_linger(bench, 5); /* what the threads have posted */
}
END_TEST

START_TEST(freeing_agent_and_loop_drops_what_was_posted)
{
    add(until_cancelled, RDV_HANDLER_THREAD);
    ck_assert_int_eq(start("a"), 0);
    bench_free(bench);
    bench = bench_new(NULL, true);
}
END_TEST

/* ------------------------------------------------------------- with trigger */

static void work_a_little(rdv_run *run, void *user)
{
    (void)user;
    for (int i = 0; i <= 100; i += 25)
        report(run, RDV_STATUS_APPLYING, i, "working");
    rdv_run_finish(run, 0, NULL);
    rdv__atomic_add(&finished, 1);
}

static void run_under_trigger(unsigned flags, int count, int at_once)
{
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, NULL, &bench->agent), 0);
    add(work_a_little, flags);
    rdv_trigger *trigger;
    rdv_trigger_options options;
    rdv_trigger_options_init(&options);
    options.max_running = at_once;
    options.clock_wait = 0; /* whenever the machine was started */
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &options, &trigger), 0);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(bench->agent)), 0);
    ck_assert_int_eq(rdv_trigger_begin(trigger), 0);
    for (int i = 0; i < count; i++) {
        rdv_task *task;
        ck_assert_int_eq(rdv_task_new("l", NULL, "c", 1, &task), 0);
        ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), 0);
        rdv_task_unref(task);
    }
    ck_assert_int_eq(rdv_trigger_commit(trigger), 0);
    int64_t end = rdv_test_clock() + 2 * BENCH_WAIT_MS;
    while (rdv_trigger_unfinished(trigger) > 0 && rdv_test_clock() < end)
        bench_linger(bench, 1);
    ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 0);
    ck_assert_int_eq(rdv__atomic_load(&finished), count);
    rdv_trigger_free(trigger);
    rdv_agent_free(bench->agent);
    bench->agent = NULL;
}

START_TEST(under_our_trigger_handlers_on_the_loop_do_all_tasks)
{
    run_under_trigger(0, 200, 8);
}
END_TEST

START_TEST(under_our_trigger_handlers_on_threads_do_all_tasks)
{
    run_under_trigger(RDV_HANDLER_THREAD, 100, 8);
}
END_TEST

START_TEST(a_handler_that_finishes_at_once_is_called_once)
{
    add(finish_at_once, 0);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(bench->sink.ended, 1);
    ck_assert_int_eq(start("task"), 0);
    ck_assert_int_eq(calls, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call");
    struct {
        const char *name;
        const TTest *tests[12];
    } cases[] = {
        {"loop",
         {a_handler_gets_its_task_reports_and_finishes, a_run_may_be_finished_later,
          what_is_not_a_runs_to_report_is_refused, handlers_are_checked_when_they_are_added,
          a_label_can_be_checked_before_a_task_comes,
          how_long_a_function_takes_to_end_is_not_for_us_to_say,
          a_label_has_one_handler_of_whichever_kind, many_runs_at_once_are_told_apart,
          a_handler_that_finishes_at_once_is_called_once,
          a_run_that_nobody_knows_any_more_is_cancelled_and_silent,
          a_report_that_is_lost_goes_to_the_log}},
        {"threads",
         {a_run_may_be_reported_and_finished_from_any_thread,
          reports_keep_their_order_across_threads,
          a_run_finished_on_the_loop_has_said_what_was_said_elsewhere,
          many_runs_may_finish_at_once_on_another_thread,
          reports_that_come_too_fast_are_thinned_out_but_no_change_of_status_is_lost,
          past_the_bound_even_changes_of_status_give_way_to_the_latest,
          a_handler_with_a_thread_runs_on_it_and_it_is_joined}},
        {"end of work",
         {cancelling_a_run_is_seen_and_its_end_is_reported,
          terminate_waits_for_threads_and_an_error_then_counts_as_interrupted,
          a_success_after_terminate_is_reported, a_run_outlives_its_agent_until_it_is_finished,
          freeing_the_agent_joins_the_threads, freeing_agent_and_loop_drops_what_was_posted}},
        {"trigger",
         {under_our_trigger_handlers_on_the_loop_do_all_tasks,
          under_our_trigger_handlers_on_threads_do_all_tasks}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TCase *tcase = tcase_create(cases[i].name);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_set_timeout(tcase, 60);
        for (size_t k = 0; cases[i].tests[k]; k++)
            tcase_add_test(tcase, cases[i].tests[k]);
        suite_add_tcase(suite, tcase);
    }
    return rdv_test_main(suite);
}
