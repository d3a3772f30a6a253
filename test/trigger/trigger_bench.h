/* SPDX-License-Identifier: MIT */
/*
 * The fixture of the trigger agent's tests: a trigger agent on a clock, a log and a plug-in of the kit, so that nothing sleeps. Each
 * file test_trigger_*.c adds its tests to the one case, whose set-up and tear-down are those below. The number in a test's name is
 * the rule's in doc/design.md.
 */
#ifndef RDV_TEST_TRIGGER_BENCH_H
#define RDV_TEST_TRIGGER_BENCH_H

#include <check.h>

#include <rdvtask/rdvtask.h>

#include "kit/kit.h"
#include "system.h"

#define NOW          (INT64_C(420000) * RDV_DAY / 10 * 10)
#define RESTART_SAFE (RDV_KIT_RESTART_SAFE | RDV_KIT_CANCELS)

extern char folder[RDV_TEST_PATH];    /* "" = none was needed */
extern char path[RDV_TEST_PATH + 16]; /* of the store; "" = in memory */
extern rdv_loop *loop;
extern rdv_store *store;
extern rdv_trigger *trigger;
extern rdv_trigger_options options; /* of the next open_trigger() */
extern struct rdv_kit_plugin plugin;
extern struct rdv_kit_clock fake_clock;
extern struct rdv_kit_log fake_log;

/* The tests of each file. */
void add_schedule_tests(TCase *rules);
void add_clock_tests(TCase *rules);
void add_report_tests(TCase *rules);
void add_limit_tests(TCase *rules);
void add_cancel_tests(TCase *rules);
void add_restart_tests(TCase *rules);
void add_contract_tests(TCase *rules);

/* In memory, with all that the plug-in can do; the plug-in is not attached yet. */
void set_up(void);
void tear_down(void);

void open_trigger(unsigned features); /* RDV_KIT_…, of the plug-in */
void close_trigger(void);
void attach(void);

/* Begin again with a store on disk. */
void use_a_file(unsigned features);

/* Leave behind what a process that is killed does: the store as it is, with nobody told. Another trigger agent opens it. */
void restart(unsigned features);

/* Let the loop do all that is ready. */
void turn(void);

void move_clock(rdv_time to);

int schedule_in(rdv_trigger *on, const char *identifier, rdv_time start, rdv_time end,
                rdv_time deadline);
void schedule(const char *identifier, rdv_time start, rdv_time end, rdv_time deadline);

/* What the plug-in tells; returns what its sink answers. */
int report(const char *identifier, rdv_status status, const char *message);
void succeed(const char *identifier);

/* The newest entry with an identifier, copied. */
struct seen {
    rdv_entry entry;
    char message[128];
    int count;
};

/* What has rdv_store_entries() and the like fill a struct seen. */
int see(void *user, const rdv_entry *entry);

struct seen look(rdv_store *in, const char *identifier, unsigned flags);

/* Through the eyes of another process. */
struct seen look_from_outside(const char *identifier);

rdv_outcome outcome(const char *identifier);
rdv_explanation explain(const char *identifier);

#endif
