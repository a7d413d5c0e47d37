/* SPDX-License-Identifier: MIT
 *
 * The carrier of frames over nng's streams. A dialled link is a dialer that
 * speaks REQ, a hub a listener that speaks REP with a link for every
 * connection; a frame stands behind its backtrace, which a dialled link numbers
 * by itself and a hub's link is given with every frame. Events: link_event.c.
 */
#include "bus/link.h"

#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/dial.h"
#include "bus/frame.h"
#include "bus/link_stream.h"
#include "bus/listen.h"

#define REQUEST_BIT UINT32_C(0x80000000) /* ends the SP backtrace */

struct dialled {
    struct link base;
    struct dialer *dialer;
    const struct link_owner *owner;
    void *arg;
    uint32_t request; /* last id used */
};

struct hub {
    struct link_hub base;
    struct listener *listener;
    const struct link_hub_owner *owner;
    void *arg;
};

/* A hub's end of one connection. */
struct taken {
    struct link base;
    struct conn *conn;
    const struct link_owner *owner;
    void *arg;
};

static const struct link_carrier carrier;

/* ---- Dialled links ---- */

static void dialled_up(void *arg)
{
    struct dialled *link = arg;
    link->owner->up(link->arg);
}

static void dialled_message(void *arg, struct bus_bytes message)
{
    struct dialled *link = arg;
    size_t len = sp_backtrace(message, LINK_ROUTE_MAX);
    struct bus_bytes frame = {message.data + len, message.len - len};
    if (len)
        link->owner->frame(link->arg, NULL, frame);
    else
        dialer_drop(link->dialer);
}

static void dialled_sent(void *arg, bool taken)
{
    struct dialled *link = arg;
    link->owner->sent(link->arg, taken);
}

static void dialled_down(void *arg)
{
    struct dialled *link = arg;
    link->owner->down(link->arg);
}

static void dialled_gone(void *arg)
{
    struct dialled *link = arg;
    link->owner->gone(link->arg);
    free(link);
}

static const struct dialer_owner dialled_owner = {
    .up = dialled_up,
    .message = dialled_message,
    .sent = dialled_sent,
    .down = dialled_down,
    .gone = dialled_gone,
};

int stream_tls(struct stream_net *net, const char *url, bool server,
               struct nng_tls_config **ret, struct bus_error *err)
{
    int code = BUS_OK;
    *ret = NULL;
    if (strncmp(url, "tls+", 4) != 0)
        return BUS_OK;
    struct nng_tls_config **kept = server ? &net->server : &net->client;
    pthread_mutex_lock(&net->tls_lock);
    if (!*kept)
        code = conn_tls(&net->wire, server, kept, err);
    *ret = *kept;
    pthread_mutex_unlock(&net->tls_lock);
    return code;
}

static int stream_dial(struct link_net *base, const struct link_dial *dial,
                       struct link **ret, struct bus_error *err)
{
    struct stream_net *net = (struct stream_net *)base;
    struct nng_tls_config *tls = NULL;
    char url[BUS_WIRE_ADDRESS_MAX];
    int code = bus_wire_dial(&net->wire, dial->url, url, err);
    if (code == BUS_OK)
        code = stream_tls(net, url, false, &tls, err);
    if (code != BUS_OK)
        return code;
    struct dialled *link = conn_zeroed(sizeof(*link));
    link->base.carrier = &carrier;
    link->owner = dial->owner;
    link->arg = dial->arg;
    const struct dialer_start start = {
        .chores = net->chores,
        .url = url,
        .tls = tls,
        .kind = {.mapping = sp_mapping_of(url),
                 .self = SP_REQ,
                 .peer = SP_REP,
                 .message_max = LINK_ROUTE_MAX + BUS_FRAME_BYTES_MAX},
        .owner = &dialled_owner,
        .arg = link,
    };
    *ret = &link->base; /* up may be heard before we return */
    code = dialer_start(&start, &link->dialer, err);
    if (code != BUS_OK) {
        *ret = NULL;
        free(link);
    }
    return code;
}

static void dialled_send(struct link *base, const struct link_route *route,
                         struct bus_bytes frame)
{
    (void)route;
    struct dialled *link = (struct dialled *)base;
    uint32_t id = REQUEST_BIT | ++link->request;
    const uint8_t head[] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16),
                            (uint8_t)(id >> 8), (uint8_t)id};
    dialer_send(link->dialer, (struct bus_bytes){head, sizeof(head)}, frame);
}

static void dialled_drop(struct link *base)
{
    dialer_drop(((struct dialled *)base)->dialer);
}

static void dialled_close(struct link *base)
{
    dialer_close(((struct dialled *)base)->dialer);
}

/* ---- Hubs ---- */

static void taken_send(struct link *base, const struct link_route *route,
                       struct bus_bytes frame)
{
    struct bus_bytes head = {route->bytes, route->len};
    conn_send(((struct taken *)base)->conn, head, frame);
}

static void taken_drop(struct link *base)
{
    conn_cut(((struct taken *)base)->conn);
}

/* Of the links of a hub. */
static const struct link_carrier taken_carrier = {
    .send = taken_send,
    .drop = taken_drop,
};

static void hub_accept(void *arg, struct conn *conn, void **ret_guest)
{
    struct hub *hub = arg;
    struct taken *link = conn_zeroed(sizeof(*link));
    link->base.carrier = &taken_carrier;
    link->conn = conn;
    link->owner = hub->owner->peer;
    *ret_guest = link;
    hub->owner->accept(hub->arg, &link->base, &link->arg);
}

static void taken_message(void *guest, struct bus_bytes message)
{
    struct taken *link = guest;
    struct link_route route;
    size_t len = sp_backtrace(message, sizeof(route.bytes));
    if (len == 0) {
        conn_cut(link->conn);
        return;
    }
    route.len = (uint8_t)len;
    memcpy(route.bytes, message.data, len);
    struct bus_bytes frame = {message.data + len, message.len - len};
    link->owner->frame(link->arg, &route, frame);
}

static void taken_sent(void *guest, bool taken)
{
    struct taken *link = guest;
    link->owner->sent(link->arg, taken);
}

static void taken_closed(void *guest)
{
    struct taken *link = guest;
    link->owner->down(link->arg);
}

static void taken_gone(void *guest)
{
    struct taken *link = guest;
    link->owner->gone(link->arg);
    free(link);
}

static void hub_gone(void *arg)
{
    struct hub *hub = arg;
    hub->owner->gone(hub->arg);
    free(hub);
}

static const struct listener_owner hub_owner = {
    .accept = hub_accept,
    .message = taken_message,
    .sent = taken_sent,
    .closed = taken_closed,
    .guest_gone = taken_gone,
    .gone = hub_gone,
};

static int hub_listen(struct link_net *base, const struct link_listen *listen,
                      struct link_hub **ret, struct bus_error *err)
{
    struct stream_net *net = (struct stream_net *)base;
    struct nng_tls_config *tls = NULL;
    int code = stream_tls(net, listen->url, true, &tls, err);
    if (code != BUS_OK)
        return code;
    struct hub *hub = conn_zeroed(sizeof(*hub));
    hub->base.carrier = &carrier;
    hub->owner = listen->owner;
    hub->arg = listen->arg;
    struct listener_start start = {
        .chores = net->chores,
        .url = listen->url,
        .tls = tls,
        .kind = {.mapping = sp_mapping_of(listen->url),
                 .self = SP_REP,
                 .peer = SP_REQ,
                 .message_max = LINK_ROUTE_MAX + listen->frame_max},
        .owner = &hub_owner,
        .arg = hub,
    };
    if (listen->radio) {
        start.kind.also_self = SP_PUB;
        start.kind.also_peer = SP_SUB;
        start.also = stream_radio_also(listen->radio);
    }
    *ret = &hub->base;
    code = listener_start(&start, &hub->listener, err);
    if (code != BUS_OK) {
        *ret = NULL;
        if (start.also.owner)
            start.also.owner->gone(start.also.arg);
        free(hub);
    }
    return code;
}

static void hub_close(struct link_hub *base)
{
    listener_close(((struct hub *)base)->listener);
}

static int hub_port(struct link_hub *base)
{
    return listener_port(((struct hub *)base)->listener);
}

/* ---- The net ---- */

static bool net_close(struct link_net *base)
{
    struct stream_net *net = (struct stream_net *)base;
    if (!chores_stop(net->chores, LINK_CLOSE_MS))
        return false;
    conn_tls_free(net->client);
    conn_tls_free(net->server);
    pthread_mutex_destroy(&net->tls_lock);
    free(net);
    return true;
}

static const struct link_carrier carrier = {
    .dial = stream_dial,
    .send = dialled_send,
    .drop = dialled_drop,
    .close = dialled_close,
    .listen = hub_listen,
    .hub_close = hub_close,
    .hub_port = hub_port,
    .radio_open = stream_radio_open,
    .radio_send = stream_radio_send,
    .radio_close = stream_radio_close,
    .ear_open = stream_ear_open,
    .ear_close = stream_ear_close,
    .net_close = net_close,
};

struct link_net *link_net_stream(const struct bus_wire *wire)
{
    struct stream_net *net = conn_zeroed(sizeof(*net));
    net->base.carrier = &carrier;
    if (wire)
        net->wire = *wire;
    pthread_mutex_init(&net->tls_lock, NULL);
    net->chores = chores_start();
    return &net->base;
}
