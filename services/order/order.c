/* SPDX-License-Identifier: MIT
 *
 * The order service: an order is there once stock and payment are (place.saga),
 * and stays, refunded, when they went back (after-sale/refund.saga).
 */
#include "order.actor.h"

#include "order.model.h"

enum { PLACED, REFUNDED };

static const char *state_name(int8_t state)
{
    return state == PLACED ? "placed" : "refunded";
}

static void info_fill(const struct orders_row *row, struct order_Info *ret)
{
    *ret = (struct order_Info){.no = row->no,
                               .user_id = row->user_id,
                               .amount = row->amount,
                               .state = state_name(row->state)};
}

static int items_fill(struct bus_call *call, const char *no,
                      struct bus_list *ret)
{
    struct order_item_row_list list;
    int code = order_item_row_find_all_by_order_no(call, no, &list);
    if (code)
        return code;
    struct mall_Item *items =
        bus_arena_array(call->arena, list.count, sizeof(*items));
    if (!items)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < list.count; i++)
        items[i] = (struct mall_Item){.product_id = list.rows[i].product_id,
                                      .quantity = list.rows[i].quantity};
    *ret = (struct bus_list){items, list.count};
    return BUS_OK;
}

int order_getOrder(struct bus_call *call, const struct mall_OrderNo *req,
                   struct order_Info *ret)
{
    struct orders_row row;
    int code = orders_row_find_one(call, req->no, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "订单不存在");
    if (code)
        return code;
    info_fill(&row, ret);
    return items_fill(call, row.no, &ret->items);
}

int order_listOrders(struct bus_call *call, const struct order_ListRequest *req,
                     struct order_ListReply *ret)
{
    struct orders_row_list list;
    uint64_t total;
    const struct model_page page = {
        .size = req->size > 0 ? (uint32_t)req->size : 0,
        .page = req->page > 0 ? (uint32_t)req->page : 1};
    int code = orders_row_count_by_user_id(call, req->user_id, &total);
    if (!code)
        code =
            orders_row_find_page_by_user_id(call, req->user_id, &page, &list);
    if (code)
        return code;
    struct order_Info *infos =
        bus_arena_array(call->arena, list.count, sizeof(*infos));
    if (!infos)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < list.count; i++)
        info_fill(&list.rows[i], &infos[i]);
    ret->total = (int64_t)total;
    ret->orders = (struct bus_list){infos, list.count};
    return BUS_OK;
}

int order_create(struct bus_call *call, const struct order_CreateRequest *req,
                 struct mall_Done *ret)
{
    const struct order_Config *config = bus_config(call);
    const struct mall_Item *items = req->items.items;
    struct orders_row row = {.no = req->no,
                             .user_id = req->user_id,
                             .amount = req->amount,
                             .state = PLACED};
    (void)ret;
    if (config->max_amount && req->amount > config->max_amount)
        return bus_refuse(call, BUS_OUT_OF_RANGE, "订单金额超过上限");
    struct order_item_row *rows =
        bus_arena_array(call->arena, req->items.count, sizeof(*rows));
    if (!rows)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < req->items.count; i++)
        rows[i] = (struct order_item_row){.order_no = req->no,
                                          .product_id = items[i].product_id,
                                          .quantity = items[i].quantity};
    int code = orders_row_insert(call, &row);
    if (code == BUS_ALREADY_EXISTS)
        return bus_refuse(call, code, "订单已存在");
    if (code)
        return code;
    return order_item_row_insert_batch(call, rows, req->items.count);
}

/* Undoes create. That there is no order is what was wanted. */
int order_createCallback(struct bus_call *call, const struct mall_OrderNo *req,
                         struct mall_Done *ret)
{
    struct order_item_row_list list;
    (void)ret;
    int code = order_item_row_find_all_by_order_no(call, req->no, &list);
    for (size_t i = 0; !code && i < list.count; i++)
        code = order_item_row_delete(call, req->no, list.rows[i].product_id);
    if (!code)
        code = orders_row_delete(call, req->no);
    return code == BUS_NOT_FOUND ? BUS_OK : code;
}

static int state_move(struct bus_call *call, struct orders_row *row,
                      int8_t state)
{
    row->state = state;
    return orders_row_update_version(call, row);
}

int order_refund(struct bus_call *call, const struct order_RefundRequest *req,
                 struct mall_Done *ret)
{
    struct orders_row row;
    (void)ret;
    int code = orders_row_find_one_for_update(call, req->no, &row);
    if (code == BUS_NOT_FOUND || (!code && row.user_id != req->user_id))
        return bus_refuse(call, BUS_NOT_FOUND, "订单不存在");
    if (code)
        return code;
    if (row.state != PLACED)
        return bus_refuse(call, BUS_ABORTED, "订单已退款");
    return state_move(call, &row, REFUNDED);
}

/* Undoes refund. */
int order_refundCallback(struct bus_call *call, const struct mall_OrderNo *req,
                         struct mall_Done *ret)
{
    struct orders_row row;
    (void)ret;
    int code = orders_row_find_one_for_update(call, req->no, &row);
    if (code || row.state == PLACED)
        return code;
    return state_move(call, &row, PLACED);
}
