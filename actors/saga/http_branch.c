/* SPDX-License-Identifier: MIT
 *
 * Queues, turns and results; libcurl's multi interface on the loop. It says
 * which sockets it wants watched and when it wants to be woken; finished calls
 * are collected after each of its turns.
 */
#include "actors/saga/http_branch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "actors/saga/http_request.h"
#include "bus/code.h"

#define HOST_BUCKETS 256
#define SWEEP_MS 100 /* between looks for calls that waited too long */

struct call;

/* One place. Lives while anything is in flight to it or waits. */
struct host {
    struct host *next;       /* in its bucket */
    struct host *next_ready; /* whose turn comes after */
    char *key;               /* "http://name:80" */
    struct call *first, **last;
    size_t queued, flying;
    bool ready; /* in the ring of turns */
};

struct call {
    struct call *next;          /* in its host's queue, or among the refused */
    struct call *below, **self; /* among all */
    struct http_branches *branches;
    struct host *host; /* NULL: refused */
    struct http_request request;
    CURL *easy; /* in flight */
    struct bus_buf answer;
    struct bus_error error;
    uint32_t timeout_ms;
    uint64_t waits_until; /* loop's ms */
    http_branch_done *done;
    void *arg;
};

struct http_branches {
    struct http_branch_options options;
    CURLM *multi;
    uv_timer_t timer;   /* libcurl's */
    uv_timer_t sweep;   /* queues, while there are any */
    uv_timer_t deliver; /* refusals, on the next turn */
    struct host *hosts[HOST_BUCKETS];
    struct host *ready, **ready_last;
    struct call *calls; /* all of them */
    struct call *refused, **refused_last;
    size_t count, flying, queued;
    bool closing;
};

/* One watched socket. */
struct watch {
    uv_poll_t poll;
    struct http_branches *branches;
    curl_socket_t fd;
};

/* --- places --- */

static struct host **bucket_of(struct http_branches *branches, const char *key)
{
    uint32_t hash = 2166136261u;
    for (const char *at = key; *at; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    return &branches->hosts[hash % HOST_BUCKETS];
}

static struct host *host_take(struct http_branches *branches, const char *key)
{
    struct host **bucket = bucket_of(branches, key);
    for (struct host *host = *bucket; host; host = host->next)
        if (strcmp(host->key, key) == 0)
            return host;
    struct host *host = calloc(1, sizeof(*host));
    char *copy = strdup(key);
    if (!host || !copy)
        abort();
    host->key = copy;
    host->last = &host->first;
    host->next = *bucket;
    *bucket = host;
    return host;
}

static void host_drop(struct http_branches *branches, struct host *host)
{
    if (host->flying || host->queued || host->ready)
        return;
    struct host **at = bucket_of(branches, host->key);
    while (*at != host)
        at = &(*at)->next;
    *at = host->next;
    free(host->key);
    free(host);
}

/* Gives a place its turn if it can use one. */
static void host_ready(struct http_branches *branches, struct host *host)
{
    if (host->ready || !host->queued ||
        host->flying >= branches->options.host_calls)
        return;
    host->ready = true;
    host->next_ready = NULL;
    *branches->ready_last = host;
    branches->ready_last = &host->next_ready;
}

static struct host *ready_take(struct http_branches *branches)
{
    struct host *host = branches->ready;
    branches->ready = host->next_ready;
    if (!branches->ready)
        branches->ready_last = &branches->ready;
    host->ready = false;
    return host;
}

/* --- a call's life --- */

static struct call *call_new(struct http_branches *branches,
                             const struct http_branch_call *from)
{
    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        abort();
    call->branches = branches;
    call->timeout_ms = from->timeout_ms;
    call->done = from->done;
    call->arg = from->arg;
    bus_buf_init(&call->answer, branches->options.answer_max);
    call->below = branches->calls;
    call->self = &branches->calls;
    if (call->below)
        call->below->self = &call->below;
    branches->calls = call;
    branches->count++;
    return call;
}

static void call_free(struct call *call)
{
    *call->self = call->below;
    if (call->below)
        call->below->self = call->self;
    call->branches->count--;
    if (call->easy) {
        curl_multi_remove_handle(call->branches->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    http_request_release(&call->request);
    bus_buf_release(&call->answer);
    free(call);
}

/* Tells the caller; the call is gone afterwards. */
static void call_tell(struct call *call, int status)
{
    http_branch_done *done = call->done;
    void *arg = call->arg;
    struct http_branch_answer answer = {.status = status, .error = call->error};
    if (status)
        answer.body = bus_buf_bytes(&call->answer);
    done(arg, &answer);
    call_free(call);
}

static void on_deliver(uv_timer_t *timer)
{
    struct http_branches *branches = timer->data;
    struct call *call = branches->refused;
    branches->refused = NULL;
    branches->refused_last = &branches->refused;
    while (call && !branches->closing) {
        struct call *next = call->next;
        call_tell(call, 0);
        call = next;
    }
}

/* Told on the loop's next turn; call->error says why. */
static void call_refuse(struct call *call)
{
    struct http_branches *branches = call->branches;
    call->next = NULL;
    *branches->refused_last = call;
    branches->refused_last = &call->next;
    uv_timer_start(&branches->deliver, on_deliver, 0, 0);
}

/* --- from a call to libcurl's handle --- */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    bus_buf_add(&call->answer, data, size * count);
    return call->answer.failed ? 0 : size * count;
}

/* Everything but the connection, the body and what is not in the URL. */
static void handle_set(struct call *call)
{
    const struct http_branch_options *options = &call->branches->options;
    const struct http_request *request = &call->request;
    CURL *easy = call->easy;
    long connect_ms = call->timeout_ms < HTTP_BRANCH_CONNECT_MS
                          ? (long)call->timeout_ms
                          : HTTP_BRANCH_CONNECT_MS;
    curl_easy_setopt(easy, CURLOPT_CURLU, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    if (options->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (request->post) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         request->body.len ? (char *)request->body.data : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->body.len);
    }
}

static void call_fly(struct call *call)
{
    struct http_branches *branches = call->branches;
    call->easy = curl_easy_init();
    if (!call->easy)
        abort();
    handle_set(call);
    call->host->flying++;
    branches->flying++;
    if (curl_multi_add_handle(branches->multi, call->easy))
        abort();
}

/* Starts whatever may start, a call of each place in turn. */
static void pump(struct http_branches *branches)
{
    while (branches->ready && branches->flying < HTTP_BRANCH_CALLS) {
        struct host *host = ready_take(branches);
        struct call *call = host->first;
        if (!call) { /* its last one waited too long */
            host_drop(branches, host);
            continue;
        }
        host->first = call->next;
        if (!host->first)
            host->last = &host->first;
        host->queued--;
        branches->queued--;
        call_fly(call);
        host_ready(branches, host);
    }
}

/* --- results --- */

/* Why there is no answer, as the engine needs to know it: was it sent? */
static void error_set(struct call *call, CURLcode result)
{
    const char *text = curl_easy_strerror(result);
    curl_off_t sent = 0;
    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
    if (call->answer.failed)
        bus_error_reason(&call->error, BUS_UNKNOWN, "outcome_unknown",
                         "%s: an answer of more than %zu bytes",
                         call->host->key, call->answer.limit);
    else if (sent == 0)
        bus_error_reason(&call->error, BUS_UNAVAILABLE, "no_responder",
                         "%s: %s", call->host->key, text);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        bus_error_set(&call->error, BUS_DEADLINE_EXCEEDED,
                      "%s: no answer within %u ms", call->host->key,
                      call->timeout_ms);
    else
        bus_error_reason(&call->error, BUS_UNKNOWN, "outcome_unknown", "%s: %s",
                         call->host->key, text);
}

static void call_land(struct call *call, CURLcode result)
{
    struct http_branches *branches = call->branches;
    struct host *host = call->host;
    long status = 0;
    if (result == CURLE_OK)
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 0)
        error_set(call, result);
    host->flying--;
    branches->flying--;
    host_ready(branches, host);
    host_drop(branches, host);
    curl_multi_remove_handle(branches->multi, call->easy);
    curl_easy_cleanup(call->easy);
    call->easy = NULL;
    call_tell(call, (int)status);
}

static void collect(struct http_branches *branches)
{
    CURLMsg *message;
    int left;
    while (!branches->closing &&
           (message = curl_multi_info_read(branches->multi, &left)) != NULL) {
        char *call = NULL;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        call_land((struct call *)(void *)call, result);
    }
    if (!branches->closing)
        pump(branches);
}

/* --- libcurl and the loop --- */

static void act(struct http_branches *branches, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(branches->multi, fd, events, &running);
    collect(branches);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
    struct http_branches *branches = arg;
    (void)multi;
    if (branches->closing || ms < 0)
        return uv_timer_stop(&branches->timer);
    return uv_timer_start(&branches->timer, on_timer, (uint64_t)ms, 0);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    const struct watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(watch->branches, watch->fd, flags);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                       void *known)
{
    struct http_branches *branches = arg;
    struct watch *watch = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        curl_multi_assign(branches->multi, fd, NULL);
        return 0;
    }
    if (!watch) {
        watch = calloc(1, sizeof(*watch));
        if (!watch ||
            uv_poll_init_socket(branches->options.loop, &watch->poll, fd))
            abort();
        watch->branches = branches;
        watch->fd = fd;
        watch->poll.data = watch;
        curl_multi_assign(branches->multi, fd, watch);
    }
    int events = 0;
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&watch->poll, events, on_socket);
}

/* --- starting and ending --- */

static void queue_sweep(struct http_branches *branches, struct host *host)
{
    uint64_t now = uv_now(branches->options.loop);
    struct call **at = &host->first;
    while (*at) {
        struct call *call = *at;
        if (call->waits_until > now) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        host->queued--;
        branches->queued--;
        bus_error_reason(&call->error, BUS_UNAVAILABLE, "no_responder",
                         "%s: its turn did not come within %u ms", host->key,
                         call->timeout_ms);
        call->host = NULL;
        call_refuse(call);
    }
    host->last = at;
    host_drop(branches, host);
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_branches *branches = timer->data;
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        struct host *host = branches->hosts[i];
        while (host) {
            struct host *next = host->next;
            queue_sweep(branches, host);
            host = next;
        }
    }
    if (branches->queued == 0)
        uv_timer_stop(timer);
}

static void call_queue(struct call *call)
{
    struct http_branches *branches = call->branches;
    struct host *host = call->host;
    call->waits_until = uv_now(branches->options.loop) + call->timeout_ms;
    *host->last = call;
    host->last = &call->next;
    host->queued++;
    if (branches->queued++ == 0)
        uv_timer_start(&branches->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    host_ready(branches, host);
}

void http_branch_start(struct http_branches *branches,
                       const struct http_branch_call *from)
{
    struct call *call = call_new(branches, from);
    const struct http_branch_options *options = &branches->options;
    const struct http_place_rules rules = {options->allow, options->allow_count,
                                           options->allow_all};
    if (http_request_make(&call->request, from, &rules, &call->error)) {
        call_refuse(call);
        return;
    }
    struct host *host = host_take(branches, call->request.place);
    if (host->queued >= options->host_queue) {
        bus_error_reason(&call->error, BUS_UNAVAILABLE, "no_responder",
                         "%s: too many calls wait for it", host->key);
        call_refuse(call);
        return;
    }
    call->host = host;
    call_queue(call);
    pump(branches);
}

size_t http_branches_count(const struct http_branches *branches)
{
    return branches->count;
}

struct http_branches *
http_branches_new(const struct http_branch_options *options)
{
    struct http_branches *branches = calloc(1, sizeof(*branches));
    if (!branches || curl_global_init(CURL_GLOBAL_DEFAULT))
        abort();
    branches->options = *options;
    if (!options->host_calls)
        branches->options.host_calls = HTTP_BRANCH_HOST_CALLS;
    if (!options->host_queue)
        branches->options.host_queue = HTTP_BRANCH_HOST_QUEUE;
    if (!options->answer_max)
        branches->options.answer_max = HTTP_BRANCH_ANSWER_MAX;
    branches->ready_last = &branches->ready;
    branches->refused_last = &branches->refused;
    branches->multi = curl_multi_init();
    if (!branches->multi || uv_timer_init(options->loop, &branches->timer) ||
        uv_timer_init(options->loop, &branches->sweep) ||
        uv_timer_init(options->loop, &branches->deliver))
        abort();
    branches->timer.data = branches->sweep.data = branches->deliver.data =
        branches;
    CURLM *multi = branches->multi;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, branches);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, branches);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                      (long)HTTP_BRANCH_CONNECTIONS);
    return branches;
}

void http_branches_close(struct http_branches *branches)
{
    branches->closing = true;
    while (branches->calls)
        call_free(branches->calls);
    curl_multi_cleanup(branches->multi);
    uv_close((uv_handle_t *)&branches->timer, NULL);
    uv_close((uv_handle_t *)&branches->sweep, NULL);
    uv_close((uv_handle_t *)&branches->deliver, NULL);
}

void http_branches_free(struct http_branches *branches)
{
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        while (branches->hosts[i]) {
            struct host *host = branches->hosts[i];
            branches->hosts[i] = host->next;
            free(host->key);
            free(host);
        }
    }
    free(branches);
    curl_global_cleanup();
}
