/* SPDX-License-Identifier: MIT
 *
 * The table. A row is a state, a column an event; what is not written is
 * refused (zero is LIFE_REFUSED).
 */
#include "actors/supervisor/life.h"

#include <assert.h>

static const struct life_move moves[LIFE_STATES][LIFE_EVENTS] = {
    [LIFE_STOPPED] =
        {
            [LIFE_START] = {LIFE_STARTING, LIFE_SPAWN},
            [LIFE_STOP] = {LIFE_STOPPED, LIFE_IGNORE},
        },
    [LIFE_STARTING] =
        {
            [LIFE_START] = {LIFE_STARTING, LIFE_IGNORE},
            [LIFE_SAID_READY] = {LIFE_READY, LIFE_MARK_READY},
            [LIFE_EXITED] = {LIFE_BACKING_OFF, LIFE_DELAY},
            [LIFE_DUE] = {LIFE_STARTING, LIFE_KILL},
            [LIFE_STOP] = {LIFE_STOPPING, LIFE_TERM},
        },
    [LIFE_READY] =
        {
            [LIFE_START] = {LIFE_READY, LIFE_IGNORE},
            [LIFE_SAID_READY] = {LIFE_READY, LIFE_IGNORE},
            [LIFE_EXITED] = {LIFE_BACKING_OFF, LIFE_DELAY},
            [LIFE_STOP] = {LIFE_STOPPING, LIFE_TERM},
        },
    [LIFE_STOPPING] =
        {
            [LIFE_START] = {LIFE_STOPPING, LIFE_IGNORE},
            [LIFE_SAID_READY] = {LIFE_STOPPING, LIFE_IGNORE},
            [LIFE_EXITED] = {LIFE_STOPPED, LIFE_REST},
            [LIFE_DUE] = {LIFE_STOPPING, LIFE_KILL},
            [LIFE_STOP] = {LIFE_STOPPING, LIFE_IGNORE},
        },
    [LIFE_BACKING_OFF] =
        {
            [LIFE_START] = {LIFE_STARTING, LIFE_SPAWN},
            [LIFE_DUE] = {LIFE_STARTING, LIFE_SPAWN},
            [LIFE_STOP] = {LIFE_STOPPED, LIFE_REST},
        },
};

static const char *const words[] = {
#define LIFE_STATE_WORD(name, word) word,
    LIFE_STATES_LIST(LIFE_STATE_WORD)
#undef LIFE_STATE_WORD
};

struct life_move life_step(enum life_state state, enum life_event event)
{
    assert(state < LIFE_STATES && event < LIFE_EVENTS);
    return moves[state][event];
}

const char *life_word(enum life_state state)
{
    assert(state < LIFE_STATES);
    return words[state];
}
