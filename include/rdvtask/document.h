/* SPDX-License-Identifier: MIT */
/**
 * @file document.h
 * JSON documents: what goes in (agent and schedule files) and what comes out (entries).
 */
#ifndef RDVTASK_DOCUMENT_H
#define RDVTASK_DOCUMENT_H

#include <rdvtask/base.h>
#include <rdvtask/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The largest document that is read, in bytes. @since 0.1.0 */
#define RDV_DOCUMENT_MAX (64 * 1024 * 1024)

/** How deep arrays and objects may be nested in a document. @since 0.1.0 */
#define RDV_DOCUMENT_DEPTH 64

/** The most values of a document: each object, array, string, number, true, false and null is one, and keys are none. @since 0.1.0 */
#define RDV_DOCUMENT_VALUES 2000000

/** What a document describes. @since 0.1.0 */
typedef enum rdv_document_kind {
    RDV_DOCUMENT_AGENT = 1,   /**< has "handlers": rdv_agent_load() */
    RDV_DOCUMENT_SCHEDULE = 2 /**< has "tasks": rdv_trigger_load() */
} rdv_document_kind;

/**
 * Check a file as far as it can be checked without using it; its content tells which kind it is.
 *
 * @param ret_kind  optional.
 * @param error     optional: where the trouble is.
 * @return 0; RDV_ESYNTAX, RDV_EINVAL (also for no regular file), RDV_ELIMIT for a document that is not right, RDV_ELIMIT also for
 * too many files beside an agent document; RDV_ENOTFOUND, RDV_EACCES, RDV_EIO for the file; RDV_ENOMEM.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_document_check(const char *path, rdv_document_kind *ret_kind,
                               struct rdv_error *error);

/** The "version" that every entry written as JSON carries. Members may be added within a version. @since 0.1.0 */
#define RDV_ENTRY_JSON_VERSION 1

/**
 * Write an entry as one line of JSON, in the documented shape. Members: version, run, change, identifier, label, start, end,
 * deadline, limit, context_size, state, status, outcome, attempt, progress, code, message, scheduled_at, started_at,
 * finished_at, cancelling; and `changes` and `output` where the entry has them. Times are RFC 3339 UTC or null; what is not
 * known or not given is null. doc/schema/entry.schema.json describes it in full.
 *
 * @param ret_text  without line end; the caller gives it to rdv_free().
 * @return 0, RDV_EINVAL for NULL, or RDV_ENOMEM.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_entry_to_json(const rdv_entry *entry, char **ret_text);

/** Free a text that rdvtask made. NULL is fine. Any thread. @since 0.1.0 */
RDV_API void rdv_free(void *text);

#ifdef __cplusplus
}
#endif

#endif
