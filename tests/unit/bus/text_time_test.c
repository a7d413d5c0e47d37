/* SPDX-License-Identifier: MIT
 *
 * RFC 3339 times and Go durations, both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/text.h"

#define SECOND INT64_C(1000000000)
#define DAY_US INT64_C(86400000000)

static struct bus_bytes span(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

/* ---- success ---- */

static void times_to_the_microsecond(void **state)
{
    static const struct {
        const char *text, *written;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", NULL, 0},
        {"1970-01-01T00:00:00.000001Z", NULL, 1},
        {"1969-12-31T23:59:59.999999Z", NULL, -1},
        {"2020-08-30T15:32:35Z", NULL, INT64_C(1598801555000000)},
        {"2020-02-29T12:00:00.5Z", NULL, INT64_C(1582977600500000)},
        {"2020-08-30T23:32:35+08:00", "2020-08-30T15:32:35Z",
         INT64_C(1598801555000000)},
        {"2020-08-30t10:32:35.0-05:00", "2020-08-30T15:32:35Z",
         INT64_C(1598801555000000)},
        {"1970-01-01T00:00:00.123456789Z", "1970-01-01T00:00:00.123456Z",
         123456},
        {"0000-01-01T00:00:00Z", NULL, INT64_C(-62167219200000000)},
        {"9999-12-31T23:59:59.999999Z", NULL, INT64_C(253402300799999999)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t us = 7;
        char text[TEXT_TIME_MAX];
        assert_int_equal(text_time(span(rows[i].text), &us), TEXT_FINE);
        assert_int_equal(us, rows[i].us);
        text_time_write(us, text);
        assert_string_equal(text,
                            rows[i].written ? rows[i].written : rows[i].text);
    }
}

/* Every day of the calendar, so that no leap rule is off by one. */
static void every_day_reads_back(void **state)
{
    int64_t low = 0, high = 0;
    (void)state;
    text_time(span("0000-01-01T00:00:00Z"), &low);
    text_time(span("9999-12-31T00:00:00Z"), &high);
    for (int64_t us = low; us <= high; us += DAY_US) {
        char text[TEXT_TIME_MAX];
        int64_t back = 0;
        text_time_write(us, text);
        assert_int_equal(text_time(span(text), &back), TEXT_FINE);
        assert_int_equal(back, us);
    }
}

static void durations_as_go_writes_them(void **state)
{
    static const struct {
        const char *text, *written;
        int64_t ns;
    } rows[] = {
        {"0s", NULL, 0},
        {"0", "0s", 0},
        {"3s", NULL, 3 * SECOND},
        {"1h10m0s", NULL, 4200 * SECOND},
        {"1h10m", "1h10m0s", 4200 * SECOND},
        {"1m0s", NULL, 60 * SECOND},
        {"90s", "1m30s", 90 * SECOND},
        {"1.5s", NULL, SECOND / 2 * 3},
        {"-1.5h", "-1h30m0s", -5400 * SECOND},
        {"+5s", "5s", 5 * SECOND},
        {"1ns", NULL, 1},
        {"1.5\xC2\xB5s", NULL, 1500},
        {"1500us", "1.5ms", 1500000},
        {"2\xCE\xBCs", "2\xC2\xB5s", 2000},
        {"250ms", NULL, 250000000},
        {".5s", "500ms", SECOND / 2},
        {"1.s", "1s", SECOND},
        {"0.000000001s", "1ns", 1},
        {"0.3s", "300ms", 300000000},
        {"2562047h47m16.854775807s", NULL, INT64_MAX},
        {"-2562047h47m16.854775808s", NULL, INT64_MIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ns = 7;
        char text[TEXT_TIME_MAX];
        assert_int_equal(text_duration(span(rows[i].text), &ns), TEXT_FINE);
        assert_int_equal(ns, rows[i].ns);
        text_duration_write(ns, text);
        assert_string_equal(text,
                            rows[i].written ? rows[i].written : rows[i].text);
    }
}

/* ---- failure ---- */

static void no_times(void **state)
{
    static const char *const texts[] = {"",
                                        "2020-08-30",
                                        "2020-08-30T15:32:35",
                                        "2020-08-30 15:32:35Z",
                                        "2020-02-30T00:00:00Z",
                                        "2021-02-29T00:00:00Z",
                                        "1900-02-29T00:00:00Z",
                                        "2020-13-01T00:00:00Z",
                                        "2020-00-01T00:00:00Z",
                                        "2020-01-00T00:00:00Z",
                                        "2020-01-01T24:00:00Z",
                                        "2020-01-01T00:60:00Z",
                                        "2020-01-01T00:00:60Z",
                                        "2020-01-01T00:00:00.Z",
                                        "2020-01-01T00:00:00+24:00",
                                        "2020-01-01T00:00:00+0800",
                                        "2020-01-01T00:00:00Zx",
                                        "20-01-01T00:00:00Z",
                                        "+020-01-01T00:00:00Z"};
    int64_t us = 7;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(text_time(span(texts[i]), &us), TEXT_SYNTAX);
    assert_int_equal(text_time(span("0000-01-01T00:00:00+01:00"), &us),
                     TEXT_RANGE);
    assert_int_equal(text_time(span("9999-12-31T23:59:59-01:00"), &us),
                     TEXT_RANGE);
    assert_int_equal(us, 7);
}

static void times_outside_the_calendar_have_no_text(void **state)
{
    char text[TEXT_TIME_MAX];
    (void)state;
    text_time_write(INT64_MAX, text);
    assert_string_equal(text, "");
    text_time_write(INT64_MIN, text);
    assert_string_equal(text, "");
}

static void no_durations(void **state)
{
    static const char *const texts[] = {"",    "3",    "s",   "-",   "+",
                                        ".s",  "1x",   "1 s", "s1",  "1h10",
                                        "-0x", "1e3s", "3S",  "1mm", "00"};
    static const char *const wide[] = {
        "9223372036854775808ns", "-9223372036854775809ns", "2562048h",
        "99999999999999999999s", "2562047h47m16.854775808s"};
    int64_t ns = 7;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (text_duration(span(texts[i]), &ns) != TEXT_SYNTAX)
            fail_msg("%s", texts[i]);
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
        if (text_duration(span(wide[i]), &ns) != TEXT_RANGE)
            fail_msg("%s", wide[i]);
    assert_int_equal(ns, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_to_the_microsecond),
        cmocka_unit_test(every_day_reads_back),
        cmocka_unit_test(durations_as_go_writes_them),
        cmocka_unit_test(no_times),
        cmocka_unit_test(times_outside_the_calendar_have_no_text),
        cmocka_unit_test(no_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
