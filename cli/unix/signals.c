/* SPDX-License-Identifier: MIT */
/*
 * A thread that waits for signals, which all other threads have blocked: no handlers, so nothing is interrupted.
 */
#include "../signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* After so many requests we no longer wait for anybody. The store is right at any moment. */
#define PATIENCE 3

struct signals {
    rdv_loop *loop;
    pthread_t thread;
    sigset_t set, before;
    pthread_mutex_t mutex; /* guards what follows */
    int ends;
    bool resized, stopping;
};

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void *wait_for_signals(void *user)
{
    struct signals *signals = user;
    for (;;) {
        int number;
        if (sigwait(&signals->set, &number) != 0)
            continue;
        pthread_mutex_lock(&signals->mutex);
        const bool stopping = signals->stopping;
        if (number == SIGWINCH)
            signals->resized = true;
        else if (number != SIGUSR1)
            signals->ends++;
        const bool patient = signals->ends < PATIENCE;
        pthread_mutex_unlock(&signals->mutex);
        if (!patient)
            _exit(128 + number);
        if (stopping)
            return NULL;
        rdv_loop_stop(signals->loop);
    }
}

int signals_start(rdv_loop *loop, struct signals **ret_signals)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct signals *signals = calloc(1, sizeof(*signals));
    if (!signals)
        return ENOMEM;
    signals->loop = loop;
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGUSR1); /* our own: ends the thread */
    sigaddset(&signals->set, SIGWINCH);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (!is_ignored(ends[i])) /* nohup, or a shell's background job */
            sigaddset(&signals->set, ends[i]);
    pthread_mutex_init(&signals->mutex, NULL);
    int result = pthread_sigmask(SIG_BLOCK, &signals->set, &signals->before);
    if (result == 0) {
        result = pthread_create(&signals->thread, NULL, wait_for_signals, signals);
        if (result != 0)
            pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    }
    if (result != 0) {
        pthread_mutex_destroy(&signals->mutex);
        free(signals);
        return result;
    }
    *ret_signals = signals;
    return 0;
}

int signals_ends(struct signals *signals)
{
    pthread_mutex_lock(&signals->mutex);
    const int ends = signals->ends;
    pthread_mutex_unlock(&signals->mutex);
    return ends;
}

bool signals_resized(struct signals *signals)
{
    pthread_mutex_lock(&signals->mutex);
    const bool resized = signals->resized;
    signals->resized = false;
    pthread_mutex_unlock(&signals->mutex);
    return resized;
}

void signals_stop(struct signals *signals)
{
    if (!signals)
        return;
    pthread_mutex_lock(&signals->mutex);
    signals->stopping = true;
    pthread_mutex_unlock(&signals->mutex);
    pthread_kill(signals->thread, SIGUSR1);
    pthread_join(signals->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    pthread_mutex_destroy(&signals->mutex);
    free(signals);
}
