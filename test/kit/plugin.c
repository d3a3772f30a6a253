/* SPDX-License-Identifier: MIT */
/* The plug-in of the test kit: it notes what it is called for, and does what its script says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"

static struct rdv_kit_plugin *plugin_of(rdv_plugin *base)
{
    return (struct rdv_kit_plugin *)base;
}

static const char *read_name(rdv_plugin *base)
{
    return plugin_of(base)->name;
}

static int initialize(rdv_plugin *base, rdv_sink *sink)
{
    sink->ops->ref(sink);
    plugin_of(base)->sink = sink;
    return 0;
}

/* Reports an end, which the sink has to take. */
static void end_task(struct rdv_kit_plugin *plugin, const char *identifier, rdv_status status,
                     const char *message)
{
    int result = rdv_kit_plugin_report(plugin, identifier, status, -1, message);
    if (result != 0) {
        fprintf(stderr, "the end of '%s' was refused: %d\n", identifier, result);
        abort();
    }
}

static int start_task(rdv_plugin *base, rdv_task *task)
{
    struct rdv_kit_plugin *plugin = plugin_of(base);
    if (plugin->started_count < RDV_KIT_CALLS) {
        struct rdv_kit_start *start = &plugin->started[plugin->started_count];
        size_t size;
        const char *context = rdv_task_context(task, &size);
        snprintf(start->identifier, sizeof start->identifier, "%s", rdv_task_identifier(task));
        snprintf(start->context, sizeof start->context, "%.*s", (int)size, context);
        start->run = rdv_task_run(task);
    }
    plugin->started_count++;
    if (plugin->on_start)
        plugin->on_start(plugin, task);
    if (plugin->start_result == 0 && plugin->finishes_at_once)
        end_task(plugin, rdv_task_identifier(task), RDV_STATUS_SUCCESS, "done");
    return plugin->start_result;
}

static int cancel_task(rdv_plugin *base, const char *identifier)
{
    struct rdv_kit_plugin *plugin = plugin_of(base);
    if (plugin->cancelled_count < RDV_KIT_CALLS)
        snprintf(plugin->cancelled[plugin->cancelled_count], RDV_KIT_IDENTIFIER, "%s", identifier);
    plugin->cancelled_count++;
    return plugin->cancel_result;
}

static int check_label(rdv_plugin *base, const char *label)
{
    (void)label;
    return plugin_of(base)->label_result;
}

static rdv_duration end_wait(rdv_plugin *base, const char *identifier)
{
    struct rdv_kit_plugin *plugin = plugin_of(base);
    if (plugin->ends_when_asked)
        end_task(plugin, identifier, RDV_STATUS_FAILED, "ended");
    return plugin->end_wait;
}

static int terminate(rdv_plugin *base, int reason)
{
    struct rdv_kit_plugin *plugin = plugin_of(base);
    plugin->terminate_reason = reason;
    if (plugin->terminates_at_once)
        plugin->sink->ops->terminated(plugin->sink, reason);
    return 0;
}

void rdv_kit_plugin_init(struct rdv_kit_plugin *plugin, unsigned features)
{
    memset(plugin, 0, sizeof *plugin);
    plugin->ops = (rdv_plugin_ops){
        .size = sizeof plugin->ops,
        .flags = features & RDV_KIT_RESTART_SAFE ? RDV_PLUGIN_RESTART_SAFE : 0,
        .name = read_name,
        .initialize = initialize,
        .start_task = start_task,
        .cancel_task = features & RDV_KIT_CANCELS ? cancel_task : NULL,
        .terminate = terminate,
        .check_label = features & RDV_KIT_CHECKS_LABELS ? check_label : NULL,
        .end_wait = features & RDV_KIT_SAYS_END_WAIT ? end_wait : NULL,
    };
    plugin->base.ops = &plugin->ops;
    plugin->name = "fake";
    plugin->terminates_at_once = true;
}

int rdv_kit_plugin_report(struct rdv_kit_plugin *plugin, const char *identifier, rdv_status status,
                          int progress, const char *message)
{
    rdv_report report = RDV_REPORT_INIT;
    report.status = status;
    report.progress = progress;
    report.message = message;
    return plugin->sink->ops->task_state_changed(plugin->sink, identifier, &report);
}

void rdv_kit_plugin_finish(struct rdv_kit_plugin *plugin)
{
    if (plugin->sink)
        plugin->sink->ops->unref(plugin->sink);
    plugin->sink = NULL;
}
