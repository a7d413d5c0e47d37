/* SPDX-License-Identifier: MIT
 *
 * Nothing is computed while nothing fails: then one load says yes. Buckets are
 * reused in turn; whoever finds one of an earlier time empties it.
 */
#include "bus/guard.h"

#define RETRY 100 /* hundredths */

void guard_init(struct guard *guard)
{
    for (int i = 0; i < GUARD_BUCKETS; i++) {
        atomic_init(&guard->buckets[i].epoch, 0);
        atomic_init(&guard->buckets[i].good, 0);
        atomic_init(&guard->buckets[i].bad, 0);
    }
    atomic_init(&guard->failed, 0);
    atomic_init(&guard->passed, 0);
    atomic_init(&guard->retries, GUARD_RETRIES * RETRY);
}

static int64_t epoch_of(int64_t now)
{
    return now / GUARD_BUCKET + 1; /* 0 is never */
}

static struct guard_bucket *bucket_of(struct guard *guard, int64_t epoch)
{
    struct guard_bucket *bucket = &guard->buckets[epoch % GUARD_BUCKETS];
    int64_t seen = atomic_load(&bucket->epoch);
    if (seen != epoch &&
        atomic_compare_exchange_strong(&bucket->epoch, &seen, epoch)) {
        atomic_store(&bucket->good, 0);
        atomic_store(&bucket->bad, 0);
    }
    return bucket;
}

struct history {
    double good, bad;
    int failing; /* last buckets with failures and no success */
    int working; /* last buckets without a failure */
};

static struct history look_back(const struct guard *guard, int64_t epoch)
{
    struct history history = {0, 0, 0, 0};
    bool only_bad = true, none_bad = true;
    for (int64_t i = 0; i < GUARD_BUCKETS; i++) {
        const struct guard_bucket *bucket =
            &guard->buckets[(epoch - i + GUARD_BUCKETS) % GUARD_BUCKETS];
        bool counted = atomic_load(&bucket->epoch) == epoch - i;
        unsigned good = counted ? atomic_load(&bucket->good) : 0;
        unsigned bad = counted ? atomic_load(&bucket->bad) : 0;
        history.good += good;
        history.bad += bad;
        only_bad = only_bad && good == 0;
        none_bad = none_bad && bad == 0;
        history.failing += only_bad && bad > 0;
        history.working += none_bad;
    }
    return history;
}

/* go-zero's: k falls from 1.5 to 1.1 the longer everything fails, and the
 * share refused falls the longer nothing does. */
static double refused_share(const struct history *history)
{
    double k = 1.5 - 0.4 * history->failing / GUARD_BUCKETS;
    double total = history->good + history->bad;
    double share =
        (total - GUARD_PROTECTED - (k < 1.1 ? 1.1 : k) * history->good) /
        (total + 1);
    return share * (GUARD_BUCKETS - history->working) / GUARD_BUCKETS;
}

static void earn(struct guard *guard)
{
    if (atomic_load_explicit(&guard->retries, memory_order_relaxed) <
        GUARD_RETRIES * RETRY)
        atomic_fetch_add_explicit(&guard->retries, GUARD_RETRY_SHARE,
                                  memory_order_relaxed);
}

static bool passes(struct guard *guard, int64_t now, uint32_t chance)
{
    int64_t failed = atomic_load_explicit(&guard->failed, memory_order_relaxed);
    int64_t epoch = epoch_of(now);
    if (failed == 0 || epoch - failed >= GUARD_BUCKETS)
        return true;
    int64_t passed = atomic_load(&guard->passed);
    if (now - passed > GUARD_PASS_EVERY)
        return true;
    struct history history = look_back(guard, epoch);
    return (double)chance / (double)UINT32_MAX >= refused_share(&history);
}

bool guard_allows(struct guard *guard, int64_t now, uint32_t chance)
{
    if (!passes(guard, now, chance))
        return false;
    atomic_store_explicit(&guard->passed, now, memory_order_relaxed);
    earn(guard);
    return true;
}

void guard_note(struct guard *guard, int64_t now, bool good)
{
    int64_t epoch = epoch_of(now);
    struct guard_bucket *bucket = bucket_of(guard, epoch);
    if (good) {
        atomic_fetch_add_explicit(&bucket->good, 1, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&bucket->bad, 1, memory_order_relaxed);
        atomic_store(&guard->failed, epoch);
    }
}

bool guard_retries(struct guard *guard)
{
    int left = atomic_fetch_sub(&guard->retries, RETRY);
    if (left >= RETRY)
        return true;
    atomic_fetch_add(&guard->retries, RETRY);
    return false;
}
