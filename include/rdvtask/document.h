/* SPDX-License-Identifier: MIT */
/**
 * @file document.h
 * JSON documents: the agent and schedule files that rdvtask reads, and the entries that it writes.
 * doc/documents.md describes all three, doc/schema/ has JSON Schemas for them.
 */
#ifndef RDVTASK_DOCUMENT_H
#define RDVTASK_DOCUMENT_H

#include <rdvtask/base.h>
#include <rdvtask/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The largest document that is read, in bytes. */
#define RDV_DOCUMENT_MAX (64 * 1024 * 1024)

/** How deep arrays and objects may be nested in a document. */
#define RDV_DOCUMENT_DEPTH 64

/**
 * The most values of a document. Each object, array, string, number, true, false and null is a
 * value; keys are not.
 */
#define RDV_DOCUMENT_VALUES 2000000

/** What a document describes. */
typedef enum rdv_document_kind {
    /** It has "handlers", and is for rdv_agent_load(). */
    RDV_DOCUMENT_AGENT = 1,
    /** It has "tasks", and is for rdv_trigger_load(). */
    RDV_DOCUMENT_SCHEDULE = 2
} rdv_document_kind;

/**
 * Check a file as far as that is possible without using it. Its content tells which kind it is.
 *
 * @param ret_kind  may be NULL.
 * @param error     where the trouble is; may be NULL.
 * @return 0; for a document that is not right RDV_ESYNTAX, RDV_EINVAL (also if it is not a regular
 *   file) or RDV_ELIMIT (also for too many files beside an agent document); for the file
 *   RDV_ENOTFOUND, RDV_EACCES or RDV_EIO; RDV_ENOMEM.
 * Any thread.
 */
RDV_API int rdv_document_check(const char *path, rdv_document_kind *ret_kind,
                               struct rdv_error *error);

/** The "version" of every entry written as JSON. Members may be added within a version. */
#define RDV_ENTRY_JSON_VERSION 1

/**
 * Write an entry as one line of JSON, with the members that doc/documents.md lists;
 * doc/schema/entry.schema.json describes it in full. `changes` and `output` are written if the
 * entry has them. Times are RFC 3339 in UTC; null is written for what is not known or not given.
 *
 * @param ret_text  without a line end; owned by the caller, who gives it to rdv_free().
 * @return 0, RDV_EINVAL for NULL, or RDV_ENOMEM.
 * Any thread.
 */
RDV_API int rdv_entry_to_json(const rdv_entry *entry, char **ret_text);

/** Free a text that rdvtask made. NULL is allowed. Any thread. */
RDV_API void rdv_free(void *text);

#ifdef __cplusplus
}
#endif

#endif
