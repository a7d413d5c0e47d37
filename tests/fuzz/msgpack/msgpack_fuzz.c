/* SPDX-License-Identifier: MIT
 *
 * Any bytes as msgpack: as a value without a schema, and as a message with a
 * field of every kind. What is accepted must be well-formed, must write again,
 * and must come back equal; what is refused must say why.
 */
#include <stdlib.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/json.h"
#include "tests/unit/bus/rich.h"

#define JSON_MAX (64 << 20)
#define PACK_MAX (128 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As assert, but also where asserts are compiled out. */
static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static void schemaless(struct bus_bytes bytes)
{
    struct bus_unpack in = bus_unpack_open(bytes);
    struct bus_bytes value, found;
    struct bus_buf json;
    bus_buf_init(&json, JSON_MAX);
    if (bus_pack_valid(bytes)) {
        bus_json_from_pack(&json, bytes);
        must(json.failed || json.len > 0, "valid msgpack prints as JSON");
    }
    bus_buf_release(&json);
    while (bus_unpack_value(&in, &value))
        must(value.len > 0 && bus_pack_valid(value), "a value taken is valid");
    if (bus_pack_find(bytes, "next.any", &found))
        must(bus_pack_valid(found), "a value found is valid");
}

static void reread(const struct rich *first, struct bus_arena *arena)
{
    struct rich second;
    struct bus_error err = {0};
    struct bus_buf buf, again;
    bus_buf_init(&buf, PACK_MAX);
    bus_buf_init(&again, PACK_MAX);
    bus_pack_message(&buf, &rich_shape, first);
    must(!buf.failed, "what was read can be written");
    must(bus_pack_valid(bus_buf_bytes(&buf)), "what is written is valid");
    int code = bus_unpack_message(bus_buf_bytes(&buf), &rich_shape, arena,
                                  &second, &err);
    if (code != BUS_RESOURCE_EXHAUSTED) {
        must(code == BUS_OK, err.sentence);
        must(rich_same(&rich_shape, first, &second), "it comes back equal");
        bus_pack_message(&again, &rich_shape, &second);
        must(again.len == buf.len && memcmp(again.data, buf.data, buf.len) == 0,
             "the same struct gives the same bytes");
    }
    bus_buf_release(&buf);
    bus_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_bytes bytes = {data, size};
    struct bus_error err = {0};
    struct bus_arena arena;
    struct rich rich = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    schemaless(bytes);
    int code = bus_unpack_message(bytes, &rich_shape, &arena, &rich, &err);
    if (code == BUS_OK) {
        must(bus_pack_valid(bytes), "a message accepted is valid");
        reread(&rich, &arena);
    } else {
        must(err.code == code && err.sentence[0], "a refusal says why");
        must(rich.level == 0 && !rich.next, "a refusal leaves no trace");
    }
    bus_arena_release(&arena);
    return 0;
}
