/* SPDX-License-Identifier: MIT */
/*
 * The object that a trigger agent of Windows sees: its class, its life and its methods. test_sink.c
 * tests its calls of the sink.
 */
#define COBJMACROS
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "client.h"
#include "made.h"
#include "spy.h"
#include "values.h"

#include <oleauto.h>
#include <process.h>
#include <psapi.h>

#define SHUTTING_DOWN HRESULT_FROM_WIN32(ERROR_SHUTDOWN_IN_PROGRESS)

static struct client *client;

static void enter_single(void)
{
    ck_assert_int_eq(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED), S_OK);
    made_begin();
    client = client_new();
}

static void enter_multi(void)
{
    ck_assert_int_eq(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    made_begin();
    client = client_new();
}

static void leave(void)
{
    made_end();
    client_free(client);
    CoUninitialize();
}

static void ck_name(IRDVTaskPlugin *plugin, const wchar_t *expected)
{
    BSTR name = NULL;
    ck_assert_int_eq(IRDVTaskPlugin_get_PluginName(plugin, &name), S_OK);
    ck_assert_int_eq(wcscmp(name, expected), 0);
    SysFreeString(name);
}

/* ----------------------------------------------- the process that it is loaded in */

/*
 * This has to run before any test makes a loop: libuv changes the error mode when the first loop is
 * made.
 */
START_TEST(the_error_mode_of_the_process_stays_as_it_is)
{
    const UINT before = SetErrorMode(SEM_FAILCRITICALERRORS);
    IRDVTaskPlugin *plugin = made_started(client);
    const UINT after = SetErrorMode(before);
    IRDVTaskPlugin_Release(plugin);
    ck_assert_uint_eq(after, SEM_FAILCRITICALERRORS);
}
END_TEST

/* ---------------------------------------------------------------- the class */

START_TEST(a_class_object_makes_objects_and_no_aggregates)
{
    IClassFactory *factory;
    void *object = &object;
    ck_assert_int_eq(
        rdv_com_class_object(&made_class, made_class.clsid, &IID_IClassFactory, (void **)&factory),
        S_OK);
    ck_assert_int_eq(
        IClassFactory_CreateInstance(factory, (IUnknown *)factory, &IID_IUnknown, &object),
        CLASS_E_NOAGGREGATION);
    ck_assert_ptr_null(object);
    ck_assert_int_eq(IClassFactory_CreateInstance(factory, NULL, &IID_IUnknown, NULL), E_POINTER);
    object = &object;
    ck_assert_int_eq(IClassFactory_CreateInstance(factory, NULL, &IID_IPersist, &object),
                     E_NOINTERFACE);
    ck_assert_ptr_null(object);
    ck_assert_int_eq(IClassFactory_CreateInstance(factory, NULL, &IID_IUnknown, &object), S_OK);
    ck_assert_uint_eq(IUnknown_Release((IUnknown *)object), 0);
    ck_assert_uint_eq(IClassFactory_Release(factory), 0);
}
END_TEST

START_TEST(a_class_object_is_of_one_class)
{
    void *object = &object;
    ck_assert_int_eq(rdv_com_class_object(&made_class, &IID_IUnknown, &IID_IClassFactory, &object),
                     CLASS_E_CLASSNOTAVAILABLE);
    ck_assert_ptr_null(object);
    object = &object;
    ck_assert_int_eq(
        rdv_com_class_object(&made_class, made_class.clsid, &IID_IRDVTaskPlugin, &object),
        E_NOINTERFACE);
    ck_assert_ptr_null(object);
    ck_assert_int_eq(rdv_com_class_object(&made_class, made_class.clsid, &IID_IClassFactory, NULL),
                     E_POINTER);
    rdv_com_class small = made_class;
    small.size--;
    ck_assert_int_eq(rdv_com_class_object(&small, small.clsid, &IID_IClassFactory, &object),
                     E_INVALIDARG);
}
END_TEST

START_TEST(the_module_may_go_while_nothing_was_initialized_and_nothing_is_left)
{
    IClassFactory *factory;
    ck_assert_int_eq(rdv_com_can_unload(), S_OK);
    IRDVTaskPlugin *plugin = made_new();
    ck_assert_int_eq(rdv_com_can_unload(), S_FALSE);
    IRDVTaskPlugin_Release(plugin);
    ck_assert_int_eq(rdv_com_can_unload(), S_OK);

    rdv_com_class_object(&made_class, made_class.clsid, &IID_IClassFactory, (void **)&factory);
    ck_assert_int_eq(rdv_com_can_unload(), S_FALSE);
    IClassFactory_LockServer(factory, TRUE);
    IClassFactory_Release(factory);
    ck_assert_int_eq(rdv_com_can_unload(), S_FALSE);
    rdv_com_class_object(&made_class, made_class.clsid, &IID_IClassFactory, (void **)&factory);
    IClassFactory_LockServer(factory, FALSE);
    IClassFactory_Release(factory);
    ck_assert_int_eq(rdv_com_can_unload(), S_OK);

    /* A refused class object does not keep the module in memory. */
    void *object;
    rdv_com_class_object(&made_class, made_class.clsid, &IID_IPersist, &object);
    ck_assert_int_eq(rdv_com_can_unload(), S_OK);
}
END_TEST

START_TEST(the_module_stays_once_an_object_was_initialized)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_wait_refs(client, 1);
    ck_assert_int_eq(rdv_com_can_unload(), S_FALSE);
}
END_TEST

START_TEST(an_object_obeys_the_rules_of_query_interface)
{
    IRDVTaskPlugin *plugin = made_new(), *again;
    IUnknown *first, *second;
    void *none = &none;
    ck_assert_int_eq(IRDVTaskPlugin_QueryInterface(plugin, &IID_IUnknown, (void **)&first), S_OK);
    ck_assert_int_eq(IUnknown_QueryInterface(first, &IID_IRDVTaskPlugin, (void **)&again), S_OK);
    ck_assert_int_eq(IRDVTaskPlugin_QueryInterface(again, &IID_IUnknown, (void **)&second), S_OK);
    ck_assert_ptr_eq(first, second);
    IMarshal *marshal;
    ck_assert_int_eq(IUnknown_QueryInterface(first, &IID_IMarshal, (void **)&marshal), S_OK);
    ck_assert_int_eq(IMarshal_QueryInterface(marshal, &IID_IUnknown, (void **)&second), S_OK);
    ck_assert_ptr_eq(first, second);
    ck_assert_int_eq(IUnknown_QueryInterface(first, &IID_IDispatch, &none), E_NOINTERFACE);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(IUnknown_QueryInterface(first, &IID_IUnknown, NULL), E_POINTER);
    IMarshal_Release(marshal);
    IUnknown_Release(second);
    IUnknown_Release(second);
    IRDVTaskPlugin_Release(again);
    IUnknown_Release(first);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
}
END_TEST

/* -------------------------------------------------------------------- names */

START_TEST(the_name_can_be_asked_at_any_time)
{
    IRDVTaskPlugin *plugin = made_new();
    ck_name(plugin, L"made for a test");
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_name(plugin, L"rdvtask");
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    ck_name(plugin, L"rdvtask");
    client_wait(client, 1);
    ck_name(plugin, L"rdvtask");
    ck_assert_int_eq(IRDVTaskPlugin_get_PluginName(plugin, NULL), E_POINTER);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_name_that_can_not_be_told_leaves_none)
{
    rdv_com_class bad = made_class;
    bad.name = "not \xFF UTF-8";
    IClassFactory *factory;
    IRDVTaskPlugin *plugin;
    BSTR name = (BSTR)(void *)&bad;
    ck_assert_int_eq(rdv_com_class_object(&bad, bad.clsid, &IID_IClassFactory, (void **)&factory),
                     S_OK);
    ck_assert_int_eq(
        IClassFactory_CreateInstance(factory, NULL, &IID_IRDVTaskPlugin, (void **)&plugin), S_OK);
    ck_assert_int_eq(IRDVTaskPlugin_get_PluginName(plugin, &name), E_INVALIDARG);
    ck_assert_ptr_null(name);
    IRDVTaskPlugin_Release(plugin);
    IClassFactory_Release(factory);
}
END_TEST

/* --------------------------------------------------------------- Initialize */

START_TEST(initialize_without_a_sink_is_refused_and_may_be_tried_again)
{
    IRDVTaskPlugin *plugin = made_new();
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, NULL), E_INVALIDARG);
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(initialize_twice_is_refused_and_the_first_sink_stays)
{
    struct client *second = client_new();
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &second->sink), E_UNEXPECTED);
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink), E_UNEXPECTED);
    ck_assert_int_eq(second->refs, 1);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), S_OK);
    client_wait(client, 1);
    ck_assert_uint_eq(second->count, 0);
    IRDVTaskPlugin_Release(plugin);
    client_free(second);
}
END_TEST

START_TEST(initialize_after_terminate_is_refused)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    client_wait(client, 1);
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink), E_UNEXPECTED);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(an_initialize_that_fails_says_why_lets_go_of_the_sink_and_may_be_tried_again)
{
    IRDVTaskPlugin *plugin = made_new();
    made_open_result = RDV_ESYNTAX;
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink),
                     HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
    client_wait_refs(client, 1);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), E_UNEXPECTED);
    ck_name(plugin, L"made for a test");
    made_open_result = 0;
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), S_OK);
    client_wait(client, 1);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

/* ---------------------------------------------------------------- StartTask */

START_TEST(calls_before_initialize_are_refused)
{
    IRDVTaskPlugin *plugin = made_new();
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), E_UNEXPECTED);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), E_UNEXPECTED);
    ck_assert_int_eq(made_calls, 0);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_task_is_done_and_its_end_is_told)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), S_OK);
    client_wait(client, 1);
    ck_assert(client_last_is(client, "one", RDV_TASK_STATUS_SUCCESS));
    ck_assert_int_eq(made_start(plugin, L"failing", L"two"), S_OK);
    client_wait(client, 2);
    ck_assert(client_last_is(client, "two", RDV_TASK_STATUS_FAILED));
    ck_assert_int_eq(made_calls, 2);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(starting_does_not_wait_for_the_work)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"held", L"one"), S_OK);
    ck_assert_int_eq(made_start(plugin, L"quick", L"two"), S_OK);
    client_wait(client, 2);
    ck_assert(client_last_is(client, "two", RDV_TASK_STATUS_SUCCESS));
    made_let_go(0);
    client_wait(client, 3);
    ck_assert(client_last_is(client, "one", RDV_TASK_STATUS_SUCCESS));
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_task_in_flight_is_taken_again_only_if_it_is_the_same)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"held", L"one"), S_OK);
    ck_assert_int_eq(made_start(plugin, L"held", L"one"), S_OK);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), HRESULT_FROM_WIN32(ERROR_BUSY));
    ck_assert_int_eq(made_calls, 1);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_label_without_a_handler_is_refused)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"unheard-of", L"one"),
                     HRESULT_FROM_WIN32(ERROR_NO_ASSOCIATION));
    IRDVTaskPlugin_Release(plugin);
    ck_assert_uint_eq(client->count, 0);
}
END_TEST

START_TEST(hostile_names_are_refused_and_start_nothing)
{
    IRDVTaskPlugin *plugin = made_started(client);
    BSTR quick = units(L"quick", 5), empty = units(L"", 0), nul = units(L"a\0b", 3),
         odd = SysAllocStringByteLen("abc", 3), lone = units((const wchar_t[]){0xD800}, 1),
         longest = units(NULL, 1024), longer = units(NULL, 1025);
    for (size_t i = 0; i < 1025; i++)
        longer[i] = longest[i < 1024 ? i : 0] = L'x';
    BSTR bad[] = {NULL, empty, nul, odd, lone};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, quick, bad[i], NULL), E_INVALIDARG);
        ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, bad[i], quick, NULL), E_INVALIDARG);
    }
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, quick, longer, NULL),
                     HRESULT_FROM_WIN32(ERROR_FILE_TOO_LARGE));
    ck_assert_int_eq(made_calls, 0);
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, quick, longest, NULL), S_OK);
    ck_assert_int_eq(made_calls, 1);
    SysFreeString(quick);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        SysFreeString(bad[i]);
    SysFreeString(longest);
    SysFreeString(longer);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_context_arrives_as_it_was_given)
{
    IRDVTaskPlugin *plugin = made_started(client);
    BSTR label = units(L"quick", 5);
    BSTR identifiers[] = {units(L"one", 3), units(L"two", 3), units(L"three", 5)};
    SAFEARRAYBOUND bound = {.cElements = 5, .lLbound = -5};
    SAFEARRAY *array = SafeArrayCreate(VT_UI1, 1, &bound), *none = NULL;
    memcpy(array->pvData, "\0\x01\xFF\0z", 5);
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, label, identifiers[0], &array), S_OK);
    ck_assert_uint_eq(made_context_size, 5);
    ck_assert_mem_eq(made_context, "\0\x01\xFF\0z", 5);
    ck_assert_uint_eq(array->cLocks, 0);
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, label, identifiers[1], &none), S_OK);
    ck_assert_uint_eq(made_context_size, 0);
    made_context_size = 77;
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, label, identifiers[2], NULL), S_OK);
    ck_assert_uint_eq(made_context_size, 0);
    SafeArrayDestroy(array);
    for (size_t i = 0; i < 3; i++)
        SysFreeString(identifiers[i]);
    SysFreeString(label);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_hostile_context_is_refused_and_starts_nothing)
{
    IRDVTaskPlugin *plugin = made_started(client);
    BSTR name = units(L"quick", 5);
    SAFEARRAYBOUND bounds[2] = {{.cElements = 2}, {.cElements = 2}};
    SAFEARRAY *two = SafeArrayCreate(VT_UI1, 2, bounds), *other = SafeArrayCreate(VT_I4, 1, bounds),
              *large = SafeArrayCreateVector(VT_UI1, 0, RDV_CONTEXT_MAX + 1);
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, name, name, &two), E_INVALIDARG);
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, name, name, &other), E_INVALIDARG);
    ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, name, name, &large),
                     HRESULT_FROM_WIN32(ERROR_FILE_TOO_LARGE));
    ck_assert_int_eq(made_calls, 0);
    ck_assert_int_eq(SafeArrayDestroy(two), S_OK);
    ck_assert_int_eq(SafeArrayDestroy(other), S_OK);
    ck_assert_int_eq(SafeArrayDestroy(large), S_OK);
    SysFreeString(name);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

/* -------------------------------------------------- threads and apartments */

struct caller {
    IRDVTaskPlugin *plugin;
    DWORD cookie; /* in the global interface table */
    DWORD apartment;
    int number;
    HRESULT result;
    bool same; /* the table gave the object itself and no proxy */
    HANDLE thread;
};

static IGlobalInterfaceTable *table(void)
{
    IGlobalInterfaceTable *git = NULL;
    CoCreateInstance(&CLSID_StdGlobalInterfaceTable, NULL, CLSCTX_INPROC_SERVER,
                     &IID_IGlobalInterfaceTable, (void **)&git);
    return git;
}

struct racer {
    IRDVTaskPlugin *plugin;
    int number;
    HANDLE start, thread;
    HRESULT initialized, started, terminated;
};

#define TASKS_EACH 25

static unsigned __stdcall call_from_elsewhere(void *user)
{
    struct caller *caller = user;
    IRDVTaskPlugin *plugin = NULL;
    CoInitializeEx(NULL, caller->apartment);
    IGlobalInterfaceTable *git = table();
    caller->result = IGlobalInterfaceTable_GetInterfaceFromGlobal(
        git, caller->cookie, &IID_IRDVTaskPlugin, (void **)&plugin);
    caller->same = plugin == caller->plugin;
    for (int i = 0; SUCCEEDED(caller->result) && i < TASKS_EACH; i++) {
        wchar_t identifier[32];
        swprintf(identifier, 32, L"%d-%d", caller->number, i);
        caller->result = made_start(plugin, i % 2 ? L"quick" : L"steps", identifier);
    }
    if (plugin)
        IRDVTaskPlugin_Release(plugin);
    IGlobalInterfaceTable_Release(git);
    CoUninitialize();
    return 0;
}

START_TEST(any_thread_of_any_apartment_may_start_tasks_at_the_same_time)
{
    struct caller callers[8];
    IRDVTaskPlugin *plugin = made_started(client);
    IGlobalInterfaceTable *git = table();
    DWORD cookie;
    ck_assert_int_eq(IGlobalInterfaceTable_RegisterInterfaceInGlobal(git, (IUnknown *)plugin,
                                                                     &IID_IRDVTaskPlugin, &cookie),
                     S_OK);
    for (int i = 0; i < 8; i++) {
        callers[i] = (struct caller){
            .plugin = plugin,
            .cookie = cookie,
            .number = i,
            .apartment = i % 2 ? COINIT_APARTMENTTHREADED : COINIT_MULTITHREADED,
        };
        callers[i].thread =
            (HANDLE)_beginthreadex(NULL, 0, call_from_elsewhere, &callers[i], 0, NULL);
    }
    for (int i = 0; i < 8; i++) {
        client_wait_for(callers[i].thread);
        CloseHandle(callers[i].thread);
        ck_assert_int_eq(callers[i].result, S_OK);
        ck_assert(callers[i].same);
    }
    /* Each quick task reports one status, each of the others four. */
    client_wait(client, 8 * (12 + 4 * 13));
    size_t ends = 0;
    for (size_t i = 0; i < client->count; i++)
        ends += client->notices[i].status == RDV_TASK_STATUS_SUCCESS;
    ck_assert_uint_eq(ends, 8 * TASKS_EACH);
    ck_assert_int_eq(made_calls, 8 * TASKS_EACH);
    IGlobalInterfaceTable_RevokeInterfaceFromGlobal(git, cookie);
    IGlobalInterfaceTable_Release(git);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
}
END_TEST

/* Call Initialize, StartTask and Terminate of an object while other threads do the same. */
static unsigned __stdcall race(void *user)
{
    struct racer *racer = user;
    wchar_t identifier[16];
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    swprintf(identifier, 16, L"%d", racer->number);
    WaitForSingleObject(racer->start, INFINITE);
    racer->initialized = IRDVTaskPlugin_Initialize(racer->plugin, &client->sink);
    racer->started = made_start(racer->plugin, L"quick", identifier);
    racer->terminated = IRDVTaskPlugin_Terminate(racer->plugin, S_OK);
    IRDVTaskPlugin_Release(racer->plugin);
    CoUninitialize();
    return 0;
}

START_TEST(of_calls_at_the_same_time_one_initializes_and_one_terminates)
{
    struct racer racers[6];
    int initialized = 0, started = 0, terminated = 0;
    IRDVTaskPlugin *plugin = made_new();
    HANDLE start = CreateEventW(NULL, TRUE, FALSE, NULL);
    client->free_threaded = true;
    for (int i = 0; i < 6; i++) {
        racers[i] = (struct racer){.plugin = plugin, .number = i, .start = start};
        IRDVTaskPlugin_AddRef(plugin);
        racers[i].thread = (HANDLE)_beginthreadex(NULL, 0, race, &racers[i], 0, NULL);
    }
    /* The thread that releases it last ends the object. */
    IRDVTaskPlugin_Release(plugin);
    SetEvent(start);
    for (int i = 0; i < 6; i++) {
        client_wait_for(racers[i].thread);
        CloseHandle(racers[i].thread);
        initialized += racers[i].initialized == S_OK;
        started += racers[i].started == S_OK;
        terminated += racers[i].terminated == S_OK;
        ck_assert(racers[i].initialized == S_OK || racers[i].initialized == E_UNEXPECTED);
        ck_assert(racers[i].started == S_OK || racers[i].started == E_UNEXPECTED ||
                  racers[i].started == SHUTTING_DOWN);
        ck_assert(racers[i].terminated == S_OK || racers[i].terminated == E_UNEXPECTED);
    }
    CloseHandle(start);
    ck_assert_int_eq(initialized, 1);
    ck_assert_int_eq(terminated, 1);
    client_wait_refs(client, 1);
    ck_assert_int_eq(made_calls, started);
    ck_assert_uint_eq(client->count, (size_t)started + 1);
}
END_TEST

START_TEST(two_clients_have_two_objects_that_know_nothing_of_each_other)
{
    struct client *other = client_new();
    IRDVTaskPlugin *first = made_started(client), *second = made_started(other);
    ck_assert_int_eq(made_start(first, L"quick", L"same"), S_OK);
    ck_assert_int_eq(made_start(second, L"failing", L"same"), S_OK);
    client_wait(client, 1);
    client_wait(other, 1);
    ck_assert(client_last_is(client, "same", RDV_TASK_STATUS_SUCCESS));
    ck_assert(client_last_is(other, "same", RDV_TASK_STATUS_FAILED));
    ck_assert_uint_eq(IRDVTaskPlugin_Release(first), 0);
    ck_assert_int_eq(made_start(second, L"quick", L"again"), S_OK);
    client_wait(other, 2);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(second), 0);
    client_free(other);
}
END_TEST

/* ------------------------------------------------------ Terminate and Release */

START_TEST(terminate_ends_with_its_reason)
{
    static const struct {
        HRESULT given, told;
    } reasons[] = {
        {S_OK, S_OK},
        {S_FALSE, S_OK},
        {E_ACCESSDENIED, E_ACCESSDENIED},
        {E_FAIL, E_FAIL},
        {REGDB_E_CLASSNOTREG, E_FAIL},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct client *each = client_new();
        IRDVTaskPlugin *plugin = made_started(each);
        ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, reasons[i].given), S_OK);
        client_wait(each, 1);
        ck_assert_int_eq(each->notices[0].call, CLIENT_TERMINATED);
        ck_assert_int_eq(each->notices[0].reason, reasons[i].told);
        client_wait_refs(each, 1);
        ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
        client_free(each);
    }
}
END_TEST

START_TEST(after_terminate_nothing_is_started)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), SHUTTING_DOWN);
    client_wait(client, 1);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), SHUTTING_DOWN);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), E_UNEXPECTED);
    ck_assert_int_eq(made_calls, 0);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(terminate_while_a_task_runs_tells_the_end_when_it_has_ended)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"held", L"one"), S_OK);
    client_wait(client, 1);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    ck_assert(made_is_cancelled());
    ck_assert_int_eq(made_start(plugin, L"quick", L"two"), SHUTTING_DOWN);
    ck_assert_uint_eq(client->count, 1);
    made_let_go(0);
    client_wait(client, 3);
    ck_assert_int_eq(client->notices[1].status, RDV_TASK_STATUS_SUCCESS);
    ck_assert_int_eq(client->notices[2].call, CLIENT_TERMINATED);
    client_wait_refs(client, 1);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(the_last_release_while_a_task_runs_ends_it)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"waiting", L"one"), S_OK);
    client_wait_for(made_held);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    client_wait_refs(client, 1);
}
END_TEST

START_TEST(a_run_that_outlives_its_object_can_still_be_finished)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"held", L"one"), S_OK);
    client_wait(client, 1);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    made_let_go(0);
    client_wait_refs(client, 1);
    ck_assert_uint_eq(client->count, 1);
}
END_TEST

/* -------------------------------------------------------------------- leaks */

START_TEST(a_thousand_tasks_leave_no_string_and_no_array_behind)
{
    client->free_threaded = true;
    IRDVTaskPlugin *plugin = made_started(client);
    BSTR label = units(L"steps", 5);
    SAFEARRAY *array = SafeArrayCreateVector(VT_UI1, 0, 100);
    long before = 0;
    for (int i = 0; i < 1000; i++) {
        BSTR identifier = units(L"12345", 5);
        identifier[0] = (wchar_t)(L'0' + i % 10);
        ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, label, identifier, &array), S_OK);
        SysFreeString(identifier);
        ck_name(plugin, L"rdvtask");
        client_wait(client, 4 * (size_t)(i + 1));
        /*
         * The first calls allocate memory that threads keep. The sink's thread frees its string
         * after the call.
         */
        if (i == 9)
            before = spy_alive();
    }
    const ULONGLONG since = GetTickCount64();
    while (spy_alive() > before && GetTickCount64() - since < CLIENT_PATIENCE)
        client_pause();
    ck_assert_int_le(spy_alive(), before);
    SafeArrayDestroy(array);
    SysFreeString(label);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
}
END_TEST

static int64_t own_memory(void)
{
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
    ck_assert(GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters));
    return (int64_t)counters.PagefileUsage;
}

START_TEST(large_contexts_are_given_back)
{
    IRDVTaskPlugin *plugin = made_started(client);
    BSTR label = units(L"quick", 5), identifier = units(L"one", 3);
    SAFEARRAY *array = SafeArrayCreateVector(VT_UI1, 0, RDV_CONTEXT_MAX);
    int64_t before = 0;
    for (size_t i = 0; i < 12; i++) {
        ck_assert_int_eq(IRDVTaskPlugin_StartTask(plugin, label, identifier, &array), S_OK);
        client_wait(client, i + 1);
        if (i == 1)
            before = own_memory();
    }
    /* Contexts that are on their way between threads are freed soon. */
    const ULONGLONG since = GetTickCount64();
    while (own_memory() >= before + 4 * RDV_CONTEXT_MAX &&
           GetTickCount64() - since < CLIENT_PATIENCE)
        client_pause();
    ck_assert_int_lt(own_memory(), before + 4 * RDV_CONTEXT_MAX);
    ck_assert_int_eq(SafeArrayDestroy(array), S_OK);
    SysFreeString(label);
    SysFreeString(identifier);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

/* ---------------------------------------------------------------------------- */

static void add_all(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_class_object_makes_objects_and_no_aggregates);
    tcase_add_test(tcase, a_class_object_is_of_one_class);
    tcase_add_test(tcase, an_object_obeys_the_rules_of_query_interface);
    tcase_add_test(tcase, the_name_can_be_asked_at_any_time);
    tcase_add_test(tcase, a_name_that_can_not_be_told_leaves_none);
    tcase_add_test(tcase, initialize_without_a_sink_is_refused_and_may_be_tried_again);
    tcase_add_test(tcase, initialize_twice_is_refused_and_the_first_sink_stays);
    tcase_add_test(tcase, initialize_after_terminate_is_refused);
    tcase_add_test(tcase,
                   an_initialize_that_fails_says_why_lets_go_of_the_sink_and_may_be_tried_again);
    tcase_add_test(tcase, calls_before_initialize_are_refused);
    tcase_add_test(tcase, a_task_is_done_and_its_end_is_told);
    tcase_add_test(tcase, starting_does_not_wait_for_the_work);
    tcase_add_test(tcase, a_task_in_flight_is_taken_again_only_if_it_is_the_same);
    tcase_add_test(tcase, a_label_without_a_handler_is_refused);
    tcase_add_test(tcase, hostile_names_are_refused_and_start_nothing);
    tcase_add_test(tcase, a_context_arrives_as_it_was_given);
    tcase_add_test(tcase, a_hostile_context_is_refused_and_starts_nothing);
    tcase_add_test(tcase, any_thread_of_any_apartment_may_start_tasks_at_the_same_time);
    tcase_add_test(tcase, of_calls_at_the_same_time_one_initializes_and_one_terminates);
    tcase_add_test(tcase, two_clients_have_two_objects_that_know_nothing_of_each_other);
    tcase_add_test(tcase, terminate_ends_with_its_reason);
    tcase_add_test(tcase, after_terminate_nothing_is_started);
    tcase_add_test(tcase, terminate_while_a_task_runs_tells_the_end_when_it_has_ended);
    tcase_add_test(tcase, the_last_release_while_a_task_runs_ends_it);
    tcase_add_test(tcase, a_run_that_outlives_its_object_can_still_be_finished);
    tcase_add_test(tcase, a_thousand_tasks_leave_no_string_and_no_array_behind);
    tcase_add_test(tcase, large_contexts_are_given_back);
}

int main(void)
{
    spy_install();
    Suite *suite = suite_create("com-plugin");

    /* These come first, since they count what has happened since the process began. */
    TCase *module = tcase_create("module");
    tcase_add_checked_fixture(module, enter_single, leave);
    tcase_add_test(module, the_module_may_go_while_nothing_was_initialized_and_nothing_is_left);
    tcase_add_test(module, the_error_mode_of_the_process_stays_as_it_is);
    tcase_add_test(module, the_module_stays_once_an_object_was_initialized);
    suite_add_tcase(suite, module);

    TCase *single = tcase_create("single-threaded client");
    tcase_add_checked_fixture(single, enter_single, leave);
    add_all(single);
    suite_add_tcase(suite, single);

    TCase *multi = tcase_create("multi-threaded client");
    tcase_add_checked_fixture(multi, enter_multi, leave);
    add_all(multi);
    suite_add_tcase(suite, multi);

    return rdv_test_main(suite);
}
