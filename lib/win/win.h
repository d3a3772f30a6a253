/* SPDX-License-Identifier: MIT */
/* What the files in win/ share: UTF-8 inside and UTF-16 at each call of Windows, paths, and what an error of Windows means. */
#ifndef RDV__WIN_H
#define RDV__WIN_H

#include <stdbool.h>
#include <stddef.h>

#include <windows.h>

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

#endif
