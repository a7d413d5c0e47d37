/* SPDX-License-Identifier: MIT
 *
 * Ours: one worker whose calls are made by hand, as the runtime makes them, so
 * that nothing but the store is measured.
 */
#include "data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/store.h"
#include "bench_user.model.h"

struct ours {
    struct store_shared *shared;
    struct store *store;
    struct bus_arena arena;
    struct bus_call call;
    uint64_t numbers; /* of rows inserted */
};

static const struct bus_method reads = {
    .actor = "bench", .name = "read", .flags = BUS_NO_SIDE_EFFECTS};
static const struct bus_method writes = {.actor = "bench", .name = "write"};

static void die(const char *what, const struct bus_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->sentence);
    exit(1);
}

struct ours *ours_open(const char *source, const char *redis, int cache)
{
    static const struct model_table *const tables[] = {&bench_user_row_table,
                                                       NULL};
    const struct store_node node = {.host = redis, .weight = 100};
    const struct store_options options = {.source = source,
                                          .tables = tables,
                                          .clock = &bus_clock_system,
                                          .cache = cache,
                                          .nodes = &node,
                                          .node_count = redis != NULL};
    struct bus_error err = {0};
    struct ours *ours = calloc(1, sizeof(*ours));
    if (!ours)
        abort();
    if (store_shared_open(&options, &ours->shared, &err) ||
        store_open(ours->shared, &ours->store, &err))
        die("store", &err);
    bus_arena_init(&ours->arena, BUS_ARENA_LIMIT);
    return ours;
}

void ours_close(struct ours *ours)
{
    store_close(ours->store);
    store_shared_close(ours->shared);
    bus_arena_release(&ours->arena);
    free(ours);
}

static struct bus_call *begin(struct ours *ours,
                              const struct bus_method *method)
{
    enum store_verdict verdict;
    struct bus_bytes stored;
    bus_arena_reset(&ours->arena);
    ours->call = (struct bus_call){.arena = &ours->arena,
                                   .clock = &bus_clock_system,
                                   .deadline = bus_now(&bus_clock_system) +
                                               2 * BUS_SECOND,
                                   .store = ours->store,
                                   .method = method};
    if (store_begin(&ours->call, &verdict, &stored))
        die("begin", &ours->call.error);
    return &ours->call;
}

static void end(struct ours *ours, int code, const char *what)
{
    code = store_end(&ours->call, code, (struct bus_bytes){0});
    if (code)
        die(what, &ours->call.error);
}

uint64_t ours_find(void *lane, uint64_t turn)
{
    struct ours *ours = lane;
    struct bench_user_row row = {.id = bench_id(turn)};
    struct bus_call *call = begin(ours, &reads);
    end(ours,
        model_find(call, &bench_user_row_table, &bench_user_row_table.primary,
                   &row, &row),
        "find");
    if (row.score != row.id * 3 || !row.name[0])
        abort();
    return 1;
}

static void row_make(struct ours *ours, struct bench_user_row *row)
{
    row->number = bus_arena_printf(&ours->arena, "%llu",
                                   (unsigned long long)++ours->numbers);
    row->name = "小明 of the first row";
    row->password = "$2a$10$cEMWvVzqBHyZTPyJnmUvIe0WlAwLNcgUdLpVjtNiCzHZ2T3E";
    row->gender = "男";
    row->score = (int64_t)ours->numbers * 3;
}

uint64_t ours_insert(void *lane, uint64_t turn)
{
    struct ours *ours = lane;
    struct bench_user_row row = {0};
    struct bus_call *call = begin(ours, &writes);
    (void)turn;
    row_make(ours, &row);
    end(ours, model_insert(call, &bench_user_row_table, &row), "insert");
    return 1;
}

uint64_t ours_batch(void *lane, uint64_t turn)
{
    struct ours *ours = lane;
    static struct bench_user_row rows[BENCH_BATCH];
    struct bus_call *call = begin(ours, &writes);
    (void)turn;
    for (size_t i = 0; i < BENCH_BATCH; i++) {
        rows[i] = (struct bench_user_row){0};
        row_make(ours, &rows[i]);
    }
    end(ours,
        model_insert_batch(call, &bench_user_row_table, rows, BENCH_BATCH),
        "insert_batch");
    return BENCH_BATCH;
}

void ours_fill(struct ours *ours)
{
    for (int i = 0; i < BENCH_ROWS / BENCH_BATCH; i++)
        ours_batch(ours, 0);
}
