/* SPDX-License-Identifier: MIT */
/*
 * What the end of a step's process means for the run: whether the step is done, has failed, or asks
 * for a reboot, and how often and when it is tried again. command_run_step.c and
 * command_run_reboot.c ask. These are pure functions of what the document says and how the process
 * ended.
 */
#include "agent/step_result.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agent/output.h"
#include "platform/platform.h"

void rdv__step_ended(const struct rdv__step *step, bool timed_out, int result, int code,
                     struct rdv__step_end *ret_end)
{
    char *words = ret_end->words;
    size_t size = sizeof ret_end->words;
    ret_end->kind = RDV__STEP_FAILED;
    ret_end->code = code;
    words[0] = '\0';

    if (timed_out) {
        char timeout[RDV_DURATION_TEXT_SIZE];
        rdv_duration_format(step->timeout, timeout, sizeof timeout);
        snprintf(words, size, "ran past its timeout of %s", timeout);
        ret_end->code = RDV_ETIMEDOUT;
    } else if (result) {
        snprintf(words, size, "the system can't tell how it ended");
        ret_end->code = result;
    } else if (code < 0) {
        ret_end->code = rdv__plat_end_words(code, words, size);
    } else if (code == 0) {
        ret_end->kind = RDV__STEP_DONE;
    } else {
        snprintf(words, size, "exit code %d", code);
        enum rdv__plat_exit meaning = rdv__plat_exit_means(code);
        if (code == RDV__EXIT_LATER)
            ret_end->kind = RDV__STEP_LATER;
        else if (code == RDV__EXIT_REBOOT || meaning == RDV__EXIT_MEANS_REBOOT)
            ret_end->kind = RDV__STEP_REBOOT;
        else if (meaning == RDV__EXIT_MEANS_REBOOTING)
            ret_end->kind = RDV__STEP_REBOOTING;
    }
}

void rdv__step_not_started(int result, const char *words, struct rdv__step_end *ret_end)
{
    ret_end->kind = RDV__STEP_FAILED;
    ret_end->code = result;
    rdv__output_show(words, strlen(words), ret_end->words, sizeof ret_end->words);
}

void rdv__step_not_started_in_time(const struct rdv__step *step, struct rdv__step_end *ret_end)
{
    char timeout[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(step->timeout, timeout, sizeof timeout);
    ret_end->kind = RDV__STEP_FAILED;
    ret_end->code = RDV_ETIMEDOUT;
    snprintf(ret_end->words, sizeof ret_end->words, "could not be started within its timeout of %s",
             timeout);
}

int rdv__step_retries(const struct rdv__step *step, const struct rdv__step_end *end)
{
    assert(end->kind == RDV__STEP_LATER || end->kind == RDV__STEP_FAILED);
    if (step->retries >= 0)
        return step->retries;
    return end->kind == RDV__STEP_LATER ? RDV__RETRIES_LATER : 0;
}

rdv_duration rdv__step_delay(const struct rdv__step *step, int failures)
{
    rdv_duration delay = step->retry_delay;
    assert(delay >= 0 && failures >= 1);
    for (int i = 1; i < failures && delay < RDV__RETRY_DELAY_MAX; i++)
        delay *= 2;
    return delay < RDV__RETRY_DELAY_MAX ? delay : RDV__RETRY_DELAY_MAX;
}

bool rdv__step_is_short(int result)
{
    return result == RDV_ENOMEM || result == RDV_ERESOURCES;
}

const char *rdv__step_program(const struct rdv__step *step, char buffer[RDV__PROGRAM_SHOWN])
{
    const char *name = rdv__plat_last_part(step->argv[0]);
    rdv__output_show(name, strlen(name), buffer, RDV__PROGRAM_SHOWN);
    return buffer;
}
