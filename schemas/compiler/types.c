/* SPDX-License-Identifier: MIT
 *
 * Parser of `type` blocks, both public dialects at once. A field that cannot be
 * read is reported and the parser goes on at the next line.
 */
#include "types.h"

#include <string.h>

#include "name.h"

static bool parse_fields(struct lex *lex, struct vec *fields, int depth);

static bool expected(struct lex *lex, const char *what)
{
    const struct token *token = lex_peek(lex);
    if (token->kind != TOKEN_BAD)
        source_error(lex->source, token->at, "found %s, expected %s",
                     token_name(lex, token), what);
    return false;
}

static bool eat(struct lex *lex, const char *mark)
{
    if (!token_is(lex_peek(lex), mark))
        return false;
    lex_next(lex);
    return true;
}

static bool need(struct lex *lex, const char *mark)
{
    if (eat(lex, mark))
        return true;
    return expected(lex, pool_printf(lex->source->pool, "'%s'", mark));
}

static struct type_expr *new_expr(struct lex *lex, enum type_form form,
                                  size_t at)
{
    struct type_expr *expr = pool_alloc(lex->source->pool, sizeof(*expr));
    expr->form = form;
    expr->at = at;
    return expr;
}

/* Behind '[': ']' T, number ']' T. */
static struct type_expr *parse_list(struct lex *lex, size_t at, int depth)
{
    struct pool *pool = lex->source->pool;
    struct type_expr *list = new_expr(lex, TYPE_LIST, at);
    const char *size = "";
    if (lex_peek(lex)->kind == TOKEN_NUMBER)
        size = lex_next(lex).text;
    if (!need(lex, "]") || !(list->item = types_parse_expr(lex, depth + 1)))
        return NULL;
    list->text = pool_printf(pool, "[%s]%s", size, list->item->text);
    return list;
}

/* Behind `map`. */
static struct type_expr *parse_map(struct lex *lex, size_t at, int depth)
{
    struct type_expr *map = new_expr(lex, TYPE_MAP, at);
    if (!need(lex, "[") || !(map->key = types_parse_expr(lex, depth + 1)) ||
        !need(lex, "]") || !(map->item = types_parse_expr(lex, depth + 1)))
        return NULL;
    map->text = pool_printf(lex->source->pool, "map[%s]%s", map->key->text,
                            map->item->text);
    return map;
}

/* The tokens from an offset up to where reading stands, without blanks. */
static const char *text_since(struct lex *lex, size_t at)
{
    struct lex again;
    const char *from = lex->source->text;
    char *text = pool_alloc(lex->source->pool, lex->at - at + 1);
    size_t len = 0;
    lex_init(&again, lex->source);
    lex_seek(&again, at);
    for (;;) {
        struct token token = lex_next(&again);
        if (token.kind == TOKEN_END || token.end > lex->at)
            return text;
        memcpy(text + len, from + token.at, token.end - token.at);
        len += token.end - token.at;
    }
}

static struct type_expr *parse_struct(struct lex *lex, size_t at, int depth)
{
    size_t errors = lex->source->errors;
    struct type_expr *record = new_expr(lex, TYPE_STRUCT, at);
    record->text = "{}";
    if (!need(lex, "{") || !parse_fields(lex, &record->fields, depth + 1))
        return NULL;
    /* Reading it again would say its errors again. */
    if (lex->source->errors == errors)
        record->text = text_since(lex, at);
    return record;
}

static struct type_expr *parse_named(struct lex *lex, int depth)
{
    struct token word = lex_next(lex);
    if (!strcmp(word.text, "map") && token_is(lex_peek(lex), "["))
        return parse_map(lex, word.at, depth);
    if (!strcmp(word.text, "struct") && token_is(lex_peek(lex), "{"))
        return parse_struct(lex, word.at, depth);
    struct type_expr *expr = new_expr(lex, TYPE_NAME, word.at);
    if (!strcmp(word.text, "interface") && eat(lex, "{")) {
        expr->form = TYPE_ANY;
        expr->text = "interface{}";
        return need(lex, "}") ? expr : NULL;
    }
    expr->name = word.text;
    if (!lex_peek(lex)->line_start && eat(lex, ".")) {
        if (lex_peek(lex)->kind != TOKEN_IDENT)
            return expected(lex, "a type"), NULL;
        expr->name = pool_printf(lex->source->pool, "%s.%s", word.text,
                                 lex_next(lex).text);
    }
    expr->text = expr->name;
    return expr;
}

struct type_expr *types_parse_expr(struct lex *lex, int depth)
{
    const struct token *token = lex_peek(lex);
    size_t at = token->at;
    if (depth > SCHEMA_DEPTH_MAX) {
        source_error(lex->source, at, "types nested deeper than %d",
                     SCHEMA_DEPTH_MAX);
        return NULL;
    }
    if (token_is(token, "{"))
        return parse_struct(lex, at, depth);
    if (token->kind == TOKEN_IDENT)
        return parse_named(lex, depth);
    if (eat(lex, "["))
        return parse_list(lex, at, depth);
    if (eat(lex, "*")) {
        struct type_expr *pointer = new_expr(lex, TYPE_POINTER, at);
        pointer->item = types_parse_expr(lex, depth + 1);
        if (!pointer->item)
            return NULL;
        pointer->text =
            pool_printf(lex->source->pool, "*%s", pointer->item->text);
        return pointer;
    }
    return expected(lex, "a type"), NULL;
}

/* The field's name stands alone: it is an embedded type. */
static bool is_alone(struct lex *lex)
{
    const struct token *token = lex_peek(lex);
    return token->line_start || token->kind == TOKEN_RAW ||
           token->kind == TOKEN_END || token_is(token, "}") ||
           token_is(token, ";") || token_is(token, ".");
}

static struct type_field *add_field(struct lex *lex, struct vec *fields,
                                    const struct token *name, const char *doc)
{
    struct type_field *field =
        vec_add(lex->source->pool, fields, sizeof(*field));
    field->source = lex->source;
    field->name = name->text;
    field->at = name->at;
    field->doc = doc;
    field->tag = "";
    return field;
}

static void parse_tag(struct lex *lex, struct vec *fields, size_t first)
{
    const struct token *token = lex_peek(lex);
    if (token->kind == TOKEN_STRING && !token->line_start)
        source_error(lex->source, token->at,
                     "a tag stands between back-quotes, not double quotes");
    if (token->kind != TOKEN_RAW && token->kind != TOKEN_STRING)
        return;
    struct token tag = lex_next(lex);
    struct type_field *all = fields->items;
    for (size_t i = first; i < fields->count; i++) {
        all[i].tag = tag.text;
        all[i].tag_at = tag.at;
    }
}

/* Base, *Base, pkg.Base: lex stands behind the first word. */
static bool parse_embedded(struct lex *lex, struct vec *fields,
                           struct type_field *field, bool star)
{
    struct type_expr *type = new_expr(lex, TYPE_NAME, field->at);
    type->name = field->name;
    type->text =
        pool_printf(lex->source->pool, "%s%s", star ? "*" : "", field->name);
    field->name = "";
    field->type = type;
    if (!lex_peek(lex)->line_start && eat(lex, ".")) {
        if (lex_peek(lex)->kind != TOKEN_IDENT) {
            fields->count--;
            return expected(lex, "a type");
        }
        type->name = type->text = pool_printf(lex->source->pool, "%s.%s",
                                              type->name, lex_next(lex).text);
    }
    parse_tag(lex, fields, fields->count - 1);
    return true;
}

static bool parse_names(struct lex *lex, struct vec *fields)
{
    const char *doc = (lex_peek(lex), lex->doc);
    do {
        if (lex_peek(lex)->kind != TOKEN_IDENT)
            return expected(lex, "a field");
        struct token name = lex_next(lex);
        if (name_is_go_keyword(name.text))
            source_error(lex->source, name.at,
                         "'%s' is a keyword of Go, expected a field's name",
                         name.text);
        if (fields->count <= SCHEMA_FIELDS_MAX)
            add_field(lex, fields, &name, doc);
    } while (eat(lex, ","));
    return true;
}

static bool parse_field(struct lex *lex, struct vec *fields, int depth)
{
    size_t first = fields->count;
    bool pointer = eat(lex, "*");
    if (!parse_names(lex, fields)) {
        fields->count = first;
        return false;
    }
    size_t count = fields->count - first;
    struct type_field *field = (struct type_field *)fields->items + first;
    if (count == 1 && (pointer || is_alone(lex)))
        return parse_embedded(lex, fields, field, pointer);
    struct type_expr *type = types_parse_expr(lex, depth);
    if (!type) {
        fields->count = first;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        field[i].type = type;
    parse_tag(lex, fields, first);
    return true;
}

/* After an error: the next line, or the end of this block. */
static void skip_line(struct lex *lex)
{
    int depth = 0;
    for (;;) {
        const struct token *token = lex_peek(lex);
        if (token->kind == TOKEN_END)
            return;
        if (token_is(token, "}") && depth-- <= 0)
            return;
        if (token_is(token, "{"))
            depth++;
        lex_next(lex);
        if (lex_peek(lex)->line_start && depth <= 0)
            return;
    }
}

/* Says so, drops what was read, and passes over the block. */
static void refuse_fields(struct lex *lex, struct vec *fields)
{
    fields->count = 0;
    source_error(lex->source, lex_peek(lex)->at,
                 "more than %d fields in one type", SCHEMA_FIELDS_MAX);
    while (!eat(lex, "}") && lex_peek(lex)->kind != TOKEN_END)
        skip_line(lex);
}

/* Behind '{', through '}'. */
static bool parse_fields(struct lex *lex, struct vec *fields, int depth)
{
    while (!eat(lex, "}")) {
        if (lex_peek(lex)->kind == TOKEN_END)
            return expected(lex, "'}'");
        if (!parse_field(lex, fields, depth))
            skip_line(lex);
        if (fields->count > SCHEMA_FIELDS_MAX) {
            refuse_fields(lex, fields);
            return true;
        }
        while (eat(lex, ";"))
            ;
    }
    return true;
}

static bool parse_decl(struct lex *lex, struct vec *decls)
{
    if (lex_peek(lex)->kind != TOKEN_IDENT)
        return expected(lex, "the name of a type");
    struct type_decl *decl = pool_alloc(lex->source->pool, sizeof(*decl));
    decl->doc = lex->doc;
    struct token name = lex_next(lex);
    decl->name = name.text;
    decl->at = name.at;
    decl->source = lex->source;
    if (name_is_go_keyword(name.text))
        source_error(lex->source, name.at,
                     "'%s' is a keyword of Go, expected a type's name",
                     name.text);
    eat(lex, "=");
    if (token_is(lex_peek(lex), "struct"))
        lex_next(lex);
    if (!token_is(lex_peek(lex), "{")) {
        decl->alias = types_parse_expr(lex, 0);
        if (decl->alias)
            vec_push(lex->source->pool, decls, decl);
        return decl->alias != NULL;
    }
    lex_next(lex);
    vec_push(lex->source->pool, decls, decl);
    return parse_fields(lex, &decl->fields, 1);
}

void types_parse(struct lex *lex, struct vec *decls)
{
    if (!eat(lex, "(")) {
        parse_decl(lex, decls);
        eat(lex, ";");
        return;
    }
    while (!eat(lex, ")")) {
        if (lex_peek(lex)->kind == TOKEN_END) {
            expected(lex, "')'");
            return;
        }
        if (!parse_decl(lex, decls))
            skip_line(lex);
        if (token_is(lex_peek(lex), "}"))
            lex_next(lex);
        while (eat(lex, ";"))
            ;
    }
}

void types_alias(struct source *source, size_t at, const char *name,
                 const char *target, struct vec *decls)
{
    struct type_decl *decl = pool_alloc(source->pool, sizeof(*decl));
    struct type_expr *expr = pool_alloc(source->pool, sizeof(*expr));
    *expr = (struct type_expr){
        .form = TYPE_NAME, .name = target, .text = target, .at = at};
    decl->name = name;
    decl->alias = expr;
    decl->doc = "";
    decl->at = at;
    decl->source = source;
    vec_push(source->pool, decls, decl);
}
