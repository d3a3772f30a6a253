/* SPDX-License-Identifier: MIT */
/*
 * rdv_document_check(): checks a file as far as that is possible without using it. The program
 * calls it to validate documents, and to tell what a file is. This file knows both kinds of
 * documents; how each is read is known to schedule.c and handlers.c.
 */
#include <rdvtask/document.h>

#include <string.h>

#include "base/error.h"
#include "document/handlers.h"
#include "document/schedule.h"
#include "json/value.h"

/* Tell the kind of a document by the one member that only this kind has. */
static int find_kind(struct rdv__value root, rdv_document_kind *ret_kind, struct rdv_error *error)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value value;
    bool handlers = false, tasks = false;
    const char *key;
    int result = rdv__json_object(root, error);

    if (result < 0)
        return result;
    while (rdv__json_next(root, &iterator, &key, &value)) {
        handlers = handlers || strcmp(key, "handlers") == 0;
        tasks = tasks || strcmp(key, "tasks") == 0;
    }
    if (handlers && tasks)
        return rdv__json_fail(root, error, RDV_EINVAL,
                              "a document has either \"handlers\" (an agent's) or \"tasks\" (a "
                              "schedule), not both");
    if (!handlers && !tasks)
        return rdv__json_fail(root, error, RDV_EINVAL,
                              "neither an agent document, which has \"handlers\", nor a schedule, "
                              "which has \"tasks\"");
    *ret_kind = handlers ? RDV_DOCUMENT_AGENT : RDV_DOCUMENT_SCHEDULE;
    return 0;
}

static int check_schedule(struct rdv__value root, struct rdv_error *error)
{
    struct rdv__schedule schedule;
    int result = rdv__schedule_read(root, rdv_time_now(), &schedule, error);
    if (result == 0)
        rdv__schedule_finish(&schedule);
    return result;
}

static int check_handlers(const char *path, struct rdv_error *error)
{
    struct rdv__handlers *handlers;
    int result = rdv__handlers_load(path, &handlers, error);
    if (result == 0)
        rdv__handlers_unref(handlers);
    return result;
}

int rdv_document_check(const char *path, rdv_document_kind *ret_kind, struct rdv_error *error)
{
    struct rdv__json *json;
    rdv_document_kind kind = RDV_DOCUMENT_SCHEDULE;

    if (!path)
        return rdv__fail(error, RDV_EINVAL, "no path of a document is given");
    int result = rdv__schedule_load_json(path, &json, error);
    if (result < 0)
        return result;
    result = find_kind(rdv__json_root(json), &kind, error);
    if (result == 0 && kind == RDV_DOCUMENT_SCHEDULE)
        result = check_schedule(rdv__json_root(json), error);
    rdv__json_free(json);
    /* An agent document is loaded from its file, as its folder belongs to it. */
    if (result == 0 && kind == RDV_DOCUMENT_AGENT)
        result = check_handlers(path, error);
    if (result == 0 && ret_kind)
        *ret_kind = kind;
    return result;
}
