/* SPDX-License-Identifier: MIT */
/*
 * Registration of a program's own class, for DllRegisterServer and DllUnregisterServer. Two keys
 * under HKEY_LOCAL_MACHINE are written and removed, and nothing above them is removed: the class,
 * and the task agent that names it. A key that belongs to another class is never touched, and an
 * administrator's IsEnabled is never changed.
 */
#include <rdvtask/com_server.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windows.h>

#include <objbase.h>

#include "shim-com/common/registry_keys.h"

/*
 * Not HKEY_CLASSES_ROOT: if the user has the key as well, writing there would change the user's
 * own.
 */
#define CLASSES L"Software\\Classes\\CLSID\\"
#define AGENTS  RDV__PLUGINS_KEY L"\\"

/* The longest name of a key, and the longest path, that Windows has; in characters with the NUL. */
#define NAME_SIZE 256
#define PATH_SIZE 32768

struct keys {
    wchar_t clsid[RDV__CLSID_SIZE], name[NAME_SIZE];
    wchar_t class[sizeof CLASSES / sizeof(wchar_t) + RDV__CLSID_SIZE];
    wchar_t agent[sizeof AGENTS / sizeof(wchar_t) + NAME_SIZE];
};

static bool name_keys(const rdv_com_class *described, struct keys *ret_keys)
{
    if (!described || described->size != sizeof *described || !described->clsid ||
        !described->name || !*described->name || strchr(described->name, '\\'))
        return false;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, described->name, -1, ret_keys->name,
                            NAME_SIZE) == 0)
        return false;
    StringFromGUID2((REFGUID)described->clsid, ret_keys->clsid, RDV__CLSID_SIZE);
    wcscpy(ret_keys->class, CLASSES);
    wcscat(ret_keys->class, ret_keys->clsid);
    wcscpy(ret_keys->agent, AGENTS);
    wcscat(ret_keys->agent, ret_keys->name);
    return true;
}

/* Open a key under HKEY_LOCAL_MACHINE, or make it. */
static LSTATUS open_key(const wchar_t *path, HKEY *ret_key, bool *ret_made)
{
    DWORD disposition;
    LSTATUS status = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_READ | KEY_WRITE,
                                     NULL, ret_key, &disposition);
    if (status == ERROR_SUCCESS)
        *ret_made = disposition == REG_CREATED_NEW_KEY;
    return status;
}

static LSTATUS set_text(HKEY key, const wchar_t *name, const wchar_t *text)
{
    return RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)text,
                          (DWORD)((wcslen(text) + 1) * sizeof *text));
}

static LSTATUS delete_key(const wchar_t *path)
{
    LSTATUS status = RegDeleteTreeW(HKEY_LOCAL_MACHINE, path);
    return status == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : status;
}

/* The path of the module that this code is in. */
static LSTATUS get_own_path(wchar_t *path)
{
    static const char within = 0;
    HMODULE module;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            (LPCWSTR)(const void *)&within, &module))
        return (LSTATUS)GetLastError();
    const DWORD length = GetModuleFileNameW(module, path, PATH_SIZE);
    if (length == 0)
        return (LSTATUS)GetLastError();
    return length < PATH_SIZE ? ERROR_SUCCESS : ERROR_FILENAME_EXCED_RANGE;
}

static LSTATUS write_class(const struct keys *keys, bool *ret_made)
{
    HKEY class = NULL, server = NULL;
    wchar_t *path = malloc(PATH_SIZE * sizeof *path);
    LSTATUS status = path ? get_own_path(path) : ERROR_NOT_ENOUGH_MEMORY;
    if (status == ERROR_SUCCESS)
        status = open_key(keys->class, &class, ret_made);
    if (status == ERROR_SUCCESS)
        status = set_text(class, NULL, keys->name);
    if (status == ERROR_SUCCESS)
        status =
            RegCreateKeyExW(class, L"InprocServer32", 0, NULL, 0, KEY_WRITE, NULL, &server, NULL);
    if (status == ERROR_SUCCESS)
        status = set_text(server, NULL, path);
    if (status == ERROR_SUCCESS)
        status = set_text(server, L"ThreadingModel", L"Both");
    if (server)
        RegCloseKey(server);
    if (class)
        RegCloseKey(class);
    free(path);
    return status;
}

/* Whether the task agent's key belongs to another class. A key without a class belongs to none. */
static bool has_other_class(HKEY agent, const struct keys *keys)
{
    wchar_t clsid[RDV__CLSID_SIZE];
    DWORD size = sizeof clsid;
    LSTATUS status = RegGetValueW(agent, NULL, L"CLSID", RRF_RT_REG_SZ, NULL, clsid, &size);
    return status != ERROR_FILE_NOT_FOUND &&
           (status != ERROR_SUCCESS || _wcsicmp(clsid, keys->clsid) != 0);
}

static LSTATUS write_agent(const struct keys *keys, bool *ret_made)
{
    HKEY agent = NULL;
    const DWORD enabled = 1;
    LSTATUS status = open_key(keys->agent, &agent, ret_made);
    if (status != ERROR_SUCCESS)
        return status;
    if (has_other_class(agent, keys))
        status = ERROR_ALREADY_EXISTS;
    else
        status = set_text(agent, L"CLSID", keys->clsid);
    /* Once there is a value, it is the administrator's. */
    if (status == ERROR_SUCCESS &&
        RegQueryValueExW(agent, L"IsEnabled", NULL, NULL, NULL, NULL) == ERROR_FILE_NOT_FOUND)
        status = RegSetValueExW(agent, L"IsEnabled", 0, REG_DWORD, (const BYTE *)&enabled,
                                sizeof enabled);
    RegCloseKey(agent);
    return status;
}

int32_t rdv_com_register(const rdv_com_class *described)
{
    struct keys keys;
    if (!name_keys(described, &keys))
        return E_INVALIDARG;
    bool class_made = false, agent_made = false;
    LSTATUS status = write_class(&keys, &class_made);
    if (status == ERROR_SUCCESS)
        status = write_agent(&keys, &agent_made);
    if (status != ERROR_SUCCESS) {
        if (agent_made)
            delete_key(keys.agent);
        if (class_made)
            delete_key(keys.class);
    }
    return HRESULT_FROM_WIN32((DWORD)status);
}

int32_t rdv_com_unregister(const rdv_com_class *described)
{
    struct keys keys;
    if (!name_keys(described, &keys))
        return E_INVALIDARG;
    HKEY agent;
    bool ours = false;
    LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, keys.agent, 0, KEY_READ, &agent);
    if (status == ERROR_SUCCESS) {
        ours = !has_other_class(agent, &keys);
        RegCloseKey(agent);
    } else if (status == ERROR_FILE_NOT_FOUND) {
        status = ERROR_SUCCESS;
    }
    /* The task agent goes first, so that no trigger agent looks for a class that is gone. */
    if (ours)
        status = delete_key(keys.agent);
    if (status == ERROR_SUCCESS)
        status = delete_key(keys.class);
    return HRESULT_FROM_WIN32((DWORD)status);
}
