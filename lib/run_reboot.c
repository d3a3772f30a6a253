/* SPDX-License-Identifier: MIT */
/* How a run of steps asks for a reboot, and does it: see run_steps.c for the phases. Who does it, and when, is runs.c's. */
#include "steps.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "boot.h"
#include "error.h"
#include "folder.h"
#include "output.h"
#include "task.h"

/* ----------------------------------------------------------------- reboots */

/* A run without a rule for that ends with the exit code of the step that has asked. */
static bool needs_reboot(const struct steps *run)
{
    return run->boot_id[0] != '\0' && !run->handler->reboot.step.argv;
}

void rdv__steps_finish_done(struct steps *run)
{
    run->message[0] = '\0';
    if (needs_reboot(run))
        rdv__steps_say(run, "done; a reboot is needed");
    rdv__steps_finish(run, RDV_STATUS_SUCCESS, needs_reboot(run) ? RDV__EXIT_REBOOT : 0);
}

void rdv__steps_fail_soon(struct steps *run, int code, const char *before, const char *words)
{
    rdv__steps_say(run, "%s: %s", before, words);
    rdv__steps_finish_soon(run, code);
}

/* Put on disk that the run asks, and why, and tell it if that can be done in the same commit. */
static void record_asking(struct steps *run)
{
    if (run->phase == PUT_OFF && rdv__steps_is_over(run))
        return;
    int result = rdv__steps_journal(run, run->going_down ? REBOOTING : ASKING, run->attempt,
                                    "reboot", record_asking);
    if (result) {
        rdv__steps_put_off_for_store(run, record_asking, result);
        return;
    }
    run->status = RDV_STATUS_REBOOTING;
    run->code = 0;
    run->progress = -1;
    rdv__steps_tell(run);
}

/*
 * Ask for a reboot, for the reason that the message gives, with this step to follow it. That is on disk, with the report if the
 * sink has the same store, before anything is done.
 */
void rdv__steps_ask_for_reboot(struct steps *run, size_t next)
{
    struct rdv_error error = {0};
    run->step = next;
    run->failures = 0;
    if (run->reboots >= RDV__REBOOTS_MAX) {
        char why[RDV_MESSAGE_MAX + 1];
        memcpy(why, run->message, sizeof why);
        rdv__steps_say(run, "rebooted %d times, and that is enough (%s)", run->reboots, why);
        rdv__steps_finish_soon(run, RDV_EFAILED);
        return;
    }
    int result = rdv__runs_boot_id(run->run.runs, run->boot_id, &error);
    if (result) {
        rdv__steps_fail_soon(run, result, "cannot reboot", error.text);
        return;
    }
    run->reboots++;
    run->stale = true;
    rdv__runs_ask(&run->run);
    record_asking(run);
}

/* The reason is said. May free the run. */
static void reboot_before(struct steps *run, size_t next)
{
    if (!run->interrupted) {
        rdv__steps_ask_for_reboot(run, next);
        return;
    }
    /* For the next process to ask. */
    if (!rdv__runs_boot_id(run->run.runs, run->boot_id, NULL)) {
        run->step = next;
        run->failures = 0;
        run->stale = true;
        rdv__steps_note(run, run->attempt, "reboot");
    }
    rdv__steps_leave(run);
}

void rdv__steps_reboot_begun(struct steps *run)
{
    run->going_down = true;
    rdv__steps_say_step(run, "rebooting: ", " has begun it");
    reboot_before(run, run->step + 1);
}

/* Whether a step that has ended so is followed by a reboot; then it is asked for. */
bool rdv__steps_reboot_after(struct steps *run, bool asked)
{
    const struct rdv__reboot *rule = &run->handler->reboot;
    size_t next = run->step + 1;
    if (rule->step.argv && asked) {
        rdv__steps_say_step(run, "rebooting: ", " asks for it");
    } else if (rule->when_exists && next == run->handler->step_count &&
               rdv__folder_has(rule->when_exists)) {
        rdv__steps_say(run, "rebooting: %s exists", rule->when_exists);
    } else {
        return false;
    }
    reboot_before(run, next);
    return true;
}

/* A step has asked for a reboot, and there is no rule. */
void rdv__steps_remember_reboot(struct steps *run)
{
    struct rdv_error error;
    if (rdv__runs_boot_id(run->run.runs, run->boot_id, &error)) {
        rdv__log(log_of(run), RDV_LOG_WARNING, "%s: %s", identifier_of(run), error.text);
        snprintf(run->boot_id, sizeof run->boot_id, "?");
    }
    run->stale = true;
}

/* ------------------------------------------------------- the reboot itself */

/* May free the run. */
static void reboot_failed(struct steps *run, int code, const char *words, const char *line)
{
    char program[RDV__PROGRAM_SHOWN];
    rdv__steps_say(run, "cannot reboot (%s): %s%s%s",
                   rdv__step_program(&run->handler->reboot.step, program), words, *line ? ": " : "",
                   line);
    rdv__steps_finish(run, RDV_STATUS_FAILED, code);
}

/* May free the run. */
void rdv__steps_stay_up(struct steps *run)
{
    char wait[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(run->run.runs->reboot_wait, wait, sizeof wait);
    rdv__steps_say(run, "the machine did not reboot within %s", wait);
    rdv__steps_finish(run, RDV_STATUS_FAILED, RDV_ETIMEDOUT);
}

static void hear_reboot_end(void *user, int result, int code)
{
    struct steps *run = user;
    struct rdv__step_end end;
    char line[LINE_SHOWN] = "";
    rdv__steps_read_end(run, &run->handler->reboot.step, false, result, code, &end);
    rdv__process_free(run->process);
    run->process = NULL;
    if (run->interrupted && !run->cancelled) {
        rdv__steps_leave(
            run); /* the system shuts down, most likely: the row says what we asked for */
    } else if (rdv__steps_is_over(run)) {
        return;
    } else if (run->timed_out) {
        rdv__steps_stay_up(run);
    } else if (end.kind != RDV__STEP_DONE && end.kind != RDV__STEP_REBOOTING) {
        rdv__output_last_line(run->output, line, sizeof line);
        reboot_failed(run, end.code, end.words, line);
    }
    /* Else the timer waits for the machine to go down. */
}

/* All that is to be kept is on disk. May free the run. */
void rdv__steps_begin_reboot(struct steps *run)
{
    struct rdv_error error = {0};
    run->timed_out = false;
    if (run->going_down) {
        rdv_timer_start(run->timer, run->run.runs->reboot_wait);
        return;
    }
    rdv__log(log_of(run), RDV_LOG_INFO, "%s: the machine is rebooted now", identifier_of(run));
    int result = rdv__steps_start_process(run, &run->handler->reboot.step, hear_reboot_end, &error);
    if (result)
        reboot_failed(run, result, error.text, "");
    else
        rdv_timer_start(run->timer, run->run.runs->reboot_wait);
}

/* First, what the others have written when they came to rest has to be on disk. */
static void record_all(struct steps *run)
{
    if (run->phase == PUT_OFF && rdv__steps_is_over(run))
        return;
    int result = rdv__steps_journal(run, REBOOTING, run->attempt, NULL, record_all);
    if (result)
        rdv__steps_put_off_for_store(run, record_all, result);
}

void rdv__steps_reboot(struct rdv__run *base)
{
    assert(of(base)->phase == ASKED);
    record_all(of(base));
}
