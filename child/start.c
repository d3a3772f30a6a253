/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "start.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>

static const struct {
    const char *name;
    int resource;
} resources[] = {
    {"memory", RLIMIT_AS},       {"files", RLIMIT_NOFILE}, {"processes", RLIMIT_NPROC},
    {"file-size", RLIMIT_FSIZE}, {"cpu", RLIMIT_CPU},
};

static int parse_limit(struct start *start, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || start->limit_count == START_LIMITS)
        return -1;
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        if (strlen(resources[i].name) != (size_t)(equals - text) ||
            strncmp(resources[i].name, text, (size_t)(equals - text)) != 0)
            continue;
        char *end;
        errno = 0;
        const unsigned long long value = strtoull(equals + 1, &end, 10);
        if (errno != 0 || *end != '\0' || end == equals + 1)
            return -1;
        start->limits[start->limit_count].resource = resources[i].resource;
        start->limits[start->limit_count].value = (rlim_t)value;
        start->limit_count++;
        return 0;
    }
    return -1;
}

int start_parse(int argc, char **argv, struct start *ret_start)
{
    struct start start = {0};
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--user") == 0)
            start.user = argv[i + 1];
        else if (strcmp(argv[i], "--directory") == 0)
            start.directory = argv[i + 1];
        else if (strcmp(argv[i], "--record") == 0)
            start.record = argv[i + 1];
        else if (strcmp(argv[i], "--limit") != 0 || parse_limit(&start, argv[i + 1]) != 0)
            return -1;
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0)
        return -1;
    start.argv = argv + i + 1;
    *ret_start = start;
    return 0;
}

/* In the new process: say what is wrong, and end. */
__attribute__((noreturn, format(printf, 1, 2))) static void stop(const char *format, ...)
{
    const int number = errno;
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    dprintf(2, "rdvtask-child: %s: %s\n", words, strerror(number));
    _exit(START_FAILED);
}

/* Groups first, then the user: once that is done the rest is not allowed any more. */
static void become(const char *name)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user) {
        errno = errno ? errno : ENOENT;
        stop("no user '%s'", name);
    }
    if (geteuid() == user->pw_uid && getegid() == user->pw_gid)
        return;
    if (initgroups(name, user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        stop("cannot become user '%s'", name);
    setenv("HOME", user->pw_dir, 1);
    setenv("USER", name, 1);
    setenv("LOGNAME", name, 1);
}

pid_t start_program(const struct start *start, const struct relay *relay)
{
    const pid_t parent = getpid();
    const pid_t program = fork();
    if (program < 0)
        fprintf(stderr, "rdvtask-child: cannot start a process: %s\n", strerror(errno));
    if (program != 0)
        return program;

    relay_become(relay);
    /* Should we be killed, the program is too, and with it all that does not detach itself. */
    prctl(PR_SET_PDEATHSIG, start->record ? 0 : SIGKILL);
    if (getppid() != parent)
        _exit(START_FAILED);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0; i < start->limit_count; i++) {
        const struct rlimit limit = {start->limits[i].value, start->limits[i].value};
        if (setrlimit((__rlimit_resource_t)start->limits[i].resource, &limit) != 0)
            stop("cannot set a limit to %llu", (unsigned long long)limit.rlim_cur);
    }
    if (start->user)
        become(start->user);
    if (start->directory && chdir(start->directory) != 0)
        stop("cannot go to '%s'", start->directory);
    execvp(start->argv[0], start->argv);
    stop("cannot run '%s'", start->argv[0]);
}
