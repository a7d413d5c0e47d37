/* SPDX-License-Identifier: MIT
 *
 * The user API of both tutorials: log in, register a user and a score in one
 * saga, and look at oneself.
 */
#include "user-api.actor.h"

#include <stdlib.h>
#include <string.h>

#include "actors/runtime/settings.h"
#include "actors/runtime/token.h"
#include "register.saga.h"
#include "user.bus.h"

#define REFUSAL 1001 /* the tutorial's defaultCode */
#define HTTP_FORBIDDEN 403
#define HTTP_CONFLICT 409
#define HTTP_GATEWAY_TIMEOUT 504

static bool blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

/* A token for a user who has just proved to be one. */
static int token_issue(struct bus_call *call, int64_t user_id,
                       struct user_api_LoginReply *ret)
{
    const struct actor_auth *auth = bus_settings(call)->auth;
    const struct actor_claim claim = {"userId", NULL, user_id};
    int64_t now = bus_wall(call->clock) / 1000000;
    ret->accessExpire = now + auth->access_expire;
    ret->refreshAfter = now + auth->access_expire / 2;
    return actor_token_issue(auth->access_secret, now, auth->access_expire,
                             &claim, 1, call->arena, &ret->accessToken,
                             &call->error);
}

int user_api_login(struct bus_call *call, const struct user_api_LoginReq *req,
                   struct user_api_LoginReply *ret)
{
    if (blank(req->username) || blank(req->password))
        return bus_refuse_business(call, REFUSAL, "参数错误");

    struct user_PasswordRequest who = {.number = req->username,
                                       .password = req->password};
    struct user_UserResponse user;
    int code = bus_user_checkPassword(call, &who, &user);
    if (code == BUS_NOT_FOUND)
        return bus_refuse_business(call, REFUSAL, "用户名不存在");
    if (code == BUS_PERMISSION_DENIED)
        return bus_refuse_business(call, REFUSAL, "用户密码不正确");
    if (code)
        return code;

    ret->id = strtoll(user.id, NULL, 10);
    ret->name = user.name;
    ret->gender = user.gender;
    return token_issue(call, ret->id, ret);
}

/* What a saga that did not end well is to an HTTP client: rolled back, with the
 * failing step's own words, or still on its way, with its id to ask for. */
static int saga_refuse(struct bus_call *call, int code, const char *gid)
{
    struct bus_error said = call->error;
    if (said.reason[0])
        bus_header(call, "X-Saga-Status", said.reason);
    if (code == BUS_ABORTED)
        bus_refuse_http(call, HTTP_CONFLICT, code, "%s", said.sentence);
    else if (code == BUS_DEADLINE_EXCEEDED && gid)
        bus_refuse_http(call, HTTP_GATEWAY_TIMEOUT, code,
                        "registration %s is still running", gid);
    else
        return code;
    call->error.business = said.business;
    return code;
}

int user_api_register(struct bus_call *call,
                      const struct user_api_RegisterReq *req,
                      struct user_api_Response *ret)
{
    struct register_RegisterReply reply;
    const char *gid = NULL;
    int code = bus_saga_register(call, req, &reply, &gid);
    if (gid)
        bus_header(call, "X-Saga-Gid", gid);
    if (code)
        return saga_refuse(call, code, gid);
    ret->message = "success";
    ret->data = bus_any(call, &register_RegisterReply_shape, &reply);
    /* Registered is registered, whoever hears of it. */
    if (bus_publish(call, "user.registered", &register_RegisterReply_shape,
                    &reply))
        bus_warn(call, "user.registered was not published");
    return BUS_OK;
}

int user_api_getUser(struct bus_call *call, const struct user_api_UserReq *req,
                     struct user_api_Response *ret)
{
    int64_t user_id;
    if (!bus_claim_int(call, "userId", &user_id))
        return bus_refuse(call, BUS_UNAUTHENTICATED, "no userId in the token");
    const char *own = bus_arena_printf(call->arena, "%lld", (long long)user_id);
    if (!own || strcmp(own, req->id) != 0)
        return bus_refuse_http(call, HTTP_FORBIDDEN, BUS_PERMISSION_DENIED,
                               "user %.32s is somebody else", req->id);

    struct user_IdRequest who = {.id = own};
    struct user_UserResponse user;
    int code = bus_user_getUser(call, &who, &user);
    if (code)
        return code;
    ret->message = "success";
    ret->data = bus_any(call, &user_UserResponse_shape, &user);
    return BUS_OK;
}
