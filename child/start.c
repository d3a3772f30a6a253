/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "start.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>

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
        if (equals[1] < '0' || equals[1] > '9')
            return -1;
        errno = 0;
        const unsigned long long value = strtoull(equals + 1, &end, 10);
        if (errno != 0 || *end != '\0')
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

/* So that the program may also open by a name, such as /dev/stdout, what it has: pipes, and the nameless file that is its input. */
static void give_descriptors(const struct passwd *user)
{
    struct stat about;
    for (int fd = 0; fd <= 3; fd++)
        if (fstat(fd, &about) == 0 &&
            (S_ISFIFO(about.st_mode) || (S_ISREG(about.st_mode) && about.st_nlink == 0)) &&
            fchown(fd, user->pw_uid, user->pw_gid) != 0)
            return; /* as it will not be allowed to do the rest, which says so */
}

/* Past its time a program is told first, by a signal that says why, and killed if it goes on regardless. */
#define CPU_MORE 5

static void set_limits(const struct start *start)
{
    for (size_t i = 0; i < start->limit_count; i++) {
        const rlim_t value = start->limits[i].value;
        const bool cpu = start->limits[i].resource == RLIMIT_CPU;
        const struct rlimit limit = {value, cpu ? value + CPU_MORE : value};
        if (setrlimit((__rlimit_resource_t)start->limits[i].resource, &limit) != 0)
            stop("cannot set a limit to %llu", (unsigned long long)value);
    }
}

/* Become the user, if one is given, and set the limits between: looking up names takes more than they may allow, while afterwards
 * we may not be allowed to set them. */
static void become(const struct start *start)
{
    const char *name = start->user;
    if (!name) {
        set_limits(start);
        return;
    }
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user) {
        errno = errno ? errno : ENOENT;
        stop("no user '%s'", name);
    }
    const bool same = geteuid() == user->pw_uid && getegid() == user->pw_gid;
    if (!same) {
        give_descriptors(user);
        /* Groups first: once we are the user that is not allowed any more. */
        if (initgroups(name, user->pw_gid) != 0 ||
            setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0)
            stop("cannot become user '%s'", name);
    }
    set_limits(start);
    if (!same && setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        stop("cannot become user '%s'", name);
    /* Unless the agent's document says otherwise. */
    setenv("HOME", user->pw_dir, 0);
    setenv("USER", name, 0);
    setenv("LOGNAME", name, 0);
}

/* Become the program, found as lib/unix/spawn.c finds one: only in absolute directories of PATH, and never by way of a shell. */
__attribute__((noreturn)) static void run(char **argv)
{
    const char *name = argv[0], *path = getenv("PATH");
    if (strchr(name, '/')) {
        execv(name, argv);
        stop("cannot run '%s'", name);
    }
    int number = ENOENT;
    for (size_t size; path && *path; path += size + (path[size] == ':')) {
        char file[PATH_MAX];
        size = strcspn(path, ":");
        if (*path != '/' ||
            snprintf(file, sizeof file, "%.*s/%s", (int)size, path, name) >= (int)sizeof file)
            continue;
        execv(file, argv);
        if (errno != ENOENT && errno != ENOTDIR)
            number = errno;
        if (number != ENOENT && number != EACCES)
            break;
    }
    errno = number;
    stop("cannot run '%s'", name);
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
    /* What it does to its group or its terminal is not for us, nor what we do to ours for it. */
    setsid();
    become(start);
    /* Should we be killed, so is the program. Last, as a change of the user undoes this. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(START_FAILED);
    if (start->directory && chdir(start->directory) != 0)
        stop("cannot go to '%s'", start->directory);
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    run(start->argv);
}
