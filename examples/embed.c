/* SPDX-License-Identifier: MIT */
/*
 * A program that schedules tasks and does them itself.
 *
 *     cc embed.c $(pkg-config --cflags --libs rdvtask)
 */
#include <rdvtask/rdvtask.h>
#include <stdio.h>
#include <string.h>

struct program {
    rdv_loop *loop;
    rdv_trigger *trigger;
    char order[64];
};

/* Does the tasks with the label "greet", whose identifier says whom to greet. */
static void greet(rdv_run *run, void *user)
{
    struct program *program = user;
    const char *whom = rdv_task_identifier(rdv_run_task(run));
    rdv_report report = {sizeof report, RDV_STATUS_APPLYING, 50, 0, 0, NULL};
    rdv_run_report(run, &report);
    strncat(program->order, whom, sizeof(program->order) - strlen(program->order) - 1);
    rdv_run_finish(run, 0, "greeted");
}

/* Called after each change of an entry, once the change is durable. */
static int show(void *user, const rdv_entry *entry)
{
    struct program *program = user;
    printf("%s: %s\n", entry->identifier, rdv_status_name(entry->status));
    return rdv_trigger_unfinished(program->trigger) ? 0 : rdv_loop_stop(program->loop);
}

int main(void)
{
    static const char *const whom[] = {"Ada ", "Grace ", "Edsger "};
    struct program program = {0};
    rdv_store *store = NULL;
    rdv_agent *agent = NULL;
    rdv_watch *watch = NULL;
    rdv_trigger_options options;
    rdv_trigger_options_init(&options);
    options.clock_wait = 0; /* no window here depends on the clock */
    int result = rdv_loop_new(&program.loop) || rdv_store_open(NULL, NULL, &store, NULL) ||
                 rdv_agent_new(program.loop, store, NULL, &agent) ||
                 rdv_agent_add_handler(agent, "greet", greet, &program, 0) ||
                 rdv_trigger_new(program.loop, store, &options, &program.trigger) ||
                 rdv_trigger_watch(program.trigger, show, &program, &watch);
    for (int i = 0; i < 3 && result == 0; i++) { /* the last one is the most urgent */
        rdv_window window = {.deadline = rdv_time_now() + (3 - i) * RDV_HOUR};
        rdv_task *task = NULL;
        result = rdv_task_new("greet", whom[i], NULL, 0, &task) ||
                 rdv_trigger_schedule(program.trigger, &window, task);
        rdv_task_unref(task);
    }
    if (result == 0)
        result = rdv_trigger_attach(program.trigger, rdv_agent_plugin(agent)) ||
                 rdv_loop_run(program.loop) || strcmp(program.order, "Edsger Grace Ada ") != 0;
    rdv_watch_free(watch), rdv_trigger_free(program.trigger), rdv_agent_free(agent);
    rdv_store_close(store), rdv_loop_free(program.loop);
    return result ? 1 : 0;
}
