/* SPDX-License-Identifier: MIT */
/*
 * Messages to a service manager. Nothing here ever waits, since a service manager that does not
 * read its socket must not hold up a task.
 *
 * There is at most one message that waits to be sent: a state, the status line, or both. If the
 * socket has no room for it, it is sent again after SEND_AGAIN. A later state replaces one that
 * still waits, and a status line is made when it is sent.
 */
#include "../service_notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../display_text.h"
#include "../messages.h"

#define STATUS_GAP RDV_SECOND
#define SEND_AGAIN (100 * RDV_MILLISECOND)

/* While the program ends, which may take as long as the agent document allows, it asks the
 * manager each EXTEND_GAP to wait 20 seconds longer. A loop that hangs no longer asks. */
#define EXTEND_GAP (5 * RDV_SECOND)
#define EXTEND     "EXTEND_TIMEOUT_USEC=20000000"

/* The longest message: a state and a status line. */
#define MESSAGE_SIZE 320
#define STATE_SIZE   96
#define STATUS_SIZE  200

struct notify {
    int fd;
    struct sockaddr_un address;
    socklen_t address_size;
    const rdv_trigger *trigger; /* NULL = there is no status line */
    bool stopping, failure_reported;

    rdv_timer *timer;         /* for the message that waits */
    bool timed;               /* the timer has been started */
    bool changed;             /* the status line may have changed */
    rdv_duration sent_at;     /* when a status line was sent last, by the monotonic clock */
    char state[STATE_SIZE];   /* to be sent; empty = nothing */
    char status[STATUS_SIZE]; /* as it was sent last */

    rdv_timer *watchdog; /* NULL = there is none */
    rdv_duration watchdog_gap;
};

static rdv_duration monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * RDV_SECOND + now.tv_nsec / 100;
}

/* Returns false if the socket has no room for the message now. */
static bool send_message(struct notify *notify, const char *message)
{
    const ssize_t sent = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL,
                                (const struct sockaddr *)&notify->address, notify->address_size);
    if (sent >= 0)
        return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR)
        return false;
    /* The tasks go on without the manager, and so do the messages, in case it comes back. */
    if (!notify->failure_reported)
        report_error("cannot notify the service manager: NOTIFY_SOCKET: %s", strerror(errno));
    notify->failure_reported = true;
    return true;
}

static void start_timer(struct notify *notify, rdv_duration duration)
{
    if (notify->timed)
        return;
    notify->timed = true;
    rdv_timer_start(notify->timer, duration);
}

static void make_status(const struct notify *notify, char status[STATUS_SIZE])
{
    const size_t running = rdv_trigger_running(notify->trigger);
    const size_t pending = rdv_trigger_unfinished(notify->trigger) - running;
    const rdv_time next = rdv_trigger_next(notify->trigger);
    char time[TEXT_TIME_SIZE];
    const bool paused = rdv_trigger_paused(notify->trigger);
    snprintf(status, STATUS_SIZE, "%s%zu running, %zu pending%s%s", paused ? "paused: " : "",
             running, pending, next > 0 ? "; next at " : "", next > 0 ? text_time(next, time) : "");
}

/* Send the message that waits. */
static void on_timer(void *user)
{
    struct notify *notify = user;
    char message[MESSAGE_SIZE], status[STATUS_SIZE] = "";
    notify->timed = false;
    if (notify->changed && notify->trigger)
        make_status(notify, status);
    if (strcmp(status, notify->status) == 0)
        status[0] = '\0';
    notify->changed = false;
    if (notify->stopping && !notify->state[0])
        snprintf(notify->state, sizeof(notify->state), "%s", EXTEND);
    if (!notify->state[0] && !status[0])
        return;
    snprintf(message, sizeof(message), "%s%s%s%s", notify->state,
             notify->state[0] && status[0] ? "\n" : "", status[0] ? "STATUS=" : "", status);
    if (!send_message(notify, message)) {
        notify->changed = status[0] != '\0';
        start_timer(notify, SEND_AGAIN);
        return;
    }
    notify->state[0] = '\0';
    if (status[0]) {
        memcpy(notify->status, status, sizeof(status));
        notify->sent_at = monotonic();
    }
    if (notify->stopping)
        start_timer(notify, EXTEND_GAP);
}

/* Send a state at once. It replaces one that still waits, since the later state says all that
 * matters. */
static void send_state(struct notify *notify, const char *state)
{
    snprintf(notify->state, sizeof(notify->state), "%s", state);
    rdv_timer_stop(notify->timer);
    on_timer(notify);
}

static void on_watchdog(void *user)
{
    struct notify *notify = user;
    rdv_timer_start(notify->watchdog, notify->watchdog_gap);
    send_message(notify, "WATCHDOG=1");
}

/* How often to send a sign of life: twice as often as the watchdog expects one. 0 = there is no
 * watchdog. */
static rdv_duration read_watchdog(void)
{
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end;
    if (!text || !text[0])
        return 0;
    errno = 0;
    /* The watchdog may be for the process that started this one, and has left its environment to
     * it. */
    if (pid && pid[0] && (strtoll(pid, &end, 10) != (long long)getpid() || *end || errno))
        return 0;
    const long long microseconds = strtoll(text, &end, 10);
    if (errno || *end || microseconds <= 0 || microseconds > RDV_DAY * 366 / 10) {
        report_error(
            "WATCHDOG_USEC is not a number of microseconds: the watchdog gets no signs of life");
        return 0;
    }
    const rdv_duration half = microseconds * 10 / 2;
    return half > RDV_MILLISECOND ? half : RDV_MILLISECOND;
}

/* Read the address in NOTIFY_SOCKET: a path or, after '@', a name in the abstract namespace. */
static bool read_address(const char *name, struct sockaddr_un *address, socklen_t *ret_size)
{
    const size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(address->sun_path))
        return false;
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    /* In the abstract namespace each byte counts, so none may follow. */
    *ret_size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/' ? 1 : 0));
    return true;
}

int notify_new(rdv_loop *loop, struct notify **ret_notify)
{
    const char *name = getenv("NOTIFY_SOCKET");
    *ret_notify = NULL;
    if (!name || !name[0])
        return 0;
    struct notify *notify = calloc(1, sizeof(*notify));
    if (!notify)
        return RDV_ENOMEM;
    int result = 0;
    notify->fd = -1;
    notify->sent_at = monotonic() - STATUS_GAP;
    if (!read_address(name, &notify->address, &notify->address_size)) {
        report_error(
            "NOTIFY_SOCKET is neither a path nor '@' and a name: no service manager is notified");
        goto out;
    }
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0) {
        report_error("cannot notify the service manager: %s", strerror(errno));
        goto out;
    }
    result = rdv_timer_new(loop, on_timer, notify, &notify->timer);
    notify->watchdog_gap = read_watchdog();
    if (result == 0 && notify->watchdog_gap > 0)
        result = rdv_timer_new(loop, on_watchdog, notify, &notify->watchdog);
    if (result == 0) {
        *ret_notify = notify;
        return 0;
    }
out:
    notify_free(notify);
    return result;
}

void notify_ready(struct notify *notify, const rdv_trigger *trigger)
{
    if (!notify || notify->stopping)
        return;
    notify->trigger = trigger;
    notify->changed = true;
    send_state(notify, "READY=1");
    if (notify->watchdog)
        on_watchdog(notify);
}

void notify_changed(struct notify *notify)
{
    if (!notify || !notify->trigger)
        return;
    notify->changed = true;
    /* Nothing is sent from here, because the trigger is in the middle of its turn. */
    const rdv_duration since = monotonic() - notify->sent_at;
    start_timer(notify, since < STATUS_GAP ? STATUS_GAP - since : 0);
}

void notify_reloading(struct notify *notify)
{
    char state[STATE_SIZE];
    if (!notify || notify->stopping)
        return;
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)(monotonic() / 10));
    send_state(notify, state);
}

void notify_stopping(struct notify *notify)
{
    if (!notify || notify->stopping)
        return;
    notify->stopping = true;
    notify->changed = false;
    notify->trigger = NULL;
    notify->status[0] = '\0';
    send_state(notify, "STOPPING=1\nSTATUS=stopping in order\n" EXTEND);
}

void notify_free(struct notify *notify)
{
    if (!notify)
        return;
    rdv_timer_free(notify->timer);
    rdv_timer_free(notify->watchdog);
    if (notify->fd >= 0)
        close(notify->fd);
    free(notify);
}
