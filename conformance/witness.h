/* SPDX-License-Identifier: MIT */
/* A sink that records what a task agent tells it, and answers as our trigger agent would. */
#ifndef RDV__COM_WITNESS_H
#define RDV__COM_WITNESS_H

#include <stdbool.h>

#include <windows.h>

#include <rdvtask/plugin.h>

#define RDV__WITNESS_WORDS 160

/* What the sink was told so far. Each text says what was wrong first, and is "" if nothing was. */
struct rdv__testimony {
    size_t scheduled, deleted, reports, terminated;
    /* SUCCESS or FAILED; UNKNOWN as long as neither was reported. */
    rdv_status final;
    /*
     * A status that a task agent must not report; a task that was not started; a report after the
     * final one.
     */
    char wrong_status[RDV__WITNESS_WORDS];
    char wrong_identifier[RDV__WITNESS_WORDS];
    char after_final[RDV__WITNESS_WORDS];
};

/* Returns a sink with one reference, or NULL without memory. */
rdv_sink *rdv__witness_new(void);

/* Expect reports for this task from now on, and for no other. 0 or RDV_ENOMEM. */
int rdv__witness_expect(rdv_sink *witness, const char *identifier);

/* An event that is set, and stays set, once the task has come to its final status. */
HANDLE rdv__witness_final(rdv_sink *witness);

/* Copy what was told so far. */
void rdv__witness_read(rdv_sink *witness, struct rdv__testimony *ret_testimony);

#endif
