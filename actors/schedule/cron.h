/* SPDX-License-Identifier: MIT
 *
 * When a job is due: the five fields of crontab(5), its nicknames, and a fixed
 * period. A pure parser and a pure function from one moment to the next.
 */
#ifndef SCHEDULE_CRON_H
#define SCHEDULE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/store/zone.h"

#define CRON_TEXT_MAX 128 /* bytes of an expression, with NUL */
#define CRON_NEVER INT64_MAX

struct cron {
    int64_t every;    /* s; 0: the fields below count */
    uint64_t minutes; /* a bit each */
    uint32_t hours, days, months;
    uint8_t weekdays; /* bit 0: Sunday */
    bool any_day;     /* the field begins with '*' */
    bool any_weekday;
    bool any_hour;
};

/* "30 3 * * mon-fri", "@daily", "@every 90s" (Go's notation, whole seconds).
 * Fields are lists of numbers, names (jan, mon; in any case), ranges and '*',
 * each with a step; Sunday is 0 or 7. INVALID_ARGUMENT with the field that is
 * wrong, also for what never comes (30th of February). */
int cron_parse(const char *text, struct cron *ret, struct bus_error *err);

/* The first moment after `after` (Unix seconds) at which it is due, CRON_NEVER
 * if there is none. Where both day fields are restricted either will do, as
 * crontab(5) has it. `@every` counts from 1970, so that all replicas agree.
 *
 * Where the zone's clock is put forward, a job whose hour is named and whose
 * time is skipped is due once, when the clock jumps; where it is put back, it
 * is due at the first of two equal times only. A job of every hour ('*' or a
 * step of it) goes by the time that passes: it has nothing to make up and runs
 * in both hours. */
int64_t cron_next(const struct cron *cron, const struct zone *zone,
                  int64_t after);

#endif
