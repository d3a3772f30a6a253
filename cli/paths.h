/* SPDX-License-Identifier: MIT */
/* Where the program's files are, and how they are opened. All of these say what is wrong and return an exit code. */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include <stdbool.h>

#include <rdvtask/document.h>
#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

struct options;

/* The store's path: --store, or the default. The caller frees it. */
int paths_find_store(const struct options *options, char **ret_path);

/* The agent document's path: --config, or the default. The caller frees it. */
int paths_find_config(const struct options *options, char **ret_path);

/* Where an agent on the store listens: --socket, or beside the store. The caller frees it. */
int paths_find_socket(const struct options *options, char **ret_path);

/* Where the output of runs goes. The caller frees it. */
int paths_find_logs(const struct options *options, char **ret_path);

/* Open the store for reading. *ret_store is NULL when there is none yet, which is no failure. */
int paths_open_reader(const struct options *options, rdv_store **ret_store);

/* Open the store for writing as `rdvtask VERB`; `make` = make it and its directory when missing, else *ret_store is NULL then. */
int paths_open_writer(const struct options *options, bool make, rdv_store **ret_store);

/*
 * A store that is locked is tried for some time: whoever holds it may be done, or about to listen, in a moment, and a service is
 * must not fail to start for that. If the lock file is missing for longer than it takes to make it, it was removed, and waiting does
 * not help.
 */
#define PATHS_LOCKED_TRIES  50
#define PATHS_REMOVED_TRIES 10
#define PATHS_LOCKED_PAUSE  (20 * RDV_MILLISECOND)

/* The same once, and if it is locked that is not said: EXIT_BUSY, with the words for paths_report_locked(), which returns that. */
int paths_try_writer(const struct options *options, bool make, rdv_store **ret_store,
                     struct rdv_error *ret_locked);
int paths_report_locked(const struct options *options, const struct rdv_error *locked);

/* The words for a store's failure (code) while doing something. Returns the exit code: EXIT_BUSY for a locked one. */
int paths_report_failure(rdv_store *store, const char *doing, int code);

/* Record the schedules that are the arguments: all of them, or, with an error said, none. Returns the exit code. */
int paths_record_files(rdv_trigger *trigger, rdv_store *store, const struct options *options);

/* Check that a file is a document of this kind. */
int paths_check_document(const char *file, rdv_document_kind kind);

/* Whether a name on the command line is one of a file: it ends in ".json" or has a folder in it. */
bool paths_is_file_name(const char *name);

#endif
