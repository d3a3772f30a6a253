/* SPDX-License-Identifier: MIT */
/*
 * Who may use a pipe, and who is at its other end, for socket.c; peer.h says how that is found out.
 *
 * Invariant: a function that acts as the client for a moment is itself again when it returns; if it
 * can't be, the process ends, as nothing may be done in another user's name.
 */
#include "platform/win/peer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* These headers need windows.h before them. */
#include <aclapi.h>
#include <sddl.h>

#include "base/error.h"

/* Room for the words around four lists of rights, and for two of the longest SIDs. */
#define WORDS_ROOM 512

/* The longest names of an account and of its domain that are shown. */
#define NAME_ROOM 257

/*
 * What a reader may do with a pipe: FILE_GENERIC_READ and FILE_WRITE_DATA. FILE_GENERIC_WRITE would
 * be too much, as it includes FILE_APPEND_DATA, which for a pipe is the right to make another
 * serving end.
 */
#define READER_RIGHTS L"0x12008b"

/* ------------------------------------------------------------------ groups */

int rdv__socket_group(const char *name, rdv__group *ret_group, struct rdv_error *error)
{
    wchar_t domain[NAME_ROOM], *wide = rdv__win_wide(name);
    char words[RDV__WIN_WORDS];
    rdv__group group;
    PSID sid = NULL;
    SID_NAME_USE kind = SidTypeInvalid;
    DWORD size = sizeof group.sid, room = NAME_ROOM, number = 0;

    if (!wide)
        number = GetLastError();
    else if (ConvertStringSidToSidW(wide, &sid)) {
        /* Names of groups differ with the language of Windows, but their SIDs don't. */
        if (CopySid(size, group.sid, sid))
            kind = SidTypeGroup;
        LocalFree(sid);
    } else if (!LookupAccountNameW(NULL, wide, group.sid, &size, domain, &room, &kind)) {
        number = GetLastError();
    }
    free(wide);
    if (kind == SidTypeGroup || kind == SidTypeAlias || kind == SidTypeWellKnownGroup) {
        *ret_group = group;
        return 0;
    }
    if (number == 0 || number == ERROR_NONE_MAPPED)
        return rdv__fail(error, RDV_ENOTFOUND, "there is no group '%s'", name);
    return rdv__fail(error, RDV_ENOTFOUND, "there is no group '%s': %s", name,
                     rdv__win_words(number, words));
}

/* ------------------------------------------------------- what a pipe allows */

/*
 * Whether a token is a member of a group. Groups that the token has only for being denied something
 * don't count. NULL stands for the token of this thread.
 */
static bool is_member(HANDLE acting, PSID group)
{
    BOOL member = FALSE;
    return CheckTokenMembership(acting, group, &member) && member;
}

static bool is_administrator(HANDLE acting)
{
    union rdv__win_sid administrators;
    DWORD size = sizeof administrators;
    return CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, &administrators, &size) &&
           is_member(acting, &administrators);
}

DWORD rdv__peer_security(const rdv__group *group, SECURITY_ATTRIBUTES *ret_attributes)
{
    union rdv__win_sid user;
    wchar_t *user_name = NULL, *group_name = NULL;
    wchar_t words[WORDS_ROOM];
    PSECURITY_DESCRIPTOR descriptor;
    DWORD number = rdv__win_user(&user);
    if (number == 0 && (!ConvertSidToStringSidW(&user, &user_name) ||
                        (group && !ConvertSidToStringSidW((PSID)group->sid, &group_name))))
        number = GetLastError();
    if (number == 0) {
        /* A reader trusts pipes of the administrators, and those of no other user. */
        int length =
            swprintf(words, WORDS_ROOM, L"O:%lsD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;%ls)%ls%ls%ls",
                     is_administrator(NULL) ? L"BA" : user_name, user_name,
                     group ? L"(A;;" READER_RIGHTS L";;;" : L"", group ? group_name : L"",
                     group ? L")" : L"");
        assert(length > 0);
        (void)length;
        if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(words, SDDL_REVISION_1,
                                                                  &descriptor, NULL))
            number = GetLastError();
    }
    LocalFree(user_name);
    LocalFree(group_name);
    if (number == 0)
        *ret_attributes = (SECURITY_ATTRIBUTES){sizeof *ret_attributes, descriptor, FALSE};
    return number;
}

/* Whether this is the user of this process, the administrators, or the system itself. */
static bool is_ours(PSID sid)
{
    union rdv__win_sid user;
    return IsWellKnownSid(sid, WinBuiltinAdministratorsSid) ||
           IsWellKnownSid(sid, WinLocalSystemSid) ||
           (rdv__win_user(&user) == 0 && EqualSid(sid, &user));
}

/*
 * Write the rights as text, always in the same order. The caller frees it with LocalFree(); NULL if
 * that is not possible.
 */
static wchar_t *rights_in_words(PSECURITY_DESCRIPTOR descriptor)
{
    wchar_t *words = NULL;
    return ConvertSecurityDescriptorToStringSecurityDescriptorW(
               descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &words, NULL)
               ? words
               : NULL;
}

bool rdv__peer_is_secured(HANDLE pipe, const SECURITY_ATTRIBUTES *attributes)
{
    PSID owner;
    PSECURITY_DESCRIPTOR found;
    if (GetSecurityInfo(pipe, SE_KERNEL_OBJECT,
                        OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL, NULL,
                        NULL, &found) != ERROR_SUCCESS)
        return false;
    wchar_t *is = rights_in_words(found);
    wchar_t *should = rights_in_words(attributes->lpSecurityDescriptor);
    bool result = owner && is_ours(owner) && is && should && wcscmp(is, should) == 0;
    LocalFree(is);
    LocalFree(should);
    LocalFree(found);
    return result;
}

int rdv__peer_check_server(HANDLE pipe, const char *path, struct rdv_error *error)
{
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR found;
    char words[RDV__WIN_WORDS];
    DWORD number = GetSecurityInfo(pipe, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL,
                                   NULL, NULL, &found);
    if (number != ERROR_SUCCESS)
        return rdv__fail(error, rdv__win_error(number),
                         "the listener at '%s' can't be identified: %s", path,
                         rdv__win_words(number, words));
    bool ours = owner && is_ours(owner);
    LocalFree(found);
    if (ours)
        return 0;
    return rdv__fail(error, RDV_EACCES,
                     "the pipe of '%s' belongs neither to this user nor to an administrator", path);
}

/* ------------------------------------------------------ who has connected */

/* Open the token of a process. Returns NULL if this process may not see it. */
static HANDLE token_of_process(DWORD pid)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid), token = NULL;
    if (process && !OpenProcessToken(process, TOKEN_QUERY | TOKEN_DUPLICATE, &token))
        token = NULL;
    if (process)
        CloseHandle(process);
    return token;
}

static bool user_of_token(HANDLE token, union rdv__win_sid *ret_user)
{
    union {
        TOKEN_USER user;
        unsigned char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } answer;
    DWORD size;
    return GetTokenInformation(token, TokenUser, &answer, sizeof answer, &size) &&
           CopySid(sizeof *ret_user, ret_user, answer.user.User.Sid);
}

static enum rdv__peer judge_user(HANDLE acting, const rdv__group *group)
{
    union rdv__win_sid user, own;
    if (user_of_token(acting, &user) && (IsWellKnownSid(&user, WinLocalSystemSid) ||
                                         (rdv__win_user(&own) == 0 && EqualSid(&user, &own))))
        return RDV__PEER_OWNER;
    if (is_administrator(acting))
        return RDV__PEER_OWNER;
    return group && is_member(acting, (PSID)group->sid) ? RDV__PEER_READER : RDV__PEER_STRANGER;
}

/* Write "user alice", or the SID of a user who has no name that is known here. */
static void name_user(HANDLE token, char *text, size_t room)
{
    union rdv__win_sid user;
    wchar_t account[NAME_ROOM], domain[NAME_ROOM], *sid = NULL;
    DWORD account_room = NAME_ROOM, domain_room = NAME_ROOM;
    SID_NAME_USE kind;
    char *name = NULL;
    if (token && user_of_token(token, &user)) {
        if (LookupAccountSidW(NULL, &user, account, &account_room, domain, &domain_room, &kind)) {
            name = rdv__win_utf8(account);
        } else if (ConvertSidToStringSidW(&user, &sid)) {
            name = rdv__win_utf8(sid);
            LocalFree(sid);
        }
    }
    snprintf(text, room, name ? "user %.64s" : "an unknown user", name);
    free(name);
}

enum rdv__peer rdv__peer_look(HANDLE pipe, const rdv__group *group,
                              struct rdv__peer_words *ret_words)
{
    ULONG pid = 0;
    HANDLE acting = NULL,
           token = GetNamedPipeClientProcessId(pipe, &pid) ? token_of_process(pid) : NULL;
    /*
     * A process that can't be examined has been let in by the pipe, so it is one of those who may
     * use it, and is given the least of their rights.
     */
    enum rdv__peer peer = group ? RDV__PEER_READER : RDV__PEER_OWNER;
    char user[80];
    if (group && token && DuplicateToken(token, SecurityIdentification, &acting))
        peer = judge_user(acting, group);
    name_user(token, user, sizeof user);
    snprintf(ret_words->text, sizeof ret_words->text, "%s, pid %lu", user, (unsigned long)pid);
    if (acting)
        CloseHandle(acting);
    if (token)
        CloseHandle(token);
    return peer;
}

bool rdv__peer_is_owner(HANDLE pipe)
{
    HANDLE before = NULL, acting = NULL;
    bool result = false;
    /* The thread belongs to this user, and may already be acting as somebody else. */
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_IMPERSONATE, TRUE, &before))
        before = NULL;
    if (ImpersonateNamedPipeClient(pipe)) {
        if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &acting))
            acting = NULL;
        /* Whatever else may fail, what follows must not be done as somebody else. */
        if (!SetThreadToken(NULL, before))
            abort();
    }
    if (acting) {
        result = judge_user(acting, NULL) == RDV__PEER_OWNER;
        CloseHandle(acting);
    }
    if (before)
        CloseHandle(before);
    return result;
}
