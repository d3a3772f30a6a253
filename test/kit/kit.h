/* SPDX-License-Identifier: MIT */
/*
 * A test kit for programs that have task agents or a trigger agent in them. It stands in for the other side: a clock that is moved
 * by hand, a log and a sink that write down what they are told, and a plug-in that does what a script says. It needs the public
 * headers only and no test framework; nothing in it waits, and everything happens on the caller's thread.
 *
 *     struct rdv_kit_clock clock;
 *     struct rdv_kit_log log = {0};
 *     struct rdv_kit_plugin plugin;
 *
 *     rdv_kit_clock_init(&clock, now);
 *     rdv_kit_plugin_init(&plugin, RDV_KIT_ALL);
 *     options.clock = rdv_kit_clock_ops(&clock);
 *     options.log = rdv_kit_log_ops(&log);
 *     ...rdv_trigger_new(), rdv_trigger_attach(trigger, &plugin.base), rdv_trigger_schedule(), turns of the loop...
 *     ck_assert_str_eq(plugin.started[0].identifier, "task");
 *     rdv_kit_plugin_report(&plugin, "task", RDV_STATUS_SUCCESS, -1, "done");
 *     rdv_kit_plugin_finish(&plugin);                              when the trigger agent is gone
 *
 * The structs are the caller's, and their fields are there to be read and set. What breaks the contract of the library, such as a
 * report that is not valid, is printed on standard error, and the process is aborted.
 */
#ifndef RDV_TEST_KIT_H
#define RDV_TEST_KIT_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/rdvtask.h>

#define RDV_KIT_IDENTIFIER 64   /* room for an identifier; what is longer is cut */
#define RDV_KIT_CONTEXT    16   /* for a context */
#define RDV_KIT_REPORTS    2048 /* a sink has room for so many reports */
#define RDV_KIT_CALLS      64 /* so many starts and cancels are kept; what comes after them is counted */
#define RDV_KIT_LINE       2200   /* room for a line of the log */
#define RDV_KIT_LINES      262144 /* for all of them */

/* ---- a clock for everything that waits ---- */

struct rdv_kit_clock {
    rdv_time now;
    bool synchronised;       /* whether it is known to be right: true at first */
    rdv_duration since_boot; /* a day at first */
    rdv_duration running;    /* running time since some moment */
    bool
        counts_running; /* whether rdv_kit_clock_ops() hands in `running`: false at first, then `now` takes its place */
};

void rdv_kit_clock_init(struct rdv_kit_clock *clock, rdv_time now);

/* What options take. The clock has to outlive what they are given to. */
rdv_clock rdv_kit_clock_ops(struct rdv_kit_clock *clock);

/* ---- a log that keeps its lines ---- */

struct rdv_kit_log {
    int lines, errors;        /* how many there were, and how many of them were RDV_LOG_ERROR */
    rdv_log_level level;      /* the last one's */
    char last[RDV_KIT_LINE];  /* "" at first */
    char text[RDV_KIT_LINES]; /* all of them, each with a newline, up to the last that fits */
    size_t size;
};

/* What options take. A log that is all zero is empty. */
rdv_log rdv_kit_log_ops(struct rdv_kit_log *log);

/* What an rdv_log calls; `user` is the struct rdv_kit_log. For logs that do more besides. */
void rdv_kit_log_write(void *user, rdv_log_level level, const char *text);

void rdv_kit_log_clear(struct rdv_kit_log *log);

/* How many of the lines that it has kept have these words in them. */
int rdv_kit_log_count(const struct rdv_kit_log *log, const char *words);

/* ---- a sink that records what a task agent tells ---- */

struct rdv_kit_heard {
    char identifier[RDV_KIT_IDENTIFIER];
    rdv_status status;
    int progress, code, attempt;
    char message[RDV_MESSAGE_MAX + 1];
};

struct rdv_kit_sink {
    rdv_sink base;
    int references;
    int answer;                                    /* what it answers to reports: 0 at first */
    void (*when_heard)(struct rdv_kit_sink *sink); /* called after each report; NULL = nothing */
    void *user;                                    /* for when_heard */
    struct rdv_kit_heard *heard;                   /* the reports, in order */
    int heard_count;
    int ended;      /* how many of them were SUCCESS or FAILED */
    int terminated; /* how often it was told that the task agent has shut down, and why the last time */
    int reason;
};

void rdv_kit_sink_init(struct rdv_kit_sink *sink);

/* Frees what it has recorded. */
void rdv_kit_sink_finish(struct rdv_kit_sink *sink);

/* ---- a plug-in with a script ---- */

/* What the plug-in has in its table. */
#define RDV_KIT_RESTART_SAFE  1u /* the flag */
#define RDV_KIT_CANCELS       2u /* cancel_task */
#define RDV_KIT_CHECKS_LABELS 4u /* check_label */
#define RDV_KIT_SAYS_END_WAIT 8u /* end_wait */
#define RDV_KIT_ALL \
    (RDV_KIT_CANCELS | RDV_KIT_CHECKS_LABELS | RDV_KIT_SAYS_END_WAIT) /* the functions */

struct rdv_kit_start {
    char identifier[RDV_KIT_IDENTIFIER];
    char context[RDV_KIT_CONTEXT];
    int64_t run;
};

struct rdv_kit_plugin {
    rdv_plugin base;
    rdv_plugin_ops ops; /* its own table, which a test may change before it is attached */
    rdv_sink *sink;     /* NULL until it is initialized */

    /* The script: what it does when it is called. */
    const char *name;                              /* "fake" at first */
    int start_result, cancel_result, label_result; /* 0 at first */
    rdv_duration end_wait;                         /* what it answers, 0 at first */
    bool finishes_at_once;   /* each task succeeds before start_task returns: false at first */
    bool ends_when_asked;    /* each task fails when it is asked for its end_wait: false at first */
    bool terminates_at_once; /* true at first */
    void (*on_start)(struct rdv_kit_plugin *plugin,
                     rdv_task *task); /* called first; NULL = nothing */

    /* The record: what it was called for. */
    struct rdv_kit_start started[RDV_KIT_CALLS];
    int started_count;
    char cancelled[RDV_KIT_CALLS][RDV_KIT_IDENTIFIER];
    int cancelled_count;
    int terminate_reason;
};

/* With an empty record and a script that does nothing by itself. features: RDV_KIT_… */
void rdv_kit_plugin_init(struct rdv_kit_plugin *plugin, unsigned features);

/* Tell the sink about a task. Returns what it answers. progress: -1 = none; message: NULL = none. */
int rdv_kit_plugin_report(struct rdv_kit_plugin *plugin, const char *identifier, rdv_status status,
                          int progress, const char *message);

/* Let go of the sink, if it was given one. */
void rdv_kit_plugin_finish(struct rdv_kit_plugin *plugin);

#endif
