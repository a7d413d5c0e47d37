/* SPDX-License-Identifier: MIT
 *
 * Times as RFC 3339 and durations as Go writes them. Calendar arithmetic is our
 * own (the proleptic Gregorian calendar, counted in 400-year eras that begin in
 * March), since libc's either depends on the time zone or is not portable.
 */
#include "bus/text.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_SECONDS 86400
#define ERA_DAYS 146097   /* in 400 years */
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */
/* 0000-01-01T00:00:00Z and the last microsecond of 9999. */
#define TIME_LOW (INT64_C(-62167219200) * SECOND_US)
#define TIME_HIGH (INT64_C(253402300800) * SECOND_US - 1)

static int64_t days_from_civil(int year, int month, int day)
{
    /* Years begin in March here, so that the leap day is the last. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * ERA_DAYS + days - EPOCH_DAYS;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    days += EPOCH_DAYS;
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t of_era = days - era * ERA_DAYS;
    int64_t y =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* -- reading --------------------------------------------------------------- */

/* A cursor with a sticky error. */
struct scan {
    const uint8_t *at, *end;
    bool failed;
};

static int scan_number(struct scan *in, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (in->at == in->end || *in->at < '0' || *in->at > '9') {
            in->failed = true;
            return 0;
        }
        value = value * 10 + (*in->at++ - '0');
    }
    return value;
}

static bool scan_is(struct scan *in, const char *set)
{
    if (in->at == in->end || *in->at == '\0' || !strchr(set, *in->at))
        return false;
    in->at++;
    return true;
}

static void scan_must(struct scan *in, const char *set)
{
    if (!scan_is(in, set))
        in->failed = true;
}

static int64_t scan_fraction(struct scan *in)
{
    int64_t us = 0, unit = SECOND_US / 10;
    if (!scan_is(in, "."))
        return 0;
    us += scan_number(in, 1) * unit;
    while (!in->failed && in->at < in->end && *in->at >= '0' && *in->at <= '9')
        us += scan_number(in, 1) * (unit /= 10);
    return us;
}

static int64_t scan_zone(struct scan *in)
{
    if (scan_is(in, "zZ"))
        return 0;
    bool minus = in->at < in->end && *in->at == '-';
    scan_must(in, "+-");
    int hours = scan_number(in, 2);
    scan_must(in, ":");
    int minutes = scan_number(in, 2);
    if (hours > 23 || minutes > 59)
        in->failed = true;
    int64_t seconds = hours * 3600 + minutes * 60;
    return minus ? -seconds : seconds;
}

static int64_t scan_date(struct scan *in)
{
    int year = scan_number(in, 4);
    scan_must(in, "-");
    int month = scan_number(in, 2);
    scan_must(in, "-");
    int day = scan_number(in, 2);
    if (in->failed || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month)) {
        in->failed = true;
        return 0;
    }
    return days_from_civil(year, month, day);
}

static int64_t scan_clock(struct scan *in)
{
    int hour = scan_number(in, 2);
    scan_must(in, ":");
    int minute = scan_number(in, 2);
    scan_must(in, ":");
    int second = scan_number(in, 2);
    if (hour > 23 || minute > 59 || second > 59)
        in->failed = true;
    return hour * 3600 + minute * 60 + second;
}

enum text_fault text_time(struct bus_bytes text, int64_t *ret)
{
    if (text.len == 0)
        return TEXT_SYNTAX;
    struct scan in = {text.data, text.data + text.len, false};
    int64_t seconds = scan_date(&in) * DAY_SECONDS;
    scan_must(&in, "tT");
    seconds += scan_clock(&in);
    int64_t us = scan_fraction(&in);
    seconds -= scan_zone(&in);
    if (in.failed || in.at != in.end)
        return TEXT_SYNTAX;
    us += seconds * SECOND_US;
    if (us < TIME_LOW || us > TIME_HIGH)
        return TEXT_RANGE;
    *ret = us;
    return TEXT_FINE;
}

static const struct unit {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ns", 1},           {"us", 1000},         {"\xC2\xB5s", 1000},
    {"\xCE\xBCs", 1000}, {"ms", 1000000},      {"s", 1000000000},
    {"m", 60000000000},  {"h", 3600000000000},
};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

/* A unit ends where a digit, a point or the text does. */
static uint64_t scan_unit(struct scan *in)
{
    size_t len = 0;
    while (in->at + len < in->end && in->at[len] != '.' &&
           (in->at[len] < '0' || in->at[len] > '9'))
        len++;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strlen(units[i].name) == len &&
            memcmp(units[i].name, in->at, len) == 0) {
            in->at += len;
            return units[i].ns;
        }
    }
    in->failed = true;
    return 0;
}

/* Digits up to a limit that cannot overflow a fraction; the rest is skipped. */
static size_t scan_part(struct scan *in, double *ret)
{
    size_t count = 0;
    double value = 0, scale = 1;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        if (count++ < 15) {
            value = value * 10 + (*in->at - '0');
            scale *= 10;
        }
    }
    *ret = value / scale;
    return count;
}

/* One "1.5h". Adds to *ns; false past what fits. */
static bool scan_term(struct scan *in, uint64_t *ns)
{
    uint64_t whole = 0;
    double part = 0;
    bool fits = true;
    size_t count = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; count++) {
        fits &= !__builtin_mul_overflow(whole, 10, &whole);
        fits &= !__builtin_add_overflow(whole, *in->at++ - '0', &whole);
    }
    if (scan_is(in, "."))
        count += scan_part(in, &part);
    if (count == 0)
        in->failed = true;
    uint64_t unit = scan_unit(in);
    fits &= !__builtin_mul_overflow(whole, unit, &whole);
    /* Half a nanosecond makes up for what binary fractions lose. */
    uint64_t rest = (uint64_t)(part * (double)unit + 1e-3);
    fits &= !__builtin_add_overflow(whole, rest, &whole);
    return fits && !__builtin_add_overflow(*ns, whole, ns);
}

enum text_fault text_duration(struct bus_bytes text, int64_t *ret)
{
    if (text.len == 0)
        return TEXT_SYNTAX;
    struct scan in = {text.data, text.data + text.len, false};
    bool minus = *in.at == '-';
    scan_is(&in, "+-");
    uint64_t ns = 0;
    bool fits = true;
    if (in.end - in.at == 1 && *in.at == '0') {
        *ret = 0;
        return TEXT_FINE;
    }
    do
        fits &= scan_term(&in, &ns);
    while (!in.failed && in.at < in.end);
    if (in.failed)
        return TEXT_SYNTAX;
    if (!fits || ns > (uint64_t)INT64_MAX + minus)
        return TEXT_RANGE;
    *ret = minus ? (int64_t)(0 - ns) : (int64_t)ns;
    return TEXT_FINE;
}

/* -- writing --------------------------------------------------------------- */

/* Appends ".25" for part 250 of 10^places, nothing for 0. */
static void add_fraction(char *text, uint64_t part, int places)
{
    if (part == 0)
        return;
    char *at = text + strlen(text);
    *at = '.';
    for (int i = places; i > 0; i--) {
        at[i] = (char)('0' + part % 10);
        part /= 10;
    }
    while (at[places] == '0')
        places--;
    at[places + 1] = '\0';
}

/* So many digits and what stands after them; every row's times come this way,
 * and printf is slow. */
static char *put_digits(char *at, int number, int digits, char after)
{
    for (int i = digits; i-- > 0; number /= 10)
        at[i] = (char)('0' + number % 10);
    at[digits] = after;
    return at + digits + 1;
}

void text_time_write(int64_t us, char ret[TEXT_TIME_MAX])
{
    int year, month, day;
    ret[0] = '\0';
    if (us < TIME_LOW || us > TIME_HIGH)
        return;
    int64_t part = us % SECOND_US;
    if (part < 0)
        part += SECOND_US;
    int64_t seconds = (us - part) / SECOND_US;
    int64_t of_day = seconds % DAY_SECONDS;
    if (of_day < 0)
        of_day += DAY_SECONDS;
    civil_from_days((seconds - of_day) / DAY_SECONDS, &year, &month, &day);
    char *at = put_digits(ret, year, 4, '-');
    at = put_digits(at, month, 2, '-');
    at = put_digits(at, day, 2, 'T');
    at = put_digits(at, (int)(of_day / 3600), 2, ':');
    at = put_digits(at, (int)(of_day / 60 % 60), 2, ':');
    put_digits(at, (int)(of_day % 60), 2, '\0');
    add_fraction(ret, (uint64_t)part, 6);
    memcpy(ret + strlen(ret), "Z", 2);
}

static void write_below_second(uint64_t ns, char *ret)
{
    if (ns < 1000)
        snprintf(ret, TEXT_TIME_MAX - 1, "%dns", (int)ns);
    else if (ns < 1000000) {
        snprintf(ret, TEXT_TIME_MAX - 1, "%d", (int)(ns / 1000));
        add_fraction(ret, ns % 1000, 3);
        memcpy(ret + strlen(ret), "\xC2\xB5s", 4);
    } else {
        snprintf(ret, TEXT_TIME_MAX - 1, "%d", (int)(ns / 1000000));
        add_fraction(ret, ns % 1000000, 6);
        memcpy(ret + strlen(ret), "ms", 3);
    }
}

void text_duration_write(int64_t ns, char ret[TEXT_TIME_MAX])
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (ns < 0)
        *ret++ = '-';
    if (size == 0) {
        memcpy(ret, "0s", 3);
        return;
    }
    if (size < 1000000000) {
        write_below_second(size, ret);
        return;
    }
    uint64_t seconds = size / 1000000000;
    int hours = (int)(seconds / 3600), minutes = (int)(seconds / 60 % 60);
    if (hours)
        snprintf(ret, TEXT_TIME_MAX - 1, "%dh%dm%d", hours, minutes,
                 (int)(seconds % 60));
    else if (minutes)
        snprintf(ret, TEXT_TIME_MAX - 1, "%dm%d", minutes, (int)(seconds % 60));
    else
        snprintf(ret, TEXT_TIME_MAX - 1, "%d", (int)seconds);
    add_fraction(ret, size % 1000000000, 9);
    memcpy(ret + strlen(ret), "s", 2);
}
