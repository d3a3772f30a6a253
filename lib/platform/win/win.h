/* SPDX-License-Identifier: MIT */
/* What the files in win/ share: UTF-8 inside and UTF-16 at each call of Windows, paths, and what an error of Windows means. */
#ifndef RDV__WIN_WIN_H
#define RDV__WIN_WIN_H

#include <stdbool.h>
#include <stddef.h>

#include <windows.h>

#include <rdvtask/base.h>

/*
 * Text for Windows and from it, up to the NUL; free(). NULL with GetLastError(): ERROR_NO_UNICODE_TRANSLATION for what is not
 * well-formed (bad UTF-8, lone surrogates), ERROR_NOT_ENOUGH_MEMORY.
 */
wchar_t *rdv__win_wide(const char *text);
char *rdv__win_utf8(const wchar_t *text);

/*
 * A path for Windows: absolute, with backslashes, and in the form that has no limit where it is too long for the common one.
 * free(). NULL with GetLastError().
 */
wchar_t *rdv__win_path(const char *path);

/* A path that Windows has found, without the prefix of the form that has no limit; free(). NULL with GetLastError(). */
char *rdv__win_found(const wchar_t *path);

/* The RDV_E… constant for what GetLastError() says; 0 for 0. */
int rdv__win_error(DWORD number);

/* The words for it, in English whatever the user's language is, without a full stop: constant, or in buffer. */
#define RDV__WIN_WORDS 256
const char *rdv__win_words(DWORD number, char buffer[RDV__WIN_WORDS]);

/* Fill in error (may be NULL) with "cannot read 'path': words", where `doing` is "read", and return our constant. */
int rdv__win_fail(struct rdv_error *error, DWORD number, const char *doing, const char *path);

/* The user that this thread acts as. 0, or what GetLastError() would say. */
union rdv__win_sid {
    SID sid;
    unsigned char room[SECURITY_MAX_SID_SIZE];
};
DWORD rdv__win_user(union rdv__win_sid *ret_user);

/*
 * The security of what is ours alone, a file, a folder with all that is made in it, or a pipe: everything for our user, the
 * administrators and the system itself, nothing for others, whatever the folder around it says. Handles are not inherited.
 * 0, or what GetLastError() would say. Free it with the other, to which all zero is fine.
 */
DWORD rdv__win_private(SECURITY_ATTRIBUTES *ret_attributes);
void rdv__win_private_free(SECURITY_ATTRIBUTES *attributes);

/*
 * What the security of something says of who may change it: nobody but `user`, the administrators and the system itself can do
 * what `rights` names, nor gets to by owning it. ret_who (for RDV__WIN_FOREIGN and RDV__WIN_SHARED): who else, in the descriptor.
 */
enum rdv__win_security {
    RDV__WIN_OURS,    /* nobody else can */
    RDV__WIN_FOREIGN, /* it belongs to another one */
    RDV__WIN_SHARED,  /* another one has some of the rights */
    RDV__WIN_OPEN /* everybody has all rights: there is no list of them, or one that we can't read */
};

/* What lets one have another thing in the place of this, whatever it is, or have all further rights to it. */
#define RDV__WIN_REPLACE (DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL)

/* What lets one change a file; in a folder the same bits are for making files and folders. With the attributes it can be made a
 * link. */
#define RDV__WIN_CHANGE \
    (RDV__WIN_REPLACE | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_ATTRIBUTES | GENERIC_WRITE)

/* The same for what is in a folder; and for just a folder on the way, which others may add to. */
#define RDV__WIN_CHANGE_FOLDER (RDV__WIN_CHANGE | FILE_DELETE_CHILD)
#define RDV__WIN_CHANGE_WAY    (RDV__WIN_REPLACE | FILE_DELETE_CHILD)

enum rdv__win_security rdv__win_judge(PSECURITY_DESCRIPTOR descriptor, union rdv__win_sid *user,
                                      DWORD rights, PSID *ret_who);

/* For CreateFileW(): a link is opened itself, and a folder can be opened too, to be told from a file with what follows. */
#define RDV__WIN_AS_IT_IS (FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)

/* Whether this is a file on a disk, not a folder, and no pipe or device. */
bool rdv__win_is_file(HANDLE file);

/* Whether what was opened as it is leads elsewhere: a symbolic link, a junction, a place where a volume is mounted. */
bool rdv__win_is_link(HANDLE file);

/*
 * Where a link leads, as it is written in it: absolute, with the prefix for long paths, or relative to its folder (or to its root,
 * if it begins with a backslash); free(). `data` is what FSCTL_GET_REPARSE_POINT gives, `size` bytes. 0, or what GetLastError()
 * would say.
 */
DWORD rdv__win_target(const void *data, size_t size, wchar_t **ret_target, bool *ret_relative);

#endif
