/* SPDX-License-Identifier: MIT
 *
 * What the files of the orchestrator share: a saga in memory with its place in
 * lists, those who wait for it, and the whole. Not for anybody else.
 */
#ifndef SAGA_RUN_H
#define SAGA_RUN_H

#include "actors/saga/orchestrator.h"
#include "actors/saga/timers.h"

/* A ring of links through a head; an unlinked one points to itself. */
struct link {
    struct link *prev, *next;
};

static inline void link_init(struct link *link)
{
    link->prev = link->next = link;
}

static inline bool link_alone(const struct link *link)
{
    return link->next == link;
}

static inline void link_drop(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link_init(link);
}

static inline void link_append(struct link *head, struct link *link)
{
    link_drop(link);
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

enum timer_kind { TIMER_BRANCH, TIMER_WAITER, TIMER_DEADLINE, TIMER_LOOKUP };

/* The timer of one step: its action and its compensation never both wait; or of
 * the check. */
struct branch_timer {
    struct timer timer;
    uint32_t attempt;
    uint16_t step;
    uint8_t op;
};

/* What somebody who asked for something waits for. */
enum waiter_kind {
    WAITER_OUTCOME,  /* the saga's end */
    WAITER_ACCEPTED, /* that it is on disk */
    WAITER_DURABLE,  /* that a version of it is (DTM's API) */
    WAITER_OPERATED, /* the same (an operator) */
    WAITER_UNDONE,   /* the saga's end, undone (its parent) */
    WAITER_ROUND,    /* that nothing but time moves it (DTM's API) */
};

struct waiter {
    struct waiter *next;
    struct timer timer;
    struct run *run;
    void *asker;
    enum waiter_kind kind;
    uint32_t version; /* WAITER_DURABLE, WAITER_OPERATED */
    bool aborts;      /* WAITER_ROUND: of an abort */
};

struct run {
    struct link dirty; /* first member; in orch->urgent or orch->riding */
    struct link held;  /* in orch->held */
    struct saga saga;
    struct run *next; /* in its bucket */
    uint64_t hash;
    struct waiter *waiters;
    struct branch_timer *timers; /* one a step */
    struct branch_timer check;   /* a message's or workflow's */
    struct timer deadline;       /* of the phase, see run_arm */
    int64_t cron_at;     /* when a test's clock finds what is prepared; ns */
    int64_t dirty_since; /* monotonic ns */
    uint64_t holding[3]; /* calls that are held, by enum engine_op */
    uint32_t inflight;   /* calls */
    uint32_t durable;    /* version on disk; 0: none, or not written by us */
    uint32_t registered; /* version that holds the last registered branch */
    uint32_t writing;    /* version in the batch under way; 0: none */
    int last_code;  /* of the last branch that did not succeed, this round */
    bool timed_out; /* the last deadline was */
    bool urgent;    /* in orch->urgent */
    bool contested; /* its gid was not made by us */
    bool taken;     /* and is another orchestrator's: never accepted */
    bool reopened;  /* it was finished; on disk it still is */
    bool over;      /* told; freed once nothing is in flight */
    bool round;     /* something moves it: see run_round */
};

/* The batch under way. */
struct batch {
    struct journal_job job;
    struct journal_row rows[ORCHESTRATOR_BATCH_ROWS];
    struct saga_trouble troubles[ORCHESTRATOR_BATCH_ROWS];
    struct run *runs[ORCHESTRATOR_BATCH_ROWS];
    size_t at[ORCHESTRATOR_BATCH_ROWS + 1]; /* of each state in bytes */
    struct bus_buf bytes;
    size_t count;
    bool busy;
    int64_t sent;  /* monotonic ns */
    int64_t after; /* the next one's earliest, where many wait */
};

struct orchestrator {
    struct orchestrator_world world;
    struct plans plans;
    struct timers timers;
    struct run **buckets;
    size_t size; /* buckets, a power of two */
    uint64_t seed;
    struct link urgent; /* wait for the disk */
    struct link riding; /* want it, by and by; oldest first */
    struct link held;   /* have calls that may not start yet */
    struct link ghosts; /* are over, but calls of theirs are in flight */
    struct batch *batch;
    int64_t mend;         /* when failing: the next try, monotonic ns */
    int64_t leased;       /* our sagas are ours until then, monotonic ns */
    int64_t take_at;      /* when we look for owners that died, as above */
    struct link lookups;  /* reading jobs in the journal */
    int64_t resume_at;    /* when reading back goes on, monotonic ns */
    int64_t resume_after; /* after this due time ... */
    char resume_gid[SAGA_GID_MAX + 1]; /* ... and this gid */
    uint32_t alert_limit;              /* failures of a branch */
    int64_t keep_us;                   /* how long finished sagas are kept */
    int64_t expire_at; /* when the oldest are deleted, mono ns */
    struct bus_buf body, fill, detail; /* scratch */
    struct orchestrator_stats stats;
    bool draining;
    struct dtm *dtm; /* owned; NULL: DTM's API is not served */
};

/* Clocks may be set back. */
static inline void phase_add(struct orchestrator_phase *phase, int64_t us)
{
    phase->count++;
    phase->us += us > 0 ? (uint64_t)us : 0;
}

static inline struct run *run_of_held(struct link *held)
{
    return (struct run *)(void *)((char *)held - offsetof(struct run, held));
}

/* run_call.c */
/* For the engine it is in flight from now on. */
void run_call_or_hold(struct orchestrator *orch, struct run *run, uint16_t step,
                      enum engine_op op);
void run_held_release(struct orchestrator *orch);

/* run.c */
void run_event(struct orchestrator *orch, struct run *run,
               const struct engine_event *event);
/* Takes saga over; it is found by its gid from now on. */
struct run *run_new(struct orchestrator *orch, struct saga *saga);
struct run *run_find(struct orchestrator *orch, const char *gid);
/* Another orchestrator has it: whoever waits asks again; gone. */
void run_lose(struct orchestrator *orch, struct run *run);
/* Out of the table, without timers and waiters; then free. */
void run_retire(struct orchestrator *orch, struct run *run);
void run_free(struct orchestrator *orch, struct run *run);
int64_t run_wall(const struct orchestrator *orch); /* Unix time, us */
struct branch_timer *run_timer_of(struct run *run, uint16_t step,
                                  enum engine_op op);

/* A test's clock drives it: its timers never fire by themselves. */
bool run_frozen(const struct orchestrator *orch, const struct run *run);
/* When the first of its timers is due, monotonic ns; INT64_MAX: none is set. */
int64_t run_due(const struct orchestrator *orch, const struct run *run);
/* One more registered branch (saga_add); EVENT_REGISTERED is to follow. */
bool run_add(struct orchestrator *orch, struct run *run,
             const struct saga_added *added);
/* INVALID_ARGUMENT: with so many bytes more a saga of that weight does not fit
 * into the journal, beside what will be said of its branches. */
int run_fits(const struct orchestrator *orch, size_t weight, size_t more,
             struct bus_error *err);
/* What a round is to begin with. */
void run_begin_round(struct run *run);

/* commit.c */
void commit_want(struct orchestrator *orch, struct run *run, bool sync);
void commit_done(struct orchestrator *orch);
void commit_flush(struct orchestrator *orch);
int64_t commit_due(const struct orchestrator *orch);
/* False: others may have our sagas by now, nothing may be called. */
bool commit_leased(const struct orchestrator *orch);
/* If that is what a job's error says. */
bool commit_fenced(struct orchestrator *orch, const struct journal_job *job);

/* resume.c */
void resume_next(struct orchestrator *orch);
void resume_done(struct orchestrator *orch, struct journal_job *job);
/* Deletes some of the finished ones that are too old. */
void resume_expire(struct orchestrator *orch);
void resume_expired(struct orchestrator *orch, struct journal_job *job);
/* Looks for sagas of an orchestrator that is gone. */
void resume_take(struct orchestrator *orch);
void resume_taken(struct orchestrator *orch, struct journal_job *job);
/* A row of the journal to a running saga. NULL: it cannot be read. */
struct run *resume_row(struct orchestrator *orch,
                       const struct journal_row *row);

/* submit.c */
struct lookup;
void submit_request(struct orchestrator *orch,
                    const struct orchestrator_request *request);
/* Refused before anything is read: what cannot be kept is not begun. */
int submit_open(const struct orchestrator *orch, struct bus_error *err);
void submit_found(struct orchestrator *orch, struct journal_job *job);
void submit_news(struct orchestrator *orch, struct run *run,
                 enum engine_news news);
void submit_late(struct orchestrator *orch, struct waiter *waiter);
/* A version is on disk. */
void submit_durable(struct orchestrator *orch, struct run *run,
                    uint32_t version);
/* The journal failed: who waits for it hears so. */
void submit_unwritten(struct orchestrator *orch, struct run *run);
struct waiter *waiter_new(struct orchestrator *orch, struct run *run,
                          void *asker, enum waiter_kind kind);
void waiter_remove(struct orchestrator *orch, struct waiter *waiter);
void make_gid(struct orchestrator *orch, const char *digits, unsigned base,
              char *ret);
/* Time to look again at a saga that another orchestrator has. */
void submit_look_again(struct orchestrator *orch, struct lookup *lookup);

/* show.c */
void show_request(struct orchestrator *orch,
                  const struct orchestrator_request *request);
void list_request(struct orchestrator *orch,
                  const struct orchestrator_request *request);
void stats_request(struct orchestrator *orch,
                   const struct orchestrator_request *request);
void show_found(struct orchestrator *orch, struct journal_job *job);

/* operate.c */
void operate_found(struct orchestrator *orch, struct journal_job *job);
void operate_request(struct orchestrator *orch,
                     const struct orchestrator_request *request);

/* operate.c */
void operate_answer(struct orchestrator *orch, void *asker, const char *gid);

/* show.c; times are RFC 3339 */
void show_pair(struct bus_buf *buf, const char *key, const char *value);
void show_time(struct bus_buf *buf, const char *key, int64_t us);

/* list.c */
void list_found(struct orchestrator *orch, void *asker,
                const struct journal_job *job);

/* answer.c */
void answer_error(struct orchestrator *orch, void *asker,
                  const struct bus_error *error);
void answer_still_running(struct orchestrator *orch, void *asker,
                          const char *gid);
void answer_accepted(struct orchestrator *orch, void *asker,
                     const struct saga *saga);
void answer_outcome(struct orchestrator *orch, void *asker,
                    const struct saga *saga);
void answer_body(struct orchestrator *orch, void *asker, struct bus_buf *body);

/* What was submitted, kept while the journal is asked for its gid. */
struct submission {
    char gid[SAGA_GID_MAX + 1];
    struct plan *plan; /* held */
    struct bus_bytes request;
    void *copy; /* what request points into; NULL: not owned */
    struct bus_trace trace;
    void *asker;
    int64_t deadline; /* when the asker stops waiting, monotonic ns */
    bool wait;
    bool fresh; /* nobody can have this gid but us */
    bool undo;  /* of saga.undo, as what follows */
    bool happened, forwarded;
    uint32_t wait_ms;
};
void submission_free(struct orchestrator *orch, struct submission *submission);

/* What a job of a request is for: journal_job.arg points to one. */
enum lookup_kind {
    LOOKUP_SUBMIT,
    LOOKUP_SHOW,
    LOOKUP_LIST,
    LOOKUP_RESUME,
    LOOKUP_DTM,
    LOOKUP_EXPIRE,
    LOOKUP_TAKE,
    LOOKUP_OPERATE,
};

struct lookup {
    struct link link;   /* first member; in orch->lookups */
    struct timer timer; /* LOOKUP_SUBMIT, between two looks */
    struct journal_job job;
    enum lookup_kind kind;
    void *asker;
    struct submission *submission; /* LOOKUP_SUBMIT; owned */
    struct dtm_work *dtm;          /* LOOKUP_DTM; owned */
    const char *method;    /* LOOKUP_OPERATE, as what follows: the request, */
    struct bus_bytes body; /* in job.arena */
    bool forwarded;
    int64_t deadline;
};

struct lookup *lookup_new(struct orchestrator *orch, enum lookup_kind kind,
                          enum journal_kind job, void *asker);
void lookup_free(struct orchestrator *orch, struct lookup *lookup);

#endif
