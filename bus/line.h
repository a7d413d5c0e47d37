/* SPDX-License-Identifier: MIT
 *
 * A line: the caller's end of the connection to one instance. Requests gather
 * in a frame while the one before is on its way; replies are matched by id.
 */
#ifndef BUS_LINE_H
#define BUS_LINE_H

#include "bus/bus_internal.h"
#include "bus/frame.h"
#include "bus/slots.h"

enum line_state {
    LINE_IDLE,     /* never used */
    LINE_DIALLING, /* no connection yet, or lost */
    LINE_GREETING, /* connected, hello not answered */
    LINE_UP,
    LINE_CLOSED,
};

/* Chained in its route or among the retired, under the router's lock. */
struct line {
    struct line *next;
    struct bus *bus;
    struct bus_name name;
    atomic_uint refs;
    atomic_uint latency_us;        /* peak EWMA */
    _Atomic uint8_t state;         /* enum line_state, written under lock */
    _Atomic int64_t measured;      /* when latency_us was */
    atomic_bool draining;          /* said goodbye */
    atomic_bool silent;            /* answers no ping */
    _Atomic int64_t born;          /* when it was first up; until then, made */
    _Atomic int64_t ejected_until; /* passed over; 0: not */

    pthread_mutex_t lock;
    unsigned losses; /* connections lost in mid-call since the last answer */
    bool greeted;    /* was up once */
    bool retired;    /* its name is gone */
    int64_t retired_at;
    struct link *link;
    bool dialled;   /* it is there, and whoever closes the line closes it */
    int64_t since;  /* of the state */
    int64_t heard;  /* last sign of life, or first call after idling */
    int64_t pinged; /* last ping sent since heard; 0: none */
    bool owing;     /* a deadline passed since, and nothing was heard */

    struct bus_buf gather; /* the frame being gathered */
    uint32_t gathered;     /* envelopes in it */
    uint32_t oneways;      /* one-way calls in it */
    uint32_t leaving;      /* one-way calls in the frame before it */
    uint64_t frame;        /* its number, from 1 */
    uint64_t taken;        /* the last frame a connection took */
    bool busy;             /* frame - 1 is being handed over */
    bool lost;             /* its connection went away meanwhile */
    bool dirty;            /* in some thread's list to be flushed */
    struct line *dirty_next;
    uint64_t frames_in; /* of this connection */
    uint64_t frames_acked;

    struct slots slots; /* calls in flight */
};

enum line_take { LINE_TOOK, LINE_REFUSED, LINE_FULL };

struct line *line_new(struct bus *bus, const struct bus_name *name);
void line_ref(struct line *line);
void line_unref(struct line *line);

/* Takes a call; REFUSED if the line closes or drains: choose another. */
enum line_take line_add(struct line *line, struct attempt *attempt);
/* Connects, if it never did. */
void line_warm(struct line *line);
/* Sends what is gathered. */
void line_flush(struct line *line);
/* The name is gone: no new calls; closed by line_tick when it has none. */
void line_retire(struct line *line);
/* What time brings; returns when to come again. *ret_closed: forget it. */
int64_t line_tick(struct line *line, int64_t now, bool *ret_closed);
/* Ends it now: every call in flight is failed. */
void line_close(struct line *line);

/* line_health.c, lock held: an answer came after so many ns; a connection was
 * lost with calls in flight. */
void line_measure(struct line *line, int64_t sample, int64_t now);
void line_count_loss(struct line *line, int64_t now);
/* Deadlines of these passed without an answer. */
void line_note_overdue(struct line *line, const struct attempt *list,
                       int64_t now);

/* The frame being gathered (line_gather.c), lock held. */
void gather_reset(struct line *line);
/* Hands it over, if it may go now. */
void gather_flush(struct line *line);
/* Something was gathered: it leaves now, or at the end of this thread's drain.
 */
void gather_done(struct line *line);
/* A frame must not outgrow what the other side takes: a large request leaves
 * what was gathered before it to a frame of its own. False: try again after the
 * frame in the way was taken. */
bool gather_room(struct line *line, const struct attempt *attempt);
void gather_request(struct line *line, struct attempt *attempt);
/* Says how many frames came; kind: ACK, or a FAREWELL with it. */
void gather_ack(struct line *line, enum bus_envelope_kind kind);
/* Takes out the calls of the frame that was not handed over yet. */
struct attempt *gather_unsent(struct line *line);

/* While a thread handles what came in one frame, what it causes is held back
 * and leaves at the end as one frame a line. */
void drain_begin(void);
void drain_end(void);

#endif
