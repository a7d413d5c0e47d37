/* SPDX-License-Identifier: MIT
 *
 * What calls have taught of an instance: how long they take there, and whether
 * its connections hold. route.c chooses by it.
 */
#include "bus/line.h"

#define LATENCY_DECAY (10 * BUS_SECOND)

/* Peak EWMA: a slower answer counts at once, faster ones by and by. */
void line_measure(struct line *line, int64_t sample, int64_t now)
{
    int64_t us = sample / 1000;
    int64_t old = atomic_load_explicit(&line->latency_us, memory_order_relaxed);
    int64_t since = now - line->measured;
    int64_t next = us;
    if (us < old)
        next = (old * LATENCY_DECAY + us * since) / (LATENCY_DECAY + since);
    if (next > UINT32_MAX)
        next = UINT32_MAX;
    atomic_store_explicit(&line->latency_us, (unsigned)next,
                          memory_order_relaxed);
    line->measured = now;
}

/* One that loses connection after connection under calls is passed over for a
 * while; the calls that then come to it again are the probe. Lock held. */
void line_count_loss(struct line *line, int64_t now)
{
    if (++line->losses < BUS_EJECT_LOSSES)
        return;
    unsigned doublings = line->losses - BUS_EJECT_LOSSES;
    int64_t ms = (int64_t)BUS_EJECT_MS << (doublings < 5 ? doublings : 5);
    line->ejected_until =
        now + (ms < BUS_EJECT_MS_MAX ? ms : BUS_EJECT_MS_MAX) * BUS_MILLI;
}

/* An instance that answers too late is as slow as that, at least; and one that
 * says nothing must not look idle between calls that give up early. */
void line_note_overdue(struct line *line, const struct attempt *list,
                       int64_t now)
{
    for (; list; list = list->next) {
        line_measure(line, now - list->started, now);
        line->owing |= line->heard <= list->started;
    }
}
