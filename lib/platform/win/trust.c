/* SPDX-License-Identifier: MIT */
/*
 * Whether a file can be believed: nobody but the user of this process, the administrators and the
 * system can have changed it. document/, plugin/, store/ and log.c ask this before they use a file.
 * What was found right stays right, as only those can change what was checked here.
 *
 *     begin_walk() --> take_step() --+--> another folder: its rights are checked
 *          ^             ^    |      +--> a link: follow_link()
 *          |             +----+      |      --> begin_walk(), with what comes after the link
 *          +-------------------------+--> the end: arrive_at_file(), arrive_at_folder() ...
 *
 * The path is walked from the root, one name at a time, since anyone who can move or delete a
 * folder on the way can put another file in its place.
 *
 * The folders of Windows are not as strict as those of Unix: everybody may make folders on a drive,
 * and files in ProgramData. That does no harm to what is there already, so a folder may be passed
 * through if only that is allowed. The folder that the file is in must be stricter, as Windows
 * looks there for the libraries that a plug-in needs, and SQLite for a journal to roll back.
 */
#include "platform/platform.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <aclapi.h>
#include <sddl.h>
#include <winioctl.h>

#include "base/error.h"
#include "platform/win/win.h"

/* As many as Windows follows. */
#define LINKS_MAX 63
#define PATH_ROOM 32768

/* The prefix of a path without a limit to its length. */
#define PREFIX       L"\\\\?\\"
#define PREFIX_SIZE  4
#define NETWORK      L"UNC\\"
#define NETWORK_SIZE 4

#define LOOK      (READ_CONTROL | FILE_READ_ATTRIBUTES)
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

struct walk {
    /* The path as the caller gave it. */
    const char *asked;
    struct rdv_error *error;
    union rdv__win_sid user;
    /* How much of `at` is the root, with its backslash. */
    size_t root;
    /* The root has been checked. */
    bool entered;
    /* Where the walk is: without links, with the prefix for long paths. */
    wchar_t at[PATH_ROOM];
    /* What is still to be walked. */
    wchar_t left[PATH_ROOM];
    /* Where a link leads, and what comes after it. */
    wchar_t next[PATH_ROOM];
    int links;
    /* The file has to be a store's database: see rdv__plat_database_file(). */
    bool database;
    /* The file is made if it doesn't exist, unless that would be at the end of a link. */
    bool make;
};

static int fail_with_number(const struct walk *walk, DWORD number)
{
    return rdv__win_fail(walk->error, number, "open", walk->asked);
}

/* ----------------------------------------------------------------- paths */

/* Join parts into `to`. False if the result is too long. */
static bool join_parts(wchar_t to[PATH_ROOM], const wchar_t *const *parts)
{
    size_t length = 0;
    for (; *parts; parts++) {
        size_t size = wcslen(*parts);
        if (length + size >= PATH_ROOM)
            return false;
        memmove(to + length, *parts, size * sizeof *to);
        length += size;
    }
    to[length] = L'\0';
    return true;
}

/* Begin at the root of a path that is absolute and has only backslashes. It may be walk->next. */
static int begin_walk(struct walk *walk, const wchar_t *path)
{
    const wchar_t *prefix = PREFIX, *rest = path;
    if (wcsncmp(path, PREFIX, PREFIX_SIZE) == 0) {
        rest = path + PREFIX_SIZE;
    } else if (wcsncmp(path, L"\\\\.\\", 4) == 0) {
        return rdv__fail(walk->error, RDV_EINVAL, "'%s' is not a regular file", walk->asked);
    } else if (wcsncmp(path, L"\\\\", 2) == 0) {
        prefix = PREFIX NETWORK;
        rest = path + 2;
    }
    if (!join_parts(walk->at, (const wchar_t *const[]){prefix, rest, NULL}))
        return fail_with_number(walk, ERROR_BAD_PATHNAME);

    /* A share is the root of what is on another machine; its name comes after the machine's. */
    const wchar_t *end = walk->at + PREFIX_SIZE;
    const wchar_t *slash =
        _wcsnicmp(end, NETWORK, NETWORK_SIZE) == 0 ? wcschr(end + NETWORK_SIZE, L'\\') : end - 1;
    slash = slash ? wcschr(slash + 1, L'\\') : NULL;
    wcscpy(walk->left, slash ? slash + 1 : L"");
    walk->root = slash ? (size_t)(slash + 1 - walk->at) : wcslen(walk->at) + 1;
    if (walk->root == PATH_ROOM)
        return fail_with_number(walk, ERROR_BAD_PATHNAME);
    walk->at[walk->root - 1] = L'\\';
    walk->at[walk->root] = L'\0';
    walk->entered = false;
    return 0;
}

/* Return where the last name of `at` begins, with the backslash before it. The root stays. */
static size_t last_name(const struct walk *walk)
{
    size_t place = (size_t)(wcsrchr(walk->at, L'\\') - walk->at);
    return place < walk->root ? walk->root : place;
}

/* --------------------------------------------------------------- security */

/*
 * Return DOMAIN\NAME, or the identifier in its written form if it has no name; the caller frees it
 * with free(). NULL if there is no memory.
 */
static char *name_of(PSID who)
{
    wchar_t words[520], name[256], domain[256], *written;
    DWORD name_size = 256, domain_size = 256;
    SID_NAME_USE use;
    if (LookupAccountSidW(NULL, who, name, &name_size, domain, &domain_size, &use)) {
        swprintf(words, 520, L"%ls%ls%ls", domain, *domain ? L"\\" : L"", name);
        return rdv__win_utf8(words);
    }
    if (!ConvertSidToStringSidW(who, &written))
        return NULL;
    char *result = rdv__win_utf8(written);
    LocalFree(written);
    return result;
}

static int refuse(const struct walk *walk, const char *what, enum rdv__win_security security,
                  PSID who)
{
    char *path = rdv__win_found(walk->at);
    char *name = security == RDV__WIN_OPEN ? NULL : name_of(who);
    const char *place = path ? path : walk->asked, *other = name ? name : "somebody else";
    int result;
    if (security == RDV__WIN_FOREIGN)
        result = rdv__fail(walk->error, RDV_EACCES,
                           "'%s' can't be trusted: %s '%s' belongs to %s, who is neither an "
                           "administrator nor the system nor the user of this process",
                           walk->asked, what, place, other);
    else if (security == RDV__WIN_SHARED)
        result = rdv__fail(walk->error, RDV_EACCES,
                           "'%s' can't be trusted: %s may write to %s '%s'; 'icacls' shows its "
                           "rights and changes them",
                           walk->asked, other, what, place);
    else
        result = rdv__fail(walk->error, RDV_EACCES,
                           "'%s' can't be trusted: everybody may write to %s '%s', which has no "
                           "list of rights",
                           walk->asked, what, place);
    free(name);
    free(path);
    return result;
}

/* Check that nobody else has any of these rights to what is open. */
static int check_rights(struct walk *walk, HANDLE handle, const char *what, DWORD rights)
{
    PSECURITY_DESCRIPTOR descriptor;
    PSID who = NULL;
    DWORD number = GetSecurityInfo(handle, SE_FILE_OBJECT,
                                   OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL,
                                   NULL, NULL, NULL, &descriptor);
    if (number != 0)
        return fail_with_number(walk, number);
    enum rdv__win_security security = rdv__win_judge(descriptor, &walk->user, rights, &who);
    int result = security == RDV__WIN_OURS ? 0 : refuse(walk, what, security, who);
    LocalFree(descriptor);
    return result;
}

/* ------------------------------------------------------------------ links */

/* Go on where a link leads. The link is open, and its name is the last of `at`. */
static int follow_link(struct walk *walk, HANDLE link)
{
    ULONG data[MAXIMUM_REPARSE_DATA_BUFFER_SIZE / sizeof(ULONG)];
    wchar_t *target;
    bool relative;
    DWORD size, number = 0;
    walk->make = false;
    if (!DeviceIoControl(link, FSCTL_GET_REPARSE_POINT, NULL, 0, data, sizeof data, &size, NULL))
        number = GetLastError();
    if (number == 0 && ++walk->links > LINKS_MAX)
        number = ERROR_CANT_RESOLVE_FILENAME;
    if (number == 0)
        number = rdv__win_target(data, size, &target, &relative);
    if (number != 0)
        return fail_with_number(walk, number);

    if (!relative)
        walk->at[0] = L'\0';
    else if (target[0] == L'\\')
        walk->at[walk->root - 1] = L'\0';
    else
        wcsrchr(walk->at, L'\\')[1] = L'\0';
    bool fits =
        join_parts(walk->next, (const wchar_t *const[]){walk->at, target, walk->left, NULL});
    free(target);
    return fits ? begin_walk(walk, walk->next) : fail_with_number(walk, ERROR_BAD_PATHNAME);
}

/* --------------------------------------------------------------- the walk */

/* Open what is at `at`: a link itself, not what it leads to. */
static int open_here(struct walk *walk, DWORD access, DWORD share, HANDLE *ret_handle)
{
    HANDLE handle =
        CreateFileW(walk->at, access, share, NULL, OPEN_EXISTING,
                    RDV__WIN_AS_IT_IS | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        return fail_with_number(walk, GetLastError());
    *ret_handle = handle;
    return 0;
}

/*
 * Begin again if the drive's letter stands for a folder or for a share, as everything from there on
 * has to be checked.
 */
static int begin_behind_letter(struct walk *walk, HANDLE root)
{
    DWORD length = GetFinalPathNameByHandleW(root, walk->next, PATH_ROOM - 1, VOLUME_NAME_DOS);
    if (walk->at[PREFIX_SIZE + 1] != L':' || length == 0 || length >= PATH_ROOM - 1)
        return 0;
    if (walk->next[length - 1] != L'\\')
        wcscpy(walk->next + length, L"\\");
    if (_wcsicmp(walk->next, walk->at) == 0)
        return 0;
    if (++walk->links > LINKS_MAX)
        return fail_with_number(walk, ERROR_CANT_RESOLVE_FILENAME);
    if (!join_parts(walk->next, (const wchar_t *const[]){walk->next, walk->left, NULL}))
        return fail_with_number(walk, ERROR_BAD_PATHNAME);
    return begin_walk(walk, walk->next);
}

static int enter_root(struct walk *walk)
{
    HANDLE root = NULL;
    int result = open_here(walk, LOOK, SHARE_ALL, &root);
    if (result != 0)
        return result;
    walk->entered = true;
    result = begin_behind_letter(walk, root);
    if (result == 0 && walk->entered)
        result = check_rights(walk, root, "the folder", RDV__WIN_CHANGE_WAY);
    CloseHandle(root);
    return result;
}

/* Check that nobody can change what is in the folder at `at`. */
static int check_folder(struct walk *walk)
{
    HANDLE folder = NULL;
    int result = open_here(walk, LOOK, SHARE_ALL, &folder);
    if (result != 0)
        return result;
    result = check_rights(walk, folder, "the folder", RDV__WIN_CHANGE_FOLDER);
    CloseHandle(folder);
    return result;
}

/* Check that nobody can change what is in the folder of the file at `at`. */
static int check_folder_around(struct walk *walk)
{
    size_t end = last_name(walk);
    wchar_t first = walk->at[end];
    walk->at[end] = L'\0';
    int result = check_folder(walk);
    walk->at[end] = first;
    return result;
}

/*
 * Check the end of the way: a file, at `at`. With ret_file it is opened for reading, and nobody can
 * open it to change it meanwhile.
 */
static int arrive_at_file(struct walk *walk, HANDLE *ret_file)
{
    HANDLE file = NULL;
    int result = ret_file ? open_here(walk, GENERIC_READ | READ_CONTROL, FILE_SHARE_READ, &file)
                          : open_here(walk, LOOK, SHARE_ALL, &file);
    if (result != 0)
        return result;
    if (!rdv__win_is_file(file) || rdv__win_is_link(file))
        result = rdv__fail(walk->error, RDV_EINVAL, "'%s' is not a regular file", walk->asked);
    if (result == 0)
        result = check_rights(walk, file, "the file", RDV__WIN_CHANGE);
    if (result == 0)
        result = check_folder_around(walk);
    if (result == 0 && ret_file)
        *ret_file = file;
    else
        CloseHandle(file);
    return result;
}

/* Check the end of the way if that is the folder at `at`, and not a file. */
static int arrive_at_folder(struct walk *walk, const HANDLE *ret_file)
{
    if (ret_file || walk->database)
        return rdv__fail(walk->error, RDV_EINVAL, "'%s' is not a regular file", walk->asked);
    return check_folder(walk);
}

/* Open what is at `at`. There are no words if that fails. */
static HANDLE try_to_open(const struct walk *walk)
{
    return CreateFileW(walk->at, LOOK, SHARE_ALL, NULL, OPEN_EXISTING, RDV__WIN_AS_IT_IS, NULL);
}

/*
 * Make an empty database at `at`, for this user alone, if nothing is there and nobody else can put
 * anything there.
 */
static int make_database(struct walk *walk)
{
    SECURITY_ATTRIBUTES private = {0};
    HANDLE file = try_to_open(walk);
    if (file != INVALID_HANDLE_VALUE) {
        CloseHandle(file);
        return 0;
    }
    if (GetLastError() != ERROR_FILE_NOT_FOUND)
        /* The next attempt to open it reports that. */
        return 0;
    int result = check_folder_around(walk);
    if (result != 0)
        return result;
    DWORD number = rdv__win_private(&private);
    if (number == 0) {
        file = CreateFileW(walk->at, GENERIC_WRITE, SHARE_ALL, &private, CREATE_NEW,
                           FILE_FLAG_OPEN_REPARSE_POINT, NULL);
        if (file != INVALID_HANDLE_VALUE)
            CloseHandle(file);
        else
            number = GetLastError();
    }
    rdv__win_private_free(&private);
    if (number == 0 || number == ERROR_FILE_EXISTS || number == ERROR_ALREADY_EXISTS)
        return 0;
    return rdv__win_fail(walk->error, number, "make", walk->asked);
}

/* Check the files that SQLite would take for a part of the database at `at`. */
static int check_beside_database(struct walk *walk)
{
    static const wchar_t *const suffixes[] = {L"-wal", L"-journal", L"-shm"};
    const size_t length = wcslen(walk->at);
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (length + wcslen(suffixes[i]) >= PATH_ROOM)
            return fail_with_number(walk, ERROR_BAD_PATHNAME);
        wcscpy(walk->at + length, suffixes[i]);
        HANDLE file = try_to_open(walk);
        if (file != INVALID_HANDLE_VALUE) {
            result = rdv__win_is_file(file) && !rdv__win_is_link(file)
                         ? check_rights(walk, file, "the file", RDV__WIN_CHANGE)
                         : rdv__fail(walk->error, RDV_EACCES,
                                     "'%s' can't be trusted: what is beside it under its name with "
                                     "'%ls' is not a regular file",
                                     walk->asked, suffixes[i]);
            CloseHandle(file);
        }
        walk->at[length] = L'\0';
    }
    return result;
}

/* Check the other conditions for a database. It is at `at`, and is trusted. */
static int arrive_at_database(struct walk *walk)
{
    BY_HANDLE_FILE_INFORMATION about;
    HANDLE file = NULL;
    int result = open_here(walk, GENERIC_READ, SHARE_ALL, &file);
    if (result != 0)
        return result;
    if (GetFileInformationByHandle(file, &about) && about.nNumberOfLinks > 1)
        result = rdv__fail(walk->error, RDV_EINVAL,
                           "'%s' has %lu names (hard links), and a database may have only one, as "
                           "its log is found by that: remove the others, or make copies of them",
                           walk->asked, (unsigned long)about.nNumberOfLinks);
    CloseHandle(file);
    return result == 0 ? check_beside_database(walk) : result;
}

/*
 * Take the next name off what is left, and put it at the end of `at`. *ret_done says that there was
 * none.
 */
static int next_name(struct walk *walk, bool *ret_done)
{
    const wchar_t *name = walk->left + wcsspn(walk->left, L"\\");
    size_t size = wcscspn(name, L"\\"), length = wcslen(walk->at);
    const bool self = size == 1 && name[0] == L'.';
    const bool up = size == 2 && name[0] == L'.' && name[1] == L'.';
    *ret_done = size == 0;
    if (up) {
        walk->at[last_name(walk)] = L'\0';
    } else if (!self && size > 0) {
        if (length + 1 + size >= PATH_ROOM)
            return fail_with_number(walk, ERROR_BAD_PATHNAME);
        if (length > walk->root)
            walk->at[length++] = L'\\';
        memcpy(walk->at + length, name, size * sizeof *name);
        walk->at[length + size] = L'\0';
    }
    memmove(walk->left, name + size, (wcslen(name + size) + 1) * sizeof *name);
    return 0;
}

/* Walk one name further. *ret_done says that what was asked for is at walk->at. */
static int take_step(struct walk *walk, HANDLE *ret_file, bool *ret_done)
{
    if (!walk->entered)
        return enter_root(walk);
    int result = next_name(walk, ret_done);
    if (result != 0)
        return result;
    if (*ret_done)
        return arrive_at_folder(walk, ret_file);

    HANDLE here = NULL;
    if (walk->make && !*walk->left)
        result = make_database(walk);
    if (result == 0)
        result = open_here(walk, LOOK, SHARE_ALL, &here);
    if (result != 0)
        return result;
    if (rdv__win_is_link(here)) {
        result = check_rights(walk, here, "the link", RDV__WIN_CHANGE);
        if (result == 0)
            result = follow_link(walk, here);
    } else if (!rdv__win_is_file(here)) {
        result = check_rights(walk, here, "the folder", RDV__WIN_CHANGE_WAY);
    } else if (*walk->left) {
        result = fail_with_number(walk, ERROR_DIRECTORY);
    } else {
        *ret_done = true;
        result = arrive_at_file(walk, ret_file);
        if (result == 0 && walk->database)
            result = arrive_at_database(walk);
    }
    CloseHandle(here);
    return result;
}

/* Why a way is walked: only to check it, or to find a database, which may have to be made. */
enum purpose { TO_LOOK, TO_DATABASE, TO_MADE_DATABASE };

static int walk_to(const char *path, enum purpose purpose, HANDLE *ret_file, char **ret_path,
                   struct rdv_error *error)
{
    HANDLE file = NULL;
    char *found = NULL;
    bool done = false;
    struct walk *walk = malloc(sizeof *walk);
    if (!walk)
        return rdv__win_fail(error, ERROR_NOT_ENOUGH_MEMORY, "open", path);
    walk->asked = path;
    walk->error = error;
    walk->links = 0;
    walk->database = purpose != TO_LOOK;
    walk->make = purpose == TO_MADE_DATABASE;
    DWORD number = rdv__win_user(&walk->user);
    wchar_t *wide = number == 0 ? rdv__win_path(path) : NULL;
    int result = wide ? begin_walk(walk, wide)
                      : fail_with_number(walk, number != 0 ? number : GetLastError());
    free(wide);

    while (result == 0 && !done)
        result = take_step(walk, ret_file ? &file : NULL, &done);
    if (result == 0 && ret_path) {
        found = rdv__win_found(walk->at);
        if (!found)
            result = fail_with_number(walk, GetLastError());
    }
    if (result == 0 && ret_path)
        *ret_path = found;
    if (result == 0 && ret_file)
        *ret_file = file;
    else
        rdv__plat_close(file);
    free(walk);
    return result;
}

int rdv__plat_check_trusted(const char *path, struct rdv_error *error)
{
    return walk_to(path, TO_LOOK, NULL, NULL, error);
}

int rdv__plat_open_trusted(const char *path, rdv__file *ret_file, char **ret_path,
                           struct rdv_error *error)
{
    assert(ret_file);
    return walk_to(path, TO_LOOK, ret_file, ret_path, error);
}

int rdv__plat_database_file(const char *path, bool write, char **ret_path, struct rdv_error *error)
{
    return walk_to(path, write ? TO_MADE_DATABASE : TO_DATABASE, NULL, ret_path, error);
}

/* -------------------------------------------------------------- private files */

int rdv__plat_check_own(HANDLE file, const char *path, struct rdv_error *error)
{
    union rdv__win_sid user;
    BY_HANDLE_FILE_INFORMATION about;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID who;
    bool own = rdv__win_is_file(file) && !rdv__win_is_link(file) &&
               GetFileInformationByHandle(file, &about) && about.nNumberOfLinks <= 1;
    DWORD number = rdv__win_user(&user);
    if (number == 0 && own)
        number = GetSecurityInfo(file, SE_FILE_OBJECT,
                                 OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL, NULL,
                                 NULL, NULL, &descriptor);
    if (number != 0)
        return rdv__win_fail(error, number, "look at", path);
    own = own && rdv__win_judge(descriptor, &user, RDV__WIN_CHANGE, &who) == RDV__WIN_OURS;
    LocalFree(descriptor);
    if (own)
        return 0;
    return rdv__fail(error, RDV_EACCES,
                     "'%s' is not a regular file that only its owner, we, may write to: move it "
                     "away",
                     path);
}

/* ---------------------------------------------------------- private folders */

/* Make a folder for this user alone. If it exists, it stays as it is. */
static DWORD make_folder(const wchar_t *path)
{
    SECURITY_ATTRIBUTES private;
    DWORD number = rdv__win_private(&private);
    if (number != 0)
        return number;
    if (!CreateDirectoryW(path, &private) && GetLastError() != ERROR_ALREADY_EXISTS)
        number = GetLastError();
    rdv__win_private_free(&private);
    return number;
}

/*
 * Whether something is a folder and no link to one, and nobody else may change it or what is in it.
 */
static DWORD look_at_folder(const wchar_t *path, bool *ret_private)
{
    union rdv__win_sid user;
    PSECURITY_DESCRIPTOR descriptor;
    PSID who;
    DWORD number = rdv__win_user(&user);
    if (number != 0)
        return number;
    HANDLE folder =
        CreateFileW(path, LOOK, SHARE_ALL, NULL, OPEN_EXISTING, RDV__WIN_AS_IT_IS, NULL);
    if (folder == INVALID_HANDLE_VALUE)
        return GetLastError();
    number = GetSecurityInfo(folder, SE_FILE_OBJECT,
                             OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL, NULL,
                             NULL, NULL, &descriptor);
    if (number == 0) {
        *ret_private =
            !rdv__win_is_file(folder) && !rdv__win_is_link(folder) &&
            rdv__win_judge(descriptor, &user, RDV__WIN_CHANGE_FOLDER, &who) == RDV__WIN_OURS;
        LocalFree(descriptor);
    }
    CloseHandle(folder);
    return number;
}

int rdv__plat_private_folder(const char *path, struct rdv_error *error)
{
    bool private = false;
    wchar_t *wide = rdv__win_path(path);
    DWORD number = wide ? make_folder(wide) : GetLastError();
    if (number == 0)
        number = look_at_folder(wide, &private);
    free(wide);
    if (number != 0)
        return rdv__win_fail(error, number, "make the folder", path);
    if (private)
        return 0;
    return rdv__fail(error, RDV_EACCES,
                     "'%s' is not a folder that only its owner, we, may write in", path);
}
