/* SPDX-License-Identifier: MIT */
/*
 * Whether a file can be believed: nobody but root and the effective user can have changed it. The path is walked from the root,
 * one name at a time, since whoever may write to a folder on the way can put another file in its place. What was found right
 * stays right: only those two users can change what was looked at here.
 */
#define _GNU_SOURCE

#include "plat.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "unix.h"

#define LINKS_MAX    40 /* as many as the kernel follows */
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)
#define PERMISSIONS  07777u
#define LOOK         (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define LOOK_FOLDER  (LOOK | O_DIRECTORY)
#define READ_FILE    (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define PATH_ROOM    ((size_t)PATH_MAX)
#define LEFT_ROOM    (2 * PATH_ROOM) /* a link's target, and what comes after the link */

struct walk {
    const char *asked; /* the path as the caller gave it */
    struct rdv_error *error;
    int folder;           /* where we are */
    char at[PATH_ROOM];   /* its path, without links; "" = the root */
    char left[LEFT_ROOM]; /* what is still to be walked */
    int links;
};

static int fail(const struct walk *walk, int number)
{
    return rdv__fail(walk->error, rdv__unix_error(number), "cannot open '%s': %s", walk->asked,
                     rdv__unix_words(number));
}

/*
 * Check what is at `path`. In a folder with the sticky bit others can make entries, but not change those of trusted users: good
 * enough to pass through, not to be believed itself.
 */
static int check(const struct walk *walk, const char *path, const struct stat *status, bool passing)
{
    const mode_t mode = status->st_mode;
    const char *what = S_ISLNK(mode)   ? "the symbolic link"
                       : S_ISDIR(mode) ? "the folder"
                                       : "the file";
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return rdv__fail(walk->error, RDV_EACCES,
                         "'%s' can't be trusted: %s '%s' belongs to user %lu, who is neither root "
                         "nor the user of this process",
                         walk->asked, what, path, (unsigned long)status->st_uid);
    if (S_ISLNK(mode) || !(mode & OTHERS_WRITE) || (passing && (mode & S_ISVTX)))
        return 0;
    return rdv__fail(walk->error, RDV_EACCES,
                     "'%s' can't be trusted: %s may write to %s '%s' (mode %04o); 'chmod go-w' "
                     "puts that right",
                     walk->asked, mode & S_IWOTH ? "everybody" : "its group", what, path,
                     (unsigned)mode & PERMISSIONS);
}

/* Go to a folder that was opened and is checked now. Takes fd over, also on failure. */
static int enter(struct walk *walk, int fd)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return fail(walk, number);
    }
    if (walk->folder >= 0)
        close(walk->folder);
    walk->folder = fd;
    return check(walk, *walk->at ? walk->at : "/", &status, true);
}

static int enter_root(struct walk *walk)
{
    walk->at[0] = '\0';
    return enter(walk, open("/", LOOK_FOLDER));
}

static int enter_parent(struct walk *walk)
{
    char *slash = strrchr(walk->at, '/');
    if (slash)
        *slash = '\0';
    return enter(walk, openat(walk->folder, "..", LOOK_FOLDER));
}

/* Go on with a link's target in the place of its name. */
static int follow(struct walk *walk, int link)
{
    char left[LEFT_ROOM];
    char target[PATH_ROOM];
    ssize_t size = readlinkat(link, "", target, sizeof target);
    if (size < 0)
        return fail(walk, errno);
    if (size == 0 || (size_t)size == sizeof target)
        return fail(walk, ENAMETOOLONG);
    if (++walk->links > LINKS_MAX)
        return fail(walk, ELOOP);
    int length = snprintf(left, sizeof left, "%.*s%s", (int)size, target, walk->left);
    if (length < 0 || (size_t)length >= sizeof left)
        return fail(walk, ENAMETOOLONG);
    memcpy(walk->left, left, (size_t)length + 1);
    return target[0] == '/' ? enter_root(walk) : 0;
}

/* The end of the way: a file, in walk->folder. With ret_fd it is opened for reading. */
static int arrive(struct walk *walk, const char *name, const struct stat *looked_at, int *ret_fd)
{
    if (!ret_fd)
        return 0;
    if (!S_ISREG(looked_at->st_mode))
        return rdv__fail(walk->error, RDV_EINVAL, "'%s' is not a regular file", walk->asked);
    struct stat status;
    int fd = rdv__unix_high(openat(walk->folder, name, READ_FILE));
    if (fd < 0)
        return fail(walk, errno);
    if (fstat(fd, &status) < 0 || status.st_dev != looked_at->st_dev ||
        status.st_ino != looked_at->st_ino) {
        close(fd);
        return rdv__fail(walk->error, RDV_EIO, "'%s' was replaced while it was being opened",
                         walk->asked);
    }
    *ret_fd = fd;
    return 0;
}

/* Take the next name of what is left. Empty at the end. */
static int next_name(struct walk *walk, char name[NAME_MAX + 1])
{
    const char *from = walk->left + strspn(walk->left, "/");
    size_t size = strcspn(from, "/");
    if (size > NAME_MAX)
        return fail(walk, ENAMETOOLONG);
    memcpy(name, from, size);
    name[size] = '\0';
    memmove(walk->left, from + size, strlen(from + size) + 1);
    return 0;
}

/* One name further. *ret_done: what was asked for is at walk->at. */
static int step(struct walk *walk, int *ret_fd, bool *ret_done)
{
    char name[NAME_MAX + 1];
    struct stat status;
    int result = next_name(walk, name);
    if (result != 0)
        return result;
    if (!*name) {
        *ret_done = true;
        if (fstat(walk->folder, &status) < 0)
            return fail(walk, errno);
        result = check(walk, *walk->at ? walk->at : "/", &status, false);
        return result != 0 ? result : arrive(walk, ".", &status, ret_fd);
    }
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0)
        return enter_parent(walk);

    size_t length = strlen(walk->at);
    int added = snprintf(walk->at + length, sizeof walk->at - length, "/%s", name);
    if (added < 0 || (size_t)added >= sizeof walk->at - length)
        return fail(walk, ENAMETOOLONG);
    int fd = openat(walk->folder, name, LOOK);
    if (fd < 0 || fstat(fd, &status) < 0) {
        result = fail(walk, errno);
        goto out;
    }
    if (S_ISDIR(status.st_mode)) {
        result = enter(walk, fd);
        fd = -1;
        goto out;
    }
    result = check(walk, walk->at, &status, false);
    if (result != 0)
        goto out;
    if (S_ISLNK(status.st_mode)) {
        walk->at[length] = '\0';
        result = follow(walk, fd);
    } else if (*walk->left) {
        result = fail(walk, ENOTDIR);
    } else {
        *ret_done = true;
        result = arrive(walk, name, &status, ret_fd);
    }
out:
    if (fd >= 0)
        close(fd);
    return result;
}

static int begin(struct walk *walk)
{
    size_t length = strlen(walk->asked), size = 0;
    if (length == 0)
        return fail(walk, ENOENT);
    if (walk->asked[0] != '/') {
        /* The way to the current directory counts as well. Where it can't be reached any more there is no such way. */
        if (!getcwd(walk->left, PATH_ROOM))
            return fail(walk, errno);
        if (walk->left[0] != '/')
            return fail(walk, ENOENT);
        size = strlen(walk->left);
        walk->left[size++] = '/';
    }
    if (length >= PATH_ROOM)
        return fail(walk, ENAMETOOLONG);
    memcpy(walk->left + size, walk->asked, length + 1);
    return enter_root(walk);
}

static int walk_to(const char *path, int *ret_fd, char **ret_path, struct rdv_error *error)
{
    struct walk walk = {.asked = path, .error = error, .folder = -1};
    bool done = false;
    int fd = -1;
    int result = begin(&walk);
    while (result == 0 && !done)
        result = step(&walk, ret_fd ? &fd : NULL, &done);
    if (result == 0 && ret_path) {
        char *resolved = strdup(*walk.at ? walk.at : "/");
        if (resolved)
            *ret_path = resolved;
        else
            result = rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    }
    if (result == 0 && ret_fd)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    if (walk.folder >= 0)
        close(walk.folder);
    return result;
}

int rdv__plat_check_trusted(const char *path, struct rdv_error *error)
{
    return walk_to(path, NULL, NULL, error);
}

int rdv__plat_open_trusted(const char *path, int *ret_fd, char **ret_path, struct rdv_error *error)
{
    assert(ret_fd);
    return walk_to(path, ret_fd, ret_path, error);
}

void rdv__plat_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
