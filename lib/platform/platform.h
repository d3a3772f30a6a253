/* SPDX-License-Identifier: MIT */
/*
 * What differs between systems: the same functions in unix/ and win/, chosen by the build. Nothing above
 * asks which system it is on.
 */
#ifndef RDV__PLATFORM_PLATFORM_H
#define RDV__PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#include "types.h"

/* ---- time; rdv_time_now() belongs to it, too ---- */

/* Time since some moment, asleep not counted; never goes back. */
rdv_duration rdv__plat_running(void);

/* Running time and time asleep since the machine started. */
rdv_duration rdv__plat_since_boot(void);

/* What the system says of its clock; true where it can't say. */
bool rdv__plat_clock_synchronised(void);

/* ---- timers: a descriptor that becomes readable at a moment, and not before, however far away that is ---- */
struct rdv__plat_timer {
    rdv__descriptor fd;
    bool
        clock; /* moments are rdv_time_now()'s, and changes of that clock are told; else rdv__plat_running()'s */
};

enum rdv__plat_timer_event {
    RDV__TIMER_NOTHING,
    RDV__TIMER_DUE,      /* the moment has come; the timer is off */
    RDV__TIMER_CLOCK_SET /* the clock was set; set the timer again if it should stay on. Never on Windows, where a timer is moved
                          * along with the clock and is due at once if its moment has passed. */
};

int rdv__plat_timer_open(bool clock,
                         struct rdv__plat_timer *ret_timer); /* 0, RDV_ENOMEM, RDV_EIO */
void rdv__plat_timer_close(struct rdv__plat_timer *timer);

/* Set it; 0 = off. A moment that has passed makes it readable at once. True: set, and the clock was changed since the timer
 * was last set or read, which read() won't tell any more. */
bool rdv__plat_timer_set(struct rdv__plat_timer *timer, int64_t when);

/* What has made it readable; never blocks. */
enum rdv__plat_timer_event rdv__plat_timer_read(struct rdv__plat_timer *timer);

/* ---- this machine ---- */
int rdv__plat_random(void *buffer, size_t size); /* 0 or RDV_EIO */
#define RDV__BOOT_ID_SIZE 40
int rdv__plat_boot_id(char buffer[RDV__BOOT_ID_SIZE]); /* differs after each boot; 0 or RDV_EIO */

/* ---- atomics (C11's are missing from one compiler that we support) ---- */
int rdv__atomic_add(int *value, int add);    /* returns the new value; acquire and release */
int rdv__atomic_load(const int *value);      /* acquire */
void rdv__atomic_store(int *value, int set); /* release */

/* ---- files ---- */

/* Read a whole file, at most `limit` bytes (RDV_ELIMIT past it); the data ends with a NUL that is not counted; free(). Not a
 * regular file, "-" has no special meaning: RDV_EINVAL. error is without a place; its text names the file. */
int rdv__plat_read_file(const char *path, size_t limit, char **ret_data, size_t *ret_size,
                        struct rdv_error *error);

/*
 * Look for the database file of a store. It has to be trusted as rdv__plat_check_trusted() has it, and so does what lies beside it
 * and would be read as a part of it: the log, the old kind of log, and the shared memory. It has to be a regular file with a single
 * name, as SQLite finds the log by the name. With `write`, an empty one that is ours alone is made if there is none, and nobody else
 * can put anything of that kind beside it from then on. What is there already is never opened: closing it would drop the locks that
 * this process has on it. ret_path: where it was found, absolute and without links; free(). RDV_ENOTFOUND, RDV_EACCES, RDV_EINVAL
 * (not a regular file, or one with several names), or what the system says; error's text names the file.
 */
int rdv__plat_database_file(const char *path, bool write, char **ret_path, struct rdv_error *error);

/*
 * Note that a store of this process uses a database file. A store that writes locks it: RDV_ELOCKED if another one, in this process
 * or any other, has that lock, by whatever name of the file. To be freed, with the same `write`, after the store's last descriptor
 * of the file was closed. Any thread. path is without links; error's text names it.
 */
struct rdv__plat_hold;
int rdv__plat_hold_new(const char *path, bool write, struct rdv__plat_hold **ret_hold,
                       struct rdv_error *error);
void rdv__plat_hold_free(struct rdv__plat_hold *hold, bool write); /* NULL is fine */

/* What tells one file from all others, so that it is known later whether a name is still that of the file. */
struct rdv__plat_file_id {
    uint64_t device, file;
    bool empty; /* it has nothing in it */
};

/* Identify the file that has this name now; links are not followed. False if no file has it, or if that can't be told. */
bool rdv__plat_file_id(const char *path, struct rdv__plat_file_id *ret_id);

/* Check that the file that has this name begins with these bytes; links are not followed. The caller must have no POSIX lock on it. */
bool rdv__plat_file_begins(const char *path, const void *bytes, size_t size);

/*
 * Whether a file that was opened is one of those that we make for ourselves: regular, ours, with a single name, and nobody else may
 * write to it. Such files are opened without following a link and without waiting for anyone. RDV_EACCES; error's text names `path`.
 */
int rdv__plat_check_own(rdv__file file, const char *path, struct rdv_error *error);

/* Whether a path says where it is whatever the current folder may be. */
bool rdv__plat_is_absolute(const char *path);

/* What comes after the last separator of a path; all of it where nothing does. Part of path. */
const char *rdv__plat_last_part(const char *path);

/* Give a file that SQLite has made beside its database, if it is there, the rights that the database has. */
int rdv__plat_same_rights(const char *from, const char *to);

/* Our error for one of the system's own numbers (errno, or GetLastError() on Windows); 0 for 0. */
int rdv__plat_error(int number);

/*
 * Whether nobody but root and the effective user can have changed the file or folder: it and every folder that is passed through
 * from the root on belong to one of the two, with no right to write for group and others; a folder with the sticky bit may be
 * passed through. Symbolic links are followed, and everything on their way is looked at too. What was found so stays so,
 * unless one of the two changes it. 0; RDV_EACCES with words that say who may write where; or what the system says.
 *
 * On Windows the administrators, the system and its installer stand for root, and the list of rights for the mode. A folder that
 * others may add to, but not take from, may be passed through; not so the one that a file is in.
 */
int rdv__plat_check_trusted(const char *path, struct rdv_error *error);

/* The same for a regular file (RDV_EINVAL for another), which is opened for reading, close-on-exec; what is read through the
 * descriptor is what was looked at. ret_path (may be NULL): where it was found, absolute and without links; free(). */
int rdv__plat_open_trusted(const char *path, rdv__file *ret_file, char **ret_path,
                           struct rdv_error *error);
void rdv__plat_close(rdv__file file); /* RDV__NO_FILE is fine */

/* ---- shared libraries ---- */

/* path says where it is, and is not looked for. RDV_EINVAL if the system can't load it, with its words. */
int rdv__plat_library_open(const char *path, void **ret_library, struct rdv_error *error);
const void *rdv__plat_library_symbol(void *library, const char *name); /* NULL = there is none */
void rdv__plat_library_close(void *library);                           /* NULL is fine */

/* The writer lock: opens (makes) the file, locks it for this process and object, and writes the holder's words and pid into
 * it. RDV_ELOCKED if someone has it: then error's text holds who, as far as the file tells. Never blocks. */
struct rdv__plat_lock;
int rdv__plat_lock(const char *path, const char *holder, struct rdv__plat_lock **ret_lock,
                   struct rdv_error *error);
void rdv__plat_unlock(struct rdv__plat_lock *lock); /* NULL is fine; the file stays */

/*
 * ---- files in one folder that is ours alone: logs of runs ----
 *
 * The folder, and every one on the way to it, is one that nobody but root and the effective user can have changed, as
 * rdv__plat_check_trusted() has it. A file in it is ours if it is a regular file of the effective user, with no second name, and others
 * may not write to it. Any other file is neither opened, nor changed, nor deleted: RDV_EACCES.
 */
struct rdv__plat_logs;

/* Open the folder. With `make`, it and the folders above it are made for us alone if they are missing; else RDV_ENOTFOUND. error's
 * text names it. */
int rdv__plat_logs_open(const char *directory, bool make, struct rdv__plat_logs **ret_logs,
                        struct rdv_error *error);
void rdv__plat_logs_close(struct rdv__plat_logs *logs); /* NULL is fine */

/* Get the next name in the folder, in no order; "" for one that is too long. Returns 1, 0 at the end, or an error. `begin` starts
 * again from the first. Files that are made or deleted meanwhile may or may not be among them. */
#define RDV__LOG_NAME_SIZE 32
int rdv__plat_logs_begin(struct rdv__plat_logs *logs);
int rdv__plat_logs_next(struct rdv__plat_logs *logs, char name[RDV__LOG_NAME_SIZE]);

/* Whether a file is there and ours, and how many bytes of the disk it takes. 0, RDV_ENOTFOUND, RDV_EACCES, or what the system says. */
int rdv__plat_log_look(struct rdv__plat_logs *logs, const char *name, int64_t *ret_taken);

/* Delete a file, if it is ours. RDV_ENOTFOUND if it is not there. */
int rdv__plat_log_delete(struct rdv__plat_logs *logs, const char *name);

/* Open a file to append to, of mode 0600 if it is made. With `fresh`, a file of ours that is there is deleted first. error's text
 * names the file. */
int rdv__plat_log_open(struct rdv__plat_logs *logs, const char *name, bool fresh,
                       rdv__file *ret_file, struct rdv_error *error);
int rdv__plat_log_write(rdv__file file, const void *data, size_t size); /* 0, RDV_ENOSPC, RDV_EIO */
int64_t rdv__plat_log_size(rdv__file file);                             /* bytes so far, or -1 */
int64_t rdv__plat_log_taken(rdv__file file); /* bytes that it takes on disk, or -1 */
void rdv__plat_log_close(rdv__file file);    /* RDV__NO_FILE is fine */

/* ---- children: see process.h for what is made of it ---- */

/* A limit that the child has, and each process that comes of it. */
struct rdv__limit {
    const char *name; /* memory, files, processes, file-size (bytes) or cpu (seconds) */
    int64_t value;
};

#define RDV__LIMITS_MAX 8

/* What a child may need beyond being started. Each system does it in a way of its own, or says that it can't. */
struct rdv__supervision {
    const char *program;   /* the path of rdvtask-child, where that does it; NULL = there is none */
    const char *user;      /* NULL = as we are */
    const char *directory; /* NULL = where we are */
    const struct rdv__limit *limits;
    size_t limit_count;
    const char
        *record; /* NULL = it ends with us; else the file that rdv__plat_adopt() finds it by */
    /* The supervisor's own environment, "NAME=value", which ends with NULL. rdv__plat_end_orphans() finds the supervisor by it.
     * NULL = empty. The supervisor never has the program's environment, as the program may have fewer rights. */
    const char *const *marks;
};

/* Whether all of it can be done. RDV_ENOTSUP with words that name the member of a handler that asks for too much. */
int rdv__plat_check_supervision(const struct rdv__supervision *supervision,
                                struct rdv_error *error);

struct rdv__plat_spawn {
    const char *const *
        argv; /* ends with NULL; argv[0] is looked up in the PATH of `environment` unless it is a path */
    const char *const *environment; /* ends with NULL: all of the child's environment */
    const void *input;              /* its standard input: an unlinked file with these bytes */
    size_t input_size;              /* 0 = nothing to read, and maybe no such file */
    const struct rdv__supervision *supervision; /* NULL = nothing of it */
};

struct rdv__plat_child {
    int64_t pid;         /* also its process group; 0 once it is reaped */
    rdv__descriptor end; /* readable when it has ended; close-on-exec */
    rdv__descriptor
        output; /* our end of its standard output and error, non-blocking, close-on-exec */
    rdv__descriptor
        notices; /* our end of its descriptor 3, or of the pipe that RDV_NOTIFY names, likewise */
    /* unix/ only: -1, or the child's ends of both: as long as we have them, too, its end wakes us by `end` alone, once. */
    int output_kept, notices_kept;
    /* Only unix/ uses this: -1, or the descriptor on which its supervisor tells how the program has ended. */
    int report;
    /* unix/ only: -1, or the channel to the process that waits for it, and that process, where it takes one. */
    int monitor;
    int64_t monitor_pid;
    bool supervised; /* it ends its tree itself when it is told to */
    bool adopted;    /* it is not our child: another process of ours has started it, and left it */
    bool told;       /* to end its tree at once */
    /* win/ only: the job object that has its tree, and whether it is at our console, where it can be asked to end. */
    void *job;
    bool at_console;
};

/* How long a supervisor may take to end its tree at once, before it is killed. */
#define RDV__SUPERVISOR_WAIT (5 * RDV_SECOND)

/* How a child has ended. */
struct rdv__plat_end {
    /* Its exit code, or a negative number that rdv__plat_end_words() knows, such as RDV__KILLED. */
    int code;
    /* 0, or an RDV_E… that says, with words, why its supervisor could not start it; there is no code then. */
    int failure;
    char words[320];
    /* How many bytes of its output have not come through its pipe, as nobody has read in time; and the end of its output, as far as
     * it is known. From a record, `tail` may be longer than what is lost; else it is the end of what is lost. */
    uint64_t lost;
    char *tail; /* or NULL */
    size_t tail_size;
};
void rdv__plat_end_free(struct rdv__plat_end *end); /* what it points to */

/* What a supervisor that outlives its agent has written down of itself; see child/record.h. */
struct rdv__plat_record {
    bool ended;
    struct rdv__plat_end end; /* if so */
};
/* Read a record. RDV_ENOTFOUND if there is none, or it can't be read; RDV_ENOMEM or RDV_ERESOURCES if that can't be told now. The caller
 * frees its end. */
int rdv__plat_record_read(const char *path, struct rdv__plat_record *ret_record);
void rdv__plat_record_delete(const char *path); /* also when there is none */

/* Have a folder there that is ours alone; it is made if there is none. RDV_EACCES if others may write in it, or it is another's. */
int rdv__plat_private_folder(const char *path, struct rdv_error *error);

/* Follow the supervisor that has this record: RDV_ENOTFOUND if it is not running (any more). output and notices are -1. */
int rdv__plat_adopt(const char *record, struct rdv__plat_child *ret_child);

/* Start a child in a process group of its own, with empty signal mask and default signals, and no descriptor but 0 to 3.
 * error's text says what failed, such as "cannot run 'apt-gt': No such file or directory". What only a supervisor can find out, such as
 * that a user does not exist, comes as the child's end. */
int rdv__plat_spawn(const struct rdv__plat_spawn *spawn, struct rdv__plat_child *ret_child,
                    struct rdv_error *error);

/* Read from the child's output or notices what is there; size 0 = nothing yet. RDV_EIO when nothing will come any more. */
int rdv__plat_child_read(rdv__descriptor fd, void *buffer, size_t room, size_t *ret_size);

/* Signal the whole group: politely, or so that it can't be refused. Harmless when it is gone; never hits another's group. */
void rdv__plat_child_end(struct rdv__plat_child *child, bool kill);

/* Wait at most this long for its end; whether it has come. */
bool rdv__plat_child_wait(const struct rdv__plat_child *child, rdv_duration wait);

/* After `end` is readable: kill what is left of the group, reap the child, and say how it ended; free ret_end. 0 or RDV_EIO when the
 * system can't tell. */
int rdv__plat_child_reap(struct rdv__plat_child *child, struct rdv__plat_end *ret_end);

/* What such a negative number means, such as "killed by signal 9 (SIGKILL)". Returns the code for a report. */
int rdv__plat_end_words(int code, char *buffer, size_t size);

/* Whether a code says that the supervisor has not done its work, so that what it would have ended may live on. */
bool rdv__plat_end_is_lost(int code);

/* What an exit code means to all programs of this system, beside 0. */
enum rdv__plat_exit {
    RDV__EXIT_MEANS_NOTHING,
    RDV__EXIT_MEANS_REBOOT,   /* done, and a reboot is needed */
    RDV__EXIT_MEANS_REBOOTING /* done, and the machine has begun to reboot */
};
enum rdv__plat_exit rdv__plat_exit_means(int code);

/* What every child of a handler finds in its environment: "NAME=value", the names once each. The list ends with NULL; it and its
 * strings: free(). 0, RDV_ENOMEM or RDV_EIO. */
int rdv__plat_environment(char ***ret_list, size_t *ret_count);

/* Close output and notices: what it still writes is lost. */
void rdv__plat_child_deafen(struct rdv__plat_child *child);

/* Close all descriptors. */
void rdv__plat_child_close(struct rdv__plat_child *child);

/*
 * End processes that a killed predecessor of ours, or a killed supervisor, has left: every process whose environment has all of
 * these NAME=value strings (NULL ends the list). Politely first, killed after `grace`; waits until they are gone. Returns how many
 * there were. Marks that can be guessed must not be believed of everybody: unless `anyone` is true, only processes of the
 * effective user and of root are ended.
 */
int rdv__plat_end_orphans(const char *const *marks, bool anyone, rdv_duration grace);

#endif
