/* SPDX-License-Identifier: MIT */
/*
 * Where the program's files are, and how they are opened and checked. Unless it says otherwise, a
 * function reports what is wrong and returns an exit code.
 */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include <stdbool.h>

#include <rdvtask/document.h>
#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

struct options;

/* ------------------------------------------------------------ places */

/* Find the store: --store, or the default. The caller frees the path. */
int paths_find_store(const struct options *options, char **ret_path);

/* Find the agent document: --config, or the default. The caller frees the path. */
int paths_find_config(const struct options *options, char **ret_path);

/* Find where an agent on the store listens: --socket, or beside the store. The caller frees the
 * path. */
int paths_find_socket(const struct options *options, char **ret_path);

/* Find the folder for the output of runs. The caller frees the path. */
int paths_find_logs(const struct options *options, char **ret_path);

/* ------------------------------------------------------------ the store */

/* Open the store for reading. *ret_store is NULL if there is none yet, which is no failure. */
int paths_open_reader(const struct options *options, rdv_store **ret_store);

/*
 * Open the store for writing, as the holder "rdvtask VERB". If it is missing, `make` makes it and
 * its folder; otherwise *ret_store is NULL then. If it is locked, this tries again for some time
 * (PATHS_LOCKED_TRIES).
 */
int paths_open_writer(const struct options *options, bool make, rdv_store **ret_store);

/*
 * How often to try to open a store that is locked, and how long to wait in between. The process
 * that holds it may be done in a moment, or about to listen, and a service must not fail to start
 * because of that. If the lock file stays away for longer than it takes to make it, it was removed,
 * and waiting does not help.
 */
#define PATHS_LOCKED_TRIES  50
#define PATHS_REMOVED_TRIES 10
#define PATHS_LOCKED_PAUSE  (20 * RDV_MILLISECOND)

/* What is known of the process that holds a store. */
enum paths_holder {
    /* It is not `rdvtask run`, or it is not known which one it is. */
    PATHS_HOLDER_OTHER,
    /* It is `rdvtask run`, which listens on a socket. */
    PATHS_HOLDER_AGENT,
    /* It has no lock file: that was removed, or is about to be made. */
    PATHS_HOLDER_UNNAMED
};

/* Why a store could not be opened: another process has it locked. */
struct paths_locked {
    enum paths_holder holder;
    struct rdv_error error;
};

/* Try once to open the store for writing. If it is locked this returns EXIT_BUSY and reports
 * nothing; *ret_locked has the reason then. */
int paths_try_writer(const struct options *options, bool make, rdv_store **ret_store,
                     struct paths_locked *ret_locked);

/* Report that the store is locked, and what to do about it. Returns EXIT_BUSY. */
int paths_report_locked(const struct options *options, const struct paths_locked *locked);

/* Report that something ("record the task") could not be done with the store (which may be
 * NULL), for the reason `code`. */
int paths_report_failure(rdv_store *store, const char *doing, int code);

/* ------------------------------------------------------------ documents */

/* Record the schedules that are the arguments. Either all of them are recorded, or none is. */
int paths_record_files(rdv_trigger *trigger, rdv_store *store, const struct options *options);

/* Check that a file is a document of this kind. */
int paths_check_document(const char *file, rdv_document_kind kind);

#endif
