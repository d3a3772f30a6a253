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

static const struct verb verbs[] = {
    {"run", VERB_RUN, command_run, 0, MANY, "run [--once] [--config AGENT.json] [SCHEDULE.json...]",
     "add the schedules, and run what is scheduled until stopped",
     "Adds the tasks of the given schedules to the store, then starts each task inside its "
     "window,\n"
     "earliest deadline first, and follows it. A schedule that is given again is scheduled again.\n"
     "With --once it ends when nothing is pending or running; if that is so from the start, that\n"
     "is no failure.\n\n" WORDS_INTERRUPT
     ": starts nothing more and ends in order; what was interrupted is taken up\n"
     "again by the next run. A second one: ends at once; the store is right all the "
     "same.\n" WORDS_RUN_RELOADS "\nIt listens on " WORDS_LISTENS
     ", by which the other verbs ask it; see --socket.\n\n"
     "On a terminal: a live table. Otherwise a line for each change:\n"
     "TIME IDENTIFIER LABEL STATUS [PERCENT%] [MESSAGE]; with --json one object for each.\n\n"
     "Exit: 0 every task that ended in this call succeeded (with --once), or stopped in order;\n"
     "1 one did not succeed, or a document is wrong; 75 another process has the store;\n"
     "130 interrupted, with --once, before all was done."},
    {"start", VERB_START, command_start, 1, 2, "start LABEL [IDENTIFIER] [OPTIONS]",
     "run one task now, in the foreground",
     "Schedules the task, runs it here, and shows how it gets on; nothing else of the store is\n"
     "started. Where an agent is running on the store it runs the task, before all others that "
     "are\n"
     "ready unless a --deadline is given, and this shows how it gets on; --config and "
     "--clock-wait\n"
     "are the agent's then. Without IDENTIFIER one is made. An identifier that is pending is\n"
     "replaced.\n\n" WORDS_INTERRUPT ": cancels the task. A second one: ends at once.\n\n"
     "Exit: 0 succeeded; 1 failed; 3 succeeded, and a reboot is required; 75 another process has\n"
     "the store, or the identifier is running; 124 its window passed, or it ran out of time; 130\n"
     "cancelled."},
    {"schedule", VERB_SCHEDULE, command_schedule, 1, MANY,
     "schedule SCHEDULE.json... | schedule [--] LABEL [IDENTIFIER] [OPTIONS]",
     "record tasks, to be run by 'rdvtask run'",
     "Records tasks in the store, and starts nothing. An argument that " WORDS_IS_FILE "\n"
     "is a file; anything else, and all after '--', is a label with an optional identifier. A "
     "file\n"
     "is taken whole or not at all, and no file is taken if one of them is wrong. Without\n"
     "IDENTIFIER one is made. An identifier that is pending is replaced.\n\n"
     "Exit: 0 recorded; 1 failed; 75 another process has the store, or an identifier is running."},
    {"list", VERB_LIST, command_list, 0, 0, "list [--json]", "show what is pending or running",
     "Shows the tasks that have not ended: first those that run, then those that wait, in the "
     "order\n"
     "in which they would start. With --json: one array.\n\n"
     "Exit: 0, also for none; 1 the store can't be read."},
    {"show", VERB_SHOW, command_show, 1, 1, "show IDENTIFIER [--json]",
     "show all about one task: its changes, its output",
     "Shows the task that has this identifier and has not ended, else the one that ended last, "
     "with\n"
     "its changes and the end of its output. Contexts are never shown, only their size.\n\n"
     "Exit: 0; 1 the store can't be read; 2 not found."},
    {"delete", VERB_DELETE, command_delete, 1, 1, "delete IDENTIFIER",
     "delete a task that has not started",
     "Deletes a pending task; the history keeps it as cancelled.\n\n"
     "Exit: 0 deleted; 2 not found; 75 it is running, or another process has the store."},
    {"history", VERB_HISTORY, command_history, 0, 1, "history [IDENTIFIER] [--limit N] [--json]",
     "show what has ended, oldest first",
     "Shows the tasks that have ended, in the order in which they did. With --json: one array, "
     "each\n"
     "entry with its changes.\n\n"
     "Exit: 0, also for none; 1 the store can't be read."},
    {"watch", VERB_WATCH, command_watch, 0, 0, "watch [--after N] [--json]",
     "follow what the running agent does",
     "Shows what changes, from any terminal: a live table; where there is none, a line for each\n"
     "change, as 'run' does; with --json one entry a line. With --after N, what has changed since\n"
     "the change number N comes first: nothing is missed, and nothing comes twice. Each entry has\n"
     "the number of its change in its JSON, and at the end the last one is "
     "told.\n\n" WORDS_INTERRUPT ": ends.\n\n"
     "Exit: 0 interrupted; 1 the agent has gone; 2 no agent is running."},
    {"cancel", VERB_CANCEL, command_cancel, 1, 1, "cancel IDENTIFIER",
     "end a task that runs, or delete one that does not",
     "A pending task is deleted, and the history keeps it as cancelled. A running one is asked to\n"
     "end, with all its processes; it is cancelled once it has.\n\n"
     "Exit: 0 done, or under way; 1 it can't be cancelled; 2 not found, or it was running and no\n"
     "agent is there to end it; 4 under way, and there was no room to record that yet; 75 another\n"
     "process has the store."},
    {"explain", VERB_EXPLAIN, command_explain, 1, 1, "explain IDENTIFIER [--json]",
     "say why a task has not started",
     "Says what a task that has not ended waits for, and when it is looked at next.\n\n"
     "Exit: 0; 2 not found; 75 another process has the store."},
    {"pause", VERB_PAUSE, command_pause, 0, 0, "pause", "start nothing more until 'resume'",
     "What runs goes on, and windows pass. The store keeps it, over restarts.\n\n"
     "Exit: 0 also if it is paused already; 1 failed; 75 another process has the store."},
    {"resume", VERB_RESUME, command_resume, 0, 0, "resume", "start tasks again after 'pause'",
     "Lets tasks start again.\n\n"
     "Exit: 0 also if it was not paused; 1 failed; 75 another process has the store."},
    {"reload", VERB_RELOAD, command_reload, 0, 0, "reload",
     "have the running agent read its document anew",
     "The document is taken whole or not at all; what runs is left alone." WORDS_RELOAD_LIKEWISE
     "\n\n"
     "Exit: 0 reloaded; 1 the document is wrong, and the old one stays; 2 no agent is running."},
    {"validate", VERB_VALIDATE, command_validate, 1, MANY, "validate FILE...",
     "check agent and schedule documents",
     "Checks documents without using them; their content tells which kind they are. What is wrong\n"
     "goes to standard error as 'file:line:column path: words'.\n\n"
     "Exit: 0 all are right; 1 one is not."},
    {"plugins", VERB_PLUGINS, command_plugins, 0, 0, "plugins [--json]",
     "show the task agents of COM that are registered (only on Windows)",
     "Shows each registered task agent: whether it is enabled, which one is used ('run --com'),\n"
     "whether it can be created, what it calls itself, and what is wrong. They are created for\n"
     "that, and nothing else is asked of them. With --json: one array.\n\n"
     "Exit: 0, also for none; 1 the registry can't be read, or this is not Windows."},
    {"check-plugin", VERB_CHECK_PLUGIN, command_check_plugin, 1, 3,
     "check-plugin CLSID|NAME [LABEL [IDENTIFIER]] [OPTIONS]",
     "check a task agent of COM, for its vendor (only on Windows)",
     "Holds a task agent to the rules of COM and of the API, and shows which of them held. NAME "
     "is\n"
     "that of a registered one; CLSID need not be registered as a task agent. With a LABEL the "
     "task\n"
     "is started for real, and has to come to its end within --run-limit (10m unless given);\n"
     "without one, what needs a task is not tried. With --json: one object.\n\n"
     "Exit: 0 no rule was broken; 1 one was, or it can't be checked, or this is not Windows; 2 "
     "there\n"
     "is no such task agent."},
};

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
            return report_usage_error(NULL, "what is to be done? Give a verb, such as 'list'");
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
