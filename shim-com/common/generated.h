/* SPDX-License-Identifier: MIT */
/*
 * What widl's proxies and stubs need when they are compiled as C, and the headers of mingw-w64 10
 * lack. The build includes this file before everything else.
 */
#ifndef RDV__COM_GENERATED_H
#define RDV__COM_GENERATED_H

/*
 * The macro decides which members a struct of rpcproxy.h has, so it has to be defined before any
 * header is included.
 */
#define USE_STUBLESS_PROXY
#include <objbase.h>

#include <rpcproxy.h>

HRESULT STDMETHODCALLTYPE IUnknown_QueryInterface_Proxy(IUnknown *This, REFIID iid, void **object);
ULONG STDMETHODCALLTYPE IUnknown_AddRef_Proxy(IUnknown *This);
ULONG STDMETHODCALLTYPE IUnknown_Release_Proxy(IUnknown *This);

#endif
