/* SPDX-License-Identifier: MIT */
/*
 * Children on Windows: the parts that spawn.c puts together. From here on text is UTF-16; callers
 * free with free() what a function returns.
 */
#ifndef RDV__WIN_CHILD_H
#define RDV__WIN_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

#include "platform/platform.h"
#include "platform/win/source.h"
#include "platform/win/win.h"

/* ---- program.c ---- */

/*
 * Find the program that argv[0] names. A path is taken as it is, from `directory` on (NULL = the
 * current folder) if it is relative; a name is searched for in the folders of PATH. Batch files are
 * refused. The path that is returned is absolute.
 */
int rdv__win_find_program(const struct rdv__plat_spawn *spawn, const char *directory,
                          wchar_t **ret_path, struct rdv_error *error);

/* ---- command.c ---- */

/*
 * Make the command line that a program splits into these arguments. RDV_ELIMIT if it is too long
 * for Windows.
 */
int rdv__win_command_line(const char *const *argv, wchar_t **ret_line, struct rdv_error *error);

/*
 * Make an environment in the form that Windows takes: this one, plus what no program can do
 * without, and RDV_NOTIFY.
 */
int rdv__win_environment(const char *const *environment, const wchar_t *notify, wchar_t **ret_block,
                         struct rdv_error *error);

/* ---- stream.c: what comes from a child ---- */

/* This process's end of a pipe. It is a source, so the loop can watch it. */
struct rdv__win_stream {
    /* The first field, so that the loop can watch it. */
    struct rdv__source source;
    wchar_t *name;
    /* Whether a client that has gone makes room for the next one that opens the pipe. */
    bool serves;
    /* Nobody is left who could write, so what is there is all that comes. */
    bool last;
    /* Which connection is asked first. */
    size_t turn;
    size_t count;
    struct rdv__win_connection *connections;
};

/*
 * Open a pipe of this name. One client, and no other ever, may write to it; or, if the pipe serves,
 * any client that opens it. Returns 0, or what GetLastError() says.
 */
DWORD rdv__win_stream_open(const wchar_t *name, bool serves, struct rdv__win_stream **ret_stream);

/* NULL is fine. */
void rdv__win_stream_close(struct rdv__win_stream *stream);

/* ---- job.c: its tree ---- */

/* Make a job object that ends with its last handle, and takes everything in it along. */
DWORD rdv__win_job_new(const struct rdv__supervision *supervision, HANDLE *ret_job);

/* Kill everything in a job, and wait until all of it is gone. */
void rdv__win_job_clear(HANDLE job);

#endif
