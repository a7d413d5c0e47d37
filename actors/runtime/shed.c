/* SPDX-License-Identifier: MIT
 *
 * Little's law over a window of 100 ms buckets: what passed in the best of them
 * times the shortest average time is what can be in flight at once. The bucket
 * under way is left out, for it is not over.
 */
#include "actors/runtime/shed.h"

#define SMOOTHING 0.9           /* of the requests in flight */
#define TOOK_UNKNOWN BUS_SECOND /* while nothing was measured */
#define FACTOR_LEAST 0.1

void shed_init(struct shed *shed, int threshold)
{
    *shed = (struct shed){.threshold = threshold};
    pthread_mutex_init(&shed->lock, NULL);
}

void shed_release(struct shed *shed)
{
    pthread_mutex_destroy(&shed->lock);
}

/* How many may be in flight. Lock held. */
static double capacity(const struct shed *shed, int64_t now)
{
    int64_t epoch = now / SHED_BUCKET;
    uint32_t best = 1;
    double least = (double)TOOK_UNKNOWN;
    for (int i = 0; i < SHED_BUCKETS; i++) {
        const struct shed_bucket *bucket = &shed->buckets[i];
        if (bucket->passed == 0 || bucket->epoch == epoch ||
            epoch - bucket->epoch >= SHED_BUCKETS)
            continue;
        double took = (double)bucket->took_ns / bucket->passed;
        best = bucket->passed > best ? bucket->passed : best;
        least = took < least ? took : least;
    }
    double most = best * least / (double)SHED_BUCKET;
    return most < 1 ? 1 : most;
}

static double factor(const struct shed *shed, int cpu)
{
    double left = SHED_CPU_MAX - cpu;
    double share = left / (SHED_CPU_MAX - shed->threshold);
    return share < FACTOR_LEAST ? FACTOR_LEAST : share > 1 ? 1 : share;
}

/* Lock held. */
static bool overloaded(const struct shed *shed, int64_t now, int cpu)
{
    return cpu >= shed->threshold ||
           (shed->refused_at && now - shed->refused_at < SHED_COOL_OFF);
}

static bool refuses(struct shed *shed, int64_t now, int cpu)
{
    bool refuse = false;
    pthread_mutex_lock(&shed->lock);
    if (overloaded(shed, now, cpu)) {
        double most = capacity(shed, now) * factor(shed, cpu);
        refuse = shed->average > most && atomic_load(&shed->flying) > most;
    }
    if (refuse)
        shed->refused_at = now;
    pthread_mutex_unlock(&shed->lock);
    return refuse;
}

bool shed_admits(struct shed *shed, int64_t now, int cpu)
{
    bool on = shed->threshold > 0 && shed->threshold < SHED_CPU_MAX;
    bool warm = on && cpu >= shed->threshold / 2;
    atomic_store_explicit(&shed->warm, warm, memory_order_relaxed);
    if (warm && refuses(shed, now, cpu))
        return false;
    atomic_fetch_add_explicit(&shed->flying, 1, memory_order_relaxed);
    return true;
}

static void measure(struct shed *shed, int64_t now, int64_t took_ns, int flying)
{
    int64_t epoch = now / SHED_BUCKET;
    pthread_mutex_lock(&shed->lock);
    struct shed_bucket *bucket = &shed->buckets[epoch % SHED_BUCKETS];
    if (bucket->epoch != epoch)
        *bucket = (struct shed_bucket){.epoch = epoch};
    bucket->passed++;
    bucket->took_ns += took_ns;
    shed->average =
        shed->average * SMOOTHING + (double)flying * (1 - SMOOTHING);
    pthread_mutex_unlock(&shed->lock);
}

void shed_done(struct shed *shed, int64_t now, int64_t took_ns)
{
    int flying =
        atomic_fetch_sub_explicit(&shed->flying, 1, memory_order_relaxed) - 1;
    if (atomic_load_explicit(&shed->warm, memory_order_relaxed))
        measure(shed, now, took_ns, flying);
}

void shed_undo(struct shed *shed)
{
    atomic_fetch_sub_explicit(&shed->flying, 1, memory_order_relaxed);
}
