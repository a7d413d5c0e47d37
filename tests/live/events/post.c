/* SPDX-License-Identifier: MIT
 *
 * Writes letters and tells of each in the same transaction.
 */
#include "post.actor.h"

#include "post.model.h"

int post_send(struct bus_call *call, const struct post_Batch *req,
              struct post_Done *ret)
{
    int code = BUS_OK;
    for (int i = 0; i < req->count && !code; i++) {
        struct letter_row row = {.box = req->box, .mark = req->mark};
        code = letter_row_insert(call, &row);
        const struct post_Letter letter = {
            .number = row.id, .box = req->box, .mark = req->mark};
        if (!code)
            code = bus_publish_durable(call, "letter.sent", req->box,
                                       &post_Letter_shape, &letter);
        ret->last = row.id;
    }
    return !code && req->refuse ? bus_refuse(call, BUS_ABORTED, "as asked")
                                : code;
}
