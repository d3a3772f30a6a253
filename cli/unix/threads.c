/* SPDX-License-Identifier: MIT */
/* Threads and their lock by POSIX. The condition follows the monotonic clock, and the threads
 * take no signals. */
#include "../threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* The threads only write what others have made, and need little stack. */
#define STACK_SIZE ((size_t)128 * 1024)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

struct beginning {
    void (*fn)(void *user);
    void *user;
};

bool threads_prepare(void)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    /* The clock of the machine may be set. This one is never set. */
    const bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                      pthread_cond_init(&changed, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

void threads_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void threads_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

rdv_duration threads_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * RDV_SECOND + now.tv_nsec / 100;
}

void threads_wait(rdv_duration most)
{
    if (most == 0) {
        pthread_cond_wait(&changed, &mutex);
        return;
    }
    const rdv_duration until = threads_now() + most;
    const struct timespec moment = {.tv_sec = (time_t)(until / RDV_SECOND),
                                    .tv_nsec = (long)(until % RDV_SECOND * 100)};
    pthread_cond_timedwait(&changed, &mutex, &moment);
}

void threads_wake(void)
{
    pthread_cond_broadcast(&changed);
}

static void *begin_thread(void *user)
{
    const struct beginning beginning = *(struct beginning *)user;
    free(user);
    beginning.fn(beginning.user);
    return NULL;
}

bool threads_start(void (*fn)(void *user), void *user)
{
    struct beginning *beginning = malloc(sizeof(*beginning));
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (!beginning || pthread_attr_init(&attributes) != 0) {
        free(beginning);
        return false;
    }
    *beginning = (struct beginning){fn, user};
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    /* A signal that was delivered to such a thread would have its default effect. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool made = pthread_create(&thread, &attributes, begin_thread, beginning) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (!made)
        free(beginning);
    return made;
}
