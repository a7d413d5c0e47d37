/* SPDX-License-Identifier: MIT
 *
 * Any bytes as JSON, without a schema and with one of every kind of field.
 * Whatever is accepted must be written, read again and written the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/error.h"
#include "bus/json.h"
#include "bus/pack.h"
#include "tests/unit/bus/rich.h"

#define OUT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static bool same(const struct bus_buf *a, const struct bus_buf *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void refused_with_a_sentence(const struct bus_error *err)
{
    must(err->code && err->sentence[0]);
}

static void without_schema(struct bus_bytes text)
{
    struct bus_error err = {0};
    struct bus_buf packed, json, again;
    bus_buf_init(&packed, OUT_MAX);
    bus_buf_init(&json, OUT_MAX);
    bus_buf_init(&again, OUT_MAX);
    if (bus_json_to_pack(text, &packed, &err)) {
        refused_with_a_sentence(&err);
        must(packed.len == 0);
    } else {
        must(bus_pack_valid(bus_buf_bytes(&packed)));
        bus_json_from_pack(&json, bus_buf_bytes(&packed));
        bus_buf_reset(&packed);
        must(bus_json_to_pack(bus_buf_bytes(&json), &packed, &err) == 0);
        bus_json_from_pack(&again, bus_buf_bytes(&packed));
        must(same(&json, &again));
    }
    bus_buf_release(&packed);
    bus_buf_release(&json);
    bus_buf_release(&again);
}

/* rich's shapes without its rules: an optional field that is absent is written
 * as its zero value, which options= would refuse when read again. */
static const struct bus_shape *shape_without_rules(void)
{
    enum { COUNT = sizeof(rich_fields) / sizeof(rich_fields[0]) };
    static struct bus_field fields[COUNT], entry_fields[2];
    static struct bus_shape shape, entry;
    if (shape.count)
        return &shape;
    memcpy(fields, rich_fields, sizeof(fields));
    memcpy(entry_fields, rich_by_text_fields, sizeof(entry_fields));
    shape = rich_shape;
    shape.fields = fields;
    entry = rich_by_text_shape;
    entry.fields = entry_fields;
    entry_fields[1].shape = &shape;
    for (size_t i = 0; i < COUNT; i++) {
        fields[i].rule = NULL;
        fields[i].flags = 0;
        if (fields[i].shape == &rich_shape)
            fields[i].shape = &shape;
        else if (fields[i].shape == &rich_by_text_shape)
            fields[i].shape = &entry;
    }
    return &shape;
}

static void with_schema(struct bus_bytes text)
{
    const struct bus_shape *shape = shape_without_rules();
    struct bus_error err = {0};
    struct bus_arena arena;
    struct bus_buf json, again;
    struct rich first = {0}, second = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_buf_init(&json, OUT_MAX);
    bus_buf_init(&again, OUT_MAX);
    if (bus_json_read(text, shape, &arena, &first, NULL, &err)) {
        refused_with_a_sentence(&err);
    } else {
        bus_json_write(&json, shape, &first);
        must(!json.failed);
        bus_arena_reset(&arena);
        must(bus_json_read(bus_buf_bytes(&json), shape, &arena, &second, NULL,
                           &err) == 0);
        bus_json_write(&again, shape, &second);
        must(same(&json, &again));
    }
    bus_buf_release(&json);
    bus_buf_release(&again);
    bus_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_bytes text = {data, size};
    without_schema(text);
    with_schema(text);
    return 0;
}
