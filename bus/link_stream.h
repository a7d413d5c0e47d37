/* SPDX-License-Identifier: MIT
 *
 * What the two files of the stream carrier share.
 */
#ifndef BUS_LINK_STREAM_H
#define BUS_LINK_STREAM_H

#include <pthread.h>

#include "bus/chores.h"
#include "bus/link.h"
#include "bus/listen.h"
#include "bus/wire.h"

struct stream_net {
    struct link_net base;
    struct chores *chores;
    struct bus_wire wire;
    pthread_mutex_t tls_lock;
    struct nng_tls_config *client, *server; /* NULL until first used */
};

/* Our side's certificates for an address; *ret NULL where it needs none. */
int stream_tls(struct stream_net *net, const char *url, bool server,
               struct nng_tls_config **ret, struct bus_error *err);

/* Takes subscribers at another address: what speaks SUB there is the radio's,
 * until that listener's also.gone. */
struct listener_also stream_radio_also(struct link_radio *base);

int stream_radio_open(struct link_net *base,
                      const struct link_listen_events *listen,
                      struct link_radio **ret, struct bus_error *err);
void stream_radio_send(struct link_radio *base, struct bus_bytes message);
void stream_radio_close(struct link_radio *base);
int stream_ear_open(struct link_net *base, const struct link_follow *follow,
                    struct link_ear **ret, struct bus_error *err);
void stream_ear_close(struct link_ear *base);

#endif
