/* SPDX-License-Identifier: MIT
 *
 * A zone's time is cut at its changes into pieces of one offset each. Inside a
 * piece the clock on the wall moves evenly, so the next match is looked for
 * there, minute by minute within days that match; what a change skips or
 * repeats is decided where one piece meets the next.
 */
#include "actors/schedule/cron.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bus/clock.h"
#include "bus/code.h"
#include "bus/text.h"

#define DAY INT64_C(86400)
#define MINUTE 60
#define DAY_MINUTES 1440
/* A 29th of February that is a Sunday may be forty years away (2280, 2320):
 * nothing that comes at all is further. */
#define HORIZON (INT64_C(41) * 366 * DAY)
#define FIELDS 5
#define NUMBER_MAX 99

/* ---- parsing ---- */

struct field {
    const char *name;
    int low, high;
    const char *words; /* three letters each, from low on; "" none */
};

static const struct field fields[FIELDS] = {
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of the month", 1, 31, ""},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day of the week", 0, 7, "sunmontuewedthufrisat"},
};

static int refuse(const struct field *field, const char *text, size_t len,
                  struct bus_error *err)
{
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "%s \"%.*s\": expected %d to %d, ranges, lists or *",
                         field->name, (int)len, text, field->low, field->high);
}

/* One number or name at *at. */
static bool value_take(const struct field *field, const char **at, int *ret)
{
    const char *text = *at;
    if (*text >= '0' && *text <= '9') {
        int value = 0;
        for (; *text >= '0' && *text <= '9' && value <= NUMBER_MAX; text++)
            value = value * 10 + (*text - '0');
        *at = text;
        *ret = value;
        return value >= field->low && value <= field->high;
    }
    const char *word = field->words;
    for (int i = 0; *word; i++, word += 3) {
        if (strncasecmp(text, word, 3) == 0) {
            *at = text + 3;
            *ret = field->low + i;
            return true;
        }
    }
    return false;
}

/* "*", "a" or "a-b", with "/step" behind it; "a/step" goes on to the end. */
static bool item_take(const struct field *field, const char **at,
                      uint64_t *bits)
{
    int low = field->low, high = field->high, step = 1;
    bool single = false;
    if (**at == '*') {
        (*at)++;
    } else {
        if (!value_take(field, at, &low))
            return false;
        single = **at != '-';
        if (!single && (++*at, !value_take(field, at, &high) || high < low))
            return false;
    }
    if (**at == '/') {
        const struct field steps = {"", 1, NUMBER_MAX, ""};
        (*at)++;
        if (!value_take(&steps, at, &step))
            return false;
    } else if (single) {
        high = low;
    }
    for (int i = low; i <= high; i += step)
        *bits |= UINT64_C(1) << i;
    return true;
}

static int field_parse(const struct field *field, const char *text, size_t len,
                       uint64_t *ret, struct bus_error *err)
{
    const char *at = text;
    uint64_t bits = 0;
    do {
        if (at > text)
            at++; /* the comma */
        if (!item_take(field, &at, &bits))
            return refuse(field, text, len, err);
    } while (*at == ',');
    if (at != text + len)
        return refuse(field, text, len, err);
    *ret = bits;
    return BUS_OK;
}

static int fields_parse(const char *text, struct cron *ret,
                        struct bus_error *err)
{
    uint64_t bits[FIELDS] = {0};
    const char *starts[FIELDS] = {0};
    size_t i = 0;
    for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
        size_t len = strcspn(text, " \t");
        if (i == FIELDS)
            break;
        int code = field_parse(&fields[i], text, len, &bits[i], err);
        if (code)
            return code;
        starts[i++] = text;
        text += len;
    }
    if (i < FIELDS || *text)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "expected five fields (minute, hour, day, month, "
                             "day of the week), @daily or @every 30s");
    *ret = (struct cron){
        .minutes = bits[0],
        .hours = (uint32_t)bits[1],
        .days = (uint32_t)bits[2],
        .months = (uint32_t)bits[3],
        .weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f),
        .any_hour = *starts[1] == '*',
        .any_day = *starts[2] == '*',
        .any_weekday = *starts[4] == '*',
    };
    return BUS_OK;
}

static int every_parse(const char *text, struct cron *ret,
                       struct bus_error *err)
{
    const struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    int64_t ns = 0;
    if (text_duration(bytes, &ns) || ns < BUS_SECOND || ns % BUS_SECOND)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "@every \"%.40s\": expected whole seconds, as 30s "
                             "or 1h30m",
                             text);
    *ret = (struct cron){.every = ns / BUS_SECOND};
    return BUS_OK;
}

static const struct {
    const char *name, *fields;
} nicknames[] = {
    {"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

static int nickname_parse(const char *text, struct cron *ret,
                          struct bus_error *err)
{
    if (strncasecmp(text, "@every ", 7) == 0)
        return every_parse(text + 7 + strspn(text + 7, " "), ret, err);
    for (size_t i = 0; i < sizeof(nicknames) / sizeof(*nicknames); i++) {
        if (strcasecmp(nicknames[i].name, text) == 0)
            return fields_parse(nicknames[i].fields, ret, err);
    }
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "\"%.40s\": expected @yearly, @monthly, @weekly, "
                         "@daily, @hourly or @every 30s",
                         text);
}

int cron_parse(const char *text, struct cron *ret, struct bus_error *err)
{
    static const struct zone utc = {0};
    struct cron cron;
    if (strlen(text) >= CRON_TEXT_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "longer than %d characters", CRON_TEXT_MAX - 1);
    int code = *text == '@' ? nickname_parse(text, &cron, err)
                            : fields_parse(text, &cron, err);
    if (code)
        return code;
    if (cron_next(&cron, &utc, 0) == CRON_NEVER)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "\"%.40s\" is a day that never comes", text);
    *ret = cron;
    return BUS_OK;
}

/* ---- the next time ---- */

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - (rest < 0 ? rest + unit : rest);
}

/* Month and day of a day counted from 1970-01-01, after Howard Hinnant's
 * "chrono-Compatible Low-Level Date Algorithms". */
static void civil(int64_t day, unsigned *ret_month, unsigned *ret_day)
{
    const int64_t era_days = 146097;
    day += 719468; /* from 0000-03-01 */
    int64_t of_era = day - floor_to(day, era_days);
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March */
    *ret_day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (unsigned)(month < 10 ? month + 3 : month - 9);
}

static bool day_matches(const struct cron *cron, int64_t day)
{
    unsigned month, of_month;
    civil(day, &month, &of_month);
    if (!(cron->months >> month & 1))
        return false;
    /* 1970-01-01 was a Thursday. */
    int64_t weekday = day + 4 - floor_to(day + 4, 7);
    bool by_day = cron->days >> of_month & 1;
    bool by_weekday = cron->weekdays >> weekday & 1;
    return cron->any_day || cron->any_weekday ? by_day && by_weekday
                                              : by_day || by_weekday;
}

/* The first match from low (included) to high (excluded), in local seconds;
 * CRON_NEVER: none. */
static int64_t match(const struct cron *cron, int64_t low, int64_t high)
{
    low = floor_to(low + MINUTE - 1, MINUTE);
    for (int64_t start = floor_to(low, DAY); start < high; start += DAY) {
        if (!day_matches(cron, start / DAY))
            continue;
        int64_t minute = low > start ? (low - start) / MINUTE : 0;
        for (; minute < DAY_MINUTES; minute++) {
            if (!(cron->hours >> minute / 60 & 1))
                minute = minute / 60 * 60 + 59;
            else if (cron->minutes >> minute % 60 & 1)
                break;
        }
        if (minute < DAY_MINUTES)
            return start + minute * MINUTE < high ? start + minute * MINUTE
                                                  : CRON_NEVER;
    }
    return CRON_NEVER;
}

/* A stretch of time in which the zone's offset stays the same. */
struct piece {
    int64_t start, end;     /* Unix seconds, end excluded */
    int64_t offset, before; /* east of UTC; of the piece before this one */
};

static struct piece piece_at(const struct zone *zone, size_t index)
{
    struct piece piece = {
        .start = INT64_MIN, .end = INT64_MAX, .offset = zone->first};
    if (index > 0) {
        piece.start = zone->changes[index - 1].at;
        piece.offset = zone->changes[index - 1].offset;
    }
    piece.before = index > 1 ? zone->changes[index - 2].offset : zone->first;
    if (index < zone->count)
        piece.end = zone->changes[index].at;
    return piece;
}

static int64_t next_in(const struct cron *cron, const struct piece *piece,
                       int64_t from, int64_t limit)
{
    int64_t low = (from > piece->start ? from : piece->start) + piece->offset;
    int64_t end = piece->end < limit ? piece->end : limit;
    if (!cron->any_hour && piece->start > INT64_MIN) {
        int64_t shown = piece->start + piece->before; /* the old clock's */
        if (from <= piece->start && piece->offset > piece->before &&
            match(cron, shown, piece->start + piece->offset) != CRON_NEVER)
            return piece->start;
        low = low > shown ? low : shown;
    }
    int64_t local = match(cron, low, end + piece->offset);
    return local == CRON_NEVER ? CRON_NEVER : local - piece->offset;
}

int64_t cron_next(const struct cron *cron, const struct zone *zone,
                  int64_t after)
{
    assert(after < INT64_MAX - 2 * HORIZON && after > INT64_MIN + 2 * HORIZON);
    if (cron->every)
        return floor_to(after, cron->every) + cron->every;
    int64_t from = after + 1, limit = after + HORIZON;
    size_t index = 0;
    while (index < zone->count && zone->changes[index].at <= from)
        index++;
    for (; index <= zone->count; index++) {
        struct piece piece = piece_at(zone, index);
        if (piece.start >= limit)
            break;
        int64_t next = next_in(cron, &piece, from, limit);
        if (next != CRON_NEVER)
            return next;
    }
    return CRON_NEVER;
}
