/* SPDX-License-Identifier: MIT
 *
 * The delay before a start: first, twice that, four times that, up to the cap;
 * each spread by the jitter so that children that fell together do not come
 * back together.
 */
#include "actors/supervisor/backoff.h"

#include <assert.h>

uint32_t backoff_forgive(const struct backoff *policy, uint32_t failures,
                         int64_t ready_ms)
{
    assert(policy->forgive_ms > 0 && ready_ms >= 0);
    int64_t forgiven = ready_ms / policy->forgive_ms;
    return forgiven >= (int64_t)failures ? 0 : failures - (uint32_t)forgiven;
}

/* Spreads ms by the jitter: random 0 gives the low end. */
static int64_t jitter(int64_t ms, uint64_t random)
{
    int64_t spread = ms * BACKOFF_JITTER_PERCENT / 100;
    return ms - spread + (int64_t)(random % (uint64_t)(2 * spread + 1));
}

int64_t backoff_delay(const struct backoff *policy, uint32_t failures,
                      bool was_ready, uint64_t random)
{
    assert(failures > 0 && policy->first_ms > 0);
    assert(policy->max_ms >= policy->first_ms);
    if (was_ready && failures == 1)
        return 0;
    uint32_t doublings = failures - (was_ready ? 2 : 1);
    int64_t ms = policy->first_ms;
    while (doublings-- > 0 && ms < policy->max_ms)
        ms = ms > policy->max_ms / 2 ? policy->max_ms : ms * 2;
    return jitter(ms, random);
}
