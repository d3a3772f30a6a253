/* SPDX-License-Identifier: MIT */
/*
 * Our side of the benchmarks: each command does one thing for a while and prints its figures as NAME=NUMBER lines.
 * bench.py runs it, beside what it is compared with.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

#include "agent/process.h"
#include "measure.h"

struct bench {
    rdv_loop *loop;
    rdv_store *store;
    rdv_agent *agent;
    rdv_trigger *trigger;
    rdv_watch *watch;
    int64_t done;
};

static void check(int result, const char *what)
{
    if (result != 0) {
        fprintf(stderr, "bench: %s: %s\n", what, rdv_strerror(result));
        exit(1);
    }
}

static int count_end(void *user, const rdv_entry *entry)
{
    struct bench *bench = user;
    bench->done += entry->state == RDV_STATE_FINISHED;
    return 0;
}

static void finish_at_once(rdv_run *run, void *user)
{
    (void)user;
    check(rdv_run_finish(run, 0, NULL), "finish");
}

static void open_store(struct bench *bench, const char *path)
{
    struct rdv_error error;
    check(rdv_loop_new(&bench->loop), "loop");
    const int result = rdv_store_open(path, NULL, &bench->store, &error);
    check(result, result ? error.text : "");
}

/* The supervisor as in the options of a task agent: NULL = direct children. */
static void begin_supervised(struct bench *bench, const char *path, int max_running,
                             const char *supervisor)
{
    rdv_agent_options agent_options;
    rdv_trigger_options options;
    rdv_agent_options_init(&agent_options);
    agent_options.supervisor = supervisor;
    rdv_trigger_options_init(&options);
    options.max_running = max_running;
    options.clock_wait = 0;
    *bench = (struct bench){0};
    open_store(bench, path);
    check(rdv_agent_new(bench->loop, bench->store, &agent_options, &bench->agent), "agent");
    check(rdv_agent_add_handler(bench->agent, "job", finish_at_once, bench, 0), "handler");
    check(rdv_trigger_new(bench->loop, bench->store, &options, &bench->trigger), "trigger");
}

static void begin(struct bench *bench, const char *path, int max_running)
{
    begin_supervised(bench, path, max_running, NULL);
}

static void attach(struct bench *bench)
{
    check(rdv_trigger_watch(bench->trigger, count_end, bench, &bench->watch), "watch");
    check(rdv_trigger_attach(bench->trigger, rdv_agent_plugin(bench->agent)), "attach");
}

static void end(struct bench *bench)
{
    rdv_watch_free(bench->watch);
    rdv_trigger_free(bench->trigger);
    rdv_agent_free(bench->agent);
    rdv_store_close(bench->store);
    rdv_loop_free(bench->loop);
}

static void schedule(struct bench *bench, const char *label, int64_t number,
                     const rdv_window *window, const void *context, size_t size)
{
    char identifier[32];
    rdv_task *task = NULL;
    snprintf(identifier, sizeof identifier, "task-%" PRId64, number);
    check(rdv_task_new(label, identifier, context, size, &task), "task");
    check(rdv_trigger_schedule(bench->trigger, window, task), "schedule");
    rdv_task_unref(task);
}

/* Schedule `count` more, as one batch if they are several. */
static void schedule_some(struct bench *bench, const char *label, int64_t *next, int64_t count)
{
    if (count > 1)
        check(rdv_trigger_begin(bench->trigger), "begin");
    for (int64_t i = 0; i < count; i++)
        schedule(bench, label, (*next)++, NULL, NULL, 0);
    if (count > 1)
        check(rdv_trigger_commit(bench->trigger), "commit");
}

/* Keep so many under way, and count how many end. */
static void keep_busy(struct bench *bench, const char *label, int64_t in_flight, double seconds)
{
    int64_t next = 0;
    const double begun = now_seconds();
    double passed;
    do {
        schedule_some(bench, label, &next, in_flight - (next - bench->done));
        const int64_t before = bench->done;
        while (bench->done == before) {
            wait_readable(rdv_loop_fd(bench->loop));
            check(rdv_loop_dispatch(bench->loop), "dispatch");
        }
        passed = now_seconds() - begun;
    } while (passed < seconds);
    printf("rate=%.1f\n", (double)bench->done / passed);
    while (bench->done < next) {
        wait_readable(rdv_loop_fd(bench->loop));
        check(rdv_loop_dispatch(bench->loop), "dispatch");
    }
}

/* cycles STORE IN_FLIGHT SECONDS */
static void cycles(char **argv)
{
    struct bench bench;
    const int in_flight = atoi(argv[1]);
    begin(&bench, argv[0], in_flight);
    attach(&bench);
    keep_busy(&bench, "job", in_flight, atof(argv[2]));
    end(&bench);
}

/* runs STORE AGENT.json IN_FLIGHT RUNNING SECONDS SUPERVISOR: the document's label "true"; "" = direct children */
static void runs(char **argv)
{
    struct bench bench;
    struct rdv_error error;
    begin_supervised(&bench, argv[0], atoi(argv[3]), argv[5][0] != '\0' ? argv[5] : NULL);
    const int result = rdv_agent_load(bench.agent, argv[1], &error);
    check(result, result ? error.text : "");
    attach(&bench);
    keep_busy(&bench, "true", atoi(argv[2]), atof(argv[4]));
    end(&bench);
}

/* ---------------------------------------------------------------- children */

struct child {
    rdv_loop *loop;
    struct rdv__process *process;
    bool over;
};

static void hear_output(void *user, const char *data, size_t size)
{
    (void)user, (void)data, (void)size;
}

static void hear_notice(void *user, const struct rdv__child_notice *notice)
{
    (void)user, (void)notice;
}

static void hear_trouble(void *user, const char *words)
{
    (void)user;
    fprintf(stderr, "bench: child: %s\n", words);
}

static void child_ended(void *user, int result, int code)
{
    struct child *child = user;
    check(result ? result : code, "child");
    child->over = true;
    rdv_loop_stop(child->loop);
}

static void our_child(struct child *child)
{
    static const char *const argv[] = {"/bin/true", NULL}, *const environment[] = {"LANG=C", NULL};
    const struct rdv__process_options options = {.argv = argv,
                                                 .environment = environment,
                                                 .user = child,
                                                 .output = hear_output,
                                                 .notice = hear_notice,
                                                 .trouble = hear_trouble,
                                                 .ended = child_ended};
    struct rdv_error error;
    child->over = false;
    const int result = rdv__process_start(child->loop, &options, &child->process, &error);
    check(result, result ? error.text : "");
    while (!child->over)
        check(rdv_loop_run(child->loop), "run");
    rdv__process_free(child->process);
}

/* children COUNT MEGABYTES: ours and posix_spawn + waitpid in turn, from a parent of that size */
static void children(char **argv)
{
    const int count = atoi(argv[0]);
    const size_t size = (size_t)atoi(argv[1]) << 20;
    char *ballast = size ? malloc(size) : NULL;
    if (ballast)
        memset(ballast, 1, size);
    struct child child = {0};
    double *ours = calloc((size_t)count, sizeof *ours),
           *theirs = calloc((size_t)count, sizeof *theirs);
    check(rdv_loop_new(&child.loop), "loop");
    double our_time = 0, their_time = 0;
    for (int i = -10; i < count; i++) {
        const double begun = now_seconds();
        our_child(&child);
        const double between = now_seconds();
        spawn_and_wait();
        const double last = now_seconds();
        if (i < 0)
            continue;
        our_time += ours[i] = between - begun;
        their_time += theirs[i] = last - between;
    }
    printf("rate=%.1f\npeer_rate=%.1f\n", count / our_time, count / their_time);
    print_percentiles("", ours, (size_t)count);
    print_percentiles("peer_", theirs, (size_t)count);
    rdv_loop_free(child.loop);
    free(ours), free(theirs), free(ballast);
}

/* ------------------------------------------------------------ a long queue */

/* fill STORE COUNT CONTEXT_SIZE: pending tasks with deadlines in no order, the first one most urgent */
static void fill(char **argv)
{
    struct bench bench;
    const int64_t count = atoll(argv[1]);
    const size_t size = (size_t)atoll(argv[2]);
    char *context = calloc(1, size + 1);
    memset(context, 'x', size);
    begin(&bench, argv[0], 1);
    const rdv_time now = rdv_time_now();
    uint64_t random = 1;
    for (int64_t i = 0; i < count;) {
        check(rdv_trigger_begin(bench.trigger), "begin");
        for (const int64_t stop = i + 10000 < count ? i + 10000 : count; i < stop; i++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            const rdv_window window = {.deadline = now + RDV_HOUR + (rdv_time)(random >> 20)};
            schedule(&bench, "job", i, &window, context, size);
        }
        check(rdv_trigger_commit(bench.trigger), "commit");
    }
    end(&bench);
    free(context);
}

/* open STORE: how long until the first of its pending tasks has started, and what they take of memory */
static void open_filled(char **argv)
{
    struct bench bench;
    const double begun = now_seconds();
    begin(&bench, argv[0], 1);
    attach(&bench);
    while (rdv_trigger_running(bench.trigger) == 0 && bench.done == 0)
        check(rdv_loop_dispatch(bench.loop), "dispatch");
    printf("seconds=%.4f\nresident_kb=%ld\nunfinished=%zu\n", now_seconds() - begun,
           memory_kb("VmRSS:"), rdv_trigger_unfinished(bench.trigger));
    end(&bench);
}

/* steps COUNT ROUNDS: at this many pending, in memory: schedule one, delete one, and let one start and end */
static void steps(char **argv)
{
    struct bench bench;
    const int64_t count = atoll(argv[0]), rounds = atoll(argv[1]);
    begin(&bench, NULL, 1);
    attach(&bench);
    check(rdv_trigger_pause(bench.trigger), "pause");
    const rdv_time now = rdv_time_now();
    uint64_t random = 1;
    check(rdv_trigger_begin(bench.trigger), "begin");
    for (int64_t i = 0; i < count; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        const rdv_window window = {.deadline = now + RDV_HOUR + (rdv_time)(random >> 20)};
        schedule(&bench, "job", i, &window, NULL, 0);
    }
    check(rdv_trigger_commit(bench.trigger), "commit");

    double begun = now_seconds();
    check(rdv_trigger_begin(bench.trigger), "begin");
    for (int64_t i = 0; i < rounds; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        const rdv_window window = {.deadline = now + RDV_HOUR + (rdv_time)(random >> 20)};
        schedule(&bench, "job", count + i, &window, NULL, 0);
    }
    check(rdv_trigger_commit(bench.trigger), "commit");
    printf("schedule_us=%.3f\n", (now_seconds() - begun) * 1e6 / (double)rounds);

    begun = now_seconds();
    check(rdv_trigger_begin(bench.trigger), "begin");
    for (int64_t i = 0; i < rounds; i++) {
        char identifier[32];
        random = random * UINT64_C(6364136223846793005) + 1;
        snprintf(identifier, sizeof identifier, "task-%" PRId64, count + i);
        check(rdv_trigger_delete(bench.trigger, identifier), "delete");
    }
    check(rdv_trigger_commit(bench.trigger), "commit");
    printf("delete_us=%.3f\n", (now_seconds() - begun) * 1e6 / (double)rounds);

    const int64_t picks = rounds < count / 2 ? rounds : count / 2;
    check(rdv_trigger_resume(bench.trigger), "resume");
    begun = now_seconds();
    while (bench.done < rounds + picks)
        check(rdv_loop_dispatch(bench.loop), "dispatch");
    printf("pick_us=%.3f\n", (now_seconds() - begun) * 1e6 / (double)picks);
    end(&bench);
}

/* load STORE SCHEDULE.json */
static void load(char **argv)
{
    struct bench bench;
    struct rdv_error error;
    size_t count;
    begin(&bench, argv[0], 1);
    const double begun = now_seconds();
    const int result = rdv_trigger_load(bench.trigger, argv[1], &count, &error);
    check(result, result ? error.text : "");
    printf("seconds=%.4f\ncount=%zu\n", now_seconds() - begun, count);
    end(&bench);
}

int main(int argc, char **argv)
{
    static const struct command commands[] = {
        {"cycles", 3, cycles},    {"runs", 6, runs},   {"children", 2, children}, {"fill", 3, fill},
        {"open", 1, open_filled}, {"steps", 2, steps}, {"load", 2, load},         {NULL, 0, NULL},
    };
    return run_command(commands, argc, argv);
}
