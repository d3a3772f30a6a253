/* SPDX-License-Identifier: MIT */
/* What the program needs from Unix. */
#define _XOPEN_SOURCE 700 /* realpath() */

#include "../system.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

void system_prepare(void)
{
    /* A closed descriptor is opened the wrong way round, so that using it is still an error.
     * open() takes the lowest free one, so that each call here fills the gap that it is meant
     * for. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
                _exit(1);
}

static char *no_place(struct rdv_error *error, int code, const char *words)
{
    *error = (struct rdv_error){.code = code};
    snprintf(error->text, sizeof(error->text), "%s", words);
    return NULL;
}

/* Find a file: the one of root, or the one of the user by the XDG rules. */
static char *find_file(const char *roots, const char *variable, const char *below_home,
                       const char *below, struct rdv_error *error)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    char path[PATH_MAX];
    int size;
    if (geteuid() == 0) {
        size = snprintf(path, sizeof(path), "%s", roots);
    } else if (base && base[0] == '/') { /* by the rules, a relative path is ignored */
        size = snprintf(path, sizeof(path), "%s%s", base, below);
    } else if (home && home[0] == '/') {
        size = snprintf(path, sizeof(path), "%s%s%s", home, below_home, below);
    } else {
        char words[64];
        snprintf(words, sizeof(words), "neither HOME nor %s is set", variable);
        return no_place(error, RDV_ENOTFOUND, words);
    }
    if (size < 0 || (size_t)size >= sizeof(path))
        return no_place(error, RDV_ELIMIT, strerror(ENAMETOOLONG));
    char *copy = strdup(path);
    return copy ? copy : no_place(error, RDV_ENOMEM, strerror(ENOMEM));
}

char *system_store(struct rdv_error *error)
{
    return find_file("/var/lib/rdvtask/store.db", "XDG_STATE_HOME", "/.local/state",
                     "/rdvtask/store.db", error);
}

char *system_config(struct rdv_error *error)
{
    return find_file("/etc/rdvtask/agent.json", "XDG_CONFIG_HOME", "/.config",
                     "/rdvtask/agent.json", error);
}

bool system_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

bool system_separates(char character)
{
    return character == '/';
}

char *system_link_target(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode) ? realpath(path, NULL) : NULL;
}

FILE *system_open(const char *path)
{
    return fopen(path, "rb");
}

int system_read_start(const char *path, char *buffer, size_t room)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int number = fstat(fd, &status) == 0 ? 0 : errno;
    if (number == 0 && !S_ISREG(status.st_mode))
        number = EINVAL;
    const ssize_t size = number == 0 ? read(fd, buffer, room - 1) : 0;
    if (size < 0)
        number = errno;
    else
        buffer[size] = '\0';
    close(fd);
    return number;
}

void system_print(FILE *file, const char *bytes, size_t size)
{
    fwrite(bytes, 1, size, file);
}

int system_write(bool error, const char *bytes, size_t size, size_t *ret_written)
{
    struct pollfd room = {.fd = error ? STDERR_FILENO : STDOUT_FILENO, .events = POLLOUT};
    *ret_written = 0;
    while (*ret_written < size) {
        const ssize_t written = write(room.fd, bytes + *ret_written, size - *ret_written);
        if (written >= 0)
            *ret_written += (size_t)written;
        else if (errno == EAGAIN) /* another process has made it non-blocking */
            poll(&room, 1, -1);
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

bool system_one_output(void)
{
    struct stat output, error;
    return fstat(STDOUT_FILENO, &output) == 0 && fstat(STDERR_FILENO, &error) == 0 &&
           output.st_dev == error.st_dev && output.st_ino == error.st_ino;
}

bool system_reader_gone(void)
{
    struct pollfd reader = {.fd = STDOUT_FILENO};
    struct stat status;
    return fstat(STDOUT_FILENO, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) && poll(&reader, 1, 0) > 0;
}

char *system_barred_folder(const char *path, const char *group)
{
    const struct group *found = getgrnam(group);
    char *copy = strdup(path);
    char *folder = found && copy ? realpath(dirname(copy), NULL) : NULL;
    free(copy);
    while (folder) {
        struct stat status;
        const mode_t pass = stat(folder, &status) != 0       ? 0
                            : status.st_gid == found->gr_gid ? S_IXGRP
                                                             : S_IXOTH;
        if (pass && !(status.st_mode & pass))
            break;
        char *slash = strrchr(folder, '/');
        if (!slash || !slash[1]) { /* the root was the last */
            free(folder);
            folder = NULL;
        } else {
            slash[slash == folder] = '\0';
        }
    }
    return folder;
}

int system_supervisor(char **ret_path)
{
    /* In the folder of a build, the two programs are in "cli" and "child". */
    static const char ours[] = "/cli/rdvtask", its[] = "/child/rdvtask-child";
    char path[PATH_MAX];
    const char *found = RDVTASK_CHILD;
    const ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - sizeof(its));
    const size_t end = sizeof(ours) - 1;
    if (size > (ssize_t)end && memcmp(path + size - end, ours, end) == 0) {
        memcpy(path + (size_t)size - end, its, sizeof(its));
        if (access(path, X_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
            found = path;
    }
    /* Commands run without it only if it is known that there is none. */
    if (access(found, X_OK) != 0)
        return errno == ENOENT || errno == ENOTDIR ? RDV_ENOTFOUND : RDV_EIO;
    char *copy = strdup(found);
    if (copy)
        *ret_path = copy;
    return copy ? 0 : RDV_ENOMEM;
}

void system_pause(rdv_duration duration)
{
    poll(NULL, 0, (int)(duration / RDV_MILLISECOND));
}

int system_make_directory(const char *path, struct rdv_error *error)
{
    int number = 0;
    char *copy = strdup(path);
    if (!copy)
        number = ENOMEM;
    for (char *slash = copy; slash && number == 0;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST && !system_exists(copy))
            number = errno;
        if (slash)
            *slash = '/';
    }
    free(copy);
    if (number == 0)
        return 0;
    *error = (struct rdv_error){.code = number == ENOMEM ? RDV_ENOMEM : RDV_EIO};
    snprintf(error->text, sizeof(error->text), "%s", strerror(number));
    return error->code;
}

bool system_live_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term && term[0] && strcmp(term, "dumb") != 0;
}

void system_terminal_size(size_t *ret_columns, size_t *ret_rows)
{
    struct winsize size;
    *ret_columns = 80;
    *ret_rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return;
    if (size.ws_col > 0)
        *ret_columns = size.ws_col;
    if (size.ws_row > 0)
        *ret_rows = size.ws_row;
}
