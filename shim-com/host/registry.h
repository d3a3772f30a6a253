/* SPDX-License-Identifier: MIT */
/* What the registry says about task agents and their classes. */
#ifndef RDV__COM_REGISTRY_H
#define RDV__COM_REGISTRY_H

#include <windows.h>

#include <objbase.h>

#include <rdvtask/com_host.h>

#include "shim-com/common/registry_keys.h"

/* Bytes of a task agent's name, with the NUL; longer names are cut. */
#define RDV__PLUGIN_NAME 256
#define RDV__SERVER_PATH (3 * MAX_PATH)
#define RDV__MODEL_SIZE  16

/* A class as it is registered, in UTF-8. Text that is too long is cut. */
struct rdv__class {
    /* The DLL, else the program; "" if the class is not registered. */
    char server[RDV__SERVER_PATH];
    /* The ThreadingModel; "" if there is none. */
    char model[RDV__MODEL_SIZE];
    /* The server is a DLL. */
    bool in_process;
};

/* Look a class up. */
void rdv__registry_class(REFCLSID clsid, struct rdv__class *ret_class);

/* The kind of apartment that fits the class. */
rdv_com_apartment rdv__registry_apartment(const struct rdv__class *class);

/*
 * Find the class that `which` means, as rdv_com_host_open() says. *ret_name is the name of the
 * registered task agent, or the class as text. 0, RDV_ENOTFOUND, RDV_EINVAL, or an error of
 * rdv_com_plugins().
 */
int rdv__registry_find(const char *which, CLSID *ret_clsid, char ret_name[RDV__PLUGIN_NAME],
                       struct rdv_error *error);

/* Write a class as "{…}". */
void rdv__registry_text(REFCLSID clsid, char ret_text[RDV__CLSID_SIZE]);

#endif
