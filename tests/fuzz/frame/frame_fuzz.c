/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a frame: the reader stays inside them, and what it accepted is
 * packed again into a frame that reads the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bus/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Replies are packed anew from what a caller would see of them. */
static void repack(const struct bus_envelope *envelope)
{
    struct bus_reply reply, again;
    struct bus_envelope read;
    struct bus_frame_reader reader;
    struct bus_buf buf;
    bus_frame_to_reply(envelope, &reply);
    bus_buf_init(&buf, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&buf, false);
    bus_frame_reply(&buf, envelope->id, &reply);
    assert(!buf.failed && bus_frame_open(&reader, bus_buf_bytes(&buf)));
    assert(bus_frame_next(&reader, &read) == BUS_FRAME_ONE);
    bus_frame_to_reply(&read, &again);
    assert(again.error.code == reply.error.code);
    assert(again.error.business == reply.error.business);
    assert(again.body.len == reply.body.len);
    assert(again.headers.len == reply.headers.len);
    bus_buf_release(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_frame_reader reader;
    struct bus_envelope envelope;
    if (!bus_frame_open(&reader, (struct bus_bytes){data, size}))
        return 0;
    while (bus_frame_next(&reader, &envelope) == BUS_FRAME_ONE) {
        assert(envelope.body.len <= size);
        assert(reader.in.at <= reader.in.end);
        if (envelope.kind == BUS_ENVELOPE_REPLY)
            repack(&envelope);
    }
    return 0;
}
