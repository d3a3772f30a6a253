/* SPDX-License-Identifier: MIT */
/*
 * COM's values to the core's and back, checked: used by both sides of the shim. Results are 0 or RDV_E…; outputs are written on
 * success only. Whoever comes from COM or goes there turns the result into an HRESULT at the very edge.
 * Any thread; none of these needs an apartment.
 */
#ifndef RDV__COM_CONVERT_H
#define RDV__COM_CONVERT_H

#include <stddef.h>

#include <windows.h>

#include <oleauto.h>

#include <rdvtask/base.h>
#include <rdvtask/task.h>

/* ---- results: one HRESULT for each of our errors, both ways; see RDV_ERRORS ---- */
HRESULT rdv__com_hresult(int code);
int rdv__com_code(HRESULT result);

/* ---- text ---- */

/*
 * A BSTR as UTF-8; NULL is "". RDV_EINVAL for a lone surrogate, a NUL inside or an odd number of bytes; RDV_ELIMIT if it has more
 * than `limit` bytes of UTF-8; RDV_ENOMEM. free() it.
 */
int rdv__com_text(BSTR bstr, size_t limit, char **ret_text);

/* UTF-8 as a BSTR; never a NULL one. RDV_EINVAL for bad UTF-8, RDV_ELIMIT for more than 16 MiB, RDV_ENOMEM. SysFreeString() it. */
int rdv__com_bstr(const char *text, BSTR *ret_bstr);

/* ---- contexts ---- */

/*
 * The bytes of an array, which stays locked until rdv__com_bytes_end(). NULL is no bytes at all, and so is an empty array; any lower
 * bound is fine. RDV_EINVAL for other than one dimension, for elements that are not VT_UI1, and for a descriptor that contradicts
 * itself or can't be locked; RDV_ELIMIT past RDV_CONTEXT_MAX.
 */
int rdv__com_bytes_begin(SAFEARRAY *array, const void **ret_bytes, size_t *ret_size);
void rdv__com_bytes_end(SAFEARRAY *array); /* NULL is fine */

/* An array of VT_UI1 with a copy of the bytes, lower bound 0; NULL where there are none. RDV_ELIMIT, RDV_ENOMEM.
 * SafeArrayDestroy() it; that takes NULL. */
int rdv__com_array(const void *bytes, size_t size, SAFEARRAY **ret_array);

/* ---- times ---- */

/* RDV_EINVAL past RDV_TIME_MAX; all zeros are 0, "not given". */
int rdv__com_time(FILETIME filetime, rdv_time *ret_time);
FILETIME rdv__com_filetime(rdv_time time);

/* ---- whole tasks ---- */

/* A task from the three values of StartTask and ScheduleTask. array as for rdv__com_bytes_begin(); names as for rdv_task_new(),
 * but that an identifier must be given: RDV_EINVAL. rdv_task_unref() it. */
int rdv__com_task(BSTR label, BSTR identifier, SAFEARRAY *array, rdv_task **ret_task);

#endif
