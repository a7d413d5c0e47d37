/* SPDX-License-Identifier: MIT
 *
 * The system's clocks.
 */
#include "bus/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * BUS_SECOND + t.tv_nsec;
}

static int64_t system_now(void *arg)
{
    (void)arg;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t system_wall(void *arg)
{
    (void)arg;
    return read_ns(CLOCK_REALTIME) / 1000;
}

const struct bus_clock bus_clock_system = {system_now, system_wall, 0};

int64_t bus_now(const struct bus_clock *clock)
{
    return clock->now(clock->arg);
}

int64_t bus_wall(const struct bus_clock *clock)
{
    return clock->wall(clock->arg);
}
