/* SPDX-License-Identifier: MIT
 *
 * A walk over the tokens of a .proto file. A custom option means nothing here,
 * but protoc must know its type to read it: where the file that declares it is
 * not at hand, the option is blanked in a copy, byte for byte, so that every
 * position stays right. That is a statement `option (x) = ...;` or a part of
 * `[...]` that begins with '('.
 */
#include "proto_mend.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct token {
    char kind; /* 'w'ord, 's'tring, itself, or 0 at the end */
    size_t at, end;
};

struct walk {
    struct pool *pool;
    const char *text;
    size_t at;
    bool starts; /* the next token begins a statement */
};

static size_t skip_blank(const char *text, size_t at)
{
    for (;;) {
        at += strspn(text + at, " \t\r\n\f\v");
        if (!strncmp(text + at, "//", 2)) {
            at += strcspn(text + at, "\n");
        } else if (!strncmp(text + at, "/*", 2)) {
            const char *end = strstr(text + at + 2, "*/");
            at = end ? (size_t)(end - text) + 2 : at + strlen(text + at);
        } else {
            return at;
        }
    }
}

static size_t string_end(const char *text, size_t at)
{
    char quote = text[at++];
    while (text[at] && text[at] != quote && text[at] != '\n')
        at += text[at] == '\\' && text[at + 1] ? 2 : 1;
    return text[at] == quote ? at + 1 : at;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static struct token peek(const struct walk *walk)
{
    const char *text = walk->text;
    size_t at = skip_blank(text, walk->at), end = at + 1;
    if (!text[at])
        return (struct token){0, at, at};
    if (text[at] == '"' || text[at] == '\'')
        return (struct token){'s', at, string_end(text, at)};
    if (!is_word(text[at]))
        return (struct token){text[at], at, end};
    while (is_word(text[end]))
        end++;
    return (struct token){'w', at, end};
}

static struct token next(struct walk *walk)
{
    struct token token = peek(walk);
    walk->at = token.end;
    walk->starts = token.kind && strchr(";{}", token.kind);
    return token;
}

static bool is(const struct walk *walk, const struct token *token,
               const char *word)
{
    size_t len = strlen(word);
    return token->kind == 'w' && token->end - token->at == len &&
           !memcmp(walk->text + token->at, word, len);
}

/* Through balanced brackets to one of the marks at this depth, which is not
 * taken. */
static void skip_to(struct walk *walk, const char *marks)
{
    int depth = 0;
    for (;;) {
        struct token token = peek(walk);
        if (!token.kind || (!depth && strchr(marks, token.kind)))
            return;
        depth += strchr("([{", token.kind) != NULL;
        depth -= depth && strchr(")]}", token.kind);
        next(walk);
    }
}

/* Behind `import`: its name through ';'. False: there is none. */
static bool read_import(struct walk *walk, const char **ret_name)
{
    struct token token = peek(walk);
    if (token.kind == 'w')
        next(walk); /* public, weak */
    token = peek(walk);
    if (token.kind != 's' || token.end - token.at < 2)
        return false;
    next(walk);
    *ret_name = pool_text_n(walk->pool, walk->text + token.at + 1,
                            token.end - token.at - 2);
    if (peek(walk).kind == ';')
        next(walk);
    return true;
}

void proto_imports(struct pool *pool, const char *text, struct vec *ret)
{
    struct walk walk = {pool, text, 0, true};
    for (;;) {
        bool starts = walk.starts;
        const char *name;
        struct token token = next(&walk);
        if (!token.kind)
            return;
        if (!starts || !is(&walk, &token, "import") ||
            !read_import(&walk, &name))
            continue;
        struct proto_import *import = vec_add(pool, ret, sizeof(*import));
        *import = (struct proto_import){name, token.at};
        walk.starts = true;
    }
}

static void blank(char *text, size_t from, size_t to)
{
    for (; from < to; from++)
        if (!strchr("\t\r\n", text[from]))
            text[from] = ' ';
}

/* Behind '[': parts that begin with '(' go, each with one ',', and the brackets
 * with the last of them. Returns how many went. */
static size_t mend_list(struct walk *walk, char *out, size_t open)
{
    size_t gone = 0, kept = 0, comma = 0; /* behind the last part kept */
    struct token end;
    do {
        struct token first = peek(walk);
        skip_to(walk, ",]");
        end = peek(walk);
        if (first.kind == '(') {
            blank(out, first.at, end.at);
            gone++;
        } else {
            kept++;
        }
        next(walk);
        if (first.kind == '(' && end.kind == ',')
            blank(out, end.at, end.end);
        else if (first.kind != '(')
            comma = end.kind == ',' ? end.at : 0;
        else if (kept && comma)
            blank(out, comma, comma + 1);
    } while (end.kind == ',');
    if (gone && !kept)
        blank(out, open, end.end);
    return gone;
}

char *proto_mend(struct pool *pool, const char *text, const struct map *missing,
                 size_t *ret_options)
{
    struct walk walk = {pool, text, 0, true};
    char *out = pool_text(pool, text);
    *ret_options = 0;
    for (;;) {
        bool starts = walk.starts;
        const char *name;
        struct token token = next(&walk);
        if (!token.kind)
            return out;
        if (token.kind == '[') {
            *ret_options += mend_list(&walk, out, token.at);
        } else if (starts && is(&walk, &token, "option") &&
                   peek(&walk).kind == '(') {
            skip_to(&walk, ";");
            blank(out, token.at, next(&walk).end);
            ++*ret_options;
        } else if (starts && is(&walk, &token, "import") &&
                   read_import(&walk, &name)) {
            walk.starts = true;
            if (map_get(missing, name))
                blank(out, token.at, walk.at);
        }
    }
}

size_t proto_word(const char *text, size_t from, const char *word)
{
    struct walk walk = {NULL, text, from, true};
    for (;;) {
        struct token token = next(&walk);
        if (!token.kind)
            return SIZE_MAX;
        if (is(&walk, &token, word))
            return token.at;
    }
}
