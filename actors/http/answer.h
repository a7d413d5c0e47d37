/* SPDX-License-Identifier: MIT
 *
 * What an HTTP client gets: status line, headers in Go's order and a body.
 * Caller-allocated; spans belong to the caller. Any thread.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>

#include "bus/arena.h"
#include "bus/buf.h"

#define HTTP_ANSWER_MAX ((size_t)64 << 20) /* bytes of a whole answer */

struct http_reader;

struct http_answer {
    int status;
    const char *type; /* Content-Type; NULL: none */
    struct bus_bytes body;
    struct bus_bytes headers; /* msgpack array of texts; len 0: none */
    const char *allow;        /* NULL, or the Allow header */
    bool nosniff;
    bool retry_after; /* come back in a second */
    bool head_only;   /* answer to HEAD: everything but the body */
    bool close;       /* say that the connection ends here */
    bool keep;        /* say to an HTTP/1.0 client that it does not */
};

/* "sentence\n" as text/plain with nosniff. */
void http_answer_text(struct http_answer *answer, int status,
                      const char *sentence, struct bus_arena *arena);

/* The answer to a refused request (reader->state READER_REFUSED): its sentence
 * and the end of the connection. */
void http_answer_refusal(struct http_answer *answer,
                         const struct http_reader *reader,
                         struct bus_arena *arena);

/* Appends the whole answer. date: RFC 9110 text. Headers of the handler whose
 * name or value could break the framing are left out. */
void http_answer_write(struct bus_buf *out, const struct http_answer *answer,
                       const char *date);

#endif
