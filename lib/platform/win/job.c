/* SPDX-License-Identifier: MIT */
/*
 * Job objects, for spawn.c: a child, and every process that descends from it, is in a job and can't
 * leave it. So the whole tree can be limited, and ended, at once.
 */
#include "platform/win/child.h"

#include <string.h>

/*
 * How long processes that were killed may take to go, in milliseconds. One that hangs in a driver
 * can't be waited for.
 */
#define CLEAR_WAIT 5000

DWORD rdv__win_job_new(const struct rdv__supervision *supervision, HANDLE *ret_job)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
    memset(&limits, 0, sizeof limits);
    /*
     * With the last flag, a program that crashes ends, and doesn't ask anybody whether to debug it.
     */
    DWORD flags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    for (size_t i = 0; supervision && i < supervision->limit_count; i++) {
        const struct rdv__limit *limit = &supervision->limits[i];
        if (strcmp(limit->name, "memory") == 0) {
            flags |= JOB_OBJECT_LIMIT_PROCESS_MEMORY;
            limits.ProcessMemoryLimit =
                (uint64_t)limit->value > SIZE_MAX ? SIZE_MAX : (size_t)limit->value;
        } else if (strcmp(limit->name, "processes") == 0) {
            flags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
            limits.BasicLimitInformation.ActiveProcessLimit = (DWORD)limit->value;
        } else if (strcmp(limit->name, "cpu") == 0) {
            flags |= JOB_OBJECT_LIMIT_PROCESS_TIME;
            limits.BasicLimitInformation.PerProcessUserTimeLimit.QuadPart =
                limit->value * RDV_SECOND;
        }
    }
    limits.BasicLimitInformation.LimitFlags = flags;

    HANDLE job = CreateJobObjectW(NULL, NULL);
    if (!job)
        return GetLastError();
    if (!SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits)) {
        DWORD number = GetLastError();
        CloseHandle(job);
        return number;
    }
    *ret_job = job;
    return 0;
}

static bool is_empty(HANDLE job)
{
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION about;
    return !QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &about,
                                      sizeof about, NULL) ||
           about.ActiveProcesses == 0;
}

void rdv__win_job_clear(HANDLE job)
{
    ULONGLONG end = GetTickCount64() + CLEAR_WAIT;
    while (!is_empty(job) && GetTickCount64() < end) {
        /* This is done again each time, as one of them may just have started another. */
        TerminateJobObject(job, (UINT)RDV__KILLED);
        Sleep(1);
    }
}
