/* SPDX-License-Identifier: MIT
 *
 * The writers' places: a list by path with reference counts, each a flag under
 * a mutex and two conditions on the monotonic clock. A newcomer may overtake
 * one that is still waking up: handing over in order would cost a thread switch
 * a transaction. A group that nobody joins any more is led to its commit by the
 * last who did; where that one had nothing to commit, by any who waits for it.
 */
#include "actors/store/writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/store/wait.h"
#include "bus/code.h"

#define POLL_STEP_MIN (BUS_MILLI / 5) /* ns between two tries */
#define POLL_STEP_SPREAD (BUS_MILLI / 5 * 4)

struct writer {
    struct writer *next;
    char *path;
    const struct writer_driver *driver;
    unsigned users; /* guarded by list_lock, as next */
    void *kept;     /* whoever is in the place has it */
    pthread_mutex_t lock;
    pthread_cond_t freed; /* the place is */
    pthread_cond_t ended; /* a group has, or needs somebody to lead it */
    bool taken;           /* guarded by lock, as what follows */
    unsigned waiting;     /* for the place */
    struct writer_member *members, **last; /* of the group */
    unsigned count;
    int64_t since; /* the group's begin */
    int64_t patience;
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct writer *list;

static struct writer *writer_new(const char *path,
                                 const struct writer_driver *driver)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    char *copy = strdup(path);
    if (!writer || !copy)
        abort();
    writer->path = copy;
    writer->driver = driver;
    writer->patience = WRITER_GROUP_NS;
    writer->last = &writer->members;
    pthread_mutex_init(&writer->lock, NULL);
    wait_init(&writer->freed);
    wait_init(&writer->ended);
    return writer;
}

static void writer_free(struct writer *writer)
{
    assert(!writer->taken && !writer->members);
    if (writer->kept)
        writer->driver->release(writer->kept);
    pthread_cond_destroy(&writer->ended);
    pthread_cond_destroy(&writer->freed);
    pthread_mutex_destroy(&writer->lock);
    free(writer->path);
    free(writer);
}

struct writer *writer_get(const char *path, const struct writer_driver *driver)
{
    pthread_mutex_lock(&list_lock);
    struct writer *writer = list;
    while (writer && strcmp(writer->path, path) != 0)
        writer = writer->next;
    if (!writer) {
        writer = writer_new(path, driver);
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

void **writer_kept(struct writer *writer)
{
    return &writer->kept;
}

/* ---- groups ---- */

static void group_end(struct writer *writer, int code,
                      const struct bus_error *cause)
{
    for (struct writer_member *at = writer->members; at; at = at->next) {
        at->code = code;
        at->ended = true;
        if (code != BUS_OK && at->err)
            *at->err = *cause;
    }
    writer->members = NULL;
    writer->last = &writer->members;
    writer->count = 0;
    pthread_cond_broadcast(&writer->ended);
}

/* In the place, which nobody enters until the group has ended. */
static void group_lead(struct writer *writer)
{
    struct bus_error cause;
    assert(writer->taken);
    pthread_mutex_unlock(&writer->lock);
    int code = writer->driver->commit(writer->kept, writer->members, &cause);
    pthread_mutex_lock(&writer->lock);
    group_end(writer, code, &cause);
    writer->taken = false;
    pthread_cond_signal(&writer->freed);
}

/* Nobody is to join it any more. */
static bool group_is_full(const struct writer *writer)
{
    return writer->count >= WRITER_GROUP_MAX ||
           bus_now(&bus_clock_system) - writer->since >= writer->patience;
}

static void group_add(struct writer *writer, struct writer_member *member,
                      struct bus_error *err)
{
    *member = (struct writer_member){.err = err};
    *writer->last = member;
    writer->last = &member->next;
    writer->count++;
}

int writer_commit(struct writer *writer, struct writer_member *member,
                  struct bus_error *err)
{
    pthread_mutex_lock(&writer->lock);
    assert(writer->taken);
    group_add(writer, member, err);
    if (writer->waiting && !group_is_full(writer)) {
        writer->taken = false;
        pthread_cond_signal(&writer->freed);
        while (!member->ended && (writer->taken || writer->waiting))
            pthread_cond_wait(&writer->ended, &writer->lock);
        if (!member->ended)
            writer->taken = true;
    }
    if (!member->ended)
        group_lead(writer);
    pthread_mutex_unlock(&writer->lock);
    return member->code;
}

void writer_lose(struct writer *writer, const struct bus_error *cause)
{
    pthread_mutex_lock(&writer->lock);
    group_end(writer, cause->code, cause);
    pthread_mutex_unlock(&writer->lock);
}

/* ---- the place ---- */

enum writer_place writer_enter(struct writer *writer, int64_t deadline)
{
    enum writer_place place = WRITER_LATE;
    bool in_time = true;
    pthread_mutex_lock(&writer->lock);
    writer->waiting++;
    while (writer->taken && in_time)
        in_time = wait_until(&writer->freed, &writer->lock, deadline);
    writer->waiting--;
    if (!writer->taken) {
        place = writer->members ? WRITER_JOINED : WRITER_FIRST;
        writer->taken = true;
    }
    if (place == WRITER_FIRST)
        writer->since = bus_now(&bus_clock_system);
    pthread_mutex_unlock(&writer->lock);
    return place;
}

unsigned writer_waiting(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    unsigned waiting = writer->waiting;
    pthread_mutex_unlock(&writer->lock);
    return waiting;
}

void writer_patience(struct writer *writer, int64_t ns)
{
    pthread_mutex_lock(&writer->lock);
    writer->patience = ns;
    pthread_mutex_unlock(&writer->lock);
}

void writer_leave(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    assert(writer->taken);
    writer->taken = false;
    if (writer->waiting)
        pthread_cond_signal(&writer->freed);
    else
        pthread_cond_broadcast(&writer->ended);
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
