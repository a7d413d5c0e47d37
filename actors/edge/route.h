/* SPDX-License-Identifier: MIT
 *
 * The routes of one API, read from its .api file at start: which method of
 * which actor a request goes to, how its values bind, and what its group says
 * of tokens, time and size. Matching is go-zero's: static segments before a
 * parameter, with backtracking.
 */
#ifndef EDGE_ROUTE_H
#define EDGE_ROUTE_H

#include <stdbool.h>

#include "actors/http/target.h"
#include "bus/shape.h"

#define ROUTE_PARAMS_MAX 32

struct actor_auth;
struct schema_service;

struct route {
    const char *verb;  /* "GET" */
    const char *url;   /* "/user/:id" */
    const char *actor; /* "user-api" */
    const char *method;
    const struct bus_shape *request; /* NULL: none */
    const struct bus_shape *reply;   /* NULL: none */
    bool bare;                       /* answers with its only field's value */
    bool replies;                    /* says it returns something */
    const char *jwt;                 /* whose token it needs; NULL: none */
    const struct actor_auth *auth;   /* with jwt: found by the API's reader */
    int64_t timeout_ms;              /* 0: the API's */
    int64_t body_max;                /* 0: the API's */
};

struct route_node;

struct routes {
    struct route_node *root;
    struct route *all;
    size_t count;
};

/* Builds routes and shapes in an arena that outlives them. ALREADY_EXISTS for
 * two routes of one verb and form. */
int routes_build(const struct schema_service *service, struct bus_arena *arena,
                 struct routes *ret, struct bus_error *err);

/* What matched: its parameters, or which verbs the path has. */
struct route_match {
    const struct route *route; /* NULL: none */
    struct bus_pair params[ROUTE_PARAMS_MAX];
    size_t param_count;
    bool known;      /* the path exists, with other verbs */
    char allow[128]; /* "GET, POST": those verbs */
};

void routes_match(const struct routes *routes, struct bus_bytes verb,
                  const struct target *target, struct route_match *ret);

#endif
