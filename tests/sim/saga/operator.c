/* SPDX-License-Identifier: MIT
 *
 * An operator who acts at random: he retries, fails, compensates and aborts
 * what he knows the gid of, whether that makes sense or not. He does not skip:
 * that a step counts as done which is not is what skipping means. Whatever he
 * does, every invariant holds but the order of what he undoes himself.
 */
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"
#include "tests/sim/saga/sim.h"

#define DEEDS 60
#define PICKS 8
#define SPAN_NS (18 * BUS_SECOND)
#define BODY_MAX 1024

static const char operator_asks; /* its address is who asks */

static void pack_pair(struct bus_buf *buf, const char *key, const char *value)
{
    bus_pack_text(buf, key);
    bus_pack_text(buf, value);
}

static void act(struct sim *sim, struct sim_saga *saga, const char *method,
                unsigned at)
{
    const char step[] = {(char)('a' + (int)at), '\0'}; /* as clients.c names */
    struct bus_buf body;
    bus_buf_init(&body, BODY_MAX);
    bus_pack_map(&body, 3);
    pack_pair(&body, "gid", saga->gid);
    pack_pair(&body, "step", step);
    pack_pair(&body, "reason", "at random");
    const struct orchestrator_request request = {
        .method = method,
        .body = bus_buf_bytes(&body),
        .deadline = BUS_FOREVER,
        .asker = (void *)(uintptr_t)&operator_asks,
    };
    /* Refused or not: a crash may lose the answer. */
    if (strcmp(method, "compensate") == 0)
        saga->steps[at].urged = true;
    orchestrator_request(sim->me->orch, &request);
    world_loop(sim);
    bus_buf_release(&body);
}

/* One that goes on, if a few tries find one. */
static struct sim_saga *pick(struct sim *sim)
{
    struct sim_saga *saga = NULL;
    for (int i = 0; i < PICKS; i++) {
        saga = &sim->sagas[sim_between(
            sim, 0, (int64_t)(sim->saga_count + sim->inner_count) - 1)];
        if (saga->submitted && saga->gid[0] && saga->told == OUTCOME_NONE)
            break;
    }
    return saga;
}

static void deed(struct sim *sim, void *arg)
{
    static const char *const methods[] = {"retry", "compensate", "compensate",
                                          "fail", "abort"};
    (void)arg;
    struct sim_saga *saga = pick(sim);
    unsigned at = (unsigned)sim_between(sim, 0, (int64_t)saga->count - 1);
    const char *method = methods[sim_between(sim, 0, 4)];
    if (sim->faults && saga->gid[0] && world_pick(sim))
        act(sim, saga, method, at);
}

void operator_schedule(struct sim *sim)
{
    for (int i = 0; i < DEEDS; i++)
        sim_at(sim, sim_between(sim, 0, SPAN_NS), deed, NULL);
}

bool operator_answer(struct sim *sim, const void *asker,
                     const struct bus_reply *reply)
{
    if (asker != &operator_asks)
        return false;
    sim->deeds += reply->error.code == BUS_OK;
    return true;
}
