/* SPDX-License-Identifier: MIT
 *
 * Takes connections at an address. An accept that fails (out of descriptors) is
 * tried again; nothing but closing ends it.
 */
#ifndef BUS_LISTEN_H
#define BUS_LISTEN_H

#include "bus/conn.h"

#define LISTEN_AGAIN_MS 50 /* after an accept that failed */

struct listener;
struct bus_error;

/* On nng's threads; none may block. accept: a connection has shaken hands;
 * it sets *ret_guest, before it sends anything, to the arg of what is heard of
 * that connection alone: message, sent, closed and gone as in conn.h. gone of
 * the listener comes last of all. */
struct listener_owner {
    void (*accept)(void *arg, struct conn *conn, void **ret_guest);
    void (*message)(void *guest, struct bus_bytes message);
    void (*sent)(void *guest, bool taken);
    void (*closed)(void *guest);
    void (*guest_gone)(void *guest);
    void (*gone)(void *arg);
};

/* Whose connections are that speak kind.also_peer; owner NULL: there are none.
 * Its gone comes, too. */
struct listener_also {
    const struct listener_owner *owner;
    void *arg;
};

struct listener_start {
    struct chores *chores;
    const char *url;
    struct conn_kind kind;
    struct nng_tls_config *tls; /* for tls+tcp; NULL: another scheme */
    const struct listener_owner *owner;
    void *arg;
    struct listener_also also;
};

/* *ret is set before anything is heard. */
int listener_start(const struct listener_start *start, struct listener **ret,
                   struct bus_error *err);

/* The tcp port it listens on: what port 0 became. */
int listener_port(struct listener *listener);

/* Takes no connection any more and cuts all; gone follows. */
void listener_close(struct listener *listener);

#endif
