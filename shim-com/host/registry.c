/* SPDX-License-Identifier: MIT */
/*
 * What the registry says about task agents (rdv_com_plugins()) and about their classes, and which
 * of them is meant. This file only reads the registry; register.c writes it.
 */
#include "shim-com/host/registry.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/error.h"
#include "base/utf8.h"
#include "platform/win/win.h"

/* The longest name of a key, in characters with the NUL. */
#define KEY_NAME 256

/*
 * Convert UTF-16 to UTF-8, and cut it so that it fits. Units that are not well-formed become
 * replacement characters.
 */
static void copy_utf8(const wchar_t *wide, char *buffer, size_t size)
{
    char whole[4 * RDV__SERVER_PATH];
    if (WideCharToMultiByte(CP_UTF8, 0, wide, -1, whole, sizeof whole, NULL, NULL) <= 0)
        whole[0] = '\0';
    const size_t length = rdv__utf8_cut(whole, strlen(whole), size - 1);
    memcpy(buffer, whole, length);
    buffer[length] = '\0';
}

/*
 * Read a text; "" if there is none or it is too long. The variables in a REG_EXPAND_SZ are filled
 * in.
 */
static void read_text(HKEY key, const wchar_t *value, wchar_t *buffer, size_t characters)
{
    DWORD size = (DWORD)(characters * sizeof *buffer);
    if (RegGetValueW(key, NULL, value, RRF_RT_REG_SZ, NULL, buffer, &size) != ERROR_SUCCESS)
        buffer[0] = L'\0';
}

/* -------------------------------------------------------------- classes */

void rdv__registry_text(REFCLSID clsid, char ret_text[RDV__CLSID_SIZE])
{
    wchar_t wide[RDV__CLSID_SIZE];
    StringFromGUID2(clsid, wide, RDV__CLSID_SIZE);
    copy_utf8(wide, ret_text, RDV__CLSID_SIZE);
}

/*
 * Read the server and the threading model from a key below the class's. Returns whether it names a
 * server.
 */
static bool read_server(const wchar_t *class, const wchar_t *kind, struct rdv__class *ret_class)
{
    wchar_t path[RDV__CLSID_SIZE + KEY_NAME], text[RDV__SERVER_PATH];
    HKEY key;
    swprintf(path, sizeof path / sizeof *path, L"CLSID\\%ls\\%ls", class, kind);
    if (RegOpenKeyExW(HKEY_CLASSES_ROOT, path, 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS)
        return false;
    read_text(key, NULL, text, RDV__SERVER_PATH);
    copy_utf8(text, ret_class->server, sizeof ret_class->server);
    read_text(key, L"ThreadingModel", text, RDV__SERVER_PATH);
    copy_utf8(text, ret_class->model, sizeof ret_class->model);
    RegCloseKey(key);
    return ret_class->server[0] != '\0';
}

void rdv__registry_class(REFCLSID clsid, struct rdv__class *ret_class)
{
    wchar_t class[RDV__CLSID_SIZE];
    StringFromGUID2(clsid, class, RDV__CLSID_SIZE);
    memset(ret_class, 0, sizeof *ret_class);
    ret_class->in_process = read_server(class, L"InprocServer32", ret_class);
    if (!ret_class->in_process)
        read_server(class, L"LocalServer32", ret_class);
}

rdv_com_apartment rdv__registry_apartment(const struct rdv__class *class)
{
    /*
     * A class that can be in either gets the single-threaded one, whose message loop it may rely
     * on.
     */
    if (!class->in_process || _stricmp(class->model, "Free") == 0 ||
        _stricmp(class->model, "Neutral") == 0)
        return RDV_COM_APARTMENT_MULTI;
    return RDV_COM_APARTMENT_SINGLE;
}

/* ------------------------------------------------------------- plug-ins */

/*
 * Returns whether a task agent is enabled. If IsEnabled is not as it should be, `trouble` says how.
 */
static bool read_enabled(HKEY key, char *trouble, size_t size)
{
    DWORD enabled = 0, length = sizeof enabled;
    LSTATUS status =
        RegGetValueW(key, NULL, L"IsEnabled", RRF_RT_REG_DWORD, NULL, &enabled, &length);
    if (status != ERROR_SUCCESS) {
        snprintf(trouble, size, "%s",
                 status == ERROR_FILE_NOT_FOUND ? "it has no IsEnabled, and so it is not enabled"
                                                : "IsEnabled is not a REG_DWORD");
        return false;
    }
    if (enabled > 1)
        snprintf(trouble, size, "IsEnabled is %lu, and should be 0 or 1", (unsigned long)enabled);
    return enabled == 1;
}

/* Read the key of one task agent, and hand it out. */
static int hand_out_plugin(HKEY plugins, const wchar_t *name, bool *used, rdv_com_plugin_fn fn,
                           void *user)
{
    wchar_t text[RDV__SERVER_PATH];
    char utf8_name[RDV__PLUGIN_NAME], clsid_text[RDV__SERVER_PATH], trouble[128] = "";
    struct rdv__class class = {0};
    CLSID clsid;
    HKEY key;
    if (RegOpenKeyExW(plugins, name, 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS)
        return 0; /* it is gone by now, or we may not read it */
    const bool enabled = read_enabled(key, trouble, sizeof trouble);
    read_text(key, L"CLSID", text, RDV__SERVER_PATH);
    RegCloseKey(key);
    copy_utf8(name, utf8_name, sizeof utf8_name);
    copy_utf8(text, clsid_text, sizeof clsid_text);
    if (text[0] == L'\0')
        snprintf(trouble, sizeof trouble, "it has no CLSID");
    else if (IIDFromString(text, &clsid) != S_OK)
        snprintf(trouble, sizeof trouble, "its CLSID does not have the form {…}");
    else
        rdv__registry_class(&clsid, &class);
    if (!class.server[0] && !trouble[0])
        snprintf(trouble, sizeof trouble, "its class is not registered");
    const rdv_com_plugin plugin = {
        .size = sizeof plugin,
        .name = utf8_name,
        .clsid = clsid_text,
        .server = class.server,
        .model = class.model,
        .trouble = trouble,
        .enabled = enabled,
        .used = enabled && !*used,
    };
    *used |= enabled;
    return fn(user, &plugin);
}

int rdv_com_plugins(rdv_com_plugin_fn fn, void *user, struct rdv_error *error)
{
    wchar_t name[KEY_NAME];
    char words[RDV__WIN_WORDS];
    HKEY plugins;
    bool used = false;
    int result = 0;
    if (!fn)
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_com_plugins");
    LSTATUS status =
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, RDV__PLUGINS_KEY, 0, KEY_ENUMERATE_SUB_KEYS, &plugins);
    if (status == ERROR_FILE_NOT_FOUND)
        return 0;
    if (status != ERROR_SUCCESS)
        return rdv__fail(error, rdv__win_error((DWORD)status),
                         "the registered task agents can't be read: %s",
                         rdv__win_words((DWORD)status, words));
    for (DWORD i = 0; result == 0; i++) {
        DWORD length = KEY_NAME;
        status = RegEnumKeyExW(plugins, i, name, &length, NULL, NULL, NULL, NULL);
        if (status == ERROR_NO_MORE_ITEMS)
            break;
        if (status == ERROR_SUCCESS)
            result = hand_out_plugin(plugins, name, &used, fn, user);
        else
            result = rdv__fail(error, rdv__win_error((DWORD)status),
                               "the registered task agents can't be read: %s",
                               rdv__win_words((DWORD)status, words));
    }
    RegCloseKey(plugins);
    return result;
}

/* -------------------------------------------------------------- finding */

struct search {
    /* NULL if the first enabled one is wanted. */
    const wchar_t *name;
    /* Whether any task agent is registered, and whether the wanted one is. */
    bool any, found;
    char plugin[RDV__PLUGIN_NAME];
    char clsid[RDV__CLSID_SIZE];
    char trouble[128];
};

/* Called for each task agent: remember it if it is the wanted one. */
static int compare_plugin(void *user, const rdv_com_plugin *plugin)
{
    struct search *search = user;
    wchar_t name[RDV__PLUGIN_NAME];
    search->any = true;
    if (search->name) {
        /* This is how the registry compares names. */
        MultiByteToWideChar(CP_UTF8, 0, plugin->name, -1, name, RDV__PLUGIN_NAME);
        if (CompareStringOrdinal(name, -1, search->name, -1, TRUE) != CSTR_EQUAL)
            return 0;
    } else if (!plugin->used) {
        return 0;
    }
    search->found = true;
    snprintf(search->plugin, sizeof search->plugin, "%s", plugin->name);
    snprintf(search->trouble, sizeof search->trouble, "%s", plugin->trouble);
    if (strlen(plugin->clsid) < sizeof search->clsid)
        snprintf(search->clsid, sizeof search->clsid, "%s", plugin->clsid);
    return 0;
}

/* Whether the text is a CLSID without its braces, which have another meaning in PowerShell. */
static bool is_bare_clsid(const wchar_t *text, CLSID *ret_clsid)
{
    wchar_t braced[RDV__CLSID_SIZE];
    if (wcslen(text) != RDV__CLSID_SIZE - 3)
        return false;
    swprintf(braced, RDV__CLSID_SIZE, L"{%ls}", text);
    return IIDFromString(braced, ret_clsid) == S_OK;
}

int rdv__registry_find(const char *which, CLSID *ret_clsid, char ret_name[RDV__PLUGIN_NAME],
                       struct rdv_error *error)
{
    wchar_t wide[RDV__PLUGIN_NAME];
    struct search search = {0};
    if (!which)
        which = "";
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, which, -1, wide, RDV__PLUGIN_NAME) <= 0)
        return rdv__fail(error, RDV_EINVAL, "'%s' can't be the name of a task agent", which);
    if (which[0] == '{') {
        if (IIDFromString(wide, ret_clsid) != S_OK)
            return rdv__fail(error, RDV_EINVAL, "'%s' does not have the form {…} of a CLSID",
                             which);
        rdv__registry_text(ret_clsid, ret_name);
        return 0;
    }
    search.name = which[0] ? wide : NULL;
    int result = rdv_com_plugins(compare_plugin, &search, error);
    if (result != 0)
        return result;
    if (!search.found && search.name && is_bare_clsid(wide, ret_clsid)) {
        rdv__registry_text(ret_clsid, ret_name);
        return 0;
    }
    if (!search.found && search.name)
        return rdv__fail(error, RDV_ENOTFOUND, "no task agent is registered as '%s'", which);
    if (!search.found)
        return rdv__fail(error, RDV_ENOTFOUND,
                         search.any ? "task agents are registered, but none is enabled"
                                    : "no task agent is registered");
    MultiByteToWideChar(CP_UTF8, 0, search.clsid, -1, wide, RDV__PLUGIN_NAME);
    if (IIDFromString(wide, ret_clsid) != S_OK || search.clsid[0] == '\0')
        return rdv__fail(error, RDV_EINVAL, "the task agent '%s' is not registered correctly: %s",
                         search.plugin, search.trouble[0] ? search.trouble : "its CLSID");
    memcpy(ret_name, search.plugin, RDV__PLUGIN_NAME);
    return 0;
}
