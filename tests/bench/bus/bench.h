/* SPDX-License-Identifier: MIT
 *
 * One round of a bench: how many calls a second, and how long each took; and
 * those who play rounds.
 */
#ifndef BENCH_H
#define BENCH_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_BODY 100          /* bytes of a message */
#define BENCH_SAMPLES (1 << 20) /* latencies kept of one round */
#define BENCH_PATH 1024

struct bus;

struct round {
    int in_flight;
    int64_t until; /* monotonic ns */
    _Atomic uint64_t calls, failed;
    _Atomic uint32_t running;
    sem_t ended;       /* the last of those running */
    uint32_t *samples; /* us/10 of every call, BENCH_SAMPLES of them */
};

struct figures {
    double rate;           /* a second */
    double p50_us, p99_us; /* 0: not measured */
    double cpu_us;         /* of both processes, a call */
    double in, out;        /* envelopes a frame, requests and replies */
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

/* Starts a program; input becomes its standard input, -1: it has ours; its
 * output goes nowhere. argv[0] is its path; name, if any, what it is told to be
 * called. -1: it cannot be started, and that was said. */
pid_t launch(const char *const *argv, const char *name, int input);

/* ---- ours.c: calls to the actor echo ---- */

struct ours {
    const char *home, *bin;
    struct bus *bus;
    pid_t pid; /* of the actor; -1: none */
};

/* runner: a program and its arguments that run the actor; NULL: itself. */
bool ours_open(struct ours *ours, const char *const *runner);
void ours_close(struct ours *ours);
/* In ret: envelopes a frame. */
void ours_round(struct ours *ours, struct round *round, struct figures *ret);
/* So many calls, 64 in flight. */
void ours_calls(struct ours *ours, struct round *round, uint64_t calls);

/* ---- nng_client.c: plain REQ/REP ---- */

struct nng_client;
struct nng_client *nng_client_open(const char *url);
void nng_client_round(struct nng_client *client, struct round *round);

/* ---- redis.c: PING, by redis-benchmark ---- */

struct redis {
    pid_t pid;
    char socket[BENCH_PATH];
};

/* synced: whatever it acknowledges is on the disk. False: there is no Redis
 * here, and that was said. */
bool redis_open(struct redis *redis, const char *home, bool synced);
void redis_close(struct redis *redis);
/* requests: how many pings. False: redis-benchmark said nothing of use. */
bool redis_round(const struct redis *redis, int in_flight, uint64_t requests,
                 struct figures *ret);

/* ---- fan.c: one event to many subscribers ---- */

#define FAN_SUBSCRIBERS 8

struct fan_figures {
    double rate;   /* events heard a second, by all subscribers together */
    uint64_t lost; /* told by their numbers */
};

bool fan_round(struct ours *ours, double seconds, struct fan_figures *ret);

/* ---- durable.c: from a transaction to a handler ---- */

/* redis: the socket of the stream's server; NULL: SQLite. In ret_rate: events
 * handled a second, until the last. */
bool durable_round(const struct ours *ours, const char *redis, double seconds,
                   double *ret_rate);

/* ---- instructions.c: what a call costs, by callgrind ---- */

struct instructions {
    double caller, callee; /* of one call */
};

/* program: this one, which is started anew with --calls. False: no valgrind,
 * and that was said. */
bool instructions_count(const char *program, const char *home,
                        struct instructions *ret);

#endif
