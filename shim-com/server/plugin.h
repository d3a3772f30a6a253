/* SPDX-License-Identifier: MIT */
/* The objects of the class: an rdv_agent as an IRDVTaskPlugin. */
#ifndef RDV__COM_PLUGIN_H
#define RDV__COM_PLUGIN_H

#include <windows.h>

#include <rdvtask/com_server.h>

/* Make an object of the class, which does what doc/com.md says. *ret_object is NULL on failure. */
HRESULT rdv__com_plugin_new(const rdv_com_class *described, REFIID iid, void **ret_object);

/*
 * A count of the reasons why the module has to stay loaded: one for each object, class object and
 * lock, and one for good once Initialize was called.
 */
void rdv__com_module_hold(void);
void rdv__com_module_release(void);
LONG rdv__com_module_held(void);

#endif
