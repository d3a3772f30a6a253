/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <stdlib.h>

#include <uv.h>

#include <rdvtask/base.h>

struct rdv__thread {
    uv_thread_t id;
};

int rdv__thread_new(void (*fn)(void *user), void *user, struct rdv__thread **ret_thread)
{
    struct rdv__thread *thread = malloc(sizeof *thread);
    if (!thread)
        return RDV_ENOMEM;
    if (uv_thread_create(&thread->id, fn, user) != 0) {
        free(thread);
        return RDV_ENOMEM;
    }
    *ret_thread = thread;
    return 0;
}

void rdv__thread_join(struct rdv__thread *thread)
{
    if (!thread)
        return;
    uv_thread_join(&thread->id);
    free(thread);
}

struct rdv__mutex {
    uv_mutex_t mutex;
};

int rdv__mutex_new(struct rdv__mutex **ret_mutex)
{
    struct rdv__mutex *mutex = malloc(sizeof *mutex);
    if (!mutex)
        return RDV_ENOMEM;
    if (uv_mutex_init(&mutex->mutex) != 0) {
        free(mutex);
        return RDV_ENOMEM;
    }
    *ret_mutex = mutex;
    return 0;
}

void rdv__mutex_free(struct rdv__mutex *mutex)
{
    if (!mutex)
        return;
    uv_mutex_destroy(&mutex->mutex);
    free(mutex);
}

void rdv__mutex_lock(struct rdv__mutex *mutex)
{
    uv_mutex_lock(&mutex->mutex);
}

void rdv__mutex_unlock(struct rdv__mutex *mutex)
{
    uv_mutex_unlock(&mutex->mutex);
}
