/* SPDX-License-Identifier: MIT */
/* Names in the registry that the server side writes and the host side reads. */
#ifndef RDV__COM_REGISTRY_KEYS_H
#define RDV__COM_REGISTRY_KEYS_H

/* Where task agents are registered, under HKEY_LOCAL_MACHINE. */
#define RDV__PLUGINS_KEY \
    L"Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins"

/* The characters of a class as "{…}", with the NUL. */
#define RDV__CLSID_SIZE 39

#endif
