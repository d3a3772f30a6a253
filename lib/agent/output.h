/* SPDX-License-Identifier: MIT */
/*
 * What the processes of a run print: the last of it in memory, for the history and for messages of
 * failures; and, if logs are kept, all of it up to a bound, in a file of its own (run_logs.h).
 * Trouble with the file is logged once, and never disturbs the run. Owner thread only.
 */
#ifndef RDV__AGENT_OUTPUT_H
#define RDV__AGENT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#include "agent/run_logs.h"

struct rdv__output;

/* Nothing is opened before the first output. logs is borrowed; NULL = there is no file. If `again`
 * is true, the run goes on, and its file is appended to; else the file is begun anew. */
int rdv__output_new(struct rdv__logs *logs, int64_t run, bool again,
                    struct rdv__output **ret_output);

/* Close the file. NULL is fine. */
void rdv__output_free(struct rdv__output *output);

/*
 * The run has ended: close the file, and record how much of the disk it takes. To be called in an
 * open batch, which has to fail if this returns an error of the store. If that batch fails later,
 * this is to be called again.
 */
int rdv__output_end(struct rdv__output *output);

void rdv__output_add(struct rdv__output *output, const char *data, size_t size);

/* The last bytes, at most RDV__OUTPUT_TAIL of them, as they came. They are valid until more is
 * added. */
const char *rdv__output_tail(const struct rdv__output *output, size_t *ret_size);

/* Set the mark: from now on, rdv__output_last_line() looks only at what comes after it. */
void rdv__output_mark(struct rdv__output *output);

/* Write the last line since the mark that is not blank, without space at its ends, and fit to be
 * shown (rdv__output_show()); "" if there is none. */
void rdv__output_last_line(const struct rdv__output *output, char *buffer, size_t buffer_size);

/* Copy text from outside so that it is valid UTF-8 in one line: unchanged if it is that already,
 * else through rdv__escape(). It is cut at a whole character to fit. */
void rdv__output_show(const char *text, size_t size, char *buffer, size_t buffer_size);

#endif
