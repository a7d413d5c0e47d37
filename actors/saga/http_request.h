/* SPDX-License-Identifier: MIT
 *
 * One call of a branch as libcurl wants it: the URL taken apart and checked,
 * headers, body. Used by http_branch.c alone.
 */
#ifndef SAGA_HTTP_REQUEST_H
#define SAGA_HTTP_REQUEST_H

#include <curl/curl.h>

#include "actors/saga/http_branch.h"

struct http_request {
    CURLU *url;
    struct curl_slist *headers;
    struct bus_buf body;
    bool post;
    char *place; /* owned; "http://name:80" */
};

struct http_place_rules {
    const struct allow_rule *list;
    size_t count;
    bool all;
};

/* Codes as struct http_branch_answer says of what was never sent. To be
 * released also when it failed. */
int http_request_make(struct http_request *request,
                      const struct http_branch_call *from,
                      const struct http_place_rules *rules,
                      struct bus_error *err);
void http_request_release(struct http_request *request);

#endif
