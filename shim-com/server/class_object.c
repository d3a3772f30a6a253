/* SPDX-License-Identifier: MIT */
/*
 * The class object of a program's own class, and the two exports of a COM server that go with it. A
 * class object makes the objects of plugin.c, and like them counts as a reason for the module to
 * stay loaded.
 */
#define COBJMACROS
#include <rdvtask/com_server.h>

#include <stdlib.h>

#include <windows.h>

#include <objbase.h>

#include "shim-com/server/plugin.h"

struct factory {
    IClassFactory IClassFactory_iface;
    LONG ref;
    const rdv_com_class *described;
};

static struct factory *impl_from_IClassFactory(IClassFactory *iface)
{
    return CONTAINING_RECORD(iface, struct factory, IClassFactory_iface);
}

static HRESULT STDMETHODCALLTYPE factory_QueryInterface(IClassFactory *iface, REFIID iid,
                                                        void **object)
{
    if (!object)
        return E_POINTER;
    *object = NULL;
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IClassFactory))
        return E_NOINTERFACE;
    IClassFactory_AddRef(iface);
    *object = iface;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE factory_AddRef(IClassFactory *iface)
{
    return (ULONG)InterlockedIncrement(&impl_from_IClassFactory(iface)->ref);
}

static ULONG STDMETHODCALLTYPE factory_Release(IClassFactory *iface)
{
    struct factory *factory = impl_from_IClassFactory(iface);
    const LONG left = InterlockedDecrement(&factory->ref);
    if (left == 0) {
        free(factory);
        rdv__com_module_release();
    }
    return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE factory_CreateInstance(IClassFactory *iface, IUnknown *outer,
                                                        REFIID iid, void **object)
{
    if (!object)
        return E_POINTER;
    *object = NULL;
    if (outer)
        return CLASS_E_NOAGGREGATION;
    return rdv__com_plugin_new(impl_from_IClassFactory(iface)->described, iid, object);
}

static HRESULT STDMETHODCALLTYPE factory_LockServer(IClassFactory *iface, BOOL lock)
{
    (void)iface;
    if (lock)
        rdv__com_module_hold();
    else
        rdv__com_module_release();
    return S_OK;
}

static const IClassFactoryVtbl factory_vtbl = {
    .QueryInterface = factory_QueryInterface,
    .AddRef = factory_AddRef,
    .Release = factory_Release,
    .CreateInstance = factory_CreateInstance,
    .LockServer = factory_LockServer,
};

int32_t rdv_com_class_object(const rdv_com_class *described, const void *clsid, const void *iid,
                             void **ret_object)
{
    if (!ret_object)
        return E_POINTER;
    *ret_object = NULL;
    if (!described || described->size != sizeof *described || !described->clsid ||
        !described->name || !described->open || !clsid || !iid)
        return E_INVALIDARG;
    if (!IsEqualGUID(clsid, described->clsid))
        return CLASS_E_CLASSNOTAVAILABLE;
    struct factory *factory = calloc(1, sizeof *factory);
    if (!factory)
        return E_OUTOFMEMORY;
    rdv__com_module_hold();
    factory->IClassFactory_iface.lpVtbl = (IClassFactoryVtbl *)&factory_vtbl;
    factory->ref = 1;
    factory->described = described;
    const HRESULT result =
        IClassFactory_QueryInterface(&factory->IClassFactory_iface, (REFIID)iid, ret_object);
    IClassFactory_Release(&factory->IClassFactory_iface);
    return result;
}

int32_t rdv_com_can_unload(void)
{
    return rdv__com_module_held() == 0 ? S_OK : S_FALSE;
}
