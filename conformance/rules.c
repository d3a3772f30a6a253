/* SPDX-License-Identifier: MIT */
/*
 * The rules, in the order in which a task agent's life allows them to be tried: class object,
 * references and interfaces, name, Initialize, a task, Terminate, the last Release. check.c calls
 * rdv__rules_try() on the thread of the run. A rule that depends on another is not tried if that
 * one is broken, so that a fault shows where it is; in the end every check has a verdict.
 *
 * Each call of the task agent stands between rdv__recorder_begin_call() and
 * rdv__recorder_end_call(), which may not return.
 */
#define COBJMACROS
#include <stdlib.h>
#include <string.h>

#include "conformance/recorder.h"
#include "conformance/rules.h"
#include "conformance/witness.h"
#include "shim-com/common/convert.h"
#include "shim-com/host/apartment.h"
#include "shim-com/host/hresult_text.h"
#include "shim-com/host/notify_sink.h"

/* What an output holds before a call that has to set it to NULL. */
#define GARBAGE ((void *)(ULONG_PTR)0x5a5a5a5a)

#define SAY(trial, id, ...)       rdv__recorder_add((trial)->recorder, RDV__CHECK_##id, __VA_ARGS__)
#define HELD(trial, id)           SAY(trial, id, RDV_COM_HELD, "%s", "")
#define BROKEN(trial, id, ...)    SAY(trial, id, RDV_COM_BROKEN, __VA_ARGS__)
#define NOT_TRIED(trial, id, ...) SAY(trial, id, RDV_COM_NOT_TRIED, __VA_ARGS__)
#define BEGIN(trial, id)          rdv__recorder_begin_check((trial)->recorder, RDV__CHECK_##id)
#define HOLDS(trial, id)          rdv__recorder_holds((trial)->recorder, RDV__CHECK_##id)

/* Call the task agent. */
#define CALL(trial, what, call)                   \
    (rdv__recorder_begin_call((trial)->recorder), \
     rdv__recorder_end_call((trial)->recorder, what, call))

/* The interfaces that a task agent is asked for. */
static const struct {
    const char *name;
    const IID *iid;
} interfaces[] = {
    {"IUnknown", &IID_IUnknown},
    {"IRDVTaskPlugin", &IID_IRDVTaskPlugin},
    {"ISupportErrorInfo", &IID_ISupportErrorInfo},
    {"IProvideClassInfo", &IID_IProvideClassInfo},
    {"IDispatch", &IID_IDispatch},
    {"IMarshal", &IID_IMarshal},
    {"IPersist", &IID_IPersist},
    {"IConnectionPointContainer", &IID_IConnectionPointContainer},
    {"IExternalConnection", &IID_IExternalConnection},
};
enum { UNKNOWN, PLUGIN, KNOWN_INTERFACES = sizeof interfaces / sizeof *interfaces };

/* An interface that no object has. */
static const IID unheard_of = {
    0x1f0c9d3e, 0x7a53, 0x4c0d, {0x9d, 0x5e, 0x8b, 0x60, 0x2a, 0x1c, 0x44, 0x97}};

struct trial {
    struct rdv__recorder *recorder;
    const struct rdv__check_subject *subject;
    IRDVTaskPlugin *plugin;
    IRDVTaskPluginNotifySink *notify;
    rdv_sink *witness;
    /* The interfaces that its IRDVTaskPlugin gave before Initialize. */
    bool had[KNOWN_INTERFACES];
    /* An event that nobody sets. */
    HANDLE never;
    bool initialised;
};

/* --------------------------------------------------------------- references */

static ULONG add_ref(struct trial *trial, IUnknown *object)
{
    rdv__recorder_begin_call(trial->recorder);
    const ULONG count = IUnknown_AddRef(object);
    rdv__recorder_end_call(trial->recorder, "AddRef", S_OK);
    return count;
}

static ULONG release(struct trial *trial, IUnknown *object)
{
    rdv__recorder_begin_call(trial->recorder);
    const ULONG count = IUnknown_Release(object);
    rdv__recorder_end_call(trial->recorder, "Release", S_OK);
    return count;
}

/* How many references there are, according to the object. */
static ULONG count_references(struct trial *trial, IUnknown *object)
{
    add_ref(trial, object);
    return release(trial, object);
}

static void try_references(struct trial *trial)
{
    IUnknown *object = (IUnknown *)trial->plugin;
    ULONG counts[4];
    BEGIN(trial, REFERENCES);
    counts[0] = add_ref(trial, object);
    counts[1] = add_ref(trial, object);
    counts[2] = release(trial, object);
    counts[3] = release(trial, object);
    if (counts[1] == counts[0] + 1 && counts[2] == counts[0] && counts[3] == counts[0] - 1)
        HELD(trial, REFERENCES);
    else
        BROKEN(trial, REFERENCES, "AddRef gave %lu and %lu, Release %lu and %lu", counts[0],
               counts[1], counts[2], counts[3]);
}

/* ----------------------------------------------------------- QueryInterface */

static HRESULT query_interface(struct trial *trial, IUnknown *object, const IID *iid,
                               void **ret_object)
{
    return CALL(trial, "QueryInterface", IUnknown_QueryInterface(object, iid, ret_object));
}

/* Get an interface, or NULL; the caller releases it. */
static IUnknown *get_interface(struct trial *trial, IUnknown *object, int which)
{
    void *found = NULL;
    if (FAILED(query_interface(trial, object, interfaces[which].iid, &found)))
        return NULL;
    return found;
}

static bool has_interface(struct trial *trial, IUnknown *object, int which)
{
    IUnknown *found = get_interface(trial, object, which);
    if (found)
        release(trial, found);
    return found != NULL;
}

/*
 * Returns whether there are as many references as expected. If there are not, the check is broken,
 * and references that are too many are given back.
 */
static bool expect_references(struct trial *trial, IUnknown *object, ULONG expected,
                              const char *when)
{
    ULONG left = count_references(trial, object);
    const bool right = left == expected;
    if (!right)
        BROKEN(trial, QUERY_REFERENCES, "there %s %lu reference%s after %s, in place of %lu",
               left == 1 ? "is" : "are", left, left == 1 ? "" : "s", when, expected);
    for (; left > expected; left--)
        release(trial, object);
    return right;
}

static void try_query_references(struct trial *trial)
{
    IUnknown *object = (IUnknown *)trial->plugin;
    void *found = NULL;
    BEGIN(trial, QUERY_REFERENCES);
    if (!HOLDS(trial, REFERENCES)) {
        NOT_TRIED(trial, QUERY_REFERENCES, "'references' does not hold");
        return;
    }
    const ULONG before = count_references(trial, object);
    if (SUCCEEDED(query_interface(trial, object, &IID_IRDVTaskPlugin, &found)) && found) {
        const bool right = expect_references(trial, object, before + 1, "one that has succeeded");
        /* If QueryInterface has taken no reference, there is none to give back. */
        if (right || count_references(trial, object) > before)
            release(trial, found);
    }
    found = NULL;
    if (FAILED(query_interface(trial, object, &unheard_of, &found)))
        expect_references(trial, object, before, "one that has failed");
    if (HOLDS(trial, QUERY_REFERENCES))
        HELD(trial, QUERY_REFERENCES);
}

static void try_identity(struct trial *trial, IUnknown *const *objects)
{
    BEGIN(trial, QUERY_IDENTITY);
    for (int i = 0; i < KNOWN_INTERFACES; i++) {
        if (!objects[i])
            continue;
        IUnknown *found = get_interface(trial, objects[i], UNKNOWN);
        if (found && found != objects[UNKNOWN])
            BROKEN(trial, QUERY_IDENTITY, "%s gives another IUnknown than the object has",
                   interfaces[i].name);
        if (found)
            release(trial, found);
    }
    if (HOLDS(trial, QUERY_IDENTITY))
        HELD(trial, QUERY_IDENTITY);
}

/* Judge which interfaces give which. */
static void judge_interfaces(struct trial *trial, bool gives[KNOWN_INTERFACES][KNOWN_INTERFACES],
                             IUnknown *const *objects)
{
    for (int i = 0; i < KNOWN_INTERFACES; i++) {
        if (objects[i] && !gives[i][i])
            BROKEN(trial, QUERY_REFLEXIVE, "%s does not give itself", interfaces[i].name);
        for (int j = 0; j < KNOWN_INTERFACES; j++) {
            if (i == j || !objects[i] || !objects[j])
                continue;
            if (gives[i][j] && !gives[j][i])
                BROKEN(trial, QUERY_SYMMETRIC, "%s gives %s, but not the other way round",
                       interfaces[i].name, interfaces[j].name);
            /* If only one of the two directions is missing, query-symmetric says so already. */
            for (int k = 0; k < KNOWN_INTERFACES; k++)
                if (k != i && k != j && gives[i][j] && gives[j][k] && !gives[i][k] && !gives[k][i])
                    BROKEN(trial, QUERY_TRANSITIVE, "%s gives %s, which gives %s, but %s does not",
                           interfaces[i].name, interfaces[j].name, interfaces[k].name,
                           interfaces[i].name);
        }
    }
    if (HOLDS(trial, QUERY_REFLEXIVE))
        HELD(trial, QUERY_REFLEXIVE);
    if (HOLDS(trial, QUERY_SYMMETRIC))
        HELD(trial, QUERY_SYMMETRIC);
    if (HOLDS(trial, QUERY_TRANSITIVE))
        HELD(trial, QUERY_TRANSITIVE);
}

/* Ask each interface for each other one. */
static void try_queries(struct trial *trial)
{
    IUnknown *objects[KNOWN_INTERFACES] = {NULL};
    bool gives[KNOWN_INTERFACES][KNOWN_INTERFACES] = {{false}};
    BEGIN(trial, QUERY_REFLEXIVE);
    objects[PLUGIN] = (IUnknown *)trial->plugin;
    add_ref(trial, objects[PLUGIN]);
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < KNOWN_INTERFACES; i++)
            for (int j = 0; objects[i] && j < KNOWN_INTERFACES; j++)
                if (!objects[j]) {
                    objects[j] = get_interface(trial, objects[i], j);
                    more |= objects[j] != NULL;
                }
    }
    for (int i = 0; i < KNOWN_INTERFACES; i++)
        for (int j = 0; j < KNOWN_INTERFACES; j++)
            gives[i][j] = objects[i] && objects[j] && has_interface(trial, objects[i], j);
    judge_interfaces(trial, gives, objects);
    memcpy(trial->had, gives[PLUGIN], sizeof trial->had);
    try_identity(trial, objects);
    for (int i = 0; i < KNOWN_INTERFACES; i++)
        if (objects[i])
            release(trial, objects[i]);
}

static void try_query_outs(struct trial *trial)
{
    IUnknown *object = (IUnknown *)trial->plugin;
    char words[RDV__COM_WORDS_SIZE];
    void *found = GARBAGE;
    BEGIN(trial, QUERY_UNKNOWN);
    HRESULT result = query_interface(trial, object, &unheard_of, &found);
    if (result != E_NOINTERFACE)
        BROKEN(trial, QUERY_UNKNOWN, "it gave %s", rdv__com_words(result, words));
    else if (found)
        BROKEN(trial, QUERY_UNKNOWN, "it has not made the pointer NULL");
    else
        HELD(trial, QUERY_UNKNOWN);

    BEGIN(trial, QUERY_NULL);
    result = CALL(trial, "QueryInterface", IUnknown_QueryInterface(object, &IID_IUnknown, NULL));
    if (FAILED(result))
        HELD(trial, QUERY_NULL);
    else
        BROKEN(trial, QUERY_NULL, "it gave %s", rdv__com_words(result, words));
}

/* Whether it still has the interfaces that it had before Initialize. */
static void try_static(struct trial *trial)
{
    BEGIN(trial, QUERY_STATIC);
    if (!HOLDS(trial, QUERY_REFLEXIVE)) {
        NOT_TRIED(trial, QUERY_STATIC, "'query-reflexive' does not hold");
        return;
    }
    for (int i = 0; i < KNOWN_INTERFACES; i++)
        if (has_interface(trial, (IUnknown *)trial->plugin, i) != trial->had[i])
            BROKEN(trial, QUERY_STATIC, "it %s %s before Initialize, and now it %s",
                   trial->had[i] ? "gave" : "did not give", interfaces[i].name,
                   trial->had[i] ? "does not" : "does");
    if (HOLDS(trial, QUERY_STATIC))
        HELD(trial, QUERY_STATIC);
}

/* -------------------------------------------------- class object and library */

/*
 * The outer IUnknown of the aggregate that a class object is asked for. It is used for nothing
 * else.
 */
static HRESULT STDMETHODCALLTYPE outer_query_interface(IUnknown *self, REFIID iid, void **object)
{
    *object = IsEqualIID(iid, &IID_IUnknown) ? self : NULL;
    return *object ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE outer_count(IUnknown *self)
{
    (void)self;
    return 1;
}

static void try_class_object(struct trial *trial, IClassFactory *factory)
{
    static IUnknownVtbl outer_functions = {outer_query_interface, outer_count, outer_count};
    IUnknown outer = {&outer_functions};
    char words[RDV__COM_WORDS_SIZE];
    void *found = GARBAGE;
    HRESULT result = CALL(trial, "CreateInstance",
                          IClassFactory_CreateInstance(factory, NULL, &unheard_of, &found));
    if (result != E_NOINTERFACE)
        BROKEN(trial, CLASS_OBJECT, "asked for an interface that there is not, it gave %s",
               rdv__com_words(result, words));
    else if (found)
        BROKEN(trial, CLASS_OBJECT, "it has not made the pointer NULL");
    found = GARBAGE;
    result = CALL(trial, "CreateInstance",
                  IClassFactory_CreateInstance(factory, &outer, &IID_IRDVTaskPlugin, &found));
    if (SUCCEEDED(result)) {
        BROKEN(trial, CLASS_OBJECT, "asked for IRDVTaskPlugin of an aggregate, it gave %s",
               rdv__com_words(result, words));
        if (found && found != GARBAGE)
            release(trial, found);
    } else if (found) {
        BROKEN(trial, CLASS_OBJECT, "refusing an aggregate, it has not made the pointer NULL");
    }
    if (HOLDS(trial, CLASS_OBJECT))
        HELD(trial, CLASS_OBJECT);
}

/* Find the class's library, if it is in memory. The caller passes it to FreeLibrary(). */
static HMODULE find_library(const struct trial *trial)
{
    wchar_t path[RDV__SERVER_PATH];
    HMODULE module;
    if (!trial->subject->class.in_process ||
        MultiByteToWideChar(CP_UTF8, 0, trial->subject->class.server, -1, path, RDV__SERVER_PATH) <=
            0 ||
        !GetModuleHandleExW(0, path, &module))
        return NULL;
    return module;
}

/*
 * Ask the library whether it may be unloaded. *ret_reason says why it can't be asked, or is NULL.
 */
static HRESULT ask_unload(struct trial *trial, HMODULE library, const char **ret_reason)
{
    HRESULT(STDAPICALLTYPE * can_unload)(void) = NULL;
    FARPROC symbol = library ? GetProcAddress(library, "DllCanUnloadNow") : NULL;
    *ret_reason = !trial->subject->class.in_process ? "it is no library, but a program"
                  : !library                        ? "its library was not found in memory"
                  : !symbol                         ? "its library exports no DllCanUnloadNow"
                                                    : NULL;
    if (*ret_reason)
        return S_FALSE;
    memcpy(&can_unload, &symbol, sizeof can_unload);
    rdv__recorder_begin_call(trial->recorder);
    const HRESULT result = can_unload();
    rdv__recorder_end_call(trial->recorder, "DllCanUnloadNow",
                           S_OK); /* S_FALSE is a right answer here */
    return result;
}

/*
 * Make an object and let go of it, before anything has happened. Whether the class object is there
 * at all.
 */
static bool try_class(struct trial *trial)
{
    char words[RDV__COM_WORDS_SIZE];
    const char *reason;
    IClassFactory *factory = NULL;
    IUnknown *object = NULL;
    BEGIN(trial, CLASS_OBJECT);
    HRESULT result =
        CALL(trial, "DllGetClassObject",
             CoGetClassObject(&trial->subject->clsid, CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER,
                              NULL, &IID_IClassFactory, (void **)&factory));
    if (FAILED(result) || !factory) {
        BROKEN(trial, CLASS_OBJECT, "there is none: %s", rdv__com_words(result, words));
        return false;
    }
    HMODULE library = find_library(trial);
    try_class_object(trial, factory);
    BEGIN(trial, UNLOAD);
    result = CALL(trial, "CreateInstance",
                  IClassFactory_CreateInstance(factory, NULL, &IID_IUnknown, (void **)&object));
    if (SUCCEEDED(result) && object)
        release(trial, object);
    release(trial, (IUnknown *)factory);
    result = ask_unload(trial, library, &reason);
    if (reason)
        NOT_TRIED(trial, UNLOAD, "%s", reason);
    else if (result == S_OK)
        HELD(trial, UNLOAD);
    else
        BROKEN(trial, UNLOAD, "an object was made and released, and it gives %s",
               rdv__com_words(result, words));
    if (library)
        FreeLibrary(library);
    return true;
}

static void try_unload_after(struct trial *trial, HMODULE library)
{
    const char *reason;
    BEGIN(trial, UNLOAD_AFTER);
    const HRESULT result = ask_unload(trial, library, &reason);
    if (reason)
        NOT_TRIED(trial, UNLOAD_AFTER, "%s", reason);
    else if (result == S_OK)
        HELD(trial, UNLOAD_AFTER);
    else
        SAY(trial, UNLOAD_AFTER, RDV_COM_NOTED,
            "it says no: something is left, or it keeps itself in memory on purpose");
}

/* Create a task agent. If that fails, the check `create` is broken, and this returns NULL. */
static IRDVTaskPlugin *create_agent(struct trial *trial)
{
    char words[RDV__COM_WORDS_SIZE];
    IUnknown *object = NULL;
    void *plugin = NULL;
    HRESULT result = CALL(trial, "CreateInstance",
                          CoCreateInstance(&trial->subject->clsid, NULL,
                                           CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER,
                                           &IID_IUnknown, (void **)&object));
    if (FAILED(result) || !object) {
        BROKEN(trial, CREATE, "creating it gave %s", rdv__com_words(result, words));
        return NULL;
    }
    result = query_interface(trial, object, &IID_IRDVTaskPlugin, &plugin);
    release(trial, object);
    if (SUCCEEDED(result) && plugin)
        return plugin;
    BROKEN(trial, CREATE, "asked for IRDVTaskPlugin, it gave %s", rdv__com_words(result, words));
    return NULL;
}

/* -------------------------------------------------------------- its methods */

static void try_name(struct trial *trial)
{
    char words[RDV__COM_WORDS_SIZE], *name = NULL;
    BSTR first = NULL, second = NULL;
    BEGIN(trial, NAME);
    HRESULT result =
        CALL(trial, "PluginName", IRDVTaskPlugin_get_PluginName(trial->plugin, &first));
    if (SUCCEEDED(result))
        result = CALL(trial, "PluginName", IRDVTaskPlugin_get_PluginName(trial->plugin, &second));
    if (FAILED(result))
        BROKEN(trial, NAME, "it gave %s", rdv__com_words(result, words));
    else if (first && first == second)
        BROKEN(trial, NAME, "it gave the same string twice, and whoever gets it frees it");
    else if (rdv__com_text(first, RDV_CONTEXT_MAX, &name) != 0)
        BROKEN(trial, NAME, "its text is not well-formed UTF-16");
    else if (!*name)
        BROKEN(trial, NAME, "its text is empty");
    else
        SAY(trial, NAME, RDV_COM_HELD, "'%s'", name);
    free(name);
    SysFreeString(first);
    if (second != first)
        SysFreeString(second);

    BEGIN(trial, NAME_NULL);
    result = CALL(trial, "PluginName", IRDVTaskPlugin_get_PluginName(trial->plugin, NULL));
    if (FAILED(result))
        HELD(trial, NAME_NULL);
    else
        BROKEN(trial, NAME_NULL, "it gave %s", rdv__com_words(result, words));
}

/* Call StartTask with these strings; NULL stands for a NULL BSTR. */
static HRESULT start_task(struct trial *trial, IRDVTaskPlugin *plugin, const wchar_t *label,
                          const wchar_t *identifier)
{
    BSTR label_bstr = label ? SysAllocString(label) : NULL;
    BSTR identifier_bstr = identifier ? SysAllocString(identifier) : NULL;
    SAFEARRAY *context = NULL;
    HRESULT result = CALL(trial, "StartTask",
                          IRDVTaskPlugin_StartTask(plugin, label_bstr, identifier_bstr, &context));
    SysFreeString(label_bstr);
    SysFreeString(identifier_bstr);
    return result;
}

/*
 * This is done with an object of its own, since an object that accepts what it should refuse is of
 * no use any more.
 */
static void try_before_initialize(struct trial *trial)
{
    char words[RDV__COM_WORDS_SIZE];
    BEGIN(trial, START_BEFORE);
    IRDVTaskPlugin *scratch = create_agent(trial);
    if (!scratch) {
        BROKEN(trial, START_BEFORE, "a second object can't be created");
        NOT_TRIED(trial, INITIALIZE_NULL, "a second object can't be created");
        return;
    }
    HRESULT result = start_task(trial, scratch, L"rdvtask check", L"rdvtask check 1");
    if (FAILED(result))
        HELD(trial, START_BEFORE);
    else
        BROKEN(trial, START_BEFORE, "it gave %s", rdv__com_words(result, words));
    BEGIN(trial, INITIALIZE_NULL);
    result = CALL(trial, "Initialize", IRDVTaskPlugin_Initialize(scratch, NULL));
    if (FAILED(result))
        HELD(trial, INITIALIZE_NULL);
    else
        BROKEN(trial, INITIALIZE_NULL, "it gave %s", rdv__com_words(result, words));
    release(trial, (IUnknown *)scratch);
}

static void try_initialize(struct trial *trial)
{
    char words[RDV__COM_WORDS_SIZE];
    BEGIN(trial, INITIALIZE);
    const LONG before = rdv__notify_references(trial->notify);
    HRESULT result =
        CALL(trial, "Initialize", IRDVTaskPlugin_Initialize(trial->plugin, trial->notify));
    if (FAILED(result)) {
        BROKEN(trial, INITIALIZE, "it gave %s", rdv__com_words(result, words));
        return;
    }
    HELD(trial, INITIALIZE);
    trial->initialised = true;
    if (rdv__notify_references(trial->notify) > before)
        HELD(trial, SINK_KEPT);
    else
        BROKEN(trial, SINK_KEPT, "it has none, so it can't know how long the sink lives");
}

static void try_start_arguments(struct trial *trial)
{
    char words[RDV__COM_WORDS_SIZE];
    BEGIN(trial, START_ARGUMENTS);
    HRESULT result = start_task(trial, trial->plugin, NULL, L"rdvtask check 2");
    if (SUCCEEDED(result))
        BROKEN(trial, START_ARGUMENTS, "without a label it gave %s", rdv__com_words(result, words));
    result = start_task(trial, trial->plugin, L"rdvtask check", NULL);
    if (SUCCEEDED(result))
        BROKEN(trial, START_ARGUMENTS, "without an identifier it gave %s",
               rdv__com_words(result, words));
    if (HOLDS(trial, START_ARGUMENTS))
        HELD(trial, START_ARGUMENTS);
}

/* What StartTask is given, and what must be the same afterwards. */
struct values {
    BSTR label, identifier;
    SAFEARRAY *context;
};

static bool has_bytes(SAFEARRAY *array, const void *expected, size_t expected_size)
{
    const void *bytes;
    size_t size;
    if (rdv__com_bytes_begin(array, &bytes, &size) != 0)
        return false;
    const bool same = size == expected_size && (size == 0 || memcmp(bytes, expected, size) == 0);
    rdv__com_bytes_end(array);
    return same;
}

static void compare_values(struct trial *trial, const struct values *given, SAFEARRAY *context)
{
    const rdv_task *task = trial->subject->task;
    size_t size;
    const void *bytes = rdv_task_context(task, &size);
    char *label = NULL, *identifier = NULL;
    if (given->context != context)
        BROKEN(trial, START_VALUES, "it has put another array in place of the context");
    else if (context && context->cLocks != 0)
        BROKEN(trial, START_VALUES, "it has left the context locked");
    else if (!has_bytes(context, bytes, size))
        BROKEN(trial, START_VALUES, "it has changed the context");
    else if (rdv__com_text(given->label, RDV_NAME_MAX, &label) != 0 ||
             rdv__com_text(given->identifier, RDV_NAME_MAX, &identifier) != 0 ||
             strcmp(label, rdv_task_label(task)) != 0 ||
             strcmp(identifier, rdv_task_identifier(task)) != 0)
        BROKEN(trial, START_VALUES, "it has changed the label or the identifier");
    else
        HELD(trial, START_VALUES);
    free(label);
    free(identifier);
}

static void try_start(struct trial *trial)
{
    rdv_task *task = trial->subject->task;
    struct values given = {NULL};
    char words[RDV__COM_WORDS_SIZE], limit[RDV_DURATION_TEXT_SIZE];
    struct rdv__testimony testimony;
    size_t size;
    const void *bytes = rdv_task_context(task, &size);
    BEGIN(trial, START);
    if (rdv__com_bstr(rdv_task_label(task), &given.label) != 0 ||
        rdv__com_bstr(rdv_task_identifier(task), &given.identifier) != 0 ||
        rdv__com_array(bytes, size, &given.context) != 0 ||
        rdv__witness_expect(trial->witness, rdv_task_identifier(task)) != 0) {
        NOT_TRIED(trial, START, "%s", rdv_strerror(RDV_ENOMEM));
        goto out;
    }
    SAFEARRAY *context = given.context;
    HRESULT result =
        CALL(trial, "StartTask",
             IRDVTaskPlugin_StartTask(trial->plugin, given.label, given.identifier, &context));
    compare_values(trial, &given, context);
    if (FAILED(result)) {
        BROKEN(trial, START, "it gave %s", rdv__com_words(result, words));
        goto out;
    }
    HELD(trial, START);
    BEGIN(trial, FINAL);
    const rdv_duration wait = trial->subject->run_limit / RDV_MILLISECOND;
    rdv__apartment_wait(rdv__witness_final(trial->witness),
                        wait < INFINITE ? (DWORD)wait : INFINITE);
    rdv__witness_read(trial->witness, &testimony);
    rdv_duration_format(trial->subject->run_limit, limit, sizeof limit);
    if (testimony.final == RDV_STATUS_UNKNOWN)
        BROKEN(trial, FINAL, "it has not within %s, with %zu reports", limit, testimony.reports);
    else
        SAY(trial, FINAL, RDV_COM_HELD, "%s, with %zu reports", rdv_status_name(testimony.final),
            testimony.reports);
out:
    SysFreeString(given.label);
    SysFreeString(given.identifier);
    /* A context that is locked can't be destroyed, and one that was replaced may be gone. */
    if (HOLDS(trial, START_VALUES))
        SafeArrayDestroy(given.context);
}

static void try_terminate(struct trial *trial)
{
    char words[RDV__COM_WORDS_SIZE];
    BEGIN(trial, TERMINATE);
    HRESULT result = CALL(trial, "Terminate", IRDVTaskPlugin_Terminate(trial->plugin, S_OK));
    if (SUCCEEDED(result))
        HELD(trial, TERMINATE);
    else
        BROKEN(trial, TERMINATE, "it gave %s", rdv__com_words(result, words));
    BEGIN(trial, START_AFTER);
    result = start_task(trial, trial->plugin, L"rdvtask check", L"rdvtask check 3");
    if (FAILED(result))
        HELD(trial, START_AFTER);
    else
        BROKEN(trial, START_AFTER, "it gave %s", rdv__com_words(result, words));
}

static void judge_reports(struct trial *trial)
{
    struct rdv__testimony told;
    rdv__witness_read(trial->witness, &told);
    if (told.wrong_status[0])
        BROKEN(trial, STATUS, "%s", told.wrong_status);
    if (told.wrong_identifier[0])
        BROKEN(trial, IDENTIFIER, "%s", told.wrong_identifier);
    if (told.after_final[0])
        BROKEN(trial, AFTER_FINAL, "%s", told.after_final);
    if (told.terminated > 1)
        BROKEN(trial, TERMINATED_ONCE, "it was called %zu times", told.terminated);
    HELD(trial, TERMINATED_ONCE);
    if (!trial->subject->task)
        return;
    SAY(trial, STATUS, RDV_COM_HELD, "%zu reports", told.reports);
    HELD(trial, IDENTIFIER);
    if (told.final == RDV_STATUS_UNKNOWN)
        NOT_TRIED(trial, AFTER_FINAL, "there was no final status");
    else
        HELD(trial, AFTER_FINAL);
}

/* ------------------------------------------------------------------- its end */

static void try_end(struct trial *trial)
{
    HMODULE library = find_library(trial);
    BEGIN(trial, LAST_RELEASE);
    const ULONG left = release(trial, (IUnknown *)trial->plugin);
    trial->plugin = NULL;
    if (!HOLDS(trial, REFERENCES) || !HOLDS(trial, QUERY_REFERENCES))
        NOT_TRIED(trial, LAST_RELEASE, "its references are not counted right");
    else if (left == 0)
        HELD(trial, LAST_RELEASE);
    else
        BROKEN(trial, LAST_RELEASE, "it gave %lu", left);

    BEGIN(trial, SINK_RELEASED);
    /* Another thread of the task agent may take a moment to release the sink. */
    const ULONGLONG until =
        GetTickCount64() + (ULONGLONG)(trial->subject->call_limit / RDV_MILLISECOND);
    while (rdv__notify_references(trial->notify) > 1 && HOLDS(trial, LAST_RELEASE) &&
           GetTickCount64() < until)
        rdv__apartment_wait(trial->never, 10);
    const LONG references = rdv__notify_references(trial->notify) - 1;
    if (!trial->initialised)
        NOT_TRIED(trial, SINK_RELEASED, "it was not initialised");
    else if (references == 0)
        HELD(trial, SINK_RELEASED);
    else if (!HOLDS(trial, REFERENCES) || !HOLDS(trial, QUERY_REFERENCES) ||
             !HOLDS(trial, LAST_RELEASE))
        NOT_TRIED(trial, SINK_RELEASED, "its object is still there");
    else
        BROKEN(trial, SINK_RELEASED, "there %s %ld left", references == 1 ? "is" : "are",
               references);
    try_unload_after(trial, library);
    if (library)
        FreeLibrary(library);
}

/* Give the verdict "not tried" to all checks of a range that have none yet. */
static void leave_out_checks(struct trial *trial, enum rdv__check_id first, enum rdv__check_id last,
                             const char *reason)
{
    for (int i = (int)first; i <= (int)last; i++)
        rdv__recorder_add(trial->recorder, (enum rdv__check_id)i, RDV_COM_NOT_TRIED, "%s", reason);
}

/* Try the rules from Initialize to Terminate. */
static void try_life(struct trial *trial)
{
    try_initialize(trial);
    if (!trial->initialised) {
        leave_out_checks(trial, RDV__CHECK_QUERY_STATIC, RDV__CHECK_QUERY_STATIC,
                         "'initialize' does not hold");
        leave_out_checks(trial, RDV__CHECK_SINK_KEPT, RDV__CHECK_TERMINATED_ONCE,
                         "'initialize' does not hold");
        return;
    }
    try_static(trial);
    try_start_arguments(trial);
    if (trial->subject->task)
        try_start(trial);
    try_terminate(trial);
    judge_reports(trial);
    leave_out_checks(trial, RDV__CHECK_START, RDV__CHECK_AFTER_FINAL,
                     trial->subject->task ? "'start' does not hold"
                                          : "no label was given to start");
}

void rdv__rules_try(struct rdv__recorder *recorder, const struct rdv__check_subject *subject)
{
    struct trial trial = {.recorder = recorder, .subject = subject};
    const enum rdv__check_id last = RDV__CHECK_UNLOAD_AFTER;
    trial.witness = rdv__witness_new();
    trial.never = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!trial.witness || !trial.never || rdv__notify_new(trial.witness, &trial.notify) != 0) {
        leave_out_checks(&trial, RDV__CHECK_CLASS_OBJECT, last, rdv_strerror(RDV_ENOMEM));
        goto out;
    }
    const bool made = try_class(&trial);
    if (!made)
        leave_out_checks(&trial, RDV__CHECK_UNLOAD, last, "'class-object' does not hold");
    BEGIN(&trial, CREATE);
    trial.plugin = made ? create_agent(&trial) : NULL;
    if (!trial.plugin) {
        leave_out_checks(&trial, RDV__CHECK_REFERENCES, last, "'create' does not hold");
        goto out;
    }
    HELD(&trial, CREATE);
    try_references(&trial);
    try_query_references(&trial);
    try_queries(&trial);
    try_query_outs(&trial);
    try_name(&trial);
    try_before_initialize(&trial);
    try_life(&trial);
    try_end(&trial);
out:
    rdv__recorder_add(recorder, RDV__CHECK_RESULTS, RDV_COM_HELD, "%s", "");
    if (trial.notify)
        IRDVTaskPluginNotifySink_Release(trial.notify);
    if (trial.witness)
        trial.witness->ops->unref(trial.witness);
    if (trial.never)
        CloseHandle(trial.never);
}
