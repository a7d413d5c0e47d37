/* SPDX-License-Identifier: MIT
 *
 * One round of a bench: how many calls a second, and how long each took.
 */
#ifndef BENCH_H
#define BENCH_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BENCH_BODY 100          /* bytes of a message */
#define BENCH_SAMPLES (1 << 20) /* latencies kept of one round */

struct round {
    int in_flight;
    int64_t until; /* monotonic ns */
    _Atomic uint64_t calls, failed;
    _Atomic uint32_t running;
    sem_t ended;       /* the last of those running */
    uint32_t *samples; /* us/10 of every call, BENCH_SAMPLES of them */
};

static inline void round_note(struct round *round, int64_t took)
{
    uint64_t n =
        atomic_fetch_add_explicit(&round->calls, 1, memory_order_relaxed);
    round->samples[n % BENCH_SAMPLES] = (uint32_t)(took / 100);
}

static inline void round_leave(struct round *round)
{
    if (atomic_fetch_sub(&round->running, 1) == 1)
        sem_post(&round->ended);
}

struct nng_client;
struct nng_client *nng_client_open(const char *url);
void nng_client_round(struct nng_client *client, struct round *round);

#endif
