/* SPDX-License-Identifier: MIT
 *
 * The pay service: one account a user, one payment an order. Money moves
 * between the two in one transaction, so that balances and payments always add
 * up to what was deposited. Amounts are whole cents.
 */
#include "pay.actor.h"

#include "pay.model.h"

#define AMOUNT_MAX INT64_C(1000000000000000) /* of one payment */
#define BALANCE_MAX INT64_C(1000000000000000000)

enum { PAID, PAID_BACK };

int pay_getAccount(struct bus_call *call, const struct pay_UserRequest *req,
                   struct pay_Account *ret)
{
    struct account_row row;
    int code = account_row_find_one(call, req->user_id, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "账户不存在");
    if (code)
        return code;
    ret->user_id = row.user_id;
    ret->balance = row.balance;
    return BUS_OK;
}

/* Adds to a balance, or takes from it. */
static int account_move(struct bus_call *call, int64_t user_id, int64_t amount,
                        struct account_row *ret)
{
    int code = account_row_find_one_for_update(call, user_id, ret);
    if (code)
        return code;
    if (amount > BALANCE_MAX - ret->balance)
        return bus_refuse(call, BUS_OUT_OF_RANGE, "余额超过上限");
    ret->balance += amount;
    return account_row_update_columns(
        call, ret, &(struct account_row_columns){.balance = true});
}

static int check_amount(struct bus_call *call, int64_t amount)
{
    if (amount >= 0 && amount <= AMOUNT_MAX)
        return BUS_OK;
    return bus_refuse(call, BUS_INVALID_ARGUMENT, "金额有误");
}

/* Opens the account of a user who has none. */
int pay_deposit(struct bus_call *call, const struct pay_DepositRequest *req,
                struct pay_Account *ret)
{
    struct account_row row;
    int code = check_amount(call, req->amount);
    if (!code)
        code = account_move(call, req->user_id, req->amount, &row);
    if (code == BUS_NOT_FOUND) {
        row = (struct account_row){.user_id = req->user_id,
                                   .balance = req->amount};
        code = account_row_insert(call, &row);
    }
    if (code)
        return code;
    ret->user_id = row.user_id;
    ret->balance = row.balance;
    return BUS_OK;
}

int pay_charge(struct bus_call *call, const struct pay_ChargeRequest *req,
               struct mall_Done *ret)
{
    struct account_row account;
    struct payment_row payment = {.order_no = req->no,
                                  .user_id = req->user_id,
                                  .amount = req->amount,
                                  .state = PAID};
    (void)ret;
    int code = check_amount(call, req->amount);
    if (!code)
        code = account_move(call, req->user_id, -req->amount, &account);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "账户不存在");
    if (code)
        return code;
    if (account.balance < 0)
        return bus_refuse(call, BUS_OUT_OF_RANGE, "余额不足");
    code = payment_row_insert(call, &payment);
    if (code == BUS_ALREADY_EXISTS)
        return bus_refuse(call, code, "订单已支付");
    return code;
}

/* Moves a payment to a state, and its money with it; at once done if it has
 * that state already. */
static int payment_move(struct bus_call *call, const char *no, int8_t state)
{
    struct payment_row payment;
    struct account_row account;
    int code = payment_row_find_one_for_update(call, no, &payment);
    if (code || payment.state == state)
        return code;
    payment.state = state;
    code = payment_row_update_columns(
        call, &payment, &(struct payment_row_columns){.state = true});
    if (code)
        return code;
    return account_move(call, payment.user_id,
                        state == PAID_BACK ? payment.amount : -payment.amount,
                        &account);
}

/* Undoes charge. That nothing was paid is what was wanted. */
int pay_chargeCallback(struct bus_call *call, const struct mall_OrderNo *req,
                       struct mall_Done *ret)
{
    (void)ret;
    int code = payment_move(call, req->no, PAID_BACK);
    return code == BUS_NOT_FOUND ? BUS_OK : code;
}

int pay_refund(struct bus_call *call, const struct mall_OrderNo *req,
               struct mall_Done *ret)
{
    (void)ret;
    int code = payment_move(call, req->no, PAID_BACK);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "订单没有支付");
    return code;
}

/* Undoes refund. */
int pay_refundCallback(struct bus_call *call, const struct mall_OrderNo *req,
                       struct mall_Done *ret)
{
    (void)ret;
    int code = payment_move(call, req->no, PAID);
    return code == BUS_NOT_FOUND ? BUS_OK : code;
}
