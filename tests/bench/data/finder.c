/* SPDX-License-Identifier: MIT
 *
 * The actor of ops/bench data: a row by its primary key, through whichever
 * database and cache it was configured with.
 */
#include "finder.actor.h"

#include "bench_user.model.h"

int finder_find(struct bus_call *call, const struct finder_Id *req,
                struct finder_User *ret)
{
    struct bench_user_row row;
    int code = bench_user_row_find_one(call, req->id, &row);
    if (code)
        return code;
    *ret = (struct finder_User){.id = row.id,
                                .number = row.number,
                                .name = row.name,
                                .gender = row.gender,
                                .score = row.score};
    return BUS_OK;
}

int finder_fill(struct bus_call *call, const struct finder_Count *req,
                struct finder_Count *ret)
{
    size_t count = (size_t)req->count;
    struct bench_user_row *rows =
        bus_arena_array(call->arena, count, sizeof(*rows));
    if (!rows)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct bench_user_row){
            .number = bus_arena_printf(call->arena, "%zu", i + 1),
            .name = "小明 of the first row",
            .password = "$2a$10$cEMWvVzqBHyZTPyJnmUvIe0WlAwLNcgUdLpVjtNiCzH",
            .gender = "男",
            .score = (int64_t)(i + 1) * 3};
    ret->count = req->count;
    return bench_user_row_insert_batch(call, rows, count);
}
