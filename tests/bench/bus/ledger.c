/* SPDX-License-Identifier: MIT
 *
 * The ledger of ops/bench: publishes in its transaction, consumes behind the
 * barrier.
 */
#include "ledger.actor.h"

#include "ledger.model.h"

int ledger_put(struct bus_call *call, const struct ledger_Entry *req,
               struct ledger_Done *ret)
{
    struct put_row row = {.text = req->text};
    int code = put_row_insert(call, &row);
    ret->id = row.id;
    return code ? code
                : bus_publish_durable(call, "ledger.put", req->box,
                                      &ledger_Entry_shape, req);
}

int ledger_take(struct bus_call *call, const struct ledger_Entry *req,
                struct ledger_Done *ret)
{
    struct taken_row row = {.text = req->text};
    int code = taken_row_insert(call, &row);
    ret->id = row.id;
    return code;
}
