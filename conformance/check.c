/* SPDX-License-Identifier: MIT */
/*
 * rdv_com_check(): one conformance run, from the class's name to its findings. The rules are tried
 * on a thread of their own, in the apartment that fits the class, while the caller waits here. The
 * wait ends when the thread has tried all rules, when a call has not returned within its limit, or
 * when a thread of the process has crashed or called abort(). In the last two cases the thread is
 * left where it is, and with it all that it uses: nothing of that is freed.
 */
#include <rdvtask/com_host.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "conformance/recorder.h"
#include "conformance/rules.h"
#include "platform/thread.h"
#include "shim-com/host/apartment.h"
#include "shim-com/host/hresult_text.h"
#include "shim-com/host/registry.h"

struct check {
    struct rdv__check_subject subject;
    struct rdv__recorder *recorder;
    struct rdv__thread *thread;
    /* The thread sets `done` once all rules are tried; whichever thread crashes sets `crashed`. */
    HANDLE done, crashed;
    /* Whether the thread could enter its apartment. */
    HRESULT entered;
    /* The crash; 0 if it was abort() that has set `crashed`. */
    DWORD exception;
    const void *exception_at;
};

const char *rdv_com_verdict_name(rdv_com_verdict verdict)
{
    switch (verdict) {
    case RDV_COM_HELD:
        return "held";
    case RDV_COM_BROKEN:
        return "broken";
    case RDV_COM_NOT_TRIED:
        return "not-tried";
    case RDV_COM_NOTED:
        return "noted";
    default:
        return NULL;
    }
}

/* ----------------------------------------------------------------- crashes */

/*
 * Windows knows one filter for a process, and C one handler of abort(); neither is handed anything
 * of ours.
 */
static struct check *volatile crashing;

/*
 * The thread that has crashed stays where it is, so that what was found before can still be handed
 * out.
 */
static LONG WINAPI on_crash(EXCEPTION_POINTERS *exception)
{
    struct check *check = crashing;
    if (!check)
        return EXCEPTION_CONTINUE_SEARCH;
    check->exception = exception->ExceptionRecord->ExceptionCode;
    check->exception_at = exception->ExceptionRecord->ExceptionAddress;
    SetEvent(check->crashed);
    Sleep(INFINITE);
    return EXCEPTION_CONTINUE_SEARCH;
}

/*
 * The thread that has called abort(), perhaps by way of assert(), stays where it is, too. If that
 * was the abort() of another C library, this handler isn't called: the process ends, and no finding
 * is handed out.
 */
static void on_abort(int number)
{
    struct check *check = crashing;
    (void)number;
    if (!check)
        return;
    SetEvent(check->crashed);
    Sleep(INFINITE);
}

/* The name of the file that the code at an address comes from, without its folder. */
static void name_file_at(const void *address, char *buffer, size_t size)
{
    wchar_t path[MAX_PATH];
    HMODULE module;
    snprintf(buffer, size, "code that no file has");
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            address, &module))
        return;
    const DWORD length = GetModuleFileNameW(module, path, MAX_PATH);
    if (length == 0 || length >= MAX_PATH)
        return;
    const wchar_t *name = wcsrchr(path, L'\\');
    WideCharToMultiByte(CP_UTF8, 0, name ? name + 1 : path, -1, buffer, (int)size, NULL, NULL);
    buffer[size - 1] = '\0';
}

static void describe_crash(const struct check *check, char words[RDV__FINDING_SIZE])
{
    char file[MAX_PATH];
    if (check->exception == 0) {
        snprintf(words, RDV__FINDING_SIZE, "it called abort(), which ends the process");
        return;
    }
    name_file_at(check->exception_at, file, sizeof file);
    snprintf(words, RDV__FINDING_SIZE, "it crashed: exception 0x%08lX in %s",
             (unsigned long)check->exception, file);
}

/* -------------------------------------------------------------- the thread */

static void try_rules(void *user)
{
    struct check *check = user;
    check->entered = rdv__apartment_enter(check->subject.apartment);
    if (SUCCEEDED(check->entered)) {
        rdv__rules_try(check->recorder, &check->subject);
        rdv__apartment_leave();
    }
    SetEvent(check->done);
}

/*
 * Returns false if a thread has crashed, or the one that tries the rules has not come back from a
 * call; `words` say which.
 */
static bool wait_for_rules(struct check *check, char words[RDV__FINDING_SIZE])
{
    const HANDLE objects[] = {check->done, check->crashed, rdv__recorder_moved(check->recorder)};
    char limit[RDV_DURATION_TEXT_SIZE];
    for (;;) {
        DWORD wait = INFINITE;
        const ULONGLONG deadline = rdv__recorder_deadline(check->recorder);
        const ULONGLONG now = GetTickCount64();
        if (deadline > 0)
            wait = deadline > now ? (DWORD)(deadline - now) : 0;
        const DWORD result = WaitForMultipleObjects(3, objects, FALSE, wait);
        if (result == WAIT_OBJECT_0)
            return true;
        if (result == WAIT_OBJECT_0 + 1) {
            describe_crash(check, words);
            return false;
        }
        if (result == WAIT_TIMEOUT && rdv__recorder_cut_off_if_late(check->recorder, deadline)) {
            rdv_duration_format(check->subject.call_limit, limit, sizeof limit);
            snprintf(words, RDV__FINDING_SIZE, "it did not come back within %s", limit);
            return false;
        }
    }
}

/* --------------------------------------------------------------- the check */

static void check_free(struct check *check)
{
    rdv_task_unref(check->subject.task);
    rdv__recorder_free(check->recorder);
    if (check->done)
        CloseHandle(check->done);
    if (check->crashed)
        CloseHandle(check->crashed);
    free(check);
}

/* NULL without memory. */
static struct check *check_new(const struct rdv__check_subject *subject)
{
    struct check *check = calloc(1, sizeof *check);
    if (!check)
        return NULL;
    check->subject = *subject;
    if (check->subject.task)
        rdv_task_ref(check->subject.task);
    check->recorder = rdv__recorder_new(subject->call_limit);
    check->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    check->crashed = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (check->recorder && check->done && check->crashed)
        return check;
    check_free(check);
    return NULL;
}

/*
 * Try the rules, and hand out what was found. *ret_left: the thread is still there, and uses the
 * check.
 */
static int run_check(struct check *check, rdv_com_finding_fn fn, void *user, bool *ret_left,
                     struct rdv_error *error)
{
    char words[RDV__FINDING_SIZE];
    int result = rdv__thread_new(try_rules, check, &check->thread);
    *ret_left = false;
    if (result != 0)
        return rdv__fail(error, result, "%s", rdv_strerror(result));
    *ret_left = !wait_for_rules(check, words);
    if (*ret_left) {
        rdv__recorder_cut_off(check->recorder, words);
        return rdv__recorder_hand_out(check->recorder, fn, user);
    }
    rdv__thread_join(check->thread);
    if (FAILED(check->entered))
        return rdv__fail(error, RDV_EFAILED, "COM can't be used: %s",
                         rdv__com_words(check->entered, words));
    return rdv__recorder_hand_out(check->recorder, fn, user);
}

void rdv_com_check_options_init(rdv_com_check_options *options)
{
    *options = (rdv_com_check_options){
        .size = sizeof *options, .run_limit = 10 * RDV_MINUTE, .call_limit = 30 * RDV_SECOND};
}

static bool are_valid(const rdv_com_check_options *options)
{
    return options->size == sizeof *options && options->apartment >= RDV_COM_APARTMENT_OF_CLASS &&
           options->apartment <= RDV_COM_APARTMENT_MULTI && options->run_limit > 0 &&
           options->run_limit <= RDV_LIMIT_MAX && options->call_limit > 0 &&
           options->call_limit <= RDV_DAY;
}

/* Find the class, and fill in what is checked. */
static int describe_subject(const char *which, const rdv_com_check_options *options,
                            struct rdv__check_subject *ret_subject, struct rdv_error *error)
{
    char name[RDV__PLUGIN_NAME];
    struct rdv__check_subject subject = {
        .task = options->task, .run_limit = options->run_limit, .call_limit = options->call_limit};
    int result = rdv__registry_find(which, &subject.clsid, name, error);
    if (result != 0)
        return result;
    rdv__registry_class(&subject.clsid, &subject.class);
    if (!subject.class.server[0])
        return rdv__fail(error, RDV_ENOTFOUND, "the class of the task agent '%s' is not registered",
                         name);
    subject.apartment = options->apartment == RDV_COM_APARTMENT_OF_CLASS
                            ? rdv__registry_apartment(&subject.class)
                            : options->apartment;
    *ret_subject = subject;
    return 0;
}

int rdv_com_check(const char *which, const rdv_com_check_options *options, rdv_com_finding_fn fn,
                  void *user, struct rdv_error *error)
{
    rdv_com_check_options defaults;
    struct rdv__check_subject subject;
    bool left;
    rdv_com_check_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!fn || !are_valid(options))
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_com_check");
    int result = describe_subject(which, options, &subject, error);
    if (result != 0)
        return result;
    struct check *check = check_new(&subject);
    if (!check)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));

    crashing = check;
    LPTOP_LEVEL_EXCEPTION_FILTER before = SetUnhandledExceptionFilter(on_crash);
    void (*abort_before)(int) = signal(SIGABRT, on_abort);
    result = run_check(check, fn, user, &left, error);
    SetUnhandledExceptionFilter(before);
    signal(SIGABRT, abort_before == SIG_ERR ? SIG_DFL : abort_before);
    crashing = NULL;
    if (!left)
        check_free(check);
    return result;
}
