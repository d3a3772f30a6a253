/* SPDX-License-Identifier: MIT */
/*
 * An rdv_sink as an IRDVTaskPluginNotifySink. apartment_agent.c and the conformance kit hand one to
 * the task agent with Initialize. Each method converts its values and calls the rdv_sink, on
 * whatever thread the task agent calls it; it decides nothing itself.
 */
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
    /* COM's free-threaded marshaler, which this object aggregates. */
    IUnknown *marshaler;
};

/*
 * IAgileObject, by which newer versions of Windows know a free-threaded object. The SDK of Windows
 * 7 doesn't name it.
 */
static const IID agile_object = {
    0x94ea2b94, 0xe9cc, 0x49e0, {0xc0, 0xff, 0xee, 0x64, 0xca, 0x8f, 0x5b, 0x90}};

static struct notify *impl_from_IRDVTaskPluginNotifySink(IRDVTaskPluginNotifySink *iface)
{
    return CONTAINING_RECORD(iface, struct notify, IRDVTaskPluginNotifySink_iface);
}

static HRESULT STDMETHODCALLTYPE notify_QueryInterface(IRDVTaskPluginNotifySink *iface, REFIID iid,
                                                       void **object)
{
    if (!object)
        return E_POINTER;
    *object = NULL;
    if (IsEqualIID(iid, &IID_IMarshal))
        return IUnknown_QueryInterface(impl_from_IRDVTaskPluginNotifySink(iface)->marshaler, iid,
                                       object);
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IRDVTaskPluginNotifySink) &&
        !IsEqualIID(iid, &agile_object))
        return E_NOINTERFACE;
    *object = iface;
    IRDVTaskPluginNotifySink_AddRef(iface);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE notify_AddRef(IRDVTaskPluginNotifySink *iface)
{
    return (ULONG)InterlockedIncrement(&impl_from_IRDVTaskPluginNotifySink(iface)->references);
}

static ULONG STDMETHODCALLTYPE notify_Release(IRDVTaskPluginNotifySink *iface)
{
    struct notify *notify = impl_from_IRDVTaskPluginNotifySink(iface);
    LONG references = InterlockedDecrement(&notify->references);
    if (references > 0)
        return (ULONG)references;
    /*
     * While the marshaler is freed it may take and give back references to this object, which must
     * not free it a second time.
     */
    notify->references = 1;
    IUnknown_Release(notify->marshaler);
    notify->sink->ops->unref(notify->sink);
    free(notify);
    return 0;
}

static HRESULT STDMETHODCALLTYPE notify_ScheduleTask(IRDVTaskPluginNotifySink *iface,
                                                     FILETIME start, FILETIME end,
                                                     FILETIME deadline, BSTR label, BSTR identifier,
                                                     LPSAFEARRAY context)
{
    rdv_sink *sink = impl_from_IRDVTaskPluginNotifySink(iface)->sink;
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

static HRESULT STDMETHODCALLTYPE notify_DeleteSchedule(IRDVTaskPluginNotifySink *iface,
                                                       BSTR identifier)
{
    rdv_sink *sink = impl_from_IRDVTaskPluginNotifySink(iface)->sink;
    char *text;
    int result = rdv__com_text(identifier, RDV_NAME_MAX, &text);
    if (result != 0)
        return rdv__com_hresult(result);
    result = sink->ops->delete_schedule(sink, text);
    free(text);
    return rdv__com_hresult(result);
}

static HRESULT STDMETHODCALLTYPE notify_OnTaskStateChange(IRDVTaskPluginNotifySink *iface,
                                                          BSTR identifier, RDV_TASK_STATUS status)
{
    rdv_sink *sink = impl_from_IRDVTaskPluginNotifySink(iface)->sink;
    rdv_report report = RDV_REPORT_INIT;
    char *text;
    int result = rdv__com_text(identifier, RDV_NAME_MAX, &text);
    if (result != 0)
        return rdv__com_hresult(result);
    /* The numbers are the same; the sink refuses those that are not a status. */
    report.status = (rdv_status)status;
    result = sink->ops->task_state_changed(sink, text, &report);
    free(text);
    return rdv__com_hresult(result);
}

static HRESULT STDMETHODCALLTYPE notify_OnTerminated(IRDVTaskPluginNotifySink *iface,
                                                     HRESULT reason)
{
    rdv_sink *sink = impl_from_IRDVTaskPluginNotifySink(iface)->sink;
    sink->ops->terminated(sink, rdv__com_code(reason));
    return S_OK;
}

static const IRDVTaskPluginNotifySinkVtbl functions = {
    .QueryInterface = notify_QueryInterface,
    .AddRef = notify_AddRef,
    .Release = notify_Release,
    .ScheduleTask = notify_ScheduleTask,
    .DeleteSchedule = notify_DeleteSchedule,
    .OnTaskStateChange = notify_OnTaskStateChange,
    .OnTerminated = notify_OnTerminated,
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
    return impl_from_IRDVTaskPluginNotifySink(notify)->references;
}
