/* SPDX-License-Identifier: MIT */
/*
 * The trigger agent of the tests of the server side. Several threads may call it, so a lock is for
 * what it records.
 */
#define COBJMACROS
#include "client.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <oleauto.h>

static struct client *of(IRDVTaskPluginNotifySink *iface)
{
    return CONTAINING_RECORD(iface, struct client, sink);
}

/* ------------------------------------- a marshaler that carries it nowhere */

/* It counts the references of the client, so that a test sees those that are left. */
struct refusal {
    IMarshal marshal;
    struct client *client;
};

static struct client *refusing(IMarshal *marshal)
{
    return CONTAINING_RECORD(marshal, struct refusal, marshal)->client;
}

static HRESULT STDMETHODCALLTYPE refusal_query(IMarshal *marshal, REFIID iid, void **object)
{
    return IRDVTaskPluginNotifySink_QueryInterface(&refusing(marshal)->sink, iid, object);
}

static ULONG STDMETHODCALLTYPE refusal_add_ref(IMarshal *marshal)
{
    return IRDVTaskPluginNotifySink_AddRef(&refusing(marshal)->sink);
}

static ULONG STDMETHODCALLTYPE refusal_release(IMarshal *marshal)
{
    return IRDVTaskPluginNotifySink_Release(&refusing(marshal)->sink);
}

static HRESULT STDMETHODCALLTYPE refusal_class(IMarshal *marshal, REFIID iid, void *object,
                                               DWORD context, void *more, DWORD flags,
                                               CLSID *ret_clsid)
{
    (void)marshal, (void)iid, (void)object, (void)context, (void)more, (void)flags;
    *ret_clsid = CLSID_NULL;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE refusal_size(IMarshal *marshal, REFIID iid, void *object,
                                              DWORD context, void *more, DWORD flags,
                                              DWORD *ret_size)
{
    (void)marshal, (void)iid, (void)object, (void)context, (void)more, (void)flags;
    *ret_size = 0;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE refusal_marshal(IMarshal *marshal, IStream *stream, REFIID iid,
                                                 void *object, DWORD context, void *more,
                                                 DWORD flags)
{
    (void)marshal, (void)stream, (void)iid, (void)object, (void)context, (void)more, (void)flags;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE refusal_unmarshal(IMarshal *marshal, IStream *stream, REFIID iid,
                                                   void **object)
{
    (void)marshal, (void)stream, (void)iid;
    *object = NULL;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE refusal_release_data(IMarshal *marshal, IStream *stream)
{
    (void)marshal, (void)stream;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE refusal_disconnect(IMarshal *marshal, DWORD reserved)
{
    (void)marshal, (void)reserved;
    return S_OK;
}

static const IMarshalVtbl refusal_vtbl = {
    .QueryInterface = refusal_query,
    .AddRef = refusal_add_ref,
    .Release = refusal_release,
    .GetUnmarshalClass = refusal_class,
    .GetMarshalSizeMax = refusal_size,
    .MarshalInterface = refusal_marshal,
    .UnmarshalInterface = refusal_unmarshal,
    .ReleaseMarshalData = refusal_release_data,
    .DisconnectObject = refusal_disconnect,
};

/* ---------------------------------------------------------------- the sink */

static HRESULT STDMETHODCALLTYPE query(IRDVTaskPluginNotifySink *iface, REFIID iid, void **object)
{
    static struct refusal refusal;
    struct client *client = of(iface);
    *object = NULL;
    if (IsEqualIID(iid, &IID_IMarshal) && client->refuses_marshal) {
        refusal.marshal.lpVtbl = (IMarshalVtbl *)&refusal_vtbl;
        refusal.client = client;
        *object = &refusal.marshal;
    } else if (IsEqualIID(iid, &IID_IMarshal) && client->free_threaded) {
        return IUnknown_QueryInterface(client->marshaler, iid, object);
    } else if (IsEqualIID(iid, &IID_IUnknown) ||
               (IsEqualIID(iid, &IID_IRDVTaskPluginNotifySink) && !client->refuses_interface)) {
        *object = iface;
    } else {
        return E_NOINTERFACE;
    }
    IRDVTaskPluginNotifySink_AddRef(iface);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE add_ref(IRDVTaskPluginNotifySink *iface)
{
    return (ULONG)InterlockedIncrement(&of(iface)->refs);
}

static ULONG STDMETHODCALLTYPE release(IRDVTaskPluginNotifySink *iface)
{
    struct client *client = of(iface);
    /*
     * A duplicate of the event is set, since the thread that waits may free the client as soon as
     * the count has gone down.
     */
    HANDLE changed;
    DuplicateHandle(GetCurrentProcess(), client->changed, GetCurrentProcess(), &changed, 0, FALSE,
                    DUPLICATE_SAME_ACCESS);
    const LONG left = InterlockedDecrement(&client->refs);
    SetEvent(changed);
    CloseHandle(changed);
    return (ULONG)left;
}

static void copy(char *text, size_t size, BSTR bstr)
{
    if (WideCharToMultiByte(CP_UTF8, 0, bstr ? bstr : L"", -1, text, (int)size, NULL, NULL) == 0)
        strcpy(text, "?");
}

static HRESULT told(struct client *client, struct client_notice *notice)
{
    notice->thread = GetCurrentThreadId();
    SetEvent(client->entered);
    if (client->gate)
        WaitForSingleObject(client->gate, CLIENT_PATIENCE);
    if (client->called)
        client->called(client, notice);
    EnterCriticalSection(&client->lock);
    if (client->count < CLIENT_NOTICES)
        client->notices[client->count++] = *notice;
    LeaveCriticalSection(&client->lock);
    SetEvent(client->changed);
    return client->answer;
}

static HRESULT STDMETHODCALLTYPE schedule_task(IRDVTaskPluginNotifySink *iface, FILETIME start,
                                               FILETIME end, FILETIME deadline, BSTR label,
                                               BSTR identifier, SAFEARRAY *context)
{
    struct client_notice notice = {.call = CLIENT_SCHEDULE, .times = {start, end, deadline}};
    copy(notice.identifier, sizeof notice.identifier, identifier);
    copy(notice.label, sizeof notice.label, label);
    notice.context_size = context ? context->rgsabound[0].cElements : 0;
    return told(of(iface), &notice);
}

static HRESULT STDMETHODCALLTYPE delete_schedule(IRDVTaskPluginNotifySink *iface, BSTR identifier)
{
    struct client_notice notice = {.call = CLIENT_DELETE};
    copy(notice.identifier, sizeof notice.identifier, identifier);
    return told(of(iface), &notice);
}

static HRESULT STDMETHODCALLTYPE state_changed(IRDVTaskPluginNotifySink *iface, BSTR identifier,
                                               RDV_TASK_STATUS status)
{
    struct client_notice notice = {.call = CLIENT_STATE, .status = (int)status};
    copy(notice.identifier, sizeof notice.identifier, identifier);
    return told(of(iface), &notice);
}

static HRESULT STDMETHODCALLTYPE on_terminated(IRDVTaskPluginNotifySink *iface, HRESULT reason)
{
    struct client_notice notice = {.call = CLIENT_TERMINATED, .reason = reason};
    return told(of(iface), &notice);
}

static const IRDVTaskPluginNotifySinkVtbl sink_vtbl = {
    .QueryInterface = query,
    .AddRef = add_ref,
    .Release = release,
    .ScheduleTask = schedule_task,
    .DeleteSchedule = delete_schedule,
    .OnTaskStateChange = state_changed,
    .OnTerminated = on_terminated,
};

struct client *client_new(void)
{
    struct client *client = calloc(1, sizeof *client);
    ck_assert_ptr_nonnull(client);
    client->sink.lpVtbl = (IRDVTaskPluginNotifySinkVtbl *)&sink_vtbl;
    client->refs = 1;
    client->changed = CreateEventW(NULL, FALSE, FALSE, NULL);
    client->entered = CreateEventW(NULL, FALSE, FALSE, NULL);
    InitializeCriticalSection(&client->lock);
    ck_assert_int_eq(CoCreateFreeThreadedMarshaler((IUnknown *)&client->sink, &client->marshaler),
                     S_OK);
    return client;
}

void client_free(struct client *client)
{
    client_wait_refs(client, 1);
    IUnknown_Release(client->marshaler);
    DeleteCriticalSection(&client->lock);
    CloseHandle(client->changed);
    CloseHandle(client->entered);
    free(client);
}

/* A little less than the 30 seconds that Wine waits. */
#define GIVEN_UP 25000

bool client_gave_up(HRESULT result, ULONGLONG since)
{
    return FAILED(result) && GetTickCount64() - since > GIVEN_UP;
}

HRESULT client_initialize(struct client *client, IRDVTaskPlugin *plugin)
{
    const ULONGLONG since = GetTickCount64();
    HRESULT result = IRDVTaskPlugin_Initialize(plugin, &client->sink);
    if (client_gave_up(result, since))
        result = IRDVTaskPlugin_Initialize(plugin, &client->sink);
    return result;
}

/* ----------------------------------------------------------------- waiting */

/*
 * Wait for the object, but at most that long. A single-threaded apartment gets its calls as
 * messages, which are dispatched here.
 */
static bool wait_and_dispatch(HANDLE object, DWORD wait)
{
    const DWORD which =
        MsgWaitForMultipleObjects(object ? 1 : 0, &object, FALSE, wait, QS_ALLINPUT);
    MSG message;
    while (PeekMessageW(&message, NULL, 0, 0, PM_REMOVE))
        DispatchMessageW(&message);
    return object && which == WAIT_OBJECT_0;
}

static bool is_late(ULONGLONG since)
{
    return GetTickCount64() - since > CLIENT_PATIENCE;
}

void client_wait_for(HANDLE object)
{
    const ULONGLONG since = GetTickCount64();
    while (!wait_and_dispatch(object, 100))
        ck_assert_msg(!is_late(since), "it does not come");
}

void client_pause(void)
{
    wait_and_dispatch(NULL, 1);
}

void client_wait(struct client *client, size_t count)
{
    const ULONGLONG since = GetTickCount64();
    for (;;) {
        EnterCriticalSection(&client->lock);
        const size_t so_far = client->count;
        LeaveCriticalSection(&client->lock);
        if (so_far >= count)
            return;
        ck_assert_msg(!is_late(since), "only %d of %d notices have come", (int)so_far, (int)count);
        wait_and_dispatch(client->changed, 100);
    }
}

void client_wait_refs(struct client *client, LONG refs)
{
    const ULONGLONG since = GetTickCount64();
    while (client->refs > refs) {
        ck_assert_msg(!is_late(since), "%d references are left", (int)client->refs);
        wait_and_dispatch(client->changed, 100);
    }
    ck_assert_int_eq(client->refs, refs);
}

bool client_last_is(struct client *client, const char *identifier, int status)
{
    EnterCriticalSection(&client->lock);
    const struct client_notice *last =
        client->count > 0 ? &client->notices[client->count - 1] : NULL;
    const bool is = last && last->call == CLIENT_STATE && last->status == status &&
                    strcmp(last->identifier, identifier) == 0;
    LeaveCriticalSection(&client->lock);
    return is;
}
