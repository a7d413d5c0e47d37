/* SPDX-License-Identifier: MIT
 *
 * Where requests come in, on the links' threads: system methods go to the
 * system thread, the others to the loop or into the workers' mailbox. Nothing
 * here blocks; what does not fit is refused at once.
 */
#include "actors/runtime/apps.h"
#include "actors/runtime/runtime.h"
#include "actors/runtime/system.h"

void runtime_refuse(struct runtime *runtime, struct bus_inbound *inbound,
                    int code, const char *reason, const char *sentence)
{
    struct bus_reply reply = {0};
    atomic_fetch_add_explicit(&runtime->refused, 1, memory_order_relaxed);
    bus_error_reason(&reply.error, code, reason, "%s: %s",
                     runtime->process.type->name, sentence);
    bus_inbound_reply(inbound, &reply);
    if (runtime->process.server)
        bus_server_flush(runtime->process.server);
}

void actor_answered(struct actor_process *process, bool error)
{
    struct runtime *runtime = (struct runtime *)process; /* first member */
    atomic_fetch_add_explicit(&runtime->calls, 1, memory_order_relaxed);
    if (error)
        atomic_fetch_add_explicit(&runtime->errors, 1, memory_order_relaxed);
}

static void serve_loop(struct runtime *runtime, struct bus_inbound *inbound)
{
    void *self = atomic_load(&runtime->loop_self);
    if (self)
        runtime->process.type->loop->serve(self, inbound);
    else
        runtime_refuse(runtime, inbound, BUS_UNAVAILABLE, "draining",
                       "the instance is not serving");
}

/* What found no place. */
static void refuse_rest(struct runtime *runtime, struct bus_inbound *list,
                        enum mailbox_put put)
{
    while (list) {
        struct bus_inbound *inbound = list;
        list = inbound->next;
        if (put == MAILBOX_FULL)
            runtime_refuse(runtime, inbound, BUS_RESOURCE_EXHAUSTED, "busy",
                           "the mailbox is full");
        else
            runtime_refuse(runtime, inbound, BUS_UNAVAILABLE, "draining",
                           "the instance is stopping");
    }
}

/* False: it was refused, for the processors are used up. */
static bool afforded(struct runtime *runtime, struct bus_inbound *inbound)
{
    int64_t now = inbound->received;
    if (shed_admits(&runtime->shed, now, cpu_thousandths(&runtime->cpu, now)))
        return true;
    runtime_refuse(runtime, inbound, BUS_RESOURCE_EXHAUSTED, "busy",
                   "the processors are used up");
    return false;
}

static void serve_workers(struct runtime *runtime, struct bus_inbound *list)
{
    enum mailbox_put put = mailbox_put(&runtime->mailbox, &list);
    for (const struct bus_inbound *rest = list; rest; rest = rest->next)
        shed_undo(&runtime->shed);
    refuse_rest(runtime, list, put);
}

void runtime_take(struct runtime *runtime, struct bus_inbound *inbound)
{
    if (afforded(runtime, inbound))
        serve_workers(runtime, inbound);
}

static void serve_system(struct runtime *runtime, struct bus_inbound *inbound)
{
    enum mailbox_put put = mailbox_put(&runtime->system, &inbound);
    refuse_rest(runtime, inbound, put);
}

/* True if the workers may have it. */
static bool admitted(struct runtime *runtime, struct bus_inbound *inbound)
{
    const char *why;
    if (inbound->method[0] == SYSTEM_MARK) {
        serve_system(runtime, inbound);
        return false;
    }
    if (!apps_allow(runtime->process.config, inbound, &why)) {
        runtime_refuse(runtime, inbound, BUS_UNAUTHENTICATED, "", why);
        return false;
    }
    if (runtime->process.type->loop) {
        serve_loop(runtime, inbound);
        return false;
    }
    return afforded(runtime, inbound);
}

void runtime_serve(void *arg, struct bus_inbound *list)
{
    struct runtime *runtime = arg;
    struct bus_inbound *first = NULL, **last = &first;
    while (list) {
        struct bus_inbound *inbound = list;
        list = inbound->next;
        inbound->next = NULL;
        if (admitted(runtime, inbound)) {
            *last = inbound;
            last = &inbound->next;
        }
    }
    if (first)
        serve_workers(runtime, first);
}
