/* SPDX-License-Identifier: MIT
 *
 * A lane does one thing again and again: ours through the models, or a peer's
 * with the bare client library on a connection of its own to the same server.
 */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <stdint.h>

#define BENCH_ROWS 5000         /* in each table; ids 1 to that */
#define BENCH_BATCH 500         /* rows a batch */
#define BENCH_SAMPLES (1 << 20) /* latencies kept of one round */

/* Does it once, for the turn-th time; how many operations that was. Ends the
 * program where it fails. */
typedef uint64_t lane_run(void *lane, uint64_t turn);

/* Ours; source: a data source; redis: a socket, or NULL. cache: in memory. */
struct ours;
struct ours *ours_open(const char *source, const char *redis, int cache);
void ours_close(struct ours *ours);
void ours_fill(struct ours *ours);
lane_run ours_find;
lane_run ours_insert; /* one row, a transaction of its own */
lane_run ours_batch;  /* BENCH_BATCH rows in one */

/* Ours, as a user runs it: the actor finder of that home, its table filled. */
struct calls;
struct calls *calls_open(const char *home);
void calls_close(struct calls *calls);
/* Calls until then; how many; each one's latency in samples, ns/10. */
typedef uint64_t lane_round(void *lane, int64_t until, uint32_t *samples);
lane_round calls_find;

/* Peers. */
struct peer_redis;
struct peer_redis *peer_redis_open(const char *socket);
void peer_redis_close(struct peer_redis *peer);
lane_run peer_redis_get;

struct peer_sql;
struct peer_sql *peer_sql_open(const char *socket);
void peer_sql_close(struct peer_sql *peer);
lane_run peer_sql_find;

/* A key order in which neighbours are far apart. */
static inline int64_t bench_id(uint64_t turn)
{
    return (int64_t)(turn * 2477 % BENCH_ROWS) + 1;
}

#endif
