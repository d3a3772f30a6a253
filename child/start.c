/* SPDX-License-Identifier: MIT */
/*
 * The command line of rdvtask-child, and the start of the program: a new process that becomes the
 * user, goes to the folder, takes on the limits and the environment, and executes the program.
 * main.c calls this.
 *
 *     start_parse() --> start_prepare() --> start_program(): fork
 *                                               parent: returns the process id
 *                                               child:  become_user() --> run_program() --> exec
 *
 * Invariants: the limits, the folder and the environment never apply to this process; whatever goes
 * wrong in the new process is written into start->failure, which both share, before that process
 * ends.
 */
#define _GNU_SOURCE

#include "start.h"

#include <errno.h>
#include <fcntl.h>
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

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* Descriptors 0 to 3 are the program's: input, output, errors and notices. */
#define LAST_OF_PROGRAM 3

/*
 * How much of an environment is read at first, and at most, which is more than Linux lets a program
 * have.
 */
#define ENVIRONMENT_FIRST 4096
#define ENVIRONMENT_MAX   ((size_t)64 << 20)

/* Stands in place of an errno. */
#define NOT_IN_PATH (-1)

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

/* Read the number of a descriptor, which must not be one of the program's. */
static int parse_descriptor(const char *text, int *ret_fd)
{
    char *end;
    const long fd = strtol(text, &end, 10);
    if (end == text || *end != '\0' || fd <= LAST_OF_PROGRAM || fd > INT_MAX)
        return -1;
    *ret_fd = (int)fd;
    return 0;
}

int start_parse(int argc, char **argv, struct start *ret_start)
{
    static struct failure failure;
    struct start start = {.report = -1, .given_environment = -1, .failure = &failure};
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        int result = 0;
        if (strcmp(argv[i], "--user") == 0)
            start.user = argv[i + 1];
        else if (strcmp(argv[i], "--directory") == 0)
            start.directory = argv[i + 1];
        else if (strcmp(argv[i], "--record") == 0)
            start.record = argv[i + 1];
        else if (strcmp(argv[i], "--report") == 0)
            result = parse_descriptor(argv[i + 1], &start.report);
        else if (strcmp(argv[i], "--environment") == 0)
            result = parse_descriptor(argv[i + 1], &start.given_environment);
        else if (strcmp(argv[i], "--limit") == 0)
            result = parse_limit(&start, argv[i + 1]);
        else
            result = -1;
        if (result != 0)
            return -1;
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0)
        return -1;
    start.argv = argv + i + 1;
    *ret_start = start;
    return 0;
}

/* Read the rest of a file, and put a NUL at the end. */
static char *read_all(int fd, size_t *ret_size)
{
    size_t size = 0, room = ENVIRONMENT_FIRST;
    char *text = malloc(room);
    while (text) {
        const ssize_t got = read(fd, text + size, room - 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        if (got == 0) {
            text[size] = '\0';
            *ret_size = size;
            return text;
        }
        size += (size_t)got;
        if (size + 1 < room)
            continue;
        errno = E2BIG;
        char *more = room < ENVIRONMENT_MAX ? realloc(text, 2 * room) : NULL;
        if (!more)
            break;
        text = more;
        room *= 2;
    }
    free(text);
    return NULL;
}

static int read_environment(struct start *start)
{
    size_t size, count = 0;
    char *const text = read_all(start->given_environment, &size);
    if (!text)
        return -1;
    start->text = text;
    for (size_t at = 0; at < size; at += strlen(text + at) + 1)
        count++;
    start->environment = calloc(count + 1, sizeof *start->environment);
    if (!start->environment)
        return -1;
    size_t at = 0;
    for (size_t i = 0; i < count; i++, at += strlen(text + at) + 1)
        start->environment[i] = text + at;
    return 0;
}

void start_free(struct start *start)
{
    if (start->text)
        free(start->environment);
    free(start->text);
    start->text = NULL;
}

int start_prepare(struct start *start)
{
    /* Nothing is written to it unless something fails, so it costs nothing but the call. */
    void *shared = mmap(NULL, sizeof *start->failure, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -1;
    start->failure = shared;
    start->environment = environ;
    return start->given_environment < 0 ? 0 : read_environment(start);
}

static void keep_words(struct failure *failure, int number, const char *format, va_list arguments)
{
    const int size = vsnprintf(failure->words, sizeof failure->words, format, arguments);
    /* The words have to be one line. */
    for (char *at = failure->words; *at; at++)
        if (*at == '\n')
            *at = '?';
    if (size >= 0 && (size_t)size < sizeof failure->words)
        snprintf(failure->words + size, sizeof failure->words - (size_t)size, ": %s",
                 number == NOT_IN_PATH ? "not found in PATH" : strerror(number));
    failure->number = number == NOT_IN_PATH ? ENOENT : number;
}

void start_fail(const struct start *start, const char *format, ...)
{
    const int number = errno;
    va_list arguments;
    if (start->failure->number != 0)
        return;
    va_start(arguments, format);
    keep_words(start->failure, number, format, arguments);
    va_end(arguments);
}

/* In the new process: write down what is wrong, and end. */
__attribute__((noreturn, format(printf, 2, 3))) static void give_up(const struct start *start,
                                                                    const char *format, ...)
{
    const int number = errno;
    va_list arguments;
    va_start(arguments, format);
    keep_words(start->failure, number, format, arguments);
    va_end(arguments);
    _exit(START_FAILED);
}

/*
 * Give the user the pipes and the nameless input file that the program has, so that the program may
 * also open them by a name such as /dev/stdout.
 */
static void give_descriptors(const struct passwd *user)
{
    struct stat about;
    for (int fd = 0; fd <= 3; fd++)
        if (fstat(fd, &about) == 0 &&
            (S_ISFIFO(about.st_mode) || (S_ISREG(about.st_mode) && about.st_nlink == 0)) &&
            fchown(fd, user->pw_uid, user->pw_gid) != 0)
            /* The rest will not be allowed either, and that reports it. */
            return;
}

/*
 * When its time is up, the program is told first, by a signal that says why, and is killed if it
 * goes on for this much longer.
 */
#define CPU_MORE 5

static void set_limits(const struct start *start)
{
    for (size_t i = 0; i < start->limit_count; i++) {
        const rlim_t value = start->limits[i].value;
        const bool cpu = start->limits[i].resource == RLIMIT_CPU;
        const struct rlimit limit = {value, cpu ? value + CPU_MORE : value};
        if (setrlimit((__rlimit_resource_t)start->limits[i].resource, &limit) != 0)
            give_up(start, "cannot set a limit to %llu", (unsigned long long)value);
    }
}

/* Add what the program is told about its user, unless the agent's document says otherwise. */
static char **add_user(const struct start *start, const struct passwd *user)
{
    const struct {
        const char *name, *value;
    } words[] = {{"HOME", user->pw_dir}, {"USER", start->user}, {"LOGNAME", start->user}};
    size_t count = 0;
    while (start->environment[count])
        count++;
    const size_t given = count;
    char **list = calloc(count + sizeof words / sizeof *words + 1, sizeof *list);
    if (!list)
        give_up(start, "cannot tell the program of its user");
    memcpy(list, start->environment, count * sizeof *list);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t size = strlen(words[i].name);
        size_t other = 0;
        while (other < given &&
               (strncmp(list[other], words[i].name, size) != 0 || list[other][size] != '='))
            other++;
        if (other == given && asprintf(&list[count++], "%s=%s", words[i].name, words[i].value) < 0)
            give_up(start, "cannot tell the program of its user");
    }
    return list;
}

/*
 * Become the user, if one is given. The limits are set in the middle of that: looking up names may
 * take more than they allow, while afterwards it may not be allowed to set them. Returns the
 * environment of the program.
 */
static char **become_user(const struct start *start)
{
    const char *name = start->user;
    if (!name) {
        set_limits(start);
        return start->environment;
    }
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user) {
        errno = errno ? errno : ENOENT;
        give_up(start, "no user '%s'", name);
    }
    const bool same = geteuid() == user->pw_uid && getegid() == user->pw_gid;
    char **environment = add_user(start, user);
    if (!same) {
        give_descriptors(user);
        /* The groups come first, as the user isn't allowed to set them any more. */
        if (initgroups(name, user->pw_gid) != 0 ||
            setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0)
            give_up(start, "cannot become user '%s'", name);
    }
    set_limits(start);
    /*
     * A process that was not root, but was allowed to change its user, would keep its other
     * capabilities. Old kernels have no ambient ones.
     */
    if (!same &&
        (setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0 ||
         (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)))
        give_up(start, "cannot become user '%s'", name);
    return environment;
}

static const char *path_of(char *const *environment)
{
    for (; *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return "";
}

/*
 * Become the program, found as lib/platform/unix/spawn.c finds one: only in absolute directories of
 * PATH, and never through a shell.
 */
__attribute__((noreturn)) static void run_program(const struct start *start,
                                                  char *const *environment)
{
    const char *name = start->argv[0], *path = path_of(environment);
    if (strchr(name, '/')) {
        execve(name, start->argv, environment);
        give_up(start, "cannot run '%s'", name);
    }
    int number = NOT_IN_PATH;
    for (size_t size; *path; path += size + (path[size] == ':')) {
        char file[PATH_MAX];
        size = strcspn(path, ":");
        if (*path != '/' ||
            snprintf(file, sizeof file, "%.*s/%s", (int)size, path, name) >= (int)sizeof file)
            continue;
        execve(file, start->argv, environment);
        if (errno != ENOENT && errno != ENOTDIR)
            number = errno;
        if (number != NOT_IN_PATH && number != EACCES)
            break;
    }
    errno = number;
    give_up(start, "cannot run '%s'", name);
}

pid_t start_program(const struct start *start, const struct relay *relay)
{
    const pid_t parent = getpid();
    const pid_t program = fork();
    if (program < 0)
        start_fail(start, "cannot start a process");
    if (program != 0)
        return program;

    relay_become(relay);
    /*
     * With a session of its own, what the program does to its group or its terminal doesn't reach
     * this process, nor the other way round.
     */
    setsid();
    char *const *environment = become_user(start);
    /*
     * If the supervisor is killed, so is the program. This comes last, as a change of the user
     * undoes it.
     */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(START_FAILED);
    if (start->directory && chdir(start->directory) != 0)
        give_up(start, "cannot go to '%s'", start->directory);
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    run_program(start, environment);
}
