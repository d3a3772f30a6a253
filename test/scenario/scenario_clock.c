/* SPDX-License-Identifier: MIT */
/*
 * Rules 3 and 10 with the system's own clock, set while a trigger agent runs: a jump over the end of an entry, back before the
 * start of one, and forward over a start.
 *
 * Everything on the machine sees these jumps, of a few seconds and for less than a second each, since no namespace of Linux has a
 * CLOCK_REALTIME of its own. So this runs only where RDV_TEST_SET_CLOCK is set and we may set the clock; by itself:
 *
 *     RDV_TEST_SET_CLOCK=1 meson test -C build clock
 *
 * The clock is put right after each jump, by CLOCK_BOOTTIME, to some microseconds; and once more by a process that does nothing but
 * wait for our end, whatever that may be.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rdvtask/rdvtask.h>

#include "harness.h"
#include "platform/platform.h"
#include "platform/thread.h"
#include "system.h"

/* --------------------------------------------------------------- the clock */

#define NANOS_PER_SECOND ((int64_t)1000000000)
#define NANOS_PER_TICK   100

/* How far off the right clock is good enough, in ns. */
#define NEAR ((int64_t)20000)

/* What is right: CLOCK_REALTIME less CLOCK_BOOTTIME, in ns; and what the kernel said of it, which it forgets when it is set. */
static bool known;
static int64_t right;
static struct timex quality;

static int64_t nanos(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NANOS_PER_SECOND + now.tv_nsec;
}

/* The best of some readings: those between which we were not held up. */
static int64_t read_offset(void)
{
    int64_t best = 0, shortest = INT64_MAX;
    for (int i = 0; i < 100; i++) {
        const int64_t before = nanos(CLOCK_BOOTTIME), now = nanos(CLOCK_REALTIME),
                      took = nanos(CLOCK_BOOTTIME) - before;
        if (took < shortest) {
            shortest = took;
            best = now - before - took / 2;
        }
    }
    return best;
}

/* Have the clock go ahead of the right one by so many ns. */
static bool set_ahead(int64_t ahead)
{
    if (!known)
        return false;
    const int64_t now = nanos(CLOCK_BOOTTIME) + right + ahead;
    const struct timespec then = {(time_t)(now / NANOS_PER_SECOND), (long)(now % NANOS_PER_SECOND)};
    return clock_settime(CLOCK_REALTIME, &then) == 0;
}

/* Again, if something held us up in the middle of it. */
static void put_right(void)
{
    if (!known)
        return;
    for (int i = 0; i < 100; i++) {
        const int64_t wrong = read_offset() - right;
        if (-NEAR < wrong && wrong < NEAR)
            break;
        set_ahead(0);
    }
    struct timex said = quality;
    said.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR;
    adjtimex(&said);
}

static int alive = -1; /* closed by our end */
static pid_t guardian;

static void guard(int end)
{
    char nothing;
    setsid(); /* what ends us as a group leaves it */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    while (read(end, &nothing, 1) != 0)
        ;
    put_right();
    _exit(0);
}

/* Why the clock can't be set, or NULL: then somebody sees to it that it is put right. */
static const char *clock_begin(void)
{
    int ends[2];
    if (!getenv("RDV_TEST_SET_CLOCK"))
        return "sets the clock of the machine: only with RDV_TEST_SET_CLOCK";
    if (adjtimex(&quality) < 0)
        return "may not ask for the state of the clock";
    right = read_offset();
    known = true;
    known = set_ahead(0);
    if (!known)
        return "may not set the clock: needs CAP_SYS_TIME";
    put_right();
    if (pipe(ends) != 0 || (guardian = fork()) < 0)
        return "cannot start a process";
    if (guardian == 0) {
        close(ends[1]);
        guard(ends[0]);
    }
    close(ends[0]);
    alive = ends[1];
    return NULL;
}

static void clock_end(void)
{
    if (alive < 0)
        return;
    close(alive);
    waitpid(guardian, NULL, 0);
}

/* ------------------------------------------------------------------- stage */

/* How long the clock may be wrong. What is to come "at once" is waited for so long, and on a machine that was too busy it is tried
 * again: this says nothing about how fast we are. */
#define WRONG_MOST (800 * RDV_MILLISECOND)
#define TRIES      20

/* How far away the moment is that is jumped over. What has come while the right clock says that it has not yet, has come by the
 * jump. */
#define AWAY (3 * RDV_SECOND)
#define JUMP (5 * RDV_SECOND)

/* The loop waits if it has been seen to so often, one after the other, a millisecond apart. */
#define LOOKS 10

static char folder[RDV_TEST_PATH];
static rdv_loop *loop;
static rdv_store *store;
static rdv_trigger *trigger;
static rdv_agent *agent;
static rdv_watch *watch;
static rdv_timer *timer;
static rdv_run *running; /* the one that runs, as it is not told to end yet */
static bool late;

/* The one that is looked at, and how it is. */
static char watched[32];
static rdv_state state_of_watched;
static rdv_outcome outcome_of_watched;

static void handle(rdv_run *run, void *user)
{
    (void)user;
    running = run;
    rdv_loop_stop(loop);
}

static int hear(void *user, const rdv_entry *entry)
{
    (void)user;
    if (strcmp(entry->identifier, watched) == 0) {
        state_of_watched = entry->state;
        outcome_of_watched = entry->outcome;
    }
    rdv_loop_stop(loop);
    return 0;
}

static void time_over(void *user)
{
    (void)user;
    late = true;
    rdv_loop_stop(loop);
}

static void set_up(void)
{
    char path[RDV_TEST_PATH + 16];
    rdv_trigger_options options;
    rdv_test_make_folder(folder, "clock");
    snprintf(path, sizeof path, "%s/store.db", folder);
    running = NULL;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    ck_assert_int_eq(rdv_timer_new(loop, time_over, NULL, &timer), 0);
    ck_assert_int_eq(rdv_store_open(path, NULL, &store, NULL), 0);
    rdv_trigger_options_init(&options);
    options.clock_wait = 0;
    ck_assert_int_eq(rdv_trigger_new(loop, store, &options, &trigger), 0);
    ck_assert_int_eq(rdv_agent_new(loop, store, NULL, &agent), 0);
    ck_assert_int_eq(rdv_agent_add_handler(agent, "label", handle, NULL, 0), 0);
    ck_assert_int_eq(rdv_trigger_watch(trigger, hear, NULL, &watch), 0);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(agent)), 0);
}

static void tear_down(void)
{
    put_right();
    rdv_watch_free(watch);
    rdv_trigger_free(trigger);
    rdv_agent_free(agent);
    if (running)
        rdv_run_finish(running, 0, NULL);
    rdv_store_close(store);
    rdv_timer_free(timer);
    rdv_loop_free(loop);
    rdv_test_remove(folder);
}

/* Schedule an entry, which is watched from now on. */
static void schedule(const char *identifier, rdv_time start, rdv_time end)
{
    rdv_task *task;
    const rdv_window window = {.start = start, .end = end};
    snprintf(watched, sizeof watched, "%s", identifier);
    state_of_watched = RDV_STATE_PENDING;
    ck_assert_int_eq(rdv_task_new("label", identifier, NULL, 0, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, &window, task), 0);
    rdv_task_unref(task);
}

/* Whether the thread that has the loop waits, as far as one look can tell. */
static bool loop_waits(void)
{
    char state = '?';
    FILE *file = fopen("/proc/self/stat", "r");
    const bool read = file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    if (file)
        fclose(file);
    return read && state == 'S';
}

static int given_up;
static bool jumped;

/* On a thread: jump once nothing but the clock can wake the loop any more. It looks at the time whenever it does anything. */
static void jump_forward(void *user)
{
    (void)user;
    for (int looks = 0; looks < LOOKS; looks = loop_waits() ? looks + 1 : 0) {
        if (rdv__atomic_load(&given_up))
            return;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    jumped = set_ahead(JUMP * NANOS_PER_TICK);
}

/* Have the clock jump forward while the loop waits. Whether that has brought the one that is watched to this state. */
static bool jump_brings(rdv_state wanted)
{
    struct rdv__thread *thread;
    late = jumped = false;
    rdv__atomic_store(&given_up, 0);
    ck_assert_int_eq(rdv__thread_new(jump_forward, NULL, &thread), 0);
    rdv_timer_start(timer, WRONG_MOST);
    while (state_of_watched != wanted && !late)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv_timer_stop(timer);
    rdv__atomic_store(&given_up, 1);
    rdv__thread_join(thread);
    put_right();
    return jumped && !late && state_of_watched == wanted;
}

/* Have one run, which takes the only place. */
static void occupy(void)
{
    schedule("runs", 0, 0);
    while (!running)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
}

static void vacate(void)
{
    rdv_run *run = running;
    running = NULL;
    ck_assert_int_eq(rdv_run_finish(run, 0, NULL), 0);
}

/* Have the one that is watched start, if it has not, and end; with the right clock. */
static void run_to_its_end(void)
{
    while (!running)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
    vacate();
    while (state_of_watched != RDV_STATE_FINISHED)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
}

/* Let the loop do what there is to do at once. */
static void turn(void)
{
    late = false;
    rdv_timer_start(timer, 0);
    while (!late)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
}

/* Run the loop until none runs any more, or the one that is watched does; and once more. `late`: it has taken too long. */
static void comes_to_rest(void)
{
    late = false;
    rdv_timer_start(timer, WRONG_MOST);
    while (rdv_trigger_running(trigger) > 0 && state_of_watched == RDV_STATE_PENDING && !late)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv_timer_stop(timer);
    if (!late) {
        turn();
        late = false;
    }
}

/* ------------------------------------------------------------------- rules */

/* Jump over both ends of a window, and see that its entry expires while the clock is ahead. */
static bool expires_by_a_jump(const char *identifier, rdv_time start, rdv_time end)
{
    schedule(identifier, start, end);
    turn();
    const bool expired = jump_brings(RDV_STATE_FINISHED);
    if (expired)
        ck_assert_int_eq(outcome_of_watched, RDV_OUTCOME_EXPIRED);
    return expired && rdv_time_now() < end;
}

START_TEST(rule_3_an_entry_that_waits_for_another_expires_at_once_when_the_clock_jumps_over_its_end)
{
    bool seen = false;
    occupy();
    for (int i = 0; i < TRIES && !seen; i++)
        seen = expires_by_a_jump("waits", 0, rdv_time_now() + AWAY);
    ck_assert(seen);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 1);
}
END_TEST

START_TEST(rule_3_an_entry_expires_unstarted_when_the_clock_jumps_over_all_of_its_window)
{
    bool seen = false;
    for (int i = 0; i < TRIES && !seen; i++) {
        const rdv_time now = rdv_time_now();
        seen = expires_by_a_jump("passes", now + AWAY, now + AWAY + RDV_SECOND);
    }
    ck_assert(seen);
    ck_assert_ptr_null(running);
}
END_TEST

/* Jump back before the start of an entry that was about to start. False: that took so long that it proves nothing. */
static bool waits_after_a_jump_back(void)
{
    const rdv_time start = rdv_time_now();
    occupy();
    schedule("open", start, 0);
    turn();
    ck_assert(set_ahead(-AWAY * NANOS_PER_TICK));
    vacate();
    comes_to_rest();
    const bool pending = state_of_watched == RDV_STATE_PENDING,
               proves = !late && rdv_time_now() < start;
    const rdv_time next = rdv_trigger_next(trigger);
    put_right();
    if (proves) {
        ck_assert(pending);
        ck_assert_int_eq(next, start);
    }
    /* With the right clock it may start, and does so at once: this is a jump, too. */
    run_to_its_end();
    return proves;
}

START_TEST(rule_10_nothing_starts_after_a_jump_back_before_its_start)
{
    bool seen = false;
    for (int i = 0; i < TRIES && !seen; i++)
        seen = waits_after_a_jump_back();
    ck_assert(seen);
}
END_TEST

START_TEST(rule_10_an_entry_starts_at_once_when_the_clock_jumps_over_its_start)
{
    bool seen = false;
    for (int i = 0; i < TRIES && !seen; i++) {
        const rdv_time start = rdv_time_now() + AWAY;
        schedule("opens", start, 0);
        turn();
        seen = jump_brings(RDV_STATE_RUNNING) && rdv_time_now() < start;
        run_to_its_end();
    }
    ck_assert(seen);
}
END_TEST

int main(void)
{
    const char *reason = clock_begin();
    Suite *suite = suite_create("clock");
    TCase *rules = tcase_create("rules");
    tcase_set_timeout(rules, 120);
    tcase_add_checked_fixture(rules, set_up, tear_down);
    tcase_add_unchecked_fixture(rules, NULL, put_right); /* also after a crash: in this process */
    rdv_test_add_unless(
        rules,
        rule_3_an_entry_that_waits_for_another_expires_at_once_when_the_clock_jumps_over_its_end,
        reason);
    rdv_test_add_unless(
        rules, rule_3_an_entry_expires_unstarted_when_the_clock_jumps_over_all_of_its_window,
        reason);
    rdv_test_add_unless(rules, rule_10_nothing_starts_after_a_jump_back_before_its_start, reason);
    rdv_test_add_unless(rules, rule_10_an_entry_starts_at_once_when_the_clock_jumps_over_its_start,
                        reason);
    suite_add_tcase(suite, rules);
    int result = rdv_test_main(suite);
    clock_end();
    return result;
}
