/* SPDX-License-Identifier: MIT
 *
 * Percent-decoding, path cleaning (as Go's path.Clean on the decoded path) and
 * form pairs.
 */
#include "actors/http/target.h"

#include <string.h>
#include <strings.h>

#include "bus/code.h"

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes into the arena; NUL and half escapes are refused. */
static int decode(struct bus_bytes text, bool form, struct bus_arena *arena,
                  struct bus_bytes *ret, struct bus_error *err)
{
    uint8_t *out = bus_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (!out)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (form && c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < text.len ? hex(text.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex(text.data[i + 2]);
            if (low < 0)
                return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                     "malformed percent escape");
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (c == 0)
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "NUL is not allowed");
        out[len++] = c;
    }
    *ret = (struct bus_bytes){out, len};
    return BUS_OK;
}

/* Splits at '/', dropping empty segments and ".", taking one back for "..". */
static int split(struct bus_bytes path, struct target *ret,
                 struct bus_error *err)
{
    const uint8_t *at = path.data, *end = at + path.len;
    while (at < end) {
        const uint8_t *stop = memchr(at, '/', (size_t)(end - at));
        if (!stop)
            stop = end;
        struct bus_bytes segment = {at, (size_t)(stop - at)};
        at = stop + 1;
        if (segment.len == 0 || bus_bytes_is(segment, "."))
            continue;
        if (bus_bytes_is(segment, "..")) {
            ret->segment_count -= ret->segment_count > 0;
            continue;
        }
        if (ret->segment_count == TARGET_SEGMENTS_MAX)
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "path has more than %d segments",
                                 TARGET_SEGMENTS_MAX);
        ret->segments[ret->segment_count++] = segment;
    }
    return BUS_OK;
}

/* Drops "http://authority" of the absolute form. */
static struct bus_bytes origin(struct bus_bytes text)
{
    size_t scheme = 0;
    if (text.len >= 7 && !strncasecmp((const char *)text.data, "http://", 7))
        scheme = 7;
    else if (text.len >= 8 &&
             !strncasecmp((const char *)text.data, "https://", 8))
        scheme = 8;
    if (!scheme)
        return text;
    size_t at = scheme;
    while (at < text.len && text.data[at] != '/' && text.data[at] != '?')
        at++;
    return (struct bus_bytes){text.data + at, text.len - at};
}

int target_parse(struct bus_bytes text, struct bus_arena *arena,
                 struct target *ret, struct bus_error *err)
{
    *ret = (struct target){0};
    struct bus_bytes rest = origin(text), path = rest, decoded;
    const uint8_t *mark = memchr(rest.data, '?', rest.len);
    if (mark) {
        path.len = (size_t)(mark - rest.data);
        ret->query = (struct bus_bytes){mark + 1, rest.len - path.len - 1};
    }
    bool absolute = rest.data != text.data;
    if (!absolute && (path.len == 0 || path.data[0] != '/') &&
        !bus_bytes_is(path, "*"))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "request target must start with '/'");
    int code = decode(path, false, arena, &decoded, err);
    return code ? code : split(decoded, ret, err);
}

int target_form(struct bus_bytes text, struct bus_arena *arena,
                struct bus_pair *pairs, size_t max, size_t *count,
                struct bus_error *err)
{
    if (text.len == 0)
        return BUS_OK;
    if (memchr(text.data, ';', text.len))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "';' is not allowed in a query");
    const uint8_t *at = text.data, *end = at + text.len;
    while (at < end) {
        const uint8_t *stop = memchr(at, '&', (size_t)(end - at));
        if (!stop)
            stop = end;
        const uint8_t *equals = memchr(at, '=', (size_t)(stop - at));
        const uint8_t *name_end = equals ? equals : stop;
        struct bus_bytes name = {at, (size_t)(name_end - at)};
        struct bus_bytes value = {stop, 0};
        if (equals)
            value = (struct bus_bytes){equals + 1, (size_t)(stop - equals - 1)};
        at = stop + 1;
        if (name.len == 0 && value.len == 0)
            continue;
        if (*count == max)
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "more than %zu form values", max);
        int code = decode(name, true, arena, &pairs[*count].name, err);
        if (!code)
            code = decode(value, true, arena, &pairs[*count].value, err);
        if (code)
            return code;
        (*count)++;
    }
    return BUS_OK;
}
