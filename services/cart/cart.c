/* SPDX-License-Identifier: MIT
 *
 * The cart service: what a user means to buy.
 */
#include "cart.actor.h"

#include "cart.model.h"

#define QUANTITY_MAX 1000
#define ITEMS_MAX 100

int cart_list(struct bus_call *call, const struct cart_UserRequest *req,
              struct cart_Items *ret)
{
    struct cart_item_row_list list;
    int code = cart_item_row_find_all_by_user_id(call, req->user_id, &list);
    if (code)
        return code;
    struct mall_Item *items =
        bus_arena_array(call->arena, list.count, sizeof(*items));
    if (!items)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < list.count; i++)
        items[i] = (struct mall_Item){.product_id = list.rows[i].product_id,
                                      .quantity = list.rows[i].quantity};
    ret->items = (struct bus_list){items, list.count};
    return BUS_OK;
}

static int put_new(struct bus_call *call, struct cart_item_row *row)
{
    uint64_t count;
    int code = cart_item_row_count_by_user_id(call, row->user_id, &count);
    if (code)
        return code;
    if (count >= ITEMS_MAX)
        return bus_refuse(call, BUS_OUT_OF_RANGE, "购物车已满");
    return cart_item_row_insert(call, row);
}

int cart_put(struct bus_call *call, const struct cart_PutRequest *req,
             struct mall_Done *ret)
{
    struct cart_item_row row = {.user_id = req->user_id,
                                .product_id = req->product_id,
                                .quantity = req->quantity};
    (void)ret;
    if (req->quantity < 0 || req->quantity > QUANTITY_MAX)
        return bus_refuse(call, BUS_INVALID_ARGUMENT, "数量须在 0 到 %d 之间",
                          QUANTITY_MAX);
    if (req->quantity == 0) {
        int code = cart_item_row_delete(call, row.user_id, row.product_id);
        return code == BUS_NOT_FOUND ? BUS_OK : code;
    }
    int code = cart_item_row_update(call, &row);
    return code == BUS_NOT_FOUND ? put_new(call, &row) : code;
}

int cart_clear(struct bus_call *call, const struct cart_UserRequest *req,
               struct mall_Done *ret)
{
    struct cart_item_row_list list;
    (void)ret;
    int code = cart_item_row_find_all_by_user_id(call, req->user_id, &list);
    for (size_t i = 0; !code && i < list.count; i++)
        code =
            cart_item_row_delete(call, req->user_id, list.rows[i].product_id);
    return code == BUS_NOT_FOUND ? BUS_OK : code;
}
