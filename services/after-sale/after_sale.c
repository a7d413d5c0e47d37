/* SPDX-License-Identifier: MIT
 *
 * The after-sale service: one case an order, opened when its refund begins
 * (refund.saga) and gone if that could not be finished.
 */
#include "aftersale.actor.h"

#include "aftersale.model.h"

int aftersale_getAfterSale(struct bus_call *call,
                           const struct mall_OrderNo *req,
                           struct aftersale_Info *ret)
{
    struct after_sale_row row;
    int code = after_sale_row_find_one_by_order_no(call, req->no, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "没有售后");
    if (code)
        return code;
    *ret = (struct aftersale_Info){.id = row.id,
                                   .no = row.order_no,
                                   .user_id = row.user_id,
                                   .reason = row.reason};
    return BUS_OK;
}

int aftersale_openCase(struct bus_call *call,
                       const struct aftersale_RefundRequest *req,
                       struct aftersale_OpenReply *ret)
{
    struct after_sale_row row = {
        .order_no = req->no, .user_id = req->user_id, .reason = req->reason};
    int code = after_sale_row_insert(call, &row);
    if (code == BUS_ALREADY_EXISTS)
        return bus_refuse(call, code, "订单已有售后");
    ret->id = row.id;
    return code;
}

/* Undoes openCase. That there is no case is what was wanted. */
int aftersale_openCaseCallback(struct bus_call *call,
                               const struct mall_OrderNo *req,
                               struct mall_Done *ret)
{
    struct after_sale_row row;
    (void)ret;
    int code = after_sale_row_find_one_by_order_no(call, req->no, &row);
    if (!code)
        code = after_sale_row_delete(call, row.id);
    return code == BUS_NOT_FOUND ? BUS_OK : code;
}
