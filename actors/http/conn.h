/* SPDX-License-Identifier: MIT
 *
 * What server.c and conn.c share and nobody else includes: the server with its
 * lists, and one connection.
 */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include "actors/http/server.h"
#include "actors/http/tls.h"

/* Bytes read past a request: one read, and the record that it completed. */
#define HTTP_PENDING_MAX (HTTP_READ_BYTES + 2 * HTTP_TLS_RECORD)

struct http_listener {
    struct http_server *server;
    struct http_listener *next;
    http_serve *serve;
    void *arg;
    size_t body_max;
    struct http_tls *tls; /* the caller's; NULL: none */
    uv_tcp_t tcp;
    bool listening;
};

struct http_server {
    struct http_server_options options;
    struct http_listener *listeners;
    struct http_conn *conns;
    size_t conn_count;
    bool leaving;
    uint8_t read_bytes[HTTP_READ_BYTES];
    char date[40];
    int64_t date_second;
};

struct http_conn {
    struct http_server *server;
    const struct http_listener *listener;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct http_reader reader;
    struct tls_link *link;  /* NULL: what is read is what was sent */
    struct bus_buf sealed;  /* out as records */
    struct bus_buf pending; /* bytes read past the current request */
    struct bus_buf out;
    struct http_ticket *ticket;     /* NULL: none under way */
    struct http_conn *next, **self; /* among all connections */
    char peer[64];
    int handles; /* still open: tcp and timer */
    bool taking; /* inside take(): it will go on by itself */
    bool ending; /* the last answer is out or on its way */
    bool closing;
};

void conn_accept(struct http_listener *listener);
void conn_close(struct http_conn *conn);

/* When leaving: closes a connection that has nothing under way, soon. */
void conn_part(struct http_conn *conn);

/* server.c */
const char *server_date(struct http_server *server);

#endif
