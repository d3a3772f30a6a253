/* SPDX-License-Identifier: MIT */
/*
 * The sink of a conformance run. rules.c wraps it into a COM sink, hands that to the task agent,
 * and reads afterwards what it was told. The task agent may call it from any thread, so one lock is
 * for all of it.
 */
#include "conformance/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct witness {
    rdv_sink sink;
    LONG references;
    HANDLE final;
    /* For all below. */
    CRITICAL_SECTION lock;
    /* The identifier of the task; NULL if none was started. */
    char *expected;
    struct rdv__testimony testimony;
};

static struct witness *impl_from_sink(rdv_sink *sink)
{
    return CONTAINING_RECORD(sink, struct witness, sink);
}

static void ref(rdv_sink *sink)
{
    InterlockedIncrement(&impl_from_sink(sink)->references);
}

static void unref(rdv_sink *sink)
{
    struct witness *witness = impl_from_sink(sink);
    if (InterlockedDecrement(&witness->references) > 0)
        return;
    DeleteCriticalSection(&witness->lock);
    CloseHandle(witness->final);
    free(witness->expected);
    free(witness);
}

static int schedule_task(rdv_sink *sink, const rdv_window *window, rdv_task *task)
{
    struct witness *witness = impl_from_sink(sink);
    (void)task;
    if (rdv_window_check(window) != 0)
        return RDV_EINVAL;
    EnterCriticalSection(&witness->lock);
    witness->testimony.scheduled++;
    LeaveCriticalSection(&witness->lock);
    return 0;
}

static int delete_schedule(rdv_sink *sink, const char *identifier)
{
    struct witness *witness = impl_from_sink(sink);
    (void)identifier;
    EnterCriticalSection(&witness->lock);
    witness->testimony.deleted++;
    LeaveCriticalSection(&witness->lock);
    return RDV_ENOTFOUND;
}

/* Describe a report, unless an earlier one was described already. */
static void describe_report(char words[RDV__WITNESS_WORDS], const char *identifier,
                            const rdv_report *report)
{
    const char *name = rdv_status_name(report->status);
    if (!words[0])
        snprintf(words, RDV__WITNESS_WORDS, "it reported %s (%d) for the task '%.64s'",
                 name ? name : "a number that is not a status", (int)report->status, identifier);
}

/* Record a report. The lock is held. */
static int record_report(struct witness *witness, const char *identifier, const rdv_report *report)
{
    struct rdv__testimony *testimony = &witness->testimony;
    testimony->reports++;
    if (rdv_report_check(report) != 0) {
        describe_report(testimony->wrong_status, identifier, report);
        return RDV_EINVAL;
    }
    if (!witness->expected || strcmp(witness->expected, identifier) != 0) {
        describe_report(testimony->wrong_identifier, identifier, report);
        return RDV_ENOTFOUND;
    }
    if (testimony->final != RDV_STATUS_UNKNOWN) {
        describe_report(testimony->after_final, identifier, report);
        return RDV_ENOTFOUND;
    }
    if (report->status == RDV_STATUS_SUCCESS || report->status == RDV_STATUS_FAILED) {
        testimony->final = report->status;
        SetEvent(witness->final);
    }
    return 0;
}

static int task_state_changed(rdv_sink *sink, const char *identifier, const rdv_report *report)
{
    struct witness *witness = impl_from_sink(sink);
    EnterCriticalSection(&witness->lock);
    int result = record_report(witness, identifier, report);
    LeaveCriticalSection(&witness->lock);
    return result;
}

static void terminated(rdv_sink *sink, int reason)
{
    struct witness *witness = impl_from_sink(sink);
    (void)reason;
    EnterCriticalSection(&witness->lock);
    witness->testimony.terminated++;
    LeaveCriticalSection(&witness->lock);
}

static const rdv_sink_ops functions = {
    .size = sizeof functions,
    .ref = ref,
    .unref = unref,
    .schedule_task = schedule_task,
    .delete_schedule = delete_schedule,
    .task_state_changed = task_state_changed,
    .terminated = terminated,
};

rdv_sink *rdv__witness_new(void)
{
    struct witness *witness = calloc(1, sizeof *witness);
    if (!witness)
        return NULL;
    witness->final = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!witness->final) {
        free(witness);
        return NULL;
    }
    InitializeCriticalSection(&witness->lock);
    witness->sink.ops = &functions;
    witness->references = 1;
    return &witness->sink;
}

int rdv__witness_expect(rdv_sink *sink, const char *identifier)
{
    struct witness *witness = impl_from_sink(sink);
    const size_t size = strlen(identifier) + 1;
    char *copy = malloc(size);
    if (!copy)
        return RDV_ENOMEM;
    memcpy(copy, identifier, size);
    EnterCriticalSection(&witness->lock);
    free(witness->expected);
    witness->expected = copy;
    LeaveCriticalSection(&witness->lock);
    return 0;
}

HANDLE rdv__witness_final(rdv_sink *sink)
{
    return impl_from_sink(sink)->final;
}

void rdv__witness_read(rdv_sink *sink, struct rdv__testimony *ret_testimony)
{
    struct witness *witness = impl_from_sink(sink);
    EnterCriticalSection(&witness->lock);
    *ret_testimony = witness->testimony;
    LeaveCriticalSection(&witness->lock);
}
