/* SPDX-License-Identifier: MIT
 *
 * The reader: head by hand, then llhttp over head and body.
 */
#include "actors/http/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <llhttp.h>

struct http_parser {
    llhttp_t llhttp;
};

static size_t refuse(struct http_reader *reader, int status, const char *why)
{
    reader->state = READER_REFUSED;
    reader->refusal = (struct http_refusal){status, why};
    reader->keep_alive = false;
    return 0;
}

/* --- the head, by hand --- */

static bool token_char(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
        (c >= 'a' && c <= 'z'))
        return true;
    return c && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool value_char(uint8_t c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* "METHOD SP target SP HTTP/1.x", nothing else. */
static bool request_line_good(struct http_reader *reader, const uint8_t *line,
                              size_t len)
{
    const uint8_t *end = line + len;
    const uint8_t *target = memchr(line, ' ', len);
    const uint8_t *version =
        target ? memchr(target + 1, ' ', (size_t)(end - target - 1)) : NULL;
    if (!version || target == line || version == target + 1) {
        refuse(reader, 400, "malformed request line");
        return false;
    }
    size_t target_len = (size_t)(version - target - 1);
    if (target_len > HTTP_TARGET_MAX) {
        refuse(reader, 414, "request target too long");
        return false;
    }
    for (const uint8_t *c = line; c < version; c++) {
        if (c != target && (*c <= 0x20 || *c >= 0x7f || *c == '#')) {
            refuse(reader, 400, "character not allowed in request line");
            return false;
        }
    }
    if (target[1] == '*' && (target_len != 1 || target - line != 7 ||
                             memcmp(line, "OPTIONS", 7) != 0)) {
        refuse(reader, 400, "'*' is for OPTIONS alone");
        return false;
    }
    size_t version_len = (size_t)(end - version - 1);
    if (version_len != 8 || (memcmp(version + 1, "HTTP/1.1", 8) != 0 &&
                             memcmp(version + 1, "HTTP/1.0", 8) != 0)) {
        refuse(reader, 505, "HTTP version not supported");
        return false;
    }
    return true;
}

static bool header_line_good(struct http_reader *reader, const uint8_t *line,
                             size_t len)
{
    size_t name = 0;
    while (name < len && token_char(line[name]))
        name++;
    if (name == 0 || name == len || line[name] != ':') {
        refuse(reader, 400, "malformed header name");
        return false;
    }
    for (size_t i = name + 1; i < len; i++) {
        if (!value_char(line[i])) {
            refuse(reader, 400, "character not allowed in header value");
            return false;
        }
    }
    return true;
}

/* Every line of a whole head; lines are known to end in CRLF. */
static bool head_good(struct http_reader *reader)
{
    const uint8_t *at = reader->head.data;
    const uint8_t *end = at + reader->head.len - 2; /* the empty line */
    size_t lines = 0;
    while (at < end) {
        const uint8_t *stop = memchr(at, '\r', (size_t)(end - at) + 1);
        assert(stop && stop[1] == '\n');
        size_t len = (size_t)(stop - at);
        bool good = lines == 0 ? request_line_good(reader, at, len)
                               : header_line_good(reader, at, len);
        if (!good)
            return false;
        if (lines++ > HTTP_HEADERS_MAX) {
            refuse(reader, 431, "too many headers");
            return false;
        }
        at = stop + 2;
    }
    if (lines == 0)
        refuse(reader, 400, "empty request");
    return lines != 0;
}

/* --- llhttp's callbacks --- */

static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_reader *reader = llhttp->data;
    reader->target = (struct bus_bytes){(const uint8_t *)at, len};
    return 0;
}

static int on_method(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_reader *reader = llhttp->data;
    reader->method = (struct bus_bytes){(const uint8_t *)at, len};
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_reader *reader = llhttp->data;
    if (reader->state == READER_BODY) {
        reader->trailing = true;
        return -1;
    }
    if (reader->header_count == HTTP_HEADERS_MAX)
        return -1;
    /* The value too: the last request's lies in memory that is gone. */
    reader->headers[reader->header_count++] =
        (struct bus_pair){.name = {(const uint8_t *)at, len}};
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_reader *reader = llhttp->data;
    if (reader->header_count == 0)
        return -1;
    while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    reader->headers[reader->header_count - 1].value =
        (struct bus_bytes){(const uint8_t *)at, len};
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_reader *reader = llhttp->data;
    reader->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    reader->state = READER_BODY;
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_reader *reader = llhttp->data;
    bus_buf_add(&reader->body, at, len);
    return reader->body.failed ? -1 : 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct http_reader *reader = llhttp->data;
    reader->state = READER_DONE;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_method = on_method,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- what the headers mean --- */

static bool bytes_are(struct bus_bytes bytes, const char *word)
{
    return bytes.len == strlen(word) &&
           strncasecmp((const char *)bytes.data, word, bytes.len) == 0;
}

struct bus_bytes http_header(const struct http_reader *reader, const char *name,
                             size_t *ret_count)
{
    struct bus_bytes first = {0};
    size_t count = 0;
    for (size_t i = 0; i < reader->header_count; i++) {
        if (bytes_are(reader->headers[i].name, name) && count++ == 0)
            first = reader->headers[i].value;
    }
    if (ret_count)
        *ret_count = count;
    return first;
}

/* How long the body is must have one reading only: RFC 9112 6.1, 6.3. */
static bool framing_good(struct http_reader *reader, bool old)
{
    size_t coded, sized;
    struct bus_bytes coding = http_header(reader, "Transfer-Encoding", &coded);
    struct bus_bytes size = http_header(reader, "Content-Length", &sized);
    if (coded && (old || sized || coded > 1 || !bytes_are(coding, "chunked")))
        return false;
    if (sized > 1)
        return false;
    for (size_t i = 0; i < size.len; i++)
        if (size.data[i] < '0' || size.data[i] > '9')
            return false;
    return sized == 0 || size.len > 0;
}

static bool host_good(const struct http_reader *reader, bool old)
{
    size_t hosts;
    struct bus_bytes host = http_header(reader, "Host", &hosts);
    if (hosts != 1)
        return old && hosts == 0;
    for (size_t i = 0; i < host.len; i++)
        if (host.data[i] <= 0x20 || strchr("/@?\\,\"<>", host.data[i]))
            return false;
    return true;
}

static bool headers_good(struct http_reader *reader)
{
    bool old = llhttp_get_http_minor(&reader->parser->llhttp) == 0;
    size_t expecting;
    reader->old = old;
    struct bus_bytes expect = http_header(reader, "Expect", &expecting);
    if (!host_good(reader, old))
        refuse(reader, 400, "exactly one valid Host header is required");
    else if (!framing_good(reader, old))
        refuse(reader, 400, "ambiguous body length");
    else if (expecting && !bytes_are(expect, "100-continue"))
        refuse(reader, 417, "unknown expectation");
    else if (reader->parser->llhttp.content_length > reader->body_max &&
             http_header(reader, "Content-Length", NULL).len)
        refuse(reader, 413, "request body too large");
    if (reader->state == READER_REFUSED)
        return false;
    reader->wants_continue = expecting && !old && reader->state == READER_BODY;
    return true;
}

/* --- feeding --- */

/* Why llhttp stopped, in the client's words. */
static void refuse_stopped(struct http_reader *reader)
{
    if (reader->body.failed)
        refuse(reader, 413, "request body too large");
    else if (reader->trailing)
        refuse(reader, 400, "trailers are not accepted");
    else
        refuse(reader, 400, "malformed request");
}

/* Takes the LF that llhttp leaves behind. */
static size_t feed_last(struct http_reader *reader, const uint8_t *data,
                        size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] == '\n')
        reader->state = READER_DONE;
    else
        refuse(reader, 400, "malformed request");
    return 1;
}

/* Runs llhttp over bytes; returns how many it took. It calls a chunked message
 * complete at the last CR already, and would take anything for the LF. */
static size_t run(struct http_reader *reader, const uint8_t *data, size_t len)
{
    llhttp_t *llhttp = &reader->parser->llhttp;
    llhttp_errno_t stop = llhttp_execute(llhttp, (const char *)data, len);
    if (stop == HPE_OK)
        return len;
    if (stop != HPE_PAUSED && stop != HPE_PAUSED_UPGRADE) {
        refuse_stopped(reader);
        return len;
    }
    if (llhttp_get_upgrade(llhttp))
        reader->keep_alive = false; /* there is no protocol to upgrade to */
    size_t at = (size_t)((const uint8_t *)llhttp_get_error_pos(llhttp) - data);
    bool chunked = http_header(reader, "Transfer-Encoding", NULL).len != 0;
    if (chunked && (at == 0 || data[at - 1] == '\r')) {
        reader->state = READER_LAST;
        at += feed_last(reader, data + at, len - at);
    }
    return at;
}

static void head_done(struct http_reader *reader)
{
    if (!head_good(reader))
        return;
    run(reader, reader->head.data, reader->head.len);
    if (reader->state == READER_BODY || reader->state == READER_DONE)
        headers_good(reader);
    else if (reader->state != READER_REFUSED)
        refuse(reader, 400, "malformed request");
}

/* Gathers up to the empty line; a bare LF or CR ends it at once. */
static size_t feed_head(struct http_reader *reader, const uint8_t *data,
                        size_t len)
{
    struct bus_buf *head = &reader->head;
    for (size_t i = 0; i < len; i++) {
        uint8_t last = head->len ? head->data[head->len - 1] : 0;
        if ((data[i] == '\n') != (last == '\r'))
            return refuse(reader, 400, "lines must end in CRLF"), len;
        bus_buf_byte(head, data[i]);
        if (head->failed)
            return refuse(reader, 431, "request head too large"), len;
        if (data[i] != '\n')
            continue;
        if (head->len == 2) {
            if (reader->blanks++ == HTTP_BLANKS_MAX)
                return refuse(reader, 400, "empty request"), len;
            head->len = 0;
        } else if (head->len >= 4 &&
                   !memcmp(head->data + head->len - 4, "\r\n\r\n", 4)) {
            head_done(reader);
            return i + 1;
        }
    }
    return len;
}

size_t http_reader_feed(struct http_reader *reader, const uint8_t *data,
                        size_t len)
{
    if (reader->state == READER_HEAD)
        return feed_head(reader, data, len);
    if (reader->state == READER_BODY)
        return run(reader, data, len);
    if (reader->state == READER_LAST)
        return feed_last(reader, data, len);
    return 0;
}

/* Idle connections are many: what a large request took is given back. */
static void buf_renew(struct bus_buf *buf)
{
    if (buf->cap > HTTP_KEEP)
        bus_buf_release(buf);
    bus_buf_reset(buf);
}

void http_reader_init(struct http_reader *reader, size_t body_max)
{
    *reader = (struct http_reader){.body_max = body_max};
    bus_buf_init(&reader->head, HTTP_HEAD_MAX);
    bus_buf_init(&reader->body, body_max);
    reader->parser = malloc(sizeof(*reader->parser));
    if (!reader->parser)
        abort();
    http_reader_next(reader);
}

void http_reader_next(struct http_reader *reader)
{
    reader->state = READER_HEAD;
    reader->refusal = (struct http_refusal){0};
    reader->method = reader->target = (struct bus_bytes){0};
    reader->header_count = 0;
    reader->keep_alive = reader->wants_continue = reader->trailing = false;
    reader->old = false;
    reader->blanks = 0;
    buf_renew(&reader->head);
    buf_renew(&reader->body);
    llhttp_init(&reader->parser->llhttp, HTTP_REQUEST, &settings);
    reader->parser->llhttp.data = reader;
}

void http_reader_release(struct http_reader *reader)
{
    bus_buf_release(&reader->head);
    bus_buf_release(&reader->body);
    free(reader->parser);
    reader->parser = NULL;
}

/* What the edge or a handler may answer; llhttp's own table has no text. */
static const struct {
    int status;
    const char *text;
} statuses[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Request Entity Too Large"},
    {414, "Request URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Entity"},
    {425, "Too Early"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "Status";
}
