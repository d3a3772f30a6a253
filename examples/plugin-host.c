/* SPDX-License-Identifier: MIT */
/*
 * A program whose tasks a plug-in does: it loads the file, runs one task, and shows how it goes.
 *
 *     plugin-host FILE LABEL [CONFIGURATION]
 *
 * It ends with 0 if the task succeeds. `rdvtask run --plugin FILE` does the same with a
 * schedule, a store on disk and much more.
 */
#include <stdio.h>

#include <rdvtask/rdvtask.h>

struct program {
    rdv_loop *loop;
    rdv_trigger *trigger;
    rdv_outcome outcome;
};

static void log_line(void *user, rdv_log_level level, const char *text)
{
    (void)user;
    fprintf(stderr, "<%d> %s\n", level, text);
}

/* Called on another thread, since the loop's own thread is held up inside the plug-in. */
static void held_up(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "%s\n", text);
}

static void on_terminated(void *user, int reason)
{
    struct program *program = user;
    (void)reason;
    rdv_loop_stop(program->loop);
}

static int show(void *user, const rdv_entry *entry)
{
    struct program *program = user;
    printf("%s %s %d%% %s\n", rdv_state_name(entry->state), rdv_status_name(entry->status),
           entry->progress, entry->message);
    if (entry->state != RDV_STATE_FINISHED)
        return 0;
    program->outcome = entry->outcome;
    return rdv_trigger_terminate(program->trigger, 0, on_terminated, program);
}

int main(int argc, char **argv)
{
    struct program program = {0};
    struct rdv_error error = {0};
    rdv_store *store = NULL;
    rdv_module *module = NULL;
    rdv_task *task = NULL;
    rdv_watch *watch = NULL;
    rdv_module_options options;
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: plugin-host FILE LABEL [CONFIGURATION]\n");
        return 64;
    }
    rdv_module_options_init(&options);
    options.configuration = argv[3]; /* NULL if there is none */
    options.log.write = log_line;
    options.held_up = held_up;
    rdv_trigger_options trigger_options;
    rdv_trigger_options_init(&trigger_options);
    trigger_options.clock_wait = 0; /* no window here depends on the clock */
    int result = rdv_loop_new(&program.loop);
    if (result == 0)
        result = rdv_module_open(program.loop, argv[1], &options, &module, &error);
    if (result == 0)
        result = rdv_store_open(NULL, NULL, &store, &error);
    if (result == 0)
        result = rdv_trigger_new(program.loop, store, &trigger_options, &program.trigger);
    if (result == 0)
        result = rdv_trigger_watch(program.trigger, show, &program, &watch);
    if (result == 0)
        result = rdv_task_new(argv[2], NULL, NULL, 0, &task);
    if (result == 0)
        result = rdv_trigger_schedule(program.trigger, NULL, task);
    if (result == 0)
        result = rdv_trigger_attach(program.trigger, rdv_module_plugin(module));
    if (result == 0)
        result = rdv_loop_run(program.loop);
    if (result != 0)
        fprintf(stderr, "failed: %s\n", *error.text ? error.text : rdv_strerror(result));
    rdv_watch_free(watch);
    rdv_trigger_free(program.trigger);
    rdv_module_close(module);
    rdv_task_unref(task);
    rdv_store_close(store);
    rdv_loop_free(program.loop);
    return result == 0 && program.outcome == RDV_OUTCOME_SUCCEEDED ? 0 : 1;
}
