/* SPDX-License-Identifier: MIT */
/* How COM carries calls on the two interfaces from one apartment to another, inside this process. */
#ifndef RDV__COM_PROXY_H
#define RDV__COM_PROXY_H

#include <windows.h>

/*
 * Have COM know the proxies and stubs of both interfaces in the calling thread's apartment; again and again is fine. Those that
 * are in the registry, or that someone else has brought to this process, stay in use. To be called in each apartment that marshals
 * or unmarshals one of them: a mapping lasts for the process, a class object only for its apartment.
 * Nothing undoes it: the module that calls this must stay loaded. S_OK or a failure.
 */
HRESULT rdv__com_proxies(void);

#endif
