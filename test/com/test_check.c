/* SPDX-License-Identifier: MIT */
/*
 * The conformance run: a correct task agent passes every check, and each planted fault breaks the
 * check that is about it.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <rdvtask/com_host.h>

#include "faulty.h"
#include "registered.h"

#define CLSID_TEXT "{6f0d5a0e-3a55-4d3b-8a58-5f1d0c4b7c21}"

/* Enough for the slowest machine; what does not come back is given less. */
#define PATIENCE (100 * RDV_SECOND)

/* What came out. */
struct findings {
    size_t count, broken, not_tried, noted;
    char what[4096]; /* the checks that were broken, with their words */
    char first[64];  /* the first of them */
    char note[64];   /* the check that was noted last */
    char not_tried_words[512];
};

static void collect(void *user, const rdv_com_finding *finding)
{
    struct findings *findings = user;
    ck_assert_uint_eq(finding->size, sizeof *finding);
    ck_assert_ptr_nonnull(rdv_com_verdict_name(finding->verdict));
    findings->count++;
    if (finding->verdict == RDV_COM_NOTED) {
        findings->noted++;
        snprintf(findings->note, sizeof findings->note, "%s", finding->check);
    }
    if (finding->verdict == RDV_COM_NOT_TRIED) {
        findings->not_tried++;
        snprintf(findings->not_tried_words, sizeof findings->not_tried_words, "%s: %s",
                 finding->check, finding->words);
    }
    if (finding->verdict != RDV_COM_BROKEN)
        return;
    if (findings->broken++ == 0)
        snprintf(findings->first, sizeof findings->first, "%s", finding->check);
    const size_t length = strlen(findings->what);
    snprintf(findings->what + length, sizeof findings->what - length, "%s: %s; ", finding->check,
             finding->words);
}

static void plant(const wchar_t *fault)
{
    SetEnvironmentVariableW(FAULTY_VARIABLE, fault);
}

/* Check the test agent with this label; NULL = nothing is started. */
static int check(const char *label, rdv_com_check_options *options, struct findings *findings)
{
    struct rdv_error error = {0};
    rdv_task *task = NULL;
    memset(findings, 0, sizeof *findings);
    if (label)
        ck_assert_int_eq(rdv_task_new(label, "checked", "bytes", 5, &task), 0);
    options->task = task;
    const int result = rdv_com_check(CLSID_TEXT, options, collect, findings, &error);
    rdv_task_unref(task);
    ck_assert_msg(result == 0 || result == RDV_EFAILED, "%s", error.text);
    ck_assert_int_eq(result == RDV_EFAILED, findings->broken > 0);
    return result;
}

static rdv_com_check_options patient(void)
{
    rdv_com_check_options options;
    rdv_com_check_options_init(&options);
    options.run_limit = PATIENCE;
    options.call_limit = PATIENCE;
    return options;
}

/* What a fault has leaked is no fault of the next one. */
static void forget_leaks(void)
{
    faulty_state_fn state = NULL;
    HMODULE library = GetModuleHandleW(L"faulty-agent.dll");
    FARPROC symbol = library ? GetProcAddress(library, "faulty_state") : NULL;
    memcpy(&state, &symbol, sizeof state);
    if (state)
        InterlockedExchange(&state()->objects, 0);
}

static void prepare(void)
{
    plant(NULL);
    forget_leaks();
    registered_class(FAULTY_CLSID, L"faulty-agent.dll", L"Both");
}

static void clean(void)
{
    plant(NULL);
    registered_class_gone(FAULTY_CLSID);
}

/* --------------------------------------------------------------- a right one */

static const wchar_t *const models[] = {L"Both", L"Apartment", L"Free", NULL};

START_TEST(a_right_task_agent_passes_all_checks)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    registered_class(FAULTY_CLSID, L"faulty-agent.dll", models[_i]);
    check("succeed", &options, &findings);
    ck_assert_msg(findings.broken == 0, "%s", findings.what);
    ck_assert_msg(findings.not_tried == 0, "%s", findings.not_tried_words);
    ck_assert_uint_eq(findings.noted, 0);
    ck_assert_uint_gt(findings.count, 30);
}
END_TEST

START_TEST(a_right_task_agent_passes_in_an_apartment_of_ones_choice)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    options.apartment = _i ? RDV_COM_APARTMENT_MULTI : RDV_COM_APARTMENT_SINGLE;
    ck_assert_int_eq(check("succeed", &options, &findings), 0);
    ck_assert_uint_eq(findings.not_tried, 0);
}
END_TEST

START_TEST(a_task_that_fails_is_no_fault_of_the_task_agent)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    ck_assert_int_eq(check("fail", &options, &findings), 0);
}
END_TEST

START_TEST(without_a_task_what_needs_one_is_not_tried)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    ck_assert_int_eq(check(NULL, &options, &findings), 0);
    ck_assert_uint_eq(findings.not_tried, 6);
}
END_TEST

START_TEST(a_run_can_be_repeated)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    ck_assert_int_eq(check("succeed", &options, &findings), 0);
    ck_assert_int_eq(check("succeed", &options, &findings), 0);
}
END_TEST

/* ------------------------------------------------------------------- faults */

/* What is planted, and the one check that catches it. */
static const struct {
    const wchar_t *fault;
    const char *check;
} faults[] = {
    {L"class-out", "class-object"},
    {L"class-aggregate", "class-object"},
    {L"module-lock", "unload"},
    {L"create-fails", "create"},
    {L"no-plugin", "create"},
    {L"count", "references"},
    {L"query-leak", "query-references"},
    {L"query-failure-leak", "query-references"},
    {L"identity", "query-identity"},
    {L"reflexive", "query-reflexive"},
    {L"symmetric", "query-symmetric"},
    {L"transitive", "query-transitive"},
    {L"static", "query-static"},
    {L"query-out", "query-unknown"},
    {L"query-result", "query-unknown"},
    {L"query-null", "query-null"},
    {L"name-late", "name"},
    {L"name-shared", "name"},
    {L"name-surrogate", "name"},
    {L"name-null", "name-null"},
    {L"start-early", "start-before-initialize"},
    {L"sink-null", "initialize-null"},
    {L"initialize-fails", "initialize"},
    {L"sink-borrowed", "sink-kept"},
    {L"no-label", "start-arguments"},
    {L"start-fails", "start"},
    {L"context-locked", "start-values"},
    {L"context-taken", "start-values"},
    {L"never-final", "final-status"},
    {L"status-unknown", "status"},
    {L"status-timeout", "status"},
    {L"status-42", "status"},
    {L"other-identifier", "identifier"},
    {L"report-after-final", "after-final"},
    {L"terminate-fails", "terminate"},
    {L"start-late", "start-after-terminate"},
    {L"terminated-twice", "terminated-once"},
    {L"self-reference", "last-release"},
    {L"sink-leak", "sink-released"},
    {L"positive-initialize", "results"},
    {L"positive-start", "results"},
};

START_TEST(a_fault_is_caught_by_its_check_and_by_no_other)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    plant(faults[_i].fault);
    if (strcmp(faults[_i].check, "final-status") == 0)
        options.run_limit = 200 * RDV_MILLISECOND;
    if (strcmp(faults[_i].check, "sink-released") == 0)
        options.call_limit = 2 * RDV_SECOND;
    check("succeed", &options, &findings);
    ck_assert_msg(findings.broken == 1 && strcmp(findings.first, faults[_i].check) == 0,
                  "%ls: %zu broken in place of '%s': %s", faults[_i].fault, findings.broken,
                  faults[_i].check, findings.what);
}
END_TEST

START_TEST(what_is_left_of_a_run_is_noted_and_breaks_nothing)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    plant(L"leaks-object");
    ck_assert_int_eq(check("succeed", &options, &findings), 0);
    ck_assert_uint_eq(findings.noted, 1);
    ck_assert_str_eq(findings.note, "unload-after-run");
    ck_assert_uint_eq(findings.not_tried, 0);
}
END_TEST

/* These leave a thread behind, so they come last. */
static const struct {
    const wchar_t *fault;
    const char *check, *words;
} ends[] = {
    {L"name-null-crashes", "name-null", "it crashed: exception 0xC0000005 in faulty-agent.dll"},
    {L"start-crashes", "start", "it crashed: exception 0xC0000005 in faulty-agent.dll"},
    {L"start-aborts", "start", "it called abort(), which ends the process"},
    {L"name-hangs", "name", "it did not come back within 2s"},
    {L"initialize-hangs", "initialize", "it did not come back within 2s"},
    {L"terminate-hangs", "terminate", "it did not come back within 2s"},
};

START_TEST(a_crash_or_a_hang_is_caught_too_and_ends_the_run)
{
    struct findings findings;
    rdv_com_check_options options = patient();
    plant(ends[_i].fault);
    options.call_limit = 2 * RDV_SECOND;
    check("succeed", &options, &findings);
    ck_assert_msg(findings.broken == 1 && strcmp(findings.first, ends[_i].check) == 0 &&
                      strstr(findings.what, ends[_i].words),
                  "%ls: %s", ends[_i].fault, findings.what);
    ck_assert_uint_gt(findings.not_tried, 0);
}
END_TEST

/* -------------------------------------------------------------- what can't be */

static void never(void *user, const rdv_com_finding *finding)
{
    (void)user;
    ck_abort_msg("'%s' was told", finding->check);
}

START_TEST(what_can_not_be_checked_at_all_is_an_error_in_words)
{
    static const struct {
        const char *which;
        int result;
        const char *words;
    } wrong[] = {
        {"{6f0d5a0e-3a55-4d3b-8a58-5f1d0c4b7c2", RDV_EINVAL, "CLSID"},
        {"{00000000-0000-0000-0000-00000000dead}", RDV_ENOTFOUND, "is not registered"},
        {"nobody", RDV_ENOTFOUND, "'nobody'"},
        {"", RDV_ENOTFOUND, "no task agent is registered"},
    };
    registered_no_agents();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rdv_error error = {0};
        ck_assert_int_eq(rdv_com_check(wrong[i].which, NULL, never, NULL, &error), wrong[i].result);
        ck_assert_msg(strstr(error.text, wrong[i].words), "%s", error.text);
    }
    rdv_com_check_options options = patient();
    options.call_limit = 0;
    ck_assert_int_eq(rdv_com_check(CLSID_TEXT, &options, never, NULL, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_com_check(CLSID_TEXT, NULL, NULL, NULL, NULL), RDV_EINVAL);
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

int main(void)
{
    Suite *suite = suite_create("com-check");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, prepare, clean);
    tcase_set_timeout(all, 0);
    if (registered_possible()) {
        tcase_add_loop_test(all, a_right_task_agent_passes_all_checks, 0, LENGTH(models));
        tcase_add_loop_test(all, a_right_task_agent_passes_in_an_apartment_of_ones_choice, 0, 2);
        tcase_add_test(all, a_task_that_fails_is_no_fault_of_the_task_agent);
        tcase_add_test(all, without_a_task_what_needs_one_is_not_tried);
        tcase_add_test(all, a_run_can_be_repeated);
        tcase_add_test(all, what_can_not_be_checked_at_all_is_an_error_in_words);
        tcase_add_loop_test(all, a_fault_is_caught_by_its_check_and_by_no_other, 0, LENGTH(faults));
        tcase_add_test(all, what_is_left_of_a_run_is_noted_and_breaks_nothing);
        tcase_add_loop_test(all, a_crash_or_a_hang_is_caught_too_and_ends_the_run, 0, LENGTH(ends));
    } else {
        rdv_test_add_unless(all, a_right_task_agent_passes_all_checks, REGISTERED_REASON);
    }
    suite_add_tcase(suite, all);
    return rdv_test_main(suite);
}
