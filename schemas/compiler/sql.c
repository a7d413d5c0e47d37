/* SPDX-License-Identifier: MIT
 *
 * MySQL's dialect as people and mysqldump write it. Only CREATE TABLE is
 * understood; INSERT statements of moderate size are kept as seeds; every other
 * statement is passed over and counted.
 */
#include "sql.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

/* "/_*!40101 ... *_/" is code: only its frame is skipped. */
static size_t skip_blank(struct sql_lex *lex, size_t at)
{
    const char *text = lex->source->text;
    for (;;) {
        if (text[at] && strchr(" \t\r\n\f\v", text[at])) {
            at++;
        } else if (text[at] == '#' ||
                   (text[at] == '-' && text[at + 1] == '-')) {
            at += strcspn(text + at, "\n");
        } else if (!strncmp(text + at, "/*!", 3)) {
            at += 3;
            while (isdigit((unsigned char)text[at]))
                at++;
        } else if (!strncmp(text + at, "*/", 2)) {
            at += 2;
        } else if (!strncmp(text + at, "/*", 2)) {
            const char *end = strstr(text + at + 2, "*/");
            if (!end)
                source_error(lex->source, at,
                             "this comment has no end, expected '*/'");
            at = end ? (size_t)(end - text) + 2 : lex->source->len;
        } else {
            return at;
        }
    }
}

static char unescaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

/* '...' or "...": a doubled quote and a backslash escape. */
static struct sql_token read_quoted(struct sql_lex *lex, size_t at)
{
    const char *text = lex->source->text;
    char quote = text[at];
    struct sql_token token = {.kind = SQL_STRING, .at = at};
    size_t end = at + 1;
    for (; text[end]; end++) {
        if (text[end] == '\\' && quote != '`' && text[end + 1])
            end++;
        else if (text[end] == quote && text[end + 1] == quote)
            end++;
        else if (text[end] == quote)
            break;
    }
    if (!text[end])
        source_error(lex->source, at, "this text has no end, expected %c",
                     quote);
    char *out = pool_alloc(lex->pool, end - at + 1);
    size_t len = 0;
    for (size_t i = at + 1; i < end; i++) {
        bool escape = text[i] == '\\' && quote != '`';
        if (escape || text[i] == quote)
            i++;
        out[len++] = escape ? unescaped(text[i]) : text[i];
    }
    token.kind = quote == '`' ? SQL_NAME : SQL_STRING;
    token.text = out;
    token.end = text[end] ? end + 1 : end;
    return token;
}

static struct sql_token read_token(struct sql_lex *lex)
{
    const char *text = lex->source->text;
    size_t at = skip_blank(lex, lex->at), end = at;
    struct sql_token token = {.at = at};
    if (at >= lex->source->len) {
        token.end = at;
        token.text = "";
        return token;
    }
    if (strchr("'\"`", text[at]))
        return read_quoted(lex, at);
    size_t delimiter = strlen(lex->delimiter);
    if (delimiter > 1 && !strncmp(text + at, lex->delimiter, delimiter)) {
        token.kind = SQL_MARK;
        end += delimiter;
    } else if (isdigit((unsigned char)text[at])) {
        token.kind = SQL_NUMBER;
        while (is_word(text[end]) || text[end] == '.')
            end++;
    } else if (is_word(text[at])) {
        token.kind = SQL_WORD;
        while (is_word(text[end]))
            end++;
    } else {
        token.kind = SQL_MARK;
        end++;
    }
    token.end = end;
    token.text = pool_text_n(lex->pool, text + at, end - at);
    return token;
}

const struct sql_token *sql_peek(struct sql_lex *lex)
{
    if (!lex->held)
        lex->token = read_token(lex);
    lex->held = true;
    return &lex->token;
}

struct sql_token sql_next(struct sql_lex *lex)
{
    struct sql_token token = *sql_peek(lex);
    lex->held = false;
    lex->at = token.end;
    return token;
}

bool sql_is(const struct sql_token *token, const char *word)
{
    return (token->kind == SQL_WORD || token->kind == SQL_MARK) &&
           !strcasecmp(token->text, word);
}

bool sql_eat(struct sql_lex *lex, const char *word)
{
    if (!sql_is(sql_peek(lex), word))
        return false;
    sql_next(lex);
    return true;
}

void sql_expected(struct sql_lex *lex, const char *what)
{
    const struct sql_token *token = sql_peek(lex);
    const char *found =
        token->kind == SQL_END
            ? "the end of the file"
            : pool_printf(
                  lex->pool, "'%.*s'",
                  (int)strcspn(lex->source->text + token->at, "\r\n") >
                          (int)(token->end - token->at)
                      ? (int)(token->end - token->at)
                      : (int)strcspn(lex->source->text + token->at, "\r\n"),
                  lex->source->text + token->at);
    source_error(lex->source, token->at, "found %s, expected %s", found, what);
}

const char *sql_identifier(struct sql_lex *lex, const char *what)
{
    const struct sql_token *token = sql_peek(lex);
    if (token->kind == SQL_WORD || token->kind == SQL_NAME ||
        (token->kind == SQL_STRING && lex->source->text[token->at] == '"'))
        return sql_next(lex).text;
    sql_expected(lex, what);
    return NULL;
}

void sql_skip_item(struct sql_lex *lex)
{
    int depth = 0;
    do {
        struct sql_token token = sql_next(lex);
        if (token.kind == SQL_END)
            return;
        depth += sql_is(&token, "(") - sql_is(&token, ")");
    } while (depth > 0);
}

const char *sql_text_since(struct sql_lex *lex, size_t from)
{
    const char *text = lex->source->text;
    size_t to = lex->at;
    while (to > from && strchr(" \t\r\n", text[to - 1]))
        to--;
    return pool_text_n(lex->pool, text + from, to - from);
}

struct sql_file {
    struct sql_lex lex;
    struct vec tables;  /* struct schema_table * */
    struct vec skipped; /* struct schema_pair; value is a count as text */
    struct vec counts;  /* size_t, beside skipped */
    struct vec seeds;   /* struct seed */
};

struct seed {
    const char *table;
    const char *text;
};

static void count_statement(struct sql_file *file, const char *word)
{
    struct pool *pool = file->lex.pool;
    char *upper = pool_text(pool, word);
    for (char *at = upper; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    struct schema_pair *pairs = file->skipped.items;
    size_t *counts = file->counts.items;
    for (size_t i = 0; i < file->skipped.count; i++)
        if (!strcmp(pairs[i].key, upper)) {
            counts[i]++;
            return;
        }
    struct schema_pair *pair = vec_add(pool, &file->skipped, sizeof(*pair));
    pair->key = upper;
    *(size_t *)vec_add(pool, &file->counts, sizeof(size_t)) = 1;
}

/* To the delimiter; texts and parentheses inside do not matter. */
static void skip_statement(struct sql_lex *lex)
{
    for (;;) {
        struct sql_token token = sql_next(lex);
        if (token.kind == SQL_END ||
            (token.kind == SQL_MARK && !strcmp(token.text, lex->delimiter)))
            return;
    }
}

/* DELIMITER is the client's: its line is raw. */
static void set_delimiter(struct sql_lex *lex)
{
    const char *text = lex->source->text;
    size_t at = lex->at + strspn(text + lex->at, " \t");
    size_t len = strcspn(text + at, " \t\r\n");
    lex->delimiter = len ? pool_text_n(lex->pool, text + at, len) : ";";
    lex->at = at + strcspn(text + at, "\n");
    lex->held = false;
}

/* Behind INSERT: the table's name, whatever stands before it. */
static const char *insert_target(struct sql_lex *lex)
{
    static const char *const words[] = {
        "INTO", "IGNORE", "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", NULL};
    for (int i = 0; words[i]; i++)
        if (sql_eat(lex, words[i]))
            i = -1;
    const struct sql_token *token = sql_peek(lex);
    if (token->kind != SQL_WORD && token->kind != SQL_NAME)
        return NULL;
    const char *name = sql_next(lex).text;
    if (!sql_eat(lex, "."))
        return name;
    token = sql_peek(lex);
    return token->kind == SQL_WORD || token->kind == SQL_NAME
               ? sql_next(lex).text
               : NULL;
}

static void keep_seed(struct sql_file *file, size_t from)
{
    struct sql_lex *lex = &file->lex;
    const char *table = insert_target(lex);
    skip_statement(lex);
    const char *text = lex->source->text;
    size_t to = lex->at;
    while (to > from && strchr("; \t\r\n", text[to - 1]))
        to--;
    if (!table || to - from > SQL_SEED_BYTES_MAX ||
        file->seeds.count >= SQL_SEEDS_MAX)
        return;
    struct seed *seed = vec_add(lex->pool, &file->seeds, sizeof(*seed));
    seed->table = table;
    seed->text = pool_text_n(lex->pool, text + from, to - from);
}

static bool eat_create_table(struct sql_lex *lex)
{
    size_t back = lex->at;
    sql_eat(lex, "TEMPORARY");
    if (sql_eat(lex, "TABLE"))
        return true;
    lex->at = back;
    lex->held = false;
    return false;
}

static void read_statement(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    struct sql_token word = sql_next(lex);
    if (word.kind == SQL_MARK && !strcmp(word.text, lex->delimiter))
        return;
    if (sql_is(&word, "DELIMITER")) {
        set_delimiter(lex);
        return;
    }
    if (sql_is(&word, "CREATE") && eat_create_table(lex)) {
        if (!sql_create_table(lex, &file->tables))
            count_statement(file, "CREATE TABLE LIKE");
        skip_statement(lex);
        return;
    }
    count_statement(file, word.text);
    if (sql_is(&word, "INSERT"))
        keep_seed(file, word.at);
    else
        skip_statement(lex);
}

static void give_seeds(struct sql_file *file)
{
    struct pool *pool = file->lex.pool;
    struct schema_table **tables = file->tables.items;
    const struct seed *seeds = file->seeds.items;
    for (size_t i = 0; i < file->tables.count; i++) {
        struct vec own = {0};
        for (size_t j = 0; j < file->seeds.count; j++)
            if (!strcmp(seeds[j].table, tables[i]->name))
                vec_push(pool, &own, seeds[j].text);
        tables[i]->seeds = vec_texts(pool, &own);
    }
}

static void check_names(struct sql_file *file)
{
    struct schema_table *const *tables = file->tables.items;
    for (size_t i = 0; i < file->tables.count; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(tables[i]->name, tables[j]->name)) {
                schema_error_add(file->lex.source->schema, &tables[i]->pos,
                                 NULL,
                                 "table '%s' is declared already, in line %u",
                                 tables[i]->name, tables[j]->pos.line);
                break;
            }
}

struct schema_unit *sql_load(struct source *source)
{
    struct pool *pool = source->pool;
    struct sql_file file = {
        .lex = {.source = source, .pool = pool, .delimiter = ";"}};
    struct schema_unit *unit =
        unit_new(source->schema, SCHEMA_SQL, source->path);
    while (sql_peek(&file.lex)->kind != SQL_END)
        read_statement(&file);
    check_names(&file);
    give_seeds(&file);
    struct schema_pair *skipped = file.skipped.items;
    const size_t *counts = file.counts.items;
    for (size_t i = 0; i < file.skipped.count; i++)
        skipped[i].value = pool_printf(pool, "%zu", counts[i]);
    struct vec files = {0};
    vec_push(pool, &files, source->path);
    unit->tables = file.tables.items;
    unit->table_count = file.tables.count;
    unit->skipped = skipped;
    unit->skipped_count = file.skipped.count;
    unit->files = files.items;
    unit->file_count = files.count;
    return unit;
}
