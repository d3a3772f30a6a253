/* SPDX-License-Identifier: MIT */
/* HRESULTs as text for messages. */
#ifndef RDV__COM_WORDS_H
#define RDV__COM_WORDS_H

#include <windows.h>

#define RDV__COM_WORDS_SIZE 320

/*
 * Write an HRESULT as a number and words: "0x80070005, permission denied". The words are rdvtask's
 * own, else those of Windows; where neither has any, the number stands alone. Returns the buffer.
 */
const char *rdv__com_words(HRESULT result, char buffer[RDV__COM_WORDS_SIZE]);

#endif
