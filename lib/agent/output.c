/* SPDX-License-Identifier: MIT */
/*
 * What the processes of one run print. command_run_process.c adds it as it comes; the last of it
 * stays in memory, for messages and for the history, and the rest goes to a file in the folder that
 * run_logs.c keeps, which also says how much room there is.
 *
 * The file is opened with the first output, and given up at the first trouble; the run never
 * notices.
 */
#include "agent/output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "platform/platform.h"
#include "store/journal.h"

/* The last line of a file that was cut. It counts towards what one run may have. */
static const char cut_words[] = "\n[rdvtask: the output goes on, but the log of a run ends here]\n";
#define CUT_SIZE ((int64_t)sizeof cut_words - 1)

struct rdv__output {
    struct rdv__logs *logs;
    int64_t run;
    bool again;
    /* It was tried to open the file; there may be none all the same. */
    bool opened;
    bool cut;
    rdv__file file;
    int64_t written;
    /* Bytes of the budget that the file has taken, while it is open. */
    int64_t counted;
    /* Bytes that the file takes on disk, once it is closed; -1 if there was none. */
    int64_t taken;
    /* How many bytes at the end of the tail came after the mark. */
    size_t marked;
    /* Room for twice the tail, so that the tail is always in one piece and a byte is moved at most
     * once. */
    size_t used;
    char bytes[2 * RDV__OUTPUT_TAIL];
};

int rdv__output_new(struct rdv__logs *logs, int64_t run, bool again,
                    struct rdv__output **ret_output)
{
    struct rdv__output *output = malloc(sizeof *output);
    if (!output)
        return RDV_ENOMEM;
    output->logs = logs;
    output->run = run;
    output->again = again;
    output->opened = false;
    output->cut = false;
    output->file = RDV__NO_FILE;
    output->written = 0;
    output->counted = 0;
    output->taken = -1;
    output->marked = 0;
    output->used = 0;
    *ret_output = output;
    return 0;
}

static void close_file(struct rdv__output *output)
{
    if (output->file == RDV__NO_FILE)
        return;
    output->taken = rdv__plat_log_taken(output->file);
    /* What is not on the disk yet may not be counted there either. */
    if (output->taken < output->written)
        output->taken = output->written;
    rdv__plat_log_close(output->file);
    output->file = RDV__NO_FILE;
    rdv__logs_give_back(output->logs, output->counted);
    output->counted = 0;
}

void rdv__output_free(struct rdv__output *output)
{
    if (!output)
        return;
    close_file(output);
    free(output);
}

int rdv__output_end(struct rdv__output *output)
{
    if (!output->logs)
        return 0;
    close_file(output);
    /* A run that was taken up again may have a file from before. */
    if (output->taken < 0 && !output->again)
        return 0;
    return rdv__logs_put(output->logs, output->run, output->taken);
}

/* Take the room from the budget that a file of this size needs. Returns false if there is none. */
static bool take_room(struct rdv__output *output, int64_t size)
{
    int64_t more = rdv__logs_rounded(size) - output->counted;
    if (more > 0 && !rdv__logs_take(output->logs, more))
        return false;
    if (more > 0)
        output->counted += more;
    return true;
}

static void open_file(struct rdv__output *output)
{
    output->opened = true;
    if (rdv__logs_open(output->logs, output->run, output->again, &output->file)) {
        output->file = RDV__NO_FILE;
        return;
    }
    int64_t size = rdv__plat_log_size(output->file);
    output->written = size > 0 ? size : 0;
    /* If the file has more than its share for data, it ends with the words already. If it has no
     * room for them, it stays empty. */
    output->cut = output->written > rdv__logs_run_bytes(output->logs) - CUT_SIZE;
}

static void write_file(struct rdv__output *output, const char *data, size_t size)
{
    int64_t room = rdv__logs_run_bytes(output->logs) - CUT_SIZE - output->written;
    assert(room >= 0);
    size_t fits = (uint64_t)room < size ? (size_t)room : size;
    /* The words fit into what was counted, or exceed it by little. */
    if (!take_room(output, output->written + (int64_t)fits))
        fits = 0;
    int result = fits ? rdv__plat_log_write(output->file, data, fits) : 0;
    output->written += (int64_t)fits;
    if (!result && fits < size) {
        output->cut = true;
        result = rdv__plat_log_write(output->file, cut_words, (size_t)CUT_SIZE);
        output->written += CUT_SIZE;
    }
    /* The file is given up; the run goes on without it. */
    if (result) {
        rdv__logs_trouble(output->logs, output->run, "write", result);
        close_file(output);
    }
}

void rdv__output_add(struct rdv__output *output, const char *data, size_t size)
{
    if (size == 0)
        return;
    if (output->logs && !output->opened)
        open_file(output);
    if (output->file != RDV__NO_FILE && !output->cut)
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

void rdv__output_show(const char *text, size_t size, char *buffer, size_t buffer_size)
{
    assert(buffer_size > 0);
    if (!rdv__is_plain(text, size)) {
        rdv__escape(text, size, buffer, buffer_size);
        return;
    }
    size_t fits = rdv__utf8_cut(text, size, buffer_size - 1);
    memcpy(buffer, text, fits);
    buffer[fits] = '\0';
}
