/* SPDX-License-Identifier: MIT */
/*
 * The proxies and stubs that widl generates from the IDL, and their registration with COM. Both
 * sides of the shim call it once they have entered an apartment. The registration is never taken
 * back.
 */
#define COBJMACROS
#include "shim-com/common/proxy.h"

#include <objbase.h>
#include <rpcproxy.h>

#include "rdvtask_idl.h"

/* The table that widl has generated from the IDL. */
EXTERN_PROXY_FILE(rdvtask)

static const ProxyFileInfo *files[] = {REFERENCE_PROXY_FILE(rdvtask), NULL};
static CStdPSFactoryBuffer factory;
/* The first call of NdrDllGetClassObject() fills in the factory. */
static SRWLOCK factory_lock = SRWLOCK_INIT;

/* This defines a function that the generated stubs call. */
CSTDSTUBBUFFERRELEASE(&factory)

/* Find the class of the interface's proxies; if there is none, make it ours. */
static HRESULT map_interface(REFIID iid, CLSID *ret_class)
{
    if (SUCCEEDED(CoGetPSClsid(iid, ret_class)))
        return S_OK;
    /* It is customary to give the class the identifier of one of its interfaces. */
    *ret_class = IID_IRDVTaskPlugin;
    return CoRegisterPSClsid(iid, ret_class);
}

/* See to it that this apartment can get the class object of the proxies. */
static HRESULT serve_class(REFCLSID class)
{
    IPSFactoryBuffer *found;
    if (SUCCEEDED(CoGetClassObject(class, CLSCTX_INPROC_SERVER, NULL, &IID_IPSFactoryBuffer,
                                   (void **)&found))) {
        IPSFactoryBuffer_Release(found);
        return S_OK;
    }
    AcquireSRWLockExclusive(&factory_lock);
    HRESULT result = NdrDllGetClassObject(&IID_IRDVTaskPlugin, &IID_IPSFactoryBuffer,
                                          (void **)&found, files, &IID_IRDVTaskPlugin, &factory);
    ReleaseSRWLockExclusive(&factory_lock);
    if (FAILED(result))
        return result;
    DWORD cookie;
    result = CoRegisterClassObject(class, (IUnknown *)found, CLSCTX_INPROC_SERVER,
                                   REGCLS_MULTIPLEUSE, &cookie);
    IPSFactoryBuffer_Release(found);
    return result;
}

HRESULT rdv__com_proxies(void)
{
    const IID *const interfaces[] = {&IID_IRDVTaskPlugin, &IID_IRDVTaskPluginNotifySink};
    for (size_t i = 0; i < sizeof interfaces / sizeof *interfaces; i++) {
        CLSID class;
        HRESULT result = map_interface(interfaces[i], &class);
        if (SUCCEEDED(result))
            result = serve_class(&class);
        if (FAILED(result))
            return result;
    }
    return S_OK;
}
