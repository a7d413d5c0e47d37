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

enum timer_kind { TIMER_BRANCH, TIMER_WAITER };

/* The timer of one step: its action and its compensation never both wait. */
struct branch_timer {
    struct timer timer;
    uint16_t step;
    uint8_t op;
    uint32_t attempt;
};

/* Somebody who submitted and wants the outcome. */
struct waiter {
    struct waiter *next;
    struct timer timer;
    struct run *run;
    void *asker;
    bool accepted_only; /* answered as soon as it is on disk */
};

struct run {
    struct link dirty; /* first member; in orch->urgent or orch->riding */
    struct link held;  /* in orch->held */
    struct saga saga;
    struct run *next; /* in its bucket */
    uint64_t hash;
    struct waiter *waiters;
    struct branch_timer *timers; /* one a step */
    uint64_t holding[2];         /* calls that are held, by enum engine_op */
    int64_t dirty_since;         /* monotonic ns */
    uint32_t writing;            /* version in the batch under way; 0: none */
    bool urgent;                 /* in orch->urgent */
    bool over;                   /* told; to be freed */
};

/* The batch under way. */
struct batch {
    struct journal_job job;
    struct journal_row rows[ORCHESTRATOR_BATCH_ROWS];
    struct run *runs[ORCHESTRATOR_BATCH_ROWS];
    size_t at[ORCHESTRATOR_BATCH_ROWS + 1]; /* of each state in bytes */
    struct bus_buf bytes;
    size_t count;
    bool busy;
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
    struct batch *batch;
    int64_t mend;         /* when failing: the next try, monotonic ns */
    struct link lookups;  /* reading jobs in the journal */
    int64_t resume_at;    /* when reading back goes on, monotonic ns */
    int64_t resume_after; /* after this due time ... */
    char resume_gid[SAGA_GID_MAX + 1]; /* ... and this gid */
    struct bus_buf body, fill, detail; /* scratch */
    struct orchestrator_stats stats;
    bool draining;
};

/* orchestrator.c */
void run_event(struct orchestrator *orch, struct run *run,
               const struct engine_event *event);
/* Takes saga over; it is found by its gid from now on. */
struct run *run_new(struct orchestrator *orch, struct saga *saga);
struct run *run_find(struct orchestrator *orch, const char *gid);
void run_held_release(struct orchestrator *orch);

/* commit.c */
void commit_want(struct orchestrator *orch, struct run *run, bool sync);
void commit_done(struct orchestrator *orch);
void commit_flush(struct orchestrator *orch);
int64_t commit_due(const struct orchestrator *orch);

/* resume.c */
void resume_next(struct orchestrator *orch);
void resume_done(struct orchestrator *orch, struct journal_job *job);
/* A row of the journal to a running saga. NULL: it cannot be read. */
struct run *resume_row(struct orchestrator *orch,
                       const struct journal_row *row);

/* submit.c */
void submit_request(struct orchestrator *orch,
                    const struct orchestrator_request *request);
void submit_found(struct orchestrator *orch, struct journal_job *job);
void submit_news(struct orchestrator *orch, struct run *run,
                 enum engine_news news);
void submit_late(struct orchestrator *orch, struct waiter *waiter);

/* show.c */
void show_request(struct orchestrator *orch,
                  const struct orchestrator_request *request);
void list_request(struct orchestrator *orch,
                  const struct orchestrator_request *request);
void show_found(struct orchestrator *orch, struct journal_job *job);

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
};
void submission_free(struct orchestrator *orch, struct submission *submission);

/* What a job of a request is for: journal_job.arg points to one. */
enum lookup_kind { LOOKUP_SUBMIT, LOOKUP_SHOW, LOOKUP_LIST, LOOKUP_RESUME };

struct lookup {
    struct link link; /* first member; in orch->lookups */
    struct journal_job job;
    enum lookup_kind kind;
    void *asker;
    struct submission *submission; /* LOOKUP_SUBMIT; owned */
};

struct lookup *lookup_new(struct orchestrator *orch, enum lookup_kind kind,
                          enum journal_kind job, void *asker);
void lookup_free(struct orchestrator *orch, struct lookup *lookup);

#endif
