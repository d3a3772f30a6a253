/* SPDX-License-Identifier: MIT */
/*
 * rdvtask inside a program that already has an event loop, which polls rdvtask's descriptor with
 * its own. The tasks are done on threads that rdvtask starts, so the program's loop is never held
 * up.
 */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rdvtask/rdvtask.h>

#define TASKS 3

struct program {
    rdv_trigger *trigger;
    int wake[2]; /* the program's own source of events, besides rdvtask */
    int finished, own_events;
};

/* A handler that runs on a thread of its own, and may take its time. */
static void update(rdv_run *run, void *user)
{
    const struct program *program = user;
    rdv_report report = RDV_REPORT_INIT;
    report.status = RDV_STATUS_APPLYING;
    for (int percent = 0; percent <= 100 && !rdv_run_cancelled(run); percent += 50) {
        report.progress = percent;
        rdv_run_report(run, &report);
    }
    /* An event of the program's own, which happens meanwhile. */
    const int result = write(program->wake[1], "!", 1) == 1 ? 0 : RDV_EFAILED;
    rdv_run_finish(run, result, "updated");
}

static int show(void *user, const rdv_entry *entry)
{
    struct program *program = user;
    if (entry->progress >= 0)
        printf("%s: %s %d%%\n", entry->identifier, rdv_status_name(entry->status), entry->progress);
    program->finished += entry->outcome == RDV_OUTCOME_SUCCEEDED;
    return 0;
}

static void on_terminated(void *user, int reason)
{
    (void)reason;
    *(bool *)user = true;
}

/* The program's loop. */
static int run(struct program *program, rdv_loop *loop)
{
    struct pollfd sources[] = {{.fd = rdv_loop_fd(loop), .events = POLLIN},
                               {.fd = program->wake[0], .events = POLLIN}};
    bool terminating = false, terminated = false;
    int result = rdv_loop_dispatch(loop); /* takes in what was called so far */
    while (result == 0 && !terminated) {
        if (poll(sources, 2, 10000) <= 0)
            return RDV_ETIMEDOUT;
        if (sources[0].revents)
            result = rdv_loop_dispatch(loop);
        if (sources[1].revents) {
            char byte;
            program->own_events += read(program->wake[0], &byte, 1) == 1;
        }
        if (!terminating && program->finished == TASKS && program->own_events == TASKS) {
            terminating = true;
            result = rdv_trigger_terminate(program->trigger, 0, on_terminated, &terminated);
            if (result == 0)
                result = rdv_loop_dispatch(loop);
        }
    }
    return result;
}

int main(void)
{
    struct program program = {.wake = {-1, -1}};
    rdv_loop *loop = NULL;
    rdv_store *store = NULL;
    rdv_agent *agent = NULL;
    rdv_watch *watch = NULL;
    rdv_trigger_options options;
    int result = pipe(program.wake) == 0 ? 0 : RDV_EFAILED;
    rdv_trigger_options_init(&options);
    options.clock_wait = 0; /* no window here depends on the clock */
    options.max_running = TASKS;

    if (result == 0)
        result = rdv_loop_new(&loop);
    if (result == 0)
        result = rdv_store_open(NULL, NULL, &store, NULL);
    if (result == 0)
        result = rdv_agent_new(loop, store, NULL, &agent);
    if (result == 0)
        result = rdv_agent_add_handler(agent, "update", update, &program, RDV_HANDLER_THREAD);
    if (result == 0)
        result = rdv_trigger_new(loop, store, &options, &program.trigger);
    if (result == 0)
        result = rdv_trigger_watch(program.trigger, show, &program, &watch);
    if (result == 0)
        result = rdv_trigger_attach(program.trigger, rdv_agent_plugin(agent));
    for (int i = 0; i < TASKS && result == 0; i++) {
        rdv_task *task = NULL;
        result = rdv_task_new("update", NULL, NULL, 0, &task);
        if (result == 0)
            result = rdv_trigger_schedule(program.trigger, NULL, task);
        rdv_task_unref(task);
    }
    if (result == 0)
        result = run(&program, loop);
    if (result == 0)
        printf("all %d tasks done, %d events of the program's own\n", program.finished,
               program.own_events);
    else
        fprintf(stderr, "failed: %s\n", rdv_strerror(result));

    rdv_watch_free(watch);
    rdv_trigger_free(program.trigger);
    rdv_agent_free(agent);
    rdv_store_close(store);
    rdv_loop_free(loop);
    for (int i = 0; i < 2; i++)
        if (program.wake[i] >= 0)
            close(program.wake[i]);
    return result ? 1 : 0;
}
