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
    bool reloads;
    bool terminals[3];     /* which of the standard descriptors were one */
    pthread_mutex_t mutex; /* guards what follows */
    int ends;
    bool resized, reload, stopping;
};

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Whether a terminal that we had has hung up. */
static bool terminal_gone(const struct signals *signals)
{
    for (int fd = 0; fd < 3; fd++)
        if (signals->terminals[fd] && !isatty(fd))
            return true;
    return false;
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
        else if (number == SIGHUP && signals->reloads && !terminal_gone(signals))
            signals->reload = true;
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

int signals_start(rdv_loop *loop, bool reloads, struct signals **ret_signals)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct signals *signals = calloc(1, sizeof(*signals));
    if (!signals)
        return ENOMEM;
    signals->loop = loop;
    signals->reloads = reloads;
    for (int fd = 0; fd < 3; fd++)
        signals->terminals[fd] = isatty(fd);
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

/* Read what may be said once more, and forget it. */
static bool take(struct signals *signals, bool *said)
{
    pthread_mutex_lock(&signals->mutex);
    const bool result = *said;
    *said = false;
    pthread_mutex_unlock(&signals->mutex);
    return result;
}

bool signals_reload(struct signals *signals)
{
    return take(signals, &signals->reload);
}

bool signals_resized(struct signals *signals)
{
    return take(signals, &signals->resized);
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
