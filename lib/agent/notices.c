/* SPDX-License-Identifier: MIT */
/*
 * What a child says through descriptor 3: this takes lines out of what comes, checks them, and
 * collects them into notices. process.c reads the descriptor, feeds this, and passes on what comes
 * out. Once `stopped` is set, no function of the listener is called any more.
 */
#include "agent/notices.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* How much is said about a wrong line, and about how many of them for each child. */
#define TROUBLE_WORDS 160
#define TROUBLE_MAX   10

void rdv__notices_init(struct rdv__notices *notices, const struct rdv__notice_listener *listener)
{
    *notices = (struct rdv__notices){.listener = *listener, .collected = {.progress = -1}};
}

/* Say what is wrong with a line: the words, then the line as far as it fits. */
static void report_bad_line(struct rdv__notices *notices, const char *words, const char *line,
                            size_t size)
{
    char escaped[TROUBLE_WORDS / 2], text[TROUBLE_WORDS];
    if (notices->stopped || notices->troubles == TROUBLE_MAX)
        return;
    notices->troubles++;
    rdv__escape(line, size, escaped, sizeof escaped);
    snprintf(text, sizeof text, "%s: %s", words, escaped);
    if (notices->listener.trouble)
        notices->listener.trouble(notices->listener.user, text);
}

void rdv__notices_deliver(struct rdv__notices *notices)
{
    struct rdv__child_notice *notice = &notices->collected;
    if (!notices->stopped && notices->listener.notice &&
        (notice->status || notice->message || notice->progress >= 0))
        notices->listener.notice(notices->listener.user, notice);
    *notice = (struct rdv__child_notice){NULL, NULL, -1};
}

/* Whether sd_notify() defines this key: a program that was written for that is not wrong. */
static bool is_key_of_sd_notify(const char *key, size_t size)
{
    static const char *const keys[] = {
        "READY",         "RELOADING",
        "STOPPING",      "MONOTONIC_USEC",
        "ERRNO",         "BUSERROR",
        "VARLINKERROR",  "EXIT_STATUS",
        "MAINPID",       "MAINPIDFDID",
        "MAINPIDFD",     "WATCHDOG",
        "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC",
        "FDSTORE",       "FDSTOREREMOVE",
        "FDNAME",        "FDPOLL",
        "BARRIER",       "NOTIFYACCESS",
        "RESTART_RESET",
    };
    if (size > 2 && memcmp(key, "X_", 2) == 0)
        return true;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strlen(keys[i]) == size && memcmp(keys[i], key, size) == 0)
            return true;
    return false;
}

/* Read 0 to 100 in decimal digits. Returns -1 if it is not that. */
static int parse_percent(const char *text, size_t size)
{
    int number = 0;
    if (size == 0)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = 10 * number + (text[i] - '0');
        if (number > 100)
            return -1;
    }
    return number;
}

static void keep_text(const char **slot, char *buffer, const char *text, size_t size)
{
    memcpy(buffer, text, size);
    buffer[size] = '\0';
    *slot = buffer;
}

static bool key_is(const char *name, const char *key, size_t size)
{
    return strlen(name) == size && memcmp(name, key, size) == 0;
}

static void take_line(struct rdv__notices *notices, const char *line, size_t size)
{
    struct rdv__child_notice *notice = &notices->collected;
    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (size == 0)
        return;
    if (!rdv__utf8_valid(line, size) || memchr(line, '\0', size)) {
        report_bad_line(notices, "a notice that is not UTF-8 text", line, size);
        return;
    }
    const char *sign = memchr(line, '=', size);
    if (!sign) {
        report_bad_line(notices, "a notice without '='", line, size);
        return;
    }

    size_t key_size = (size_t)(sign - line), value_size = size - key_size - 1;
    const char *value = sign + 1;
    if (key_is("STATUS", line, key_size)) {
        if (value_size == 0) {
            report_bad_line(notices, "a notice of no status", line, size);
            return;
        }
        if (notice->status)
            rdv__notices_deliver(notices);
        keep_text(&notice->status, notices->status, value, value_size);
    } else if (key_is("MESSAGE", line, key_size)) {
        if (notice->message)
            rdv__notices_deliver(notices);
        keep_text(&notice->message, notices->message, value, value_size);
    } else if (key_is("PROGRESS", line, key_size)) {
        int percent = parse_percent(value, value_size);
        if (percent < 0) {
            report_bad_line(notices, "a notice with a progress that is not 0 to 100", line, size);
            return;
        }
        if (notice->progress >= 0)
            rdv__notices_deliver(notices);
        notice->progress = percent;
    } else if (!is_key_of_sd_notify(line, key_size)) {
        report_bad_line(notices, "a notice of an unknown kind", line, size);
    }
}

static void skip_long_line(struct rdv__notices *notices)
{
    report_bad_line(notices, "a notice that is too long", notices->line, notices->line_size);
    notices->skipping = true;
    notices->line_size = 0;
}

void rdv__notices_add(struct rdv__notices *notices, const char *data, size_t size)
{
    while (size > 0 && !notices->stopped) {
        const char *end = memchr(data, '\n', size);
        size_t part = end ? (size_t)(end - data) : size;
        if (!notices->skipping) {
            size_t room = sizeof notices->line - notices->line_size;
            memcpy(notices->line + notices->line_size, data, part < room ? part : room);
            notices->line_size += part < room ? part : room;
            if (part > room)
                skip_long_line(notices);
        }
        if (end) {
            if (!notices->skipping)
                take_line(notices, notices->line, notices->line_size);
            notices->skipping = false;
            notices->line_size = 0;
        }
        data += part + (end != NULL);
        size -= part + (end != NULL);
    }
}

void rdv__notices_finish(struct rdv__notices *notices)
{
    if (notices->stopped || notices->skipping)
        return;
    take_line(notices, notices->line, notices->line_size);
    notices->line_size = 0;
    rdv__notices_deliver(notices);
}
