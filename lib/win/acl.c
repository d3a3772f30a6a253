/* SPDX-License-Identifier: MIT */
/* Who we are to Windows, and how what is ours is kept from others. */
#include "win.h"

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
    /* A thread that acts for someone else has a token of its own. */
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) &&
        !OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return GetLastError();
    if (!GetTokenInformation(token, TokenUser, &answer, sizeof answer, &size) ||
        !CopySid(sizeof *ret_user, ret_user, answer.user.User.Sid))
        number = GetLastError();
    CloseHandle(token);
    return number;
}

/* Room for the words around three lists of rights, and for the longest SID: 15 numbers of up to 10 digits, and what leads them. */
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
