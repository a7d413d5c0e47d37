/* SPDX-License-Identifier: MIT
 *
 * Keeps one connection to an address: dials until somebody answers, and again
 * when the connection ends.
 */
#ifndef BUS_DIAL_H
#define BUS_DIAL_H

#include "bus/conn.h"

#define DIAL_AGAIN_MIN_MS 20 /* between tries, doubling */
#define DIAL_AGAIN_MAX_MS 500

struct dialer;
struct bus_error;

/* On nng's threads; none may block. up, then messages, then down, and so on;
 * sent for every send, also after down; gone last. */
struct dialer_owner {
    void (*up)(void *arg);
    void (*message)(void *arg, struct bus_bytes message);
    void (*sent)(void *arg, bool taken);
    void (*down)(void *arg);
    void (*gone)(void *arg);
};

struct dialer_start {
    struct chores *chores;
    const char *url;
    struct conn_kind kind;
    struct nng_tls_config *tls; /* for tls+tcp; NULL: another scheme */
    const struct dialer_owner *owner;
    void *arg;
};

/* *ret is set before anything is heard. */
int dialer_start(const struct dialer_start *start, struct dialer **ret,
                 struct bus_error *err);

/* Between up and the return of down, one at a time. */
void dialer_send(struct dialer *dialer, struct bus_bytes head,
                 struct bus_bytes body);
/* Cuts the connection, if there is one; another follows. */
void dialer_drop(struct dialer *dialer);
/* gone follows, on another thread. */
void dialer_close(struct dialer *dialer);

#endif
