/* SPDX-License-Identifier: MIT
 *
 * load HOME THREADS: batches of letters, one after the other in each thread,
 * every fifth refused at its end, until SIGTERM. Calls that fail are not
 * repeated: what was committed stands in the table.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/clock.h"
#include "post.bus.h"

#define TIMEOUT_MS 3000
#define THREADS_MAX 16
#define BOXES 40
#define COUNT 20 /* letters of a batch */
#define REFUSED 5
#define RETRY_MS 20

static atomic_bool stopping;
static struct bus *bus;
static atomic_int batches;

static void on_term(int signo)
{
    (void)signo;
    stopping = 1;
}

static void *thread_main(void *arg)
{
    struct bus_arena arena;
    (void)arg;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    while (!stopping) {
        int batch = atomic_fetch_add(&batches, 1);
        char box[16], mark[32];
        bool refuse = batch % REFUSED == 0;
        snprintf(box, sizeof(box), "box%d", batch % BOXES);
        snprintf(mark, sizeof(mark), refuse ? "refused%d" : "sent%d", batch);
        const struct post_Batch request = {
            .box = box, .mark = mark, .count = COUNT, .refuse = refuse};
        struct post_Done reply = {0};
        struct bus_call call = {.bus = bus,
                                .arena = &arena,
                                .clock = &bus_clock_system,
                                .deadline = bus_now(&bus_clock_system) +
                                            TIMEOUT_MS * BUS_MILLI};
        bus_trace_new(&call.meta.trace);
        int code = bus_post_send(&call, &request, &reply);
        if (code && code != BUS_ABORTED) /* somebody is dead: until he is not */
            bus_names_wait(bus_names(bus), bus_names_wait(bus_names(bus), 0, 0),
                           RETRY_MS);
        bus_arena_reset(&arena);
    }
    bus_arena_release(&arena);
    return NULL;
}

int main(int argc, char **argv)
{
    struct bus_error err;
    pthread_t threads[THREADS_MAX];
    int count = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 0;
    if (count < 1 || count > THREADS_MAX)
        return 2;
    const struct bus_options options = {.home = argv[1], .actor = "load"};
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    if (bus_open(&options, &bus, &err)) {
        fprintf(stderr, "load: %s\n", err.sentence);
        return 1;
    }
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, thread_main, NULL))
            abort();
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%d batches\n", atomic_load(&batches));
    bus_close(bus);
    return 0;
}
