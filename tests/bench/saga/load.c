/* SPDX-License-Identifier: MIT
 *
 * bench_saga HOME TARGET CLIENTS SECONDS: CLIENTS callers submit two-step sagas
 * to the saga actor of a home, one after the other each, and wait for their
 * ends. TARGET is the actor that both steps call, or a URL. Prints one line:
 * sagas a second, p50 and p99 in us, how many failed.
 *
 * bench_saga HOME TARGET hold COUNT: submits so many sagas whose first step
 * goes on for ever. Prints what of each is payload, in bytes.
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
#define WARM_NS BUS_SECOND
#define HOLD_CLIENTS 64
#define HOLD_ASK_MS 3600000u /* between two looks at a step that goes on */
#define GID_LEN 32           /* bytes of one that the orchestrator makes */

struct load {
    struct bus *bus;
    struct bus_buf submit; /* the same for all: the orchestrator makes gids */
    int64_t from, until;   /* monotonic ns: what begins between is counted */
    _Atomic uint64_t count, failed;
    bool hold;
    _Atomic int64_t left; /* to be submitted; only if they hold */
    _Atomic int running;
    sem_t ended;
    uint32_t *samples; /* us */
};

struct client {
    struct load *load;
    int64_t started;
};

static void submit(struct client *client);

static bool goes_on(struct load *load, int64_t now)
{
    return load->hold ? atomic_fetch_sub(&load->left, 1) > 0
                      : now < load->until;
}

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
    if (goes_on(load, now))
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

static struct saga_branch branch_of(const char *target, const char *method)
{
    static const struct saga_input inputs[] = {
        {.field = "user_id", .from = "req", .path = "user_id"},
        {.field = "amount", .from = "req", .path = "amount"},
    };
    return (struct saga_branch){.target = target,
                                .method = strstr(target, "://") ? "" : method,
                                .inputs = inputs,
                                .input_count = 2};
}

static void pack_request(struct bus_buf *buf)
{
    bus_pack_map(buf, 2);
    bus_pack_text(buf, "user_id");
    bus_pack_int(buf, 12345);
    bus_pack_text(buf, "amount");
    bus_pack_int(buf, 30);
}

/* Both steps move the same: {user_id, amount} from the request. */
static void pack_submit(struct bus_buf *buf, const char *target, bool hold)
{
    const struct saga_branch act = branch_of(target, hold ? "hold" : "act");
    const struct saga_branch undo = branch_of(target, "undo");
    const struct saga_step steps[] = {
        {.name = "out",
         .action = act,
         .compensate = undo,
         .interval_ms = hold ? HOLD_ASK_MS : 0},
        {.name = "in", .action = act, .compensate = undo},
    };
    const struct saga_plan plan = {
        .name = "transfer", .steps = steps, .step_count = 2};
    bus_pack_map(buf, 3);
    bus_pack_text(buf, "plan");
    saga_plan_pack(buf, &plan);
    bus_pack_text(buf, "request");
    pack_request(buf);
    bus_pack_text(buf, "wait_ms");
    bus_pack_int(buf, hold ? 0 : WAIT_MS);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void start(struct load *load, int clients)
{
    struct client *all = calloc((size_t)clients, sizeof(*all));
    if (!all)
        abort();
    load->running = clients;
    for (int i = 0; i < clients; i++) {
        all[i].load = load;
        submit(&all[i]);
    }
    bus_flush(load->bus);
    while (sem_wait(&load->ended))
        ;
    free(all);
}

static void run(struct load *load, int clients, double seconds)
{
    load->from = bus_now(&bus_clock_system) + WARM_NS;
    load->until = load->from + (int64_t)(seconds * 1e9);
    start(load, clients);
    size_t kept = load->count < SAMPLES ? (size_t)load->count : SAMPLES;
    qsort(load->samples, kept, sizeof(uint32_t), by_number);
    printf("%.0f %u %u %llu\n", (double)load->count / seconds,
           kept ? load->samples[kept / 2] : 0,
           kept ? load->samples[kept * 99 / 100] : 0,
           (unsigned long long)load->failed);
}

static void hold(struct load *load, int64_t count)
{
    struct bus_buf request;
    bus_buf_init(&request, 4096);
    pack_request(&request);
    load->left = count - HOLD_CLIENTS;
    start(load, HOLD_CLIENTS);
    printf("%zu %llu\n", GID_LEN + request.len,
           (unsigned long long)load->failed);
    bus_buf_release(&request);
}

int main(int argc, char **argv)
{
    static struct load load;
    struct bus_error err;
    if (argc != 5) {
        fprintf(stderr, "usage: bench_saga HOME TARGET CLIENTS SECONDS\n"
                        "       bench_saga HOME TARGET hold COUNT\n");
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
    load.hold = strcmp(argv[3], "hold") == 0;
    pack_submit(&load.submit, argv[2], load.hold);
    if (load.hold)
        hold(&load, strtol(argv[4], NULL, 10));
    else
        run(&load, (int)strtol(argv[3], NULL, 10), strtod(argv[4], NULL));
    bus_close(load.bus);
    bus_buf_release(&load.submit);
    free(load.samples);
    return 0;
}
