/* SPDX-License-Identifier: MIT */
/* What runs print: the tail, the file and its bounds. */
#include "agent_bench.h"

#ifndef _WIN32
#include <sys/resource.h>
#endif

#include "agent/output.h"
#include "platform/platform.h"
#include "store/journal.h"
#include "store/log_sizes.h"
#include "store/records.h"
#include "store/store.h"

#define PAGE 4096

#define NOW rdv_time_from_unix(1900000000, 0)

static struct bench *bench; /* for its directory and its log */
static struct rdv__logs_options options;
static rdv_store_options store_options;
static rdv_loop *loop;
static rdv_store *store;
static struct rdv__logs *logs;
static struct rdv__output *output;

static void set_up(void)
{
    bench = bench_new(NULL, true);
    options = (struct rdv__logs_options){
        .run_bytes = 1000,
        .total_bytes = 100 * PAGE,
        .log = rdv_kit_log_ops(&bench->log),
    };
    rdv_store_options_init(&store_options);
    loop = NULL;
    store = NULL;
    logs = NULL;
    output = NULL;
}

static void close_logs(void)
{
    rdv__output_free(output);
    output = NULL;
    rdv__logs_free(logs);
    logs = NULL;
    if (store)
        rdv__store_disown(store, &store);
    rdv_store_close(store);
    store = NULL;
    rdv_loop_free(loop);
    loop = NULL;
}

static void tear_down(void)
{
    close_logs();
    bench_free(bench);
}

/* Logs in "out" of what is recorded in this store; NULL: in memory. */
static void open_logs(const char *name)
{
    static char directory[RDV_TEST_PATH + 64];
    struct rdv_error error = {0};
    snprintf(directory, sizeof directory, "%s", bench_path(bench, "out"));
    options.directory = directory;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    int result =
        rdv_store_open(name ? bench_path(bench, name) : NULL, &store_options, &store, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    ck_assert_int_eq(rdv__store_attach(store, loop), 0);
    ck_assert_int_eq(rdv__logs_new(loop, store, &options, &logs), 0);
}

/* Until nothing is left to be done. */
static void let_it_count(void)
{
    const int64_t end = rdv_test_clock() + 2 * BENCH_WAIT_MS;
    while (rdv__logs_are_busy(logs)) {
        ck_assert_int_lt(rdv_test_clock(), end);
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
        rdv_test_wait(loop, 5);
    }
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0); /* and it is on disk */
}

static void begin(int64_t run, bool again)
{
    rdv__output_free(output);
    ck_assert_int_eq(rdv__output_new(logs, run, again, &output), 0);
}

/* The run has ended, and nobody's history has it. */
static void end(void)
{
    ck_assert_int_eq(rdv__store_stage(store), 0);
    ck_assert_int_eq(rdv__output_end(output), 0);
    rdv__logs_tidy(logs);
    ck_assert_int_eq(rdv__store_commit(store), 0);
}

/* A run that prints this, and its entry from beginning to end. */
static int64_t run_entry(const char *text)
{
    const rdv_window window = {0};
    const struct rdv__progress progress = {.status = RDV_STATUS_SUCCESS, .message = ""};
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("l", "t", "", 0, &task), 0);
    ck_assert_int_eq(rdv__store_stage(store), 0);
    int64_t run = rdv__record_next_number(store);
    ck_assert_int_eq(rdv__record_schedule(store, run, &window, task, NOW), 0);
    ck_assert_int_eq(rdv__record_start(store, run, NOW), 0);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv_task_unref(task);
    begin(run, false);
    rdv__output_add(output, text, strlen(text));
    ck_assert_int_eq(rdv__store_stage(store), 0);
    ck_assert_int_eq(rdv__output_end(output), 0);
    ck_assert_int_eq(rdv__record_finish(store, run, RDV_OUTCOME_SUCCEEDED, &progress, NOW), 0);
    ck_assert_int_eq(rdv__record_retain(store, NOW), 0);
    rdv__logs_tidy(logs);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    return run;
}

static const char *log_path(int64_t run)
{
    char name[64];
    snprintf(name, sizeof name, "out/%lld.log", (long long)run);
    return bench_path(bench, name);
}

static bool has_log(int64_t run)
{
    return rdv_test_exists(log_path(run));
}

static int count_logs(int64_t last)
{
    int count = 0;
    for (int64_t run = 1; run <= last; run++)
        count += has_log(run);
    return count;
}

static int64_t counted(void)
{
    int64_t bytes = -1;
    ck_assert_int_eq(rdv__log_sum(store, &bytes), 0);
    return bytes;
}

static void add(const char *text)
{
    rdv__output_add(output, text, strlen(text));
}

static void assert_line(const char *expected)
{
    char line[64];
    rdv__output_last_line(output, line, sizeof line);
    ck_assert_str_eq(line, expected);
}

START_TEST(the_tail_is_all_of_a_little_output)
{
    size_t size = 77;
    begin(1, false);
    rdv__output_tail(output, &size);
    ck_assert_uint_eq(size, 0);
    add("one ");
    add("");
    add("two");
    const char *tail = rdv__output_tail(output, &size);
    ck_assert_uint_eq(size, 7);
    ck_assert_int_eq(memcmp(tail, "one two", 7), 0);
}
END_TEST

START_TEST(the_tail_is_the_last_of_much_output_however_it_comes)
{
    static char whole[5 * RDV__OUTPUT_TAIL];
    static const size_t chunks[] = {1,
                                    7,
                                    100,
                                    RDV__OUTPUT_TAIL - 1,
                                    RDV__OUTPUT_TAIL,
                                    RDV__OUTPUT_TAIL + 1,
                                    3000,
                                    3 * RDV__OUTPUT_TAIL};
    for (size_t i = 0; i < sizeof whole; i++)
        whole[i] = (char)('!' + (i * 31 + i / 97) % 90);
    for (size_t k = 0; k < sizeof chunks / sizeof chunks[0]; k++) {
        begin(1, false);
        for (size_t at = 0; at < sizeof whole;) {
            size_t size = sizeof whole - at < chunks[k] ? sizeof whole - at : chunks[k];
            rdv__output_add(output, whole + at, size);
            at += size;
            size_t tail_size, expected = at < RDV__OUTPUT_TAIL ? at : RDV__OUTPUT_TAIL;
            const char *tail = rdv__output_tail(output, &tail_size);
            ck_assert_uint_eq(tail_size, expected);
            ck_assert_int_eq(memcmp(tail, whole + at - expected, expected), 0);
        }
    }
}
END_TEST

START_TEST(the_last_line_is_the_last_that_is_not_blank)
{
    begin(1, false);
    assert_line("");
    add("\n \n");
    assert_line("");
    add("first\n  second \t\n\n \r\n");
    assert_line("second");
    add("unfinished");
    assert_line("unfinished");
    add("\n10%\r50%\r100%\r");
    assert_line("100%");
}
END_TEST

START_TEST(the_last_line_is_escaped_and_cut_to_fit)
{
    char line[8];
    begin(1, false);
    add("a\033[1mb");
    assert_line("a\\x1b[1mb");
    add("\n\xff");
    assert_line("\\xff");
    add("\n\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4");
    rdv__output_last_line(output, line, sizeof line);
    ck_assert_str_eq(line, "\xc3\xa4\xc3\xb6\xc3\xbc");
    add("\nC:\\Windows");
    assert_line("C:\\Windows"); /* what is fit to be shown stays as it is */
    add("\nc1\xc2\x85");
    assert_line("c1\\xc2\\x85");
}
END_TEST

START_TEST(a_tail_that_begins_within_a_character_makes_no_bad_line)
{
    static char line[RDV__OUTPUT_TAIL + 1];
    begin(1, false);
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = (char)(i % 2 ? 0xa4 : 0xc3);
    line[sizeof line - 1] = 'x';
    rdv__output_add(output, line, sizeof line); /* its first byte is lost */
    char shown[64];
    rdv__output_last_line(output, shown, sizeof shown);
    ck_assert_int_eq(memcmp(shown, "\xc3\xa4\xc3\xa4", 4), 0);
}
END_TEST

START_TEST(after_a_mark_only_what_comes_is_looked_at)
{
    static char much[RDV__OUTPUT_TAIL];
    begin(1, false);
    add("before\nhalf a ");
    rdv__output_mark(output);
    assert_line("");
    add("\n");
    assert_line("");
    add("line");
    assert_line("line");
    rdv__output_mark(output);
    memset(much, '\n', sizeof much);
    rdv__output_add(output, much, sizeof much);
    add("after");
    assert_line("after");
    size_t size;
    rdv__output_tail(output, &size);
    ck_assert_uint_eq(size, RDV__OUTPUT_TAIL);
}
END_TEST

START_TEST(no_file_is_made_for_a_silent_run)
{
    open_logs(NULL);
    let_it_count();
    begin(1, false);
    end();
    ck_assert(!rdv_test_exists(bench_path(bench, "out")));
    ck_assert_int_eq(counted(), 0);
}
END_TEST

START_TEST(output_is_appended_to_the_runs_file)
{
    open_logs(NULL);
    begin(12, false);
    add("one\n");
    add("two\n");
    ck_assert_str_eq(bench_read(bench, "out/12.log"), "one\ntwo\n");
    begin(12, true); /* the run goes on */
    add("three\n");
    ck_assert_str_eq(bench_read(bench, "out/12.log"), "one\ntwo\nthree\n");
    begin(12, false); /* another run, of a store that was here before */
    add("four\n");
    ck_assert_str_eq(bench_read(bench, "out/12.log"), "four\n");
    begin(-3, false);
    add("five\n");
    ck_assert_str_eq(bench_read(bench, "out/-3.log"), "five\n");
}
END_TEST

START_TEST(a_file_is_cut_at_its_bound_and_says_so_once)
{
    static char text[700];
    memset(text, 'x', sizeof text - 1);
    open_logs(NULL);
    begin(1, false);
    add(text);
    add(text);
    add(text);
    begin(1, true);
    add(text);
    const char *file = bench_read(bench, "out/1.log");
    ck_assert_uint_eq(strlen(file), 1000);
    const char *words = strstr(file, "\n[rdvtask: ");
    ck_assert_ptr_nonnull(words);
    ck_assert_ptr_null(strstr(words + 1, "\n[rdvtask: "));
    ck_assert_uint_eq(strspn(file, "x"), (size_t)(words - file));
}
END_TEST

START_TEST(a_bound_too_small_for_words_gives_an_empty_file)
{
    options.run_bytes = 10;
    open_logs(NULL);
    begin(1, false);
    add("0123456789abcdef");
    ck_assert_str_eq(bench_read(bench, "out/1.log"), "");
    ck_assert(has_log(1));
    assert_line("0123456789abcdef");
}
END_TEST

START_TEST(the_oldest_files_go_before_all_of_them_pass_the_total)
{
    static char text[1500];
    memset(text, 'x', sizeof text - 1);
    options.total_bytes = 5 * PAGE; /* each takes a page, however small it is */
    open_logs(NULL);
    for (int run = 1; run <= 20; run++) {
        begin(run, false);
        add(text);
        ck_assert_int_le(count_logs(20), 5); /* also while the run goes on */
        end();
        ck_assert(has_log(run));
        ck_assert_int_le(counted(), options.total_bytes);
        ck_assert_int_eq(counted(), count_logs(20) * PAGE);
    }
    ck_assert_int_ge(count_logs(20), 3);
    ck_assert(has_log(19) && !has_log(1));
}
END_TEST

START_TEST(several_that_run_share_the_total)
{
    static char text[4 * PAGE];
    struct rdv__output *other;
    memset(text, 'x', sizeof text - 1);
    options.total_bytes = 8 * PAGE;
    options.run_bytes = 8 * PAGE;
    open_logs(NULL);
    ck_assert_int_eq(rdv__output_new(logs, 1, false, &other), 0);
    begin(2, false);
    for (int i = 0; i < 4; i++) {
        rdv__output_add(other, text, sizeof text);
        add(text);
    }
    int64_t sum = rdv_test_size(log_path(1)) + rdv_test_size(log_path(2));
    ck_assert_int_ge(sum, 7 * PAGE);
    ck_assert_int_le(sum, options.total_bytes + 200); /* and the words that say so */
    ck_assert_ptr_nonnull(strstr(bench_read(bench, "out/2.log"), "\n[rdvtask: "));
    rdv__output_free(other);
}
END_TEST

START_TEST(a_total_below_the_bound_of_a_run_bounds_the_run)
{
    static char text[700];
    memset(text, 'x', sizeof text - 1);
    options.run_bytes = 10 * PAGE;
    options.total_bytes = PAGE;
    open_logs(NULL);
    begin(1, false);
    for (int i = 0; i < 20; i++)
        add(text);
    ck_assert_int_eq(rdv_test_size(log_path(1)), PAGE);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_told_once)
{
    bench_write(bench, "out", "no directory");
    open_logs(NULL);
    bench->log.text[0] = '\0';
    begin(1, false);
    add("one\n");
    add("two\n");
    assert_line("two");
    ck_assert_ptr_nonnull(strstr(bench->log.text, "cannot open 1.log in "));
    ck_assert_ptr_eq(strchr(bench->log.text, '\n') + 1, strchr(bench->log.text, '\0'));
    end();
    ck_assert_int_eq(counted(), 0);
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(a_write_that_fails_is_told_once)
#else
START_TEST(a_write_that_fails_is_told_once)
{
    static char text[500];
    struct rlimit before, limit;
    memset(text, 'x', sizeof text - 1);
    open_logs(NULL);
    begin(1, false);
    add("one\n");
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 100;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    add(text);
    add("two\n");
    add("three\n");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_line("three");
    ck_assert_ptr_nonnull(strstr(bench->log.text, "cannot write 1.log in "));
    ck_assert_ptr_eq(strchr(bench->log.text, '\n') + 1, strchr(bench->log.text, '\0'));
    end();
    ck_assert_int_eq(counted(), PAGE); /* what was written before stays */
}
END_TEST
#endif

START_TEST(a_log_in_whose_place_something_else_is_is_told_and_left)
{
    open_logs(NULL);
    begin(1, false);
    add("one\n");
    end();
    rdv_test_make_directory(log_path(2));
    begin(2, false);
    add("two\n");
    assert_line("two");
    end();
    ck_assert_ptr_nonnull(strstr(bench->log.text, "cannot open 2.log in "));
    ck_assert_ptr_nonnull(strstr(bench->log.text, "not a regular file that is ours alone"));
    ck_assert_int_eq(counted(), PAGE);
}
END_TEST

/* What runs cost does not depend on what is there: files that come later are not even seen. */
START_TEST(a_run_does_not_read_the_folder)
{
    options.total_bytes = 2 * PAGE;
    open_logs("store");
    let_it_count();
    run_entry("first");
    for (int run = 1000; run < 1010; run++)
        rdv_test_write_text(log_path(run), "planted");
    for (int i = 0; i < 10; i++)
        run_entry("more");
    let_it_count();
    ck_assert_int_eq(count_logs(2000) - count_logs(999), 10);
    ck_assert_int_le(counted(), options.total_bytes);
}
END_TEST

START_TEST(the_log_of_a_run_goes_with_its_history)
{
    store_options.history_count = 3;
    open_logs("store");
    let_it_count();
    for (int i = 0; i < 8; i++) {
        int64_t run = run_entry("words");
        ck_assert(has_log(run));
        ck_assert_int_le(count_logs(run), 3); /* in the commit that has the history forget it */
    }
    ck_assert_int_eq(counted(), 3 * PAGE);
}
END_TEST

START_TEST(many_logs_that_the_history_forgets_at_once_go_in_slices)
{
    const int most = rdv_test_system_slowly() ? 300 : 1000;
    store_options.history_count = most;
    options.total_bytes = 2000 * PAGE;
    open_logs("store");
    let_it_count();
    for (int i = 0; i <= most; i++)
        run_entry("words"); /* the last has a tenth more than needed go */
    ck_assert_int_le(count_logs(most + 1), most);
    ck_assert_int_gt(count_logs(most + 1), most / 10 * 9);
    let_it_count();
    ck_assert_int_eq(count_logs(most + 1), most / 10 * 9);
    ck_assert_int_eq(counted(), most / 10 * 9 * PAGE);
}
END_TEST

/* As a crash leaves them, or an older rdvtask: files without rows, rows without files. */
START_TEST(what_was_left_is_counted_or_goes_when_the_agent_starts)
{
    open_logs("store");
    let_it_count();
    for (int i = 0; i < 4; i++)
        run_entry("words");
    ck_assert_int_eq(rdv__store_stage(store), 0);
    ck_assert_int_eq(rdv__log_delete(store, 1), 0);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    close_logs();
    ck_assert_int_eq(remove(log_path(2)), 0);
    rdv_test_write_text(log_path(77), "of a run that nobody knows");
    bench_write(bench, "out/notes.log", "foreign");
    bench_write(bench, "out/007.log", "foreign");
    bench_write(bench, "out/7.log.gz", "foreign");
    bench_write(bench, "out/-5.log", "of a trigger agent that counts no runs");
    rdv_test_make_directory(log_path(78));

    open_logs("store");
    let_it_count();
    ck_assert_int_eq(counted(), 4 * PAGE); /* 1, 3, 4 and -5 */
    int64_t bytes;
    ck_assert_int_eq(rdv__log_get(store, 1, &bytes), 0);
    ck_assert_int_eq(bytes, PAGE);
    ck_assert_int_eq(rdv__log_get(store, 2, &bytes), RDV_ENOTFOUND);
    ck_assert(has_log(1) && has_log(3) && has_log(4));
    ck_assert(!has_log(77));
    ck_assert(has_log(78));
    ck_assert_str_eq(bench_read(bench, "out/notes.log"), "foreign");
    ck_assert_str_eq(bench_read(bench, "out/007.log"), "foreign");
    ck_assert_str_eq(bench_read(bench, "out/7.log.gz"), "foreign");
    ck_assert(rdv_test_exists(bench_path(bench, "out/-5.log")));
}
END_TEST

START_TEST(many_files_that_were_left_go_a_few_a_turn)
{
    const int many = rdv_test_system_slowly() ? 300 : 1500;
    open_logs("store");
    run_entry("words"); /* marks the folder */
    close_logs();
    for (int run = 10; run < 10 + many; run++)
        rdv_test_write_text(log_path(run), "old");
    open_logs("store");
    int left = many + 1;
    while (left == many + 1) {
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
        left = count_logs(10 + many);
    }
    ck_assert_int_ge(left, many + 1 - 256);
    let_it_count();
    ck_assert_int_eq(count_logs(10 + many), 1);
    ck_assert_int_eq(counted(), PAGE);
}
END_TEST

START_TEST(logs_of_a_run_that_has_not_ended_are_left_to_it)
{
    const rdv_window window = {0};
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new("l", "t", "", 0, &task), 0);
    open_logs("store");
    ck_assert_int_eq(rdv__store_stage(store), 0);
    ck_assert_int_eq(rdv__record_schedule(store, 1, &window, task, NOW), 0);
    ck_assert_int_eq(rdv__record_start(store, 1, NOW), 0);
    ck_assert_int_eq(rdv__store_commit(store), 0);
    rdv_task_unref(task);
    begin(1, false);
    add("before\n");
    close_logs();

    open_logs("store");
    let_it_count();
    ck_assert_int_eq(counted(), 0);
    begin(1, true);
    end(); /* and it has nothing more to say */
    ck_assert_int_eq(counted(), PAGE);
    ck_assert_str_eq(bench_read(bench, "out/1.log"), "before\n");
}
END_TEST

START_TEST(a_folder_that_has_another_store_s_logs_is_left_alone)
{
    open_logs("first");
    run_entry("of the first");
    close_logs();

    open_logs("second");
    let_it_count();
    ck_assert_ptr_nonnull(strstr(bench->log.text, "the logs of the store that its file"));
    run_entry("of the second");
    ck_assert_str_eq(bench_read(bench, "out/1.log"), "of the first");
    ck_assert_int_eq(counted(), 0);
    close_logs();

    /* Once that store has gone, its place may be taken. */
    ck_assert_int_eq(remove(bench_path(bench, "first")), 0);
    open_logs("second");
    let_it_count();
    ck_assert_int_eq(run_entry("of the second"), 2);
    ck_assert_str_eq(bench_read(bench, "out/2.log"), "of the second");
}
END_TEST

START_TEST(a_store_that_was_moved_with_its_logs_keeps_them)
{
    open_logs("first");
    run_entry("words");
    close_logs();
    ck_assert_int_eq(rename(bench_path(bench, "first"), bench_path(bench, "moved")), 0);
    bench_write(bench, "first", ""); /* another has come in its place */
    open_logs("moved");
    let_it_count();
    ck_assert_int_eq(counted(), PAGE);
    ck_assert_int_eq(run_entry("more"), 2);
    ck_assert(has_log(1) && has_log(2));
}
END_TEST

START_TEST(a_store_in_memory_counts_what_it_finds_and_deletes_the_oldest)
{
    options.total_bytes = 3 * PAGE;
    open_logs(NULL);
    for (int run = 1; run <= 3; run++) {
        begin(run, false);
        add("words");
        end();
    }
    close_logs();
    open_logs(NULL);
    let_it_count();
    ck_assert_int_eq(counted(), 3 * PAGE);
    begin(1, false);
    add("anew");
    end();
    ck_assert_int_le(counted(), 3 * PAGE);
}
END_TEST

START_TEST(a_folder_that_was_removed_is_made_again)
{
    open_logs("store");
    run_entry("words");
    rdv_test_remove(bench_path(bench, "out"));
    run_entry("more");
    ck_assert_str_eq(bench_read(bench, "out/2.log"), "more");
    close_logs();
    rdv_test_remove(bench_path(bench, "out"));
    open_logs("store");
    let_it_count();
    ck_assert_int_eq(counted(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_tail_is_all_of_a_little_output,
        the_tail_is_the_last_of_much_output_however_it_comes,
        the_last_line_is_the_last_that_is_not_blank,
        the_last_line_is_escaped_and_cut_to_fit,
        a_tail_that_begins_within_a_character_makes_no_bad_line,
        after_a_mark_only_what_comes_is_looked_at,
        no_file_is_made_for_a_silent_run,
        output_is_appended_to_the_runs_file,
        a_file_is_cut_at_its_bound_and_says_so_once,
        a_bound_too_small_for_words_gives_an_empty_file,
        the_oldest_files_go_before_all_of_them_pass_the_total,
        several_that_run_share_the_total,
        a_total_below_the_bound_of_a_run_bounds_the_run,
        a_file_that_cannot_be_opened_is_told_once,
        a_log_in_whose_place_something_else_is_is_told_and_left,
        a_run_does_not_read_the_folder,
        the_log_of_a_run_goes_with_its_history,
        many_logs_that_the_history_forgets_at_once_go_in_slices,
        what_was_left_is_counted_or_goes_when_the_agent_starts,
        many_files_that_were_left_go_a_few_a_turn,
        logs_of_a_run_that_has_not_ended_are_left_to_it,
        a_folder_that_has_another_store_s_logs_is_left_alone,
        a_store_that_was_moved_with_its_logs_keeps_them,
        a_store_in_memory_counts_what_it_finds_and_deletes_the_oldest,
        a_folder_that_was_removed_is_made_again,
    };
    Suite *suite = suite_create("output");
    TCase *tcase = tcase_create("output");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    rdv_test_add_unless(tcase, a_write_that_fails_is_told_once,
                        RDV_TEST_ON_WINDOWS("no limit makes a write fail"));
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
