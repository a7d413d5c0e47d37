/* SPDX-License-Identifier: MIT
 *
 * What the files of DTM's API share: one request in work, and how it is
 * answered. Not for anybody else.
 */
#ifndef SAGA_DTM_WORK_H
#define SAGA_DTM_WORK_H

#include "actors/saga/dtm.h"
#include "actors/saga/run.h"

#define DTM_ANSWER_MAX ((size_t)64 << 20) /* bytes of one answer */
#define DTM_ARENA_MAX ((size_t)64 << 20)
#define DTM_ISSUED_MAX 4096 /* gids given out and not yet seen again */
#define DTM_LIMIT_DEFAULT 100
#define DTM_QUERY_MAX 64 /* fields of a query */

/* Who asked, and in what form the answer goes. */
struct dtm_asker {
    void *asker; /* the world's */
    bool rpc;
    bool bus;     /* another orchestrator asks for its client */
    char id[256]; /* of the JSON-RPC call */
};

/* What was found of a transaction: in memory, or at least as its row. */
struct dtm_target {
    struct run *run;         /* NULL: it is not in memory */
    const struct saga *saga; /* NULL: there is none */
};

/* Goes on once the journal was asked; answers, or asks again. */
typedef void dtm_step(struct dtm_work *work, struct journal_job *job);
typedef void dtm_verb(struct dtm_work *work, const struct dtm_target *target);

struct dtm_work {
    struct dtm *dtm;
    struct dtm_asker *asker; /* NULL once answered, or given to a waiter */
    struct bus_arena arena;
    struct dtm_trans trans;
    struct bus_list pairs; /* registerBranch, and queries */
    dtm_verb *verb;
    dtm_step *step;
    dtm_step *then;         /* once topics are read */
    bool resuming;          /* workflow: answer with its progress */
    struct bus_list topics; /* struct dtm_topic */
    struct lookup *lookup;  /* under way */
    struct dtm_forward ask; /* as it came, where the journal is shared */
};

struct dtm_topic {
    const char *name;
    struct bus_list urls; /* const char * */
};

/* A transaction of a test that waits for /cron's round. */
struct dtm_cron {
    struct dtm_asker *asker;
    char gid[SAGA_GID_MAX + 1];
};

struct dtm_processed {
    struct dtm_processed *next;
    char gid[SAGA_GID_MAX + 1];
};

struct dtm {
    struct orchestrator *orch;
    struct dtm_config config;
    uint64_t issued[DTM_ISSUED_MAX]; /* hashes of gids; 0: none */
    size_t issued_at;
    /* hooks */
    int64_t cron_forward, now_forward; /* ns */
    int64_t cron_default;              /* ns */
    struct dtm_processed *processed, **processed_last;
    size_t processed_count;
    struct dtm_asker *waiting; /* for /wait; NULL: nobody */
    struct dtm_cron cron;      /* asker NULL: none under way */
};

/* dtm.c */
struct dtm_work *dtm_work_new(struct dtm *dtm, struct dtm_asker *asker);
/* Asks the journal; work->step goes on. kind fills job by itself. */
struct journal_job *dtm_lookup(struct dtm_work *work, enum journal_kind kind,
                               dtm_step *step);
void dtm_lookup_start(struct dtm_work *work);
/* Finds the transaction of that gid, then the verb. */
void dtm_with_gid(struct dtm_work *work, const char *gid, dtm_verb *verb);

/* dtm_forward.c */
/* Keeps what may have to be handed on. */
void dtm_forward_keep(struct dtm_work *work, const struct dtm_ask *ask);
/* To the owner, who answers; false: it cannot be asked. */
bool dtm_forward(struct dtm_work *work, const char *address);
/* Answers an asker, by HTTP or over the bus; frees it. */
void dtm_send(struct dtm *dtm, struct dtm_asker *asker, int status,
              const char *type, struct bus_bytes body);

/* dtm_reply.c: each frees the asker. */
void dtm_ok(struct dtm *dtm, struct dtm_asker *asker);
/* message ends in " FAILURE" for the client. */
void dtm_failure(struct dtm *dtm, struct dtm_asker *asker, const char *message);
void dtm_ongoing(struct dtm *dtm, struct dtm_asker *asker, const char *message);
void dtm_error(struct dtm *dtm, struct dtm_asker *asker, int status,
               const char *message);
/* As it is, of that media type. */
void dtm_text(struct dtm *dtm, struct dtm_asker *asker, const char *type,
              const struct bus_buf *text);
void dtm_not_found(struct dtm *dtm, struct dtm_asker *asker);
void dtm_rpc_error(struct dtm *dtm, struct dtm_asker *asker, int code,
                   const char *what, const char *of);
void dtm_refuse(struct dtm *dtm, struct dtm_asker *asker,
                const struct bus_error *error);
/* A JSON object; of JSON-RPC the result. */
void dtm_body(struct dtm *dtm, struct dtm_asker *asker,
              const struct bus_buf *body);
/* The same of a work. */
struct dtm_asker *dtm_take_asker(struct dtm_work *work);

/* dtm_verb.c */
void dtm_verb_prepare(struct dtm_work *work, const struct dtm_target *target);
void dtm_verb_submit(struct dtm_work *work, const struct dtm_target *target);
void dtm_verb_abort(struct dtm_work *work, const struct dtm_target *target);
void dtm_verb_stop(struct dtm_work *work, const struct dtm_target *target);
void dtm_verb_wake(struct dtm_work *work, const struct dtm_target *target);
void dtm_verb_register(struct dtm_work *work, const struct dtm_target *target);
/* Sets a run going as its time would. shift: ns that have passed beside. */
void dtm_wake(struct dtm *dtm, struct run *run, int64_t shift);
/* It is to go on now. */
void dtm_due_now(struct dtm *dtm, struct run *run);

/* dtm_show.c */
void dtm_write_query(struct bus_buf *buf, const struct dtm *dtm,
                     const struct dtm_target *target, bool progress);
void dtm_write_trans(struct bus_buf *buf, const struct dtm *dtm,
                     const struct dtm_target *target);
void dtm_verb_query(struct dtm_work *work, const struct dtm_target *target);
void dtm_all(struct dtm_work *work);

/* dtm_topic.c */
void dtm_topic_request(struct dtm_work *work, const char *name,
                       const char *path);
bool dtm_topics_named(const struct dtm_trans *trans);
void dtm_topics_read(struct dtm_work *work, dtm_step *then);
dtm_topic_urls dtm_topic_find; /* arg: the work */

/* dtm_clock.c */
void dtm_clock_processed(struct dtm *dtm, const struct run *run);

#endif
