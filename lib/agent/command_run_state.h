/* SPDX-License-Identifier: MIT */
/*
 * The state of a command run (the work on a task whose handler is the steps of a document), and
 * what every file that changes it needs: words, reports, the journal, putting off, the end.
 * command_run.c draws the state machine.
 */
#ifndef RDV__AGENT_COMMAND_RUN_STATE_H
#define RDV__AGENT_COMMAND_RUN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/orphans.h"
#include "agent/process.h"
#include "agent/run_table.h"
#include "agent/step_result.h"
#include "base/error.h"
#include "document/handlers.h"
#include "store/store.h"

/* How much of a message the last line may be that the program printed, with the NUL. */
#define LINE_SHOWN 512

/* The room for the mark of a run's processes, in hexadecimal digits with the NUL. */
#define RDV__NONCE_SIZE 33

/* Where the run is: command_run.c draws the machine. */
enum rdv__phase {
    CLEANING,
    JOURNALLING,
    RUNNING,
    WAITING,
    HOLDING,
    RELEASED,
    ASKING,
    ASKED,
    REBOOTING,
    PUT_OFF,
    LEAVING,
    ENDING
};

/* What follows as CLEANING ends. */
enum rdv__after_cleaning {
    /* The step is tried, or, if none is left, the run ends. */
    GO_ON,
    /* The step may still be under way, left running by an earlier agent: it is followed again. */
    ADOPT_STEP,
    /* A process before this one has asked for a reboot in vain: it is asked for again. */
    ASK_AGAIN,
    /* The reboot that the run has asked for has happened: that is reported with the next step. */
    TELL_REBOOTED,
    /* The run must not go on, and the message says why: it fails. */
    GIVE_UP
};

/* Who numbers the run. */
enum rdv__numbering {
    /* The trigger agent. */
    NUMBER_GIVEN,
    /* No trigger agent on this store counts it, and so its number comes from the journal; it is not
     * on disk yet. */
    NUMBER_TO_DRAW,
    /* That number is on disk. */
    NUMBER_DRAWN
};

/* The journal's row of the identifier, which goes with the run. */
enum rdv__row {
    ROW_NONE,
    /* It is out of date, and not only in where the run is. */
    ROW_OUTDATED,
    ROW_CURRENT
};

/* Whether the agent shuts down. */
enum rdv__shutdown {
    SHUTDOWN_NONE,
    /* It waits for the step under way, and has not lost its patience yet. */
    SHUTDOWN_WAITS,
    SHUTDOWN_NOW
};

/* The record by which a later process finds the step's supervisor. */
enum rdv__record {
    RECORD_NONE,
    /* There is one: the step can be left running. */
    RECORD_KEPT,
    /* By it, a step that was left running is followed again. */
    RECORD_ADOPTED
};

struct rdv__command_run {
    struct rdv__run run;
    enum rdv__phase phase;
    struct rdv__handlers *handlers;
    const struct rdv__handler *handler;
    /* The handler of a run whose label has none any more: it has no steps, and the grace that the
     * run began with. */
    struct rdv__handler no_handler;

    struct rdv__output *output;
    struct rdv__process *process;
    struct rdv__orphans *orphans;
    /* It is set in most phases; what follows when the time has come depends on the phase. */
    rdv_timer *timer;
    /* An earlier process has begun it. */
    bool resumed;

    struct {
        /* From 0; the number of steps = all are done. */
        size_t index;
        /* Which start of the step this is, or the next one will be, from 1. */
        int attempt;
        /* How many tries of the step have failed. */
        int failures;
        /* How often each step was started. */
        int *starts;
        /* Until when the step may run, or be started, by its timeout, on rdv__plat_running()'s
         * scale; 0 = not set. */
        rdv_duration end_by;
        /* What is under way, the step or the reboot, has had its time. */
        bool timed_out;
        enum rdv__record record;
        /* CLEANING after a step whose supervisor was killed: how it ended. */
        struct rdv__step_end end;
    } step;

    struct {
        struct rdv__store_change change;
        /* The change is in a batch. */
        bool settling;
        enum rdv__row row;
        enum rdv__numbering numbering;
        /* 0 = not drawn yet. */
        int64_t number;
        /* The mark of its processes; "" = not drawn yet, or the run was begun by a version that had
         * none. */
        char nonce[RDV__NONCE_SIZE];
    } journal;

    /* What an earlier process has left of the run, or of an earlier one of the same identifier. */
    struct {
        int64_t run;
        char nonce[RDV__NONCE_SIZE];
        rdv_duration grace;
        enum rdv__after_cleaning next;
        /* The code with which it fails, for GIVE_UP. */
        int code;
    } left;

    struct {
        /* Which boot is to end, or "": see command_run.c for the journal's row. */
        char boot_id[RDV__BOOT_ID_ROOM];
        /* How many reboots the run has asked for. */
        int count;
        /* The machine has begun to reboot by itself. */
        bool going_down;
    } reboot;

    struct {
        bool cancelled;
        enum rdv__shutdown shutdown;
        /* NULL unless a shutdown waits for the step. */
        rdv_timer *timer;
    } stop;

    /* What the next report says, or the last one has said. */
    struct {
        rdv_status status;
        int code, progress;
        char message[RDV_MESSAGE_MAX + 1];
        /* The end has been reported. */
        bool end_told;
    } report;

    /* PUT_OFF, or about to be journalled: what is to be done, and to be tried again if it fails. */
    struct {
        void (*again)(struct rdv__command_run *command);
        /* Before what has failed last is tried again; 0 = nothing has failed. */
        rdv_duration delay;
    } retry;
};

static inline struct rdv__command_run *command_of(struct rdv__run *base)
{
    return (struct rdv__command_run *)base;
}

static inline const struct rdv__step *step_of(const struct rdv__command_run *command)
{
    return &command->handler->steps[command->step.index];
}

static inline const char *identifier_of(const struct rdv__command_run *command)
{
    return rdv_task_identifier(command->run.task);
}

static inline bool is_interrupted(const struct rdv__command_run *command)
{
    return command->stop.shutdown != SHUTDOWN_NONE;
}

static inline const rdv_log *log_of(const struct rdv__command_run *command)
{
    return &command->run.runs->log;
}

/* Set the message of the next report: in these words, or as "BEFOREstep 2 of 3 (program)AFTER". */
void rdv__command_run_set_message(struct rdv__command_run *command, const char *format, ...)
    RDV__PRINTF(2, 3);
void rdv__command_run_set_step_message(struct rdv__command_run *command, const char *before,
                                       const char *after);

/* Set the status of the next report, which then has no code and no progress. */
void rdv__command_run_set_status(struct rdv__command_run *command, rdv_status status);

/* Report the status, code, progress and message that were set. The sink may call back. */
void rdv__command_run_report(struct rdv__command_run *command);

/*
 * Put on disk that the run is at its step, that the step was started so often, and this state; and
 * enter this phase, which command_run.c goes on from when that is on disk. If state is NULL, only
 * what others have staged is put on disk. If the store has taken nothing, its error is returned,
 * and the caller puts the phase off. If the batch fails later, command_run.c puts it off, and calls
 * `again`.
 */
int rdv__command_run_write_journal(struct rdv__command_run *command, enum rdv__phase phase,
                                   int starts, const char *state,
                                   void (*again)(struct rdv__command_run *command));

/* Have the row say this, if the store takes it: the run does not wait for that. */
void rdv__command_run_note_state(struct rdv__command_run *command, int starts, const char *state);

/* More has changed of what the row says than where the run is: it has to be written again as a
 * whole. */
void rdv__command_run_outdate_row(struct rdv__command_run *command);

/* Have the run go on at this step. It is tried for the first time, as far as failures are
 * concerned. */
void rdv__command_run_go_to_step(struct rdv__command_run *command, size_t step);

/*
 * Enter PUT_OFF, for what can't be done now: `again` is called after a second at first, and each
 * minute at last, until it works or the run is to end. `what` says what has failed ("cannot record
 * step 2 of 3").
 */
void rdv__command_run_put_off(struct rdv__command_run *command,
                              void (*again)(struct rdv__command_run *command), const char *what,
                              const char *why);
void rdv__command_run_put_off_for_store(struct rdv__command_run *command,
                                        void (*again)(struct rdv__command_run *command),
                                        int result);
/* How long to wait now that something has failed once more. */
rdv_duration rdv__command_run_next_delay(struct rdv__command_run *command);

/* End the run, with the message that was set. May free it. */
void rdv__command_run_finish(struct rdv__command_run *command, rdv_status status, int code);

/* Have the run fail with this code and the message that was set, but not before the caller has
 * returned to the loop. */
void rdv__command_run_finish_soon(struct rdv__command_run *command, int code);

/* The run has gone: nothing is left to be done, or the next process does it. Frees the run. */
void rdv__command_run_leave(struct rdv__command_run *command);

/* Report the end, and take the run from the journal, in one commit if the sink has the same store.
 * If the store refuses it, this is tried again later. May free the run. */
void rdv__command_run_store_end(struct rdv__command_run *command);

/* Try that again after a while. */
void rdv__command_run_store_end_later(struct rdv__command_run *command);

/* Put the next attempt of the step on disk, or, while a reboot is asked for, that the run waits for
 * it. It begins when that is on disk. May free the run. */
void rdv__command_run_begin_attempt(struct rdv__command_run *command);

/* Put the first attempt of a run on disk that is only prepared. An error of the store is returned. */
int rdv__command_run_journal_attempt(struct rdv__command_run *command);

/* If something has happened meanwhile that forbids to start anything for the run, end it, and
 * return true. The run may be freed then. */
bool rdv__command_run_end_if_over(struct rdv__command_run *command);

/* End the run as cancelled, with the message that was set. May free it. */
void rdv__command_run_finish_cancelled(struct rdv__command_run *command);

#endif
