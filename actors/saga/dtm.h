/* SPDX-License-Identifier: MIT
 *
 * DTM's HTTP API over the orchestrator, on its thread: requests in, answers out
 * through world->http. Sockets are dtm_http.c's. What it adds to a saga: rounds
 * (from what sets a transaction going until nothing but time moves it, which is
 * what wait_result waits for), reasons, topics, and with hooks a test's clock:
 * then no timer of a transaction fires by itself.
 */
#ifndef SAGA_DTM_H
#define SAGA_DTM_H

#include "actors/saga/dtm_plan.h"
#include "actors/saga/orchestrator.h"

#define DTM_BASE "/api/dtmsvr/"

struct dtm_config {
    struct dtm_defaults defaults; /* zeros: 35, 10 and 3 seconds */
    bool hooks;
};

/* One request; everything may go away when dtm_serve returns, but the asker,
 * which is answered through world->http exactly once. */
struct dtm_ask {
    struct bus_bytes method;
    const char *path;       /* decoded: "/api/dtmsvr/submit" */
    struct bus_bytes query; /* as sent */
    struct bus_bytes body;
    void *asker;
    bool forwarded; /* by another orchestrator: the asker is the bus's */
};

/* A request that is another orchestrator's to answer, as it travels to its
 * method dtm, and what that answers. */
struct dtm_forward {
    const char *method, *path;
    struct bus_bytes query, body;
};
struct dtm_forwarded {
    int32_t status;
    const char *type;
    struct bus_bytes body;
};
extern const struct bus_shape dtm_forward_shape, dtm_forwarded_shape;

struct dtm;
struct run;
struct waiter;
struct lookup;
struct dtm_work;

/* Before orchestrator_start; the orchestrator frees it. */
struct dtm *dtm_new(struct orchestrator *orch, const struct dtm_config *config);
void dtm_free(struct dtm *dtm);

void dtm_serve(struct dtm *dtm, const struct dtm_ask *ask);
/* One that another orchestrator hands over. */
void dtm_forward_serve(struct dtm *dtm,
                       const struct orchestrator_request *request);
/* The same for a test's clock: /wait, /cron, /forward, /topics. */
void dtm_serve_hook(struct dtm *dtm, const struct dtm_ask *ask);

/* DTM's word for where a transaction stands. */
const char *dtm_status(const struct saga *saga);

/* ---- What the orchestrator calls ---- */

bool dtm_frozen(const struct dtm *dtm);
int64_t dtm_cron_forward(const struct dtm *dtm); /* ns */
void dtm_found(struct dtm *dtm, struct journal_job *job);
void dtm_work_free(struct dtm_work *work);
/* Stopping: whoever waits for the journal hears so. */
void dtm_dismiss(struct dtm *dtm, struct lookup *lookup);
/* Stopping: a test that waits for its clock is let go. */
void dtm_stop(struct dtm *dtm);
void dtm_round_over(struct dtm *dtm, struct run *run);
/* A version that a waiter waits for is on disk; the waiter goes. */
void dtm_durable(struct dtm *dtm, struct waiter *waiter);
/* The same where the journal failed or we stop. */
void dtm_late(struct dtm *dtm, struct waiter *waiter);
/* Before a transaction that was read back goes on. */
void dtm_resuming(struct orchestrator *orch, struct run *run);
/* Notes why a transaction rolls back, from an answer, and else from its state.
 */
void dtm_answered(struct run *run, const struct engine_event *event,
                  const struct bus_reply *reply);
void dtm_reason(struct run *run);

#endif
