/* SPDX-License-Identifier: MIT */
/*
 * The proxies and stubs with which COM carries calls of the two interfaces between the apartments
 * of this process.
 */
#ifndef RDV__COM_PROXY_H
#define RDV__COM_PROXY_H

#include <windows.h>

/*
 * Register the proxies and stubs of both interfaces with COM, for the calling thread's apartment.
 * Call it in each apartment that marshals or unmarshals one of the interfaces, as often as you
 * like: COM remembers an interface's class for the whole process, but a class object only for its
 * apartment. Proxies that are in the registry, or that another module has registered in this
 * process, stay in use. Nothing undoes this, so the module that calls it must stay loaded. S_OK or
 * a failure.
 */
HRESULT rdv__com_proxies(void);

#endif
