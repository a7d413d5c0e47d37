/* SPDX-License-Identifier: MIT
 *
 * The shell around the engine: it keeps the sagas that are not finished, turns
 * what happens into events, carries commands out and answers requests. Its
 * world is one struct of functions: the actor fills it with a journal, the bus
 * and a clock; the simulator is that world itself. One thread; no function of
 * the world may call back into the orchestrator before it returns.
 *
 * Group commit falls out of one rule: while a batch is being written, whatever
 * else wants the disk gathers for the next.
 */
#ifndef SAGA_ORCHESTRATOR_H
#define SAGA_ORCHESTRATOR_H

#include "actors/saga/journal.h"
#include "actors/saga/state.h"
#include "bus/call.h"

#define ORCHESTRATOR_SAGAS_MAX 1000000 /* unfinished ones in memory */
#define ORCHESTRATOR_CALLS_MAX 4096    /* branch calls in flight */
#define ORCHESTRATOR_BATCH_ROWS 1024   /* of one commit */
#define ORCHESTRATOR_BATCH_BYTES ((size_t)16 << 20)
#define ORCHESTRATOR_RIDE_MS 100 /* progress waits so long for company */
#define ORCHESTRATOR_CROWD 64    /* unfinished sagas from which on ... */
#define ORCHESTRATOR_GATHER_MS 2 /* a commit waits as long as the last took */
#define ORCHESTRATOR_MEND_MS 200 /* between tries of a failing journal */
#define ORCHESTRATOR_RESUME_ROWS 256  /* read back at a time */
#define ORCHESTRATOR_TAKE_MS 1000     /* between looks for owners that died */
#define ORCHESTRATOR_ELSEWHERE_MS 100 /* between looks at another's saga */
#define ORCHESTRATOR_REPLY_MAX ((size_t)4 << 20) /* bytes of one answer */

/* One branch call. Spans live until world->call returns. */
struct saga_call {
    void *run; /* handed back to orchestrator_answered */
    uint16_t step;
    enum engine_op op;
    uint32_t attempt;
    const char *target; /* an actor, or a URL */
    const char *method; /* "" of a URL */
    bool nested; /* to the saga actor itself: submit or undo, the body as it
                  * is; this very orchestrator is the best to be asked */
    const struct plan_dtm *dtm; /* it came by DTM's API: the body is what its
                                 * client sent; NULL: a msgpack map */
    uint32_t timeout_ms;
    struct bus_trace trace;    /* of the submission */
    struct bus_saga_mark mark; /* gid, branch, operation, fill */
    struct bus_bytes body;
};

/* A request for what another orchestrator has. Spans live until forward
 * returns. */
struct saga_forward {
    void *asker;
    bool http;          /* he is world->http's, else world->answer's */
    const char *target; /* "saga#2@n1" */
    const char *method;
    struct bus_bytes body;
};

struct orchestrator_world {
    void *arg;
    int64_t (*now)(void *arg);     /* monotonic, ns */
    int64_t (*wall)(void *arg);    /* Unix time, us */
    uint64_t (*random)(void *arg); /* also makes gids: hard to guess */
    /* Starts a job; orchestrator_done follows. One COMMIT at a time. */
    void (*journal)(void *arg, struct journal_job *job);
    /* Starts a call; orchestrator_answered follows exactly once. */
    void (*call)(void *arg, const struct saga_call *call);
    /* Answers a request. */
    void (*answer)(void *arg, void *asker, const struct bus_reply *reply);
    /* A saga has ended, on disk; NULL: nobody cares. */
    void (*ended)(void *arg, const struct saga *saga);
    /* A row that cannot be read back stays where it is; NULL as above. */
    void (*unreadable)(void *arg, const struct bus_error *error);
    /* A branch has failed config.alert_limit times or more, or is parked; NULL
     * as above. */
    void (*alert)(void *arg, const struct saga *saga, uint16_t step,
                  enum engine_op op, const char *sentence);
    /* Answers a request of DTM's API; NULL: there are none. */
    void (*http)(void *arg, void *asker, int status, const char *type,
                 struct bus_bytes body);
    /* Hands a request to another orchestrator, whose answer goes to the asker:
     * of DTM's API (http) what its method dtm says, else the reply as it is;
     * NULL: nobody can be asked. */
    void (*forward)(void *arg, const struct saga_forward *forward);
    size_t state_max; /* bytes of a state that the journal takes; 0: any */
    /* The journal is shared with other orchestrators (journal.h). */
    bool shared;
    /* Another one took over what was ours: nothing but free may follow, and
     * nothing is called or told any more. NULL only if not shared. */
    void (*fenced)(void *arg, const struct bus_error *error);
};

/* A request to the actor: submit, show, list; retry, skip, fail, compensate,
 * abort. */
struct orchestrator_request {
    const char *method;
    struct bus_bytes body;
    int64_t deadline; /* monotonic ns */
    struct bus_trace trace;
    void *asker; /* handed to world->answer, exactly once */
};

/* Of the requests to show and list. */
extern const struct bus_shape saga_show_shape;
extern const struct bus_shape saga_list_shape;
extern const struct bus_shape saga_operate_shape; /* of what operators do */

struct orchestrator;

/* Configuration; zeros are the defaults. */
struct orchestrator_config {
    uint32_t park_limit; /* failures until a compensation is parked; 0: never */
    uint32_t keep_s;     /* a finished saga is forgotten after; 0: never */
    uint32_t alert_limit; /* failures of a branch until it is told of; 0: 3 */
};

struct orchestrator *orchestrator_new(const struct orchestrator_world *world);
/* Before orchestrator_start. */
void orchestrator_configure(struct orchestrator *orch,
                            const struct orchestrator_config *config);
/* Frees everything at once, as a crash would: nobody is answered. */
void orchestrator_free(struct orchestrator *orch);

/* Begins to read back unfinished sagas. */
void orchestrator_start(struct orchestrator *orch);

void orchestrator_request(struct orchestrator *orch,
                          const struct orchestrator_request *request);
void orchestrator_answered(struct orchestrator *orch, void *run, uint16_t step,
                           enum engine_op op, uint32_t attempt,
                           const struct bus_reply *reply);
void orchestrator_done(struct orchestrator *orch, struct journal_job *job);

/* Fires timers that are due and hands the journal what has gathered: after
 * every round of events, and when orchestrator_due has come. */
void orchestrator_tick(struct orchestrator *orch);
int64_t orchestrator_due(const struct orchestrator *orch); /* monotonic ns */

/* Takes nothing new, starts no call. Over once orchestrator_idle. */
void orchestrator_drain(struct orchestrator *orch);
/* Nothing in flight and nothing to write. */
bool orchestrator_idle(const struct orchestrator *orch);
/* Answers whoever still waits: a submitter, that the saga is still running; who
 * waits for the journal, that we are stopping. Nothing but free may follow. */
void orchestrator_dismiss(struct orchestrator *orch);

/* How often something happened since the start, and how long it took in all. */
struct orchestrator_phase {
    uint64_t count;
    uint64_t us;
};

/* X(NAME) where a saga's time goes. */
#define ORCHESTRATOR_PHASES(X)                                                 \
    X(accepted) /* from a submission until it is on disk */                    \
    X(called)   /* a branch, until it answers */                               \
    X(closed)   /* from the last answer until the outcome is on disk */        \
    X(queued)   /* a row that is waited for, until its commit begins */        \
    X(written)  /* a commit */

struct orchestrator_stats {
    size_t sagas;           /* in memory */
    size_t calls;           /* in flight */
    size_t waiters;         /* submitters that wait */
    size_t resumed;         /* read back since the start */
    bool failing;           /* the journal is */
    bool resuming;          /* reading back is not over */
    bool fenced;            /* others have our sagas */
    uint64_t commits, rows; /* written since the start */
    struct {
#define ORCHESTRATOR_PHASE_MEMBER(name) struct orchestrator_phase name;
        ORCHESTRATOR_PHASES(ORCHESTRATOR_PHASE_MEMBER)
#undef ORCHESTRATOR_PHASE_MEMBER
    } phases;
};
void orchestrator_stats(const struct orchestrator *orch,
                        struct orchestrator_stats *ret);

#endif
