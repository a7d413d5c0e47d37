/* SPDX-License-Identifier: MIT
 *
 * What handlers say through their call: refusals, claims, headers, values of
 * type any, log lines. Each works on the call alone.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/runtime.h"
#include "bus/pack.h"

#define ANY_BYTES_MAX BUS_TEXT_MAX

__attribute__((format(printf, 3, 0))) static int
refuse(struct bus_call *call, int code, const char *format, va_list args)
{
    char sentence[BUS_SENTENCE_MAX];
    vsnprintf(sentence, sizeof(sentence), format, args);
    if (code <= BUS_OK || code > BUS_UNAUTHENTICATED)
        code = BUS_INTERNAL;
    return bus_error_set(&call->error, code, "%s", sentence);
}

int bus_refuse(struct bus_call *call, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    code = refuse(call, code, format, args);
    va_end(args);
    return code;
}

int bus_refuse_business(struct bus_call *call, int32_t business,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse(call, BUS_INVALID_ARGUMENT, format, args);
    va_end(args);
    call->error.business = business;
    return BUS_INVALID_ARGUMENT;
}

int bus_refuse_http(struct bus_call *call, int32_t http, int code,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    code = refuse(call, code, format, args);
    va_end(args);
    call->error.http = http;
    return code;
}

/* A cursor at the value of a claim; at its end if there is none. */
static struct bus_unpack claim_find(const struct bus_call *call,
                                    const char *name)
{
    struct bus_unpack in = bus_unpack_open(call->meta.claims);
    struct bus_bytes key;
    uint32_t count;
    if (!bus_unpack_map(&in, &count))
        return (struct bus_unpack){0};
    for (; count > 0 && bus_unpack_text(&in, &key); count--) {
        if (key.len == strlen(name) && memcmp(key.data, name, key.len) == 0)
            return in;
        if (!bus_unpack_value(&in, NULL))
            break;
    }
    return (struct bus_unpack){0};
}

bool bus_claim_int(const struct bus_call *call, const char *name, int64_t *ret)
{
    struct bus_unpack in = claim_find(call, name);
    uint64_t natural;
    if (bus_unpack_int(&in, ret))
        return true;
    if (!bus_unpack_uint(&in, &natural) || natural > INT64_MAX)
        return false;
    *ret = (int64_t)natural;
    return true;
}

const char *bus_claim_text(struct bus_call *call, const char *name)
{
    struct bus_unpack in = claim_find(call, name);
    struct bus_bytes text;
    if (!bus_unpack_text(&in, &text))
        return NULL;
    return bus_arena_text_n(call->arena, (const char *)text.data, text.len);
}

void bus_header(struct bus_call *call, const char *name, const char *value)
{
    if (call->headers.limit == 0)
        bus_buf_init(&call->headers, RUNTIME_HEADERS_MAX);
    bus_pack_text(&call->headers, name);
    bus_pack_text(&call->headers, value);
}

struct bus_bytes bus_any(struct bus_call *call, const struct bus_shape *shape,
                         const void *message)
{
    struct bus_buf buf;
    struct bus_bytes any = {0};
    bus_buf_init(&buf, ANY_BYTES_MAX);
    bus_pack_message(&buf, shape, message);
    uint8_t *copy = buf.failed ? NULL : bus_arena_alloc(call->arena, buf.len);
    if (copy) {
        memcpy(copy, buf.data, buf.len);
        any = (struct bus_bytes){copy, buf.len};
    }
    bus_buf_release(&buf);
    return any;
}

const void *bus_config(const struct bus_call *call)
{
    return call->worker ? call->worker->runtime->process.own : NULL;
}

const struct actor_config *bus_settings(const struct bus_call *call)
{
    return call->worker ? call->worker->runtime->process.config : NULL;
}

const struct actor_auth *bus_auth(const struct bus_call *call, const char *name)
{
    const struct actor_config *config = bus_settings(call);
    return config ? actor_auth_find(config, name) : NULL;
}

__attribute__((format(printf, 3, 0))) static void
say(const struct bus_call *call, enum bus_log_level level, const char *format,
    va_list args)
{
    char text[BUS_LOG_LINE_MAX];
    vsnprintf(text, sizeof(text), format, args);
    bus_log(level, &call->meta.trace, NULL, "%s", text);
}

void bus_info(const struct bus_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(call, BUS_LOG_INFO, format, args);
    va_end(args);
}

void bus_warn(const struct bus_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(call, BUS_LOG_ERROR, format, args);
    va_end(args);
}
