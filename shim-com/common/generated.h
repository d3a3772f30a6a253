/* SPDX-License-Identifier: MIT */
/* What the proxies and stubs that widl makes need in C and the headers of mingw-w64 10 lack: the build includes it first. */
#ifndef RDV__COM_GENERATED_H
#define RDV__COM_GENERATED_H

/* It decides the shape of a struct, so it has to come before any header. */
#define USE_STUBLESS_PROXY
#include <objbase.h>

#include <rpcproxy.h>

HRESULT STDMETHODCALLTYPE IUnknown_QueryInterface_Proxy(IUnknown *This, REFIID iid, void **object);
ULONG STDMETHODCALLTYPE IUnknown_AddRef_Proxy(IUnknown *This);
ULONG STDMETHODCALLTYPE IUnknown_Release_Proxy(IUnknown *This);

#endif
