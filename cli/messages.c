/* SPDX-License-Identifier: MIT */
/*
 * Messages for people. A message is made in one buffer and written in one piece, so that no other
 * line gets into it. Nothing here allocates memory, since a message may have to report that there
 * is none. Lost lines (output_queue.h) are reported before the next message.
 */
#include "messages.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "display_text.h"
#include "journal_prefix.h"
#include "output_queue.h"
#include "system.h"

/* The longest message. A longer one is cut. */
#define LINE_MAX_SIZE 4096

/* A line as it is written. An escape makes at most four bytes of one. */
struct line {
    char bytes[4 * LINE_MAX_SIZE + 64];
    size_t size;
};

static void add_escaped(struct line *line, const char *text)
{
    line->size += text_escape(text, line->bytes + line->size, sizeof(line->bytes) - 1 - line->size);
}

/* Begin a line: with the program's name; or, in the journal, which knows the name, with the
 * priority. */
static void begin_line(struct line *line, int priority, const char *name)
{
    const char *prefix = journal_prefix(priority);
    line->size = 0;
    add_escaped(line, prefix[0] ? prefix : name);
}

static void end_line(struct line *line)
{
    line->bytes[line->size++] = '\n';
    output_write(OUTPUT_STDERR, line->bytes, line->size);
}

static void write_message(int priority, const char *words)
{
    struct line line;
    begin_line(&line, priority, "rdvtask: ");
    add_escaped(&line, words);
    end_line(&line);
}

static const char *const stream_names[OUTPUT_STREAMS] = {"standard output", "standard error"};

/* Report lost lines of a stream, if there are any. */
static void report_loss(enum output_stream stream, size_t lost, const char *where, const char *why)
{
    char words[160];
    if (lost == 0)
        return;
    snprintf(words, sizeof(words), "%zu lines of %s were lost %s: %s", lost, stream_names[stream],
             where, why);
    write_message(JOURNAL_WARNING, words);
}

void report_lost_lines(void)
{
    for (int i = 0; i < OUTPUT_STREAMS; i++) {
        const char *why = "";
        const size_t lost = output_lost_lately((enum output_stream)i, &why);
        report_loss((enum output_stream)i, lost, "here", why);
    }
}

void finish_output(void)
{
    output_settle();
    for (int i = 0; i < OUTPUT_STREAMS; i++) {
        const char *why = "";
        const size_t lost = output_lost((enum output_stream)i, &why);
        report_loss((enum output_stream)i, lost, "in all", why);
    }
    output_end();
}

static void print_message(int priority, const char *format, va_list arguments)
{
    char words[LINE_MAX_SIZE];
    vsnprintf(words, sizeof(words), format, arguments);
    print_log_line(priority, words);
}

void report_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(JOURNAL_ERROR, format, arguments);
    va_end(arguments);
}

void print_log_line(int priority, const char *line)
{
    report_lost_lines();
    write_message(priority, line);
}

void print_note(bool quiet, const char *format, ...)
{
    if (quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_message(JOURNAL_NOTICE, format, arguments);
    va_end(arguments);
}

int report_usage_error(const char *verb, const char *format, ...)
{
    char words[160];
    struct line line;
    va_list arguments;
    va_start(arguments, format);
    print_message(JOURNAL_ERROR, format, arguments);
    va_end(arguments);
    snprintf(words, sizeof(words), "see 'rdvtask %s%s--help'", verb ? verb : "", verb ? " " : "");
    begin_line(&line, JOURNAL_ERROR, "");
    add_escaped(&line, words);
    end_line(&line);
    return EXIT_USAGE;
}

int report_document_error(const char *file, const struct rdv_error *error)
{
    if (error->line <= 0) {
        /* The file could not be read. The words name it. */
        report_error("%s", error->text);
    } else {
        struct line line;
        char place[48];
        snprintf(place, sizeof(place), ":%d:%d%s", error->line, error->column,
                 error->path[0] ? " " : "");
        begin_line(&line, JOURNAL_ERROR, "");
        add_escaped(&line, file);
        add_escaped(&line, place);
        add_escaped(&line, error->path);
        add_escaped(&line, ": ");
        add_escaped(&line, error->text);
        end_line(&line);
    }
    return error->code == RDV_EBUSY || error->code == RDV_ELOCKED ? EXIT_BUSY : EXIT_FAILED;
}

int report_output_failure(int number)
{
    report_error("cannot write to standard output%s%s", number ? ": " : "",
                 number ? strerror(number) : "");
    return EXIT_FAILED;
}

int flush_output(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_OK;
    const int number = errno;
    return system_reader_gone() ? EXIT_OK : report_output_failure(number);
}
