/* SPDX-License-Identifier: MIT */
/* What the end of a step's process means: pure functions. */
#ifndef RDV__AGENT_STEP_RESULT_H
#define RDV__AGENT_STEP_RESULT_H

#include <stdbool.h>

#include "document/handlers.h"
#include <rdvtask/base.h>

/*
 * Exit codes that mean more than "failed", beside those of the system: see rdv__plat_exit_means().
 */
#define RDV__EXIT_LATER  75  /* try again later */
#define RDV__EXIT_REBOOT 194 /* done, reboot needed */

/* How often a step that asks to be tried again is tried again, if its document does not say. */
#define RDV__RETRIES_LATER 3

enum rdv__step_kind {
    RDV__STEP_DONE,
    /* Failed, and asks to be tried again. */
    RDV__STEP_LATER,
    /* Failed. */
    RDV__STEP_FAILED,
    /* Done, and a reboot is needed. */
    RDV__STEP_REBOOT,
    /* Done, and the machine has begun to reboot. */
    RDV__STEP_REBOOTING
};

struct rdv__step_end {
    enum rdv__step_kind kind;
    /*
     * The code for the report: the exit code, what the system has in its place, or an RDV_E… code.
     */
    int code;
    /* Such as "exit code 100". */
    char words[512];
};

/* Fill in how a step has ended. timed_out: it was ended as its timeout was over. result and code
 * are those of `ended` in process.h. */
void rdv__step_ended(const struct rdv__step *step, bool timed_out, int result, int code,
                     struct rdv__step_end *ret_end);

/* Fill in that the step could not be started at all, in these words. */
void rdv__step_not_started(int result, const char *words, struct rdv__step_end *ret_end);

/* Fill in that the program could not be started in the time that the step's timeout allows. */
void rdv__step_not_started_in_time(const struct rdv__step *step, struct rdv__step_end *ret_end);

/* How often the step may be tried again after such an end. */
int rdv__step_retries(const struct rdv__step *step, const struct rdv__step_end *end);

/* How long to wait before the next try, after so many (at least 1) have failed. */
rdv_duration rdv__step_delay(const struct rdv__step *step, int failures);

/* Whether what could not be started, with this result, is worth another try later: the system was
 * short of descriptors, processes or memory. */
bool rdv__step_is_short(int result);

/* Write the last part of the program's path, fit to be shown, and return buffer. */
#define RDV__PROGRAM_SHOWN 64
const char *rdv__step_program(const struct rdv__step *step, char buffer[RDV__PROGRAM_SHOWN]);

#endif
