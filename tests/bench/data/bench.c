/* SPDX-License-Identifier: MIT
 *
 * ops/bench data: what finding a row costs beside what it costs without us, one
 * connection each, in short rounds that alternate, of which the medians are
 * printed. find-redis: distinct keys, every value decoded into the struct; the
 * peer GETs the same entries. find-sql: uncached. find-memory: hits, beside the
 * target of a million a second. insert-batch: rows a second beside single
 * inserts. call-find-*: the same finds as calls of an actor that `bus up`
 * started, 64 in flight, beside the same peers (call-find-memory: beside ours
 * without the call). Usage: bench_data [--seconds N] [--json], by way of run.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/clock.h"
#include "data.h"

#define ROUNDS 5
#define PATH 512
#define TARGET 1e6 /* memory hits a second on one core */

struct lane {
    lane_run *run;
    void *arg;
    uint64_t turn;
    lane_round *round; /* in place of run; or NULL */
};

struct figures {
    double rate, p50_us, p99_us;
};

struct row {
    const char *name, *peer, *unit;
    struct lane ours, other;
    struct figures best[2]; /* medians */
};

static uint32_t samples[BENCH_SAMPLES]; /* ns/10 */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int by_rate(const void *a, const void *b)
{
    double x = ((const struct figures *)a)->rate;
    double y = ((const struct figures *)b)->rate;
    return (x > y) - (x < y);
}

/* One at a time. */
static uint64_t run_singly(struct lane *lane, int64_t until, size_t *ret_count)
{
    uint64_t done = 0;
    int64_t before = bus_now(&bus_clock_system);
    *ret_count = 0;
    while (before < until) {
        done += lane->run(lane->arg, lane->turn++);
        int64_t now = bus_now(&bus_clock_system);
        samples[(*ret_count)++ % BENCH_SAMPLES] =
            (uint32_t)((now - before) / 10);
        before = now;
    }
    return done;
}

static struct figures run_round(struct lane *lane, double seconds)
{
    size_t count = 0;
    uint64_t done = 0;
    int64_t start = bus_now(&bus_clock_system);
    int64_t until = start + (int64_t)(seconds * 1e9);
    if (lane->round)
        count = done = lane->round(lane->arg, until, samples);
    else
        done = run_singly(lane, until, &count);
    int64_t took = bus_now(&bus_clock_system) - start;
    size_t kept = count < BENCH_SAMPLES ? count : BENCH_SAMPLES;
    qsort(samples, kept, sizeof(*samples), by_size);
    return (struct figures){.rate = (double)done * 1e9 / (double)took,
                            .p50_us = samples[kept / 2] / 100.0,
                            .p99_us = samples[kept - 1 - kept / 100] / 100.0};
}

static void measure(struct row *row, double seconds)
{
    struct figures all[2][ROUNDS];
    double each = seconds / (2 * ROUNDS);
    run_round(&row->ours, each / 2); /* warm up */
    for (int i = 0; i < ROUNDS; i++) {
        all[0][i] = run_round(&row->ours, each);
        all[1][i] = row->other.run ? run_round(&row->other, each)
                                   : (struct figures){.rate = TARGET};
    }
    for (int k = 0; k < 2; k++) {
        qsort(all[k], ROUNDS, sizeof(**all), by_rate);
        row->best[k] = all[k][ROUNDS / 2];
    }
}

static void print(const struct row *row, bool json, bool first)
{
    const struct figures *ours = &row->best[0];
    double ratio = ours->rate / row->best[1].rate;
    if (json)
        printf("%s{\"bench\":\"data\",\"case\":\"%s\",\"peer\":\"%s\","
               "\"value\":%.0f,\"unit\":\"%s\",\"ratio\":%.3f,"
               "\"p50_us\":%.2f,\"p99_us\":%.2f}",
               first ? "[" : ",", row->name, row->peer, ours->rate, row->unit,
               ratio, ours->p50_us, ours->p99_us);
    else
        printf("%-16s %12.0f %-7s %12.0f %-16s %7.3f %9.2f %9.2f\n", row->name,
               ours->rate, row->unit, row->best[1].rate, row->peer, ratio,
               ours->p50_us, ours->p99_us);
    fflush(stdout);
}

static const char *wanted(const char *name)
{
    const char *value = getenv(name);
    if (!value) {
        fprintf(stderr, "bench_data: %s is not set; use ops/bench data\n",
                name);
        exit(2);
    }
    return value;
}

static struct calls *open_calls(const char *name)
{
    char home[PATH];
    snprintf(home, sizeof(home), "%s/%s", wanted("BENCH_FOLDER"), name);
    return calls_open(home);
}

static void run(double seconds, bool json)
{
    char mysql[PATH], sqlite[PATH];
    const char *redis = wanted("BENCH_REDIS");
    snprintf(mysql, sizeof(mysql), "root@unix(%s)/bench",
             wanted("BENCH_MYSQL"));
    snprintf(sqlite, sizeof(sqlite), "sqlite:%s/bench.db",
             wanted("BENCH_FOLDER"));
    struct ours *plain = ours_open(mysql, NULL, 0);
    ours_fill(plain);
    struct ours *shared = ours_open(mysql, redis, 0);
    struct ours *memory = ours_open(sqlite, NULL, 1);
    ours_fill(memory);
    for (uint64_t i = 0; i < BENCH_ROWS; i++) {
        ours_find(shared, i);
        ours_find(memory, i);
    }
    struct peer_redis *get = peer_redis_open(redis);
    struct peer_sql *statement = peer_sql_open(wanted("BENCH_MYSQL"));
    struct calls *redis_calls = open_calls("redis");
    struct calls *sql_calls = open_calls("uncached");
    struct calls *memory_calls = open_calls("memory");
    struct row rows[] = {
        {.name = "find-redis",
         .peer = "hiredis",
         .unit = "finds/s",
         .ours = {ours_find, shared, 0, NULL},
         .other = {peer_redis_get, get, 0, NULL}},
        {.name = "find-sql",
         .peer = "statement",
         .unit = "finds/s",
         .ours = {ours_find, plain, 0, NULL},
         .other = {peer_sql_find, statement, 0, NULL}},
        {.name = "find-memory",
         .peer = "1,000,000/s",
         .unit = "finds/s",
         .ours = {ours_find, memory, 0, NULL}},
        {.name = "insert-batch",
         .peer = "single inserts",
         .unit = "rows/s",
         .ours = {ours_batch, plain, 0, NULL},
         .other = {ours_insert, plain, 0, NULL}},
        {.name = "call-find-redis",
         .peer = "hiredis",
         .unit = "calls/s",
         .ours = {.arg = redis_calls, .round = calls_find},
         .other = {peer_redis_get, get, 0, NULL}},
        {.name = "call-find-sql",
         .peer = "statement",
         .unit = "calls/s",
         .ours = {.arg = sql_calls, .round = calls_find},
         .other = {peer_sql_find, statement, 0, NULL}},
        {.name = "call-find-memory",
         .peer = "find-memory",
         .unit = "calls/s",
         .ours = {.arg = memory_calls, .round = calls_find},
         .other = {ours_find, memory, 0, NULL}},
    };
    size_t count = sizeof(rows) / sizeof(*rows);
    if (!json)
        printf("%-16s %12s %-7s %12s %-16s %7s %9s %9s\n", "case", "ours",
               "unit", "peer's", "peer", "ratio", "p50 us", "p99 us");
    for (size_t i = 0; i < count; i++) {
        measure(&rows[i], seconds / (double)count);
        print(&rows[i], json, i == 0);
    }
    if (json)
        printf("]\n");
    calls_close(memory_calls);
    calls_close(sql_calls);
    calls_close(redis_calls);
    peer_sql_close(statement);
    peer_redis_close(get);
    ours_close(memory);
    ours_close(shared);
    ours_close(plain);
}

int main(int argc, char **argv)
{
    double seconds = 16;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = strtod(argv[++i], NULL);
        } else {
            fprintf(stderr, "usage: bench_data [--seconds N] [--json]\n");
            return 2;
        }
    }
    run(seconds, json);
    return 0;
}
