/* SPDX-License-Identifier: MIT */
/*
 * A task agent that keeps every rule that check-plugin knows, except for the one whose fault is
 * planted. Each of its interfaces has a pointer of its own, so that they can disagree.
 */
#define COBJMACROS
#define CONST_VTABLE
#include "faulty.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <objbase.h>
#include <oleauto.h>

#include "rdvtask_idl.h"

#define TEXT_SIZE 64

struct agent {
    IUnknown IUnknown_iface;
    IRDVTaskPlugin IRDVTaskPlugin_iface;
    ISupportErrorInfo ISupportErrorInfo_iface;
    IProvideClassInfo IProvideClassInfo_iface;
    LONG references;
    char fault[TEXT_SIZE];
    bool initialised, terminated;
    IRDVTaskPluginNotifySink *borrowed; /* for a fault */
    IGlobalInterfaceTable *table;
    DWORD cookie;
    BSTR name; /* for a fault */
    HANDLE stop, thread;
    /* The thread's. */
    wchar_t label[TEXT_SIZE], identifier[TEXT_SIZE];
};

static const CLSID class = {
    0x6f0d5a0e, 0x3a55, 0x4d3b, {0x8a, 0x58, 0x5f, 0x1d, 0x0c, 0x4b, 0x7c, 0x21}};

static struct faulty_state state;

struct faulty_state *faulty_state(void);

struct faulty_state *faulty_state(void)
{
    return &state;
}

static bool faulty(const struct agent *agent, const char *fault)
{
    return strcmp(agent->fault, fault) == 0;
}

/* -------------------------------------------------------------- IUnknown's */

static bool lacks(const struct agent *agent, const void *from, const void *to)
{
    const void *plugin = &agent->IRDVTaskPlugin_iface;
    const void *errors = &agent->ISupportErrorInfo_iface;
    const void *info = &agent->IProvideClassInfo_iface;
    if (faulty(agent, "no-plugin"))
        return to == plugin;
    if (faulty(agent, "reflexive"))
        return from == plugin && to == plugin;
    if (faulty(agent, "symmetric"))
        return from == errors && to == plugin;
    if (faulty(agent, "transitive"))
        return (from == plugin && to == info) || (from == info && to == plugin);
    if (faulty(agent, "static"))
        return agent->initialised && to == errors;
    return false;
}

static HRESULT query(struct agent *agent, void *from, REFIID iid, void **object)
{
    void *to = NULL;
    if (!object)
        return faulty(agent, "query-null") ? S_OK : E_POINTER;
    if (IsEqualIID(iid, &IID_IUnknown))
        to = &agent->IUnknown_iface;
    else if (IsEqualIID(iid, &IID_IRDVTaskPlugin))
        to = &agent->IRDVTaskPlugin_iface;
    else if (IsEqualIID(iid, &IID_ISupportErrorInfo))
        to = &agent->ISupportErrorInfo_iface;
    else if (IsEqualIID(iid, &IID_IProvideClassInfo))
        to = &agent->IProvideClassInfo_iface;
    if (!to || lacks(agent, from, to)) {
        if (!faulty(agent, "query-out"))
            *object = NULL;
        if (faulty(agent, "query-failure-leak"))
            agent->references++;
        return faulty(agent, "query-result") ? E_FAIL : E_NOINTERFACE;
    }
    if (faulty(agent, "identity") && from == &agent->ISupportErrorInfo_iface &&
        IsEqualIID(iid, &IID_IUnknown))
        to = from;
    InterlockedIncrement(&agent->references);
    if (faulty(agent, "query-leak") && from == to && to == &agent->IRDVTaskPlugin_iface)
        InterlockedIncrement(&agent->references);
    *object = to;
    return S_OK;
}

static ULONG add_ref(struct agent *agent)
{
    return (ULONG)InterlockedIncrement(&agent->references);
}

static void let_sink_go(struct agent *agent)
{
    if (agent->cookie && !faulty(agent, "sink-leak"))
        IGlobalInterfaceTable_RevokeInterfaceFromGlobal(agent->table, agent->cookie);
    agent->cookie = 0;
}

static ULONG release(struct agent *agent)
{
    LONG references = InterlockedDecrement(&agent->references);
    if (references > 0)
        return faulty(agent, "count") ? 1 : (ULONG)references;
    let_sink_go(agent);
    if (agent->table)
        IGlobalInterfaceTable_Release(agent->table);
    if (agent->thread)
        CloseHandle(agent->thread);
    CloseHandle(agent->stop);
    SysFreeString(agent->name);
    free(agent);
    InterlockedDecrement(&state.objects);
    return 0;
}

/* The same three functions for each interface. */
#define IUNKNOWN_OF(type, prefix)                                                           \
    static struct agent *prefix##_of(type *iface)                                           \
    {                                                                                       \
        return CONTAINING_RECORD(iface, struct agent, type##_iface);                        \
    }                                                                                       \
    static HRESULT STDMETHODCALLTYPE prefix##_query(type *iface, REFIID iid, void **object) \
    {                                                                                       \
        return query(prefix##_of(iface), iface, iid, object);                               \
    }                                                                                       \
    static ULONG STDMETHODCALLTYPE prefix##_add_ref(type *iface)                            \
    {                                                                                       \
        return add_ref(prefix##_of(iface));                                                 \
    }                                                                                       \
    static ULONG STDMETHODCALLTYPE prefix##_release(type *iface)                            \
    {                                                                                       \
        return release(prefix##_of(iface));                                                 \
    }

IUNKNOWN_OF(IUnknown, unknown)
IUNKNOWN_OF(IRDVTaskPlugin, plugin)
IUNKNOWN_OF(ISupportErrorInfo, errors)
IUNKNOWN_OF(IProvideClassInfo, info)

static HRESULT STDMETHODCALLTYPE errors_support(ISupportErrorInfo *iface, REFIID iid)
{
    (void)iface;
    (void)iid;
    return S_FALSE;
}

static HRESULT STDMETHODCALLTYPE info_get(IProvideClassInfo *iface, ITypeInfo **info)
{
    (void)iface;
    *info = NULL;
    return E_NOTIMPL;
}

/* ------------------------------------------------------------------ its work */

static void report(IRDVTaskPluginNotifySink *sink, const wchar_t *identifier, int status)
{
    BSTR text = SysAllocString(identifier);
    state.report_result =
        IRDVTaskPluginNotifySink_OnTaskStateChange(sink, text, (RDV_TASK_STATUS)status);
    if (FAILED(state.report_result))
        state.refused_result = state.report_result;
    SysFreeString(text);
}

static void plan(IRDVTaskPluginNotifySink *sink)
{
    const FILETIME none = {0, 0};
    BSTR label = SysAllocString(L"succeed"), identifier = SysAllocString(L"planned");
    BSTR unwanted = SysAllocString(L"unwanted");
    SAFEARRAY *context = SafeArrayCreateVector(VT_UI1, -5, 3);
    state.schedule_result =
        IRDVTaskPluginNotifySink_ScheduleTask(sink, none, none, none, label, identifier, context);
    state.delete_result = IRDVTaskPluginNotifySink_DeleteSchedule(sink, unwanted);
    SafeArrayDestroy(context);
    SysFreeString(label);
    SysFreeString(identifier);
    SysFreeString(unwanted);
}

static void do_label(struct agent *agent, IRDVTaskPluginNotifySink *sink)
{
    report(sink, agent->identifier, RDV_TASK_STATUS_SEARCHING);
    if (faulty(agent, "status-unknown"))
        report(sink, agent->identifier, RDV_TASK_STATUS_UNKNOWN);
    if (faulty(agent, "status-timeout"))
        report(sink, agent->identifier, RDV_TASK_STATUS_TIMEOUT);
    if (faulty(agent, "status-42"))
        report(sink, agent->identifier, 42);
    if (faulty(agent, "other-identifier"))
        report(sink, L"somebody else's", RDV_TASK_STATUS_APPLYING);
    if (wcscmp(agent->label, L"plan") == 0)
        plan(sink);
    if (wcscmp(agent->label, L"leave") == 0) {
        IRDVTaskPluginNotifySink_OnTerminated(sink, E_ACCESSDENIED);
        return;
    }
    report(sink, agent->identifier, RDV_TASK_STATUS_APPLYING);
    if (wcscmp(agent->label, L"wait") == 0 || faulty(agent, "never-final")) {
        WaitForSingleObject(agent->stop, INFINITE);
        return;
    }
    report(sink, agent->identifier,
           wcscmp(agent->label, L"fail") == 0 ? RDV_TASK_STATUS_FAILED : RDV_TASK_STATUS_SUCCESS);
    if (faulty(agent, "report-after-final"))
        report(sink, agent->identifier, RDV_TASK_STATUS_APPLYING);
}

static DWORD WINAPI work(void *user)
{
    struct agent *agent = user;
    IRDVTaskPluginNotifySink *sink = agent->borrowed;
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (sink) {
        do_label(agent, sink);
    } else if (SUCCEEDED(IGlobalInterfaceTable_GetInterfaceFromGlobal(
                   agent->table, agent->cookie, &IID_IRDVTaskPluginNotifySink, (void **)&sink))) {
        do_label(agent, sink);
        IRDVTaskPluginNotifySink_Release(sink);
    }
    CoUninitialize();
    return 0;
}

static void end_work(struct agent *agent)
{
    if (!agent->thread)
        return;
    SetEvent(agent->stop);
    WaitForSingleObject(agent->thread, INFINITE);
    CloseHandle(agent->thread);
    agent->thread = NULL;
}

/* -------------------------------------------------------------- its methods */

static HRESULT STDMETHODCALLTYPE plugin_initialize(IRDVTaskPlugin *iface,
                                                   IRDVTaskPluginNotifySink *sink)
{
    struct agent *agent = plugin_of(iface);
    if (!sink)
        return faulty(agent, "sink-null") ? S_OK : E_INVALIDARG;
    if (agent->initialised)
        return E_UNEXPECTED;
    if (faulty(agent, "initialize-fails"))
        return E_ACCESSDENIED;
    if (faulty(agent, "initialize-hangs"))
        Sleep(INFINITE);
    if (faulty(agent, "sink-borrowed")) {
        agent->borrowed = sink;
    } else {
        HRESULT result =
            CoCreateInstance(&CLSID_StdGlobalInterfaceTable, NULL, CLSCTX_INPROC_SERVER,
                             &IID_IGlobalInterfaceTable, (void **)&agent->table);
        if (SUCCEEDED(result))
            result = IGlobalInterfaceTable_RegisterInterfaceInGlobal(
                agent->table, (IUnknown *)sink, &IID_IRDVTaskPluginNotifySink, &agent->cookie);
        if (FAILED(result))
            return result;
    }
    if (faulty(agent, "self-reference"))
        add_ref(agent);
    agent->initialised = true;
    InterlockedIncrement(&state.initialised);
    return faulty(agent, "positive-initialize") ? S_FALSE : S_OK;
}

static bool context_is_bytes(SAFEARRAY *array)
{
    void *data;
    LONG lower = 0, upper = -1;
    if (!array || FAILED(SafeArrayAccessData(array, &data)))
        return false;
    SafeArrayGetLBound(array, 1, &lower);
    SafeArrayGetUBound(array, 1, &upper);
    const bool same = upper - lower + 1 == 5 && memcmp(data, "bytes", 5) == 0;
    SafeArrayUnaccessData(array);
    return same;
}

static void see_apartment(void)
{
    APTTYPE type;
    IComThreadingInfo *info;
    state.called_on = GetCurrentThreadId();
    if (FAILED(CoGetObjectContext(&IID_IComThreadingInfo, (void **)&info)))
        return;
    if (SUCCEEDED(IComThreadingInfo_GetCurrentApartmentType(info, &type)))
        state.single_threaded = type == APTTYPE_STA || type == APTTYPE_MAINSTA;
    IComThreadingInfo_Release(info);
}

static void block(void)
{
    HANDLE gate = OpenEventW(SYNCHRONIZE, FALSE, FAULTY_GATE);
    WaitForSingleObject(gate, INFINITE);
    CloseHandle(gate);
}

/* What is planted in StartTask; S_OK to go on. */
static HRESULT plant_in_start(struct agent *agent, SAFEARRAY **context)
{
    if (faulty(agent, "start-fails"))
        return E_FAIL;
    if (faulty(agent, "start-crashes"))
        *(volatile int *)VirtualAlloc(NULL, 1, MEM_RESERVE, PAGE_NOACCESS) = 0;
    if (faulty(agent, "start-aborts"))
        abort();
    if (faulty(agent, "leaks-object"))
        InterlockedIncrement(&state.objects);
    if (faulty(agent, "context-locked") && context && *context)
        SafeArrayLock(*context);
    if (faulty(agent, "context-taken") && context && *context) {
        SafeArrayDestroy(*context);
        *context = NULL;
    }
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE plugin_start_task(IRDVTaskPlugin *iface, BSTR label,
                                                   BSTR identifier, SAFEARRAY **context)
{
    struct agent *agent = plugin_of(iface);
    if (!agent->initialised)
        return faulty(agent, "start-early") ? S_OK : E_UNEXPECTED;
    if (agent->terminated)
        return faulty(agent, "start-late") ? S_OK : HRESULT_FROM_WIN32(ERROR_SHUTDOWN_IN_PROGRESS);
    if (SysStringLen(label) == 0 || SysStringLen(identifier) == 0)
        return faulty(agent, "no-label") ? S_OK : E_INVALIDARG;
    if (SysStringLen(label) >= TEXT_SIZE || SysStringLen(identifier) >= TEXT_SIZE)
        return E_INVALIDARG;
    see_apartment();
    HRESULT result = plant_in_start(agent, context);
    if (FAILED(result))
        return result;
    if (wcscmp(label, L"refuse") == 0)
        return E_ACCESSDENIED;
    if (wcscmp(label, L"context") == 0 && !context_is_bytes(context ? *context : NULL))
        return E_INVALIDARG;
    if (wcscmp(label, L"block") == 0 || wcscmp(label, L"stall") == 0)
        block();
    if (wcscmp(label, L"stall") == 0)
        return E_ACCESSDENIED;
    end_work(agent); /* one at a time, which is over by now */
    ResetEvent(agent->stop);
    wcscpy(agent->label, label);
    wcscpy(agent->identifier, identifier);
    agent->thread = CreateThread(NULL, 0, work, agent, 0, NULL);
    InterlockedIncrement(&state.started);
    if (faulty(agent, "positive-start"))
        return ERROR_BUSY; /* a number of Windows, and no HRESULT */
    return agent->thread ? S_OK : E_OUTOFMEMORY;
}

static HRESULT STDMETHODCALLTYPE plugin_terminate(IRDVTaskPlugin *iface, HRESULT reason)
{
    struct agent *agent = plugin_of(iface);
    InterlockedIncrement(&state.terminated);
    if (!agent->initialised)
        return E_UNEXPECTED;
    if (faulty(agent, "terminate-hangs"))
        Sleep(INFINITE);
    end_work(agent);
    IRDVTaskPluginNotifySink *sink = NULL;
    if (faulty(agent, "terminated-twice") &&
        SUCCEEDED(IGlobalInterfaceTable_GetInterfaceFromGlobal(
            agent->table, agent->cookie, &IID_IRDVTaskPluginNotifySink, (void **)&sink))) {
        IRDVTaskPluginNotifySink_OnTerminated(sink, S_OK);
        IRDVTaskPluginNotifySink_OnTerminated(sink, S_OK);
        IRDVTaskPluginNotifySink_Release(sink);
    }
    let_sink_go(agent);
    agent->terminated = true;
    state.reason = reason;
    return faulty(agent, "terminate-fails") ? E_FAIL : S_OK;
}

static HRESULT STDMETHODCALLTYPE plugin_name(IRDVTaskPlugin *iface, BSTR *name)
{
    struct agent *agent = plugin_of(iface);
    if (!name && faulty(agent, "name-null"))
        return S_OK;
    if (!name && !faulty(agent, "name-null-crashes"))
        return E_POINTER;
    *name = NULL;
    if (faulty(agent, "name-hangs"))
        Sleep(INFINITE);
    if (faulty(agent, "name-late") && !agent->initialised)
        return E_UNEXPECTED;
    if (faulty(agent, "name-shared")) {
        if (!agent->name)
            agent->name = SysAllocString(L"shared");
        *name = agent->name;
        return S_OK;
    }
    *name = SysAllocString(faulty(agent, "name-surrogate") ? L"lone \xd800" : L"Test agent \x2713");
    return *name ? S_OK : E_OUTOFMEMORY;
}

static const IUnknownVtbl unknown_functions = {unknown_query, unknown_add_ref, unknown_release};
static const ISupportErrorInfoVtbl errors_functions = {errors_query, errors_add_ref, errors_release,
                                                       errors_support};
static const IProvideClassInfoVtbl info_functions = {info_query, info_add_ref, info_release,
                                                     info_get};
static const IRDVTaskPluginVtbl plugin_functions = {
    .QueryInterface = plugin_query,
    .AddRef = plugin_add_ref,
    .Release = plugin_release,
    .Initialize = plugin_initialize,
    .StartTask = plugin_start_task,
    .Terminate = plugin_terminate,
    .get_PluginName = plugin_name,
};

/* ---------------------------------------------------- class object, exports */

static void read_fault(char fault[TEXT_SIZE])
{
    wchar_t wide[TEXT_SIZE];
    const DWORD length = GetEnvironmentVariableW(FAULTY_VARIABLE, wide, TEXT_SIZE);
    if (length == 0 || length >= TEXT_SIZE)
        wide[0] = L'\0';
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, fault, TEXT_SIZE, NULL, NULL);
}

static HRESULT STDMETHODCALLTYPE factory_query(IClassFactory *iface, REFIID iid, void **object)
{
    *object = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IClassFactory) ? iface : NULL;
    return *object ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE factory_count(IClassFactory *iface)
{
    (void)iface;
    return 1;
}

static HRESULT STDMETHODCALLTYPE factory_create(IClassFactory *iface, IUnknown *outer, REFIID iid,
                                                void **object)
{
    (void)iface;
    char fault[TEXT_SIZE];
    read_fault(fault);
    if (strcmp(fault, "class-out") != 0)
        *object = NULL;
    if (strcmp(fault, "create-hangs") == 0)
        Sleep(INFINITE);
    if (strcmp(fault, "create-fails") == 0 && !outer && IsEqualIID(iid, &IID_IUnknown))
        return E_ACCESSDENIED;
    if (outer && strcmp(fault, "class-aggregate") != 0)
        return CLASS_E_NOAGGREGATION;
    struct agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return E_OUTOFMEMORY;
    agent->IUnknown_iface.lpVtbl = &unknown_functions;
    agent->IRDVTaskPlugin_iface.lpVtbl = &plugin_functions;
    agent->ISupportErrorInfo_iface.lpVtbl = &errors_functions;
    agent->IProvideClassInfo_iface.lpVtbl = &info_functions;
    agent->references = 1;
    agent->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    InterlockedIncrement(&state.objects);
    state.created_on = GetCurrentThreadId();
    void *found = NULL;
    HRESULT result = query(agent, &agent->IUnknown_iface, iid, &found);
    strcpy(agent->fault, fault);
    release(agent);
    if (SUCCEEDED(result))
        *object = found;
    return result;
}

static HRESULT STDMETHODCALLTYPE factory_lock(IClassFactory *iface, BOOL lock)
{
    (void)iface;
    (void)lock;
    return S_OK;
}

static const IClassFactoryVtbl factory_functions = {factory_query, factory_count, factory_count,
                                                    factory_create, factory_lock};

static DWORD WINAPI do_nothing(void *user)
{
    (void)user;
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD event, void *reserved);

/* A fault that is made often: no thread begins, and none ends, before this has returned. */
BOOL WINAPI DllMain(HINSTANCE instance, DWORD event, void *reserved)
{
    (void)instance;
    (void)reserved;
    char fault[TEXT_SIZE];
    read_fault(fault);
    if (event == DLL_PROCESS_ATTACH && strcmp(fault, "attach-deadlocks") == 0) {
        HANDLE thread = CreateThread(NULL, 0, do_nothing, NULL, 0, NULL);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
    }
    return TRUE;
}

HRESULT STDAPICALLTYPE DllGetClassObject(REFCLSID clsid, REFIID iid, void **object)
{
    static IClassFactory factory = {&factory_functions};
    *object = NULL;
    if (!IsEqualCLSID(clsid, &class))
        return CLASS_E_CLASSNOTAVAILABLE;
    return factory_query(&factory, iid, object);
}

HRESULT STDAPICALLTYPE DllCanUnloadNow(void)
{
    char fault[TEXT_SIZE];
    read_fault(fault);
    return strcmp(fault, "module-lock") == 0 || state.objects > 0 ? S_FALSE : S_OK;
}
