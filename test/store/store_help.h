/* SPDX-License-Identifier: MIT */
/* What the tests of the store share: a directory of their own, and short ways to open stores and to make tasks. */
#ifndef RDV_TEST_STORE_HELP_H
#define RDV_TEST_STORE_HELP_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/store.h>
#include <rdvtask/task.h>

#include "system.h"

/* A moment to count from. */
#define NOW INT64_C(134000000000000000)

static char directory[RDV_TEST_PATH]; /* of the test that runs */
static char path[RDV_TEST_PATH + 32]; /* "store.db" in it */

static inline void make_directory(void)
{
    /* Folders may be named in any language, as people are. */
    rdv_test_make_folder(directory, "stor\xC3\xA9-\xE5\xBA\x93");
    snprintf(path, sizeof path, "%s/store.db", directory);
}

static inline void remove_directory(void)
{
    rdv_test_remove(directory);
}

/* A path in the directory of the test; valid until the next but three calls. */
static inline const char *in_directory(const char *name)
{
    static char names[4][RDV_TEST_PATH + 32];
    static int next;
    char *room = names[next++ % 4];
    snprintf(room, sizeof names[0], "%s/%s", directory, name);
    return room;
}

static inline bool there(const char *name)
{
    return rdv_test_exists(name);
}

static inline rdv_store *open_store(const char *file, unsigned flags)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.flags = flags;
    rdv_store *store = NULL;
    struct rdv_error error;
    int result = rdv_store_open(file, &options, &store, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    return store;
}

/* The error of an open that has to fail; nothing else may have been touched. */
static inline int open_error(const char *file, unsigned flags, struct rdv_error *error)
{
    rdv_store_options options;
    rdv_store_options_init(&options);
    options.flags = flags;
    rdv_store *const untouched = (rdv_store *)directory;
    rdv_store *store = untouched;
    memset(error, 0, sizeof *error);
    int result = rdv_store_open(file, &options, &store, error);
    ck_assert_int_ne(result, 0);
    ck_assert_ptr_eq(store, untouched);
    ck_assert_int_eq(error->code, result);
    return result;
}

static inline rdv_task *make_task(const char *label, const char *identifier, const char *context)
{
    rdv_task *task = NULL;
    ck_assert_int_eq(rdv_task_new(label, identifier, context, strlen(context), &task), 0);
    return task;
}

static inline int count_one(void *user, const rdv_entry *entry)
{
    (void)entry;
    ++*(int *)user;
    return 0;
}

static inline int count_entries(rdv_store *store, unsigned flags)
{
    int count = 0;
    const rdv_filter filter = {.size = sizeof filter, .flags = flags};
    ck_assert_int_eq(rdv_store_entries(store, &filter, count_one, &count), 0);
    return count;
}

#endif
