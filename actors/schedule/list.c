/* SPDX-License-Identifier: MIT
 *
 * What people ask of a schedule: what is there, when it is due, how it went;
 * and to fire an entry now. Asked from other threads than the schedule's, so
 * each question opens a store of its own, and only reads: who writes may have
 * to wait. What is ordered the schedule itself writes.
 */
#include <string.h>

#include "actors/schedule/inside.h"
#include "actors/store/sql.h"
#include "actors/store/store.h"
#include "bus/pack.h"
#include "bus/text.h"

static const char *const catchups[] = {
    [SCHEDULE_NONE] = "none", [SCHEDULE_LAST] = "last", [SCHEDULE_ALL] = "all"};

static void text_pair(struct bus_buf *buf, const char *name, const char *text)
{
    bus_pack_text(buf, name);
    bus_pack_text(buf, text);
}

/* 0: "". */
static void time_pair(struct bus_buf *buf, const char *name, int64_t us)
{
    char text[TEXT_TIME_MAX] = "";
    if (us)
        text_time_write(us, text);
    text_pair(buf, name, text);
}

static int64_t next_of(struct schedule *schedule,
                       const struct schedule_entry *entry)
{
    int64_t next = cron_next(&entry->cron, &entry->zone,
                             schedule_wall(schedule) / SECOND_US);
    return next == CRON_NEVER ? 0 : next * SECOND_US;
}

static void entry_pack(struct schedule *schedule,
                       const struct schedule_entry *entry,
                       const struct schedule_row *row, struct bus_buf *buf)
{
    bus_pack_map(buf, 11);
    text_pair(buf, "name", entry->name);
    text_pair(buf, "at", entry->at);
    text_pair(buf, "zone", entry->zone_name);
    text_pair(buf, "method", entry->method);
    text_pair(buf, "catchup", catchups[entry->catchup]);
    time_pair(buf, "next", next_of(schedule, entry));
    time_pair(buf, "last", row ? row->due : 0);
    text_pair(buf, "state", row ? row->state : "");
    text_pair(buf, "owner", row ? row->owner : "");
    text_pair(buf, "code",
              row && row->ended && row->started ? bus_code_name(row->code)
                                                : "");
    text_pair(buf, "said", row ? row->said : "");
}

static int entries_pack(struct schedule *schedule, struct bus_call *call,
                        struct bus_buf *buf)
{
    const struct schedule_options *options = &schedule->options;
    int64_t waiting = 0;
    int code = BUS_OK;
    bus_pack_map(buf, 2);
    bus_pack_text(buf, "entries");
    bus_pack_array(buf, options->count);
    for (size_t i = 0; i < options->count && !code; i++) {
        const struct schedule_row *row = NULL;
        code =
            rows_newest(call, schedule->actor, options->entries[i].name, &row);
        entry_pack(schedule, &options->entries[i], row, buf);
    }
    if (!code)
        code = rows_messages(call, schedule->actor, &waiting);
    bus_pack_text(buf, "waiting");
    bus_pack_int(buf, waiting);
    return code;
}

/* Runs a question in a call of its own. */
struct question {
    struct schedule *schedule;
    const struct schedule_entry *entry;
    struct bus_buf *buf;
};

static int pack_work(struct bus_call *call, struct question *question)
{
    return store_end(call,
                     entries_pack(question->schedule, call, question->buf),
                     (struct bus_bytes){0});
}

static int may_fire(struct bus_call *call, struct question *question)
{
    const struct schedule_entry *entry = question->entry;
    int64_t running = 0;
    int code = store_end(call,
                         rows_count(call, question->schedule->actor,
                                    entry->name, ROWS_RUNNING, &running),
                         (struct bus_bytes){0});
    if (!code && running > 0 && !entry->overlap)
        code = bus_error_set(&call->error, BUS_FAILED_PRECONDITION,
                             "%s runs, and does not overlap", entry->name);
    return code;
}

static int ask(struct question *question,
               int (*work)(struct bus_call *call, struct question *question),
               struct bus_error *err)
{
    struct schedule *schedule = question->schedule;
    struct store *store;
    struct bus_arena arena;
    int code = store_open(schedule->options.shared, &store, err);
    if (code)
        return code;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    struct bus_call call = schedule_call(schedule, store, &arena, false);
    code = work(&call, question);
    if (code)
        *err = call.error;
    bus_arena_release(&arena);
    store_close(store);
    return code;
}

int schedule_pack(struct schedule *schedule, struct bus_buf *buf,
                  struct bus_error *err)
{
    struct question question = {.schedule = schedule, .buf = buf};
    return ask(&question, pack_work, err);
}

int schedule_fire(struct schedule *schedule, const char *name, int64_t *ret_due,
                  struct bus_error *err)
{
    struct question question = {.schedule = schedule,
                                .entry = run_entry(schedule, name)};
    if (!question.entry)
        return bus_error_set(err, BUS_NOT_FOUND, "%s has no cron entry %.64s",
                             schedule->actor, name);
    int code = ask(&question, may_fire, err);
    if (code)
        return code;
    const struct order order = {question.entry, schedule_wall(schedule)};
    pthread_mutex_lock(&schedule->lock);
    if (schedule->halted)
        code = bus_error_reason(err, BUS_UNAVAILABLE, "draining",
                                "the instance is stopping");
    else if (schedule->order_count == SCHEDULE_ORDERS_MAX)
        code = bus_error_reason(err, BUS_RESOURCE_EXHAUSTED, "busy",
                                "too many firings wait");
    else
        schedule->orders[schedule->order_count++] = order;
    pthread_mutex_unlock(&schedule->lock);
    if (code)
        return code;
    schedule_poke(schedule);
    *ret_due = order.due;
    return BUS_OK;
}

/* ---- what was ordered ---- */

struct ordered {
    struct schedule *schedule;
    struct order order;
};

static int order_work(struct bus_call *call, void *arg)
{
    const struct ordered *ordered = arg;
    const struct schedule_entry *entry = ordered->order.entry;
    struct schedule_row row =
        rows_new(ordered->schedule->actor, entry->name, ordered->order.due,
                 ROWS_MANUAL, ROWS_WAITING);
    struct bus_trace trace;
    char text[BUS_TRACEPARENT_TEXT];
    bool is_new = false;
    bus_trace_new(&trace);
    bus_trace_text(&trace, text);
    row.trace = text;
    row.method = entry->method;
    return rows_insert(call, &row, &is_new);
}

/* Cuts off what waits; returns how much that is. */
static size_t orders_cut(struct schedule *schedule,
                         struct order ret[SCHEDULE_ORDERS_MAX])
{
    pthread_mutex_lock(&schedule->lock);
    size_t count = schedule->order_count;
    memcpy(ret, schedule->orders, count * sizeof(*ret));
    schedule->order_count = 0;
    pthread_mutex_unlock(&schedule->lock);
    return count;
}

/* Puts one back that could not be written, if there is room still. */
static void order_return(struct schedule *schedule, const struct order *order)
{
    pthread_mutex_lock(&schedule->lock);
    if (schedule->order_count < SCHEDULE_ORDERS_MAX)
        schedule->orders[schedule->order_count++] = *order;
    pthread_mutex_unlock(&schedule->lock);
}

int orders_take(struct schedule *schedule)
{
    struct order orders[SCHEDULE_ORDERS_MAX];
    size_t count = orders_cut(schedule, orders);
    int code = BUS_OK;
    for (size_t i = 0; i < count; i++) {
        struct ordered ordered = {schedule, orders[i]};
        struct bus_call call =
            schedule_call(schedule, schedule->store, &schedule->arena, true);
        if (!code && (code = sql_transact(&call, order_work, &ordered)))
            schedule_complain(schedule, &call, code);
        if (code)
            order_return(schedule, &orders[i]);
    }
    return code;
}
