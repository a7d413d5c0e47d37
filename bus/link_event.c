/* SPDX-License-Identifier: MIT
 *
 * The stream carrier for events: a radio is a listener that speaks PUB, an ear
 * a dialer that speaks SUB. What a subscriber does not take at once gathers,
 * up to a limit, and leaves in one piece; beyond it its events are lost, which
 * their numbers tell. Nothing is filtered here: a subscriber hears everything.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bus/code.h"
#include "bus/dial.h"
#include "bus/frame.h"
#include "bus/link_stream.h"
#include "bus/listen.h"

#define RADIO_QUEUE 4096 /* messages a subscriber may lag */
#define RADIO_QUEUE_BYTES (2 * BUS_FRAME_BYTES_MAX)
#define MESSAGE_LEAST 64 /* publishers are told nothing */

struct radio {
    struct link_radio base;
    struct listener *listener;
    atomic_uint refs; /* listeners */
    pthread_mutex_t lock;
    struct subscriber *subscribers;
    pthread_mutex_t told;      /* held while joined is called */
    void (*joined)(void *arg); /* NULL: closed */
    void *arg;
};

struct subscriber {
    struct subscriber *next;
    struct radio *radio;
    struct conn *conn; /* NULL: closed */
    enum sp_mapping mapping;
    struct bus_buf waiting;
    unsigned count; /* messages in it */
    bool busy;
};

struct ear {
    struct link_ear base;
    struct dialer *dialer;
    const struct link_ear_owner *owner;
    void *arg;
};

/* ---- Radios ---- */

/* Lock held. */
static void pump(struct subscriber *sub)
{
    if (sub->busy || !sub->conn || sub->count == 0)
        return;
    sub->busy = true;
    conn_send_framed(sub->conn, bus_buf_bytes(&sub->waiting));
    bus_buf_reset(&sub->waiting);
    sub->count = 0;
}

/* Lock held. */
static void gather(struct subscriber *sub, struct bus_bytes message)
{
    uint8_t head[SP_HEAD_MAX];
    size_t len = sp_head(sub->mapping, message.len, head);
    if (sub->count >= RADIO_QUEUE ||
        sub->waiting.len + len + message.len > RADIO_QUEUE_BYTES)
        return;
    bus_buf_add(&sub->waiting, head, len);
    bus_buf_add(&sub->waiting, message.data, message.len);
    sub->count++;
    pump(sub);
}

void stream_radio_send(struct link_radio *base, struct bus_bytes message)
{
    struct radio *radio = (struct radio *)base;
    pthread_mutex_lock(&radio->lock);
    for (struct subscriber *sub = radio->subscribers; sub; sub = sub->next)
        gather(sub, message);
    pthread_mutex_unlock(&radio->lock);
}

static void radio_accept(void *arg, struct conn *conn, void **ret_guest)
{
    struct radio *radio = arg;
    struct subscriber *sub = conn_zeroed(sizeof(*sub));
    *ret_guest = sub;
    sub->radio = radio;
    sub->conn = conn;
    sub->mapping = conn_mapping(conn);
    bus_buf_init(&sub->waiting, RADIO_QUEUE_BYTES);
    pthread_mutex_lock(&radio->lock);
    sub->next = radio->subscribers;
    radio->subscribers = sub;
    pthread_mutex_unlock(&radio->lock);
    pthread_mutex_lock(&radio->told);
    if (radio->joined)
        radio->joined(radio->arg);
    pthread_mutex_unlock(&radio->told);
}

static void sub_message(void *guest, struct bus_bytes message)
{
    (void)guest; /* a subscriber has nothing to say */
    (void)message;
}

static void sub_sent(void *guest, bool taken)
{
    (void)taken;
    struct subscriber *sub = guest;
    pthread_mutex_lock(&sub->radio->lock);
    sub->busy = false;
    pump(sub);
    pthread_mutex_unlock(&sub->radio->lock);
}

static void sub_closed(void *guest)
{
    struct subscriber *sub = guest;
    pthread_mutex_lock(&sub->radio->lock);
    struct subscriber **at = &sub->radio->subscribers;
    while (*at != sub)
        at = &(*at)->next;
    *at = sub->next;
    sub->conn = NULL;
    pthread_mutex_unlock(&sub->radio->lock);
}

static void sub_gone(void *guest)
{
    struct subscriber *sub = guest;
    bus_buf_release(&sub->waiting);
    free(sub);
}

static void radio_gone(void *arg)
{
    struct radio *radio = arg;
    if (atomic_fetch_sub(&radio->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&radio->lock);
    pthread_mutex_destroy(&radio->told);
    free(radio);
}

static const struct listener_owner radio_owner = {
    .accept = radio_accept,
    .message = sub_message,
    .sent = sub_sent,
    .closed = sub_closed,
    .guest_gone = sub_gone,
    .gone = radio_gone,
};

int stream_radio_open(struct link_net *base,
                      const struct link_listen_events *listen,
                      struct link_radio **ret, struct bus_error *err)
{
    struct radio *radio = conn_zeroed(sizeof(*radio));
    radio->base.carrier = base->carrier;
    atomic_init(&radio->refs, 1);
    pthread_mutex_init(&radio->lock, NULL);
    pthread_mutex_init(&radio->told, NULL);
    radio->joined = listen->joined;
    radio->arg = listen->arg;
    const struct listener_start start = {
        .chores = ((struct stream_net *)base)->chores,
        .url = listen->url,
        .kind = {.mapping = sp_mapping_of(listen->url),
                 .self = SP_PUB,
                 .peer = SP_SUB,
                 .message_max = MESSAGE_LEAST},
        .owner = &radio_owner,
        .arg = radio,
    };
    *ret = &radio->base;
    int code = listener_start(&start, &radio->listener, err);
    if (code != BUS_OK) {
        *ret = NULL;
        radio_gone(radio);
    }
    return code;
}

struct listener_also stream_radio_also(struct link_radio *base)
{
    struct radio *radio = (struct radio *)base;
    atomic_fetch_add(&radio->refs, 1);
    return (struct listener_also){&radio_owner, radio};
}

void stream_radio_close(struct link_radio *base)
{
    struct radio *radio = (struct radio *)base;
    pthread_mutex_lock(&radio->told);
    radio->joined = NULL;
    pthread_mutex_unlock(&radio->told);
    listener_close(radio->listener);
}

/* ---- Ears ---- */

static void ear_up(void *arg)
{
    struct ear *ear = arg;
    ear->owner->up(ear->arg);
}

static void ear_message(void *arg, struct bus_bytes message)
{
    struct ear *ear = arg;
    ear->owner->heard(ear->arg, message);
}

static void ear_down(void *arg)
{
    struct ear *ear = arg;
    ear->owner->down(ear->arg);
}

static void ear_gone(void *arg)
{
    struct ear *ear = arg;
    ear->owner->gone(ear->arg);
    free(ear);
}

static const struct dialer_owner ear_owner = {
    .up = ear_up,
    .message = ear_message,
    .down = ear_down,
    .gone = ear_gone,
};

int stream_ear_open(struct link_net *base, const struct link_follow *follow,
                    struct link_ear **ret, struct bus_error *err)
{
    struct stream_net *net = (struct stream_net *)base;
    struct nng_tls_config *tls = NULL;
    char url[BUS_WIRE_ADDRESS_MAX];
    int code = bus_wire_dial(&net->wire, follow->url, url, err);
    if (code == BUS_OK)
        code = stream_tls(net, url, false, &tls, err);
    if (code != BUS_OK)
        return code;
    struct ear *ear = conn_zeroed(sizeof(*ear));
    ear->base.carrier = base->carrier;
    ear->owner = follow->owner;
    ear->arg = follow->arg;
    const struct dialer_start start = {
        .chores = net->chores,
        .url = url,
        .tls = tls,
        .kind = {.mapping = sp_mapping_of(url),
                 .self = SP_SUB,
                 .peer = SP_PUB,
                 .message_max = BUS_FRAME_BYTES_MAX},
        .owner = &ear_owner,
        .arg = ear,
    };
    *ret = &ear->base;
    code = dialer_start(&start, &ear->dialer, err);
    if (code != BUS_OK) {
        *ret = NULL;
        free(ear);
    }
    return code;
}

void stream_ear_close(struct link_ear *base)
{
    dialer_close(((struct ear *)base)->dialer);
}
