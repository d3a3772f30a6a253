/* SPDX-License-Identifier: MIT */
/* A sink of the core as the COM object that a task agent gets. */
#ifndef RDV__COM_NOTIFY_H
#define RDV__COM_NOTIFY_H

#include <windows.h>

#include <rdvtask/plugin.h>

#include "rdvtask_idl.h"

/*
 * Make an IRDVTaskPluginNotifySink with one reference. It is free-threaded: every thread of every
 * apartment of the process may call it directly. It has a reference to `sink` until the last
 * Release. 0 or RDV_ENOMEM.
 */
int rdv__notify_new(rdv_sink *sink, IRDVTaskPluginNotifySink **ret_notify);

/* How many references there are to it. */
LONG rdv__notify_references(IRDVTaskPluginNotifySink *notify);

#endif
