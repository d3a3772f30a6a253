/* SPDX-License-Identifier: MIT */
/*
 * A thread that waits for signals, which all other threads have blocked: no handlers, so nothing is interrupted. It also looks whether the
 * reader of standard output is still there, as nobody else may sleep in poll() for that.
 */
#include "../signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/signalfd.h>
#include <sys/stat.h>

/* After so many requests we no longer wait for anybody. The store is right at any moment. */
#define PATIENCE 3

struct signals {
    rdv_loop *loop;
    pthread_t thread;
    sigset_t before;
    int taken;  /* signalfd: signals that have come */
    int reader; /* the descriptor whose reader is looked after; -1 = none */
    bool reloads;
    pthread_mutex_t mutex; /* guards what follows */
    int ends;
    bool resized, reload, reader_gone, stopping;
};

/* Which of the standard descriptors were a terminal when the program began. */
static bool terminals[3];

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Whether a terminal that we had has hung up. */
static bool terminal_gone(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (terminals[fd] && !isatty(fd))
            return true;
    return false;
}

static void mask_hang_up(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

void signals_prepare(void)
{
    mask_hang_up(SIG_BLOCK);
    /* Then write() says so. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    for (int fd = 0; fd < 3; fd++)
        terminals[fd] = isatty(fd);
}

void signals_hang_up(void)
{
    mask_hang_up(SIG_UNBLOCK);
}

/* The next signal; 0 = there was none, or the reader has gone. */
static int wait_for_signal(struct signals *signals)
{
    struct pollfd waits[] = {{.fd = signals->taken, .events = POLLIN}, {.fd = signals->reader}};
    struct signalfd_siginfo info;
    if (poll(waits, 2, -1) <= 0)
        return 0;
    if (waits[1].revents) {
        signals->reader = -1;
        pthread_mutex_lock(&signals->mutex);
        signals->reader_gone = true;
        pthread_mutex_unlock(&signals->mutex);
        rdv_loop_stop(signals->loop);
    }
    return waits[0].revents && read(signals->taken, &info, sizeof(info)) == (ssize_t)sizeof(info)
               ? (int)info.ssi_signo
               : 0;
}

static void *wait_for_signals(void *user)
{
    struct signals *signals = user;
    for (;;) {
        const int number = wait_for_signal(signals);
        if (number == 0)
            continue;
        pthread_mutex_lock(&signals->mutex);
        const bool stopping = signals->stopping;
        if (number == SIGWINCH)
            signals->resized = true;
        else if (number == SIGHUP && signals->reloads && !terminal_gone())
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

static bool has_reader(void)
{
    struct stat status;
    return fstat(STDOUT_FILENO, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

int signals_start(rdv_loop *loop, unsigned flags, struct signals **ret_signals)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    struct signals *signals = calloc(1, sizeof(*signals));
    if (!signals)
        return ENOMEM;
    signals->loop = loop;
    signals->reloads = (flags & SIGNALS_RELOAD) != 0;
    signals->reader = (flags & SIGNALS_READER) && has_reader() ? STDOUT_FILENO : -1;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1); /* our own: ends the thread */
    sigaddset(&set, SIGWINCH);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (!is_ignored(ends[i])) /* nohup, or a shell's background job */
            sigaddset(&set, ends[i]);
    pthread_mutex_init(&signals->mutex, NULL);
    signals->taken = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int result = signals->taken < 0 ? errno : pthread_sigmask(SIG_BLOCK, &set, &signals->before);
    if (result == 0) {
        result = pthread_create(&signals->thread, NULL, wait_for_signals, signals);
        if (result != 0)
            pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    }
    if (result != 0) {
        if (signals->taken >= 0)
            close(signals->taken);
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
static bool take_flag(struct signals *signals, bool *said)
{
    pthread_mutex_lock(&signals->mutex);
    const bool result = *said;
    *said = false;
    pthread_mutex_unlock(&signals->mutex);
    return result;
}

bool signals_reload(struct signals *signals)
{
    return take_flag(signals, &signals->reload);
}

bool signals_resized(struct signals *signals)
{
    return take_flag(signals, &signals->resized);
}

bool signals_reader_gone(struct signals *signals)
{
    if (!signals)
        return false;
    pthread_mutex_lock(&signals->mutex);
    const bool gone = signals->reader_gone;
    pthread_mutex_unlock(&signals->mutex);
    return gone;
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
    close(signals->taken);
    pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    pthread_mutex_destroy(&signals->mutex);
    free(signals);
}
