/* SPDX-License-Identifier: MIT
 *
 * Requests by path, JSON-RPC calls by method; then the transaction is found, in
 * memory or in the journal, and its verb is done (dtm_verb.c).
 */
#include "actors/saga/dtm.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/http/target.h"
#include "actors/saga/dtm_work.h"
#include "bus/code.h"
#include "bus/version.h"

#define TIMEOUT_TO_FAIL_S 35
#define RETRY_INTERVAL_S 10
#define REQUEST_TIMEOUT_S 3
#define RESET_TIMEOUTS UINT64_C(3) /* resetCronTime: times timeout_to_fail */
#define RPC_PATH "/api/json-rpc"
#define HTTP_BAD_REQUEST 400
#define HTTP_ERROR 500

/* What a path does with its work. */
typedef void dtm_handler(struct dtm_work *work, const struct dtm_ask *ask);

struct dtm *dtm_new(struct orchestrator *orch, const struct dtm_config *config)
{
    struct dtm *dtm = calloc(1, sizeof(*dtm));
    if (!dtm)
        abort();
    dtm->orch = orch;
    dtm->config = *config;
    struct dtm_defaults *defaults = &dtm->config.defaults;
    if (!defaults->timeout_to_fail)
        defaults->timeout_to_fail = TIMEOUT_TO_FAIL_S;
    if (!defaults->retry_interval)
        defaults->retry_interval = RETRY_INTERVAL_S;
    if (!defaults->request_timeout)
        defaults->request_timeout = REQUEST_TIMEOUT_S;
    dtm->processed_last = &dtm->processed;
    orch->dtm = dtm;
    return dtm;
}

void dtm_free(struct dtm *dtm)
{
    while (dtm->processed) {
        struct dtm_processed *next = dtm->processed->next;
        free(dtm->processed);
        dtm->processed = next;
    }
    free(dtm->waiting);
    free(dtm->cron.asker);
    free(dtm);
}

bool dtm_frozen(const struct dtm *dtm)
{
    return dtm->config.hooks;
}

int64_t dtm_cron_forward(const struct dtm *dtm)
{
    return dtm->cron_forward;
}

/* ---- Works ---- */

struct dtm_work *dtm_work_new(struct dtm *dtm, struct dtm_asker *asker)
{
    struct dtm_work *work = calloc(1, sizeof(*work));
    if (!work)
        abort();
    work->dtm = dtm;
    work->asker = asker;
    bus_arena_init(&work->arena, DTM_ARENA_MAX);
    return work;
}

void dtm_work_free(struct dtm_work *work)
{
    free(work->asker);
    bus_arena_release(&work->arena);
    free(work);
}

struct journal_job *dtm_lookup(struct dtm_work *work, enum journal_kind kind,
                               dtm_step *step)
{
    struct lookup *lookup = lookup_new(work->dtm->orch, LOOKUP_DTM, kind, NULL);
    lookup->dtm = work;
    work->lookup = lookup;
    work->step = step;
    return &lookup->job;
}

void dtm_lookup_start(struct dtm_work *work)
{
    struct orchestrator *orch = work->dtm->orch;
    orch->world.journal(orch->world.arg, &work->lookup->job);
}

/* A step that asks again takes the work out of the lookup that is over. */
void dtm_found(struct dtm *dtm, struct journal_job *job)
{
    struct lookup *lookup = job->arg;
    struct dtm_work *work = lookup->dtm;
    (void)dtm;
    work->lookup = NULL;
    work->step(work, job);
    if (work->lookup)
        lookup->dtm = NULL;
}

void dtm_dismiss(struct dtm *dtm, struct lookup *lookup)
{
    struct dtm_work *work = lookup->dtm;
    if (work && work->asker)
        dtm_error(dtm, dtm_take_asker(work), 503, "the saga actor is stopping");
}

/* Of whatever asks once and has answered, or has handed its asker on. */
static void work_over(struct dtm_work *work)
{
    if (!work->lookup)
        dtm_work_free(work);
}

/* ---- Finding a transaction ---- */

/* It had its end already, or can be gone on with. */
static void found_row(struct dtm_work *work, const struct journal_row *row)
{
    struct orchestrator *orch = work->dtm->orch;
    struct saga saga;
    struct bus_error error = {0};
    if (!row->finished && row->foreign) {
        if (dtm_forward(work, row->owner))
            return;
        dtm_error(work->dtm, dtm_take_asker(work), 503,
                  "another orchestrator has the transaction");
        return;
    }
    if (!row->finished) {
        struct run *run = resume_row(orch, row);
        const struct dtm_target target = {.run = run,
                                          .saga = run ? &run->saga : NULL};
        if (run)
            work->verb(work, &target);
        else
            dtm_error(work->dtm, dtm_take_asker(work), 500,
                      "the transaction cannot be read back");
        return;
    }
    if (saga_unpack(row->state, row->gid, &orch->plans, &saga, &error)) {
        dtm_refuse(work->dtm, dtm_take_asker(work), &error);
        return;
    }
    const struct dtm_target target = {.saga = &saga};
    work->verb(work, &target);
    saga_release(&saga, &orch->plans);
}

static void gid_found(struct dtm_work *work, struct journal_job *job)
{
    struct run *run = run_find(work->dtm->orch, job->gid);
    const struct dtm_target target = {.run = run,
                                      .saga = run ? &run->saga : NULL};
    if (run)
        work->verb(work, &target);
    else if (job->code)
        dtm_error(work->dtm, dtm_take_asker(work), 503,
                  "the journal cannot be read");
    else if (job->found_count > 0)
        found_row(work, &job->found[0]);
    else
        work->verb(work, &target);
}

static uint64_t issued_hash(const char *gid)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *gid; gid++)
        hash = (hash ^ (uint8_t)*gid) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* True once of a gid that we gave out: then nobody else can have used it. */
static bool issued_take(struct dtm *dtm, const char *gid)
{
    uint64_t hash = issued_hash(gid);
    uint64_t *slot = &dtm->issued[hash % DTM_ISSUED_MAX];
    if (*slot != hash)
        return false;
    *slot = 0;
    return true;
}

void dtm_with_gid(struct dtm_work *work, const char *gid, dtm_verb *verb)
{
    struct dtm *dtm = work->dtm;
    struct run *run = run_find(dtm->orch, gid);
    const struct dtm_target target = {.run = run,
                                      .saga = run ? &run->saga : NULL};
    bool fresh = issued_take(dtm, gid);
    work->verb = verb;
    if (run || fresh) {
        verb(work, &target);
        return;
    }
    struct journal_job *job = dtm_lookup(work, JOURNAL_FIND, gid_found);
    snprintf(job->gid, sizeof(job->gid), "%s", gid);
    dtm_lookup_start(work);
}

/* ---- Handlers ---- */

static void write_gid(struct dtm *dtm, struct bus_buf *buf, bool rpc)
{
    static const char digits[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
                                 "abcdefghijkmnopqrstuvwxyz";
    char gid[SAGA_GID_MAX + 1];
    make_gid(dtm->orch, digits, sizeof(digits) - 1, gid);
    uint64_t hash = issued_hash(gid);
    dtm->issued[hash % DTM_ISSUED_MAX] = hash;
    bus_buf_printf(buf,
                   rpc ? "{\"gid\":\"%s\"}"
                       : "{\"dtm_result\":\"SUCCESS\",\"gid\":\"%s\"}",
                   gid);
}

static void handle_new_gid(struct dtm_work *work, const struct dtm_ask *ask)
{
    struct bus_buf buf;
    (void)ask;
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    write_gid(work->dtm, &buf, work->asker->rpc);
    dtm_body(work->dtm, dtm_take_asker(work), &buf);
    bus_buf_release(&buf);
}

static void handle_version(struct dtm_work *work, const struct dtm_ask *ask)
{
    struct bus_buf buf;
    (void)ask;
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_printf(&buf, "{\"version\":\"v%s\"}", BUS_VERSION);
    dtm_body(work->dtm, dtm_take_asker(work), &buf);
    bus_buf_release(&buf);
}

/* False: answered. */
static bool read_trans(struct dtm_work *work, const struct dtm_ask *ask)
{
    struct bus_error error = {0};
    int code = dtm_trans_read(ask->body, &work->arena, &work->trans, &error);
    if (!code && strlen(work->trans.gid) > DTM_GID_MAX)
        code = bus_error_field(&error, BUS_INVALID_ARGUMENT, "gid",
                               "a gid of more than %d bytes", DTM_GID_MAX);
    if (code)
        dtm_refuse(work->dtm, dtm_take_asker(work), &error);
    return code == BUS_OK;
}

static void submit_with_topics(struct dtm_work *work, struct journal_job *job)
{
    (void)job;
    dtm_with_gid(work, work->trans.gid, work->verb);
}

/* Topics are looked up first, at every use: nobody gets what he no longer
 * subscribes to. */
static void make(struct dtm_work *work, dtm_verb *verb)
{
    work->verb = verb;
    if (dtm_topics_named(&work->trans))
        dtm_topics_read(work, submit_with_topics);
    else
        dtm_with_gid(work, work->trans.gid, verb);
}

static void handle_prepare(struct dtm_work *work, const struct dtm_ask *ask)
{
    if (read_trans(work, ask))
        make(work, dtm_verb_prepare);
}

static void handle_resume(struct dtm_work *work, const struct dtm_ask *ask)
{
    work->resuming = true;
    handle_prepare(work, ask);
}

static void handle_submit(struct dtm_work *work, const struct dtm_ask *ask)
{
    if (read_trans(work, ask))
        make(work, dtm_verb_submit);
}

static void handle_abort(struct dtm_work *work, const struct dtm_ask *ask)
{
    if (read_trans(work, ask))
        dtm_with_gid(work, work->trans.gid, dtm_verb_abort);
}

static void handle_stop(struct dtm_work *work, const struct dtm_ask *ask)
{
    if (read_trans(work, ask))
        dtm_with_gid(work, work->trans.gid, dtm_verb_stop);
}

static void handle_wake(struct dtm_work *work, const struct dtm_ask *ask)
{
    if (read_trans(work, ask))
        dtm_with_gid(work, work->trans.gid, dtm_verb_wake);
}

static void handle_register(struct dtm_work *work, const struct dtm_ask *ask)
{
    struct bus_error error = {0};
    if (dtm_pairs_read(ask->body, &work->arena, &work->pairs, &error)) {
        dtm_refuse(work->dtm, dtm_take_asker(work), &error);
        return;
    }
    const char *gid = dtm_pair(&work->pairs, "gid");
    if (strlen(gid) > DTM_GID_MAX)
        dtm_error(work->dtm, dtm_take_asker(work), HTTP_BAD_REQUEST,
                  "a gid of more than 128 bytes");
    else
        dtm_with_gid(work, gid, dtm_verb_register);
}

static void handle_query(struct dtm_work *work, const struct dtm_ask *ask)
{
    const char *gid = dtm_pair(&work->pairs, "gid");
    (void)ask;
    if (!gid[0] || strlen(gid) > DTM_GID_MAX)
        dtm_error(work->dtm, dtm_take_asker(work), HTTP_ERROR,
                  "no gid specified"); /* as DTM says it */
    else
        dtm_with_gid(work, gid, dtm_verb_query);
}

static void handle_all(struct dtm_work *work, const struct dtm_ask *ask)
{
    (void)ask;
    dtm_all(work);
}

/* Unfinished transactions that are due later than in `timeout` become due now.
 */
static void handle_reset(struct dtm_work *work, const struct dtm_ask *ask)
{
    struct dtm *dtm = work->dtm;
    struct orchestrator *orch = dtm->orch;
    const char *timeout = dtm_pair(&work->pairs, "timeout");
    const char *limit = dtm_pair(&work->pairs, "limit");
    uint64_t seconds =
        timeout[0] ? strtoull(timeout, NULL, 10)
                   : RESET_TIMEOUTS * dtm->config.defaults.timeout_to_fail;
    uint64_t max = limit[0] ? strtoull(limit, NULL, 10) : DTM_LIMIT_DEFAULT;
    uint64_t count = 0;
    bool more = false;
    struct bus_buf buf;
    (void)ask;
    if (seconds > PLAN_WAIT_MAX_MS)
        seconds = PLAN_WAIT_MAX_MS;
    int64_t after =
        orch->world.now(orch->world.arg) + (int64_t)seconds * BUS_SECOND;
    for (size_t i = 0; i < orch->size && !more; i++)
        for (struct run *run = orch->buckets[i]; run && !more;) {
            struct run *next = run->next;
            int64_t due = run_due(orch, run);
            if (run->saga.plan->dtm && due != INT64_MAX && due > after) {
                more = count == max;
                if (!more)
                    dtm_due_now(dtm, run);
                count += !more;
            }
            run = next;
        }
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_printf(&buf, "{\"has_remaining\":%s,\"succeed_count\":%llu}",
                   more ? "true" : "false", (unsigned long long)count);
    dtm_body(dtm, dtm_take_asker(work), &buf);
    bus_buf_release(&buf);
}

static void handle_topic(struct dtm_work *work, const struct dtm_ask *ask)
{
    const char *name = ask->path + strlen(DTM_BASE);
    const char *slash = strchr(name, '/');
    dtm_topic_request(work, name, slash ? slash + 1 : "");
}

static const struct {
    const char *method;
    const char *name;
    dtm_handler *handler;
    bool trans; /* JSON-RPC knows it too */
} routes[] = {
    {"GET", "version", handle_version, false},
    {"GET", "newGid", handle_new_gid, true},
    {"POST", "prepare", handle_prepare, true},
    {"POST", "submit", handle_submit, true},
    {"POST", "abort", handle_abort, true},
    {"POST", "forceStop", handle_stop, false},
    {"POST", "registerBranch", handle_register, true},
    {"POST", "registerXaBranch", handle_register, false},
    {"POST", "registerTccBranch", handle_register, false},
    {"POST", "prepareWorkflow", handle_resume, false},
    {"GET", "query", handle_query, false},
    {"GET", "all", handle_all, false},
    {"GET", "resetCronTime", handle_reset, false},
    {"POST", "resetNextCronTime", handle_wake, false},
    {"GET", "subscribe", handle_topic, false},
    {"GET", "unsubscribe", handle_topic, false},
    {"DELETE", "topic/", handle_topic, false},
    {"GET", "scanKV", handle_topic, false},
    {"GET", "queryKV", handle_topic, false},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static bool is_route(size_t i, const struct dtm_ask *ask, const char *name)
{
    size_t len = strlen(routes[i].name);
    bool prefix = routes[i].name[len - 1] == '/';
    return bus_bytes_is(ask->method, routes[i].method) &&
           (prefix ? strncmp(name, routes[i].name, len) == 0 && name[len]
                   : strcmp(name, routes[i].name) == 0);
}

static void read_query(struct dtm_work *work, struct bus_bytes query)
{
    struct bus_pair pairs[DTM_QUERY_MAX];
    struct bus_error ignored;
    size_t count = 0;
    if (target_form(query, &work->arena, pairs, DTM_QUERY_MAX, &count,
                    &ignored))
        count = 0;
    struct dtm_pair *items =
        bus_arena_array(&work->arena, count, sizeof(*items));
    for (size_t i = 0; i < count; i++)
        items[i] = (struct dtm_pair){
            bus_arena_text_n(&work->arena, (const char *)pairs[i].name.data,
                             pairs[i].name.len),
            bus_arena_text_n(&work->arena, (const char *)pairs[i].value.data,
                             pairs[i].value.len)};
    work->pairs = (struct bus_list){items, count};
}

static void serve_rpc(struct dtm_work *work, const struct dtm_ask *ask)
{
    struct dtm_rpc rpc;
    struct bus_error error = {0};
    struct dtm_asker *asker = work->asker;
    struct bus_buf buf;
    asker->rpc = true;
    if (dtm_rpc_read(ask->body, &work->arena, &rpc, &error)) {
        dtm_rpc_error(work->dtm, dtm_take_asker(work), -32700,
                      "Parse json error: ", error.sentence);
        return;
    }
    snprintf(asker->id, sizeof(asker->id), "%s", rpc.id);
    if (!rpc.id[0] || strcmp(rpc.version, "2.0") != 0) {
        dtm_rpc_error(work->dtm, dtm_take_asker(work), -32600,
                      "Bad json request: ", "id and jsonrpc 2.0 are needed");
        return;
    }
    size_t i = 0;
    while (i < ROUTES &&
           !(routes[i].trans && strcmp(routes[i].name, rpc.method) == 0))
        i++;
    if (i == ROUTES) {
        dtm_rpc_error(work->dtm, dtm_take_asker(work), -32601,
                      "Method not found: ", rpc.method);
        return;
    }
    struct dtm_ask inner = *ask;
    inner.body = rpc.params;
    bus_buf_init(&buf, 8);
    bus_buf_text(&buf, "{}");
    if (inner.body.len == 0)
        inner.body = bus_buf_bytes(&buf);
    routes[i].handler(work, &inner);
    bus_buf_release(&buf);
}

static void serve_path(struct dtm_work *work, const struct dtm_ask *ask)
{
    const char *name = ask->path;
    size_t i = ROUTES;
    if (strncmp(name, DTM_BASE, strlen(DTM_BASE)) == 0) {
        name += strlen(DTM_BASE);
        for (i = 0; i < ROUTES && !is_route(i, ask, name); i++)
            ;
    }
    if (i < ROUTES) {
        read_query(work, ask->query);
        routes[i].handler(work, ask);
    } else {
        dtm_not_found(work->dtm, dtm_take_asker(work));
    }
}

static void write_metric(struct bus_buf *buf, const char *name,
                         const char *type, uint64_t value)
{
    bus_buf_printf(buf, "# TYPE %s %s\n%s %llu\n", name, type, name,
                   (unsigned long long)value);
}

/* In Prometheus's text form; no label but the version's, so that there is no
 * end of them. */
static void serve_metrics(struct dtm_work *work)
{
    struct orchestrator_stats stats;
    struct bus_buf buf;
    orchestrator_stats(work->dtm->orch, &stats);
    bus_buf_init(&buf, DTM_ANSWER_MAX);
    bus_buf_printf(&buf,
                   "# TYPE dtm_server_info gauge\n"
                   "dtm_server_info{version=\"%s\"} 1\n",
                   BUS_VERSION);
    write_metric(&buf, "dtm_transactions_unfinished", "gauge", stats.sagas);
    write_metric(&buf, "dtm_branch_calls", "gauge", stats.calls);
    write_metric(&buf, "dtm_waiting_clients", "gauge", stats.waiters);
    write_metric(&buf, "dtm_journal_failing", "gauge", stats.failing);
    write_metric(&buf, "dtm_journal_commits_total", "counter", stats.commits);
    write_metric(&buf, "dtm_journal_rows_total", "counter", stats.rows);
    dtm_text(work->dtm, dtm_take_asker(work), "text/plain; version=0.0.4",
             &buf);
    bus_buf_release(&buf);
}

void dtm_serve(struct dtm *dtm, const struct dtm_ask *ask)
{
    struct dtm_asker *asker = calloc(1, sizeof(*asker));
    struct bus_buf buf;
    if (!asker)
        abort();
    asker->asker = ask->asker;
    asker->bus = ask->forwarded;
    struct dtm_work *work = dtm_work_new(dtm, asker);
    dtm_forward_keep(work, ask);
    if (strcmp(ask->path, "/api/ping") == 0) {
        bus_buf_init(&buf, 64);
        bus_buf_text(&buf, "{\"msg\":\"pong\"}");
        dtm_body(dtm, dtm_take_asker(work), &buf);
        bus_buf_release(&buf);
    } else if (strcmp(ask->path, "/api/metrics") == 0) {
        serve_metrics(work);
    } else if (strcmp(ask->path, RPC_PATH) == 0 &&
               bus_bytes_is(ask->method, "POST")) {
        serve_rpc(work, ask);
    } else {
        serve_path(work, ask);
    }
    work_over(work);
}
