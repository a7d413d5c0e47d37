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
