/* SPDX-License-Identifier: MIT
 *
 * Durable events: callers let the actor ledger write rows, each with an event
 * of 100 bytes in the same transaction; the round is over when the same actor
 * has handled all of them, each behind the barrier with a row of its own.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bench.h"
#include "bus/names.h"
#include "bus/pack.h"
#include "ledger.bus.h"

#define CALLERS 64
#define KEYS 256
#define READY_MS 10000
#define LOOK_MS 5
#define PATIENCE (30 * BUS_SECOND) /* for the last to be handled */

struct writing {
    struct bus *bus;
    int64_t until;
    _Atomic uint64_t put, failed;
};

static void *writer_main(void *arg)
{
    struct writing *writing = arg;
    struct bus_arena arena;
    static const char text[] =
        "01234567890123456789012345678901234567890123456789012345678901234567"
        "8901234567890123456789";
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    while (bus_now(&bus_clock_system) < writing->until) {
        char box[16];
        snprintf(box, sizeof(box), "%u",
                 (unsigned)atomic_load(&writing->put) % KEYS);
        const struct ledger_Entry request = {.box = box, .text = text};
        struct ledger_Done done = {0};
        struct bus_call call = {.bus = writing->bus,
                                .arena = &arena,
                                .clock = &bus_clock_system,
                                .deadline = bus_now(&bus_clock_system) +
                                            5 * BUS_SECOND};
        if (bus_ledger_put(&call, &request, &done))
            atomic_fetch_add(&writing->failed, 1);
        else
            atomic_fetch_add(&writing->put, 1);
        bus_arena_reset(&arena);
    }
    bus_arena_release(&arena);
    return NULL;
}

static uint64_t handled(struct bus *bus)
{
    struct bus_arena arena;
    struct bus_reply reply;
    struct bus_bytes value;
    uint64_t number = 0;
    const struct bus_request request = {.target = "ledger",
                                        .method = "$stats",
                                        .deadline = bus_now(&bus_clock_system) +
                                                    5 * BUS_SECOND};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_wait(bus, &request, &arena, &reply);
    if (bus_pack_find(reply.body, "events.handled", &value)) {
        struct bus_unpack in = bus_unpack_open(value);
        bus_unpack_uint(&in, &number);
    }
    bus_arena_release(&arena);
    return number;
}

static bool config_write(const char *path, const char *redis)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    fprintf(file, "Name: ledger\nMailbox: 4096\nLog: {Level: error}\n"
                  "Consume:\n  - {Topic: ledger.put, Method: take}\n");
    if (redis)
        fprintf(file, "Events: {Redis: {Host: %s}}\n", redis);
    return fclose(file) == 0;
}

/* Waits until the ledger is there. */
static bool await_name(struct bus *bus)
{
    struct bus_names *names = bus_names(bus);
    struct bus_name name;
    int64_t until = bus_now(&bus_clock_system) + READY_MS * BUS_MILLI;
    uint64_t seen = 0;
    while (bus_names_list(names, "ledger", &name, 1) == 0) {
        if (bus_now(&bus_clock_system) > until)
            return false;
        seen = bus_names_wait(names, seen, READY_MS);
    }
    return true;
}

static bool write_and_wait(struct bus *bus, double seconds, double *ret_rate)
{
    struct writing writing = {.bus = bus};
    pthread_t threads[CALLERS];
    int64_t start = bus_now(&bus_clock_system);
    writing.until = start + (int64_t)(seconds * 1e9);
    for (int i = 0; i < CALLERS; i++)
        if (pthread_create(&threads[i], NULL, writer_main, &writing))
            abort();
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    uint64_t put = atomic_load(&writing.put), done = 0;
    int64_t patience = bus_now(&bus_clock_system) + PATIENCE;
    while ((done = handled(bus)) < put && bus_now(&bus_clock_system) < patience)
        bus_names_wait(bus_names(bus), bus_names_wait(bus_names(bus), 0, 0),
                       LOOK_MS);
    double took = (double)(bus_now(&bus_clock_system) - start) / 1e9;
    *ret_rate = (double)done / took;
    if (done < put || atomic_load(&writing.failed))
        fprintf(stderr, "bench: %llu events, %llu handled, %llu failed\n",
                (unsigned long long)put, (unsigned long long)done,
                (unsigned long long)atomic_load(&writing.failed));
    return done == put && put > 0;
}

bool durable_round(const struct ours *ours, const char *redis, double seconds,
                   double *ret_rate)
{
    char home[BENCH_PATH + 16], config[BENCH_PATH + 32];
    char program[BENCH_PATH + 16];
    struct bus *bus = NULL;
    struct bus_error err;
    snprintf(home, sizeof(home), "%s/%s", ours->home,
             redis ? "durable-redis" : "durable");
    snprintf(config, sizeof(config), "%s/ledger.yaml", home);
    snprintf(program, sizeof(program), "%s/ledger", ours->bin);
    mkdir(home, S_IRWXU);
    if (!config_write(config, redis))
        return false;
    const char *const argv[] = {program, "-f",        config, "--instance",
                                "1",     "--home",    home,   "--node",
                                "n1",    "--workers", "16",   NULL};
    pid_t pid = launch(argv, NULL, -1);
    const struct bus_options options = {.home = home, .actor = "bench"};
    bool good = pid > 0 && bus_open(&options, &bus, &err) == BUS_OK;
    good = good && await_name(bus) && write_and_wait(bus, seconds, ret_rate);
    if (bus)
        bus_close(bus);
    if (pid > 0) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    return good;
}
