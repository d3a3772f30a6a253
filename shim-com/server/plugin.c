/* SPDX-License-Identifier: MIT */
/*
 * A task agent of the core as an IRDVTaskPlugin, for the trigger agents of others. class_object.c
 * makes the objects.
 *
 * An object has a loop with a thread of its own, which alone uses the agent and the store. COM may
 * call the object from any thread: each method converts its values, has the loop's thread make the
 * call of the core, and waits for the result. Initialize takes the state from NEW by way of
 * INITIALIZING to READY, or back to NEW if it fails; in no other state is there a loop to call.
 */
#define COBJMACROS
#include "shim-com/server/plugin.h"

#include <stdlib.h>

#include <objbase.h>

#include <rdvtask/plugin.h>

#include "rdvtask_idl.h"
#include "shim-com/common/convert.h"
#include "shim-com/server/client_sink.h"

/* How far Initialize has come. */
enum { NEW, INITIALIZING, READY };

struct plugin {
    IRDVTaskPlugin IRDVTaskPlugin_iface;
    LONG ref;
    /* COM's free-threaded marshaler: every apartment calls the object directly. */
    IUnknown *marshaler;
    const rdv_com_class *described;
    LONG state;
    /* From READY on. Only the loop's thread uses the agent and the store. */
    rdv_loop *loop;
    rdv_store *store;
    rdv_agent *agent;
};

static const IRDVTaskPluginVtbl plugin_vtbl;

static struct plugin *impl_from_IRDVTaskPlugin(IRDVTaskPlugin *iface)
{
    return CONTAINING_RECORD(iface, struct plugin, IRDVTaskPlugin_iface);
}

/* -------------------------------------------------------------- the module */

static LONG held;

void rdv__com_module_hold(void)
{
    InterlockedIncrement(&held);
}

void rdv__com_module_release(void)
{
    InterlockedDecrement(&held);
}

LONG rdv__com_module_held(void)
{
    return InterlockedCompareExchange(&held, 0, 0);
}

/*
 * The module must never be unloaded once there was a loop: libuv leaves threads behind, and the
 * sink's thread outlives its object.
 */
static HRESULT pin_module(void)
{
    static LONG pinned;
    HMODULE module;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                            (LPCWSTR)(const void *)&plugin_vtbl, &module))
        return HRESULT_FROM_WIN32(GetLastError());
    if (InterlockedExchange(&pinned, 1) == 0)
        rdv__com_module_hold();
    return S_OK;
}

/* ------------------------------------------------------ on the loop's thread */

/* What a method hands to the function that rdv_loop_call() runs for it. */
struct call {
    struct plugin *plugin;
    rdv_sink *sink;
    rdv_task *task;
    int reason;
    BSTR *name;
};

static int open_agent(void *user)
{
    struct call *call = user;
    struct plugin *plugin = call->plugin;
    const rdv_com_class *described = plugin->described;
    return described->open(described->user, plugin->loop, &plugin->store, &plugin->agent);
}

static int initialize_agent(void *user)
{
    struct call *call = user;
    rdv_plugin *agent = rdv_agent_plugin(call->plugin->agent);
    return agent->ops->initialize(agent, call->sink);
}

static int start_task(void *user)
{
    struct call *call = user;
    rdv_plugin *agent = rdv_agent_plugin(call->plugin->agent);
    return agent->ops->start_task(agent, call->task);
}

static int terminate_agent(void *user)
{
    struct call *call = user;
    rdv_plugin *agent = rdv_agent_plugin(call->plugin->agent);
    return agent->ops->terminate(agent, call->reason);
}

static int copy_name(void *user)
{
    struct call *call = user;
    rdv_plugin *agent = rdv_agent_plugin(call->plugin->agent);
    return rdv__com_bstr(agent->ops->name(agent), call->name);
}

static int free_agent(void *user)
{
    struct call *call = user;
    rdv_agent_free(call->plugin->agent);
    call->plugin->agent = NULL;
    return 0;
}

/*
 * This is not done in the same turn as free_agent(), so that what the agent has written last is
 * durable before.
 */
static int close_store(void *user)
{
    struct call *call = user;
    rdv_store_close(call->plugin->store);
    call->plugin->store = NULL;
    return 0;
}

/* -------------------------------------------------------------- life and end */

static void stop_loop(struct plugin *plugin)
{
    struct call call = {.plugin = plugin};
    if (!plugin->loop)
        return;
    rdv_loop_call(plugin->loop, free_agent, &call);
    rdv_loop_call(plugin->loop, close_store, &call);
    rdv_loop_free(plugin->loop);
    plugin->loop = NULL;
}

static int start_loop(struct plugin *plugin, rdv_sink *sink)
{
    struct call call = {.plugin = plugin, .sink = sink};
    int result = rdv_loop_new(&plugin->loop);
    if (result)
        return result;
    result = rdv_loop_start_thread(plugin->loop);
    if (result) {
        /* No thread runs the loop, so stop_loop() could not have anything closed on it. */
        rdv_loop_free(plugin->loop);
        plugin->loop = NULL;
        return result;
    }
    result = rdv_loop_call(plugin->loop, open_agent, &call);
    if (!result)
        result = rdv_loop_call(plugin->loop, initialize_agent, &call);
    if (result)
        stop_loop(plugin);
    return result;
}

static BOOL is_ready(struct plugin *plugin)
{
    return InterlockedCompareExchange(&plugin->state, READY, READY) == READY;
}

/* ----------------------------------------------------------- IRDVTaskPlugin */

static HRESULT STDMETHODCALLTYPE plugin_QueryInterface(IRDVTaskPlugin *iface, REFIID iid,
                                                       void **object)
{
    struct plugin *plugin = impl_from_IRDVTaskPlugin(iface);
    if (!object)
        return E_POINTER;
    *object = NULL;
    if (IsEqualIID(iid, &IID_IMarshal))
        return IUnknown_QueryInterface(plugin->marshaler, iid, object);
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IRDVTaskPlugin))
        return E_NOINTERFACE;
    IRDVTaskPlugin_AddRef(iface);
    *object = iface;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE plugin_AddRef(IRDVTaskPlugin *iface)
{
    return (ULONG)InterlockedIncrement(&impl_from_IRDVTaskPlugin(iface)->ref);
}

static ULONG STDMETHODCALLTYPE plugin_Release(IRDVTaskPlugin *iface)
{
    struct plugin *plugin = impl_from_IRDVTaskPlugin(iface);
    const LONG left = InterlockedDecrement(&plugin->ref);
    if (left > 0)
        return (ULONG)left;
    stop_loop(plugin);
    if (plugin->marshaler)
        IUnknown_Release(plugin->marshaler);
    free(plugin);
    rdv__com_module_release();
    return 0;
}

static HRESULT STDMETHODCALLTYPE plugin_Initialize(IRDVTaskPlugin *iface,
                                                   IRDVTaskPluginNotifySink *client)
{
    struct plugin *plugin = impl_from_IRDVTaskPlugin(iface);
    if (!client)
        return rdv__com_hresult(RDV_EINVAL);
    if (InterlockedCompareExchange(&plugin->state, INITIALIZING, NEW) != NEW)
        return rdv__com_hresult(RDV_ESTATE);
    rdv_sink *sink = NULL;
    HRESULT result = pin_module();
    if (SUCCEEDED(result))
        result = rdv__com_sink_new(client, &plugin->described->log, &sink);
    if (SUCCEEDED(result)) {
        result = rdv__com_hresult(start_loop(plugin, sink));
        sink->ops->unref(sink);
    }
    InterlockedExchange(&plugin->state, SUCCEEDED(result) ? READY : NEW);
    return result;
}

static HRESULT STDMETHODCALLTYPE plugin_StartTask(IRDVTaskPlugin *iface, BSTR label,
                                                  BSTR identifier, SAFEARRAY **context)
{
    struct call call = {.plugin = impl_from_IRDVTaskPlugin(iface)};
    if (!is_ready(call.plugin))
        return rdv__com_hresult(RDV_ESTATE);
    int result = rdv__com_task(label, identifier, context ? *context : NULL, &call.task);
    if (!result)
        result = rdv_loop_call(call.plugin->loop, start_task, &call);
    rdv_task_unref(call.task);
    return rdv__com_hresult(result);
}

static HRESULT STDMETHODCALLTYPE plugin_Terminate(IRDVTaskPlugin *iface, HRESULT reason)
{
    struct call call = {.plugin = impl_from_IRDVTaskPlugin(iface), .reason = rdv__com_code(reason)};
    if (!is_ready(call.plugin))
        return rdv__com_hresult(RDV_ESTATE);
    return rdv__com_hresult(rdv_loop_call(call.plugin->loop, terminate_agent, &call));
}

static HRESULT STDMETHODCALLTYPE plugin_get_PluginName(IRDVTaskPlugin *iface, BSTR *name)
{
    struct call call = {.plugin = impl_from_IRDVTaskPlugin(iface), .name = name};
    if (!name)
        return E_POINTER;
    *name = NULL;
    const int result = is_ready(call.plugin) ? rdv_loop_call(call.plugin->loop, copy_name, &call)
                                             : rdv__com_bstr(call.plugin->described->name, name);
    return rdv__com_hresult(result);
}

static const IRDVTaskPluginVtbl plugin_vtbl = {
    .QueryInterface = plugin_QueryInterface,
    .AddRef = plugin_AddRef,
    .Release = plugin_Release,
    .Initialize = plugin_Initialize,
    .StartTask = plugin_StartTask,
    .Terminate = plugin_Terminate,
    .get_PluginName = plugin_get_PluginName,
};

/* A member of another IDL that is not implemented here would be a NULL in this table. */
_Static_assert(sizeof plugin_vtbl == 7 * sizeof(void (*)(void)),
               "IRDVTaskPlugin has other members");

HRESULT rdv__com_plugin_new(const rdv_com_class *described, REFIID iid, void **ret_object)
{
    *ret_object = NULL;
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (!plugin)
        return E_OUTOFMEMORY;
    rdv__com_module_hold();
    plugin->IRDVTaskPlugin_iface.lpVtbl = (IRDVTaskPluginVtbl *)&plugin_vtbl;
    plugin->ref = 1;
    plugin->described = described;
    HRESULT result = CoCreateFreeThreadedMarshaler((IUnknown *)&plugin->IRDVTaskPlugin_iface,
                                                   &plugin->marshaler);
    if (SUCCEEDED(result))
        result = IRDVTaskPlugin_QueryInterface(&plugin->IRDVTaskPlugin_iface, iid, ret_object);
    IRDVTaskPlugin_Release(&plugin->IRDVTaskPlugin_iface);
    return result;
}
