/* SPDX-License-Identifier: MIT */
/**
 * @file base.h
 * Version, errors, time and the log sink, which all other headers of rdvtask build on.
 *
 * Conventions that hold in all of rdvtask's headers:
 *  - Functions that can fail return `int`: 0, or a negative RDV_E… constant. Outputs (`ret_…`) are
 *    written on success only, and are left alone on failure. RDV_EINVAL without further words is
 *    for arguments that can't be right: a NULL that is not allowed, a size that is too small, a
 *    flag that doesn't exist.
 *  - Strings are UTF-8 and end with NUL. Times are UTC.
 *  - Structs that may grow begin with their own `size`, which the caller sets to the sizeof that it
 *    was compiled with. Structs of options have an `…_init` function that does so.
 *  - Each function says on which thread it may be called. The "owner thread" is the one thread that
 *    runs or dispatches the loop; see loop.h.
 *  - `@since` names the version that has brought a declaration. What has none was in 0.1.0.
 */
#ifndef RDVTASK_BASE_H
#define RDVTASK_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of these headers. The linked library may have another: see rdv_version(). */
#define RDV_VERSION_MAJOR 0
#define RDV_VERSION_MINOR 1
#define RDV_VERSION_PATCH 0

/**
 * What a function of the library is declared with. On Windows a program that links the static
 * library defines RDV_STATIC. The exports of rdvtask.dll are listed in its .def file, so that no
 * other binary that contains these objects exports them too.
 */
#if defined(_WIN32)
#if defined(RDV_BUILD) || defined(RDV_STATIC)
#define RDV_API
#else
#define RDV_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define RDV_API __attribute__((visibility("default")))
#else
#define RDV_API
#endif

/**
 * The version of the linked library, as "MAJOR.MINOR.PATCH".
 * @return a constant string.
 * Any thread.
 */
RDV_API const char *rdv_version(void);

/* ------------------------------------------------------------------ errors */

/**
 * Every error of rdvtask: X(name, number, HRESULT, words).
 *
 * The numbers and the HRESULTs are part of the interface and never change. Each number has one
 * HRESULT, and no two have the same. HRESULTs are written as unsigned 32-bit values; all of them
 * are failures.
 */
#define RDV_ERRORS(X)                                                                       \
    X(RDV_EINVAL, -1, 0x80070057u, "invalid argument")                                      \
    X(RDV_ENOMEM, -2, 0x8007000Eu, "out of memory")                                         \
    X(RDV_ENOTFOUND, -3, 0x80070490u, "not found")                                          \
    X(RDV_EBUSY, -4, 0x800700AAu, "busy: the identifier belongs to a task that is running") \
    X(RDV_ENOTSUP, -5, 0x80070032u, "not supported")                                        \
    X(RDV_ESYNTAX, -6, 0x8007000Du, "malformed document")                                   \
    X(RDV_ELIMIT, -7, 0x800700DFu, "larger than the limit")                                 \
    X(RDV_EIO, -8, 0x8007045Du, "input or output failed")                                   \
    X(RDV_ENOSPC, -9, 0x80070070u, "no space left on the disk")                             \
    X(RDV_EACCES, -10, 0x80070005u, "permission denied")                                    \
    X(RDV_EREADONLY, -11, 0x80070013u, "the store can only be read")                        \
    X(RDV_ELOCKED, -12, 0x80070021u, "another process is writing to the store")             \
    X(RDV_ECORRUPT, -13, 0x80070570u, "the store is damaged, or not a store")               \
    X(RDV_ENEWER, -14, 0x8007051Au, "the store was written by a newer rdvtask")             \
    X(RDV_ESTATE, -15, 0x8000FFFFu, "not possible in this state")                           \
    X(RDV_ESHUTDOWN, -16, 0x8007045Bu, "shutting down")                                     \
    X(RDV_ENOHANDLER, -17, 0x80070483u, "no handler is configured for this label")          \
    X(RDV_ECANCELLED, -18, 0x800704C7u, "cancelled")                                        \
    X(RDV_ETIMEDOUT, -19, 0x800705B4u, "timed out")                                         \
    X(RDV_EFAILED, -20, 0x80004005u, "failed")                                              \
    X(RDV_ETHREAD, -21, 0x8001010Eu, "called on the wrong thread")                          \
    X(RDV_EEXISTS, -22, 0x800700B7u, "already exists")                                      \
    X(RDV_ERESOURCES, -23, 0x800705AAu, "too many open files or processes")                 \
    X(RDV_EUNRECORDED, -24, 0x8000000Au, "done, but not on disk yet")                       \
    X(RDV_ELOST, -25, 0x800703EEu, "the store was removed or replaced while it was in use")

/** The error numbers. */
enum rdv_error_code {
#define RDV_ERROR_ENUM(name, number, hresult, words) name = number,
    RDV_ERRORS(RDV_ERROR_ENUM)
#undef RDV_ERROR_ENUM
};

/**
 * What went wrong in a text, and where. It is an optional output of functions that read text or
 * files: filled in on failure, left alone on success.
 */
struct rdv_error {
    /** The RDV_E… constant that the function returned. */
    int code;
    /** The line, from 1; 0 if the trouble has no place in a text. */
    int line;
    /** The column in bytes, from 1, or 0. */
    int column;
    /** The value's path within the document, such as "tasks[3].start"; "" for none. */
    char path[128];
    /** The words: one line without a full stop, control characters escaped. */
    char text[384];
};

/**
 * The words for an error number.
 *
 * @param code  0 or an RDV_E… constant; other numbers give "unknown error".
 * @return a constant string, never NULL.
 * Any thread.
 */
RDV_API const char *rdv_strerror(int code);

/**
 * The HRESULT that stands for an error number: 0 (S_OK) for 0, E_UNEXPECTED for a number that is
 * not an RDV_E… code.
 * Any thread.
 */
RDV_API uint32_t rdv_error_to_hresult(int code);

/**
 * The error number that stands for an HRESULT: 0 for every success code, RDV_EFAILED for a failure
 * that is not in the table.
 * Any thread.
 */
RDV_API int rdv_error_from_hresult(uint32_t hresult);

/* -------------------------------------------------------------------- time */

/**
 * A moment: ticks of 100 ns since 1601-01-01T00:00:00Z, without leap seconds. 0 means "not given".
 * This is the scale of Windows' FILETIME, in which the API passes its times.
 */
typedef int64_t rdv_time;

/** A length of time in ticks of 100 ns. */
typedef int64_t rdv_duration;

/** Lengths of time as an rdv_duration. */
#define RDV_MILLISECOND INT64_C(10000)
#define RDV_SECOND      INT64_C(10000000)
#define RDV_MINUTE      (60 * RDV_SECOND)
#define RDV_HOUR        (60 * RDV_MINUTE)
#define RDV_DAY         (24 * RDV_HOUR)

/** The last moment that can be written: 9999-12-31T23:59:59.9999999Z. */
#define RDV_TIME_MAX INT64_C(2650467743999999999)

/** Room for any time that rdv_time_format() writes, including the NUL. */
#define RDV_TIME_TEXT_SIZE 32

/** Room for any duration that rdv_duration_format() writes, including the NUL. */
#define RDV_DURATION_TEXT_SIZE 40

/**
 * Read an RFC 3339 time, such as "2026-11-22T03:00:00Z" or "2026-11-22T04:00:00.5+01:00".
 *
 * The offset is required and applied. Up to 7 decimals of a second are kept; more are refused
 * rather than rounded. The years 1601 to 9999 are accepted, except for the moment
 * 1601-01-01T00:00:00Z, since 0 means "not given". A leap second (":60") is accepted only where one
 * can be, at 23:59:60 UTC on a 30 June or 31 December. It is read as the first moment of the next
 * day, and a fraction of it is dropped.
 *
 * @return 0, or RDV_EINVAL for anything else.
 * Any thread.
 */
RDV_API int rdv_time_parse(const char *text, rdv_time *ret_time);

/**
 * Write a time as RFC 3339 in UTC with "Z", with as many decimals as it needs to be exact (0 to 7).
 *
 * @param size  of buffer; RDV_TIME_TEXT_SIZE is always enough.
 * @return 0; RDV_EINVAL for a time outside 1 to RDV_TIME_MAX; RDV_ELIMIT if the buffer is too
 *   small, which is left alone then.
 * Any thread.
 */
RDV_API int rdv_time_format(rdv_time time, char *buffer, size_t size);

/**
 * Read a moment as people give it: RFC 3339, or a signed duration from now, "+2h" or "-10m".
 *
 * @return 0, or RDV_EINVAL, also if now is outside 0 to RDV_TIME_MAX or the result is outside 1 to
 *   RDV_TIME_MAX.
 * Any thread.
 */
RDV_API int rdv_time_parse_relative(const char *text, rdv_time now, rdv_time *ret_time);

/**
 * Read a duration: "10m", "1h30m", "250ms", "1.5s", "2d" (units d h m s ms, each at most once, the
 * largest first; a fraction only on the last), or ISO 8601 ("PT1H30M", "P1DT12H", "P2W"; no years
 * or months, whose lengths vary).
 *
 * @return 0, or RDV_EINVAL for anything else, for more than 7 decimals of a second, and for more
 *   than 10,000 years.
 * Any thread.
 */
RDV_API int rdv_duration_parse(const char *text, rdv_duration *ret_duration);

/**
 * Write a duration in the form "1h30m", exactly: reading it again gives the same ticks. 0 is "0s".
 *
 * @param size  of buffer; RDV_DURATION_TEXT_SIZE is always enough.
 * @return 0; RDV_EINVAL if it is negative or longer than 10,000 years; RDV_ELIMIT if the buffer is
 *   too small.
 * Any thread.
 */
RDV_API int rdv_duration_format(rdv_duration duration, char *buffer, size_t size);

/**
 * From Unix time: seconds since 1970-01-01T00:00:00Z, and nanoseconds 0 to 999999999, which are cut
 * to ticks. A moment outside the range of rdv_time becomes its smallest or largest value.
 * Any thread.
 */
RDV_API rdv_time rdv_time_from_unix(int64_t seconds, long nanoseconds);

/** To Unix time, also for a time before 1970. Either output may be NULL. Any thread. */
RDV_API void rdv_time_to_unix(rdv_time time, int64_t *ret_seconds, long *ret_nanoseconds);

/**
 * From the two halves of a FILETIME, bit for bit. All zeros give 0, "not given".
 * @return 0, or RDV_EINVAL for a moment past RDV_TIME_MAX.
 * Any thread.
 */
RDV_API int rdv_time_from_filetime(uint32_t low, uint32_t high, rdv_time *ret_time);

/** To the two halves of a FILETIME, bit for bit. Any thread. */
RDV_API void rdv_time_to_filetime(rdv_time time, uint32_t *ret_low, uint32_t *ret_high);

/** The time of the system's clock. Any thread. */
RDV_API rdv_time rdv_time_now(void);

/* --------------------------------------------------------------------- log */

/** How severe a line of the log is. The numbers are syslog's. */
typedef enum rdv_log_level {
    RDV_LOG_ERROR = 3,
    RDV_LOG_WARNING = 4,
    RDV_LOG_INFO = 6,
    RDV_LOG_DEBUG = 7
} rdv_log_level;

/**
 * Where log lines go. The object that it is given to keeps a copy; `user` must live as long as that
 * object.
 */
typedef struct rdv_log {
    /**
     * Takes one line. The text has no line end, its control characters are escaped, and it is valid
     * during the call only. Called on the loop's owner thread. NULL = all lines are dropped.
     */
    void (*write)(void *user, rdv_log_level level, const char *text);
    /** Handed to write. */
    void *user;
} rdv_log;

#ifdef __cplusplus
}
#endif

#endif
