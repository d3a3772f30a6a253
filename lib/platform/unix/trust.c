/* SPDX-License-Identifier: MIT */
/*
 * Whether a file can be believed: nobody but root and the effective user can have changed it.
 * document/, plugin/, store/ and log.c ask this before they use a file. What was found right stays
 * right, as only those two users can change what was checked here.
 *
 *     begin_walk() --> take_step() --+--> another folder: enter_folder()
 *                      ^    |        +--> a link: follow_link(), its target comes before the rest
 *                      +----+        +--> the end: arrive_at_file() or arrive_at_database()
 *
 * The path is walked from the root, one name at a time, since anyone who may write to a folder on
 * the way can put another file in its place. Each folder is opened and then checked through its
 * descriptor.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/unix/unix.h"

/* As many as the kernel follows. */
#define LINKS_MAX    40
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)
#define PERMISSIONS  07777u
#define LOOK         (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define LOOK_FOLDER  (LOOK | O_DIRECTORY)
#define READ_FILE    (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define MAKE_FILE    (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC)
#define PATH_ROOM    ((size_t)PATH_MAX)
/* A link's target, and what comes after the link. */
#define LEFT_ROOM (2 * PATH_ROOM)

struct walk {
    /* The path as the caller gave it. */
    const char *asked;
    struct rdv_error *error;
    /* The folder that the walk has reached. */
    int folder;
    /* Its path, without links; "" = the root. */
    char at[PATH_ROOM];
    /* What is still to be walked. */
    char left[LEFT_ROOM];
    int links;
    /* The file has to be a store's database: see rdv__plat_database_file(). */
    bool database;
    /*
     * The file will be written to, and is made if it doesn't exist, unless that would be at the end
     * of a link.
     */
    bool make;
};

static int fail_with_errno(const struct walk *walk, int number)
{
    return rdv__fail(walk->error, rdv__unix_error(number), "cannot open '%s': %s", walk->asked,
                     rdv__unix_words(number));
}

/*
 * Check the owner and mode of what is at `path`. In a folder with the sticky bit, others can make
 * entries, but can't change those of trusted users. That is good enough for passing through
 * (`passing`), but not for the end of the way.
 */
static int check_owner_and_mode(const struct walk *walk, const char *path,
                                const struct stat *status, bool passing)
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

/* Go to a folder that was opened, and is checked now. Takes fd over, even on failure. */
static int enter_folder(struct walk *walk, int fd)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return fail_with_errno(walk, number);
    }
    if (walk->folder >= 0)
        close(walk->folder);
    walk->folder = fd;
    return check_owner_and_mode(walk, *walk->at ? walk->at : "/", &status, true);
}

static int enter_root(struct walk *walk)
{
    walk->at[0] = '\0';
    return enter_folder(walk, open("/", LOOK_FOLDER));
}

static int enter_parent(struct walk *walk)
{
    char *slash = strrchr(walk->at, '/');
    if (slash)
        *slash = '\0';
    return enter_folder(walk, openat(walk->folder, "..", LOOK_FOLDER));
}

/* Go on with a link's target in place of its name. */
static int follow_link(struct walk *walk, int link)
{
    char left[LEFT_ROOM];
    char target[PATH_ROOM];
    ssize_t size = readlinkat(link, "", target, sizeof target);
    if (size < 0)
        return fail_with_errno(walk, errno);
    if (size == 0 || (size_t)size == sizeof target)
        return fail_with_errno(walk, ENAMETOOLONG);
    if (++walk->links > LINKS_MAX)
        return fail_with_errno(walk, ELOOP);
    int length = snprintf(left, sizeof left, "%.*s%s", (int)size, target, walk->left);
    if (length < 0 || (size_t)length >= sizeof left)
        return fail_with_errno(walk, ENAMETOOLONG);
    memcpy(walk->left, left, (size_t)length + 1);
    return target[0] == '/' ? enter_root(walk) : 0;
}

static const char *const database_suffixes[] = {"-wal", "-journal", "-shm"};

/*
 * Check the files that SQLite would take for a part of the database; walk->at is the database's
 * path.
 */
static int check_beside_database(const struct walk *walk, const char *name)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof database_suffixes / sizeof *database_suffixes;
         i++) {
        struct stat status;
        char beside[NAME_MAX + 1], path[PATH_ROOM + 16];
        if (snprintf(beside, sizeof beside, "%s%s", name, database_suffixes[i]) >=
            (int)sizeof beside)
            /* Its name would be too long, so there can't be such a file. */
            continue;
        snprintf(path, sizeof path, "%s%s", walk->at, database_suffixes[i]);
        if (fstatat(walk->folder, beside, &status, AT_SYMLINK_NOFOLLOW) < 0) {
            result = errno == ENOENT ? 0 : fail_with_errno(walk, errno);
            continue;
        }
        if (!S_ISREG(status.st_mode) || status.st_nlink > 1)
            result = rdv__fail(walk->error, RDV_EACCES,
                               "'%s' can't be trusted: '%s' is not a regular file with a single "
                               "name; move it away if it is not of this store",
                               walk->asked, path);
        else
            result = check_owner_and_mode(walk, path, &status, false);
    }
    return result;
}

/*
 * In a folder with the sticky bit, others could put such a file there at any moment from now on,
 * unless this user's file is there already. So each missing one is made, empty, which is as good as
 * none to SQLite. The journal stays.
 */
static void guard_database(const struct walk *walk, const char *name)
{
    struct stat folder;
    if (fstat(walk->folder, &folder) < 0 || !(folder.st_mode & OTHERS_WRITE))
        return;
    for (size_t i = 0; i < sizeof database_suffixes / sizeof *database_suffixes; i++) {
        char beside[NAME_MAX + 1];
        if (snprintf(beside, sizeof beside, "%s%s", name, database_suffixes[i]) >=
            (int)sizeof beside)
            continue;
        /* If this fails, then nobody can make the file, or it exists and is checked next. */
        int fd = openat(walk->folder, beside, MAKE_FILE, 0600);
        if (fd >= 0)
            close(fd);
    }
}

/* Check the end of the way to a database. */
static int arrive_at_database(struct walk *walk, const char *name, const struct stat *status)
{
    if (!S_ISREG(status->st_mode))
        return rdv__fail(walk->error, RDV_EINVAL, "'%s' is not a regular file", walk->asked);
    if (status->st_nlink > 1)
        return rdv__fail(walk->error, RDV_EINVAL,
                         "'%s' has %lu names (hard links), and a database may have only one, as "
                         "its log is found by that: remove the others, or make copies of them",
                         walk->asked, (unsigned long)status->st_nlink);
    if (faccessat(walk->folder, name, R_OK, AT_EACCESS) < 0)
        return rdv__fail(walk->error, rdv__unix_error(errno), "cannot read '%s': %s", walk->asked,
                         rdv__unix_words(errno));
    if (walk->make && status->st_uid == geteuid())
        guard_database(walk, name);
    return check_beside_database(walk, name);
}

/* Make a database there if there is none. */
static int make_database(const struct walk *walk, const char *name)
{
    int fd = openat(walk->folder, name, MAKE_FILE, 0600);
    if (fd < 0 && errno != EEXIST)
        return rdv__fail(walk->error, rdv__unix_error(errno), "cannot make '%s': %s", walk->asked,
                         rdv__unix_words(errno));
    if (fd >= 0)
        close(fd);
    return 0;
}

/* Check the end of the way: a file in walk->folder. With ret_fd it is opened for reading. */
static int arrive_at_file(struct walk *walk, const char *name, const struct stat *looked_at,
                          int *ret_fd)
{
    if (!ret_fd)
        return 0;
    if (!S_ISREG(looked_at->st_mode))
        return rdv__fail(walk->error, RDV_EINVAL, "'%s' is not a regular file", walk->asked);
    struct stat status;
    int fd = rdv__unix_high(openat(walk->folder, name, READ_FILE));
    if (fd < 0)
        return fail_with_errno(walk, errno);
    if (fstat(fd, &status) < 0 || status.st_dev != looked_at->st_dev ||
        status.st_ino != looked_at->st_ino) {
        close(fd);
        return rdv__fail(walk->error, RDV_EIO, "'%s' was replaced while it was being opened",
                         walk->asked);
    }
    *ret_fd = fd;
    return 0;
}

/* Take the next name off what is left. It is empty at the end. */
static int next_name(struct walk *walk, char name[NAME_MAX + 1])
{
    const char *from = walk->left + strspn(walk->left, "/");
    size_t size = strcspn(from, "/");
    if (size > NAME_MAX)
        return fail_with_errno(walk, ENAMETOOLONG);
    memcpy(name, from, size);
    name[size] = '\0';
    memmove(walk->left, from + size, strlen(from + size) + 1);
    return 0;
}

/* Walk one name further. *ret_done says that what was asked for is at walk->at. */
static int take_step(struct walk *walk, int *ret_fd, bool *ret_done)
{
    char name[NAME_MAX + 1];
    struct stat status;
    int result = next_name(walk, name);
    if (result != 0)
        return result;
    if (!*name) {
        *ret_done = true;
        if (fstat(walk->folder, &status) < 0)
            return fail_with_errno(walk, errno);
        if (walk->database)
            return arrive_at_database(walk, ".", &status);
        result = check_owner_and_mode(walk, *walk->at ? walk->at : "/", &status, false);
        return result != 0 ? result : arrive_at_file(walk, ".", &status, ret_fd);
    }
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0)
        return enter_parent(walk);

    size_t length = strlen(walk->at);
    int added = snprintf(walk->at + length, sizeof walk->at - length, "/%s", name);
    if (added < 0 || (size_t)added >= sizeof walk->at - length)
        return fail_with_errno(walk, ENAMETOOLONG);
    int fd = openat(walk->folder, name, LOOK);
    if (fd < 0 && errno == ENOENT && walk->make && walk->links == 0 && !*walk->left) {
        result = make_database(walk, name);
        if (result != 0)
            goto out;
        fd = openat(walk->folder, name, LOOK);
    }
    if (fd < 0 || fstat(fd, &status) < 0) {
        result = fail_with_errno(walk, errno);
        goto out;
    }
    if (S_ISDIR(status.st_mode)) {
        result = enter_folder(walk, fd);
        fd = -1;
        goto out;
    }
    result = check_owner_and_mode(walk, walk->at, &status, false);
    if (result != 0)
        goto out;
    if (S_ISLNK(status.st_mode)) {
        walk->at[length] = '\0';
        result = follow_link(walk, fd);
    } else if (*walk->left) {
        result = fail_with_errno(walk, ENOTDIR);
    } else {
        *ret_done = true;
        result = walk->database ? arrive_at_database(walk, name, &status)
                                : arrive_at_file(walk, name, &status, ret_fd);
    }
out:
    if (fd >= 0)
        close(fd);
    return result;
}

static int begin_walk(struct walk *walk)
{
    size_t length = strlen(walk->asked), size = 0;
    if (length == 0)
        return fail_with_errno(walk, ENOENT);
    if (walk->asked[0] != '/') {
        /*
         * The way to the current directory is walked as well. Where the directory can't be reached
         * any more, there is no such way.
         */
        if (!getcwd(walk->left, PATH_ROOM))
            return fail_with_errno(walk, errno);
        if (walk->left[0] != '/')
            return fail_with_errno(walk, ENOENT);
        size = strlen(walk->left);
        walk->left[size++] = '/';
    }
    if (length >= PATH_ROOM)
        return fail_with_errno(walk, ENAMETOOLONG);
    memcpy(walk->left + size, walk->asked, length + 1);
    return enter_root(walk);
}

static int walk_on(struct walk *walk, int *ret_fd, char **ret_path)
{
    bool done = false;
    int fd = -1;
    int result = begin_walk(walk);
    while (result == 0 && !done)
        result = take_step(walk, ret_fd ? &fd : NULL, &done);
    if (result == 0 && ret_path) {
        char *resolved = strdup(*walk->at ? walk->at : "/");
        if (resolved)
            *ret_path = resolved;
        else
            result = rdv__fail(walk->error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    }
    if (result == 0 && ret_fd)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    if (walk->folder >= 0)
        close(walk->folder);
    return result;
}

int rdv__plat_check_trusted(const char *path, struct rdv_error *error)
{
    struct walk walk = {.asked = path, .error = error, .folder = -1};
    return walk_on(&walk, NULL, NULL);
}

int rdv__plat_open_trusted(const char *path, int *ret_fd, char **ret_path, struct rdv_error *error)
{
    struct walk walk = {.asked = path, .error = error, .folder = -1};
    assert(ret_fd);
    return walk_on(&walk, ret_fd, ret_path);
}

int rdv__plat_database_file(const char *path, bool write, char **ret_path, struct rdv_error *error)
{
    struct walk walk = {
        .asked = path, .error = error, .folder = -1, .database = true, .make = write};
    return walk_on(&walk, NULL, ret_path);
}

bool rdv__unix_is_own(const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1 &&
           !(status->st_mode & OTHERS_WRITE);
}

int rdv__plat_check_own(int fd, const char *path, struct rdv_error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return rdv__fail(error, rdv__unix_error(errno), "cannot look at '%s': %s", path,
                         rdv__unix_words(errno));
    if (rdv__unix_is_own(&status))
        return 0;
    return rdv__fail(error, RDV_EACCES,
                     "'%s' is not a regular file that only its owner, we, may write to: move it "
                     "away",
                     path);
}

void rdv__plat_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
