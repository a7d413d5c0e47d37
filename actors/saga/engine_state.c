/* SPDX-License-Identifier: MIT
 *
 * What a state of the engine is, without what happens to it: its names, what
 * can be read off it, and whether it breaks a rule.
 */
#include <assert.h>
#include <string.h>

#include "actors/saga/engine.h"

#define BIT(i) (UINT64_C(1) << (i))

static const char *const phase_texts[PHASE_COUNT] = {
#define PHASE_TEXT(name, text) [PHASE_##name] = (text),
    ENGINE_PHASES(PHASE_TEXT)
#undef PHASE_TEXT
};

static const char *const branch_texts[BRANCH_COUNT] = {
#define BRANCH_TEXT(name, text) [BRANCH_##name] = (text),
    ENGINE_BRANCHES(BRANCH_TEXT)
#undef BRANCH_TEXT
};

bool engine_branch_settled(const struct engine_branch *branch)
{
    return branch->status == BRANCH_DONE || branch->status == BRANCH_NONE;
}

bool engine_branch_timed(const struct engine_branch *branch)
{
    return branch->status == BRANCH_BACKOFF || branch->status == BRANCH_ASKING;
}

bool engine_closing(const struct engine *engine)
{
    return engine->phase >= PHASE_CLOSING_DONE;
}

bool engine_quiet(const struct engine *engine)
{
    bool rests = engine->phase == PHASE_PREPARED ||
                 engine->phase == PHASE_RUNNING ||
                 engine->phase == PHASE_UNDOING || engine_finished(engine);
    return rests && !engine_calling(engine) &&
           engine->check.status != BRANCH_CALLING;
}

bool engine_parked(const struct engine *engine)
{
    for (uint16_t i = 0; i < engine->count; i++)
        for (int op = 0; op < 2; op++)
            if (engine->steps[i].branch[op].status == BRANCH_PARKED)
                return true;
    return false;
}

uint64_t engine_done(const struct engine *engine)
{
    uint64_t done = 0;
    for (uint16_t i = 0; i < engine->count; i++)
        if (engine->steps[i].branch[OP_ACTION].status == BRANCH_DONE)
            done |= BIT(i);
    return done;
}

bool engine_calling(const struct engine *engine)
{
    for (uint16_t i = 0; i < engine->count; i++)
        for (int op = 0; op < 2; op++)
            if (engine->steps[i].branch[op].status == BRANCH_CALLING)
                return true;
    return false;
}

bool engine_finished(const struct engine *engine)
{
    return engine->phase == PHASE_DONE || engine->phase == PHASE_UNDONE;
}

enum engine_phase engine_phase_stored(const char *text)
{
    static const enum engine_phase stored[] = {
        PHASE_PREPARED, PHASE_RUNNING, PHASE_UNDOING, PHASE_DONE, PHASE_UNDONE};
    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++)
        if (strcmp(phase_texts[stored[i]], text) == 0)
            return stored[i];
    return PHASE_COUNT;
}

const char *engine_phase_text(enum engine_phase phase)
{
    assert(phase < PHASE_COUNT);
    return phase_texts[phase];
}

const char *engine_branch_text(enum engine_branch_status status)
{
    assert(status < BRANCH_COUNT);
    return branch_texts[status];
}

enum engine_branch_status engine_branch_from_text(const char *text)
{
    for (int i = 0; i < BRANCH_COUNT; i++)
        if (strcmp(branch_texts[i], text) == 0)
            return (enum engine_branch_status)i;
    return BRANCH_COUNT;
}

static bool step_sound(const struct engine *engine, uint16_t i, uint64_t done)
{
    const struct engine_branch *action = &engine->steps[i].branch[OP_ACTION];
    const struct engine_branch *undo = &engine->steps[i].branch[OP_COMPENSATE];
    bool forward = engine->phase <= PHASE_RUNNING ||
                   engine->phase == PHASE_CLOSING_DONE ||
                   engine->phase == PHASE_DONE;
    if (action->status == BRANCH_NONE || action->status >= BRANCH_URGED ||
        undo->status >= BRANCH_COUNT || undo->status == BRANCH_FAILED)
        return false;
    if (action->status != BRANCH_WAITING && action->status != BRANCH_FAILED &&
        (engine->rules[i].after & ~done) != 0)
        return false;
    if (forward)
        return undo->status == BRANCH_WAITING || undo->status == BRANCH_NONE ||
               (undo->status == BRANCH_URGED && action->status == BRANCH_DONE &&
                engine->phase == PHASE_RUNNING);
    if (action->status == BRANCH_CALLING || engine_branch_timed(action))
        return false;
    return (engine->phase != PHASE_CLOSING_UNDONE &&
            engine->phase != PHASE_UNDONE) ||
           engine_branch_settled(undo);
}

bool engine_sound(const struct engine *engine)
{
    if (engine->phase >= PHASE_COUNT || engine->pattern >= PATTERN_COUNT ||
        engine->count > ENGINE_STEPS_MAX ||
        engine->failed >= (int)engine->count || engine->failed < -1)
        return false;
    uint64_t done = engine_done(engine);
    uint64_t all = engine_mask(engine->count);
    if ((engine->durable & ~done) != 0 || engine->gate > engine->version)
        return false;
    if ((engine->phase == PHASE_DONE || engine->phase == PHASE_CLOSING_DONE) &&
        done != all)
        return false;
    for (uint16_t i = 0; i < engine->count; i++)
        if (!step_sound(engine, i, done))
            return false;
    return true;
}
