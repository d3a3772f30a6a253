/* SPDX-License-Identifier: MIT */
/*
 * The commands that tests have run as children: sh, true, sleep and so on. On Windows, which has none of them, win/shell.c is what we
 * need of them. Test programs include this once.
 */
#ifndef RDV_TEST_COMMANDS_H
#define RDV_TEST_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#endif

#include "system.h"

/* A value for PATH. */
static inline const char *rdv_test_commands(void)
{
#ifdef _WIN32
    static char folder[RDV_TEST_PATH];
    rdv_test_program(folder);
    char *name = strrchr(folder, '/') + 1;
    snprintf(name, (size_t)(folder + sizeof folder - name), "commands");
    return folder;
#else
    return "/usr/bin:/bin";
#endif
}

/* Whether a process is there, and not a zombie. */
static inline bool rdv_test_is_running(int64_t id)
{
#ifdef _WIN32
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)id);
    bool running = process && WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
    if (process)
        CloseHandle(process);
    return running;
#else
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)id);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *end = strrchr(text, ')');
    return end && end[2] != 'Z' && end[2] != 'X';
#endif
}

/* Whether it goes, where it was killed and may take a moment. */
static inline bool rdv_test_goes(int64_t id)
{
    for (int i = 0; i < 1000; i++) {
        if (!rdv_test_is_running(id))
            return true;
        rdv_test_sleep(10);
    }
    return false;
}

/* Wine is Windows but for some things. */
static inline bool rdv_test_is_wine(void)
{
#ifdef _WIN32
    return GetProcAddress(GetModuleHandleA("ntdll"), "wine_get_version") != NULL;
#else
    return false;
#endif
}

/* Why a child can't be asked to end here, or NULL. */
static inline const char *rdv_test_no_asking(void)
{
#ifdef _WIN32
    if (rdv_test_is_wine())
        return "needs a Ctrl+Break that Wine does not pass on";
    return GetConsoleCP() == 0 && !AllocConsole() ? "needs a console" : NULL;
#else
    return NULL;
#endif
}

/* What each system has in its own way. A test of the other's, which is skipped with the reason why, has its name only. */
#define RDV_TEST_ELSEWHERE(name) \
    START_TEST(name)             \
    {                            \
    }                            \
    END_TEST
#ifdef _WIN32
#define RDV_TEST_ON_WINDOWS(reason) (reason)
#define RDV_TEST_ABSENT             "C:/nonexistent"
#define RDV_TEST_CRASHED            ((int)0xC0000005u)
#else
#define RDV_TEST_ON_WINDOWS(reason) NULL
#define RDV_TEST_ABSENT             "/nonexistent"
#define RDV_TEST_CRASHED            (-11)
#endif

#endif
