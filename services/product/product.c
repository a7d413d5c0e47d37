/* SPDX-License-Identifier: MIT
 *
 * The product service: what is sold, and what orders took of it. Stock leaves a
 * product's row and is noted under the order's number in one transaction, and
 * comes back in one, so that stock and what is taken always add up.
 */
#include "product.actor.h"

#include <stdlib.h>

#include "product.model.h"

#define QUANTITY_MAX 1000 /* of one product in one order */
#define ITEMS_MAX 100
#define PRICE_MAX INT64_C(1000000000000) /* so that a sum fits its field */

enum { TAKEN, GIVEN_BACK };

static void info_fill(const struct product_row *row, struct product_Info *ret)
{
    *ret = (struct product_Info){.id = row->id,
                                 .name = row->name,
                                 .price = row->price,
                                 .stock = row->stock};
}

int product_getProduct(struct bus_call *call,
                       const struct product_IdRequest *req,
                       struct product_Info *ret)
{
    struct product_row row;
    int code = product_row_find_one(call, req->id, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "商品不存在");
    if (!code)
        info_fill(&row, ret);
    return code;
}

int product_listProducts(struct bus_call *call,
                         const struct product_ListRequest *req,
                         struct product_ListReply *ret)
{
    struct product_row_list list;
    const struct product_row after = {.id = req->after};
    const struct model_page page = {.size = req->size > 0 ? (uint32_t)req->size
                                                          : 0};
    int code = product_row_find_page_after(call, &page,
                                           req->after ? &after : NULL, &list);
    if (code)
        return code;
    struct product_Info *infos =
        bus_arena_array(call->arena, list.count, sizeof(*infos));
    if (!infos)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < list.count; i++)
        info_fill(&list.rows[i], &infos[i]);
    ret->products = (struct bus_list){infos, list.count};
    return BUS_OK;
}

static int by_product(const void *a, const void *b)
{
    const struct mall_Item *left = a, *right = b;
    return (left->product_id > right->product_id) -
           (left->product_id < right->product_id);
}

/* In the order of their ids, in which every order locks its products. */
static struct mall_Item *items_sorted(struct bus_call *call,
                                      const struct bus_list *items)
{
    const struct mall_Item *from = items->items;
    struct mall_Item *sorted =
        bus_arena_array(call->arena, items->count, sizeof(*sorted));
    for (size_t i = 0; sorted && i < items->count; i++)
        sorted[i] = from[i];
    if (sorted)
        qsort(sorted, items->count, sizeof(*sorted), by_product);
    return sorted;
}

static int take_one(struct bus_call *call, const char *no,
                    const struct mall_Item *item, int64_t *amount)
{
    struct product_row row;
    if (item->quantity < 1 || item->quantity > QUANTITY_MAX)
        return bus_refuse(call, BUS_INVALID_ARGUMENT, "数量须在 1 到 %d 之间",
                          QUANTITY_MAX);
    int code = product_row_find_one_for_update(call, item->product_id, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "商品不存在");
    if (code)
        return code;
    if (row.stock < item->quantity)
        return bus_refuse(call, BUS_OUT_OF_RANGE, "%s库存不足", row.name);
    if (row.price < 0 || row.price > PRICE_MAX)
        return bus_refuse(call, BUS_OUT_OF_RANGE, "%s价格有误", row.name);
    row.stock -= item->quantity;
    code = product_row_update_columns(
        call, &row, &(struct product_row_columns){.stock = true});
    if (code)
        return code;
    struct stock_take_row take = {.order_no = no,
                                  .product_id = item->product_id,
                                  .quantity = item->quantity,
                                  .state = TAKEN};
    *amount += row.price * item->quantity;
    return stock_take_row_insert(call, &take);
}

int product_take(struct bus_call *call, const struct product_TakeRequest *req,
                 struct product_TakeReply *ret)
{
    int64_t amount = 0;
    if (req->items.count < 1 || req->items.count > ITEMS_MAX)
        return bus_refuse(call, BUS_INVALID_ARGUMENT, "订单须有 1 到 %d 种商品",
                          ITEMS_MAX);
    struct mall_Item *items = items_sorted(call, &req->items);
    if (!items)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    for (size_t i = 0; i < req->items.count; i++) {
        int code = take_one(call, req->no, &items[i], &amount);
        if (code == BUS_ALREADY_EXISTS)
            return bus_refuse(call, code, "订单号或商品重复");
        if (code)
            return code;
    }
    ret->amount = amount;
    return BUS_OK;
}

static int give_one(struct bus_call *call, const struct stock_take_row *noted)
{
    struct stock_take_row take;
    struct product_row row;
    int code = stock_take_row_find_one_for_update(call, noted->order_no,
                                                  noted->product_id, &take);
    if (code || take.state != TAKEN)
        return code;
    take.state = GIVEN_BACK;
    code = stock_take_row_update_columns(
        call, &take, &(struct stock_take_row_columns){.state = true});
    if (!code)
        code = product_row_find_one_for_update(call, take.product_id, &row);
    if (code)
        return code;
    row.stock += take.quantity;
    return product_row_update_columns(
        call, &row, &(struct product_row_columns){.stock = true});
}

static int give_all(struct bus_call *call, const char *no, size_t *ret_count)
{
    struct stock_take_row_list list;
    int code = stock_take_row_find_all_by_order_no(call, no, &list);
    if (code)
        return code;
    for (size_t i = 0; i < list.count; i++) {
        code = give_one(call, &list.rows[i]);
        if (code)
            return code;
    }
    *ret_count = list.count;
    return BUS_OK;
}

/* Undoes take. */
int product_takeCallback(struct bus_call *call, const struct mall_OrderNo *req,
                         struct mall_Done *ret)
{
    size_t count;
    (void)ret;
    return give_all(call, req->no, &count);
}

int product_giveBack(struct bus_call *call, const struct mall_OrderNo *req,
                     struct mall_Done *ret)
{
    size_t count = 0;
    (void)ret;
    int code = give_all(call, req->no, &count);
    if (!code && count == 0)
        return bus_refuse(call, BUS_NOT_FOUND, "订单没有占用库存");
    return code;
}
