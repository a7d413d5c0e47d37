/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 requests from bytes, strictly (RFC 9112). A request's head is
 * gathered whole and looked over by hand before llhttp sees it, because llhttp
 * takes folded headers, bare LF, HTTP/0.9, several Hosts and more that front
 * proxies read differently. Bodies are framed by llhttp. It knows no sockets:
 * bytes in, a request or a refusal out. The only file that includes llhttp is
 * reader.c.
 */
#ifndef HTTP_READER_H
#define HTTP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/bind.h"
#include "bus/buf.h"

#define HTTP_HEAD_MAX ((size_t)32 << 10)  /* request line and headers, bytes */
#define HTTP_TARGET_MAX ((size_t)8 << 10) /* bytes */
#define HTTP_HEADERS_MAX 100
#define HTTP_BLANKS_MAX 1 /* empty lines before a request: RFC 9112 2.2 */
#define HTTP_KEEP                                                              \
    ((size_t)16 << 10) /* bytes a buffer keeps between requests                \
                        */

enum reader_state {
    READER_HEAD,    /* gathering the head */
    READER_BODY,    /* head good, body under way */
    READER_LAST,    /* but for the last LF of a chunked body */
    READER_DONE,    /* one whole request */
    READER_REFUSED, /* answer refusal.status and close */
};

struct http_refusal {
    int status;
    const char *why; /* static text, for the client */
};

/* One connection's reader. Spans of a request point into it and live until
 * http_reader_next. */
struct http_reader {
    enum reader_state state;
    struct http_refusal refusal;
    size_t body_max; /* bytes */

    /* The request, once the head is good. */
    struct bus_bytes method;
    struct bus_bytes target;
    struct bus_pair headers[HTTP_HEADERS_MAX];
    size_t header_count;
    bool keep_alive;
    bool old;            /* HTTP/1.0 */
    bool wants_continue; /* Expect: 100-continue, not yet answered */
    struct bus_buf body;

    struct bus_buf head;
    unsigned blanks;
    bool trailing;
    struct http_parser *parser; /* llhttp's state */
};

void http_reader_init(struct http_reader *reader, size_t body_max);
void http_reader_release(struct http_reader *reader);

/* Takes bytes until a request is whole or refused; returns how many it took.
 * Look at reader->state afterwards. */
size_t http_reader_feed(struct http_reader *reader, const uint8_t *data,
                        size_t len);

/* Ready for the next request of the connection. */
void http_reader_next(struct http_reader *reader);

/* The value of the one header of that name (any case). *ret_count says how many
 * there are; the first one is returned, len 0 for none. */
struct bus_bytes http_header(const struct http_reader *reader, const char *name,
                             size_t *ret_count);

/* "Not Found" of 404, as Go names it; "Status" where it has no name here. */
const char *http_status_text(int status);

#endif
