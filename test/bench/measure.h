/* SPDX-License-Identifier: MIT */
/* What both sides of the benchmarks measure with. */
#ifndef RDV_BENCH_MEASURE_H
#define RDV_BENCH_MEASURE_H

#include <stddef.h>

double now_seconds(void); /* some clock that only goes on */
void wait_readable(int fd);
void spawn_and_wait(void);        /* /bin/true, by posix_spawn and waitpid */
long memory_kb(const char *name); /* a line of /proc/self/status */
void print_percentiles(const char *prefix, double *seconds, size_t count); /* sorts them */

/* What a program can be told to do, and with how many arguments; a list ends with NULL. */
struct command {
    const char *name;
    int arguments;
    void (*run)(char **argv);
};

int run_command(const struct command *commands, int argc, char **argv); /* main()'s result */

#endif
