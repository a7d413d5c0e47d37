/* SPDX-License-Identifier: MIT
 *
 * An expression is refused or leads from moment to moment; the C library's
 * calendar agrees with every one of them, and knows of none in between.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/schedule/cron.h"

#define STEPS 4
#define BETWEEN 3000 /* minutes looked at between two times */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool matches(const struct cron *cron, int64_t at)
{
    time_t time = (time_t)at;
    struct tm tm;
    gmtime_r(&time, &tm);
    bool day = cron->days >> tm.tm_mday & 1;
    bool weekday = cron->weekdays >> tm.tm_wday & 1;
    bool both = cron->any_day || cron->any_weekday;
    return cron->minutes >> tm.tm_min & 1 && cron->hours >> tm.tm_hour & 1 &&
           cron->months >> (tm.tm_mon + 1) & 1 &&
           (both ? day && weekday : day || weekday);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct zone utc = {0};
    char text[2 * CRON_TEXT_MAX];
    struct cron cron;
    int64_t at = 0;
    if (size < sizeof(at) || size - sizeof(at) >= sizeof(text))
        return 0;
    memcpy(&at, data, sizeof(at));
    at %= INT64_C(400) * 366 * 86400;
    memcpy(text, data + sizeof(at), size - sizeof(at));
    text[size - sizeof(at)] = '\0';
    if (cron_parse(text, &cron, NULL))
        return 0;
    for (int i = 0; i < STEPS; i++) {
        int64_t next = cron_next(&cron, &utc, at);
        if (next == CRON_NEVER)
            abort();
        if (next <= at ||
            (cron.every ? next - at > cron.every : !matches(&cron, next)))
            abort();
        int64_t minute = at - ((at % 60) + 60) % 60 + 60;
        for (int j = 0; !cron.every && j < BETWEEN && minute < next; j++) {
            if (matches(&cron, minute))
                abort();
            minute += 60;
        }
        at = next;
    }
    return 0;
}
