/* SPDX-License-Identifier: MIT */
/*
 * The table of options, which is all that parsing, checking and the help know of them, and the
 * guess at a word that was mistyped. Options and arguments may come in any order; after "--" there
 * are only arguments.
 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "help_words.h"
#include "messages.h"
#include "system.h"

/* The longest word for which a guess is made. */
#define GUESS_MAX 24

struct option {
    const char *name;
    char letter; /* 0 = none */
    /* What the help calls its value. "[NAME]" = the value may be left out; NULL = it takes none. */
    const char *value;
    /* Of a const char * or, without a value, of a bool in struct options. */
    size_t offset;
    unsigned verbs;
    const char *help;
};

#define OFFSET(member) offsetof(struct options, member)
#define VERBS_WINDOW   (VERB_SCHEDULE | VERB_START)
#define VERBS_ENTRIES  (VERB_ALL & ~VERB_VALIDATE)
#define VERBS_COM      (VERB_PLUGINS | VERB_CHECK_PLUGIN)
#define VERBS_STORE    (VERB_ALL & ~VERBS_COM)

/* At most 32: struct options has a bit for each. */
static const struct option table[] = {
    {"start", 0, "TIME", OFFSET(start), VERBS_WINDOW,
     "the earliest start: 2026-11-22T03:00:00Z, or +2h for two hours from now"},
    {"end", 0, "TIME", OFFSET(end), VERBS_WINDOW,
     "the latest start: a task that has not started by then expires"},
    {"deadline", 0, "TIME", OFFSET(deadline), VERBS_WINDOW,
     "of several tasks that may start, the one with the earliest deadline starts first"},
    {"run-limit", 0, "DURATION", OFFSET(run_limit), VERBS_WINDOW | VERB_RUN | VERB_CHECK_PLUGIN,
     "a run that takes longer is ended: 30m, 2h (24h unless given; for check-plugin 10m)"},
    {"context", 0, "TEXT", OFFSET(context), VERBS_WINDOW | VERB_CHECK_PLUGIN,
     "data for the task, on its standard input; other users of this machine can see it in the list "
     "of processes"},
    {"context-file", 0, "FILE", OFFSET(context_file), VERBS_WINDOW | VERB_CHECK_PLUGIN,
     "data for the task from a file; - for standard input"},
    {"once", 0, NULL, OFFSET(once), VERB_RUN,
     "end when nothing is pending or running; waits for windows that open later"},
    {"until", 0, "TIME", OFFSET(until), VERB_RUN, "stop in order at that time"},
    {"max-running", 0, "N", OFFSET(max_running), VERB_RUN,
     "how many tasks run at once (1 unless given)"},
    {"max-interruptions", 0, "N", OFFSET(max_interruptions), VERB_RUN,
     "how often a crash or a reboot may interrupt a task before it fails (5 unless given)"},
    {"clock-wait", 0, "DURATION", OFFSET(clock_wait), VERB_RUN | VERB_START,
     "how long to wait at most, after boot, for the clock to be synchronised (5m unless given)"},
    {"limit", 0, "N", OFFSET(limit), VERB_HISTORY, "only the last N"},
    {"after", 0, "N", OFFSET(after), VERB_WATCH,
     "show the changes since the change number N first; 0 = all that the store has"},
    {"plugin", 0, "FILE", OFFSET(plugin), VERB_RUN,
     "take the task agent from a shared library, in place of the agent document"},
    {"plugin-config", 0, "TEXT", OFFSET(plugin_config), VERB_RUN,
     "a text that is handed to the plug-in"},
    {"com", 0, "[NAME]", OFFSET(com), VERB_RUN,
     "take a COM task agent, by name or CLSID, or else the first enabled one (only on Windows)"},
    {"apartment", 0, "KIND", OFFSET(apartment), VERB_CHECK_PLUGIN,
     "single or multi: where to create it (as its ThreadingModel says unless given)"},
    {"boot-id-file", 0, "FILE", OFFSET(boot_id_file), VERB_RUN,
     "to rehearse reboots: a file whose first line says which boot this is"},
    {"socket", 0, "FILE", OFFSET(socket), VERBS_STORE & ~VERB_VALIDATE,
     "where 'rdvtask run' listens for the other verbs (unless given, the store's name and .sock)"},
    {"reader-group", 0, "NAME", OFFSET(reader_group), VERB_RUN,
     "a group whose members may send requests that only read, by the socket"},
    {"store", 0, "FILE", OFFSET(store), VERBS_STORE, "the store (" WORDS_STORE ")"},
    {"config", 0, "FILE", OFFSET(config), VERBS_STORE, "the agent document (" WORDS_CONFIG ")"},
    {"json", 0, NULL, OFFSET(json), VERBS_ENTRIES, "for programs: JSON on standard output"},
    {"quiet", 'q', NULL, OFFSET(quiet), VERB_ALL, "print only results and errors"},
    {"verbose", 'v', NULL, OFFSET(verbose), VERB_ALL,
     "print more of what goes on, to standard error"},
    {"no-color", 0, NULL, OFFSET(no_color), VERB_ALL, "no colours (also by NO_COLOR)"},
    {"help", 'h', NULL, OFFSET(help), VERB_ALL, "show this text"},
    {"version", 0, NULL, OFFSET(version), VERB_ALL, "show the version"},
};

#define OPTION_COUNT (sizeof(table) / sizeof(table[0]))

/* How many letters must be changed, put in or left out to make one word into the other. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[GUESS_MAX + 1];
    const size_t length = strlen(b);
    if (strlen(a) > GUESS_MAX || length > GUESS_MAX)
        return GUESS_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            const size_t above = row[j + 1];
            size_t best = diagonal + (a[i] == b[j] ? 0 : 1);
            if (above + 1 < best)
                best = above + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            row[j + 1] = best;
            diagonal = above;
        }
    }
    return row[length];
}

const char *options_guess(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(word);
        /* The beginning of a name counts as that name: "hist". */
        const size_t d =
            length >= 3 && strncmp(word, names[i], length) == 0 ? 0 : edit_distance(word, names[i]);
        if (d < best_distance && d < strlen(names[i])) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

static int report_unknown_option(const struct options *options, const char *argument,
                                 size_t name_length)
{
    const char *names[OPTION_COUNT];
    char name[GUESS_MAX + 1];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = table[i].name;
    const char *guess = NULL;
    if (name_length > 0 && name_length <= GUESS_MAX) {
        memcpy(name, argument + 2, name_length);
        name[name_length] = '\0';
        guess = options_guess(name, names, OPTION_COUNT);
    }
    if (guess)
        return report_usage_error(options->verb, "unknown option %.*s: did you mean --%s?",
                                  (int)(name_length + 2), argument, guess);
    return report_usage_error(options->verb, "unknown option %.*s", (int)(name_length + 2),
                              argument);
}

static int set_option(struct options *options, size_t index, const char *value)
{
    const struct option *option = &table[index];
    const uint32_t bit = UINT32_C(1) << index;
    char *value_of_option = (char *)options + option->offset;
    if (!option->value) {
        *(bool *)(void *)value_of_option = true;
    } else {
        if (options->given & bit)
            return report_usage_error(options->verb, "option --%s is given twice", option->name);
        *(const char **)(void *)value_of_option = value;
    }
    options->given |= bit;
    return 0;
}

/* Whether the next argument is the value of an option whose value may be left out. It is not if
 * it is another option, the verb or a file. */
static bool is_value(const struct options *options, const char *next)
{
    return next && next[0] != '-' && options->verb && !options_is_file_name(next);
}

/* Read a long option. *used_next tells whether its value was the next argument. */
static int read_long_option(struct options *options, const char *argument, const char *next,
                            bool *used_next)
{
    const char *equals = strchr(argument, '=');
    const size_t length = equals ? (size_t)(equals - argument) - 2 : strlen(argument) - 2;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(table[i].name) != length || strncmp(table[i].name, argument + 2, length) != 0)
            continue;
        const bool optional = table[i].value && table[i].value[0] == '[';
        if (!table[i].value && equals)
            return report_usage_error(options->verb, "option --%s takes no value", table[i].name);
        if (table[i].value && !optional && !equals && !next)
            return report_usage_error(options->verb, "option --%s needs a value: %s", table[i].name,
                                      table[i].value);
        *used_next = table[i].value && !equals && (!optional || is_value(options, next));
        return set_option(options, i, equals ? equals + 1 : *used_next ? next : "");
    }
    return report_unknown_option(options, argument, length);
}

/* Read one or more options of one letter. None of them takes a value. */
static int read_short_options(struct options *options, const char *argument)
{
    for (const char *letter = argument + 1; *letter; letter++) {
        size_t i = 0;
        while (i < OPTION_COUNT && table[i].letter != *letter)
            i++;
        if (i == OPTION_COUNT)
            return report_usage_error(options->verb, "unknown option %s", argument);
        int result = set_option(options, i, NULL);
        if (result)
            return result;
    }
    return 0;
}

int options_parse(int argc, char **argv, struct options *options)
{
    memset(options, 0, sizeof(*options));
    options->arguments = calloc((size_t)argc + 1, sizeof(*options->arguments));
    if (!options->arguments) {
        report_error("%s", rdv_strerror(RDV_ENOMEM));
        return EXIT_FAILED;
    }
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool used_next = false;
        int result = 0;
        if (!only_arguments && strcmp(argument, "--") == 0) {
            only_arguments = true;
            if (options->argument_count == 0)
                options->literal = true;
        } else if (!only_arguments && strncmp(argument, "--", 2) == 0) {
            result = read_long_option(options, argument, next, &used_next);
        } else if (!only_arguments && argument[0] == '-' && argument[1]) {
            result = read_short_options(options, argument);
        } else if (!options->verb) {
            options->verb = argument;
        } else {
            options->arguments[options->argument_count++] = argument;
        }
        if (result)
            return result;
        i += used_next;
    }
    return 0;
}

void options_finish(struct options *options)
{
    free(options->arguments);
    options->arguments = NULL;
}

int options_check(const struct options *options, unsigned verb)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((options->given >> i & 1) && !(table[i].verbs & verb))
            return report_usage_error(options->verb, "'%s' takes no --%s", options->verb,
                                      table[i].name);
    return 0;
}

void options_help(unsigned verb, FILE *file)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char left[40];
        if (!(table[i].verbs & verb))
            continue;
        if (table[i].letter)
            snprintf(left, sizeof(left), "-%c, --%s", table[i].letter, table[i].name);
        else
            snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].value ? " " : "",
                     table[i].value ? table[i].value : "");
        fprintf(file, "  %-22s %s\n", left, table[i].help);
    }
}

bool options_is_file_name(const char *name)
{
    size_t length = 0;
    for (; name[length]; length++)
        if (system_separates(name[length]))
            return true;
    return length >= 5 && strcmp(name + length - 5, ".json") == 0;
}
