/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C, Ctrl-Break, and a console that closes: the system calls a handler on a thread of its own. Of a machine that shuts down and of
 * a user who logs off it tells only programs without user32.dll, which libuv, for one, brings in: so this one is ended unasked then.
 * The system would ask a hidden window instead; there is none, as nobody could try yet what becomes of one that SYSTEM has.
 */
#include "../signals.h"

#include <errno.h>
#include <stdlib.h>

#include <windows.h>

#include "../commands.h"

/* After so many requests we no longer wait for anybody. The store is right at any moment. */
#define PATIENCE 3

struct signals {
    rdv_loop *loop;
    int ends;
};

/* The system has only one list of handlers, and hands them nothing that they could find their object by. */
static SRWLOCK lock = SRWLOCK_INIT;
static struct signals *listening; /* guarded by lock, and so is what is in it */

/* Whether someone was listening. */
static bool ask_to_end(void)
{
    AcquireSRWLockExclusive(&lock);
    const bool heard = listening != NULL;
    if (heard) {
        if (++listening->ends >= PATIENCE)
            TerminateProcess(GetCurrentProcess(), EXIT_CANCELLED);
        rdv_loop_stop(listening->loop);
    }
    ReleaseSRWLockExclusive(&lock);
    return heard;
}

static BOOL WINAPI on_event(DWORD event)
{
    switch (event) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT:
        return ask_to_end();
    case CTRL_LOGOFF_EVENT:
        return TRUE; /* where it comes at all, it is any user's */
    default:
        /* The console closes. The process is ended once this returns, or after some seconds: they are for ending in order. */
        if (ask_to_end())
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
    (void)flags; /* nothing is like SIGHUP, and no pipe tells that its reader goes */
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

/* The size is looked at whenever something is drawn. */
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
    AcquireSRWLockExclusive(&lock); /* a handler may still run */
    listening = NULL;
    ReleaseSRWLockExclusive(&lock);
    free(signals);
}
