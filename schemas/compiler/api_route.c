/* SPDX-License-Identifier: MIT
 *
 * Service blocks of the .api language. Paths are read as raw text: what the
 * public parsers join or cut in silence is an error here.
 */
#include <ctype.h>
#include <string.h>

#include "api.h"

static bool is_verb(const char *text)
{
    static const char *const verbs[] = {"get",   "head",   "post",    "put",
                                        "patch", "delete", "connect", "options",
                                        "trace", NULL};
    for (int i = 0; verbs[i]; i++)
        if (!strcmp(verbs[i], text))
            return true;
    return false;
}

static size_t word_len(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len;
}

/* Length of words with '-' and '.' between, and perhaps blanks around those. */
static size_t service_name_len(const char *text)
{
    size_t len = word_len(text);
    for (;;) {
        size_t joint = len + strspn(text + len, " \t");
        size_t next = joint + 1;
        if (text[joint] != '-' && text[joint] != '.')
            return len;
        next += strspn(text + next, " \t");
        if (!word_len(text + next))
            return len;
        len = next + word_len(text + next);
    }
}

/* Such a name, read as one without its blanks; perhaps in quotes. */
static const char *parse_service_name(struct lex *lex)
{
    const struct token *token = lex_peek(lex);
    bool quoted = token->kind == TOKEN_STRING;
    const char *text = quoted ? token->text : lex->source->text + token->at;
    size_t len = service_name_len(text);
    if (quoted ? !len || text[len] : token->kind != TOKEN_IDENT || !len) {
        api_expected(lex, "the service's name");
        return NULL;
    }
    char *name = pool_alloc(lex->source->pool, len + 1);
    for (size_t i = 0, to = 0; i < len; i++)
        if (text[i] != ' ' && text[i] != '\t')
            name[to++] = text[i];
    lex_seek(lex, quoted ? token->end : token->at + len);
    return name;
}

static const char *joined_doc(struct lex *lex, const struct vec *pairs)
{
    const struct api_pair *all = pairs->items;
    for (size_t i = 0; i < pairs->count; i++)
        if (!strcmp(all[i].key, "summary"))
            return all[i].value;
    return pairs->count ? all[0].value : pool_text(lex->source->pool, "");
}

/* Old dialect: words to the end of the line. */
static const char *rest_of_line(struct lex *lex, size_t at)
{
    const char *text = lex->source->text + at;
    size_t len = strcspn(text, "\r\n");
    lex_seek(lex, at + len);
    while (len && strchr(" \t", text[len - 1]))
        len--;
    return pool_text_n(lex->source->pool, text, len);
}

static void parse_doc(struct lex *lex, struct api_route *route)
{
    struct vec pairs = {0};
    const struct token *token = lex_peek(lex);
    if (token->kind == TOKEN_STRING || token->kind == TOKEN_RAW) {
        route->doc = lex_next(lex).text;
    } else if (!token_is(token, "(")) {
        route->doc = rest_of_line(lex, token->at);
    } else {
        lex_next(lex);
        token = lex_peek(lex);
        if (token->kind == TOKEN_STRING || token->kind == TOKEN_RAW) {
            route->doc = lex_next(lex).text;
            api_need(lex, ")");
            return;
        }
        api_parse_pairs(lex, &pairs, true);
        route->doc = joined_doc(lex, &pairs);
    }
}

static bool path_char(char c)
{
    return isalnum((unsigned char)c) || strchr("_-.~%@", c);
}

/* One segment, behind its '/': ":name" or plain characters. */
static bool check_segment(struct lex *lex, size_t at, size_t len)
{
    const char *text = lex->source->text + at;
    size_t i = len && text[0] == ':';
    if (i && len == 1) {
        source_error(lex->source, at, "found ':', expected a parameter's name");
        return false;
    }
    for (; i < len; i++) {
        if (path_char(text[i]))
            continue;
        source_error(lex->source, at + i,
                     "found '%c' in a path, expected letters, digits or _ - . "
                     "~ %% @",
                     text[i]);
        return false;
    }
    return true;
}

/* Where the path's next piece begins behind a blank, or 0: it ended. */
static size_t path_goes_on(const char *text, size_t at, char last)
{
    size_t blanks = strspn(text + at, " \t");
    at += blanks;
    bool comment = text[at] == '/' &&
                   (text[at + 1] == '*' || (blanks && text[at + 1] == '/'));
    if (text[at] == '/' && !comment)
        return at;
    bool returns = !strncmp(text + at, "returns", 7);
    return last == '/' && !returns && path_char(text[at]) && text[at] ? at : 0;
}

/* One '/' and what follows it up to the next, added to path. */
static bool parse_segment(struct lex *lex, size_t *at, char *path, size_t *len)
{
    const char *text = lex->source->text;
    if (text[*at] == '/')
        path[(*len)++] = text[(*at)++];
    size_t part = strcspn(text + *at, "/ \t\r\n\v\f({;)");
    if (!part && text[*at] == '/') {
        source_error(lex->source, *at - 1,
                     "found '//' in a path, expected a segment (a comment "
                     "needs a blank before it)");
        return false;
    }
    if (text[*at] == '{') {
        source_error(lex->source, *at, "found '{', expected ':name'");
        return false;
    }
    if (*len + part > API_PATH_BYTES_MAX) {
        source_error(lex->source, *at, "a path of more than %u bytes",
                     API_PATH_BYTES_MAX);
        return false;
    }
    if (!check_segment(lex, *at, part))
        return false;
    memcpy(path + *len, text + *at, part);
    *len += part;
    *at += part;
    return true;
}

static const char *parse_path(struct lex *lex, struct api_route *route)
{
    const char *text = lex->source->text;
    size_t len = 0, at = lex_skip(lex, lex->at);
    route->path_at = at;
    if (text[at] != '/') {
        lex_seek(lex, at);
        api_expected(lex, "a path");
        return NULL;
    }
    char path[API_PATH_BYTES_MAX + 2];
    for (size_t next = at; next;) {
        at = next;
        if (!parse_segment(lex, &at, path, &len))
            return NULL;
        next = path_goes_on(text, at, path[len - 1]);
    }
    lex_seek(lex, at);
    return pool_text_n(lex->source->pool, path, len);
}

/* '(' [ '[]' ] [ '*' ] NAME ')' or '()'. */
static bool parse_body(struct lex *lex, struct type_expr **ret, size_t *ret_at)
{
    if (!api_need(lex, "("))
        return false;
    *ret_at = lex_peek(lex)->at;
    if (api_eat(lex, ")"))
        return true;
    struct type_expr *type = types_parse_expr(lex, 0);
    if (!type)
        return false;
    *ret = type;
    return api_need(lex, ")");
}

static bool parse_bodies(struct lex *lex, struct api_route *route)
{
    struct type_expr *request = NULL, *reply = NULL;
    if (token_is(lex_peek(lex), "(") &&
        !parse_body(lex, &request, &route->request_at))
        return false;
    if (api_eat(lex, "returns") && !parse_body(lex, &reply, &route->reply_at))
        return false;
    route->request = request ? request->text : "";
    route->reply = reply ? reply->text : "";
    route->reply_expr = reply;
    api_eat(lex, ";");
    return true;
}

static void take_server_handler(struct api_route *route)
{
    const struct api_pair *pairs = route->pairs.items;
    for (size_t i = 0; i < route->pairs.count; i++) {
        if (strcmp(pairs[i].key, "handler"))
            continue;
        route->handler = pairs[i].value;
        route->handler_at = pairs[i].value_at;
        return;
    }
}

/* A name that is none is said once, and the route behind it is read. */
static void parse_handler(struct lex *lex, struct api_route *route)
{
    struct token name = *lex_peek(lex);
    bool good = name.kind == TOKEN_IDENT;
    if (!good)
        api_expected(lex, "the handler's name");
    else if (route->handler)
        source_error(lex->source, name.at,
                     "a second @handler, expected a route");
    if (good || !name.line_start)
        lex_next(lex);
    route->handler = good ? name.text : "";
    route->handler_at = name.at;
}

/* @doc, @handler, @server before a route. */
static bool parse_head(struct lex *lex, struct api_route *route)
{
    for (;;) {
        if (api_eat(lex, "@doc")) {
            parse_doc(lex, route);
        } else if (api_eat(lex, "@handler")) {
            parse_handler(lex, route);
        } else if (api_eat(lex, "@server")) {
            if (!api_need(lex, "("))
                return false;
            api_parse_pairs(lex, &route->pairs, false);
            take_server_handler(route);
        } else {
            return true;
        }
    }
}

static bool parse_route(struct lex *lex, struct api_route *route)
{
    route->doc = route->request = route->reply = "";
    if (!parse_head(lex, route))
        return false;
    struct token verb = *lex_peek(lex);
    route->at = verb.at;
    if (verb.kind != TOKEN_IDENT || !is_verb(verb.text)) {
        api_expected(lex, "get, head, post, put, patch, delete, connect, "
                          "options or trace");
        return false;
    }
    lex_next(lex);
    route->verb = verb.text;
    if (!route->handler)
        source_error(lex->source, verb.at,
                     "found a route, expected its @handler before it");
    route->path = parse_path(lex, route);
    return route->path && parse_bodies(lex, route) && route->handler &&
           route->handler[0];
}

/* After an error: the next line that can begin a route, or the block's end. */
static void skip_route(struct lex *lex)
{
    for (int depth = 0;;) {
        const struct token *token = lex_peek(lex);
        depth += token_is(token, "{");
        if (token->kind == TOKEN_END || (token_is(token, "}") && !depth--))
            return;
        if (token->line_start &&
            (token->kind == TOKEN_AT ||
             (token->kind == TOKEN_IDENT && is_verb(token->text))))
            return;
        lex_next(lex);
    }
}

void api_parse_service(struct api *api, struct lex *lex,
                       const struct vec *pairs)
{
    struct api_group *group = pool_alloc(api->pool, sizeof(*group));
    group->source = lex->source;
    group->pairs = *pairs;
    group->at = lex_peek(lex)->at;
    group->service = parse_service_name(lex);
    if (group->service)
        vec_push(api->pool, &api->groups, group);
    if (!api_need(lex, "{"))
        return;
    while (!api_eat(lex, "}")) {
        size_t before = lex_peek(lex)->at;
        if (lex_peek(lex)->kind == TOKEN_END) {
            api_expected(lex, "'}'");
            return;
        }
        struct api_route route = {0};
        if (parse_route(lex, &route)) {
            *(struct api_route *)vec_add(api->pool, &group->routes,
                                         sizeof(route)) = route;
            continue;
        }
        if (lex_peek(lex)->at == before)
            lex_next(lex);
        skip_route(lex);
    }
}
