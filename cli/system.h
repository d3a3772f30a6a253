/* SPDX-License-Identifier: MIT */
/* What the program asks of the system: the same functions in unix/ and win/. */
#ifndef CLI_SYSTEM_H
#define CLI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <rdvtask/base.h>

/* To be called before anything is opened, so that no output to a closed descriptor can get into a file of ours. */
void system_prepare(void);

/* Where the store and the agent document are if nothing else is said: the machine's for its administrator, else the user's own.
 * free(). NULL if that can't be told or may not be used, with words that say why. */
char *system_store(struct rdv_error *error);
char *system_config(struct rdv_error *error);

bool system_exists(const char *path);

/* Whether this character stands between the folders of a path. */
bool system_separates(char character);

/* The file that a symbolic link leads to: free(). NULL if the path is no such link, or leads nowhere. */
char *system_link_target(const char *path);

/* Open a file for reading. NULL with errno. */
FILE *system_open(const char *path);

/*
 * Read the start of a regular file into a buffer of `room` bytes, as a string. Never waits, whatever the path leads to. Returns 0, or an
 * errno: ENOENT if there is no such file.
 */
int system_read_start(const char *path, char *buffer, size_t room);

/* Write all of it to standard output or, with `error`, standard error, past what stdio has buffered. Waits for the reader. Returns 0, or
 * an errno with how much was written before. */
int system_write(bool error, const char *bytes, size_t size, size_t *ret_written);

/* Whether standard output and standard error are the same file, pipe or terminal. */
bool system_one_output(void);

/* Whether the reader of standard output, a pipe or a socket, has gone. */
bool system_reader_gone(void);

/* Print text that need not be ASCII: UTF-8, unless a terminal wants it another way. Shows in ferror() if it can't be done. */
void system_print(FILE *file, const char *bytes, size_t size);

/* A folder on the way to a file that the members of a group can't pass, as far as its mode says: free(). NULL if there is none. */
char *system_barred_folder(const char *path, const char *group);

/* Where rdvtask-child is, of the same build or installed: free(). NULL if there is no need for one. RDV_ENOTFOUND if it is
 * missing, or RDV_ENOMEM. */
int system_supervisor(char **ret_path);

/* Wait for some time. */
void system_pause(rdv_duration duration);

/* Make a directory and what is missing above it, for us only. 0, or an RDV_E… constant with words that don't name it. */
int system_make_directory(const char *path, struct rdv_error *error);

/* Whether stdout is a terminal that can move its cursor. */
bool system_live_terminal(void);

/* The size of the terminal; 80 by 24 where it can't be told. */
void system_terminal_size(size_t *ret_columns, size_t *ret_rows);

#endif
