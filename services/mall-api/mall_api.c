/* SPDX-License-Identifier: MIT
 *
 * The shop over HTTP: products, a cart, orders and their refund. Placing and
 * refunding are sagas (order/place.saga, after-sale/refund.saga) that are
 * submitted here, where waiting for them keeps no worker of theirs busy.
 */
#include "mall-api.actor.h"

#include <string.h>

#include "aftersale.bus.h"
#include "bus/trace.h"
#include "cart.bus.h"
#include "order.bus.h"
#include "pay.bus.h"
#include "place.saga.h"
#include "product.bus.h"
#include "refund.saga.h"

#define NO_BYTES_MAX 32
#define REASON_BYTES_MAX 200
#define HTTP_FORBIDDEN 403
#define HTTP_NOT_FOUND 404
#define HTTP_CONFLICT 409
#define HTTP_GATEWAY_TIMEOUT 504

static int caller(struct bus_call *call, int64_t *ret)
{
    if (bus_claim_int(call, "userId", ret))
        return BUS_OK;
    return bus_refuse(call, BUS_UNAUTHENTICATED, "no userId in the token");
}

static int answer(struct bus_call *call, const struct bus_shape *shape,
                  const void *message, struct mall_api_Response *ret)
{
    ret->message = "success";
    ret->data = bus_any(call, shape, message);
    return BUS_OK;
}

/* That something is not there is 404 with the callee's own words. */
static int refused(struct bus_call *call, int code)
{
    struct bus_error said = call->error;
    if (code != BUS_NOT_FOUND)
        return code;
    return bus_refuse_http(call, HTTP_NOT_FOUND, code, "%s", said.sentence);
}

/* ---- products and the cart ---- */

int mall_api_products(struct bus_call *call,
                      const struct mall_api_ProductsReq *req,
                      struct mall_api_Response *ret)
{
    const struct product_ListRequest list = {req->after, req->size};
    struct product_ListReply reply;
    int code = bus_product_listProducts(call, &list, &reply);
    return code ? code : answer(call, &product_ListReply_shape, &reply, ret);
}

int mall_api_product(struct bus_call *call,
                     const struct mall_api_ProductReq *req,
                     struct mall_api_Response *ret)
{
    const struct product_IdRequest which = {req->id};
    struct product_Info info;
    int code = bus_product_getProduct(call, &which, &info);
    return code ? refused(call, code)
                : answer(call, &product_Info_shape, &info, ret);
}

int mall_api_cart(struct bus_call *call, struct mall_api_Response *ret)
{
    struct cart_UserRequest who;
    struct cart_Items items;
    int code = caller(call, &who.user_id);
    if (!code)
        code = bus_cart_list(call, &who, &items);
    return code ? code : answer(call, &cart_Items_shape, &items, ret);
}

int mall_api_putInCart(struct bus_call *call, const struct mall_api_Item *req,
                       struct mall_api_Response *ret)
{
    struct cart_PutRequest put = {.product_id = req->product_id,
                                  .quantity = req->quantity};
    const struct product_IdRequest which = {req->product_id};
    struct product_Info info;
    struct mall_Done done;
    int code = caller(call, &put.user_id);
    if (!code)
        code = bus_product_getProduct(call, &which, &info);
    if (!code)
        code = bus_cart_put(call, &put, &done);
    ret->message = "success";
    return refused(call, code);
}

/* ---- orders ---- */

/* What a saga that did not end well is to an HTTP client: rolled back, with the
 * failing step's own words, or still on its way, with its id to ask for. */
static int saga_refused(struct bus_call *call, int code, const char *gid)
{
    struct bus_error said = call->error;
    if (said.reason[0])
        bus_header(call, "X-Saga-Status", said.reason);
    if (code == BUS_ABORTED)
        bus_refuse_http(call, HTTP_CONFLICT, code, "%s", said.sentence);
    else if (code == BUS_DEADLINE_EXCEEDED && gid)
        bus_refuse_http(call, HTTP_GATEWAY_TIMEOUT, code,
                        "saga %s is still running", gid);
    else
        return code;
    call->error.business = said.business;
    return code;
}

static bool is_number(const char *no)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(no);
    return len > 0 && len <= NO_BYTES_MAX && strspn(no, allowed) == len;
}

static int number_choose(struct bus_call *call, const char *given,
                         const char **ret)
{
    struct bus_trace random;
    char text[BUS_TRACE_TEXT];
    if (given[0] && !is_number(given))
        return bus_refuse(call, BUS_INVALID_ARGUMENT,
                          "no: expected 1 to %d letters, digits and -",
                          NO_BYTES_MAX);
    bus_trace_new(&random);
    bus_trace_id_text(&random, text);
    *ret = given[0] ? given : bus_arena_text(call->arena, text);
    return *ret ? BUS_OK
                : bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
}

/* What the request names, or what is in the cart. */
static int items_choose(struct bus_call *call,
                        const struct mall_api_PlaceReq *req, int64_t user_id,
                        struct bus_list *ret)
{
    const struct mall_api_Item *from = req->items.items;
    const struct cart_UserRequest who = {user_id};
    struct cart_Items cart;
    if (req->items.count == 0) {
        int code = bus_cart_list(call, &who, &cart);
        if (!code)
            *ret = cart.items;
        return code;
    }
    struct mall_Item *items =
        bus_arena_array(call->arena, req->items.count, sizeof(*items));
    if (!items)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < req->items.count; i++)
        items[i] = (struct mall_Item){.product_id = from[i].product_id,
                                      .quantity = from[i].quantity};
    *ret = (struct bus_list){items, req->items.count};
    return BUS_OK;
}

/* Bought is bought, whatever stays in the cart. */
static void cart_empty(struct bus_call *call, int64_t user_id)
{
    const struct cart_UserRequest who = {user_id};
    struct mall_Done done;
    if (bus_cart_clear(call, &who, &done))
        bus_warn(call, "the cart of %lld was not emptied", (long long)user_id);
}

static bool same_items(const struct bus_list *a, const struct bus_list *b)
{
    const struct mall_Item *left = a->items, *right = b->items;
    size_t found = 0;
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++)
            found += left[i].product_id == right[k].product_id &&
                     left[i].quantity == right[k].quantity;
    }
    return a->count == b->count && found == a->count;
}

/* True if this is a repetition: of the order that has this number already, with
 * the same items, or with none, for the cart is empty since. */
static bool was_placed(struct bus_call *call,
                       const struct mall_api_PlaceReq *req,
                       const struct order_PlaceRequest *place,
                       struct order_PlaceReply *ret)
{
    const struct mall_OrderNo which = {place->no};
    struct bus_error said = call->error;
    struct order_Info info;
    bool was =
        req->no[0] && !bus_order_getOrder(call, &which, &info) &&
        info.user_id == place->user_id &&
        (req->items.count == 0 || same_items(&place->items, &info.items));
    call->error = said;
    if (was)
        *ret = (struct order_PlaceReply){info.no, info.amount};
    return was;
}

int mall_api_place(struct bus_call *call, const struct mall_api_PlaceReq *req,
                   struct mall_api_Response *ret)
{
    struct order_PlaceRequest place = {0};
    struct order_PlaceReply reply;
    const char *gid = NULL;
    int code = caller(call, &place.user_id);
    if (!code)
        code = number_choose(call, req->no, &place.no);
    if (!code)
        code = items_choose(call, req, place.user_id, &place.items);
    if (code)
        return code;
    code = bus_saga_place(call, &place, &reply, &gid);
    if (code == BUS_ABORTED && was_placed(call, req, &place, &reply))
        return answer(call, &order_PlaceReply_shape, &reply, ret);
    if (gid)
        bus_header(call, "X-Saga-Gid", gid);
    if (code)
        return saga_refused(call, code, gid);
    if (req->items.count == 0)
        cart_empty(call, place.user_id);
    return answer(call, &order_PlaceReply_shape, &reply, ret);
}

int mall_api_orders(struct bus_call *call, const struct mall_api_OrdersReq *req,
                    struct mall_api_Response *ret)
{
    struct order_ListRequest list = {.page = req->page, .size = req->size};
    struct order_ListReply reply;
    int code = caller(call, &list.user_id);
    if (!code)
        code = bus_order_listOrders(call, &list, &reply);
    return code ? code : answer(call, &order_ListReply_shape, &reply, ret);
}

int mall_api_order(struct bus_call *call, const struct mall_api_OrderReq *req,
                   struct mall_api_Response *ret)
{
    const struct mall_OrderNo which = {req->no};
    struct order_Info info;
    int64_t user_id;
    int code = caller(call, &user_id);
    if (!code)
        code = bus_order_getOrder(call, &which, &info);
    if (code)
        return refused(call, code);
    if (info.user_id != user_id)
        return bus_refuse_http(call, HTTP_FORBIDDEN, BUS_PERMISSION_DENIED,
                               "order %s is somebody else's", req->no);
    return answer(call, &order_Info_shape, &info, ret);
}

int mall_api_refund(struct bus_call *call, const struct mall_api_RefundReq *req,
                    struct mall_api_Response *ret)
{
    struct aftersale_RefundRequest refund = {.no = req->no,
                                             .reason = req->reason};
    struct aftersale_RefundReply reply;
    const char *gid = NULL;
    if (strlen(req->reason) > REASON_BYTES_MAX || !is_number(req->no))
        return bus_refuse(call, BUS_INVALID_ARGUMENT,
                          "reason: expected at most %d bytes",
                          REASON_BYTES_MAX);
    int code = caller(call, &refund.user_id);
    if (code)
        return code;
    code = bus_saga_refund(call, &refund, &reply, &gid);
    if (gid)
        bus_header(call, "X-Saga-Gid", gid);
    if (code)
        return saga_refused(call, code, gid);
    return answer(call, &aftersale_RefundReply_shape, &reply, ret);
}

int mall_api_account(struct bus_call *call, struct mall_api_Response *ret)
{
    struct pay_UserRequest who;
    struct pay_Account account;
    int code = caller(call, &who.user_id);
    if (!code)
        code = bus_pay_getAccount(call, &who, &account);
    return code ? refused(call, code)
                : answer(call, &pay_Account_shape, &account, ret);
}
