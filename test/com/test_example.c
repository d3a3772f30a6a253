/* SPDX-License-Identifier: MIT */
/*
 * The way of a trigger agent from the registry to the end of a task, with the class of
 * examples/com-plugin.c. The build defines RDV_TEST_COM_PLUGIN: the path of its DLL.
 */
#define COBJMACROS
#include <string.h>

#include "../harness.h"
#include "client.h"

#include <oleauto.h>

#define AGENT \
    L"Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins\\Greeter"

static HRESULT call(HMODULE dll, const char *name)
{
    HRESULT(STDAPICALLTYPE * fn)(void);
    FARPROC found = GetProcAddress(dll, name);
    ck_assert(found != NULL);
    memcpy(&fn, &found, sizeof fn);
    return fn();
}

START_TEST(a_class_of_a_program_s_own_is_registered_found_and_does_its_task)
{
    ck_assert_int_eq(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED), S_OK);
    HMODULE dll = LoadLibraryA(RDV_TEST_COM_PLUGIN);
    ck_assert(dll != NULL);
    ck_assert_int_eq(call(dll, "DllRegisterServer"), S_OK);

    wchar_t text[64];
    DWORD size = sizeof text;
    CLSID clsid;
    ck_assert_int_eq(
        RegGetValueW(HKEY_LOCAL_MACHINE, AGENT, L"CLSID", RRF_RT_REG_SZ, NULL, text, &size),
        ERROR_SUCCESS);
    ck_assert_int_eq(CLSIDFromString(text, &clsid), S_OK);
    IRDVTaskPlugin *plugin;
    ck_assert_int_eq(
        CoCreateInstance(&clsid, NULL, CLSCTX_INPROC_SERVER, &IID_IRDVTaskPlugin, (void **)&plugin),
        S_OK);
    BSTR name, label = SysAllocString(L"greet"), identifier = SysAllocString(L"one");
    ck_assert_int_eq(IRDVTaskPlugin_get_PluginName(plugin, &name), S_OK);
    ck_assert_int_eq(wcscmp(name, L"Greeter"), 0);

    struct client *client = client_new();
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, label, identifier, NULL), S_OK);
    client_wait(client, 1);
    ck_assert_int_eq(client->notices[0].status, RDV_TASK_STATUS_APPLYING);
    while (!client_last_is(client, "one", RDV_TASK_STATUS_SUCCESS))
        client_wait(client, client->count + 1);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    client_wait(client, client->count + 1);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_free(client);

    SysFreeString(name);
    SysFreeString(label);
    SysFreeString(identifier);
    ck_assert_int_eq(call(dll, "DllUnregisterServer"), S_OK);
    CoUninitialize();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("com-example");
    TCase *example = tcase_create("example");
    tcase_set_timeout(example, 60);
    tcase_add_test(example, a_class_of_a_program_s_own_is_registered_found_and_does_its_task);
    suite_add_tcase(suite, example);
    return rdv_test_main(suite);
}
