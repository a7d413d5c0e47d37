/* SPDX-License-Identifier: MIT
 *
 * The .api language: statements and imports. Both public dialects are read as
 * one language. Imported files add their types and services to the same
 * specification; each is read once; a cycle is an error. After an error the
 * reader goes on at the next statement.
 */
#include "api.h"

#include <string.h>

void api_expected(struct lex *lex, const char *what)
{
    const struct token *token = lex_peek(lex);
    if (token->kind != TOKEN_BAD)
        source_error(lex->source, token->at, "found %s, expected %s",
                     token_name(lex, token), what);
}

bool api_eat(struct lex *lex, const char *mark)
{
    if (!token_is(lex_peek(lex), mark))
        return false;
    lex_next(lex);
    return true;
}

bool api_need(struct lex *lex, const char *mark)
{
    if (api_eat(lex, mark))
        return true;
    api_expected(lex, pool_printf(lex->source->pool, "'%s'", mark));
    return false;
}

/* One file, and what it said so far. */
struct file {
    struct vec imports; /* const char *: as written */
    bool has_syntax;
};

static void parse_syntax(struct api *api, struct lex *lex, struct file *file,
                         size_t at)
{
    if (file->has_syntax)
        source_error(lex->source, at,
                     "a second syntax statement, expected one");
    file->has_syntax = true;
    if (!api_need(lex, "="))
        return;
    if (lex_peek(lex)->kind != TOKEN_STRING) {
        api_expected(lex, "a version in quotes");
        lex_next(lex);
        return;
    }
    struct token version = lex_next(lex);
    if (!api->syntax)
        api->syntax = version.text;
    else if (strcmp(api->syntax, version.text))
        source_error(lex->source, version.at,
                     "found syntax \"%s\", expected \"%s\" as in the files "
                     "before",
                     version.text, api->syntax);
}

/* One "package.Type=type" of a list. */
struct mapping {
    const char *name, *target;
};

/* The next of them; false at the end, or (and *at is not there) where the list
 * is not written so. */
static bool next_mapping(struct pool *pool, const char **at,
                         struct mapping *ret)
{
    const char *from = *at + strspn(*at, ", \t\r\n");
    size_t name = strcspn(from, "=, \t\r\n");
    const char *target = from + name + strspn(from + name, " \t");
    *at = from;
    if (*target != '=' || !name)
        return false;
    target += 1 + strspn(target + 1, " \t");
    size_t len = strcspn(target, ", \t\r\n");
    ret->name = pool_text_n(pool, from, name);
    ret->target = pool_text_n(pool, target, len);
    *at = target + len;
    return len > 0;
}

/* types: "decimal.Decimal=string, model.Page=Page": names of Go's packages. */
static void map_types(struct api *api, struct source *source,
                      const struct api_pair *pair)
{
    const char *at = pair->value;
    struct mapping mapping;
    while (next_mapping(api->pool, &at, &mapping))
        types_alias(source, pair->value_at, mapping.name, mapping.target,
                    &api->lowering.decls);
    if (*at)
        source_error(source, pair->value_at,
                     "found '%s', expected package.Type=type", at);
}

bool schema_map_types(struct schema *schema, const char *text)
{
    const char *at = text;
    struct mapping mapping;
    while (next_mapping(&schema->pool, &at, &mapping))
        continue;
    schema->types = text;
    if (*at)
        schema_error_add(schema, NULL, NULL,
                         "found '%s', expected package.Type=type", at);
    return !*at;
}

static bool is_declared(const struct vec *decls, const char *name)
{
    struct type_decl *const *all = decls->items;
    for (size_t i = 0; i < decls->count; i++)
        if (!strcmp(all[i]->name, name))
            return true;
    return false;
}

/* What the caller maps and this file does not. */
static void map_given_types(struct api *api)
{
    const char *at = api->schema->types;
    struct mapping mapping;
    while (at && next_mapping(api->pool, &at, &mapping))
        if (!is_declared(&api->lowering.decls, mapping.name) &&
            (types_is_base(mapping.target) ||
             is_declared(&api->lowering.decls, mapping.target)))
            types_alias(api->root, 0, mapping.name, mapping.target,
                        &api->lowering.decls);
}

static void parse_info(struct api *api, struct lex *lex, size_t at)
{
    struct vec pairs = {0};
    if (!api_need(lex, "("))
        return;
    api_parse_pairs(lex, &pairs, true);
    if (lex->source != api->root)
        return;
    if (api->has_info)
        source_error(lex->source, at, "a second info block, expected one");
    api->has_info = true;
    const struct api_pair *all = pairs.items;
    for (size_t i = 0; i < pairs.count; i++) {
        if (!strcmp(all[i].key, "types"))
            map_types(api, lex->source, &all[i]);
        struct schema_pair *pair =
            vec_add(api->pool, &api->info, sizeof(*pair));
        pair->key = all[i].key;
        pair->value = all[i].value;
    }
}

static void parse_file(struct api *api, struct source *source);

static bool holds(const struct vec *texts, const char *text)
{
    const char *const *all = texts->items;
    for (size_t i = 0; i < texts->count; i++)
        if (!strcmp(all[i], text))
            return true;
    return false;
}

static void import_file(struct api *api, struct lex *lex,
                        const struct token *name)
{
    const char *path = path_beside(api->pool, lex->source->path, name->text);
    if (holds(&api->open, path)) {
        source_error(lex->source, name->at,
                     "import cycle not allowed: '%s' is being read already",
                     name->text);
        return;
    }
    if (api->schema->alone || holds(&api->files, path))
        return;
    struct source *source =
        source_read(api->schema, path, lex->source, name->at);
    if (source)
        parse_file(api, source);
}

static void parse_import(struct api *api, struct lex *lex, struct vec *seen)
{
    bool block = api_eat(lex, "(");
    do {
        if (block && api_eat(lex, ")"))
            return;
        if (lex_peek(lex)->kind != TOKEN_STRING) {
            api_expected(lex, "a file in quotes");
            return;
        }
        struct token name = lex_next(lex);
        if (holds(seen, name.text))
            source_error(lex->source, name.at, "'%s' is imported twice",
                         name.text);
        else
            import_file(api, lex, &name);
        vec_push(api->pool, seen, name.text);
        if (lex->source == api->root)
            vec_push(api->pool, &api->imports, name.text);
    } while (block);
}

static bool starts_statement(const struct token *token)
{
    return token->kind == TOKEN_END ||
           (token->line_start &&
            (token_is(token, "type") || token_is(token, "service") ||
             token_is(token, "@server") || token_is(token, "import") ||
             token_is(token, "info") || token_is(token, "syntax")));
}

static void skip_statement(struct lex *lex)
{
    do
        lex_next(lex);
    while (!starts_statement(lex_peek(lex)));
}

/* @server(...) and the service block that it belongs to. */
static void parse_server(struct api *api, struct lex *lex)
{
    struct vec pairs = {0};
    if (!api_need(lex, "("))
        return;
    api_parse_pairs(lex, &pairs, false);
    if (!token_is(lex_peek(lex), "service")) {
        api_expected(lex, "'service' behind @server");
        return;
    }
    lex_next(lex);
    api_parse_service(api, lex, &pairs);
}

static void parse_statement(struct api *api, struct lex *lex, struct file *file)
{
    struct token word = *lex_peek(lex);
    const struct vec none = {0};
    if (api_eat(lex, "syntax")) {
        parse_syntax(api, lex, file, word.at);
    } else if (api_eat(lex, "info")) {
        parse_info(api, lex, word.at);
    } else if (api_eat(lex, "import")) {
        parse_import(api, lex, &file->imports);
    } else if (api_eat(lex, "type")) {
        types_parse(lex, &api->lowering.decls);
    } else if (api_eat(lex, "@server")) {
        parse_server(api, lex);
    } else if (api_eat(lex, "service")) {
        api_parse_service(api, lex, &none);
    } else {
        api_expected(lex, "syntax, info, import, type, @server or service");
        skip_statement(lex);
    }
}

static void parse_file(struct api *api, struct source *source)
{
    struct lex lex;
    struct file file = {0};
    lex_init(&lex, source);
    vec_push(api->pool, &api->files, source->path);
    vec_push(api->pool, &api->open, source->path);
    if (api->open.count > SCHEMA_DEPTH_MAX)
        source_error(source, 0, "imports nested deeper than %d",
                     SCHEMA_DEPTH_MAX);
    else
        while (lex_peek(&lex)->kind != TOKEN_END)
            parse_statement(api, &lex, &file);
    api->open.count--;
}

struct schema_unit *api_load(struct source *source)
{
    struct schema *schema = source->schema;
    struct api api = {.schema = schema, .pool = &schema->pool, .root = source};
    struct schema_unit *unit = unit_new(schema, SCHEMA_API, source->path);
    api.lowering = (struct lowering){
        .schema = schema, .pool = &schema->pool, .root = source};
    parse_file(&api, source);
    map_given_types(&api);
    api_lower(&api, unit);
    return unit;
}

void api_read(struct source *source)
{
    struct schema *schema = source->schema;
    struct api api = {.schema = schema, .pool = &schema->pool, .root = source};
    schema->alone = true;
    parse_file(&api, source);
    schema->alone = false;
}
