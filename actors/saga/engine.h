/* SPDX-License-Identifier: MIT
 *
 * The saga engine: a pure state machine. engine_handle takes a state and an
 * event, changes the state and says what is to be done. No clock, no I/O, no
 * global, no allocation: the caller owns the storage, carries the commands out
 * and reports back. What is not here: inputs and replies (values.h), rows
 * (state.h), timers and calls (orchestrator.h).
 *
 * Three rules keep every effect undone or done, whatever crashes:
 * 1. Acceptance, the decision to roll back and the outcome are on disk before
 *    anything follows from them (phases ACCEPTING, TURNING, CLOSING).
 * 2. A step is called only when the replies of other steps that its
 *    compensation takes are on disk (engine_rule.needs). So a step whose
 *    compensation cannot be fed has never been called.
 * 3. Everything else may be lost: after a restart every step may have run, an
 *    action is called again as the same branch, and the barrier at the
 *    participant makes it happen once.
 *
 * Five patterns share this machine. A step's action is what goes forward
 * (action, confirm, commit), its compensation what goes back (compensate,
 * cancel, rollback). Only a saga turns back once it runs; the others may
 * before, while they are prepared. The check asks a message's submitter whether
 * it meant it, and wakes a workflow. A saga that is a step of another one is
 * undone with it, also when it is done.
 */
#ifndef SAGA_ENGINE_H
#define SAGA_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINE_STEPS_MAX 64      /* bits of a mask */
#define ENGINE_UNREACHED_MS 1000 /* longest wait for an actor that is down */

enum engine_pattern {
    PATTERN_SAGA,
    PATTERN_MESSAGE,  /* actions only, and all of them */
    PATTERN_TCC,      /* branches are registered while it is prepared */
    PATTERN_XA,       /* the same */
    PATTERN_WORKFLOW, /* its steps are its client's; no branch is called */
    PATTERN_COUNT
};

/* X(NAME, text of the status that is true once it is on disk) */
#define ENGINE_PHASES(X)                                                       \
    X(NEW, "new")                                                              \
    X(PREPARING, "prepared") /* announced, not yet on disk */                  \
    X(PREPARED, "prepared")  /* waits for its client's word */                 \
    X(SUBMITTING, "running") /* prepared, and now meant; not yet on disk */    \
    X(ACCEPTING, "running")  /* submitted, not yet on disk */                  \
    X(RUNNING, "running")                                                      \
    X(TURNING, "undoing") /* decided, not yet on disk */                       \
    X(UNDOING, "undoing")                                                      \
    X(CLOSING_DONE, "done") /* outcome not yet on disk */                      \
    X(CLOSING_UNDONE, "undone")                                                \
    X(DONE, "done")                                                            \
    X(UNDONE, "undone")                                                        \
    X(REFUSED, "refused") /* the journal could not take it */

enum engine_phase {
#define ENGINE_PHASE_ENUM(name, text) PHASE_##name,
    ENGINE_PHASES(ENGINE_PHASE_ENUM)
#undef ENGINE_PHASE_ENUM
        PHASE_COUNT
};

/* X(NAME, text) of one branch: an action or a compensation. */
#define ENGINE_BRANCHES(X)                                                     \
    X(WAITING, "pending") /* its turn has not come */                          \
    X(CALLING, "running")                                                      \
    X(BACKOFF, "retrying")                                                     \
    X(ASKING, "ongoing") /* FAILED_PRECONDITION: asked again */                \
    X(DONE, "done")                                                            \
    X(FAILED, "failed") /* actions only */                                     \
    X(NONE, "none")     /* compensations: there is nothing to undo */          \
    X(PARKED, "parked") /* failed too often: a human is to look at it */       \
    X(URGED, "urged")   /* compensations: by hand, before their turn */

enum engine_branch_status {
#define ENGINE_BRANCH_ENUM(name, text) BRANCH_##name,
    ENGINE_BRANCHES(ENGINE_BRANCH_ENUM)
#undef ENGINE_BRANCH_ENUM
        BRANCH_COUNT
};

enum engine_op { OP_ACTION, OP_COMPENSATE, OP_CHECK };

/* What the plan says of a step; const while the saga lives. */
struct engine_rule {
    uint64_t after;      /* steps that come before it, transitively */
    uint64_t undo_after; /* steps whose compensation comes before its own */
    uint64_t needs;      /* other steps whose replies its compensation takes */
    uint32_t retry_first_ms;
    uint32_t retry_max_ms;
    uint32_t retry_limit; /* failed tries of the action; 0: no limit */
    uint32_t interval_ms;
    uint32_t park_limit; /* failures until it is parked; 0: never */
    bool compensates;
    bool at_once; /* tries within retry_limit follow without a wait, and
                   * "ongoing" counts as one */
};

struct engine_branch {
    uint8_t status;    /* enum engine_branch_status */
    uint8_t code;      /* of the last answer */
    uint32_t attempts; /* calls begun */
    uint32_t failures; /* answers that led to a back-off */
};

struct engine_step {
    struct engine_branch branch[2]; /* by enum engine_op */
    uint32_t settled;               /* version that holds its reply */
};

struct engine {
    uint8_t phase;    /* enum engine_phase */
    uint8_t pattern;  /* enum engine_pattern */
    bool abort;       /* roll back once nothing is in flight */
    bool held;        /* runs, but calls nothing before its deadline */
    uint16_t count;   /* steps */
    int16_t failed;   /* the step that turned the saga; -1: none */
    uint32_t version; /* of the state; grows with each journal command */
    uint32_t gate;    /* version that must be on disk to leave the phase */
    uint64_t durable; /* steps whose reply is on disk */
    uint64_t reached; /* steps that may have run */
    struct engine_branch check;
    const struct engine_rule *rules;      /* count of them */
    const struct engine_rule *check_rule; /* NULL: nothing is ever checked */
    struct engine_step *steps;            /* count of them, the caller's */
};

#define ENGINE_EVENTS(X)                                                       \
    X(SUBMITTED) /* begun, or meant after it was prepared */                   \
    X(COMMITTED) /* a version is on disk */                                    \
    X(UNWRITTEN) /* the journal failed */                                      \
    X(ANSWERED)  /* a branch answered with a code */                           \
    X(LOST)      /* a branch's outcome is unknown, or it was not reached */    \
    X(UNSENT)    /* a branch cannot be called: its inputs do not fit */        \
    X(TIMER)                                                                   \
    X(RESUMED)  /* read back after a restart */                                \
    X(DEADLINE) /* the time of its phase is over */                            \
    X(PREPARE)                                                                 \
    X(REGISTERED) /* has more steps (engine_grow), or its caller's rows */     \
    X(ABORT)      /* its client, or an operator, wants it undone */            \
    X(CLOSE)      /* a workflow's client has brought it to its end: code */    \
    X(STOP)       /* ends undone, whatever has happened */                     \
    X(WAKE)       /* whatever waits or is parked is tried now */               \
    X(SETTLED)    /* an operator settles a branch: code */                     \
    X(URGED)      /* an operator wants a branch called now */                  \
    X(UNDO)       /* done, and its parent rolls back */

enum engine_event_kind {
#define ENGINE_EVENT_ENUM(name) EVENT_##name,
    ENGINE_EVENTS(ENGINE_EVENT_ENUM)
#undef ENGINE_EVENT_ENUM
        EVENT_COUNT
};

struct engine_event {
    enum engine_event_kind kind;
    enum engine_op op; /* ANSWERED, LOST, UNSENT, TIMER, SETTLED, URGED */
    uint16_t step;     /* the same */
    uint32_t attempt;  /* the same but SETTLED, URGED */
    int code;          /* ANSWERED, LOST, UNSENT, CLOSE, SETTLED: enum bus_code;
                        * SETTLED OK: done; else an action failed */
    bool unreached;    /* LOST: nobody there; asked again within a second */
    uint32_t version;  /* COMMITTED */
};

enum engine_command_kind {
    COMMAND_JOURNAL, /* write the state; sync: report COMMITTED soon */
    COMMAND_CALL,
    COMMAND_TIMER,
    COMMAND_TELL, /* what: see enum engine_news */
};

enum engine_news {
    NEWS_ACCEPTED, /* what was asked for is on disk, and goes on */
    NEWS_REFUSED,
    NEWS_OUTCOME,
    NEWS_PARKED, /* step and op of the command */
};

struct engine_command {
    enum engine_command_kind kind;
    enum engine_op op;     /* CALL, TIMER, TELL of NEWS_PARKED */
    uint16_t step;         /* the same */
    uint32_t attempt;      /* CALL, TIMER */
    uint32_t delay_ms;     /* TIMER */
    bool jitter;           /* TIMER: the delay may be shortened by up to half */
    bool sync;             /* JOURNAL */
    enum engine_news news; /* TELL */
};

#define ENGINE_COMMANDS_MAX (ENGINE_STEPS_MAX + 6)

struct engine_out {
    size_t count;
    struct engine_command items[ENGINE_COMMANDS_MAX];
};

/* Whether EVENT_URGED would do something: an action that waits for another try
 * is called now; a compensation too, also one that is parked or whose turn has
 * not come. While the saga runs only of an action that is done, and the saga
 * turns back for it: what is undone can be no part of a success. */
bool engine_may_urge(const struct engine *engine, uint16_t step,
                     enum engine_op op);

/* What an event means in a phase. */
enum engine_reaction {
    REACT_NEVER,  /* our bug: engine_handle asserts */
    REACT_IGNORE, /* came too late */
    REACT_HANDLE,
};

/* A new saga; rules and steps stay the caller's and outlive it. Only what has
 * its steps registered, or none, begins without any. */
void engine_init(struct engine *engine, const struct engine_rule *rules,
                 struct engine_step *steps, uint16_t count);

/* More steps before it runs: EVENT_REGISTERED follows. rules and steps replace
 * the old ones, of which steps holds a copy. */
void engine_grow(struct engine *engine, const struct engine_rule *rules,
                 struct engine_step *steps, uint16_t count);

/* The steps below count. */
static inline uint64_t engine_mask(uint16_t count)
{
    return count >= ENGINE_STEPS_MAX ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* One event. Answers of another attempt than the last are ignored. Commands are
 * to be carried out in their order. */
void engine_handle(struct engine *engine, const struct engine_event *event,
                   struct engine_out *ret);

enum engine_reaction engine_reaction(enum engine_phase phase,
                                     enum engine_event_kind kind);

/* What a code means for an action (DESIGN 7). */
enum engine_verdict {
    VERDICT_DONE,
    VERDICT_ASK,
    VERDICT_REFUSE,
    VERDICT_RETRY
};
enum engine_verdict engine_verdict(int code);

/* The wait before the next try, without jitter. */
uint32_t engine_backoff_ms(const struct engine_rule *rule, uint32_t failures,
                           bool unreached);

bool engine_finished(const struct engine *engine); /* DONE or UNDONE */
bool engine_calling(const struct engine *engine);  /* a call is in flight */
bool engine_quiet(const struct engine *engine);   /* nothing but timers, if any,
                                                   * moves it */
bool engine_parked(const struct engine *engine);  /* a branch is */
bool engine_closing(const struct engine *engine); /* or finished, or refused */
uint64_t engine_done(const struct engine *engine); /* steps that are done */
bool engine_branch_settled(const struct engine_branch *branch); /* DONE, NONE */
bool engine_branch_timed(const struct engine_branch *branch); /* has a timer */

/* The phase that a stored status is read back as; PHASE_COUNT if unknown. */
enum engine_phase engine_phase_stored(const char *text);
const char *engine_phase_text(enum engine_phase phase);
const char *engine_branch_text(enum engine_branch_status status);
/* BRANCH_COUNT if unknown. */
enum engine_branch_status engine_branch_from_text(const char *text);

/* False if the state breaks a rule of this file: asserted after every event,
 * asked of every row that is read back. */
bool engine_sound(const struct engine *engine);

#endif
