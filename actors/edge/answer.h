/* SPDX-License-Identifier: MIT
 *
 * What an HTTP client gets for a refusal. How it looks is chosen by an API's
 * `Errors:`: text (go-zero's), code (the tutorial's error handler) or problem,
 * which json is another word for (RFC 9457).
 */
#ifndef EDGE_ANSWER_H
#define EDGE_ANSWER_H

#include <stdbool.h>

#include "actors/http/answer.h"
#include "bus/arena.h"
#include "bus/call.h"
#include "bus/fault.h"

enum answer_style { ANSWER_TEXT, ANSWER_CODE, ANSWER_PROBLEM };

/* The style that a word in YAML names. False if none. */
bool answer_style_from_name(const char *name, enum answer_style *ret);

/* A refusal by the edge itself. */
void answer_refused(struct http_answer *answer, enum answer_style style,
                    const struct bus_error *err, struct bus_arena *arena);

/* A request whose values do not fit its type: err is the first fault, faults
 * (NULL: none are at hand) all of them, which a problem lists by field. */
void answer_unbound(struct http_answer *answer, enum answer_style style,
                    const struct bus_error *err,
                    const struct bus_faults *faults, struct bus_arena *arena);

/* A refusal that a handler returned, or that the bus made of it. */
void answer_failed(struct http_answer *answer, enum answer_style style,
                   const struct bus_error *err, struct bus_bytes detail,
                   struct bus_arena *arena);

#endif
