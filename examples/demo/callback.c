/* SPDX-License-Identifier: MIT */
/*
 * The part of the demo that a C function does: one more task in the same store, with progress.
 * Usage: demo-callback STORE
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

struct program {
    rdv_trigger *trigger;
    rdv_timer *timer;
    rdv_loop *loop;
    rdv_run *run; /* the run under way */
    int progress;
    rdv_outcome outcome;
};

/* Does a fifth of the work. A timer calls it. */
static void work(void *user)
{
    struct program *program = user;
    rdv_report report = RDV_REPORT_INIT;
    report.status = RDV_STATUS_APPLYING;
    report.progress = program->progress += 20;
    report.message = "from a C function";
    rdv_run_report(program->run, &report);
    if (program->progress < 100)
        rdv_timer_start(program->timer, 100 * RDV_MILLISECOND);
    else
        rdv_run_finish(program->run, 0, "done by a C function");
}

static void start(rdv_run *run, void *user)
{
    struct program *program = user;
    program->run = run;
    rdv_timer_start(program->timer, 0);
}

static void on_terminated(void *user, int reason)
{
    (void)reason;
    rdv_loop_stop(user);
}

static int show(void *user, const rdv_entry *entry)
{
    struct program *program = user;
    if (entry->progress >= 0)
        printf("  %s %d%% %s\n", rdv_status_name(entry->status), entry->progress, entry->message);
    if (entry->state == RDV_STATE_FINISHED) {
        program->outcome = entry->outcome;
        rdv_trigger_terminate(program->trigger, 0, on_terminated, program->loop);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct program program = {0};
    rdv_store *store = NULL;
    rdv_agent *agent = NULL;
    rdv_watch *watch = NULL;
    rdv_task *task = NULL;
    rdv_trigger_options options;
    struct rdv_error error = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: %s STORE\n", argv[0]);
        return 64;
    }
    rdv_trigger_options_init(&options);
    options.flags = RDV_TRIGGER_HOLD_STORED; /* other entries are not this program's to start */
    options.clock_wait = 0;

    int result = rdv_loop_new(&program.loop);
    if (result == 0)
        result = rdv_store_open(argv[1], NULL, &store, &error);
    if (result == 0)
        result = rdv_agent_new(program.loop, store, NULL, &agent);
    if (result == 0)
        result = rdv_timer_new(program.loop, work, &program, &program.timer);
    if (result == 0)
        result = rdv_agent_add_handler(agent, "c-callback", start, &program, 0);
    if (result == 0)
        result = rdv_trigger_new(program.loop, store, &options, &program.trigger);
    if (result == 0)
        result = rdv_trigger_watch(program.trigger, show, &program, &watch);
    if (result == 0)
        result = rdv_trigger_attach(program.trigger, rdv_agent_plugin(agent));
    if (result == 0)
        result = rdv_task_new("c-callback", "9-in-c", NULL, 0, &task);
    if (result == 0)
        result = rdv_trigger_schedule(program.trigger, NULL, task);
    if (result == 0)
        result = rdv_loop_run(program.loop);
    if (result)
        fprintf(stderr, "failed: %s\n", error.text[0] ? error.text : rdv_strerror(result));

    rdv_task_unref(task);
    rdv_watch_free(watch);
    rdv_trigger_free(program.trigger);
    rdv_agent_free(agent);
    rdv_timer_free(program.timer);
    rdv_store_close(store);
    rdv_loop_free(program.loop);
    return result == 0 && program.outcome == RDV_OUTCOME_SUCCEEDED ? 0 : 1;
}
