/* SPDX-License-Identifier: MIT */
/* The program rdvtask: which verb, its help, its exit code. */
#include <stdio.h>
#include <string.h>

#include <rdvtask/base.h>

#include "command.h"
#include "options.h"
#include "say.h"
#include "system.h"

#define MANY ((size_t)-1)

struct verb {
    const char *name;
    unsigned bit;
    int (*run)(const struct options *options);
    size_t least, most; /* arguments */
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
     "is no failure.\n\n"
     "Ctrl-C, SIGTERM: starts nothing more and ends in order; what was interrupted is taken up\n"
     "again by the next run. A second one: ends at once; the store is right all the same.\n\n"
     "On a terminal: a live table. Otherwise a line for each change:\n"
     "TIME IDENTIFIER LABEL STATUS [PERCENT%] [MESSAGE]; with --json one object for each.\n\n"
     "Exit: 0 every task that ended in this call succeeded (with --once), or stopped in order;\n"
     "1 one did not succeed, or a document is wrong; 75 another process has the store;\n"
     "130 interrupted, with --once, before all was done."},
    {"start", VERB_START, command_start, 1, 2, "start LABEL [IDENTIFIER] [OPTIONS]",
     "run one task now, in the foreground",
     "Schedules the task, runs it here, and shows how it gets on; nothing else of the store is\n"
     "started. Without IDENTIFIER one is made. An identifier that is pending is replaced.\n\n"
     "Ctrl-C, SIGTERM: cancels the task. A second one: ends at once.\n\n"
     "Exit: 0 succeeded; 1 failed; 75 another process has the store, or the identifier is "
     "running;\n"
     "124 its window passed, or it ran out of time; 130 cancelled."},
    {"schedule", VERB_SCHEDULE, command_schedule, 1, MANY,
     "schedule SCHEDULE.json... | schedule [--] LABEL [IDENTIFIER] [OPTIONS]",
     "record tasks, to be run by 'rdvtask run'",
     "Records tasks in the store, and starts nothing. An argument that ends in .json or has a '/'\n"
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
    {"validate", VERB_VALIDATE, command_validate, 1, MANY, "validate FILE...",
     "check agent and schedule documents",
     "Checks documents without using them; their content tells which kind they are. What is wrong\n"
     "goes to standard error as 'file:line:column path: words'.\n\n"
     "Exit: 0 all are right; 1 one is not."},
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
        printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);
    puts("  help       show the help of a verb: rdvtask help VERB\n\nOptions:");
    options_help(VERB_LIST, stdout);
    puts(
        "\nExit: 0 ok, 1 failed, 2 not found or nothing to do, 3 reboot required, 64 wrong usage,\n"
        "75 try later (busy), 124 timed out, 130 cancelled.");
}

static int unknown_verb(const char *name)
{
    const char *names[VERB_COUNT + 1];
    for (size_t i = 0; i < VERB_COUNT; i++)
        names[i] = verbs[i].name;
    names[VERB_COUNT] = "help";
    const char *guess = options_guess(name, names, VERB_COUNT + 1);
    if (guess)
        return say_usage(NULL, "there is no verb '%s': did you mean '%s'?", name, guess);
    return say_usage(NULL, "there is no verb '%s'", name);
}

static int help(const struct options *options)
{
    const char *name = options->argument_count > 0 ? options->arguments[0] : NULL;
    if (options->argument_count > 1)
        return say_usage(NULL, "'help' takes one verb");
    const struct verb *verb = name ? find_verb(name) : NULL;
    if (name && !verb && strcmp(name, "help") != 0)
        return unknown_verb(name);
    print_help(verb);
    return EXIT_OK;
}

static int dispatch(const struct options *options)
{
    if (options->version) {
        printf("rdvtask %s\n", rdv_version());
        return EXIT_OK;
    }
    if (!options->verb) {
        if (!options->help)
            return say_usage(NULL, "what is to be done? Give a verb, such as 'list'");
        print_help(NULL);
        return EXIT_OK;
    }
    if (strcmp(options->verb, "help") == 0)
        return help(options);
    const struct verb *verb = find_verb(options->verb);
    if (!verb)
        return unknown_verb(options->verb);
    if (options->help) {
        print_help(verb);
        return EXIT_OK;
    }
    int code = options_check(options, verb->bit);
    if (code)
        return code;
    if (options->argument_count < verb->least)
        return say_usage(verb->name, "something is missing: rdvtask %s", verb->usage);
    if (options->argument_count > verb->most)
        return say_usage(verb->name, "'%s' is too much: rdvtask %s", options->arguments[verb->most],
                         verb->usage);
    return verb->run(options);
}

int main(int argc, char **argv)
{
    struct options options;
    system_prepare();
    int code = options_parse(argc, argv, &options);
    if (code == 0)
        code = dispatch(&options);
    options_finish(&options);
    /* What was to be printed and was not is a failure, whatever else went well. */
    const int flushed = say_flush();
    return code == EXIT_OK ? flushed : code;
}
