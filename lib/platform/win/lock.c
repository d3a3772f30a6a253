/* SPDX-License-Identifier: MIT */
/*
 * Lock files. The holder of a lock writes its name into the file, for those who are refused. It
 * keeps out other versions of rdvtask, and a second agent on the same socket; the store's own lock
 * is in hold.c.
 *
 * Invariant: the file stays when the lock is given back, since removing it could let two holders
 * in.
 */
#include "platform/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "platform/win/win.h"

/* The longest description of the holder that is read from the file, in bytes. */
#define HOLDER_MAX 256

/*
 * The byte that is locked. It is far past the end, as nobody can read what is locked, and everybody
 * may read the words.
 */
#define LOCKED_BYTE (1ul << 30)

struct rdv__plat_lock {
    HANDLE file;
};

/* Refuse the lock, with the name of its holder as the file has it. */
static int refuse_lock(HANDLE file, const char *path, struct rdv_error *error)
{
    char words[HOLDER_MAX];
    DWORD size;
    if (!ReadFile(file, words, sizeof words - 1, &size, NULL))
        size = 0;
    words[size] = '\0';
    words[strcspn(words, "\n")] = '\0';
    if (words[0] == '\0')
        return rdv__fail(error, RDV_ELOCKED, "'%s' is locked by another process", path);
    return rdv__fail(error, RDV_ELOCKED, "'%s' is locked by %s", path, words);
}

/*
 * Open the file. If it is made, only this user may change it. If it exists, it is opened as it is,
 * even if it is a link, so that the target isn't locked.
 */
static DWORD open_file(const char *path, HANDLE *ret_file)
{
    SECURITY_ATTRIBUTES private = {0};
    DWORD number = rdv__win_private(&private);
    wchar_t *wide = number == 0 ? rdv__win_path(path) : NULL;
    HANDLE file = INVALID_HANDLE_VALUE;
    if (wide)
        file = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE,
                           FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &private,
                           OPEN_ALWAYS, RDV__WIN_AS_IT_IS, NULL);
    if (number == 0 && file == INVALID_HANDLE_VALUE)
        number = GetLastError();
    free(wide);
    rdv__win_private_free(&private);
    if (number == 0)
        *ret_file = file;
    return number;
}

static bool write_holder(HANDLE file, const char *holder)
{
    char words[HOLDER_MAX];
    DWORD written;
    int length = snprintf(words, sizeof words, "%.*s (pid %lu)\n", HOLDER_MAX - 64, holder,
                          (unsigned long)GetCurrentProcessId());
    return SetEndOfFile(file) && WriteFile(file, words, (DWORD)length, &written, NULL);
}

int rdv__plat_lock(const char *path, const char *holder, struct rdv__plat_lock **ret_lock,
                   struct rdv_error *error)
{
    int result = 0;
    HANDLE file = INVALID_HANDLE_VALUE;
    OVERLAPPED place = {.Offset = LOCKED_BYTE};
    struct rdv__plat_lock *lock = malloc(sizeof *lock);
    DWORD number = lock ? open_file(path, &file) : ERROR_NOT_ENOUGH_MEMORY;
    if (number != 0)
        goto failed;
    if (!rdv__win_is_file(file) || rdv__win_is_link(file)) {
        result = rdv__fail(error, RDV_EIO, "cannot lock '%s': not a regular file", path);
        goto out;
    }
    result = rdv__plat_check_own(file, path, error);
    if (result != 0)
        goto out;

    /*
     * The lock belongs to this handle, not to the process, so a second store in the same process is
     * refused as well.
     */
    if (!LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place)) {
        number = GetLastError();
        if (number != ERROR_LOCK_VIOLATION && number != ERROR_IO_PENDING)
            goto failed;
        result = refuse_lock(file, path, error);
        goto out;
    }

    /* The words only help people, but a disk that is full here is full for the store as well. */
    if (!write_holder(file, holder)) {
        number = GetLastError();
        goto failed;
    }
    lock->file = file;
    *ret_lock = lock;
    return 0;

failed:
    result = rdv__win_fail(error, number, "lock", path);
out:
    free(lock);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    return result;
}

void rdv__plat_unlock(struct rdv__plat_lock *lock)
{
    if (!lock)
        return;
    /*
     * The file is emptied so that the next holder doesn't read who held it last. Closing alone
     * would give the lock back only some time later.
     */
    OVERLAPPED place = {.Offset = LOCKED_BYTE};
    if (SetFilePointer(lock->file, 0, NULL, FILE_BEGIN) == 0)
        SetEndOfFile(lock->file);
    UnlockFileEx(lock->file, 0, 1, 0, &place);
    CloseHandle(lock->file);
    free(lock);
}
