/* SPDX-License-Identifier: MIT */
/*
 * Runs whose handler is a C function. agent.c begins them; the function is called on the loop or on
 * a thread of its own, and reports and finishes by the public rdv_run_… functions, from any thread
 * and for as long as it likes, even after the agent was freed.
 *
 * What other threads say waits in the run, under the lock of struct rdv__function_runs, and the owner
 * thread delivers it in a turn of its own. Each run, the agent and each post under way have a
 * reference on struct rdv__function_runs. A run is only ever freed by the owner thread, or, once the agent
 * has gone, by whoever finishes it.
 */
#include "agent/function_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"

/* How soon it is tried again to start a thread, after that has failed. It doubles from first to
 * last. */
#define DELAY_FIRST RDV_SECOND
#define DELAY_LAST  RDV_MINUTE

/* How many runs are served in one turn, before other work on the loop gets its turn. */
#define SERVED_A_TURN 1024

/* A report on its way from another thread to the loop. */
struct waiting_report {
    struct waiting_report *next;
    rdv_status status;
    int progress, code, attempt;
    bool has_message;
    /* Ends with NUL. */
    char message[];
};

struct rdv_run {
    /* Only the owner thread uses it, except for run.task, which never changes. */
    struct rdv__run run;
    struct rdv__function_runs *calls;
    /* Atomic. */
    int cancelled;
    /* cancel_task() has asked for it, and not a shutdown. */
    bool cancel_asked;
    /* Under the lock, from here to message. */
    bool queued;
    struct rdv_run *next_queued;
    struct waiting_report *first, *last;
    int count;
    /* It was finished from another thread; how, is in what follows. */
    bool finished;
    int result;
    char *message;
    /* Used by the owner thread as long as the system is short of something, and the run has no
     * thread yet: the timer that tries again (else NULL), and what is to be called. */
    rdv_timer *again;
    rdv_duration delay;
    rdv_handler_fn fn;
    void *user;
};

/* A thread that runs a handler. The run may be gone before the thread: the handler may have ended
 * it. */
struct worker {
    struct rdv__post post;
    /* Used by the owner thread; NULL once the thread was joined. */
    struct rdv__function_runs *calls;
    rdv_loop *loop;
    struct rdv__thread *thread;
    rdv_handler_fn fn;
    void *user;
    struct rdv_run *run;
    struct worker *next, *previous;
};

struct rdv__function_runs {
    struct rdv__post post;
    /* Atomic. The agent has one, and so have each run and a post under way. */
    int references;
    struct rdv__mutex *lock;
    /* Used by the owner thread. */
    struct worker *workers;
    /* Under the lock: */
    /* NULL once the agent is freed. */
    struct rdv__runs *runs;
    bool posted;
    /* Runs that have something to say. */
    struct rdv_run *first, *last;
};

static void unref_calls(struct rdv__function_runs *calls)
{
    if (rdv__atomic_add(&calls->references, -1) > 0)
        return;
    rdv__mutex_free(calls->lock);
    free(calls);
}

static void free_reports(struct waiting_report *waiting)
{
    while (waiting) {
        struct waiting_report *next = waiting->next;
        free(waiting);
        waiting = next;
    }
}

/* The run is out of all lists. */
static void free_run(struct rdv_run *run)
{
    free_reports(run->first);
    free(run->message);
    rdv_task_unref(run->run.task);
    unref_calls(run->calls);
    free(run);
}

/* ----------------------------------------------------- on the owner thread */

static int report_to_sink(struct rdv_run *run, const rdv_report *report)
{
    if (run->run.gone)
        return 0;
    int result = rdv__runs_report(&run->run, report);
    if (result == RDV_ENOTFOUND) {
        /* The run has timed out meanwhile, or its trigger agent has gone: nobody waits for it. */
        run->run.gone = true;
        rdv__atomic_store(&run->cancelled, 1);
        return 0;
    }
    if (result)
        rdv__log(&run->run.runs->log, RDV_LOG_ERROR, "%s: a report was lost: %s",
                 rdv_task_identifier(run->run.task), rdv_strerror(result));
    return result == RDV_ENOMEM ? result : 0;
}

/* End the run, and free it. */
static void end_run(struct rdv_run *run, int result, const char *message)
{
    rdv_report report = RDV_REPORT_INIT;
    report.status = result ? RDV_STATUS_FAILED : RDV_STATUS_SUCCESS;
    report.code = result;
    report.message = !message && result < 0 ? rdv_strerror(result) : message;

    /* The order matters: the sink may start the same task anew at once, and the agent is not done
     * before the sink was told. */
    rdv__runs_release(&run->run);
    if (result == 0 || run->cancel_asked || !run->run.runs->terminating)
        report_to_sink(run, &report);
    rdv__runs_remove(&run->run);
    free_run(run);
}

/* Under the lock. */
static void take_from_queue(struct rdv_run *run)
{
    struct rdv__function_runs *calls = run->calls;
    struct rdv_run *previous = NULL;
    for (struct rdv_run *at = calls->first; at != run; at = at->next_queued)
        previous = at;
    if (previous)
        previous->next_queued = run->next_queued;
    else
        calls->first = run->next_queued;
    if (calls->last == run)
        calls->last = previous;
    run->queued = false;
}

/* Report what was said on other threads. May end and free the run. */
static void deliver_reports(struct rdv_run *run)
{
    struct rdv__mutex *lock = run->calls->lock;
    rdv__mutex_lock(lock);
    struct waiting_report *reports = run->first;
    bool finished = run->finished;
    run->first = NULL;
    run->last = NULL;
    run->count = 0;
    /*
     * The run may have got back into the queue since it was taken out, by the end that is seen now.
     */
    if (finished && run->queued)
        take_from_queue(run);
    rdv__mutex_unlock(lock);

    for (const struct waiting_report *waiting = reports; waiting; waiting = waiting->next) {
        rdv_report report = RDV_REPORT_INIT;
        report.status = waiting->status;
        report.progress = waiting->progress;
        report.code = waiting->code;
        report.attempt = waiting->attempt;
        report.message = waiting->has_message ? waiting->message : NULL;
        report_to_sink(run, &report);
    }
    free_reports(reports);
    if (finished)
        end_run(run, run->result, run->message);
}

static void ask_for_turn(struct rdv__function_runs *calls)
{
    if (calls->posted)
        return;
    calls->posted = true;
    rdv__atomic_add(&calls->references, 1);
    rdv__loop_post(calls->runs->loop, &calls->post);
}

static void serve_post(struct rdv__post *post)
{
    struct rdv__function_runs *calls = (struct rdv__function_runs *)post;
    rdv__mutex_lock(calls->lock);
    calls->posted = false;
    for (int served = 0; calls->first; served++) {
        struct rdv_run *run = calls->first;
        if (served == SERVED_A_TURN) {
            ask_for_turn(calls);
            break;
        }
        take_from_queue(run);
        rdv__mutex_unlock(calls->lock);
        deliver_reports(run);
        rdv__mutex_lock(calls->lock);
    }
    rdv__mutex_unlock(calls->lock);
    unref_calls(calls);
}

static void drop_post(struct rdv__post *post)
{
    unref_calls((struct rdv__function_runs *)post);
}

/* ---------------------------------------------------------- on any thread */

/* Whether the caller is on the loop of an agent that is still there. */
static bool is_on_owner_thread(struct rdv_run *run, bool *ret_waiting)
{
    struct rdv__function_runs *calls = run->calls;
    rdv__mutex_lock(calls->lock);
    bool owner = calls->runs && rdv__loop_is_owner(calls->runs->loop);
    *ret_waiting = run->queued;
    rdv__mutex_unlock(calls->lock);
    return owner;
}

/* Under the lock. */
static void enqueue_run(struct rdv_run *run)
{
    struct rdv__function_runs *calls = run->calls;
    if (!run->queued) {
        run->queued = true;
        run->next_queued = NULL;
        if (calls->last)
            calls->last->next_queued = run;
        else
            calls->first = run;
        calls->last = run;
    }
    ask_for_turn(calls);
}

/*
 * Make room in a full list for a report with this status; under the lock. What goes is the newest
 * report that is followed by one of the same status, so that every change of status stays. If there
 * is none, the newest report of all goes.
 */
static void thin_out_reports(struct rdv_run *run, rdv_status status)
{
    struct waiting_report *found = NULL, *before_found = NULL, *before = NULL;
    for (struct waiting_report *at = run->first; at; before = at, at = at->next) {
        bool superseded = at->status == (at->next ? at->next->status : status);
        if (superseded || (!at->next && !found)) {
            found = at;
            before_found = before;
        }
    }
    if (before_found)
        before_found->next = found->next;
    else
        run->first = found->next;
    if (run->last == found)
        run->last = before_found;
    run->count--;
    free(found);
}

static struct waiting_report *new_waiting_report(const rdv_report *report)
{
    size_t size = report->message ? strlen(report->message) : 0;
    if (size > RDV_MESSAGE_MAX)
        size = rdv__utf8_cut(report->message, size, RDV_MESSAGE_MAX);
    struct waiting_report *waiting = malloc(sizeof *waiting + size + 1);
    if (!waiting)
        return NULL;
    waiting->next = NULL;
    waiting->status = report->status;
    waiting->progress = report->progress;
    waiting->code = report->code;
    waiting->attempt = report->attempt;
    waiting->has_message = report->message != NULL;
    if (size)
        memcpy(waiting->message, report->message, size);
    waiting->message[size] = '\0';
    return waiting;
}

rdv_task *rdv_run_task(const rdv_run *run)
{
    return run ? run->run.task : NULL;
}

bool rdv_run_cancelled(const rdv_run *run)
{
    return run && rdv__atomic_load(&run->cancelled);
}

int rdv_run_report(rdv_run *run, const rdv_report *report)
{
    if (!run)
        return RDV_EINVAL;
    int result = rdv_report_check(report);
    if (result)
        return result;
    if (report->status == RDV_STATUS_SUCCESS || report->status == RDV_STATUS_FAILED)
        return RDV_EINVAL;

    bool waiting;
    if (is_on_owner_thread(run, &waiting)) {
        if (waiting)
            deliver_reports(run);
        return report_to_sink(run, report);
    }

    struct waiting_report *copy = new_waiting_report(report);
    if (!copy)
        return RDV_ENOMEM;
    rdv__mutex_lock(run->calls->lock);
    if (run->calls->runs) {
        if (run->count == RDV__CALL_REPORTS)
            thin_out_reports(run, copy->status);
        if (run->last)
            run->last->next = copy;
        else
            run->first = copy;
        run->last = copy;
        run->count++;
        copy = NULL;
        enqueue_run(run);
    }
    rdv__mutex_unlock(run->calls->lock);
    free(copy);
    return 0;
}

static char *copy_message(const char *message)
{
    size_t size = rdv__utf8_cut(message, strlen(message), RDV_MESSAGE_MAX);
    char *copy = malloc(size + 1);
    if (copy) {
        memcpy(copy, message, size);
        copy[size] = '\0';
    }
    return copy;
}

int rdv_run_finish(rdv_run *run, int result, const char *message)
{
    if (!run)
        return RDV_EINVAL;
    int answer = 0;
    if (message && !rdv__utf8_valid(message, strlen(message))) {
        message = NULL;
        answer = RDV_EINVAL;
    }

    bool waiting;
    if (is_on_owner_thread(run, &waiting)) {
        if (waiting) {
            deliver_reports(run);
            rdv__mutex_lock(run->calls->lock);
            if (run->queued)
                take_from_queue(run);
            rdv__mutex_unlock(run->calls->lock);
        }
        end_run(run, result, message);
        return answer;
    }

    struct rdv__function_runs *calls = run->calls;
    char *copy = message ? copy_message(message) : NULL;
    rdv__mutex_lock(calls->lock);
    run->message = copy;
    run->result = result;
    bool orphan = !calls->runs;
    if (!orphan) {
        run->finished = true;
        enqueue_run(run);
    }
    rdv__mutex_unlock(calls->lock);
    if (orphan)
        free_run(run);
    return answer;
}

/* ------------------------------------------------------------------ threads */

static void work(void *user)
{
    struct worker *worker = user;
    worker->fn(worker->run, worker->user);
    rdv__loop_post(worker->loop, &worker->post);
}

static void join(struct worker *worker)
{
    struct rdv__function_runs *calls = worker->calls;
    rdv__thread_join(worker->thread);
    if (worker->previous)
        worker->previous->next = worker->next;
    else
        calls->workers = worker->next;
    if (worker->next)
        worker->next->previous = worker->previous;
    worker->calls = NULL;
}

static void worked(struct rdv__post *post)
{
    struct worker *worker = (struct worker *)post;
    struct rdv__function_runs *calls = worker->calls;
    if (calls) {
        struct rdv__runs *runs = calls->runs;
        join(worker);
        rdv__runs_drop(runs);
    }
    free(worker);
}

static void worker_dropped(struct rdv__post *post)
{
    free(post);
}

static int start_worker(struct rdv__function_runs *calls, struct rdv_run *run, rdv_handler_fn fn,
                        void *user)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return RDV_ENOMEM;
    worker->post.fn = worked;
    worker->post.drop = worker_dropped;
    worker->calls = calls;
    worker->loop = calls->runs->loop;
    worker->fn = fn;
    worker->user = user;
    worker->run = run;
    int result = rdv__thread_new(work, worker, &worker->thread);
    if (result) {
        free(worker);
        return result;
    }
    worker->next = calls->workers;
    if (worker->next)
        worker->next->previous = worker;
    calls->workers = worker;
    rdv__runs_hold(calls->runs);
    return 0;
}

/* -------------------------------------------------------- the agent's side */

static void interrupt(struct rdv__run *base)
{
    struct rdv_run *run = (struct rdv_run *)base;
    rdv__atomic_store(&run->cancelled, 1);
    if (run->again)
        rdv_timer_start(run->again, 0);
}

static void cancel(struct rdv__run *base)
{
    ((struct rdv_run *)base)->cancel_asked = true;
    interrupt(base);
}

/* Runs of this kind can't be destroyed: their handlers still use them. rdv__function_runs_free() lets go of
 * them. */
static const struct rdv__run_ops ops = {.cancel = cancel, .interrupt = interrupt};

int rdv__function_runs_new(struct rdv__runs *runs, struct rdv__function_runs **ret_calls)
{
    struct rdv__function_runs *calls = calloc(1, sizeof *calls);
    if (!calls)
        return RDV_ENOMEM;
    int result = rdv__mutex_new(&calls->lock);
    if (result) {
        free(calls);
        return result;
    }
    calls->post.fn = serve_post;
    calls->post.drop = drop_post;
    calls->references = 1;
    calls->runs = runs;
    *ret_calls = calls;
    return 0;
}

void rdv__function_runs_free(struct rdv__function_runs *calls)
{
    if (!calls)
        return;
    struct rdv__runs *runs = calls->runs;
    struct rdv_run *over = NULL;

    /* The lock is held for all of it: whoever finishes a run afterwards frees it. */
    rdv__mutex_lock(calls->lock);
    for (struct rdv__run *base = runs->first, *next; base; base = next) {
        next = base->next;
        if (base->ops != &ops)
            continue;
        struct rdv_run *run = (struct rdv_run *)base;
        rdv__runs_remove(base);
        rdv__atomic_store(&run->cancelled, 1);
        run->queued = false;
        if (run->finished || run->again) {
            run->next_queued = over;
            over = run;
        }
    }
    calls->first = NULL;
    calls->last = NULL;
    calls->runs = NULL;
    rdv__mutex_unlock(calls->lock);

    while (over) {
        struct rdv_run *run = over;
        over = run->next_queued;
        rdv_timer_free(run->again);
        free_run(run);
    }
    while (calls->workers) {
        join(calls->workers);
        rdv__runs_drop(runs);
    }
    unref_calls(calls);
}

static void start_later(struct rdv_run *run, int result)
{
    char text[RDV_DURATION_TEXT_SIZE];
    run->delay = run->delay == 0               ? DELAY_FIRST
                 : run->delay < DELAY_LAST / 2 ? 2 * run->delay
                                               : DELAY_LAST;
    rdv_duration_format(run->delay, text, sizeof text);
    rdv__log(&run->run.runs->log, RDV_LOG_WARNING,
             "%s: cannot have a thread: %s; trying again in %s", rdv_task_identifier(run->run.task),
             rdv_strerror(result), text);
    rdv_timer_start(run->again, run->delay);
}

/* May end the run. */
static void start_thread_again(void *user)
{
    struct rdv_run *run = user;
    rdv_timer *again = run->again;
    int result = rdv__atomic_load(&run->cancelled)
                     ? RDV_ECANCELLED
                     : start_worker(run->calls, run, run->fn, run->user);
    if (result && result != RDV_ECANCELLED) {
        start_later(run, result);
        return;
    }
    run->again = NULL;
    rdv_timer_free(again);
    if (result)
        end_run(run, result, "cancelled");
}

int rdv__function_runs_start(struct rdv__function_runs *calls, rdv_task *task, rdv_handler_fn fn,
                             void *user, unsigned flags)
{
    struct rdv_run *run = calloc(1, sizeof *run);
    if (!run)
        return RDV_ENOMEM;
    run->calls = calls;
    rdv__atomic_add(&calls->references, 1);
    rdv__runs_add(calls->runs, &run->run, &ops, task);
    if (!(flags & RDV_HANDLER_THREAD)) {
        fn(run, user);
        return 0;
    }
    int result = start_worker(calls, run, fn, user);
    if (result) {
        run->fn = fn;
        run->user = user;
        if (rdv_timer_new(calls->runs->loop, start_thread_again, run, &run->again) == 0) {
            start_later(run, result);
            return 0;
        }
        rdv__runs_remove(&run->run);
        free_run(run);
    }
    return result;
}
