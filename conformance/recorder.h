/* SPDX-License-Identifier: MIT */
/*
 * What a conformance run has found so far. Two threads share it: the one on which rules.c tries the
 * rules, and the one on which check.c waits for it.
 */
#ifndef RDV__COM_RECORDER_H
#define RDV__COM_RECORDER_H

#include <stdbool.h>

#include <windows.h>

#include "base/error.h"
#include <rdvtask/com_host.h>

#define RDV__FINDING_SIZE 512 /* bytes of a finding's words, with the NUL */

/*
 * X(constant, name, rule), in the order in which findings are handed out. Names are part of the
 * public interface.
 */
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

struct rdv__recorder;

/* NULL without memory. A call of the task agent has `call_limit` to return. */
struct rdv__recorder *rdv__recorder_new(rdv_duration call_limit);
void rdv__recorder_free(struct rdv__recorder *recorder); /* NULL is fine */

/* ---- for the thread that tries the rules ---- */

/*
 * From here on this check is tried: it is the one that is broken if the task agent hangs or
 * crashes.
 */
void rdv__recorder_begin_check(struct rdv__recorder *recorder, enum rdv__check_id id);

/*
 * Around each call of the task agent. The end returns `result`, or does not return at all if the
 * run has been cut off meanwhile.
 */
void rdv__recorder_begin_call(struct rdv__recorder *recorder);
HRESULT rdv__recorder_end_call(struct rdv__recorder *recorder, const char *what, HRESULT result);

/*
 * Record a verdict on a check, with its words, which may be "". Only the first verdict on a check
 * counts.
 */
void rdv__recorder_add(struct rdv__recorder *recorder, enum rdv__check_id id,
                       rdv_com_verdict verdict, const char *format, ...) RDV__PRINTF(4, 5);

/* Whether the check has not been broken so far. */
bool rdv__recorder_holds(struct rdv__recorder *recorder, enum rdv__check_id id);

/* ---- for the thread that waits ---- */

/* An event that is set whenever a call begins or ends, and so whenever the deadline changes. */
HANDLE rdv__recorder_moved(struct rdv__recorder *recorder);

/*
 * When the call that is under way must have returned, as GetTickCount64() counts; 0 if none is
 * under way.
 */
ULONGLONG rdv__recorder_deadline(struct rdv__recorder *recorder);

/*
 * If the deadline is still this one, cut the run off: nothing more is recorded. Returns whether
 * that was so.
 */
bool rdv__recorder_cut_off_if_late(struct rdv__recorder *recorder, ULONGLONG deadline);

/*
 * Cut the run off: the check that was being tried is broken, and `words` say how; what has no
 * verdict was not tried.
 */
void rdv__recorder_cut_off(struct rdv__recorder *recorder, const char *words);

/*
 * Hand out one finding for each check, in their order. Every check has a verdict by then. 0, or
 * RDV_EFAILED if one is broken.
 */
int rdv__recorder_hand_out(struct rdv__recorder *recorder, rdv_com_finding_fn fn, void *user);

#endif
