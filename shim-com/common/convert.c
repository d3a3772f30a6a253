/* SPDX-License-Identifier: MIT */
/*
 * The conversions that both sides of the shim use. What comes from outside is checked here, and
 * nowhere else in the shim: names and texts for well-formed UTF-16, arrays for their shape and
 * size, times for their range.
 */
#include "shim-com/common/convert.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/*
 * The longest text that becomes a BSTR, in bytes: far more than any name has, and few enough for
 * int and UINT.
 */
#define TEXT_MAX (16 * 1024 * 1024)

HRESULT rdv__com_hresult(int code)
{
    return (HRESULT)rdv_error_to_hresult(code);
}

int rdv__com_code(HRESULT result)
{
    return rdv_error_from_hresult((uint32_t)result);
}

/* -------------------------------------------------------------------- text */

int rdv__com_text(BSTR bstr, size_t limit, char **ret_text)
{
    const UINT size = SysStringByteLen(bstr);
    const UINT count = size / sizeof(OLECHAR);
    if (size % sizeof(OLECHAR))
        return RDV_EINVAL;
    /*
     * Each unit becomes at least one byte, so a text that is far too long is refused without a look
     * at it.
     */
    if (count > limit || count > INT_MAX / 3)
        return RDV_ELIMIT;
    if (count > 0 && wmemchr(bstr, L'\0', count))
        return RDV_EINVAL;
    int room = 0;
    if (count > 0) {
        room = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, bstr, (int)count, NULL, 0, NULL,
                                   NULL);
        if (room <= 0)
            return RDV_EINVAL;
        if ((size_t)room > limit)
            return RDV_ELIMIT;
    }
    char *text = malloc((size_t)room + 1);
    if (!text)
        return RDV_ENOMEM;
    if (room > 0)
        WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, bstr, (int)count, text, room, NULL,
                            NULL);
    text[room] = '\0';
    *ret_text = text;
    return 0;
}

int rdv__com_bstr(const char *text, BSTR *ret_bstr)
{
    const size_t size = strlen(text);
    if (size > TEXT_MAX)
        return RDV_ELIMIT;
    int count = 0;
    if (size > 0) {
        count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, (int)size, NULL, 0);
        if (count <= 0)
            return RDV_EINVAL;
    }
    BSTR bstr = SysAllocStringLen(NULL, (UINT)count);
    if (!bstr)
        return RDV_ENOMEM;
    if (count > 0)
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, (int)size, bstr, count);
    *ret_bstr = bstr;
    return 0;
}

/* ---------------------------------------------------------------- contexts */

static bool is_byte_row(SAFEARRAY *array)
{
    VARTYPE type;
    return SafeArrayGetDim(array) == 1 && SUCCEEDED(SafeArrayGetVartype(array, &type)) &&
           type == VT_UI1 && SafeArrayGetElemsize(array) == 1;
}

int rdv__com_bytes_begin(SAFEARRAY *array, const void **ret_bytes, size_t *ret_size)
{
    if (!array) {
        *ret_bytes = NULL;
        *ret_size = 0;
        return 0;
    }
    if (!is_byte_row(array))
        return RDV_EINVAL;
    void *bytes;
    if (FAILED(SafeArrayAccessData(array, &bytes)))
        return RDV_EINVAL;
    /* While the array is locked, nobody can change its size. */
    const ULONG size = array->rgsabound[0].cElements;
    if (size > RDV_CONTEXT_MAX || (!bytes && size > 0)) {
        SafeArrayUnaccessData(array);
        return size > RDV_CONTEXT_MAX ? RDV_ELIMIT : RDV_EINVAL;
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return 0;
}

void rdv__com_bytes_end(SAFEARRAY *array)
{
    if (array)
        SafeArrayUnaccessData(array);
}

int rdv__com_array(const void *bytes, size_t size, SAFEARRAY **ret_array)
{
    if (size > RDV_CONTEXT_MAX)
        return RDV_ELIMIT;
    if (size == 0) {
        *ret_array = NULL;
        return 0;
    }
    SAFEARRAY *array = SafeArrayCreateVector(VT_UI1, 0, (ULONG)size);
    if (!array)
        return RDV_ENOMEM;
    /* Nobody else has the array yet, so it need not be locked. */
    memcpy(array->pvData, bytes, size);
    *ret_array = array;
    return 0;
}

/* ------------------------------------------------------------------- times */

int rdv__com_time(FILETIME filetime, rdv_time *ret_time)
{
    return rdv_time_from_filetime(filetime.dwLowDateTime, filetime.dwHighDateTime, ret_time);
}

FILETIME rdv__com_filetime(rdv_time time)
{
    uint32_t low, high;
    rdv_time_to_filetime(time, &low, &high);
    const FILETIME filetime = {.dwLowDateTime = low, .dwHighDateTime = high};
    return filetime;
}

/* ------------------------------------------------------------- whole tasks */

int rdv__com_task(BSTR label, BSTR identifier, SAFEARRAY *array, rdv_task **ret_task)
{
    char *label_text = NULL, *identifier_text = NULL;
    const void *bytes;
    size_t size;
    int result = rdv__com_text(label, RDV_NAME_MAX, &label_text);
    if (!result)
        result = rdv__com_text(identifier, RDV_NAME_MAX, &identifier_text);
    if (!result)
        result = rdv__com_bytes_begin(array, &bytes, &size);
    if (result)
        goto out;
    result = rdv_task_new(label_text, identifier_text, bytes, size, ret_task);
    rdv__com_bytes_end(array);
out:
    free(label_text);
    free(identifier_text);
    return result;
}
