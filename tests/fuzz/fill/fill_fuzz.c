/* SPDX-License-Identifier: MIT
 *
 * A compensation's request with its fill and the stored reply, all three from
 * the wire: whatever they hold, what comes out is one well-formed value. The
 * input is three parts, each behind a byte that says how long it is.
 */
#include "actors/runtime/fill.h"

#include <assert.h>

#include "bus/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bus_bytes part_cut(const uint8_t **data, size_t *size)
{
    struct bus_bytes part = {0};
    if (*size == 0)
        return part;
    size_t len = **data;
    ++*data;
    --*size;
    part = (struct bus_bytes){*data, len < *size ? len : *size};
    *data += part.len;
    *size -= part.len;
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_arena arena;
    struct bus_call call = {.arena = &arena};
    struct bus_bytes filled = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    call.meta.saga.fill = part_cut(&data, &size);
    struct bus_bytes stored = part_cut(&data, &size);
    struct bus_bytes request = {data, size};
    int code = fill_request(&call, request, stored, &filled);
    assert(code || !bus_pack_valid(request) || bus_pack_valid(filled));
    bus_arena_release(&arena);
    return 0;
}
