/* SPDX-License-Identifier: MIT
 *
 * The echo actor of ops/bench.
 */
#include "echo.actor.h"

int echo_say(struct bus_call *call, const struct echo_Text *req,
             struct echo_Text *ret)
{
    (void)call;
    ret->text = req->text;
    return BUS_OK;
}

int echo_tell(struct bus_call *call, const struct echo_Burst *req,
              struct echo_Done *ret)
{
    (void)ret;
    static const struct echo_Text event = {
        .text = "0123456789012345678901234567890123456789012345678901234567890"
                "123456789012345678901234567890123"};
    for (int32_t i = 0; i < req->count; i++) {
        int code = bus_publish(call, "bench.tick", &echo_Text_shape, &event);
        if (code)
            return code;
    }
    return BUS_OK;
}
