/* SPDX-License-Identifier: MIT */
#define COBJMACROS
#include "shim-com/server/client_sink.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <objbase.h>
#include <process.h>

#include <rdvtask/com_server.h>

#include "base.h"
#include "shim-com/common/convert.h"
#include "shim-com/common/proxy.h"

/* A call that waits for its turn. */
struct note {
    struct note *next;
    /* Of this identifier the status, if there is one; else its schedule, if there is a task; else the end of its schedule. */
    rdv_status status;
    rdv_task *task;
    rdv_window window;
    char identifier[];
};

struct sink {
    rdv_sink sink;
    DWORD cookie; /* of the global interface table */
    rdv_log log;
    LONG
        holders; /* the thread, and all who have references together: the last of the two frees it */

    CRITICAL_SECTION lock; /* of what follows */
    CONDITION_VARIABLE changed;
    size_t refs;
    struct note *first, **end;
    size_t count;
    bool terminated; /* to be told, after all notes */
    int reason;
};

static struct sink *of(rdv_sink *sink)
{
    return (struct sink *)sink;
}

/* --------------------------------------------------------------- the queue */

static struct note *note_new(const char *identifier)
{
    const size_t size = strlen(identifier) + 1;
    struct note *note = calloc(1, sizeof *note + size);
    if (note)
        memcpy(note->identifier, identifier, size);
    return note;
}

static void note_free(struct note *note)
{
    rdv_task_unref(note->task);
    free(note);
}

static bool is_end(rdv_status status)
{
    return status == RDV_STATUS_SUCCESS || status == RDV_STATUS_FAILED;
}

/* Whether the latest that waits for this identifier is this very status. */
static bool is_waiting(const struct sink *sink, const char *identifier, rdv_status status)
{
    const struct note *latest = NULL;
    for (const struct note *note = sink->first; note; note = note->next)
        if (strcmp(note->identifier, identifier) == 0)
            latest = note;
    return latest && latest->status == status;
}

/* Takes the note. */
static int post(struct sink *sink, struct note *note)
{
    int result = 0;
    EnterCriticalSection(&sink->lock);
    if (note->status && !is_end(note->status) && is_waiting(sink, note->identifier, note->status)) {
        note_free(note);
    } else if (sink->count >= RDV_COM_WAITING_MAX && !is_end(note->status)) {
        result = RDV_ELIMIT;
    } else {
        *sink->end = note;
        sink->end = &note->next;
        sink->count++;
        WakeConditionVariable(&sink->changed);
    }
    LeaveCriticalSection(&sink->lock);
    if (result) {
        rdv__log(&sink->log, RDV_LOG_WARNING,
                 "the trigger agent's sink is not told of task %s: %d calls of it wait already",
                 note->identifier, RDV_COM_WAITING_MAX);
        note_free(note);
    }
    return result;
}

/* -------------------------------------------------------------- its thread */

static HRESULT tell_schedule(IRDVTaskPluginNotifySink *client, BSTR identifier,
                             const struct note *note)
{
    size_t size;
    const void *context = rdv_task_context(note->task, &size);
    BSTR label = NULL;
    SAFEARRAY *array = NULL;
    int result = rdv__com_bstr(rdv_task_label(note->task), &label);
    if (!result)
        result = rdv__com_array(context, size, &array);
    HRESULT told = rdv__com_hresult(result);
    if (!result)
        told = IRDVTaskPluginNotifySink_ScheduleTask(
            client, rdv__com_filetime(note->window.start), rdv__com_filetime(note->window.end),
            rdv__com_filetime(note->window.deadline), label, identifier, array);
    SafeArrayDestroy(array);
    SysFreeString(label);
    return told;
}

static HRESULT tell(IRDVTaskPluginNotifySink *client, const struct note *note)
{
    BSTR identifier;
    int result = rdv__com_bstr(note->identifier, &identifier);
    if (result)
        return rdv__com_hresult(result);
    HRESULT told;
    if (note->status)
        told = IRDVTaskPluginNotifySink_OnTaskStateChange(client, identifier,
                                                          (RDV_TASK_STATUS)note->status);
    else if (note->task)
        told = tell_schedule(client, identifier, note);
    else
        told = IRDVTaskPluginNotifySink_DeleteSchedule(client, identifier);
    SysFreeString(identifier);
    return told;
}

/* The next note, or NULL when the last one was handed out and nobody can post any more. */
static struct note *take(struct sink *sink, bool *ret_terminated)
{
    EnterCriticalSection(&sink->lock);
    while (!sink->first && !sink->terminated && sink->refs > 0)
        SleepConditionVariableCS(&sink->changed, &sink->lock, INFINITE);
    struct note *note = sink->first;
    *ret_terminated = !note && sink->terminated;
    if (note) {
        sink->first = note->next;
        sink->count--;
        if (!sink->first)
            sink->end = &sink->first;
    } else {
        sink->terminated = false;
    }
    LeaveCriticalSection(&sink->lock);
    return note;
}

static IGlobalInterfaceTable *table(HRESULT *ret_result)
{
    IGlobalInterfaceTable *found = NULL;
    *ret_result = CoCreateInstance(&CLSID_StdGlobalInterfaceTable, NULL, CLSCTX_INPROC_SERVER,
                                   &IID_IGlobalInterfaceTable, (void **)&found);
    return SUCCEEDED(*ret_result) ? found : NULL;
}

/* The client's sink as this apartment sees it; NULL if it can't be had, which is logged. result: whether there is the table. */
static IRDVTaskPluginNotifySink *fetch(const struct sink *sink, IGlobalInterfaceTable *git,
                                       HRESULT result)
{
    IRDVTaskPluginNotifySink *client = NULL;
    if (SUCCEEDED(result))
        result = rdv__com_proxies();
    if (SUCCEEDED(result))
        result = IGlobalInterfaceTable_GetInterfaceFromGlobal(
            git, sink->cookie, &IID_IRDVTaskPluginNotifySink, (void **)&client);
    if (SUCCEEDED(result))
        return client;
    rdv__log(&sink->log, RDV_LOG_ERROR,
             "the trigger agent's sink can't be reached, and is told nothing: 0x%08lX",
             (unsigned long)result);
    return NULL;
}

static void let_go(struct sink *sink)
{
    if (InterlockedDecrement(&sink->holders) > 0)
        return;
    DeleteCriticalSection(&sink->lock);
    free(sink);
}

static unsigned __stdcall run(void *user)
{
    struct sink *sink = user;
    HRESULT entered = CoInitializeEx(NULL, COINIT_MULTITHREADED), result;
    IGlobalInterfaceTable *git = table(&result);
    IRDVTaskPluginNotifySink *client = fetch(sink, git, result);

    bool terminated;
    struct note *note;
    while ((note = take(sink, &terminated)) != NULL || terminated) {
        HRESULT told = S_OK;
        if (client && note)
            told = tell(client, note);
        else if (client)
            told = IRDVTaskPluginNotifySink_OnTerminated(client, rdv__com_hresult(sink->reason));
        if (FAILED(told))
            rdv__log(&sink->log, RDV_LOG_WARNING,
                     "the trigger agent's sink has failed for %s%s: 0x%08lX",
                     note ? "task " : "OnTerminated", note ? note->identifier : "",
                     (unsigned long)told);
        if (note)
            note_free(note);
    }

    if (client)
        IRDVTaskPluginNotifySink_Release(client);
    if (git) {
        IGlobalInterfaceTable_RevokeInterfaceFromGlobal(git, sink->cookie);
        IGlobalInterfaceTable_Release(git);
    }
    if (SUCCEEDED(entered))
        CoUninitialize();
    let_go(sink);
    return 0;
}

/* ---------------------------------------------------------------- the sink */

static void ref(rdv_sink *base)
{
    struct sink *sink = of(base);
    EnterCriticalSection(&sink->lock);
    sink->refs++;
    LeaveCriticalSection(&sink->lock);
}

static void unref(rdv_sink *base)
{
    struct sink *sink = of(base);
    EnterCriticalSection(&sink->lock);
    const bool last = --sink->refs == 0;
    if (last)
        WakeConditionVariable(&sink->changed);
    LeaveCriticalSection(&sink->lock);
    if (last)
        let_go(sink);
}

static int schedule_task(rdv_sink *sink, const rdv_window *window, rdv_task *task)
{
    if (!window || !task || rdv_window_check(window))
        return RDV_EINVAL;
    struct note *note = note_new(rdv_task_identifier(task));
    if (!note)
        return RDV_ENOMEM;
    note->task = rdv_task_ref(task);
    note->window = *window;
    return post(of(sink), note);
}

static int delete_schedule(rdv_sink *sink, const char *identifier)
{
    if (!identifier)
        return RDV_EINVAL;
    struct note *note = note_new(identifier);
    return note ? post(of(sink), note) : RDV_ENOMEM;
}

static int task_state_changed(rdv_sink *sink, const char *identifier, const rdv_report *report)
{
    if (!identifier || !report)
        return RDV_EINVAL;
    int result = rdv_report_check(report);
    if (result)
        return result;
    struct note *note = note_new(identifier);
    if (!note)
        return RDV_ENOMEM;
    note->status = report->status;
    return post(of(sink), note);
}

static void terminated(rdv_sink *base, int reason)
{
    struct sink *sink = of(base);
    EnterCriticalSection(&sink->lock);
    sink->terminated = true;
    sink->reason = reason;
    WakeConditionVariable(&sink->changed);
    LeaveCriticalSection(&sink->lock);
}

static const rdv_sink_ops sink_ops = {
    .size = sizeof sink_ops,
    .ref = ref,
    .unref = unref,
    .schedule_task = schedule_task,
    .delete_schedule = delete_schedule,
    .task_state_changed = task_state_changed,
    .terminated = terminated,
};

HRESULT rdv__com_sink_new(IRDVTaskPluginNotifySink *client, const rdv_log *log, rdv_sink **ret_sink)
{
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return E_OUTOFMEMORY;
    sink->sink.ops = &sink_ops;
    sink->refs = 1;
    sink->holders = 1;
    sink->log = *log;
    sink->end = &sink->first;
    InitializeCriticalSection(&sink->lock);
    InitializeConditionVariable(&sink->changed);

    HRESULT result;
    IGlobalInterfaceTable *git = table(&result);
    if (git)
        result = rdv__com_proxies();
    if (SUCCEEDED(result))
        result = IGlobalInterfaceTable_RegisterInterfaceInGlobal(
            git, (IUnknown *)client, &IID_IRDVTaskPluginNotifySink, &sink->cookie);
    if (SUCCEEDED(result)) {
        sink->holders = 2;
        const uintptr_t thread = _beginthreadex(NULL, 0, run, sink, 0, NULL);
        if (thread) {
            CloseHandle((HANDLE)thread);
        } else {
            sink->holders = 1;
            IGlobalInterfaceTable_RevokeInterfaceFromGlobal(git, sink->cookie);
            result = E_OUTOFMEMORY;
        }
    }
    if (git)
        IGlobalInterfaceTable_Release(git);
    if (FAILED(result)) {
        let_go(sink);
        return result;
    }
    *ret_sink = &sink->sink;
    return S_OK;
}
