/* SPDX-License-Identifier: MIT
 *
 * A transaction of the handler's own choice (sql_transact). Where the call has
 * one already, a saga's step or after an earlier statement, it is that one, and
 * its end is the call's.
 */
#include "actors/store/state.h"

#define TRANSACT_TRIES 5 /* where each meets a deadlock */

/* Inside a transaction that somebody else ends: a failure is all of it. A step
 * of which nothing ran before can be run again after a deadlock, behind its
 * barrier. */
static int join(struct bus_call *call, sql_work *run, void *arg)
{
    bool whole = !call->store->ran;
    int tries = 0;
    int code = run(call, arg);
    while (whole && code != BUS_OK && store_again(call, code, &tries)) {
        code = store_enter_anew(call);
        if (code == BUS_OK)
            code = run(call, arg);
    }
    if (code != BUS_OK && call->store->doomed == BUS_OK)
        call->store->doomed = code;
    return code;
}

static int run_once(struct bus_call *call, sql_work *run, void *arg)
{
    int code = store_use_to_write(call);
    if (code == BUS_OK)
        code = run(call, arg);
    return store_end(call, code, (struct bus_bytes){0});
}

int sql_transact(struct bus_call *call, sql_work *run, void *arg)
{
    int code;
    int tries = 0;
    if (call->store && call->store->begun)
        return join(call, run, arg);
    do
        code = run_once(call, run, arg);
    while (store_met_deadlock(call, code) && ++tries < TRANSACT_TRIES);
    return code;
}
