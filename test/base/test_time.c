/* SPDX-License-Identifier: MIT */

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "harness.h"
#include "system.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#define UNIX_EPOCH (INT64_C(11644473600) * RDV_SECOND)
#define LONGEST    (INT64_C(3652425) * RDV_DAY) /* 10,000 years */

/* A generator of our own, so that a failure comes again. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ------------------------------------------------------------------- times */

static const struct known {
    const char *text;
    rdv_time time;
    const char *written; /* NULL = the same */
} known[] = {
    {"1601-01-01T00:00:00.0000001Z", 1, NULL},
    {"1601-01-01T00:00:01Z", RDV_SECOND, NULL},
    {"1601-01-02T00:00:00Z", RDV_DAY, NULL},
    {"1970-01-01T00:00:00Z", UNIX_EPOCH, NULL},
    {"2000-02-29T12:00:00Z", UNIX_EPOCH + 951825600 * RDV_SECOND, NULL},
    {"2026-11-22T03:00:00Z", UNIX_EPOCH + 1795316400 * RDV_SECOND, NULL},
    {"2026-11-22T03:00:00.5Z", UNIX_EPOCH + 1795316400 * RDV_SECOND + 5000000, NULL},
    {"9999-12-31T23:59:59.9999999Z", RDV_TIME_MAX, NULL},
    {"9999-12-31T23:59:59Z", RDV_TIME_MAX - 9999999, NULL},
    /* lower case */
    {"2026-11-22t03:00:00z", UNIX_EPOCH + 1795316400 * RDV_SECOND, "2026-11-22T03:00:00Z"},
    /* decimals */
    {"1970-01-01T00:00:00.1234567Z", UNIX_EPOCH + 1234567, NULL},
    {"1970-01-01T00:00:00.0000001Z", UNIX_EPOCH + 1, NULL},
    {"1970-01-01T00:00:00.5000000Z", UNIX_EPOCH + 5000000, "1970-01-01T00:00:00.5Z"},
    {"1970-01-01T00:00:00.0000000Z", UNIX_EPOCH, "1970-01-01T00:00:00Z"},
    {"1970-01-01T00:00:00.05Z", UNIX_EPOCH + 500000, NULL},
    /* offsets */
    {"2026-11-22T04:00:00.5+01:00", UNIX_EPOCH + 1795316400 * RDV_SECOND + 5000000,
     "2026-11-22T03:00:00.5Z"},
    {"1970-01-01T00:00:00+00:00", UNIX_EPOCH, "1970-01-01T00:00:00Z"},
    {"1970-01-01T00:00:00-00:00", UNIX_EPOCH, "1970-01-01T00:00:00Z"},
    {"1970-01-01T05:45:00+05:45", UNIX_EPOCH, "1970-01-01T00:00:00Z"},
    {"1969-12-31T16:00:00-08:00", UNIX_EPOCH, "1970-01-01T00:00:00Z"},
    {"1970-01-01T23:59:00+23:59", UNIX_EPOCH, "1970-01-01T00:00:00Z"},
    {"1601-01-01T00:00:00-00:01", RDV_MINUTE, "1601-01-01T00:01:00Z"},
    {"9999-12-31T23:59:59.9999999+00:01", RDV_TIME_MAX - RDV_MINUTE,
     "9999-12-31T23:58:59.9999999Z"},
    {"2024-02-29T23:30:00-01:00", UNIX_EPOCH + 1709253000 * RDV_SECOND, "2024-03-01T00:30:00Z"},
    /* leap seconds */
    {"2016-12-31T23:59:60Z", UNIX_EPOCH + 1483228800 * RDV_SECOND, "2017-01-01T00:00:00Z"},
    {"2015-06-30T23:59:60Z", UNIX_EPOCH + 1435708800 * RDV_SECOND, "2015-07-01T00:00:00Z"},
    {"2016-12-31T23:59:60.9Z", UNIX_EPOCH + 1483228800 * RDV_SECOND, "2017-01-01T00:00:00Z"},
    {"1990-12-31T15:59:60-08:00", UNIX_EPOCH + 662688000 * RDV_SECOND, "1991-01-01T00:00:00Z"},
    {"2017-01-01T05:29:60+05:30", UNIX_EPOCH + 1483228800 * RDV_SECOND, "2017-01-01T00:00:00Z"},
};

START_TEST(a_time_is_read_and_written)
{
    const struct known *row = &known[_i];
    char buffer[RDV_TIME_TEXT_SIZE];
    rdv_time time = -5;

    ck_assert_int_eq(rdv_time_parse(row->text, &time), 0);
    ck_assert_int_eq(time, row->time);
    ck_assert_int_eq(rdv_time_format(time, buffer, sizeof buffer), 0);
    ck_assert_str_eq(buffer, row->written ? row->written : row->text);
}
END_TEST

static const char *const bad_times[] = {
    "",
    "now",
    "2026-11-22",
    "2026-11-22T03:00Z",
    "2026-11-22T03:00:00", /* no offset */
    "2026-11-22 03:00:00Z",
    "2026-11-22T03:00:00 Z",
    " 2026-11-22T03:00:00Z",
    "2026-11-22T03:00:00Z ",
    "2026-11-22T03:00:00Zz",
    "2026-11-22T03:00:00ZZ",
    "20261122T030000Z",
    "2026-1-22T03:00:00Z",
    "02026-11-22T03:00:00Z",
    "+2026-11-22T03:00:00Z",
    "-026-11-22T03:00:00Z",
    "2026-+1-22T03:00:00Z",
    "2026-11-22T+3:00:00Z",
    "2026/11/22T03:00:00Z",
    "2026-11-22T03.00.00Z",
    /* out of range */
    "2026-00-22T03:00:00Z",
    "2026-13-22T03:00:00Z",
    "2026-11-00T03:00:00Z",
    "2026-11-31T03:00:00Z",
    "2026-02-29T03:00:00Z",
    "1900-02-29T03:00:00Z",
    "2024-02-30T03:00:00Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T03:60:00Z",
    "2026-11-22T03:00:61Z",
    "1600-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "1601-01-01T00:00:00Z",      /* 0: "not given" */
    "1601-01-01T00:59:59+01:00", /* before the first */
    "1601-01-01T01:00:00+01:00",
    "9999-12-31T23:59:59-00:01", /* past the last */
    "10000-01-01T00:00:00Z",
    /* decimals */
    "2026-11-22T03:00:00.Z",
    "2026-11-22T03:00:00,5Z",
    "2026-11-22T03:00:00.12345678Z",
    "2026-11-22T03:00:00.00000000Z",
    "2026-11-22T03:00:00.5",
    "2026-11-22T03:00:00.5.5Z",
    /* offsets */
    "2026-11-22T03:00:00+1:00",
    "2026-11-22T03:00:00+01",
    "2026-11-22T03:00:00+0100",
    "2026-11-22T03:00:00+24:00",
    "2026-11-22T03:00:00+01:60",
    "2026-11-22T03:00:00+01:00Z",
    "2026-11-22T03:00:00*01:00",
    /* leap seconds where there is none */
    "2016-12-30T23:59:60Z",
    "2016-03-31T23:59:60Z",
    "2016-06-29T23:59:60Z",
    "2016-12-31T22:59:60Z",
    "2016-12-31T23:58:60Z",
    "2016-12-31T23:59:60+01:00",
    "2016-12-31T23:59:60-08:00",
    "2017-01-01T05:29:60+05:29",
    "1601-01-01T00:00:60+01:00",
    "9999-12-31T23:59:60Z",
};

START_TEST(what_is_no_time_is_refused_and_changes_nothing)
{
    rdv_time time = -5;

    ck_assert_msg(rdv_time_parse(bad_times[_i], &time) == RDV_EINVAL, "took '%s'", bad_times[_i]);
    ck_assert_int_eq(time, -5);
}
END_TEST

START_TEST(a_time_that_is_cut_short_is_refused)
{
    static const char whole[] = "2026-11-22T04:00:00.25+01:00";
    char text[sizeof whole];
    rdv_time time;

    for (size_t length = 0; length < sizeof whole - 1; length++) {
        memcpy(text, whole, length);
        text[length] = '\0';
        ck_assert_msg(rdv_time_parse(text, &time) == RDV_EINVAL, "took '%s'", text);
    }
    ck_assert_int_eq(rdv_time_parse(whole, &time), 0);
}
END_TEST

START_TEST(times_need_arguments)
{
    char buffer[RDV_TIME_TEXT_SIZE];
    rdv_time time;

    ck_assert_int_eq(rdv_time_parse(NULL, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse("2026-11-22T03:00:00Z", NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_format(1, NULL, 100), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_format(0, buffer, sizeof buffer), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_format(-1, buffer, sizeof buffer), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_format(RDV_TIME_MAX + 1, buffer, sizeof buffer), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_format(INT64_MIN, buffer, sizeof buffer), RDV_EINVAL);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_left_alone)
{
    char buffer[RDV_TIME_TEXT_SIZE] = "untouched";

    /* "9999-12-31T23:59:59.9999999Z" has 28 bytes */
    ck_assert_int_eq(rdv_time_format(RDV_TIME_MAX, buffer, 28), RDV_ELIMIT);
    ck_assert_int_eq(rdv_time_format(RDV_TIME_MAX, buffer, 0), RDV_ELIMIT);
    ck_assert_str_eq(buffer, "untouched");
    ck_assert_int_eq(rdv_time_format(RDV_TIME_MAX, buffer, 29), 0);

    strcpy(buffer, "untouched");
    ck_assert_int_eq(rdv_duration_format(90 * RDV_MINUTE, buffer, 5), RDV_ELIMIT);
    ck_assert_str_eq(buffer, "untouched");
    ck_assert_int_eq(rdv_duration_format(90 * RDV_MINUTE, buffer, 6), 0);
    ck_assert_str_eq(buffer, "1h30m");
}
END_TEST

START_TEST(any_tick_is_the_same_after_writing_and_reading)
{
    uint64_t random = 20261122;

    for (int i = 0; i < 200000; i++) {
        rdv_time time = (rdv_time)(next_random(&random) % (uint64_t)RDV_TIME_MAX) + 1, again = 0;
        char buffer[RDV_TIME_TEXT_SIZE];
        if (i % 3 == 0)
            time -= time % RDV_SECOND - (time < RDV_SECOND ? RDV_SECOND : 0);
        else if (i % 3 == 1)
            time -= time % RDV_MILLISECOND - (time < RDV_SECOND ? RDV_SECOND : 0);
        if (rdv_time_format(time, buffer, sizeof buffer) != 0 ||
            rdv_time_parse(buffer, &again) != 0 || again != time)
            ck_abort_msg("%" PRId64 " became '%s' and %" PRId64, time, buffer, again);
    }
}
END_TEST

/* Counting days one by one, with no rule but that for the length of months. */
START_TEST(every_day_of_the_calendar_has_its_date)
{
    int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    rdv_time time = 0;

    for (int year = 1601; year <= 9999; year++) {
        lengths[1] = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= lengths[month - 1]; day++, time += RDV_DAY) {
                char expected[64], buffer[RDV_TIME_TEXT_SIZE];
                if (year > 2001 && day > 1 && day < lengths[month - 1])
                    continue; /* one cycle whole is enough */
                snprintf(expected, sizeof expected, "%04d-%02d-%02dT00:00:01Z", year, month, day);
                if (rdv_time_format(time + RDV_SECOND, buffer, sizeof buffer) != 0 ||
                    strcmp(buffer, expected) != 0)
                    ck_abort_msg("%s came out as %s", expected, buffer);
                rdv_time again = 0;
                if (rdv_time_parse(buffer, &again) != 0 || again != time + RDV_SECOND)
                    ck_abort_msg("%s went in wrong", expected);
            }
        }
    }
    ck_assert_int_eq(time - 1, RDV_TIME_MAX);
}
END_TEST

START_TEST(the_system_agrees_about_dates)
{
    uint64_t random = 1601;

    for (int i = 0; i < 20000; i++) {
        rdv_time time = (rdv_time)(next_random(&random) % (uint64_t)RDV_TIME_MAX) + 1;
        int64_t seconds;
        char expected[RDV_TEST_DATE], buffer[RDV_TIME_TEXT_SIZE];

        rdv_time_to_unix(time, &seconds, NULL);
        rdv_test_date(seconds, expected);
        ck_assert_int_eq(rdv_time_format(time, buffer, sizeof buffer), 0);
        ck_assert_int_eq(strncmp(buffer, expected, strlen(expected)), 0);
    }
}
END_TEST

/* ------------------------------------------------------------ other scales */

START_TEST(unix_time_is_converted_both_ways)
{
    int64_t seconds;
    long nanoseconds;

    ck_assert_int_eq(rdv_time_from_unix(0, 0), UNIX_EPOCH);
    ck_assert_int_eq(rdv_time_from_unix(1795316400, 123456789),
                     UNIX_EPOCH + 1795316400 * RDV_SECOND + 1234567);
    ck_assert_int_eq(rdv_time_from_unix(-1, 999999999), UNIX_EPOCH - 1);
    ck_assert_int_eq(rdv_time_from_unix(-INT64_C(11644473600), 0), 0);

    rdv_time_to_unix(UNIX_EPOCH + 1795316400 * RDV_SECOND + 1234567, &seconds, &nanoseconds);
    ck_assert_int_eq(seconds, 1795316400);
    ck_assert_int_eq(nanoseconds, 123456700);
    rdv_time_to_unix(UNIX_EPOCH - 1, &seconds, &nanoseconds);
    ck_assert_int_eq(seconds, -1);
    ck_assert_int_eq(nanoseconds, 999999900);
    rdv_time_to_unix(-1, &seconds, &nanoseconds);
    ck_assert_int_eq(seconds, -INT64_C(11644473601));
    ck_assert_int_eq(nanoseconds, 999999900);
    rdv_time_to_unix(0, &seconds, NULL);
    ck_assert_int_eq(seconds, -INT64_C(11644473600));
    rdv_time_to_unix(1, NULL, &nanoseconds);
    ck_assert_int_eq(nanoseconds, 100);
}
END_TEST

START_TEST(unix_time_that_is_far_out_stays_far_out)
{
    ck_assert_int_eq(rdv_time_from_unix(INT64_MAX, 999999999), INT64_MAX);
    ck_assert_int_eq(rdv_time_from_unix(INT64_MIN, 0), INT64_MIN);
    ck_assert_int_gt(rdv_time_from_unix(INT64_C(900000000000), 0), RDV_TIME_MAX);
    ck_assert_int_lt(rdv_time_from_unix(-INT64_C(900000000000), 0), 0);
    ck_assert_int_eq(rdv_time_from_unix(0, LONG_MIN), UNIX_EPOCH);
    ck_assert_int_eq(rdv_time_from_unix(0, LONG_MAX), UNIX_EPOCH + 9999999);
}
END_TEST

START_TEST(a_filetime_is_copied_bit_for_bit)
{
    uint32_t low = 7, high = 7;
    rdv_time time = -5;

    ck_assert_int_eq(rdv_time_from_filetime(0xD53E8000u, 0x019DB1DEu, &time), 0);
    ck_assert_int_eq(time, UNIX_EPOCH);
    rdv_time_to_filetime(time, &low, &high);
    ck_assert_uint_eq(low, 0xD53E8000u);
    ck_assert_uint_eq(high, 0x019DB1DEu);

    ck_assert_int_eq(rdv_time_from_filetime(0, 0, &time), 0);
    ck_assert_int_eq(time, 0);
    rdv_time_to_filetime(RDV_TIME_MAX, &low, &high);
    ck_assert_int_eq(rdv_time_from_filetime(low, high, &time), 0);
    ck_assert_int_eq(time, RDV_TIME_MAX);
    rdv_time_to_filetime(1, NULL, &high);
    rdv_time_to_filetime(1, &low, NULL);
    ck_assert_uint_eq(low, 1);
    ck_assert_uint_eq(high, 0);
}
END_TEST

START_TEST(a_filetime_past_the_last_moment_is_refused)
{
    uint32_t low, high;
    rdv_time time = -5;

    rdv_time_to_filetime(RDV_TIME_MAX + 1, &low, &high);
    ck_assert_int_eq(rdv_time_from_filetime(low, high, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_from_filetime(UINT32_MAX, UINT32_MAX, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_from_filetime(0, 0x80000000u, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_from_filetime(1, 1, NULL), RDV_EINVAL);
    ck_assert_int_eq(time, -5);
}
END_TEST

START_TEST(now_is_the_systems_now)
{
    rdv_time before = rdv_time_from_unix((int64_t)time(NULL) - 1, 0);
    rdv_time now = rdv_time_now();
    rdv_time after = rdv_time_from_unix((int64_t)time(NULL) + 2, 0);

    ck_assert_int_le(before, now);
    ck_assert_int_le(now, after);
}
END_TEST

/* --------------------------------------------------------------- durations */

static const struct lasting {
    const char *text;
    rdv_duration duration;
    const char *written; /* NULL = the same */
} lasting[] = {
    {"0s", 0, NULL},
    {"10m", 10 * RDV_MINUTE, NULL},
    {"1h30m", 90 * RDV_MINUTE, NULL},
    {"250ms", 250 * RDV_MILLISECOND, NULL},
    {"1.5s", 1500 * RDV_MILLISECOND, NULL},
    {"2d", 2 * RDV_DAY, NULL},
    {"1d2h3m4s", RDV_DAY + 2 * RDV_HOUR + 3 * RDV_MINUTE + 4 * RDV_SECOND, NULL},
    {"1d2h3m4s5ms", RDV_DAY + 2 * RDV_HOUR + 3 * RDV_MINUTE + 4 * RDV_SECOND + 50000,
     "1d2h3m4.005s"},
    {"1d1ms", RDV_DAY + RDV_MILLISECOND, NULL},
    {"1m1ms", RDV_MINUTE + RDV_MILLISECOND, NULL},
    {"0.0001ms", 1, NULL},
    {"0.0000001s", 1, "0.0001ms"},
    {"90m", 90 * RDV_MINUTE, "1h30m"},
    {"3600s", RDV_HOUR, "1h"},
    {"1.5h", 90 * RDV_MINUTE, "1h30m"},
    {"0.5d", 12 * RDV_HOUR, "12h"},
    {"0.0000001d", 86400, "8.64ms"},
    {"007m", 7 * RDV_MINUTE, "7m"},
    {"0h0m0s", 0, "0s"},
    {"1.50s", 1500 * RDV_MILLISECOND, "1.5s"},
    {"3652425d", LONGEST, NULL},
    {"3652424d23h59m59.9999999s", LONGEST - 1, NULL},
    /* ISO 8601 */
    {"PT1H30M", 90 * RDV_MINUTE, "1h30m"},
    {"P1DT12H", 36 * RDV_HOUR, "1d12h"},
    {"P2W", 14 * RDV_DAY, "14d"},
    {"P1D", RDV_DAY, "1d"},
    {"PT0S", 0, "0s"},
    {"PT90M", 90 * RDV_MINUTE, "1h30m"},
    {"PT0.25S", 250 * RDV_MILLISECOND, "250ms"},
    {"PT0,25S", 250 * RDV_MILLISECOND, "250ms"},
    {"P0.5W", 84 * RDV_HOUR, "3d12h"},
    {"P1DT2H3M4.5S", RDV_DAY + 2 * RDV_HOUR + 3 * RDV_MINUTE + 45 * RDV_SECOND / 10, "1d2h3m4.5s"},
    {"P1.5D", 36 * RDV_HOUR, "1d12h"},
};

START_TEST(a_duration_is_read_and_written)
{
    const struct lasting *row = &lasting[_i];
    char buffer[RDV_DURATION_TEXT_SIZE];
    rdv_duration duration = -5;

    ck_assert_int_eq(rdv_duration_parse(row->text, &duration), 0);
    ck_assert_int_eq(duration, row->duration);
    ck_assert_int_eq(rdv_duration_format(duration, buffer, sizeof buffer), 0);
    ck_assert_str_eq(buffer, row->written ? row->written : row->text);
}
END_TEST

static const char *const bad_durations[] = {
    "",
    "10",
    "m",
    "10x",
    "10 m",
    " 10m",
    "10m ",
    "-10m",
    "+10m",
    "10M",
    "10min",
    "1h 30m",
    "30m1h",
    "1m1m",
    "1ms1s",
    "1.5h30m", /* a fraction only on the last */
    "1.s",
    ".5s",
    "1,5s",
    "1.5.5s",
    "1e3s",
    "0x10s",
    "0.00000001s",
    "0.00000000s",
    "0.00001ms",
    "0.12345678h",
    "1w",
    /* too long */
    "3652425d1s",
    "3652425d0.0001ms",
    "3652426d",
    "21350399d", /* 2^64 ticks and a few */
    "3652425.1d",
    "87658201h",
    "9223372036854775807s",
    "99999999999999999999999999d",
    "18446744073709551617s",
    /* ISO 8601 */
    "P",
    "PT",
    "P1",
    "P1DT",
    "PT1",
    "PT1D",
    "P1H",
    "P1Y",
    "P1M",
    "P1W1D",
    "P1WT1H",
    "P1D1W",
    "PW",
    "PT1M1H",
    "PT1.5H1M",
    "P1.5DT1H",
    "PT1.S",
    "PT.5S",
    "-PT1H",
    "P-1D",
    "pt1h",
    "PT1h",
    "PT1H ",
    "P1DP1D",
    "P1D2h",
};

START_TEST(what_is_no_duration_is_refused_and_changes_nothing)
{
    rdv_duration duration = -5;

    ck_assert_msg(rdv_duration_parse(bad_durations[_i], &duration) == RDV_EINVAL, "took '%s'",
                  bad_durations[_i]);
    ck_assert_int_eq(duration, -5);
}
END_TEST

START_TEST(durations_need_arguments)
{
    char buffer[RDV_DURATION_TEXT_SIZE];
    rdv_duration duration;

    ck_assert_int_eq(rdv_duration_parse(NULL, &duration), RDV_EINVAL);
    ck_assert_int_eq(rdv_duration_parse("1s", NULL), RDV_EINVAL);
    ck_assert_int_eq(rdv_duration_format(1, NULL, 100), RDV_EINVAL);
    ck_assert_int_eq(rdv_duration_format(-1, buffer, sizeof buffer), RDV_EINVAL);
    ck_assert_int_eq(rdv_duration_format(INT64_MIN, buffer, sizeof buffer), RDV_EINVAL);
    ck_assert_int_eq(rdv_duration_format(LONGEST + 1, buffer, sizeof buffer), RDV_EINVAL);
    ck_assert_int_eq(rdv_duration_format(INT64_MAX, buffer, sizeof buffer), RDV_EINVAL);
}
END_TEST

START_TEST(any_duration_is_the_same_after_writing_and_reading)
{
    static const rdv_duration units[] = {1,          RDV_MILLISECOND, RDV_SECOND,
                                         RDV_MINUTE, RDV_HOUR,        RDV_DAY};
    uint64_t random = 3652425;

    for (int i = 0; i < 200000; i++) {
        /* of every size, and round ones too */
        rdv_duration duration =
            (rdv_duration)(next_random(&random) % (uint64_t)LONGEST >> next_random(&random) % 62);
        rdv_duration again = -1;
        char buffer[RDV_DURATION_TEXT_SIZE];
        duration -= duration % units[next_random(&random) % COUNT_OF(units)];
        if (rdv_duration_format(duration, buffer, sizeof buffer) != 0 ||
            rdv_duration_parse(buffer, &again) != 0 || again != duration)
            ck_abort_msg("%" PRId64 " became '%s' and %" PRId64, duration, buffer, again);
    }
}
END_TEST

/* ---------------------------------------------------------- relative times */

START_TEST(a_moment_may_be_relative_to_now)
{
    rdv_time now = UNIX_EPOCH, time;

    ck_assert_int_eq(rdv_time_parse_relative("+2h", now, &time), 0);
    ck_assert_int_eq(time, now + 2 * RDV_HOUR);
    ck_assert_int_eq(rdv_time_parse_relative("-10m", now, &time), 0);
    ck_assert_int_eq(time, now - 10 * RDV_MINUTE);
    ck_assert_int_eq(rdv_time_parse_relative("+0s", now, &time), 0);
    ck_assert_int_eq(time, now);
    ck_assert_int_eq(rdv_time_parse_relative("+PT1H", now, &time), 0);
    ck_assert_int_eq(time, now + RDV_HOUR);
    ck_assert_int_eq(rdv_time_parse_relative("1970-01-01T00:00:01Z", now, &time), 0);
    ck_assert_int_eq(time, now + RDV_SECOND);
}
END_TEST

START_TEST(a_relative_moment_stays_in_range)
{
    rdv_time time = -5;

    ck_assert_int_eq(rdv_time_parse_relative("-1s", RDV_SECOND, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("-1s", 1, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("+0s", 0, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("+0.0001ms", RDV_TIME_MAX, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("+3652425d", RDV_TIME_MAX, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("-3652425d", RDV_TIME_MAX, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("+1s", -1, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("-1s", RDV_TIME_MAX + 1, &time), RDV_EINVAL);
    ck_assert_int_eq(time, -5);

    ck_assert_int_eq(rdv_time_parse_relative("-1s", RDV_SECOND + 1, &time), 0);
    ck_assert_int_eq(time, 1);
    ck_assert_int_eq(rdv_time_parse_relative("+0.0001ms", RDV_TIME_MAX - 1, &time), 0);
    ck_assert_int_eq(time, RDV_TIME_MAX);
}
END_TEST

START_TEST(a_later_moment_stays_in_range)
{
    ck_assert_int_eq(rdv__time_later(UNIX_EPOCH, RDV_HOUR), UNIX_EPOCH + RDV_HOUR);
    ck_assert_int_eq(rdv__time_later(RDV_TIME_MAX - 1, 1), RDV_TIME_MAX);
    ck_assert_int_eq(rdv__time_later(RDV_TIME_MAX - 1, 2), RDV_TIME_MAX);
    ck_assert_int_eq(rdv__time_later(RDV_TIME_MAX, INT64_MAX), RDV_TIME_MAX);
}
END_TEST

START_TEST(what_is_no_moment_is_refused)
{
    static const char *const bad[] = {"", "+", "-", "2h", "+-2h", "++2h", "+ 2h", "now", "+2"};
    rdv_time time = -5;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(rdv_time_parse_relative(bad[i], UNIX_EPOCH, &time) == RDV_EINVAL, "took '%s'",
                      bad[i]);
    ck_assert_int_eq(rdv_time_parse_relative(NULL, UNIX_EPOCH, &time), RDV_EINVAL);
    ck_assert_int_eq(rdv_time_parse_relative("+2h", UNIX_EPOCH, NULL), RDV_EINVAL);
    ck_assert_int_eq(time, -5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("time");
    TCase *times = tcase_create("times");
    TCase *scales = tcase_create("scales");
    TCase *durations = tcase_create("durations");

    tcase_add_loop_test(times, a_time_is_read_and_written, 0, (int)COUNT_OF(known));
    tcase_add_loop_test(times, what_is_no_time_is_refused_and_changes_nothing, 0,
                        (int)COUNT_OF(bad_times));
    tcase_add_test(times, a_time_that_is_cut_short_is_refused);
    tcase_add_test(times, times_need_arguments);
    tcase_add_test(times, a_buffer_that_is_too_small_is_left_alone);
    tcase_add_test(times, any_tick_is_the_same_after_writing_and_reading);
    tcase_add_test(times, every_day_of_the_calendar_has_its_date);
    tcase_add_test(times, the_system_agrees_about_dates);
    tcase_add_test(times, a_moment_may_be_relative_to_now);
    tcase_add_test(times, a_relative_moment_stays_in_range);
    tcase_add_test(times, a_later_moment_stays_in_range);
    tcase_add_test(times, what_is_no_moment_is_refused);
    tcase_set_timeout(times, 60);
    suite_add_tcase(suite, times);

    tcase_add_test(scales, unix_time_is_converted_both_ways);
    tcase_add_test(scales, unix_time_that_is_far_out_stays_far_out);
    tcase_add_test(scales, a_filetime_is_copied_bit_for_bit);
    tcase_add_test(scales, a_filetime_past_the_last_moment_is_refused);
    tcase_add_test(scales, now_is_the_systems_now);
    suite_add_tcase(suite, scales);

    tcase_add_loop_test(durations, a_duration_is_read_and_written, 0, (int)COUNT_OF(lasting));
    tcase_add_loop_test(durations, what_is_no_duration_is_refused_and_changes_nothing, 0,
                        (int)COUNT_OF(bad_durations));
    tcase_add_test(durations, durations_need_arguments);
    tcase_add_test(durations, any_duration_is_the_same_after_writing_and_reading);
    tcase_set_timeout(durations, 60);
    suite_add_tcase(suite, durations);
    return rdv_test_main(suite);
}
