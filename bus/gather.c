/* SPDX-License-Identifier: MIT
 *
 * Answers come in on links' threads, where they are copied behind a lock; the
 * waiting thread unpacks them, for the arena is its own. The gathering lives
 * until the last of its calls has ended, which may be after its end.
 */
#include "bus/gather.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus_internal.h"
#include "bus/fake.h"
#include "bus/frame.h"
#include "bus/memory_internal.h"
#include "bus/outgoing.h"

struct part {
    struct bus_gather *gather;
    const struct bus_method *method;
    void *reply;
    struct bus_buf body; /* copied from the answer */
    struct bus_error error;
    bool ended; /* the answer is here */
    bool seen;  /* by a wait: unpacked, error is the caller's */
};

struct bus_gather {
    struct bus_call *call;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned refs; /* calls under way, and the owner */
    bool over;     /* nobody wants the answers */
    int count;
    int first; /* to end; -1: none */
    int which;
    struct part *parts[BUS_GATHER_MAX];
};

struct bus_gather *bus_gather_new(struct bus_call *call)
{
    struct bus_gather *gather = calloc(1, sizeof(*gather));
    if (!gather)
        abort();
    gather->call = call;
    gather->refs = 1;
    gather->first = gather->which = -1;
    pthread_mutex_init(&gather->lock, NULL);
    pthread_cond_init(&gather->changed, NULL);
    return gather;
}

/* Lock held; gives it back. */
static void unref(struct bus_gather *gather)
{
    bool last = --gather->refs == 0;
    pthread_mutex_unlock(&gather->lock);
    if (!last)
        return;
    for (int i = 0; i < gather->count; i++) {
        bus_buf_release(&gather->parts[i]->body);
        free(gather->parts[i]);
    }
    pthread_cond_destroy(&gather->changed);
    pthread_mutex_destroy(&gather->lock);
    free(gather);
}

static void part_done(void *arg, const struct bus_reply *reply)
{
    struct part *part = arg;
    struct bus_gather *gather = part->gather;
    pthread_mutex_lock(&gather->lock);
    if (!gather->over) {
        part->error = reply->error;
        bus_buf_add(&part->body, reply->body.data, reply->body.len);
        part->ended = true;
        for (int i = 0; gather->first < 0 && i < gather->count; i++)
            if (gather->parts[i] == part)
                gather->first = i;
        pthread_cond_signal(&gather->changed);
    }
    unref(gather);
}

/* ---- Beginning ---- */

static struct part *part_new(struct bus_gather *gather,
                             const struct bus_method *method, void *reply)
{
    struct part *part = calloc(1, sizeof(*part));
    if (!part)
        abort();
    part->gather = gather;
    part->method = method;
    part->reply = reply;
    bus_buf_init(&part->body, SIZE_MAX);
    pthread_mutex_lock(&gather->lock);
    gather->parts[gather->count++] = part;
    gather->refs++;
    pthread_mutex_unlock(&gather->lock);
    return part;
}

/* Tests that script replies have them at once. */
static void fake_begin(struct bus_gather *gather,
                       const struct bus_method *method, const void *request,
                       void *reply)
{
    struct bus_reply answer;
    struct part *part = part_new(gather, method, NULL);
    bus_reply_init(&answer);
    if (bus_fake_take(gather->call, method, request, reply) != BUS_OK)
        answer.error = gather->call->error;
    part_done(part, &answer);
}

int bus_gather_begin(struct bus_gather *gather, const char *target,
                     const struct bus_method *method, const void *request,
                     void *reply)
{
    struct bus_call *call = gather->call;
    struct bus_request sent;
    if (gather->count == BUS_GATHER_MAX) {
        bus_error_set(&call->error, BUS_RESOURCE_EXHAUSTED,
                      "at most %d calls at once", BUS_GATHER_MAX);
        return -1;
    }
    int number = gather->count;
    if (call->fake && !call->locked) {
        fake_begin(gather, method, request, reply);
        return number;
    }
    if (outgoing_make(call, target, method, request, &sent) != BUS_OK)
        return -1;
    bus_start(call->bus, &sent, part_done, part_new(gather, method, reply));
    return number;
}

int bus_gather_everywhere(struct bus_gather *gather,
                          const struct bus_method *method, const void *request,
                          void *replies, size_t max)
{
    struct bus_call *call = gather->call;
    size_t size = method->reply ? method->reply->size : 0;
    struct bus_name *names = calloc(max ? max : 1, sizeof(*names));
    if (!names)
        abort();
    size_t found =
        bus_names_list(bus_names(call->bus), method->actor, names, max);
    int begun = 0;
    for (size_t i = 0; i < found && i < max && begun >= 0; i++) {
        char target[BUS_TARGET_MAX];
        void *reply = replies ? (char *)replies + i * size : NULL;
        snprintf(target, sizeof(target), "%s#%s%s%s", names[i].actor,
                 names[i].instance, names[i].node[0] ? "@" : "", names[i].node);
        if (bus_gather_begin(gather, target, method, request, reply) < 0)
            begun = -1;
        else
            begun++;
    }
    free(names);
    return begun;
}

/* ---- Waiting ---- */

static bool decided(const struct bus_gather *gather,
                    enum bus_gather_until until)
{
    bool all = true;
    for (int i = 0; i < gather->count; i++) {
        const struct part *part = gather->parts[i];
        all = all && part->ended;
        if (until == BUS_GATHER_SUCCESS && part->ended && !part->error.code)
            return true;
    }
    return all || (until == BUS_GATHER_ANY && gather->first >= 0);
}

static void wait_real(struct bus_gather *gather, enum bus_gather_until until)
{
    pthread_mutex_lock(&gather->lock);
    while (!decided(gather, until))
        pthread_cond_wait(&gather->changed, &gather->lock);
    pthread_mutex_unlock(&gather->lock);
}

static bool is_decided(struct bus_gather *gather, enum bus_gather_until until)
{
    pthread_mutex_lock(&gather->lock);
    bool yes = decided(gather, until);
    pthread_mutex_unlock(&gather->lock);
    return yes;
}

static void wait_memory(struct bus_gather *gather, enum bus_gather_until until)
{
    while (!is_decided(gather, until))
        if (!memory_idle(gather->call->bus->memory)) {
            wait_real(gather, until);
            return;
        }
}

/* Lock held. */
static void part_see(struct part *part)
{
    struct bus_call *call = part->gather->call;
    part->seen = true;
    if (part->error.code || !part->reply || part->body.len == 0)
        return;
    outgoing_answer(call, part->method, bus_buf_bytes(&part->body), part->reply,
                    &part->error);
}

static int which_decided(const struct bus_gather *gather,
                         enum bus_gather_until until)
{
    int last = -1;
    if (until == BUS_GATHER_ANY)
        return gather->first;
    for (int i = 0; i < gather->count; i++) {
        const struct part *part = gather->parts[i];
        bool bad = part->seen && part->error.code;
        if (until == BUS_GATHER_SUCCESS && part->seen && !bad)
            return i;
        if (until == BUS_GATHER_ALL && bad)
            return i;
        if (bad)
            last = i;
    }
    return last;
}

int bus_gather_wait(struct bus_gather *gather, enum bus_gather_until until)
{
    struct bus_call *call = gather->call;
    bus_flush(call->bus);
    servers_flush(call->bus); /* what was answered so far must not wait */
    if (call->bus->memory)
        wait_memory(gather, until);
    else
        wait_real(gather, until);
    pthread_mutex_lock(&gather->lock);
    for (int i = 0; i < gather->count; i++)
        if (gather->parts[i]->ended && !gather->parts[i]->seen)
            part_see(gather->parts[i]);
    gather->which = which_decided(gather, until);
    pthread_mutex_unlock(&gather->lock);
    if (gather->which < 0)
        return BUS_OK;
    const struct bus_error *error = &gather->parts[gather->which]->error;
    if (error->code)
        call->error = *error;
    return error->code;
}

const struct bus_error *bus_gather_ended(const struct bus_gather *gather,
                                         int number)
{
    assert(number >= 0 && number < gather->count);
    const struct part *part = gather->parts[number];
    return part->seen ? &part->error : NULL;
}

int bus_gather_which(const struct bus_gather *gather)
{
    return gather->which;
}

void bus_gather_end(struct bus_gather *gather)
{
    pthread_mutex_lock(&gather->lock);
    gather->over = true;
    unref(gather);
}
