/* SPDX-License-Identifier: MIT */
/* What runs print: the tail, the file and its bounds. */
#include "agent_bench.h"

#ifndef _WIN32
#include <sys/resource.h>
#endif

#include "output.h"
#include "plat.h"
#include "record.h"

static struct bench *bench; /* for its directory and its log */
static struct rdv__output_options options;
static struct rdv__output *output;

static void set_up(void)
{
    bench = bench_new(NULL, true);
    options = (struct rdv__output_options){
        .run_bytes = 1000,
        .total_bytes = 5000,
        .log = {bench_log, bench},
    };
    output = NULL;
}

static void tear_down(void)
{
    rdv__output_free(output);
    bench_free(bench);
}

static char *log_directory(void)
{
    static char path[RDV_TEST_PATH + 64];
    snprintf(path, sizeof path, "%s", bench_path(bench, "out"));
    return path;
}

static void begin(int64_t run, bool again)
{
    rdv__output_free(output);
    ck_assert_int_eq(rdv__output_new(&options, run, again, &output), 0);
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
    options.directory = log_directory();
    begin(1, false);
    rdv__output_free(output);
    output = NULL;
    ck_assert(!rdv_test_exists(bench_path(bench, "out")));
}
END_TEST

START_TEST(output_is_appended_to_the_runs_file)
{
    options.directory = log_directory();
    begin(12, false);
    add("one\n");
    add("two\n");
    ck_assert_str_eq(bench_read(bench, "out/12.log"), "one\ntwo\n");
    begin(12, true); /* the run goes on */
    add("three\n");
    ck_assert_str_eq(bench_read(bench, "out/12.log"), "one\ntwo\nthree\n");
    begin(12, false); /* another run of another store */
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
    options.directory = log_directory();
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
    options.directory = log_directory();
    options.run_bytes = 10;
    begin(1, false);
    add("0123456789abcdef");
    ck_assert_str_eq(bench_read(bench, "out/1.log"), "");
    ck_assert(rdv_test_exists(bench_path(bench, "out/1.log")));
    assert_line("0123456789abcdef");
}
END_TEST

static int64_t total_bytes(void)
{
    int64_t total = 0;
    for (int run = 1; run <= 20; run++) {
        char name[32];
        snprintf(name, sizeof name, "out/%d.log", run);
        int64_t size = rdv_test_size(bench_path(bench, name));
        total += size > 0 ? size : 0;
    }
    return total;
}

START_TEST(the_oldest_files_go_before_all_of_them_pass_the_total)
{
    static char text[1500];
    memset(text, 'x', sizeof text - 1);
    options.directory = log_directory();
    for (int run = 1; run <= 10; run++) {
        begin(run, false);
        add(text);
        ck_assert_int_le(total_bytes(), 5000); /* also while the run goes on */
        rdv_test_sleep(20);                    /* files are told apart by their time */
    }
    ck_assert_int_eq(total_bytes(), 5000);
    ck_assert(!rdv_test_exists(bench_path(bench, "out/5.log")));
    ck_assert(rdv_test_exists(bench_path(bench, "out/6.log")));
    ck_assert(rdv_test_exists(bench_path(bench, "out/10.log")));
}
END_TEST

START_TEST(a_total_below_the_bound_of_a_run_bounds_the_run)
{
    static char text[700];
    memset(text, 'x', sizeof text - 1);
    options.directory = log_directory();
    options.total_bytes = 500;
    begin(1, false);
    add(text);
    ck_assert_int_eq(total_bytes(), 500);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_told_once)
{
    options.directory = log_directory();
    bench_write(bench, "out", "no directory");
    begin(1, false);
    add("one\n");
    add("two\n");
    assert_line("two");
    ck_assert_ptr_nonnull(strstr(bench->log, "cannot open 1.log in "));
    ck_assert_ptr_eq(strchr(bench->log, '\n') + 1, strchr(bench->log, '\0'));
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
    options.directory = log_directory();
    begin(1, false);
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
    ck_assert_ptr_nonnull(strstr(bench->log, "cannot write 1.log in "));
    ck_assert_ptr_eq(strchr(bench->log, '\n') + 1, strchr(bench->log, '\0'));
}
END_TEST
#endif

START_TEST(a_directory_that_cannot_be_trimmed_is_told)
{
    options.directory = log_directory();
    begin(1, false);
    add("one\n");
    rdv_test_remove(log_directory());
    rdv__output_free(output);
    output = NULL;
    ck_assert_ptr_nonnull(strstr(bench->log, "cannot trim the log directory "));
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
        a_total_below_the_bound_of_a_run_bounds_the_run,
        a_file_that_cannot_be_opened_is_told_once,
    };
    Suite *suite = suite_create("output");
    TCase *tcase = tcase_create("output");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    rdv_test_add_unless(tcase, a_write_that_fails_is_told_once,
                        RDV_TEST_ON_WINDOWS("no limit makes a write fail"));
    rdv_test_add_unless(tcase, a_directory_that_cannot_be_trimmed_is_told,
                        RDV_TEST_ON_WINDOWS("a folder with an open file in it stays"));
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
