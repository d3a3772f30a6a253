/* SPDX-License-Identifier: MIT */
/*
 * What a run's processes print: the last of it in memory, for the history and for failure messages, and, if there is a log
 * directory, all of it up to a bound in a file of its own, `<run>.log`. Trouble with the file is told to the log once and
 * never disturbs the run. Owner thread only.
 */
#ifndef RDV__OUTPUT_H
#define RDV__OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

struct rdv__output;

struct rdv__output_options {
    const char *directory; /* NULL = no files; borrowed, outlives all outputs */
    int64_t run_bytes;     /* of one file at most, > 0 */
    int64_t total_bytes;   /* of all files in directory at most, > 0 */
    rdv_log log;
};

/* Nothing is opened before the first output. again: the run goes on, so its file is added to; else it is begun anew. */
int rdv__output_new(const struct rdv__output_options *options, int64_t run, bool again,
                    struct rdv__output **ret_output);

/* Close the file, and trim the directory. NULL is fine. */
void rdv__output_free(struct rdv__output *output);

void rdv__output_add(struct rdv__output *output, const char *data, size_t size);

/* The last bytes, at most RDV__OUTPUT_TAIL (record.h); raw. Valid until the next add. */
const char *rdv__output_tail(const struct rdv__output *output, size_t *ret_size);

/* From here on, rdv__output_last_line() looks only at what comes. */
void rdv__output_mark(struct rdv__output *output);

/* The last line since the mark that is not blank, without space at its ends, fit to be shown (rdv__output_show()); "" if
 * there is none. */
void rdv__output_last_line(const struct rdv__output *output, char *buffer, size_t buffer_size);

/* Copy text from outside so that it is valid UTF-8 of one line: as it is if it is that already, else by rdv__escape(). Cut at
 * a whole character to fit. */
void rdv__output_show(const char *text, size_t size, char *buffer, size_t buffer_size);

#endif
