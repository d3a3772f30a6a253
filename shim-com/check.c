/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apartment.h"
#include "error.h"
#include "thread.h"
#include "utf8.h"
#include "words.h"

#define WORDS_SIZE 512

struct finding {
    bool said;
    rdv_com_verdict verdict;
    char words[WORDS_SIZE];
};

struct rdv__check {
    struct rdv__check_subject subject;
    struct rdv__thread *thread;
    HANDLE done, moved, crashed;
    HRESULT entered; /* of the apartment */
    bool positive;   /* the thread's: a call has given a number that is neither */
    DWORD exception; /* 0 = it is an abort() that has set `crashed` */
    const void *exception_at;

    CRITICAL_SECTION lock; /* for all below */
    bool left;             /* nobody waits for the thread any more */
    enum rdv__check_id at;
    ULONGLONG deadline; /* of the call that is under way; 0 = none is */
    struct finding findings[RDV__CHECK_COUNT];
};

static const struct {
    const char *name, *rule;
} checks[RDV__CHECK_COUNT] = {
#define RDV__CHECK_WORDS(constant, name, rule) {name, rule},
    RDV__CHECKS(RDV__CHECK_WORDS)
#undef RDV__CHECK_WORDS
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

/* --------------------------------------------------------- for the rules */

/* On the thread: stop here if what comes out is of no interest any more. */
static void stay_if_left(struct rdv__check *check)
{
    EnterCriticalSection(&check->lock);
    const bool left = check->left;
    LeaveCriticalSection(&check->lock);
    if (left)
        Sleep(INFINITE);
}

void rdv__check_begin(struct rdv__check *check, enum rdv__check_id id)
{
    EnterCriticalSection(&check->lock);
    check->at = id;
    LeaveCriticalSection(&check->lock);
}

static void set_deadline(struct rdv__check *check, ULONGLONG deadline)
{
    EnterCriticalSection(&check->lock);
    check->deadline = deadline;
    LeaveCriticalSection(&check->lock);
    SetEvent(check->moved);
}

void rdv__check_before(struct rdv__check *check)
{
    set_deadline(check,
                 GetTickCount64() + (ULONGLONG)(check->subject.call_limit / RDV_MILLISECOND) + 1);
}

HRESULT rdv__check_after(struct rdv__check *check, const char *what, HRESULT result)
{
    set_deadline(check, 0);
    stay_if_left(check);
    if (result > 0 && !check->positive) {
        check->positive = true;
        rdv__check_say(check, RDV__CHECK_RESULTS, RDV_COM_BROKEN,
                       "%s gave 0x%08lX, which counts as success", what, (unsigned long)result);
    }
    return result;
}

void rdv__check_say(struct rdv__check *check, enum rdv__check_id id, rdv_com_verdict verdict,
                    const char *format, ...)
{
    struct finding *finding = &check->findings[id];
    char words[WORDS_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    EnterCriticalSection(&check->lock);
    if (!finding->said && !check->left) {
        finding->said = true;
        finding->verdict = verdict;
        /* Names in it come from outside, and may have been cut. */
        rdv__escape(words, strlen(words), finding->words, sizeof finding->words);
    }
    LeaveCriticalSection(&check->lock);
}

bool rdv__check_holds(struct rdv__check *check, enum rdv__check_id id)
{
    EnterCriticalSection(&check->lock);
    const struct finding *finding = &check->findings[id];
    const bool holds = !finding->said || finding->verdict != RDV_COM_BROKEN;
    LeaveCriticalSection(&check->lock);
    return holds;
}

/* ----------------------------------------------------------------- crashes */

/* Windows knows one filter for a process, and C one for abort(); they hand it nothing of ours. */
static struct rdv__check *volatile crashing;

/* The thread that has crashed stays where it is: what is known so far is told all the same. */
static LONG WINAPI on_crash(EXCEPTION_POINTERS *exception)
{
    struct rdv__check *check = crashing;
    if (!check)
        return EXCEPTION_CONTINUE_SEARCH;
    check->exception = exception->ExceptionRecord->ExceptionCode;
    check->exception_at = exception->ExceptionRecord->ExceptionAddress;
    SetEvent(check->crashed);
    Sleep(INFINITE);
    return EXCEPTION_CONTINUE_SEARCH;
}

/*
 * The same for abort(), and so for assert(). A library that has a C library of its own is not heard here: the process ends, and
 * nothing is told.
 */
static void on_abort(int number)
{
    struct rdv__check *check = crashing;
    (void)number;
    if (!check)
        return;
    SetEvent(check->crashed);
    Sleep(INFINITE);
}

/* The file that the code at an address is in, without its folder. */
static void file_of(const void *address, char *buffer, size_t size)
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

/* ------------------------------------------------------------------ leading */

static void run(void *user)
{
    struct rdv__check *check = user;
    check->entered = rdv__apartment_enter(check->subject.apartment);
    if (SUCCEEDED(check->entered)) {
        rdv__check_rules(check, &check->subject);
        rdv__apartment_leave();
    }
    SetEvent(check->done);
}

/* Wait for the thread. False: it has crashed (or another has), or does not come back. */
static bool wait_for(struct rdv__check *check, char words[WORDS_SIZE])
{
    const HANDLE objects[] = {check->done, check->crashed, check->moved};
    char file[MAX_PATH], limit[RDV_DURATION_TEXT_SIZE];
    for (;;) {
        DWORD wait = INFINITE;
        EnterCriticalSection(&check->lock);
        const ULONGLONG deadline = check->deadline, now = GetTickCount64();
        if (deadline > 0)
            wait = deadline > now ? (DWORD)(deadline - now) : 0;
        LeaveCriticalSection(&check->lock);
        const DWORD result = WaitForMultipleObjects(3, objects, FALSE, wait);
        if (result == WAIT_OBJECT_0)
            return true;
        if (result == WAIT_OBJECT_0 + 1 && check->exception == 0) {
            snprintf(words, WORDS_SIZE, "it called abort(), which ends the process");
            return false;
        }
        if (result == WAIT_OBJECT_0 + 1) {
            file_of(check->exception_at, file, sizeof file);
            snprintf(words, WORDS_SIZE, "it crashed: exception 0x%08lX in %s",
                     (unsigned long)check->exception, file);
            return false;
        }
        EnterCriticalSection(&check->lock);
        const bool late = result == WAIT_TIMEOUT && check->deadline == deadline;
        if (late)
            check->left = true;
        LeaveCriticalSection(&check->lock);
        if (late) {
            rdv_duration_format(check->subject.call_limit, limit, sizeof limit);
            snprintf(words, WORDS_SIZE, "it did not come back within %s", limit);
            return false;
        }
    }
}

/* The run is over before its end. */
static void cut_off(struct rdv__check *check, const char *words)
{
    EnterCriticalSection(&check->lock);
    check->left = true;
    for (int i = 0; i < RDV__CHECK_COUNT; i++) {
        struct finding *finding = &check->findings[i];
        if (i == (int)check->at) {
            finding->verdict = RDV_COM_BROKEN;
            snprintf(finding->words, sizeof finding->words, "%s", words);
        } else if (!finding->said) {
            finding->verdict = RDV_COM_NOT_TRIED;
            snprintf(finding->words, sizeof finding->words, "the run was over after '%s': %s",
                     checks[check->at].name, words);
        }
        finding->said = true;
    }
    LeaveCriticalSection(&check->lock);
}

static int tell(const struct rdv__check *check, rdv_com_finding_fn fn, void *user)
{
    int result = 0;
    for (int i = 0; i < RDV__CHECK_COUNT; i++) {
        assert(check->findings[i].said);
        const rdv_com_finding finding = {
            .size = sizeof finding,
            .check = checks[i].name,
            .rule = checks[i].rule,
            .verdict = check->findings[i].verdict,
            .words = check->findings[i].words,
        };
        if (finding.verdict == RDV_COM_BROKEN)
            result = RDV_EFAILED;
        fn(user, &finding);
    }
    return result;
}

static void check_free(struct rdv__check *check)
{
    rdv_task_unref(check->subject.task);
    if (check->done)
        CloseHandle(check->done);
    if (check->moved)
        CloseHandle(check->moved);
    if (check->crashed)
        CloseHandle(check->crashed);
    DeleteCriticalSection(&check->lock);
    free(check);
}

static struct rdv__check *check_new(const struct rdv__check_subject *subject)
{
    struct rdv__check *check = calloc(1, sizeof *check);
    if (!check)
        return NULL;
    InitializeCriticalSection(&check->lock);
    check->subject = *subject;
    if (check->subject.task)
        rdv_task_ref(check->subject.task);
    check->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    check->moved = CreateEventW(NULL, FALSE, FALSE, NULL);
    check->crashed = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (check->done && check->moved && check->crashed)
        return check;
    check_free(check);
    return NULL;
}

void rdv_com_check_options_init(rdv_com_check_options *options)
{
    *options = (rdv_com_check_options){
        .size = sizeof *options, .run_limit = 10 * RDV_MINUTE, .call_limit = 30 * RDV_SECOND};
}

static bool right(const rdv_com_check_options *options)
{
    return options->size == sizeof *options && options->apartment >= RDV_COM_APARTMENT_OF_CLASS &&
           options->apartment <= RDV_COM_APARTMENT_MULTI && options->run_limit > 0 &&
           options->run_limit <= RDV_LIMIT_MAX && options->call_limit > 0 &&
           options->call_limit <= RDV_DAY;
}

int rdv_com_check(const char *which, const rdv_com_check_options *options, rdv_com_finding_fn fn,
                  void *user, struct rdv_error *error)
{
    rdv_com_check_options defaults;
    struct rdv__check_subject subject = {0};
    char name[RDV__PLUGIN_NAME], words[WORDS_SIZE];
    rdv_com_check_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!fn || !right(options))
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_com_check");
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
    subject.task = options->task;
    subject.run_limit = options->run_limit;
    subject.call_limit = options->call_limit;
    struct rdv__check *check = check_new(&subject);
    if (!check)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));

    crashing = check;
    LPTOP_LEVEL_EXCEPTION_FILTER before = SetUnhandledExceptionFilter(on_crash);
    void (*abort_before)(int) = signal(SIGABRT, on_abort);
    result = rdv__thread_new(run, check, &check->thread);
    if (result != 0) {
        rdv__fail(error, result, "%s", rdv_strerror(result));
        goto out;
    }
    const bool came_back = wait_for(check, words);
    if (!came_back) {
        cut_off(check, words);
        result = tell(check, fn, user);
        check = NULL; /* the thread has it */
        goto out;
    }
    rdv__thread_join(check->thread);
    if (FAILED(check->entered))
        result = rdv__fail(error, RDV_EFAILED, "COM can't be used: %s",
                           rdv__com_words(check->entered, words));
    else
        result = tell(check, fn, user);
out:
    SetUnhandledExceptionFilter(before);
    signal(SIGABRT, abort_before == SIG_ERR ? SIG_DFL : abort_before);
    crashing = NULL;
    if (check)
        check_free(check);
    return result;
}
