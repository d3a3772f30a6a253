/* SPDX-License-Identifier: MIT */
/*
 * Conversions between COM's values and those of the core, with all checks. Results are 0 or an
 * RDV_E… code; only the functions that COM calls, and those that call COM, deal in HRESULTs.
 * Outputs are written on success only. Any thread may call these functions, in any apartment or in
 * none.
 */
#ifndef RDV__COM_CONVERT_H
#define RDV__COM_CONVERT_H

#include <stddef.h>

#include <windows.h>

#include <oleauto.h>

#include <rdvtask/base.h>
#include <rdvtask/task.h>

/* ---- results ---- */

/* Each RDV_E… code has one HRESULT; see RDV_ERRORS in base.h. */
HRESULT rdv__com_hresult(int code);
int rdv__com_code(HRESULT result);

/* ---- text ---- */

/*
 * Convert a BSTR to UTF-8; NULL counts as "". The caller frees the text. RDV_EINVAL for a lone
 * surrogate, for a NUL inside, and for an odd number of bytes; RDV_ELIMIT for more than `limit`
 * bytes of UTF-8; RDV_ENOMEM.
 */
int rdv__com_text(BSTR bstr, size_t limit, char **ret_text);

/*
 * Convert UTF-8 to a BSTR, which is never NULL; the caller passes it to SysFreeString(). RDV_EINVAL
 * for bad UTF-8, RDV_ELIMIT for more than 16 MiB, RDV_ENOMEM.
 */
int rdv__com_bstr(const char *text, BSTR *ret_bstr);

/* ---- contexts ---- */

/*
 * Get at the bytes of an array, which stays locked until rdv__com_bytes_end(). NULL and an empty
 * array have no bytes. The lower bound does not matter. RDV_EINVAL if there is more than one
 * dimension, if the elements are not VT_UI1, and if the descriptor contradicts itself or can't be
 * locked; RDV_ELIMIT for more than RDV_CONTEXT_MAX bytes.
 */
int rdv__com_bytes_begin(SAFEARRAY *array, const void **ret_bytes, size_t *ret_size);
void rdv__com_bytes_end(SAFEARRAY *array); /* NULL is fine */

/*
 * Make an array of VT_UI1 with a copy of the bytes and the lower bound 0; NULL if there are no
 * bytes. The caller passes it to SafeArrayDestroy(), which takes NULL. RDV_ELIMIT, RDV_ENOMEM.
 */
int rdv__com_array(const void *bytes, size_t size, SAFEARRAY **ret_array);

/* ---- times ---- */

/*
 * A FILETIME of zeros is 0, which means that no time was given. RDV_EINVAL for a time past
 * RDV_TIME_MAX.
 */
int rdv__com_time(FILETIME filetime, rdv_time *ret_time);
FILETIME rdv__com_filetime(rdv_time time);

/* ---- whole tasks ---- */

/*
 * Make a task from the three values of StartTask and ScheduleTask. The array is checked as by
 * rdv__com_bytes_begin(), the names as by rdv_task_new(), and an identifier must be given
 * (RDV_EINVAL). The caller passes the task to rdv_task_unref().
 */
int rdv__com_task(BSTR label, BSTR identifier, SAFEARRAY *array, rdv_task **ret_task);

#endif
