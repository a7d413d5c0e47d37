/* SPDX-License-Identifier: MIT
 *
 * A test's clock (--test-hooks): no timer of a transaction fires by itself;
 * GET /cron?now=S&cron=S looks S seconds ahead, does the round of the one
 * transaction that is due first and answers its gid, or nothing;
 * /forward?cron=S sets how far it looks where nothing is said; /wait answers
 * the gids of rounds that are over, one by one; /topics is there because there
 * is nothing to refresh. The orchestrator's own clocks never move.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/http/target.h"
#include "actors/saga/dtm_work.h"
#include "bus/clock.h"

#define PROCESSED_MAX 1024 /* gids kept for /wait */
#define SECONDS_MAX 10000000
#define QUERY_MAX 8
#define HTTP_OK 200

static void answer(struct dtm *dtm, struct dtm_asker *asker, const char *text)
{
    const struct orchestrator_world *world = &dtm->orch->world;
    const struct bus_bytes body = {(const uint8_t *)text, strlen(text)};
    world->http(world->arg, asker->asker, HTTP_OK, "text/plain", body);
    free(asker);
}

/* ---- /wait ---- */

static void processed_add(struct dtm *dtm, const char *gid)
{
    struct dtm_processed *processed = calloc(1, sizeof(*processed));
    if (!processed)
        abort();
    snprintf(processed->gid, sizeof(processed->gid), "%s", gid);
    *dtm->processed_last = processed;
    dtm->processed_last = &processed->next;
    dtm->processed_count++;
}

static void processed_drop(struct dtm *dtm)
{
    struct dtm_processed *first = dtm->processed;
    dtm->processed = first->next;
    if (!dtm->processed)
        dtm->processed_last = &dtm->processed;
    dtm->processed_count--;
    free(first);
}

void dtm_clock_processed(struct dtm *dtm, const struct run *run)
{
    const char *gid = run->saga.gid;
    struct dtm_cron cron = dtm->cron;
    if (!dtm->config.hooks)
        return;
    if (dtm->waiting) {
        answer(dtm, dtm->waiting, gid);
        dtm->waiting = NULL;
    } else {
        processed_add(dtm, gid);
        if (dtm->processed_count > PROCESSED_MAX)
            processed_drop(dtm);
    }
    if (cron.asker && strcmp(cron.gid, gid) == 0) {
        dtm->cron.asker = NULL;
        dtm->cron_forward = dtm->cron_default;
        dtm->now_forward = 0;
        answer(dtm, cron.asker, gid);
    }
}

static void serve_wait(struct dtm *dtm, struct dtm_asker *asker)
{
    if (dtm->processed) {
        answer(dtm, asker, dtm->processed->gid);
        processed_drop(dtm);
        return;
    }
    if (dtm->waiting)
        answer(dtm, dtm->waiting, ""); /* its client asks anew */
    dtm->waiting = asker;
}

/* ---- /cron ---- */

/* When DTM's poller would find it. */
static int64_t cron_due(const struct dtm *dtm, const struct run *run)
{
    int64_t due = run_due(dtm->orch, run);
    if (run->saga.engine.phase != PHASE_PREPARED)
        return due;
    if (engine_branch_timed(&run->saga.engine.check))
        return run->check.timer.due;
    return run->cron_at < due ? run->cron_at : due;
}

static struct run *first_due(const struct dtm *dtm, int64_t until)
{
    const struct orchestrator *orch = dtm->orch;
    struct run *first = NULL;
    for (size_t i = 0; i < orch->size; i++)
        for (struct run *run = orch->buckets[i]; run; run = run->next) {
            int64_t due = cron_due(dtm, run);
            if (run->saga.plan->dtm && !run->round && due < until &&
                (!first || due < cron_due(dtm, first)))
                first = run;
        }
    return first;
}

static void serve_cron(struct dtm *dtm, struct dtm_asker *asker)
{
    const struct orchestrator_world *world = &dtm->orch->world;
    int64_t now = world->now(world->arg);
    struct run *run = first_due(dtm, now + dtm->cron_forward);
    if (!run || dtm->cron.asker) {
        answer(dtm, asker, "");
        if (!dtm->cron.asker) {
            dtm->cron_forward = dtm->cron_default;
            dtm->now_forward = 0;
        }
        return;
    }
    dtm->cron.asker = asker;
    snprintf(dtm->cron.gid, sizeof(dtm->cron.gid), "%s", run->saga.gid);
    run->cron_at = now + dtm->config.defaults.retry_interval * BUS_SECOND;
    dtm_wake(dtm, run, dtm->now_forward);
}

/* ---- Requests ---- */

/* False: not there, or no number. */
static bool seconds_of(struct bus_bytes query, const char *name, int64_t *ret)
{
    struct bus_arena arena;
    struct bus_pair pairs[QUERY_MAX];
    struct bus_error ignored;
    size_t count = 0;
    bool found = false;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    if (target_form(query, &arena, pairs, QUERY_MAX, &count, &ignored))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!bus_bytes_is(pairs[i].name, name))
            continue;
        const char *text = bus_arena_text_n(
            &arena, (const char *)pairs[i].value.data, pairs[i].value.len);
        char *end = NULL;
        long long seconds = text ? strtoll(text, &end, 10) : -1;
        found =
            text && text[0] && !*end && seconds >= 0 && seconds <= SECONDS_MAX;
        if (found)
            *ret = seconds * BUS_SECOND;
    }
    bus_arena_release(&arena);
    return found;
}

void dtm_serve_hook(struct dtm *dtm, const struct dtm_ask *ask)
{
    struct dtm_asker *asker = calloc(1, sizeof(*asker));
    if (!asker)
        abort();
    asker->asker = ask->asker;
    bool get = bus_bytes_is(ask->method, "GET");
    if (get && strcmp(ask->path, "/wait") == 0) {
        serve_wait(dtm, asker);
    } else if (get && strcmp(ask->path, "/cron") == 0) {
        if (!dtm->cron.asker) {
            seconds_of(ask->query, "now", &dtm->now_forward);
            seconds_of(ask->query, "cron", &dtm->cron_forward);
        }
        serve_cron(dtm, asker);
    } else if (get && strcmp(ask->path, "/forward") == 0) {
        seconds_of(ask->query, "cron", &dtm->cron_default);
        dtm->cron_forward = dtm->cron_default;
        answer(dtm, asker, "");
    } else if (get && strcmp(ask->path, "/topics") == 0) {
        answer(dtm, asker, "");
    } else {
        dtm_not_found(dtm, asker);
    }
}

void dtm_stop(struct dtm *dtm)
{
    if (dtm->waiting)
        answer(dtm, dtm->waiting, "");
    if (dtm->cron.asker)
        answer(dtm, dtm->cron.asker, "");
    dtm->waiting = dtm->cron.asker = NULL;
}
