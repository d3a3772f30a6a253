/* SPDX-License-Identifier: MIT */
/* HRESULTs for people. */
#ifndef RDV__COM_WORDS_H
#define RDV__COM_WORDS_H

#include <windows.h>

#define RDV__COM_WORDS_SIZE 320

/* "0x80070005, permission denied": the number, and our own words for it, else those of Windows if it has some. Returns buffer. */
const char *rdv__com_words(HRESULT result, char buffer[RDV__COM_WORDS_SIZE]);

#endif
