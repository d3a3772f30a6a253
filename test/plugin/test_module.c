/* SPDX-License-Identifier: MIT */
/*
 * Task agents in shared libraries: which are refused, and what becomes of those that fail, block or never report. The plug-ins
 * are those of modules/, the faults of modules/faulty.c are named by its configuration; and examples/plugin.c.
 */
#ifndef _WIN32
#define _GNU_SOURCE
#endif

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
/* after windows.h */
#include <psapi.h>
#else
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <rdvtask/rdvtask.h>

#include "commands.h"
#include "harness.h"
#include "kit/kit.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"

#define NOW       (INT64_C(420000) * RDV_DAY / 10 * 10)
#define LOG_LINES 600
#define PATIENCE  (20 * RDV_SECOND) /* before something that should happen is given up */

/* Of the test's own: plug-ins in a build folder may be writable for a group. */
static char folder[RDV_TEST_PATH];
static char store_path[RDV_TEST_PATH + 16];
static rdv_loop *loop;
static rdv_store *store;
static rdv_trigger *trigger;
static rdv_trigger_options options;
static rdv_module_options module_options;
static rdv_module *module;
static struct rdv_error error;
static struct rdv_kit_clock fake_clock;
static struct rdv_kit_log fake_log;
static bool floods; /* there may be more lines than that */
static bool terminated;
static int terminated_reason;

/* ------------------------------------------------------------------- fixture */

static void log_write(void *user, rdv_log_level level, const char *text)
{
    ck_assert(!loop || rdv__loop_is_owner(loop));
    ck_assert(floods || fake_log.lines < LOG_LINES);
    rdv_kit_log_write(user, level, text);
}

static int logged(const char *words)
{
    return rdv_kit_log_count(&fake_log, words);
}

static void assert_logged(const char *words)
{
    if (logged(words) == 1)
        return;
    fputs(fake_log.text, stderr);
    ck_abort_msg("'%s' is %d times in the log", words, logged(words));
}

/* What blocked calls are told to, on a thread of the library's. */
static struct rdv__monitor *told_lock;
static char told[32][1100];
static int told_count;
static char told_path
    [RDV_TEST_PATH +
     16]; /* a file that comes once these words were told twice; what blocks can wait for it */
static char told_words[64];
static int told_words_count;
#ifndef _WIN32
static int teller; /* the thread's number */
#endif

static void held_up(void *user, const char *text)
{
    ck_assert_ptr_eq(user, &told);
    rdv__monitor_lock(told_lock);
#ifndef _WIN32
    teller = gettid();
#endif
    if (told_count < 32)
        snprintf(told[told_count++], sizeof told[0], "%s", text);
    if (*told_words && strstr(text, told_words) && ++told_words_count == 2)
        rdv_test_write_text(told_path, "");
    rdv__monitor_unlock(told_lock);
}

/* The configuration of a plug-in that blocks in this call, until it has been told of twice. */
static const char *until_told(const char *call, const char *fault)
{
    static char configuration[RDV_TEST_PATH + 64];
    rdv_test_remove(told_path);
    snprintf(told_words, sizeof told_words, "has been in %s for", call);
    told_count = told_words_count = 0;
    snprintf(configuration, sizeof configuration, "%s %s", fault, told_path);
    return configuration;
}

static int times_told(const char *words)
{
    int count = 0;
    rdv__monitor_lock(told_lock);
    for (int i = 0; i < told_count; i++)
        count += strstr(told[i], words) != NULL;
    rdv__monitor_unlock(told_lock);
    return count;
}

/* What is in memory can't be deleted everywhere, but it can be called something else. */
static void forget(const char *path)
{
#ifdef _WIN32
    static int count;
    char other[RDV_TEST_PATH + 96];
    snprintf(other, sizeof other, "%s.%d", path, count++);
    if (!DeleteFileA(path))
        MoveFileA(path, other);
#else
    rdv_test_remove(path);
#endif
}

static const char *copy_of(const char *file)
{
    static char path[2 * RDV_TEST_PATH];
    const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    size_t size;
    char *data = rdv_test_read(file, &size);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    /* A new file each time: an earlier one may have to stay in memory. */
    forget(path);
    rdv_test_write(path, data, size);
#ifndef _WIN32
    chmod(path, 0755);
#endif
    free(data);
    return path;
}

/* Where the build puts them. */
static const char *modules(void)
{
#ifdef _WIN32
    static char path[RDV_TEST_PATH];
    rdv_test_program(path);
    *strrchr(path, '/') = '\0';
    return path;
#else
    return RDV_TEST_MODULES;
#endif
}

static const char *test_module(const char *name)
{
    char file[512];
    snprintf(file, sizeof file, "%s/%s" RDV_TEST_MODULE_SUFFIX, modules(), name);
    return copy_of(file);
}

static void open_store(void)
{
    int result = rdv_store_open(*store_path ? store_path : NULL, NULL, &store, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    ck_assert_int_eq(rdv_trigger_new(loop, store, &options, &trigger), 0);
}

static void set_up(void)
{
    rdv_test_make_folder(folder, "module");
    snprintf(told_path, sizeof told_path, "%s/told", folder);
    if (!told_lock)
        ck_assert_int_eq(rdv__monitor_new(&told_lock), 0);
    store_path[0] = told_words[0] = '\0';
    rdv_kit_clock_init(&fake_clock, NOW);
    told_count = 0;
    rdv_kit_log_clear(&fake_log);
    floods = false;
    terminated = false;
    memset(&error, 0, sizeof error);
    rdv_trigger_options_init(&options);
    options.clock = rdv_kit_clock_ops(&fake_clock);
    options.log = (rdv_log){log_write, &fake_log};
    rdv_module_options_init(&module_options);
    module_options.log = (rdv_log){log_write, &fake_log};
    module_options.held_up = held_up;
    module_options.held_up_user = &told;
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    open_store();
}

static void close_all(void)
{
    /* What is not told to terminate can't be unloaded. */
    if (module && trigger && rdv_trigger_terminate(trigger, 0, NULL, NULL) == 0)
        rdv_loop_dispatch(loop);
    rdv_trigger_free(trigger);
    rdv_module_close(module);
    rdv_store_close(store);
    rdv_loop_free(loop);
    trigger = NULL;
    module = NULL;
    store = NULL;
    loop = NULL;
}

/* Whether a plug-in of this test is in memory. */
static bool is_loaded(void)
{
    bool found = false;
#ifdef _WIN32
    HMODULE all[512];
    DWORD size;
    ck_assert(EnumProcessModules(GetCurrentProcess(), all, sizeof all, &size));
    for (size_t i = 0; i < size / sizeof *all; i++) {
        char name[RDV_TEST_PATH], path[RDV_TEST_PATH];
        GetModuleFileNameA(all[i], name, sizeof name);
        rdv_test_path(name, path);
        found = found || strstr(path, folder) != NULL;
    }
#else
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps))
        found |= strstr(line, folder) != NULL;
    fclose(maps);
#endif
    return found;
}

static void tear_down(void)
{
    close_all();
#ifdef _WIN32
    /* What has to stay in memory stays in the folder. */
    if (is_loaded())
        return;
#endif
    rdv_test_remove(folder);
}

/* ------------------------------------------------------------------- helpers */

static void turn(void)
{
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

static void move_clock(rdv_duration by)
{
    fake_clock.now += by;
    rdv_trigger_clock_changed(trigger);
    turn();
}

/* Until fn says so: what comes from other threads. */
static void wait_until(bool (*fn)(void))
{
    rdv_duration end = rdv__plat_running() + PATIENCE;
    while (turn(), !fn()) {
        rdv_test_wait(loop, 100);
        ck_assert_msg(rdv__plat_running() < end, "it doesn't happen");
    }
}

static bool nothing_runs(void)
{
    return rdv_trigger_unfinished(trigger) == 0;
}

static bool has_terminated(void)
{
    return terminated;
}

static void load(const char *path, const char *configuration)
{
    module_options.configuration = configuration;
    int result = rdv_module_open(loop, path, &module_options, &module, &error);
    ck_assert_msg(result == 0, "%s", error.text);
}

static void attach_faulty(const char *fault)
{
    load(test_module("faulty"), fault);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_module_plugin(module)), 0);
    turn();
}

static void schedule(const char *label, const char *identifier)
{
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new(label, identifier, "data", 4, &task), 0);
    ck_assert_int_eq(rdv_trigger_schedule(trigger, NULL, task), 0);
    rdv_task_unref(task);
    turn();
}

static struct seen {
    rdv_state state;
    rdv_status status;
    rdv_outcome outcome;
    int code, attempt, changes;
    int64_t run;
    char message[RDV_MESSAGE_MAX + 1];
} seen;

static int see(void *user, const rdv_entry *entry)
{
    (void)user;
    seen = (struct seen){.state = entry->state,
                         .status = entry->status,
                         .outcome = entry->outcome,
                         .code = entry->code,
                         .attempt = entry->attempt,
                         .changes = (int)entry->change_count,
                         .run = entry->run};
    snprintf(seen.message, sizeof seen.message, "%s", entry->message);
    return 0;
}

static const struct seen *look(const char *identifier)
{
    rdv_filter filter = {
        .size = sizeof filter, .flags = RDV_FILTER_CHANGES, .identifier = identifier};
    memset(&seen, 0, sizeof seen);
    ck_assert_int_eq(rdv_store_entries(store, &filter, see, NULL), 0);
    ck_assert_int_ne(seen.run, 0);
    return &seen;
}

static void on_terminated(void *user, int reason)
{
    (void)user;
    terminated = true;
    terminated_reason = reason;
}

static void terminate(void)
{
    ck_assert_int_eq(rdv_trigger_terminate(trigger, 0, on_terminated, NULL), 0);
    wait_until(has_terminated);
}

static void usual(void)
{
    attach_faulty(NULL);
    schedule("any", "a");
    terminate();
}

static void is_refused(const char *path, const char *configuration, int code, const char *words)
{
    rdv_module *none = NULL;
    module_options.configuration = configuration;
    memset(&error, 0, sizeof error);
    int result = rdv_module_open(loop, path, &module_options, &none, &error);
    ck_assert_msg(result == code, "%d, not %d: %s", result, code, error.text);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(error.code, code);
    ck_assert_msg(strstr(error.text, words) != NULL, "'%s' is not in '%s'", words, error.text);
    ck_assert_int_eq(rdv_module_open(loop, path, &module_options, &none, NULL), code);
    ck_assert_msg(!is_loaded(), "'%s' has stayed in memory", path);
}

/* ---------------------------------------------------------- what is refused */

START_TEST(a_file_that_is_not_there_is_refused)
{
    is_refused(RDV_TEST_ABSENT "/plugin.so", NULL, RDV_ENOTFOUND, "No such file");
}
END_TEST

START_TEST(a_file_that_is_no_shared_library_is_refused)
{
    char path[RDV_TEST_PATH + 16];
    snprintf(path, sizeof path, "%s/text.so", folder);
    rdv_test_write_text(path, "no library\n");
    is_refused(path, NULL, RDV_EINVAL, "can't be loaded as a shared library");
    is_refused(folder, NULL, RDV_EINVAL, "is not a regular file");
}
END_TEST

START_TEST(a_library_without_entry_point_is_refused)
{
    is_refused(test_module("no-entry"), NULL, RDV_EINVAL, "it has no 'rdvtask_plugin'");
}
END_TEST

START_TEST(a_plugin_that_calls_what_nobody_has_is_refused)
{
    /* Windows does not say what it misses. */
    is_refused(test_module("missing-symbol"), NULL, RDV_EINVAL,
               RDV_TEST_ON_WINDOWS("") ? "can't be loaded" : "nobody_has_this");
}
END_TEST

START_TEST(a_plugin_for_another_contract_is_refused_before_it_is_called)
{
    is_refused(test_module("other-abi"), NULL, RDV_ENOTSUP,
               "was built for version 2 of the plug-in contract, and this program has version 1");
}
END_TEST

START_TEST(an_entry_point_that_is_not_right_is_refused_before_it_is_called)
{
    is_refused(test_module("empty-entry"), NULL, RDV_EINVAL, "is not filled in");
    is_refused(test_module("small-entry"), NULL, RDV_EINVAL, "lacks members");
    is_refused(test_module("no-open"), NULL, RDV_EINVAL, "lacks 'open'");
    is_refused(test_module("no-close"), NULL, RDV_EINVAL, "lacks 'close'");
}
END_TEST

START_TEST(a_plugin_whose_open_fails_is_refused_with_its_error)
{
    const char *path = test_module("faulty");
    is_refused(path, "open-fails", RDV_EACCES, "could not be opened: permission denied");
    is_refused(path, "open-strange", RDV_EFAILED, "could not be opened: failed");
    ck_assert_int_eq(logged("plug-in 'faulty" RDV_TEST_MODULE_SUFFIX
                            "': open gave 42, which is no error of rdvtask"),
                     2);
}
END_TEST

START_TEST(a_plugin_without_a_whole_table_of_functions_is_refused)
{
    static const char *const required[] = {"name", "initialize", "start_task", "terminate"};
    const char *path = test_module("faulty");
    is_refused(path, "no-plugin", RDV_EINVAL, "'open' gave no task agent");
    is_refused(path, "no-table", RDV_EINVAL, "'open' gave no task agent");
    is_refused(path, "small-table", RDV_EINVAL, "its table of functions has ");
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        char fault[32], words[64];
        snprintf(fault, sizeof fault, "no-%s", required[i]);
        snprintf(words, sizeof words, "its table of functions lacks '%s'", required[i]);
        is_refused(path, fault, RDV_EINVAL, words);
    }
}
END_TEST

START_TEST(a_plugin_has_a_name_for_people)
{
    const char *path = test_module("faulty");
    is_refused(path, "nameless", RDV_EINVAL, "has no name");
    is_refused(path, "empty-name", RDV_EINVAL, "has no name");
    is_refused(path, "bad-name", RDV_EINVAL, "none in UTF-8");
    load(path, "long-name");
    ck_assert_uint_eq(strlen(rdv_module_name(module)), RDV_MODULE_NAME_MAX);
}
END_TEST

START_TEST(a_file_that_others_may_write_to_is_refused)
{
    const char *path = test_module("faulty");
    rdv_test_share(path);
    is_refused(path, NULL, RDV_EACCES, "may write to the file");
    path = test_module("faulty");
    load(path, NULL);
}
END_TEST

START_TEST(a_folder_that_others_may_write_to_is_refused)
{
    const char *path = test_module("faulty");
    rdv_test_share(folder);
    is_refused(path, NULL, RDV_EACCES, "the folder");
}
END_TEST

START_TEST(a_link_is_followed_to_a_file_that_is_looked_at)
{
    char link[RDV_TEST_PATH + 16];
    const char *path = test_module("faulty");
    snprintf(link, sizeof link, "%s/link.so", folder);
    ck_assert(rdv_test_link(path, link));
    rdv_test_share(path);
    is_refused(link, NULL, RDV_EACCES, "may write to the file");
    test_module("faulty");
    load(link, NULL);
}
END_TEST

START_TEST(options_that_are_not_right_are_refused)
{
    static char text[RDV_MODULE_CONFIGURATION_MAX + 2];
    const char *path = test_module("faulty");
    const rdv_module_options right = module_options;
    rdv_module *none;
    ck_assert_int_eq(rdv_module_open(NULL, path, NULL, &none, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_module_open(loop, NULL, NULL, &none, NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_module_open(loop, path, NULL, NULL, &error), RDV_EINVAL);
    module_options.size = 3;
    is_refused(path, NULL, RDV_EINVAL, "options");
    module_options = right;
    module_options.call_limit = 0;
    is_refused(path, NULL, RDV_EINVAL, "options");
    module_options = right;
    module_options.terminate_wait = -1;
    is_refused(path, NULL, RDV_EINVAL, "options");
    module_options = right;
    is_refused(path, "bad \xFF", RDV_EINVAL, "not valid UTF-8");
    memset(text, 'x', RDV_MODULE_CONFIGURATION_MAX + 1);
    is_refused(path, text, RDV_ELIMIT, "longer than 65536 bytes");
    text[RDV_MODULE_CONFIGURATION_MAX] = '\0';
    load(path, text);
}
END_TEST

/* -------------------------------------------------------------- what works */

START_TEST(a_plugin_is_told_its_configuration_and_who_loads_it)
{
    char words[64];
    load(test_module("faulty"), "some \"text\"");
    ck_assert_str_eq(rdv_module_name(module), "Faulty");
    assert_logged("some \"text\"");
    snprintf(words, sizeof words, "faulty" RDV_TEST_MODULE_SUFFIX ": %s %d", rdv_version(),
             (int)sizeof(rdv_module_host));
    assert_logged(words);
}
END_TEST

START_TEST(without_options_a_plugin_is_loaded_silently)
{
    ck_assert_int_eq(rdv_module_open(loop, test_module("faulty"), NULL, &module, &error), 0);
    ck_assert_str_eq(rdv_module_name(module), "Faulty");
    ck_assert_int_eq(fake_log.lines, 0);
    rdv_module_close(NULL);
}
END_TEST

START_TEST(a_task_is_done_by_the_plugin)
{
    attach_faulty(NULL);
    schedule("any", "a");
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert_str_eq(rdv_module_plugin(module)->ops->name(rdv_module_plugin(module)), "Faulty");
}
END_TEST

START_TEST(a_plugin_is_initialised_once)
{
    rdv_trigger *other;
    attach_faulty(NULL);
    terminate();
    ck_assert_int_eq(rdv_trigger_new(loop, store, &options, &other), 0);
    ck_assert_int_eq(rdv_trigger_attach(other, rdv_module_plugin(module)), RDV_ESTATE);
    rdv_trigger_free(other);
}
END_TEST

START_TEST(what_a_plugin_can_do_shows_through_the_guard)
{
    load(test_module("faulty"), NULL);
    ck_assert_uint_eq(rdv_module_plugin(module)->ops->flags, 0);
    ck_assert(rdv_module_plugin(module)->ops->cancel_task != NULL);
    ck_assert(rdv_module_plugin(module)->ops->check_label != NULL);
    ck_assert_int_eq(
        rdv_module_plugin(module)->ops->check_label(rdv_module_plugin(module), "unknown"),
        RDV_ENOHANDLER);
    rdv_module_close(module);
    load(test_module("faulty"), "restart-safe");
    ck_assert_uint_eq(rdv_module_plugin(module)->ops->flags, RDV_PLUGIN_RESTART_SAFE);
    rdv_module_close(module);
    load(test_module("faulty"), "old-table");
    ck_assert(rdv_module_plugin(module)->ops->check_label == NULL);
    ck_assert(rdv_module_plugin(module)->ops->end_wait == NULL);
    rdv_module_close(module);
    load(test_module("faulty"), "table-before-end_wait");
    ck_assert(rdv_module_plugin(module)->ops->check_label != NULL);
    ck_assert(rdv_module_plugin(module)->ops->end_wait == NULL);
    rdv_module_close(module);
    load(test_module("faulty"), "no-check");
    ck_assert(rdv_module_plugin(module)->ops->check_label == NULL);
    rdv_module_close(module);
    load(test_module("faulty"), "no-end_wait");
    ck_assert(rdv_module_plugin(module)->ops->end_wait == NULL);
    rdv_module_close(module);
    module = NULL;
    attach_faulty("no-cancel");
    schedule("any", "a");
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), RDV_ENOTSUP);
}
END_TEST

START_TEST(lines_from_a_plugins_threads_are_logged_in_order_on_the_owner_thread)
{
    attach_faulty("counts");
    schedule("any", "a");
    wait_until(nothing_runs);
    turn();
    int next = 0;
    for (char *line = strtok(fake_log.text, "\n"); line; line = strtok(NULL, "\n")) {
        char words[32];
        snprintf(words, sizeof words, "Faulty: count %d", next);
        next += strcmp(line, words) == 0;
    }
    ck_assert_int_eq(next, 10);
}
END_TEST

START_TEST(lines_that_come_too_fast_are_counted)
{
    attach_faulty("floods"); /* 1000 lines while nobody can write them */
    schedule("any", "a");
    wait_until(nothing_runs);
    ck_assert_int_eq(logged("Faulty: flood"), 256);
    assert_logged("Faulty: flood 255");
    assert_logged("744 more lines came too fast to be written");
}
END_TEST

/* ---------------------------------------------------- what takes too long */

START_TEST(a_call_that_blocks_is_named_while_it_does)
{
    module_options.call_limit = 10 * RDV_MILLISECOND;
    attach_faulty(until_told("start_task", "start-blocks"));
    schedule("any", "task\n1");
    ck_assert_int_eq(
        times_told("plug-in 'Faulty' has been in start_task for 10ms, task 'task\\n1'"), 1);
    ck_assert_int_eq(times_told("plug-in 'Faulty' has been in start_task for 20ms"), 1);
    ck_assert_int_eq(logged("ms in start_task, and held up everything else: it must not block"), 1);
    ck_assert_int_eq(look("task\n1")->outcome, RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(calls_that_block_outside_of_tasks_are_named_too)
{
    module_options.call_limit = 10 * RDV_MILLISECOND;
    load(test_module("faulty"), until_told("open", "open-blocks"));
    ck_assert_int_eq(
        times_told("plug-in 'faulty" RDV_TEST_MODULE_SUFFIX "' has been in open for 10ms"), 1);
    rdv_module_close(module);
    load(test_module("faulty"), until_told("close", "close-blocks"));
    rdv_module_close(module);
    module = NULL;
    ck_assert_int_eq(times_told("plug-in 'Faulty' has been in close for 10ms"), 1);
    attach_faulty(until_told("initialize", "initialize-blocks"));
    ck_assert_int_eq(times_told("plug-in 'Faulty' has been in initialize for 10ms"), 1);
    assert_logged("ms in initialize, and held up everything else");
}
END_TEST

START_TEST(a_question_that_blocks_is_named_too)
{
    module_options.call_limit = 10 * RDV_MILLISECOND;
    attach_faulty(until_told("end_wait", "end_wait-blocks"));
    rdv_plugin *plugin = rdv_module_plugin(module);
    ck_assert_int_eq(plugin->ops->end_wait(plugin, "a"), 0);
    ck_assert_int_eq(times_told("plug-in 'Faulty' has been in end_wait for 10ms, task 'a'"), 1);
    assert_logged("ms in end_wait, and held up everything else");
}
END_TEST

START_TEST(without_somebody_to_tell_a_blocked_call_is_logged_when_it_returns)
{
    module_options.call_limit = 10 * RDV_MILLISECOND;
    module_options.held_up = NULL;
    attach_faulty("start-blocks");
    schedule("any", "a");
    assert_logged("ms in start_task, and held up everything else");
}
END_TEST

/* A sink that is slow itself: three times as slow as a plug-in may be. */
static void take_long(struct rdv_kit_sink *sink)
{
    (void)sink;
    rdv_test_sleep((int)(3 * module_options.call_limit / RDV_MILLISECOND));
}

START_TEST(what_the_trigger_agent_takes_is_not_the_plugins_fault)
{
    static struct rdv_kit_sink slow_sink;
    rdv_kit_sink_init(&slow_sink);
    slow_sink.when_heard = take_long;
    rdv_task *task;
    /* A busy machine may take from the plug-in more than it may take itself: then all is done again, ten times as slowly. */
    int blamed = 1;
    for (rdv_duration limit = 20 * RDV_MILLISECOND; blamed && limit <= 2 * RDV_SECOND;
         limit *= 10) {
        module_options.call_limit = limit;
        told_count = 0;
        rdv_kit_log_clear(&fake_log);
        load(test_module("faulty"), NULL);
        rdv_plugin *plugin = rdv_module_plugin(module);
        ck_assert_int_eq(plugin->ops->initialize(plugin, &slow_sink.base), 0);
        ck_assert_int_eq(rdv_task_new("any", "a", NULL, 0, &task), 0);
        ck_assert_int_eq(plugin->ops->start_task(plugin, task), 0);
        rdv_task_unref(task);
        blamed = times_told("start_task") + logged("start_task");
        ck_assert_int_eq(plugin->ops->terminate(plugin, 0), 0);
        rdv_module_close(module);
        module = NULL;
    }
    ck_assert_int_eq(blamed, 0);
    rdv_kit_sink_finish(&slow_sink);
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(nothing_wakes_up_while_no_call_is_under_way)
#else
/* How often the thread that tells of calls that block has gone to sleep. */
static long sleeps_of_teller(void)
{
    char name[64], line[128];
    long count = 0;
    snprintf(name, sizeof name, "/proc/self/task/%d/status", teller);
    FILE *status = fopen(name, "re");
    ck_assert_ptr_nonnull(status);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
            count = atol(line + 24);
    fclose(status);
    return count;
}

START_TEST(nothing_wakes_up_while_no_call_is_under_way)
{
    module_options.call_limit = 50 * RDV_MILLISECOND;
    attach_faulty(until_told("initialize", "initialize-blocks"));
    ck_assert_int_gt(times_told("initialize"), 0);
    /* It goes to sleep again after the last call, as soon as it gets to it, and not until its next look. */
    rdv_duration end = rdv__plat_running() + PATIENCE;
    long before, after = sleeps_of_teller();
    do {
        before = after;
        rdv_test_sleep(200);
        after = sleeps_of_teller();
    } while (after != before && rdv__plat_running() < end);
    ck_assert_int_eq(after, before);
    ck_assert_int_gt(before, 0);
}
END_TEST
#endif

/* --------------------------------------------------------- what goes wrong */

START_TEST(a_plugin_whose_initialize_fails_is_not_attached)
{
    load(test_module("faulty"), "initialize-fails");
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_module_plugin(module)), RDV_EACCES);
    rdv_module_close(module);
    ck_assert(!is_loaded());
    load(test_module("faulty"), "initialize-strange");
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_module_plugin(module)), RDV_EFAILED);
    assert_logged("plug-in 'Faulty': initialize gave 1, which is no error of rdvtask");
    rdv_module_close(module);
    ck_assert(is_loaded()); /* it still has the sink */
    module = NULL;
}
END_TEST

START_TEST(a_plugin_that_terminates_while_it_is_initialised_is_not_attached)
{
    load(test_module("faulty"), "terminates-in-initialize");
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_module_plugin(module)), RDV_ESHUTDOWN);
    rdv_module_close(module);
    module = NULL;
    ck_assert(!is_loaded());
}
END_TEST

START_TEST(results_that_are_no_errors_become_failed)
{
    attach_faulty("start-strange");
    schedule("any", "a");
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_FAILED);
    ck_assert_int_eq(seen.code, RDV_EFAILED);
    assert_logged("plug-in 'Faulty': start_task gave 7, which is no error of rdvtask");
}
END_TEST

START_TEST(a_start_that_fails_fails_the_task_and_names_the_plugin)
{
    attach_faulty("start-fails");
    schedule("any", "a");
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_FAILED);
    ck_assert_int_eq(seen.code, RDV_EIO);
    ck_assert_msg(strstr(seen.message, "the task agent 'Faulty' could not start it: ") != NULL,
                  "%s", seen.message);
}
END_TEST

START_TEST(wrong_calls_of_the_sink_are_refused_and_named_and_harm_nothing)
{
    attach_faulty("reports-wrongly");
    schedule("any", "a");
    assert_logged("Faulty: UNKNOWN -1");
    assert_logged("Faulty: TIMEOUT -1");
    assert_logged("Faulty: no report -1");
    assert_logged("Faulty: no identifier -1");
    assert_logged("Faulty: empty identifier -1");
    assert_logged("Faulty: unknown identifier -3");
    assert_logged("Faulty: progress -1");
    assert_logged("Faulty: message -1");
    assert_logged("Faulty: size -1");
    assert_logged("Faulty: no task -1");
    assert_logged("Faulty: window -1");
    assert_logged("Faulty: delete nothing -1");
    assert_logged("Faulty: delete nobody -3");
    ck_assert_int_eq(
        logged("plug-in 'Faulty': its report was refused: invalid argument (task 'a')"), 6);
    ck_assert_int_eq(logged("plug-in 'Faulty': its call of schedule_task was refused"), 2);
    ck_assert_int_eq(logged("plug-in 'Faulty': its call of delete_schedule was refused"), 1);
    /* Of all that only the end is left: scheduled, started, succeeded. */
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert_int_eq(seen.changes, 3);
}
END_TEST

START_TEST(a_report_after_the_end_is_refused)
{
    attach_faulty("reports-after-the-end");
    schedule("any", "a");
    assert_logged("Faulty: after the end -3");
    assert_logged("a report (applying) of the task agent 'Faulty' for a, which is not running");
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_SUCCEEDED);
}
END_TEST

START_TEST(what_is_done_wrong_again_and_again_does_not_fill_the_log)
{
    attach_faulty("nags");
    schedule("any", "a");
    ck_assert_int_eq(logged("its report was refused"), 100);
    assert_logged("more of this will not be logged");
}
END_TEST

START_TEST(nothing_follows_an_end_that_was_reported_also_not_a_start_that_fails)
{
    attach_faulty("succeeds-and-fails");
    schedule("any", "a");
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert_int_eq(seen.changes, 3);
    ck_assert_uint_eq(rdv_trigger_running(trigger), 0);
}
END_TEST

START_TEST(references_to_the_sink_that_are_given_back_too_often_do_no_harm)
{
    attach_faulty("gives-back-too-much");
    ck_assert_int_eq(logged("has given back a reference to its sink that it did not have"), 2);
    schedule("any", "a");
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_SUCCEEDED);
    terminate();
    rdv_module_close(module);
    module = NULL;
    ck_assert(!is_loaded());
}
END_TEST

START_TEST(a_plugin_that_never_reports_is_named_when_its_time_is_over)
{
    attach_faulty("never-reports");
    schedule("any", "a");
    move_clock(RDV_DAY);
    ck_assert_int_eq(look("a")->state, RDV_STATE_RUNNING); /* it was asked to cancel */
    move_clock(RDV_MINUTE);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_TIMED_OUT);
    ck_assert_msg(strstr(seen.message, "ran past its limit of 1d") &&
                      strstr(seen.message, "Faulty"),
                  "%s", seen.message);
}
END_TEST

START_TEST(a_plugin_that_ignores_a_cancel_is_named)
{
    attach_faulty("never-reports");
    schedule("any", "a");
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    move_clock(RDV_MINUTE);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_CANCELLED);
    ck_assert_msg(strstr(seen.message, "cancelled") && strstr(seen.message, "Faulty"), "%s",
                  seen.message);
}
END_TEST

START_TEST(a_plugin_that_says_that_an_end_takes_long_is_waited_for)
{
    attach_faulty("ends-slowly");
    schedule("any", "a");
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    move_clock(5 * RDV_MINUTE);
    ck_assert_int_eq(look("a")->state, RDV_STATE_RUNNING);
    move_clock(RDV_MINUTE);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_CANCELLED);
    rdv_plugin *plugin = rdv_module_plugin(module);
    ck_assert_int_eq(plugin->ops->end_wait(plugin, "b"), 5 * RDV_MINUTE);
    terminate();
    ck_assert_int_eq(plugin->ops->end_wait(plugin, "b"), 0); /* it has ended all */
}
END_TEST

START_TEST(a_plugin_that_does_not_report_after_a_restart_is_named)
{
    snprintf(store_path, sizeof store_path, "%s/store.db", folder);
    rdv_trigger_free(trigger);
    rdv_store_close(store);
    open_store();
    attach_faulty("never-reports");
    schedule("any", "a");
    int64_t run = look("a")->run;
    terminate();
    rdv_trigger_free(trigger);
    rdv_module_close(module);
    rdv_store_close(store);
    open_store();
    attach_faulty("never-reports");
    ck_assert_int_eq(look("a")->state, RDV_STATE_RUNNING);
    move_clock(10 * RDV_MINUTE);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_TIMED_OUT);
    ck_assert_int_eq(seen.run, run);
    ck_assert_msg(strstr(seen.message, "Faulty") != NULL, "%s", seen.message);
}
END_TEST

START_TEST(a_cancel_that_fails_strangely_is_logged_and_waited_for)
{
    attach_faulty("cancel-strange");
    schedule("any", "a");
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    turn();
    assert_logged("plug-in 'Faulty': cancel_task gave 9, which is no error of rdvtask");
    move_clock(RDV_MINUTE);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_CANCELLED);
}
END_TEST

/* As a process of its own: run a task that crashes it. */
START_TEST(second_crashes)
{
#ifdef _WIN32
    SetUnhandledExceptionFilter(NULL);
#else
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL); /* not a sanitizer's */
#endif
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    open_store();
    attach_faulty("crashes");
    schedule("any", "crasher");
}
END_TEST

START_TEST(a_plugin_that_crashes_leaves_the_store_right)
{
    snprintf(store_path, sizeof store_path, "%s/store.db", folder);
    rdv_trigger_free(trigger);
    rdv_store_close(store);
    trigger = NULL;
    store = NULL;
    rdv_loop_free(loop);
    loop = NULL;
    const char *const words[] = {folder, NULL};
    struct rdv_test_child *second = rdv_test_child_start(words);
    const int end = rdv_test_child_wait(second);
    /* raise() ends a process of Windows by itself. */
    ck_assert(end == -1 || (RDV_TEST_ON_WINDOWS("") && end == 3));

    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    open_store();
    ck_assert_int_eq(look("crasher")->state, RDV_STATE_RUNNING);
    ck_assert_int_eq(seen.attempt, 1);
    int64_t run = seen.run;
    schedule("any", "behind");
    attach_faulty("restart-safe");
    ck_assert_int_eq(look("crasher")->outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert_int_eq(seen.run, run);
    ck_assert_int_eq(seen.attempt, 2);
    ck_assert_int_eq(look("behind")->outcome, RDV_OUTCOME_SUCCEEDED);
}
END_TEST

/* -------------------------------------------------------------- its end */

START_TEST(a_plugin_that_has_terminated_is_unloaded)
{
    module_options.terminate_wait = 10 * RDV_MILLISECOND;
    attach_faulty(NULL);
    ck_assert(is_loaded());
    terminate();
    ck_assert_int_eq(terminated_reason, 0);
    rdv_test_sleep(30); /* nobody waits for it any more */
    turn();
    ck_assert_int_eq(logged("was told to terminate"), 0);
    rdv_module_close(module);
    module = NULL;
    ck_assert(!is_loaded());
}
END_TEST

START_TEST(a_plugin_that_was_never_attached_is_unloaded)
{
    load(test_module("faulty"), NULL);
    rdv_module_close(module);
    module = NULL;
    ck_assert(!is_loaded());
}
END_TEST

START_TEST(a_plugin_that_does_not_terminate_is_named_and_stays_in_memory)
{
    module_options.terminate_wait = 10 * RDV_MILLISECOND;
    attach_faulty("never-terminates");
    terminate();
    ck_assert_int_eq(terminated_reason, RDV_ETIMEDOUT);
    assert_logged("plug-in 'Faulty' was told to terminate 10ms ago and has not");
    rdv_trigger_free(trigger);
    trigger = NULL;
    rdv_module_close(module);
    module = NULL;
    assert_logged("plug-in 'Faulty' has not terminated: it stays in memory");
    ck_assert(is_loaded());
}
END_TEST

static bool has_come_late(void)
{
    return logged("Faulty: late 1") == 1;
}

static struct rdv_kit_sink late_sink;

static bool has_heard_end(void)
{
    return late_sink.terminated > 0;
}

START_TEST(a_plugin_that_terminates_too_late_is_heard_once_and_unloaded)
{
    rdv_kit_sink_init(&late_sink);
    module_options.terminate_wait = RDV_MILLISECOND;
    load(test_module("faulty"), until_told("nothing", "terminates-late"));
    rdv_plugin *plugin = rdv_module_plugin(module);
    ck_assert_int_eq(plugin->ops->initialize(plugin, &late_sink.base), 0);
    ck_assert_int_eq(plugin->ops->terminate(plugin, 0), 0);
    wait_until(has_heard_end);
    rdv_test_write_text(told_path, "");
    wait_until(has_come_late);
    ck_assert_int_eq(late_sink.terminated, 1);
    ck_assert_int_eq(late_sink.reason, RDV_ETIMEDOUT);
    rdv_kit_sink_finish(&late_sink);
    rdv_module_close(module);
    module = NULL;
    ck_assert(!is_loaded());
}
END_TEST

START_TEST(a_plugin_that_refuses_to_terminate_is_named_and_stays_in_memory)
{
    attach_faulty("terminate-fails");
    terminate();
    ck_assert_int_eq(terminated_reason, RDV_EBUSY);
    assert_logged("plug-in 'Faulty' does not terminate: busy");
    rdv_module_close(module);
    module = NULL;
    ck_assert(is_loaded());
}
END_TEST

START_TEST(a_plugin_that_was_not_told_to_terminate_stays_in_memory)
{
    attach_faulty(NULL);
    rdv_trigger_free(trigger);
    trigger = NULL;
    rdv_module_close(module);
    module = NULL;
    ck_assert(is_loaded());
}
END_TEST

START_TEST(a_plugin_that_keeps_its_sink_stays_in_memory)
{
    attach_faulty("keeps-the-sink");
    terminate();
    rdv_module_close(module);
    module = NULL;
    assert_logged("plug-in 'Faulty' still has 1 reference to its sink: it stays in memory");
    ck_assert(is_loaded());
}
END_TEST

START_TEST(a_reason_to_terminate_that_is_no_error_becomes_failed)
{
    attach_faulty("terminates-strangely");
    terminate();
    ck_assert_int_eq(terminated_reason, RDV_EFAILED);
}
END_TEST

START_TEST(nothing_is_taken_from_a_plugin_that_has_terminated)
{
    attach_faulty("goes-on-after-the-end");
    schedule("any", "a");
    terminate();
    assert_logged("Faulty: report -16");
    assert_logged("Faulty: schedule -16");
    assert_logged("Faulty: delete -16");
    assert_logged("plug-in 'Faulty': its second call of terminated was refused");
    ck_assert_int_eq(terminated_reason, 0);
}
END_TEST

/* Its thread calls log and sink all the time, and nothing stops it: what it calls must stay. */
START_TEST(a_plugin_that_runs_on_does_no_harm_after_its_module_was_closed)
{
    rdv_duration end = rdv__plat_running() + PATIENCE;
    int threads = rdv_test_threads();
    module_options.terminate_wait = 0;
    module_options.log.write = NULL;
    floods = true; /* the trigger agent logs each of its reports */
    attach_faulty("runs-wild");
    terminate();
    close_all(); /* ends the thread that looks at calls; the wild one ends when it likes */
    while (rdv_test_threads() > threads && rdv__plat_running() < end)
        rdv_test_sleep(1);
    ck_assert_int_le(rdv_test_threads(), threads); /* a system's pool may lose some of its own */
    ck_assert(is_loaded());
}
END_TEST

START_TEST(a_plugin_may_shut_down_by_itself_and_no_task_is_lost)
{
    attach_faulty("resigns");
    schedule("any", "a");
    assert_logged("the task agent 'Faulty' has shut down by itself: input or output failed");
    schedule("any", "b");
    ck_assert_int_eq(look("a")->state, RDV_STATE_RUNNING);
    ck_assert_int_eq(look("b")->state, RDV_STATE_PENDING);
    terminate();
}
END_TEST

START_TEST(a_task_that_starts_while_the_plugin_resigns_is_left_for_the_next_process)
{
    load(test_module("faulty"), "resigns");
    rdv_plugin *plugin = rdv_module_plugin(module);
    rdv_task *task;
    ck_assert_int_eq(rdv_trigger_attach(trigger, plugin), 0);
    ck_assert_int_eq(rdv_task_new("any", "a", NULL, 0, &task), 0);
    ck_assert_int_eq(plugin->ops->start_task(plugin, task), 0);
    /* The loop has not been told yet. */
    ck_assert_int_eq(plugin->ops->start_task(plugin, task), 0);
    ck_assert_int_eq(plugin->ops->cancel_task(plugin, "a"), RDV_ENOTFOUND);
    rdv_task_unref(task);
    turn();
    assert_logged("Faulty: resigning 1");
    assert_logged("the task agent 'Faulty' has shut down by itself");
}
END_TEST

/* ----------------------------------------------------------- the example */

static void attach_example(const char *configuration)
{
    load(copy_of(RDV_TEST_EXAMPLE_PLUGIN), configuration);
    ck_assert_int_eq(rdv_trigger_attach(trigger, rdv_module_plugin(module)), 0);
    turn();
}

START_TEST(the_example_does_its_tasks_and_says_how_they_get_on)
{
    attach_example("1");
    schedule("update", "a");
    schedule("update", "b");
    schedule("else", "c");
    wait_until(nothing_runs);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert_str_eq(seen.message, "up to date");
    ck_assert_int_eq(seen.changes, 2 + 4 + 1);
    ck_assert_int_eq(look("b")->outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert_int_eq(look("c")->code, RDV_ENOHANDLER);
    terminate();
    rdv_module_close(module);
    module = NULL;
    ck_assert(!is_loaded());
}
END_TEST

static bool is_searching(void)
{
    return look("a")->status == RDV_STATUS_SEARCHING;
}

START_TEST(the_example_can_be_cancelled)
{
    attach_example("3600000");
    schedule("update", "a");
    wait_until(is_searching);
    ck_assert_int_eq(rdv_trigger_cancel(trigger, "a"), 0);
    wait_until(nothing_runs);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_CANCELLED);
    terminate();
}
END_TEST

START_TEST(the_example_begins_again_what_a_shutdown_interrupted)
{
    attach_example("3600000");
    schedule("update", "a");
    wait_until(is_searching);
    terminate();
    rdv_trigger_free(trigger);
    rdv_module_close(module);
    ck_assert(!is_loaded());
    ck_assert_int_eq(look("a")->state, RDV_STATE_RUNNING);
    ck_assert_int_eq(rdv_trigger_new(loop, store, &options, &trigger), 0);
    attach_example("1");
    wait_until(nothing_runs);
    ck_assert_int_eq(look("a")->outcome, RDV_OUTCOME_SUCCEEDED);
    ck_assert_int_eq(seen.attempt, 2);
    terminated = false;
    terminate();
}
END_TEST

START_TEST(the_example_refuses_a_configuration_that_is_no_number)
{
    is_refused(copy_of(RDV_TEST_EXAMPLE_PLUGIN), "soon", RDV_EINVAL, "invalid argument");
    ck_assert_int_eq(logged("plugin" RDV_TEST_MODULE_SUFFIX
                            ": the configuration is not a number of milliseconds"),
                     2);
}
END_TEST

START_TEST(the_example_takes_the_same_task_twice_and_another_not)
{
    rdv_task *same, *other;
    attach_example("3600000");
    schedule("update", "a");
    rdv_plugin *plugin = rdv_module_plugin(module);
    ck_assert_int_eq(rdv_task_new("update", "a", "data", 4, &same), 0);
    ck_assert_int_eq(rdv_task_new("update", "b", NULL, 0, &other), 0);
    ck_assert_int_eq(plugin->ops->start_task(plugin, same), 0);
    ck_assert_int_eq(plugin->ops->start_task(plugin, other), RDV_EBUSY);
    ck_assert_int_eq(plugin->ops->cancel_task(plugin, "b"), RDV_ENOTFOUND);
    rdv_task_unref(same);
    rdv_task_unref(other);
    terminate();
}
END_TEST

static const char *skipped(const TTest *test)
{
    if (test == a_plugin_that_calls_what_nobody_has_is_refused)
        return rdv_test_is_wine() ? "Wine notices it when it is called" : NULL;
    if (test == nothing_wakes_up_while_no_call_is_under_way)
        return RDV_TEST_ON_WINDOWS("it does not say how often a thread has slept");
    return test == a_link_is_followed_to_a_file_that_is_looked_at ? rdv_test_no_links() : NULL;
}

static void add_case(Suite *suite, const char *name, const TTest *const *tests, size_t count,
                     const char *reason)
{
    TCase *cases = tcase_create(name);
    rdv_test_add_fixture(cases, set_up, usual, tear_down);
    tcase_set_timeout(cases, 60);
    for (size_t i = 0; i < count; i++)
        rdv_test_add_unless(cases, tests[i], reason ? reason : skipped(tests[i]));
    suite_add_tcase(suite, cases);
}

#define ADD_CASE(suite, name, tests, reason) \
    add_case(suite, name, tests, sizeof(tests) / sizeof *(tests), reason)

/* As a process of its own: the test above, in this folder. */
static int crash(const char *where)
{
    snprintf(folder, sizeof folder, "%s", where);
    snprintf(store_path, sizeof store_path, "%s/store.db", folder);
    rdv_kit_clock_init(&fake_clock, NOW);
    rdv_trigger_options_init(&options);
    options.clock = rdv_kit_clock_ops(&fake_clock);
    rdv_module_options_init(&module_options);
    rdv_test_set_variable("CK_FORK", "no");
    Suite *suite = suite_create("second");
    TCase *cases = tcase_create("second");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, second_crashes);
    suite_add_tcase(suite, cases);
    return rdv_test_main(suite);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return crash(argv[1]);
    const TTest *const refused[] = {
        a_file_that_is_not_there_is_refused,
        a_file_that_is_no_shared_library_is_refused,
        a_library_without_entry_point_is_refused,
        a_plugin_that_calls_what_nobody_has_is_refused,
        a_plugin_for_another_contract_is_refused_before_it_is_called,
        an_entry_point_that_is_not_right_is_refused_before_it_is_called,
        a_plugin_whose_open_fails_is_refused_with_its_error,
        a_plugin_without_a_whole_table_of_functions_is_refused,
        a_plugin_has_a_name_for_people,
        a_file_that_others_may_write_to_is_refused,
        a_folder_that_others_may_write_to_is_refused,
        a_link_is_followed_to_a_file_that_is_looked_at,
        options_that_are_not_right_are_refused,
    };
    const TTest *const works[] = {
        a_plugin_is_told_its_configuration_and_who_loads_it,
        without_options_a_plugin_is_loaded_silently,
        a_task_is_done_by_the_plugin,
        a_plugin_is_initialised_once,
        what_a_plugin_can_do_shows_through_the_guard,
        lines_from_a_plugins_threads_are_logged_in_order_on_the_owner_thread,
        lines_that_come_too_fast_are_counted,
    };
    const TTest *const blocks[] = {
        a_call_that_blocks_is_named_while_it_does,
        calls_that_block_outside_of_tasks_are_named_too,
        a_question_that_blocks_is_named_too,
        without_somebody_to_tell_a_blocked_call_is_logged_when_it_returns,
        what_the_trigger_agent_takes_is_not_the_plugins_fault,
        nothing_wakes_up_while_no_call_is_under_way,
    };
    const TTest *const fails[] = {
        a_plugin_whose_initialize_fails_is_not_attached,
        a_plugin_that_terminates_while_it_is_initialised_is_not_attached,
        results_that_are_no_errors_become_failed,
        a_start_that_fails_fails_the_task_and_names_the_plugin,
        wrong_calls_of_the_sink_are_refused_and_named_and_harm_nothing,
        a_report_after_the_end_is_refused,
        what_is_done_wrong_again_and_again_does_not_fill_the_log,
        nothing_follows_an_end_that_was_reported_also_not_a_start_that_fails,
        references_to_the_sink_that_are_given_back_too_often_do_no_harm,
        a_plugin_that_never_reports_is_named_when_its_time_is_over,
        a_plugin_that_ignores_a_cancel_is_named,
        a_plugin_that_says_that_an_end_takes_long_is_waited_for,
        a_plugin_that_does_not_report_after_a_restart_is_named,
        a_cancel_that_fails_strangely_is_logged_and_waited_for,
        a_plugin_that_crashes_leaves_the_store_right,
    };
    const TTest *const ends[] = {
        a_plugin_that_has_terminated_is_unloaded,
        a_plugin_that_was_never_attached_is_unloaded,
        a_plugin_that_does_not_terminate_is_named_and_stays_in_memory,
        a_plugin_that_terminates_too_late_is_heard_once_and_unloaded,
        a_plugin_that_refuses_to_terminate_is_named_and_stays_in_memory,
        a_plugin_that_was_not_told_to_terminate_stays_in_memory,
        a_plugin_that_keeps_its_sink_stays_in_memory,
        a_reason_to_terminate_that_is_no_error_becomes_failed,
        nothing_is_taken_from_a_plugin_that_has_terminated,
        a_plugin_that_runs_on_does_no_harm_after_its_module_was_closed,
        a_plugin_may_shut_down_by_itself_and_no_task_is_lost,
        a_task_that_starts_while_the_plugin_resigns_is_left_for_the_next_process,
    };
    const TTest *const example[] = {
        the_example_does_its_tasks_and_says_how_they_get_on,
        the_example_can_be_cancelled,
        the_example_begins_again_what_a_shutdown_interrupted,
        the_example_refuses_a_configuration_that_is_no_number,
        the_example_takes_the_same_task_twice_and_another_not,
    };
    const char *no_example =
        RDV_TEST_ON_WINDOWS("its POSIX threads know no clock that nobody sets");
    if (!no_example && !rdv_test_exists(RDV_TEST_EXAMPLE_PLUGIN))
        no_example = "the examples are not built";
#ifndef _WIN32
    umask(022);
#endif
    Suite *suite = suite_create("module");
    ADD_CASE(suite, "refused", refused, NULL);
    ADD_CASE(suite, "works", works, NULL);
    ADD_CASE(suite, "blocks", blocks, NULL);
    ADD_CASE(suite, "fails", fails, NULL);
    ADD_CASE(suite, "ends", ends, NULL);
    ADD_CASE(suite, "example", example, no_example);
    return rdv_test_main(suite);
}
