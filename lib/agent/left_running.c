/* SPDX-License-Identifier: MIT */
/*
 * The records of steps that are left running while one process of rdvtask follows another: one file
 * for each attempt, in a folder beside the store. A supervisor writes its record;
 * command_run_process.c says where, and deletes those of a run that has ended; agent.c has what is
 * left of unknown runs deleted.
 *
 * The folder is used only if it belongs to the effective user alone: a record that somebody else
 * could have written is not believed.
 */
#include "agent/left_running.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "platform/folder.h"
#include "platform/platform.h"
#include "store/journal.h"
#include "store/store.h"

static const char folder_suffix[] = ".run.d";

/* Room for "/RUN-STEP-ATTEMPT". */
#define NAME_ROOM 64

/* The most records that are read; there are hardly ever more than tasks may run at once. */
#define RECORDS_MAX 100000

static char *path_in_folder(const char *store_path, const char *name)
{
    size_t size = strlen(store_path) + sizeof folder_suffix + strlen(name);
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", store_path, folder_suffix, name);
    return path;
}

char *rdv__left_record(const char *store_path, int64_t run, size_t step, int attempt)
{
    char name[NAME_ROOM];
    snprintf(name, sizeof name, "/%" PRId64 "-%zu-%d", run, step, attempt);
    return path_in_folder(store_path, name);
}

/* Whether nobody else could have put a file there, or made a link to elsewhere. Else, what is there
 * is neither believed nor deleted. */
static bool is_ours(const char *folder)
{
    return rdv__folder_has(folder) && rdv__plat_private_folder(folder, NULL) == 0;
}

bool rdv__left_has(const char *record)
{
    const size_t size = (size_t)(rdv__plat_last_part(record) - record);
    char *folder = size > 0 ? malloc(size) : NULL;
    if (!folder)
        return false;
    memcpy(folder, record, size - 1);
    folder[size - 1] = '\0';
    const bool has = is_ours(folder) && rdv__folder_has(record);
    free(folder);
    return has;
}

bool rdv__left_can_adopt(const char *record)
{
    struct rdv__plat_child child;
    struct rdv__plat_record found;
    if (!rdv__left_has(record))
        return false;
    int result = rdv__plat_adopt(record, &child);
    if (result == 0)
        rdv__plat_child_close(&child);
    if (result != RDV_ENOTFOUND || rdv__plat_record_read(record, &found) != 0)
        return result == 0;
    rdv__plat_end_free(&found.end);
    return found.ended;
}

int rdv__left_prepare(const char *store_path, struct rdv_error *error)
{
    char *folder = path_in_folder(store_path, "");
    if (!folder)
        return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
    int result = rdv__plat_private_folder(folder, error);
    free(folder);
    return result;
}

/* Call fn with the path of each record, and the number of its run. */
static void visit_records(const char *store_path,
                          void (*fn)(void *user, const char *path, int64_t run), void *user)
{
    char **names, name[NAME_ROOM];
    char *folder = path_in_folder(store_path, "");
    int result = !folder ? RDV_ENOMEM : is_ours(folder) ? 0 : RDV_ENOTFOUND;
    if (!result)
        result = rdv__folder_list(folder, "", RECORDS_MAX, &names, NULL);
    free(folder);
    if (result)
        return;
    for (size_t i = 0; names[i]; i++) {
        char *end;
        int64_t run = strtoll(names[i], &end, 10);
        snprintf(name, sizeof name, "/%s", names[i]);
        char *path = end != names[i] && *end == '-' ? path_in_folder(store_path, name) : NULL;
        if (path)
            fn(user, path, run);
        free(path);
        free(names[i]);
    }
    free(names);
}

static void delete_if_of_run(void *user, const char *path, int64_t run)
{
    const int64_t *wanted = user;
    if (run == *wanted)
        rdv__plat_record_delete(path);
}

void rdv__left_forget(const char *store_path, int64_t run)
{
    visit_records(store_path, delete_if_of_run, &run);
}

struct cleaning {
    rdv_store *store;
    const rdv_log *log;
};

static void delete_if_unknown(void *user, const char *path, int64_t run)
{
    const struct cleaning *cleaning = user;
    struct rdv__plat_child child;
    if (rdv__journal_has_run(cleaning->store, run) != RDV_ENOTFOUND)
        return;
    int result = rdv__plat_adopt(path, &child);
    if (result == 0) {
        rdv__plat_child_close(&child);
        rdv__log(cleaning->log, RDV_LOG_WARNING,
                 "a program of run %" PRId64 ", which is not known any more, still runs", run);
        return;
    }
    if (result == RDV_ENOTFOUND)
        rdv__plat_record_delete(path);
}

void rdv__left_clean(rdv_store *store, const rdv_log *log)
{
    struct cleaning cleaning = {store, log};
    if (rdv__store_path(store))
        visit_records(rdv__store_path(store), delete_if_unknown, &cleaning);
}
