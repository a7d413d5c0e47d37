/* SPDX-License-Identifier: MIT
 *
 * Ours: the shapes that schemac printed of codec.api, one walker, an arena that
 * is reset after each trip, as a worker does after each call.
 */
#include <string.h>

#include "bus/arena.h"
#include "bus/json.h"
#include "bus/pack.h"
#include "codec.bus.h"
#include "codec.h"

static bool from_json(const char *text, size_t len, struct bus_arena *arena,
                      struct codec_Order *order)
{
    struct bus_bytes bytes = {(const uint8_t *)text, len};
    bool seen[16] = {false};
    return !bus_json_read(bytes, &codec_Order_shape, arena, order, seen,
                          NULL) &&
           !bus_shape_check(&codec_Order_shape, order, seen, arena, NULL);
}

bool ours_trip(const char *text, size_t len, char *ret)
{
    static struct bus_arena arena;
    static struct bus_buf pack, json;
    static bool begun;
    struct codec_Order in = {0}, out = {0};
    if (!begun) {
        bus_arena_init(&arena, BUS_ARENA_LIMIT);
        bus_buf_init(&pack, CODEC_BYTES);
        bus_buf_init(&json, CODEC_BYTES - 1);
        begun = true;
    }
    bus_arena_reset(&arena);
    bus_buf_reset(&pack);
    bus_buf_reset(&json);
    if (!from_json(text, len, &arena, &in))
        return false;
    bus_pack_message(&pack, &codec_Order_shape, &in);
    if (bus_unpack_message(bus_buf_bytes(&pack), &codec_Order_shape, &arena,
                           &out, NULL))
        return false;
    bus_json_write(&json, &codec_Order_shape, &out);
    if (pack.failed || json.failed)
        return false;
    if (ret) {
        memcpy(ret, json.data, json.len);
        ret[json.len] = '\0';
    }
    return true;
}
