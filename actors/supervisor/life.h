/* SPDX-License-Identifier: MIT
 *
 * The life of one child as a table of states and events. Up means that it said
 * so: a running process is `starting` until its ready line came. The table only
 * says what is allowed and what is to be done; super.c does it.
 */
#ifndef LIFE_H
#define LIFE_H

/* X(STATE, word) */
#define LIFE_STATES_LIST(X)                                                    \
    X(STOPPED, "stopped")                                                      \
    X(STARTING, "starting")                                                    \
    X(READY, "ready")                                                          \
    X(STOPPING, "stopping")                                                    \
    X(BACKING_OFF, "backing off")

enum life_state {
#define LIFE_STATE_ENUM(name, word) LIFE_##name,
    LIFE_STATES_LIST(LIFE_STATE_ENUM)
#undef LIFE_STATE_ENUM
        LIFE_STATES
};

enum life_event {
    LIFE_START,      /* it is wanted, now */
    LIFE_SAID_READY, /* its ready line came */
    LIFE_EXITED,     /* the process is gone, or could not be started */
    LIFE_DUE,        /* the time its state may take is over */
    LIFE_STOP,       /* it is not wanted any more */
    LIFE_EVENTS
};

enum life_action {
    LIFE_REFUSED, /* the event cannot come in this state: a bug */
    LIFE_IGNORE,
    LIFE_SPAWN,
    LIFE_MARK_READY,
    LIFE_TERM,  /* ask it to drain and exit */
    LIFE_KILL,  /* it did not: SIGKILL */
    LIFE_DELAY, /* it failed: wait before the next start */
    LIFE_REST,  /* it is stopped, as it should be */
};

struct life_move {
    enum life_state next;
    enum life_action action;
};

struct life_move life_step(enum life_state state, enum life_event event);

/* "backing off" */
const char *life_word(enum life_state state);

#endif
