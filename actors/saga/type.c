/* SPDX-License-Identifier: MIT
 *
 * The saga actor as the runtime sees it: its loop and its methods.
 */
#include "actors/runtime/saga_pack.h"
#include "actors/saga/actor.h"
#include "actors/saga/config.h"
#include "actors/saga/dtm.h"

static int type_start(struct actor_process *process, void **ret_self,
                      struct bus_error *err)
{
    struct saga_actor *self = NULL;
    int code = saga_actor_open(process, true, &self, err);
    if (!code)
        *ret_self = self;
    return code;
}

static void type_serve(void *self, struct bus_inbound *inbound)
{
    saga_actor_serve(self, inbound);
}

static void type_drain(void *self, int64_t deadline)
{
    saga_actor_drain(self, deadline);
}

static void type_stop(void *self)
{
    saga_actor_close(self);
}

static const struct actor_loop saga_loop = {
    .start = type_start,
    .serve = type_serve,
    .drain = type_drain,
    .stop = type_stop,
};

static const struct bus_method methods[] = {
    {.actor = "saga",
     .name = "submit",
     .request = &saga_submit_shape,
     .doc = "begins a saga and waits for its end"},
    {.actor = "saga",
     .name = "show",
     .request = &saga_show_shape,
     .flags = BUS_NO_SIDE_EFFECTS | BUS_IDEMPOTENT,
     .doc = "one saga with its steps"},
    {.actor = "saga",
     .name = "list",
     .request = &saga_list_shape,
     .flags = BUS_NO_SIDE_EFFECTS | BUS_IDEMPOTENT,
     .doc = "sagas, newest first"},
    {.actor = "saga",
     .name = "retry",
     .request = &saga_operate_shape,
     .flags = BUS_IDEMPOTENT,
     .doc = "tries now whatever waits or is parked"},
    {.actor = "saga",
     .name = "skip",
     .request = &saga_operate_shape,
     .doc = "a branch that waits counts as done"},
    {.actor = "saga",
     .name = "fail",
     .request = &saga_operate_shape,
     .doc = "an action that waits has failed"},
    {.actor = "saga",
     .name = "compensate",
     .request = &saga_operate_shape,
     .doc = "a step is undone before its turn"},
    {.actor = "saga",
     .name = "undo",
     .request = &saga_submit_shape,
     .flags = BUS_IDEMPOTENT,
     .doc = "a saga that is a step of another is undone as a whole"},
    {.actor = "saga",
     .name = "abort",
     .request = &saga_operate_shape,
     .doc = "rolls a saga back"},
    {.actor = "saga",
     .name = "dtm",
     .request = &dtm_forward_shape,
     .reply = &dtm_forwarded_shape,
     .doc = "a request of DTM's API for a transaction of this instance"},
    {.actor = "saga",
     .name = "stats",
     .flags = BUS_NO_SIDE_EFFECTS | BUS_IDEMPOTENT,
     .doc = "how much is unfinished, in flight and written"},
};
static const struct actor_method actor_methods[] = {
    {.method = &methods[0]}, {.method = &methods[1]},  {.method = &methods[2]},
    {.method = &methods[3]}, {.method = &methods[4]},  {.method = &methods[5]},
    {.method = &methods[6]}, {.method = &methods[7]},  {.method = &methods[8]},
    {.method = &methods[9]}, {.method = &methods[10]},
};

const struct actor_type saga_actor = {
    .name = "saga",
    .version = "",
    .methods = actor_methods,
    .count = sizeof(actor_methods) / sizeof(actor_methods[0]),
    .config = &saga_config_shape,
    .loop = &saga_loop,
};
