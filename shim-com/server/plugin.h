/* SPDX-License-Identifier: MIT */
/* IRDVTaskPlugin, made of an rdv_agent. */
#ifndef RDV__COM_PLUGIN_H
#define RDV__COM_PLUGIN_H

#include <windows.h>

#include <rdvtask/com_server.h>

/* An object of the class: see com_server.h for what it does. ret_object: NULL on failure. */
HRESULT rdv__com_plugin_new(const rdv_com_class *described, REFIID iid, void **ret_object);

/*
 * How many reasons there are for the module to stay loaded: objects, class objects, locks; and those that never go away.
 */
void rdv__com_module_hold(void);
void rdv__com_module_release(void);
LONG rdv__com_module_held(void);

#endif
