/* SPDX-License-Identifier: MIT
 *
 * The growing buffer: doubles up to its limit, then fails and stays failed.
 */
#include "bus/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST ((size_t)256)

void bus_buf_init(struct bus_buf *buf, size_t limit)
{
    *buf = (struct bus_buf){.limit = limit};
}

bool bus_buf_grow(struct bus_buf *buf, size_t len)
{
    assert(buf->len <= buf->cap);
    if (buf->failed)
        return false;
    if (len > buf->limit - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t want = buf->len + len;
    if (want <= buf->cap)
        return true;
    size_t cap = buf->cap ? buf->cap : FIRST;
    while (cap < want)
        cap = cap > buf->limit / 2 ? buf->limit : cap * 2;
    if (cap > buf->limit)
        cap = buf->limit;
    /* One byte more than cap, for the NUL that vsnprintf writes. */
    uint8_t *data = realloc(buf->data, cap + 1);
    if (!data)
        abort();
    buf->data = data;
    buf->cap = cap;
    return true;
}

void bus_buf_add(struct bus_buf *buf, const void *data, size_t len)
{
    if (len == 0 || !bus_buf_room(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

void bus_buf_text(struct bus_buf *buf, const char *text)
{
    bus_buf_add(buf, text, strlen(text));
}

void bus_buf_printf(struct bus_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    if (!bus_buf_room(buf, (size_t)len) || len == 0)
        return;
    va_start(args, format);
    vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void bus_buf_reset(struct bus_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void bus_buf_release(struct bus_buf *buf)
{
    free(buf->data);
    *buf = (struct bus_buf){.limit = buf->limit};
}

struct bus_bytes bus_buf_bytes(const struct bus_buf *buf)
{
    return (struct bus_bytes){buf->data, buf->len};
}

bool bus_bytes_is(struct bus_bytes bytes, const char *text)
{
    size_t len = strlen(text);
    return bytes.len == len && (len == 0 || !memcmp(bytes.data, text, len));
}
