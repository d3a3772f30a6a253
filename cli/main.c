/* SPDX-License-Identifier: MIT */
/*
 * The program rdvtask, once the system (unix/main.c, win/main.c) has made its command line UTF-8:
 * the table of verbs with their help, and the way from a command line to a verb and an exit code.
 */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include <rdvtask/base.h>

#include "commands.h"
#include "help_words.h"
#include "messages.h"
#include "options.h"
#include "signals.h"
#include "system.h"

#define MANY ((size_t)-1)

struct verb {
    const char *name;
    unsigned bit;
    int (*run)(const struct options *options);
    size_t least, most; /* how many arguments it takes */
    const char *usage;
    const char *summary;
    const char *help;
};

/* clang-format off: each line here is a line of the help. */
static const struct verb verbs[] = {
    {"run", VERB_RUN, command_run, 0, MANY, "run [--once] [--config AGENT.json] [SCHEDULE.json...]",
     "add the schedules, and run what is scheduled until stopped",
     "Adds the tasks of the given schedules to the store. Then starts each task within its "
     "window,\n"
     "the one with the earliest deadline first, and follows it. A schedule that is given again is\n"
     "scheduled again. With --once this ends when nothing is pending or running; it is no failure\n"
     "if nothing was from the start.\n\n" WORDS_INTERRUPT
     ": starts nothing more, and ends in order. The next run takes up what was\n"
     "interrupted. A second one: ends at once; the store is right all the same.\n" WORDS_RUN_RELOADS
     "\n"
     "Other verbs send their requests to " WORDS_LISTENS " on which this listens; see --socket.\n\n"
     "On a terminal this shows a live table. Elsewhere it prints a line for each change:\n"
     "TIME IDENTIFIER LABEL STATUS [PERCENT%] [MESSAGE]; or, with --json, an object.\n\n"
     "Exit: 0 all tasks that ended meanwhile have succeeded (with --once), or it ended in order;\n"
     "1 a task did not succeed (with --once), or a document is wrong; 75 another process has the\n"
     "store; 130 interrupted, with --once, before all was done."},
    {"start", VERB_START, command_start, 1, 2, "start LABEL [IDENTIFIER] [OPTIONS]",
     "run one task now, in the foreground",
     "Schedules the task, runs it here, and shows its progress. Nothing else in the store is\n"
     "started. If an agent is running on the store, the agent runs the task, before all others\n"
     "that are ready unless a --deadline is given, and this shows its progress; the agent's own\n"
     "--config and --clock-wait apply then. If there is no IDENTIFIER, one is made. A pending "
     "task\n"
     "with the same identifier is replaced.\n\n" WORDS_INTERRUPT
     ": cancels the task. A second one: ends at once.\n\n"
     "Exit: 0 succeeded; 1 failed; 3 succeeded, and a reboot is required; 75 another process has\n"
     "the store, or the identifier is running; 124 its window passed, or it ran out of time; 130\n"
     "cancelled."},
    {"schedule", VERB_SCHEDULE, command_schedule, 1, MANY,
     "schedule SCHEDULE.json... | schedule [--] LABEL [IDENTIFIER] [OPTIONS]",
     "record tasks, to be run by 'rdvtask run'",
     "Records tasks in the store, and starts nothing. An argument that " WORDS_IS_FILE "\n"
     "is a file; any other one, and all after '--', are a label and an optional identifier. Files\n"
     "are taken whole or not at all: if one of them is wrong, none is taken. If there is no\n"
     "IDENTIFIER, one is made. A pending task with the same identifier is replaced.\n\n"
     "Exit: 0 recorded; 1 failed; 75 another process has the store, or an identifier is running."},
    {"list", VERB_LIST, command_list, 0, 0, "list [--json]", "show what is pending or running",
     "Shows the tasks that have not ended: first those that run, then those that wait, in the\n"
     "order in which they would start. With --json: one array.\n\n"
     "Exit: 0, even if there are none; 1 the store can't be read."},
    {"show", VERB_SHOW, command_show, 1, 1, "show IDENTIFIER [--json]",
     "show all about one task: its changes, its output",
     "Shows the task with this identifier that has not ended or, if there is none, the one that\n"
     "ended last, with its changes and the end of its output. Contexts are never shown, only "
     "their\n"
     "size.\n\n"
     "Exit: 0 shown; 1 the store can't be read; 2 not found."},
    {"delete", VERB_DELETE, command_delete, 1, 1, "delete IDENTIFIER",
     "delete a task that has not started",
     "Deletes a pending task; the history keeps it as cancelled.\n\n"
     "Exit: 0 deleted; 2 not found; 75 it is running, or another process has the store."},
    {"history", VERB_HISTORY, command_history, 0, 1, "history [IDENTIFIER] [--limit N] [--json]",
     "show what has ended, oldest first",
     "Shows the tasks that have ended, in the order in which they ended. With --json: one array,\n"
     "each entry with its changes.\n\n"
     "Exit: 0, even if there are none; 1 the store can't be read."},
    {"watch", VERB_WATCH, command_watch, 0, 0, "watch [--after N] [--json]",
     "follow what the running agent does",
     "Shows changes as they happen, from any process: on a terminal as a live table, elsewhere as "
     "a\n"
     "line for each change, like 'run'; with --json as one entry a line. With --after N, the\n"
     "changes since the change number N come first: none is missed, and none comes twice. In JSON\n"
     "each entry has the number of its change; the last number is printed at the "
     "end.\n\n" WORDS_INTERRUPT ": ends.\n\n"
     "Exit: 0 interrupted; 1 the agent has gone; 2 no agent is running."},
    {"cancel", VERB_CANCEL, command_cancel, 1, 1, "cancel IDENTIFIER",
     "end a task that runs, or delete one that does not",
     "A pending task is deleted, and the history keeps it as cancelled. A running one is asked to\n"
     "end, with all its processes, and is cancelled once it has ended. If no agent is running, "
     "this\n"
     "ends what is left of the task by itself.\n\n"
     "Exit: 0 cancelled, or under way; 1 it can't be cancelled; 2 not found; 4 under way, but "
     "there\n"
     "was no room to record that yet; 75 another process has the store."},
    {"explain", VERB_EXPLAIN, command_explain, 1, 1, "explain IDENTIFIER [--json]",
     "say why a task has not started",
     "Says what a task that has not ended is waiting for, and when that is looked at next.\n\n"
     "Exit: 0 explained; 2 not found; 75 another process has the store."},
    {"pause", VERB_PAUSE, command_pause, 0, 0, "pause", "start nothing more until 'resume'",
     "Running tasks go on, and windows pass meanwhile. The pause is stored, and outlasts the "
     "agent.\n\n"
     "Exit: 0 paused, or it was already; 1 failed; 75 another process has the store."},
    {"resume", VERB_RESUME, command_resume, 0, 0, "resume", "start tasks again after 'pause'",
     "Lets tasks start again.\n\n"
     "Exit: 0 resumed, or it was not paused; 1 failed; 75 another process has the store."},
    {"reload", VERB_RELOAD, command_reload, 0, 0, "reload",
     "have the running agent read its document again",
     "The document is taken whole or not at all. Running tasks are left "
     "alone." WORDS_RELOAD_LIKEWISE "\n\n"
     "Exit: 0 reloaded; 1 the document is wrong, and the old one stays; 2 no agent is running."},
    {"validate", VERB_VALIDATE, command_validate, 1, MANY, "validate FILE...",
     "check agent and schedule documents",
     "Checks documents without using them. Their content tells which kind they are. What is wrong\n"
     "goes to standard error, as 'file:line:column path: words'.\n\n"
     "Exit: 0 all are right; 1 one is not."},
    {"plugins", VERB_PLUGINS, command_plugins, 0, 0, "plugins [--json]",
     "show the COM task agents that are registered (only on Windows)",
     "Shows each registered task agent: whether it is enabled, whether it is the one that\n"
     "'run --com' uses, whether it can be created, what it calls itself, and what is wrong. Each "
     "one\n"
     "is created for that, and nothing else is done with it. With --json: one array.\n\n"
     "Exit: 0, even if there are none; 1 the registry can't be read, or this is not Windows."},
    {"check-plugin", VERB_CHECK_PLUGIN, command_check_plugin, 1, 3,
     "check-plugin CLSID|NAME [LABEL [IDENTIFIER]] [OPTIONS]",
     "check a COM task agent, for its vendor (only on Windows)",
     "Holds a task agent to the rules of COM and of the API, and shows which of them it keeps.\n"
     "NAME is that of a registered one; a CLSID need not be registered as a task agent. If a "
     "LABEL\n"
     "is given, that task is really started, and has to end within --run-limit (10m unless "
     "given);\n"
     "otherwise what needs a task is not tried. With --json: one object.\n\n"
     "Exit: 0 no rule was broken; 1 one was, or it can't be checked, or this is not Windows; 2\n"
     "there is no such task agent."},
};
/* clang-format on */

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static void print_help(const struct verb *verb)
{
    if (verb) {
        printf("Usage: rdvtask %s\n\n%s\n\nOptions:\n", verb->usage, verb->help);
        options_help(verb->bit, stdout);
        return;
    }
    puts("rdvtask schedules, starts and follows the update tasks of a desktop.\n\n"
         "Usage: rdvtask VERB [ARGUMENTS] [OPTIONS]\n\nVerbs:");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-12s %s\n", verbs[i].name, verbs[i].summary);
    puts("  help         show the help of a verb: rdvtask help VERB\n\nOptions:");
    options_help(VERB_LIST, stdout);
    puts("\nExit: 0 ok, 1 failed, 2 not found or nothing to do, 3 reboot required, 4 done but\n"
         "not recorded yet, 64 wrong usage, 75 try later (busy), 124 timed out, 130 cancelled.");
}

static int report_unknown_verb(const char *name)
{
    const char *names[VERB_COUNT + 1];
    for (size_t i = 0; i < VERB_COUNT; i++)
        names[i] = verbs[i].name;
    names[VERB_COUNT] = "help";
    const char *guess = options_guess(name, names, VERB_COUNT + 1);
    if (guess)
        return report_usage_error(NULL, "there is no verb '%s': did you mean '%s'?", name, guess);
    return report_usage_error(NULL, "there is no verb '%s'", name);
}

static int run_help(const struct options *options)
{
    const char *name = options->argument_count > 0 ? options->arguments[0] : NULL;
    if (options->argument_count > 1)
        return report_usage_error(NULL, "'help' takes one verb");
    const struct verb *verb = name ? find_verb(name) : NULL;
    if (name && !verb && strcmp(name, "help") != 0)
        return report_unknown_verb(name);
    print_help(verb);
    return EXIT_OK;
}

static int run_verb(const struct options *options)
{
    if (options->version) {
        printf("rdvtask %s\n", rdv_version());
        return EXIT_OK;
    }
    if (!options->verb) {
        if (!options->help)
            return report_usage_error(NULL, "give a verb that says what to do, such as 'list'");
        print_help(NULL);
        return EXIT_OK;
    }
    if (strcmp(options->verb, "help") == 0)
        return run_help(options);
    const struct verb *verb = find_verb(options->verb);
    if (!verb)
        return report_unknown_verb(options->verb);
    if (options->help) {
        print_help(verb);
        return EXIT_OK;
    }
    int code = options_check(options, verb->bit);
    if (code)
        return code;
    if (options->argument_count < verb->least)
        return report_usage_error(verb->name, "something is missing: rdvtask %s", verb->usage);
    if (options->argument_count > verb->most)
        return report_usage_error(verb->name, "'%s' is too much: rdvtask %s",
                                  options->arguments[verb->most], verb->usage);
    if (verb->bit != VERB_RUN)
        signals_hang_up();
    return verb->run(options);
}

int command_main(int argc, char **argv)
{
    struct options options;
    signals_prepare();
    system_prepare();
    /* SQLite would reserve room for twenty pages, and an idle agent has few. A program may
     * decide that for its process; a library may not. */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    int code = options_parse(argc, argv, &options);
    if (code == 0)
        code = run_verb(&options);
    options_finish(&options);
    /* If not everything could be printed, that is a failure, even if all else went well. */
    const int flushed = flush_output();
    return code == EXIT_OK ? flushed : code;
}
