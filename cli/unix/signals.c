/* SPDX-License-Identifier: MIT */
/*
 * One thread waits for signals, and all other threads block them. There are no handlers, so nothing
 * is ever interrupted. The thread also notices when the reader of standard output goes, since it is
 * the only one that may sleep in poll() for that. What has come is kept under a mutex until the
 * loop's thread asks for it.
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

/* With this many requests to end the program ends on the spot. That is safe, since the store is
 * right at any moment. */
#define PATIENCE 3

struct signals {
    rdv_loop *loop;
    pthread_t thread;
    sigset_t before;
    int taken;  /* a signalfd: the signals that have come */
    int reader; /* the descriptor whose reader is watched; -1 = none */
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

/* Whether a terminal that was there at the beginning has hung up. */
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
    /* write() returns an error then. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    for (int fd = 0; fd < 3; fd++)
        terminals[fd] = isatty(fd);
}

void signals_hang_up(void)
{
    mask_hang_up(SIG_UNBLOCK);
}

/* Wait for the next signal. Returns 0 if there was none, or the reader has gone. */
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
    sigaddset(&set, SIGUSR1); /* signals_stop() sends it to end the thread */
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

/* Read a flag, and reset it. */
static bool take_flag(struct signals *signals, bool *flag)
{
    pthread_mutex_lock(&signals->mutex);
    const bool result = *flag;
    *flag = false;
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
