/* SPDX-License-Identifier: MIT
 *
 * Listeners and the server's life.
 */
#include "actors/http/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "actors/http/conn.h"
#include "bus/code.h"

const struct http_waits http_waits_default = {
    .idle_ms = HTTP_IDLE_MS,
    .head_ms = HTTP_HEAD_MS,
    .body_ms = HTTP_BODY_MS,
    .write_ms = HTTP_WRITE_MS,
    .linger_ms = HTTP_LINGER_MS,
};

struct http_server *http_server_new(const struct http_server_options *options)
{
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server)
        abort();
    server->options = *options;
    server->date_second = -1;
    return server;
}

const char *server_date(struct http_server *server)
{
    int64_t second = bus_wall(server->options.clock) / 1000000;
    if (second != server->date_second) {
        struct tm tm;
        time_t at = (time_t)second;
        gmtime_r(&at, &tm);
        strftime(server->date, sizeof(server->date),
                 "%a, %d %b %Y %H:%M:%S GMT", &tm);
        server->date_second = second;
    }
    return server->date;
}

/* --- listeners --- */

static void on_connection(uv_stream_t *stream, int status)
{
    struct http_listener *listener = stream->data;
    if (status == 0)
        conn_accept(listener);
}

static struct http_listener *
listener_new(struct http_server *server,
             const struct http_listener_options *options)
{
    struct http_listener *listener = calloc(1, sizeof(*listener));
    if (!listener || uv_tcp_init(server->options.loop, &listener->tcp))
        abort();
    listener->server = server;
    listener->serve = options->serve;
    listener->arg = options->arg;
    listener->body_max = options->body_max;
    listener->tls = options->tls;
    listener->tcp.data = listener;
    listener->listening = true;
    listener->next = server->listeners;
    server->listeners = listener;
    return listener;
}

int http_listen(struct http_server *server,
                const struct http_listener_options *options,
                struct http_listener **ret, struct bus_error *err)
{
    struct sockaddr_storage address;
    const char *host = options->host;
    if (uv_ip4_addr(host, options->port, (struct sockaddr_in *)&address) &&
        uv_ip6_addr(host, options->port, (struct sockaddr_in6 *)&address))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s: key Host: found \"%s\", expected an IP "
                             "address",
                             options->name, host);
    struct http_listener *listener = listener_new(server, options);
    int failed = uv_tcp_bind(&listener->tcp, (struct sockaddr *)&address, 0);
    if (!failed)
        failed = uv_listen((uv_stream_t *)&listener->tcp, HTTP_BACKLOG,
                           on_connection);
    if (failed)
        return bus_error_set(err, BUS_UNAVAILABLE, "%s: port %d: %s",
                             options->name, options->port, uv_strerror(failed));
    if (ret)
        *ret = listener;
    return BUS_OK;
}

int http_listener_port(const struct http_listener *listener)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    if (uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&address, &len))
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void listeners_close(struct http_server *server)
{
    struct http_listener *listener = server->listeners;
    for (; listener; listener = listener->next) {
        if (listener->listening)
            uv_close((uv_handle_t *)&listener->tcp, NULL);
        listener->listening = false;
    }
}

/* --- ends --- */

void http_server_leave(struct http_server *server)
{
    server->leaving = true;
    listeners_close(server);
    for (struct http_conn *conn = server->conns; conn; conn = conn->next)
        conn_part(conn);
}

void http_server_close(struct http_server *server)
{
    listeners_close(server);
    for (struct http_conn *conn = server->conns; conn; conn = conn->next)
        conn_close(conn);
}

void http_server_free(struct http_server *server)
{
    assert(!server->conns);
    while (server->listeners) {
        struct http_listener *listener = server->listeners;
        server->listeners = listener->next;
        free(listener);
    }
    free(server);
}
