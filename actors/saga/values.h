/* SPDX-License-Identifier: MIT
 *
 * What a branch is called with: the inputs of the plan, taken from the saga's
 * request, the replies so far and literals, as one msgpack map. A path that
 * leads nowhere, or to nil, leaves its field out. Conversions are the author's
 * own wish: int(x) reads a decimal text (empty: left out), text(x) writes an
 * integer; anything else that does not fit is INVALID_ARGUMENT.
 */
#ifndef SAGA_VALUES_H
#define SAGA_VALUES_H

#include "actors/saga/state.h"
#include "bus/buf.h"
#include "bus/error.h"

/* Appends the body of a call of this branch. Of a compensation, inputs that
 * name its own action's reply while that was never received go into fill as
 * {field: path} (a converted one as "int(path)"), for the participant to take
 * from the reply it stored; fill stays empty if there are none. */
int values_body(const struct saga *saga, uint16_t step, enum engine_op op,
                struct bus_buf *body, struct bus_buf *fill,
                struct bus_error *err);

/* Appends the reply of a saga that is done. */
int values_result(const struct saga *saga, struct bus_buf *body,
                  struct bus_error *err);

#endif
