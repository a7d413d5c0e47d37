/* SPDX-License-Identifier: MIT
 *
 * URL, headers and body of one call. A URL is taken apart by libcurl's own
 * reader once, and what was checked is what is fetched.
 */
#include "actors/saga/http_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actors/saga/json_rpc.h"
#include "bus/code.h"
#include "bus/version.h"

#define JSON_TYPE "application/json"
#define BODY_MAX ((size_t)16 << 20) /* bytes of a request's body */

/* Without the brackets of an IPv6 address. */
static char *bare(char *host)
{
    size_t len = strlen(host);
    if (host[0] != '[' || host[len - 1] != ']')
        return host;
    host[len - 1] = '\0';
    return host + 1;
}

static char *place_text(const char *scheme, const char *host, const char *port)
{
    struct bus_buf text;
    bus_buf_init(&text, HTTP_BRANCH_URL_MAX * 2);
    bus_buf_printf(&text, "%s://%s:%s", scheme, host, port);
    bus_buf_byte(&text, '\0');
    char *copy = strdup((const char *)text.data);
    if (!copy)
        abort();
    bus_buf_release(&text);
    return copy;
}

static int place_allowed(struct http_request *request,
                         const struct http_place_rules *rules,
                         const char *scheme, const char *host, const char *port,
                         struct bus_error *err)
{
    request->place = place_text(scheme, host, port);
    if (rules->all || allow_match(rules->list, rules->count, scheme, host,
                                  (int)strtol(port, NULL, 10)))
        return BUS_OK;
    return bus_error_reason(err, BUS_PERMISSION_DENIED, "not_allowed",
                            "%s is not among the places that branches may be "
                            "called at",
                            request->place);
}

/* The URL taken apart: its scheme, host and port must be on the list. */
static int place_check(struct http_request *request,
                       const struct http_place_rules *rules,
                       struct bus_error *err)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    int code;
    if (curl_url_get(request->url, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(request->url, CURLUPART_HOST, &host, 0) ||
        curl_url_get(request->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        code = bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "a branch's URL must be of http or https");
    else
        code = place_allowed(request, rules, scheme, bare(host), port, err);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return code;
}

static int url_read(struct http_request *request,
                    const struct http_branch_call *from, struct bus_error *err)
{
    request->url = curl_url();
    if (!request->url)
        abort();
    CURLUcode bad = CURLUE_BAD_PARTPOINTER;
    if (strlen(from->url) < HTTP_BRANCH_URL_MAX)
        bad = curl_url_set(request->url, CURLUPART_URL, from->url,
                           CURLU_DISALLOW_USER | CURLU_URLENCODE |
                               CURLU_ALLOW_SPACE);
    if (bad)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "\"%.128s\" is not a URL to call", from->url);
    return BUS_OK;
}

static int query_add(struct http_request *request, const char *name,
                     const char *value, struct bus_error *err)
{
    struct bus_buf text;
    bus_buf_init(&text, HTTP_BRANCH_URL_MAX);
    bus_buf_printf(&text, "%s=%s", name, value);
    bus_buf_byte(&text, '\0');
    bool good = !text.failed &&
                !curl_url_set(request->url, CURLUPART_QUERY, (char *)text.data,
                              CURLU_APPENDQUERY | CURLU_URLENCODE);
    bus_buf_release(&text);
    return good ? BUS_OK
                : bus_error_set(err, BUS_INVALID_ARGUMENT,
                                "%s does not fit into a URL", name);
}

/* In the order of DTM's own. */
static int words_add(struct http_request *request,
                     const struct http_branch_call *from, struct bus_error *err)
{
    int code = query_add(request, "branch_id", from->branch_id, err);
    if (!code)
        code = query_add(request, "gid", from->gid, err);
    if (!code)
        code = query_add(request, "op", from->op, err);
    if (!code)
        code = query_add(request, "trans_type", from->trans_type, err);
    return code;
}

/* The value of the query's `method`, decoded; NULL: there is none. */
static char *method_of(CURLU *url)
{
    char *query = NULL, *method = NULL;
    if (curl_url_get(url, CURLUPART_QUERY, &query, 0))
        return NULL;
    char *at = query;
    while (at && !method) {
        char *stop = strchr(at, '&');
        size_t len = stop ? (size_t)(stop - at) : strlen(at);
        if (len >= 7 && memcmp(at, "method=", 7) == 0)
            method = curl_easy_unescape(NULL, at + 7, (int)(len - 7), NULL);
        at = stop ? stop + 1 : NULL;
    }
    curl_free(query);
    return method;
}

static int rpc_write(struct http_request *request,
                     const struct http_branch_call *from, struct bus_error *err)
{
    char *method = method_of(request->url);
    struct json_rpc rpc = {
        .gid = from->gid,
        .trans_type = from->trans_type,
        .branch_id = from->branch_id,
        .op = from->op,
        .method = method ? method : "",
        .payload = from->body,
    };
    int code = json_rpc_write(&rpc, &request->body, err);
    curl_free(method);
    return code;
}

static bool header_good(const struct http_branch_header *header)
{
    for (const char *at = header->name; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", *at))
            return false;
    for (const char *at = header->value; *at; at++)
        if ((unsigned char)*at < ' ' && *at != '\t')
            return false;
    return header->name[0] != '\0';
}

/* What frames the request is ours alone. */
static bool header_ours(const char *name)
{
    static const char *const ours[] = {"Content-Length", "Transfer-Encoding",
                                       "Connection",     "Expect",
                                       "Upgrade",        "TE"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

static void header_add(struct http_request *request, const char *name,
                       const char *value)
{
    struct bus_buf text;
    bus_buf_init(&text, BODY_MAX);
    /* libcurl sends an empty one only if it is written with a semicolon */
    bus_buf_printf(&text, value[0] ? "%s: %s" : "%s;%s", name, value);
    bus_buf_byte(&text, '\0');
    request->headers = curl_slist_append(request->headers, (char *)text.data);
    if (!request->headers)
        abort();
    bus_buf_release(&text);
}

static int headers_set(struct http_request *request,
                       const struct http_branch_call *from,
                       struct bus_error *err)
{
    static const struct http_branch_header own[] = {
        {"Content-Type", JSON_TYPE},
        {"Accept", JSON_TYPE},
        {"User-Agent", "troupe/" BUS_VERSION},
    };
    for (size_t i = 0; i < from->header_count; i++) {
        const struct http_branch_header *header = &from->headers[i];
        if (!header_good(header))
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "header \"%.64s\" cannot be sent",
                                 header->name);
        if (!header_ours(header->name))
            header_add(request, header->name, header->value);
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        size_t at = 0;
        while (at < from->header_count &&
               strcasecmp(from->headers[at].name, own[i].name) != 0)
            at++;
        if (at == from->header_count)
            header_add(request, own[i].name, own[i].value);
    }
    request->headers = curl_slist_append(request->headers, "Expect:");
    if (!request->headers)
        abort();
    return BUS_OK;
}

static int make(struct http_request *request,
                const struct http_branch_call *from,
                const struct http_place_rules *rules, struct bus_error *err)
{
    int code = url_read(request, from, err);
    if (!code)
        code = place_check(request, rules, err);
    if (!code)
        code = headers_set(request, from, err);
    if (code)
        return code;
    if (from->form == HTTP_BRANCH_JSON_RPC)
        return rpc_write(request, from, err);
    bus_buf_add(&request->body, from->body.data, from->body.len);
    if (request->body.failed)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "the request is larger than %zu bytes", BODY_MAX);
    return words_add(request, from, err);
}

int http_request_make(struct http_request *request,
                      const struct http_branch_call *from,
                      const struct http_place_rules *rules,
                      struct bus_error *err)
{
    *request = (struct http_request){
        .post =
            from->post || from->body.len || from->form == HTTP_BRANCH_JSON_RPC,
    };
    bus_buf_init(&request->body, BODY_MAX);
    return make(request, from, rules, err);
}

void http_request_release(struct http_request *request)
{
    curl_url_cleanup(request->url);
    curl_slist_free_all(request->headers);
    bus_buf_release(&request->body);
    free(request->place);
}
