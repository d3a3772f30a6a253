/* SPDX-License-Identifier: MIT */
/*
 * How a thread enters and leaves an apartment, and how it waits there. A single-threaded apartment
 * takes calls only while its thread dispatches messages, so whoever waits in one waits here. Used
 * by apartment_agent.c and by the conformance kit.
 */
#include "shim-com/host/apartment.h"

#include <assert.h>

#include <objbase.h>

#include "shim-com/common/proxy.h"

HRESULT rdv__apartment_enter(rdv_com_apartment kind)
{
    assert(kind != RDV_COM_APARTMENT_OF_CLASS);
    HRESULT result = CoInitializeEx(NULL, kind == RDV_COM_APARTMENT_SINGLE
                                              ? COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE
                                              : COINIT_MULTITHREADED);
    if (FAILED(result))
        return result;
    result = rdv__com_proxies();
    if (FAILED(result))
        CoUninitialize();
    return result;
}

void rdv__apartment_leave(void)
{
    CoUninitialize();
}

bool rdv__apartment_wait(HANDLE object, DWORD milliseconds)
{
    const ULONGLONG begin = GetTickCount64();
    DWORD left = milliseconds;
    for (;;) {
        /*
         * MWMO_INPUTAVAILABLE also wakes up for messages that a plug-in has peeked at and left in
         * the queue.
         */
        const DWORD result =
            MsgWaitForMultipleObjectsEx(1, &object, left, QS_ALLINPUT, MWMO_INPUTAVAILABLE);
        if (result != WAIT_OBJECT_0 + 1)
            return result == WAIT_OBJECT_0;
        MSG message;
        /* WM_QUIT is dropped: a plug-in that posts it means a message loop of its own. */
        while (PeekMessageW(&message, NULL, 0, 0, PM_REMOVE)) {
            TranslateMessage(&message);
            DispatchMessageW(&message);
        }
        if (milliseconds != INFINITE) {
            const ULONGLONG spent = GetTickCount64() - begin;
            left = spent < milliseconds ? milliseconds - (DWORD)spent : 0;
        }
    }
}
