/* SPDX-License-Identifier: MIT
 *
 * What is asked of an actor's schedule: counters, entries, one firing by hand.
 */
#include "actors/runtime/firing.h"

#include <string.h>

#include "actors/schedule/rows.h"
#include "actors/schedule/schedule.h"
#include "bus/pack.h"
#include "bus/text.h"

const char *const firing_words[] = {
    [SCHEDULE_MISSED] = "missed",
    [SCHEDULE_INTERRUPTED] = "interrupted",
    [SCHEDULE_SKIPPED] = "skipped",
    [SCHEDULE_FAILED] = "failed",
};

static void text_pair(struct bus_buf *buf, const char *name, const char *text)
{
    bus_pack_text(buf, name);
    bus_pack_text(buf, text);
}

static void uint_pair(struct bus_buf *buf, const char *name, uint64_t value)
{
    bus_pack_text(buf, name);
    bus_pack_uint(buf, value);
}

void firing_stats_pack(struct runtime *runtime, struct bus_buf *buf)
{
    struct schedule_stats stats;
    bus_pack_text(buf, "schedule");
    if (!runtime->schedule) {
        bus_pack_nil(buf);
        return;
    }
    schedule_stats(runtime->schedule, &stats);
    bus_pack_map(buf, 2 + SCHEDULE_EVENTS);
    uint_pair(buf, "started", stats.started);
    uint_pair(buf, "done", stats.done);
    for (size_t i = 0; i < SCHEDULE_EVENTS; i++)
        uint_pair(buf, firing_words[i], stats.events[i]);
}

int firing_list(struct runtime *runtime, struct bus_buf *buf,
                struct bus_error *err)
{
    if (runtime->schedule)
        return schedule_pack(runtime->schedule, buf, err);
    bus_pack_map(buf, 2);
    bus_pack_text(buf, "entries");
    bus_pack_array(buf, 0);
    uint_pair(buf, "waiting", 0);
    return BUS_OK;
}

int firing_run(struct runtime *runtime, struct bus_bytes body,
               struct bus_buf *buf, struct bus_error *err)
{
    char name[ROWS_NAME_MAX] = "", text[TEXT_TIME_MAX];
    struct bus_bytes value;
    int64_t due;
    if (bus_pack_find(body, "name", &value)) {
        struct bus_unpack in = bus_unpack_open(value);
        if (bus_unpack_text(&in, &value) && value.len < sizeof(name))
            memcpy(name, value.data, value.len);
    }
    if (!name[0])
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "expected {name} of a cron entry");
    if (!runtime->schedule)
        return bus_error_set(err, BUS_NOT_FOUND, "%s has no cron entries",
                             runtime->process.type->name);
    int code = schedule_fire(runtime->schedule, name, &due, err);
    if (code)
        return code;
    text_time_write(due, text);
    bus_pack_map(buf, 2);
    text_pair(buf, "name", name);
    text_pair(buf, "due", text);
    return BUS_OK;
}
