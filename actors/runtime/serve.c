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

/* False: it was refused. */
static bool mailbox_offer(struct runtime *runtime, struct mailbox *box,
                          struct bus_inbound *inbound)
{
    switch (mailbox_put(box, inbound)) {
    case MAILBOX_PUT:
        return true;
    case MAILBOX_FULL:
        runtime_refuse(runtime, inbound, BUS_RESOURCE_EXHAUSTED, "busy",
                       "the mailbox is full");
        return false;
    case MAILBOX_CLOSED:
        runtime_refuse(runtime, inbound, BUS_UNAVAILABLE, "draining",
                       "the instance is stopping");
        return false;
    }
    return false;
}

void runtime_take(struct runtime *runtime, struct bus_inbound *inbound)
{
    int64_t now = inbound->received;
    if (!shed_admits(&runtime->shed, now, cpu_thousandths(&runtime->cpu, now)))
        runtime_refuse(runtime, inbound, BUS_RESOURCE_EXHAUSTED, "busy",
                       "the processors are used up");
    else if (!mailbox_offer(runtime, &runtime->mailbox, inbound))
        shed_undo(&runtime->shed);
}

void runtime_serve(void *arg, struct bus_inbound *inbound)
{
    struct runtime *runtime = arg;
    const char *why;
    if (inbound->method[0] == SYSTEM_MARK)
        mailbox_offer(runtime, &runtime->system, inbound);
    else if (!apps_allow(runtime->process.config, inbound, &why))
        runtime_refuse(runtime, inbound, BUS_UNAUTHENTICATED, "", why);
    else if (runtime->process.type->loop)
        loop_serve(runtime, inbound);
    else
        runtime_take(runtime, inbound);
}
