/* SPDX-License-Identifier: MIT */
/* What the program asks of the system: the same functions in unix/ and, later, win/. */
#ifndef CLI_SYSTEM_H
#define CLI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/base.h>

/* To be called first: no output to a closed descriptor may end in a file of ours, and none may kill the program. */
void system_prepare(void);

/* Whether what is installed for the whole machine is the default. */
bool system_is_administrator(void);

bool system_exists(const char *path);

/* Where rdvtask-child is: of the same build, or installed. free(); NULL if it is missing. */
char *system_supervisor(void);

/* Wait for some time. */
void system_pause(rdv_duration duration);

/* Wait until one of two descriptors can be read. */
void system_wait(int first, int second);

/* Make a directory and what is missing above it, for us only. Returns 0 or errno. */
int system_make_directory(const char *path);

/* Whether stdout is a terminal that can move its cursor. */
bool system_live_terminal(void);

/* The size of the terminal; 80 by 24 where it can't be told. */
void system_terminal_size(size_t *ret_columns, size_t *ret_rows);

#endif
