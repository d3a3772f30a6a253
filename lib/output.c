/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "plat.h"
#include "record.h"

/* The last line of a file that was cut. Its room is part of run_bytes. */
static const char cut_words[] = "\n[rdvtask: the output goes on, but the log of a run ends here]\n";
#define CUT_SIZE ((int64_t)sizeof cut_words - 1)

struct rdv__output {
    struct rdv__output_options options;
    char name[32];
    bool again;
    bool opened; /* it was tried; fd may be -1 all the same */
    bool cut;
    rdv__file fd;
    int64_t written;
    size_t marked; /* bytes of the tail's end that came after the mark */
    /* Twice the tail, so that the tail is always in one piece and a byte is moved at most once. */
    size_t used;
    char bytes[2 * RDV__OUTPUT_TAIL];
};

int rdv__output_new(const struct rdv__output_options *options, int64_t run, bool again,
                    struct rdv__output **ret_output)
{
    struct rdv__output *output = malloc(sizeof *output);
    if (!output)
        return RDV_ENOMEM;
    output->options = *options;
    if (output->options.run_bytes > output->options.total_bytes)
        output->options.run_bytes = output->options.total_bytes;
    snprintf(output->name, sizeof output->name, "%" PRId64 ".log", run);
    output->again = again;
    output->opened = false;
    output->cut = false;
    output->fd = RDV__NO_FILE;
    output->written = 0;
    output->marked = 0;
    output->used = 0;
    *ret_output = output;
    return 0;
}

static void trim(const struct rdv__output *output, int64_t room)
{
    int64_t total = output->options.total_bytes - room;
    int result = rdv__plat_log_trim(output->options.directory, total, output->name);
    if (result)
        rdv__log(&output->options.log, RDV_LOG_WARNING, "cannot trim the log directory %s: %s",
                 output->options.directory, rdv_strerror(result));
}

void rdv__output_free(struct rdv__output *output)
{
    if (!output)
        return;
    if (output->fd != RDV__NO_FILE) {
        rdv__plat_log_close(output->fd);
        trim(output, 0);
    }
    free(output);
}

/* Give the file up; the run goes on without. */
static void give_up(struct rdv__output *output, const char *doing, int result)
{
    rdv__log(&output->options.log, RDV_LOG_WARNING, "cannot %s %s in %s: %s", doing, output->name,
             output->options.directory, rdv_strerror(result));
    rdv__plat_log_close(output->fd);
    output->fd = RDV__NO_FILE;
}

static void open_file(struct rdv__output *output)
{
    output->opened = true;
    int result =
        rdv__plat_log_open(output->options.directory, output->name, !output->again, &output->fd);
    if (result) {
        output->fd = RDV__NO_FILE;
        give_up(output, "open", result);
        return;
    }
    int64_t size = rdv__plat_log_size(output->fd);
    output->written = size > 0 ? size : 0;
    /* A file that has more than its data's share ends with the words already; one without room for them stays empty. */
    output->cut = output->written > output->options.run_bytes - CUT_SIZE;
    trim(output, output->options.run_bytes);
}

static void write_file(struct rdv__output *output, const char *data, size_t size)
{
    int64_t room = output->options.run_bytes - CUT_SIZE - output->written;
    assert(room >= 0);
    size_t fits = (uint64_t)room < size ? (size_t)room : size;
    int result = fits ? rdv__plat_log_write(output->fd, data, fits) : 0;
    output->written += (int64_t)fits;
    if (!result && fits < size) {
        output->cut = true;
        result = rdv__plat_log_write(output->fd, cut_words, (size_t)CUT_SIZE);
    }
    if (result)
        give_up(output, "write", result);
}

void rdv__output_add(struct rdv__output *output, const char *data, size_t size)
{
    if (size == 0)
        return;
    if (output->options.directory && !output->opened)
        open_file(output);
    if (output->fd != RDV__NO_FILE && !output->cut)
        write_file(output, data, size);

    output->marked =
        size < RDV__OUTPUT_TAIL - output->marked ? output->marked + size : RDV__OUTPUT_TAIL;
    if (size > RDV__OUTPUT_TAIL) {
        data += size - RDV__OUTPUT_TAIL;
        size = RDV__OUTPUT_TAIL;
    }
    if (size > sizeof output->bytes - output->used) {
        size_t keep = RDV__OUTPUT_TAIL - size;
        assert(keep <= output->used);
        memmove(output->bytes, output->bytes + output->used - keep, keep);
        output->used = keep;
    }
    memcpy(output->bytes + output->used, data, size);
    output->used += size;
}

const char *rdv__output_tail(const struct rdv__output *output, size_t *ret_size)
{
    size_t size = output->used < RDV__OUTPUT_TAIL ? output->used : RDV__OUTPUT_TAIL;
    *ret_size = size;
    return output->bytes + output->used - size;
}

void rdv__output_mark(struct rdv__output *output)
{
    output->marked = 0;
}

/* Programs redraw a line after a carriage return, so that ends a line too. */
static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\0' || ends_line(c);
}

void rdv__output_last_line(const struct rdv__output *output, char *buffer, size_t buffer_size)
{
    size_t size;
    const char *tail = rdv__output_tail(output, &size);
    size_t begin = size - (output->marked < size ? output->marked : size);
    size_t end = size;
    while (end > begin && is_blank(tail[end - 1]))
        end--;
    size_t start = end;
    while (start > begin && !ends_line(tail[start - 1]))
        start--;
    while (start < end && is_blank(tail[start]))
        start++;
    /* The tail may begin in the middle of a character. */
    if (start == 0)
        while (start < end && ((unsigned char)tail[start] & 0xC0) == 0x80)
            start++;
    rdv__output_show(tail + start, end - start, buffer, buffer_size);
}

static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F)
            return false;
        if (c == 0xC2 && i + 1 < size && (unsigned char)text[i + 1] < 0xA0) /* U+0080 to U+009F */
            return false;
    }
    return rdv__utf8_valid(text, size);
}

void rdv__output_show(const char *text, size_t size, char *buffer, size_t buffer_size)
{
    assert(buffer_size > 0);
    if (!is_plain(text, size)) {
        rdv__escape(text, size, buffer, buffer_size);
        return;
    }
    size_t fits = rdv__utf8_cut(text, size, buffer_size - 1);
    memcpy(buffer, text, fits);
    buffer[fits] = '\0';
}
