/* SPDX-License-Identifier: MIT
 *
 * The frame that a line gathers. It leaves when the line is idle, when the
 * frame before was taken, or when the thread that gathered has drained what it
 * had.
 */
#include "bus/line.h"

static _Thread_local struct {
    unsigned depth;
    struct line *dirty;
} drain;

void gather_reset(struct line *line)
{
    bus_buf_reset(&line->gather);
    bus_frame_begin(&line->gather, true);
    line->gathered = 0;
    line->oneways = 0;
}

struct attempt *gather_unsent(struct line *line)
{
    return slots_pick(&line->slots, slot_in_frame, (int64_t)line->frame);
}

void gather_ack(struct line *line, enum bus_envelope_kind kind)
{
    bus_frame_mark(&line->gather, kind, line->frames_in);
    line->frames_acked = line->frames_in;
    line->gathered++;
}

/* Hands the frame to the carrier. Lock held. */
static void send_now(struct line *line)
{
    if (line->frames_acked != line->frames_in)
        gather_ack(line, BUS_ENVELOPE_ACK);
    line->busy = true;
    line->frame++;
    line->leaving = line->oneways;
    line->link->carrier->send(line->link, NULL, bus_buf_bytes(&line->gather));
    gather_reset(line);
}

void gather_flush(struct line *line)
{
    if (line->gathered && !line->busy && line->state == LINE_UP)
        send_now(line);
}

void line_flush(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    gather_flush(line);
    pthread_mutex_unlock(&line->lock);
}

void gather_done(struct line *line)
{
    bool full = line->gathered >= BUS_FLUSH_ENVELOPES ||
                line->gather.len >= BUS_FLUSH_BYTES;
    if (drain.depth == 0 || full) {
        gather_flush(line);
        return;
    }
    if (line->dirty)
        return;
    line->dirty = true;
    line_ref(line);
    line->dirty_next = drain.dirty;
    drain.dirty = line;
}

void drain_begin(void)
{
    drain.depth++;
}

void drain_end(void)
{
    if (--drain.depth > 0)
        return;
    while (drain.dirty) {
        struct line *line = drain.dirty;
        drain.dirty = line->dirty_next;
        pthread_mutex_lock(&line->lock);
        line->dirty = false;
        gather_flush(line);
        pthread_mutex_unlock(&line->lock);
        line_unref(line);
    }
}

static uint64_t budget_ms(const struct attempt *attempt)
{
    if (attempt->deadline == BUS_FOREVER)
        return 0;
    int64_t left = attempt->deadline - attempt->started;
    return left <= 0 ? 1 : (uint64_t)((left + BUS_MILLI - 1) / BUS_MILLI);
}

void gather_request(struct line *line, struct attempt *attempt)
{
    struct bus_frame_head head = {
        .kind = attempt->oneway ? BUS_ENVELOPE_ONEWAY : BUS_ENVELOPE_REQUEST,
        .tail = attempt->tail_count,
        .id = attempt->id,
        .budget_ms = budget_ms(attempt),
    };
    struct bus_bytes tail = {attempt->tail, attempt->tail_len};
    bus_frame_request(&line->gather, &head, tail);
    line->gathered++;
    line->oneways += attempt->oneway;
    attempt->frame = line->frame;
}

bool gather_room(struct line *line, const struct attempt *attempt)
{
    size_t len = line->gather.len + attempt->tail_len + 64;
    if (len > BUS_FRAME_BYTES_MAX)
        gather_flush(line);
    return line->gather.len + attempt->tail_len + 64 <= BUS_FRAME_BYTES_MAX;
}
