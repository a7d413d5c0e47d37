/* SPDX-License-Identifier: MIT
 *
 * Tokens of MySQL's dialect. Comments may stand anywhere; of those with an
 * exclamation mark only the frame is one. What lies between statements that
 * matter is passed over as raw text, so that a large dump costs little.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sql.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

/* Blanks beyond ASCII, from a web page or an editor: bytes of the one here. */
static size_t wide_blank(const char *text)
{
    if (!strncmp(text, "\xC2\xA0", 2))
        return 2;
    return !strncmp(text, "\xE3\x80\x80", 3) ||
                   !strncmp(text, "\xEF\xBB\xBF", 3)
               ? 3
               : 0;
}

static size_t skip_comment(struct sql_lex *lex, size_t at)
{
    const char *text = lex->source->text;
    const char *end = strstr(text + at + 2, "*/");
    if (end)
        return (size_t)(end - text) + 2;
    source_error(lex->source, at, "this comment has no end, expected '*/'");
    return lex->source->len;
}

/* Bytes of a comment's frame around code: "/_*!40101", MariaDB's "/_*M!100301".
 * Of versions that nobody has (999999 marks a dump) nothing is code. */
static size_t code_frame(const char *text)
{
    size_t len = !strncmp(text, "/*!", 3)   ? 3
                 : strncmp(text, "/*M!", 4) ? 0
                                            : 4;
    size_t digits = len ? strspn(text + len, "0123456789") : 0;
    if (digits > 5 && text[len] == '9')
        return 0;
    return len + digits;
}

/* "/_*!40101 ... *_/" is code: only its frame is skipped. */
static size_t skip_blank(struct sql_lex *lex, size_t at)
{
    const char *text = lex->source->text;
    for (;;) {
        if (text[at] && strchr(" \t\r\n\f\v", text[at])) {
            at++;
        } else if ((unsigned char)text[at] >= 0x80 && wide_blank(text + at)) {
            at += wide_blank(text + at);
        } else if (text[at] == '#' ||
                   (text[at] == '-' && text[at + 1] == '-')) {
            at += strcspn(text + at, "\n");
        } else if (code_frame(text + at)) {
            at += code_frame(text + at);
        } else if (!strncmp(text + at, "*/", 2)) {
            at += 2;
        } else if (!strncmp(text + at, "/*", 2)) {
            at = skip_comment(lex, at);
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
    case 'b':
        return '\b';
    case 'Z':
        return 26;
    default:
        return c;
    }
}

/* Where a quoted text ends: its last quote, or the file's end. */
static size_t quoted_end(const char *text, size_t at)
{
    char quote = text[at];
    const char stops[] = {quote, quote == '`' ? quote : '\\', '\0'};
    for (at++;; at++) {
        at += strcspn(text + at, stops);
        if (!text[at])
            return at;
        if (text[at] == quote && text[at + 1] != quote)
            return at;
        if (!text[++at])
            return at;
    }
}

/* '...' or "...": a doubled quote and a backslash escape. */
static struct sql_token read_quoted(struct sql_lex *lex, size_t at)
{
    const char *text = lex->source->text;
    char quote = text[at];
    size_t end = quoted_end(text, at);
    if (!text[end])
        source_error(lex->source, at, "this text has no end, expected %c",
                     quote);
    char *out = pool_alloc(lex->pool, end - at + 1);
    size_t len = 0;
    for (size_t i = at + 1; i < end; i++) {
        bool escape = text[i] == '\\' && quote != '`';
        if (escape || text[i] == quote)
            i++;
        if (i < end)
            out[len++] = escape ? unescaped(text[i]) : text[i];
    }
    return (struct sql_token){.kind = quote == '`' ? SQL_NAME : SQL_STRING,
                              .at = at,
                              .end = text[end] ? end + 1 : end,
                              .text = out};
}

static bool at_delimiter(const struct sql_lex *lex, size_t at)
{
    return !strncmp(lex->source->text + at, lex->delimiter,
                    strlen(lex->delimiter));
}

/* A word may begin with digits ("2fa_code"), a number has none but e and x. */
static enum sql_token_kind word_kind(const char *text, size_t len)
{
    size_t digits = strspn(text, "0123456789.");
    if (!isdigit((unsigned char)text[0]))
        return SQL_WORD;
    if (digits >= len)
        return SQL_NUMBER;
    if (text[0] == '0' && strchr("xXbB", text[1]) &&
        2 + strspn(text + 2, "0123456789abcdefABCDEF") >= len)
        return SQL_NUMBER;
    bool exponent =
        strchr("eE", text[digits]) &&
        (digits + 1 == len ||
         digits + 1 + strspn(text + digits + 1, "0123456789") >= len);
    return exponent ? SQL_NUMBER : SQL_WORD;
}

/* End of a word or a number, which a delimiter such as $$ ends too. */
static size_t word_end(const struct sql_lex *lex, size_t at)
{
    const char *text = lex->source->text;
    bool number = isdigit((unsigned char)text[at]);
    bool dollars = lex->delimiter[0] != ';';
    while ((is_word(text[at]) || (number && text[at] == '.' &&
                                  !isalpha((unsigned char)text[at + 1]))) &&
           !((unsigned char)text[at] >= 0x80 && wide_blank(text + at)) &&
           !(dollars && at_delimiter(lex, at)))
        at++;
    return at;
}

static bool at_line_start(const struct source *source, size_t at)
{
    while (at && strchr(" \t\r", source->text[at - 1]))
        at--;
    return !at || source->text[at - 1] == '\n';
}

static struct sql_token read_token(struct sql_lex *lex)
{
    const char *text = lex->source->text;
    size_t at = skip_blank(lex, lex->at), end = at;
    struct sql_token token = {.kind = SQL_MARK, .at = at};
    if (at >= lex->source->len)
        return (struct sql_token){.at = at, .end = at, .text = ""};
    if (strchr("'\"`", text[at]))
        return read_quoted(lex, at);
    if (at_delimiter(lex, at)) {
        end += strlen(lex->delimiter);
    } else if (is_word(text[at])) {
        end = word_end(lex, at);
        token.kind = word_kind(text + at, end - at);
        token.line_start = at_line_start(lex->source, at);
    } else {
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

void sql_seek(struct sql_lex *lex, size_t at)
{
    lex->held = false;
    lex->at = at;
}

bool sql_is(const struct sql_token *token, const char *word)
{
    return (token->kind == SQL_WORD || token->kind == SQL_MARK) &&
           !strcasecmp(token->text, word);
}

bool sql_at_end(struct sql_lex *lex)
{
    const struct sql_token *token = sql_peek(lex);
    return token->kind == SQL_END ||
           (token->kind == SQL_MARK && !strcmp(token->text, lex->delimiter));
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
    const char *text = lex->source->text + token->at;
    size_t line = strcspn(text, "\r\n"), len = token->end - token->at;
    const char *found = token->kind == SQL_END
                            ? "the end of the file"
                            : pool_printf(lex->pool, "'%.*s'",
                                          (int)(line < len ? line : len), text);
    source_error(lex->source, token->at, "found %s, expected %s", found, what);
}

const char *sql_identifier(struct sql_lex *lex, const char *what)
{
    const struct sql_token *token = sql_peek(lex);
    bool quoted =
        token->kind == SQL_NAME ||
        (token->kind == SQL_STRING && lex->source->text[token->at] == '"');
    if (token->kind == SQL_WORD || (quoted && token->text[0]))
        return sql_next(lex).text;
    sql_expected(lex, what);
    return NULL;
}

void sql_skip_item(struct sql_lex *lex)
{
    int depth = 0;
    do {
        if (sql_at_end(lex))
            return;
        struct sql_token token = sql_next(lex);
        depth += sql_is(&token, "(") - sql_is(&token, ")");
    } while (depth > 0);
}

void sql_skip_to_comma(struct sql_lex *lex)
{
    while (!sql_at_end(lex) && !sql_is(sql_peek(lex), ",") &&
           !sql_is(sql_peek(lex), ")"))
        sql_skip_item(lex);
}

/* "CREATE TABLE" here? */
static bool creates_table(const char *text)
{
    if (strncasecmp(text, "create", 6) || !isspace((unsigned char)text[6]))
        return false;
    text += 6 + strspn(text + 6, " \t\r\n");
    return !strncasecmp(text, "table", 5) && !is_word(text[5]);
}

void sql_skip_statement(struct sql_lex *lex, bool stop_at_create)
{
    const char *text = lex->source->text;
    size_t at = lex->held ? lex->token.at : lex->at;
    lex->held = false;
    while (at < lex->source->len) {
        size_t blank = skip_blank(lex, at);
        if (stop_at_create && at_line_start(lex->source, blank) &&
            creates_table(text + blank)) {
            lex->at = blank;
            return;
        }
        at = blank;
        if (at_delimiter(lex, at)) {
            at += strlen(lex->delimiter);
            break;
        }
        if (text[at] && strchr("'\"`", text[at]))
            at = quoted_end(text, at);
        else if (is_word(text[at]))
            at = word_end(lex, at) - 1;
        at += text[at] != '\0';
    }
    lex->at = at;
}

/* The word behind END, if it tells what ends: "END IF". */
static bool eat_ended(struct sql_lex *lex)
{
    static const char *const words[] = {"IF",     "LOOP", "WHILE",
                                        "REPEAT", "FOR",  NULL};
    for (int i = 0; words[i]; i++)
        if (sql_eat(lex, words[i]))
            return true;
    return false;
}

/* Through the delimiter outside of BEGIN and CASE; false: they have no END. */
static bool skip_blocks(struct sql_lex *lex)
{
    size_t depth = 0;
    for (;;) {
        if (sql_at_end(lex) && (!depth || sql_peek(lex)->kind == SQL_END))
            break;
        struct sql_token token = sql_next(lex);
        if (sql_is(&token, "BEGIN") || sql_is(&token, "CASE")) {
            depth++;
        } else if (sql_is(&token, "END") && depth && !eat_ended(lex)) {
            sql_eat(lex, "CASE");
            depth--;
        }
    }
    sql_eat(lex, lex->delimiter);
    return !depth;
}

void sql_skip_routine(struct sql_lex *lex)
{
    size_t from = sql_peek(lex)->at;
    if (strcmp(lex->delimiter, ";") != 0 || lex->unended) {
        sql_skip_statement(lex, false);
    } else if (!skip_blocks(lex)) {
        lex->unended = true;
        sql_seek(lex, from);
        sql_skip_statement(lex, false);
    }
}

const char *sql_text_since(struct sql_lex *lex, size_t from)
{
    const char *text = lex->source->text;
    size_t to = lex->at;
    while (to > from && strchr(" \t\r\n", text[to - 1]))
        to--;
    return pool_text_n(lex->pool, text + from, to > from ? to - from : 0);
}
