/* SPDX-License-Identifier: MIT
 *
 * Identifiers.
 */
#include "name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "map.h"

static bool listed(const char *const *list, const char *text)
{
    for (; *list; list++)
        if (!strcmp(*list, text))
            return true;
    return false;
}

/* C11's keywords, the types of stdint.h, and what the headers that generated
 * code includes define as macros. */
static const char *const reserved[] = {"auto",
                                       "break",
                                       "case",
                                       "char",
                                       "const",
                                       "continue",
                                       "default",
                                       "do",
                                       "double",
                                       "else",
                                       "enum",
                                       "extern",
                                       "float",
                                       "for",
                                       "goto",
                                       "if",
                                       "inline",
                                       "int",
                                       "long",
                                       "register",
                                       "restrict",
                                       "return",
                                       "short",
                                       "signed",
                                       "sizeof",
                                       "static",
                                       "struct",
                                       "switch",
                                       "typedef",
                                       "union",
                                       "unsigned",
                                       "void",
                                       "volatile",
                                       "while",
                                       "_Alignas",
                                       "_Alignof",
                                       "_Atomic",
                                       "_Bool",
                                       "_Complex",
                                       "_Generic",
                                       "_Imaginary",
                                       "_Noreturn",
                                       "_Static_assert",
                                       "_Thread_local",
                                       "asm",
                                       "typeof",
                                       "bool",
                                       "true",
                                       "false",
                                       "alignas",
                                       "alignof",
                                       "static_assert",
                                       "thread_local",
                                       "nullptr",
                                       "constexpr",
                                       "errno",
                                       "stdin",
                                       "stdout",
                                       "stderr",
                                       "assert",
                                       "offsetof",
                                       "linux",
                                       "unix",
                                       "i386",
                                       "math_errhandling",
                                       "NULL",
                                       "EOF",
                                       "INFINITY",
                                       "NAN",
                                       "MAXFLOAT",
                                       "int8_t",
                                       "int16_t",
                                       "int32_t",
                                       "int64_t",
                                       "uint8_t",
                                       "uint16_t",
                                       "uint32_t",
                                       "uint64_t",
                                       "size_t",
                                       "ptrdiff_t",
                                       "wchar_t",
                                       "max_align_t",
                                       NULL};

/* What those headers call their families of macros. */
static const char *const families[] = {
    "BUS_",   "FP_",      "HUGE_VAL", "INT8_", "INT16_", "INT32_",
    "INT64_", "INTMAX_",  "INTPTR_",  "INT_",  "MATH_",  "MODEL_",
    "M_",     "PTRDIFF_", "SAGA_",    "SIG_",  "SIZE_",  "SNAN",
    "UINT",   "WCHAR_",   "WINT_",    NULL};

static bool is_reserved(const char *text)
{
    if (!text[strcspn(text, "abcdefghijklmnopqrstuvwxyz")])
        for (const char *const *at = families; *at; at++)
            if (!strncmp(text, *at, strlen(*at)))
                return true;
    return listed(reserved, text) || !strncmp(text, "__", 2);
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

void name_members(struct pool *pool, struct schema_field *first, size_t count,
                  size_t stride)
{
    struct map taken = {0};
    for (size_t i = 0; i < count; i++) {
        struct schema_field *field =
            (struct schema_field *)((char *)first + i * stride);
        const char *name = name_member(pool, field->name);
        const char *has = pool_printf(pool, "has_%s", name);
        while (map_get(&taken, name) ||
               (field->presence && map_get(&taken, has))) {
            name = pool_printf(pool, "%s_", name);
            has = pool_printf(pool, "has_%s", name);
        }
        field->c_name = name;
        map_put(pool, &taken, name, field);
        if (field->presence)
            map_put(pool, &taken, has, field);
    }
}

const char *name_prefix(struct pool *pool, const char *actor)
{
    static const char *const ours[] = {"actor", "bus",   "fixture",
                                       "model", "saga",  "fake",
                                       "asked", "store", NULL};
    const char *name = name_c(pool, actor);
    return listed(ours, name) ? pool_printf(pool, "%s_", name) : name;
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

/* Between two letters they part no words: Unicode's MidLetter and the like. */
static bool is_mid(unsigned char c)
{
    return c == '.' || c == '\'' || c == ':';
}

const char *name_go(struct pool *pool, const char *text, bool upper)
{
    char *out = pool_alloc(pool, strlen(text) + 1);
    size_t to = 0;
    bool within = false, mid = false; /* a word; behind such a mark */
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '_') {
            within = mid = false;
            continue;
        }
        if (isalpha(c) && !within) {
            c = (unsigned char)toupper(c);
            within = true;
        } else if (c < 0x80 && !isalnum(c)) {
            within = within && is_mid(c) && !mid;
        }
        mid = is_mid(c);
        out[to++] = (char)c;
    }
    if (!upper)
        out[0] = (char)tolower((unsigned char)out[0]);
    return out;
}

const char *name_go_safe(struct pool *pool, const char *text)
{
    char *out = pool_alloc(pool, strlen(text) + 2);
    size_t to = 0;
    if (isdigit((unsigned char)text[0]))
        out[to++] = '_';
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        out[to++] = c >= 0x80 || isalnum(c) ? *text : '_';
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
