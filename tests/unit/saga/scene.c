/* SPDX-License-Identifier: MIT
 *
 * The scene's plan is the one of the demonstration mall.
 */
#include "tests/unit/saga/scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/saga_pack.h"
#include "bus/pack.h"

static const uint8_t ten = 10;

static const struct saga_input user_in[] = {
    {.field = "id", .from = "req", .path = "id"},
    {.field = "name", .from = "req", .path = "name"},
};
static const struct saga_input user_undo_in[] = {
    {.field = "id", .from = "user", .path = "id"},
};
static const struct saga_input score_in[] = {
    {.field = "user_id", .from = "user", .path = "id", .convert = SAGA_TO_INT},
    {.field = "score", .literal = {&ten, 1}},
};
static const struct saga_input score_undo_in[] = {
    {.field = "user_id", .from = "user", .path = "id", .convert = SAGA_TO_INT},
};
static const struct saga_input result[] = {
    {.field = "id", .from = "user", .path = "id"},
    {.field = "score", .from = "score", .path = "score"},
};
static const struct saga_step steps[] = {
    {.name = "user",
     .action = {.target = "user",
                .method = "saveUser",
                .inputs = user_in,
                .input_count = 2},
     .compensate = {.target = "user",
                    .method = "saveUserCallback",
                    .inputs = user_undo_in,
                    .input_count = 1}},
    {.name = "score",
     .action = {.target = "score",
                .method = "saveUserScore",
                .inputs = score_in,
                .input_count = 2},
     .compensate = {.target = "score",
                    .method = "saveUserScoreCallback",
                    .inputs = score_undo_in,
                    .input_count = 1}},
};

const struct saga_plan scene_register = {.name = "register",
                                         .steps = steps,
                                         .step_count = 2,
                                         .result = result,
                                         .result_count = 2};

struct bus_buf scene_pack(const struct saga_plan *plan)
{
    struct bus_buf buf;
    bus_buf_init(&buf, PLAN_BYTES_MAX);
    saga_plan_pack(&buf, plan);
    return buf;
}

struct bus_buf scene_map(const char *key, const char *text)
{
    struct bus_buf buf;
    bus_buf_init(&buf, 4096);
    bus_pack_map(&buf, 1);
    bus_pack_text(&buf, key);
    bus_pack_text(&buf, text);
    return buf;
}

void scene_saga(struct plans *plans, const struct saga_plan *from,
                struct bus_bytes request, struct saga *ret)
{
    struct bus_buf bytes = scene_pack(from);
    struct plan *plan = NULL;
    struct bus_error err = {0};
    if (plans_take(plans, bus_buf_bytes(&bytes), &plan, &err)) {
        fprintf(stderr, "%s\n", err.sentence);
        abort();
    }
    saga_init(ret, plan, "g-1", request);
    bus_buf_release(&bytes);
}

const char *scene_at(struct bus_bytes value, const char *path)
{
    static char text[256];
    struct bus_bytes at;
    int64_t integer;
    uint64_t natural;
    if (!bus_pack_find(value, path, &at))
        return "(none)";
    struct bus_unpack in = bus_unpack_open(at);
    if (bus_unpack_uint(&in, &natural))
        snprintf(text, sizeof(text), "%" PRIu64, natural);
    else if (bus_unpack_int(&in, &integer))
        snprintf(text, sizeof(text), "%" PRId64, integer);
    else if (bus_unpack_text(&in, &at))
        snprintf(text, sizeof(text), "\"%.*s\"", (int)at.len,
                 (const char *)at.data);
    else
        snprintf(text, sizeof(text), "(other)");
    return text;
}
