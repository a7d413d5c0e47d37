/* SPDX-License-Identifier: MIT
 *
 * The world of the saga orchestrator, simulated: virtual time, one queue of
 * events, one seed; one orchestrator or several that share a journal.
 * Orchestrator, engine, plan, values and state codec are the real ones; the
 * journal, the participants with their barrier, the network and the clients are
 * models in this folder. Whatever breaks an invariant stops the run and names
 * the seed.
 */
#ifndef SIM_H
#define SIM_H

#include "actors/saga/dtm.h"
#include "actors/saga/orchestrator.h"
#include "bus/clock.h"

#define SIM_SAGAS_MAX 256
#define SIM_STEPS_MAX 6
#define SIM_ACTORS 4
#define SIM_GID_MAX 40
#define SIM_TRANS_MAX 64
#define SIM_BRANCHES_MAX 4
#define SIM_PROCESSES 3

/* Broken parts, each of which the simulator must notice. */
enum sim_mutant {
    MUTANT_NONE,
    MUTANT_SKIPS_BARRIER,
    MUTANT_SKIPS_COMPENSATION,
    MUTANT_WRONG_ORDER,
    MUTANT_EARLY_REPLY,
    MUTANT_RETRIES_ABORTED,
    MUTANT_DROPS_WRITE,
    MUTANT_EARLY_TURN,       /* compensates before the decision is on disk */
    MUTANT_EARLY_STEP,       /* breaks rule 2 of engine.h */
    MUTANT_FORGETS,          /* breaks rule 3: trusts what it read back */
    MUTANT_DELIVERS_DROPPED, /* a message whose client said no */
    MUTANT_STALE_OWNER,      /* a journal that lets a fenced owner write */
    MUTANT_TWO_OWNERS,       /* takes sagas of an owner that lives */
};

struct sim;
typedef void sim_action(struct sim *sim, void *arg);

/* What a handler does when its turn comes. */
enum sim_manner {
    MANNER_OK,
    MANNER_REFUSE,   /* always, with a code that rolls back */
    MANNER_WAVERING, /* refuses or not, each time anew */
    MANNER_ONGOING,  /* FAILED_PRECONDITION a few times */
    MANNER_FAILING,  /* INTERNAL a few times */
    MANNER_BROKEN,   /* INTERNAL always: its retry_limit must end it */
};

/* One step of one saga: what it shall do, and the truth of what happened. */
struct sim_saga;

struct sim_step {
    int actor;
    bool compensates;
    bool needs; /* its compensation takes the reply of the step before */
    enum sim_manner manner;
    int code;          /* MANNER_REFUSE */
    int action_faults; /* ONGOING, FAILING: how many are left */
    int undo_faults;
    uint32_t retry_limit;
    /* the participant's database */
    enum { ROW_NONE, ROW_OWN, ROW_BY_COMPENSATION } action_row;
    bool undo_row;
    uint64_t id;            /* of the stored reply; 0: none */
    uint64_t asked;         /* attempt under way; 0: none */
    unsigned asked_by;      /* in this incarnation */
    int done, undone;       /* effects */
    struct sim_saga *inner; /* it is that saga; NULL: a participant's */
    bool urged;             /* an operator wanted it undone before its turn */
};

enum sim_outcome { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_ROLLED_BACK };

struct sim_saga {
    struct sim_saga *outer; /* whose step it is; NULL: a client's */
    unsigned index;
    char gid[SIM_GID_MAX]; /* "": the orchestrator makes one */
    unsigned count;
    struct sim_step steps[SIM_STEPS_MAX];
    struct bus_buf plan, request;
    struct bus_buf number; /* of one that is a step: its index as msgpack */
    /* what its client knows */
    enum sim_outcome told;
    int32_t told_business;
    char told_sentence[BUS_SENTENCE_MAX];
    bool accepted;  /* it was told so */
    bool refused;   /* told UNAVAILABLE, and given up */
    bool settled;   /* the client asks no more */
    bool submitted; /* once at least */
    unsigned again; /* further submissions after the outcome */
};

/* What a client of DTM's API wants. */
enum sim_wish { WISH_SUBMIT, WISH_ABORT, WISH_VANISH };

struct sim_branch {
    bool refuses;             /* of a saga: its action always does */
    bool forth_row, back_row; /* of the barrier */
    int forth, back;          /* effects */
    bool asked;               /* a call is under way in this incarnation */
};

/* A transaction of DTM's API, what its client knows, and the truth. */
struct sim_trans {
    char gid[SIM_GID_MAX];
    enum saga_pattern type;
    enum sim_wish wish;
    unsigned count;      /* branches it means to have */
    unsigned stage;      /* requests that were answered well */
    unsigned registered; /* branches that were called, from the first */
    bool told;           /* its decision was taken */
    bool settled;        /* its client asks no more */
    struct sim_branch branches[SIM_BRANCHES_MAX];
};

/* A row on the simulated disk. */
struct sim_row {
    char gid[SIM_GID_MAX];
    char name[16];
    char status[JOURNAL_STATUS_MAX];
    bool finished;
    bool reopened; /* a row to be written that was finished */
    int64_t due, created, updated;
    int owner; /* index of a process */
    struct bus_buf state;
};

struct sim_job; /* journal.c */

/* One orchestrator's process. */
struct sim_process {
    struct orchestrator *orch;
    unsigned incarnation; /* no two processes ever have the same */
    bool dead;            /* crashed inside a call of its world */
    int crash_in;         /* effects left until it crashes; -1: does not */
    bool looping;         /* a tick is scheduled */
    int64_t wake;         /* when it looks again by itself */
    int64_t paused;       /* it does nothing until then, ns */
    struct sim_job *jobs, **jobs_end;
    uint64_t epoch; /* of its lease */
};

/* What the shared journal knows of an owner. */
struct sim_owner {
    uint64_t epoch;
    int64_t until;
};

struct sim_event {
    int64_t at;
    uint64_t order; /* of equal times */
    sim_action *action;
    void *arg;
};

struct sim {
    uint64_t seed;
    enum sim_mutant mutant;
    uint64_t random;
    int64_t now; /* ns */
    struct sim_event *heap;
    size_t events, events_cap;
    uint64_t order;
    char broken[256]; /* "": every invariant holds */
    bool faults;      /* on: things go wrong */
    bool over;        /* what is still queued is only let go */
    /* the orchestrators' processes */
    struct sim_process processes[SIM_PROCESSES];
    int process_count;      /* more than one: the journal is shared */
    struct sim_process *me; /* whose turn it is */
    unsigned incarnations;
    unsigned crashes;
    uint64_t effects, calls;
    /* the disk */
    struct sim_row *rows;
    size_t row_count;
    struct sim_owner owners[SIM_PROCESSES];
    bool disk_full;
    uint64_t batches;
    /* the rest of the world */
    unsigned actor_epoch[SIM_ACTORS];
    bool actor_down[SIM_ACTORS];
    bool actor_sick[SIM_ACTORS]; /* answers INTERNAL to everything */
    uint64_t next_id;
    struct sim_saga sagas[SIM_SAGAS_MAX];
    unsigned saga_count;
    unsigned inner_count; /* behind these: sagas that are steps */
    uint64_t nested;      /* calls to them */
    struct dtm *dtm;      /* the orchestrator's */
    struct sim_trans trans[SIM_TRANS_MAX];
    unsigned trans_count;
    unsigned deeds; /* of the operator that were taken */
};

/* sim.c */
void sim_init(struct sim *sim, uint64_t seed, unsigned sagas,
              enum sim_mutant mutant);
void sim_release(struct sim *sim);
/* Runs to the end. True if every invariant held. */
bool sim_run(struct sim *sim);
void sim_at(struct sim *sim, int64_t delay, sim_action *action, void *arg);
uint64_t sim_random(struct sim *sim);
/* low..high */
int64_t sim_between(struct sim *sim, int64_t low, int64_t high);
bool sim_chance(struct sim *sim, int percent);
/* Chance while faults are on. */
bool sim_fault(struct sim *sim, int percent);
void sim_break(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* world.c: the orchestrators' processes. What follows is of sim->me. */
void world_start(struct sim *sim);
void world_stop(struct sim *sim); /* at the end of a run; all of them */
/* Makes the process of that incarnation sim->me; false: it is gone. */
bool world_enter(struct sim *sim, unsigned incarnation);
/* One that can be asked; false: there is none. */
bool world_pick(struct sim *sim);
/* If it is paused, the action comes again after that. */
bool world_paused(struct sim *sim, sim_action *action, void *arg);
bool world_any_up(const struct sim *sim);
void world_loop(struct sim *sim); /* a round of its loop, soon */
/* An effect is about to happen or has just happened; false: the process is
 * dead and it does not. */
bool world_effect(struct sim *sim);
/* If an effect was its last, the process goes and comes back later. */
void world_bury(struct sim *sim);
void world_schedule_faults(struct sim *sim);

/* journal.c */
void journal_take(struct sim *sim, struct journal_job *job);
void journal_crash(struct sim *sim);
/* A process begins, with its name's rows, under a new epoch. */
void journal_acquire(struct sim *sim);
/* True if sim->me may act for a saga. */
bool journal_owns(const struct sim *sim, const char *gid);
const struct sim_row *journal_row(const struct sim *sim, const char *gid);
void journal_release(struct sim *sim);

/* participants.c */
void participants_call(struct sim *sim, const struct saga_call *call);
void participants_restart(struct sim *sim, int actor);
void participants_forget(struct sim *sim); /* sim->me is gone */
void participants_check(struct sim *sim);

/* clients.c */
void clients_make(struct sim *sim);
void clients_release(struct sim *sim);
void clients_answer(struct sim *sim, void *asker,
                    const struct bus_reply *reply);
/* Whoever waits for that incarnation (0: any) hears nothing. */
void clients_crash(struct sim *sim, unsigned incarnation);
void clients_check(struct sim *sim);

/* nested.c: sagas that are steps of sagas */
void nested_call(struct sim *sim, const struct saga_call *call);
/* True if the asker was one of theirs; then it is dealt with. */
bool nested_answer(struct sim *sim, const void *asker,
                   const struct bus_reply *reply);
/* Whoever asked that incarnation (0: any) hears nothing. */
void nested_crash(unsigned incarnation);

/* operator.c: somebody who acts at random, while faults are on */
void operator_schedule(struct sim *sim);
/* True if the asker was his; then it is dealt with. */
bool operator_answer(struct sim *sim, const void *asker,
                     const struct bus_reply *reply);

/* transactions.c */
void transactions_make(struct sim *sim);
void transactions_answer(struct sim *sim, void *asker, int status);
void transactions_call(struct sim *sim, const struct saga_call *call);
void transactions_crash(struct sim *sim);
bool transactions_settled(const struct sim *sim);
void transactions_check(struct sim *sim);

#endif
