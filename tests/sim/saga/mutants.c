/* SPDX-License-Identifier: MIT
 *
 * Broken engines: the linker puts this function before the real engine_handle
 * (--wrap), so that the product holds nothing of it. What the wrapped engine
 * says is changed here, as if somebody had written it wrong.
 */
#include <string.h>

#include "bus/code.h"
#include "tests/sim/saga/mutants.h"

enum sim_mutant mutant_now;
bool mutant_struck;

void __real_engine_handle(struct engine *engine,
                          const struct engine_event *event,
                          struct engine_out *ret);
void __wrap_engine_handle(struct engine *engine,
                          const struct engine_event *event,
                          struct engine_out *ret);

static void append(struct engine_out *to, const struct engine_out *from)
{
    for (size_t i = 0; i < from->count && to->count < ENGINE_COMMANDS_MAX; i++)
        to->items[to->count++] = from->items[i];
}

/* The compensation of every second step is not called and said to be done. */
static void skip_compensation(struct engine *engine, struct engine_out *out)
{
    for (size_t i = 0; i < out->count; i++) {
        struct engine_command *command = &out->items[i];
        if (command->kind != COMMAND_CALL || command->op != OP_COMPENSATE ||
            command->step % 2 == 0)
            continue;
        const struct engine_event done = {.kind = EVENT_ANSWERED,
                                          .step = command->step,
                                          .op = OP_COMPENSATE,
                                          .attempt = command->attempt};
        struct engine_out more;
        *command = out->items[--out->count];
        __real_engine_handle(engine, &done, &more);
        append(out, &more);
        i--;
    }
}

/* The first of those that wait is called in place of the last. */
static void swap_compensation(struct engine *engine, struct engine_out *out)
{
    for (size_t i = 0; i < out->count; i++) {
        struct engine_command *command = &out->items[i];
        if (command->kind != COMMAND_CALL || command->op != OP_COMPENSATE)
            continue;
        for (uint16_t step = 0; step < command->step; step++) {
            struct engine_branch *first =
                &engine->steps[step].branch[OP_COMPENSATE];
            struct engine_branch *last =
                &engine->steps[command->step].branch[OP_COMPENSATE];
            if (first->status != BRANCH_WAITING || last->attempts > 1)
                continue;
            struct engine_branch copy = *first;
            *first = *last;
            *last = copy;
            command->step = step;
        }
    }
}

static void pretend_committed(struct engine *engine, struct engine_out *out)
{
    const struct engine_event committed = {.kind = EVENT_COMMITTED,
                                           .version = engine->version};
    struct engine_out more;
    __real_engine_handle(engine, &committed, &more);
    append(out, &more);
    mutant_struck = true;
}

/* Only what this state itself says was called may have run. */
static void forget(struct engine *engine)
{
    engine->reached = 0;
    for (uint16_t i = 0; i < engine->count; i++)
        if (engine->steps[i].branch[OP_ACTION].attempts > 0)
            engine->reached |= UINT64_C(1) << i;
}

static bool closing(const struct engine *engine)
{
    return engine->phase == PHASE_CLOSING_DONE ||
           engine->phase == PHASE_CLOSING_UNDONE;
}

void __wrap_engine_handle(struct engine *engine,
                          const struct engine_event *event,
                          struct engine_out *ret)
{
    struct engine_event changed = *event;
    if (mutant_now == MUTANT_RETRIES_ABORTED && event->code == BUS_ABORTED)
        changed.code = BUS_UNAVAILABLE;
    if (mutant_now == MUTANT_DELIVERS_DROPPED &&
        event->kind == EVENT_ANSWERED && event->op == OP_CHECK &&
        event->code == BUS_ABORTED)
        changed.code = BUS_OK;
    __real_engine_handle(engine, &changed, ret);
    if (mutant_now == MUTANT_SKIPS_COMPENSATION)
        skip_compensation(engine, ret);
    else if (mutant_now == MUTANT_WRONG_ORDER)
        swap_compensation(engine, ret);
    else if ((mutant_now == MUTANT_EARLY_REPLY && closing(engine)) ||
             (mutant_now == MUTANT_EARLY_TURN &&
              engine->phase == PHASE_TURNING) ||
             (mutant_now == MUTANT_EARLY_STEP &&
              engine->phase == PHASE_RUNNING && !engine_calling(engine)))
        pretend_committed(engine, ret);
    else if (mutant_now == MUTANT_FORGETS && event->kind == EVENT_RESUMED)
        forget(engine);
}
