/* SPDX-License-Identifier: MIT */
/* Values of COM's types, as the tests write them. Each BSTR is the caller's. */
#ifndef RDV_TEST_VALUES_H
#define RDV_TEST_VALUES_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include <check.h>

#include <windows.h>

#include <oleauto.h>

/*
 * A BSTR of so many UTF-16 units, which need not be well-formed; if text is NULL, they are not set.
 */
static inline BSTR units(const wchar_t *text, size_t length)
{
    BSTR bstr = SysAllocStringLen(text, (UINT)length);
    ck_assert_ptr_nonnull(bstr);
    return bstr;
}

static inline BSTR repeated(wchar_t unit, size_t length)
{
    BSTR bstr = units(NULL, length);
    wmemset(bstr, unit, length);
    return bstr;
}

static inline FILETIME filetime(uint64_t ticks)
{
    const FILETIME made = {.dwLowDateTime = (DWORD)ticks, .dwHighDateTime = (DWORD)(ticks >> 32)};
    return made;
}

#endif
