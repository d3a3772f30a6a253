/* SPDX-License-Identifier: MIT */
/*
 * The record of a conformance run: a verdict for each check, which check is being tried, and by
 * when the call that is under way must have returned. rules.c writes it on the thread that calls
 * the task agent, check.c reads it on the thread that waits; the lock is for both. Once the run is
 * cut off nothing more is recorded, and the calling thread stops for good as soon as it comes back,
 * so that the record no longer changes while it is handed out.
 */
#include "conformance/recorder.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct finding {
    bool given;
    rdv_com_verdict verdict;
    char words[RDV__FINDING_SIZE];
};

struct rdv__recorder {
    rdv_duration call_limit;
    HANDLE moved;
    /*
     * A call has given a number that is neither S_OK nor a failure; known to the calling thread
     * only.
     */
    bool positive;

    /* For all below. */
    CRITICAL_SECTION lock;
    bool cut_off;
    enum rdv__check_id at;
    /* Of the call that is under way; 0 = none is. */
    ULONGLONG deadline;
    struct finding findings[RDV__CHECK_COUNT];
};

static const struct {
    const char *name, *rule;
} checks[RDV__CHECK_COUNT] = {
#define RDV__CHECK_WORDS(constant, name, rule) {name, rule},
    RDV__CHECKS(RDV__CHECK_WORDS)
#undef RDV__CHECK_WORDS
};

struct rdv__recorder *rdv__recorder_new(rdv_duration call_limit)
{
    struct rdv__recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return NULL;
    InitializeCriticalSection(&recorder->lock);
    recorder->call_limit = call_limit;
    recorder->moved = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (recorder->moved)
        return recorder;
    rdv__recorder_free(recorder);
    return NULL;
}

void rdv__recorder_free(struct rdv__recorder *recorder)
{
    if (!recorder)
        return;
    if (recorder->moved)
        CloseHandle(recorder->moved);
    DeleteCriticalSection(&recorder->lock);
    free(recorder);
}

/* ------------------------------------------------------ the calling thread */

static void stop_if_cut_off(struct rdv__recorder *recorder)
{
    EnterCriticalSection(&recorder->lock);
    const bool cut_off = recorder->cut_off;
    LeaveCriticalSection(&recorder->lock);
    if (cut_off)
        Sleep(INFINITE);
}

void rdv__recorder_begin_check(struct rdv__recorder *recorder, enum rdv__check_id id)
{
    EnterCriticalSection(&recorder->lock);
    recorder->at = id;
    LeaveCriticalSection(&recorder->lock);
}

static void set_deadline(struct rdv__recorder *recorder, ULONGLONG deadline)
{
    EnterCriticalSection(&recorder->lock);
    recorder->deadline = deadline;
    LeaveCriticalSection(&recorder->lock);
    SetEvent(recorder->moved);
}

void rdv__recorder_begin_call(struct rdv__recorder *recorder)
{
    set_deadline(recorder,
                 GetTickCount64() + (ULONGLONG)(recorder->call_limit / RDV_MILLISECOND) + 1);
}

HRESULT rdv__recorder_end_call(struct rdv__recorder *recorder, const char *what, HRESULT result)
{
    set_deadline(recorder, 0);
    stop_if_cut_off(recorder);
    if (result > 0 && !recorder->positive) {
        recorder->positive = true;
        rdv__recorder_add(recorder, RDV__CHECK_RESULTS, RDV_COM_BROKEN,
                          "%s gave 0x%08lX, which counts as success", what, (unsigned long)result);
    }
    return result;
}

void rdv__recorder_add(struct rdv__recorder *recorder, enum rdv__check_id id,
                       rdv_com_verdict verdict, const char *format, ...)
{
    struct finding *finding = &recorder->findings[id];
    char words[RDV__FINDING_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    EnterCriticalSection(&recorder->lock);
    if (!finding->given && !recorder->cut_off) {
        finding->given = true;
        finding->verdict = verdict;
        /* Names in the words come from outside, and may have been cut. */
        rdv__escape(words, strlen(words), finding->words, sizeof finding->words);
    }
    LeaveCriticalSection(&recorder->lock);
}

bool rdv__recorder_holds(struct rdv__recorder *recorder, enum rdv__check_id id)
{
    EnterCriticalSection(&recorder->lock);
    const struct finding *finding = &recorder->findings[id];
    const bool holds = !finding->given || finding->verdict != RDV_COM_BROKEN;
    LeaveCriticalSection(&recorder->lock);
    return holds;
}

/* ------------------------------------------------------- the waiting thread */

HANDLE rdv__recorder_moved(struct rdv__recorder *recorder)
{
    return recorder->moved;
}

ULONGLONG rdv__recorder_deadline(struct rdv__recorder *recorder)
{
    EnterCriticalSection(&recorder->lock);
    const ULONGLONG deadline = recorder->deadline;
    LeaveCriticalSection(&recorder->lock);
    return deadline;
}

bool rdv__recorder_cut_off_if_late(struct rdv__recorder *recorder, ULONGLONG deadline)
{
    EnterCriticalSection(&recorder->lock);
    const bool late = recorder->deadline == deadline;
    if (late)
        recorder->cut_off = true;
    LeaveCriticalSection(&recorder->lock);
    return late;
}

void rdv__recorder_cut_off(struct rdv__recorder *recorder, const char *words)
{
    EnterCriticalSection(&recorder->lock);
    recorder->cut_off = true;
    for (int i = 0; i < RDV__CHECK_COUNT; i++) {
        struct finding *finding = &recorder->findings[i];
        if (i == (int)recorder->at) {
            finding->verdict = RDV_COM_BROKEN;
            snprintf(finding->words, sizeof finding->words, "%s", words);
        } else if (!finding->given) {
            finding->verdict = RDV_COM_NOT_TRIED;
            snprintf(finding->words, sizeof finding->words, "the run was over after '%s': %s",
                     checks[recorder->at].name, words);
        }
        finding->given = true;
    }
    LeaveCriticalSection(&recorder->lock);
}

int rdv__recorder_hand_out(struct rdv__recorder *recorder, rdv_com_finding_fn fn, void *user)
{
    int result = 0;
    for (int i = 0; i < RDV__CHECK_COUNT; i++) {
        assert(recorder->findings[i].given);
        const rdv_com_finding finding = {
            .size = sizeof finding,
            .check = checks[i].name,
            .rule = checks[i].rule,
            .verdict = recorder->findings[i].verdict,
            .words = recorder->findings[i].words,
        };
        if (finding.verdict == RDV_COM_BROKEN)
            result = RDV_EFAILED;
        fn(user, &finding);
    }
    return result;
}
