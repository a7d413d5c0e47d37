/* SPDX-License-Identifier: MIT
 *
 * Identifiers.
 */
#include "name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool listed(const char *const *list, const char *text)
{
    for (; *list; list++)
        if (!strcmp(*list, text))
            return true;
    return false;
}

static bool is_reserved(const char *text)
{
    /* C11's keywords, and what the headers that generated code includes define
     * as macros. */
    static const char *const words[] = {
        "auto",     "break",       "case",     "char",     "const",
        "continue", "default",     "do",       "double",   "else",
        "enum",     "extern",      "float",    "for",      "goto",
        "if",       "inline",      "int",      "long",     "register",
        "restrict", "return",      "short",    "signed",   "sizeof",
        "static",   "struct",      "switch",   "typedef",  "union",
        "unsigned", "void",        "volatile", "while",    "asm",
        "typeof",   "bool",        "true",     "false",    "errno",
        "stdin",    "stdout",      "stderr",   "assert",   "NULL",
        "EOF",      "linux",       "unix",     "INFINITY", "NAN",
        "offsetof", "max_align_t", NULL};
    return listed(words, text);
}

bool name_is_go_keyword(const char *text)
{
    static const char *const words[] = {
        "break", "case",   "chan",        "const",     "continue", "default",
        "defer", "else",   "fallthrough", "for",       "func",     "go",
        "goto",  "if",     "import",      "interface", "map",      "package",
        "range", "return", "select",      "struct",    "switch",   "type",
        "var",   NULL};
    return listed(words, text);
}

const char *name_c(struct pool *pool, const char *text)
{
    size_t len = strlen(text);
    char *out = pool_alloc(pool, len * 3 + 2);
    size_t to = 0;
    if (isdigit((unsigned char)text[0]))
        out[to++] = '_';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80)
            to += (size_t)snprintf(out + to, 3, "%02x", c);
        else
            out[to++] = isalnum(c) || c == '_' ? (char)c : '_';
    }
    if (!to || isdigit((unsigned char)out[0])) {
        memmove(out + 1, out, to);
        out[0] = '_';
    }
    return out;
}

const char *name_member(struct pool *pool, const char *text)
{
    const char *name = name_c(pool, text);
    return is_reserved(name) ? pool_printf(pool, "%s_", name) : name;
}

const char *name_join(struct pool *pool, const char *prefix, const char *name)
{
    return name_c(pool, pool_printf(pool, "%s_%s", prefix, name));
}

const char *name_camel(struct pool *pool, const char *text, bool upper)
{
    char *out = pool_alloc(pool, strlen(text) + 1);
    size_t to = 0;
    bool next = upper;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '_' || c == '-' || c == ' ') {
            next = to > 0 || upper;
            continue;
        }
        bool lower = !next && to == 0;
        out[to] = (char)(next ? toupper(c) : lower ? tolower(c) : c);
        to++;
        next = false;
    }
    return out;
}

const char *name_stem(struct pool *pool, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return pool_text_n(pool, base, dot ? (size_t)(dot - base) : strlen(base));
}
