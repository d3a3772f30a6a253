/* SPDX-License-Identifier: MIT */
/*
 * Times and durations as text. These are pure functions, behind rdvtask/base.h and base/time.h, and
 * every file that reads or writes a time uses them. They don't ask the C library about calendars,
 * because its functions know local time zones and differ in the years that they take.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <rdvtask/base.h>

#include "base/time.h"

/* The first year of a cycle of 400 years, after which the calendar repeats. */
#define FIRST_YEAR 1601

#define DAYS_1       365
#define DAYS_4       (4 * DAYS_1 + 1)
#define DAYS_100     (25 * DAYS_4 - 1)
#define DAYS_400     (4 * DAYS_100 + 1)
#define TICK_DIGITS  7                         /* decimals of a second */
#define UNIX_EPOCH   INT64_C(11644473600)      /* seconds from 1601 to 1970 */
#define DURATION_MAX (25 * DAYS_400 * RDV_DAY) /* 10,000 years */

/* ---------------------------------------------------------------- calendar */

struct date {
    /* Month and day count from 1. */
    int year, month, day;
};

static bool is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Count the days of a year before this month, which may be 13. */
static int days_before_month(int year, int month)
{
    static const int days[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

    return days[month - 1] + (month > 2 && is_leap_year(year) ? 1 : 0);
}

static int days_of_month(int year, int month)
{
    return days_before_month(year, month + 1) - days_before_month(year, month);
}

static int64_t days_from_date(const struct date *date)
{
    int years = date->year - FIRST_YEAR;

    return (int64_t)years * DAYS_1 + years / 4 - years / 100 + years / 400 +
           days_before_month(date->year, date->month) + date->day - 1;
}

static struct date date_from_days(int64_t days)
{
    int rest = (int)(days % DAYS_400);
    int centuries = rest / DAYS_100;
    if (centuries == 4) /* the leap day that ends the cycle */
        centuries = 3;
    rest -= centuries * DAYS_100;
    int fours = rest / DAYS_4;
    rest -= fours * DAYS_4;
    int ones = rest / DAYS_1;
    if (ones == 4) /* the leap day that ends four years */
        ones = 3;
    rest -= ones * DAYS_1;

    struct date date = {
        .year = FIRST_YEAR + (int)(days / DAYS_400) * 400 + centuries * 100 + fours * 4 + ones,
        .month = 1,
    };
    while (rest >= days_before_month(date.year, date.month + 1))
        date.month++;
    date.day = rest - days_before_month(date.year, date.month) + 1;
    return date;
}

/* ----------------------------------------------------------------- reading */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read exactly `count` digits that make a number from min to max. */
static bool read_digits(const char **at, int count, int min, int max, int *ret_number)
{
    int number = 0;

    for (int i = 0; i < count; i++) {
        if (!is_digit((*at)[i]))
            return false;
        number = number * 10 + ((*at)[i] - '0');
    }
    if (number < min || number > max)
        return false;
    *at += count;
    *ret_number = number;
    return true;
}

static bool read_char(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

/*
 * Read the decimals after a point, at least one and at most `most`, as a number of `most` digits:
 * "5" is 5000000 if `most` is 7. *at is behind the point.
 */
static bool read_decimals(const char **at, int most, int64_t *ret_number)
{
    int64_t number = 0;
    int count = 0;

    for (; is_digit(**at); ++*at, ++count) {
        if (count == most)
            return false;
        number = number * 10 + (**at - '0');
    }
    if (count == 0)
        return false;
    for (; count < most; count++)
        number *= 10;
    *ret_number = number;
    return true;
}

/* Read "Z" or an offset from UTC, as minutes. */
static bool read_offset(const char **at, int *ret_minutes)
{
    int sign, hours, minutes;

    if (read_char(at, 'Z') || read_char(at, 'z')) {
        *ret_minutes = 0;
        return true;
    }
    if (read_char(at, '+'))
        sign = 1;
    else if (read_char(at, '-'))
        sign = -1;
    else
        return false;
    if (!read_digits(at, 2, 0, 23, &hours) || !read_char(at, ':') ||
        !read_digits(at, 2, 0, 59, &minutes))
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

/* Whether a second, counted from 1601 in UTC, is the last one of a 30 June or 31 December. */
static bool may_leap_after(int64_t second)
{
    const int64_t day = RDV_DAY / RDV_SECOND;

    if (second < 0 || second % day != day - 1)
        return false;
    struct date date = date_from_days(second / day);
    return (date.month == 6 && date.day == 30) || (date.month == 12 && date.day == 31);
}

int rdv_time_parse(const char *text, rdv_time *ret_time)
{
    const char *at = text;
    struct date date;
    int hour, minute, second, offset;
    int64_t fraction = 0;

    if (!text || !ret_time)
        return RDV_EINVAL;

    if (!read_digits(&at, 4, FIRST_YEAR, 9999, &date.year) || !read_char(&at, '-') ||
        !read_digits(&at, 2, 1, 12, &date.month) || !read_char(&at, '-') ||
        !read_digits(&at, 2, 1, days_of_month(date.year, date.month), &date.day))
        return RDV_EINVAL;
    if (!read_char(&at, 'T') && !read_char(&at, 't'))
        return RDV_EINVAL;
    if (!read_digits(&at, 2, 0, 23, &hour) || !read_char(&at, ':') ||
        !read_digits(&at, 2, 0, 59, &minute) || !read_char(&at, ':') ||
        !read_digits(&at, 2, 0, 60, &second))
        return RDV_EINVAL;
    if (read_char(&at, '.') && !read_decimals(&at, TICK_DIGITS, &fraction))
        return RDV_EINVAL;
    if (!read_offset(&at, &offset) || *at != '\0')
        return RDV_EINVAL;

    int64_t moment = ((days_from_date(&date) * 24 + hour) * 60 + minute - offset) * 60 +
                     (second < 60 ? second : 59);
    if (second == 60) {
        if (!may_leap_after(moment))
            return RDV_EINVAL;
        moment++;
        /* Otherwise, the leap second would be later than the second that follows it. */
        fraction = 0;
    }

    rdv_time time = moment * RDV_SECOND + fraction;
    if (time < 1 || time > RDV_TIME_MAX)
        return RDV_EINVAL;
    *ret_time = time;
    return 0;
}

struct unit {
    const char *name;
    rdv_duration ticks;
    /* As many decimals as make whole ticks. */
    int decimals;
};

static const struct unit short_units[] = {
    {"d", RDV_DAY, TICK_DIGITS},
    {"h", RDV_HOUR, TICK_DIGITS},
    {"m", RDV_MINUTE, TICK_DIGITS},
    {"s", RDV_SECOND, TICK_DIGITS},
    {"ms", RDV_MILLISECOND, TICK_DIGITS - 3},
};

static const struct unit iso_weeks[] = {{"W", 7 * RDV_DAY, TICK_DIGITS}};
static const struct unit iso_days[] = {{"D", RDV_DAY, TICK_DIGITS}};
static const struct unit iso_times[] = {
    {"H", RDV_HOUR, TICK_DIGITS},
    {"M", RDV_MINUTE, TICK_DIGITS},
    {"S", RDV_SECOND, TICK_DIGITS},
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/*
 * Find the unit that the text begins with, and move *at behind it. A unit's name ends where the
 * letters end: "m" is not found in "ms".
 */
static const struct unit *read_unit(const char **at, const struct unit *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(units[i].name);
        char behind;

        if (strncmp(*at, units[i].name, length) != 0)
            continue;
        behind = (*at)[length];
        if (behind >= 'a' && behind <= 'z')
            continue;
        *at += length;
        return &units[i];
    }
    return NULL;
}

/*
 * A duration while it is being read, as a number and a unit again and again. Units come in order,
 * each at most once, and nothing comes after a fraction.
 */
struct amount {
    rdv_duration total;
    /* A fraction has ended it. */
    bool ended;
};

/*
 * Read numbers and units up to the first thing that is neither; fail if there is none. With
 * `comma`, a comma may stand for the point.
 */
static bool read_amounts(const char **at, const struct unit *units, size_t count, bool comma,
                         struct amount *amount)
{
    const struct unit *end = units + count;

    for (bool first = true; first || is_digit(**at); first = false) {
        int64_t whole = 0, fraction = 0;
        const char *point = NULL;

        if (amount->ended || !is_digit(**at))
            return false;
        for (; is_digit(**at); ++*at) {
            whole = whole * 10 + (**at - '0');
            if (whole > DURATION_MAX / RDV_MILLISECOND) /* too long in the smallest unit */
                return false;
        }
        if (**at == '.' || (comma && **at == ',')) {
            point = ++*at;
            while (is_digit(**at))
                ++*at;
        }

        const struct unit *unit = read_unit(at, units, (size_t)(end - units));
        if (!unit || whole > DURATION_MAX / unit->ticks)
            return false;
        units = unit + 1;
        if (point) {
            /* Only now is it known how many decimals make whole ticks. */
            rdv_duration scale = 1;
            if (!read_decimals(&point, unit->decimals, &fraction))
                return false;
            for (int i = 0; i < unit->decimals; i++)
                scale *= 10;
            fraction *= unit->ticks / scale;
            amount->ended = true;
        }

        rdv_duration part = whole * unit->ticks + fraction;
        if (part > DURATION_MAX - amount->total)
            return false;
        amount->total += part;
    }
    return true;
}

int rdv_duration_parse(const char *text, rdv_duration *ret_duration)
{
    struct amount amount = {0};
    const char *at = text;
    bool good;

    if (!text || !ret_duration)
        return RDV_EINVAL;

    if (!read_char(&at, 'P')) {
        good = read_amounts(&at, short_units, COUNT_OF(short_units), false, &amount);
    } else if (at[strcspn(at, "W")] == 'W') {
        good = read_amounts(&at, iso_weeks, COUNT_OF(iso_weeks), true, &amount);
    } else {
        good = *at != '\0';
        if (good && *at != 'T')
            good = read_amounts(&at, iso_days, COUNT_OF(iso_days), true, &amount);
        if (good && read_char(&at, 'T'))
            good = read_amounts(&at, iso_times, COUNT_OF(iso_times), true, &amount);
    }
    if (!good || *at != '\0')
        return RDV_EINVAL;
    *ret_duration = amount.total;
    return 0;
}

int rdv_time_parse_relative(const char *text, rdv_time now, rdv_time *ret_time)
{
    rdv_duration distance;

    if (!text || !ret_time || now < 0 || now > RDV_TIME_MAX)
        return RDV_EINVAL;
    if (*text != '+' && *text != '-')
        return rdv_time_parse(text, ret_time);

    int r = rdv_duration_parse(text + 1, &distance);
    if (r < 0)
        return r;
    /* Both are far from overflowing. */
    rdv_time time = *text == '+' ? now + distance : now - distance;
    if (time < 1 || time > RDV_TIME_MAX)
        return RDV_EINVAL;
    *ret_time = time;
    return 0;
}

/* ----------------------------------------------------------------- writing */

/* Write `digits` digits, or as many as the number has if `digits` is 0. */
static char *put_number(char *at, int64_t number, int digits)
{
    char reversed[20];
    int count = 0;

    assert(number >= 0);
    do {
        reversed[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count < digits)
        reversed[count++] = '0';
    while (count > 0)
        *at++ = reversed[--count];
    return at;
}

/* Write a point and the decimals without trailing zeros, or nothing for 0. */
static char *put_decimals(char *at, int64_t decimals, int digits)
{
    if (decimals == 0)
        return at;
    for (; decimals % 10 == 0; digits--)
        decimals /= 10;
    *at++ = '.';
    return put_number(at, decimals, digits);
}

static char *put_char(char *at, char c)
{
    *at = c;
    return at + 1;
}

/* Copy the text from `made` to `end` into the caller's buffer, if it fits. */
static int hand_over(const char *made, const char *end, char *buffer, size_t size)
{
    size_t length = (size_t)(end - made);

    if (size <= length)
        return RDV_ELIMIT;
    memcpy(buffer, made, length);
    buffer[length] = '\0';
    return 0;
}

int rdv_time_format(rdv_time time, char *buffer, size_t size)
{
    char made[RDV_TIME_TEXT_SIZE], *at = made;

    if (!buffer || time < 1 || time > RDV_TIME_MAX)
        return RDV_EINVAL;

    struct date date = date_from_days(time / RDV_DAY);
    at = put_number(at, date.year, 4);
    at = put_number(put_char(at, '-'), date.month, 2);
    at = put_number(put_char(at, '-'), date.day, 2);
    at = put_number(put_char(at, 'T'), time % RDV_DAY / RDV_HOUR, 2);
    at = put_number(put_char(at, ':'), time % RDV_HOUR / RDV_MINUTE, 2);
    at = put_number(put_char(at, ':'), time % RDV_MINUTE / RDV_SECOND, 2);
    at = put_decimals(at, time % RDV_SECOND, TICK_DIGITS);
    at = put_char(at, 'Z');
    return hand_over(made, at, buffer, size);
}

int rdv_duration_format(rdv_duration duration, char *buffer, size_t size)
{
    char made[RDV_DURATION_TEXT_SIZE], *at = made;

    if (!buffer || duration < 0 || duration > DURATION_MAX)
        return RDV_EINVAL;

    rdv_duration rest = duration;
    for (const struct unit *unit = short_units; unit->ticks > RDV_SECOND; unit++) {
        if (rest >= unit->ticks)
            at = put_char(put_number(at, rest / unit->ticks, 0), *unit->name);
        rest %= unit->ticks;
    }
    if (rest >= RDV_SECOND || duration == 0) {
        at = put_number(at, rest / RDV_SECOND, 0);
        at = put_decimals(at, rest % RDV_SECOND, TICK_DIGITS);
        at = put_char(at, 's');
    } else if (rest > 0) {
        at = put_number(at, rest / RDV_MILLISECOND, 0);
        at = put_decimals(at, rest % RDV_MILLISECOND, TICK_DIGITS - 3);
        at = put_char(put_char(at, 'm'), 's');
    }
    return hand_over(made, at, buffer, size);
}

/* ------------------------------------------------------------ other scales */

rdv_time rdv_time_from_unix(int64_t seconds, long nanoseconds)
{
    /*
     * This can't fail: a time that no rdv_time can hold becomes the nearest one, which every check
     * refuses.
     */
    if (seconds >= INT64_MAX / RDV_SECOND - UNIX_EPOCH)
        return INT64_MAX;
    if (seconds < INT64_MIN / RDV_SECOND)
        return INT64_MIN;
    if (nanoseconds < 0 || nanoseconds > 999999999)
        nanoseconds = nanoseconds < 0 ? 0 : 999999999;
    return (seconds + UNIX_EPOCH) * RDV_SECOND + nanoseconds / 100;
}

void rdv_time_to_unix(rdv_time time, int64_t *ret_seconds, long *ret_nanoseconds)
{
    int64_t seconds = time / RDV_SECOND;
    int64_t ticks = time % RDV_SECOND;

    if (ticks < 0) {
        ticks += RDV_SECOND;
        seconds--;
    }
    if (ret_seconds)
        *ret_seconds = seconds - UNIX_EPOCH;
    if (ret_nanoseconds)
        *ret_nanoseconds = (long)ticks * 100;
}

int rdv_time_from_filetime(uint32_t low, uint32_t high, rdv_time *ret_time)
{
    uint64_t ticks = (uint64_t)high << 32 | low;

    if (!ret_time || ticks > (uint64_t)RDV_TIME_MAX)
        return RDV_EINVAL;
    *ret_time = (rdv_time)ticks;
    return 0;
}

void rdv_time_to_filetime(rdv_time time, uint32_t *ret_low, uint32_t *ret_high)
{
    uint64_t ticks = (uint64_t)time;

    if (ret_low)
        *ret_low = (uint32_t)ticks;
    if (ret_high)
        *ret_high = (uint32_t)(ticks >> 32);
}

rdv_time rdv__time_later(rdv_time now, rdv_duration wait)
{
    return now > RDV_TIME_MAX - wait ? RDV_TIME_MAX : now + wait;
}
