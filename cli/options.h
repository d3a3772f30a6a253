/* SPDX-License-Identifier: MIT */
/* The command line as values. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Which verbs take an option. */
#define VERB_RUN      0x01u
#define VERB_START    0x02u
#define VERB_SCHEDULE 0x04u
#define VERB_LIST     0x08u
#define VERB_SHOW     0x10u
#define VERB_DELETE   0x20u
#define VERB_HISTORY  0x40u
#define VERB_VALIDATE 0x80u
#define VERB_ALL      0xffu

struct options {
    const char *verb; /* NULL = none given */
    const char **arguments;
    size_t argument_count;
    bool literal; /* "--" came before the first argument of the verb */

    const char *store, *config;
    const char *start, *end, *deadline, *run_limit, *context, *context_file;
    const char *until, *max_running, *clock_wait, *limit;
    bool json, quiet, verbose, no_color, help, version, once;

    uint32_t given; /* a bit for each line of the table */
};

/* Fill in options from the command line, whose strings are referenced. Returns 0, or EXIT_USAGE or EXIT_FAILED when it has said
 * on stderr what is wrong. */
int options_parse(int argc, char **argv, struct options *options);
void options_finish(struct options *options);

/* Whether each option that was given is one of the verb's; else says which is not and returns EXIT_USAGE. */
int options_check(const struct options *options, unsigned verb);

/* The options of a verb, for its help. */
void options_help(unsigned verb, FILE *file);

/* The one of `names` (count of them) that a mistyped word was probably meant to be, or NULL. */
const char *options_guess(const char *word, const char *const *names, size_t count);

#endif
