/* SPDX-License-Identifier: MIT
 *
 * The journal: one row a saga, its whole state in one value, what must be found
 * in columns beside it. One thread owns the connection; whoever wants something
 * hands over a job and hears on that thread when it is done. Rows of many sagas
 * commit in one transaction; what was reported committed survives a crash
 * (SQLite: WAL, synchronous=FULL; MySQL: as innodb_flush_log_at_trx_commit
 * says).
 *
 * On MySQL several orchestrators may share the tables. Each saga belongs to
 * one of them, under a lease (journal_lease.h) that every commit renews. A
 * commit of one whose lease another took over is ABORTED, reason fenced, and
 * nothing of it is written.
 */
#ifndef SAGA_JOURNAL_H
#define SAGA_JOURNAL_H

#include <stdbool.h>

#include "actors/runtime/saga.h"
#include "actors/store/sql.h"
#include "bus/arena.h"

#define JOURNAL_STATUS_MAX 16
#define JOURNAL_STEP_MAX 64   /* bytes kept of a failing step's name */
#define JOURNAL_ERROR_MAX 256 /* and of what it said */
#define JOURNAL_LIST_MAX 1000 /* rows of one list */
#define JOURNAL_LEASE_MS 3000 /* a silent owner's sagas are taken over then */

struct journal_row {
    const char *gid;
    const char *name;
    const char *status;  /* "running"; engine_phase_text */
    const char *type;    /* "saga", "tcc" ...; NULL as what follows: "" */
    const char *failing; /* the step that fails or has failed */
    const char *error;   /* "CODE: sentence" of it */
    const char *owner;   /* SEARCH: its orchestrator's name; FIND: where on the
                          * bus it is asked, "" unknown */
    bool finished;
    int64_t due; /* Unix time, us: when it next wants to act */
    int64_t created, updated;
    struct bus_bytes state; /* saga_pack; not read by a list */
    bool reopened;  /* COMMIT: it was finished, whoever's it was; ours now */
    bool contested; /* COMMIT: new, and somebody else may have its gid */
    bool taken;     /* COMMIT's answer: somebody has; it was not written */
    bool foreign;   /* of what was found: another orchestrator's */
};

static inline const char *journal_text(const char *text)
{
    return text ? text : "";
}

/* X(NAME) kinds of jobs. */
enum journal_kind {
    JOURNAL_COMMIT, /* write rows; none: prove that writing works */
    JOURNAL_FIND,   /* the row of gid */
    JOURNAL_LIST,   /* newest first, by status and name, before (before, gid) */
    JOURNAL_SEARCH, /* newest first, by a filter: journal_search.h */
    JOURNAL_DUE,    /* our unfinished ones, by due time, after (after, gid) */
    JOURNAL_TAKE,   /* unfinished ones of an owner that is gone: ours now */
    JOURNAL_EXPIRE, /* deletes finished ones that changed before `before` */
    JOURNAL_KV_FIND,   /* the row of (name, gid) */
    JOURNAL_KV_LIST,   /* of a name, by key, after gid */
    JOURNAL_KV_PUT,    /* (name, gid): value, where it is of that version; 0:
                        * where there is none; else ABORTED */
    JOURNAL_KV_DELETE, /* (name, gid); NOT_FOUND */
};

/* A key of a category with its value: what is no saga. */
struct journal_kv {
    const char *category;
    const char *key;
    const char *value;
    int64_t version; /* from 1, grows with each change */
    int64_t created, updated;
};

struct journal_filter;

/* A job; the caller's until journal_do, and again once it is done. */
struct journal_job {
    enum journal_kind kind;
    struct journal_row *rows;            /* COMMIT */
    size_t count;                        /* COMMIT */
    char gid[SAGA_GID_MAX + 1];          /* FIND, DUE, LIST; the key of KV */
    char status[JOURNAL_STATUS_MAX];     /* LIST; "": any */
    char name[BUS_NAME_MAX];             /* LIST; "": any; the category of KV */
    int64_t after;                       /* DUE */
    int64_t before;                      /* LIST, EXPIRE; 0: whenever; SEARCH's
                                          * answer */
    int64_t from;                        /* LIST: made at that time or later */
    bool whole;                          /* LIST: with states */
    const struct journal_filter *filter; /* SEARCH; in arena */
    uint32_t limit;                      /* LIST, DUE, TAKE, EXPIRE, KV_LIST */
    const char *value;                   /* KV_PUT; in arena, or the caller's */
    int64_t version;                     /* KV_PUT */
    void *arg;                           /* the caller's */

    int code; /* the answer; err says why */
    struct bus_error err;
    struct journal_row *found; /* in arena */
    size_t found_count;        /* EXPIRE: how many are gone */
    struct journal_kv *kv;     /* in arena */
    size_t kv_count;
    bool more;      /* SEARCH: it stopped at (before, gid) */
    int64_t leased; /* COMMIT: nobody takes over before that, monotonic ns */
    struct bus_arena arena; /* initialised and released by the caller */
    struct journal_job *next;
};

struct journal;

/* Called on the journal's thread, once a job, in the order of journal_do. */
typedef void journal_done(void *arg, struct journal_job *job);

struct journal_options {
    const struct sql_driver *driver;
    const char *source;  /* "sqlite:/path", or a go-zero data source */
    const char *owner;   /* MySQL: its name, the same after a restart */
    const char *address; /* MySQL: where on the bus it is asked: "saga#1@n1" */
    const struct bus_clock *clock;
    journal_done *done;
    void *arg;
    bool inline_; /* no thread: journal_do runs the job, for tests */
};

/* Opens, makes the table if it is missing, starts the thread. */
int journal_open(const struct journal_options *options, struct journal **ret,
                 struct bus_error *err);
/* True if others may share it: then COMMIT without rows keeps the lease. */
bool journal_shared(const struct journal *journal);
/* Bytes of the largest state that it can hold; 0: of any that we make. */
size_t journal_state_max(const struct journal *journal);
/* Any thread. */
void journal_do(struct journal *journal, struct journal_job *job);
/* Finishes every job handed over, then stops the thread. */
void journal_close(struct journal *journal);

#endif
