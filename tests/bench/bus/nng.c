/* SPDX-License-Identifier: MIT
 *
 * The peer: plain nng as its own examples use it, a REP socket with many
 * contexts, each receiving and answering by aio. Usage: bench_nng URL; ends
 * when standard input does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#define CONTEXTS 1024

struct context {
    nng_ctx ctx;
    nng_aio *aio;
    int sending;
};

static void step(void *arg)
{
    struct context *context = arg;
    if (nng_aio_result(context->aio))
        return;
    if (context->sending) {
        context->sending = 0;
        nng_ctx_recv(context->ctx, context->aio);
        return;
    }
    context->sending = 1; /* the message received goes back */
    nng_ctx_send(context->ctx, context->aio);
}

int main(int argc, char **argv)
{
    nng_socket socket;
    static struct context contexts[CONTEXTS];
    if (argc != 2 || nng_rep0_open(&socket))
        return 2;
    for (int i = 0; i < CONTEXTS; i++) {
        if (nng_ctx_open(&contexts[i].ctx, socket) ||
            nng_aio_alloc(&contexts[i].aio, step, &contexts[i]))
            return 1;
        nng_ctx_recv(contexts[i].ctx, contexts[i].aio);
    }
    if (nng_listen(socket, argv[1], NULL, 0))
        return 1;
    char byte;
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(0); /* nng_close of 1.5.2 may hang */
}
