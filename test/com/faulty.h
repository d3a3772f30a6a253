/* SPDX-License-Identifier: MIT */
/*
 * A COM task agent for tests: its labels, the faults that can be planted in it, and what it shows
 * to a test.
 */
#ifndef RDV_TEST_FAULTY_H
#define RDV_TEST_FAULTY_H

#include <windows.h>

#define FAULTY_CLSID L"{6f0d5a0e-3a55-4d3b-8a58-5f1d0c4b7c21}"

/*
 * The environment variable that names the fault of the objects that are made from then on. If it
 * isn't set, they have none.
 */
#define FAULTY_VARIABLE L"RDV_TEST_FAULT"

/*
 * Labels: "succeed", "fail" (reported by a thread of its own); "refuse" (StartTask fails);
 * "context" (succeeds if that is "bytes"); "wait" (stays under way until Terminate); "block"
 * (StartTask does not return before the event FAULTY_GATE is set); "stall" (the same, and then it
 * fails); "plan" (schedules the task "planned", label "succeed", and deletes "unwanted"); "leave"
 * (asks to be shut down).
 */
#define FAULTY_GATE L"rdvtask-test-gate"

/* What its library lets a test see: exported as faulty_state(). */
struct faulty_state {
    LONG objects; /* alive */
    LONG initialised, terminated,
        started;          /* calls; of Initialize and StartTask those that worked */
    DWORD created_on;     /* the thread */
    DWORD called_on;      /* of the last StartTask */
    LONG single_threaded; /* whether its apartment was */
    HRESULT schedule_result, delete_result, report_result; /* what the sink gave, last */
    HRESULT refused_result;                                /* of a report, the last failure */
    HRESULT reason;                                        /* of Terminate */
};

typedef struct faulty_state *(*faulty_state_fn)(void);

#endif
