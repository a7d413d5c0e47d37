/* SPDX-License-Identifier: MIT
 *
 * One connection a round, closed after it: there is nothing to keep it for.
 */
#include "actors/store/purger.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "actors/store/barrier.h"
#include "actors/store/state.h"
#include "actors/store/wait.h"
#include "bus/log.h"

struct purger {
    struct store_shared *shared;
    int64_t keep_us;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;
};

/* False once it is to stop. */
static bool pause_for(struct purger *purger, int64_t ns)
{
    int64_t until = bus_now(&bus_clock_system) + ns;
    pthread_mutex_lock(&purger->lock);
    while (!purger->stop && wait_until(&purger->stopped, &purger->lock, until))
        ;
    bool goes_on = !purger->stop;
    pthread_mutex_unlock(&purger->lock);
    return goes_on;
}

static int purge(struct purger *purger, struct sql *sql, struct bus_error *err)
{
    int64_t older_than = bus_wall(&bus_clock_system) - purger->keep_us;
    uint64_t deleted = 0;
    int code;
    do
        code = barrier_purge(purger->shared->driver, sql, older_than, &deleted,
                             err);
    while (code == BUS_OK && deleted && pause_for(purger, PURGER_PAUSE));
    return code;
}

static void round_of(struct purger *purger)
{
    const struct store_shared *shared = purger->shared;
    struct bus_error err = {0};
    struct sql *sql;
    int code = shared->driver->open(shared->source, &sql, &err);
    if (code == BUS_OK) {
        code = purge(purger, sql, &err);
        shared->driver->close(sql);
    }
    /* Where there is no barrier yet (barrier.h) there is nothing to purge. */
    if (code != BUS_OK && code != BUS_INTERNAL)
        bus_log(BUS_LOG_ERROR, NULL, NULL, "barrier: not purged: %s",
                err.sentence);
}

static void *purger_main(void *arg)
{
    struct purger *purger = arg;
    do
        round_of(purger);
    while (pause_for(purger, PURGER_STEP));
    return NULL;
}

struct purger *purger_start(struct store_shared *shared, int64_t keep_ns)
{
    struct purger *purger = calloc(1, sizeof(*purger));
    if (!purger)
        abort();
    purger->shared = shared;
    purger->keep_us = keep_ns / 1000;
    pthread_mutex_init(&purger->lock, NULL);
    wait_init(&purger->stopped);
    if (pthread_create(&purger->thread, NULL, purger_main, purger) != 0)
        abort();
    return purger;
}

void purger_stop(struct purger *purger)
{
    if (!purger)
        return;
    pthread_mutex_lock(&purger->lock);
    purger->stop = true;
    pthread_cond_signal(&purger->stopped);
    pthread_mutex_unlock(&purger->lock);
    pthread_join(purger->thread, NULL);
    pthread_cond_destroy(&purger->stopped);
    pthread_mutex_destroy(&purger->lock);
    free(purger);
}

int store_purge(struct store_shared *shared, int64_t older_than,
                struct bus_error *err)
{
    struct sql *sql;
    int code = shared->driver->open(shared->source, &sql, err);
    if (code != BUS_OK)
        return code;
    uint64_t deleted;
    do {
        deleted = 0;
        code = barrier_purge(shared->driver, sql, older_than, &deleted, err);
    } while (code == BUS_OK && deleted);
    shared->driver->close(sql);
    return code;
}
