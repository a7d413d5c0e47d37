/* SPDX-License-Identifier: MIT
 *
 * Values behind "key:". One public dialect reads a value to the end of its
 * line, the other reads tokens and allows several pairs on a line. Both are
 * read here: a value ends at the line's end, at a comment, at the ')' of the
 * block, and before the next "key:" on the same line.
 */
#include <ctype.h>
#include <string.h>

#include "api.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* " key:" at this blank begins the next pair; in info "://" does not. */
static bool next_key(const char *text, bool info)
{
    text += strspn(text, " \t");
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    while (is_word(*text))
        text++;
    text += strspn(text, " \t");
    return *text == ':' && !(info && !strncmp(text, "://", 3));
}

static bool comment_starts(const char *text, bool blank_before)
{
    return text[0] == '/' &&
           ((text[1] == '/' && blank_before) || text[1] == '*');
}

/* Length of a raw value. */
static size_t raw_len(const char *text, bool info)
{
    int depth = 0;
    size_t i = 0;
    for (; text[i] && text[i] != '\n'; i++) {
        bool blank = i == 0 || strchr(" \t", text[i - 1]);
        if (comment_starts(text + i, blank))
            break;
        /* Once a run of blanks: a long one must not be read again and again. */
        if (strchr(" \t", text[i]) && i && !blank && next_key(text + i, info))
            break;
        depth += text[i] == '(';
        if (text[i] == ')' && depth-- <= 0)
            break;
    }
    while (i && strchr(" \t\r", text[i - 1]))
        i--;
    return i;
}

/* A list may go on in the next line behind a comma. */
static const char *raw_value(struct lex *lex, size_t at, bool info)
{
    const char *text = lex->source->text;
    const char *value = "";
    for (;;) {
        size_t len = raw_len(text + at, info);
        value = pool_printf(lex->source->pool, "%s%.*s", value, (int)len,
                            text + at);
        lex_seek(lex, at + len);
        if (info || !len || text[at + len - 1] != ',')
            return value;
        if (strlen(value) > API_VALUE_BYTES_MAX) {
            source_error(lex->source, at, "a value of more than %u bytes",
                         API_VALUE_BYTES_MAX);
            return value;
        }
        size_t next = lex_skip(lex, at + len);
        size_t newline = at + len + strcspn(text + at + len, "\n");
        if (next <= newline) {
            source_error(lex->source, at + len - 1,
                         "found ',' between two pairs, expected a new line");
            return value;
        }
        at = next;
        if (!is_word(text[at]))
            return value;
    }
}

/* An empty line behind "key:" is an empty value unless something that is no
 * key follows below. */
static size_t value_start(struct lex *lex, size_t at, bool *ret_empty)
{
    const char *text = lex->source->text;
    at += strspn(text + at, " \t");
    *ret_empty = false;
    if (!comment_starts(text + at, true) && !strchr("\r\n", text[at]))
        return at;
    size_t next = lex_skip(lex, at);
    *ret_empty =
        !text[next] || text[next] == ')' || next_key(text + next, false);
    return *ret_empty ? at : next;
}

static void parse_value(struct lex *lex, struct api_pair *pair, bool info)
{
    bool empty;
    size_t at = value_start(lex, lex->at, &empty);
    pair->value = "";
    pair->value_at = at;
    lex_seek(lex, at);
    if (empty)
        return;
    char first = lex->source->text[at];
    if (first != '"' && first != '`') {
        pair->value = raw_value(lex, at, info);
        return;
    }
    struct token token = lex_next(lex);
    pair->value = token.text;
    /* Old dialect: text behind the closing quote belongs to the value. */
    size_t rest = token.end + strspn(lex->source->text + token.end, " \t");
    if (token.kind != TOKEN_BAD && lex->source->text[rest] == ',')
        pair->value = raw_value(lex, at, info);
}

static bool duplicate(const struct vec *pairs, const char *key)
{
    const struct api_pair *all = pairs->items;
    for (size_t i = 0; i < pairs->count; i++)
        if (!strcmp(all[i].key, key))
            return true;
    return false;
}

/* Keys may hold dots and dashes: x-order. */
static const char *whole_key(struct lex *lex, const struct token *first)
{
    const char *text = lex->source->text;
    size_t end = first->end;
    while (is_word(text[end]) ||
           (strchr("-.", text[end]) && is_word(text[end + 1])))
        end++;
    lex_seek(lex, end);
    return pool_text_n(lex->source->pool, text + first->at, end - first->at);
}

static void keep_pair(struct lex *lex, struct vec *pairs,
                      const struct api_pair *pair, bool *full)
{
    if (duplicate(pairs, pair->key))
        source_error(lex->source, pair->at, "'%s' is set twice", pair->key);
    if (pairs->count < API_PAIRS_MAX) {
        *(struct api_pair *)vec_add(lex->source->pool, pairs, sizeof(*pair)) =
            *pair;
    } else if (!*full) {
        *full = true;
        source_error(lex->source, pair->at, "more than %d pairs",
                     API_PAIRS_MAX);
    }
}

void api_parse_pairs(struct lex *lex, struct vec *pairs, bool info)
{
    bool full = false;
    while (!api_eat(lex, ")")) {
        const struct token *token = lex_peek(lex);
        if (token->kind == TOKEN_END) {
            api_expected(lex, "')'");
            return;
        }
        if (token->kind != TOKEN_IDENT) {
            api_expected(lex, "a key or ')'");
            lex_next(lex);
            continue;
        }
        struct token key = lex_next(lex);
        key.text = whole_key(lex, &key);
        if (!api_need(lex, ":"))
            continue;
        struct api_pair pair = {.key = key.text, .at = key.at};
        parse_value(lex, &pair, info);
        keep_pair(lex, pairs, &pair, &full);
    }
}
