/* SPDX-License-Identifier: MIT
 *
 * The other side of a connection in tests: sends back whatever it hears, in
 * order, also what comes while an answer is still on its way.
 */
#ifndef TEST_ECHO_H
#define TEST_ECHO_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bus/conn.h"

struct echo {
    struct conn *conn; /* NULL: closed */
    pthread_mutex_t lock;
    bool busy;
    struct bus_buf waiting; /* framed */
};

static inline struct echo *echo_new(struct conn *conn)
{
    struct echo *echo = conn_zeroed(sizeof(*echo));
    echo->conn = conn;
    pthread_mutex_init(&echo->lock, NULL);
    bus_buf_init(&echo->waiting, SIZE_MAX);
    return echo;
}

static inline void echo_pump(struct echo *echo)
{
    if (echo->busy || !echo->conn || echo->waiting.len == 0)
        return;
    echo->busy = true;
    conn_send_framed(echo->conn, bus_buf_bytes(&echo->waiting));
    bus_buf_reset(&echo->waiting);
}

static inline void echo_message(void *guest, struct bus_bytes message)
{
    struct echo *echo = guest;
    uint8_t head[SP_HEAD_MAX];
    pthread_mutex_lock(&echo->lock);
    bus_buf_add(&echo->waiting, head, sp_head(SP_OVER_IPC, message.len, head));
    bus_buf_add(&echo->waiting, message.data, message.len);
    echo_pump(echo);
    pthread_mutex_unlock(&echo->lock);
}

static inline void echo_sent(void *guest, bool taken)
{
    (void)taken;
    struct echo *echo = guest;
    pthread_mutex_lock(&echo->lock);
    assert(echo->busy);
    echo->busy = false;
    echo_pump(echo);
    pthread_mutex_unlock(&echo->lock);
}

static inline void echo_closed(void *guest)
{
    struct echo *echo = guest;
    pthread_mutex_lock(&echo->lock);
    echo->conn = NULL;
    pthread_mutex_unlock(&echo->lock);
}

static inline void echo_gone(void *guest)
{
    struct echo *echo = guest;
    assert(!echo->busy); /* every send was answered */
    pthread_mutex_destroy(&echo->lock);
    bus_buf_release(&echo->waiting);
    free(echo);
}

#endif
