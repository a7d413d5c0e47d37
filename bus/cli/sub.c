/* SPDX-License-Identifier: MIT
 *
 * bus sub PATTERN: prints live events, one a line. Says on standard error when
 * every publisher is connected, and when events were lost.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus/buf.h"
#include "bus/cli/wire.h"
#include "bus/event.h"
#include "bus/json.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)

struct sub {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t left; /* events still to print; -1: no end */
    bool json;
};

static void put_text(struct bus_buf *buf, const char *key, const char *text)
{
    bus_buf_printf(buf, "\"%s\":", key);
    bus_json_text(buf, text, strlen(text));
    bus_buf_byte(buf, ',');
}

static void put_json(struct bus_buf *buf, const struct bus_event *event)
{
    char trace[BUS_TRACE_TEXT];
    bus_trace_id_text(&event->trace, trace);
    bus_buf_byte(buf, '{');
    put_text(buf, "topic", event->topic);
    put_text(buf, "actor", event->actor);
    put_text(buf, "instance", event->instance);
    put_text(buf, "trace", trace);
    bus_buf_printf(buf, "\"sequence\":%llu,\"lost\":%llu,\"time\":%lld,",
                   (unsigned long long)event->sequence,
                   (unsigned long long)event->lost, (long long)event->time);
    bus_buf_text(buf, "\"body\":");
    bus_json_from_pack(buf, event->body);
    bus_buf_text(buf, "}\n");
}

static void put_line(struct bus_buf *buf, const struct bus_event *event)
{
    bus_buf_printf(buf, "%s ", event->topic);
    bus_json_from_pack(buf, event->body);
    bus_buf_byte(buf, '\n');
}

static void print_event(const struct sub *sub, const struct bus_event *event)
{
    struct bus_buf buf;
    bus_buf_init(&buf, LINE_MAX_BYTES);
    if (sub->json)
        put_json(&buf, event);
    else
        put_line(&buf, event);
    fwrite(buf.data, 1, buf.len, stdout);
    fflush(stdout);
    bus_buf_release(&buf);
}

/* On the subscription's thread. */
static void heard(void *arg, const struct bus_event *event)
{
    struct sub *sub = arg;
    pthread_mutex_lock(&sub->lock);
    if (event->lost)
        cli_talk("%llu events of %s#%s were lost",
                 (unsigned long long)event->lost, event->actor,
                 event->instance);
    if (sub->left != 0)
        print_event(sub, event);
    if (sub->left > 0 && --sub->left == 0)
        pthread_cond_signal(&sub->changed);
    pthread_mutex_unlock(&sub->lock);
}

/* Waits until all were printed; false: the time was over before. */
static bool await(struct sub *sub, const struct cli *cli)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(cli->timeout_ms / 1000);
    until.tv_nsec += (long)(cli->timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&sub->lock);
    while (sub->left != 0 && late != ETIMEDOUT) {
        late = cli->timeout_given
                   ? pthread_cond_timedwait(&sub->changed, &sub->lock, &until)
                   : pthread_cond_wait(&sub->changed, &sub->lock);
    }
    bool done = sub->left == 0;
    pthread_mutex_unlock(&sub->lock);
    return done;
}

static void sub_init(struct sub *sub, const struct cli *cli, int64_t count)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&sub->lock, NULL);
    pthread_cond_init(&sub->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sub->left = count;
    sub->json = cli->json;
}

static int follow(struct cli *cli, struct sub *sub, const char *pattern)
{
    struct bus_subscription *subscription;
    struct bus_error err;
    if (bus_subscribe(cli->bus, pattern, heard, sub, &subscription, &err))
        return cli_refused(cli, &err);
    if (bus_subscription_ready(subscription, (int)cli->timeout_ms))
        cli_talk("listening to %s", pattern);
    else
        cli_talk("listening to %s; some publishers do not answer", pattern);
    bool done = await(sub, cli);
    bus_unsubscribe(subscription);
    /* Without --count the end of the time is no failure. */
    if (done || sub->left < 0)
        return CLI_DONE;
    bus_error_set(&err, BUS_DEADLINE_EXCEEDED,
                  "%lld events are missing when the time is over",
                  (long long)sub->left);
    return cli_refused(cli, &err);
}

static int run(struct cli *cli)
{
    static struct sub sub;
    struct cli_names names;
    struct bus_error err;
    int64_t count = -1;
    const char *text = cli_value(cli, "count");
    if (text && !cli_number(text, 1, INT32_MAX, &count))
        return cli_fail(CLI_USAGE, "--count %s: expected a number from 1",
                        text);
    if (cli_names(cli, NULL, &names, &err))
        return cli_refused(cli, &err);
    sub_init(&sub, cli, count);
    int status = follow(cli, &sub, cli->argv[0]);
    pthread_cond_destroy(&sub.changed);
    pthread_mutex_destroy(&sub.lock);
    return status;
}

static const struct cli_option options[] = {
    {'n', "count", "N",
     "end after N events; exit status 5 if the time is "
     "over before"},
    {0}};

extern const struct cli_verb cli_verb_sub;
const struct cli_verb cli_verb_sub = {
    .name = "sub",
    .args = "PATTERN",
    .summary = "Prints live events as they come.",
    .help = "'*' stands for one word of a topic, a last '>' for one or more: "
            "bus sub 'user.>'\nWithout --timeout it goes on until it is "
            "stopped.",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
