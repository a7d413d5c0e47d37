/* SPDX-License-Identifier: MIT
 *
 * What an HTTP client gets: status line, headers in Go's order and a body. How
 * a refusal looks is chosen by an API's `Errors:`: text (go-zero's), code (the
 * tutorial's error handler) or problem (RFC 9457).
 */
#ifndef EDGE_ANSWER_H
#define EDGE_ANSWER_H

#include <stdbool.h>

#include "bus/arena.h"
#include "bus/call.h"

#define ANSWER_MAX ((size_t)64 << 20) /* bytes of a whole answer */

enum answer_style { ANSWER_TEXT, ANSWER_CODE, ANSWER_PROBLEM };

struct answer {
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

/* The style that a word in YAML names. False if none. */
bool answer_style_from_name(const char *name, enum answer_style *ret);

/* "sentence\n" as text/plain with nosniff. */
void answer_text(struct answer *answer, int status, const char *sentence,
                 struct bus_arena *arena);

/* A refusal by the edge itself or on the way to the handler (binding). */
void answer_refused(struct answer *answer, enum answer_style style,
                    const struct bus_error *err, struct bus_arena *arena);

/* A refusal that a handler returned, or that the bus made of it. */
void answer_failed(struct answer *answer, enum answer_style style,
                   const struct bus_error *err, struct bus_bytes detail,
                   struct bus_arena *arena);

/* Appends the whole answer. date: RFC 9110 text. Headers of the handler whose
 * name or value could break the framing are left out. */
void answer_write(struct bus_buf *out, const struct answer *answer,
                  const char *date);

#endif
