/* SPDX-License-Identifier: MIT */
/* What scenario_store_faults.c does to the system, on Windows. */
#include "scenario/store_faults.h"

#include <stdio.h>

#include <sqlite3.h>

#include <check.h>
#include <windows.h>
/* after windows.h */
#include <sddl.h>

#include "../system.h"

/*
 * A disk without room. A test can't get one from Windows, so this is SQLite's own file system, except that whatever would
 * make a file longer fails as it does when Windows says that the disk is full.
 */
static struct {
    sqlite3_vfs vfs, *usual_vfs;
    sqlite3_io_methods methods;
    const sqlite3_io_methods *usual_methods;
    sqlite3_int64 limit; /* how long a file may become; -1 = no limit */
    bool read_only;
} disk = {.limit = -1};

static int write_to_disk(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    sqlite3_int64 end = 0;
    int result = disk.usual_methods->xFileSize(file, &end);
    if (result == SQLITE_OK && disk.limit >= 0 && offset + size > end && offset + size > disk.limit)
        result = SQLITE_FULL;
    return result == SQLITE_OK ? disk.usual_methods->xWrite(file, data, size, offset) : result;
}

static int map_on_disk(sqlite3_file *file, int region, int size, int extend,
                       void volatile **ret_memory)
{
    if (disk.read_only)
        return SQLITE_CANTOPEN;
    if (disk.limit >= 0 && extend) {
        SetLastError(ERROR_DISK_FULL);
        return SQLITE_IOERR_SHMSIZE;
    }
    return disk.usual_methods->xShmMap(file, region, size, extend, ret_memory);
}

static int open_on_disk(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *ret_flags)
{
    (void)vfs;
    if (disk.read_only && (flags & SQLITE_OPEN_MAIN_DB) == 0) {
        SetLastError(ERROR_WRITE_PROTECT);
        return SQLITE_CANTOPEN;
    }
    if (disk.read_only)
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    int result = disk.usual_vfs->xOpen(disk.usual_vfs, name, file, flags, ret_flags);
    if (result == SQLITE_OK && file->pMethods) {
        disk.usual_methods = file->pMethods;
        disk.methods = *file->pMethods;
        disk.methods.xWrite = write_to_disk;
        disk.methods.xShmMap = map_on_disk;
        file->pMethods = &disk.methods;
    }
    return result;
}

void rdv_test_faults_begin(void)
{
    disk.usual_vfs = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.usual_vfs;
    disk.vfs.zName = "small disk";
    disk.vfs.pNext = NULL;
    disk.vfs.xOpen = open_on_disk;
    sqlite3_vfs_register(&disk.vfs, 1);
}

void rdv_test_limit_files(int64_t size)
{
    disk.limit = size;
}

const char *rdv_test_no_disk(void)
{
    return NULL;
}

void rdv_test_use_disk(const char *folder)
{
    (void)folder;
}

void rdv_test_fill_disk(const char *folder)
{
    (void)folder;
    disk.limit = 0;
}

void rdv_test_empty_disk(const char *folder)
{
    (void)folder;
    disk.limit = -1;
}

void rdv_test_leave_disk(const char *folder)
{
    rdv_test_empty_disk(folder);
}

const char *rdv_test_forbid_disk(const char *folder, bool forbid)
{
    (void)folder;
    disk.read_only = forbid;
    return "may only be read"; /* rdvtask got its lock, since only SQLite sees the disk like this */
}

const char *rdv_test_odd_name(void)
{
    return "50% of #1.db";
}

static BOOL set_rights(const char *path, enum rdv_test_right right)
{
    /* The owner may always give it other rights. */
    static const WCHAR *const words[] = {L"D:P(D;;FA;;;WD)", L"D:P(A;;FRFX;;;WD)",
                                         L"D:P(A;;FA;;;OW)(A;;FRFX;;;WD)"};
    PSECURITY_DESCRIPTOR security;
    WCHAR name[RDV_TEST_PATH + 64];
    if (!MultiByteToWideChar(CP_UTF8, 0, path, -1, name, RDV_TEST_PATH + 64) ||
        !ConvertStringSecurityDescriptorToSecurityDescriptorW(words[right], SDDL_REVISION_1,
                                                              &security, NULL))
        return FALSE;
    BOOL done = SetFileSecurityW(name, DACL_SECURITY_INFORMATION, security);
    LocalFree(security);
    return done;
}

void rdv_test_permit(const char *path, enum rdv_test_right right)
{
    ck_assert_msg(set_rights(path, right), "%s: error %lu", path, GetLastError());
}

const char *rdv_test_no_rights(void)
{
    char folder[RDV_TEST_PATH], path[RDV_TEST_PATH + 16];
    rdv_test_make_folder(folder, "rights");
    snprintf(path, sizeof path, "%s/file", folder);
    rdv_test_write_text(path, "text");
    bool bound = set_rights(path, RDV_TEST_READING);
    WCHAR name[RDV_TEST_PATH + 16];
    MultiByteToWideChar(CP_UTF8, 0, path, -1, name, RDV_TEST_PATH + 16);
    HANDLE file = CreateFileW(name, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    bound = bound && file == INVALID_HANDLE_VALUE;
    CloseHandle(file);
    set_rights(path, RDV_TEST_EVERYTHING);
    rdv_test_remove(folder);
    return bound && !file
               ? NULL
               : "rights of files don't bind this user, as they don't bind root under Wine";
}

const char *rdv_test_no_secrets(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version")
               ? "who owns a file that nobody may read can't change that under Wine"
               : rdv_test_no_rights();
}

void rdv_test_as_nobody(void (*fn)(void))
{
    fn();
}

const char *rdv_test_no_file(const char *path)
{
    (void)path;
    return "NUL"; /* a device that is in every folder */
}
