/* SPDX-License-Identifier: MIT */
/* A client's IRDVTaskPluginNotifySink as an rdv_sink, whose functions post and never wait. */
#ifndef RDV__COM_SINK_H
#define RDV__COM_SINK_H

#include <rdvtask/plugin.h>

#include "rdvtask_idl.h"

/*
 * Hold the client's sink, and start the thread that calls it. To be called in the apartment that the pointer belongs to. The module
 * must stay loaded from here on: the thread ends by itself, some time after the last reference was given back.
 *
 * log is written to from that thread and from whoever posts. ret_sink: with one reference.
 * S_OK, or what COM says of a sink that it can't carry to another apartment.
 */
HRESULT rdv__com_sink_new(IRDVTaskPluginNotifySink *client, const rdv_log *log,
                          rdv_sink **ret_sink);

#endif
