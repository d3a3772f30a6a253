/* SPDX-License-Identifier: MIT */
/*
 * A conformance run, between what leads it (check.c: its thread, its time, crashes, what came out) and the rules themselves
 * (rules.c). The rules are tried on one thread, which is left alone when it does not come back.
 */
#ifndef RDV__COM_CHECK_H
#define RDV__COM_CHECK_H

#include <stdbool.h>

#include <windows.h>

#include <objbase.h>

#include <rdvtask/com_host.h>

#include "error.h"
#include "registry.h"

/* X(constant, name, rule), in the order in which they are told. Names are part of the interface. */
#define RDV__CHECKS(X)                                                                             \
    X(CLASS_OBJECT, "class-object",                                                                \
      "The class object gives E_NOINTERFACE and NULL for an interface that its objects lack, and " \
      "for an aggregate anything but IUnknown fails")                                              \
    X(UNLOAD, "unload", "With no object left, DllCanUnloadNow gives S_OK")                         \
    X(CREATE, "create", "It can be created, and has the interface IRDVTaskPlugin")                 \
    X(REFERENCES, "references", "AddRef and Release give the count, one up and one down")          \
    X(QUERY_REFERENCES, "query-references",                                                        \
      "QueryInterface takes one reference if it succeeds, and none if it fails")                   \
    X(QUERY_IDENTITY, "query-identity", "Asked for IUnknown, it always gives the same pointer")    \
    X(QUERY_REFLEXIVE, "query-reflexive", "Each interface gives itself")                           \
    X(QUERY_SYMMETRIC, "query-symmetric", "An interface gives back the one that has given it")     \
    X(QUERY_TRANSITIVE, "query-transitive",                                                        \
      "What can be had by way of another interface can be had directly")                           \
    X(QUERY_STATIC, "query-static", "Initialize changes nothing about which interfaces there are") \
    X(QUERY_UNKNOWN, "query-unknown",                                                              \
      "For an interface that there is not, QueryInterface gives E_NOINTERFACE and NULL")           \
    X(QUERY_NULL, "query-null", "QueryInterface fails if there is nowhere to put the result")      \
    X(NAME, "name",                                                                                \
      "PluginName gives a text, before Initialize too, and each time a copy of its own")           \
    X(NAME_NULL, "name-null", "PluginName fails if there is nowhere to put the result")            \
    X(START_BEFORE, "start-before-initialize", "StartTask fails before Initialize")                \
    X(INITIALIZE_NULL, "initialize-null", "Initialize fails without a sink")                       \
    X(INITIALIZE, "initialize", "Initialize succeeds")                                             \
    X(SINK_KEPT, "sink-kept", "Initialize takes a reference to the sink")                          \
    X(START_ARGUMENTS, "start-arguments", "StartTask fails without a label or an identifier")      \
    X(START, "start", "StartTask succeeds")                                                        \
    X(START_VALUES, "start-values", "StartTask leaves the values that it is given as they are")    \
    X(FINAL, "final-status", "The task comes to SUCCESS or FAILED in time")                        \
    X(STATUS, "status", "Only statuses from SEARCHING to FAILED are reported")                     \
    X(IDENTIFIER, "identifier", "Reports are for tasks that were started")                         \
    X(AFTER_FINAL, "after-final", "Nothing is reported after the final status")                    \
    X(TERMINATE, "terminate", "Terminate succeeds")                                                \
    X(START_AFTER, "start-after-terminate", "StartTask fails after Terminate")                     \
    X(TERMINATED_ONCE, "terminated-once", "OnTerminated is called at most once")                   \
    X(LAST_RELEASE, "last-release", "After Terminate, the last Release gives 0")                   \
    X(SINK_RELEASED, "sink-released", "No reference to the sink is left after that")               \
    X(UNLOAD_AFTER, "unload-after-run", "After all that, DllCanUnloadNow gives S_OK")              \
    X(RESULTS, "results", "Each call gave S_OK or a failure, and no other number")

enum rdv__check_id {
#define RDV__CHECK_ENUM(constant, name, rule) RDV__CHECK_##constant,
    RDV__CHECKS(RDV__CHECK_ENUM)
#undef RDV__CHECK_ENUM
        RDV__CHECK_COUNT
};

struct rdv__check;

/* What is to be checked, and how. */
struct rdv__check_subject {
    CLSID clsid;
    struct rdv__class class;
    rdv_com_apartment apartment;
    rdv_task *task; /* NULL = none is started */
    rdv_duration run_limit, call_limit;
};

/* Try all rules; in the apartment. */
void rdv__check_rules(struct rdv__check *check, const struct rdv__check_subject *subject);

/* This one is tried now: what hangs or crashes from here on breaks it. */
void rdv__check_begin(struct rdv__check *check, enum rdv__check_id id);

/* Around each call of the task agent. after: returns result; does not return if nobody waits for it any more. */
void rdv__check_before(struct rdv__check *check);
HRESULT rdv__check_after(struct rdv__check *check, const char *what, HRESULT result);

/* What came out; the first word on a check stands. format may be "". */
void rdv__check_say(struct rdv__check *check, enum rdv__check_id id, rdv_com_verdict verdict,
                    const char *format, ...) RDV__PRINTF(4, 5);

/* Whether it has not been broken so far. */
bool rdv__check_holds(struct rdv__check *check, enum rdv__check_id id);

#endif
