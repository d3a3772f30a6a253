/* SPDX-License-Identifier: MIT */
/* The ready-made task agent, for a trigger agent that keeps the same store. */
#ifndef RDV__AGENT_H
#define RDV__AGENT_H

#include <stdbool.h>
#include <stdint.h>

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

/* What a process that has ended has left of a run. */
struct rdv__agent_left {
    bool under_way;        /* something was under way, and was cut short */
    bool asked_for_reboot; /* the run only waited for a reboot */
    int64_t step;          /* the step that the run was at; 0 for a run without steps */
};

/*
 * Ask a task agent what is left of a run that it is to go on with. Only a ready-made one with the same store can tell; with any
 * other one, *ret_left is left as it is. Returns 0 or an error of the store.
 */
int rdv__agent_look(rdv_plugin *plugin, const rdv_store *store, const rdv_task *task,
                    struct rdv__agent_left *ret_left);

/*
 * The plug-in was initialized by a trigger agent on this store. If it is a ready-made one with the same store, what its journal has of
 * runs that the trigger agent does not know any more is cleaned up: nobody will ever start them again. Their identifiers are busy
 * until that is done.
 */
void rdv__agent_clean_up(rdv_plugin *plugin, const rdv_store *store);

#endif
