/* SPDX-License-Identifier: MIT
 *
 * The lexer. Lexical errors are reported here and become TOKEN_BAD.
 */
#include "lex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LEX_DOC_BYTES_MAX 2000 /* of comments that are kept as one text */

void lex_init(struct lex *lex, struct source *source)
{
    *lex = (struct lex){.source = source, .doc = ""};
}

static uint32_t code_point(const unsigned char *at)
{
    if (at[0] < 0x80)
        return at[0];
    if (at[0] < 0xE0)
        return (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu);
    if (at[0] < 0xF0)
        return (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return 0x10000;
}

/* Bytes of the letter at text; 0 if it is not one. Beyond ASCII everything is
 * taken for a letter but blanks and punctuation, full-width ones too. */
static size_t letter_len(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80)
        return isalpha(at[0]) || at[0] == '_';
    uint32_t point = code_point(at);
    if (point < 0xC0 || (point >= 0x2000 && point < 0x2C00) ||
        (point >= 0x3000 && point < 0x3040) ||
        (point >= 0xFF00 && point < 0xFF21) || point == 0xFEFF ||
        (point >= 0xFF3B && point < 0xFF41) ||
        (point >= 0xFF5B && point < 0xFF66))
        return point == 0xB5 ? 2 : 0;
    return at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
}

static size_t word_end(const char *text, size_t at)
{
    for (;;) {
        size_t len = letter_len(text + at);
        if (!len && !isdigit((unsigned char)text[at]))
            return at;
        at += len ? len : 1;
    }
}

static size_t skip_block(struct lex *lex, size_t at)
{
    const char *end = strstr(lex->source->text + at + 2, "*/");
    if (end)
        return (size_t)(end - lex->source->text) + 2;
    source_error(lex->source, at, "this comment has no end, expected '*/'");
    return lex->source->len;
}

static bool at_line_start(const struct source *source, size_t at)
{
    while (at && strchr(" \t\r\f\v", source->text[at - 1]))
        at--;
    return !at || source->text[at - 1] == '\n';
}

/* A comment behind something on its line is not about what follows. */
static void keep_doc(struct lex *lex, size_t from, size_t to)
{
    const char *text = lex->source->text;
    if (!at_line_start(lex->source, from))
        return;
    while (from < to && strchr("/*! \t\r\n", text[from]))
        from++;
    while (to > from && strchr("/* \t\r\n", text[to - 1]))
        to--;
    struct pool *pool = lex->source->pool;
    if (strlen(lex->doc) + (to - from) > LEX_DOC_BYTES_MAX)
        return;
    const char *said = pool_text_n(pool, text + from, to - from);
    lex->doc = lex->doc[0] ? pool_printf(pool, "%s %s", lex->doc, said) : said;
}

size_t lex_skip(struct lex *lex, size_t at)
{
    const char *text = lex->source->text;
    size_t newlines = 0;
    for (;;) {
        size_t start = at;
        if (text[at] && strchr(" \t\r\n\f\v", text[at])) {
            newlines += text[at] == '\n';
            /* A blank line parts a comment from what follows. */
            if (newlines > 1)
                lex->doc = "";
            at++;
        } else if (text[at] == '/' && text[at + 1] == '/') {
            at += strcspn(text + at, "\n");
            keep_doc(lex, start, at);
            newlines = 0;
        } else if (text[at] == '/' && text[at + 1] == '*') {
            at = skip_block(lex, at);
            keep_doc(lex, start, at);
            newlines = 0;
        } else {
            return at;
        }
    }
}

static struct token token_at(struct lex *lex, enum token_kind kind, size_t end)
{
    size_t at = lex->at;
    struct token token = {.kind = kind, .at = at, .end = end};
    token.text =
        pool_text_n(lex->source->pool, lex->source->text + at, end - at);
    return token;
}

/* The closing quote, or NULL. One public dialect knows no escapes, the other
 * knows \": a quote behind a backslash closes the text only where no other
 * quote follows on its line. */
static const char *closing_quote(const char *text, char quote)
{
    for (;; text++) {
        text = strchr(text, quote);
        if (!text || quote != '"' || text[-1] != '\\' || text[-2] == '\\')
            return text;
        size_t more = strcspn(text + 1, "\"\r\n");
        if (text[1 + more] != quote)
            return text;
    }
}

/* Without the backslashes before quotes. */
static const char *unescaped(struct pool *pool, const char *from, size_t len)
{
    char *text = pool_text_n(pool, from, len);
    size_t to = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\\' || text[i + 1] != '"')
            text[to++] = text[i];
    text[to] = '\0';
    return text;
}

static struct token quoted(struct lex *lex, char quote)
{
    const char *text = lex->source->text;
    const char *end = closing_quote(text + lex->at + 1, quote);
    if (!end) {
        source_error(lex->source, lex->at, "this text has no end, expected %c",
                     quote);
        return token_at(lex, TOKEN_BAD, lex->source->len);
    }
    struct token token = token_at(lex, quote == '"' ? TOKEN_STRING : TOKEN_RAW,
                                  (size_t)(end - text) + 1);
    size_t len = (size_t)(end - text) - lex->at - 1;
    token.text = quote == '"'
                     ? unescaped(lex->source->pool, text + lex->at + 1, len)
                     : pool_text_n(lex->source->pool, text + lex->at + 1, len);
    return token;
}

static struct token at_word(struct lex *lex)
{
    size_t end = word_end(lex->source->text, lex->at + 1);
    struct token token = token_at(lex, TOKEN_AT, end);
    if (strcmp(token.text, "@doc") && strcmp(token.text, "@handler") &&
        strcmp(token.text, "@server")) {
        source_error(lex->source, token.at,
                     "found '%s', expected @doc, @handler or @server",
                     token.text);
        token.kind = TOKEN_BAD;
    }
    return token;
}

static struct token bad_character(struct lex *lex)
{
    size_t end = lex->at + 1;
    const char *text = lex->source->text;
    while (((unsigned char)text[end] & 0xC0) == 0x80)
        end++;
    struct token token = token_at(lex, TOKEN_BAD, end);
    if (lex->source->mended && text[lex->at] == '?')
        source_error(lex->source, token.at,
                     "found a byte that is no UTF-8 text, outside a comment");
    else
        source_error(lex->source, token.at,
                     "found '%s', which has no meaning here", token.text);
    return token;
}

static size_t number_end(const char *text, size_t at)
{
    at = word_end(text, at);
    while (text[at] == '.' && isdigit((unsigned char)text[at + 1]))
        at = word_end(text, at + 1);
    return at;
}

static struct token scan(struct lex *lex)
{
    const char *text = lex->source->text;
    size_t at = lex->at;
    if (at >= lex->source->len)
        return token_at(lex, TOKEN_END, at);
    if (letter_len(text + at))
        return token_at(lex, TOKEN_IDENT, word_end(text, at));
    if (isdigit((unsigned char)text[at]))
        return token_at(lex, TOKEN_NUMBER, number_end(text, at));
    if (text[at] == '"' || text[at] == '`')
        return quoted(lex, text[at]);
    if (text[at] == '@')
        return at_word(lex);
    if (!strncmp(text + at, "...", 3))
        return token_at(lex, TOKEN_MARK, at + 3);
    if (strchr("-*/=([{,.)]};:", text[at]))
        return token_at(lex, TOKEN_MARK, at + 1);
    return bad_character(lex);
}

const struct token *lex_peek(struct lex *lex)
{
    if (lex->held)
        return &lex->token;
    lex->doc = "";
    lex->at = lex_skip(lex, lex->at);
    lex->token = scan(lex);
    lex->token.line_start = at_line_start(lex->source, lex->token.at);
    lex->held = true;
    return &lex->token;
}

struct token lex_next(struct lex *lex)
{
    struct token token = *lex_peek(lex);
    lex->held = false;
    lex->at = token.end;
    return token;
}

void lex_seek(struct lex *lex, size_t at)
{
    lex->held = false;
    lex->at = at;
}

bool token_is(const struct token *token, const char *mark_or_word)
{
    return (token->kind == TOKEN_MARK || token->kind == TOKEN_IDENT ||
            token->kind == TOKEN_AT) &&
           !strcmp(token->text, mark_or_word);
}

const char *token_name(struct lex *lex, const struct token *token)
{
    const char *text = lex->source->text + token->at;
    if (token->kind == TOKEN_END)
        return "the end of the file";
    size_t len = token->end - token->at;
    size_t line = strcspn(text, "\r\n");
    return pool_printf(lex->source->pool, "'%.*s'",
                       (int)(len < line ? len : line), text);
}

static bool unit_ms(const char **at, double *ret)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1},
                 {"us", 0.001},
                 {"\xC2\xB5s", 0.001},
                 {"ns", 0.000001},
                 {"h", 3600.0 * 1000},
                 {"m", 60.0 * 1000},
                 {"s", 1000},
                 {NULL, 0}};
    for (int i = 0; units[i].name; i++) {
        size_t len = strlen(units[i].name);
        if (!strncmp(*at, units[i].name, len)) {
            *at += len;
            *ret = units[i].ms;
            return true;
        }
    }
    return false;
}

bool lex_duration(const char *text, int64_t *ret_ms)
{
    double total = 0;
    if (!isdigit((unsigned char)*text))
        return false;
    while (*text) {
        char *end;
        double unit, count = strtod(text, &end);
        if (end == text)
            return false;
        text = end;
        if (!unit_ms(&text, &unit))
            return false;
        total += count * unit;
    }
    if (total > 1e15)
        return false;
    *ret_ms = (int64_t)total;
    return true;
}
