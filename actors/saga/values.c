/* SPDX-License-Identifier: MIT
 *
 * Inputs to bodies. A map's header comes before its entries, so inputs are
 * found first, all of them, and written then.
 */
#include "actors/saga/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"

#define DIGITS_MAX 20 /* of a 64-bit integer, sign included */

enum kind { LEFT_OUT, RAW, SIGNED, UNSIGNED, FILL };

/* One input, found. */
struct found {
    const struct saga_input *input;
    enum kind kind;
    struct bus_bytes raw;
    int64_t integer;
    uint64_t natural;
    char text[DIGITS_MAX + 1]; /* raw of text(x) once packed; "": none */
};

static int misfit(const struct found *found, struct bus_error *err)
{
    return bus_error_field(err, BUS_INVALID_ARGUMENT, found->input->field,
                           "\"%s\" is not %s", found->input->field,
                           found->input->convert == SAGA_TO_INT
                               ? "a whole number"
                               : "a number or text");
}

/* Strict: digits with an optional minus, nothing else, no overflow. */
static bool parse(struct bus_bytes text, struct found *ret)
{
    bool minus = text.len > 0 && text.data[0] == '-';
    uint64_t value = 0;
    if (text.len == minus || text.len > DIGITS_MAX)
        return false;
    for (size_t i = minus; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (minus && value > (uint64_t)INT64_MAX + 1)
        return false;
    ret->kind = minus ? SIGNED : UNSIGNED;
    ret->natural = value;
    ret->integer = minus ? (int64_t)(~value + 1) : 0;
    return true;
}

static int to_int(struct found *found, struct bus_error *err)
{
    struct bus_unpack in = bus_unpack_open(found->raw);
    struct bus_bytes text;
    enum bus_pack_type type = bus_unpack_type(&in);
    if (type == BUS_PACK_INT || type == BUS_PACK_UINT)
        return BUS_OK;
    if (!bus_unpack_text(&in, &text))
        return misfit(found, err);
    if (text.len == 0) {
        found->kind = LEFT_OUT;
        return BUS_OK;
    }
    return parse(text, found) ? BUS_OK : misfit(found, err);
}

static int to_text(struct found *found, struct bus_error *err)
{
    struct bus_unpack in = bus_unpack_open(found->raw);
    int64_t integer;
    uint64_t natural;
    if (bus_unpack_type(&in) == BUS_PACK_TEXT)
        return BUS_OK;
    if (bus_unpack_uint(&in, &natural))
        snprintf(found->text, sizeof(found->text), "%" PRIu64, natural);
    else if (bus_unpack_int(&in, &integer))
        snprintf(found->text, sizeof(found->text), "%" PRId64, integer);
    else
        return misfit(found, err);
    return BUS_OK;
}

static int convert(struct found *found, struct bus_error *err)
{
    struct bus_unpack in = bus_unpack_open(found->raw);
    if (bus_unpack_type(&in) == BUS_PACK_NIL) {
        found->kind = LEFT_OUT;
        return BUS_OK;
    }
    if (found->input->convert == SAGA_TO_INT)
        return to_int(found, err);
    if (found->input->convert == SAGA_TO_TEXT)
        return to_text(found, err);
    return BUS_OK;
}

/* own: the step whose compensation this is for, or -1. */
static int find(const struct saga *saga, const struct saga_input *input,
                int own, struct found *ret, struct bus_error *err)
{
    *ret = (struct found){.input = input, .kind = RAW, .raw = input->literal};
    if (input->from) {
        struct bus_bytes source = saga->request;
        int step = -1;
        if (strcmp(input->from, PLAN_REQUEST) != 0)
            step = plan_step(&saga->plan->plan, input->from);
        if (step >= 0)
            source = saga_replied(saga, (uint16_t)step);
        if (step >= 0 && step == own &&
            saga->steps[step].branch[OP_ACTION].status != BRANCH_DONE) {
            ret->kind = FILL;
            return BUS_OK;
        }
        if (source.len == 0 || !bus_pack_find(source, input->path, &ret->raw)) {
            ret->kind = LEFT_OUT;
            return BUS_OK;
        }
    }
    return convert(ret, err);
}

static void write(const struct found *found, struct bus_buf *body)
{
    bus_pack_text(body, found->input->field);
    if (found->text[0])
        bus_pack_text(body, found->text);
    else if (found->kind == SIGNED)
        bus_pack_int(body, found->integer);
    else if (found->kind == UNSIGNED)
        bus_pack_uint(body, found->natural);
    else
        bus_pack_raw(body, found->raw);
}

static void write_fill(const struct saga_input *input, struct bus_buf *fill)
{
    char path[BUS_FIELD_MAX + 8];
    bus_pack_text(fill, input->field);
    if (input->convert == SAGA_AS_IS)
        snprintf(path, sizeof(path), "%s", input->path);
    else
        snprintf(path, sizeof(path), "%s(%s)",
                 input->convert == SAGA_TO_INT ? "int" : "text", input->path);
    bus_pack_text(fill, path);
}

/* The inputs of one body, found. */
struct found_all {
    struct found items[SAGA_INPUTS_MAX];
    size_t count;
    size_t kinds[FILL + 1]; /* how many of each */
};

static int find_all(const struct saga *saga, const struct saga_input *inputs,
                    uint16_t count, int own, struct found_all *ret,
                    struct bus_error *err)
{
    ret->count = count;
    memset(ret->kinds, 0, sizeof(ret->kinds));
    for (uint16_t i = 0; i < count; i++) {
        int code = find(saga, &inputs[i], own, &ret->items[i], err);
        if (code)
            return code;
        ret->kinds[ret->items[i].kind]++;
    }
    return BUS_OK;
}

static void write_all(const struct found_all *all, struct bus_buf *body,
                      struct bus_buf *fill)
{
    bus_pack_map(body, all->count - all->kinds[LEFT_OUT] - all->kinds[FILL]);
    if (all->kinds[FILL] > 0)
        bus_pack_map(fill, all->kinds[FILL]);
    for (size_t i = 0; i < all->count; i++) {
        const struct found *found = &all->items[i];
        if (found->kind == FILL)
            write_fill(found->input, fill);
        else if (found->kind != LEFT_OUT)
            write(found, body);
    }
}

int values_body(const struct saga *saga, uint16_t step, enum engine_op op,
                struct bus_buf *body, struct bus_buf *fill,
                struct bus_error *err)
{
    const struct saga_step *from = &saga->plan->plan.steps[step];
    const struct saga_branch *branch =
        op == OP_ACTION ? &from->action : &from->compensate;
    struct found_all all;
    int code = find_all(saga, branch->inputs, branch->input_count,
                        op == OP_COMPENSATE ? step : -1, &all, err);
    if (!code)
        write_all(&all, body, fill);
    return code;
}

int values_result(const struct saga *saga, struct bus_buf *body,
                  struct bus_error *err)
{
    const struct saga_plan *plan = &saga->plan->plan;
    struct found_all all;
    int code = find_all(saga, plan->result, plan->result_count, -1, &all, err);
    if (!code)
        write_all(&all, body, NULL);
    return code;
}
