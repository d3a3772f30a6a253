/* SPDX-License-Identifier: MIT */
/* The sink of the test kit: it writes down what a task agent tells, and refuses what only a trigger agent could do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"

static struct rdv_kit_sink *sink_of(rdv_sink *base)
{
    return (struct rdv_kit_sink *)base;
}

static void take_reference(rdv_sink *base)
{
    sink_of(base)->references++;
}

static void drop_reference(rdv_sink *base)
{
    sink_of(base)->references--;
}

static int refuse_schedule(rdv_sink *base, const rdv_window *window, rdv_task *task)
{
    (void)base;
    (void)window;
    (void)task;
    return RDV_ENOTSUP;
}

static int refuse_delete(rdv_sink *base, const char *identifier)
{
    (void)base;
    (void)identifier;
    return RDV_ENOTSUP;
}

/* Room for one more. What was heard stays where it is, as tests keep pointers to it. */
static struct rdv_kit_heard *new_heard(struct rdv_kit_sink *sink)
{
    if (!sink->heard)
        sink->heard = calloc(RDV_KIT_REPORTS, sizeof *sink->heard);
    if (!sink->heard || sink->heard_count == RDV_KIT_REPORTS) {
        fprintf(stderr, "there is no room for another report\n");
        abort();
    }
    return &sink->heard[sink->heard_count++];
}

static int record_report(rdv_sink *base, const char *identifier, const rdv_report *report)
{
    struct rdv_kit_sink *sink = sink_of(base);
    if (rdv_report_check(report) != 0) {
        fprintf(stderr, "a report about '%s' is not valid\n", identifier);
        abort();
    }
    struct rdv_kit_heard *heard = new_heard(sink);
    snprintf(heard->identifier, sizeof heard->identifier, "%s", identifier);
    heard->status = report->status;
    heard->progress = report->progress;
    heard->code = report->code;
    heard->attempt = report->attempt;
    snprintf(heard->message, sizeof heard->message, "%s", report->message ? report->message : "");
    sink->ended += report->status == RDV_STATUS_SUCCESS || report->status == RDV_STATUS_FAILED;
    int answer = sink->answer;
    if (sink->when_heard)
        sink->when_heard(sink);
    return answer;
}

static void record_terminated(rdv_sink *base, int reason)
{
    sink_of(base)->terminated++;
    sink_of(base)->reason = reason;
}

static const rdv_sink_ops sink_ops = {
    .size = sizeof sink_ops,
    .ref = take_reference,
    .unref = drop_reference,
    .schedule_task = refuse_schedule,
    .delete_schedule = refuse_delete,
    .task_state_changed = record_report,
    .terminated = record_terminated,
};

void rdv_kit_sink_init(struct rdv_kit_sink *sink)
{
    *sink = (struct rdv_kit_sink){.base = {&sink_ops}};
}

void rdv_kit_sink_finish(struct rdv_kit_sink *sink)
{
    free(sink->heard);
    sink->heard = NULL;
    sink->heard_count = 0;
}
