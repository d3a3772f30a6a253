/* SPDX-License-Identifier: MIT */
/* The command line: which options there are, and what was given. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Which verbs take an option. */
#define VERB_RUN          0x0001u
#define VERB_START        0x0002u
#define VERB_SCHEDULE     0x0004u
#define VERB_LIST         0x0008u
#define VERB_SHOW         0x0010u
#define VERB_DELETE       0x0020u
#define VERB_HISTORY      0x0040u
#define VERB_VALIDATE     0x0080u
#define VERB_CANCEL       0x0100u
#define VERB_WATCH        0x0200u
#define VERB_EXPLAIN      0x0400u
#define VERB_RELOAD       0x0800u
#define VERB_PAUSE        0x1000u
#define VERB_RESUME       0x2000u
#define VERB_PLUGINS      0x4000u
#define VERB_CHECK_PLUGIN 0x8000u
#define VERB_ALL          0xffffu

struct options {
    const char *verb; /* NULL = none was given */
    const char **arguments;
    size_t argument_count;
    bool literal; /* "--" stood before the first argument of the verb */

    const char *store, *config, *socket, *reader_group, *plugin, *plugin_config, *boot_id_file;
    const char *start, *end, *deadline, *run_limit, *context, *context_file;
    const char *until, *max_running, *max_interruptions, *clock_wait, *limit, *after;
    const char *com; /* "" = given, and without a value */
    const char *apartment;
    bool json, quiet, verbose, no_color, help, version, once;

    uint32_t given; /* a bit for each line of the table of options */
};

/* Read the command line. The options keep pointers to its strings. Returns 0; or EXIT_USAGE or
 * EXIT_FAILED, having reported what is wrong. */
int options_parse(int argc, char **argv, struct options *options);
void options_finish(struct options *options);

/* Check that the verb takes each option that was given. Returns 0; or EXIT_USAGE, having
 * reported which one it does not take. */
int options_check(const struct options *options, unsigned verb);

/* Print the options of a verb, for its help. */
void options_help(unsigned verb, FILE *file);

/* The name, of `count` names, that a mistyped word was probably meant to be; or NULL. */
const char *options_guess(const char *word, const char *const *names, size_t count);

/* Whether an argument is the name of a file: it ends in ".json" or has a folder in it. */
bool options_is_file_name(const char *name);

#endif
