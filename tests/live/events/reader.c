/* SPDX-License-Identifier: MIT
 *
 * Keeps what it is handed, in the order of handling.
 */
#include "reader.actor.h"

#include "reader.model.h"

int reader_take(struct bus_call *call, const struct reader_Letter *req,
                struct reader_Done *ret)
{
    struct got_row row = {
        .number = req->number, .box = req->box, .mark = req->mark};
    int code = got_row_insert(call, &row);
    ret->seq = row.seq;
    return code;
}
