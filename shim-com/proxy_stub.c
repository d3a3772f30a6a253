/* SPDX-License-Identifier: MIT */
/* The proxies and stubs that the IDL compiler makes, with what the headers of mingw-w64 10 lack for them in C. */
#define USE_STUBLESS_PROXY
#include <objbase.h>

#include <rpcproxy.h>

HRESULT STDMETHODCALLTYPE IUnknown_QueryInterface_Proxy(IUnknown *This, REFIID iid, void **object);
ULONG STDMETHODCALLTYPE IUnknown_AddRef_Proxy(IUnknown *This);
ULONG STDMETHODCALLTYPE IUnknown_Release_Proxy(IUnknown *This);

#include "rdvtask_p.h"
