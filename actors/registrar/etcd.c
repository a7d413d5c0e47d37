/* SPDX-License-Identifier: MIT
 *
 * Two curl handles: one for calls, used again and again so that its connection
 * is kept, and one on a multi handle for the watch. A watch is framed by
 * newlines. With a user, a token is asked for at the first call and again after
 * etcd no longer knows it.
 */
#include "actors/registrar/etcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/json.h"
#include "bus/utf8.h"

#define HTTP_OK 200
#define TOKEN_MAX 1024
#define URL_MAX (ETCD_HOST_MAX + 64)

struct etcd {
    char hosts[ETCD_HOSTS_MAX][ETCD_HOST_MAX];
    size_t host_count, host;
    struct etcd_options options;
    char token[TOKEN_MAX]; /* "Authorization: ..." or "" */
    CURL *call, *watch;
    CURLM *multi;
    struct curl_slist *headers; /* of the watch */
    struct bus_buf answer, line, body;
    bool watching;
};

static CURL *handle_new(void)
{
    CURL *curl = curl_easy_init();
    if (!curl)
        abort();
    return curl;
}

/* ---- Opening ---- */

static void host_set(char to[ETCD_HOST_MAX], const struct etcd_options *options,
                     const char *host)
{
    const char *scheme = strstr(host, "://") ? "" : "http://";
    if (!*scheme || !*options->ca)
        snprintf(to, ETCD_HOST_MAX, "%s%s", scheme, host);
    else
        snprintf(to, ETCD_HOST_MAX, "https://%s", host);
}

int etcd_open(const struct etcd_options *options, struct etcd **ret,
              struct bus_error *err)
{
    if (options->host_count < 1 || options->host_count > ETCD_HOSTS_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "Etcd: expected 1 to %d Hosts", ETCD_HOSTS_MAX);
    struct etcd *etcd = calloc(1, sizeof(*etcd));
    if (!etcd)
        abort();
    etcd->options = *options;
    etcd->host_count = options->host_count;
    for (size_t i = 0; i < options->host_count; i++)
        host_set(etcd->hosts[i], options, options->hosts[i]);
    etcd->call = handle_new();
    etcd->watch = handle_new();
    etcd->multi = curl_multi_init();
    if (!etcd->multi)
        abort();
    bus_buf_init(&etcd->answer, ETCD_ANSWER_MAX);
    bus_buf_init(&etcd->line, ETCD_LINE_MAX);
    bus_buf_init(&etcd->body, ETCD_ANSWER_MAX);
    *ret = etcd;
    return BUS_OK;
}

static void watch_end(struct etcd *etcd)
{
    if (etcd->watching)
        curl_multi_remove_handle(etcd->multi, etcd->watch);
    etcd->watching = false;
    bus_buf_reset(&etcd->line);
    curl_slist_free_all(etcd->headers);
    etcd->headers = NULL;
}

void etcd_close(struct etcd *etcd)
{
    if (!etcd)
        return;
    watch_end(etcd);
    curl_easy_cleanup(etcd->call);
    curl_easy_cleanup(etcd->watch);
    curl_multi_cleanup(etcd->multi);
    bus_buf_release(&etcd->answer);
    bus_buf_release(&etcd->line);
    bus_buf_release(&etcd->body);
    free(etcd);
}

/* ---- Calls ---- */

static size_t on_answer(char *data, size_t size, size_t count, void *arg)
{
    struct bus_buf *answer = arg;
    bus_buf_add(answer, data, size * count);
    return answer->failed ? 0 : size * count;
}

/* What calls and the watch have in common. */
static void prepare(const struct etcd *etcd, CURL *curl, const char *path,
                    struct bus_bytes body)
{
    char url[URL_MAX];
    const struct etcd_options *options = &etcd->options;
    snprintf(url, sizeof(url), "%s/v3/%s", etcd->hosts[etcd->host], path);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body.data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)ETCD_CALL_MS);
    if (*options->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca);
    if (*options->cert)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, options->cert);
    if (*options->key)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key);
}

static struct curl_slist *headers_of(const struct etcd *etcd)
{
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/json");
    if (headers && etcd->token[0])
        headers = curl_slist_append(headers, etcd->token);
    if (!headers)
        abort();
    return headers;
}

struct said {
    const char *message, *token;
};
static const struct bus_field said_fields[] = {
    {.name = "message",
     .kind = BUS_TEXT,
     .flags = BUS_IN_JSON,
     .offset = offsetof(struct said, message),
     .presence = BUS_NO_PRESENCE},
    {.name = "token",
     .kind = BUS_TEXT,
     .flags = BUS_IN_JSON,
     .offset = offsetof(struct said, token),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape said_shape = {"Said", sizeof(struct said), 2,
                                            said_fields};

/* How long its first line is. */
static size_t text_line(struct bus_bytes text)
{
    const uint8_t *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
    return end ? (size_t)(end - text.data) : text.len;
}

static int refused(const struct etcd *etcd, long status, struct bus_error *err)
{
    struct bus_arena arena;
    struct said said = {"", ""};
    struct bus_bytes answer = bus_buf_bytes(&etcd->answer);
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    /* Its gateway itself answers in plain text. */
    if (bus_json_read(answer, &said_shape, &arena, &said, NULL, NULL) &&
        bus_utf8_valid(answer.data, answer.len))
        said.message = bus_arena_text_n(&arena, (const char *)answer.data,
                                        text_line(answer));
    int code = status == 401   ? BUS_UNAUTHENTICATED
               : status == 404 ? BUS_NOT_FOUND
               : status >= 500 ? BUS_UNAVAILABLE
                               : BUS_FAILED_PRECONDITION;
    bus_error_set(err, code, "etcd: %ld %.300s", status, said.message);
    bus_arena_release(&arena);
    return code;
}

static int perform(struct etcd *etcd, const char *path, struct bus_bytes body,
                   struct bus_error *err)
{
    long status = 0;
    bus_buf_reset(&etcd->answer);
    struct curl_slist *headers = headers_of(etcd);
    prepare(etcd, etcd->call, path, body);
    curl_easy_setopt(etcd->call, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(etcd->call, CURLOPT_TIMEOUT_MS, (long)ETCD_CALL_MS);
    curl_easy_setopt(etcd->call, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(etcd->call, CURLOPT_WRITEDATA, &etcd->answer);
    CURLcode rc = curl_easy_perform(etcd->call);
    curl_easy_getinfo(etcd->call, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    int code = BUS_OK;
    if (rc != CURLE_OK)
        code = bus_error_set(err, BUS_UNAVAILABLE, "etcd at %s: %s",
                             etcd->hosts[etcd->host], curl_easy_strerror(rc));
    else if (status != HTTP_OK)
        code = refused(etcd, status, err);
    if (code == BUS_UNAVAILABLE)
        etcd->host = (etcd->host + 1) % etcd->host_count;
    return code;
}

static int authenticate(struct etcd *etcd, struct bus_error *err)
{
    struct bus_buf body;
    struct bus_arena arena;
    struct said said = {"", ""};
    const struct etcd_options *options = &etcd->options;
    bus_buf_init(&body, ETCD_ANSWER_MAX);
    bus_buf_text(&body, "{\"name\":");
    bus_json_text(&body, options->user, strlen(options->user));
    bus_buf_text(&body, ",\"password\":");
    bus_json_text(&body, options->pass, strlen(options->pass));
    bus_buf_byte(&body, '}');
    etcd->token[0] = '\0';
    int code = perform(etcd, "auth/authenticate", bus_buf_bytes(&body), err);
    bus_buf_release(&body);
    if (code)
        return code;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    code = bus_json_read(bus_buf_bytes(&etcd->answer), &said_shape, &arena,
                         &said, NULL, err);
    if (!code)
        snprintf(etcd->token, sizeof(etcd->token), "Authorization: %s",
                 said.token);
    bus_arena_release(&arena);
    return code;
}

int etcd_call(struct etcd *etcd, const char *path, struct bus_bytes body,
              struct bus_buf *reply, struct bus_error *err)
{
    int code = BUS_OK;
    bool named = *etcd->options.user != '\0';
    if (named && !etcd->token[0])
        code = authenticate(etcd, err);
    if (!code)
        code = perform(etcd, path, body, err);
    if (code == BUS_UNAUTHENTICATED && named) {
        code = authenticate(etcd, err);
        if (!code)
            code = perform(etcd, path, body, err);
    }
    if (!code && reply)
        bus_buf_add(reply, etcd->answer.data, etcd->answer.len);
    return code;
}

/* ---- The watch ---- */

static size_t on_watch(char *data, size_t size, size_t count, void *arg)
{
    struct etcd *etcd = arg;
    struct bus_buf *line = &etcd->line;
    size_t len = size * count;
    for (const char *at = data; len > 0;) {
        const char *newline = memchr(at, '\n', len);
        size_t part = newline ? (size_t)(newline - at) : len;
        bus_buf_add(line, at, part);
        if (line->failed)
            return 0;
        if (newline) {
            etcd->options.heard(etcd->options.arg, bus_buf_bytes(line));
            bus_buf_reset(line);
            part++;
        }
        at += part;
        len -= part;
    }
    return size * count;
}

void etcd_watch(struct etcd *etcd, struct bus_bytes body)
{
    watch_end(etcd);
    bus_buf_reset(&etcd->body);
    bus_buf_add(&etcd->body, body.data, body.len);
    prepare(etcd, etcd->watch, "watch", bus_buf_bytes(&etcd->body));
    etcd->headers = headers_of(etcd);
    curl_easy_setopt(etcd->watch, CURLOPT_HTTPHEADER, etcd->headers);
    curl_easy_setopt(etcd->watch, CURLOPT_WRITEFUNCTION, on_watch);
    curl_easy_setopt(etcd->watch, CURLOPT_WRITEDATA, etcd);
    curl_easy_setopt(etcd->watch, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_multi_add_handle(etcd->multi, etcd->watch);
    etcd->watching = true;
}

bool etcd_watching(const struct etcd *etcd)
{
    return etcd->watching;
}

void etcd_poll(struct etcd *etcd, int timeout_ms)
{
    int running = 0, left;
    curl_multi_perform(etcd->multi, &running);
    curl_multi_poll(etcd->multi, NULL, 0, timeout_ms, NULL);
    curl_multi_perform(etcd->multi, &running);
    const CURLMsg *message;
    while ((message = curl_multi_info_read(etcd->multi, &left)))
        if (message->msg == CURLMSG_DONE) {
            watch_end(etcd);
            return;
        }
}

void etcd_wake(struct etcd *etcd)
{
    curl_multi_wakeup(etcd->multi);
}
