/* SPDX-License-Identifier: MIT */
/*
 * A client's IRDVTaskPluginNotifySink as an rdv_sink. Its functions queue a call for the client and
 * never wait.
 */
#ifndef RDV__COM_SINK_H
#define RDV__COM_SINK_H

#include <rdvtask/plugin.h>

#include "rdvtask_idl.h"

/*
 * Take a reference to the client's sink, and start the thread that calls it. Call this in the
 * apartment that the pointer belongs to. The module must stay loaded from then on: the thread ends
 * by itself, some time after the last reference to *ret_sink was given back. The log is written to
 * from that thread and from those that use *ret_sink, which has one reference. S_OK, or COM's own
 * failure if it can't carry the sink to another apartment.
 */
HRESULT rdv__com_sink_new(IRDVTaskPluginNotifySink *client, const rdv_log *log,
                          rdv_sink **ret_sink);

#endif
