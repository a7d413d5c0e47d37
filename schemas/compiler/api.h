/* SPDX-License-Identifier: MIT
 *
 * What the parts of the .api reader share: api.c reads statements and imports,
 * api_route.c service blocks, api_value.c the values of @server and info,
 * api_lower.c makes the service of all that was read.
 */
#ifndef SCHEMA_API_H
#define SCHEMA_API_H

#include "load.h"

#define API_PAIRS_MAX 512         /* of one info, @server or @doc */
#define API_VALUE_BYTES_MAX 8192u /* of a value that goes over lines */
#define API_ROUTES_MAX 4096       /* of one service */
#define API_PATH_BYTES_MAX 4096u  /* of one route */

/* `key: value` as written; a list keeps its commas. */
struct api_pair {
    const char *key;
    const char *value;
    size_t at, value_at;
};

struct api_route {
    const char *handler;
    const char *verb; /* lower case */
    const char *path;
    const char *request; /* "" none; "[]X", "*X" as written */
    const char *reply;
    struct type_expr *reply_expr; /* NULL: none */
    const char *doc;
    size_t at, handler_at, path_at, request_at, reply_at;
    struct vec pairs; /* of its own @server, the old form */
};

/* One service block. */
struct api_group {
    struct source *source;
    const char *service;
    size_t at;
    struct vec pairs;  /* struct api_pair */
    struct vec routes; /* struct api_route */
};

struct api {
    struct schema *schema;
    struct pool *pool;
    struct source *root;
    struct lowering lowering;
    struct vec groups; /* struct api_group * */
    struct vec info;   /* struct schema_pair */
    bool has_info;
    const char *syntax; /* of the first file that states one; NULL */
    struct vec files;   /* const char *: read, in order */
    struct vec open;    /* const char *: importing at the moment */
    struct vec imports; /* const char *: the root's, as written */
};

/* Behind '(': pairs up to and with ')'. */
void api_parse_pairs(struct lex *lex, struct vec *pairs, bool info);

/* Behind `service`. pairs: of the @server before it. */
void api_parse_service(struct api *api, struct lex *lex,
                       const struct vec *pairs);

void api_lower(struct api *api, struct schema_unit *unit);

/* Reports what was found in place of what was expected. */
void api_expected(struct lex *lex, const char *what);
bool api_eat(struct lex *lex, const char *mark);
bool api_need(struct lex *lex, const char *mark);

#endif
