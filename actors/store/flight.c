/* SPDX-License-Identifier: MIT
 *
 * Single flight: a list of the keys being loaded, as long as there are workers
 * that load, under one mutex.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/cache.h"
#include "actors/store/wait.h"

struct flight {
    const char *key; /* the leader's */
    struct flight *next;
};

struct flights {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct flight *first;
};

struct flights *flights_new(void)
{
    struct flights *flights = calloc(1, sizeof(*flights));
    if (!flights)
        abort();
    pthread_mutex_init(&flights->lock, NULL);
    wait_init(&flights->landed);
    return flights;
}

void flights_free(struct flights *flights)
{
    assert(!flights->first);
    pthread_cond_destroy(&flights->landed);
    pthread_mutex_destroy(&flights->lock);
    free(flights);
}

static struct flight **find(struct flights *flights, const char *key)
{
    struct flight **at = &flights->first;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void take_off(struct flights *flights, const char *key)
{
    struct flight *flight = malloc(sizeof(*flight));
    if (!flight)
        abort();
    *flight = (struct flight){key, flights->first};
    flights->first = flight;
}

enum flight_role flight_enter(struct flights *flights, const char *key,
                              int64_t deadline)
{
    enum flight_role role = FLIGHT_LEAD;
    pthread_mutex_lock(&flights->lock);
    while (*find(flights, key) && role != FLIGHT_LATE) {
        role = FLIGHT_WAITED;
        if (!wait_until(&flights->landed, &flights->lock, deadline))
            role = FLIGHT_LATE;
    }
    if (role == FLIGHT_LEAD)
        take_off(flights, key);
    pthread_mutex_unlock(&flights->lock);
    return role;
}

void flight_leave(struct flights *flights, const char *key)
{
    pthread_mutex_lock(&flights->lock);
    struct flight **at = find(flights, key);
    struct flight *flight = *at;
    assert(flight);
    *at = flight->next;
    free(flight);
    pthread_cond_broadcast(&flights->landed);
    pthread_mutex_unlock(&flights->lock);
}
