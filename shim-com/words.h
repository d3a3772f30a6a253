/* SPDX-License-Identifier: MIT */
/* HRESULTs for people. */
#ifndef RDV__COM_WORDS_H
#define RDV__COM_WORDS_H

#include <windows.h>

#define RDV__COM_WORDS_SIZE 320

/* "0x80070005, Permission denied": the number, and what Windows calls it if it has words for it. Returns buffer. */
const char *rdv__com_words(HRESULT result, char buffer[RDV__COM_WORDS_SIZE]);

#endif
