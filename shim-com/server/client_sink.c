/* SPDX-License-Identifier: MIT */
/*
 * A client's sink, made an rdv_sink that never waits. plugin.c makes one for each Initialize and
 * hands it to the agent.
 *
 * What the agent reports is put into a queue, and a thread of the sink's own makes the calls, in
 * order. So a client that is slow, blocks, or calls back holds up nothing else. The queue is
 * bounded: where equal statuses of a task wait, one is kept, and beyond RDV_COM_WAITING_MAX calls
 * only the ends of tasks and OnTerminated are taken.
 *
 * The thread lives until the last reference is given back and all notes are told. The client's
 * pointer reaches it by way of COM's global interface table, since it belongs to the apartment of
 * the client.
 */
#define COBJMACROS
#include "shim-com/server/client_sink.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <objbase.h>
#include <process.h>

#include <rdvtask/com_server.h>

#include "base/error.h"
#include "shim-com/common/convert.h"
#include "shim-com/common/proxy.h"

/*
 * A call that waits for its turn: OnTaskStateChange if there is a status, ScheduleTask if there is
 * a task, else DeleteSchedule.
 */
struct note {
    struct note *next;
    rdv_status status;
    rdv_task *task;
    rdv_window window;
    char identifier[];
};

struct sink {
    rdv_sink sink;
    /* The client's sink in COM's global interface table. */
    DWORD cookie;
    rdv_log log;
    /* One for the thread and one for all references together: who lets go last frees the sink. */
    LONG holders;

    /* For all below. */
    CRITICAL_SECTION lock;
    CONDITION_VARIABLE changed;
    size_t refs;
    struct note *first, **end;
    size_t count;
    /* OnTerminated is to be called, after all notes. */
    bool terminated;
    int reason;
};

static struct sink *impl_from_rdv_sink(rdv_sink *sink)
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

/* Whether the last note that waits for this identifier has this status. */
static bool is_waiting(const struct sink *sink, const char *identifier, rdv_status status)
{
    const struct note *latest = NULL;
    for (const struct note *note = sink->first; note; note = note->next)
        if (strcmp(note->identifier, identifier) == 0)
            latest = note;
    return latest && latest->status == status;
}

/* Put the note into the queue, if it has room. Owns the note from here on, also on failure. */
static int queue_note(struct sink *sink, struct note *note)
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
                 "the trigger agent's sink is not told about task %s: %d calls already wait for it",
                 note->identifier, RDV_COM_WAITING_MAX);
        note_free(note);
    }
    return result;
}

/* -------------------------------------------------------------- its thread */

static HRESULT call_schedule_task(IRDVTaskPluginNotifySink *client, BSTR identifier,
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

/* Make the call that a note stands for. */
static HRESULT call_client(IRDVTaskPluginNotifySink *client, const struct note *note)
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
        told = call_schedule_task(client, identifier, note);
    else
        told = IRDVTaskPluginNotifySink_DeleteSchedule(client, identifier);
    SysFreeString(identifier);
    return told;
}

/*
 * Wait for the next note. NULL if OnTerminated is due (*ret_terminated), or if nobody has a
 * reference any more.
 */
static struct note *take_note(struct sink *sink, bool *ret_terminated)
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

static IGlobalInterfaceTable *get_table(HRESULT *ret_result)
{
    IGlobalInterfaceTable *found = NULL;
    *ret_result = CoCreateInstance(&CLSID_StdGlobalInterfaceTable, NULL, CLSCTX_INPROC_SERVER,
                                   &IID_IGlobalInterfaceTable, (void **)&found);
    return SUCCEEDED(*ret_result) ? found : NULL;
}

/*
 * Get the client's sink for this apartment. NULL if that fails, which is logged; `result` says
 * whether there is a table.
 */
static IRDVTaskPluginNotifySink *get_client(const struct sink *sink, IGlobalInterfaceTable *git,
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
             "the trigger agent's sink can't be reached, so it is told nothing: 0x%08lX",
             (unsigned long)result);
    return NULL;
}

static void drop_holder(struct sink *sink)
{
    if (InterlockedDecrement(&sink->holders) > 0)
        return;
    DeleteCriticalSection(&sink->lock);
    free(sink);
}

static unsigned __stdcall call_sink(void *user)
{
    struct sink *sink = user;
    HRESULT entered = CoInitializeEx(NULL, COINIT_MULTITHREADED), result;
    IGlobalInterfaceTable *git = get_table(&result);
    IRDVTaskPluginNotifySink *client = get_client(sink, git, result);

    bool terminated;
    struct note *note;
    while ((note = take_note(sink, &terminated)) != NULL || terminated) {
        HRESULT told = S_OK;
        if (client && note)
            told = call_client(client, note);
        else if (client)
            told = IRDVTaskPluginNotifySink_OnTerminated(client, rdv__com_hresult(sink->reason));
        if (FAILED(told))
            rdv__log(
                &sink->log, RDV_LOG_WARNING, "the trigger agent's sink failed for %s%s: 0x%08lX",
                note ? "task " : "OnTerminated", note ? note->identifier : "", (unsigned long)told);
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
    drop_holder(sink);
    return 0;
}

/* ---------------------------------------------------------------- the sink */

static void ref(rdv_sink *base)
{
    struct sink *sink = impl_from_rdv_sink(base);
    EnterCriticalSection(&sink->lock);
    sink->refs++;
    LeaveCriticalSection(&sink->lock);
}

static void unref(rdv_sink *base)
{
    struct sink *sink = impl_from_rdv_sink(base);
    EnterCriticalSection(&sink->lock);
    const bool last = --sink->refs == 0;
    if (last)
        WakeConditionVariable(&sink->changed);
    LeaveCriticalSection(&sink->lock);
    if (last)
        drop_holder(sink);
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
    return queue_note(impl_from_rdv_sink(sink), note);
}

static int delete_schedule(rdv_sink *sink, const char *identifier)
{
    if (!identifier)
        return RDV_EINVAL;
    struct note *note = note_new(identifier);
    return note ? queue_note(impl_from_rdv_sink(sink), note) : RDV_ENOMEM;
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
    return queue_note(impl_from_rdv_sink(sink), note);
}

static void terminated(rdv_sink *base, int reason)
{
    struct sink *sink = impl_from_rdv_sink(base);
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
    IGlobalInterfaceTable *git = get_table(&result);
    if (git)
        result = rdv__com_proxies();
    if (SUCCEEDED(result))
        result = IGlobalInterfaceTable_RegisterInterfaceInGlobal(
            git, (IUnknown *)client, &IID_IRDVTaskPluginNotifySink, &sink->cookie);
    if (SUCCEEDED(result)) {
        sink->holders = 2;
        const uintptr_t thread = _beginthreadex(NULL, 0, call_sink, sink, 0, NULL);
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
        drop_holder(sink);
        return result;
    }
    *ret_sink = &sink->sink;
    return S_OK;
}
