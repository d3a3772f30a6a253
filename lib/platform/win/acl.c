/* SPDX-License-Identifier: MIT */
/*
 * Security on Windows: which user this process is, how what is private is kept from others, and
 * whether somebody else can change what is found. trust.c, log.c, peer.c and the locks call this.
 * Descriptors are made from text (SDDL), and nothing is kept between calls.
 */
#include "platform/win/win.h"

#include <wchar.h>

#include <sddl.h>

DWORD rdv__win_user(union rdv__win_sid *ret_user)
{
    union {
        TOKEN_USER user;
        unsigned char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } answer;
    HANDLE token;
    DWORD size, number = 0;
    /* A thread that acts for another user has a token of its own. */
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) &&
        !OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return GetLastError();
    if (!GetTokenInformation(token, TokenUser, &answer, sizeof answer, &size) ||
        !CopySid(sizeof *ret_user, ret_user, answer.user.User.Sid))
        number = GetLastError();
    CloseHandle(token);
    return number;
}

/*
 * Room for the words around three lists of rights, and for the longest SID: 15 numbers of up to 10
 * digits, and what precedes them.
 */
#define WORDS_ROOM 320

DWORD rdv__win_private(SECURITY_ATTRIBUTES *ret_attributes)
{
    union rdv__win_sid user;
    wchar_t *name;
    wchar_t words[WORDS_ROOM];
    PSECURITY_DESCRIPTOR descriptor;
    DWORD number = rdv__win_user(&user);
    if (number != 0)
        return number;
    if (!ConvertSidToStringSidW(&user, &name))
        return GetLastError();
    int length =
        swprintf(words, WORDS_ROOM, L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;%ls)", name);
    LocalFree(name);
    if (length < 0)
        return ERROR_INVALID_SID;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(words, SDDL_REVISION_1, &descriptor,
                                                              NULL))
        return GetLastError();
    *ret_attributes = (SECURITY_ATTRIBUTES){sizeof *ret_attributes, descriptor, FALSE};
    return 0;
}

void rdv__win_private_free(SECURITY_ATTRIBUTES *attributes)
{
    LocalFree(attributes->lpSecurityDescriptor);
    attributes->lpSecurityDescriptor = NULL;
}

/* ------------------------------------------------------------ judging */

/*
 * Whether this is the service that installs Windows' own files, and owns them:
 * S-1-5-80-956008885-...
 */
static bool is_installer(PSID sid)
{
    struct {
        BYTE revision, count;
        SID_IDENTIFIER_AUTHORITY authority;
        DWORD parts[6];
    } installer = {
        SID_REVISION,
        6,
        {SECURITY_NT_AUTHORITY},
        {80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464},
    };
    return EqualSid(sid, &installer);
}

static bool is_trusted(PSID sid, union rdv__win_sid *user)
{
    return EqualSid(sid, user) || IsWellKnownSid(sid, WinLocalSystemSid) ||
           IsWellKnownSid(sid, WinBuiltinAdministratorsSid) || is_installer(sid);
}

/*
 * Whether an entry stands for somebody else: for the owner, who is checked separately, or for
 * whoever makes something in the folder, which is nobody yet.
 */
static bool is_placeholder(PSID sid)
{
    return IsWellKnownSid(sid, WinCreatorOwnerRightsSid) ||
           IsWellKnownSid(sid, WinCreatorOwnerSid) || IsWellKnownSid(sid, WinCreatorGroupSid);
}

/*
 * Whether an entry denies something or is for the log of accesses, so that it gives nobody
 * anything.
 */
static bool gives_nothing(BYTE type)
{
    switch (type) {
    case ACCESS_DENIED_ACE_TYPE:
    case ACCESS_DENIED_CALLBACK_ACE_TYPE:
    case SYSTEM_AUDIT_ACE_TYPE:
    case SYSTEM_ALARM_ACE_TYPE:
    case SYSTEM_AUDIT_CALLBACK_ACE_TYPE:
    case SYSTEM_MANDATORY_LABEL_ACE_TYPE:
        return true;
    default:
        return false;
    }
}

enum rdv__win_security rdv__win_judge(PSECURITY_DESCRIPTOR descriptor, union rdv__win_sid *user,
                                      DWORD rights, PSID *ret_who)
{
    PSID owner;
    PACL list;
    BOOL given, defaulted;
    ACL_SIZE_INFORMATION about;
    if (!GetSecurityDescriptorOwner(descriptor, &owner, &defaulted) || !owner ||
        !GetSecurityDescriptorDacl(descriptor, &given, &list, &defaulted) || !given || !list ||
        !GetAclInformation(list, &about, sizeof about, AclSizeInformation))
        return RDV__WIN_OPEN;
    if (!is_trusted(owner, user)) {
        *ret_who = owner;
        return RDV__WIN_FOREIGN;
    }
    for (DWORD i = 0; i < about.AceCount; i++) {
        /*
         * What is denied is not subtracted, as it may be denied to only some of those who are given
         * it.
         */
        void *entry;
        if (!GetAce(list, i, &entry))
            return RDV__WIN_OPEN;
        const ACE_HEADER *header = entry;
        if ((header->AceFlags & INHERIT_ONLY_ACE) || gives_nothing(header->AceType))
            continue;
        if (header->AceType != ACCESS_ALLOWED_ACE_TYPE &&
            header->AceType != ACCESS_ALLOWED_CALLBACK_ACE_TYPE)
            return RDV__WIN_OPEN;
        /*
         * Both kinds of entries begin alike. The condition that belongs to the second kind is
         * ignored as well.
         */
        ACCESS_ALLOWED_ACE *allowed = entry;
        PSID who = &allowed->SidStart;
        if (!(allowed->Mask & rights) || is_trusted(who, user) || is_placeholder(who))
            continue;
        *ret_who = who;
        return RDV__WIN_SHARED;
    }
    return RDV__WIN_OURS;
}
