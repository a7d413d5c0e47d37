/* SPDX-License-Identifier: MIT
 *
 * The JSON lexer: RFC 8259 to the letter, and stricter where the RFC leaves a
 * choice (duplicate keys, lone surrogates, NUL). Nothing is copied unless a
 * text has escapes. Duplicate keys are found by sorting an object's keys at its
 * end, so that no input makes it quadratic and no hash can be flooded.
 */
#include "bus/json_in.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/shape.h"
#include "bus/utf8.h"

#define KEYS_FIRST 64    /* room for keys before the stack first grows */
#define KEYS_PAIRWISE 12 /* up to here comparing all pairs beats a sort */

void json_open(struct json_in *in, struct bus_bytes text,
               struct bus_arena *arena, struct bus_error *err)
{
    static const uint8_t nothing[1];
    *in = (struct json_in){.arena = arena, .err = err};
    in->start = text.len ? text.data : nothing;
    in->at = in->start;
    in->end = in->start + text.len;
}

void json_close(struct json_in *in)
{
    free(in->keys);
    in->keys = NULL;
}

int json_bad(struct json_in *in, const uint8_t *at, const char *what)
{
    assert(at >= in->start && at <= in->end);
    return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                         "malformed JSON at byte %zu: %s",
                         (size_t)(at - in->start) + 1, what);
}

int json_full(struct json_in *in)
{
    return bus_error_set(in->err, BUS_RESOURCE_EXHAUSTED,
                         "the message needs more memory than a call may use");
}

/* What was expected at the cursor; the end of the text is named as such. */
static int json_expected(struct json_in *in, const char *what)
{
    return json_bad(in, in->at, in->at == in->end ? "unexpected end" : what);
}

static void skip_blanks(struct json_in *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' ||
                                *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

static bool next_is(const struct json_in *in, uint8_t byte)
{
    return in->at < in->end && *in->at == byte;
}

static bool next_is_digit(const struct json_in *in)
{
    return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

enum json_type json_peek(struct json_in *in)
{
    skip_blanks(in);
    if (in->at == in->end)
        return JSON_NONE;
    switch (*in->at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_LIST;
    case '"':
        return JSON_TEXT;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    case '-':
        return JSON_NUMBER;
    default:
        return next_is_digit(in) ? JSON_NUMBER : JSON_NONE;
    }
}

const char *json_type_name(enum json_type type)
{
    switch (type) {
    case JSON_NULL:
        return "null";
    case JSON_BOOL:
        return "bool";
    case JSON_NUMBER:
        return "number";
    case JSON_TEXT:
        return "string";
    case JSON_LIST:
        return "list";
    case JSON_OBJECT:
        return "object";
    case JSON_NONE:
        break;
    }
    return "nothing";
}

static int take_word(struct json_in *in, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0)
        return json_expected(in, "expected a value");
    in->at += len;
    return 0;
}

int json_null(struct json_in *in)
{
    skip_blanks(in);
    return take_word(in, "null");
}

int json_bool(struct json_in *in, struct bus_bytes *ret)
{
    skip_blanks(in);
    const uint8_t *from = in->at;
    int code = take_word(in, next_is(in, 't') ? "true" : "false");
    if (code == 0)
        *ret = (struct bus_bytes){from, (size_t)(in->at - from)};
    return code;
}

static int take_digits(struct json_in *in)
{
    if (!next_is_digit(in))
        return json_expected(in, "expected a digit");
    while (next_is_digit(in))
        in->at++;
    return 0;
}

int json_number(struct json_in *in, struct bus_bytes *ret)
{
    int code = 0;
    skip_blanks(in);
    const uint8_t *from = in->at;
    if (next_is(in, '-'))
        in->at++;
    if (next_is(in, '0'))
        in->at++;
    else
        code = take_digits(in);
    if (code == 0 && next_is(in, '.')) {
        in->at++;
        code = take_digits(in);
    }
    if (code == 0 && (next_is(in, 'e') || next_is(in, 'E'))) {
        in->at++;
        if (next_is(in, '+') || next_is(in, '-'))
            in->at++;
        code = take_digits(in);
    }
    if (code == 0)
        *ret = (struct bus_bytes){from, (size_t)(in->at - from)};
    return code;
}

/* -- texts ----------------------------------------------------------------- */

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* Four hexadecimal digits at `at`, or -1. */
static int32_t hex_four(const uint8_t *at, const uint8_t *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* What follows \u: one unit or a surrogate pair, moving *at past it. */
static int unescape_unit(struct json_in *in, const uint8_t **at,
                         const uint8_t *end, uint32_t *ret)
{
    const uint8_t *from = *at - 2;
    int32_t unit = hex_four(*at, end);
    if (unit < 0)
        return json_bad(in, from, "expected four hexadecimal digits");
    if (unit == 0)
        return json_bad(in, from, "a NUL character in text");
    *at += 4;
    uint32_t point = (uint32_t)unit;
    if (is_high(unit)) {
        const uint8_t *next = *at;
        bool pair = end - next >= 6 && next[0] == '\\' && next[1] == 'u';
        int32_t low = pair ? hex_four(next + 2, end) : -1;
        if (!is_low(low))
            return json_bad(in, from, "a lone surrogate");
        point = 0x10000 + ((uint32_t)(unit - 0xD800) << 10) +
                (uint32_t)(low - 0xDC00);
        *at += 6;
    } else if (is_low(unit)) {
        return json_bad(in, from, "a lone surrogate");
    }
    *ret = point;
    return 0;
}

/* What follows a backslash. Appends to *to, which has room for it: no escape is
 * shorter than what it stands for. */
static int unescape_one(struct json_in *in, const uint8_t **at,
                        const uint8_t *end, uint8_t **to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    uint8_t name = *(*at)++;
    uint32_t point = 0;
    if (name == 'u') {
        int code = unescape_unit(in, at, end, &point);
        if (code == 0)
            *to += bus_utf8_put(point, *to);
        return code;
    }
    const char *found = name ? strchr(names, name) : NULL;
    if (!found)
        return json_bad(in, *at - 1, "an unknown escape");
    *(*to)++ = (uint8_t)values[found - names];
    return 0;
}

/* Decodes the raw text between two quotes into the arena. */
static int unescape(struct json_in *in, struct bus_bytes raw,
                    struct bus_bytes *ret)
{
    /* bus_utf8_put may touch four bytes wherever it stands. */
    uint8_t *text = bus_arena_alloc(in->arena, raw.len + 4);
    if (!text)
        return json_full(in);
    uint8_t *to = text;
    const uint8_t *at = raw.data, *end = raw.data + raw.len;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        int code = unescape_one(in, &at, end, &to);
        if (code)
            return code;
    }
    *ret = (struct bus_bytes){text, (size_t)(to - text)};
    return 0;
}

/* Finds the closing quote. A backslash takes the next byte with it. */
static int raw_text(struct json_in *in, struct bus_bytes *ret,
                    bool *ret_escaped)
{
    const uint8_t *from = in->at;
    bool escaped = false;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at < 0x20)
            return json_bad(in, in->at, "a control character in text");
        if (*in->at == '\\') {
            escaped = true;
            in->at++;
            if (in->at == in->end)
                break;
        }
        in->at++;
    }
    if (in->at == in->end)
        return json_bad(in, in->at, "unexpected end");
    *ret = (struct bus_bytes){from, (size_t)(in->at - from)};
    *ret_escaped = escaped;
    in->at++;
    return 0;
}

int json_text(struct json_in *in, struct bus_bytes *ret)
{
    struct bus_bytes raw = {0};
    bool escaped = false;
    skip_blanks(in);
    const uint8_t *from = in->at;
    if (!next_is(in, '"'))
        return json_expected(in, "expected a text");
    in->at++;
    int code = raw_text(in, &raw, &escaped);
    if (code)
        return code;
    if (raw.len > BUS_TEXT_MAX)
        return json_bad(in, from, "the text is too long");
    if (!bus_utf8_valid(raw.data, raw.len))
        return json_bad(in, from, "invalid UTF-8 in text");
    if (escaped)
        return unescape(in, raw, ret);
    *ret = raw;
    return 0;
}

/* -- lists and objects ----------------------------------------------------- */

int json_enter(struct json_in *in, struct json_scope *ret)
{
    skip_blanks(in);
    assert(next_is(in, '{') || next_is(in, '['));
    if (in->depth == BUS_DEPTH_MAX)
        return json_bad(in, in->at, "nested too deep");
    in->depth++;
    *ret = (struct json_scope){
        .close = *in->at == '{' ? '}' : ']',
        .keys = in->keys_count,
    };
    in->at++;
    return 0;
}

static int compare_keys(const void *left, const void *right)
{
    const struct json_key *a = left, *b = right;
    if (a->name.len != b->name.len)
        return a->name.len < b->name.len ? -1 : 1;
    if (a->name.len == 0)
        return 0;
    return memcmp(a->name.data, b->name.data, a->name.len);
}

static const struct json_key *equal_pair(const struct json_key *keys,
                                         size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (compare_keys(&keys[i], &keys[k]) == 0)
                return &keys[i];
    return NULL;
}

/* A key that occurs twice, or NULL. May reorder the keys. */
static const struct json_key *duplicate(struct json_key *keys, size_t count)
{
    if (count <= KEYS_PAIRWISE)
        return equal_pair(keys, count);
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            return &keys[i];
    return NULL;
}

static int scope_close(struct json_in *in, const struct json_scope *scope)
{
    in->at++;
    in->depth--;
    if (in->keys_count == scope->keys)
        return 0;
    const struct json_key *twice =
        duplicate(in->keys + scope->keys, in->keys_count - scope->keys);
    in->keys_count = scope->keys;
    if (twice)
        return json_bad(in, in->start + twice->offset, "a duplicate key");
    return 0;
}

int json_more(struct json_in *in, struct json_scope *scope, bool *ret_more)
{
    skip_blanks(in);
    *ret_more = false;
    if (next_is(in, scope->close))
        return scope_close(in, scope);
    if (scope->begun) {
        if (!next_is(in, ','))
            return json_expected(in, scope->close == '}'
                                         ? "expected ',' or '}'"
                                         : "expected ',' or ']'");
        in->at++;
        skip_blanks(in);
    }
    scope->begun = true;
    *ret_more = true;
    return 0;
}

int json_key(struct json_in *in, struct bus_bytes *ret)
{
    skip_blanks(in);
    if (!next_is(in, '"'))
        return json_expected(in, "expected a key in quotes");
    int code = json_text(in, ret);
    if (code)
        return code;
    skip_blanks(in);
    if (!next_is(in, ':'))
        return json_expected(in, "expected ':'");
    in->at++;
    return 0;
}

int json_remember(struct json_in *in, struct bus_bytes key)
{
    if (in->keys_count == in->keys_cap) {
        size_t cap = in->keys_cap ? in->keys_cap * 2 : KEYS_FIRST;
        struct json_key *keys = realloc(in->keys, cap * sizeof(*keys));
        if (!keys)
            abort();
        in->keys = keys;
        in->keys_cap = cap;
    }
    if (in->keys_count == BUS_ITEMS_MAX)
        return json_bad(in, in->at, "too many keys");
    in->keys[in->keys_count++] =
        (struct json_key){key, (size_t)(in->at - in->start)};
    return 0;
}

static int skip_inside(struct json_in *in)
{
    struct json_scope scope = {0};
    struct bus_bytes key = {0};
    bool more = true;
    int code = json_enter(in, &scope);
    while (code == 0) {
        code = json_more(in, &scope, &more);
        if (code || !more)
            break;
        if (scope.close == '}') {
            code = json_key(in, &key);
            if (code == 0)
                code = json_remember(in, key);
        }
        if (code == 0)
            code = json_skip(in);
    }
    return code;
}

int json_skip(struct json_in *in)
{
    struct bus_bytes ignored = {0};
    switch (json_peek(in)) {
    case JSON_NULL:
        return json_null(in);
    case JSON_BOOL:
        return json_bool(in, &ignored);
    case JSON_NUMBER:
        return json_number(in, &ignored);
    case JSON_TEXT:
        return json_text(in, &ignored);
    case JSON_LIST:
    case JSON_OBJECT:
        return skip_inside(in);
    case JSON_NONE:
        break;
    }
    return json_expected(in, "expected a value");
}

int json_end(struct json_in *in)
{
    skip_blanks(in);
    if (in->at != in->end)
        return json_bad(in, in->at, "bytes after the value");
    return 0;
}
