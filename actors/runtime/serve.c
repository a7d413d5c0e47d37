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

static void loop_serve(struct runtime *runtime, struct bus_inbound *inbound)
{
    void *self = atomic_load(&runtime->loop_self);
    if (self)
        runtime->process.type->loop->serve(self, inbound);
    else
        runtime_refuse(runtime, inbound, BUS_UNAVAILABLE, "draining",
                       "the instance is not serving");
}

void runtime_serve(void *arg, struct bus_inbound *inbound)
{
    struct runtime *runtime = arg;
    bool system = inbound->method[0] == SYSTEM_MARK;
    const char *why;
    if (!system && !apps_allow(runtime->process.config, inbound, &why)) {
        runtime_refuse(runtime, inbound, BUS_UNAUTHENTICATED, "", why);
        return;
    }
    if (!system && runtime->process.type->loop) {
        loop_serve(runtime, inbound);
        return;
    }
    int64_t now = inbound->received;
    if (!system && !shed_admits(&runtime->shed, now,
                                cpu_thousandths(&runtime->cpu, now))) {
        runtime_refuse(runtime, inbound, BUS_RESOURCE_EXHAUSTED, "busy",
                       "the processors are used up");
        return;
    }
    enum mailbox_put put =
        mailbox_put(system ? &runtime->system : &runtime->mailbox, inbound);
    if (put != MAILBOX_PUT && !system)
        shed_undo(&runtime->shed);
    switch (put) {
    case MAILBOX_PUT:
        break;
    case MAILBOX_FULL:
        runtime_refuse(runtime, inbound, BUS_RESOURCE_EXHAUSTED, "busy",
                       "the mailbox is full");
        break;
    case MAILBOX_CLOSED:
        runtime_refuse(runtime, inbound, BUS_UNAVAILABLE, "draining",
                       "the instance is stopping");
        break;
    }
}
