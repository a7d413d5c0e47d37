/* SPDX-License-Identifier: MIT
 *
 * Calls of saga branches over HTTP and HTTPS, made by libcurl on a caller's uv
 * loop. Connections are kept and used again. Each place (host and port) has a
 * queue and so many calls in flight, and places take turns: one that hangs
 * holds up no other. A queue that is full refuses at once. Redirects are not
 * followed, proxies of the environment not asked, nothing outside the allow
 * list is called (allow.h).
 *
 * What an answer means is not decided here: the caller is given its status and
 * body, or why there is none. Everything belongs to the loop's thread. Order of
 * an end: http_branches_close, the loop run until nothing is left on it,
 * http_branches_free.
 */
#ifndef SAGA_HTTP_BRANCH_H
#define SAGA_HTTP_BRANCH_H

#include <uv.h>

#include "actors/saga/allow.h"
#include "bus/buf.h"
#include "bus/error.h"

#define HTTP_BRANCH_URL_MAX ((size_t)8192)
#define HTTP_BRANCH_HOST_CALLS 64   /* in flight to one place */
#define HTTP_BRANCH_HOST_QUEUE 512  /* that wait for their turn there */
#define HTTP_BRANCH_CALLS 1024      /* in flight to all places */
#define HTTP_BRANCH_CONNECTIONS 256 /* kept open between calls */
#define HTTP_BRANCH_ANSWER_MAX ((size_t)1 << 20) /* bytes of a body */
#define HTTP_BRANCH_CONNECT_MS 2000              /* of a try's time-out */

struct http_branches;

struct http_branch_header {
    const char *name;
    const char *value;
};

/* How a call says what it is about. */
enum http_branch_form {
    HTTP_BRANCH_QUERY,   /* branch_id, gid, op and trans_type in the query */
    HTTP_BRANCH_JSON_RPC /* the same in params; method is the query's */
};

/* Status 0: no answer, and why not: PERMISSION_DENIED (not on the list),
 * INVALID_ARGUMENT (not a URL, header or payload to send), both never sent;
 * UNAVAILABLE no_responder (never reached it, or its queue is full);
 * DEADLINE_EXCEEDED; UNKNOWN outcome_unknown (lost in mid-call, or an answer
 * that is too large). Spans live until done returns. */
struct http_branch_answer {
    int status;
    struct bus_bytes body;
    struct bus_error error;
};

/* From a timer, perhaps: a loop that is turned once at a time goes to sleep
 * afterwards unless uv_stop is called here. */
typedef void http_branch_done(void *arg,
                              const struct http_branch_answer *answer);

/* One call; everything in it is copied. */
struct http_branch_call {
    const char *url;
    const char *gid, *trans_type, *branch_id, *op;
    enum http_branch_form form;
    bool post; /* also when there is no body: else that is a GET */
    struct bus_bytes body;
    const struct http_branch_header *headers; /* beside and before our own */
    size_t header_count;
    uint32_t timeout_ms; /* from its turn on; waiting for it takes no longer */
    http_branch_done *done;
    void *arg;
};

struct http_branch_options {
    uv_loop_t *loop;
    const struct allow_rule *allow;
    size_t allow_count;
    bool allow_all;
    size_t host_calls;   /* 0: HTTP_BRANCH_HOST_CALLS */
    size_t host_queue;   /* 0: HTTP_BRANCH_HOST_QUEUE */
    size_t answer_max;   /* 0: HTTP_BRANCH_ANSWER_MAX */
    const char *ca_file; /* whom HTTPS trusts; NULL: the system's list */
};

/* The options' texts and rules must outlive it. */
struct http_branches *
http_branches_new(const struct http_branch_options *options);

/* done follows exactly once, from the loop and never before this returns,
 * unless http_branches_close comes first. */
void http_branch_start(struct http_branches *branches,
                       const struct http_branch_call *from);

/* In flight or waiting. */
size_t http_branches_count(const struct http_branches *branches);

/* Forgets every call: nobody hears of it any more. */
void http_branches_close(struct http_branches *branches);
void http_branches_free(struct http_branches *branches);

#endif
