/* SPDX-License-Identifier: MIT */
/* The log of the test kit: it keeps its lines, and counts them. */
#include <stdio.h>
#include <string.h>

#include "kit/kit.h"

rdv_log rdv_kit_log_ops(struct rdv_kit_log *log)
{
    return (rdv_log){rdv_kit_log_write, log};
}

void rdv_kit_log_write(void *user, rdv_log_level level, const char *text)
{
    struct rdv_kit_log *log = user;
    size_t size = strlen(text);
    log->lines++;
    log->errors += level == RDV_LOG_ERROR;
    log->level = level;
    snprintf(log->last, sizeof log->last, "%s", text);
    if (size + 2 > sizeof log->text - log->size)
        return;
    memcpy(log->text + log->size, text, size);
    memcpy(log->text + log->size + size, "\n", 2);
    log->size += size + 1;
}

void rdv_kit_log_clear(struct rdv_kit_log *log)
{
    log->lines = log->errors = 0;
    log->last[0] = log->text[0] = '\0';
    log->size = 0;
}

int rdv_kit_log_count(const struct rdv_kit_log *log, const char *words)
{
    int count = 0;
    const char *found = strstr(log->text, words);
    while (found) {
        count++;
        found = strchr(found, '\n');
        if (found)
            found = strstr(found, words);
    }
    return count;
}
