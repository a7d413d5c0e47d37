/* SPDX-License-Identifier: MIT
 *
 * What the two files of nng's carrier share.
 */
#ifndef BUS_LINK_NNG_H
#define BUS_LINK_NNG_H

#include <stddef.h>

#include <nng/nng.h>

#include "bus/link.h"
#include "bus/reap.h"

#define LINK_QUIET_NS INT64_C(30000000) /* after a frame, before a close */

struct nng_net {
    struct link_net base;
    struct reaper *reaper;
};

#define OWNER_OF(type, pointer, member)                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

extern const struct link_carrier link_carrier_nng;

/* calloc, or the end. */
void *link_zeroed(size_t size);

/* "cannot WHAT URL: nng's words"; returns the code. */
int link_failed(int rv, const char *what, const char *url,
                struct bus_error *err);

nng_aio *link_aio_new(void (*done)(void *), void *arg);
/* Stops, frees. NULL: nothing. */
void link_aio_end(nng_aio *aio);

nng_msg *link_message(struct bus_bytes frame);
struct bus_bytes link_body(nng_msg *msg);

int link_limits(nng_socket socket, size_t frame_max);
int link_events(nng_socket socket, nng_pipe_cb heard, void *arg);

int link_radio_open(struct link_net *base,
                    const struct link_listen_events *listen,
                    struct link_radio **ret, struct bus_error *err);
void link_radio_send(struct link_radio *base, struct bus_bytes message);
void link_radio_close(struct link_radio *base);
int link_ear_open(struct link_net *base, const struct link_follow *follow,
                  struct link_ear **ret, struct bus_error *err);
void link_ear_close(struct link_ear *base);

#endif
