/* SPDX-License-Identifier: MIT */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "journal.h"
#include "options.h"
#include "text.h"

/* The longest line; longer ones are cut. */
#define LINE_MAX_SIZE 4096

/* Begin a line: with our name or, in the journal, which knows it, with how grave the line is. */
static void begin(int priority)
{
    const char *prefix = journal_prefix(priority);
    fputs(prefix[0] ? prefix : "rdvtask: ", stderr);
}

static void say(int priority, const char *format, va_list arguments)
{
    char line[LINE_MAX_SIZE];
    vsnprintf(line, sizeof(line), format, arguments);
    begin(priority);
    text_print(stderr, line);
    fputc('\n', stderr);
}

void say_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(JOURNAL_ERROR, format, arguments);
    va_end(arguments);
}

void say_line(int priority, const char *line)
{
    begin(priority);
    text_print(stderr, line);
    fputc('\n', stderr);
}

void say_note(const struct options *options, const char *format, ...)
{
    if (options->quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(JOURNAL_NOTICE, format, arguments);
    va_end(arguments);
}

int say_usage(const char *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(JOURNAL_ERROR, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%ssee 'rdvtask %s%s--help'\n", journal_prefix(JOURNAL_ERROR), verb ? verb : "",
            verb ? " " : "");
    return EXIT_USAGE;
}

int say_document_error(const char *file, const struct rdv_error *error)
{
    if (error->line <= 0) {
        /* The file could not be read: the words name it. */
        say_error("%s", error->text);
    } else {
        fputs(journal_prefix(JOURNAL_ERROR), stderr);
        text_print(stderr, file);
        fprintf(stderr, ":%d:%d%s", error->line, error->column, error->path[0] ? " " : "");
        text_print(stderr, error->path);
        fputs(": ", stderr);
        text_print(stderr, error->text);
        fputc('\n', stderr);
    }
    return error->code == RDV_EBUSY || error->code == RDV_ELOCKED ? EXIT_BUSY : EXIT_FAILED;
}

int say_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_OK;
    say_error("cannot write to standard output%s%s", errno ? ": " : "",
              errno ? strerror(errno) : "");
    return EXIT_FAILED;
}
