/* SPDX-License-Identifier: MIT */
/*
 * Reads "limits" in an agent document: what a program, and all that comes of it, may use at most.
 * handlers.c calls this; the supervisor, rdvtask-child, sets the limits under the names that are
 * given here.
 */
#include "document/limits.h"

#include <assert.h>
#include <string.h>

#include <rdvtask/task.h>

/* The largest limits: no machine has more, and the system's own numbers hold them. */
#define BYTES_MAX  (INT64_C(1) << 60)
#define NUMBER_MAX (INT64_C(1) << 30)

/* Multiply; what is more than BYTES_MAX stays more than that. */
static int64_t multiply(int64_t bytes, int64_t factor)
{
    return bytes > BYTES_MAX / factor ? BYTES_MAX + 1 : bytes * factor;
}

/* Read a number of bytes, or a text such as "512M". */
static int read_bytes(struct rdv__value value, int64_t *ret_bytes, struct rdv_error *error)
{
    static const char units[] = "KMGT";
    const char *text;
    if (rdv__json_type(value) != RDV__JSON_STRING)
        return rdv__json_integer(value, 1, BYTES_MAX, ret_bytes, error);
    int result = rdv__json_string(value, &text, error);
    if (result)
        return result;
    int64_t bytes = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && bytes <= BYTES_MAX; i++)
        bytes = multiply(bytes, 10) + (text[i] - '0');
    const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
    if (digits == 0 || (text[digits] && (!unit || text[digits + 1])))
        return rdv__json_fail(value, error, RDV_EINVAL,
                              "expected a number of bytes, such as 1048576 or \"512M\" (K, M, G or "
                              "T, of 1024 each)");
    for (size_t power = unit ? (size_t)(unit - units) + 1 : 0; power > 0; power--)
        bytes = multiply(bytes, 1024);
    if (bytes < 1 || bytes > BYTES_MAX)
        return rdv__json_fail(value, error, RDV_EINVAL, "expected 1 byte to 1048576T");
    *ret_bytes = bytes;
    return 0;
}

/* Read a time, and round it up to whole seconds: the system counts in these. */
static int read_seconds(struct rdv__value value, int64_t *ret_seconds, struct rdv_error *error)
{
    rdv_duration duration;
    int result = rdv__json_duration(value, RDV_SECOND, RDV_LIMIT_MAX, &duration, error);
    if (!result)
        *ret_seconds = (duration + RDV_SECOND - 1) / RDV_SECOND;
    return result;
}

int rdv__limits_read(struct rdv__value value, struct rdv__limits *limits, struct rdv_error *error)
{
    enum { MEMORY, FILE_SIZE, FILES, PROCESSES, CPU, MEMBERS };
    static const char *const names[] = {"memory", "file_size", "files", "processes", "cpu", NULL};
    /* What the options of rdvtask-child call them. */
    static const char *const options[] = {"memory", "file-size", "files", "processes", "cpu"};
    struct rdv__value members[MEMBERS];
    assert(limits->count + MEMBERS <= RDV__LIMITS_MAX);

    int result = rdv__json_members(value, names, members, error);
    for (int i = 0; !result && i < MEMBERS; i++) {
        struct rdv__limit *limit = &limits->list[limits->count];
        if (!members[i].item)
            continue;
        if (i == CPU)
            result = read_seconds(members[i], &limit->value, error);
        else if (i == MEMORY || i == FILE_SIZE)
            result = read_bytes(members[i], &limit->value, error);
        else
            result = rdv__json_integer(members[i], 1, NUMBER_MAX, &limit->value, error);
        limit->name = options[i];
        limits->count++;
    }
    return result;
}
