/* SPDX-License-Identifier: MIT */
/*
 * How a client's sink is called: from which thread, in which order, and what a sink that misbehaves
 * holds up.
 */
#define COBJMACROS
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "client.h"
#include "made.h"
#include "shim-com/server/client_sink.h"
#include "spy.h"

#include <oleauto.h>
#include <process.h>

static struct client *client;

static void begin(void)
{
    made_begin();
    client = client_new();
}

static void enter_single(void)
{
    ck_assert_int_eq(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED), S_OK);
    begin();
}

static void enter_multi(void)
{
    ck_assert_int_eq(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    begin();
}

static void leave(void)
{
    made_end();
    client_free(client);
    CoUninitialize();
}

static int report(rdv_sink *sink, const char *identifier, rdv_status status)
{
    rdv_report said = RDV_REPORT_INIT;
    said.status = status;
    return sink->ops->task_state_changed(sink, identifier, &said);
}

static rdv_sink *new_sink(void)
{
    rdv_sink *sink;
    const ULONGLONG since = GetTickCount64();
    HRESULT result = rdv__com_sink_new(&client->sink, &made_class.log, &sink);
    if (client_gave_up(result, since))
        result = rdv__com_sink_new(&client->sink, &made_class.log, &sink);
    ck_assert_int_eq(result, S_OK);
    return sink;
}

/* Keep the client inside its call until the event that this returns is set. */
static HANDLE close_gate(void)
{
    client->gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    return client->gate;
}

/* ------------------------------------------------------------ from which thread */

START_TEST(a_sink_of_a_single_threaded_apartment_is_called_on_its_thread)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"steps", L"one"), S_OK);
    client_wait(client, 4);
    for (size_t i = 0; i < client->count; i++)
        ck_assert_uint_eq(client->notices[i].thread, GetCurrentThreadId());
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(other_sinks_are_called_on_one_thread_that_is_nobody_elses)
{
    client->free_threaded = true;
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"steps", L"one"), S_OK);
    ck_assert_int_eq(made_start(plugin, L"waiting", L"two"), S_OK);
    client_wait(client, 5);
    for (size_t i = 0; i < client->count; i++) {
        ck_assert_uint_ne(client->notices[i].thread, GetCurrentThreadId());
        ck_assert_uint_eq(client->notices[i].thread, client->notices[0].thread);
    }
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_sink_of_the_multi_threaded_apartment_is_called_directly)
{
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), S_OK);
    client_wait(client, 1);
    ck_assert_uint_ne(client->notices[0].thread, GetCurrentThreadId());
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_client_inside_start_task_that_turns_no_messages_holds_up_nothing)
{
    /*
     * The run of "steps" has ended before StartTask returns, and the sink can be called only after
     * it.
     */
    IRDVTaskPlugin *plugin = made_started(client);
    for (int i = 0; i < 20; i++) {
        wchar_t identifier[8];
        swprintf(identifier, 8, L"%d", i);
        ck_assert_int_eq(made_start(plugin, L"steps", identifier), S_OK);
    }
    ck_assert_uint_eq(client->count, 0);
    client_wait(client, 80);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

/* ---------------------------------------------------------------- what is told */

START_TEST(every_status_is_told_in_order)
{
    static const int order[] = {RDV_TASK_STATUS_SEARCHING, RDV_TASK_STATUS_DOWNLOADING,
                                RDV_TASK_STATUS_APPLYING, RDV_TASK_STATUS_SUCCESS};
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"steps", L"one"), S_OK);
    client_wait(client, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(client->notices[i].call, CLIENT_STATE);
        ck_assert_int_eq(client->notices[i].status, order[i]);
        ck_assert_str_eq(client->notices[i].identifier, "one");
    }
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(unknown_and_timeout_never_go_out)
{
    rdv_sink *sink = new_sink();
    ck_assert_int_eq(report(sink, "one", RDV_STATUS_UNKNOWN), RDV_EINVAL);
    ck_assert_int_eq(report(sink, "one", RDV_STATUS_TIMEOUT), RDV_EINVAL);
    ck_assert_int_eq(report(sink, "one", (rdv_status)9), RDV_EINVAL);
    ck_assert_int_eq(report(sink, "one", (rdv_status)-1), RDV_EINVAL);
    ck_assert_int_eq(report(sink, "one", RDV_STATUS_REBOOTED), 0);
    client_wait(client, 1);
    ck_assert_int_eq(client->notices[0].status, RDV_TASK_STATUS_REBOOTED);
    sink->ops->unref(sink);
    client_wait_refs(client, 1);
    ck_assert_uint_eq(client->count, 1);
}
END_TEST

START_TEST(schedules_and_their_ends_are_told_with_all_their_values)
{
    rdv_sink *sink = new_sink();
    const rdv_window window = {.start = 1, .end = RDV_TIME_MAX, .deadline = 0};
    const rdv_window bad = {.start = 2, .end = 1};
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("updates", "one", "abc", 3, &task), 0);
    ck_assert_int_eq(sink->ops->schedule_task(sink, &bad, task), RDV_EINVAL);
    ck_assert_int_eq(sink->ops->schedule_task(sink, &window, task), 0);
    ck_assert_int_eq(sink->ops->delete_schedule(sink, "one"), 0);
    rdv_task_unref(task);
    client_wait(client, 2);
    const struct client_notice *notice = &client->notices[0];
    ck_assert_int_eq(notice->call, CLIENT_SCHEDULE);
    ck_assert_str_eq(notice->label, "updates");
    ck_assert_str_eq(notice->identifier, "one");
    ck_assert_uint_eq(notice->context_size, 3);
    ck_assert_uint_eq(notice->times[0].dwLowDateTime, 1);
    ck_assert_uint_eq(notice->times[1].dwHighDateTime, (DWORD)(RDV_TIME_MAX >> 32));
    ck_assert_uint_eq(notice->times[2].dwLowDateTime, 0);
    ck_assert_int_eq(client->notices[1].call, CLIENT_DELETE);
    ck_assert_str_eq(client->notices[1].identifier, "one");
    sink->ops->unref(sink);
}
END_TEST

/* ------------------------------------------------------------ sinks that fail */

START_TEST(a_sink_that_fails_is_logged_and_told_the_rest)
{
    client->answer = E_ACCESSDENIED;
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"steps", L"one"), S_OK);
    client_wait(client, 4);
    ck_assert(client_last_is(client, "one", RDV_TASK_STATUS_SUCCESS));
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    client_wait(client, 5);
    client_wait_refs(client, 1);
    ck_assert(made_logged("task one: 0x80070005"));
    ck_assert(made_logged("OnTerminated: 0x80070005"));
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

START_TEST(a_sink_that_no_apartment_but_its_own_can_have_is_refused)
{
    IRDVTaskPlugin *plugin = made_new();
    client->refuses_marshal = true;
    ck_assert(FAILED(IRDVTaskPlugin_Initialize(plugin, &client->sink)));
    ck_assert_int_eq(client->refs, 1);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), E_UNEXPECTED);
    client->refuses_marshal = false;
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
}
END_TEST

START_TEST(a_sink_without_the_interface_is_refused)
{
    IRDVTaskPlugin *plugin = made_new();
    client->refuses_interface = true;
    ck_assert_int_eq(IRDVTaskPlugin_Initialize(plugin, &client->sink), E_NOINTERFACE);
    ck_assert_int_eq(client->refs, 1);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
}
END_TEST

/* ----------------------------------------------------------- sinks that block */

START_TEST(a_sink_that_blocks_holds_up_no_call_of_the_plug_in)
{
    client->free_threaded = true;
    HANDLE gate = close_gate();
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"steps", L"one"), S_OK);
    client_wait_for(client->entered);
    ck_assert_int_eq(made_start(plugin, L"quick", L"two"), S_OK);
    ck_assert_int_eq(made_calls, 2);
    BSTR name;
    ck_assert_int_eq(IRDVTaskPlugin_get_PluginName(plugin, &name), S_OK);
    SysFreeString(name);
    ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    ck_assert_uint_eq(client->count, 0);

    /* What the object had reported is told all the same. */
    SetEvent(gate);
    client_wait(client, 6);
    ck_assert_int_eq(client->notices[5].call, CLIENT_TERMINATED);
    client_wait_refs(client, 1);
    CloseHandle(gate);
}
END_TEST

START_TEST(the_last_release_does_not_wait_for_a_sink_that_blocks)
{
    client->free_threaded = true;
    HANDLE gate = close_gate();
    IRDVTaskPlugin *plugin = made_started(client);
    ck_assert_int_eq(made_start(plugin, L"waiting", L"one"), S_OK);
    client_wait_for(client->entered);
    ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
    ck_assert_int_gt(client->refs, 1);
    SetEvent(gate);
    client_wait_refs(client, 1);
    CloseHandle(gate);
}
END_TEST

START_TEST(equal_statuses_behind_a_slow_sink_are_told_once)
{
    client->free_threaded = true;
    HANDLE gate = close_gate();
    rdv_sink *sink = new_sink();
    ck_assert_int_eq(report(sink, "first", RDV_STATUS_SEARCHING), 0);
    client_wait_for(client->entered);
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(report(sink, "one", RDV_STATUS_APPLYING), 0);
        ck_assert_int_eq(report(sink, "two", RDV_STATUS_APPLYING), 0);
    }
    ck_assert_int_eq(report(sink, "one", RDV_STATUS_REBOOTING), 0);
    ck_assert_int_eq(report(sink, "one", RDV_STATUS_APPLYING), 0);
    ck_assert_int_eq(report(sink, "one", RDV_STATUS_SUCCESS), 0);
    SetEvent(gate);
    client_wait(client, 6);
    sink->ops->unref(sink);
    client_wait_refs(client, 1);
    ck_assert_uint_eq(client->count, 6);
    ck_assert_int_eq(client->notices[3].status, RDV_TASK_STATUS_REBOOTING);
    ck_assert_int_eq(client->notices[4].status, RDV_TASK_STATUS_APPLYING);
    ck_assert_int_eq(client->notices[5].status, RDV_TASK_STATUS_SUCCESS);
    CloseHandle(gate);
}
END_TEST

START_TEST(equal_statuses_are_told_each_time_by_a_sink_that_keeps_up)
{
    rdv_sink *sink = new_sink();
    for (size_t i = 1; i <= 3; i++) {
        ck_assert_int_eq(report(sink, "one", RDV_STATUS_APPLYING), 0);
        client_wait(client, i);
    }
    sink->ops->unref(sink);
}
END_TEST

START_TEST(what_waits_is_bounded_but_for_ends)
{
    client->free_threaded = true;
    HANDLE gate = close_gate();
    rdv_sink *sink = new_sink();
    char identifier[16];
    ck_assert_int_eq(report(sink, "first", RDV_STATUS_SEARCHING), 0);
    client_wait_for(client->entered);
    for (int i = 0; i < RDV_COM_WAITING_MAX; i++) {
        snprintf(identifier, sizeof identifier, "%d", i);
        ck_assert_int_eq(report(sink, identifier, RDV_STATUS_SEARCHING), 0);
    }
    ck_assert_int_eq(report(sink, "late", RDV_STATUS_SEARCHING), RDV_ELIMIT);
    ck_assert_int_eq(sink->ops->delete_schedule(sink, "late"), RDV_ELIMIT);
    ck_assert(made_logged("task late"));
    ck_assert_int_eq(report(sink, "late", RDV_STATUS_FAILED), 0);
    sink->ops->terminated(sink, RDV_EFAILED);
    sink->ops->unref(sink);
    SetEvent(gate);
    client_wait(client, RDV_COM_WAITING_MAX + 3);
    client_wait_refs(client, 1);
    ck_assert_uint_eq(client->count, RDV_COM_WAITING_MAX + 3);
    for (int i = 0; i < RDV_COM_WAITING_MAX; i++) {
        snprintf(identifier, sizeof identifier, "%d", i);
        ck_assert_str_eq(client->notices[i + 1].identifier, identifier);
    }
    ck_assert_str_eq(client->notices[RDV_COM_WAITING_MAX + 1].identifier, "late");
    ck_assert_int_eq(client->notices[RDV_COM_WAITING_MAX + 2].reason, E_FAIL);
    CloseHandle(gate);
}
END_TEST

/* ------------------------------------------------------- sinks that call back */

static HRESULT answers[3];

static void start_another(struct client *told, const struct client_notice *notice)
{
    if (strcmp(notice->identifier, "one") == 0)
        answers[0] = made_start(told->user, L"quick", L"two");
}

START_TEST(a_sink_may_start_a_task_from_inside_its_call)
{
    answers[0] = E_FAIL;
    IRDVTaskPlugin *plugin = made_new();
    client->user = plugin;
    client->called = start_another;
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), S_OK);
    client_wait(client, 2);
    ck_assert_int_eq(answers[0], S_OK);
    ck_assert(client_last_is(client, "two", RDV_TASK_STATUS_SUCCESS));
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

static void terminate(struct client *told, const struct client_notice *notice)
{
    IRDVTaskPlugin *plugin = told->user;
    BSTR name = NULL;
    if (notice->call != CLIENT_STATE)
        return;
    answers[0] = IRDVTaskPlugin_Terminate(plugin, S_OK);
    answers[1] = made_start(plugin, L"quick", L"two");
    answers[2] = IRDVTaskPlugin_get_PluginName(plugin, &name);
    SysFreeString(name);
}

START_TEST(a_sink_may_terminate_from_inside_its_call)
{
    IRDVTaskPlugin *plugin = made_new();
    client->user = plugin;
    client->called = terminate;
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_int_eq(made_start(plugin, L"quick", L"one"), S_OK);
    client_wait(client, 2);
    ck_assert_int_eq(answers[0], S_OK);
    ck_assert_int_eq(answers[1], HRESULT_FROM_WIN32(ERROR_SHUTDOWN_IN_PROGRESS));
    ck_assert_int_eq(answers[2], S_OK);
    ck_assert_int_eq(client->notices[1].call, CLIENT_TERMINATED);
    IRDVTaskPlugin_Release(plugin);
}
END_TEST

static void release_last(struct client *told, const struct client_notice *notice)
{
    if (notice->call == CLIENT_STATE && told->user) {
        answers[0] = (HRESULT)IRDVTaskPlugin_Release((IRDVTaskPlugin *)told->user);
        told->user = NULL;
    }
}

START_TEST(a_sink_may_give_back_the_last_reference_from_inside_its_call)
{
    answers[0] = 77;
    IRDVTaskPlugin *plugin = made_new();
    client->user = plugin;
    client->called = release_last;
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    ck_assert_int_eq(made_start(plugin, L"waiting", L"one"), S_OK);
    client_wait(client, 1);
    ck_assert_int_eq(answers[0], 0);
    client_wait_refs(client, 1);
}
END_TEST

/* ------------------------------------------------------------------ many of them */

START_TEST(a_hundred_lives_leave_no_reference_no_thread_and_no_memory_behind)
{
    DWORD before = 0, handles;
    long alive = 0;
    for (int i = 0; i < 100; i++) {
        const size_t told = client->count;
        IRDVTaskPlugin *plugin = made_started(client);
        ck_assert_int_eq(made_start(plugin, L"steps", L"one"), S_OK);
        ck_assert_int_eq(IRDVTaskPlugin_Terminate(plugin, S_OK), S_OK);
        client_wait(client, told + 5);
        ck_assert_uint_eq(IRDVTaskPlugin_Release(plugin), 0);
        client_wait_refs(client, 1);
        if (i == 19) {
            GetProcessHandleCount(GetCurrentProcess(), &before);
            alive = spy_alive();
        }
    }
    /* A thread that has let go of the sink may still be on its way out. */
    const ULONGLONG since = GetTickCount64();
    GetProcessHandleCount(GetCurrentProcess(), &handles);
    while ((handles > before + 8 || spy_alive() > alive + 16) &&
           GetTickCount64() - since < CLIENT_PATIENCE) {
        client_pause();
        GetProcessHandleCount(GetCurrentProcess(), &handles);
    }
    ck_assert_uint_le(handles, before + 8);
    ck_assert_int_le(spy_alive(), alive + 16);
}
END_TEST

static void add_all(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, other_sinks_are_called_on_one_thread_that_is_nobody_elses);
    tcase_add_test(tcase, every_status_is_told_in_order);
    tcase_add_test(tcase, unknown_and_timeout_never_go_out);
    tcase_add_test(tcase, schedules_and_their_ends_are_told_with_all_their_values);
    tcase_add_test(tcase, a_sink_that_fails_is_logged_and_told_the_rest);
    tcase_add_test(tcase, a_sink_that_no_apartment_but_its_own_can_have_is_refused);
    tcase_add_test(tcase, a_sink_without_the_interface_is_refused);
    tcase_add_test(tcase, a_sink_that_blocks_holds_up_no_call_of_the_plug_in);
    tcase_add_test(tcase, the_last_release_does_not_wait_for_a_sink_that_blocks);
    tcase_add_test(tcase, equal_statuses_behind_a_slow_sink_are_told_once);
    tcase_add_test(tcase, equal_statuses_are_told_each_time_by_a_sink_that_keeps_up);
    tcase_add_test(tcase, what_waits_is_bounded_but_for_ends);
    tcase_add_test(tcase, a_sink_may_start_a_task_from_inside_its_call);
    tcase_add_test(tcase, a_sink_may_terminate_from_inside_its_call);
    tcase_add_test(tcase, a_sink_may_give_back_the_last_reference_from_inside_its_call);
    tcase_add_test(tcase, a_hundred_lives_leave_no_reference_no_thread_and_no_memory_behind);
}

int main(void)
{
    spy_install();
    Suite *suite = suite_create("com-sink");

    TCase *single = tcase_create("single-threaded client");
    tcase_add_checked_fixture(single, enter_single, leave);
    tcase_add_test(single, a_sink_of_a_single_threaded_apartment_is_called_on_its_thread);
    tcase_add_test(single, a_client_inside_start_task_that_turns_no_messages_holds_up_nothing);
    add_all(single);
    suite_add_tcase(suite, single);

    TCase *multi = tcase_create("multi-threaded client");
    tcase_add_checked_fixture(multi, enter_multi, leave);
    tcase_add_test(multi, a_sink_of_the_multi_threaded_apartment_is_called_directly);
    add_all(multi);
    suite_add_tcase(suite, multi);

    return rdv_test_main(suite);
}
