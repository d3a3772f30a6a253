/* SPDX-License-Identifier: MIT */
/*
 * Requests to end: Ctrl-C, Ctrl-Break, and a console that closes. The system calls a handler for
 * them, on a thread of its own.
 *
 * When the machine shuts down or a user logs off, the system calls handlers only in programs
 * without user32.dll, and libuv brings that in. So this program is then ended without a request.
 * The system would send a message to a hidden window; there is none, since it could not be tried
 * yet what becomes of a window that belongs to SYSTEM.
 */
#include "../signals.h"

#include <errno.h>
#include <stdlib.h>

#include <windows.h>

#include "../commands.h"

/* With this many requests to end the program ends on the spot. That is safe, since the store is
 * right at any moment. */
#define PATIENCE 3

struct signals {
    rdv_loop *loop;
    int ends;
};

/* The system has one list of handlers for the process, and gives them nothing by which they
 * could find their object. */
static SRWLOCK lock = SRWLOCK_INIT;
static struct signals *listening; /* guarded by lock, and so is what is in it */

/* Make a request to end. Returns false if signals_start() was not called. */
static bool request_end(void)
{
    AcquireSRWLockExclusive(&lock);
    const bool taken = listening != NULL;
    if (taken) {
        if (++listening->ends >= PATIENCE)
            TerminateProcess(GetCurrentProcess(), EXIT_CANCELLED);
        rdv_loop_stop(listening->loop);
    }
    ReleaseSRWLockExclusive(&lock);
    return taken;
}

static BOOL WINAPI on_event(DWORD event)
{
    switch (event) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT:
        return request_end();
    case CTRL_LOGOFF_EVENT:
        return TRUE; /* this may be any user who logs off */
    default:
        /* The console closes. The system ends the process when this returns, or after some
         * seconds, in which the program ends in order. */
        if (request_end())
            Sleep(INFINITE);
        return FALSE;
    }
}

void signals_prepare(void)
{
}

void signals_hang_up(void)
{
}

int signals_start(rdv_loop *loop, unsigned flags, struct signals **ret_signals)
{
    (void)flags; /* Windows has nothing like SIGHUP, and no pipe tells when its reader goes */
    struct signals *signals = calloc(1, sizeof(*signals));
    if (!signals)
        return ENOMEM;
    signals->loop = loop;
    if (!SetConsoleCtrlHandler(on_event, TRUE)) {
        free(signals);
        return ENOMEM;
    }
    AcquireSRWLockExclusive(&lock);
    listening = signals;
    ReleaseSRWLockExclusive(&lock);
    *ret_signals = signals;
    return 0;
}

int signals_ends(struct signals *signals)
{
    AcquireSRWLockExclusive(&lock);
    const int ends = signals->ends;
    ReleaseSRWLockExclusive(&lock);
    return ends;
}

bool signals_reload(struct signals *signals)
{
    (void)signals;
    return false;
}

/* The size of the terminal is read whenever something is drawn. */
bool signals_resized(struct signals *signals)
{
    (void)signals;
    return false;
}

bool signals_reader_gone(struct signals *signals)
{
    (void)signals;
    return false;
}

void signals_stop(struct signals *signals)
{
    if (!signals)
        return;
    SetConsoleCtrlHandler(on_event, FALSE);
    AcquireSRWLockExclusive(&lock); /* a handler may still be running */
    listening = NULL;
    ReleaseSRWLockExclusive(&lock);
    free(signals);
}
