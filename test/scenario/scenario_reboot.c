/* SPDX-License-Identifier: MIT */
/*
 * Reboots that tasks ask for, and shutdowns that wait. A file plays the boot id: "reboot" is a command that writes down that it was
 * called; the test changes the file and starts the next agent on the same store. What ran is written to a file by the steps.
 */
#include "agent/agent_bench.h"

#include "store/journal.h"

/* The command that reboots, where nothing else is said. */
#define REBOOT "'reboot':{'run':['sh','-c','echo reboot >>@/marks; touch @/went']}"

static char directory[RDV_TEST_PATH];
static rdv_duration reboot_wait;

static void put(const char *name, const char *text)
{
    struct bench place;
    snprintf(place.directory, sizeof place.directory, "%s", directory);
    bench_write(&place, name, text);
}

static void set_up(void)
{
    rdv_test_make_folder(directory, "reboot");
    put("boot-id", "first\n");
    reboot_wait = 10 * RDV_MINUTE;
}

static void tear_down(void)
{
    rdv_test_remove(directory);
}

static void new_agent(struct bench *bench)
{
    rdv_agent_options options;
    rdv_agent_options_init(&options);
    ck_assert(options.reboot_wait == 10 * RDV_MINUTE);
    options.log_directory = bench_path(bench, "log");
    options.log = rdv_kit_log_ops(&bench->log);
    options.boot_id_file = bench_path(bench, "boot-id");
    options.reboot_wait = reboot_wait;
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, &options, &bench->agent), 0);
    bench->plugin = rdv_agent_plugin(bench->agent);
}

static struct bench *open_bench(void)
{
    struct bench *bench = bench_new(directory, false);
    bench->keep_directory = true;
    new_agent(bench);
    ck_assert_int_eq(bench->plugin->ops->initialize(bench->plugin, &bench->sink.base), 0);
    return bench;
}

/* The machine goes down and comes up: another boot, the same disk. Takes the old bench. */
static struct bench *boot(struct bench *bench, const char *id)
{
    char document[16384];
    snprintf(document, sizeof document, "%s", bench_read(bench, "agent.json"));
    bench_free(bench);
    put("boot-id", id);
    bench = open_bench();
    bench_load(bench, document);
    return bench;
}

/* The label "l": these steps, and what more there is. */
static void load(struct bench *bench, const char *steps, const char *more)
{
    char document[4096];
    int size = snprintf(document, sizeof document,
                        "{'handlers':[{'label':'l','grace':'2s','steps':[%s]%s%s}]}", steps,
                        *more ? "," : "", more);
    ck_assert_int_lt(size, (int)sizeof document);
    bench_load(bench, document);
}

static const struct rdv_kit_heard *last(const struct bench *bench)
{
    ck_assert_int_gt(bench->sink.heard_count, 0);
    return &bench->sink.heard[bench->sink.heard_count - 1];
}

static void assert_last(const struct bench *bench, rdv_status status, int code, const char *message)
{
    ck_assert_str_eq(last(bench)->message, message);
    ck_assert_int_eq(last(bench)->status, status);
    ck_assert_int_eq(last(bench)->code, code);
}

static void start(struct bench *bench, const char *label, const char *identifier)
{
    ck_assert_int_eq(bench_start(bench, label, identifier, "c"), 0);
}

static void assert_marks(const struct bench *bench, const char *expected)
{
    ck_assert_str_eq(bench_read(bench, "marks"), expected);
}

static int see_row(void *user, const struct rdv__journal *row)
{
    snprintf(user, 128, "%s step %d, %d [%s]", row->state, row->step, row->reboots, row->boot_id);
    return 0;
}

/* What the journal says of a task; "" = nothing. */
static const char *row_of(struct bench *bench, const char *identifier)
{
    static char text[128];
    text[0] = '\0';
    int result = rdv__journal_get(bench->store, identifier, see_row, text);
    ck_assert(result == 0 || result == RDV_ENOTFOUND);
    return text;
}

static void wait_for_row(struct bench *bench, const char *identifier, const char *row)
{
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (strcmp(row_of(bench, identifier), row) != 0 && rdv_test_clock() < end)
        bench_linger(bench, 5);
    ck_assert_str_eq(row_of(bench, identifier), row);
}

/* The next reboot that somebody asks for. */
static void wait_for_asking(struct bench *bench)
{
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while ((bench->sink.heard_count == 0 || last(bench)->status != RDV_STATUS_REBOOTING) &&
           rdv_test_clock() < end)
        bench_linger(bench, 5);
    bench_linger(bench, 50); /* and nothing comes of it */
}

static void terminate(struct bench *bench)
{
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
}

#define ASKS_THEN_TWO \
    "{'run':['sh','-c','echo one >>@/marks; exit 194']},{'run':['sh','-c','echo two >>@/marks']}"

/* ------------------------------------------------------------------ asking */

START_TEST(the_command_that_reboots_has_nothing_of_the_handler_s_environment)
{
    struct bench *bench = open_bench();
    load(bench, "{'run':['sh','-c','echo step $MINE >>@/marks; exit 194']}",
         "'environment':{'MINE':'mine'},"
         "'reboot':{'run':['sh','-c','echo reboot=$MINE, $RDV_RUN >>@/marks; touch @/went']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait_file(bench, "went");
    ck_assert_str_eq(bench_read(bench, "marks"), "step mine\nreboot=, -1\n");
    bench_free(bench);
}
END_TEST

START_TEST(a_step_that_exits_with_194_has_the_machine_rebooted_before_the_next)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    bench_linger(bench, 50);
    assert_marks(bench, "one\nreboot\n");
    assert_last(bench, RDV_STATUS_REBOOTING, 0, "rebooting: step 1 of 2 (sh) asks for it");
    ck_assert_str_eq(row_of(bench, "task"), "reboot step 1, 1 [first]");
    bench = boot(bench, "second");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_marks(bench, "one\nreboot\ntwo\n");
    ck_assert_int_eq(bench->sink.heard_count, 3);
    ck_assert_int_eq(bench->sink.heard[0].status, RDV_STATUS_REBOOTED);
    ck_assert_str_eq(bench->sink.heard[1].message, "step 2 of 2: sh");
    ck_assert_int_eq(bench->sink.heard[1].attempt, 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    bench_linger(bench, 10);
    ck_assert_str_eq(row_of(bench, "task"), "");
    bench_free(bench);
}
END_TEST

START_TEST(a_last_step_that_exits_with_194_is_followed_by_success_after_the_reboot)
{
    struct bench *bench = open_bench();
    load(bench, "{'run':['sh','-c','echo one >>@/marks; exit 194']}", REBOOT);
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    bench_linger(bench, 20);
    bench = boot(bench, "second");
    start(bench, "l", "task");
    ck_assert_int_eq(bench->sink.heard_count, 0); /* not from inside the call */
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(bench->sink.heard[0].status, RDV_STATUS_REBOOTED);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    assert_marks(bench, "one\nreboot\n");
    bench_free(bench);
}
END_TEST

START_TEST(a_path_that_exists_after_the_last_step_has_the_machine_rebooted)
{
    const char *rule = "'reboot':{'when_exists':'@/needed','run':['touch','@/went']}";
    struct bench *bench = open_bench();
    load(bench, "{'run':['true']},{'run':['true']}", rule);
    start(bench, "l", "no");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    put("needed", "");
    start(bench, "l", "yes");
    bench_wait_file(bench, "went");
    char expected[RDV_TEST_PATH + 64];
    snprintf(expected, sizeof expected, "rebooting: %s/needed exists", directory);
    assert_last(bench, RDV_STATUS_REBOOTING, 0, expected);
    ck_assert_str_eq(row_of(bench, "yes"), "reboot step 2, 1 [first]");
    /* Once is enough, also if it is still there. */
    bench = boot(bench, "second");
    start(bench, "l", "yes");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    bench_free(bench);
}
END_TEST

START_TEST(without_a_rule_the_need_is_remembered_across_a_kill_but_not_across_a_reboot)
{
    static const char steps[] =
        "{'run':['sh','-c','exit 194']},{'run':['sh','-c','test -e @/go || sleep 60']}";
    for (int reboots = 0; reboots < 2; reboots++) {
        struct bench *bench = open_bench();
        put("boot-id", "first");
        load(bench, steps, "");
        start(bench, "l", "task");
        wait_for_row(bench, "task", "step step 1, 0 [first]");
        put("go", "");
        bench = boot(bench, reboots ? "second" : "first");
        start(bench, "l", "task");
        bench_wait(bench, &bench->sink.ended, 1);
        assert_last(bench, RDV_STATUS_SUCCESS, reboots ? 0 : 194,
                    reboots ? "" : "done; a reboot is needed");
        rdv_test_remove(bench_path(bench, "go"));
        bench_free(bench);
    }
}
END_TEST

/* A process of its own. */
START_TEST(second_reboots)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, "'reboot':{'run':['sh','-c','touch @/went; sleep 60']}");
    start(bench, "l", "task");
    bench_linger(bench, BENCH_WAIT_MS);
}
END_TEST

START_TEST(rebooting_is_on_disk_before_the_command_runs)
{
    struct bench place;
    snprintf(place.directory, sizeof place.directory, "%s", directory);
    const char *const words[] = {directory, NULL};
    bench_second_kill(words, bench_path(&place, "went"));
    put("boot-id", "second");
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    ck_assert_str_eq(row_of(bench, "task"), "reboot step 1, 1 [first]");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(bench->sink.heard[0].status, RDV_STATUS_REBOOTED);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    assert_marks(bench, "one\ntwo\n");
    bench_free(bench);
}
END_TEST

START_TEST(a_power_cut_in_a_step_is_no_reboot_of_ours)
{
    struct bench *bench = open_bench();
    load(bench,
         "{'run':['sh','-c','echo $RDV_ATTEMPT >>@/marks; touch @/begun; test $RDV_ATTEMPT = 2 || "
         "sleep 60']}",
         REBOOT);
    start(bench, "l", "task");
    bench_wait_file(bench, "begun");
    bench = boot(bench, "second");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_REBOOTED, ""), 0);
    assert_marks(bench, "1\n2\n");
    bench_free(bench);
}
END_TEST

#ifdef _WIN32

START_TEST(exit_code_3010_asks_for_a_reboot_as_194_does)
{
    struct bench *bench = open_bench();
    load(bench, "{'run':['sh','-c','exit 3010']},{'run':['true']}", REBOOT);
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    assert_last(bench, RDV_STATUS_REBOOTING, 0, "rebooting: step 1 of 2 (sh) asks for it");
    bench = boot(bench, "second");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    bench_free(bench);
}
END_TEST

/* Installers that reboot by themselves. */
START_TEST(exit_code_1641_is_a_reboot_that_nobody_has_to_ask_for)
{
    for (int rules = 0; rules < 2; rules++) {
        struct bench *bench = open_bench();
        put("boot-id", "first");
        load(bench,
             "{'run':['sh','-c','echo one >>@/marks; exit 1641']},"
             "{'run':['sh','-c','echo two >>@/marks']}",
             rules ? REBOOT : "");
        start(bench, "l", "task");
        wait_for_asking(bench);
        assert_last(bench, RDV_STATUS_REBOOTING, 0, "rebooting: step 1 of 2 (sh) has begun it");
        wait_for_row(bench, "task", "reboot step 1, 1 [first]");
        bench_linger(bench, 200);
        assert_marks(bench, "one\n"); /* neither the command nor the next step */
        /* Nor does another task begin. */
        start(bench, "l", "other");
        bench_linger(bench, 100);
        assert_marks(bench, "one\n");
        bench = boot(bench, "second");
        start(bench, "l", "task");
        bench_wait(bench, &bench->sink.ended, 1);
        ck_assert_int_eq(bench->sink.heard[0].status, RDV_STATUS_REBOOTED);
        assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
        assert_marks(bench, "one\ntwo\n");
        rdv_test_remove(bench_path(bench, "marks"));
        bench_free(bench);
    }
}
END_TEST

START_TEST(a_reboot_that_a_step_has_begun_and_that_does_not_come_fails_the_run)
{
    reboot_wait = 100 * RDV_MILLISECOND;
    struct bench *bench = open_bench();
    load(bench, "{'run':['sh','-c','exit 1641']}", "");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_FAILED, RDV_ETIMEDOUT, "the machine did not reboot within 100ms");
    bench_free(bench);
}
END_TEST

#else

RDV_TEST_ELSEWHERE(exit_code_3010_asks_for_a_reboot_as_194_does)
RDV_TEST_ELSEWHERE(exit_code_1641_is_a_reboot_that_nobody_has_to_ask_for)
RDV_TEST_ELSEWHERE(a_reboot_that_a_step_has_begun_and_that_does_not_come_fails_the_run)

#endif

/* ------------------------------------------------------------- what may fail */

START_TEST(in_the_same_boot_the_reboot_is_asked_for_again)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    rdv_test_remove(bench_path(bench, "went"));
    bench = boot(bench, "first");
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    assert_last(bench, RDV_STATUS_REBOOTING, 0,
                "rebooting: the machine is still in the boot that was to end");
    ck_assert_str_eq(row_of(bench, "task"), "reboot step 1, 2 [first]");
    bench = boot(bench, "second");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_marks(bench, "one\nreboot\nreboot\ntwo\n");
    bench_free(bench);
}
END_TEST

START_TEST(after_five_reboots_the_run_fails)
{
    static const char step[] = "{'run':['sh','-c','exit 194']}";
    char steps[512] = "";
    for (int i = 0; i < 7; i++)
        snprintf(steps + strlen(steps), sizeof steps - strlen(steps), "%s%s", i ? "," : "", step);
    struct bench *bench = open_bench();
    load(bench, steps, REBOOT);
    for (int i = 0; i < 5; i++) {
        char id[16];
        start(bench, "l", "task");
        bench_wait_file(bench, "went");
        ck_assert_int_eq(bench->sink.ended, 0);
        rdv_test_remove(bench_path(bench, "went"));
        snprintf(id, sizeof id, "boot-%d", i);
        bench = boot(bench, id);
    }
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_FAILED, RDV_EFAILED,
                "rebooted 5 times, and that is enough (rebooting: step 6 of 7 (sh) asks for it)");
    assert_marks(bench, "reboot\nreboot\nreboot\nreboot\nreboot\n");
    bench_linger(bench, 10);
    ck_assert_str_eq(row_of(bench, "task"), "");
    bench_free(bench);
}
END_TEST

START_TEST(a_reboot_command_that_fails_ends_the_run_in_words)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, "'reboot':{'run':['sh','-c','echo not allowed; exit 7']}");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_FAILED, 7, "cannot reboot (sh): exit code 7: not allowed");
    assert_marks(bench, "one\n");
    bench_linger(bench, 10);
    ck_assert_str_eq(row_of(bench, "task"), "");
    load(bench, ASKS_THEN_TWO, "'reboot':{'run':['" RDV_TEST_ABSENT "/reboot']}");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 2);
    if (!rdv_test_deaf_start())
        assert_last(bench, RDV_STATUS_FAILED, RDV_ENOTFOUND,
                    "cannot reboot (reboot): cannot run '" RDV_TEST_ABSENT
                    "/reboot': No such file or directory");
    /* Nothing holds others back now. */
    load(bench, "{'run':['true']}", "");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 3);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    bench_free(bench);
}
END_TEST

START_TEST(a_machine_that_does_not_go_down_fails_the_run)
{
    reboot_wait = 200 * RDV_MILLISECOND;
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_FAILED, RDV_ETIMEDOUT, "the machine did not reboot within 200ms");
    /* Nor does a command that hangs hold it up. */
    load(bench, ASKS_THEN_TWO, "'reboot':{'run':['sleep','60']}");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 2);
    assert_last(bench, RDV_STATUS_FAILED, RDV_ETIMEDOUT, "the machine did not reboot within 200ms");
    bench_free(bench);
}
END_TEST

START_TEST(what_the_reboot_command_prints_is_kept_and_its_notices_are_not_heard)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO,
         "'reboot':{'run':['sh','-c','echo going down; echo STATUS=applying >&3; touch @/went']}");
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (!*bench_read(bench, "log/-1.log") && rdv_test_clock() < end)
        bench_linger(bench, 5);
    bench_linger(bench, 50);
    ck_assert_int_eq(last(bench)->status, RDV_STATUS_REBOOTING);
    ck_assert_str_eq(bench_read(bench, "log/-1.log"), "going down\n");
    bench_free(bench);
}
END_TEST

START_TEST(terminating_before_the_machine_goes_down_leaves_the_journal_as_it_is)
{
    static const char *const rules[] = {REBOOT,
                                        "'reboot':{'run':['sh','-c','touch @/went; sleep 60']}"};
    for (int i = 0; i < 2; i++) {
        struct bench *bench = open_bench();
        load(bench, ASKS_THEN_TWO, rules[i]);
        start(bench, "l", "task");
        bench_wait_file(bench, "went");
        rdv_test_remove(bench_path(bench, "went"));
        bench_linger(bench, 50);
        terminate(bench);
        ck_assert_int_eq(bench->sink.ended, 0);
        ck_assert_str_eq(row_of(bench, "task"), "reboot step 1, 1 [first]");
        bench = boot(bench, "next");
        start(bench, "l", "task");
        bench_wait(bench, &bench->sink.ended, 1);
        assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
        bench_free(bench);
        put("boot-id", "first");
    }
}
END_TEST

START_TEST(cancelling_a_run_that_waits_for_its_reboot_calls_that_off)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    bench_linger(bench, 50);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled");
    bench_linger(bench, 10);
    ck_assert_str_eq(row_of(bench, "task"), "");
    bench_free(bench);
}
END_TEST

START_TEST(a_boot_that_has_no_name_fails_the_run)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    put("boot-id", "\n");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(last(bench)->code, RDV_EINVAL);
    ck_assert_int_eq(strncmp(last(bench)->message, "cannot reboot: ", 15), 0);
    put("boot-id", "first");
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    bench = boot(bench, "");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(last(bench)->status, RDV_STATUS_FAILED);
    ck_assert_int_eq(strncmp(last(bench)->message, "cannot tell whether the machine was", 35), 0);
    bench_free(bench);
}
END_TEST

START_TEST(a_new_document_without_the_rule_goes_on_and_says_what_is_needed)
{
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    bench = boot(bench, "first");
    load(bench, ASKS_THEN_TWO, "");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 194, "done; a reboot is needed");
    assert_marks(bench, "one\nreboot\ntwo\n");
    bench_free(bench);
}
END_TEST

/* ------------------------------------------------------------------ rule 12 */

/* "asks" exits with 194 at once, "slow" has two steps, the first of which waits for a file. */
static void load_both(struct bench *bench, const char *reboot)
{
    char document[2048];
    snprintf(document, sizeof document,
             "{'handlers':[{'label':'asks','steps':[%s],%s},"
             "{'label':'slow','steps':[{'run':['sh','-c','echo begun >>@/marks; touch @/begun; "
             "while [ ! -e @/go ]; do sleep 0.02; done; echo ended >>@/marks']},"
             "{'run':['sh','-c','echo next $RDV_ATTEMPT >>@/marks']}]}]}",
             ASKS_THEN_TWO, reboot);
    bench_load(bench, document);
}

START_TEST(rule_12_siblings_finish_their_step_and_start_no_other)
{
    struct bench *bench = open_bench();
    load_both(bench, REBOOT);
    start(bench, "slow", "sibling");
    bench_wait_file(bench, "begun");
    start(bench, "asks", "task");
    wait_for_asking(bench);
    assert_last(bench, RDV_STATUS_REBOOTING, 0, "rebooting: step 1 of 2 (sh) asks for it");
    assert_marks(bench, "begun\none\n");
    put("go", "");
    bench_wait_file(bench, "went");
    assert_marks(bench, "begun\none\nended\nreboot\n");
    assert_last(bench, RDV_STATUS_APPLYING, 0, "waits for the reboot that task asked for");
    ck_assert_str_eq(last(bench)->identifier, "sibling");
    ck_assert_str_eq(row_of(bench, "sibling"), "wait step 1, 0 []");
    /* A new one is taken, and waits, too. */
    start(bench, "slow", "new");
    bench_linger(bench, 50);
    ck_assert_str_eq(row_of(bench, "new"), "wait step 0, 0 []");
    bench = boot(bench, "second");
    start(bench, "slow", "sibling");
    start(bench, "asks", "task");
    bench_wait(bench, &bench->sink.ended, 2);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_SUCCESS, ""), 2);
    ck_assert_ptr_nonnull(strstr(bench_read(bench, "marks"), "next 1\n"));
    ck_assert_ptr_null(strstr(bench_read(bench, "marks") + 12, "begun"));
    bench_free(bench);
}
END_TEST

START_TEST(rule_12_siblings_go_on_when_the_reboot_fails)
{
    struct bench *bench = open_bench();
    load_both(bench, "'reboot':{'run':['sh','-c','sleep 0.2; exit 1']}");
    start(bench, "slow", "sibling");
    bench_wait_file(bench, "begun");
    start(bench, "asks", "task");
    wait_for_asking(bench);
    put("go", "");
    bench_wait(bench, &bench->sink.ended, 2);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_APPLYING, "waits for the reboot"), 1);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_FAILED, "cannot reboot (sh): exit code 1"), 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    assert_marks(bench, "begun\none\nended\nnext 1\n");
    bench_free(bench);
}
END_TEST

START_TEST(rule_12_a_sibling_that_waits_for_a_retry_does_not_hold_it_up)
{
    struct bench *bench = open_bench();
    bench_load(bench,
               "{'handlers':[{'label':'asks','steps':[{'run':['sh','-c','exit 194']}]," REBOOT
               "},{'label':'again','steps':[{'run':['sh','-c','touch @/begun; exit 75'],"
               "'retry_delay':'300ms'}]}]}");
    start(bench, "again", "sibling");
    bench_wait_file(bench, "begun");
    start(bench, "asks", "task");
    bench_wait_file(bench, "went");
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (bench_count(bench, RDV_STATUS_APPLYING, "waits for the reboot") == 0 &&
           rdv_test_clock() < end)
        bench_linger(bench, 20);
    assert_last(bench, RDV_STATUS_APPLYING, 0, "waits for the reboot that task asked for");
    ck_assert_str_eq(row_of(bench, "sibling"), "wait step 0, 0 []");
    bench_free(bench);
}
END_TEST

static void take(rdv_run *run, void *user)
{
    *(rdv_run **)user = run;
}

START_TEST(rule_12_a_c_handler_is_waited_for)
{
    rdv_run *run = NULL;
    struct bench *bench = open_bench();
    load(bench, ASKS_THEN_TWO, REBOOT);
    ck_assert_int_eq(rdv_agent_add_handler(bench->agent, "c", take, &run, 0), 0);
    start(bench, "c", "sibling");
    start(bench, "l", "task");
    wait_for_asking(bench);
    ck_assert_int_eq(last(bench)->status, RDV_STATUS_REBOOTING);
    assert_marks(bench, "one\n");
    ck_assert_int_eq(rdv_run_finish(run, 0, NULL), 0);
    bench_wait_file(bench, "went");
    assert_marks(bench, "one\nreboot\n");
    /* None begins once it is under way. */
    ck_assert_int_eq(bench_start(bench, "c", "another", "c"), RDV_EBUSY);
    bench_free(bench);
}
END_TEST

START_TEST(rule_12_one_reboot_serves_all_who_ask)
{
    struct bench *bench = open_bench();
    bench_load(bench,
               "{'handlers':[{'label':'a','steps':[{'run':['sh','-c','exit 194']},"
               "{'run':['sh','-c','echo a >>@/marks']}]," REBOOT "},"
               "{'label':'b','steps':[{'run':['sh','-c','touch @/begun; while [ ! -e @/go ]; do "
               "sleep 0.02; done; exit 194']},{'run':['sh','-c','echo b >>@/marks']}]," REBOOT
               "}]}");
    start(bench, "b", "two");
    bench_wait_file(bench, "begun");
    start(bench, "a", "one");
    bench_linger(bench, 100);
    put("go", "");
    bench_wait_file(bench, "went");
    bench_linger(bench, 50);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_REBOOTING, "rebooting: step 1"), 2);
    ck_assert_str_eq(row_of(bench, "one"), "reboot step 1, 1 [first]");
    ck_assert_str_eq(row_of(bench, "two"), "reboot step 1, 1 [first]");
    assert_marks(bench, "reboot\n");
    bench = boot(bench, "second");
    start(bench, "a", "one");
    start(bench, "b", "two");
    bench_wait(bench, &bench->sink.ended, 2);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_REBOOTED, ""), 2);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_SUCCESS, ""), 2);
    ck_assert_uint_eq(strlen(bench_read(bench, "marks")), strlen("reboot\na\nb\n"));
    bench_free(bench);
}
END_TEST

START_TEST(rule_12_a_sibling_that_holds_can_be_cancelled_and_terminated)
{
    struct bench *bench = open_bench();
    load_both(bench, REBOOT);
    put("go", "");
    start(bench, "asks", "task");
    bench_wait_file(bench, "went");
    start(bench, "slow", "one");
    start(bench, "slow", "two");
    bench_linger(bench, 50);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "one"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled");
    terminate(bench);
    ck_assert_str_eq(row_of(bench, "two"), "wait step 0, 0 []");
    ck_assert_str_eq(row_of(bench, "task"), "reboot step 1, 1 [first]");
    ck_assert_str_eq(row_of(bench, "one"), "");
    bench_free(bench);
}
END_TEST

static int count_rebooting(void *user, const rdv_entry *entry)
{
    *(int *)user += entry->status == RDV_STATUS_REBOOTING;
    return 0;
}

START_TEST(under_our_trigger_nothing_starts_before_the_reboot_and_all_goes_on_after_it)
{
    rdv_filter filter = {.size = sizeof filter};
    rdv_trigger *trigger;
    for (int i = 0; i < 2; i++) {
        struct bench *bench = open_bench();
        new_agent(bench);
        put("boot-id", i ? "second" : "first");
        load(bench, ASKS_THEN_TWO, REBOOT);
        rdv_trigger_options options;
        rdv_trigger_options_init(&options);
        options.clock_wait = 0; /* whenever the machine was started */
        ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &options, &trigger), 0);
        ck_assert_int_eq(rdv_trigger_attach(trigger, bench->plugin), 0);
        if (i == 0) {
            rdv_task *task;
            for (int k = 0; k < 2; k++) {
                ck_assert_int_eq(rdv_task_new("l", k ? "b" : "a", "", 0, &task), 0);
                ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), 0);
                rdv_task_unref(task);
            }
            bench_wait_file(bench, "went");
            bench_linger(bench, 50);
            int rebooting = 0;
            ck_assert_int_eq(rdv_store_entries(bench->store, &filter, count_rebooting, &rebooting),
                             0);
            ck_assert_int_eq(rebooting, 1);
            assert_marks(bench, "one\nreboot\n");
            rdv_test_remove(bench_path(bench, "went"));
        } else {
            bench_wait_file(bench, "went");
            bench_linger(bench, 20);
            assert_marks(bench, "one\nreboot\ntwo\none\nreboot\n");
            ck_assert_uint_eq(rdv_trigger_unfinished(trigger), 1);
        }
        rdv_trigger_free(trigger);
        rdv_agent_free(bench->agent);
        bench->agent = NULL;
        bench_free(bench);
    }
}
END_TEST

/* ------------------------------------------------------------------ on_stop */

/* In a first step that makes the file "begun". One that goes on when there is a file "go" does so while it is waited for. */
static struct bench *stop_in_first_step(const char *steps, const char *more)
{
    struct bench *bench = open_bench();
    load(bench, steps, more);
    start(bench, "l", "task");
    bench_wait_file(bench, "begun");
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_linger(bench, 20);
    bool waits = bench->sink.terminated == 0;
    put("go", "");
    bench_wait(bench, &bench->sink.terminated, 1);
    ck_assert(waits || !strstr(steps, "@/go"));
    return bench;
}

#define UNTIL_GO "touch @/begun; until test -e @/go; do sleep 0.03; done"

START_TEST(a_stop_that_kills_repeats_the_step)
{
    struct bench *bench =
        stop_in_first_step("{'run':['sh','-c','echo $RDV_ATTEMPT >>@/marks; touch @/begun; test "
                           "$RDV_ATTEMPT = 2 || sleep 60']}",
                           "'on_stop':'kill'");
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert_str_eq(row_of(bench, "task"), "step step 0, 0 []");
    bench = boot(bench, "first");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_marks(bench, "1\n2\n");
    bench_free(bench);
}
END_TEST

static const char slow_then_two[] =
    "{'run':['sh','-c','echo one >>@/marks; " UNTIL_GO "; echo ended >>@/marks']},"
    "{'run':['sh','-c','echo two $RDV_ATTEMPT >>@/marks']}";

START_TEST(a_stop_that_waits_lets_the_step_end_and_does_not_repeat_it)
{
    static const char *const more[] = {"'on_stop':'wait'",
                                       "'on_stop':'wait','on_interrupt':'restart'",
                                       "'on_stop':'wait','on_interrupt':'fail'"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        struct bench *bench = stop_in_first_step(slow_then_two, more[i]);
        assert_marks(bench, "one\nended\n");
        ck_assert_int_eq(bench->sink.ended, 0);
        ck_assert_str_eq(row_of(bench, "task"), "wait step 1, 0 []");
        bench = boot(bench, "first");
        start(bench, "l", "task");
        bench_wait(bench, &bench->sink.ended, 1);
        assert_marks(bench, "one\nended\ntwo 1\n");
        rdv_test_remove(bench_path(bench, "marks"));
        rdv_test_remove(bench_path(bench, "begun"));
        rdv_test_remove(bench_path(bench, "go"));
        bench_free(bench);
    }
}
END_TEST

START_TEST(a_stop_that_waits_has_the_end_of_a_last_step_reported)
{
    struct bench *bench =
        stop_in_first_step("{'run':['sh','-c','" UNTIL_GO "']}", "'on_stop':'wait'");
    ck_assert_int_eq(bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(row_of(bench, "task"), "");
    rdv_test_remove(bench_path(bench, "begun"));
    rdv_test_remove(bench_path(bench, "go"));
    bench_free(bench);
    bench = stop_in_first_step("{'run':['sh','-c','" UNTIL_GO "; exit 3']}", "'on_stop':'wait'");
    assert_last(bench, RDV_STATUS_FAILED, 3, "step 1 of 1 (sh): exit code 3");
    bench_free(bench);
}
END_TEST

START_TEST(a_stop_that_waits_leaves_retries_to_the_next)
{
    struct bench *bench =
        stop_in_first_step("{'run':['sh','-c','echo $RDV_ATTEMPT >>@/marks; " UNTIL_GO
                           "; test $RDV_ATTEMPT = 2'],'retries':1,'retry_delay':'0s'}",
                           "'on_stop':'wait','on_interrupt':'fail'");
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert_str_eq(row_of(bench, "task"), "wait step 0, 0 []");
    bench = boot(bench, "first");
    start(bench, "l", "task");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_last(bench, RDV_STATUS_SUCCESS, 0, "");
    assert_marks(bench, "1\n2\n");
    bench_free(bench);
}
END_TEST

START_TEST(a_stop_that_waits_is_bounded)
{
    int64_t begin = rdv_test_clock();
    struct bench *bench = stop_in_first_step("{'run':['sh','-c','touch @/begun; sleep 60']}",
                                             "'on_stop':'wait','stop_wait':'200ms'");
    ck_assert_int_lt(rdv_test_clock() - begin, 10000);
    ck_assert_int_ge(rdv_test_clock() - begin, 200);
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert_str_eq(row_of(bench, "task"), "step step 0, 0 []");
    bench_free(bench);
}
END_TEST

START_TEST(a_stop_that_waits_leaves_a_reboot_to_the_next)
{
    struct bench *bench = stop_in_first_step("{'run':['sh','-c','" UNTIL_GO "; exit 194']}",
                                             "'on_stop':'wait'," REBOOT);
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert_str_eq(row_of(bench, "task"), "reboot step 1, 0 [first]");
    bench = boot(bench, "first");
    start(bench, "l", "task");
    bench_wait_file(bench, "went");
    ck_assert_str_eq(row_of(bench, "task"), "reboot step 1, 1 [first]");
    bench_free(bench);
}
END_TEST

START_TEST(a_run_can_be_cancelled_while_a_stop_waits_for_it)
{
    struct bench *bench = open_bench();
    load(bench, "{'run':['sh','-c','touch @/begun; sleep 60']}", "'on_stop':'wait'");
    start(bench, "l", "task");
    bench_wait_file(bench, "begun");
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_linger(bench, 50);
    ck_assert_int_eq(bench->sink.terminated, 0);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    assert_last(bench, RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled during step 1 of 1 (sh)");
    bench_free(bench);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1) {
        snprintf(directory, sizeof directory, "%s", argv[1]);
        reboot_wait = 10 * RDV_MINUTE;
        return bench_second_main(second_reboots);
    }
    const TTest *const tests[] = {
        the_command_that_reboots_has_nothing_of_the_handler_s_environment,
        a_step_that_exits_with_194_has_the_machine_rebooted_before_the_next,
        a_last_step_that_exits_with_194_is_followed_by_success_after_the_reboot,
        a_path_that_exists_after_the_last_step_has_the_machine_rebooted,
        without_a_rule_the_need_is_remembered_across_a_kill_but_not_across_a_reboot,
        rebooting_is_on_disk_before_the_command_runs,
        a_power_cut_in_a_step_is_no_reboot_of_ours,
        in_the_same_boot_the_reboot_is_asked_for_again,
        after_five_reboots_the_run_fails,
        a_reboot_command_that_fails_ends_the_run_in_words,
        a_machine_that_does_not_go_down_fails_the_run,
        what_the_reboot_command_prints_is_kept_and_its_notices_are_not_heard,
        terminating_before_the_machine_goes_down_leaves_the_journal_as_it_is,
        cancelling_a_run_that_waits_for_its_reboot_calls_that_off,
        a_boot_that_has_no_name_fails_the_run,
        a_new_document_without_the_rule_goes_on_and_says_what_is_needed,
        rule_12_siblings_finish_their_step_and_start_no_other,
        rule_12_siblings_go_on_when_the_reboot_fails,
        rule_12_a_sibling_that_waits_for_a_retry_does_not_hold_it_up,
        rule_12_a_c_handler_is_waited_for,
        rule_12_one_reboot_serves_all_who_ask,
        rule_12_a_sibling_that_holds_can_be_cancelled_and_terminated,
        under_our_trigger_nothing_starts_before_the_reboot_and_all_goes_on_after_it,
        a_stop_that_kills_repeats_the_step,
        a_stop_that_waits_lets_the_step_end_and_does_not_repeat_it,
        a_stop_that_waits_has_the_end_of_a_last_step_reported,
        a_stop_that_waits_leaves_retries_to_the_next,
        a_stop_that_waits_is_bounded,
        a_stop_that_waits_leaves_a_reboot_to_the_next,
        a_run_can_be_cancelled_while_a_stop_waits_for_it,
    };
    Suite *suite = suite_create("reboot");
    TCase *tcase = tcase_create("reboot");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    const char *unix = RDV_TEST_ON_WINDOWS("") ? NULL : "only Windows has such codes";
    rdv_test_add_unless(tcase, exit_code_3010_asks_for_a_reboot_as_194_does, unix);
    rdv_test_add_unless(tcase, exit_code_1641_is_a_reboot_that_nobody_has_to_ask_for, unix);
    rdv_test_add_unless(tcase, a_reboot_that_a_step_has_begun_and_that_does_not_come_fails_the_run,
                        unix);
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
