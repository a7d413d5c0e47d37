/* SPDX-License-Identifier: MIT
 *
 * One connection: a byte stream of nng's (ipc, tcp, tls) that carries SP
 * messages. nng's sockets are not used: in nng 1.5.2 a socket whose connection
 * ends in the middle of a message may hang for good, and its listeners die of
 * peers that leave during the handshake. Its streams do neither, as long as
 * nothing is begun on one that was closed, which is the rule of conn.c.
 */
#ifndef BUS_CONN_H
#define BUS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/chores.h"
#include "bus/sp.h"

#define CONN_GREETING_MS 10000 /* for the other side to say what it speaks */

struct conn;
struct bus_error;
struct nng_stream;
struct nng_tls_config;
struct bus_wire;

/* All of it on nng's threads, opened to closed one call at a time; none may
 * block. opened is not heard of a connection that never shook hands, the rest
 * always: closed once, after which conn must not be used; sent for every send,
 * also after closed; gone last. */
struct conn_owner {
    void (*opened)(void *arg, struct conn *conn);
    void (*message)(void *arg, struct bus_bytes message);
    void (*sent)(void *arg, bool taken);
    void (*closed)(void *arg);
    void (*gone)(void *arg);
};

/* What both ends of a connection agree upon. */
struct conn_kind {
    enum sp_mapping mapping;
    uint16_t self, peer; /* SP protocols */
    /* What a connection that was taken may speak instead: then its other side
     * is the first to say what it speaks. 0: nothing else. */
    uint16_t also_self, also_peer;
    size_t message_max; /* bytes taken */
};

struct conn_start {
    struct chores *chores;
    struct conn_kind kind;
    struct nng_stream *stream; /* becomes the connection's */
    const struct conn_owner *owner;
    void *arg;
};

/* *ret is set before anything is heard. */
void conn_start(const struct conn_start *start, struct conn **ret);

/* What the other side speaks; from opened on. */
uint16_t conn_peer(const struct conn *conn);
enum sp_mapping conn_mapping(const struct conn *conn);

/* Sends one message made of two parts, which are copied. One at a time: the
 * next after sent was heard. Not after closed has returned. */
void conn_send(struct conn *conn, struct bus_bytes head, struct bus_bytes body);

/* The same with messages that have their lengths already. */
void conn_send_framed(struct conn *conn, struct bus_bytes messages);

/* Ends it: closed follows, on another thread. May be called with locks held
 * that the owner takes. */
void conn_cut(struct conn *conn);

/* One end's half of mutual TLS: both sides show a certificate of the same CA.
 * *ret is freed with conn_tls_free. FAILED_PRECONDITION names the file that
 * cannot be used. */
int conn_tls(const struct bus_wire *wire, bool server,
             struct nng_tls_config **ret, struct bus_error *err);
void conn_tls_free(struct nng_tls_config *tls); /* NULL: nothing */

/* calloc, or the end. */
void *conn_zeroed(size_t size);

/* "cannot WHAT URL: nng's words"; returns the code. */
int conn_failed(int rv, const char *what, const char *url,
                struct bus_error *err);

#endif
