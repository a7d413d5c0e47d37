/* SPDX-License-Identifier: MIT
 *
 * The store's counters as one msgpack map: how often the cache knew (hits,
 * placeholders), did not (misses) and was told (fills, refused), who waited for
 * another's loading (joins), and what a cache that is down costs (fallbacks,
 * failed, pending and lost deletes).
 */
#include "actors/runtime/data.h"

#include "actors/store/store.h"
#include "bus/pack.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void data_stats_pack(struct runtime *runtime, struct bus_buf *buf)
{
    struct store_stats stats = {0};
    if (runtime->shared)
        store_stats(runtime->shared, &stats);
    bus_pack_text(buf, "cache");
    if (!stats.cached) {
        bus_pack_nil(buf);
        return;
    }
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"hits", stats.hits},
        {"misses", stats.misses},
        {"placeholders", stats.placeholders},
        {"fills", stats.fills},
        {"refused", stats.refused},
        {"joins", stats.joins},
        {"fallbacks", stats.fallbacks},
        {"failed_deletes", stats.failed_deletes},
        {"pending_deletes", stats.pending_deletes},
        {"lost_deletes", stats.lost_deletes},
        {"evicted", stats.evicted},
        {"entries", stats.entries},
        {"bytes", stats.bytes},
        {"nodes", stats.nodes},
        {"nodes_down", stats.nodes_down},
    };
    bus_pack_map(buf, COUNT(counters) + 1);
    bus_pack_text(buf, "kind");
    bus_pack_text(buf, stats.shared ? "redis" : "memory");
    for (size_t i = 0; i < COUNT(counters); i++) {
        bus_pack_text(buf, counters[i].name);
        bus_pack_uint(buf, counters[i].value);
    }
}
