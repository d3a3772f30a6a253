/* SPDX-License-Identifier: MIT */
/*
 * Writes into the registry of the Wine prefix what the tests of the host side find there. Aborts if
 * that fails.
 */
#include "registered.h"

#include <stdio.h>
#include <stdlib.h>

#define PLUGINS L"Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins"
#define CLASSES L"Software\\Classes\\CLSID"

#define PATH_SIZE 1024

static void check(LSTATUS status, const char *what)
{
    if (status == ERROR_SUCCESS)
        return;
    fprintf(stderr, "%s: error %ld\n", what, (long)status);
    abort();
}

static HKEY make(const wchar_t *path)
{
    HKEY key;
    check(RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL),
          "a key can't be made");
    return key;
}

static void set(HKEY key, const wchar_t *name, const wchar_t *value)
{
    check(RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)value,
                         (DWORD)((wcslen(value) + 1) * sizeof *value)),
          "a value can't be set");
}

bool registered_possible(void)
{
    HKEY key;
    /* A Wine prefix is the tests' own; a Windows may have task agents that someone needs. */
    if (!GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version"))
        return false;
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, CLASSES, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key,
                        NULL) != ERROR_SUCCESS)
        return false;
    RegCloseKey(key);
    return true;
}

void registered_class(const wchar_t *clsid, const wchar_t *dll, const wchar_t *model)
{
    wchar_t path[PATH_SIZE], file[PATH_SIZE];
    const DWORD length = GetModuleFileNameW(NULL, file, PATH_SIZE);
    if (length == 0 || length >= PATH_SIZE)
        abort();
    *(wcsrchr(file, L'\\') + 1) = L'\0';
    if (wcslen(file) + wcslen(dll) >= PATH_SIZE)
        abort();
    wcscat(file, dll);
    swprintf(path, PATH_SIZE, CLASSES L"\\%ls\\InprocServer32", clsid);
    HKEY key = make(path);
    set(key, NULL, file);
    if (model)
        set(key, L"ThreadingModel", model);
    else
        RegDeleteValueW(key, L"ThreadingModel");
    RegCloseKey(key);
}

void registered_class_gone(const wchar_t *clsid)
{
    wchar_t path[PATH_SIZE];
    swprintf(path, PATH_SIZE, CLASSES L"\\%ls", clsid);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, path);
}

void registered_agent(const wchar_t *name, const wchar_t *clsid, int enabled)
{
    wchar_t path[PATH_SIZE];
    const DWORD value = (DWORD)enabled;
    swprintf(path, PATH_SIZE, PLUGINS L"\\%ls", name);
    HKEY key = make(path);
    if (clsid)
        set(key, L"CLSID", clsid);
    if (enabled >= 0)
        check(RegSetValueExW(key, L"IsEnabled", 0, REG_DWORD, (const BYTE *)&value, sizeof value),
              "a value can't be set");
    RegCloseKey(key);
}

void registered_agent_gone(const wchar_t *name)
{
    wchar_t path[PATH_SIZE];
    swprintf(path, PATH_SIZE, PLUGINS L"\\%ls", name);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, path);
}

void registered_no_agents(void)
{
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, PLUGINS);
}
