/* SPDX-License-Identifier: MIT */
/* The words for an HRESULT, which the host side and the conformance kit put into messages. */
#include "shim-com/host/hresult_text.h"

#include <stdio.h>
#include <string.h>

#include <rdvtask/base.h>

#include "platform/win/win.h"

const char *rdv__com_words(HRESULT result, char buffer[RDV__COM_WORDS_SIZE])
{
    char words[RDV__WIN_WORDS], unnamed[RDV__WIN_WORDS];
    const DWORD number =
        HRESULT_FACILITY(result) == FACILITY_WIN32 ? (DWORD)HRESULT_CODE(result) : (DWORD)result;
    const int code = rdv_error_from_hresult((uint32_t)result);
    const char *text = SUCCEEDED(result)     ? result == S_OK      ? "S_OK"
                                               : result == S_FALSE ? "S_FALSE"
                                                                   : "which is no failure"
                       : code != RDV_EFAILED ? rdv_strerror(code)
                                             : rdv__win_words(number, words);
    /* If Windows has no words either, these only repeat the number. */
    snprintf(unnamed, sizeof unnamed, "Windows error %lu", (unsigned long)number);
    if (strcmp(text, unnamed) == 0)
        snprintf(buffer, RDV__COM_WORDS_SIZE, "0x%08lX", (unsigned long)result);
    else
        snprintf(buffer, RDV__COM_WORDS_SIZE, "0x%08lX, %s", (unsigned long)result, text);
    return buffer;
}
