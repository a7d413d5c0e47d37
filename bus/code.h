/* SPDX-License-Identifier: MIT
 *
 * The one table of result codes. Numbers and names are gRPC's sixteen
 * (google/rpc/code.proto); the HTTP status beside each is go-zero's mapping;
 * the last column is what the `bus` command exits with. Every function of ours
 * that can fail returns one of these as an int: 0 is success.
 */
#ifndef BUS_CODE_H
#define BUS_CODE_H

#include <stdbool.h>

/* X(NAME, number, http status, exit status of bus) */
#define BUS_CODES(X)                                                           \
    X(OK, 0, 200, 0)                                                           \
    X(CANCELLED, 1, 408, 1)                                                    \
    X(UNKNOWN, 2, 500, 1)                                                      \
    X(INVALID_ARGUMENT, 3, 400, 1)                                             \
    X(DEADLINE_EXCEEDED, 4, 504, 5)                                            \
    X(NOT_FOUND, 5, 404, 1)                                                    \
    X(ALREADY_EXISTS, 6, 409, 1)                                               \
    X(PERMISSION_DENIED, 7, 403, 1)                                            \
    X(RESOURCE_EXHAUSTED, 8, 429, 1)                                           \
    X(FAILED_PRECONDITION, 9, 400, 1)                                          \
    X(ABORTED, 10, 409, 1)                                                     \
    X(OUT_OF_RANGE, 11, 400, 1)                                                \
    X(UNIMPLEMENTED, 12, 501, 1)                                               \
    X(INTERNAL, 13, 500, 1)                                                    \
    X(UNAVAILABLE, 14, 503, 1)                                                 \
    X(DATA_LOSS, 15, 500, 1)                                                   \
    X(UNAUTHENTICATED, 16, 401, 1)

enum bus_code {
#define BUS_CODE_ENUM(name, number, http, exit) BUS_##name = (number),
    BUS_CODES(BUS_CODE_ENUM)
#undef BUS_CODE_ENUM
};

/* Reason words stand beside a code where the code alone does not tell what
 * happened. X(word, http status, exit status): they override the code's own. */
#define BUS_REASONS(X)                                                         \
    X(no_such_actor, 501, 3)                                                   \
    X(no_such_method, 501, 3)                                                  \
    X(no_responder, 503, 4)                                                    \
    X(outcome_unknown, 503, 6)                                                 \
    X(busy, 503, 7)                                                            \
    X(draining, 503, 7)

/* "NOT_FOUND"; "UNKNOWN" for a number outside the table. */
const char *bus_code_name(int code);

/* The HTTP status of a refusal: the reason's if the word is in the table, the
 * code's otherwise. reason may be NULL or "". */
int bus_code_http(int code, const char *reason);

/* The exit status of the `bus` command for a refusal, by the same rule. */
int bus_code_exit(int code, const char *reason);

/* Finds a code by its name ("NOT_FOUND", any case). False if there is none. */
bool bus_code_from_name(const char *name, int *ret_code);

#endif
