/* SPDX-License-Identifier: MIT
 *
 * bench_saga HOME TARGET CLIENTS SECONDS: CLIENTS callers submit two-step sagas
 * to the saga actor of a home, one after the other each, and wait for their
 * ends. TARGET is the actor that both steps call, or a URL. Prints one line:
 * sagas a second, p50 and p99 in us, how many failed.
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/runtime/saga_pack.h"
#include "bus/call.h"
#include "bus/names.h"
#include "bus/pack.h"

#define SAMPLES (1 << 21)
#define WAIT_MS 20000
#define WARM_NS (300 * BUS_MILLI)

struct load {
    struct bus *bus;
    struct bus_buf submit; /* the same for all: the orchestrator makes gids */
    int64_t from, until;   /* monotonic ns: what begins between is counted */
    _Atomic uint64_t count, failed;
    _Atomic int running;
    sem_t ended;
    uint32_t *samples; /* us */
};

struct client {
    struct load *load;
    int64_t started;
};

static void submit(struct client *client);

static void answered(void *arg, const struct bus_reply *reply)
{
    struct client *client = arg;
    struct load *load = client->load;
    int64_t now = bus_now(&bus_clock_system);
    if (reply->error.code) {
        if (atomic_fetch_add(&load->failed, 1) == 0)
            fprintf(stderr, "bench: %d %s: %s\n", reply->error.code,
                    reply->error.reason, reply->error.sentence);
    } else if (client->started >= load->from && now < load->until) {
        uint64_t n = atomic_fetch_add(&load->count, 1);
        load->samples[n % SAMPLES] = (uint32_t)((now - client->started) / 1000);
    }
    if (now < load->until)
        submit(client);
    else if (atomic_fetch_sub(&load->running, 1) == 1)
        sem_post(&load->ended);
}

static void submit(struct client *client)
{
    client->started = bus_now(&bus_clock_system);
    struct bus_request request = {
        .target = "saga",
        .method = "submit",
        .deadline = client->started + (WAIT_MS + 1000) * BUS_MILLI,
        .body = bus_buf_bytes(&client->load->submit),
    };
    memset(&request.meta.trace, 1, sizeof(request.meta.trace));
    bus_start(client->load->bus, &request, answered, client);
}

/* Both steps move the same: {user_id, amount} from the request. */
static void pack_submit(struct bus_buf *buf, const char *target)
{
    static const struct saga_input inputs[] = {
        {.field = "user_id", .from = "req", .path = "user_id"},
        {.field = "amount", .from = "req", .path = "amount"},
    };
    const bool url = strstr(target, "://") != NULL;
    const struct saga_branch act = {.target = target,
                                    .method = url ? "" : "act",
                                    .inputs = inputs,
                                    .input_count = 2};
    struct saga_branch undo = act;
    undo.method = url ? "" : "undo";
    const struct saga_step steps[] = {
        {.name = "out", .action = act, .compensate = undo},
        {.name = "in", .action = act, .compensate = undo},
    };
    const struct saga_plan plan = {
        .name = "transfer", .steps = steps, .step_count = 2};
    bus_pack_map(buf, 3);
    bus_pack_text(buf, "plan");
    saga_plan_pack(buf, &plan);
    bus_pack_text(buf, "request");
    bus_pack_map(buf, 2);
    bus_pack_text(buf, "user_id");
    bus_pack_int(buf, 12345);
    bus_pack_text(buf, "amount");
    bus_pack_int(buf, 30);
    bus_pack_text(buf, "wait_ms");
    bus_pack_int(buf, WAIT_MS);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void run(struct load *load, int clients, double seconds)
{
    struct client *all = calloc((size_t)clients, sizeof(*all));
    if (!all)
        abort();
    load->running = clients;
    load->from = bus_now(&bus_clock_system) + WARM_NS;
    load->until = load->from + (int64_t)(seconds * 1e9);
    for (int i = 0; i < clients; i++) {
        all[i].load = load;
        submit(&all[i]);
    }
    bus_flush(load->bus);
    while (sem_wait(&load->ended))
        ;
    size_t kept = load->count < SAMPLES ? (size_t)load->count : SAMPLES;
    qsort(load->samples, kept, sizeof(uint32_t), by_number);
    printf("%.0f %u %u %llu\n", (double)load->count / seconds,
           kept ? load->samples[kept / 2] : 0,
           kept ? load->samples[kept * 99 / 100] : 0,
           (unsigned long long)load->failed);
    free(all);
}

int main(int argc, char **argv)
{
    static struct load load;
    struct bus_error err;
    if (argc != 5) {
        fprintf(stderr, "usage: bench_saga HOME TARGET CLIENTS SECONDS\n");
        return 2;
    }
    const struct bus_options options = {.home = argv[1], .actor = "bench"};
    if (bus_open(&options, &load.bus, &err)) {
        fprintf(stderr, "bench: %s\n", err.sentence);
        return 1;
    }
    load.samples = calloc(SAMPLES, sizeof(uint32_t));
    if (!load.samples)
        abort();
    sem_init(&load.ended, 0, 0);
    bus_buf_init(&load.submit, 65536);
    pack_submit(&load.submit, argv[2]);
    run(&load, (int)strtol(argv[3], NULL, 10), strtod(argv[4], NULL));
    bus_close(load.bus);
    bus_buf_release(&load.submit);
    free(load.samples);
    return 0;
}
