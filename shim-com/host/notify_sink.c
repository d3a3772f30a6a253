/* SPDX-License-Identifier: MIT */
#define COBJMACROS
#define CONST_VTABLE
#include "shim-com/host/notify_sink.h"

#include <stdlib.h>

#include <objbase.h>

#include "shim-com/common/convert.h"

struct notify {
    IRDVTaskPluginNotifySink IRDVTaskPluginNotifySink_iface;
    LONG references;
    rdv_sink *sink;
    IUnknown *marshaler; /* an aggregate: what makes us free-threaded */
};

/* IAgileObject, the newer way of saying so; the SDK of Windows 7 doesn't name it. */
static const IID agile_object = {
    0x94ea2b94, 0xe9cc, 0x49e0, {0xc0, 0xff, 0xee, 0x64, 0xca, 0x8f, 0x5b, 0x90}};

static struct notify *of(IRDVTaskPluginNotifySink *iface)
{
    return CONTAINING_RECORD(iface, struct notify, IRDVTaskPluginNotifySink_iface);
}

static HRESULT STDMETHODCALLTYPE query_interface(IRDVTaskPluginNotifySink *iface, REFIID iid,
                                                 void **object)
{
    if (!object)
        return E_POINTER;
    *object = NULL;
    if (IsEqualIID(iid, &IID_IMarshal))
        return IUnknown_QueryInterface(of(iface)->marshaler, iid, object);
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IRDVTaskPluginNotifySink) &&
        !IsEqualIID(iid, &agile_object))
        return E_NOINTERFACE;
    *object = iface;
    IRDVTaskPluginNotifySink_AddRef(iface);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE add_ref(IRDVTaskPluginNotifySink *iface)
{
    return (ULONG)InterlockedIncrement(&of(iface)->references);
}

static ULONG STDMETHODCALLTYPE release(IRDVTaskPluginNotifySink *iface)
{
    struct notify *notify = of(iface);
    LONG references = InterlockedDecrement(&notify->references);
    if (references > 0)
        return (ULONG)references;
    /* As for every aggregate: what it does to our count while it goes must not free us twice. */
    notify->references = 1;
    IUnknown_Release(notify->marshaler);
    notify->sink->ops->unref(notify->sink);
    free(notify);
    return 0;
}

static HRESULT STDMETHODCALLTYPE schedule_task(IRDVTaskPluginNotifySink *iface, FILETIME start,
                                               FILETIME end, FILETIME deadline, BSTR label,
                                               BSTR identifier, LPSAFEARRAY context)
{
    rdv_sink *sink = of(iface)->sink;
    rdv_window window = {0};
    rdv_task *task;
    int result = rdv__com_time(start, &window.start);
    if (result == 0)
        result = rdv__com_time(end, &window.end);
    if (result == 0)
        result = rdv__com_time(deadline, &window.deadline);
    if (result == 0)
        result = rdv__com_task(label, identifier, context, &task);
    if (result != 0)
        return rdv__com_hresult(result);
    result = sink->ops->schedule_task(sink, &window, task);
    rdv_task_unref(task);
    return rdv__com_hresult(result);
}

static HRESULT STDMETHODCALLTYPE delete_schedule(IRDVTaskPluginNotifySink *iface, BSTR identifier)
{
    rdv_sink *sink = of(iface)->sink;
    char *text;
    int result = rdv__com_text(identifier, RDV_NAME_MAX, &text);
    if (result != 0)
        return rdv__com_hresult(result);
    result = sink->ops->delete_schedule(sink, text);
    free(text);
    return rdv__com_hresult(result);
}

static HRESULT STDMETHODCALLTYPE on_task_state_change(IRDVTaskPluginNotifySink *iface,
                                                      BSTR identifier, RDV_TASK_STATUS status)
{
    rdv_sink *sink = of(iface)->sink;
    rdv_report report = RDV_REPORT_INIT;
    char *text;
    int result = rdv__com_text(identifier, RDV_NAME_MAX, &text);
    if (result != 0)
        return rdv__com_hresult(result);
    report.status = (rdv_status)status; /* the same numbers; the sink refuses what is none */
    result = sink->ops->task_state_changed(sink, text, &report);
    free(text);
    return rdv__com_hresult(result);
}

static HRESULT STDMETHODCALLTYPE on_terminated(IRDVTaskPluginNotifySink *iface, HRESULT reason)
{
    rdv_sink *sink = of(iface)->sink;
    sink->ops->terminated(sink, rdv__com_code(reason));
    return S_OK;
}

static const IRDVTaskPluginNotifySinkVtbl functions = {
    .QueryInterface = query_interface,
    .AddRef = add_ref,
    .Release = release,
    .ScheduleTask = schedule_task,
    .DeleteSchedule = delete_schedule,
    .OnTaskStateChange = on_task_state_change,
    .OnTerminated = on_terminated,
};

/* A member of another IDL that is not implemented here would be a NULL in this table. */
_Static_assert(sizeof functions == 7 * sizeof(void (*)(void)),
               "IRDVTaskPluginNotifySink has other members");

int rdv__notify_new(rdv_sink *sink, IRDVTaskPluginNotifySink **ret_notify)
{
    struct notify *notify = calloc(1, sizeof *notify);
    if (!notify)
        return RDV_ENOMEM;
    notify->IRDVTaskPluginNotifySink_iface.lpVtbl = &functions;
    notify->references = 1;
    if (FAILED(CoCreateFreeThreadedMarshaler((IUnknown *)&notify->IRDVTaskPluginNotifySink_iface,
                                             &notify->marshaler))) {
        free(notify);
        return RDV_ENOMEM;
    }
    sink->ops->ref(sink);
    notify->sink = sink;
    *ret_notify = &notify->IRDVTaskPluginNotifySink_iface;
    return 0;
}

LONG rdv__notify_references(IRDVTaskPluginNotifySink *notify)
{
    return of(notify)->references;
}
