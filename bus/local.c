/* SPDX-License-Identifier: MIT
 *
 * Requests of a process to itself: one block of memory each, whose reply goes
 * to a function where others' go to a link.
 */
#include <stdlib.h>
#include <string.h>

#include "bus/batch.h"

struct local {
    struct inbound inbound; /* first */
    bus_done *done;
    void *arg;
    char memory[]; /* what the request points to */
};

/* A copy at *at, which moves on; NULL stays NULL. */
static const char *put(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

struct bus_inbound *bus_inbound_local(const struct bus_request *request,
                                      int64_t received, bus_done *done,
                                      void *arg)
{
    const struct bus_saga_mark *saga = &request->meta.saga;
    size_t size = size_of(request->method) + size_of(saga->gid) +
                  size_of(saga->branch) + size_of(saga->op) + request->body.len;
    struct local *local = calloc(1, sizeof(*local) + size);
    if (!local)
        abort();
    char *at = local->memory;
    struct bus_inbound *call = &local->inbound.call;
    local->done = done;
    local->arg = arg;
    call->method = put(&at, request->method);
    call->meta.trace = request->meta.trace;
    call->meta.saga.gid = put(&at, saga->gid);
    call->meta.saga.branch = put(&at, saga->branch);
    call->meta.saga.op = put(&at, saga->op);
    if (request->body.len)
        memcpy(at, request->body.data, request->body.len);
    call->body = (struct bus_bytes){(const uint8_t *)at, request->body.len};
    call->deadline = request->deadline;
    call->received = received;
    return call;
}

void inbound_local_reply(struct inbound *inbound, const struct bus_reply *reply)
{
    struct local *local = (struct local *)(void *)inbound;
    local->done(local->arg, reply);
    free(local);
}
