/* SPDX-License-Identifier: MIT */
/* Threads on which plug-ins of others are created and called. */
#ifndef RDV__COM_APARTMENT_H
#define RDV__COM_APARTMENT_H

#include <stdbool.h>

#include <windows.h>

#include <rdvtask/com_host.h>

/*
 * Make an apartment of this kind the calling thread's, with the proxies of our interfaces; rdv__apartment_leave() after S_OK.
 * RDV_COM_APARTMENT_OF_CLASS is none.
 */
HRESULT rdv__apartment_enter(rdv_com_apartment kind);
void rdv__apartment_leave(void);

/*
 * Wait for the object, at most that long (INFINITE = as long as it takes); calls for the apartment come in meanwhile, and its
 * windows get their messages. Whether it was signalled.
 */
bool rdv__apartment_wait(HANDLE object, DWORD milliseconds);

#endif
