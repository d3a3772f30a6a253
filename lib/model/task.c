/* SPDX-License-Identifier: MIT */
/*
 * Tasks: label, identifier, context and run number in one block of memory, with a count of
 * references. A task never changes once it is made, so any thread may read it; the count is atomic,
 * so any thread may take or release a reference. Names are checked here, for all who make tasks.
 */
#include "model/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "platform/platform.h"

struct rdv_task {
    /* Only the rdv__atomic_… functions touch the count. */
    int references;
    uint32_t label_size;
    uint32_t identifier_size;
    uint32_t context_size;
    int64_t run;
    /*
     * Context, label and identifier follow, each with a NUL behind it. The context comes first
     * because this is where the memory is aligned.
     */
    char data[];
};

#define UUID_BYTES     16
#define UUID_TEXT_SIZE 37

/* Make a random UUID (version 4, variant 10). */
static int make_uuid(char text[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[UUID_BYTES];

    int r = rdv__plat_random(bytes, sizeof bytes);
    if (r < 0)
        return r;
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);

    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = '\0';
    return 0;
}

int rdv__name_check(const char *name, size_t size)
{
    if (!name || size == 0)
        return RDV_EINVAL;
    if (size > RDV_NAME_MAX)
        return RDV_ELIMIT;
    if (memchr(name, '\0', size) || !rdv__utf8_valid(name, size))
        return RDV_EINVAL;
    return 0;
}

static char *put_bytes(char *at, const void *data, size_t size)
{
    if (size > 0)
        memcpy(at, data, size);
    at[size] = '\0';
    return at + size + 1;
}

int rdv__task_new(const char *label, size_t label_size, const char *identifier,
                  size_t identifier_size, const void *context, size_t context_size, int64_t run,
                  rdv_task **ret_task)
{
    char uuid[UUID_TEXT_SIZE];
    int r;

    assert(run >= 0);
    assert(ret_task);

    if (!identifier) {
        r = make_uuid(uuid);
        if (r < 0)
            return r;
        identifier = uuid;
        identifier_size = sizeof uuid - 1;
    }
    r = rdv__name_check(label, label_size);
    if (r < 0)
        return r;
    r = rdv__name_check(identifier, identifier_size);
    if (r < 0)
        return r;
    if (context_size > RDV_CONTEXT_MAX)
        return RDV_ELIMIT;
    if (!context && context_size > 0)
        return RDV_EINVAL;

    rdv_task *task = malloc(sizeof *task + context_size + label_size + identifier_size + 3);
    if (!task)
        return RDV_ENOMEM;
    *task = (rdv_task){
        .references = 1,
        .label_size = (uint32_t)label_size,
        .identifier_size = (uint32_t)identifier_size,
        .context_size = (uint32_t)context_size,
        .run = run,
    };
    char *at = put_bytes(task->data, context, context_size);
    at = put_bytes(at, label, label_size);
    put_bytes(at, identifier, identifier_size);
    *ret_task = task;
    return 0;
}

int rdv__task_numbered(const rdv_task *task, int64_t run, rdv_task **ret_task)
{
    const size_t size =
        sizeof *task + task->context_size + task->label_size + task->identifier_size + 3;
    rdv_task *copy = malloc(size);
    if (!copy)
        return RDV_ENOMEM;
    memcpy(copy, task, size);
    copy->references = 1;
    copy->run = run;
    *ret_task = copy;
    return 0;
}

int rdv_task_new(const char *label, const char *identifier, const void *context, size_t size,
                 rdv_task **ret_task)
{
    if (!label || !ret_task)
        return RDV_EINVAL;
    return rdv__task_new(label, strlen(label), identifier, identifier ? strlen(identifier) : 0,
                         context, size, 0, ret_task);
}

rdv_task *rdv_task_ref(rdv_task *task)
{
    if (task)
        rdv__atomic_add(&task->references, 1);
    return task;
}

rdv_task *rdv_task_unref(rdv_task *task)
{
    if (task && rdv__atomic_add(&task->references, -1) == 0)
        free(task);
    return NULL;
}

const char *rdv_task_label(const rdv_task *task)
{
    return task ? task->data + task->context_size + 1 : NULL;
}

const char *rdv_task_identifier(const rdv_task *task)
{
    return task ? task->data + task->context_size + 1 + task->label_size + 1 : NULL;
}

const void *rdv_task_context(const rdv_task *task, size_t *ret_size)
{
    if (ret_size)
        *ret_size = task ? task->context_size : 0;
    return task ? task->data : "";
}

int64_t rdv_task_run(const rdv_task *task)
{
    return task ? task->run : 0;
}

bool rdv__task_same(const rdv_task *a, const rdv_task *b)
{
    assert(a && b);
    if (a == b)
        return true;
    if (a->label_size != b->label_size || a->identifier_size != b->identifier_size ||
        a->context_size != b->context_size)
        return false;
    return memcmp(a->data, b->data,
                  (size_t)a->context_size + a->label_size + a->identifier_size + 3) == 0;
}
