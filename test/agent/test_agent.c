/* SPDX-License-Identifier: MIT */
/* Runs of a document's steps, before a sink that writes down what it hears. */
#include "agent_bench.h"

#include <sqlite3.h>

#ifdef _WIN32
#define SH     "sh"
#define KILLED "killed"
#else
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#define SH     "/bin/sh"
#define KILLED "killed by signal 9 (SIGKILL)"
#endif

#include "model/task.h"
#include "store/journal.h"
#include "store/store.h"

static struct bench *bench;

static void set_up(void)
{
    bench = bench_new(NULL, false);
}

static void tear_down(void)
{
    bench_free(bench);
}

static const struct rdv_kit_heard *last(void)
{
    return &bench->sink.heard[bench->sink.heard_count - 1];
}

static void assert_ended(const struct rdv_kit_heard *heard, rdv_status status, int code,
                         const char *message)
{
    ck_assert_str_eq(heard->message, message);
    ck_assert_int_eq(heard->status, status);
    ck_assert_int_eq(heard->code, code);
}

static int no_rows(void *user, const struct rdv__journal *row)
{
    (void)user;
    (void)row;
    return 0;
}

static bool is_journalled(const char *identifier)
{
    int result = rdv__journal_get(bench->store, identifier, no_rows, NULL);
    ck_assert(result == 0 || result == RDV_ENOTFOUND);
    return result == 0;
}

/* -------------------------------------------------------------------- steps */

START_TEST(steps_run_in_order_and_each_is_reported_when_it_begins)
{
    bench_steps(bench, "{'run':['sh','-c','echo one >>@/marks'],'status':'searching'},"
                       "{'run':['sh','-c','echo two >>@/marks'],'status':'downloading'},"
                       "{'run':['" SH "','-c','echo three >>@/marks']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "marks"), "one\ntwo\nthree\n");
    ck_assert_int_eq(bench->sink.heard_count, 4);
    assert_ended(&bench->sink.heard[0], RDV_STATUS_SEARCHING, 0, "step 1 of 3: sh");
    assert_ended(&bench->sink.heard[1], RDV_STATUS_DOWNLOADING, 0, "step 2 of 3: sh");
    assert_ended(&bench->sink.heard[2], RDV_STATUS_APPLYING, 0, "step 3 of 3: sh");
    ck_assert_int_eq(bench->sink.heard[0].attempt, 1);
    ck_assert_int_eq(bench->sink.heard[0].progress, -1);
    ck_assert(!is_journalled("task"));
}
END_TEST

START_TEST(arguments_are_data_that_no_shell_reads)
{
    bench_steps(bench, "{'run':['printf','<%s>\\n','$HOME; echo no','*','a b','`id`','']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "log/-1.log"), "<$HOME; echo no>\n<*>\n<a b>\n<`id`>\n<>\n");
}
END_TEST

START_TEST(label_identifier_and_context_are_data_that_no_shell_reads)
{
    bench_load(bench, "{'handlers':[{'label':'$(touch @/no)','steps':[{'run':['sh','-c','"
                      "printf %s \\\"$RDV_LABEL\\\" >@/label; printf %s \\\"$RDV_IDENTIFIER\\\" "
                      ">@/identifier; cat >@/context']}]}]}");
    char label[RDV_TEST_PATH + 16];
    snprintf(label, sizeof label, "$(touch %s/no)", bench->directory);
    ck_assert_int_eq(bench_start(bench, label, "; rm -rf $x `y`", "$(z)"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    ck_assert_int_eq(last()->status, RDV_STATUS_SUCCESS);
    ck_assert_str_eq(bench_read(bench, "label"), label);
    ck_assert_str_eq(bench_read(bench, "identifier"), "; rm -rf $x `y`");
    ck_assert_str_eq(bench_read(bench, "context"), "$(z)");
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST

START_TEST(the_environment_is_clean_but_for_what_the_document_adds)
{
    rdv_test_set_variable("SECRET", "of the host");
    bench_load(bench, "{'environment':{'A':'document','B':'document'},'handlers':[{'label':'l',"
                      "'environment':{'B':'handler','PATH':'/usr/bin:/bin'},"
                      "'steps':[{'run':['env']}]}]}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    const char *log = bench_read(bench, "log/-1.log");
    char expected[RDV_TEST_PATH + 256];
    const char *format = "A=document\nB=handler\nRDV_LABEL=l\nRDV_IDENTIFIER=task\n"
                         "RDV_ATTEMPT=1\nRDV_RUN=-1\nRDV_STORE=%s\nRDV_NONCE=";
    snprintf(expected, sizeof expected, format, rdv__store_path(bench->store));
#ifdef _WIN32
    /* There they are sorted, and what Windows' programs can't do without is among them. */
    for (char *line = strtok(expected, "\n"); line; line = strtok(NULL, "\n"))
        ck_assert_msg(strstr(log, line) != NULL, "no %s in %s", line, log);
    ck_assert_ptr_nonnull(strstr(log, "PATH=/usr/bin:/bin\n"));
    ck_assert_ptr_nonnull(strstr(log, "SystemRoot=C:\\"));
    ck_assert_ptr_nonnull(strstr(log, "RDV_NOTIFY=\\\\.\\pipe\\"));
    ck_assert_ptr_null(strstr(log, "SECRET"));
#else
    static const char begin[] = "PATH=/usr/bin:/bin\nLANG=C.UTF-8\n";
    ck_assert_int_eq(strncmp(log, begin, sizeof begin - 1), 0);
    ck_assert_int_eq(strncmp(log + sizeof begin - 1, expected, strlen(expected)), 0);
    const char *nonce = log + sizeof begin - 1 + strlen(expected);
    ck_assert_uint_eq(strspn(nonce, "0123456789abcdef"), 32);
    ck_assert_str_eq(nonce + 32, "\n");
#endif
}
END_TEST

START_TEST(a_store_in_memory_has_no_name_in_the_environment)
{
    bench_free(bench);
    bench = bench_new(NULL, true);
    bench_steps(bench, "{'run':['env']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_ptr_null(strstr(bench_read(bench, "log/-1.log"), "RDV_STORE"));
    ck_assert_ptr_nonnull(strstr(bench_read(bench, "log/-1.log"), "RDV_RUN=-1\n"));
}
END_TEST

START_TEST(the_context_is_standard_input_and_can_be_read_again)
{
    bench_steps(bench, "{'run':['sh','-c','cat; cat /dev/stdin; test -f /dev/stdin']},"
                       "{'run':['cat']}");
    assert_ended(bench_do(bench, "the context\n"), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "log/-1.log"), "the context\nthe context\nthe context\n");
}
END_TEST

START_TEST(a_child_that_does_not_read_its_context_is_no_trouble)
{
    static char context[1 << 20];
    memset(context, 'x', sizeof context - 1);
    bench_steps(bench, "{'run':['true']}");
    assert_ended(bench_do(bench, context), RDV_STATUS_SUCCESS, 0, "");
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(nothing_else_is_inherited)
#else
START_TEST(nothing_else_is_inherited)
{
    int other = open("/dev/null", O_RDONLY); /* without close-on-exec */
    ck_assert_int_ge(other, 0);
    ck_assert_int_ge(dup2(other, 77), 0);
    bench_steps(bench, "{'run':['ls','/proc/self/fd']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    /* 4 is the directory that ls reads. */
    ck_assert_str_eq(bench_read(bench, "log/-1.log"), "0\n1\n2\n3\n4\n");
    close(77);
    close(other);
}
END_TEST
#endif

/* ------------------------------------------------------------------ notices */

/* Each notice comes by itself: the script waits until the one before was heard. */
static void say_seen(struct rdv_kit_sink *sink)
{
    struct bench *b = sink->user;
    char name[16];
    snprintf(name, sizeof name, "seen%d", b->sink.heard_count);
    bench_write(b, name, "");
}

#define SAY(what, count) \
    "printf '" what "' >&3; until test -e @/seen" #count "; do sleep 0.03; done; "

static void load_script(const char *script)
{
    bench_write(bench, "script", "");
    FILE *file = fopen(bench_path(bench, "script"), "w");
    ck_assert_ptr_nonnull(file);
    for (const char *c = script; *c; c++)
        if (*c == '@')
            fputs(bench->directory, file);
        else
            fputc(*c, file);
    fclose(file);
    bench_steps(bench, "{'run':['sh','@/script'],'status':'searching'}");
}

START_TEST(notices_on_descriptor_3_become_reports)
{
    bench->sink.when_heard = say_seen;
    load_script(SAY("STATUS=downloading\\nPROGRESS=42\\nMESSAGE=half of it\\n", 2) SAY(
        "PROGRESS=43\\n", 3) SAY("MESSAGE=more\\n", 4) SAY("STATUS=applying\\n", 5));
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(bench->sink.heard_count, 6);
    assert_ended(&bench->sink.heard[0], RDV_STATUS_SEARCHING, 0, "step 1 of 1: sh");
    assert_ended(&bench->sink.heard[1], RDV_STATUS_DOWNLOADING, 0, "half of it");
    ck_assert_int_eq(bench->sink.heard[1].progress, 42);
    assert_ended(&bench->sink.heard[2], RDV_STATUS_DOWNLOADING, 0, "half of it");
    ck_assert_int_eq(bench->sink.heard[2].progress, 43);
    assert_ended(&bench->sink.heard[3], RDV_STATUS_DOWNLOADING, 0, "more");
    ck_assert_int_eq(bench->sink.heard[3].progress, 43);
    assert_ended(&bench->sink.heard[4], RDV_STATUS_APPLYING, 0, "more");
    ck_assert_int_eq(bench->sink.heard[4].progress, -1);
}
END_TEST

START_TEST(a_status_that_is_not_a_steps_to_say_goes_to_the_log)
{
    bench->sink.when_heard = say_seen;
    load_script("printf 'STATUS=success\\n' >&3; printf 'STATUS=nonsense\\n' >&3;" SAY(
        "STATUS=rebooting\\nPROGRESS=5\\n", 2));
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(bench->sink.ended, 1);
    ck_assert_int_eq(bench->sink.heard[1].status, RDV_STATUS_SEARCHING);
    ck_assert_int_eq(bench->sink.heard[1].progress, 5);
    ck_assert_ptr_nonnull(strstr(bench->log.text, "STATUS=rebooting"));
}
END_TEST

START_TEST(control_characters_in_messages_are_escaped)
{
    bench->sink.when_heard = say_seen;
    load_script(
        SAY("MESSAGE=\\033[31mred\\007 tab\\there\\n", 2) "printf 'last \\033[0m line' ; exit 1");
    const struct rdv_kit_heard *end = bench_do(bench, "");
    ck_assert_str_eq(bench->sink.heard[1].message, "\\x1b[31mred\\x07 tab\\there");
    assert_ended(end, RDV_STATUS_FAILED, 1, "step 1 of 1 (sh): exit code 1: last \\x1b[0m line");
}
END_TEST

START_TEST(a_line_on_descriptor_3_that_is_no_notice_goes_to_the_log)
{
    bench_steps(bench, "{'run':['sh','-c','echo hello >&3; echo PROGRESS=1000 >&3']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(bench->sink.heard_count, 2);
    ck_assert_ptr_nonnull(strstr(bench->log.text, "hello"));
    ck_assert_ptr_nonnull(strstr(bench->log.text, "1000"));
}
END_TEST

/* -------------------------------------------------------------------- ends */

START_TEST(an_exit_code_fails_the_run_with_the_last_line_of_the_steps_output)
{
    bench_steps(bench, "{'run':['sh','-c','echo of step one']},"
                       "{'run':['sh','-c','echo first; echo E: no such package >&2; exit 100']},"
                       "{'run':['touch','@/no']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, 100,
                 "step 2 of 3 (sh): exit code 100: E: no such package");
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
    ck_assert(!is_journalled("task"));
}
END_TEST

START_TEST(a_silent_step_is_not_blamed_for_another_steps_words)
{
    bench_steps(bench, "{'run':['sh','-c','echo of step one']},{'run':['false']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, 1, "step 2 of 2 (false): exit code 1");
}
END_TEST

START_TEST(a_signal_is_named)
{
    bench_steps(bench, "{'run':['sh','-c','kill -SEGV $$']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED,
                 RDV_TEST_CRASHED < -1000 ? RDV_TEST_CRASHED : 128 - RDV_TEST_CRASHED,
                 RDV_TEST_ON_WINDOWS("")
                     ? "step 1 of 1 (sh): ended with 0xC0000005 (access violation)"
                     : "step 1 of 1 (sh): killed by signal 11 (SIGSEGV)");
}
END_TEST

START_TEST(a_program_that_is_not_there_fails_the_run_in_the_systems_words)
{
    bench_steps(bench, "{'run':['" RDV_TEST_ABSENT "/program']}");
    const struct rdv_kit_heard *end = bench_do(bench, "");
    ck_assert_int_eq(end->status, RDV_STATUS_FAILED);
    ck_assert_int_eq(end->code, RDV_ENOTFOUND);
    ck_assert_str_eq(end->message, "step 1 of 1 (program): cannot run '" RDV_TEST_ABSENT
                                   "/program': No such file or directory");
}
END_TEST

START_TEST(exit_code_194_without_a_rule_is_remembered_to_the_end)
{
    bench_steps(bench, "{'run':['sh','-c','exit 194'],'retries':5},{'run':['touch','@/yes']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 194, "done; a reboot is needed");
    ck_assert(rdv_test_exists(bench_path(bench, "yes")));
    bench_steps(bench, "{'run':['sh','-c','exit 194']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 194, "done; a reboot is needed");
}
END_TEST

/* How soon a step that ends by its timeout has done what comes before is the machine's affair: it is given more until it has. */
static const struct {
    const char *words;
    int milliseconds;
} timeouts[] = {{"300ms", 300}, {"3s", 3000}, {"15s", 15000}};
#define TIMEOUTS (sizeof timeouts / sizeof *timeouts)

START_TEST(a_timeout_ends_the_whole_tree)
{
    for (size_t i = 0; i < TIMEOUTS && !rdv_test_exists(bench_path(bench, "pid")); i++) {
        char steps[256], words[96];
        snprintf(steps, sizeof steps,
                 "{'run':['sh','-c','echo begun; sleep 60 & echo $! >@/pid.new; mv @/pid.new "
                 "@/pid; wait'],'timeout':'%s'}",
                 timeouts[i].words);
        bench_steps(bench, steps);
        bench_do(bench, "");
        snprintf(words, sizeof words, "step 1 of 1 (sh): ran past its timeout of %s: begun",
                 timeouts[i].words);
        if (rdv_test_exists(bench_path(bench, "pid")))
            assert_ended(last(), RDV_STATUS_FAILED, RDV_ETIMEDOUT, words);
    }
    int64_t pid = atoi(bench_read(bench, "pid"));
    ck_assert_int_gt(pid, 1);
    bench_wait_gone(pid);
}
END_TEST

START_TEST(who_ignores_the_polite_signal_is_killed_after_the_grace)
{
    for (size_t i = 0; i < TIMEOUTS && !rdv_test_exists(bench_path(bench, "deaf")); i++) {
        char document[256];
        snprintf(document, sizeof document,
                 "{'handlers':[{'label':'l','grace':'100ms','steps':[{'run':['sh','-c','trap "
                 "\\\"\\\" TERM; touch @/deaf; while :; do sleep 0.05; done'],"
                 "'timeout':'%s'}]}]}",
                 timeouts[i].words);
        bench_load(bench, document);
        int64_t begin = rdv_test_clock();
        ck_assert_int_eq(bench_do(bench, "")->code, RDV_ETIMEDOUT);
        if (rdv_test_exists(bench_path(bench, "deaf")))
            ck_assert_int_ge(rdv_test_clock() - begin, timeouts[i].milliseconds + 100);
    }
    ck_assert(rdv_test_exists(bench_path(bench, "deaf")));
}
END_TEST

START_TEST(output_is_capped_in_the_file)
{
    rdv_agent_options options;
    rdv_agent_options_init(&options);
    options.log_directory = bench_path(bench, "capped");
    options.log_run_bytes = 1000;
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, &options, &bench->agent), 0);
    bench->plugin = rdv_agent_plugin(bench->agent);
    ck_assert_int_eq(bench->plugin->ops->initialize(bench->plugin, &bench->sink.base), 0);
    bench_steps(bench, "{'run':['sh','-c','seq 1 10000; exit 9']}");
    const struct rdv_kit_heard *end = bench_do(bench, "");
    assert_ended(end, RDV_STATUS_FAILED, 9, "step 1 of 1 (sh): exit code 9: 10000");
    const char *text = bench_read(bench, "capped/-1.log");
    ck_assert_int_eq((int)strlen(text), 1000);
    ck_assert_ptr_nonnull(strstr(text, "\n[rdvtask: "));
}
END_TEST

START_TEST(a_log_that_cannot_be_written_does_not_disturb_the_run)
{
    bench_write(bench, "log", "a file where the directory should be");
    bench_steps(bench, "{'run':['sh','-c','echo a; sleep 0.05; echo b; exit 3']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, 3, "step 1 of 1 (sh): exit code 3: b");
    const char *first = strstr(bench->log.text, "-1.log");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "-1.log"));
}
END_TEST

/* What a second, reading connection finds. */
static int see_row(void *user, const struct rdv__journal *row)
{
    snprintf(user, 64, "%s %s step %d attempt %d failures %d run %d", row->identifier, row->state,
             row->step, row->attempt, row->failures, (int)row->run);
    return 0;
}

static void read_journal(char seen[64])
{
    rdv_store *reader;
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.flags = RDV_STORE_READ_ONLY;
    ck_assert_int_eq(rdv_store_open(bench_path(bench, "store"), &options, &reader, NULL), 0);
    snprintf(seen, 64, "nothing");
    int result = rdv__journal_get(reader, "task", see_row, seen);
    ck_assert(result == 0 || result == RDV_ENOTFOUND);
    rdv_store_close(reader);
}

/* ------------------------------------------------------------------ retries */

#define COUNTING "n=$(cat @/n 2>/dev/null || echo 0); n=$((n+1)); echo $n >@/n; "

START_TEST(exit_code_75_is_tried_again_with_delays_that_double)
{
    bench_steps(bench, "{'run':['sh','-c','" COUNTING
                       "echo $RDV_ATTEMPT >>@/attempts; test $n -gt 2 || exit 75'],"
                       "'retry_delay':'50ms'}");
    int64_t begin = rdv_test_clock();
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_ge(rdv_test_clock() - begin, 150);
    ck_assert_str_eq(bench_read(bench, "attempts"), "1\n2\n3\n");
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_APPLYING,
                                 "trying again in 50ms (retry 1 of 3): exit code 75"),
                     1);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_APPLYING,
                                 "trying again in 100ms (retry 2 of 3): exit code 75"),
                     1);
    ck_assert_int_eq(last()->attempt, 3);
}
END_TEST

START_TEST(exit_code_75_is_given_up_after_three_retries_where_the_document_says_nothing)
{
    bench_steps(bench, "{'run':['sh','-c','" COUNTING "exit 75'],'retry_delay':'1ms'}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, 75, "step 1 of 1 (sh): exit code 75");
    ck_assert_str_eq(bench_read(bench, "n"), "4\n");
}
END_TEST

START_TEST(no_retries_also_holds_for_exit_code_75)
{
    bench_steps(bench, "{'run':['sh','-c','" COUNTING "exit 75'],'retries':0}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, 75, "step 1 of 1 (sh): exit code 75");
    ck_assert_str_eq(bench_read(bench, "n"), "1\n");
}
END_TEST

START_TEST(retries_are_for_every_failure)
{
    static const char late[] = "ran past its timeout of ";
    size_t i = 0;
    int past;
    do { /* until nobody but the third attempt needs so long */
        char steps[256];
        bench->sink.heard_count = 0;
        snprintf(steps, sizeof steps,
                 "{'run':['sh','-c','test $RDV_ATTEMPT = 1 && exit 100; test $RDV_ATTEMPT = 2 && "
                 "kill -KILL $$; test $RDV_ATTEMPT = 3 && sleep 60; true'],"
                 "'retries':3,'retry_delay':'1ms','timeout':'%s'}",
                 timeouts[i].words);
        bench_steps(bench, steps);
        bench_do(bench, "");
        past = 0;
        for (int k = 0; k < bench->sink.heard_count; k++)
            past += strstr(bench->sink.heard[k].message, late) != NULL;
    } while (past > 1 && ++i < TIMEOUTS);
    ck_assert_uint_lt(i, TIMEOUTS);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(last()->attempt, 4);
    char words[96];
    snprintf(words, sizeof words, "trying again in 4ms (retry 3 of 3): %s%s", late,
             timeouts[i].words);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_APPLYING,
                                 "trying again in 1ms (retry 1 of 3): exit code 100"),
                     1);
    ck_assert_int_eq(
        bench_count(bench, RDV_STATUS_APPLYING, "trying again in 2ms (retry 2 of 3): " KILLED), 1);
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_APPLYING, words), 1);
}
END_TEST

START_TEST(a_later_step_has_attempts_of_its_own)
{
    bench_steps(bench,
                "{'run':['sh','-c','" COUNTING "test $n -gt 1'],'retries':1,'retry_delay':'1ms'},"
                "{'run':['sh','-c','echo $RDV_ATTEMPT >@/attempt']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "attempt"), "1\n");
}
END_TEST

/* Another agent on the same store, with this document, after the one that is there has shut down in order. */
static void restart_with(const char *steps)
{
    char directory[RDV_TEST_PATH];
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    snprintf(directory, sizeof directory, "%s", bench->directory);
    bench->keep_directory = true;
    bench_free(bench);
    bench = bench_new(directory, false);
    bench_steps(bench, steps);
}

START_TEST(stops_use_up_no_retries_and_set_no_attempt_back)
{
    static const char steps[] =
        "{'run':['sh','-c','echo $RDV_ATTEMPT >>@/attempts; test -e @/fail && exit 1; touch "
        "@/up$RDV_ATTEMPT; sleep 60'],'retries':2,'retry_delay':'1ms'}";
    bench_steps(bench, steps);
    for (int i = 1; i <= 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "up%d", i);
        ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
        bench_wait_file(bench, name);
        restart_with(steps);
    }
    bench_write(bench, "fail", "");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, 1, "step 1 of 1 (sh): exit code 1");
    ck_assert_str_eq(bench_read(bench, "attempts"), "1\n2\n3\n4\n5\n6\n");
    ck_assert_int_eq(bench_count(bench, RDV_STATUS_APPLYING, "trying again in 1ms (retry 1 of 2)"),
                     1);
    ck_assert_int_eq(last()->attempt, 6);
}
END_TEST

START_TEST(tries_that_have_failed_count_after_a_restart)
{
    static const char steps[] = "{'run':['sh','-c','echo $RDV_ATTEMPT >>@/attempts; exit "
                                "1'],'retries':1,'retry_delay':'1h'}";
    bench_steps(bench, steps);
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    restart_with(steps);
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, 1, "step 1 of 1 (sh): exit code 1");
    ck_assert_str_eq(bench_read(bench, "attempts"), "1\n2\n");
}
END_TEST

START_TEST(a_wait_for_a_retry_is_on_disk)
{
    char seen[64];
    bench_steps(bench, "{'run':['false'],'retries':1,'retry_delay':'1h'}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    bench_linger(bench, 20);
    read_journal(seen);
    ck_assert_str_eq(seen, "task wait step 0 attempt 1 failures 1 run -1");
}
END_TEST

/* Whatever code a program ends with that was told to end for its timeout. */
START_TEST(a_step_that_is_ended_for_its_timeout_has_failed_whatever_it_says)
{
    static const int codes[] = {0, 75, 194, 3};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char steps[256];
        snprintf(steps, sizeof steps,
                 "{'run':['sh','-c','trap \\\"exit %d\\\" TERM; while :; do sleep 0.02; "
                 "done'],'timeout':'1s'},{'run':['touch','@/no']}",
                 codes[i]);
        bench_steps(bench, steps);
        const struct rdv_kit_heard *end = bench_do(bench, "");
        ck_assert_int_eq(end->status, RDV_STATUS_FAILED);
        ck_assert_int_eq(end->code, RDV_ETIMEDOUT);
        ck_assert_ptr_nonnull(strstr(end->message, "ran past its timeout of 1s"));
        ck_assert(!rdv_test_exists(bench_path(bench, "no")));
    }
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(a_start_for_which_descriptors_are_short_is_made_later_and_uses_up_no_retry)
RDV_TEST_ELSEWHERE(a_start_for_which_descriptors_are_short_is_given_up_for_its_timeout)
RDV_TEST_ELSEWHERE(a_start_for_which_descriptors_are_short_can_be_cancelled)
#else
/* One descriptor is left, and a program takes more to be started. Returns what the limit was. */
static struct rlimit make_short(void)
{
    struct rlimit before, low;
    const int next = dup(0);
    ck_assert_int_ge(next, 0);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = (rlim_t)next + 1;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    return before;
}

START_TEST(a_start_for_which_descriptors_are_short_is_made_later_and_uses_up_no_retry)
{
    bench_steps(bench, "{'run':['sh','-c','echo $RDV_ATTEMPT >@/done'],'retries':0}");
    const struct rlimit before = make_short();
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_ended(last(), RDV_STATUS_APPLYING, RDV_ERESOURCES,
                 "starting step 1 of 1 again in 1s: cannot run 'sh': Too many open files");
    ck_assert_ptr_nonnull(strstr(bench->log.text, "Too many open files; starting it again in 1s"));
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "done"), "1\n");
}
END_TEST

START_TEST(a_start_for_which_descriptors_are_short_is_given_up_for_its_timeout)
{
    bench_steps(bench, "{'run':['sh','-c','touch @/no'],'timeout':'300ms'}");
    const struct rlimit before = make_short();
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, RDV_ETIMEDOUT,
                 "step 1 of 1 (sh): could not be started within its timeout of 300ms");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST

START_TEST(a_start_for_which_descriptors_are_short_can_be_cancelled)
{
    bench_steps(bench, "{'run':['sh','-c','touch @/no']}");
    const struct rlimit before = make_short();
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST
#endif

/* ----------------------------------------------------------------- contract */

START_TEST(a_label_without_handler_is_refused_and_nothing_is_recorded)
{
    bench_steps(bench, "{'run':['true']}");
    ck_assert_int_eq(bench_start(bench, "other", "task", ""), RDV_ENOHANDLER);
    bench_linger(bench, 20);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    ck_assert(!is_journalled("task"));
}
END_TEST

START_TEST(a_duplicate_start_is_a_success_and_no_second_run)
{
    bench_steps(bench, "{'run':['sh','-c','echo >>@/n; until test -e @/go; do sleep 0.03; done']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait_file(bench, "n");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_write(bench, "go", "");
    bench_wait(bench, &bench->sink.ended, 1);
    bench_linger(bench, 20);
    ck_assert_str_eq(bench_read(bench, "n"), "\n");
    ck_assert_int_eq(bench->sink.ended, 1);
}
END_TEST

START_TEST(a_start_with_another_context_or_label_is_busy)
{
    bench_load(bench, "{'handlers':[{'label':'l','steps':[{'run':['sleep','60']}]},"
                      "{'label':'m','steps':[{'run':['sleep','60']}]}]}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    ck_assert_int_eq(bench_start(bench, "l", "task", "d"), RDV_EBUSY);
    ck_assert_int_eq(bench_start(bench, "m", "task", "c"), RDV_EBUSY);
    ck_assert_int_eq(bench_start(bench, "l", "other", "c"), 0);
}
END_TEST

START_TEST(an_identifier_can_be_used_again_from_inside_the_report_of_its_end)
{
    bench_steps(bench, "{'run':['sh','-c','echo $RDV_ATTEMPT >>@/n']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    int starts = 1;
    while (starts < 3) {
        bench_wait(bench, &bench->sink.ended, starts);
        ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
        starts++;
    }
    bench_wait(bench, &bench->sink.ended, 3);
    ck_assert_str_eq(bench_read(bench, "n"), "1\n1\n1\n");
}
END_TEST

static void start_again(struct rdv_kit_sink *sink)
{
    struct bench *b = sink->user;
    if (b->sink.ended == 1 && b->sink.heard[b->sink.heard_count - 1].status == RDV_STATUS_SUCCESS)
        ck_assert_int_eq(bench_start(b, "l", "task", "c"), 0);
}

START_TEST(a_sink_may_start_the_same_task_while_it_hears_the_end)
{
    bench->sink.when_heard = start_again;
    bench_steps(bench, "{'run':['true']},{'run':['sh','-c','echo $RDV_RUN $RDV_ATTEMPT >>@/n']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait(bench, &bench->sink.ended, 2);
    bench_linger(bench, 20);
    ck_assert_str_eq(bench_read(bench, "n"), "-1 1\n-2 1\n");
    ck_assert(!is_journalled("task"));
}
END_TEST

START_TEST(before_initialize_nothing_starts)
{
    rdv_agent *agent;
    rdv_task *task;
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, NULL, &agent), 0);
    rdv_plugin *plugin = rdv_agent_plugin(agent);
    ck_assert_str_eq(plugin->ops->name(plugin), "rdvtask");
    ck_assert_int_eq(rdv_task_new("l", "t", NULL, 0, &task), 0);
    ck_assert_int_eq(plugin->ops->start_task(plugin, task), RDV_ESTATE);
    ck_assert_int_eq(plugin->ops->cancel_task(plugin, "t"), RDV_ENOTFOUND);
    ck_assert_int_eq(plugin->ops->terminate(plugin, 0), RDV_ESTATE);
    ck_assert_int_eq(plugin->ops->start_task(plugin, NULL), RDV_EINVAL);
    ck_assert_int_eq(plugin->ops->cancel_task(plugin, NULL), RDV_EINVAL);
    ck_assert_int_eq(plugin->ops->initialize(plugin, NULL), RDV_EINVAL);
    ck_assert_uint_eq(plugin->ops->flags, RDV_PLUGIN_RESTART_SAFE);
    rdv_task_unref(task);
    rdv_agent_free(agent);
}
END_TEST

START_TEST(a_store_that_can_only_be_read_or_is_on_another_loop_is_refused)
{
    rdv_agent *agent = NULL;
    rdv_store *store;
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.flags = RDV_STORE_READ_ONLY;
    ck_assert_int_eq(rdv_store_open(bench_path(bench, "store"), &options, &store, NULL), 0);
    ck_assert_int_eq(rdv_agent_new(bench->loop, store, NULL, &agent), RDV_EREADONLY);
    rdv_store_close(store);
    rdv_loop *loop;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    ck_assert_int_eq(rdv_agent_new(loop, bench->store, NULL, &agent), RDV_ESTATE);
    rdv_loop_free(loop);
    ck_assert_ptr_null(agent);
}
END_TEST

START_TEST(a_second_initialize_is_refused)
{
    ck_assert_int_eq(bench->plugin->ops->initialize(bench->plugin, &bench->sink.base), RDV_ESTATE);
    ck_assert_int_eq(bench->sink.references, 1);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    rdv_agent *agent = NULL;
    rdv_agent_options options;
    rdv_agent_options_init(&options);
    options.log_run_bytes = 0;
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, &options, &agent), RDV_EINVAL);
    rdv_agent_options_init(&options);
    options.log_total_bytes = -1;
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, &options, &agent), RDV_EINVAL);
    rdv_agent_options_init(&options);
    options.size = 3;
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, &options, &agent), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_new(NULL, bench->store, NULL, &agent), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_new(bench->loop, NULL, NULL, &agent), RDV_EINVAL);
    ck_assert_ptr_null(agent);
    ck_assert_ptr_null(rdv_agent_plugin(NULL));
    rdv_agent_free(NULL);
}
END_TEST

/* ------------------------------------------------------------------ journal */

START_TEST(a_step_is_on_disk_while_it_runs_and_the_run_is_gone_when_it_ended)
{
    char seen[64];
    bench_steps(bench,
                "{'run':['true']},{'run':['sh','-c','touch @/second$RDV_ATTEMPT; until test -e "
                "@/go$RDV_ATTEMPT; do sleep 0.03; done; test $RDV_ATTEMPT = "
                "2'],'retries':1,'retry_delay':'1ms'}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait_file(bench, "second1");
    read_journal(seen);
    ck_assert_str_eq(seen, "task step step 1 attempt 1 failures 0 run -1");
    bench_write(bench, "go1", "");
    bench_wait_file(bench, "second2");
    read_journal(seen);
    ck_assert_str_eq(seen, "task step step 1 attempt 2 failures 1 run -1");
    bench_write(bench, "go2", "");
    bench_wait(bench, &bench->sink.ended, 1);
    bench_linger(bench, 5);
    read_journal(seen);
    ck_assert_str_eq(seen, "nothing");
}
END_TEST

static sqlite3 *lock_store(void)
{
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(bench_path(bench, "store"), &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return other;
}

static void unlock_store(sqlite3 *other)
{
    ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

/* A step that waits to be ended, its process written down before. */
#define UNTIL_GO                                                                        \
    "'run':['sh','-c','echo $$ >@/one.new; mv @/one.new @/one; until test -e @/go; do " \
    "sleep 0.03; done']"

/* End it; until the agent has seen that, and tried to say so to a store that is locked, which waits for a moment first. */
static void end_step(void)
{
    int64_t pid = atoi(bench_read(bench, "one")), end = rdv_test_clock() + BENCH_WAIT_MS;
    ck_assert_int_gt(pid, 1);
    bench_write(bench, "go", "");
    while (rdv_test_is_running(pid) && rdv_test_clock() < end)
        rdv_test_sleep(5);
    bench_linger(bench, 700);
}

/* Beginnings are written again as ends are. */
START_TEST(a_run_that_cannot_be_journalled_begins_when_it_can)
{
    bench_steps(bench, "{'run':['touch','@/done']}");
    sqlite3 *other = lock_store();
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_linger(bench, 50);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    ck_assert(!rdv_test_exists(bench_path(bench, "done")));
    ck_assert_ptr_nonnull(strstr(bench->log.text, "task: the store can't be written to: "));
    ck_assert_ptr_nonnull(strstr(bench->log.text, "; trying again in 1s"));
    unlock_store(other);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(last()->attempt, 1);
}
END_TEST

START_TEST(a_step_that_cannot_be_journalled_begins_when_it_can)
{
    bench_steps(bench, "{" UNTIL_GO "},{'run':['sh','-c','echo $RDV_ATTEMPT >@/done']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait_file(bench, "one");
    bench_linger(bench, 20); /* the first step's report is committed */
    sqlite3 *other = lock_store();
    end_step();
    ck_assert(!rdv_test_exists(bench_path(bench, "done")));
    ck_assert_int_eq(bench->sink.ended, 0);
    unlock_store(other);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "done"), "1\n");
    bench_linger(bench, 20);
    ck_assert(!is_journalled("task"));
}
END_TEST

START_TEST(a_run_whose_step_cannot_be_journalled_can_be_cancelled)
{
    bench_steps(bench, "{'run':['touch','@/no']}");
    sqlite3 *other = lock_store();
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_linger(bench, 700); /* the end is not recorded either */
    ck_assert_int_eq(bench->sink.ended, 0);
    unlock_store(other);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled");
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST

START_TEST(terminate_does_not_wait_for_a_beginning_that_cannot_be_journalled)
{
    bench_steps(bench, "{'run':['touch','@/no']}");
    sqlite3 *other = lock_store();
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    unlock_store(other);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST

START_TEST(an_end_that_cannot_be_stored_is_stored_when_it_can)
{
    bench_steps(bench, "{" UNTIL_GO "}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait_file(bench, "one");
    bench_linger(bench, 20);
    sqlite3 *other = lock_store();
    end_step();
    ck_assert_int_eq(bench->sink.ended, 0);
    unlock_store(other);
    bench_wait(bench, &bench->sink.ended, 1);
    bench_linger(bench, 20);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(bench->sink.ended, 1);
    ck_assert(!is_journalled("task"));
}
END_TEST

START_TEST(a_start_whose_commit_fails_starts_nothing_before_it_is_recorded)
{
    bench_steps(bench, "{'run':['touch','@/done']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    rdv__store_fail(bench->store, RDV_EIO);
    bench_linger(bench, 50);
    ck_assert_int_eq(bench->sink.heard_count, 0);
    ck_assert(!rdv_test_exists(bench_path(bench, "done")));
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
    ck_assert(rdv_test_exists(bench_path(bench, "done")));
}
END_TEST

static void fail_commit(struct rdv_kit_sink *sink)
{
    struct bench *b = sink->user;
    if (b->sink.heard_count == b->act_at)
        rdv__store_fail(b->store, RDV_EIO);
}

START_TEST(an_end_whose_commit_fails_is_stored_again_and_told_once)
{
    bench->sink.when_heard = fail_commit;
    bench->act_at = 2;
    bench_steps(bench, "{'run':['true']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    bench_linger(bench, 5);
    ck_assert(is_journalled("task"));
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (is_journalled("task") && rdv_test_clock() < end)
        bench_linger(bench, 50);
    ck_assert(!is_journalled("task"));
    ck_assert_int_eq(bench->sink.ended, 1);
}
END_TEST

START_TEST(terminate_does_not_wait_for_a_store_that_refuses)
{
    bench_steps(bench, "{" UNTIL_GO "}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait_file(bench, "one");
    bench_linger(bench, 20);
    sqlite3 *other = lock_store();
    end_step();
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    unlock_store(other);
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert_ptr_nonnull(strstr(bench->log.text, "task: its end can't be recorded: "));
    ck_assert(is_journalled("task")); /* so that the next process does the step again */
}
END_TEST

/* ----------------------------------------------------- cancel and terminate */

#define LONG_STEP "{'run':['sh','-c','sleep 60 & echo $! >@/pid.new; mv @/pid.new @/pid; wait']}"

START_TEST(cancelling_ends_the_tree_and_reports_it)
{
    bench_steps(bench, LONG_STEP ",{'run':['touch','@/no']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait_file(bench, "pid");
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled during step 1 of 2 (sh)");
    bench_wait_gone((pid_t)atoi(bench_read(bench, "pid")));
    bench_linger(bench, 5);
    ck_assert(!is_journalled("task"));
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), RDV_ENOTFOUND);
}
END_TEST

START_TEST(an_end_may_take_the_grace_of_the_document_that_the_run_began_with)
{
    const rdv_plugin_ops *ops = bench->plugin->ops;
    bench_load(bench, "{'handlers':[{'label':'l','grace':'5m','steps':[" LONG_STEP "]}]}");
    ck_assert_int_eq(ops->end_wait(bench->plugin, "task"), 0);
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_load(bench, "{'handlers':[{'label':'l','grace':'1h','steps':[" LONG_STEP "]}]}");
    ck_assert_int_eq(ops->cancel_task(bench->plugin, "task"), 0);
    /* And what the kill may take. */
    ck_assert_int_gt(ops->end_wait(bench->plugin, "task"), 5 * RDV_MINUTE);
    ck_assert_int_lt(ops->end_wait(bench->plugin, "task"), 6 * RDV_MINUTE);
    ck_assert_int_eq(ops->end_wait(bench->plugin, "other"), 0);
    ck_assert_int_eq(ops->end_wait(bench->plugin, NULL), 0);
}
END_TEST

START_TEST(cancelling_before_the_step_has_begun_starts_nothing)
{
    bench_steps(bench, "{'run':['touch','@/no']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled");
    ck_assert_int_eq(bench->sink.heard_count, 1);
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST

START_TEST(cancelling_ends_the_wait_for_a_retry)
{
    bench_steps(bench, "{'run':['sh','-c','exit 75'],'retry_delay':'1h'}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled");
}
END_TEST

START_TEST(a_run_that_succeeds_in_spite_of_being_cancelled_has_succeeded)
{
    bench_steps(bench, "{'run':['sh','-c','trap \\\"exit 0\\\" TERM; touch @/on; while :; do sleep "
                       "0.01; done']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait_file(bench, "on");
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
}
END_TEST

START_TEST(a_cancelled_run_does_not_go_on_to_the_next_step)
{
    bench_steps(bench, "{'run':['sh','-c','trap \\\"exit 0\\\" TERM; touch @/on; while :; do sleep "
                       "0.01; done']},{'run':['touch','@/no']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait_file(bench, "on");
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_FAILED, RDV_ECANCELLED, "cancelled after step 1 of 2 (sh)");
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST

START_TEST(terminate_with_nothing_to_do_is_told_at_once)
{
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    ck_assert_int_eq(bench->sink.terminated, 1);
    ck_assert_int_eq(bench->sink.reason, 0);
    ck_assert_int_eq(bench->sink.references, 0);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), RDV_ESTATE);
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), RDV_ESHUTDOWN);
    ck_assert_int_eq(bench->plugin->ops->initialize(bench->plugin, &bench->sink.base), RDV_ESTATE);
    ck_assert_int_eq(bench->sink.terminated, 1);
}
END_TEST

START_TEST(terminate_ends_what_runs_reports_nothing_and_the_next_agent_goes_on)
{
    bench_steps(
        bench,
        "{'run':['sh','-c','echo one >>@/marks']},"
        "{'run':['sh','-c','echo two $RDV_RUN $RDV_ATTEMPT >>@/marks; test $RDV_ATTEMPT = 2 || "
        "exec sleep 60']},"
        "{'run':['sh','-c','echo three >>@/marks']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    while (!strstr(bench_read(bench, "marks"), "two"))
        bench_linger(bench, 5);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, -20), 0);
    ck_assert_int_eq(bench_start(bench, "l", "other", "c"), RDV_ESHUTDOWN);
    bench_wait(bench, &bench->sink.terminated, 1);
    ck_assert_int_eq(bench->sink.reason, -20);
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert_int_eq(bench->sink.references, 0);
    ck_assert(is_journalled("task"));

    char directory[RDV_TEST_PATH];
    snprintf(directory, sizeof directory, "%s", bench->directory);
    bench->keep_directory = true;
    bench_free(bench);
    bench = bench_new(directory, false);
    ck_assert_int_eq(rdv_agent_load(bench->agent, bench_path(bench, "agent.json"), NULL), 0);
    assert_ended(bench_do(bench, "c"), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "marks"), "one\ntwo -1 1\ntwo -1 2\nthree\n");
}
END_TEST

START_TEST(terminate_stops_the_wait_for_a_retry)
{
    bench_steps(bench, "{'run':['sh','-c','exit 75'],'retry_delay':'1h'}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    ck_assert_int_eq(bench->sink.ended, 0);
    ck_assert(is_journalled("task"));
}
END_TEST

START_TEST(a_wait_for_a_retry_is_no_interruption)
{
    bench_load(bench, "{'handlers':[{'label':'l','on_interrupt':'fail','steps':[{'run':['sh','-c','"
                      "test $RDV_ATTEMPT = 2 || exit 75'],'retry_delay':'1h'}]}]}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    char directory[RDV_TEST_PATH];
    snprintf(directory, sizeof directory, "%s", bench->directory);
    bench->keep_directory = true;
    bench_free(bench);
    bench = bench_new(directory, false);
    ck_assert_int_eq(rdv_agent_load(bench->agent, bench_path(bench, "agent.json"), NULL), 0);
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
}
END_TEST

START_TEST(a_run_that_was_cancelled_before_terminate_is_reported)
{
    bench_steps(bench, LONG_STEP);
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait_file(bench, "pid");
    ck_assert_int_eq(bench->plugin->ops->cancel_task(bench->plugin, "task"), 0);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    ck_assert_int_eq(bench->sink.ended, 1);
    ck_assert_int_eq(last()->code, RDV_ECANCELLED);
    ck_assert(!is_journalled("task"));
}
END_TEST

static void terminate_then(struct rdv_kit_sink *sink)
{
    struct bench *b = sink->user;
    if (b->sink.heard_count != b->act_at)
        return;
    ck_assert_int_eq(b->plugin->ops->terminate(b->plugin, 0), 0);
}

START_TEST(a_sink_may_terminate_from_inside_any_report)
{
    /* At the beginning of a step, before a retry, at the end. */
    static const char *const steps[] = {
        "{'run':['sleep','60']}",
        "{'run':['sh','-c','exit 75'],'retry_delay':'1h'}",
        "{'run':['true']}",
    };
    for (int i = 0; i < 3; i++) {
        bench->sink.when_heard = terminate_then;
        bench->act_at = i == 0 ? 1 : 2;
        bench_steps(bench, steps[i]);
        ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
        bench_wait(bench, &bench->sink.terminated, 1);
        ck_assert_int_eq(bench->sink.ended, i == 2);
        bench_free(bench);
        bench = bench_new(NULL, false);
    }
}
END_TEST

static void cancel_then(struct rdv_kit_sink *sink)
{
    struct bench *b = sink->user;
    if (b->sink.heard_count != b->act_at)
        return;
    ck_assert_int_eq(b->plugin->ops->cancel_task(b->plugin, "task"), 0);
}

START_TEST(a_sink_may_cancel_from_inside_any_report)
{
    bench->sink.when_heard = cancel_then;
    bench->act_at = 1;
    bench_steps(bench, "{'run':['touch','@/no']}");
    ck_assert_int_eq(bench_do(bench, "")->code, RDV_ECANCELLED);
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));

    bench_steps(bench, "{'run':['sh','-c','exit 75'],'retry_delay':'1h'}");
    bench->act_at = 4; /* two of the first run, and the beginning of the step: before a retry */
    ck_assert_int_eq(bench_do(bench, "")->code, RDV_ECANCELLED);
}
END_TEST

START_TEST(a_run_that_nobody_knows_any_more_is_ended_without_a_word)
{
    bench->sink.answer = RDV_ENOTFOUND;
    bench_steps(bench, "{'run':['touch','@/no']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 1);
    bench_linger(bench, 50);
    ck_assert_int_eq(bench->sink.heard_count, 1);
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
    ck_assert(!is_journalled("task"));

    bench->sink.answer = 0;
    bench_steps(bench,
                "{'run':['sh','-c','echo $$ >@/pid; until test -e @/go; do sleep 0.03; done; echo "
                "PROGRESS=1 >&3; exec sleep 60']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    bench_wait_file(bench, "pid");
    bench->sink.answer = RDV_ENOTFOUND;
    bench_write(bench, "go", "");
    bench_wait(bench, &bench->sink.heard_count, 3);
    while (is_journalled("task"))
        bench_linger(bench, 5);
    bench_wait_gone((pid_t)atoi(bench_read(bench, "pid")));
    ck_assert_int_eq(bench->sink.heard_count, 3);
}
END_TEST

static void forget_then(struct rdv_kit_sink *sink)
{
    struct bench *b = sink->user;
    if (b->sink.heard_count == b->act_at - 1)
        b->sink.answer = RDV_ENOTFOUND;
}

START_TEST(a_run_that_is_given_up_is_not_taken_for_a_new_one)
{
    bench_steps(bench, "{'run':['sh','-c','trap \\\"touch @/asked\\\" TERM; until test -e @/go; do "
                       "sleep 0.03; done; "
                       "echo PROGRESS=1 >&3; until test -e @/end; do sleep 0.03; done']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait(bench, &bench->sink.heard_count, 1);
    bench->sink.answer = RDV_ENOTFOUND;
    bench_write(bench, "go", "");
    bench_wait_file(bench, "asked");
    bench->sink.answer = 0;
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), RDV_EBUSY);
    bench_write(bench, "end", "");
    while (is_journalled("task"))
        bench_linger(bench, 5);
    assert_ended(bench_do(bench, "c"), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(bench->sink.ended, 1);

    /* Runs with numbers are told apart by these. */
    rdv_task *first, *second;
    bench_steps(bench, "{'run':['sleep','60']}");
    ck_assert_int_eq(rdv__task_new("l", 1, "task", 4, "c", 1, 7, &first), 0);
    ck_assert_int_eq(rdv__task_new("l", 1, "task", 4, "c", 1, 8, &second), 0);
    ck_assert_int_eq(bench->plugin->ops->start_task(bench->plugin, first), 0);
    ck_assert_int_eq(bench->plugin->ops->start_task(bench->plugin, first), 0);
    ck_assert_int_eq(bench->plugin->ops->start_task(bench->plugin, second), RDV_EBUSY);
    rdv_task_unref(first);
    rdv_task_unref(second);
}
END_TEST

START_TEST(a_step_that_a_shutdown_kept_from_beginning_was_not_interrupted)
{
    static const char document[] =
        "{'handlers':[{'label':'l','on_interrupt':'fail','steps':[{'run':['touch','@/done']}]}]}";
    bench_load(bench, document);
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    ck_assert_int_eq(bench->plugin->ops->terminate(bench->plugin, 0), 0);
    bench_wait(bench, &bench->sink.terminated, 1);
    ck_assert(!rdv_test_exists(bench_path(bench, "done")));
    char directory[RDV_TEST_PATH];
    snprintf(directory, sizeof directory, "%s", bench->directory);
    bench->keep_directory = true;
    bench_free(bench);
    bench = bench_new(directory, false);
    bench_load(bench, document);
    assert_ended(bench_do(bench, "c"), RDV_STATUS_SUCCESS, 0, "");
    ck_assert(rdv_test_exists(bench_path(bench, "done")));
}
END_TEST

START_TEST(a_retry_that_nobody_waits_for_is_not_made)
{
    bench->sink.when_heard = forget_then;
    bench->act_at = 2;
    bench_steps(bench, "{'run':['sh','-c','echo >>@/n; exit 75'],'retry_delay':'1ms'}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait(bench, &bench->sink.heard_count, 2);
    bench_linger(bench, 100);
    ck_assert_int_eq(bench->sink.heard_count, 2);
    ck_assert_str_eq(bench_read(bench, "n"), "\n");
    ck_assert(!is_journalled("task"));
}
END_TEST

START_TEST(a_report_that_is_not_taken_goes_to_the_log_and_the_run_goes_on)
{
    bench->sink.answer = RDV_EIO;
    bench_steps(bench, "{'run':['touch','@/done']}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_ptr_nonnull(strstr(bench->log.text, "task: a report was not taken: "));
    ck_assert(rdv_test_exists(bench_path(bench, "done")));
}
END_TEST

START_TEST(in_one_process_too_a_run_that_was_cut_short_was_interrupted)
{
    bench_free(bench);
    bench = bench_new(NULL, true);
    bench_steps(bench, LONG_STEP);
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait_file(bench, "pid");
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, NULL, &bench->agent), 0);
    bench->plugin = rdv_agent_plugin(bench->agent);
    ck_assert_int_eq(bench->plugin->ops->initialize(bench->plugin, &bench->sink.base), 0);
    bench_load(bench, "{'handlers':[{'label':'l','on_interrupt':'fail','steps':[{'run':['touch',"
                      "'@/no']}]}]}");
    assert_ended(bench_do(bench, ""), RDV_STATUS_FAILED, RDV_EFAILED,
                 "interrupted during step 1 of 1 (touch)");
    ck_assert(!rdv_test_exists(bench_path(bench, "no")));
}
END_TEST

START_TEST(freeing_the_agent_kills_what_runs)
{
    bench_steps(bench, "{'run':['sh','-c','trap \\\"\\\" TERM; sleep 60 & echo $! >@/pid.new; mv "
                       "@/pid.new @/pid; wait; sleep 60']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    bench_wait_file(bench, "pid");
    int64_t pid = atoi(bench_read(bench, "pid"));
    int64_t begin = rdv_test_clock();
    bench_free(bench);
    ck_assert_int_lt(rdv_test_clock() - begin, 20000); /* the sleep would be longer */
    bench_wait_gone(pid);
    bench = bench_new(NULL, false);
}
END_TEST

START_TEST(freeing_the_agent_in_the_middle_of_a_commit_is_fine)
{
    bench_steps(bench, "{'run':['touch','@/no']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", ""), 0);
    char no[RDV_TEST_PATH + 64];
    snprintf(no, sizeof no, "%s", bench_path(bench, "no"));
    rdv_agent_free(bench->agent);
    bench->agent = NULL;
    bench_linger(bench, 20);
    ck_assert(!rdv_test_exists(no));
}
END_TEST

/* -------------------------------------------------------------------- loads */

START_TEST(a_document_is_taken_whole_or_not_at_all)
{
    struct rdv_error error = {0};
    bench_load(bench, "{'name':'first','handlers':[{'label':'l','steps':[{'run':['true']}]}]}");
    ck_assert_str_eq(bench->plugin->ops->name(bench->plugin), "first");
    ck_assert_int_eq(bench_try(bench,
                               "{'name':'second','handlers':[{'label':'new','steps':[{'run':['true'"
                               "]}]},{'label':'l','steps':[]}]}",
                               &error),
                     RDV_EINVAL);
    ck_assert_str_eq(error.path, "handlers[1].steps");
    ck_assert_str_eq(bench->plugin->ops->name(bench->plugin), "first");
    ck_assert_int_eq(bench_start(bench, "new", "task", ""), RDV_ENOHANDLER);
    assert_ended(bench_do(bench, ""), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_int_eq(rdv_agent_load(bench->agent, "/no/such/file", &error), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv_agent_load(NULL, "/no/such/file", NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_agent_load(bench->agent, NULL, NULL), RDV_EINVAL);
}
END_TEST

START_TEST(a_new_document_leaves_running_tasks_alone)
{
    bench_steps(bench, "{'run':['sh','-c','touch @/on; until test -e @/go; do sleep 0.03; done']},"
                       "{'run':['sh','-c','echo old >>@/marks']}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0);
    bench_wait_file(bench, "on");
    bench_load(bench, "{'handlers':[{'label':'m','steps':[{'run':['true']}]}]}");
    ck_assert_int_eq(bench_start(bench, "l", "task", "c"), 0); /* still in flight */
    ck_assert_int_eq(bench_start(bench, "l", "other", "c"), RDV_ENOHANDLER);
    bench_write(bench, "go", "");
    bench_wait(bench, &bench->sink.ended, 1);
    assert_ended(last(), RDV_STATUS_SUCCESS, 0, "");
    ck_assert_str_eq(bench_read(bench, "marks"), "old\n");
}
END_TEST

/* --------------------------------------------------------------------- host */

#ifdef _WIN32
RDV_TEST_ELSEWHERE(a_host_that_ignores_SIGCHLD_still_gets_exit_codes)
#else
START_TEST(a_host_that_ignores_SIGCHLD_still_gets_exit_codes)
{
    signal(SIGCHLD, SIG_IGN);
    bench_steps(bench, "{'run':['sh','-c','exit 42']}");
    ck_assert_int_eq(bench_do(bench, "")->code, 42);
    bench_steps(bench, "{'run':['true']}");
    ck_assert_int_eq(bench_do(bench, "")->status, RDV_STATUS_SUCCESS);
    signal(SIGCHLD, SIG_DFL);
}
END_TEST
#endif

START_TEST(no_child_thread_descriptor_or_file_is_left_behind)
{
    bench_steps(bench, "{'run':['true']}");
    bench_do(bench, "warm up"); /* what is made once is there now */
    bench_linger(bench, 10);
    int descriptors = rdv_test_descriptors();
    int threads = rdv_test_threads();
    int files = rdv_test_count(bench->directory);

    bench_steps(bench, "{'run':['sh','-c','sleep 60 & exit 0']},{'run':['" RDV_TEST_ABSENT
                       "'],'retries':2,"
                       "'retry_delay':'1ms'}");
    bench_do(bench, "c");
    bench_steps(bench, "{'run':['sleep','60'],'timeout':'20ms'}");
    bench_do(bench, "c");
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    do
        bench_linger(bench, 10);
    while ((rdv_test_descriptors() > descriptors || rdv_test_threads() > threads) &&
           rdv_test_clock() < end);
    /* A system's pool may lose some of its own. */
    ck_assert_int_le(rdv_test_descriptors(), descriptors);
    ck_assert_int_le(rdv_test_threads(), threads);
    ck_assert_int_eq(rdv_test_count(bench->directory), files);
#ifndef _WIN32
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
#endif
}
END_TEST

/* ------------------------------------------------------------- with trigger */

struct found {
    int count;
    char output[256];
    char message[256];
    rdv_outcome outcome;
    int code;
};

static int find_entry(void *user, const rdv_entry *entry)
{
    struct found *found = user;
    found->count++;
    found->outcome = entry->outcome;
    found->code = entry->code;
    snprintf(found->message, sizeof found->message, "%s", entry->message);
    snprintf(found->output, sizeof found->output, "%.*s", (int)entry->output_size,
             entry->output ? entry->output : "");
    return 0;
}

START_TEST(under_our_trigger_the_history_has_the_tail_of_the_output)
{
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, NULL, &bench->agent), 0);
    bench_steps(bench, "{'run':['sh','-c','echo printed by $RDV_RUN; exit 5']}");
    rdv_trigger *trigger;
    rdv_task *task;
    rdv_trigger_options options;
    rdv_trigger_options_init(&options);
    options.clock_wait = 0; /* whenever the machine was started */
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &options, &trigger), 0);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_agent_plugin(bench->agent)), 0);
    ck_assert_int_eq(rdv_task_new("l", "task", "c", 1, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), 0);
    rdv_task_unref(task);
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (rdv_trigger_unfinished(trigger) > 0 && rdv_test_clock() < end)
        bench_linger(bench, 5);

    struct found found = {0};
    rdv_filter filter = {.size = sizeof filter, .flags = RDV_FILTER_FINISHED | RDV_FILTER_OUTPUT};
    ck_assert_int_eq(rdv_store_entries(bench->store, &filter, find_entry, &found), 0);
    ck_assert_int_eq(found.count, 1);
    ck_assert_int_eq(found.outcome, RDV_OUTCOME_FAILED);
    ck_assert_int_eq(found.code, 5);
    ck_assert_str_eq(found.output, "printed by 1\n");
    ck_assert_str_eq(found.message, "step 1 of 1 (sh): exit code 5: printed by 1");
    ck_assert(!is_journalled("task"));
    rdv_trigger_free(trigger);
    rdv_agent_free(bench->agent);
    bench->agent = NULL;
}
END_TEST

/* Why a test can't run here, or NULL. */
static const char *skipped(const TTest *test)
{
    if (test == a_program_that_is_not_there_fails_the_run_in_the_systems_words)
        return rdv_test_deaf_start();
    if (test == nothing_else_is_inherited)
        return RDV_TEST_ON_WINDOWS("handles have no numbers that mean something");
    if (test == a_host_that_ignores_SIGCHLD_still_gets_exit_codes)
        return RDV_TEST_ON_WINDOWS("there is no SIGCHLD");
    if (test == a_run_that_succeeds_in_spite_of_being_cancelled_has_succeeded ||
        test == a_cancelled_run_does_not_go_on_to_the_next_step ||
        test == a_run_that_is_given_up_is_not_taken_for_a_new_one)
        return rdv_test_no_asking();
    return NULL;
}

int main(void)
{
    Suite *suite = suite_create("agent");
    struct {
        const char *name;
        const TTest *tests[24];
    } cases[] = {
        {"steps",
         {steps_run_in_order_and_each_is_reported_when_it_begins,
          arguments_are_data_that_no_shell_reads,
          label_identifier_and_context_are_data_that_no_shell_reads,
          the_environment_is_clean_but_for_what_the_document_adds,
          a_store_in_memory_has_no_name_in_the_environment,
          the_context_is_standard_input_and_can_be_read_again,
          a_child_that_does_not_read_its_context_is_no_trouble, nothing_else_is_inherited}},
        {"notices",
         {notices_on_descriptor_3_become_reports,
          a_status_that_is_not_a_steps_to_say_goes_to_the_log,
          control_characters_in_messages_are_escaped,
          a_line_on_descriptor_3_that_is_no_notice_goes_to_the_log}},
        {"ends",
         {an_exit_code_fails_the_run_with_the_last_line_of_the_steps_output,
          a_silent_step_is_not_blamed_for_another_steps_words, a_signal_is_named,
          exit_code_194_without_a_rule_is_remembered_to_the_end, a_timeout_ends_the_whole_tree,
          who_ignores_the_polite_signal_is_killed_after_the_grace, output_is_capped_in_the_file,
          a_program_that_is_not_there_fails_the_run_in_the_systems_words,
          a_step_that_is_ended_for_its_timeout_has_failed_whatever_it_says,
          a_log_that_cannot_be_written_does_not_disturb_the_run}},
        {"retries",
         {exit_code_75_is_tried_again_with_delays_that_double,
          exit_code_75_is_given_up_after_three_retries_where_the_document_says_nothing,
          no_retries_also_holds_for_exit_code_75, retries_are_for_every_failure,
          a_later_step_has_attempts_of_its_own, stops_use_up_no_retries_and_set_no_attempt_back,
          tries_that_have_failed_count_after_a_restart, a_wait_for_a_retry_is_on_disk,
          a_start_for_which_descriptors_are_short_is_made_later_and_uses_up_no_retry,
          a_start_for_which_descriptors_are_short_is_given_up_for_its_timeout,
          a_start_for_which_descriptors_are_short_can_be_cancelled}},
        {"contract",
         {a_label_without_handler_is_refused_and_nothing_is_recorded,
          a_duplicate_start_is_a_success_and_no_second_run,
          a_start_with_another_context_or_label_is_busy,
          an_identifier_can_be_used_again_from_inside_the_report_of_its_end,
          a_sink_may_start_the_same_task_while_it_hears_the_end, before_initialize_nothing_starts,
          a_second_initialize_is_refused,
          a_store_that_can_only_be_read_or_is_on_another_loop_is_refused,
          options_out_of_range_are_refused}},
        {"journal",
         {a_step_is_on_disk_while_it_runs_and_the_run_is_gone_when_it_ended,
          a_run_that_cannot_be_journalled_begins_when_it_can,
          a_step_that_cannot_be_journalled_begins_when_it_can,
          a_run_whose_step_cannot_be_journalled_can_be_cancelled,
          terminate_does_not_wait_for_a_beginning_that_cannot_be_journalled,
          an_end_that_cannot_be_stored_is_stored_when_it_can,
          a_start_whose_commit_fails_starts_nothing_before_it_is_recorded,
          an_end_whose_commit_fails_is_stored_again_and_told_once,
          terminate_does_not_wait_for_a_store_that_refuses}},
        {"end of work",
         {cancelling_ends_the_tree_and_reports_it,
          an_end_may_take_the_grace_of_the_document_that_the_run_began_with,
          cancelling_before_the_step_has_begun_starts_nothing,
          cancelling_ends_the_wait_for_a_retry,
          a_run_that_succeeds_in_spite_of_being_cancelled_has_succeeded,
          a_cancelled_run_does_not_go_on_to_the_next_step,
          terminate_with_nothing_to_do_is_told_at_once,
          terminate_ends_what_runs_reports_nothing_and_the_next_agent_goes_on,
          terminate_stops_the_wait_for_a_retry,
          a_wait_for_a_retry_is_no_interruption,
          a_run_that_was_cancelled_before_terminate_is_reported,
          a_sink_may_terminate_from_inside_any_report,
          a_sink_may_cancel_from_inside_any_report,
          a_run_that_nobody_knows_any_more_is_ended_without_a_word,
          a_retry_that_nobody_waits_for_is_not_made,
          a_run_that_is_given_up_is_not_taken_for_a_new_one,
          a_step_that_a_shutdown_kept_from_beginning_was_not_interrupted,
          a_report_that_is_not_taken_goes_to_the_log_and_the_run_goes_on,
          in_one_process_too_a_run_that_was_cut_short_was_interrupted,
          freeing_the_agent_kills_what_runs,
          freeing_the_agent_in_the_middle_of_a_commit_is_fine}},
        {"loads",
         {a_document_is_taken_whole_or_not_at_all, a_new_document_leaves_running_tasks_alone}},
        {"host",
         {a_host_that_ignores_SIGCHLD_still_gets_exit_codes,
          no_child_thread_descriptor_or_file_is_left_behind,
          under_our_trigger_the_history_has_the_tail_of_the_output}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TCase *tcase = tcase_create(cases[i].name);
        rdv_test_add_fixture(tcase, set_up, NULL, tear_down);
        tcase_set_timeout(tcase, 60);
        for (size_t k = 0; cases[i].tests[k]; k++)
            rdv_test_add_unless(tcase, cases[i].tests[k], skipped(cases[i].tests[k]));
        suite_add_tcase(suite, tcase);
    }
    return rdv_test_main(suite);
}
