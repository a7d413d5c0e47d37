/* SPDX-License-Identifier: MIT
 *
 * Any bytes as what DTM's clients send: a transaction that becomes a plan,
 * which then has to be one; pairs; a JSON-RPC call; custom_data; a branch's
 * answer. The first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/saga/dtm_judge.h"
#include "actors/saga/dtm_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_trans(struct bus_bytes body, struct bus_arena *arena)
{
    const struct dtm_making making = {
        .defaults = {.timeout_to_fail = 35,
                     .retry_interval = 10,
                     .request_timeout = 3},
        .arena = arena,
    };
    struct dtm_trans trans;
    struct dtm_made made = {0};
    struct bus_error err;
    struct plans plans;
    struct plan *plan = NULL;
    if (dtm_trans_read(body, arena, &trans, &err))
        return;
    plans_init(&plans);
    if (dtm_plan_make(&making, &trans, &made, &err) == 0 &&
        plans_take(&plans, bus_buf_bytes(&made.plan), &plan, &err) == 0)
        plans_drop(&plans, plan);
    bus_buf_release(&made.plan);
    bus_buf_release(&made.request);
    plans_release(&plans);
}

static void as_custom(struct bus_bytes body, struct bus_arena *arena)
{
    struct dtm_custom custom;
    struct bus_error err;
    const char *text =
        bus_arena_text_n(arena, (const char *)body.data, body.len);
    if (text)
        dtm_custom_read(text, arena, &custom, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_arena arena;
    struct bus_list pairs;
    struct dtm_rpc rpc;
    struct bus_error err;
    if (size == 0)
        return 0;
    const struct bus_bytes body = {data + 1, size - 1};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    switch (data[0] % 5) {
    case 0:
        as_trans(body, &arena);
        break;
    case 1:
        dtm_pairs_read(body, &arena, &pairs, &err);
        break;
    case 2:
        dtm_rpc_read(body, &arena, &rpc, &err);
        break;
    case 3:
        as_custom(body, &arena);
        break;
    default:
        dtm_judge_rpc(200, body, size % 2 != 0);
        break;
    }
    bus_arena_release(&arena);
    return 0;
}
