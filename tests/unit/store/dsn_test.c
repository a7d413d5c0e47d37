/* SPDX-License-Identifier: MIT
 *
 * Data sources as go-zero's users write them, and the zones they name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "actors/store/dsn.h"
#include "actors/store/mysql_error.h"
#include "actors/store/zone.h"
#include "bus/clock.h"
#include "bus/code.h"

static struct dsn parsed(const char *text)
{
    struct dsn dsn = {0};
    struct bus_error err = {0};
    if (dsn_parse(text, &dsn, &err) != BUS_OK)
        fail_msg("%s: %s", text, err.sentence);
    return dsn;
}

static void refused(const char *text, const char *word)
{
    struct dsn dsn = {0};
    struct bus_error err = {0};
    assert_int_equal(dsn_parse(text, &dsn, &err), BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, word));
    assert_null(strstr(err.sentence, "secret"));
}

static void the_tutorials_source(void **state)
{
    (void)state;
    struct dsn dsn = parsed("root:root@tcp(127.0.0.1:3307)/mall?charset=utf8mb4"
                            "&parseTime=true&loc=Asia%2FShanghai&timeout=3s");
    assert_string_equal(dsn.user, "root");
    assert_string_equal(dsn.password, "root");
    assert_string_equal(dsn.host, "127.0.0.1");
    assert_null(dsn.socket);
    assert_int_equal(dsn.port, 3307);
    assert_string_equal(dsn.database, "mall");
    assert_string_equal(dsn.charset, "utf8mb4");
    assert_string_equal(dsn.loc, "Asia/Shanghai");
    assert_int_equal(dsn.timeout_ns, 3 * BUS_SECOND);
    assert_string_equal(dsn.settings, "");
    dsn_release(&dsn);
}

static void what_is_left_out_has_defaults(void **state)
{
    (void)state;
    struct dsn dsn = parsed("tcp(db)/mall");
    assert_string_equal(dsn.user, "");
    assert_string_equal(dsn.host, "db");
    assert_int_equal(dsn.port, 3306);
    assert_string_equal(dsn.loc, "UTC");
    dsn_release(&dsn);
    dsn = parsed("u@unix(/run/my.sock)/d?sql_mode=%27ANSI%27");
    assert_null(dsn.host);
    assert_string_equal(dsn.socket, "/run/my.sock");
    assert_string_equal(dsn.password, "");
    assert_string_equal(dsn.settings, ", sql_mode='ANSI'");
    dsn_release(&dsn);
    dsn = parsed("u@tcp([::1]:3308)/");
    assert_string_equal(dsn.host, "::1");
    assert_int_equal(dsn.port, 3308);
    assert_string_equal(dsn.database, "");
    dsn_release(&dsn);
}

static void a_password_may_hold_anything(void **state)
{
    (void)state;
    struct dsn dsn = parsed("root:p@ss:w/o?rd(1)@tcp(h:1)/d?parseTime=true");
    assert_string_equal(dsn.user, "root");
    assert_string_equal(dsn.password, "p@ss:w/o?rd(1)");
    assert_string_equal(dsn.host, "h");
    assert_string_equal(dsn.database, "d");
    dsn_release(&dsn);
}

static void malformed_sources_are_refused(void **state)
{
    (void)state;
    refused("u:secret@tcp(h:3306)", "no '/'");
    refused("u:secret@tcp(h:3306/d", "closed");
    refused("u:secret@tcp(h:70000)/d", "port");
    refused("u:secret@tcp(h:)/d", "port");
    refused("u:secret@tcp([::1/d", "closed");
    refused("u:secret@udp(h)/d", "network");
    refused("u:secret@tcp(h)/d?loc", "value");
    refused("u:secret@tcp(h)/d?loc=%4", "escape");
    refused("u:secret@tcp(h)/d?timeout=soon", "duration");
    refused("u:secret@tcp(h)/d?tls=maybe", "tls");
    refused("u:secret@tcp(h)/d?a b=1", "name");
    refused("u:secret@tcp(h)/d?a=1;drop", "name");
}

/* ---- zones ---- */

#define HOUR INT64_C(3600000000)
#define SUMMER INT64_C(1625097600000000) /* 2021-07-01 00:00:00 UTC */
#define WINTER INT64_C(1609459200000000) /* 2021-01-01 00:00:00 UTC */

static void zones_shift_and_shift_back(void **state)
{
    struct zone zone;
    struct bus_error err;
    (void)state;
    assert_int_equal(zone_open(&zone, "UTC", &err), BUS_OK);
    assert_int_equal(zone_to_local(&zone, -1), -1);
    zone_close(&zone);
    assert_int_equal(zone_open(&zone, "Asia/Shanghai", &err), BUS_OK);
    assert_int_equal(zone_to_local(&zone, SUMMER), SUMMER + 8 * HOUR);
    assert_int_equal(zone_from_local(&zone, SUMMER), SUMMER - 8 * HOUR);
    zone_close(&zone);
    assert_int_equal(zone_open(&zone, "Europe/Berlin", &err), BUS_OK);
    assert_int_equal(zone_to_local(&zone, SUMMER), SUMMER + 2 * HOUR);
    assert_int_equal(zone_to_local(&zone, WINTER + 7), WINTER + 7 + HOUR);
    assert_int_equal(zone_from_local(&zone, WINTER + 7), WINTER + 7 - HOUR);
    zone_close(&zone);
}

static void unknown_zones_are_refused(void **state)
{
    struct zone zone;
    struct bus_error err;
    (void)state;
    static const char *const names[] = {"Mars/Olympus", "../../../etc/passwd",
                                        "/etc/localtime", "tzdata.zi"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_int_equal(zone_open(&zone, names[i], &err),
                         BUS_INVALID_ARGUMENT);
}

/* ---- errors ---- */

static void says(unsigned number, const char *text, int code, const char *want)
{
    struct bus_error err = {0};
    assert_int_equal(mysql_error_fill(number, text, &err), code);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.sentence, want));
    assert_null(strstr(err.sentence, "secret"));
}

static void errors_have_codes_and_no_values(void **state)
{
    (void)state;
    says(1062, "Duplicate entry 'secret' for key 'x' for key 'number'",
         BUS_ALREADY_EXISTS, "duplicate key: number");
    says(1213, "Deadlock found", BUS_UNAVAILABLE, "deadlock");
    says(1205, "Lock wait timeout exceeded", BUS_UNAVAILABLE, "lock");
    says(1406, "Data too long for column 'name' at row 1", BUS_INVALID_ARGUMENT,
         "'name'");
    says(1292, "Incorrect datetime value: 'secret' for column 'born' at row 1",
         BUS_INVALID_ARGUMENT, "column born");
    says(1366, "Incorrect integer value: 'secret' for column `d`.`t`.`age` at",
         BUS_INVALID_ARGUMENT, "age");
    says(2002, "Can't connect", BUS_UNAVAILABLE, "connect");
    says(1040, "Too many connections", BUS_UNAVAILABLE, "many");
    says(2013, "Lost connection", BUS_UNKNOWN, "in flight");
    says(9999, "secret", BUS_INTERNAL, "9999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tutorials_source),
        cmocka_unit_test(what_is_left_out_has_defaults),
        cmocka_unit_test(a_password_may_hold_anything),
        cmocka_unit_test(malformed_sources_are_refused),
        cmocka_unit_test(zones_shift_and_shift_back),
        cmocka_unit_test(unknown_zones_are_refused),
        cmocka_unit_test(errors_have_codes_and_no_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
