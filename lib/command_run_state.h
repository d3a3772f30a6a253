/* SPDX-License-Identifier: MIT */
/*
 * A run of steps, for the files that it is made of: run_steps.c has its life, run_start.c how it begins, or is taken up after another
 * process has left it, run_reboot.c its reboots, run_process.c its processes, and steps.c what all of them need: words, reports, the
 * journal, the end.
 */
#ifndef RDV__STEPS_H
#define RDV__STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"
#include "handlers.h"
#include "orphans.h"
#include "process.h"
#include "run_table.h"
#include "step_result.h"
#include "store.h"

/* How much of a message is the last line that the program printed, with the NUL. */
#define LINE_SHOWN 512

/* The room for the mark of a run's processes, in hexadecimal digits with the NUL. */
#define RDV__NONCE_SIZE 33

/* See run_steps.c. */
enum rdv__phase {
    CLEANING,
    JOURNALLING,
    RUNNING,
    WAITING,
    HOLDING,
    ASKING,
    ASKED,
    REBOOTING,
    PUT_OFF,
    LEAVING,
    ENDING
};

struct rdv__command_run {
    struct rdv__run run;
    struct rdv__store_change change;
    bool settling; /* the change is in a batch */
    enum rdv__phase phase;
    struct rdv__handlers *handlers;
    const struct rdv__handler *handler;
    struct rdv__output *output;
    struct rdv__process *process;
    struct rdv__leftovers *leftovers;
    rdv_timer *timer;
    rdv_timer *stop_timer; /* NULL unless a shutdown waits for the step */
    int64_t number;        /* 0 = not drawn yet */
    bool own_number;       /* no trigger agent of ours counts it: our store has no entry for it */
    bool numbered;         /* the number is on disk, or comes from the trigger agent */
    bool resumed;
    char nonce
        [RDV__NONCE_SIZE]; /* "" = not drawn yet, or the run was begun by a version that had none */
    size_t step;
    int attempt;     /* which start of the step this is, or the next one will be, from 1 */
    int failures;    /* how many tries of the step have failed */
    int *starts;     /* how often each step was started */
    bool journalled; /* the journal has a row of the identifier, which goes with the run */
    bool stale;      /* that row is out of date, and not only in where the run is */

    /* What another process has left of the run, or of an earlier one of the same identifier: see run_start.c. */
    int64_t left_run;
    char left_nonce[RDV__NONCE_SIZE];
    rdv_duration left_grace;

    /* Which reboot was asked for, or "": see the journal's row. */
    char boot_id[RDV__BOOT_ID_ROOM];
    int reboots;
    bool asked_before; /* by a process before this one, and in vain */
    bool rebooted;     /* to be reported with the next step */
    bool going_down;   /* the machine has begun to reboot by itself */

    bool
        given_up; /* it must not go on, and the message says why: once what is left of it is gone, it fails */
    int given_up_code;
    bool cancelled;
    bool interrupted; /* by a shutdown */
    bool stopping;    /* which waits for the step, and has not lost its patience yet */
    bool released;    /* HOLDING is over */
    bool timed_out;   /* the step under way */
    /* Until when the step may run, or be started, by its timeout, on rdv__plat_running()'s scale; 0 = not set. */
    rdv_duration end_by;
    bool leavable; /* it can be left running: it has a record */
    bool adopting; /* CLEANING: the step may be under way, left running by an earlier agent */
    bool adopted;  /* the step was left running, and is followed again */
    bool told;     /* the end has been reported */

    /* CLEANING after a step whose supervisor was killed: how it ended. */
    struct rdv__step_end end;

    /* What the next report says, or the last one has said. */
    rdv_status status;
    int code, progress;
    char message[RDV_MESSAGE_MAX + 1];

    /* PUT_OFF, or about to be journalled: what is to be done, and to be tried again if it fails. */
    void (*again)(struct rdv__command_run *command);
    rdv_duration delay; /* before what failed last is tried again; 0 = nothing has failed */

    /* The handler of a run whose label has none any more: it has no steps, and the grace that the run began with. */
    struct rdv__handler no_handler;
};

static inline struct rdv__command_run *command_of(struct rdv__run *base)
{
    return (struct rdv__command_run *)base;
}

static inline const struct rdv__step *step_of(const struct rdv__command_run *command)
{
    return &command->handler->steps[command->step];
}

static inline const char *identifier_of(const struct rdv__command_run *command)
{
    return rdv_task_identifier(command->run.task);
}

static inline const rdv_log *log_of(const struct rdv__command_run *command)
{
    return &command->run.runs->log;
}

/* ---- steps.c ---- */

/* What the next report says: in words, or "BEFOREstep 2 of 3 (program)AFTER". */
void rdv__command_run_set_message(struct rdv__command_run *command, const char *format, ...)
    RDV__PRINTF(2, 3);
void rdv__command_run_set_step_message(struct rdv__command_run *command, const char *before,
                                       const char *after);

/* Report what run says. The sink may call back. */
void rdv__command_run_report(struct rdv__command_run *command);

/*
 * Put on disk that the run is at its step, which was started so often, in this state, and settle in this phase when that is on disk.
 * With state NULL, only put on disk what others have staged. An error is one of the store, which has taken nothing: the caller puts
 * it off. If the batch fails later, it is put off here, for `again`.
 */
int rdv__command_run_write_journal(struct rdv__command_run *command, enum rdv__phase phase,
                                   int starts, const char *state,
                                   void (*again)(struct rdv__command_run *command));

/* Have the row say so, if it can be: this run does not wait for it. */
void rdv__command_run_note_state(struct rdv__command_run *command, int starts, const char *state);

/* Have the run go on at this step, with what is known of how often that was started. */
void rdv__command_run_go_to_step(struct rdv__command_run *command, size_t step);

/*
 * Try again later what can't be done now: after a second at first, and each minute at last, until it works, or the run is to end.
 * `what` says what failed ("cannot record step 2 of 3"). `again` is called in phase PUT_OFF.
 */
void rdv__command_run_put_off(struct rdv__command_run *command,
                              void (*again)(struct rdv__command_run *command), const char *what,
                              const char *why);
void rdv__command_run_put_off_for_store(struct rdv__command_run *command,
                                        void (*again)(struct rdv__command_run *command),
                                        int result);
/* How long to wait after something has failed once more. */
rdv_duration rdv__command_run_next_delay(struct rdv__command_run *command);

/* End the run; the message is set. May free it. */
void rdv__command_run_finish(struct rdv__command_run *command, rdv_status status, int code);

/* End as failed with this message and code, but not from where we are called. */
void rdv__command_run_finish_soon(struct rdv__command_run *command, int code);

/* Nothing is left to be done, or the next process does it. Frees the run. */
void rdv__command_run_leave(struct rdv__command_run *command);

/* Report the end that run says, and take the run from the journal, in one commit if the sink has the same store; now, or when the
 * store that has refused it may take it. May free the run. */
void rdv__command_run_store_end(struct rdv__command_run *command);
void rdv__command_run_store_end_later(struct rdv__command_run *command);

/* ---- run_steps.c ---- */

/* Make a run of the task, which has not done anything yet. */
int rdv__command_run_new(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                         const struct rdv__handler *handler, struct rdv__command_run **ret_command);

/* Have the next attempt of the step on disk, or that it waits for a reboot; it begins when that is there. May free the run. */
void rdv__command_run_begin_attempt(struct rdv__command_run *command);
/* Do that for a run that is only prepared: an error of the store is returned. */
int rdv__command_run_journal_attempt(struct rdv__command_run *command);

/* The step's process has ended: this is its `ended` of process.h. */
void rdv__command_run_step_ended(void *user, int result, int code);

/* Whether what happened meanwhile forbids to start anything; then it is done, and the run may be freed. */
bool rdv__command_run_end_if_over(struct rdv__command_run *command);

/* ---- run_process.c ---- */

/* Start the program of a step, or the one that reboots. */
int rdv__command_run_start_process(struct rdv__command_run *command, const struct rdv__step *step,
                                   void (*ended)(void *user, int result, int code),
                                   struct rdv_error *error);

/* Whether the step and attempt that the run is at may have been left running; whether it can be now, and leave it so. */
bool rdv__command_run_has_record(const struct rdv__command_run *command);
bool rdv__command_run_can_leave_process(const struct rdv__command_run *command);
void rdv__command_run_leave_process(struct rdv__command_run *command);

/* Follow again what was left running, or has ended since. RDV_ENOTFOUND if how it ended is not known. */
int rdv__command_run_adopt_process(struct rdv__command_run *command,
                                   void (*ended)(void *user, int result, int code));

/* How the process has ended, or why it could not be started: inside its `ended`. step is what it was started for. */
void rdv__command_run_read_process_end(const struct rdv__command_run *command,
                                       const struct rdv__step *step, bool timed_out, int result,
                                       int code, struct rdv__step_end *ret_end);

/*
 * If a step that has ended so may have left its tree behind, as its supervisor was killed, end what can be found of it, in phase
 * CLEANING; rdv__command_run_swept(the run, how many there were) of run_steps.c follows then. False: there is nothing to wait for.
 */
bool rdv__command_run_sweep(struct rdv__command_run *command, int result, int code);
void rdv__command_run_swept(void *user, int found);

/* Nothing of the run is to be found again. */
void rdv__command_run_forget_records(struct rdv__command_run *command);

/* ---- run_start.c ---- */

/* Go on with a run that was taken up, after what was left of it is gone. May free the run. */
void rdv__command_run_go_on(struct rdv__command_run *command);

/* What was left running is not, or is followed by nobody: it is as if it had been interrupted. */
void rdv__command_run_treat_as_interrupted(struct rdv__command_run *command);

/* ---- run_reboot.c ---- */

/* All steps are done. May free the run. */
void rdv__command_run_finish_done(struct rdv__command_run *command);

/* Whether a step that has ended so is followed by a reboot; then it is asked for. May free the run. */
bool rdv__command_run_reboot_after_step(struct rdv__command_run *command, bool asked);

/* A step has had the machine begin to reboot: nothing is left but to wait for that. May free the run. */
void rdv__command_run_reboot_has_begun(struct rdv__command_run *command);

/* A step has asked for a reboot, and there is no rule. */
void rdv__command_run_remember_reboot(struct rdv__command_run *command);

/*
 * Ask for a reboot, for the reason that the message gives, with this step to follow it. That is on disk, with the report if the
 * sink has the same store, before anything is done.
 */
void rdv__command_run_ask_for_reboot(struct rdv__command_run *command, size_t next);

/* As rdv__run_ops has it; and when all that is to be kept is on disk. May free the run. */
void rdv__command_run_reboot(struct rdv__run *base);
void rdv__command_run_start_reboot(struct rdv__command_run *command);

/* The machine has not gone down. May free the run. */
void rdv__command_run_fail_still_up(struct rdv__command_run *command);

void rdv__command_run_fail_soon(struct rdv__command_run *command, int code, const char *before,
                                const char *words);

#endif
