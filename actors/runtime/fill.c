/* SPDX-License-Identifier: MIT
 *
 * The new map is the old one's pairs that are not replaced, then those that
 * are filled. Values are copied as they are packed.
 */
#include "actors/runtime/fill.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bus/pack.h"

#define FILL_BYTES_MAX BUS_TEXT_MAX
#define NUMBER_TEXT_MAX 24

struct fill_pair {
    struct bus_bytes field; /* its name */
    struct bus_bytes value; /* packed */
};

struct fill {
    struct fill_pair pairs[FILL_FIELDS_MAX];
    size_t count;
};

/* What stands between "NAME(" and ")"; NULL if text is not of that form. */
static const char *inside(struct bus_call *call, const char *text,
                          const char *name)
{
    size_t len = strlen(text), head = strlen(name);
    if (len < head + 2 || strncmp(text, name, head) != 0 || text[head] != '(' ||
        text[len - 1] != ')')
        return NULL;
    return bus_arena_text_n(call->arena, text + head + 1, len - head - 2);
}

static struct bus_bytes keep(struct bus_call *call, struct bus_buf *buf)
{
    uint8_t *copy = bus_arena_alloc(call->arena, buf->len);
    struct bus_bytes kept = {copy, copy && !buf->failed ? buf->len : 0};
    if (copy)
        memcpy(copy, buf->data, buf->len);
    bus_buf_release(buf);
    return kept;
}

static struct bus_bytes to_int(struct bus_call *call, struct bus_bytes value)
{
    struct bus_unpack in = bus_unpack_open(value);
    struct bus_bytes text;
    char digits[NUMBER_TEXT_MAX], *end;
    if (!bus_unpack_text(&in, &text))
        return value;
    if (text.len == 0 || text.len >= sizeof(digits))
        return (struct bus_bytes){0};
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (errno || *end)
        return (struct bus_bytes){0};
    struct bus_buf buf;
    bus_buf_init(&buf, NUMBER_TEXT_MAX);
    bus_pack_int(&buf, number);
    return keep(call, &buf);
}

static struct bus_bytes to_text(struct bus_call *call, struct bus_bytes value)
{
    struct bus_unpack in = bus_unpack_open(value);
    int64_t number;
    uint64_t natural;
    struct bus_buf buf;
    const char *text = NULL;
    if (bus_unpack_int(&in, &number))
        text = bus_arena_printf(call->arena, "%" PRId64, number);
    else if (bus_unpack_uint(&in, &natural))
        text = bus_arena_printf(call->arena, "%" PRIu64, natural);
    if (!text)
        return value;
    bus_buf_init(&buf, NUMBER_TEXT_MAX + 1);
    bus_pack_text(&buf, text);
    return keep(call, &buf);
}

/* The value that a path names, converted; len 0 if there is none. */
static struct bus_bytes resolve(struct bus_call *call, struct bus_bytes stored,
                                const char *path)
{
    const char *as_int = inside(call, path, "int");
    const char *as_text = as_int ? NULL : inside(call, path, "text");
    const char *plain = as_int ? as_int : as_text ? as_text : path;
    struct bus_bytes value = {0};
    if (!bus_pack_find(stored, plain, &value))
        return (struct bus_bytes){0};
    if (as_int)
        return to_int(call, value);
    return as_text ? to_text(call, value) : value;
}

static int fill_read(struct bus_call *call, struct bus_bytes stored,
                     struct fill *fill)
{
    struct bus_unpack in = bus_unpack_open(call->meta.saga.fill);
    struct bus_bytes field, path;
    uint32_t count;
    if (!bus_unpack_map(&in, &count) || count > FILL_FIELDS_MAX)
        return bus_error_set(&call->error, BUS_INVALID_ARGUMENT,
                             "the step's fill is no map of at most %d fields",
                             FILL_FIELDS_MAX);
    for (; count > 0; count--) {
        if (!bus_unpack_text(&in, &field) || !bus_unpack_text(&in, &path))
            return bus_error_set(&call->error, BUS_INVALID_ARGUMENT,
                                 "the step's fill holds more than texts");
        const char *text =
            bus_arena_text_n(call->arena, (const char *)path.data, path.len);
        struct bus_bytes value = {0};
        if (text)
            value = resolve(call, stored, text);
        if (value.len > 0)
            fill->pairs[fill->count++] = (struct fill_pair){field, value};
    }
    return BUS_OK;
}

static bool is_filled(const struct fill *fill, struct bus_bytes name)
{
    for (size_t i = 0; i < fill->count; i++)
        if (fill->pairs[i].field.len == name.len &&
            memcmp(fill->pairs[i].field.data, name.data, name.len) == 0)
            return true;
    return false;
}

/* Appends the pairs of a map that are not filled; returns how many. */
static size_t keep_pairs(struct bus_bytes map, const struct fill *fill,
                         struct bus_buf *buf)
{
    struct bus_unpack in = bus_unpack_open(map);
    struct bus_bytes name, value;
    uint32_t count;
    size_t kept = 0;
    if (!bus_unpack_map(&in, &count))
        return 0;
    for (; count > 0 && bus_unpack_text(&in, &name); count--) {
        if (!bus_unpack_value(&in, &value))
            break;
        if (is_filled(fill, name))
            continue;
        bus_pack_text_n(buf, (const char *)name.data, name.len);
        bus_pack_raw(buf, value);
        kept++;
    }
    return kept;
}

int fill_request(struct bus_call *call, struct bus_bytes request,
                 struct bus_bytes stored, struct bus_bytes *ret)
{
    struct fill fill = {.count = 0};
    struct bus_buf pairs, whole;
    int code = fill_read(call, stored, &fill);
    if (code || !bus_pack_valid(request))
        return code;
    bus_buf_init(&pairs, FILL_BYTES_MAX);
    bus_buf_init(&whole, FILL_BYTES_MAX);
    size_t kept = keep_pairs(request, &fill, &pairs);
    bus_pack_map(&whole, kept + fill.count);
    bus_pack_raw(&whole, bus_buf_bytes(&pairs));
    for (size_t i = 0; i < fill.count; i++) {
        bus_pack_text_n(&whole, (const char *)fill.pairs[i].field.data,
                        fill.pairs[i].field.len);
        bus_pack_raw(&whole, fill.pairs[i].value);
    }
    bus_buf_release(&pairs);
    struct bus_bytes filled = keep(call, &whole);
    if (filled.len == 0)
        return bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                             "the request is too large");
    *ret = filled;
    return BUS_OK;
}
