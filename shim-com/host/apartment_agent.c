/* SPDX-License-Identifier: MIT */
/*
 * A COM task agent as a plug-in, on a thread that alone creates it, calls it and releases it.
 * host.c makes one for each host.
 *
 *     trigger agent's loop                       apartment thread
 *     initialize   --- REQUEST_INITIALIZE --->   Initialize; the loop waits for the answer
 *     start_task   --- REQUEST_START -------->   StartTask; if it fails, so does the run
 *     terminate    --- REQUEST_END ---------->   Terminate, last Release, end of the thread
 *
 * The task agent may call its sink from any thread and apartment, until it releases the sink,
 * however late that is. So the struct has three references: the host's, the thread's, and one for
 * that sink. What the sink is told goes straight to the trigger agent's sink (`inner`), until that
 * one has been told the end, or nobody waits for the thread any more.
 */
#define COBJMACROS
#include "shim-com/host/apartment_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/module.h>

#include "base/error.h"
#include "base/utf8.h"
#include "platform/thread.h"
#include "shim-com/common/convert.h"
#include "shim-com/host/apartment.h"
#include "shim-com/host/hresult_text.h"
#include "shim-com/host/notify_sink.h"

enum request_kind { REQUEST_INITIALIZE, REQUEST_START, REQUEST_END };

/* What the thread is to do next. */
struct request {
    struct request *next;
    enum request_kind kind;
    rdv_task *task; /* REQUEST_START */
    int reason;     /* REQUEST_END */
};

struct rdv__hosted {
    rdv_plugin plugin;
    /* What the COM sink calls. */
    rdv_sink sink;
    LONG references;
    struct rdv__hosted_parts parts;
    /* Written by the thread only, and before its first answer. */
    char name[RDV_MODULE_NAME_MAX + 1];
    struct rdv__thread *thread;
    /* Set when there are requests. */
    HANDLE wake;
    /*
     * Set when creating it, or Initialize, has come back; `result` and `error` are written before.
     */
    HANDLE answered;
    /* Set when the thread is about to end, and uses nothing any more but its own reference. */
    HANDLE ended;
    int result;
    struct rdv_error error;

    /* Used by the thread only. */
    IRDVTaskPlugin *com;
    IRDVTaskPluginNotifySink *notify;
    bool initialised;

    /*
     * For all below. A thread may enter it twice, since what the sink is told may lead to a call of
     * the plug-in.
     */
    CRITICAL_SECTION lock;
    struct request *first, **last;
    /* The trigger agent's sink; NULL before Initialize and after the end. */
    rdv_sink *inner;
    /* Nobody waits for the thread any more. */
    bool hangs;
    /*
     * REQUEST_END is queued, and whether because the task agent has asked for it by OnTerminated.
     */
    bool ending, deserting;
    /* The reason that OnTerminated has given. */
    int reason;
};

static struct rdv__hosted *impl_from_plugin(rdv_plugin *plugin)
{
    return CONTAINING_RECORD(plugin, struct rdv__hosted, plugin);
}

static struct rdv__hosted *impl_from_sink(rdv_sink *sink)
{
    return CONTAINING_RECORD(sink, struct rdv__hosted, sink);
}

static void request_free(struct request *request)
{
    rdv_task_unref(request->task);
    free(request);
}

static void hosted_unref(struct rdv__hosted *hosted)
{
    if (InterlockedDecrement(&hosted->references) > 0)
        return;
    /* Requests that have come after the end. */
    for (struct request *at = hosted->first, *next; at; at = next) {
        next = at->next;
        request_free(at);
    }
    if (hosted->wake)
        CloseHandle(hosted->wake);
    if (hosted->answered)
        CloseHandle(hosted->answered);
    if (hosted->ended)
        CloseHandle(hosted->ended);
    DeleteCriticalSection(&hosted->lock);
    free(hosted);
}

static DWORD to_milliseconds(rdv_duration duration)
{
    return (DWORD)((duration + RDV_MILLISECOND - 1) / RDV_MILLISECOND);
}

/* ------------------------------------------------------------------ requests */

/* Queue a request for the thread, with a reference to the task. 0 or RDV_ENOMEM. */
static int request_add(struct rdv__hosted *hosted, enum request_kind kind, rdv_task *task,
                       int reason)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return RDV_ENOMEM;
    request->kind = kind;
    request->task = task ? rdv_task_ref(task) : NULL;
    request->reason = reason;
    EnterCriticalSection(&hosted->lock);
    *hosted->last = request;
    hosted->last = &request->next;
    LeaveCriticalSection(&hosted->lock);
    SetEvent(hosted->wake);
    return 0;
}

static struct request *request_take(struct rdv__hosted *hosted)
{
    EnterCriticalSection(&hosted->lock);
    struct request *request = hosted->first;
    if (request)
        hosted->first = request->next;
    if (!hosted->first)
        hosted->last = &hosted->first;
    LeaveCriticalSection(&hosted->lock);
    return request;
}

/*
 * Whether a later start of the same identifier is queued. Then the failure of this start must not
 * be reported, since the report would be taken for one of the later run.
 */
static bool is_started_again(struct rdv__hosted *hosted, const char *identifier)
{
    bool found = false;
    EnterCriticalSection(&hosted->lock);
    for (struct request *at = hosted->first; at && !found; at = at->next)
        found = at->kind == REQUEST_START && strcmp(rdv_task_identifier(at->task), identifier) == 0;
    LeaveCriticalSection(&hosted->lock);
    return found;
}

/* ---------------------------------------- the sink: from any thread and apartment */

static void sink_ref(rdv_sink *sink)
{
    InterlockedIncrement(&impl_from_sink(sink)->references);
}

static void sink_unref(rdv_sink *sink)
{
    hosted_unref(impl_from_sink(sink));
}

/* The inner sink only posts, so the lock is not held for long. */
static int sink_schedule_task(rdv_sink *sink, const rdv_window *window, rdv_task *task)
{
    struct rdv__hosted *hosted = impl_from_sink(sink);
    EnterCriticalSection(&hosted->lock);
    rdv_sink *inner = hosted->inner;
    int result = inner ? inner->ops->schedule_task(inner, window, task) : RDV_ESHUTDOWN;
    LeaveCriticalSection(&hosted->lock);
    return result;
}

static int sink_delete_schedule(rdv_sink *sink, const char *identifier)
{
    struct rdv__hosted *hosted = impl_from_sink(sink);
    EnterCriticalSection(&hosted->lock);
    rdv_sink *inner = hosted->inner;
    int result = inner ? inner->ops->delete_schedule(inner, identifier) : RDV_ESHUTDOWN;
    LeaveCriticalSection(&hosted->lock);
    return result;
}

static int sink_task_state_changed(rdv_sink *sink, const char *identifier, const rdv_report *report)
{
    struct rdv__hosted *hosted = impl_from_sink(sink);
    EnterCriticalSection(&hosted->lock);
    rdv_sink *inner = hosted->inner;
    int result = inner ? inner->ops->task_state_changed(inner, identifier, report) : RDV_ESHUTDOWN;
    LeaveCriticalSection(&hosted->lock);
    return result;
}

/*
 * OnTerminated: the task agent asks to be shut down, or says why it was. The trigger agent hears of
 * it when the task agent is really gone.
 */
static void sink_terminated(rdv_sink *sink, int reason)
{
    struct rdv__hosted *hosted = impl_from_sink(sink);
    EnterCriticalSection(&hosted->lock);
    if (hosted->reason == 0)
        hosted->reason = reason;
    if (hosted->inner && !hosted->ending) {
        /*
         * Without memory for the request, the task agent is terminated when the trigger agent shuts
         * down.
         */
        hosted->ending = request_add(hosted, REQUEST_END, NULL, reason) == 0;
        hosted->deserting = hosted->ending;
    }
    LeaveCriticalSection(&hosted->lock);
}

static const rdv_sink_ops sink_ops = {
    .size = sizeof sink_ops,
    .ref = sink_ref,
    .unref = sink_unref,
    .schedule_task = sink_schedule_task,
    .delete_schedule = sink_delete_schedule,
    .task_state_changed = sink_task_state_changed,
    .terminated = sink_terminated,
};

/* ------------------------------------------------------------- on the thread */

/* These two stand around each call of the task agent. */
static void enter_call(struct rdv__hosted *hosted, struct rdv__watched *call, const char *what,
                       const char *subject)
{
    rdv__watchdog_enter(hosted->parts.watchdog, call, what, subject);
}

/*
 * Returns `result`. Logs a call that took too long, and a result that is neither S_OK nor a
 * failure.
 */
static HRESULT leave_call(struct rdv__hosted *hosted, struct rdv__watched *call, HRESULT result)
{
    const char *what = call->what;
    const rdv_duration took = rdv__watchdog_leave(hosted->parts.watchdog, call);
    char words[RDV_DURATION_TEXT_SIZE];
    if (took > 0) {
        rdv_duration_format(took / RDV_MILLISECOND * RDV_MILLISECOND, words, sizeof words);
        rdv__thread_log_write(hosted->parts.tell, RDV_LOG_WARNING,
                              "plug-in '%s' took %s for %s, and was not called meanwhile",
                              hosted->name, words, what);
    }
    if (result > 0)
        rdv__thread_log_write(
            hosted->parts.tell, RDV_LOG_WARNING,
            "plug-in '%s': %s gave 0x%08lX, which is not a failure: taken as success", hosted->name,
            what, (unsigned long)result);
    return result;
}

static void give_answer(struct rdv__hosted *hosted, int result)
{
    hosted->result = result;
    SetEvent(hosted->answered);
}

static void set_name(struct rdv__hosted *hosted, const char *name)
{
    const size_t size = rdv__utf8_cut(name, strlen(name), sizeof hosted->name - 1);
    memcpy(hosted->name, name, size);
    hosted->name[size] = '\0';
    rdv__watchdog_set_name(hosted->parts.watchdog, hosted->name);
}

/* PluginName is for logs only, so a task agent whose name is not valid is used all the same. */
static void read_name(struct rdv__hosted *hosted)
{
    struct rdv__watched call;
    char words[RDV__COM_WORDS_SIZE], *name = NULL;
    BSTR text = NULL;
    enter_call(hosted, &call, "PluginName", NULL);
    HRESULT result = leave_call(hosted, &call, IRDVTaskPlugin_get_PluginName(hosted->com, &text));
    if (FAILED(result)) {
        rdv__thread_log_write(hosted->parts.tell, RDV_LOG_WARNING,
                              "plug-in '%s': PluginName failed: %s", hosted->name,
                              rdv__com_words(result, words));
        return;
    }
    if (rdv__com_text(text, RDV_CONTEXT_MAX, &name) == 0 && *name)
        set_name(hosted, name);
    else
        rdv__thread_log_write(hosted->parts.tell, RDV_LOG_WARNING,
                              "plug-in '%s': its PluginName is empty or not a text", hosted->name);
    free(name);
    SysFreeString(text);
}

static int create_agent(struct rdv__hosted *hosted)
{
    struct rdv__watched call;
    struct rdv_error *error = &hosted->error;
    char words[RDV__COM_WORDS_SIZE];
    IUnknown *object = NULL;
    enter_call(hosted, &call, "CoCreateInstance", NULL);
    HRESULT result = leave_call(hosted, &call,
                                CoCreateInstance(&hosted->parts.clsid, NULL,
                                                 CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER,
                                                 &IID_IUnknown, (void **)&object));
    if (result == REGDB_E_CLASSNOTREG)
        return rdv__fail(error, RDV_ENOTFOUND, "the class of the task agent '%s' is not registered",
                         hosted->name);
    if (FAILED(result) || !object)
        return rdv__fail(error, rdv__com_code(FAILED(result) ? result : E_POINTER),
                         "the task agent '%s' can't be created: %s", hosted->name,
                         rdv__com_words(FAILED(result) ? result : E_POINTER, words));
    enter_call(hosted, &call, "QueryInterface", NULL);
    result = leave_call(
        hosted, &call, IUnknown_QueryInterface(object, &IID_IRDVTaskPlugin, (void **)&hosted->com));
    if (FAILED(result))
        hosted->com = NULL; /* a failed call may have left anything there */
    enter_call(hosted, &call, "Release", NULL);
    IUnknown_Release(object);
    leave_call(hosted, &call, S_OK);
    if (!hosted->com)
        return rdv__fail(error, RDV_ENOTSUP, "the class '%s' is not a task agent: %s", hosted->name,
                         rdv__com_words(FAILED(result) ? result : E_POINTER, words));
    read_name(hosted);
    return 0;
}

static int call_initialize(struct rdv__hosted *hosted)
{
    struct rdv__watched call;
    char words[RDV__COM_WORDS_SIZE];
    int result = rdv__notify_new(&hosted->sink, &hosted->notify);
    if (result != 0)
        return result;
    enter_call(hosted, &call, "Initialize", NULL);
    HRESULT hr = leave_call(hosted, &call, IRDVTaskPlugin_Initialize(hosted->com, hosted->notify));
    hosted->initialised = SUCCEEDED(hr);
    if (FAILED(hr))
        rdv__thread_log_write(
            hosted->parts.tell, RDV_LOG_ERROR,
            "plug-in '%s': Initialize failed: %s; its own log may say why (that of "
            "rdvtask-com.dll is Windows' application log)",
            hosted->name, rdv__com_words(hr, words));
    return rdv__com_code(hr);
}

/* Report that a start failed which start_task had accepted. */
static void report_failure(struct rdv__hosted *hosted, const char *identifier, int code,
                           const char *words)
{
    rdv_report report = RDV_REPORT_INIT;
    report.status = RDV_STATUS_FAILED;
    report.code = code;
    report.message = words;
    if (is_started_again(hosted, identifier))
        rdv__thread_log_write(hosted->parts.tell, RDV_LOG_WARNING,
                              "plug-in '%s': an earlier start of task '%s': %s", hosted->name,
                              identifier, words);
    else
        (void)sink_task_state_changed(&hosted->sink, identifier, &report);
}

static void call_start_task(struct rdv__hosted *hosted, rdv_task *task)
{
    const char *identifier = rdv_task_identifier(task);
    struct rdv__watched call;
    char words[RDV__COM_WORDS_SIZE], message[RDV__COM_WORDS_SIZE + 32];
    BSTR label = NULL, bstr = NULL;
    SAFEARRAY *context = NULL;
    size_t size;
    const void *bytes = rdv_task_context(task, &size);
    int result = rdv__com_bstr(rdv_task_label(task), &label);
    if (result == 0)
        result = rdv__com_bstr(identifier, &bstr);
    if (result == 0)
        result = rdv__com_array(bytes, size, &context);
    if (result != 0) {
        report_failure(hosted, identifier, result, rdv_strerror(result));
        goto out;
    }
    enter_call(hosted, &call, "StartTask", identifier);
    HRESULT hr =
        leave_call(hosted, &call, IRDVTaskPlugin_StartTask(hosted->com, label, bstr, &context));
    if (FAILED(hr)) {
        snprintf(message, sizeof message, "StartTask failed: %s", rdv__com_words(hr, words));
        report_failure(hosted, identifier, rdv__com_code(hr), message);
    }
out:
    SysFreeString(label);
    SysFreeString(bstr);
    SafeArrayDestroy(context);
}

static void call_terminate(struct rdv__hosted *hosted, int reason)
{
    struct rdv__watched call;
    char words[RDV__COM_WORDS_SIZE];
    enter_call(hosted, &call, "Terminate", NULL);
    HRESULT hr =
        leave_call(hosted, &call, IRDVTaskPlugin_Terminate(hosted->com, rdv__com_hresult(reason)));
    if (FAILED(hr))
        rdv__thread_log_write(hosted->parts.tell, RDV_LOG_WARNING,
                              "plug-in '%s': Terminate failed: %s", hosted->name,
                              rdv__com_words(hr, words));
}

/*
 * Release the task agent and its sink. If it has kept references to either, its library stays in
 * memory.
 */
static void release_agent(struct rdv__hosted *hosted)
{
    struct rdv__watched call;
    HMODULE module;
    const void *code = hosted->com->lpVtbl;
    enter_call(hosted, &call, "Release", NULL);
    const ULONG left = IRDVTaskPlugin_Release(hosted->com);
    leave_call(hosted, &call, S_OK);
    hosted->com = NULL;
    const LONG sinks = hosted->notify ? rdv__notify_references(hosted->notify) - 1 : 0;
    if (hosted->notify)
        IRDVTaskPluginNotifySink_Release(hosted->notify);
    hosted->notify = NULL;
    if (left == 0 && sinks == 0)
        return;
    /*
     * It may still work on a thread of its own, and COM would unload its library when the last
     * apartment is left.
     */
    rdv__thread_log_write(
        hosted->parts.tell, RDV_LOG_WARNING,
        "plug-in '%s' has kept %lu reference%s to itself and %ld to its sink: it stays in "
        "memory until the process ends",
        hosted->name, (unsigned long)left, left == 1 ? "" : "s", (long)sinks);
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN, code,
                       &module);
}

/* Take requests until the end is requested. Returns the reason for the end. */
static int serve_requests(struct rdv__hosted *hosted)
{
    for (;;) {
        struct request *request = request_take(hosted);
        if (!request) {
            rdv__apartment_wait(hosted->wake, INFINITE);
            continue;
        }
        const enum request_kind kind = request->kind;
        const int reason = request->reason;
        EnterCriticalSection(&hosted->lock);
        const bool deserting = hosted->deserting;
        LeaveCriticalSection(&hosted->lock);
        if (kind == REQUEST_INITIALIZE)
            give_answer(hosted, call_initialize(hosted));
        /*
         * A task agent that has asked for its end gets no further starts: those tasks stay on disk
         * for the next process.
         */
        else if (kind == REQUEST_START && !deserting)
            call_start_task(hosted, request->task);
        else if (kind == REQUEST_END && hosted->initialised)
            call_terminate(hosted, reason);
        request_free(request);
        if (kind == REQUEST_END)
            return reason;
    }
}

/* Tell the trigger agent's sink that the task agent has terminated, and let go of that sink. */
static void tell_end(struct rdv__hosted *hosted, int reason)
{
    struct request *request;
    while ((request = request_take(hosted)))
        request_free(request);
    EnterCriticalSection(&hosted->lock);
    rdv_sink *inner = hosted->inner;
    hosted->inner = NULL;
    if (hosted->reason != 0)
        reason = hosted->reason;
    LeaveCriticalSection(&hosted->lock);
    if (!inner)
        return;
    if (hosted->initialised)
        inner->ops->terminated(inner, reason);
    inner->ops->unref(inner);
}

static void host_agent(void *user)
{
    struct rdv__hosted *hosted = user;
    char words[RDV__COM_WORDS_SIZE];
    HRESULT entered = rdv__apartment_enter(hosted->parts.apartment);
    int result = 0, reason = 0;
    if (FAILED(entered))
        result = rdv__fail(&hosted->error, rdv__com_code(entered), "COM can't be used: %s",
                           rdv__com_words(entered, words));
    else
        result = create_agent(hosted);
    give_answer(hosted, result);
    if (result == 0)
        reason = serve_requests(hosted);
    if (hosted->com)
        release_agent(hosted);
    if (SUCCEEDED(entered))
        rdv__apartment_leave();
    tell_end(hosted, reason);
    SetEvent(hosted->ended);
    hosted_unref(hosted);
}

/* ------------------------------------------------- the plug-in, for the loop */

/*
 * Wait for the answer. If none comes, this returns false, and nothing waits for the thread any
 * more.
 */
static bool wait_answer(struct rdv__hosted *hosted)
{
    if (WaitForSingleObject(hosted->answered, to_milliseconds(hosted->parts.answer_wait)) ==
        WAIT_OBJECT_0)
        return true;
    EnterCriticalSection(&hosted->lock);
    hosted->hangs = true;
    LeaveCriticalSection(&hosted->lock);
    return false;
}

static const char *plugin_name(rdv_plugin *plugin)
{
    return impl_from_plugin(plugin)->name;
}

static int plugin_initialize(rdv_plugin *plugin, rdv_sink *sink)
{
    struct rdv__hosted *hosted = impl_from_plugin(plugin);
    char wait[RDV_DURATION_TEXT_SIZE];
    EnterCriticalSection(&hosted->lock);
    bool again = hosted->inner != NULL;
    if (!again) {
        sink->ops->ref(sink);
        hosted->inner = sink;
    }
    LeaveCriticalSection(&hosted->lock);
    if (again)
        return RDV_ESTATE;
    int result = request_add(hosted, REQUEST_INITIALIZE, NULL, 0);
    if (result == 0 && !wait_answer(hosted)) {
        rdv_duration_format(hosted->parts.answer_wait, wait, sizeof wait);
        rdv__thread_log_write(hosted->parts.tell, RDV_LOG_ERROR,
                              "plug-in '%s' has been in Initialize for %s: going on without it",
                              hosted->name, wait);
        return RDV_ETIMEDOUT;
    }
    return result == 0 ? hosted->result : result;
}

static int plugin_start_task(rdv_plugin *plugin, rdv_task *task)
{
    return request_add(impl_from_plugin(plugin), REQUEST_START, task, 0);
}

static int plugin_terminate(rdv_plugin *plugin, int reason)
{
    struct rdv__hosted *hosted = impl_from_plugin(plugin);
    int result = 0;
    EnterCriticalSection(&hosted->lock);
    if (!hosted->ending)
        result = request_add(hosted, REQUEST_END, NULL, reason);
    hosted->ending |= result == 0;
    LeaveCriticalSection(&hosted->lock);
    return result;
}

static const rdv_plugin_ops plugin_ops = {
    .size = sizeof plugin_ops,
    .name = plugin_name,
    .initialize = plugin_initialize,
    .start_task = plugin_start_task,
    .terminate = plugin_terminate,
};

/* ----------------------------------------------------------------- its life */

int rdv__hosted_new(const struct rdv__hosted_parts *parts, struct rdv__hosted **ret_hosted,
                    bool *ret_left, struct rdv_error *error)
{
    struct rdv__hosted *hosted = calloc(1, sizeof *hosted);
    char wait[RDV_DURATION_TEXT_SIZE];
    *ret_left = false;
    if (!hosted)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    hosted->plugin.ops = &plugin_ops;
    hosted->sink.ops = &sink_ops;
    hosted->references = 2; /* the caller's and the thread's */
    hosted->parts = *parts;
    hosted->last = &hosted->first;
    InitializeCriticalSection(&hosted->lock);
    set_name(hosted, parts->registered);
    hosted->wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    hosted->answered = CreateEventW(NULL, FALSE, FALSE, NULL);
    hosted->ended = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!hosted->wake || !hosted->answered || !hosted->ended ||
        rdv__thread_new(host_agent, hosted, &hosted->thread) != 0) {
        hosted->references = 1;
        hosted_unref(hosted);
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    }
    int result = 0;
    if (!wait_answer(hosted)) {
        rdv_duration_format(parts->answer_wait, wait, sizeof wait);
        result =
            rdv__fail(error, RDV_ETIMEDOUT, "the task agent '%s' could not be created within %s",
                      parts->registered, wait);
    } else if (hosted->result != 0) {
        result = rdv__fail(error, hosted->result, "%s", hosted->error.text);
    }
    if (result != 0) {
        *ret_left = !rdv__hosted_end(hosted, parts->answer_wait);
        return result;
    }
    *ret_hosted = hosted;
    return 0;
}

rdv_plugin *rdv__hosted_plugin(struct rdv__hosted *hosted)
{
    return &hosted->plugin;
}

const char *rdv__hosted_name(const struct rdv__hosted *hosted)
{
    return hosted->name;
}

/* Whether somebody has waited in vain for a call. */
static bool is_hanging(struct rdv__hosted *hosted)
{
    EnterCriticalSection(&hosted->lock);
    const bool found = hosted->hangs;
    LeaveCriticalSection(&hosted->lock);
    return found;
}

bool rdv__hosted_end(struct rdv__hosted *hosted, rdv_duration wait)
{
    (void)plugin_terminate(&hosted->plugin, 0);
    if (is_hanging(hosted))
        wait = 0;
    const bool ended = WaitForSingleObject(hosted->ended, to_milliseconds(wait)) == WAIT_OBJECT_0;
    if (ended)
        rdv__thread_join(hosted->thread);
    EnterCriticalSection(&hosted->lock);
    rdv_sink *inner = hosted->inner;
    hosted->inner = NULL;
    LeaveCriticalSection(&hosted->lock);
    if (inner)
        inner->ops->unref(inner);
    hosted_unref(hosted);
    return ended;
}
