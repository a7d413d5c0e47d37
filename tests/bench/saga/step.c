/* SPDX-License-Identifier: MIT
 *
 * The step without a store: it answers what it was asked.
 */
#include "step.actor.h"

int step_act(struct bus_call *call, const struct step_Move *req,
             struct step_Move *ret)
{
    (void)call;
    *ret = *req;
    return BUS_OK;
}

int step_hold(struct bus_call *call, const struct step_Move *req,
              struct step_Move *ret)
{
    (void)req;
    (void)ret;
    return bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                         "it is not done yet");
}

int step_undo(struct bus_call *call, const struct step_Move *req,
              struct step_Move *ret)
{
    return step_act(call, req, ret);
}
