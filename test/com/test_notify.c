/* SPDX-License-Identifier: MIT */
/*
 * The sink that a COM task agent gets: what the task agent says arrives unchanged, and hostile
 * values are refused and do not arrive.
 */
#define COBJMACROS
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "../harness.h"
#include "shim-com/host/apartment.h"
#include "shim-com/host/notify_sink.h"
#include "spy.h"
#include "values.h"

/* HRESULTs as doc/com-host.md has them. */
#define TOO_LARGE    HRESULT_FROM_WIN32(ERROR_FILE_TOO_LARGE)
#define SHUTTING     HRESULT_FROM_WIN32(ERROR_SHUTDOWN_IN_PROGRESS)
#define UNTOUCHED    ((void *)0x5A5A)
#define LAST_MOMENT  ((uint64_t)RDV_TIME_MAX)
#define RECORD_TEXT  (RDV_NAME_MAX + 1)
#define RECORD_BYTES 16
#define PATIENCE_MS  120000 /* before a thread that should end is given up */

/* IAgileObject, which the headers of mingw-w64 don't name for Windows 7. */
static const IID agile_object = {
    0x94ea2b94, 0xe9cc, 0x49e0, {0xc0, 0xff, 0xee, 0x64, 0xca, 0x8f, 0x5b, 0x90}};

/* ------------------------------------------- a trigger agent's sink, which writes down */

enum call { HEARD_NOTHING, HEARD_SCHEDULE, HEARD_DELETE, HEARD_REPORT, HEARD_TERMINATED };

static struct {
    rdv_sink sink;
    LONG references;
    int answer; /* of each call that is not refused */
    int calls;
    enum call last;
    rdv_window window;
    char label[RECORD_TEXT], identifier[RECORD_TEXT];
    unsigned char context[RECORD_BYTES]; /* the first of it */
    size_t context_size;
    rdv_report report;
    int reason;
    DWORD thread;
} recorder;

static void heard(enum call call)
{
    recorder.calls++;
    recorder.last = call;
    recorder.thread = GetCurrentThreadId();
}

static void ref(rdv_sink *sink)
{
    ck_assert_ptr_eq(sink, &recorder.sink);
    InterlockedIncrement(&recorder.references);
}

static void unref(rdv_sink *sink)
{
    ck_assert_ptr_eq(sink, &recorder.sink);
    InterlockedDecrement(&recorder.references);
}

static int schedule_task(rdv_sink *sink, const rdv_window *window, rdv_task *task)
{
    ck_assert_ptr_eq(sink, &recorder.sink);
    if (rdv_window_check(window) != 0)
        return RDV_EINVAL;
    heard(HEARD_SCHEDULE);
    recorder.window = *window;
    strcpy(recorder.label, rdv_task_label(task));
    strcpy(recorder.identifier, rdv_task_identifier(task));
    const void *bytes = rdv_task_context(task, &recorder.context_size);
    if (recorder.context_size > 0)
        memcpy(recorder.context, bytes,
               recorder.context_size < RECORD_BYTES ? recorder.context_size : RECORD_BYTES);
    return recorder.answer;
}

static int delete_schedule(rdv_sink *sink, const char *identifier)
{
    ck_assert_ptr_eq(sink, &recorder.sink);
    if (!*identifier)
        return RDV_EINVAL;
    heard(HEARD_DELETE);
    strcpy(recorder.identifier, identifier);
    return recorder.answer;
}

static int task_state_changed(rdv_sink *sink, const char *identifier, const rdv_report *report)
{
    ck_assert_ptr_eq(sink, &recorder.sink);
    if (!*identifier || rdv_report_check(report) != 0)
        return RDV_EINVAL;
    heard(HEARD_REPORT);
    strcpy(recorder.identifier, identifier);
    recorder.report = *report;
    return recorder.answer;
}

static void terminated(rdv_sink *sink, int reason)
{
    ck_assert_ptr_eq(sink, &recorder.sink);
    heard(HEARD_TERMINATED);
    recorder.reason = reason;
}

static const rdv_sink_ops recorder_ops = {
    .size = sizeof recorder_ops,
    .ref = ref,
    .unref = unref,
    .schedule_task = schedule_task,
    .delete_schedule = delete_schedule,
    .task_state_changed = task_state_changed,
    .terminated = terminated,
};

/* ------------------------------------------------------------------- fixture */

static IRDVTaskPluginNotifySink *notify;
static long alive_before;

static void set_up(void)
{
    memset(&recorder, 0, sizeof recorder);
    recorder.sink.ops = &recorder_ops;
    recorder.references = 1;
    alive_before = spy_alive();
    ck_assert_int_eq(rdv__notify_new(&recorder.sink, &notify), 0);
    ck_assert_int_eq(recorder.references, 2);
}

static void tear_down(void)
{
    ck_assert_uint_eq(IRDVTaskPluginNotifySink_Release(notify), 0);
    ck_assert_int_eq(recorder.references, 1);
    ck_assert_int_le(spy_alive(), alive_before);
}

/* ------------------------------------------------------- values, right and hostile */

static BSTR null_name(void)
{
    return NULL;
}

static BSTR empty_name(void)
{
    return units(L"", 0);
}

static BSTR odd_name(void)
{
    return SysAllocStringByteLen("a\0b", 3);
}

static BSTR lone_surrogate(void)
{
    static const wchar_t high[] = {L'a', 0xD83D, L'b'};
    return units(high, 3);
}

static BSTR nul_inside(void)
{
    return units(L"a\0b", 3);
}

static BSTR nul_at_the_end(void)
{
    return units(L"a\0", 2);
}

static BSTR one_unit_too_long(void)
{
    return repeated(L'x', RDV_NAME_MAX + 1);
}

static BSTR one_byte_too_long(void)
{
    return repeated(0x00E9, RDV_NAME_MAX / 2 + 1);
}

static const struct {
    BSTR (*make)(void);
    HRESULT result;
} hostile_names[] = {
    {null_name, E_INVALIDARG},      {empty_name, E_INVALIDARG},     {odd_name, E_INVALIDARG},
    {lone_surrogate, E_INVALIDARG}, {nul_inside, E_INVALIDARG},     {nul_at_the_end, E_INVALIDARG},
    {one_unit_too_long, TOO_LARGE}, {one_byte_too_long, TOO_LARGE},
};

static SAFEARRAY *row(VARTYPE type, LONG lower, ULONG count)
{
    SAFEARRAYBOUND bound = {.cElements = count, .lLbound = lower};
    SAFEARRAY *array = SafeArrayCreate(type, 1, &bound);
    ck_assert_ptr_nonnull(array);
    return array;
}

static SAFEARRAY *signed_bytes(void)
{
    return row(VT_I1, 0, 4);
}

static SAFEARRAY *variants(void)
{
    return row(VT_VARIANT, 0, 4);
}

static SAFEARRAY *strings(void)
{
    return row(VT_BSTR, 0, 1);
}

static SAFEARRAY *no_variants(void)
{
    return row(VT_VARIANT, 0, 0);
}

static SAFEARRAY *two_dimensions(void)
{
    SAFEARRAYBOUND bounds[2] = {{.cElements = 2}, {.cElements = 3}};
    SAFEARRAY *array = SafeArrayCreate(VT_UI1, 2, bounds);
    ck_assert_ptr_nonnull(array);
    return array;
}

static SAFEARRAY *one_context_byte_too_many(void)
{
    return row(VT_UI1, 0, RDV_CONTEXT_MAX + 1);
}

static const struct {
    SAFEARRAY *(*make)(void);
    HRESULT result;
} hostile_contexts[] = {
    {signed_bytes, E_INVALIDARG},   {variants, E_INVALIDARG},
    {strings, E_INVALIDARG},        {no_variants, E_INVALIDARG},
    {two_dimensions, E_INVALIDARG}, {one_context_byte_too_many, TOO_LARGE},
};

static const uint64_t hostile_times[] = {LAST_MOMENT + 1, INT64_MAX, (uint64_t)INT64_MAX + 1,
                                         UINT64_MAX};

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

/* Each of these calls takes what it is given, which must be as it was. */
static HRESULT schedule(const uint64_t times[3], BSTR label, BSTR identifier, SAFEARRAY *context)
{
    const HRESULT result =
        IRDVTaskPluginNotifySink_ScheduleTask(notify, filetime(times[0]), filetime(times[1]),
                                              filetime(times[2]), label, identifier, context);
    if (context) {
        ck_assert_uint_eq(context->cLocks, 0);
        ck_assert_int_eq(SafeArrayDestroy(context), S_OK);
    }
    SysFreeString(label);
    SysFreeString(identifier);
    return result;
}

static HRESULT schedule_at(uint64_t start, uint64_t end, uint64_t deadline)
{
    const uint64_t times[3] = {start, end, deadline};
    return schedule(times, units(L"l", 1), units(L"i", 1), NULL);
}

static HRESULT schedule_with(SAFEARRAY *context)
{
    static const uint64_t never[3];
    return schedule(never, units(L"l", 1), units(L"i", 1), context);
}

static HRESULT schedule_named(BSTR label, BSTR identifier)
{
    static const uint64_t never[3];
    return schedule(never, label, identifier, NULL);
}

static HRESULT unschedule(BSTR identifier)
{
    const HRESULT result = IRDVTaskPluginNotifySink_DeleteSchedule(notify, identifier);
    SysFreeString(identifier);
    return result;
}

static HRESULT report(BSTR identifier, int status)
{
    const HRESULT result =
        IRDVTaskPluginNotifySink_OnTaskStateChange(notify, identifier, (RDV_TASK_STATUS)status);
    SysFreeString(identifier);
    return result;
}

/* --------------------------------------------------------- what is said arrives */

START_TEST(a_schedule_arrives_with_each_value_in_its_place)
{
    static const uint64_t times[3] = {132223104000000000u, 132223140000000001u,
                                      132223107000000002u};
    SAFEARRAY *context = row(VT_UI1, 0, 5);
    memcpy(context->pvData, "by\0\xFFs", 5);
    ck_assert_int_eq(schedule(times, units(L"label \x2713", 7), units(L"one", 3), context), S_OK);
    ck_assert_int_eq(recorder.calls, 1);
    ck_assert_int_eq(recorder.last, HEARD_SCHEDULE);
    ck_assert_int_eq(recorder.window.start, (int64_t)times[0]);
    ck_assert_int_eq(recorder.window.end, (int64_t)times[1]);
    ck_assert_int_eq(recorder.window.deadline, (int64_t)times[2]);
    ck_assert_int_eq(recorder.window.limit, 0);
    ck_assert_str_eq(recorder.label, "label \xE2\x9C\x93");
    ck_assert_str_eq(recorder.identifier, "one");
    ck_assert_uint_eq(recorder.context_size, 5);
    ck_assert_mem_eq(recorder.context, "by\0\xFFs", 5);
}
END_TEST

START_TEST(a_time_of_zero_is_not_given_and_the_first_and_the_last_moment_are_times)
{
    static const uint64_t moments[] = {0, 1, LAST_MOMENT};
    const uint64_t moment = moments[_i];
    ck_assert_int_eq(schedule_at(moment, moment, moment), S_OK);
    ck_assert_int_eq(recorder.window.start, (int64_t)moment);
    ck_assert_int_eq(recorder.window.end, (int64_t)moment);
    ck_assert_int_eq(recorder.window.deadline, (int64_t)moment);
}
END_TEST

START_TEST(a_context_that_is_null_or_empty_is_no_bytes)
{
    recorder.context_size = 77;
    ck_assert_int_eq(schedule_with(_i ? row(VT_UI1, 0, 0) : NULL), S_OK);
    ck_assert_int_eq(recorder.calls, 1);
    ck_assert_uint_eq(recorder.context_size, 0);
}
END_TEST

START_TEST(a_context_with_a_lower_bound_below_zero_arrives_whole)
{
    SAFEARRAY *context = row(VT_UI1, -5, 7);
    memcpy(context->pvData, "sevenof", 7);
    ck_assert_int_eq(schedule_with(context), S_OK);
    ck_assert_uint_eq(recorder.context_size, 7);
    ck_assert_mem_eq(recorder.context, "sevenof", 7);
}
END_TEST

START_TEST(a_context_of_16_mib_arrives)
{
    ck_assert_int_eq(schedule_with(row(VT_UI1, 0, RDV_CONTEXT_MAX)), S_OK);
    ck_assert_uint_eq(recorder.context_size, RDV_CONTEXT_MAX);
}
END_TEST

START_TEST(names_of_1_kib_arrive)
{
    char expected[RDV_NAME_MAX + 1];
    memset(expected, 'x', RDV_NAME_MAX);
    expected[RDV_NAME_MAX] = '\0';
    ck_assert_int_eq(schedule_named(repeated(L'x', RDV_NAME_MAX), repeated(L'x', RDV_NAME_MAX)),
                     S_OK);
    ck_assert_str_eq(recorder.label, expected);
    ck_assert_str_eq(recorder.identifier, expected);
    ck_assert_int_eq(unschedule(repeated(L'x', RDV_NAME_MAX)), S_OK);
    ck_assert_int_eq(report(repeated(L'x', RDV_NAME_MAX), RDV_TASK_STATUS_APPLYING), S_OK);
    ck_assert_int_eq(recorder.calls, 3);
}
END_TEST

START_TEST(a_deletion_arrives_with_its_identifier)
{
    ck_assert_int_eq(unschedule(units(L"gone \x00E9", 6)), S_OK);
    ck_assert_int_eq(recorder.last, HEARD_DELETE);
    ck_assert_str_eq(recorder.identifier, "gone \xC3\xA9");
}
END_TEST

static const struct {
    RDV_TASK_STATUS sent;
    rdv_status status;
} statuses[] = {
    {RDV_TASK_STATUS_SEARCHING, RDV_STATUS_SEARCHING},
    {RDV_TASK_STATUS_DOWNLOADING, RDV_STATUS_DOWNLOADING},
    {RDV_TASK_STATUS_APPLYING, RDV_STATUS_APPLYING},
    {RDV_TASK_STATUS_REBOOTING, RDV_STATUS_REBOOTING},
    {RDV_TASK_STATUS_REBOOTED, RDV_STATUS_REBOOTED},
    {RDV_TASK_STATUS_SUCCESS, RDV_STATUS_SUCCESS},
    {RDV_TASK_STATUS_FAILED, RDV_STATUS_FAILED},
};

START_TEST(each_status_of_a_task_agent_arrives_and_says_nothing_more)
{
    const rdv_report expected = RDV_REPORT_INIT;
    ck_assert_int_eq(report(units(L"one", 3), (int)statuses[_i].sent), S_OK);
    ck_assert_int_eq(recorder.last, HEARD_REPORT);
    ck_assert_str_eq(recorder.identifier, "one");
    ck_assert_int_eq(recorder.report.status, statuses[_i].status);
    ck_assert_int_eq(recorder.report.progress, expected.progress);
    ck_assert_int_eq(recorder.report.code, 0);
    ck_assert_ptr_null(recorder.report.message);
}
END_TEST

START_TEST(the_end_arrives_with_its_reason)
{
    static const struct {
        HRESULT sent;
        int reason;
    } ends[] = {{S_OK, 0},
                {S_FALSE, 0},
                {E_ACCESSDENIED, RDV_EACCES},
                {SHUTTING, RDV_ESHUTDOWN},
                {REGDB_E_CLASSNOTREG, RDV_EFAILED}};
    for (int i = 0; i < LENGTH(ends); i++) {
        recorder.reason = 77;
        ck_assert_int_eq(IRDVTaskPluginNotifySink_OnTerminated(notify, ends[i].sent), S_OK);
        ck_assert_int_eq(recorder.last, HEARD_TERMINATED);
        ck_assert_int_eq(recorder.reason, ends[i].reason);
    }
}
END_TEST

/* ------------------------------------------------------- what is hostile does not */

START_TEST(a_hostile_name_is_refused_wherever_it_stands)
{
    BSTR (*const make)(void) = hostile_names[_i].make;
    const HRESULT expected = hostile_names[_i].result;
    ck_assert_int_eq(schedule_named(make(), units(L"i", 1)), expected);
    ck_assert_int_eq(schedule_named(units(L"l", 1), make()), expected);
    ck_assert_int_eq(unschedule(make()), expected);
    ck_assert_int_eq(report(make(), RDV_TASK_STATUS_SUCCESS), expected);
    ck_assert_int_eq(recorder.calls, 0);
}
END_TEST

START_TEST(a_hostile_context_is_refused)
{
    ck_assert_int_eq(schedule_with(hostile_contexts[_i].make()), hostile_contexts[_i].result);
    ck_assert_int_eq(recorder.calls, 0);
}
END_TEST

START_TEST(a_time_past_the_last_moment_is_refused_wherever_it_stands)
{
    ck_assert_int_eq(schedule_at(hostile_times[_i], 0, 0), E_INVALIDARG);
    ck_assert_int_eq(schedule_at(0, hostile_times[_i], 0), E_INVALIDARG);
    ck_assert_int_eq(schedule_at(0, 0, hostile_times[_i]), E_INVALIDARG);
    ck_assert_int_eq(recorder.calls, 0);
}
END_TEST

START_TEST(a_window_that_ends_before_it_starts_is_refused)
{
    ck_assert_int_eq(schedule_at(2, 1, 0), E_INVALIDARG);
    ck_assert_int_eq(recorder.calls, 0);
    ck_assert_int_eq(schedule_at(2, 3, 1), S_OK); /* a deadline only orders */
}
END_TEST

START_TEST(a_status_that_is_not_a_task_agents_is_refused)
{
    static const int wrong[] = {0, 8, 9, 42, -1, INT32_MAX, INT32_MIN};
    ck_assert_int_eq(wrong[0], RDV_TASK_STATUS_UNKNOWN);
    ck_assert_int_eq(wrong[1], RDV_TASK_STATUS_TIMEOUT);
    for (int i = 0; i < LENGTH(wrong); i++)
        ck_assert_int_eq(report(units(L"one", 3), wrong[i]), E_INVALIDARG);
    ck_assert_int_eq(recorder.calls, 0);
}
END_TEST

/* ------------------------------------------------------------- what it answers */

static void ck_answers(int answer, HRESULT expected)
{
    recorder.answer = answer;
    ck_assert_int_eq(schedule_at(0, 0, 0), expected);
    ck_assert_int_eq(unschedule(units(L"one", 3)), expected);
    ck_assert_int_eq(report(units(L"one", 3), RDV_TASK_STATUS_SUCCESS), expected);
}

START_TEST(what_the_trigger_agent_refuses_fails_with_its_hresult)
{
    ck_answers(RDV_ENOTFOUND, HRESULT_FROM_WIN32(ERROR_NOT_FOUND));
    ck_answers(RDV_EBUSY, HRESULT_FROM_WIN32(ERROR_BUSY));
    ck_answers(RDV_ENOMEM, E_OUTOFMEMORY);
    ck_answers(RDV_ELIMIT, TOO_LARGE);
    ck_assert_int_eq(recorder.calls, 12);
}
END_TEST

START_TEST(after_the_end_everything_is_refused_as_a_shutdown)
{
    ck_answers(RDV_ESHUTDOWN, SHUTTING);
    ck_assert_int_eq(IRDVTaskPluginNotifySink_OnTerminated(notify, S_OK), S_OK);
}
END_TEST

/* ------------------------------------------------------- references, interfaces */

START_TEST(it_is_one_object_with_the_interfaces_that_it_needs)
{
    static const IID *const same[] = {&IID_IUnknown, &IID_IRDVTaskPluginNotifySink, &agile_object};
    void *found;
    for (int i = 0; i < LENGTH(same); i++) {
        found = NULL;
        ck_assert_int_eq(IRDVTaskPluginNotifySink_QueryInterface(notify, same[i], &found), S_OK);
        ck_assert_ptr_eq(found, notify);
        ck_assert_int_eq(rdv__notify_references(notify), 2);
        ck_assert_uint_eq(IUnknown_Release((IUnknown *)found), 1);
    }
    found = UNTOUCHED;
    ck_assert_int_eq(IRDVTaskPluginNotifySink_QueryInterface(notify, &IID_IRDVTaskPlugin, &found),
                     E_NOINTERFACE);
    ck_assert_ptr_null(found);
    ck_assert_int_eq(IRDVTaskPluginNotifySink_QueryInterface(notify, &IID_IUnknown, NULL),
                     E_POINTER);
    ck_assert_int_eq(rdv__notify_references(notify), 1);
}
END_TEST

START_TEST(its_marshaler_is_the_free_threaded_one_and_a_part_of_it)
{
    IMarshal *marshal = NULL;
    CLSID class, free_threaded;
    void *found = NULL;
    IUnknown *bare = NULL;
    ck_assert_int_eq(
        IRDVTaskPluginNotifySink_QueryInterface(notify, &IID_IMarshal, (void **)&marshal), S_OK);
    ck_assert_int_eq(rdv__notify_references(notify), 2);
    ck_assert_int_eq(IMarshal_QueryInterface(marshal, &IID_IUnknown, &found), S_OK);
    ck_assert_ptr_eq(found, notify);
    IUnknown_Release((IUnknown *)found);
    ck_assert_int_eq(IMarshal_GetUnmarshalClass(marshal, &IID_IRDVTaskPluginNotifySink, notify,
                                                MSHCTX_INPROC, NULL, MSHLFLAGS_NORMAL, &class),
                     S_OK);
    IMarshal_Release(marshal);
    ck_assert_int_eq(rdv__notify_references(notify), 1);

    /* What COM's own one says. */
    ck_assert_int_eq(CoCreateFreeThreadedMarshaler(NULL, &bare), S_OK);
    ck_assert_int_eq(IUnknown_QueryInterface(bare, &IID_IMarshal, (void **)&marshal), S_OK);
    ck_assert_int_eq(IMarshal_GetUnmarshalClass(marshal, &IID_IRDVTaskPluginNotifySink, notify,
                                                MSHCTX_INPROC, NULL, MSHLFLAGS_NORMAL,
                                                &free_threaded),
                     S_OK);
    IMarshal_Release(marshal);
    IUnknown_Release(bare);
    ck_assert(IsEqualCLSID(&class, &free_threaded));
}
END_TEST

/* What a thread in another apartment finds in the stream, and does with it. */
struct visitor {
    rdv_com_apartment apartment;
    IStream *stream;
    void *found;
    HRESULT entered, unmarshaled, reported;
    DWORD thread;
};

static DWORD WINAPI visit(void *user)
{
    struct visitor *visitor = user;
    visitor->thread = GetCurrentThreadId();
    visitor->entered = rdv__apartment_enter(visitor->apartment);
    if (FAILED(visitor->entered))
        return 0;
    visitor->unmarshaled = CoGetInterfaceAndReleaseStream(
        visitor->stream, &IID_IRDVTaskPluginNotifySink, &visitor->found);
    if (SUCCEEDED(visitor->unmarshaled)) {
        BSTR identifier = SysAllocString(L"one");
        visitor->reported = IRDVTaskPluginNotifySink_OnTaskStateChange(
            (IRDVTaskPluginNotifySink *)visitor->found, identifier, RDV_TASK_STATUS_SUCCESS);
        SysFreeString(identifier);
        IUnknown_Release((IUnknown *)visitor->found);
    }
    rdv__apartment_leave();
    return 0;
}

START_TEST(every_apartment_gets_the_same_pointer_and_is_heard_on_its_own_thread)
{
    static const rdv_com_apartment apartments[] = {RDV_COM_APARTMENT_SINGLE,
                                                   RDV_COM_APARTMENT_MULTI};
    static struct visitor visitor; /* a thread that hangs may still look at it */
    visitor = (struct visitor){.apartment = apartments[_i % 2], .reported = E_FAIL};
    ck_assert_int_eq(rdv__apartment_enter(apartments[_i / 2]), S_OK);
    ck_assert_int_eq(CoMarshalInterThreadInterfaceInStream(&IID_IRDVTaskPluginNotifySink,
                                                           (IUnknown *)notify, &visitor.stream),
                     S_OK);
    HANDLE thread = CreateThread(NULL, 0, visit, &visitor, 0, NULL);
    ck_assert_ptr_nonnull(thread);
    /* No message is dispatched meanwhile: a call through an apartment would never come. */
    ck_assert_uint_eq(WaitForSingleObject(thread, PATIENCE_MS), WAIT_OBJECT_0);
    CloseHandle(thread);
    rdv__apartment_leave();
    ck_assert_int_eq(visitor.entered, S_OK);
    ck_assert_int_eq(visitor.unmarshaled, S_OK);
    ck_assert_ptr_eq(visitor.found, notify);
    ck_assert_int_eq(visitor.reported, S_OK);
    ck_assert_uint_eq(recorder.thread, visitor.thread);
    ck_assert_int_eq(rdv__notify_references(notify), 1);
}
END_TEST

START_TEST(it_keeps_the_sink_until_the_last_reference)
{
    ck_assert_uint_eq(IRDVTaskPluginNotifySink_AddRef(notify), 2);
    ck_assert_uint_eq(IRDVTaskPluginNotifySink_Release(notify), 1);
    ck_assert_int_eq(recorder.references, 2);
    /* The one that is left is given back after each test, and the sink's with it. */
}
END_TEST

int main(void)
{
    spy_install();
    Suite *suite = suite_create("com-notify");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 0);
    tcase_add_test(all, a_schedule_arrives_with_each_value_in_its_place);
    tcase_add_loop_test(
        all, a_time_of_zero_is_not_given_and_the_first_and_the_last_moment_are_times, 0, 3);
    tcase_add_loop_test(all, a_context_that_is_null_or_empty_is_no_bytes, 0, 2);
    tcase_add_test(all, a_context_with_a_lower_bound_below_zero_arrives_whole);
    tcase_add_test(all, a_context_of_16_mib_arrives);
    tcase_add_test(all, names_of_1_kib_arrive);
    tcase_add_test(all, a_deletion_arrives_with_its_identifier);
    tcase_add_loop_test(all, each_status_of_a_task_agent_arrives_and_says_nothing_more, 0,
                        LENGTH(statuses));
    tcase_add_test(all, the_end_arrives_with_its_reason);
    tcase_add_loop_test(all, a_hostile_name_is_refused_wherever_it_stands, 0,
                        LENGTH(hostile_names));
    tcase_add_loop_test(all, a_hostile_context_is_refused, 0, LENGTH(hostile_contexts));
    tcase_add_loop_test(all, a_time_past_the_last_moment_is_refused_wherever_it_stands, 0,
                        LENGTH(hostile_times));
    tcase_add_test(all, a_window_that_ends_before_it_starts_is_refused);
    tcase_add_test(all, a_status_that_is_not_a_task_agents_is_refused);
    tcase_add_test(all, what_the_trigger_agent_refuses_fails_with_its_hresult);
    tcase_add_test(all, after_the_end_everything_is_refused_as_a_shutdown);
    tcase_add_test(all, it_is_one_object_with_the_interfaces_that_it_needs);
    tcase_add_test(all, its_marshaler_is_the_free_threaded_one_and_a_part_of_it);
    tcase_add_loop_test(all, every_apartment_gets_the_same_pointer_and_is_heard_on_its_own_thread,
                        0, 4);
    tcase_add_test(all, it_keeps_the_sink_until_the_last_reference);
    suite_add_tcase(suite, all);
    return rdv_test_main(suite);
}
