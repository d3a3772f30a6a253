/* SPDX-License-Identifier: MIT */
#define COBJMACROS
#include "shim-com/common/proxy.h"

#include <objbase.h>
#include <rpcproxy.h>

#include "rdvtask_idl.h"

/* Made from the IDL. */
EXTERN_PROXY_FILE(rdvtask)

static const ProxyFileInfo *files[] = {REFERENCE_PROXY_FILE(rdvtask), NULL};
static CStdPSFactoryBuffer factory;
static SRWLOCK making = SRWLOCK_INIT; /* of what the first call for the factory fills in */

/* A function that the generated stubs call. */
CSTDSTUBBUFFERRELEASE(&factory)

/* Have a proxy class for this interface: one that is there, or ours. */
static HRESULT map(REFIID iid, CLSID *ret_class)
{
    if (SUCCEEDED(CoGetPSClsid(iid, ret_class)))
        return S_OK;
    /* As is the custom, the class has the number of one of its interfaces. */
    *ret_class = IID_IRDVTaskPlugin;
    return CoRegisterPSClsid(iid, ret_class);
}

/* Have the class object of that class in this apartment. */
static HRESULT serve(REFCLSID class)
{
    IPSFactoryBuffer *found;
    if (SUCCEEDED(CoGetClassObject(class, CLSCTX_INPROC_SERVER, NULL, &IID_IPSFactoryBuffer,
                                   (void **)&found))) {
        IPSFactoryBuffer_Release(found);
        return S_OK;
    }
    AcquireSRWLockExclusive(&making);
    HRESULT result = NdrDllGetClassObject(&IID_IRDVTaskPlugin, &IID_IPSFactoryBuffer,
                                          (void **)&found, files, &IID_IRDVTaskPlugin, &factory);
    ReleaseSRWLockExclusive(&making);
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
        HRESULT result = map(interfaces[i], &class);
        if (SUCCEEDED(result))
            result = serve(&class);
        if (FAILED(result))
            return result;
    }
    return S_OK;
}
