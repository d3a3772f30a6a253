/* SPDX-License-Identifier: MIT */
/* A program that Windows 7 can't start, for test_imports.py: it needs a function of Windows 8, and a DLL that is not part of Windows. */
#include <rdvtask/base.h>
#include <windows.h>

int main(void)
{
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return rdv_version() ? 0 : 1;
}
