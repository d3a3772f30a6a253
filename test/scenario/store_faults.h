/* SPDX-License-Identifier: MIT */
/*
 * What can be done to the files of a store: the same functions in unix/store_faults.c and win/store_faults.c, chosen by the
 * build. Where the system lets no test do it, SQLite is told that it was so.
 */
#ifndef RDV_TEST_STORE_FAULTS_H
#define RDV_TEST_STORE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* Call it before the first store is opened. */
void rdv_test_faults_begin(void);

/* ---- room ---- */

/* No file grows past this size: what a quota looks like from inside. -1 = as it was. */
void rdv_test_limit_files(int64_t size);

/* A small disk of the test's own in place of the folder; why there can't be one, or NULL. Leave it when no file is open. */
const char *rdv_test_no_disk(void);
void rdv_test_use_disk(const char *folder);
void rdv_test_fill_disk(const char *folder); /* to the last byte */
void rdv_test_empty_disk(const char *folder);
void rdv_test_leave_disk(const char *folder);

/* Have the disk be one that nobody can write to, or not: what is then said of it. */
const char *rdv_test_forbid_disk(const char *folder, bool forbid);

/* A name for a store with what means something in the URI that the file is opened by. */
const char *rdv_test_odd_name(void);

/* ---- rights ---- */

/* What everybody may do with a file or folder. */
enum rdv_test_right { RDV_TEST_NOTHING, RDV_TEST_READING, RDV_TEST_EVERYTHING };
void rdv_test_permit(const char *path, enum rdv_test_right right);

/* Call fn as someone whom rights bind; why nobody is bound, or NULL; why RDV_TEST_NOTHING can't be given, or NULL. */
const char *rdv_test_no_rights(void);
const char *rdv_test_no_secrets(void);
void rdv_test_as_nobody(void (*fn)(void));

/* Make something there that is no file and no folder, or name another such thing: its name. */
const char *rdv_test_no_file(const char *path);

#endif
