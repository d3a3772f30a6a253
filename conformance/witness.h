/* SPDX-License-Identifier: MIT */
/* A sink that writes down what a task agent tells it, and answers as our trigger agent would. */
#ifndef RDV__COM_WITNESS_H
#define RDV__COM_WITNESS_H

#include <stdbool.h>

#include <windows.h>

#include <rdvtask/plugin.h>

#define RDV__WITNESS_WORDS 160

/* What was told so far. Words are "" where nothing was wrong, else they say what was first. */
struct rdv__testimony {
    size_t scheduled, deleted, reports, terminated;
    rdv_status final;                          /* SUCCESS or FAILED, else UNKNOWN */
    char wrong_status[RDV__WITNESS_WORDS];     /* a status that is not a task agent's */
    char wrong_identifier[RDV__WITNESS_WORDS]; /* of a task that was not started */
    char after_final[RDV__WITNESS_WORDS];
};

/* One reference, the caller's. NULL without memory. */
rdv_sink *rdv__witness_new(void);

/* From now on this task is started; what comes for another is wrong. */
int rdv__witness_expect(rdv_sink *witness, const char *identifier);

/* Manual-reset; set once the task has come to its final status. */
HANDLE rdv__witness_final(rdv_sink *witness);

void rdv__witness_read(rdv_sink *witness, struct rdv__testimony *ret_testimony);

#endif
