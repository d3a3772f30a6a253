/* SPDX-License-Identifier: MIT */
/*
 * rdvtask-com.dll as COM and regsvr32 see it: its exports, what it writes to the registry, which
 * files it takes, and that it can be unloaded until it has worked. The build defines
 * RDV_TEST_COM_DLL: its path.
 *
 * Registration is looked at in a key that stands in for HKEY_LOCAL_MACHINE; only the tests that
 * create the class through COM write to the real one, and take it away again.
 */
#define COBJMACROS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "class_idl.h"
#include "client.h"
#include "system.h"

#include <knownfolders.h>
#include <objbase.h>
#include <oleauto.h>
#include <shlobj.h>

#define STAND_IN L"Software\\rdvtask-test"
#define AGENT \
    L"Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins\\rdvtask"
#define AGENTS   L"Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins"
#define CLASS    L"Software\\Classes\\CLSID\\{E4443D78-B996-4D28-97D2-F235BF981D41}"
#define SERVER   CLASS L"\\InprocServer32"
#define SETTINGS L"Software\\rdvtask"

static HMODULE dll;
static HKEY stand_in;
static char folder[RDV_TEST_PATH];

typedef HRESULT(STDAPICALLTYPE *get_class_fn)(REFCLSID clsid, REFIID iid, void **object);
typedef HRESULT(STDAPICALLTYPE *plain_fn)(void);

static FARPROC export(const char *name)
{
    FARPROC found = GetProcAddress(dll, name);
    ck_assert_msg(found != NULL, "%s is not exported", name);
    return found;
}

/* The shape of a function is what the name says, and no cast's to check. */
static HRESULT call(const char *name)
{
    plain_fn fn;
    FARPROC found = export(name);
    memcpy(&fn, &found, sizeof fn);
    return fn();
}

static HRESULT class_object(REFCLSID clsid, REFIID iid, void **object)
{
    get_class_fn fn;
    FARPROC found = export("DllGetClassObject");
    memcpy(&fn, &found, sizeof fn);
    return fn(clsid, iid, object);
}

static void load(void)
{
    dll = LoadLibraryA(RDV_TEST_COM_DLL);
    ck_assert_msg(dll != NULL, "%s can't be loaded: %lu", RDV_TEST_COM_DLL, GetLastError());
}

static void unload(void)
{
    FreeLibrary(dll);
}

/* -------------------------------------------------------------- the registry */

static void redirect(void)
{
    load();
    RegDeleteTreeW(HKEY_CURRENT_USER, STAND_IN);
    ck_assert_int_eq(RegCreateKeyExW(HKEY_CURRENT_USER, STAND_IN, 0, NULL, 0, KEY_ALL_ACCESS, NULL,
                                     &stand_in, NULL),
                     ERROR_SUCCESS);
    ck_assert_int_eq(RegOverridePredefKey(HKEY_LOCAL_MACHINE, stand_in), ERROR_SUCCESS);
}

static void redirect_no_more(void)
{
    RegOverridePredefKey(HKEY_LOCAL_MACHINE, NULL);
    RegCloseKey(stand_in);
    RegDeleteTreeW(HKEY_CURRENT_USER, STAND_IN);
    unload();
}

static bool has_key(const wchar_t *path)
{
    HKEY key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &key) != ERROR_SUCCESS)
        return false;
    RegCloseKey(key);
    return true;
}

/* How many keys and values a key has. */
static DWORD things_in(const wchar_t *path)
{
    HKEY key;
    DWORD keys = 0, values = 0;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &key) != ERROR_SUCCESS)
        return 0;
    RegQueryInfoKeyW(key, NULL, NULL, NULL, &keys, NULL, NULL, &values, NULL, NULL, NULL, NULL);
    RegCloseKey(key);
    return keys + values;
}

static void ck_text(const wchar_t *path, const wchar_t *name, const wchar_t *expected)
{
    wchar_t text[1024];
    DWORD size = sizeof text;
    ck_assert_int_eq(RegGetValueW(HKEY_LOCAL_MACHINE, path, name, RRF_RT_REG_SZ, NULL, text, &size),
                     ERROR_SUCCESS);
    ck_assert_msg(_wcsicmp(text, expected) == 0, "%ls is %ls", name, text);
}

static DWORD number(const wchar_t *path, const wchar_t *name)
{
    DWORD value = 77, size = sizeof value;
    RegGetValueW(HKEY_LOCAL_MACHINE, path, name, RRF_RT_REG_DWORD, NULL, &value, &size);
    return value;
}

static HKEY make_key(const wchar_t *path, DWORD options)
{
    HKEY key;
    ck_assert_int_eq(RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, options, KEY_ALL_ACCESS,
                                     NULL, &key, NULL),
                     ERROR_SUCCESS);
    return key;
}

static void set_text(HKEY key, const wchar_t *name, const wchar_t *text)
{
    RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)text,
                   (DWORD)((wcslen(text) + 1) * sizeof *text));
}

START_TEST(registration_writes_the_class_and_the_task_agent_and_nothing_else)
{
    wchar_t path[1024];
    GetModuleFileNameW(dll, path, 1024);
    ck_assert_int_eq(call("DllRegisterServer"), S_OK);
    ck_text(CLASS, NULL, L"rdvtask");
    ck_assert_uint_eq(things_in(CLASS), 2);
    ck_text(SERVER, NULL, path);
    ck_text(SERVER, L"ThreadingModel", L"Both");
    ck_assert_uint_eq(things_in(SERVER), 2);
    ck_text(AGENT, L"CLSID", L"{E4443D78-B996-4D28-97D2-F235BF981D41}");
    ck_assert_uint_eq(number(AGENT, L"IsEnabled"), 1);
    ck_assert_uint_eq(things_in(AGENT), 2);
    ck_assert_uint_eq(things_in(AGENTS), 1);
    ck_assert_uint_eq(things_in(L"Software"), 2);
    ck_assert_uint_eq(things_in(L"Software\\Classes"), 1);
    ck_assert_uint_eq(things_in(L"Software\\Classes\\CLSID"), 1);
}
END_TEST

START_TEST(unregistration_takes_away_what_was_written_and_nothing_else)
{
    RegCloseKey(make_key(AGENTS L"\\another", 0));
    RegCloseKey(make_key(L"Software\\Classes\\CLSID\\{00000000-0000-0000-0000-000000000001}", 0));
    RegCloseKey(make_key(SETTINGS, 0));
    ck_assert_int_eq(call("DllRegisterServer"), S_OK);
    ck_assert_int_eq(call("DllUnregisterServer"), S_OK);
    ck_assert(!has_key(CLASS));
    ck_assert(!has_key(AGENT));
    ck_assert_uint_eq(things_in(AGENTS), 1);
    ck_assert_uint_eq(things_in(L"Software\\Classes\\CLSID"), 1);
    ck_assert(has_key(SETTINGS));
    ck_assert_int_eq(call("DllUnregisterServer"), S_OK);
}
END_TEST

START_TEST(registering_again_leaves_it_to_the_administrator_whether_it_is_enabled)
{
    const DWORD off = 0;
    ck_assert_int_eq(call("DllRegisterServer"), S_OK);
    HKEY agent = make_key(AGENT, 0);
    RegSetValueExW(agent, L"IsEnabled", 0, REG_DWORD, (const BYTE *)&off, sizeof off);
    RegCloseKey(agent);
    ck_assert_int_eq(call("DllRegisterServer"), S_OK);
    ck_assert_uint_eq(number(AGENT, L"IsEnabled"), 0);
}
END_TEST

START_TEST(a_name_that_is_another_class_s_is_left_alone)
{
    const wchar_t *other = L"{00000000-0000-0000-0000-000000000001}";
    HKEY agent = make_key(AGENT, 0);
    set_text(agent, L"CLSID", other);
    RegCloseKey(agent);
    ck_assert_int_eq(call("DllRegisterServer"), HRESULT_FROM_WIN32(ERROR_ALREADY_EXISTS));
    ck_assert(!has_key(CLASS));
    ck_text(AGENT, L"CLSID", other);
    ck_assert_uint_eq(things_in(AGENT), 1);
    ck_assert_int_eq(call("DllUnregisterServer"), S_OK);
    ck_text(AGENT, L"CLSID", other);
}
END_TEST

START_TEST(a_registration_that_fails_half_way_leaves_nothing)
{
    /* Windows makes no lasting key in one that does not last. */
    RegCloseKey(make_key(AGENTS, REG_OPTION_VOLATILE));
    ck_assert_int_eq(call("DllRegisterServer"), HRESULT_FROM_WIN32(ERROR_CHILD_MUST_BE_VOLATILE));
    ck_assert(!has_key(CLASS));
    ck_assert(!has_key(AGENT));
}
END_TEST

/* ------------------------------------------------------------------ the module */

START_TEST(it_has_the_four_exports_by_their_plain_names)
{
    export("DllCanUnloadNow");
    export("DllGetClassObject");
    export("DllRegisterServer");
    export("DllUnregisterServer");
}
END_TEST

START_TEST(it_has_a_version_of_its_own)
{
    wchar_t path[1024];
    GetModuleFileNameW(dll, path, 1024);
    HRSRC found = FindResourceW(dll, MAKEINTRESOURCEW(1), MAKEINTRESOURCEW(16) /* RT_VERSION */);
    ck_assert_ptr_nonnull(found);
    ck_assert_uint_gt(SizeofResource(dll, found), 100);
}
END_TEST

START_TEST(it_can_be_unloaded_as_long_as_nothing_was_initialized)
{
    IClassFactory *factory;
    IUnknown *object;
    void *none = &none;
    ck_assert_int_eq(call("DllCanUnloadNow"), S_OK);
    ck_assert_int_eq(class_object(&IID_IUnknown, &IID_IClassFactory, &none),
                     CLASS_E_CLASSNOTAVAILABLE);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(class_object(&CLSID_RDVTaskAgent, &IID_IClassFactory, (void **)&factory),
                     S_OK);
    ck_assert_int_eq(
        IClassFactory_CreateInstance(factory, NULL, &IID_IRDVTaskPlugin, (void **)&object), S_OK);
    ck_assert_int_eq(call("DllCanUnloadNow"), S_FALSE);
    IClassFactory_Release(factory);
    IUnknown_Release(object);
    ck_assert_int_eq(call("DllCanUnloadNow"), S_OK);
    unload();
    ck_assert_ptr_null(GetModuleHandleA("rdvtask-com.dll"));
    load();
}
END_TEST

/* -------------------------------------------------------------- through COM */

static char document[RDV_TEST_PATH], store[RDV_TEST_PATH], log_file[RDV_TEST_PATH];

/* The class is registered, and its document is ours. */
static void install(void)
{
    load();
    CoInitializeEx(NULL, COINIT_APARTMENTTHREADED);
    rdv_test_make_folder(folder, "com");
    snprintf(document, sizeof document, "%s/agent.json", folder);
    snprintf(store, sizeof store, "%s/agent.db", folder);
    snprintf(log_file, sizeof log_file, "%s/agent.db.log.d/-1.log", folder);
    wchar_t wide[RDV_TEST_PATH];
    MultiByteToWideChar(CP_UTF8, 0, document, -1, wide, RDV_TEST_PATH);
    HKEY settings = make_key(SETTINGS, 0);
    set_text(settings, L"AgentFile", wide);
    RegCloseKey(settings);
    ck_assert_int_eq(call("DllRegisterServer"), S_OK);
}

static void deinstall(void)
{
    call("DllUnregisterServer");
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, SETTINGS);
    CoUninitialize();
    unload();
    rdv_test_remove(folder);
}

static IRDVTaskPlugin *create(void)
{
    IRDVTaskPlugin *plugin = NULL;
    ck_assert_int_eq(CoCreateInstance(&CLSID_RDVTaskAgent, NULL, CLSCTX_INPROC_SERVER,
                                      &IID_IRDVTaskPlugin, (void **)&plugin),
                     S_OK);
    return plugin;
}

static HRESULT start(IRDVTaskPlugin *plugin, const wchar_t *label, const wchar_t *identifier,
                     SAFEARRAY **context)
{
    BSTR label_bstr = SysAllocString(label), identifier_bstr = SysAllocString(identifier);
    const HRESULT result = IRDVTaskPlugin_StartTask(plugin, label_bstr, identifier_bstr, context);
    SysFreeString(label_bstr);
    SysFreeString(identifier_bstr);
    return result;
}

/* Programs that are there under Wine and on Windows. */
#define DOCUMENT                                                                                   \
    "{\"name\": \"Desktop updates\", \"handlers\": [{\"label\": \"greet\", \"steps\": [{\"run\": " \
    "[\"cmd.exe\", \"/d\", \"/c\", \"set\", \"RDV_\"], \"status\": \"applying\"}]}]}"

START_TEST(a_task_of_the_document_is_done_and_its_output_is_in_the_log)
{
    rdv_test_write_text(document, DOCUMENT);
    struct client *client = client_new();
    IRDVTaskPlugin *plugin = create();
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    BSTR name;
    ck_assert_int_eq(IRDVTaskPlugin_get_PluginName(plugin, &name), S_OK);
    ck_assert_int_eq(wcscmp(name, L"Desktop updates"), 0);
    SysFreeString(name);
    ck_assert_int_eq(start(plugin, L"greet", L"one", NULL), S_OK);
    client_wait(client, 2);
    ck_assert_int_eq(client->notices[0].status, RDV_TASK_STATUS_APPLYING);
    ck_assert(client_last_is(client, "one", RDV_TASK_STATUS_SUCCESS));
    ck_assert(rdv_test_exists(store));
    char *output = rdv_test_read(log_file, NULL);
    ck_assert_msg(strstr(output, "RDV_IDENTIFIER=one") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    client_wait(client, 3);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_free(client);
}
END_TEST

START_TEST(once_initialized_it_stays_loaded)
{
    rdv_test_write_text(document, DOCUMENT);
    struct client *client = client_new();
    IRDVTaskPlugin *plugin = create();
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_free(client);
    ck_assert_int_eq(call("DllCanUnloadNow"), S_FALSE);
    for (int i = 0; i < 10; i++)
        FreeLibrary(dll);
    ck_assert_ptr_nonnull(GetModuleHandleA("rdvtask-com.dll"));
    load();
}
END_TEST

START_TEST(a_second_object_is_refused_as_long_as_the_first_has_the_store)
{
    rdv_test_write_text(document, DOCUMENT);
    struct client *client = client_new(), *other = client_new();
    IRDVTaskPlugin *first = create(), *second = create();
    ck_assert_int_eq(client_initialize(client, first), S_OK);
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(second, &other->sink),
                     HRESULT_FROM_WIN32(ERROR_LOCK_VIOLATION));
    ck_assert_uint_eq(IRDVTaskPlugin_Release(first), 0);
    ck_assert_int_eq(client_initialize(other, second), S_OK);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(second), 0);
    client_free(client);
    client_free(other);
}
END_TEST

START_TEST(a_document_that_is_wrong_or_missing_makes_initialize_fail)
{
    struct client *client = client_new();
    IRDVTaskPlugin *plugin = create();
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink),
                     HRESULT_FROM_WIN32(ERROR_NOT_FOUND));
    ck_assert(!rdv_test_exists(store));
    rdv_test_write_text(document, "{\"handlers\": [}");
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink),
                     HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
    rdv_test_write_text(document, DOCUMENT);
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_free(client);
}
END_TEST

START_TEST(a_document_that_others_may_write_to_is_refused)
{
    struct client *client = client_new();
    IRDVTaskPlugin *plugin = create();
    rdv_test_write_text(document, DOCUMENT);
    rdv_test_share(document);
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink), E_ACCESSDENIED);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_free(client);
}
END_TEST

START_TEST(in_a_folder_that_others_may_write_to_nothing_is_opened_or_made)
{
    struct client *client = client_new();
    IRDVTaskPlugin *plugin = create();
    rdv_test_write_text(document, DOCUMENT);
    rdv_test_share(folder);
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink), E_ACCESSDENIED);
    ck_assert(!rdv_test_exists(store));
    rdv_test_write_text(store, "no store");
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink), E_ACCESSDENIED);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_free(client);
}
END_TEST

/* Its exit code, or -1 if it isn't there. */
static int regsvr32(const wchar_t *options)
{
    wchar_t line[2048], path[1024];
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    DWORD code = 77;
    GetModuleFileNameW(dll, path, 1024);
    swprintf(line, 2048, L"regsvr32.exe /s %ls \"%ls\"", options, path);
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
        return -1;
    client_wait_for(process.hProcess);
    GetExitCodeProcess(process.hProcess, &code);
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
    return (int)code;
}

START_TEST(regsvr32_registers_and_unregisters_it)
{
    ck_assert_int_eq(call("DllUnregisterServer"), S_OK);
    ck_assert_int_eq(regsvr32(L""), 0);
    ck_assert_uint_eq(number(AGENT, L"IsEnabled"), 1);
    ck_text(SERVER, L"ThreadingModel", L"Both");
    ck_assert_int_eq(regsvr32(L"/u"), 0);
    ck_assert(!has_key(CLASS));
    ck_assert(!has_key(AGENT));
}
END_TEST

START_TEST(a_setting_that_is_no_path_makes_initialize_fail)
{
    const DWORD no_path = 1;
    HKEY settings = make_key(SETTINGS, 0);
    RegSetValueExW(settings, L"AgentFile", 0, REG_DWORD, (const BYTE *)&no_path, sizeof no_path);
    RegCloseKey(settings);
    struct client *client = client_new();
    IRDVTaskPlugin *plugin = create();
    ck_assert(FAILED(IRDVTaskPlugin_Initialize(plugin, &client->sink)));
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_free(client);
}
END_TEST

/* Where it is when nothing is set: not to be touched if somebody uses it. */
static char default_folder[RDV_TEST_PATH];

static const char *find_default_folder(void)
{
    wchar_t *data = NULL;
    char path[RDV_TEST_PATH - 16];
    if (FAILED(SHGetKnownFolderPath(&FOLDERID_ProgramData, 0, NULL, &data)))
        return "there is no ProgramData";
    WideCharToMultiByte(CP_UTF8, 0, data, -1, path, sizeof path, NULL, NULL);
    CoTaskMemFree(data);
    snprintf(default_folder, sizeof default_folder, "%s/rdvtask", path);
    return rdv_test_exists(default_folder) ? "rdvtask is in use on this machine" : NULL;
}

START_TEST(without_a_setting_the_document_is_that_of_program_data)
{
    char path[RDV_TEST_PATH + 16];
    snprintf(path, sizeof path, "%s/agent.json", default_folder);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, SETTINGS);
    struct client *client = client_new();
    IRDVTaskPlugin *plugin = create();
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink),
                     HRESULT_FROM_WIN32(ERROR_NOT_FOUND));
    rdv_test_make_directory(default_folder);
    rdv_test_write_text(path, DOCUMENT);
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    snprintf(path, sizeof path, "%s/agent.db", default_folder);
    ck_assert(rdv_test_exists(path));
    client_free(client);
    rdv_test_remove(default_folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("com-dll");

    TCase *module = tcase_create("module");
    tcase_add_checked_fixture(module, load, unload);
    tcase_add_test(module, it_has_the_four_exports_by_their_plain_names);
    tcase_add_test(module, it_has_a_version_of_its_own);
    tcase_add_test(module, it_can_be_unloaded_as_long_as_nothing_was_initialized);
    suite_add_tcase(suite, module);

    TCase *registry = tcase_create("registry");
    tcase_add_checked_fixture(registry, redirect, redirect_no_more);
    tcase_add_test(registry, registration_writes_the_class_and_the_task_agent_and_nothing_else);
    tcase_add_test(registry, unregistration_takes_away_what_was_written_and_nothing_else);
    tcase_add_test(registry,
                   registering_again_leaves_it_to_the_administrator_whether_it_is_enabled);
    tcase_add_test(registry, a_name_that_is_another_class_s_is_left_alone);
    tcase_add_test(registry, a_registration_that_fails_half_way_leaves_nothing);
    suite_add_tcase(suite, registry);

    TCase *com = tcase_create("through COM");
    tcase_set_timeout(com, 60);
    tcase_add_checked_fixture(com, install, deinstall);
    tcase_add_test(com, a_task_of_the_document_is_done_and_its_output_is_in_the_log);
    tcase_add_test(com, a_second_object_is_refused_as_long_as_the_first_has_the_store);
    tcase_add_test(com, a_document_that_is_wrong_or_missing_makes_initialize_fail);
    tcase_add_test(com, a_document_that_others_may_write_to_is_refused);
    tcase_add_test(com, in_a_folder_that_others_may_write_to_nothing_is_opened_or_made);
    tcase_add_test(com, regsvr32_registers_and_unregisters_it);
    tcase_add_test(com, a_setting_that_is_no_path_makes_initialize_fail);
    rdv_test_add_unless(com, without_a_setting_the_document_is_that_of_program_data,
                        find_default_folder());
    tcase_add_test(com, once_initialized_it_stays_loaded);
    suite_add_tcase(suite, com);

    return rdv_test_main(suite);
}
