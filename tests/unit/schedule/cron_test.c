/* SPDX-License-Identifier: MIT
 *
 * Expressions and the times they lead to, as tables; then what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "actors/schedule/cron.h"
#include "bus/code.h"
#include "bus/text.h"

#define TIMES_MAX 6

static int64_t seconds(const char *text)
{
    const struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    int64_t us = 0;
    assert_int_equal(text_time(bytes, &us), 0);
    return us / 1000000;
}

struct row {
    const char *at, *zone, *after;
    const char *times[TIMES_MAX]; /* in UTC, one after the other */
};

static void check_row(const struct row *row)
{
    struct bus_error err = {0};
    struct cron cron;
    struct zone zone;
    if (cron_parse(row->at, &cron, &err))
        fail_msg("%s: %s", row->at, err.sentence);
    assert_int_equal(zone_open(&zone, row->zone, &err), BUS_OK);
    int64_t at = seconds(row->after);
    for (size_t i = 0; i < TIMES_MAX && row->times[i]; i++) {
        char text[TEXT_TIME_MAX];
        at = cron_next(&cron, &zone, at);
        text_time_write(at * 1000000, text);
        if (at != seconds(row->times[i]))
            fail_msg("%s in %s: time %zu is %s, expected %s", row->at,
                     row->zone, i, text, row->times[i]);
    }
    zone_close(&zone);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* ---- success ---- */

static void fields_lead_to_times(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"* * * * *",
         "",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"}},
        {"* * * * *", "", "2026-01-01T00:00:59Z", {"2026-01-01T00:01:00Z"}},
        {"*/20 * * * *",
         "",
         "2026-01-01T23:39:59Z",
         {"2026-01-01T23:40:00Z", "2026-01-02T00:00:00Z"}},
        {"5,10-12 4 * * *",
         "",
         "2026-01-01T04:05:00Z",
         {"2026-01-01T04:10:00Z", "2026-01-01T04:11:00Z",
          "2026-01-01T04:12:00Z", "2026-01-02T04:05:00Z"}},
        {"50/3 0 * * *",
         "",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T00:50:00Z", "2026-01-01T00:53:00Z",
          "2026-01-01T00:56:00Z", "2026-01-01T00:59:00Z",
          "2026-01-02T00:50:00Z"}},
        {"0 0 31 * *",
         "",
         "2026-01-31T00:00:00Z",
         {"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
        {"0 12 29 2 *",
         "",
         "2096-03-01T00:00:00Z",
         {"2104-02-29T12:00:00Z", "2108-02-29T12:00:00Z"}},
        {"40 4 */7 4 1", "", "2097-04-30T00:00:00Z", {"2109-04-01T04:40:00Z"}},
        {"0 0 29 2 */7", "", "2280-03-01T00:00:00Z", {"2320-02-29T00:00:00Z"}},
        {"0 0 1 JAN,jul *",
         "",
         "2026-01-01T00:00:00Z",
         {"2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"}},
        /* 2026-01-01 is a Thursday. */
        {"0 9 * * mon-Fri",
         "",
         "2026-01-01T09:00:00Z",
         {"2026-01-02T09:00:00Z", "2026-01-05T09:00:00Z"}},
        {"0 9 * * 5-7",
         "",
         "2026-01-01T09:00:00Z",
         {"2026-01-02T09:00:00Z", "2026-01-03T09:00:00Z",
          "2026-01-04T09:00:00Z", "2026-01-09T09:00:00Z"}},
        {"0 0 * * 0", "", "2026-01-01T00:00:00Z", {"2026-01-04T00:00:00Z"}},
        {"0 0 * * 7", "", "2026-01-01T00:00:00Z", {"2026-01-04T00:00:00Z"}},
        /* Either day, where both are restricted. */
        {"0 0 13 * fri",
         "",
         "2026-02-01T00:00:00Z",
         {"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z",
          "2026-02-20T00:00:00Z"}},
        /* Both, where one begins with '*': even days that are Mondays. */
        {"0 0 */2 * mon",
         "",
         "2026-01-01T00:00:00Z",
         {"2026-01-05T00:00:00Z", "2026-01-19T00:00:00Z"}},
        {"  0\t0  1 1 * ",
         "",
         "1969-06-01T00:00:00Z",
         {"1970-01-01T00:00:00Z", "1971-01-01T00:00:00Z"}},
        {"59 23 31 12 *",
         "",
         "2026-12-31T23:58:59Z",
         {"2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"}},
    };
    CHECK(rows);
}

static void nicknames_lead_to_times(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"@hourly", "", "2026-01-01T00:00:00Z", {"2026-01-01T01:00:00Z"}},
        {"@daily", "", "2026-01-01T00:00:00Z", {"2026-01-02T00:00:00Z"}},
        {"@midnight", "", "2026-01-01T00:00:00Z", {"2026-01-02T00:00:00Z"}},
        {"@Weekly", "", "2026-01-01T00:00:00Z", {"2026-01-04T00:00:00Z"}},
        {"@monthly", "", "2026-01-01T00:00:00Z", {"2026-02-01T00:00:00Z"}},
        {"@yearly", "", "2026-01-01T00:00:00Z", {"2027-01-01T00:00:00Z"}},
        {"@annually", "", "2026-01-01T00:00:00Z", {"2027-01-01T00:00:00Z"}},
        {"@every 30s",
         "",
         "2026-01-01T00:00:01Z",
         {"2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"}},
        {"@every 1h30m",
         "Asia/Shanghai",
         "1970-01-01T00:00:00Z",
         {"1970-01-01T01:30:00Z", "1970-01-01T03:00:00Z"}},
        {"@every  1s",
         "",
         "1969-12-31T23:59:58Z",
         {"1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"}},
    };
    CHECK(rows);
}

static void zones_have_their_own_days(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"@daily",
         "Asia/Shanghai",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T16:00:00Z", "2026-01-02T16:00:00Z"}},
        {"0 3 * * *",
         "Europe/Berlin",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T02:00:00Z"}},
        {"0 3 * * *",
         "Europe/Berlin",
         "2026-07-01T00:00:00Z",
         {"2026-07-01T01:00:00Z"}},
        /* Half an hour from the full one. */
        {"@hourly",
         "Asia/Kolkata",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T00:30:00Z", "2026-01-01T01:30:00Z"}},
    };
    CHECK(rows);
}

/* Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC. */
static void a_skipped_time_runs_once(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
        {"*/15 2 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        /* The hour after the gap is its own. */
        {"0 3 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"}},
        {"0 2,3 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        {"59 1 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T00:59:00Z", "2026-03-29T23:59:00Z"}},
    };
    CHECK(rows);
    /* What goes by passing time makes nothing up. */
    static const struct row passing[] = {
        {"30 * * * *",
         "Europe/Berlin",
         "2026-03-29T00:00:00Z",
         {"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}},
        {"*/20 * * * *",
         "Europe/Berlin",
         "2026-03-29T00:39:00Z",
         {"2026-03-29T00:40:00Z", "2026-03-29T01:00:00Z",
          "2026-03-29T01:20:00Z"}},
        {"0 */2 * * *",
         "Europe/Berlin",
         "2026-03-28T22:00:00Z",
         {"2026-03-28T23:00:00Z", "2026-03-29T02:00:00Z"}},
    };
    CHECK(passing);
}

/* Berlin, 2026-10-25: 03:00 becomes 02:00 again at 01:00 UTC. */
static void a_repeated_time_runs_once(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
        {"*/30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z",
          "2026-10-26T01:00:00Z"}},
        {"0 2 * * *",
         "Europe/Berlin",
         "2026-10-25T00:30:00Z",
         {"2026-10-26T01:00:00Z"}},
        {"0 3 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T02:00:00Z"}},
        /* What goes by passing time goes on through both hours. */
        {"30 * * * *",
         "Europe/Berlin",
         "2026-10-25T00:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
          "2026-10-25T02:30:00Z"}},
        /* Half an hour only, on Lord Howe: 02:00 +11 becomes 01:30 +10:30. */
        {"45 1 * * *",
         "Australia/Lord_Howe",
         "2026-04-03T20:00:00Z",
         {"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
    };
    CHECK(rows);
}

/* Samoa had no 30th of December 2011. */
static void a_skipped_day_is_made_up(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0 12 30 12 *",
         "Pacific/Apia",
         "2011-12-01T00:00:00Z",
         {"2011-12-30T10:00:00Z"}},
    };
    CHECK(rows);
}

/* ---- failure ---- */

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *at, *said;
    } rows[] = {
        {"", "expected five fields"},
        {"* * * *", "expected five fields"},
        {"* * * * * *", "expected five fields"},
        {"60 * * * *", "minute \"60\": expected 0 to 59"},
        {"* 24 * * *", "hour \"24\""},
        {"* * 0 * *", "day of the month \"0\": expected 1 to 31"},
        {"* * * 13 *", "month \"13\""},
        {"* * * * 8", "day of the week \"8\": expected 0 to 7"},
        {"5-3 * * * *", "minute \"5-3\""},
        {"1,,2 * * * *", "minute \"1,,2\""},
        {"1, * * * *", "minute \"1,\""},
        {"*/0 * * * *", "minute \"*/0\""},
        {"*/ * * * *", "minute"},
        {"1-2-3 * * * *", "minute"},
        {"-1 * * * *", "minute"},
        {"1.5 * * * *", "minute"},
        {"99999999999999999999 * * * *", "minute"},
        {"* * * janu *", "month \"janu\""},
        {"jan * * * *", "minute \"jan\""},
        {"* * * * mo", "day of the week"},
        {"0 0 30 2 *", "never comes"},
        {"0 0 31 4,6,9,11 *", "never comes"},
        {"@reboot", "expected @yearly"},
        {"@", "expected @yearly"},
        {"@every", "expected @yearly"},
        {"@every 0s", "whole seconds"},
        {"@every 1500ms", "whole seconds"},
        {"@every -5s", "whole seconds"},
        {"@every soon", "whole seconds"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bus_error err = {0};
        struct cron cron = {.every = 7};
        if (cron_parse(rows[i].at, &cron, &err) != BUS_INVALID_ARGUMENT)
            fail_msg("\"%s\" was taken", rows[i].at);
        if (!strstr(err.sentence, rows[i].said))
            fail_msg("\"%s\": %s", rows[i].at, err.sentence);
        assert_int_equal(cron.every, 7);
    }
}

static void what_is_long_is_refused(void **state)
{
    (void)state;
    char text[2 * CRON_TEXT_MAX];
    struct bus_error err = {0};
    struct cron cron;
    memset(text, ' ', sizeof(text));
    snprintf(text + CRON_TEXT_MAX, CRON_TEXT_MAX, "* * * * *");
    assert_int_equal(cron_parse(text, &cron, &err), BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "longer than 127"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_lead_to_times),
        cmocka_unit_test(nicknames_lead_to_times),
        cmocka_unit_test(zones_have_their_own_days),
        cmocka_unit_test(a_skipped_time_runs_once),
        cmocka_unit_test(a_repeated_time_runs_once),
        cmocka_unit_test(a_skipped_day_is_made_up),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_is_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
