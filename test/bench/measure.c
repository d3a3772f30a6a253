/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void wait_readable(int fd)
{
    struct pollfd wait = {fd, POLLIN, 0};
    while (poll(&wait, 1, -1) < 0 && errno == EINTR)
        ;
}

void spawn_and_wait(void)
{
    char name[] = "/bin/true", language[] = "LANG=C";
    char *argv[] = {name, NULL}, *environment[] = {language, NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, name, NULL, NULL, argv, environment) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "bench: cannot run %s\n", name);
        exit(1);
    }
}

long memory_kb(const char *name)
{
    char line[256];
    long result = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            result = atol(line + strlen(name));
    if (file)
        fclose(file);
    return result;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void print_percentiles(const char *prefix, double *seconds, size_t count)
{
    qsort(seconds, count, sizeof *seconds, compare);
    printf("%sp50_us=%.1f\n%sp99_us=%.1f\n", prefix, seconds[count / 2] * 1e6, prefix,
           seconds[count * 99 / 100] * 1e6);
}

int run_command(const struct command *commands, int argc, char **argv)
{
    for (; commands->name && argc > 1; commands++)
        if (strcmp(argv[1], commands->name) == 0 && argc == 2 + commands->arguments) {
            commands->run(argv + 2);
            return 0;
        }
    fprintf(stderr, "%s is run by test/bench/bench.py\n", argv[0]);
    return 64;
}
