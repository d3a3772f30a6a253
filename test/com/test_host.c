/* SPDX-License-Identifier: MIT */
/*
 * COM task agents under our trigger agent: what they are asked, what they report, and what happens
 * if they are slow or hang.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <rdvtask/com_host.h>
#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

#include "faulty.h"
#include "registered.h"
#include "spy.h"

#define CLSID_BARE  "6F0D5A0E-3A55-4D3B-8A58-5F1D0C4B7C21"
#define CLSID_TEXT  "{" CLSID_BARE "}"
#define NO_CLASS    L"{00000000-0000-0000-0000-00000000dead}"
#define AGENT       L"Test agent"
#define NOW         INT64_C(134000000000000000)
#define PATIENCE_MS 120000 /* before something that should happen is given up */
#define GIVEN_UP_MS 25000  /* a little less than Wine waits for a service of its own */
#define LOG_SIZE    65536

static rdv_loop *loop;
static rdv_store *store;
static rdv_trigger *trigger;
static rdv_com_host *host;
static rdv_com_host_options options;
static struct rdv_error error;
static struct faulty_state *state;
static rdv_time now;
static char log_text[LOG_SIZE];
static HANDLE gate;
static bool terminated;
static int reason;

/* ------------------------------------------------------------------- fixture */

static rdv_time clock_now(void *user)
{
    (void)user;
    return now;
}

static void write_log(void *user, rdv_log_level level, const char *text)
{
    (void)user;
    const size_t length = strlen(log_text);
    snprintf(log_text + length, LOG_SIZE - length, "<%d> %s\n", (int)level, text);
}

static void plant(const wchar_t *fault)
{
    SetEnvironmentVariableW(FAULTY_VARIABLE, fault);
}

static void set_up(void)
{
    rdv_trigger_options how;
    plant(NULL);
    registered_no_agents();
    registered_class(FAULTY_CLSID, L"faulty-agent.dll", L"Both");
    registered_agent(AGENT, FAULTY_CLSID, 1);
    memset(state, 0, sizeof *state);
    memset(&error, 0, sizeof error);
    log_text[0] = '\0';
    terminated = false;
    now = NOW;
    ResetEvent(gate);
    rdv_com_host_options_init(&options);
    options.answer_wait = 2 * RDV_MINUTE; /* on a busy machine, too, and when Wine waits */
    options.log.write = write_log;
    rdv_trigger_options_init(&how);
    how.max_running = 4;
    how.clock.now = clock_now;
    how.log.write = write_log;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    ck_assert_int_eq(rdv_store_open(NULL, NULL, &store, &error), 0);
    ck_assert_int_eq(rdv_trigger_new(loop, store, &how, &trigger), 0);
}

static void tear_down(void)
{
    rdv_trigger_free(trigger);
    rdv_com_host_close(host);
    rdv_store_close(store);
    rdv_loop_free(loop);
    trigger = NULL;
    host = NULL;
    plant(NULL);
    registered_agent_gone(AGENT);
    registered_class_gone(FAULTY_CLSID);
}

/* ------------------------------------------------------------------- helpers */

static void turn(void)
{
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

static void wait_until(bool (*fn)(void))
{
    const ULONGLONG end = GetTickCount64() + PATIENCE_MS;
    while (turn(), !fn()) {
        ck_assert_msg(GetTickCount64() < end, "waited too long; the log:\n%s", log_text);
        Sleep(1);
    }
}

static const char *expected;

static bool is_logged(void)
{
    return strstr(log_text, expected) != NULL;
}

/* It may come from another thread, and after what was waited for. */
static void assert_logged(const char *words)
{
    const ULONGLONG end = GetTickCount64() + PATIENCE_MS;
    expected = words;
    while (turn(), !is_logged() && GetTickCount64() < end)
        Sleep(1);
    ck_assert_msg(is_logged(), "'%s' is not in the log:\n%s", words, log_text);
}

static void open_host(const char *which)
{
    const ULONGLONG since = GetTickCount64();
    int result = rdv_com_host_open(loop, which, &options, &host, &error);
    /*
     * Wine 8 fails when a service of its own has not answered for 30 seconds, as on a busy machine
     * it once has not.
     */
    if (result != 0 && GetTickCount64() - since > GIVEN_UP_MS)
        result = rdv_com_host_open(loop, which, &options, &host, &error);
    ck_assert_msg(result == 0, "%s", error.text);
}

static void attach(const char *which)
{
    open_host(which);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_com_host_plugin(host)), 0);
}

static void schedule(const char *label, const char *identifier, rdv_duration limit)
{
    const rdv_window window = {.limit = limit};
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new(label, identifier, "bytes", 5, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
    rdv_task_unref(task);
}

static void pass(rdv_duration by)
{
    now += by;
    rdv_trigger_clock_changed(trigger);
    turn();
}

/* The latest entry of an identifier. */
static struct {
    bool found;
    rdv_state state;
    rdv_status status;
    rdv_outcome outcome;
    int code;
    char message[1024];
} entry;

static int read_entry(void *user, const rdv_entry *found)
{
    (void)user;
    entry.found = true;
    entry.state = found->state;
    entry.status = found->status;
    entry.outcome = found->outcome;
    entry.code = found->code;
    snprintf(entry.message, sizeof entry.message, "%s", found->message);
    return 0;
}

static void look_at(const char *identifier)
{
    const rdv_filter filter = {.size = sizeof filter, .identifier = identifier};
    memset(&entry, 0, sizeof entry);
    ck_assert_int_eq(rdv_store_entries(store, &filter, read_entry, NULL), 0);
}

static const char *awaited;

static bool is_finished(void)
{
    look_at(awaited);
    return entry.found && entry.state == RDV_STATE_FINISHED;
}

static bool is_applying(void)
{
    look_at(awaited);
    return entry.found && entry.status == RDV_STATUS_APPLYING;
}

static void finish(const char *identifier, rdv_outcome outcome)
{
    awaited = identifier;
    wait_until(is_finished);
    ck_assert_msg(entry.outcome == outcome, "%s: %d: %s", identifier, (int)entry.outcome,
                  entry.message);
}

static void on_terminated(void *user, int why)
{
    (void)user;
    terminated = true;
    reason = why;
}

static bool has_terminated(void)
{
    return terminated;
}

static void terminate(void)
{
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, on_terminated, NULL), 0);
    wait_until(has_terminated);
}

static bool is_refused(void)
{
    return state->refused_result == HRESULT_FROM_WIN32(ERROR_SHUTDOWN_IN_PROGRESS);
}

static bool is_called(void)
{
    return state->called_on != 0;
}

/* ---------------------------------------------------------------- which one */

static int describe(void *user, const rdv_com_plugin *plugin)
{
    char *text = user;
    const size_t length = strlen(text);
    ck_assert_uint_eq(plugin->size, sizeof *plugin);
    snprintf(text + length, 2048 - length, "[%s|%d%d|%s|%s|%s]", plugin->name, plugin->enabled,
             plugin->used, plugin->clsid[0] ? "class" : "", plugin->model, plugin->trouble);
    return 0;
}

START_TEST(registered_task_agents_are_told_with_what_is_wrong)
{
    char text[2048] = "";
    registered_no_agents();
    ck_assert_int_eq(rdv_com_plugins(describe, text, &error), 0);
    ck_assert_str_eq(text, "");
    registered_agent(L"A disabled", FAULTY_CLSID, 0);
    registered_agent(L"B none", NULL, 0);
    registered_agent(L"C silent", FAULTY_CLSID, -1);
    registered_agent(L"D wrong", L"{nothing}", 0);
    registered_agent(L"E two", FAULTY_CLSID, 2);
    registered_agent(L"F used", FAULTY_CLSID, 1);
    registered_agent(L"G late \x2713", NO_CLASS, 1);
    ck_assert_int_eq(rdv_com_plugins(describe, text, &error), 0);
    ck_assert_str_eq(text, "[A disabled|00|class|Both|]"
                           "[B none|00|||it has no CLSID]"
                           "[C silent|00|class|Both|it has no IsEnabled, and so it is not enabled]"
                           "[D wrong|00|class||its CLSID does not have the form {\xe2\x80\xa6}]"
                           "[E two|00|class|Both|IsEnabled is 2, and should be 0 or 1]"
                           "[F used|11|class|Both|]"
                           "[G late \xe2\x9c\x93|10|class||its class is not registered]");
}
END_TEST

START_TEST(the_first_enabled_one_is_used_or_the_one_that_is_named)
{
    static const char *const names[] = {NULL,  "",         "Test agent", "TEST AGENT",
                                        "off", CLSID_TEXT, CLSID_BARE};
    registered_agent(L"off", FAULTY_CLSID, 0);
    open_host(names[_i]);
    ck_assert_str_eq(rdv_com_host_name(host), "Test agent \xe2\x9c\x93");
    ck_assert_str_eq(rdv_com_host_clsid(host), CLSID_TEXT);
    registered_agent_gone(L"off");
}
END_TEST

START_TEST(what_is_not_there_is_an_error_in_words)
{
    static const struct {
        const char *which;
        int result;
        const char *words;
    } wrong[] = {
        {"nobody", RDV_ENOTFOUND, "no task agent is registered as 'nobody'"},
        {"{}", RDV_EINVAL, "does not have the form"},
        {"6F0D5A0E-3A55-4D3B-8A58-5F1D0C4B7C2x", RDV_ENOTFOUND, "no task agent is registered as"},
        {"{00000000-0000-0000-0000-00000000dead}", RDV_ENOTFOUND, "is not registered"},
        {"gone", RDV_ENOTFOUND, "the class of the task agent 'gone' is not registered"},
        {"wrong", RDV_EINVAL, "'wrong' is not registered correctly"},
        {"none", RDV_EINVAL, "it has no CLSID"},
        {"\xff", RDV_EINVAL, "can't be the name"},
    };
    registered_agent(L"gone", NO_CLASS, 0);
    registered_agent(L"wrong", L"{nothing}", 0);
    registered_agent(L"none", NULL, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int result = rdv_com_host_open(loop, wrong[i].which, &options, &host, &error);
        ck_assert_msg(result == wrong[i].result, "%s: %d: %s", wrong[i].which, result, error.text);
        ck_assert_msg(strstr(error.text, wrong[i].words), "%s", error.text);
        ck_assert_ptr_null(host);
    }
    registered_no_agents();
    ck_assert_int_eq(rdv_com_host_open(loop, NULL, &options, &host, &error), RDV_ENOTFOUND);
    ck_assert_str_eq(error.text, "no task agent is registered");
    registered_agent(AGENT, FAULTY_CLSID, 0);
    ck_assert_int_eq(rdv_com_host_open(loop, NULL, &options, &host, &error), RDV_ENOTFOUND);
    ck_assert_str_eq(error.text, "task agents are registered, but none is enabled");
}
END_TEST

START_TEST(a_class_that_is_no_task_agent_or_can_not_be_created_is_refused)
{
    plant(L"no-plugin");
    ck_assert_int_eq(rdv_com_host_open(loop, NULL, &options, &host, &error), RDV_ENOTSUP);
    ck_assert_msg(strstr(error.text, "'Test agent' is not a task agent"), "%s", error.text);
    plant(L"create-fails");
    ck_assert_int_eq(rdv_com_host_open(loop, NULL, &options, &host, &error), RDV_EACCES);
    ck_assert_msg(strstr(error.text, "'Test agent' can't be created: 0x80070005"), "%s",
                  error.text);
    ck_assert_int_eq(state->objects, 0);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    rdv_com_host_options wrong = options;
    wrong.answer_wait = 0;
    ck_assert_int_eq(rdv_com_host_open(loop, NULL, &wrong, &host, &error), RDV_EINVAL);
    wrong = options;
    wrong.size--;
    ck_assert_int_eq(rdv_com_host_open(loop, NULL, &wrong, &host, &error), RDV_EINVAL);
    ck_assert_int_eq(rdv_com_host_open(NULL, NULL, &options, &host, &error), RDV_EINVAL);
}
END_TEST

START_TEST(without_a_name_of_its_own_it_is_called_as_it_is_registered)
{
    plant(_i ? L"name-surrogate" : L"name-late");
    open_host(NULL);
    ck_assert_str_eq(rdv_com_host_name(host), "Test agent");
    assert_logged("PluginName");
}
END_TEST

/* ----------------------------------------------------------------- its life */

static const struct {
    const wchar_t *model;
    rdv_com_apartment apartment;
    bool single;
} apartments[] = {
    {L"Both", RDV_COM_APARTMENT_OF_CLASS, true}, {L"Apartment", RDV_COM_APARTMENT_OF_CLASS, true},
    {NULL, RDV_COM_APARTMENT_OF_CLASS, true},    {L"Free", RDV_COM_APARTMENT_OF_CLASS, false},
    {L"Both", RDV_COM_APARTMENT_MULTI, false},   {L"Both", RDV_COM_APARTMENT_SINGLE, true},
};

START_TEST(a_task_agent_of_each_kind_of_apartment_does_its_work)
{
    registered_class(FAULTY_CLSID, L"faulty-agent.dll", apartments[_i].model);
    options.apartment = apartments[_i].apartment;
    attach(NULL);
    schedule("succeed", "one", 0);
    schedule("fail", "two", 0);
    schedule("context", "three", 0);
    finish("one", RDV_OUTCOME_SUCCEEDED);
    finish("two", RDV_OUTCOME_FAILED);
    finish("three", RDV_OUTCOME_SUCCEEDED);
    ck_assert_int_eq(state->single_threaded, apartments[_i].single);
    ck_assert_uint_ne(state->called_on, GetCurrentThreadId());
    ck_assert_uint_ne(state->created_on, GetCurrentThreadId());
    terminate();
    ck_assert_int_eq(reason, 0);
    ck_assert_int_eq(state->reason, S_OK);
    ck_assert_int_eq(state->initialised, 1);
    ck_assert_int_eq(state->terminated, 1);
    rdv_com_host_close(host);
    host = NULL;
    ck_assert_int_eq(state->objects, 0);
}
END_TEST

static void run_both_ways(const char *good, const char *bad)
{
    schedule("succeed", good, 0);
    finish(good, RDV_OUTCOME_SUCCEEDED);
    schedule("refuse", bad, 0);
    finish(bad, RDV_OUTCOME_FAILED);
}

START_TEST(no_string_and_no_array_of_com_is_left_behind)
{
    char good[16], bad[16];
    attach(NULL);
    run_both_ways("first", "second"); /* what COM keeps for itself is there by now */
    const long alive = spy_alive(), made = spy_made();
    for (int i = 0; i < 10; i++) {
        snprintf(good, sizeof good, "good %d", i);
        snprintf(bad, sizeof bad, "bad %d", i);
        run_both_ways(good, bad);
    }
    ck_assert_int_ge(spy_made() - made, 20 * 4); /* label, identifier, an array and its data */
    terminate(); /* which ends the thread that reports, and what it has */
    const ULONGLONG since = GetTickCount64();
    while (spy_alive() > alive && GetTickCount64() - since < PATIENCE_MS)
        Sleep(1);
    ck_assert_int_le(spy_alive(), alive);
}
END_TEST

START_TEST(a_start_that_fails_is_reported_later_with_its_hresult)
{
    attach(NULL);
    schedule("refuse", "one", 0);
    finish("one", RDV_OUTCOME_FAILED);
    ck_assert_int_eq(entry.code, RDV_EACCES);
    ck_assert_msg(strstr(entry.message, "StartTask failed: 0x80070005"), "%s", entry.message);
}
END_TEST

START_TEST(a_result_that_is_no_failure_counts_as_success_and_is_logged)
{
    plant(L"positive-start");
    attach(NULL);
    schedule("succeed", "one", 0);
    finish("one", RDV_OUTCOME_SUCCEEDED);
    assert_logged("StartTask gave 0x000000AA, which is not a failure");
}
END_TEST

static bool is_told(void)
{
    return strstr(log_text, "has been in StartTask for 50ms, task 'slow'") != NULL;
}

START_TEST(a_slow_start_holds_up_nobody)
{
    options.call_limit = 50 * RDV_MILLISECOND;
    attach(NULL);
    schedule("block", "slow", RDV_HOUR);
    wait_until(is_called);
    /* The trigger agent goes on meanwhile. */
    schedule("succeed", "waits for its turn", 0);
    turn();
    ck_assert_int_eq(rdv_trigger_delete(trigger, "waits for its turn"), RDV_EBUSY);
    pass(RDV_HOUR);
    finish("slow", RDV_OUTCOME_TIMED_OUT);
    wait_until(is_told);
    SetEvent(gate);
    finish("waits for its turn", RDV_OUTCOME_SUCCEEDED);
    assert_logged("for StartTask, and was not called meanwhile");
}
END_TEST

START_TEST(a_late_failure_is_not_taken_for_that_of_a_later_run)
{
    attach(NULL);
    schedule("stall", "one", RDV_HOUR);
    wait_until(is_called);
    pass(RDV_HOUR);
    finish("one", RDV_OUTCOME_TIMED_OUT);
    schedule("succeed", "one", 0);
    turn();
    SetEvent(gate);
    finish("one", RDV_OUTCOME_SUCCEEDED);
    assert_logged("an earlier start of task 'one': StartTask failed: 0x80070005");
}
END_TEST

START_TEST(a_task_agent_schedules_and_deletes)
{
    const rdv_window later = {.start = NOW + RDV_HOUR};
    rdv_task *task;
    attach(NULL);
    ck_assert_int_eq(rdv_task_new("succeed", "unwanted", NULL, 0, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &later, task), 0);
    rdv_task_unref(task);
    schedule("plan", "one", 0);
    finish("one", RDV_OUTCOME_SUCCEEDED);
    finish("planned", RDV_OUTCOME_SUCCEEDED);
    finish("unwanted", RDV_OUTCOME_CANCELLED);
    ck_assert_int_eq(state->schedule_result, S_OK);
    ck_assert_int_eq(state->delete_result, S_OK);
}
END_TEST

START_TEST(a_status_that_is_not_a_task_agents_is_refused)
{
    static const wchar_t *const faults[] = {L"status-unknown", L"status-timeout", L"status-42"};
    plant(faults[_i]);
    attach(NULL);
    schedule("succeed", "one", 0);
    finish("one", RDV_OUTCOME_SUCCEEDED);
    assert_logged("its report was refused: invalid argument (task 'one')");
    ck_assert_int_eq(state->refused_result, E_INVALIDARG);
}
END_TEST

START_TEST(a_running_task_can_not_be_cancelled)
{
    attach(NULL);
    schedule("wait", "one", 0);
    awaited = "one";
    wait_until(is_applying);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "one"), RDV_ENOTSUP);
    terminate();
    look_at("one");
    ck_assert_int_eq(entry.state, RDV_STATE_RUNNING); /* the next process takes it up */
}
END_TEST

static bool has_left(void)
{
    return strstr(log_text, "has shut down by itself") != NULL;
}

START_TEST(one_that_asks_to_be_shut_down_is_terminated_and_released)
{
    attach(NULL);
    schedule("leave", "one", 0);
    wait_until(has_left);
    ck_assert_int_eq(state->terminated, 1);
    ck_assert_int_eq(state->reason, E_ACCESSDENIED);
    ck_assert_int_eq(state->objects, 0);
    assert_logged("has shut down by itself: permission denied");
}
END_TEST

START_TEST(one_that_does_not_initialize_is_not_terminated)
{
    plant(L"initialize-fails");
    open_host(NULL);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_com_host_plugin(host)), RDV_EACCES);
    assert_logged("Initialize failed: 0x80070005");
    assert_logged("its own log may say why");
    rdv_trigger_free(trigger);
    trigger = NULL;
    rdv_com_host_close(host);
    host = NULL;
    ck_assert_int_eq(state->terminated, 0);
    ck_assert_int_eq(state->objects, 0);
}
END_TEST

START_TEST(one_that_is_never_attached_is_released)
{
    open_host(NULL);
    ck_assert_int_eq(state->objects, 1);
    rdv_com_host_close(host);
    host = NULL;
    ck_assert_int_eq(state->objects, 0);
    ck_assert_int_eq(state->terminated, 0);
}
END_TEST

START_TEST(one_that_keeps_its_sink_stays_in_memory)
{
    plant(L"sink-leak");
    attach(NULL);
    schedule("succeed", "one", 0);
    finish("one", RDV_OUTCOME_SUCCEEDED);
    terminate();
    assert_logged("has kept 0 references to itself and 1 to its sink: it stays in memory");
}
END_TEST

/* --------------------------------------------- hanging: these leave a thread behind */

#define SHORT (300 * RDV_MILLISECOND)

START_TEST(one_that_hangs_when_it_is_created_is_named_and_left)
{
    plant(_i ? L"name-hangs" : L"create-hangs");
    options.answer_wait = SHORT;
    ck_assert_int_eq(rdv_com_host_open(loop, NULL, &options, &host, &error), RDV_ETIMEDOUT);
    ck_assert_str_eq(error.text, "the task agent 'Test agent' could not be created within 300ms");
}
END_TEST

START_TEST(one_that_hangs_in_initialize_is_named_and_left)
{
    plant(L"initialize-hangs");
    options.answer_wait = 2 * RDV_SECOND; /* within which it is to be created */
    open_host(NULL);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_com_host_plugin(host)), RDV_ETIMEDOUT);
    assert_logged("has been in Initialize for 2s: going on without it");
    const ULONGLONG begin = GetTickCount64();
    rdv_com_host_close(host);
    host = NULL;
    ck_assert_uint_lt(GetTickCount64() - begin, 20000); /* and not terminate_wait */
    assert_logged("'Test agent \xe2\x9c\x93' has not terminated: it stays in memory");
}
END_TEST

START_TEST(one_that_hangs_at_the_end_is_named_and_left)
{
    plant(_i ? L"terminate-hangs" : NULL);
    options.terminate_wait = SHORT;
    attach(NULL);
    schedule(_i ? "succeed" : "block", "one", 0);
    wait_until(is_called);
    terminate();
    ck_assert_int_eq(reason, RDV_ETIMEDOUT);
    assert_logged("was told to terminate 300ms ago and has not: going on without it");
    rdv_trigger_free(trigger);
    trigger = NULL;
    rdv_com_host_close(host);
    host = NULL;
    assert_logged("has not terminated: it stays in memory");
    /* What it says from now on is heard by nobody, and does no harm. */
    SetEvent(gate);
    if (_i == 0)
        wait_until(is_refused);
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

int main(void)
{
    spy_install();
    faulty_state_fn find_state;
    HMODULE library =
        LoadLibraryW(L"faulty-agent.dll"); /* so that its state outlives its objects */
    FARPROC symbol = library ? GetProcAddress(library, "faulty_state") : NULL;
    Suite *suite = suite_create("com-host");
    TCase *all = tcase_create("all");
    memcpy(&find_state, &symbol, sizeof find_state);
    if (!find_state)
        return EXIT_FAILURE;
    state = find_state();
    gate = CreateEventW(NULL, TRUE, FALSE, FAULTY_GATE);
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 0);
    suite_add_tcase(suite, all);
    if (!registered_possible()) {
        rdv_test_add_unless(all, a_task_agent_of_each_kind_of_apartment_does_its_work,
                            REGISTERED_REASON);
        return rdv_test_main(suite);
    }
    tcase_add_test(all, registered_task_agents_are_told_with_what_is_wrong);
    tcase_add_loop_test(all, the_first_enabled_one_is_used_or_the_one_that_is_named, 0, 7);
    tcase_add_test(all, what_is_not_there_is_an_error_in_words);
    tcase_add_test(all, a_class_that_is_no_task_agent_or_can_not_be_created_is_refused);
    tcase_add_test(all, options_out_of_range_are_refused);
    tcase_add_loop_test(all, without_a_name_of_its_own_it_is_called_as_it_is_registered, 0, 2);
    tcase_add_loop_test(all, a_task_agent_of_each_kind_of_apartment_does_its_work, 0,
                        LENGTH(apartments));
    tcase_add_test(all, no_string_and_no_array_of_com_is_left_behind);
    tcase_add_test(all, a_start_that_fails_is_reported_later_with_its_hresult);
    tcase_add_test(all, a_result_that_is_no_failure_counts_as_success_and_is_logged);
    tcase_add_test(all, a_slow_start_holds_up_nobody);
    tcase_add_test(all, a_late_failure_is_not_taken_for_that_of_a_later_run);
    tcase_add_test(all, a_task_agent_schedules_and_deletes);
    tcase_add_loop_test(all, a_status_that_is_not_a_task_agents_is_refused, 0, 3);
    tcase_add_test(all, a_running_task_can_not_be_cancelled);
    tcase_add_test(all, one_that_asks_to_be_shut_down_is_terminated_and_released);
    tcase_add_test(all, one_that_does_not_initialize_is_not_terminated);
    tcase_add_test(all, one_that_is_never_attached_is_released);
    tcase_add_test(all, one_that_keeps_its_sink_stays_in_memory);
    tcase_add_loop_test(all, one_that_hangs_when_it_is_created_is_named_and_left, 0, 2);
    tcase_add_test(all, one_that_hangs_in_initialize_is_named_and_left);
    tcase_add_loop_test(all, one_that_hangs_at_the_end_is_named_and_left, 0, 2);
    return rdv_test_main(suite);
}
