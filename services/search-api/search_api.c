/* SPDX-License-Identifier: MIT
 *
 * The search API of the tutorial: who asks must be a known user.
 */
#include "search-api.actor.h"

#include "user.bus.h"

/* The route middleware of the .api file: the line before the handler is the
 * tutorial's; what comes after bus_next sees the outcome. */
int search_api_Example(struct bus_call *call, struct actor_next *next)
{
    bus_info(call, "example middle");
    int code = bus_next(call, next);
    if (!code)
        bus_header(call, "X-Example", "middle");
    return code;
}

int search_api_search(struct bus_call *call,
                      const struct search_api_SearchReq *req,
                      struct search_api_SearchReply *ret)
{
    int64_t user_id;
    if (!bus_claim_int(call, "userId", &user_id))
        return bus_refuse(call, BUS_UNAUTHENTICATED, "no userId in the token");
    bus_info(call, "userId: %lld", (long long)user_id);

    struct user_IdRequest who = {
        .id = bus_arena_printf(call->arena, "%lld", (long long)user_id)};
    struct user_UserResponse user;
    int code = bus_user_getUser(call, &who, &user);
    if (code)
        return code;
    ret->name = req->name;
    ret->count = 100;
    return BUS_OK;
}

int search_api_ping(struct bus_call *call)
{
    (void)call;
    return BUS_OK;
}
