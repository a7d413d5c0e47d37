/* SPDX-License-Identifier: MIT
 *
 * The writers' places: a list by path with reference counts, each a flag under
 * a mutex and a condition on the monotonic clock. A newcomer may overtake one
 * that is still waking up: handing over in order would cost a thread switch a
 * commit.
 */
#include "actors/store/writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/store/wait.h"

#define POLL_STEP_MIN (BUS_MILLI / 5) /* ns between two tries */
#define POLL_STEP_SPREAD (BUS_MILLI / 5 * 4)

struct writer {
    struct writer *next;
    char *path;
    unsigned users; /* guarded by list_lock, as next */
    pthread_mutex_t lock;
    pthread_cond_t freed;
    bool taken; /* guarded by lock */
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct writer *list;

static struct writer *writer_new(const char *path)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    char *copy = strdup(path);
    if (!writer || !copy)
        abort();
    writer->path = copy;
    pthread_mutex_init(&writer->lock, NULL);
    wait_init(&writer->freed);
    return writer;
}

static void writer_free(struct writer *writer)
{
    assert(!writer->taken);
    pthread_cond_destroy(&writer->freed);
    pthread_mutex_destroy(&writer->lock);
    free(writer->path);
    free(writer);
}

struct writer *writer_get(const char *path)
{
    pthread_mutex_lock(&list_lock);
    struct writer *writer = list;
    while (writer && strcmp(writer->path, path) != 0)
        writer = writer->next;
    if (!writer) {
        writer = writer_new(path);
        writer->next = list;
        list = writer;
    }
    writer->users++;
    pthread_mutex_unlock(&list_lock);
    return writer;
}

void writer_put(struct writer *writer)
{
    pthread_mutex_lock(&list_lock);
    assert(writer->users > 0);
    if (--writer->users == 0) {
        struct writer **at = &list;
        while (*at != writer)
            at = &(*at)->next;
        *at = writer->next;
        writer_free(writer);
    }
    pthread_mutex_unlock(&list_lock);
}

bool writer_enter(struct writer *writer, int64_t deadline)
{
    bool in_time = true;
    pthread_mutex_lock(&writer->lock);
    while (writer->taken && in_time)
        in_time = wait_until(&writer->freed, &writer->lock, deadline);
    bool entered = !writer->taken;
    writer->taken = true;
    pthread_mutex_unlock(&writer->lock);
    return entered;
}

void writer_leave(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    assert(writer->taken);
    writer->taken = false;
    pthread_cond_signal(&writer->freed);
    pthread_mutex_unlock(&writer->lock);
}

bool writer_poll(int64_t since, int64_t deadline)
{
    int64_t now = bus_now(&bus_clock_system);
    if (now >= deadline || now - since >= WRITER_WAIT_MAX)
        return false;
    /* The clock's low digits keep waiters from trying in step. */
    struct timespec step = {.tv_nsec = POLL_STEP_MIN + now % POLL_STEP_SPREAD};
    nanosleep(&step, NULL);
    return true;
}
