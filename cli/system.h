/* SPDX-License-Identifier: MIT */
/* What the program needs from the operating system. unix/ and win/ have the same functions. */
#ifndef CLI_SYSTEM_H
#define CLI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <rdvtask/base.h>

/* Prepare the standard descriptors, before anything is opened. If one of them is closed, the
 * next file to be opened would take its place, and output would go into that file. */
void system_prepare(void);

/* The default places of the store and the agent document: those of the machine for its
 * administrator, those of the user for everybody else. The caller frees them. NULL if there is
 * no such place, or it may not be used, with words that say why. */
char *system_store(struct rdv_error *error);
char *system_config(struct rdv_error *error);

bool system_exists(const char *path);

/* Whether this character separates the folders of a path. */
bool system_separates(char character);

/* The file that a symbolic link leads to; the caller frees it. NULL if the path is no symbolic
 * link, or leads nowhere. */
char *system_link_target(const char *path);

/* Open a file for reading. Returns NULL and sets errno if that fails. */
FILE *system_open(const char *path);

/*
 * Read the start of a regular file into a buffer of `room` bytes, as a string. Never waits,
 * whatever the path leads to. Returns 0, or an errno: ENOENT if there is no such file.
 */
int system_read_start(const char *path, char *buffer, size_t room);

/* Write bytes to standard output or, with `error`, to standard error, without the buffer of
 * stdio. Waits for the reader. Returns 0 or an errno; *ret_written tells how much was written. */
int system_write(bool error, const char *bytes, size_t size, size_t *ret_written);

/* Whether standard output and standard error are the same file, pipe or terminal. */
bool system_one_output(void);

/* Whether the reader of standard output, a pipe or a socket, has gone. */
bool system_reader_gone(void);

/* Print text that need not be ASCII: as UTF-8, unless a terminal needs another encoding.
 * ferror() tells if that has failed. */
void system_print(FILE *file, const char *bytes, size_t size);

/* The first folder on the way to a file that, by its mode, the members of a group can't pass;
 * the caller frees it. NULL if there is none. */
char *system_barred_folder(const char *path, const char *group);

/* Find rdvtask-child, of the same build or installed; the caller frees the path. *ret_path is
 * NULL if this system needs none. Returns 0, RDV_ENOTFOUND if it is missing, RDV_EIO if that
 * can't be told, or RDV_ENOMEM. */
int system_supervisor(char **ret_path);

/* Sleep for some time. */
void system_pause(rdv_duration duration);

/* Make a directory and those missing above it, each open to this user only. Returns 0, or an
 * RDV_E… with words that don't name the directory. */
int system_make_directory(const char *path, struct rdv_error *error);

/* Whether standard output is a terminal that can move its cursor. */
bool system_live_terminal(void);

/* The size of the terminal; 80 by 24 if it is unknown. */
void system_terminal_size(size_t *ret_columns, size_t *ret_rows);

#endif
