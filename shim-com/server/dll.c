/* SPDX-License-Identifier: MIT */
/*
 * rdvtask-com.dll: the class whose handlers are those of the machine's agent document. It fills in
 * an rdv_com_class and exports what COM and regsvr32 call; the rest is the shim's. doc/com.md tells
 * users where its files are.
 *
 * Nothing in the document's folder is opened before check_trusted() has seen that ordinary users
 * can't write there.
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windows.h>

#include <knownfolders.h>
#include <objbase.h>
#include <shlobj.h>

#include <rdvtask/com_server.h>

#include "base/error.h"
#include "class_idl.h"
#include "platform/platform.h"
#include "platform/win/win.h"

#define NAME "rdvtask"
/* Under HKEY_LOCAL_MACHINE. */
#define SETTINGS L"Software\\rdvtask"
#define DOCUMENT L"\\rdvtask\\agent.json"
/* The longest path that Windows has, in characters with the NUL. */
#define PATH_SIZE 32768

/* --------------------------------------------------------------------- log */

/*
 * Write to Windows' event log, which is where an administrator looks for messages of a service's
 * plug-in.
 */
static void log_line(void *user, rdv_log_level level, const char *text)
{
    (void)user;
    wchar_t *wide = level == RDV_LOG_DEBUG ? NULL : rdv__win_wide(text);
    HANDLE log = wide ? RegisterEventSourceW(NULL, L"rdvtask") : NULL;
    if (log) {
        const WORD type = level == RDV_LOG_ERROR     ? EVENTLOG_ERROR_TYPE
                          : level == RDV_LOG_WARNING ? EVENTLOG_WARNING_TYPE
                                                     : EVENTLOG_INFORMATION_TYPE;
        const wchar_t *strings[] = {wide};
        ReportEventW(log, type, 0, 1, NULL, 1, 0, strings, NULL);
        DeregisterEventSource(log);
    }
    free(wide);
}

static const rdv_log event_log = {.write = log_line};

/* ------------------------------------------------------------------- files */

/*
 * Find the agent document: the one that the registry names, else the default one. The caller frees
 * the path.
 */
static int find_document(char **ret_path)
{
    wchar_t *path = malloc(PATH_SIZE * sizeof *path);
    if (!path)
        return RDV_ENOMEM;
    int result = 0;
    DWORD size = PATH_SIZE * sizeof *path;
    LSTATUS status =
        RegGetValueW(HKEY_LOCAL_MACHINE, SETTINGS, L"AgentFile", RRF_RT_REG_SZ, NULL, path, &size);
    if (status == ERROR_FILE_NOT_FOUND) {
        wchar_t *data = NULL;
        if (SUCCEEDED(SHGetKnownFolderPath(&FOLDERID_ProgramData, 0, NULL, &data))) {
            wcscpy(path, data);
            wcscat(path, DOCUMENT);
        } else {
            result = RDV_ENOTFOUND;
        }
        CoTaskMemFree(data);
    } else if (status != ERROR_SUCCESS) {
        rdv__log(&event_log, RDV_LOG_ERROR,
                 "HKEY_LOCAL_MACHINE\\Software\\rdvtask: AgentFile is not the path of a file");
        result = rdv__win_error((DWORD)status);
    }
    if (!result) {
        *ret_path = rdv__win_utf8(path);
        if (!*ret_path)
            result = rdv__win_error(GetLastError());
    }
    free(path);
    return result;
}

/*
 * The name of a file beside the document: its path with `ending` in place of ".json". The caller
 * frees it.
 */
static char *name_beside(const char *document, const char *ending)
{
    size_t stem = strlen(document);
    if (stem >= 5 && strcmp(document + stem - 5, ".json") == 0)
        stem -= 5;
    char *path = malloc(stem + strlen(ending) + 1);
    if (path) {
        memcpy(path, document, stem);
        strcpy(path + stem, ending);
    }
    return path;
}

static int open_files(rdv_loop *loop, const char *document, rdv_store **ret_store,
                      rdv_agent **ret_agent)
{
    rdv_store *store = NULL;
    rdv_agent *agent = NULL;
    rdv_store_options store_options;
    rdv_agent_options agent_options;
    struct rdv_error error;
    int result = RDV_ENOMEM;
    char *file = name_beside(document, ".db"), *logs = name_beside(document, ".db.log.d");
    if (!file || !logs)
        goto out;
    rdv_store_options_init(&store_options);
    store_options.holder = "rdvtask-com.dll";
    result = rdv_store_open(file, &store_options, &store, &error);
    if (result) {
        rdv__log(&event_log, RDV_LOG_ERROR, "%s", error.text);
        goto out;
    }
    rdv_agent_options_init(&agent_options);
    agent_options.log_directory = logs;
    agent_options.log = event_log;
    result = rdv_agent_new(loop, store, &agent_options, &agent);
    if (result) {
        rdv__log(&event_log, RDV_LOG_ERROR, "%s: %s", file, rdv_store_message(store));
        goto out;
    }
    result = rdv_agent_load(agent, document, &error);
    if (result) {
        if (error.line > 0)
            rdv__log(&event_log, RDV_LOG_ERROR, "%s:%d:%d %s: %s", document, error.line,
                     error.column, error.path, error.text);
        else
            rdv__log(&event_log, RDV_LOG_ERROR, "%s", error.text);
        goto out;
    }
    *ret_store = store;
    *ret_agent = agent;
    store = NULL;
    agent = NULL;
out:
    rdv_agent_free(agent);
    rdv_store_close(store);
    free(file);
    free(logs);
    return result;
}

/* Others may have made the folder, and a store in it, before the administrator did. */
static int check_trusted(const char *document)
{
    struct rdv_error error;
    rdv__file file;
    int result = rdv__plat_open_trusted(document, &file, NULL, &error);
    if (result)
        rdv__log(&event_log, RDV_LOG_ERROR, "%s", error.text);
    else
        rdv__plat_close(file);
    return result;
}

static int open_agent(void *user, rdv_loop *loop, rdv_store **ret_store, rdv_agent **ret_agent)
{
    (void)user;
    char *document;
    int result = find_document(&document);
    if (result)
        return result;
    result = check_trusted(document);
    if (!result)
        result = open_files(loop, document, ret_store, ret_agent);
    free(document);
    return result;
}

/* ----------------------------------------------------------------- exports */

static const rdv_com_class described = {
    .size = sizeof described,
    .clsid = &CLSID_RDVTaskAgent,
    .name = NAME,
    .open = open_agent,
    .log = {.write = log_line},
};

/*
 * regsvr32 calls these two, and no header declares them. There is no DllMain but the compiler's
 * own, which does nothing.
 */
STDAPI DllRegisterServer(void);
STDAPI DllUnregisterServer(void);

STDAPI DllGetClassObject(REFCLSID clsid, REFIID iid, void **object)
{
    return rdv_com_class_object(&described, clsid, iid, object);
}

STDAPI DllCanUnloadNow(void)
{
    return rdv_com_can_unload();
}

STDAPI DllRegisterServer(void)
{
    return rdv_com_register(&described);
}

STDAPI DllUnregisterServer(void)
{
    return rdv_com_unregister(&described);
}
