/* SPDX-License-Identifier: MIT */
/*
 * Children on Linux: what they are given, their start (launch.c has the system calls), their
 * supervisor (child/), and their end, of which a pidfd tells. agent/process.c calls this.
 *
 * In a host that ignores SIGCHLD the kernel reaps children by itself and drops their exit codes.
 * There, a process in between (the monitor) starts the child, holds it as a zombie until this
 * process has seen its end, and passes the exit code on. The monitor also serves where there are no
 * pidfds.
 *
 * If a host begins to ignore SIGCHLD while a child runs, or waits for children that it didn't
 * start, the exit code of that child is lost: rdv__plat_child_reap() returns RDV_EIO then.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/unix/supervisor.h"
#include "platform/unix/unix.h"

/* Constants that older headers don't have. */
#define MEMFD_NOEXEC_SEAL    0x0008u
#define SIGNAL_PROCESS_GROUP (1u << 2)
#define WAIT_PIDFD           ((idtype_t)3)

/* How long the monitor may take to say what it knows, in milliseconds. */
#define MONITOR_WAIT 10000

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/*
 * Whether there are pidfds. Linux has had them since 5.3, but what stands in between may lack them:
 * Valgrind, or a sandbox.
 */
static bool has_pidfds(void)
{
    /* EINVAL means that there are no such flags. */
    return syscall(SYS_pidfd_open, 1, ~0u) >= 0 || errno == EINVAL;
}

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int wait_info(idtype_t type, id_t id, siginfo_t *ret_info, int options)
{
    int result;
    do {
        /* Not every way of failing fills it in. */
        memset(ret_info, 0, sizeof *ret_info);
        result = waitid(type, id, ret_info, options);
    } while (result < 0 && errno == EINTR);
    return result;
}

/* --------------------------------------------------- what a child is given */

/* Make a file that has no name. */
static int nameless_file(void)
{
    int fd = memfd_create("rdvtask-input", MFD_CLOEXEC | MFD_ALLOW_SEALING | MEMFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("rdvtask-input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        fd = open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return rdv__unix_high(fd);
}

/*
 * Make a file with these bytes, positioned at its beginning, that can't be changed through the
 * descriptor. Returns -1 with errno.
 */
static int input_file(const void *data, size_t size)
{
    int fd = size > 0 ? -1 : rdv__unix_high(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (fd >= 0)
        return fd;
    fd = nameless_file();
    if (fd < 0)
        return -1;

    for (size_t done = 0; done < size;) {
        ssize_t written = pwrite(fd, (const char *)data + done, size - done, (off_t)done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            int number = errno;
            close(fd);
            errno = number;
            return -1;
        }
        done += (size_t)written;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
        return fd;

    /*
     * Only files in memory can be sealed. Others are opened once more, for reading. Where there is
     * no /proc for that, the child could only spoil what nobody else reads.
     */
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reading = rdv__unix_high(open(path, O_RDONLY | O_CLOEXEC));
    if (reading < 0)
        return fd;
    close(fd);
    return reading;
}

/*
 * Open a pipe whose reading end, which stays in this process, doesn't block. Returns 0, or -1 with
 * errno, and then both ends are -1.
 */
static int open_pipe(int *ret_reading, int *ret_writing)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *ret_reading = rdv__unix_high(ends[0]);
    *ret_writing = rdv__unix_high(ends[1]);
    if (*ret_reading < 0 || *ret_writing < 0)
        return -1;
    return fcntl(*ret_reading, F_SETFL, O_NONBLOCK);
}

static const char *path_of(const char *const *environment)
{
    for (; *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return "";
}

/*
 * Find the program. Directories of PATH that are not absolute (an empty one isn't) are passed over,
 * because what is run may not depend on where the host happens to be. The caller frees ret_path.
 */
static int find_program(const char *name, const char *const *environment, char **ret_path,
                        struct rdv_error *error)
{
    if (strchr(name, '/')) {
        *ret_path = strdup(name);
        return *ret_path ? 0 : rdv__fail(error, RDV_ENOMEM, "cannot run '%s'", name);
    }

    const char *directories = path_of(environment);
    size_t room = strlen(directories) + strlen(name) + 2;
    char *path = malloc(room);
    if (!path)
        return rdv__fail(error, RDV_ENOMEM, "cannot run '%s'", name);

    bool refused = false;
    for (const char *end; *name && *directories; directories = end + (*end == ':')) {
        end = strchrnul(directories, ':');
        if (*directories != '/')
            continue;
        struct stat status;
        snprintf(path, room, "%.*s/%s", (int)(end - directories), directories, name);
        if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
            continue;
        if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0) {
            *ret_path = path;
            return 0;
        }
        refused = true;
    }
    free(path);
    if (refused)
        return rdv__fail(error, RDV_EACCES, "cannot run '%s': %s", name, rdv__unix_words(EACCES));
    return rdv__fail(error, RDV_ENOTFOUND, "cannot run '%s': not found in PATH", name);
}

/* ----------------------------------------------------------------- monitor */

/* What the monitor says: first of the start, then of the end. */
struct monitor_word {
    /* An errno. */
    int number;
    pid_t pid;
    /* The exit code, or -signal. */
    int code;
};

static int code_of(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED ? info->si_status : -info->si_status;
}

static bool host_ignores_children(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) < 0)
        return false;
    return (action.sa_flags & SA_NOCLDWAIT) != 0 || action.sa_handler == SIG_IGN;
}

/*
 * The monitor's life. It is a copy of a program that may have threads, so it calls nothing but
 * async-signal-safe functions. All signals are blocked, so that those for the host's group pass it
 * by.
 */
static _Noreturn void run_monitor(struct rdv__unix_launch launch, int channel)
{
    const int own = launch.given_count;
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &by_default, NULL);

    /*
     * None of the descriptors that are given is below these, so no step destroys what a later one
     * needs.
     */
    for (int fd = 0; fd < own; fd++) {
        if (dup2(launch.given[fd], fd) < 0)
            _exit(1);
        launch.given[fd] = fd;
    }
    if (dup2(channel, own) < 0)
        _exit(1);
    rdv__unix_close_from(own + 1);

    struct monitor_word word = {0};
    word.number = rdv__unix_launch(&launch, &word.pid);
    for (int fd = 0; fd < own; fd++)
        close(fd);
    send(own, &word, sizeof word, MSG_NOSIGNAL);
    if (word.number != 0)
        _exit(1);

    siginfo_t info;
    if (wait_info(P_PID, (id_t)word.pid, &info, WEXITED | WNOWAIT) < 0)
        _exit(1);
    word.code = code_of(&info);
    /*
     * Nobody may get the child's number before the host has ended its group. So wait to be told, or
     * for the host's end.
     */
    char go;
    if (send(own, &word, sizeof word, MSG_NOSIGNAL) == (ssize_t)sizeof word)
        while (recv(own, &go, 1, 0) < 0 && errno == EINTR)
            ;
    wait_info(P_PID, (id_t)word.pid, &info, WEXITED);
    _exit(0);
}

/*
 * Hear a word from the monitor. Returns an errno if it doesn't come, as when the monitor was
 * killed.
 */
static int monitor_hear(int channel, int patience, struct monitor_word *ret_word)
{
    struct pollfd wait = {channel, POLLIN, 0};
    int ready;
    do
        ready = poll(&wait, 1, patience);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        return ready == 0 ? ETIMEDOUT : errno;

    ssize_t size;
    do
        size = recv(channel, ret_word, sizeof *ret_word, 0);
    while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof *ret_word ? 0 : ECHILD;
}

/*
 * The monitor is about to end, or has ended. Leave no zombie of it, if the host's children become
 * zombies.
 */
static void monitor_wait(pid_t monitor_pid)
{
    while (waitpid(monitor_pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int spawn_monitored(const struct rdv__unix_launch *launch, pid_t *ret_pid, int *ret_channel,
                           int64_t *ret_monitor_pid)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return errno;
    ends[0] = rdv__unix_high(ends[0]);
    ends[1] = rdv__unix_high(ends[1]);
    int number = ends[0] < 0 || ends[1] < 0 ? EMFILE : 0;

    pid_t monitor_pid = -1;
    if (number == 0) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        monitor_pid = fork();
        number = monitor_pid < 0 ? errno : 0;
        if (monitor_pid == 0)
            run_monitor(*launch, ends[1]);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    close_if_open(&ends[1]);

    struct monitor_word word;
    if (number == 0)
        number = monitor_hear(ends[0], -1, &word);
    if (number == 0)
        number = word.number;
    if (number != 0) {
        close_if_open(&ends[0]);
        if (monitor_pid > 0)
            monitor_wait(monitor_pid);
        return number;
    }
    *ret_pid = word.pid;
    *ret_channel = ends[0];
    *ret_monitor_pid = monitor_pid;
    return 0;
}

/* --------------------------------------------------------------- supervision */

/* Room for a limit as an argument. */
#define LIMIT_TEXT 48

/* A number of the preprocessor's as a text. */
#define NUMBER_TEXT(number) NUMBER_WORD(number)
#define NUMBER_WORD(number) #number

int rdv__plat_check_supervision(const struct rdv__supervision *supervision, struct rdv_error *error)
{
    const char *key = supervision->program       ? NULL
                      : supervision->user        ? "user"
                      : supervision->directory   ? "directory"
                      : supervision->limit_count ? "limits"
                      : supervision->record      ? "on_stop"
                                                 : NULL;
    return key ? rdv__fail(error, RDV_ENOTSUP,
                           "\"%s\" of the handler needs the program rdvtask-child", key)
               : 0;
}

/*
 * Make the command line of rdvtask-child. `numbers` has room for the limits' texts. Returns NULL if
 * there is no memory.
 */
static const char **supervised_argv(const struct rdv__supervision *supervision,
                                    const char *const *argv, char (*numbers)[LIMIT_TEXT])
{
    size_t count = 0;
    while (argv[count])
        count++;
    const char **all = calloc(14 + 2 * supervision->limit_count + count, sizeof *all);
    if (!all)
        return NULL;
    size_t at = 0;
    all[at++] = supervision->program;
    const struct {
        const char *option, *value;
    } words[] = {{"--report", NUMBER_TEXT(RDV__REPORT_FD)},
                 {"--environment", NUMBER_TEXT(RDV__ENVIRONMENT_FD)},
                 {"--user", supervision->user},
                 {"--directory", supervision->directory},
                 {"--record", supervision->record}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].value) {
            all[at++] = words[i].option;
            all[at++] = words[i].value;
        }
    for (size_t i = 0; i < supervision->limit_count; i++) {
        snprintf(numbers[i], LIMIT_TEXT, "%s=%" PRId64, supervision->limits[i].name,
                 supervision->limits[i].value);
        all[at++] = "--limit";
        all[at++] = numbers[i];
    }
    all[at++] = "--";
    memcpy(all + at, argv, count * sizeof *all);
    return all;
}

/*
 * Put the program's environment into a file, which only its supervisor reads. Returns -1 with
 * errno.
 */
static int environment_file(const char *const *environment)
{
    size_t size = 0, at = 0;
    for (const char *const *one = environment; *one; one++)
        size += strlen(*one) + 1;
    char *text = malloc(size + 1);
    if (!text)
        return -1;
    for (const char *const *one = environment; *one; one++) {
        const size_t length = strlen(*one) + 1;
        memcpy(text + at, *one, length);
        at += length;
    }
    const int fd = input_file(text, size);
    const int number = errno;
    free(text);
    errno = number;
    return fd;
}

/* ------------------------------------------------------------------- start */

/*
 * If a program does not exist, say so without a supervisor, in the same words as if it were started
 * directly, as far as this can be known beforehand. A relative path depends on the folder that the
 * supervisor goes to. For another user nothing is checked here: that user may see files that this
 * process doesn't, and could make this process look at files that the user may not see.
 */
static int check_supervised(const struct rdv__plat_spawn *spawn, struct rdv_error *error)
{
    char *path;
    int result = find_program(spawn->argv[0], spawn->environment, &path, error);
    if (result != 0)
        return result;
    struct stat about;
    int number = 0;
    if (path[0] == '/' && (access(path, X_OK) < 0 || stat(path, &about) < 0))
        number = errno;
    else if (path[0] == '/' && !S_ISREG(about.st_mode))
        number = EACCES;
    if (number != 0)
        result = rdv__fail(error, rdv__unix_error(number), "cannot run '%s': %s", spawn->argv[0],
                           rdv__unix_words(number));
    free(path);
    return result;
}

/*
 * Make what a supervisor is given beyond what a program is given: its own environment, and the two
 * descriptors. Returns 0 or an errno.
 */
static int prepare_supervisor(const struct rdv__plat_spawn *spawn, struct rdv__unix_launch *launch,
                              struct rdv__plat_child *child, int *ret_report, int *ret_environment)
{
    static const char *const nothing[] = {NULL};
    const char *const *marks = spawn->supervision->marks;
    /* Neither end blocks, as the whole report is smaller than a pipe. */
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return errno;
    child->report = rdv__unix_high(ends[0]);
    *ret_report = rdv__unix_high(ends[1]);
    if (child->report < 0 || *ret_report < 0 ||
        (*ret_environment = environment_file(spawn->environment)) < 0)
        return errno;
    /* exec does not change the strings. */
    launch->environment = (char *const *)(marks ? marks : nothing);
    launch->given[RDV__REPORT_FD] = *ret_report;
    launch->given[RDV__ENVIRONMENT_FD] = *ret_environment;
    launch->given_count = RDV__GIVEN_FDS_MAX;
    /* The supervisor receives these signals once it is ready for them, however soon they come. */
    sigaddset(&launch->blocked, SIGTERM);
    sigaddset(&launch->blocked, SIGQUIT);
    sigaddset(&launch->blocked, SIGUSR1);
    sigaddset(&launch->blocked, RDV__FOLLOW_SIGNAL);
    return 0;
}

static struct rdv__plat_child make_child(bool supervised)
{
    return (struct rdv__plat_child){.end = -1,
                                    .output = -1,
                                    .notices = -1,
                                    .output_kept = -1,
                                    .notices_kept = -1,
                                    .report = -1,
                                    .monitor = -1,
                                    .supervised = supervised};
}

/*
 * Open what the child has as its descriptors 0 to 3, and this process's ends of its pipes. Returns
 * 0 or an errno; what was opened is in *child and *input in any case.
 */
static int open_streams(const struct rdv__plat_spawn *spawn, struct rdv__unix_launch *launch,
                        struct rdv__plat_child *child, int *input)
{
    if ((*input = input_file(spawn->input, spawn->input_size)) < 0 ||
        open_pipe(&child->output, &child->output_kept) < 0 ||
        open_pipe(&child->notices, &child->notices_kept) < 0)
        return errno;
    launch->given[0] = *input;
    launch->given[1] = launch->given[2] = child->output_kept;
    launch->given[3] = child->notices_kept;
    return 0;
}

/* Launch the child, by way of a monitor if it needs one, and open `end`. Returns 0 or an errno. */
static int start_child(const struct rdv__unix_launch *launch, struct rdv__plat_child *child)
{
    pid_t pid;
    const bool pidfds = has_pidfds();
    int number;
    if (!pidfds || host_ignores_children())
        number = spawn_monitored(launch, &pid, &child->monitor, &child->monitor_pid);
    else
        number = rdv__unix_launch(launch, &pid);
    if (number != 0)
        return number;

    child->pid = pid;
    /* The monitor's channel becomes readable at the same moment. */
    child->end =
        rdv__unix_high(pidfds ? open_pidfd(pid) : fcntl(child->monitor, F_DUPFD_CLOEXEC, 0));
    if (child->end >= 0)
        return 0;
    number = errno;
    kill(-pid, SIGKILL);
    if (child->monitor < 0)
        waitpid(pid, NULL, 0);
    close_if_open(&child->monitor);
    if (child->monitor_pid > 0)
        monitor_wait((pid_t)child->monitor_pid);
    return number;
}

int rdv__plat_spawn(const struct rdv__plat_spawn *spawn, struct rdv__plat_child *ret_child,
                    struct rdv_error *error)
{
    const struct rdv__supervision *supervision = spawn->supervision;
    const bool supervised = supervision && supervision->program;
    const char *program = supervised ? supervision->program : spawn->argv[0];
    char numbers[RDV__LIMITS_MAX][LIMIT_TEXT];
    const char **argv = NULL;
    assert(spawn->argv[0] && (!supervision || supervision->limit_count <= RDV__LIMITS_MAX));
    struct rdv__plat_child child = make_child(supervised);
    /* exec changes neither argv nor the environment. */
    struct rdv__unix_launch launch = {.argv = (char *const *)spawn->argv,
                                      .environment = (char *const *)spawn->environment,
                                      .given_count = RDV__GIVEN_FDS};
    char *path = NULL;
    int number = 0, input = -1, report = -1, environment = -1;

    int result = supervision ? rdv__plat_check_supervision(supervision, error) : 0;
    if (result == 0 && supervised && !supervision->user)
        result = check_supervised(spawn, error);
    /*
     * The supervisor is not searched for, as it may have more rights than those who may write to a
     * folder of PATH.
     */
    if (result == 0 && !supervised)
        result = find_program(program, spawn->environment, &path, error);
    if (result != 0)
        return result;
    launch.path = supervised ? program : path;

    sigemptyset(&launch.blocked);
    if (supervised) {
        argv = supervised_argv(supervision, spawn->argv, numbers);
        launch.argv = (char *const *)argv;
        number = argv ? prepare_supervisor(spawn, &launch, &child, &report, &environment) : ENOMEM;
        if (number != 0)
            goto failed;
    }

    number = open_streams(spawn, &launch, &child, &input);
    if (number == 0)
        number = start_child(&launch, &child);
    if (number != 0)
        goto failed;
    *ret_child = child;
    goto out;

failed:
    result = rdv__fail(error, rdv__unix_error(number), "cannot run '%s': %s", program,
                       rdv__unix_words(number));
    rdv__plat_child_close(&child);
out:
    close_if_open(&input);
    close_if_open(&report);
    close_if_open(&environment);
    free(argv);
    free(path);
    return result;
}

int rdv__plat_child_read(int fd, void *buffer, size_t room, size_t *ret_size)
{
    ssize_t size;
    do
        size = read(fd, buffer, room);
    while (size < 0 && errno == EINTR);
    if (size == 0 || (size < 0 && errno != EAGAIN))
        return RDV_EIO;
    *ret_size = size > 0 ? (size_t)size : 0;
    return 0;
}

/* --------------------------------------------------------------------- end */

/*
 * Signal the group that the child leads, or has led, by its pidfd, which can't mean another group.
 * False before Linux 6.9, which can't do this.
 */
static bool signal_group_by_pidfd(const struct rdv__plat_child *child, int number)
{
    return syscall(SYS_pidfd_send_signal, child->end, number, NULL, SIGNAL_PROCESS_GROUP) == 0 ||
           errno == ESRCH;
}

/*
 * Signal the group of a child that is not reaped, by its number. Until the child is reaped, nobody
 * else gets the number.
 */
static void signal_group(const struct rdv__plat_child *child, int number)
{
    if (!signal_group_by_pidfd(child, number))
        kill(-(pid_t)child->pid, number);
}

/* Signal the supervisor alone. */
static void signal_supervisor(const struct rdv__plat_child *child, int number)
{
    /* Without pidfds the number serves, as such a child is this process's own, and not reaped. */
    if (syscall(SYS_pidfd_send_signal, child->end, number, NULL, 0) < 0 && errno != ESRCH &&
        !child->adopted)
        kill((pid_t)child->pid, number);
}

/*
 * Tell a supervisor to end its tree, all of which it knows, though the tree isn't in its group.
 * Only a supervisor that doesn't do what it is told is killed, and the program with it.
 */
static void end_supervised(struct rdv__plat_child *child, bool kill_it)
{
    signal_supervisor(child, child->told ? SIGKILL : kill_it ? SIGQUIT : SIGTERM);
    signal_supervisor(child, SIGCONT);
    child->told = child->told || kill_it;
}

void rdv__plat_child_end(struct rdv__plat_child *child, bool kill_it)
{
    if (child->pid <= 0)
        return;
    if (child->supervised) {
        end_supervised(child, kill_it);
        return;
    }
    signal_group(child, kill_it ? SIGKILL : SIGTERM);
    /* A stopped process gets the signal once it goes on. */
    if (!kill_it)
        signal_group(child, SIGCONT);
}

bool rdv__plat_child_wait(const struct rdv__plat_child *child, rdv_duration wait)
{
    struct pollfd end = {child->end, POLLIN, 0};
    int ready;
    /* A signal makes the wait longer, but nobody relies on its length. */
    do
        ready = poll(&end, 1, (int)(wait / RDV_MILLISECOND));
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/*
 * The codes of a supervisor that has reported nothing about its program: one of these minus the
 * number of its signal, or minus its exit code.
 */
#define SUPERVISOR_KILLED (-256)
#define SUPERVISOR_EXITED (-512)

bool rdv__plat_end_is_lost(int code)
{
    return code < SUPERVISOR_KILLED;
}

/* Read the report of a supervisor that has ended. RDV_EIO if there is none. */
static int read_report(const struct rdv__plat_child *child, struct rdv__plat_end *ret_end)
{
    char text[RDV__REPORT_WORDS + RDV__REPORT_TAIL + 128];
    ssize_t size;
    if (child->report < 0)
        return RDV_EIO;
    do
        size = read(child->report, text, sizeof text - 1);
    while (size < 0 && errno == EINTR);
    if (size <= 0)
        return RDV_EIO;
    text[size] = '\0';
    return rdv__unix_read_ending(text, (size_t)size, false, ret_end);
}

/* Wait for the end of a child that has a monitor, and read its exit code. Returns 0 or an errno. */
static int reap_monitored(struct rdv__plat_child *child, int *ret_code)
{
    struct monitor_word word = {0};
    struct pollfd wait = {child->end, POLLIN, 0};
    while (poll(&wait, 1, -1) < 0 && errno == EINTR)
        ;
    const int number = monitor_hear(child->monitor, MONITOR_WAIT, &word);
    /*
     * Without the monitor somebody else reaps the child. If it is still there, which can't be found
     * out without pidfds, it must not run on.
     */
    if (number == 0 || !has_pidfds())
        signal_group(child, SIGKILL);
    else
        signal_group_by_pidfd(child, SIGKILL);
    if (number == 0)
        send(child->monitor, "", 1, MSG_NOSIGNAL);
    else if (number == ETIMEDOUT)
        kill((pid_t)child->monitor_pid, SIGKILL);
    close_if_open(&child->monitor);
    monitor_wait((pid_t)child->monitor_pid);
    *ret_code = word.code;
    return number;
}

/* Wait for the end of a child that is this process's own. */
static int reap_own(const struct rdv__plat_child *child, int *ret_code)
{
    siginfo_t info;
    /* Kill the group first, while it is still the child's. The host may have reaped the child. */
    const bool unreaped = wait_info(WAIT_PIDFD, (id_t)child->end, &info, WEXITED | WNOWAIT) == 0;
    if (!signal_group_by_pidfd(child, SIGKILL) && unreaped)
        kill(-(pid_t)child->pid, SIGKILL);
    if (wait_info(WAIT_PIDFD, (id_t)child->end, &info, WEXITED) < 0)
        return errno;
    *ret_code = code_of(&info);
    return 0;
}

int rdv__plat_child_reap(struct rdv__plat_child *child, struct rdv__plat_end *ret_end)
{
    assert(child->pid > 0 && !child->adopted);
    struct rdv__plat_end end = {0};
    const int number =
        child->monitor >= 0 ? reap_monitored(child, &end.code) : reap_own(child, &end.code);
    child->pid = 0;
    /* The supervisor's report is what counts, however the rest turns out. */
    const int told = read_report(child, ret_end);
    if (told == 0)
        return 0;
    if (told == RDV_ENOMEM || number != 0)
        return RDV_EIO;
    if (child->supervised)
        end.code = end.code < 0 ? SUPERVISOR_KILLED + end.code : SUPERVISOR_EXITED - end.code;
    *ret_end = end;
    return 0;
}

/* Name a signal whose number is the same on every Unix. */
static const char *signal_name(int number)
{
    static const char *const names[] = {
        [1] = "SIGHUP",   [2] = "SIGINT",   [3] = "SIGQUIT",  [4] = "SIGILL",
        [5] = "SIGTRAP",  [6] = "SIGABRT",  [8] = "SIGFPE",   [9] = "SIGKILL",
        [11] = "SIGSEGV", [13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM",
    };
    return (size_t)number < sizeof names / sizeof names[0] ? names[number] : NULL;
}

int rdv__plat_end_words(int code, char *buffer, size_t size)
{
    static const char supervisor[] = "its supervisor, rdvtask-child, ";
    assert(code < 0);
    if (code <= SUPERVISOR_EXITED) {
        snprintf(buffer, size, "%sended by itself with exit code %d", supervisor,
                 SUPERVISOR_EXITED - code);
        return RDV_EFAILED;
    }
    const bool lost = rdv__plat_end_is_lost(code);
    const int number = lost ? SUPERVISOR_KILLED - code : -code;
    const char *name = signal_name(number);
    snprintf(buffer, size, "%s%skilled by signal %d%s%s%s", lost ? supervisor : "",
             lost ? "was " : "", number, name ? " (" : "", name ? name : "", name ? ")" : "");
    /* This is how shells write it. Negative codes are RDV_E… codes. */
    return 128 + number;
}

enum rdv__plat_exit rdv__plat_exit_means(int code)
{
    (void)code;
    return RDV__EXIT_MEANS_NOTHING;
}

/* HOME is not part of it, as it could be any user's. */
int rdv__plat_environment(char ***ret_list, size_t *ret_count)
{
    static const char *const base[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG=C.UTF-8",
    };
    const size_t count = sizeof base / sizeof base[0];
    char **list = calloc(count + 1, sizeof *list);
    bool whole = list != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        list[i] = strdup(base[i]);
        whole = list[i] != NULL;
    }
    if (!whole) {
        for (size_t i = 0; list && i < count; i++)
            free(list[i]);
        free(list);
        return RDV_ENOMEM;
    }
    *ret_list = list;
    *ret_count = count;
    return 0;
}

void rdv__plat_child_deafen(struct rdv__plat_child *child)
{
    close_if_open(&child->output);
    close_if_open(&child->output_kept);
    close_if_open(&child->notices);
    close_if_open(&child->notices_kept);
}

void rdv__plat_child_close(struct rdv__plat_child *child)
{
    rdv__plat_child_deafen(child);
    close_if_open(&child->end);
    close_if_open(&child->report);
    close_if_open(&child->monitor);
}
