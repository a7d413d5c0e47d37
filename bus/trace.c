/* SPDX-License-Identifier: MIT
 *
 * Trace ids as bytes and as W3C traceparent text.
 */
#define _GNU_SOURCE /* getrandom */
#include "bus/trace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PARENT_LEN ((size_t)BUS_TRACEPARENT_TEXT - 1)

static void random_bytes(void *to, size_t len)
{
    /* Up to 256 bytes are never interrupted or short: getrandom(2). */
    if (getrandom(to, len, 0) != (ssize_t)len)
        abort();
}

static void hex_write(const uint8_t *from, size_t len, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        to[2 * i] = digits[from[i] >> 4];
        to[2 * i + 1] = digits[from[i] & 15];
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; /* lower case only */
}

static bool hex_read(const char *from, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(from[2 * i]);
        int low = high < 0 ? -1 : hex_digit(from[2 * i + 1]);
        if (low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

void bus_trace_new(struct bus_trace *trace)
{
    random_bytes(trace, sizeof(trace->id) + sizeof(trace->span));
    trace->flags = 1;
}

void bus_trace_child(const struct bus_trace *parent, struct bus_trace *ret)
{
    *ret = *parent;
    random_bytes(ret->span, sizeof(ret->span));
}

bool bus_trace_some(const struct bus_trace *trace)
{
    return !all_zero(trace->id, sizeof(trace->id));
}

void bus_trace_id_text(const struct bus_trace *trace, char ret[BUS_TRACE_TEXT])
{
    hex_write(trace->id, sizeof(trace->id), ret);
    ret[BUS_TRACE_TEXT - 1] = '\0';
}

void bus_trace_text(const struct bus_trace *trace,
                    char ret[BUS_TRACEPARENT_TEXT])
{
    memcpy(ret, "00-", 3);
    hex_write(trace->id, sizeof(trace->id), ret + 3);
    ret[35] = '-';
    hex_write(trace->span, sizeof(trace->span), ret + 36);
    ret[52] = '-';
    hex_write(&trace->flags, 1, ret + 53);
    ret[PARENT_LEN] = '\0';
}

bool bus_trace_parse(const char *text, struct bus_trace *ret)
{
    struct bus_trace read;
    uint8_t version;
    size_t len = strlen(text);
    if (len < PARENT_LEN || !hex_read(text, &version, 1) || version == 0xff)
        return false;
    /* Later versions may append "-more". */
    if (len > PARENT_LEN && (version == 0 || text[PARENT_LEN] != '-'))
        return false;
    if (text[2] != '-' || text[35] != '-' || text[52] != '-')
        return false;
    if (!hex_read(text + 3, read.id, sizeof(read.id)) ||
        !hex_read(text + 36, read.span, sizeof(read.span)) ||
        !hex_read(text + 53, &read.flags, 1))
        return false;
    if (all_zero(read.id, sizeof(read.id)) ||
        all_zero(read.span, sizeof(read.span)))
        return false;
    *ret = read;
    return true;
}
