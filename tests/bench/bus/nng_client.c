/* SPDX-License-Identifier: MIT
 *
 * Calls through plain nng: one REQ socket, a context for every call in flight,
 * each sending and receiving by aio.
 */
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "bench.h"
#include "bus/clock.h"

#define CONTEXTS 1024

struct caller {
    nng_ctx ctx;
    nng_aio *aio;
    bool receiving;
    int64_t started;
    struct round *round;
};

struct nng_client {
    nng_socket socket;
    struct caller callers[CONTEXTS];
};

static void call(struct caller *caller, int64_t now)
{
    nng_msg *msg;
    if (nng_msg_alloc(&msg, BENCH_BODY))
        abort();
    memset(nng_msg_body(msg), 'x', BENCH_BODY);
    caller->started = now;
    caller->receiving = false;
    nng_aio_set_msg(caller->aio, msg);
    nng_ctx_send(caller->ctx, caller->aio);
}

static void step(void *arg)
{
    struct caller *caller = arg;
    struct round *round = caller->round;
    if (nng_aio_result(caller->aio)) {
        atomic_fetch_add(&round->failed, 1);
        round_leave(round);
        return;
    }
    if (!caller->receiving) {
        caller->receiving = true;
        nng_ctx_recv(caller->ctx, caller->aio);
        return;
    }
    nng_msg_free(nng_aio_get_msg(caller->aio));
    int64_t now = bus_now(&bus_clock_system);
    round_note(round, now - caller->started);
    if (now < round->until)
        call(caller, now);
    else
        round_leave(round);
}

struct nng_client *nng_client_open(const char *url)
{
    struct nng_client *client = calloc(1, sizeof(*client));
    if (!client || nng_req0_open(&client->socket) ||
        nng_dial(client->socket, url, NULL, 0))
        abort();
    for (int i = 0; i < CONTEXTS; i++) {
        struct caller *caller = &client->callers[i];
        if (nng_ctx_open(&caller->ctx, client->socket) ||
            nng_aio_alloc(&caller->aio, step, caller))
            abort();
        nng_ctx_set_ms(caller->ctx, NNG_OPT_REQ_RESENDTIME,
                       NNG_DURATION_INFINITE);
    }
    return client;
}

/* One in flight is a blocking call, as bus_call is. */
static void blocking(struct caller *caller)
{
    struct round *round = caller->round;
    nng_aio *aio;
    if (nng_aio_alloc(&aio, NULL, NULL))
        abort();
    do {
        nng_msg *msg;
        if (nng_msg_alloc(&msg, BENCH_BODY))
            abort();
        memset(nng_msg_body(msg), 'x', BENCH_BODY);
        int64_t before = bus_now(&bus_clock_system);
        nng_aio_set_msg(aio, msg);
        nng_ctx_send(caller->ctx, aio);
        nng_aio_wait(aio);
        nng_ctx_recv(caller->ctx, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio))
            abort();
        nng_msg_free(nng_aio_get_msg(aio));
        round_note(round, bus_now(&bus_clock_system) - before);
    } while (bus_now(&bus_clock_system) < round->until);
    nng_aio_free(aio);
}

void nng_client_round(struct nng_client *client, struct round *round)
{
    for (int i = 0; i < round->in_flight; i++)
        client->callers[i].round = round;
    if (round->in_flight == 1) {
        blocking(&client->callers[0]);
        return;
    }
    atomic_store(&round->running, (uint32_t)round->in_flight);
    for (int i = 0; i < round->in_flight; i++)
        call(&client->callers[i], bus_now(&bus_clock_system));
    while (sem_wait(&round->ended))
        ;
}
