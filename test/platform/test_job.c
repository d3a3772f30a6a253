/* SPDX-License-Identifier: MIT */
/*
 * Children on Windows, where their ways differ from those of Unix: command lines, environments, the pipe for notices, and jobs. What
 * all systems have in common is in test_process.c.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <rdvtask/base.h>

#include "commands.h"
#include "harness.h"
#include "platform/platform.h"

#define OUTPUT_MAX 65536
#define PATIENCE   20000 /* milliseconds before something that should happen is given up */

static char folder[RDV_TEST_PATH];
static char path_variable[RDV_TEST_PATH + 8];
static const char *const plain[] = {path_variable, NULL};
static struct rdv_error error;

static void set_up(void)
{
    rdv_test_make_folder(folder, "job");
    snprintf(path_variable, sizeof path_variable, "PATH=%s", rdv_test_commands());
    memset(&error, 0, sizeof error);
}

static void tear_down(void)
{
    rdv_test_remove(folder);
}

static const char *in(const char *name)
{
    static char paths[4][RDV_TEST_PATH + 64];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* What came of a child. */
static struct {
    int result, code;
    char output[OUTPUT_MAX], notices[OUTPUT_MAX];
} ran;

/* False when nothing more will come. */
static bool read_some(rdv__descriptor fd, char *text)
{
    size_t used = strlen(text), size = 0;
    int result = rdv__plat_child_read(fd, text + used, OUTPUT_MAX - 1 - used, &size);
    if (result == 0)
        text[used + size] = '\0';
    return result == 0 && size > 0;
}

static void go_on(struct rdv__plat_child *child)
{
    const int64_t give_up_at = rdv_test_clock() + PATIENCE;
    struct rdv__plat_end end = {0};
    while (!rdv__plat_child_wait(child, 5 * RDV_MILLISECOND)) {
        read_some(child->output, ran.output);
        read_some(child->notices, ran.notices);
        ck_assert_int_lt(rdv_test_clock(), give_up_at);
    }
    ran.result = rdv__plat_child_reap(child, &end);
    ran.code = end.code;
    while (read_some(child->output, ran.output) || read_some(child->notices, ran.notices))
        ;
    rdv__plat_child_close(child);
}

static void follow(struct rdv__plat_child *child)
{
    ran.output[0] = ran.notices[0] = '\0';
    go_on(child);
}

static int spawn(const char *const *argv, const char *const *environment,
                 const struct rdv__supervision *supervision, struct rdv__plat_child *ret_child)
{
    const struct rdv__plat_spawn how = {
        .argv = argv, .environment = environment, .supervision = supervision};
    return rdv__plat_spawn(&how, ret_child, &error);
}

static void spawned(const char *const *argv, const char *const *environment,
                    const struct rdv__supervision *supervision, struct rdv__plat_child *ret_child)
{
    int result = spawn(argv, environment, supervision, ret_child);
    /* A busy Wine 8 now and then can't start a program at all, one of thousands, and says so. */
    if (result != 0 && rdv_test_is_wine() && strstr(error.text, "Internal error"))
        result = spawn(argv, environment, supervision, ret_child);
    ck_assert_msg(result == 0, "%s", error.text);
}

static void run_with(const char *const *argv, const char *const *environment,
                     const struct rdv__supervision *supervision)
{
    struct rdv__plat_child child;
    spawned(argv, environment, supervision, &child);
    follow(&child);
    ck_assert_int_eq(ran.result, 0);
}

static void run(const char *const *argv)
{
    run_with(argv, plain, NULL);
}

static void run_script(const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    run(argv);
}

static void refuse(const char *const *argv, const char *const *environment,
                   const struct rdv__supervision *supervision, int code, const char *words)
{
    struct rdv__plat_child child;
    memset(&error, 0, sizeof error);
    ck_assert_int_eq(spawn(argv, environment, supervision, &child), code);
    ck_assert_int_eq(error.code, code);
    ck_assert_msg(strstr(error.text, words) != NULL, "said: %s", error.text);
}

static void refuse_program(const char *program, int code, const char *words)
{
    const char *const argv[] = {program, "&calc", NULL};
    refuse(argv, plain, NULL, code, words);
}

/* -------------------------------------------------------------- arguments */

static void check_arguments(const char *program, const char *const *arguments, size_t count)
{
    const char *argv[64] = {program};
    char expected[OUTPUT_MAX] = "";
    ck_assert_uint_lt(count, 63);
    for (size_t i = 0; i < count; i++) {
        argv[i + 1] = arguments[i];
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "<%s>", arguments[i]);
    }
    run(argv);
    ck_assert_int_eq(ran.code, 0);
    ck_assert_str_eq(ran.output, expected);
}

static const char *const hostile[] = {
    "",       "a b",       "\\",       "a\\",       "a b\\",      "a b\\\\",  "\"",
    "\\\"",   "\\\\\"",    "a\\\"b c", "\"a b\"",   "\\\\x\\y\\", "*",        "?.exe",
    "a\tb",   "%PATH%",    "&|<>^",    "a\nb",      "'a b'",      "/c",       "a=\"b c\"",
    "\\\\\\", "x\\\\\"\"", "\"\"",     "C:\\a b\\", "!x!",        "@file",    "--",
    "a\\b",   " ",         "\v",       "\"\\",      "$(x)",       "a \"b\" c"};

START_TEST(arguments_come_through_whatever_is_in_them)
{
    static const char *const others[] = {"\xC3\xA9", "\xE6\x97\xA5\xE6\x9C\xAC", "\xF0\x9D\x84\x9E",
                                         "a \xF0\x9F\x92\xA9 \"\xC3\x9F\"\\"};
    check_arguments("args", hostile, sizeof hostile / sizeof *hostile);
    check_arguments("args", others, sizeof others / sizeof *others);
}
END_TEST

START_TEST(arguments_of_any_quotes_and_backslashes_come_through)
{
    static const char letters[] = "\\\\\\\"\"\" \ta";
    uint32_t number = 4711;
    for (int round = 0; round < 10; round++) {
        static char texts[60][16];
        const char *arguments[60];
        for (int i = 0; i < 60; i++) {
            int size = i % 12;
            for (int k = 0; k < size; k++) {
                number = number * 1664525 + 1013904223;
                texts[i][k] = letters[(number >> 24) % (sizeof letters - 1)];
            }
            texts[i][size] = '\0';
            arguments[i] = texts[i];
        }
        check_arguments("args", arguments, 60);
    }
}
END_TEST

/* As a child: by the rules of the C runtime, which may put names of files in place of wildcards. */
static int print_arguments(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        printf("<%s>", argv[i]);
    return 0;
}

START_TEST(the_c_runtime_reads_the_same_arguments)
{
    char program[RDV_TEST_PATH], expected[OUTPUT_MAX] = "";
    const char *argv[64] = {program, "print"};
    rdv_test_program(program);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        /* Its standard output is text. */
        argv[i + 2] = strchr(hostile[i], '\n') ? "-" : hostile[i];
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "<%s>", argv[i + 2]);
    }
    run(argv);
    ck_assert_str_eq(ran.output, expected);
}
END_TEST

START_TEST(arguments_that_are_no_text_or_too_long_are_refused)
{
    static char large[40000];
    const char *argv[] = {"args", "a\xFFz", NULL};
    refuse(argv, plain, NULL, RDV_EINVAL, "its argument 1: not well-formed Unicode");
    memset(large, 'x', sizeof large - 1);
    argv[1] = large;
    refuse(argv, plain, NULL, RDV_ELIMIT, "longer than the 32766 characters");
    /* The quotes around the name, and a space, are all that is more. */
    large[32766 - strlen("\"args\" ")] = '\0';
    run(argv);
    ck_assert_uint_eq(strlen(ran.output), strlen(large) + 2);
}
END_TEST

/* ---------------------------------------------------------------- programs */

START_TEST(batch_files_are_refused_whatever_they_are_called)
{
    static const char *const names[] = {"x.bat",    "x.BAT", "x.bat.",  "x.bat ",
                                        "x.bat. .", "y.cmd", "./x.bat", "sub/../y.Cmd"};
    char variable[RDV_TEST_PATH + 8];
    rdv_test_write_text(in("x.bat"), "echo %1");
    rdv_test_write_text(in("y.cmd"), "echo %1");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        refuse_program(in(names[i]), RDV_ENOTSUP, "\"cmd.exe\", \"/d\", \"/c\"");
    /* By name, with and without its ending. */
    snprintf(variable, sizeof variable, "PATH=%s", folder);
    const char *const environment[] = {variable, NULL};
    const char *const named[] = {"x.bat", NULL}, *const bare[] = {"y", NULL};
    refuse(named, environment, NULL, RDV_ENOTSUP, "a batch file is run by cmd.exe");
    refuse(bare, environment, NULL, RDV_ENOTSUP, "y.cmd");
}
END_TEST

START_TEST(a_program_is_found_with_and_without_its_ending)
{
    char program[RDV_TEST_PATH], variable[2 * RDV_TEST_PATH];
    const char *argv[] = {program, "-c", "exit 5", NULL};
    static const char *const endings[] = {"sh", "sh.exe", "SH.EXE"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(program, sizeof program, "%s/%s", rdv_test_commands(), endings[i]);
        run(argv);
        ck_assert_int_eq(ran.code, 5);
        snprintf(program, sizeof program, "%s", endings[i]);
        run(argv);
        ck_assert_int_eq(ran.code, 5);
    }
    /* Folders in quotes, with '/' at their end, that are not there, and programs that are folders. */
    snprintf(program, sizeof program, "sh");
    rdv_test_make_directory(in("sh.exe"));
    snprintf(variable, sizeof variable, "pAtH=C:/nowhere;%s;\"%s/\";", folder, rdv_test_commands());
    const char *const environment[] = {variable, NULL};
    run_with(argv, environment, NULL);
    ck_assert_int_eq(ran.code, 5);
}
END_TEST

START_TEST(a_path_that_depends_on_the_current_folder_or_drive_is_refused)
{
    refuse_program("C:x.exe", RDV_EINVAL, "depends on the current folder or drive");
    refuse_program("\\x.exe", RDV_EINVAL, "depends on");
    refuse_program("/x.exe", RDV_EINVAL, "depends on");
    refuse_program("x.exe:y", RDV_EINVAL, "depends on");
}
END_TEST

START_TEST(a_child_begins_in_its_directory_and_a_relative_path_there)
{
    char system_path[RDV_TEST_PATH];
    struct rdv__supervision supervision = {.directory = folder};
    const char *const pwd[] = {"pwd", NULL};
    run_with(pwd, plain, &supervision);
    rdv_test_path(strtok(ran.output, "\n"), system_path);
    ck_assert_str_eq(system_path, folder);

    supervision.directory = rdv_test_commands();
    const char *const relative[] = {"./sh", "-c", "exit 6", NULL};
    run_with(relative, plain, &supervision);
    ck_assert_int_eq(ran.code, 6);
    supervision.directory = "C:/nowhere";
    refuse(pwd, plain, &supervision, RDV_ENOTFOUND, "cannot run 'pwd'");
}
END_TEST

START_TEST(what_windows_has_not_is_refused_by_its_name_in_the_document)
{
    const char *const argv[] = {"true", NULL};
    const struct rdv__limit files = {"files", 10}, size = {"file-size", 10};
    const struct rdv__supervision users = {.user = "someone"},
                                  files_limited = {.limits = &files, .limit_count = 1},
                                  size_limited = {.limits = &size, .limit_count = 1},
                                  left = {.record = "x"};
    refuse(argv, plain, &users, RDV_ENOTSUP, "\"user\" of the handler is not on Windows: ");
    refuse(argv, plain, &files_limited, RDV_ENOTSUP, "\"limits.files\" of the handler is not on");
    refuse(argv, plain, &size_limited, RDV_ENOTSUP, "\"limits.file_size\" of the handler is not");
    refuse(argv, plain, &left, RDV_ENOTSUP, "\"on_stop\": \"leave\" of the handler is not on");
}
END_TEST

/* ------------------------------------------------------------- environment */

static const char *line_of(const char *name)
{
    static char line[1024];
    const char *at = strstr(ran.output, name);
    ck_assert_msg(at != NULL, "no %s in %s", name, ran.output);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

START_TEST(of_names_that_differ_in_case_only_the_last_counts)
{
    const char *const argv[] = {"env", NULL};
    const char *const environment[] = {"Path=C:/nowhere", "zeta=1",     "Alpha=2", "ZETA=\xC3\xA9=",
                                       path_variable,     "alphabet=3", NULL};
    run_with(argv, environment, NULL);
    ck_assert_str_eq(line_of("PATH="), path_variable);
    ck_assert_str_eq(line_of("ZETA="), "ZETA=\xC3\xA9=");
    ck_assert_ptr_null(strstr(ran.output, "Path="));
    ck_assert_ptr_null(strstr(ran.output, "zeta="));
    /* Windows wants them sorted. */
    ck_assert(strstr(ran.output, "Alpha=") < strstr(ran.output, "alphabet="));
    ck_assert(strstr(ran.output, "alphabet=") < strstr(ran.output, "PATH="));
    ck_assert(strstr(ran.output, "PATH=") < strstr(ran.output, "ZETA="));
}
END_TEST

START_TEST(a_variable_that_is_no_text_is_refused)
{
    const char *const argv[] = {"env", NULL}, *const environment[] = {path_variable, "A=\xFF",
                                                                      NULL};
    refuse(argv, environment, NULL, RDV_EINVAL, "not well-formed Unicode");
}
END_TEST

START_TEST(every_child_has_what_programs_count_on)
{
    static const char *const names[] = {
        "PATH=",    "SystemRoot=", "windir=", "ComSpec=",     "SystemDrive=",
        "PATHEXT=", "TEMP=",       "TMP=",    "ProgramFiles="};
    char **list;
    size_t count;
    ck_assert_int_eq(rdv__plat_environment(&list, &count), 0);
    ck_assert_ptr_null(list[count]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t k = 0;
        while (k < count && strncmp(list[k], names[i], strlen(names[i])) != 0)
            k++;
        ck_assert_msg(k < count && list[k][strlen(names[i])], "%s", names[i]);
    }
    /* cmd.exe is found by it, and runs. */
    const char *const argv[] = {"cmd", "/d", "/c", "exit 9", NULL};
    run_with(argv, (const char *const *)list, NULL);
    ck_assert_int_eq(ran.code, 9);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_ne(strncmp(list[i], "USER", 4), 0);
        free(list[i]);
    }
    free(list);
}
END_TEST

/* ------------------------------------------------------------------- input */

static int count_inputs(void)
{
    wchar_t pattern[MAX_PATH + 32];
    WIN32_FIND_DATAW found;
    int count = 0;
    GetTempPathW(MAX_PATH, pattern);
    wcscat(pattern, L"rdvtask-input-*");
    HANDLE list = FindFirstFileW(pattern, &found);
    if (list == INVALID_HANDLE_VALUE)
        return 0;
    do {
        wchar_t path[2 * MAX_PATH];
        GetTempPathW(MAX_PATH, path);
        wcscat(path, found.cFileName);
        HANDLE file =
            CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                        NULL, OPEN_EXISTING, 0, NULL);
        count += file != INVALID_HANDLE_VALUE;
        if (file != INVALID_HANDLE_VALUE)
            CloseHandle(file);
    } while (FindNextFileW(list, &found));
    FindClose(list);
    return count;
}

START_TEST(nobody_else_can_read_the_input_and_nothing_is_left_of_it)
{
    /* In a folder of its own: other programs have their inputs where all have them. */
    char *usual = getenv("TMP"), place[RDV_TEST_PATH], *before_this = usual ? strdup(usual) : NULL;
    snprintf(place, sizeof place, "%s", folder);
    for (char *at = place; *at; at++)
        if (*at == '/')
            *at = '\\';
    rdv_test_set_variable("TMP", place);
    int before = count_inputs();
    struct rdv__plat_child child;
    const char *const argv[] = {"sh", "-c", "read x; echo $x; sleep 0.3; cat /dev/stdin", NULL};
    const struct rdv__plat_spawn how = {
        .argv = argv, .environment = plain, .input = "secret\n", .input_size = 7};
    ck_assert_int_eq(rdv__plat_spawn(&how, &child, &error), 0);
    if (!rdv_test_is_wine()) /* which deletes it later, and has it open for others until then */
        ck_assert_int_eq(count_inputs(), before);
    if (rdv_test_is_wine())
        ck_assert_int_eq(count_inputs(), before + 1); /* it is looked for in the right place */
    follow(&child);
    ck_assert_str_eq(ran.output, "secret\nsecret\n");
    ck_assert_int_eq(count_inputs(), before);
    rdv_test_set_variable("TMP", before_this);
    free(before_this);
}
END_TEST

/* ----------------------------------------------------------------- notices */

START_TEST(many_may_write_notices_at_once)
{
    char line[32];
    run_script("(for i in 1 2 3 4 5 6 7 8 9; do echo A=$i >&3; done) &"
               "(for i in 1 2 3 4 5 6 7 8 9; do echo B=$i >&3; done) &"
               "(for i in 1 2 3 4 5 6 7 8 9; do echo C=$i >&3; done) & wait");
    ck_assert_uint_eq(strlen(ran.notices), 27 * 4);
    for (int i = 0; i < 27; i++) {
        snprintf(line, sizeof line, "%c=%d\n", 'A' + i / 9, i % 9 + 1);
        ck_assert_msg(strstr(ran.notices, line) != NULL, "no %s in %s", line, ran.notices);
    }
}
END_TEST

static void read_until(const char *notices, struct rdv__plat_child *child)
{
    int64_t end = rdv_test_clock() + PATIENCE;
    while (strcmp(ran.notices, notices) != 0 && rdv_test_clock() < end)
        if (!read_some(child->notices, ran.notices))
            rdv_test_sleep(1);
    ck_assert_str_eq(ran.notices, notices);
}

/* Start a script that knows the test's folder as $HERE; nothing of it is read yet. */
static void start_script(const char *script, struct rdv__plat_child *child)
{
    char here[RDV_TEST_PATH + 8];
    const char *const argv[] = {"sh", "-c", script, NULL};
    const char *const environment[] = {plain[0], here, NULL};
    snprintf(here, sizeof here, "HERE=%s", folder);
    spawned(argv, environment, NULL, child);
    ran.notices[0] = '\0';
}

START_TEST(who_comes_later_does_not_go_on_with_an_unfinished_line)
{
    /* Each comes once the one before was heard and has gone. */
    struct rdv__plat_child child;
    start_script("(printf A=1 >&3); until test -e $HERE/a; do sleep 0.03; done; "
                 "(printf 'B=2\\nC=3' >&3); until test -e $HERE/b; do sleep 0.03; done; "
                 "(echo D=4 >&3)",
                 &child);
    read_until("A=1\n", &child);
    rdv_test_write_text(in("a"), "");
    read_until("A=1\nB=2\nC=3\n", &child);
    rdv_test_write_text(in("b"), "");
    go_on(&child);
    ck_assert_str_eq(ran.notices, "A=1\nB=2\nC=3\nD=4\n");
}
END_TEST

START_TEST(lines_of_several_who_write_at_once_are_not_mixed)
{
    /* The first has written half a line when the second comes. */
    struct rdv__plat_child child;
    start_script("(printf A= >&3; echo begun >$HERE/begun; "
                 "until test -e $HERE/on; do sleep 0.03; done; printf 1 >&3) & "
                 "until test -e $HERE/begun; do sleep 0.03; done; echo B=2 >&3; wait",
                 &child);
    read_until("B=2\n", &child);
    rdv_test_write_text(in("on"), "");
    go_on(&child);
    ck_assert_str_eq(ran.notices, "B=2\nA=1\n");
}
END_TEST

START_TEST(what_several_have_written_is_there_after_the_end)
{
    /* Nobody reads until the end, and each has a connection of its own. */
    struct rdv__plat_child child;
    const char *const argv[] = {"sh", "-c",
                                "for i in 1 2 3 4 5 6; do (echo N=$i >&3); done; exit 3", NULL};
    spawned(argv, plain, NULL, &child);
    ck_assert(rdv__plat_child_wait(&child, PATIENCE * RDV_MILLISECOND));
    follow(&child);
    ck_assert_int_eq(ran.code, 3);
    ck_assert_uint_eq(strlen(ran.notices), 6 * 4);
}
END_TEST

START_TEST(the_pipe_is_gone_with_the_child)
{
    const char *const argv[] = {"env", NULL};
    char name[RDV_TEST_PATH];
    run(argv);
    snprintf(name, sizeof name, "%s", line_of("RDV_NOTIFY=") + strlen("RDV_NOTIFY="));
    ck_assert_uint_eq(strlen(name), strlen("\\\\.\\pipe\\rdvtask-notify-") + 32);
    HANDLE pipe = CreateFileA(name, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    ck_assert_ptr_eq(pipe, INVALID_HANDLE_VALUE);
    ck_assert_uint_eq(GetLastError(), ERROR_FILE_NOT_FOUND);
}
END_TEST

/* --------------------------------------------------------------------- end */

static void check_words(int code, int report, const char *words)
{
    char text[128];
    ck_assert_int_eq(rdv__plat_end_words(code, text, sizeof text), report);
    ck_assert_str_eq(text, words);
}

START_TEST(exit_codes_have_32_bits)
{
    run_script("exit 3010");
    ck_assert_int_eq(ran.code, 3010);
    run_script("exit 0x7FFFFFFF");
    ck_assert_int_eq(ran.code, INT32_MAX);
    run_script("exit 3221225477");
    ck_assert_int_eq(ran.code, (int)0xC0000005u);
    check_words(ran.code, ran.code, "ended with 0xC0000005 (access violation)");
    run_script("exit 0x80070005");
    check_words(ran.code, ran.code, "exit code -2147024891 (0x80070005)");
    /* These would be errors of ours. */
    run_script("exit 0xFFFFFFFF");
    check_words(ran.code, RDV_EFAILED, "exit code -1 (0xFFFFFFFF)");
    check_words(RDV__KILLED, 137, "killed");
    check_words((int)0xC0000135u, (int)0xC0000135u, "ended with 0xC0000135 (a DLL was not found)");
    ck_assert_int_eq(rdv__plat_exit_means(3010), RDV__EXIT_MEANS_REBOOT);
    ck_assert_int_eq(rdv__plat_exit_means(1641), RDV__EXIT_MEANS_REBOOTING);
    ck_assert_int_eq(rdv__plat_exit_means(1), RDV__EXIT_MEANS_NOTHING);
}
END_TEST

/* -------------------------------------------------------------------- jobs */

START_TEST(nothing_leaves_the_job)
{
    const char *const argv[] = {"sh", "-c", "break-away", NULL};
    run(argv);
    ck_assert_int_eq(ran.code, 0);
}
END_TEST

/* As a process of its own: start a tree, say who it is, and wait for the end. */
static int start_and_wait(void)
{
    struct rdv__plat_child child;
    const char *const argv[] = {"sh", "-c", "sleep 100 & echo $$ $!; sleep 100", NULL};
    snprintf(path_variable, sizeof path_variable, "PATH=%s", rdv_test_commands());
    if (spawn(argv, plain, NULL, &child) != 0)
        return 1;
    while (!strchr(ran.output, '\n')) {
        read_some(child.output, ran.output);
        rdv_test_sleep(5);
    }
    printf("%s", ran.output);
    fflush(stdout);
    rdv_test_sleep(PATIENCE);
    return 0;
}

START_TEST(a_host_that_is_killed_takes_its_children_along)
{
    char words[256], *end;
    const char *const arguments[] = {"start", NULL};
    struct rdv_test_child *host = rdv_test_child_start(arguments);
    size_t size = rdv_test_child_read(host, words, sizeof words - 1);
    words[size] = '\0';
    int64_t child = strtoll(words, &end, 10), grandchild = strtoll(end, NULL, 10);
    ck_assert(rdv_test_is_running(child));
    ck_assert(rdv_test_is_running(grandchild));
    rdv_test_child_kill(host);
    ck_assert_int_eq(rdv_test_child_wait(host), -1);
    ck_assert(rdv_test_goes(child));
    ck_assert(rdv_test_goes(grandchild));
}
END_TEST

static const struct rdv__limit limits[] = {{"memory", 64 << 20}, {"processes", 3}, {"cpu", 7}};
static const struct rdv__supervision limited = {.limits = limits, .limit_count = 3};

START_TEST(a_child_with_limits_runs)
{
    const char *const argv[] = {"true", NULL};
    run_with(argv, plain, &limited);
    ck_assert_int_eq(ran.code, 0);
}
END_TEST

START_TEST(limits_are_those_of_the_job)
{
    const char *const argv[] = {"sleep", "60", NULL};
    struct rdv__plat_child child;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION about;
    spawned(argv, plain, &limited, &child);
    ck_assert(QueryInformationJobObject(child.job, JobObjectExtendedLimitInformation, &about,
                                        sizeof about, NULL));
    ck_assert_uint_eq(about.BasicLimitInformation.LimitFlags,
                      JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE |
                          JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION |
                          JOB_OBJECT_LIMIT_PROCESS_MEMORY | JOB_OBJECT_LIMIT_ACTIVE_PROCESS |
                          JOB_OBJECT_LIMIT_PROCESS_TIME);
    ck_assert_uint_eq(about.ProcessMemoryLimit, 64 << 20);
    ck_assert_uint_eq(about.BasicLimitInformation.ActiveProcessLimit, 3);
    ck_assert_int_eq(about.BasicLimitInformation.PerProcessUserTimeLimit.QuadPart, 7 * RDV_SECOND);
    rdv__plat_child_end(&child, true);
    follow(&child);
    ck_assert_int_eq(ran.code, RDV__KILLED);
}
END_TEST

START_TEST(who_has_many_children_is_killed_with_all_of_them)
{
    struct rdv__plat_child child;
    const char *const argv[] = {
        "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 100 & echo $!; done; echo .; wait", NULL};
    spawned(argv, plain, NULL, &child);
    ran.output[0] = '\0';
    while (!strchr(ran.output, '.')) {
        read_some(child.output, ran.output);
        rdv_test_sleep(5);
    }
    char numbers[OUTPUT_MAX], *at = numbers;
    memcpy(numbers, ran.output, sizeof numbers);
    rdv__plat_child_end(&child, true);
    follow(&child);
    ck_assert_int_eq(ran.code, RDV__KILLED);
    /* Once it is reaped there are none left: nothing to be waited for. */
    for (int i = 0; i < 8; i++)
        ck_assert(!rdv_test_is_running(strtoll(at, &at, 10)));
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "print") == 0)
        return print_arguments(argc, argv);
    if (argc > 1)
        return start_and_wait();
    const TTest *const tests[] = {
        arguments_come_through_whatever_is_in_them,
        arguments_of_any_quotes_and_backslashes_come_through,
        the_c_runtime_reads_the_same_arguments,
        arguments_that_are_no_text_or_too_long_are_refused,
        batch_files_are_refused_whatever_they_are_called,
        a_program_is_found_with_and_without_its_ending,
        a_path_that_depends_on_the_current_folder_or_drive_is_refused,
        a_child_begins_in_its_directory_and_a_relative_path_there,
        what_windows_has_not_is_refused_by_its_name_in_the_document,
        of_names_that_differ_in_case_only_the_last_counts,
        a_variable_that_is_no_text_is_refused,
        every_child_has_what_programs_count_on,
        nobody_else_can_read_the_input_and_nothing_is_left_of_it,
        many_may_write_notices_at_once,
        lines_of_several_who_write_at_once_are_not_mixed,
        who_comes_later_does_not_go_on_with_an_unfinished_line,
        what_several_have_written_is_there_after_the_end,
        the_pipe_is_gone_with_the_child,
        exit_codes_have_32_bits,
        nothing_leaves_the_job,
        a_child_with_limits_runs,
        a_host_that_is_killed_takes_its_children_along,
        who_has_many_children_is_killed_with_all_of_them,
    };
    Suite *suite = suite_create("job");
    TCase *tcase = tcase_create("job");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    rdv_test_add_unless(tcase, limits_are_those_of_the_job,
                        rdv_test_is_wine() ? "Wine has no limits of jobs" : NULL);
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}
