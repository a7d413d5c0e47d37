/* SPDX-License-Identifier: MIT
 *
 * SQL values, and statements that run in a call's transaction. Slow ones are
 * logged here, once, with their text and without their arguments.
 */
#include "actors/store/sql.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "actors/store/replica.h"
#include "actors/store/state.h"
#include "bus/log.h"

#define DURATION_TEXT 32
#define DEFINE_WAIT (60 * BUS_SECOND) /* one statement */

struct sql_value sql_int(int64_t value)
{
    return (struct sql_value){SQL_INT, {.integer = value}};
}

struct sql_value sql_text(const char *text)
{
    struct sql_value value = {.type = SQL_NULL};
    if (text) {
        value.type = SQL_TEXT;
        value.as.bytes =
            (struct bus_bytes){(const uint8_t *)text, strlen(text)};
    }
    return value;
}

struct sql_value sql_blob(struct bus_bytes bytes)
{
    return (struct sql_value){SQL_BLOB, {.bytes = bytes}};
}

int sql_no_memory(struct bus_error *err)
{
    return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                         "the call's memory limit is reached");
}

int sql_define(const struct sql_driver *driver, struct sql *sql,
               const char *text, struct bus_error *err)
{
    if (driver->define)
        return driver->define(sql, text, err);
    return driver->exec(sql, text, NULL, 0,
                        bus_now(&bus_clock_system) + DEFINE_WAIT, NULL, err);
}

static void log_slow(const struct bus_call *call, const char *text, int64_t ns)
{
    if (ns < call->store->shared->slow_ns)
        return;
    char duration[DURATION_TEXT];
    snprintf(duration, sizeof(duration), "%.1fms",
             (double)ns / (double)BUS_MILLI);
    const struct bus_log_field fields[] = {{"duration", duration, 0}, {0}};
    bus_log(BUS_LOG_SLOW, &call->meta.trace, fields, "slow statement: %s",
            text);
}

int store_exec(struct bus_call *call, const char *text,
               const struct sql_value *args, size_t count, struct sql_done *ret)
{
    struct store *store = call->store;
    struct sql_done done = {0};
    int64_t from = bus_now(&bus_clock_system);
    int tries = 0;
    int code;
    do /* the first statement of a transaction is all there is to repeat */
        code = store->shared->driver->exec(store->sql, text, args, count,
                                           store_deadline(call), &done,
                                           &call->error);
    while (!store->ran && !store->step && store_again(call, code, &tries));
    store->ran = true;
    store->changed = store->changed || done.affected > 0;
    if (code == BUS_OK && ret)
        *ret = done;
    log_slow(call, text, bus_now(&bus_clock_system) - from);
    return code;
}

int store_query(struct bus_call *call, const char *text,
                const struct sql_value *args, size_t count,
                const struct bus_shape *row, size_t max, struct bus_list *ret)
{
    struct store *store = call->store;
    int64_t from = bus_now(&bus_clock_system);
    if (replica_wanted(store)) {
        int said = replica_query(call, text, args, count, row, max, ret);
        log_slow(call, text, bus_now(&bus_clock_system) - from);
        return said;
    }
    int code = store->shared->driver->query(store->sql, text, args, count,
                                            store_deadline(call), row, max,
                                            call->arena, ret, &call->error);
    store->ran = true;
    log_slow(call, text, bus_now(&bus_clock_system) - from);
    return code;
}

int sql_exec(struct bus_call *call, const char *text,
             const struct sql_value *args, size_t count, struct sql_done *ret)
{
    int code = store_use_to_write(call);
    return code == BUS_OK ? store_exec(call, text, args, count, ret) : code;
}

/* Anything but a SELECT may write (WITH, RETURNING). */
static bool only_reads(const char *text)
{
    static const char select[] = "select";
    while (isspace((unsigned char)*text))
        text++;
    return strncasecmp(text, select, sizeof(select) - 1) == 0;
}

int sql_query(struct bus_call *call, const char *text,
              const struct sql_value *args, size_t count,
              const struct bus_shape *row, size_t max, struct bus_list *ret)
{
    int code = store_use(call);
    if (code != BUS_OK)
        return code;
    /* Outside a transaction the driver lets nothing write. */
    if (call->store->begun && !only_reads(text))
        call->store->wrote = true;
    return store_query(call, text, args, count, row, max, ret);
}
