/* SPDX-License-Identifier: MIT */
/* The ready-made task agent, for a trigger agent that keeps the same store. */
#ifndef RDV__AGENT_H
#define RDV__AGENT_H

#include <rdvtask/agent.h>
#include <rdvtask/plugin.h>
#include <rdvtask/store.h>

/*
 * The start of a task has been staged in the store. If the plug-in is a ready-made one with the same store, what it has to put on
 * disk before it begins is staged too, in the same batch; StartTask finds it then, and needs no commit of its own. Nothing is
 * begun before that. If the batch fails, or StartTask does not come, nothing is left of it in memory.
 *
 * A failure may have failed the batch.
 */
int rdv__agent_prepare(rdv_plugin *plugin, const rdv_store *store, rdv_task *task);

#endif
