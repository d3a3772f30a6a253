/* SPDX-License-Identifier: MIT */
/*
 * Entries as JSON. control/ writes them into answers, and reads them on the client's side from
 * answers; rdv_entry_to_json() writes one for programs. doc/schema/entry.schema.json describes the
 * shape, whose version is RDV_ENTRY_JSON_VERSION.
 *
 * What is not given or not known is null, and reading null leaves the member of the entry as it is.
 * Members that are not known are passed over, as they may be added within a version.
 */
#include "document/entry_json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/document.h>

#include "base/error.h"

/* ----------------------------------------------------------------- writing */

static void write_text(struct rdv__json_writer *writer, const char *key, const char *text)
{
    rdv__json_write_string(writer, key, text, text ? strlen(text) : 0);
}

static void write_progress(struct rdv__json_writer *writer, int progress)
{
    if (progress < 0)
        rdv__json_write_null(writer, "progress");
    else
        rdv__json_write_integer(writer, "progress", progress);
}

/* Write a message. An empty one is none: it is null. */
static void write_message(struct rdv__json_writer *writer, const char *message)
{
    write_text(writer, "message", message && *message != '\0' ? message : NULL);
}

static void write_deadline(struct rdv__json_writer *writer, rdv_time deadline)
{
    rdv__json_write_time(writer, "deadline", deadline == RDV_DEADLINE_FIRST ? 0 : deadline);
}

static void write_limit(struct rdv__json_writer *writer, rdv_duration limit)
{
    char text[RDV_DURATION_TEXT_SIZE];
    bool given = limit > 0 && rdv_duration_format(limit, text, sizeof text) == 0;

    write_text(writer, "limit", given ? text : NULL);
}

static void write_changes(struct rdv__json_writer *writer, const rdv_change *changes, size_t count)
{
    rdv__json_begin_array(writer, "changes");
    for (size_t i = 0; i < count; i++) {
        const rdv_change *change = &changes[i];
        rdv__json_begin_object(writer, NULL);
        rdv__json_write_time(writer, "at", change->at);
        write_text(writer, "status", rdv_status_name(change->status));
        rdv__json_write_integer(writer, "attempt", change->attempt);
        write_progress(writer, change->progress);
        rdv__json_write_integer(writer, "code", change->code);
        write_message(writer, change->message);
        rdv__json_end(writer);
    }
    rdv__json_end(writer);
}

static void write_members(struct rdv__json_writer *writer, const rdv_entry *entry)
{
    rdv__json_write_integer(writer, "version", RDV_ENTRY_JSON_VERSION);
    rdv__json_write_integer(writer, "run", entry->run);
    rdv__json_write_integer(writer, "change", entry->change);
    write_text(writer, "identifier", entry->identifier);
    write_text(writer, "label", entry->label);
    rdv__json_write_time(writer, "start", entry->window.start);
    rdv__json_write_time(writer, "end", entry->window.end);
    write_deadline(writer, entry->window.deadline);
    write_limit(writer, entry->window.limit);
    rdv__json_write_integer(writer, "context_size", (int64_t)entry->context_size);
    write_text(writer, "state", rdv_state_name(entry->state));
    write_text(writer, "status", rdv_status_name(entry->status));
    write_text(writer, "outcome", rdv_outcome_name(entry->outcome));
    rdv__json_write_integer(writer, "attempt", entry->attempt);
    write_progress(writer, entry->progress);
    rdv__json_write_integer(writer, "code", entry->code);
    write_message(writer, entry->message);
    rdv__json_write_time(writer, "scheduled_at", entry->scheduled_at);
    rdv__json_write_time(writer, "started_at", entry->started_at);
    rdv__json_write_time(writer, "finished_at", entry->finished_at);
    rdv__json_write_bool(writer, "cancelling", entry->cancelling);
    if (entry->changes)
        write_changes(writer, entry->changes, entry->change_count);
    if (entry->output)
        rdv__json_write_string(writer, "output", entry->output, entry->output_size);
}

void rdv__entry_write(struct rdv__json_writer *writer, const char *key, const rdv_entry *entry)
{
    rdv__json_begin_object(writer, key);
    write_members(writer, entry);
    rdv__json_end(writer);
}

int rdv_entry_to_json(const rdv_entry *entry, char **ret_text)
{
    struct rdv__json_writer *writer;

    if (!entry || !ret_text)
        return RDV_EINVAL;
    int result = rdv__json_writer_new(&writer);
    if (result < 0)
        return result;
    write_members(writer, entry);
    return rdv__json_writer_finish(writer, ret_text);
}

/* ----------------------------------------------------------------- reading */

enum kind { INTEGER, INT, SIZE, FLAG, TEXT, TIME, LIMIT, STATE, STATUS, OUTCOME };

/* A member of an entry, or of one of its changes, and where it stands in the struct. */
struct member {
    const char *name;
    enum kind kind;
    size_t offset;
};

static const struct member entry_members[] = {
    {"run", INTEGER, offsetof(rdv_entry, run)},
    {"change", INTEGER, offsetof(rdv_entry, change)},
    {"identifier", TEXT, offsetof(rdv_entry, identifier)},
    {"label", TEXT, offsetof(rdv_entry, label)},
    {"start", TIME, offsetof(rdv_entry, window.start)},
    {"end", TIME, offsetof(rdv_entry, window.end)},
    {"deadline", TIME, offsetof(rdv_entry, window.deadline)},
    {"limit", LIMIT, offsetof(rdv_entry, window.limit)},
    {"context_size", SIZE, offsetof(rdv_entry, context_size)},
    {"state", STATE, offsetof(rdv_entry, state)},
    {"status", STATUS, offsetof(rdv_entry, status)},
    {"outcome", OUTCOME, offsetof(rdv_entry, outcome)},
    {"attempt", INT, offsetof(rdv_entry, attempt)},
    {"progress", INT, offsetof(rdv_entry, progress)},
    {"code", INT, offsetof(rdv_entry, code)},
    {"message", TEXT, offsetof(rdv_entry, message)},
    {"scheduled_at", TIME, offsetof(rdv_entry, scheduled_at)},
    {"started_at", TIME, offsetof(rdv_entry, started_at)},
    {"finished_at", TIME, offsetof(rdv_entry, finished_at)},
    {"cancelling", FLAG, offsetof(rdv_entry, cancelling)},
    {"output", TEXT, offsetof(rdv_entry, output)},
    {NULL, INT, 0},
};

static const struct member change_members[] = {
    {"at", TIME, offsetof(rdv_change, at)},
    {"status", STATUS, offsetof(rdv_change, status)},
    {"attempt", INT, offsetof(rdv_change, attempt)},
    {"progress", INT, offsetof(rdv_change, progress)},
    {"code", INT, offsetof(rdv_change, code)},
    {"message", TEXT, offsetof(rdv_change, message)},
    {NULL, INT, 0},
};

static int read_limit(struct rdv__value value, rdv_duration *ret_limit, struct rdv_error *error)
{
    return rdv__json_duration(value, 1, RDV_LIMIT_MAX, ret_limit, error);
}

static int read_time(struct rdv__value value, rdv_time *ret_time, struct rdv_error *error)
{
    const char *text;
    int result = rdv__json_string(value, &text, error);

    if (result == 0 && rdv_time_parse(text, ret_time) < 0)
        result = rdv__json_fail(value, error, RDV_EINVAL, "expected a time");
    return result;
}

/* Read one of a few words: name(number) gives each, for the numbers up to last. */
static int read_word(struct rdv__value value, int last, const char *(*name)(int number),
                     int *ret_number, struct rdv_error *error)
{
    const char *text;
    int result = rdv__json_string(value, &text, error);

    if (result < 0)
        return result;
    for (int i = 0; i <= last; i++) {
        if (name(i) && strcmp(name(i), text) == 0) {
            *ret_number = i;
            return 0;
        }
    }
    return rdv__json_fail(value, error, RDV_EINVAL, "not one of the words that are known here");
}

static const char *state_name(int number)
{
    return rdv_state_name((rdv_state)number);
}

static const char *status_name(int number)
{
    return rdv_status_name((rdv_status)number);
}

static const char *outcome_name(int number)
{
    return rdv_outcome_name((rdv_outcome)number);
}

static int read_member(struct rdv__value value, const struct member *member, char *target,
                       struct rdv_error *error)
{
    void *at = target + member->offset;
    int64_t number = 0;
    int word = 0, result = 0;

    /* It is not given or not known, and stays as it is. */
    if (rdv__json_type(value) == RDV__JSON_NULL)
        return 0;
    switch (member->kind) {
    case INTEGER:
        return rdv__json_integer(value, INT64_MIN, INT64_MAX, at, error);
    case INT:
        result = rdv__json_integer(value, INT_MIN, INT_MAX, &number, error);
        if (result == 0)
            *(int *)at = (int)number;
        return result;
    case SIZE:
        result = rdv__json_integer(value, 0, RDV_CONTEXT_MAX, &number, error);
        if (result == 0)
            *(size_t *)at = (size_t)number;
        return result;
    case FLAG:
        return rdv__json_bool(value, at, error);
    case TEXT:
        return rdv__json_string(value, at, error);
    case TIME:
        return read_time(value, at, error);
    case LIMIT:
        return read_limit(value, at, error);
    case STATE:
        result = read_word(value, RDV_STATE_FINISHED, state_name, &word, error);
        if (result == 0)
            *(rdv_state *)at = (rdv_state)word;
        return result;
    case STATUS:
        result = read_word(value, RDV_STATUS_TIMEOUT, status_name, &word, error);
        if (result == 0)
            *(rdv_status *)at = (rdv_status)word;
        return result;
    case OUTCOME:
        result = read_word(value, RDV_OUTCOME_TIMED_OUT, outcome_name, &word, error);
        if (result == 0)
            *(rdv_outcome *)at = (rdv_outcome)word;
        return result;
    }
    return 0;
}

/* Read a member if the table has it. */
static int read_known(const char *key, struct rdv__value value, const struct member *members,
                      void *target, struct rdv_error *error)
{
    for (; members->name; members++)
        if (strcmp(members->name, key) == 0)
            return read_member(value, members, target, error);
    return 0;
}

static int read_changes(struct rdv__value value, rdv_change **ret_changes, size_t *ret_count,
                        struct rdv_error *error)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value item;
    size_t count, at = 0;
    int result = rdv__json_array(value, &count, error);

    if (result < 0)
        return result;
    rdv_change *changes = calloc(count > 0 ? count : 1, sizeof *changes);
    if (!changes)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    while (result == 0 && rdv__json_next(value, &iterator, NULL, &item)) {
        struct rdv__json_iterator members = {0};
        struct rdv__value member;
        const char *key;
        rdv_change *change = &changes[at++];
        change->progress = -1;
        change->message = "";
        result = rdv__json_object(item, error);
        while (result == 0 && rdv__json_next(item, &members, &key, &member))
            result = read_known(key, member, change_members, change, error);
    }
    if (result < 0) {
        free(changes);
        return result;
    }
    *ret_changes = changes;
    *ret_count = count;
    return 0;
}

int rdv__entry_read(struct rdv__value value, rdv_entry *ret_entry, rdv_change **ret_changes,
                    struct rdv_error *error)
{
    struct rdv__json_iterator iterator = {0};
    struct rdv__value member;
    rdv_entry entry = {.size = sizeof entry, .progress = -1, .message = ""};
    rdv_change *changes = NULL;
    int64_t version = 0;
    const char *key;
    int result = rdv__json_object(value, error);

    while (result == 0 && rdv__json_next(value, &iterator, &key, &member)) {
        if (strcmp(key, "version") == 0)
            result = rdv__json_integer(member, RDV_ENTRY_JSON_VERSION, RDV_ENTRY_JSON_VERSION,
                                       &version, error);
        else if (strcmp(key, "changes") == 0)
            result = read_changes(member, &changes, &entry.change_count, error);
        else
            result = read_known(key, member, entry_members, &entry, error);
    }
    if (result == 0 && (version == 0 || !entry.identifier || !entry.label))
        result = rdv__json_fail(value, error, RDV_EINVAL, "expected an entry");
    if (result < 0) {
        free(changes);
        return result;
    }
    entry.changes = changes;
    entry.output_size = entry.output ? strlen(entry.output) : 0;
    *ret_entry = entry;
    *ret_changes = changes;
    return 0;
}
