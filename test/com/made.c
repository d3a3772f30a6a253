/* SPDX-License-Identifier: MIT */
/* The class of the tests of the server side: its handlers, its log, and its objects. */
#define COBJMACROS
#include "made.h"

#include <string.h>

#include <check.h>
#include <oleauto.h>

/* The class is not registered anywhere. */
static const CLSID made_clsid = {
    0x60b19bff, 0x9f49, 0x430a, {0xa3, 0x06, 0x6e, 0xc0, 0x56, 0xa8, 0x84, 0x44}};

#define HELD 64

int made_open_result;
volatile LONG made_calls;
char made_context[64];
size_t made_context_size;
HANDLE made_held;

static CRITICAL_SECTION lock;
static rdv_run *held[HELD];
static size_t held_count;
static char log_text[4096];

/* ---------------------------------------------------------------- handlers */

static void report_status(rdv_run *run, rdv_status status)
{
    rdv_report report = RDV_REPORT_INIT;
    report.status = status;
    rdv_run_report(run, &report);
}

static void quick(rdv_run *run, void *user)
{
    (void)user;
    const void *context = rdv_task_context(rdv_run_task(run), &made_context_size);
    if (made_context_size <= sizeof made_context)
        memcpy(made_context, context, made_context_size);
    InterlockedIncrement(&made_calls);
    rdv_run_finish(run, 0, NULL);
}

static void failing(rdv_run *run, void *user)
{
    (void)user;
    InterlockedIncrement(&made_calls);
    rdv_run_finish(run, 3, "as it should");
}

static void steps(rdv_run *run, void *user)
{
    (void)user;
    InterlockedIncrement(&made_calls);
    report_status(run, RDV_STATUS_SEARCHING);
    report_status(run, RDV_STATUS_DOWNLOADING);
    report_status(run, RDV_STATUS_APPLYING);
    rdv_run_finish(run, 0, NULL);
}

static void hold(rdv_run *run, void *user)
{
    (void)user;
    InterlockedIncrement(&made_calls);
    report_status(run, RDV_STATUS_SEARCHING);
    EnterCriticalSection(&lock);
    if (held_count < HELD)
        held[held_count++] = run;
    LeaveCriticalSection(&lock);
    SetEvent(made_held);
}

static void wait_for_end(rdv_run *run, void *user)
{
    (void)user;
    InterlockedIncrement(&made_calls);
    report_status(run, RDV_STATUS_SEARCHING);
    SetEvent(made_held);
    while (!rdv_run_cancelled(run))
        Sleep(1);
    rdv_run_finish(run, RDV_ECANCELLED, NULL);
}

/* --------------------------------------------------------------- the class */

static int open_agent(void *user, rdv_loop *loop, rdv_store **ret_store, rdv_agent **ret_agent)
{
    (void)user;
    if (made_open_result)
        return made_open_result;
    rdv_store *store;
    rdv_agent *agent;
    int result = rdv_store_open(NULL, NULL, &store, NULL);
    if (result)
        return result;
    result = rdv_agent_new(loop, store, NULL, &agent);
    if (result) {
        rdv_store_close(store);
        return result;
    }
    rdv_agent_add_handler(agent, "quick", quick, NULL, 0);
    rdv_agent_add_handler(agent, "failing", failing, NULL, 0);
    rdv_agent_add_handler(agent, "steps", steps, NULL, 0);
    rdv_agent_add_handler(agent, "held", hold, NULL, 0);
    rdv_agent_add_handler(agent, "waiting", wait_for_end, NULL, RDV_HANDLER_THREAD);
    *ret_store = store;
    *ret_agent = agent;
    return 0;
}

static void log_line(void *user, rdv_log_level level, const char *text)
{
    (void)user, (void)level;
    EnterCriticalSection(&lock);
    if (strlen(log_text) + strlen(text) + 2 < sizeof log_text) {
        strcat(log_text, text);
        strcat(log_text, "\n");
    }
    LeaveCriticalSection(&lock);
}

const rdv_com_class made_class = {
    .size = sizeof made_class,
    .clsid = &made_clsid,
    .name = MADE_NAME,
    .open = open_agent,
    .log = {.write = log_line},
};

void made_begin(void)
{
    static bool made;
    if (!made) {
        InitializeCriticalSection(&lock);
        made_held = CreateEventW(NULL, FALSE, FALSE, NULL);
        made = true;
    }
    ResetEvent(made_held);
    made_open_result = 0;
    made_calls = 0;
    made_context_size = 0;
    held_count = 0;
    log_text[0] = '\0';
}

void made_end(void)
{
    made_let_go(0);
}

void made_let_go(int result)
{
    EnterCriticalSection(&lock);
    for (size_t i = 0; i < held_count; i++)
        rdv_run_finish(held[i], result, NULL);
    held_count = 0;
    LeaveCriticalSection(&lock);
}

bool made_is_cancelled(void)
{
    EnterCriticalSection(&lock);
    const bool cancelled = held_count > 0 && rdv_run_cancelled(held[0]);
    LeaveCriticalSection(&lock);
    return cancelled;
}

IRDVTaskPlugin *made_new(void)
{
    IClassFactory *factory;
    IRDVTaskPlugin *plugin;
    ck_assert_int_eq(
        rdv_com_class_object(&made_class, &made_clsid, &IID_IClassFactory, (void **)&factory),
        S_OK);
    ck_assert_int_eq(
        IClassFactory_CreateInstance(factory, NULL, &IID_IRDVTaskPlugin, (void **)&plugin), S_OK);
    IClassFactory_Release(factory);
    return plugin;
}

IRDVTaskPlugin *made_started(struct client *client)
{
    IRDVTaskPlugin *plugin = made_new();
    ck_assert_int_eq(client_initialize(client, plugin), S_OK);
    return plugin;
}

HRESULT made_start(IRDVTaskPlugin *plugin, const wchar_t *label, const wchar_t *identifier)
{
    BSTR label_bstr = SysAllocString(label), identifier_bstr = SysAllocString(identifier);
    const HRESULT result = IRDVTaskPlugin_StartTask(plugin, label_bstr, identifier_bstr, NULL);
    SysFreeString(label_bstr);
    SysFreeString(identifier_bstr);
    return result;
}

bool made_logged(const char *words)
{
    EnterCriticalSection(&lock);
    const bool has = strstr(log_text, words) != NULL;
    LeaveCriticalSection(&lock);
    return has;
}
