/* SPDX-License-Identifier: MIT */
/*
 * What differs between systems: the same functions in unix/ and win/, of which the build chooses
 * one folder. Nothing above asks which system it is on.
 */
#ifndef RDV__PLATFORM_PLATFORM_H
#define RDV__PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#include "types.h"

/* ---- time; rdv_time_now() is defined beside these ---- */

/* Return the time since some moment, not counting time asleep. It never goes back. */
rdv_duration rdv__plat_running(void);

/* Return the time since the machine started, including time asleep. */
rdv_duration rdv__plat_since_boot(void);

/* Whether the system says that its clock is synchronised; true where it can't tell. */
bool rdv__plat_clock_synchronised(void);

/* ---- timers ---- */

/*
 * A timer is a descriptor that becomes readable at a moment, and not before, however far away that
 * is.
 */
struct rdv__plat_timer {
    rdv__descriptor fd;
    /*
     * With `clock`, moments are those of rdv_time_now(), and changes of that clock are reported;
     * otherwise they are those of rdv__plat_running().
     */
    bool clock;
};

enum rdv__plat_timer_event {
    RDV__TIMER_NOTHING,
    /* The moment has come, and the timer is off. */
    RDV__TIMER_DUE,
    /*
     * The clock was set, and the timer has to be set again if it should stay on. This never comes
     * on Windows, where a timer moves along with the clock, and is due at once if its moment has
     * passed.
     */
    RDV__TIMER_CLOCK_SET
};

/* Open a timer, which is off. Returns 0, RDV_ENOMEM or RDV_EIO. */
int rdv__plat_timer_open(bool clock, struct rdv__plat_timer *ret_timer);
void rdv__plat_timer_close(struct rdv__plat_timer *timer);

/*
 * Set a timer; 0 turns it off. A moment that has passed makes it readable at once. True means that
 * it is set, and that the clock was changed since the timer was last set or read, which
 * rdv__plat_timer_read() won't report any more.
 */
bool rdv__plat_timer_set(struct rdv__plat_timer *timer, int64_t when);

/* Find out what has made a timer readable. Never blocks. */
enum rdv__plat_timer_event rdv__plat_timer_read(struct rdv__plat_timer *timer);

/* ---- this machine ---- */

/* Fill a buffer with random bytes. Returns 0 or RDV_EIO. */
int rdv__plat_random(void *buffer, size_t size);
#define RDV__BOOT_ID_SIZE 40
/* Write the id of this boot, which differs after each boot. Returns 0 or RDV_EIO. */
int rdv__plat_boot_id(char buffer[RDV__BOOT_ID_SIZE]);

/* ---- atomic numbers, as one compiler that is supported lacks those of C11 ---- */

/* Add to a number, with acquire and release. Returns the new value. */
int rdv__atomic_add(int *value, int add);

/* Load a number, with acquire. */
int rdv__atomic_load(const int *value);

/* Store a number, with release. */
void rdv__atomic_store(int *value, int set);

/* ---- files ---- */

/*
 * Read a whole file of at most `limit` bytes (RDV_ELIMIT for more). The data ends with a NUL that
 * is not counted, and the caller frees it with free(). RDV_EINVAL if it is not a regular file; "-"
 * has no special meaning. error has no place, and its text names the file.
 */
int rdv__plat_read_file(const char *path, size_t limit, char **ret_data, size_t *ret_size,
                        struct rdv_error *error);

/*
 * Look for the database file of a store. The file has to be trusted in the sense of
 * rdv__plat_check_trusted(), and so has everything beside it that would be read as a part of it:
 * the log, the old kind of log, and the shared memory. It has to be a regular file with a single
 * name, as SQLite finds the log by the name.
 *
 * With `write`, if there is no file, an empty one is made that only the effective user may use, and
 * from then on nobody else can put anything of that kind beside it. A file that exists is never
 * opened here, because closing it would drop the locks that this process has on it.
 *
 * ret_path is where the file was found, absolute and without links; the caller frees it with
 * free(). Fails with RDV_ENOTFOUND, RDV_EACCES, RDV_EINVAL (not a regular file, or one with several
 * names), or what the system says; error's text names the file.
 */
int rdv__plat_database_file(const char *path, bool write, char **ret_path, struct rdv_error *error);

/*
 * Note that a store of this process uses a database file. A store that writes locks it: RDV_ELOCKED
 * if another store, in this process or any other, has that lock, whatever name of the file it used.
 * Free it, with the same `write`, after the store has closed its last descriptor of the file. path
 * is without links, and error's text names it. Any thread.
 */
struct rdv__plat_hold;
int rdv__plat_hold_new(const char *path, bool write, struct rdv__plat_hold **ret_hold,
                       struct rdv_error *error);

/* NULL is fine. */
void rdv__plat_hold_free(struct rdv__plat_hold *hold, bool write);

/*
 * What tells one file from all others, so that it can be found out later whether a name still
 * belongs to that file.
 */
struct rdv__plat_file_id {
    uint64_t device, file;
    /* Whether the file is empty. */
    bool empty;
};

/*
 * Identify the file that has this name now; links are not followed. False if no file has the name,
 * or if that can't be found out.
 */
bool rdv__plat_file_id(const char *path, struct rdv__plat_file_id *ret_id);

/*
 * Check that the file that has this name begins with these bytes; links are not followed. The
 * caller must not have a POSIX lock on the file.
 */
bool rdv__plat_file_begins(const char *path, const void *bytes, size_t size);

/*
 * Check that an open file is one that rdvtask made for itself: a regular file of the effective
 * user, with a single name, to which nobody else may write. Such files are opened without following
 * a link and without waiting for anyone. RDV_EACCES; error's text names `path`.
 */
int rdv__plat_check_own(rdv__file file, const char *path, struct rdv_error *error);

/* Whether a path means the same whatever the current folder may be. */
bool rdv__plat_is_absolute(const char *path);

/*
 * Return what comes after the last separator of a path, or the whole path if there is none. It is
 * part of path.
 */
const char *rdv__plat_last_part(const char *path);

/*
 * Give a file that SQLite has made beside its database, if it exists, the permissions of the
 * database.
 */
int rdv__plat_same_rights(const char *from, const char *to);

/*
 * Return the RDV_E… code for one of the system's own numbers (errno, or GetLastError() on Windows);
 * 0 for 0.
 */
int rdv__plat_error(int number);

/*
 * Check that nobody but root and the effective user can have changed the file or folder. It, and
 * every folder on the way from the root, must belong to one of the two, without write permission
 * for group and others; a folder with the sticky bit may be passed through. Symbolic links are
 * followed, and everything on their way is checked as well. What was found so stays so, unless one
 * of the two users changes it. Returns 0, RDV_EACCES with words that say who may write where, or
 * what the system says.
 *
 * On Windows the administrators, the system and its installer stand for root, and the access list
 * for the mode. A folder that others may add to, but not take from, may be passed through; but the
 * folder that a file is in must not be such a one.
 */
int rdv__plat_check_trusted(const char *path, struct rdv_error *error);

/*
 * Do what rdv__plat_check_trusted() does for a regular file (RDV_EINVAL for anything else), and
 * open it for reading, close-on-exec. What is read through the descriptor is the file that was
 * checked. ret_path (may be NULL) is where it was found, absolute and without links; the caller
 * frees it with free().
 */
int rdv__plat_open_trusted(const char *path, rdv__file *ret_file, char **ret_path,
                           struct rdv_error *error);

/* RDV__NO_FILE is fine. */
void rdv__plat_close(rdv__file file);

/* ---- shared libraries ---- */

/*
 * Load a library. path says where it is, and is not searched for. RDV_EINVAL if the system can't
 * load it, with the system's words.
 */
int rdv__plat_library_open(const char *path, void **ret_library, struct rdv_error *error);

/* Return the address of a symbol, or NULL if there is none. */
const void *rdv__plat_library_symbol(void *library, const char *name);

/* NULL is fine. */
void rdv__plat_library_close(void *library);

/*
 * The writer lock. It opens (or makes) the file, locks it for this process and object, and writes
 * the holder's words and pid into it. RDV_ELOCKED if somebody has the lock; then error's text says
 * who, as far as the file tells. Never blocks.
 */
struct rdv__plat_lock;
int rdv__plat_lock(const char *path, const char *holder, struct rdv__plat_lock **ret_lock,
                   struct rdv_error *error);

/* Give the lock back. The file stays. NULL is fine. */
void rdv__plat_unlock(struct rdv__plat_lock *lock);

/* ---- files in one private folder: the logs of runs ---- */

/*
 * Nobody but root and the effective user can have changed the folder, nor any folder on the way to
 * it (see rdv__plat_check_trusted()). A file in it counts as rdvtask's own if it is a regular file
 * of the effective user, with no second name, and others may not write to it. Any other file is
 * neither opened, nor changed, nor deleted: RDV_EACCES.
 */
struct rdv__plat_logs;

/*
 * Open the folder. With `make`, it and the folders above it are made, for the effective user alone,
 * if they are missing; otherwise RDV_ENOTFOUND. error's text names it.
 */
int rdv__plat_logs_open(const char *directory, bool make, struct rdv__plat_logs **ret_logs,
                        struct rdv_error *error);

/* NULL is fine. */
void rdv__plat_logs_close(struct rdv__plat_logs *logs);

/*
 * Get the next name in the folder, in no order; "" stands for one that is too long. `begin` starts
 * again from the first. Returns 1, 0 at the end, or an error. Files that are made or deleted
 * meanwhile may or may not be among them.
 */
#define RDV__LOG_NAME_SIZE 32
int rdv__plat_logs_begin(struct rdv__plat_logs *logs);
int rdv__plat_logs_next(struct rdv__plat_logs *logs, char name[RDV__LOG_NAME_SIZE]);

/*
 * Find out how many bytes of the disk a file takes. Returns 0, RDV_ENOTFOUND, RDV_EACCES if it is
 * not rdvtask's own, or what the system says.
 */
int rdv__plat_log_look(struct rdv__plat_logs *logs, const char *name, int64_t *ret_taken);

/* Delete a file, if it is rdvtask's own. RDV_ENOTFOUND if it does not exist. */
int rdv__plat_log_delete(struct rdv__plat_logs *logs, const char *name);

/*
 * Open a file to append to; if it is made, its mode is 0600. With `fresh`, a file of that name is
 * deleted first, if it is rdvtask's own. error's text names the file.
 */
int rdv__plat_log_open(struct rdv__plat_logs *logs, const char *name, bool fresh,
                       rdv__file *ret_file, struct rdv_error *error);

/* Append to a file. Returns 0, RDV_ENOSPC or RDV_EIO. */
int rdv__plat_log_write(rdv__file file, const void *data, size_t size);

/* Return how many bytes are in the file so far, or -1. */
int64_t rdv__plat_log_size(rdv__file file);

/* Return how many bytes the file takes on the disk, or -1. */
int64_t rdv__plat_log_taken(rdv__file file);

/* RDV__NO_FILE is fine. */
void rdv__plat_log_close(rdv__file file);

/* ---- children; agent/process.h says what is made of them ---- */

/* A limit for the child and for each process that descends from it. */
struct rdv__limit {
    /* "memory", "files", "processes", "file-size" (in bytes) or "cpu" (in seconds). */
    const char *name;
    int64_t value;
};

#define RDV__LIMITS_MAX 8

/*
 * What a child may need beyond being started. Each system does it in its own way, or says that it
 * can't.
 */
struct rdv__supervision {
    /* The path of rdvtask-child where that does it; NULL = there is none. */
    const char *program;
    /* NULL = the user of this process. */
    const char *user;
    /* NULL = the folder of this process. */
    const char *directory;
    const struct rdv__limit *limits;
    size_t limit_count;
    /*
     * The file by which rdv__plat_adopt() finds the child later; NULL = the child ends with this
     * process.
     */
    const char *record;
    /*
     * The supervisor's own environment, "NAME=value", which ends with NULL; NULL = empty.
     * rdv__plat_end_orphans() finds the supervisor by it. The supervisor never has the program's
     * environment, as the program may have fewer rights.
     */
    const char *const *marks;
};

/*
 * Check that everything that is asked for can be done. RDV_ENOTSUP with words that name the member
 * of a handler that asks for too much.
 */
int rdv__plat_check_supervision(const struct rdv__supervision *supervision,
                                struct rdv_error *error);

struct rdv__plat_spawn {
    /* Ends with NULL. argv[0] is looked up in the PATH of `environment`, unless it is a path. */
    const char *const *argv;
    /* All of the child's environment; ends with NULL. */
    const char *const *environment;
    /* What the child reads from its standard input, which is a file without a name. */
    const void *input;
    /* 0 = there is nothing to read, and maybe no such file. */
    size_t input_size;
    /* NULL = the child needs nothing beyond being started. */
    const struct rdv__supervision *supervision;
};

struct rdv__plat_child {
    /* Its process id, which is also its process group; 0 once it is reaped. */
    int64_t pid;
    /* Readable when the child has ended; close-on-exec. */
    rdv__descriptor end;
    /* This process's end of the child's standard output and error; non-blocking, close-on-exec. */
    rdv__descriptor output;
    /*
     * This process's end of the child's descriptor 3, or of the pipe that RDV_NOTIFY names;
     * non-blocking, close-on-exec.
     */
    rdv__descriptor notices;
    /*
     * unix/ only: the child's ends of both, or -1. As long as this process has them, too, the
     * child's end wakes it by `end` alone, and once.
     */
    int output_kept, notices_kept;
    /*
     * unix/ only: the descriptor on which the supervisor reports how the program has ended, or -1.
     */
    int report;
    /*
     * unix/ only: where a process in between waits for the child, the channel to that process, and
     * its process id; otherwise -1.
     */
    int monitor;
    int64_t monitor_pid;
    /* Whether it ends its tree by itself when it is told to. */
    bool supervised;
    /*
     * Whether it is a child of an earlier process of rdvtask, which has ended and left it behind.
     */
    bool adopted;
    /* Whether it was told to end its tree at once. */
    bool told;
    /*
     * win/ only: the job object that has its tree, and whether it is on this process's console,
     * where it can be asked to end.
     */
    void *job;
    bool at_console;
};

/* How long a supervisor may take to end its tree at once, before it is killed. */
#define RDV__SUPERVISOR_WAIT (5 * RDV_SECOND)

/* How a child has ended. */
struct rdv__plat_end {
    /* The exit code, or a negative number that rdv__plat_end_words() knows, such as RDV__KILLED. */
    int code;
    /*
     * 0, or an RDV_E… code that says, with words, why the supervisor could not start the child;
     * then there is no exit code.
     */
    int failure;
    char words[320];
    /*
     * How many bytes of the output have not come through its pipe, because nobody read them in
     * time; and the end of the output, as far as it is known. From a record, `tail` may be longer
     * than what is lost; otherwise it is the end of what is lost.
     */
    uint64_t lost;
    /* May be NULL. */
    char *tail;
    size_t tail_size;
};

/* Free what an end points to. */
void rdv__plat_end_free(struct rdv__plat_end *end);

/* What a supervisor that outlives its agent has written down about itself; see child/record.h. */
struct rdv__plat_record {
    bool ended;
    /* How it ended, if it has. */
    struct rdv__plat_end end;
};

/*
 * Read a record. RDV_ENOTFOUND if there is none, or if it can't be read; RDV_ENOMEM or
 * RDV_ERESOURCES if that can't be found out now. The caller frees its end.
 */
int rdv__plat_record_read(const char *path, struct rdv__plat_record *ret_record);

/* Delete a record, if there is one. */
void rdv__plat_record_delete(const char *path);

/*
 * Make sure that a folder exists that only the effective user may change; it is made if it is
 * missing. RDV_EACCES if others may write to it, or if it is another user's.
 */
int rdv__plat_private_folder(const char *path, struct rdv_error *error);

/*
 * Follow the supervisor that has this record. RDV_ENOTFOUND if it is not running, or not any more.
 * output and notices of ret_child are -1.
 */
int rdv__plat_adopt(const char *record, struct rdv__plat_child *ret_child);

/*
 * Start a child in a process group of its own, with an empty signal mask and default signals, and
 * no descriptors but 0 to 3. error's text says what failed, such as "cannot run 'apt-gt': No such
 * file or directory". What only a supervisor can find out, such as that a user does not exist, is
 * reported as the child's end.
 */
int rdv__plat_spawn(const struct rdv__plat_spawn *spawn, struct rdv__plat_child *ret_child,
                    struct rdv_error *error);

/*
 * Read what is there from the child's output or notices; size 0 = nothing yet. RDV_EIO when nothing
 * will come any more.
 */
int rdv__plat_child_read(rdv__descriptor fd, void *buffer, size_t room, size_t *ret_size);

/*
 * Signal the whole group: politely or, with `kill`, so that it can't be refused. Harmless when the
 * group is gone; it never hits another group.
 */
void rdv__plat_child_end(struct rdv__plat_child *child, bool kill);

/* Wait at most this long for the child's end. Returns whether it has come. */
bool rdv__plat_child_wait(const struct rdv__plat_child *child, rdv_duration wait);

/*
 * After `end` is readable: kill what is left of the group, reap the child, and say how it ended.
 * The caller frees ret_end. Returns 0, or RDV_EIO when the system can't tell.
 */
int rdv__plat_child_reap(struct rdv__plat_child *child, struct rdv__plat_end *ret_end);

/*
 * Write what a negative exit code means, such as "killed by signal 9 (SIGKILL)". Returns the code
 * for a report.
 */
int rdv__plat_end_words(int code, char *buffer, size_t size);

/*
 * Whether a code says that the supervisor has not done its work, so that processes that it would
 * have ended may live on.
 */
bool rdv__plat_end_is_lost(int code);

/* What an exit code other than 0 means by the convention of this system. */
enum rdv__plat_exit {
    RDV__EXIT_MEANS_NOTHING,
    /* It is done, and a reboot is needed. */
    RDV__EXIT_MEANS_REBOOT,
    /* It is done, and the machine has begun to reboot. */
    RDV__EXIT_MEANS_REBOOTING
};
enum rdv__plat_exit rdv__plat_exit_means(int code);

/*
 * Make the environment that every child of a handler has: "NAME=value", each name once, ending with
 * NULL. The caller frees the list and its strings with free(). Returns 0, RDV_ENOMEM or RDV_EIO.
 */
int rdv__plat_environment(char ***ret_list, size_t *ret_count);

/* Close output and notices; what the child still writes is lost. */
void rdv__plat_child_deafen(struct rdv__plat_child *child);

/* Close all descriptors of a child. */
void rdv__plat_child_close(struct rdv__plat_child *child);

/*
 * End the processes that a killed process of rdvtask, or a killed supervisor, has left: every
 * process whose environment has all of these NAME=value strings (NULL ends the list). They are
 * asked politely first, and killed after `grace`; this waits until they are gone. Returns how many
 * there were. Anyone may have guessed a mark, so unless `anyone` is true, only processes of the
 * effective user and of root are ended.
 */
int rdv__plat_end_orphans(const char *const *marks, bool anyone, rdv_duration grace);

#endif
