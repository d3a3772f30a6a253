/* SPDX-License-Identifier: MIT */
/* Apartments in which the task agents of others are created and called. */
#ifndef RDV__COM_APARTMENT_H
#define RDV__COM_APARTMENT_H

#include <stdbool.h>

#include <windows.h>

#include <rdvtask/com_host.h>

/*
 * Enter an apartment of this kind on the calling thread, and register the proxies of the two
 * interfaces there. After S_OK the thread has to call rdv__apartment_leave(). The kind must not be
 * RDV_COM_APARTMENT_OF_CLASS.
 */
HRESULT rdv__apartment_enter(rdv_com_apartment kind);
void rdv__apartment_leave(void);

/*
 * Wait until the object is signalled, or until the time has passed (INFINITE = never). Meanwhile
 * calls for the apartment are taken, and its windows get their messages. Returns whether the object
 * was signalled.
 */
bool rdv__apartment_wait(HANDLE object, DWORD milliseconds);

#endif
