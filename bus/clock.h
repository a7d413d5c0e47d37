/* SPDX-License-Identifier: MIT
 *
 * Time as an argument: everything that waits or measures takes a clock, so that
 * tests can put one fake clock under several actors. Deadlines are on the
 * monotonic clock and never on the wall clock.
 */
#ifndef BUS_CLOCK_H
#define BUS_CLOCK_H

#include <stdint.h>

#define BUS_SECOND INT64_C(1000000000) /* in ns */
#define BUS_MILLI INT64_C(1000000)
#define BUS_FOREVER INT64_MAX /* a deadline that never passes */

struct bus_clock {
    int64_t (*now)(void *arg);  /* monotonic, ns */
    int64_t (*wall)(void *arg); /* Unix time, us */
    void *arg;
};

/* CLOCK_MONOTONIC and CLOCK_REALTIME. */
extern const struct bus_clock bus_clock_system;

int64_t bus_now(const struct bus_clock *clock);
int64_t bus_wall(const struct bus_clock *clock);

#endif
