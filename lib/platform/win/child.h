/* SPDX-License-Identifier: MIT */
/* Children on Windows: what spawn.c puts together. Text is UTF-16 from here on; free() frees what a function hands out. */
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
 * Find the program that argv[0] names: a path as it is, from `directory` on (NULL = ours) if it is relative; a name in the folders
 * of PATH. Batch files are refused. Its path is absolute.
 */
int rdv__win_find_program(const struct rdv__plat_spawn *spawn, const char *directory,
                          wchar_t **ret_path, struct rdv_error *error);

/* ---- command.c ---- */

/* The command line that a program takes apart into these arguments. RDV_ELIMIT if it is too long for Windows. */
int rdv__win_command_line(const char *const *argv, wchar_t **ret_line, struct rdv_error *error);

/* The environment in the form that Windows takes: this one, what no program can do without, and RDV_NOTIFY. */
int rdv__win_environment(const char *const *environment, const wchar_t *notify, wchar_t **ret_block,
                         struct rdv_error *error);

/* ---- stream.c: what comes from a child ---- */

/* Our end of a pipe; a source, so the loop can watch it. */
struct rdv__win_stream {
    struct rdv__source source; /* first */
    wchar_t *name;
    bool serves; /* who has gone makes room for the next who opens it */
    bool last;   /* nobody is left who could write: what is there is all that comes */
    size_t turn; /* which connection is asked first */
    size_t count;
    struct rdv__win_connection *connections;
};

/*
 * A pipe of this name, to which one may write, and be the only one ever; or, one that serves, whoever opens it. 0, or what
 * GetLastError() would say.
 */
DWORD rdv__win_stream_open(const wchar_t *name, bool serves, struct rdv__win_stream **ret_stream);
void rdv__win_stream_close(struct rdv__win_stream *stream); /* NULL is fine */

/* ---- job.c: its tree ---- */

/* A job object that dies with its last handle, and takes everything in it along. */
DWORD rdv__win_job_new(const struct rdv__supervision *supervision, HANDLE *ret_job);

/* Kill what is in it, and wait until all of that is gone. */
void rdv__win_job_clear(HANDLE job);

#endif
