/* SPDX-License-Identifier: MIT
 *
 * A line's life: dialled on first use, greeted with hello, up when welcomed.
 * Frames are numbered, so that when the connection goes it is known of
 * every call whether its frame can have arrived.
 */
#include "bus/line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ACK_EVERY (BUS_CREDIT_FRAMES / 4)
#define LATENCY_FIRST_US 100
#define REPLIES_AT_ONCE 32

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- What the carrier tells ---- */

static void line_up(void *arg)
{
    struct line *line = arg;
    struct bus_buf hello;
    bus_buf_init(&hello, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&hello, true);
    bus_frame_hello(&hello, BUS_ENVELOPE_HELLO, line->bus->actor, "", "");
    pthread_mutex_lock(&line->lock);
    if (line->state == LINE_DIALLING) {
        line->state = LINE_GREETING;
        line->since = bus_now(line->bus->clock);
        line->frames_in = line->frames_acked = 0;
        /* Not through the gathered frame: calls wait for the welcome. */
        if (!line->busy) {
            line->busy = true;
            line->link->carrier->send(line->link, NULL, bus_buf_bytes(&hello));
        }
    }
    pthread_mutex_unlock(&line->lock);
    bus_buf_release(&hello);
    bus_tick_at(line->bus,
                bus_now(line->bus->clock) + BUS_HELLO_MS * BUS_MILLI);
}

static void line_down(void *arg)
{
    struct line *line = arg;
    int64_t now = bus_now(line->bus->clock);
    pthread_mutex_lock(&line->lock);
    if (line->state != LINE_CLOSED)
        line->state = LINE_DIALLING;
    line->since = now;
    line->lost = line->busy;
    line->pinged = 0;
    struct attempt *unknown =
        slots_pick(&line->slots, slot_up_to_frame, (int64_t)line->taken);
    struct attempt *unsent = gather_unsent(line);
    gather_reset(line);
    if (unknown)
        line_count_loss(line, now);
    pthread_mutex_unlock(&line->lock);
    attempts_lost(unknown, ATTEMPT_UNKNOWN);
    attempts_lost(unsent, ATTEMPT_UNSENT);
    bus_names_poke(line->bus->names);
    bus_tick_at(line->bus, now); /* a retired line can be closed now */
}

/* Nobody answers these: they are done when they have left. */
static void oneways_finish(struct attempt *list)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    while (list) {
        struct attempt *attempt = list;
        list = attempt->next;
        attempt_finish(attempt, &reply, bus_now(attempt->bus->clock));
    }
}

static void line_sent(void *arg, bool taken)
{
    struct line *line = arg;
    struct attempt *list = NULL;
    struct attempt *left = NULL;
    pthread_mutex_lock(&line->lock);
    int64_t handed = (int64_t)line->frame - 1;
    line->busy = false;
    if (taken)
        line->taken = line->frame - 1;
    if (line->lost || !taken)
        list = slots_pick(&line->slots, slot_in_frame, handed);
    else if (line->leaving)
        left = slots_pick(&line->slots, slot_oneway_in_frame, handed);
    line->leaving = 0;
    line->lost = false;
    if (!line->dirty)
        gather_flush(line);
    pthread_mutex_unlock(&line->lock);
    attempts_lost(list, taken ? ATTEMPT_UNKNOWN : ATTEMPT_UNSENT);
    oneways_finish(left);
}

static bool refused_draining(const struct bus_envelope *envelope)
{
    static const char word[] = "draining";
    return envelope->code == BUS_UNAVAILABLE &&
           envelope->reason.len == sizeof(word) - 1 &&
           memcmp(envelope->reason.data, word, sizeof(word) - 1) == 0;
}

/* Replies of one frame, whose calls are found under one lock. */
struct replies {
    size_t count;
    struct bus_envelope envelopes[REPLIES_AT_ONCE];
    struct attempt *attempts[REPLIES_AT_ONCE];
};

static void reply_end(struct attempt *attempt,
                      const struct bus_envelope *envelope, int64_t now)
{
    if (refused_draining(envelope)) {
        attempt_lost(attempt, ATTEMPT_DRAINING);
        return;
    }
    struct bus_reply reply;
    bus_frame_to_reply(envelope, &reply);
    attempt_finish(attempt, &reply, now);
}

static void replies_end(struct line *line, struct replies *replies, int64_t now)
{
    if (replies->count == 0)
        return;
    pthread_mutex_lock(&line->lock);
    for (size_t i = 0; i < replies->count; i++) {
        struct attempt *attempt =
            slots_take(&line->slots, replies->envelopes[i].id);
        if (attempt)
            line_measure(line, now - attempt->started, now);
        replies->attempts[i] = attempt;
    }
    line->losses = 0;
    pthread_mutex_unlock(&line->lock);
    for (size_t i = 0; i < replies->count; i++)
        if (replies->attempts[i]) /* else too late, or answered twice */
            reply_end(replies->attempts[i], &replies->envelopes[i], now);
    replies->count = 0;
}

static void heard_welcome(struct line *line, int64_t now)
{
    pthread_mutex_lock(&line->lock);
    if (line->state == LINE_GREETING) {
        line->state = LINE_UP;
        line->since = line->heard = now;
        if (!line->greeted)
            line->born = now;
        line->greeted = true;
        gather_flush(line);
    }
    pthread_mutex_unlock(&line->lock);
}

static void heard_goodbye(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    line->draining = true;
    struct attempt *unsent = gather_unsent(line);
    gather_reset(line);
    gather_ack(line, BUS_ENVELOPE_FAREWELL);
    gather_flush(line);
    pthread_mutex_unlock(&line->lock);
    attempts_lost(unsent, ATTEMPT_DRAINING);
    bus_names_poke(line->bus->names);
}

static void heard_mark(struct line *line, const struct bus_envelope *envelope,
                       int64_t now)
{
    switch ((enum bus_envelope_kind)envelope->kind) {
    case BUS_ENVELOPE_WELCOME:
        heard_welcome(line, now);
        break;
    case BUS_ENVELOPE_GOODBYE:
        heard_goodbye(line);
        break;
    case BUS_ENVELOPE_REPLY:
    case BUS_ENVELOPE_REQUEST: /* not for a caller: ignored */
    case BUS_ENVELOPE_ONEWAY:
    case BUS_ENVELOPE_HELLO:
    case BUS_ENVELOPE_ACK:
    case BUS_ENVELOPE_PING:
    case BUS_ENVELOPE_PONG:
    case BUS_ENVELOPE_FAREWELL:
        break;
    }
}

/* Envelopes in their order: a mark after the replies before it. */
static enum bus_frame_step
heard_all(struct line *line, struct bus_frame_reader *reader, int64_t now)
{
    struct replies replies;
    enum bus_frame_step step;
    replies.count = 0;
    for (;;) {
        struct bus_envelope *next = &replies.envelopes[replies.count];
        step = bus_frame_next(reader, next);
        bool reply = step == BUS_FRAME_ONE && next->kind == BUS_ENVELOPE_REPLY;
        replies.count += reply;
        if (reply && replies.count < REPLIES_AT_ONCE)
            continue;
        replies_end(line, &replies, now);
        if (step != BUS_FRAME_ONE)
            return step;
        if (!reply)
            heard_mark(line, next, now);
    }
}

static void frame_begun(struct line *line, int64_t now)
{
    pthread_mutex_lock(&line->lock);
    line->frames_in++;
    line->heard = now;
    line->pinged = 0;
    line->silent = line->owing = false;
    pthread_mutex_unlock(&line->lock);
}

/* Replies nobody answers with requests must be acknowledged all the same. */
static void frame_ended(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    if (line->frames_in - line->frames_acked >= ACK_EVERY) {
        gather_ack(line, BUS_ENVELOPE_ACK);
        gather_done(line);
    }
    pthread_mutex_unlock(&line->lock);
}

/* No frame of this protocol: hang up, and dial anew. */
static void frame_bad(struct line *line)
{
    line->link->carrier->drop(line->link);
}

static void line_frame(void *arg, const struct link_route *route,
                       struct bus_bytes frame)
{
    (void)route;
    struct line *line = arg;
    struct bus_frame_reader reader;
    int64_t now = bus_now(line->bus->clock);
    if (!bus_frame_open(&reader, frame)) {
        frame_bad(line);
        return;
    }
    drain_begin();
    frame_begun(line, now);
    if (heard_all(line, &reader, now) == BUS_FRAME_BAD)
        frame_bad(line);
    else
        frame_ended(line);
    drain_end();
}

static void line_gone(void *arg)
{
    line_unref(arg);
}

static const struct link_owner line_owner = {
    .up = line_up,
    .down = line_down,
    .sent = line_sent,
    .frame = line_frame,
    .gone = line_gone,
};

/* ---- What callers want ---- */

struct line *line_new(struct bus *bus, const struct bus_name *name)
{
    struct line *line = calloc(1, sizeof(*line));
    if (!line)
        abort();
    line->bus = bus;
    line->name = *name;
    line->frame = 1;
    line->born = bus_now(bus->clock);
    atomic_init(&line->refs, 1);
    atomic_init(&line->latency_us, LATENCY_FIRST_US);
    pthread_mutex_init(&line->lock, NULL);
    /* Requests are checked one by one against the frame's limit. */
    bus_buf_init(&line->gather, BUS_FRAME_BYTES_MAX + BUS_FLUSH_BYTES);
    gather_reset(line);
    return line;
}

void line_ref(struct line *line)
{
    atomic_fetch_add_explicit(&line->refs, 1, memory_order_relaxed);
}

void line_unref(struct line *line)
{
    if (atomic_fetch_sub(&line->refs, 1) != 1)
        return;
    assert(line->slots.used == 0);
    bus_buf_release(&line->gather);
    pthread_mutex_destroy(&line->lock);
    slots_release(&line->slots);
    free(line);
}

/* The link of a line that was closed while it was being made is ours to close:
 * nobody else could, for it was not whole. */
static void line_dialled(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    line->dialled = true;
    struct link *link = line->state == LINE_CLOSED ? line->link : NULL;
    pthread_mutex_unlock(&line->lock);
    if (link)
        link->carrier->close(link);
}

/* Without the lock: the fixture's links tell `up` before dial returns. */
static void line_dial(struct line *line)
{
    struct link_net *net = line->bus->net;
    struct link_dial dial = {line->name.url, &line_owner, line};
    struct bus_error err;
    line_ref(line); /* the link's, until gone */
    if (net->carrier->dial(net, &dial, &line->link, &err) != BUS_OK) {
        line_unref(line);
        line_close(line);
    } else {
        line_dialled(line);
    }
    bus_tick_at(line->bus,
                bus_now(line->bus->clock) + BUS_HELLO_MS * BUS_MILLI);
}

static bool dial_due(struct line *line)
{
    if (line->state != LINE_IDLE || line->retired)
        return false;
    line->state = LINE_DIALLING;
    line->since = bus_now(line->bus->clock);
    return true;
}

void line_warm(struct line *line)
{
    if (line->state != LINE_IDLE)
        return;
    pthread_mutex_lock(&line->lock);
    bool dial = dial_due(line);
    pthread_mutex_unlock(&line->lock);
    if (dial)
        line_dial(line);
}

enum line_take line_add(struct line *line, struct attempt *attempt)
{
    pthread_mutex_lock(&line->lock);
    bool refused = line->state == LINE_CLOSED || line->draining ||
                   (line->retired && line->state != LINE_UP);
    if (refused || !gather_room(line, attempt) ||
        !slots_add(&line->slots, attempt)) {
        pthread_mutex_unlock(&line->lock);
        return refused ? LINE_REFUSED : LINE_FULL;
    }
    if (line->slots.used == 1 && !line->owing)
        line->heard = attempt->started;
    gather_request(line, attempt);
    int64_t wake =
        earlier(attempt->deadline, attempt->started + BUS_PING_MS * BUS_MILLI);
    bool dial = dial_due(line);
    gather_done(line);
    pthread_mutex_unlock(&line->lock);
    if (dial)
        line_dial(line);
    /* From here on the attempt may be gone. */
    bus_tick_at(line->bus, wake);
    return LINE_TOOK;
}

void line_retire(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    line->retired = true;
    line->retired_at = bus_now(line->bus->clock);
    struct attempt *unsent = NULL;
    if (line->state != LINE_UP) {
        unsent = gather_unsent(line);
        gather_reset(line);
    }
    pthread_mutex_unlock(&line->lock);
    attempts_lost(unsent, ATTEMPT_UNSENT);
    bus_tick_at(line->bus, bus_now(line->bus->clock));
}

void line_close(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    bool first = line->state != LINE_CLOSED;
    line->state = LINE_CLOSED;
    struct link *link = first && line->dialled ? line->link : NULL;
    struct attempt *unsent = gather_unsent(line);
    struct attempt *unknown = slots_pick(&line->slots, slot_any, 0);
    gather_reset(line);
    pthread_mutex_unlock(&line->lock);
    if (link)
        link->carrier->close(link);
    attempts_lost(unsent, ATTEMPT_UNSENT);
    attempts_lost(unknown, ATTEMPT_UNKNOWN);
}

/* ---- What time brings ---- */

/* A connection that does not come, or says nothing. Returns its lost calls. */
static struct attempt *tick_unwelcome(struct line *line, int64_t now,
                                      int64_t *wake)
{
    if (line->state != LINE_DIALLING && line->state != LINE_GREETING)
        return NULL;
    int64_t due = line->since + BUS_HELLO_MS * BUS_MILLI;
    if (now < due) {
        *wake = earlier(*wake, due);
        return NULL;
    }
    line->since = now;
    if (line->state == LINE_GREETING)
        line->link->carrier->drop(line->link);
    struct attempt *unsent = gather_unsent(line);
    gather_reset(line);
    return unsent;
}

/* An instance that says nothing while calls wait. */
static struct attempt *tick_silent(struct line *line, int64_t now,
                                   int64_t *wake)
{
    if (line->state != LINE_UP ||
        (line->slots.used == 0 && !line->silent && !line->owing))
        return NULL;
    int64_t quiet = now - line->heard;
    int64_t last = line->pinged ? line->pinged : line->heard;
    if (now - last >= BUS_PING_MS * BUS_MILLI) {
        line->pinged = now;
        bus_frame_mark(&line->gather, BUS_ENVELOPE_PING, 0);
        line->gathered++;
        gather_flush(line);
    }
    *wake = earlier(*wake, now + (BUS_SILENT_MS - BUS_PING_MS) * BUS_MILLI);
    if (quiet < BUS_SILENT_MS * BUS_MILLI)
        return NULL;
    line->silent = true;
    return slots_pick(&line->slots, slot_repeatable, 0);
}

/* The instance hangs up itself; only one that does not is hung up on. */
static bool tick_retired(struct line *line, int64_t now, int64_t *wake)
{
    if (!line->retired || line->slots.used > 0 || line->busy)
        return false;
    int64_t due = line->retired_at + BUS_HANGUP_MS * BUS_MILLI;
    if ((line->state != LINE_UP && line->state != LINE_GREETING) || now >= due)
        return true;
    *wake = earlier(*wake, due);
    return false;
}

int64_t line_tick(struct line *line, int64_t now, bool *ret_closed)
{
    int64_t wake = BUS_FOREVER;
    pthread_mutex_lock(&line->lock);
    struct attempt *overdue = slots_pick(&line->slots, slot_overdue, now);
    line_note_overdue(line, overdue, now);
    struct attempt *unsent = tick_unwelcome(line, now, &wake);
    struct attempt *silent = tick_silent(line, now, &wake);
    wake = earlier(wake, slots_next_deadline(&line->slots));
    bool close = tick_retired(line, now, &wake);
    *ret_closed = close || line->state == LINE_CLOSED;
    pthread_mutex_unlock(&line->lock);
    attempts_overdue(overdue);
    attempts_lost(unsent, ATTEMPT_UNSENT);
    attempts_lost(silent, ATTEMPT_SILENT);
    if (close)
        line_close(line);
    return wake;
}
