/* SPDX-License-Identifier: MIT
 *
 * A growing byte buffer with a cap and a sticky error: encoders append without
 * checking and look at `failed` once, at the end. Nothing is appended after the
 * first failure. malloc failure aborts.
 */
#ifndef BUS_BUF_H
#define BUS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus_buf {
    uint8_t *data; /* owned; NULL while empty */
    size_t len;
    size_t cap;
    size_t limit; /* bytes; len never passes it */
    bool failed;
};

/* A span of bytes that somebody else owns. */
struct bus_bytes {
    const uint8_t *data;
    size_t len;
};

void bus_buf_init(struct bus_buf *buf, size_t limit);
void bus_buf_add(struct bus_buf *buf, const void *data, size_t len);
void bus_buf_text(struct bus_buf *buf, const char *text);
void bus_buf_printf(struct bus_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for len more bytes, behind data + len; false (and failed) past the
 * limit. cap is never past it, and the room there is is the usual case. */
bool bus_buf_grow(struct bus_buf *buf, size_t len);
static inline bool bus_buf_room(struct bus_buf *buf, size_t len)
{
    return (!buf->failed && len <= buf->cap - buf->len) ||
           bus_buf_grow(buf, len);
}

static inline void bus_buf_byte(struct bus_buf *buf, uint8_t byte)
{
    if (bus_buf_room(buf, 1))
        buf->data[buf->len++] = byte;
}

/* Empties the buffer and clears `failed`; memory is kept. */
void bus_buf_reset(struct bus_buf *buf);
void bus_buf_release(struct bus_buf *buf);

/* The content as a span; valid until the next append. */
struct bus_bytes bus_buf_bytes(const struct bus_buf *buf);

/* True if the span holds exactly this text. */
bool bus_bytes_is(struct bus_bytes bytes, const char *text);

#endif
