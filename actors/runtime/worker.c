/* SPDX-License-Identifier: MIT
 *
 * A worker takes several short requests at once, or one long one: what counts
 * as short is measured. Replies gather in the server until a drain point. There
 * are three: the mailbox is empty; a handler is next that may take long; the
 * oldest reply has waited RUNTIME_HOLD_NS. So no reply waits behind a slow
 * handler, and a burst of quick ones leaves as one frame.
 */
#include "actors/runtime/worker.h"

#include <signal.h>

#include "actors/runtime/handle.h"
#include "actors/store/store.h"
#include "bus/hook.h"

int worker_open(struct actor_worker *worker)
{
    struct runtime *runtime = worker->runtime;
    const struct actor_type *type = runtime->process.type;
    bus_arena_init(&worker->arena, BUS_ARENA_LIMIT);
    bus_buf_init(&worker->reply, RUNTIME_REPLY_MAX);
    int code = BUS_OK;
    if (runtime->shared)
        code = store_open(runtime->shared, &worker->store, &worker->error);
    if (code || !type->open)
        return code;
    code = type->open(worker, runtime->process.own, &worker->state);
    if (code)
        return bus_error_set(&worker->error, code,
                             "%s_open of worker %d failed: %s", type->name,
                             worker->index, bus_code_name(code));
    worker->opened = true;
    return BUS_OK;
}

void worker_close(struct actor_worker *worker)
{
    const struct actor_type *type = worker->runtime->process.type;
    if (worker->opened && type->close)
        type->close(worker->state);
    worker->opened = false;
    if (worker->store)
        store_close(worker->store);
    worker->store = NULL;
    bus_buf_release(&worker->headers);
    bus_buf_release(&worker->reply);
    bus_arena_release(&worker->arena);
}

static void flush(struct actor_worker *worker)
{
    if (worker->held > 0)
        bus_server_flush(worker->runtime->process.server);
    worker->held = 0;
}

static bool is_short(const struct method_entry *entry)
{
    if (!entry)
        return true;
    int64_t took = atomic_load_explicit(&entry->ewma_ns, memory_order_relaxed);
    return took > 0 && took < RUNTIME_SHORT_NS;
}

/* Returns the time at which the handler had ended. */
static int64_t answer(struct actor_worker *worker, struct method_entry *entry,
                      struct bus_inbound *inbound, int64_t now)
{
    struct bus_reply reply;
    if (worker->held++ == 0)
        worker->held_since = now;
    int64_t ended = handle_request(worker, entry, inbound, now, &reply);
    bus_effect("reply");
    bus_inbound_reply(inbound, &reply);
    bus_effect("reply");
    return ended;
}

void worker_serve(struct actor_worker *worker, struct bus_inbound *inbound)
{
    answer(worker, methods_find(&worker->runtime->methods, inbound->method),
           inbound, bus_now(worker->runtime->process.clock));
    flush(worker);
}

/* Requests that fit into the time of a short handler, by what is measured. */
static size_t batch_size(const struct runtime *runtime)
{
    int64_t took =
        atomic_load_explicit(&runtime->ewma_ns, memory_order_relaxed);
    if (took <= 0 || took >= RUNTIME_SHORT_NS)
        return 1;
    int64_t fit = RUNTIME_SHORT_NS / took;
    return fit < RUNTIME_BATCH_MAX ? (size_t)fit : RUNTIME_BATCH_MAX;
}

static void batch_run(struct actor_worker *worker, struct bus_inbound *list)
{
    struct runtime *runtime = worker->runtime;
    const struct bus_clock *clock = runtime->process.clock;
    int64_t before = bus_now(clock);
    while (list) {
        struct bus_inbound *inbound = list;
        struct method_entry *entry =
            methods_find(&runtime->methods, inbound->method);
        list = list->next;
        if (!is_short(entry)) {
            mailbox_return(&runtime->mailbox, list);
            list = NULL;
            flush(worker);
        }
        int64_t received = inbound->received;
        int64_t now = answer(worker, entry, inbound, before);
        shed_done(&runtime->shed, now, now - received);
        atomic_store_explicit(
            &runtime->ewma_ns,
            (7 * atomic_load_explicit(&runtime->ewma_ns, memory_order_relaxed) +
             (now - before)) /
                    8 +
                1,
            memory_order_relaxed);
        before = now;
        if (worker->held > 0 && now - worker->held_since > RUNTIME_HOLD_NS)
            flush(worker);
    }
}

static void worker_loop(struct actor_worker *worker)
{
    struct mailbox *box = &worker->runtime->mailbox;
    for (;;) {
        size_t most = batch_size(worker->runtime);
        struct bus_inbound *list = mailbox_take(box, most);
        if (!list) {
            flush(worker);
            list = mailbox_wait(box, most);
        }
        if (!list)
            return;
        batch_run(worker, list);
    }
}

static void *worker_main(void *arg)
{
    struct actor_worker *worker = arg;
    struct runtime *runtime = worker->runtime;
    int code = worker_open(worker);
    pthread_mutex_lock(&runtime->opening);
    runtime->opened++;
    pthread_cond_signal(&runtime->opened_one);
    pthread_mutex_unlock(&runtime->opening);
    if (!code)
        worker_loop(worker);
    worker_close(worker);
    return NULL;
}

static void opening_wait(struct runtime *runtime)
{
    pthread_mutex_lock(&runtime->opening);
    while (runtime->opened < runtime->process.workers)
        pthread_cond_wait(&runtime->opened_one, &runtime->opening);
    pthread_mutex_unlock(&runtime->opening);
}

int workers_start(struct runtime *runtime, struct bus_error *err)
{
    for (int i = 0; i < runtime->process.workers; i++) {
        struct actor_worker *worker = &runtime->workers[i];
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
            runtime->process.workers = i;
            break;
        }
    }
    runtime->workers_run = true;
    opening_wait(runtime);
    for (int i = 0; i < runtime->process.workers; i++) {
        if (runtime->workers[i].error.code) {
            *err = runtime->workers[i].error;
            return err->code;
        }
    }
    if (runtime->process.workers == 0)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "no thread could be started");
    return BUS_OK;
}

void workers_stop(struct runtime *runtime)
{
    mailbox_close(&runtime->mailbox);
    for (int i = 0; runtime->workers_run && i < runtime->process.workers; i++)
        pthread_join(runtime->workers[i].thread, NULL);
    runtime->workers_run = false;
}
