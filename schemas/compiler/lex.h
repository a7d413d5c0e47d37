/* SPDX-License-Identifier: MIT
 *
 * Tokens of the .api and .saga languages, made one at a time, because some
 * places (values to the end of a line, route paths) are read as raw text: the
 * parser moves `at` there and goes on behind it.
 */
#ifndef SCHEMA_LEX_H
#define SCHEMA_LEX_H

#include "source.h"

enum token_kind {
    TOKEN_END,
    TOKEN_IDENT,
    TOKEN_NUMBER, /* starts with a digit: 10, 3s, 1h10m, 1.5 */
    TOKEN_STRING, /* text without its quotes */
    TOKEN_RAW,    /* text without its back-quotes */
    TOKEN_AT,     /* @doc */
    TOKEN_MARK,   /* one punctuation character, or "..." */
    TOKEN_BAD,    /* said already */
};

struct token {
    enum token_kind kind;
    size_t at;        /* offset of its first byte */
    size_t end;       /* behind its last */
    const char *text; /* NUL-terminated */
    bool line_start;  /* nothing but blanks before it on its line */
};

struct lex {
    struct source *source;
    size_t at; /* where the next token is looked for */
    bool held; /* token is the lookahead */
    struct token token;
    const char *doc; /* comments just before the lookahead, "" */
};

void lex_init(struct lex *lex, struct source *source);
const struct token *lex_peek(struct lex *lex);
struct token lex_next(struct lex *lex);

/* Forgets the lookahead; reading goes on at that offset. */
void lex_seek(struct lex *lex, size_t at);

/* Skips blanks and comments from an offset; returns where that ended. */
size_t lex_skip(struct lex *lex, size_t at);

bool token_is(const struct token *token, const char *mark_or_word);

/* How an error names a token: "'x'", "the end of the file". */
const char *token_name(struct lex *lex, const struct token *token);

/* "3s", "1h10m", "500ms" to milliseconds; false if it is not a duration. */
bool lex_duration(const char *text, int64_t *ret_ms);

#endif
