/* SPDX-License-Identifier: MIT
 *
 * The step with a store: one business row, and the barrier's own beside it in
 * the same transaction, because the call belongs to a saga.
 */
#include "kept.actor.h"

#include "kept.model.h"

static int enter(struct bus_call *call, int64_t user_id, int64_t amount,
                 struct kept_Move *ret)
{
    struct entry_row row = {.user_id = user_id, .amount = amount};
    ret->user_id = user_id;
    ret->amount = amount;
    return entry_row_insert(call, &row);
}

int kept_act(struct bus_call *call, const struct kept_Move *req,
             struct kept_Move *ret)
{
    return enter(call, req->user_id, req->amount, ret);
}

int kept_undo(struct bus_call *call, const struct kept_Move *req,
              struct kept_Move *ret)
{
    return enter(call, req->user_id, -req->amount, ret);
}
