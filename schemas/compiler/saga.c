/* SPDX-License-Identifier: MIT
 *
 * The .saga language:
 *
 *     import "user.proto"
 *     type Reply { Id string `json:"id"` }
 *     saga NAME (Req) returns (Reply) {
 *         step NAME = actor.method(field: req.x, other: 10)
 *             after NAME, NAME
 *             timeout 3s retry 5 backoff 100ms max 10s interval 2s
 *             compensate actor.method(field: NAME.y)
 *         step NAME = saga.NAME(field: req.x)
 *         return (id: NAME.y)
 *     }
 *
 * This file reads it; nothing is resolved here.
 */
#include "saga.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

/* The parsers below use the small helpers that api.h declares. */

static bool parse_word(struct lex *lex, const char *what, struct token *ret)
{
    if (lex_peek(lex)->kind != TOKEN_IDENT) {
        api_expected(lex, what);
        return false;
    }
    *ret = lex_next(lex);
    return true;
}

/* actor.method: the actor's name may hold '-' and '.'. */
static bool parse_target(struct lex *lex, struct raw_branch *branch)
{
    struct pool *pool = lex->source->pool;
    const char *text = lex->source->text;
    struct token first;
    if (!parse_word(lex, "actor.method(...)", &first))
        return false;
    size_t end = first.end, dot = 0;
    while (isalnum((unsigned char)text[end]) || text[end] == '_' ||
           text[end] == '-' || text[end] == '.') {
        if (text[end] == '.')
            dot = end;
        end++;
    }
    lex_seek(lex, end);
    branch->at = first.at;
    if (!dot || dot + 1 == end) {
        source_error(lex->source, first.at,
                     "found '%.*s', expected actor.method(...)",
                     (int)(end - first.at), text + first.at);
        return false;
    }
    branch->actor = pool_text_n(pool, text + first.at, dot - first.at);
    branch->method = pool_text_n(pool, text + dot + 1, end - dot - 1);
    return true;
}

/* req.name, user.address.city */
static bool parse_path(struct lex *lex, struct schema_input *input)
{
    struct pool *pool = lex->source->pool;
    struct token word;
    if (!parse_word(lex, "req, a step's name or a literal", &word))
        return false;
    input->from = word.text;
    input->path = "";
    while (api_eat(lex, ".")) {
        if (!parse_word(lex, "a field's name", &word))
            return false;
        input->path = pool_printf(pool, "%s%s%s", input->path,
                                  input->path[0] ? "." : "", word.text);
    }
    return true;
}

static bool parse_number(struct lex *lex, struct schema_input *input,
                         bool minus)
{
    struct token token = lex_next(lex);
    char *end;
    errno = 0;
    input->literal =
        pool_printf(lex->source->pool, "%s%s", minus ? "-" : "", token.text);
    strtoll(input->literal, &end, 10);
    if (!*end && !errno) {
        input->literal_kind = SCHEMA_LITERAL_INT;
        return true;
    }
    errno = 0;
    strtod(input->literal, &end);
    input->literal_kind = SCHEMA_LITERAL_FLOAT;
    if (!*end && !errno && strchr(input->literal, '.'))
        return true;
    source_error(lex->source, token.at, "found '%s', expected a number",
                 token.text);
    return false;
}

static bool parse_literal(struct lex *lex, struct schema_input *input)
{
    const struct token *token = lex_peek(lex);
    if (token->kind == TOKEN_STRING || token->kind == TOKEN_RAW) {
        input->literal_kind = SCHEMA_LITERAL_TEXT;
        input->literal = lex_next(lex).text;
        return true;
    }
    bool minus = api_eat(lex, "-");
    if (lex_peek(lex)->kind == TOKEN_NUMBER)
        return parse_number(lex, input, minus);
    api_expected(lex, "req, a step's name or a literal");
    return false;
}

static bool parse_named_literal(struct lex *lex, struct schema_input *input)
{
    const struct token *token = lex_peek(lex);
    if (token_is(token, "true") || token_is(token, "false"))
        input->literal_kind = SCHEMA_LITERAL_BOOL;
    else if (token_is(token, "null"))
        input->literal_kind = SCHEMA_LITERAL_NULL;
    else
        return false;
    input->literal = lex_next(lex).text;
    return true;
}

/* int(path), text(path), path or literal. */
static bool parse_value(struct lex *lex, struct schema_input *input)
{
    const struct token *token = lex_peek(lex);
    const char *text = lex->source->text;
    bool call = token->kind == TOKEN_IDENT &&
                text[token->end + strspn(text + token->end, " \t")] == '(';
    if (token->kind != TOKEN_IDENT)
        return parse_literal(lex, input);
    if (parse_named_literal(lex, input))
        return true;
    if (!call)
        return parse_path(lex, input);
    if (token_is(token, "int"))
        input->convert = SCHEMA_TO_INT;
    else if (token_is(token, "text"))
        input->convert = SCHEMA_TO_TEXT;
    else {
        api_expected(lex, "int(...) or text(...)");
        return false;
    }
    lex_next(lex);
    return api_need(lex, "(") && parse_path(lex, input) && api_need(lex, ")");
}

static bool parse_input(struct lex *lex, struct vec *inputs)
{
    struct raw_input input = {.made = {.literal = ""}};
    struct token field;
    if (!parse_word(lex, "a field's name", &field))
        return false;
    input.made.field = field.text;
    input.field_at = field.at;
    if (!api_need(lex, ":"))
        return false;
    input.at = lex_peek(lex)->at;
    input.made.pos = source_pos(lex->source, input.at);
    if (!parse_value(lex, &input.made))
        return false;
    if (inputs->count >= SCHEMA_INPUTS_MAX) {
        source_error(lex->source, field.at, "more than %d inputs",
                     SCHEMA_INPUTS_MAX);
        return false;
    }
    *(struct raw_input *)vec_add(lex->source->pool, inputs, sizeof(input)) =
        input;
    return true;
}

/* '(' field: value, ... ')' */
static bool parse_inputs(struct lex *lex, struct vec *inputs)
{
    if (!api_need(lex, "("))
        return false;
    while (!api_eat(lex, ")")) {
        if (!parse_input(lex, inputs))
            return false;
        if (!api_eat(lex, ",") && !token_is(lex_peek(lex), ")")) {
            api_expected(lex, "',' or ')'");
            return false;
        }
    }
    return true;
}

static bool parse_call(struct lex *lex, struct raw_branch *branch)
{
    return parse_target(lex, branch) && parse_inputs(lex, &branch->inputs);
}

static bool parse_time(struct lex *lex, uint32_t *ret)
{
    const struct token *token = lex_peek(lex);
    int64_t ms;
    if (token->kind != TOKEN_NUMBER || !lex_duration(token->text, &ms) ||
        ms <= 0 || ms > INT32_MAX) {
        api_expected(lex, "a duration such as 3s or 500ms");
        return false;
    }
    lex_next(lex);
    *ret = (uint32_t)ms;
    return true;
}

static bool parse_count(struct lex *lex, uint32_t *ret)
{
    const struct token *token = lex_peek(lex);
    char *end = NULL;
    long count =
        token->kind == TOKEN_NUMBER ? strtol(token->text, &end, 10) : 0;
    if (!end || *end || count <= 0 || count > INT32_MAX) {
        api_expected(lex, "a count of tries");
        return false;
    }
    lex_next(lex);
    *ret = (uint32_t)count;
    return true;
}

static bool parse_compensation(struct lex *lex, struct raw_step *step)
{
    if (step->compensate.actor || step->none) {
        source_error(lex->source, lex_peek(lex)->at,
                     "a second compensation, expected one");
        return false;
    }
    return parse_call(lex, &step->compensate);
}

/* Behind `after`: steps, or req for "at once". */
static bool parse_after(struct lex *lex, struct raw_step *step)
{
    struct token word;
    struct vec second = {0};
    struct vec *names = step->ordered ? &second : &step->after;
    if (step->ordered)
        source_error(lex->source, lex_peek(lex)->at,
                     "a second 'after', expected one");
    step->ordered = true;
    do {
        if (!parse_word(lex, "the name of a step before this one, or req",
                        &word))
            return false;
        *(struct raw_name *)vec_add(lex->source->pool, names,
                                    sizeof(struct raw_name)) =
            (struct raw_name){word.text, word.at};
    } while (api_eat(lex, ","));
    return true;
}

/* One clause behind a step's call; *ret_more is false where none follows. */
static bool parse_clause(struct lex *lex, struct raw_step *step, bool *ret_more)
{
    struct schema_step *made = &step->made;
    *ret_more = true;
    if (api_eat(lex, "compensate"))
        return parse_compensation(lex, step);
    if (api_eat(lex, "no")) {
        step->none = made->none = true;
        return api_need(lex, "compensation");
    }
    if (api_eat(lex, "after"))
        return parse_after(lex, step);
    if (api_eat(lex, "timeout"))
        return parse_time(lex, &made->timeout_ms);
    if (api_eat(lex, "interval"))
        return parse_time(lex, &made->interval_ms);
    if (api_eat(lex, "retry"))
        return parse_count(lex, &made->retry_limit);
    if (api_eat(lex, "backoff"))
        return parse_time(lex, &made->retry_first_ms) &&
               (!api_eat(lex, "max") || parse_time(lex, &made->retry_max_ms));
    *ret_more = false;
    return true;
}

/* Behind `step`. */
static bool parse_step(struct lex *lex, struct raw_saga *saga)
{
    struct raw_step step = {.at = lex_peek(lex)->at};
    struct token name;
    bool more = true;
    if (!parse_word(lex, "the step's name", &name))
        return false;
    step.made.name = name.text;
    step.made.pos = source_pos(lex->source, name.at);
    if (!api_need(lex, "=") || !parse_call(lex, &step.action))
        return false;
    while (more)
        if (!parse_clause(lex, &step, &more))
            return false;
    if (saga->steps.count >= SCHEMA_STEPS_MAX) {
        source_error(lex->source, name.at, "more than %d steps",
                     SCHEMA_STEPS_MAX);
        return false;
    }
    *(struct raw_step *)vec_add(lex->source->pool, &saga->steps, sizeof(step)) =
        step;
    return true;
}

/* '(' NAME ')' */
static bool parse_type(struct lex *lex, const char **ret, size_t *ret_at)
{
    if (!api_need(lex, "("))
        return false;
    *ret_at = lex_peek(lex)->at;
    struct type_expr *type = types_parse_expr(lex, 0);
    if (!type)
        return false;
    *ret = type->text;
    return api_need(lex, ")");
}

/* After an error: the next step, return, or the saga's end. */
static void skip_step(struct lex *lex)
{
    for (;;) {
        const struct token *token = lex_peek(lex);
        if (token->kind == TOKEN_END || token_is(token, "}") ||
            (token->line_start &&
             (token_is(token, "step") || token_is(token, "return") ||
              token_is(token, "saga"))))
            return;
        lex_next(lex);
    }
}

static bool parse_item(struct lex *lex, struct raw_saga *saga)
{
    size_t at = lex_peek(lex)->at;
    if (api_eat(lex, "step"))
        return parse_step(lex, saga);
    if (api_eat(lex, "return")) {
        saga->result_at = at;
        return parse_inputs(lex, &saga->result);
    }
    api_expected(lex, "step, return, a clause of the step before, or '}'");
    lex_next(lex);
    return false;
}

/* Behind `saga`. */
static bool parse_saga(struct saga_file *file, struct lex *lex)
{
    struct raw_saga saga = {.request = "", .reply = ""};
    struct token name;
    if (!parse_word(lex, "the saga's name", &name))
        return false;
    saga.name = name.text;
    saga.at = name.at;
    if (!parse_type(lex, &saga.request, &saga.request_at))
        return false;
    if (api_eat(lex, "returns") &&
        !parse_type(lex, &saga.reply, &saga.reply_at))
        return false;
    if (!api_need(lex, "{"))
        return false;
    while (!api_eat(lex, "}")) {
        if (lex_peek(lex)->kind == TOKEN_END) {
            api_expected(lex, "'}'");
            return false;
        }
        if (!parse_item(lex, &saga))
            skip_step(lex);
    }
    *(struct raw_saga *)vec_add(file->pool, &file->raw, sizeof(saga)) = saga;
    return true;
}

static void import_file(struct saga_file *file, const struct token *name)
{
    const char *path = path_beside(file->pool, file->source->path, name->text);
    const struct schema_unit *unit = unit_import(file->source, name->at, path);
    if (unit)
        vec_push(file->pool, &file->imports, unit);
    else
        file->import_failed = true;
}

static void parse_import(struct saga_file *file, struct lex *lex)
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
        if (!file->schema->alone)
            import_file(file, &name);
    } while (block);
}

static void skip_statement(struct lex *lex)
{
    for (;;) {
        const struct token *token = lex_peek(lex);
        if (token->kind == TOKEN_END ||
            (token->line_start &&
             (token_is(token, "saga") || token_is(token, "type") ||
              token_is(token, "import"))))
            return;
        lex_next(lex);
    }
}

static void parse_statement(struct saga_file *file, struct lex *lex)
{
    if (api_eat(lex, "import")) {
        parse_import(file, lex);
    } else if (api_eat(lex, "type")) {
        types_parse(lex, &file->lowering.decls);
    } else if (api_eat(lex, "saga")) {
        if (!parse_saga(file, lex))
            skip_statement(lex);
    } else {
        api_expected(lex, "import, type or saga");
        lex_next(lex);
        skip_statement(lex);
    }
}

static void parse_file(struct saga_file *file)
{
    struct lex lex;
    lex_init(&lex, file->source);
    while (lex_peek(&lex)->kind != TOKEN_END)
        parse_statement(file, &lex);
}

void saga_read(struct source *source)
{
    struct schema *schema = source->schema;
    struct saga_file file = {
        .schema = schema, .pool = &schema->pool, .source = source};
    file.lowering = (struct lowering){
        .schema = schema, .pool = &schema->pool, .prefix = "", .root = source};
    schema->alone = true;
    parse_file(&file);
    schema->alone = false;
}

struct schema_unit *saga_load(struct source *source)
{
    struct schema *schema = source->schema;
    struct pool *pool = &schema->pool;
    struct schema_unit *unit = unit_new(schema, SCHEMA_SAGA, source->path);
    struct saga_file file = {.schema = schema, .pool = pool, .source = source};
    struct vec files = {0};
    file.lowering = (struct lowering){
        .schema = schema, .pool = pool, .prefix = unit->stem, .root = source};
    parse_file(&file);
    types_lower(&file.lowering);
    saga_check(&file);
    vec_push(pool, &files, source->path);
    unit->imports = file.imports.items;
    unit->import_count = file.imports.count;
    unit->messages = file.lowering.messages.items;
    unit->message_count = file.lowering.messages.count;
    unit->sagas = file.sagas.items;
    unit->saga_count = file.sagas.count;
    unit->files = files.items;
    unit->file_count = files.count;
    return unit;
}
