/* SPDX-License-Identifier: MIT */
/*
 * What the files in win/ share: UTF-8 inside and UTF-16 at each call of Windows, paths, and what an
 * error of Windows means.
 */
#ifndef RDV__WIN_WIN_H
#define RDV__WIN_WIN_H

#include <stdbool.h>
#include <stddef.h>

#include <windows.h>

#include <rdvtask/base.h>

/*
 * Convert text for Windows and from it, up to the NUL; the caller frees it with free(). NULL with
 * GetLastError(): ERROR_NO_UNICODE_TRANSLATION for text that is not well-formed (bad UTF-8, lone
 * surrogates), or ERROR_NOT_ENOUGH_MEMORY.
 */
wchar_t *rdv__win_wide(const char *text);
char *rdv__win_utf8(const wchar_t *text);

/*
 * Make a path for Windows: absolute, with backslashes, and in the form that has no limit if it is
 * too long for the common one. The caller frees it with free(). NULL with GetLastError().
 */
wchar_t *rdv__win_path(const char *path);

/*
 * Convert a path that Windows has found, without the prefix of the form that has no limit; the
 * caller frees it with free(). NULL with GetLastError().
 */
char *rdv__win_found(const wchar_t *path);

/* Return the RDV_E… code for what GetLastError() says; 0 for 0. */
int rdv__win_error(DWORD number);

/*
 * Return the words for an error, in English whatever the user's language is, without a full stop.
 * They are constant, or in buffer.
 */
#define RDV__WIN_WORDS 256
const char *rdv__win_words(DWORD number, char buffer[RDV__WIN_WORDS]);

/*
 * Fill in error (may be NULL) with "cannot read 'path': words", where `doing` is "read", and return
 * the RDV_E… code.
 */
int rdv__win_fail(struct rdv_error *error, DWORD number, const char *doing, const char *path);

/* The user that this thread acts as. The function returns 0, or what GetLastError() says. */
union rdv__win_sid {
    SID sid;
    unsigned char room[SECURITY_MAX_SID_SIZE];
};
DWORD rdv__win_user(union rdv__win_sid *ret_user);

/*
 * Make the security of something private (a file, a folder with everything that is made in it, or a
 * pipe): the user of this process, the administrators and the system itself may do everything, and
 * others nothing, whatever the folder around it says. Handles are not inherited. Returns 0, or what
 * GetLastError() says. Free it with rdv__win_private_free(), which takes all zero, too.
 */
DWORD rdv__win_private(SECURITY_ATTRIBUTES *ret_attributes);
void rdv__win_private_free(SECURITY_ATTRIBUTES *attributes);

/*
 * What the security of something says about who may change it: whether nobody but `user`, the
 * administrators and the system itself can do what `rights` names, or can get those rights by
 * owning it. ret_who (for RDV__WIN_FOREIGN and RDV__WIN_SHARED) points to who else can, in the
 * descriptor.
 */
enum rdv__win_security {
    /* Nobody else can. */
    RDV__WIN_OURS,
    /* It belongs to somebody else. */
    RDV__WIN_FOREIGN,
    /* Somebody else has some of the rights. */
    RDV__WIN_SHARED,
    /* Everybody has all rights: there is no access list, or none that can be read. */
    RDV__WIN_OPEN
};

/*
 * The rights that let somebody put another thing in the place of this one, whatever it is, or get
 * all further rights to it.
 */
#define RDV__WIN_REPLACE (DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL)

/*
 * The rights that let somebody change a file; for a folder the same bits mean making files and
 * folders. With the attributes it can be made a link.
 */
#define RDV__WIN_CHANGE \
    (RDV__WIN_REPLACE | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_ATTRIBUTES | GENERIC_WRITE)

/*
 * The rights that let somebody change what is in a folder; and those for a folder that is only on
 * the way, which others may add to.
 */
#define RDV__WIN_CHANGE_FOLDER (RDV__WIN_CHANGE | FILE_DELETE_CHILD)
#define RDV__WIN_CHANGE_WAY    (RDV__WIN_REPLACE | FILE_DELETE_CHILD)

enum rdv__win_security rdv__win_judge(PSECURITY_DESCRIPTOR descriptor, union rdv__win_sid *user,
                                      DWORD rights, PSID *ret_who);

/*
 * For CreateFileW(): a link itself is opened, and a folder can be opened as well, to be told from a
 * file with what follows.
 */
#define RDV__WIN_AS_IT_IS (FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)

/* Whether this is a file on a disk, not a folder, and no pipe or device. */
bool rdv__win_is_file(HANDLE file);

/*
 * Whether something that was opened with RDV__WIN_AS_IT_IS leads elsewhere: a symbolic link, a
 * junction, a place where a volume is mounted.
 */
bool rdv__win_is_link(HANDLE file);

/*
 * Find where a link leads, as it is written in it: absolute, with the prefix for long paths, or
 * relative to its folder (or to its root, if it begins with a backslash). The caller frees
 * ret_target with free(). `data` is what FSCTL_GET_REPARSE_POINT gives, `size` bytes. Returns 0, or
 * what GetLastError() says.
 */
DWORD rdv__win_target(const void *data, size_t size, wchar_t **ret_target, bool *ret_relative);

#endif
