/* SPDX-License-Identifier: MIT
 *
 * Adaptive shedding, as go-zero does it (core/load): a request is refused when
 * the processors are used up *and* more requests are in flight than the last
 * five seconds show can be served. Pure but for its counters: time and
 * processor use are arguments.
 */
#ifndef ACTOR_SHED_H
#define ACTOR_SHED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus/clock.h"

#define SHED_BUCKETS 50
#define SHED_BUCKET (100 * BUS_MILLI)
#define SHED_COOL_OFF BUS_SECOND /* after a refusal it still is overloaded */
#define SHED_CPU_MAX 1000        /* thousandths of the processors allowed */

struct shed_bucket {
    int64_t epoch;
    uint32_t passed;
    int64_t took_ns; /* all together */
};

struct shed {
    pthread_mutex_t lock;
    int threshold; /* CpuThreshold; 0: never refuses */
    struct shed_bucket buckets[SHED_BUCKETS];
    double average;     /* in flight, smoothed */
    int64_t refused_at; /* the last one, ns; 0: none */
    atomic_int flying;
    atomic_bool warm; /* half the threshold is reached: worth measuring */
};

void shed_init(struct shed *shed, int threshold);
void shed_release(struct shed *shed);

/* cpu: thousandths in use now. True: serve it, and say when it is done. */
bool shed_admits(struct shed *shed, int64_t now, int cpu);
void shed_done(struct shed *shed, int64_t now, int64_t took_ns);
/* It was not served after all. */
void shed_undo(struct shed *shed);

#endif
