/* SPDX-License-Identifier: MIT
 *
 * Tags: Go's key:"value" pairs, and go-zero's comma-separated options inside.
 * Unknown keys and unknown options mean nothing to us.
 */
#include "tag.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const source_keys[TAG_SOURCES] = {"json", "form", "path",
                                                     "header"};

/* The closing quote of a pair's value, or the text's end. */
static const char *value_end(const char *text)
{
    while (*text && *text != '"')
        text += text[0] == '\\' && (text[1] == '"' || text[1] == '\\') ? 2 : 1;
    return text;
}

/* One pair; false when there is none left. */
static bool next_pair(struct pool *pool, const char **at, const char **key,
                      const char **value)
{
    const char *text = *at + strspn(*at, " \t\r\n");
    size_t len = strcspn(text, ": \t\"");
    if (!len || text[len] != ':' || text[len + 1] != '"')
        return false;
    *key = pool_text_n(pool, text, len);
    text += len + 2;
    const char *end = value_end(text);
    char *out = pool_alloc(pool, (size_t)(end - text) + 1);
    size_t to = 0;
    for (; text < end; text++) {
        /* Go's quoting: only these two matter in a tag. */
        if (*text == '\\' && (text[1] == '"' || text[1] == '\\'))
            text++;
        out[to++] = *text;
    }
    *value = out;
    *at = *text ? text + 1 : text;
    return *text == '"';
}

static char *trimmed(struct pool *pool, const char *text, size_t len)
{
    while (len && strchr(" \t", *text))
        text++, len--;
    while (len && strchr(" \t", text[len - 1]))
        len--;
    return pool_text_n(pool, text, len);
}

/* Splits at a separator outside brackets; a backslash escapes it. */
static void split(struct pool *pool, const char *text, char separator,
                  struct vec *ret)
{
    char *part = pool_alloc(pool, strlen(text) + 1);
    size_t len = 0;
    int depth = 0;
    for (;; text++) {
        if (*text == '\\' && text[1] == separator) {
            part[len++] = *++text;
            continue;
        }
        if (!*text || (*text == separator && depth <= 0)) {
            vec_push(pool, ret, trimmed(pool, part, len));
            len = 0;
            if (!*text)
                return;
            continue;
        }
        depth +=
            (*text == '[' || *text == '(') - (*text == ']' || *text == ')');
        part[len++] = *text;
    }
}

static const char *unbracketed(struct pool *pool, const char *text)
{
    size_t len = strlen(text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
        return pool_text_n(pool, text + 1, len - 2);
    return text;
}

static void parse_options(struct pool *pool, const char *text, struct tag *tag)
{
    struct vec list = {0};
    const char *inner = unbracketed(pool, text);
    split(pool, inner, inner == text ? '|' : ',', &list);
    tag->options = vec_texts(pool, &list);
}

static bool bound(const char *text, size_t len, double open, double *ret)
{
    char *end;
    if (!len) {
        *ret = open;
        return true;
    }
    *ret = strtod(text, &end);
    return end == text + len && !isnan(*ret);
}

static void parse_range(struct pool *pool, const char *text, struct tag *tag)
{
    size_t len = strlen(text);
    const char *colon = strchr(text, ':');
    tag->complaint =
        pool_printf(pool, "found 'range=%s', expected range=[low:high]", text);
    if (len < 3 || !colon || !strchr("[(", text[0]) ||
        !strchr("])", text[len - 1]))
        return;
    const char *high = colon + 1;
    if (!bound(text + 1, (size_t)(colon - text) - 1, -HUGE_VAL, &tag->low) ||
        !bound(high, (size_t)(text + len - 1 - high), HUGE_VAL, &tag->high))
        return;
    tag->open_low = text[0] == '(';
    tag->open_high = text[len - 1] == ')';
    bool single = !tag->open_low && !tag->open_high;
    if (tag->low > tag->high || (tag->low >= tag->high && !single)) {
        tag->complaint = pool_printf(pool, "no value is in range=%s", text);
        return;
    }
    tag->has_range = true;
    tag->complaint = NULL;
}

static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) ? NULL : text + len;
}

static void parse_option(struct pool *pool, const char *text, struct tag *tag)
{
    const char *value;
    if (!strcmp(text, "optional")) {
        tag->optional = true;
    } else if ((value = after(text, "optional="))) {
        tag->optional = true;
        if (value[0] == '!')
            tag->without = value + 1;
        else
            tag->with = value;
    } else if (!strcmp(text, "omitempty")) {
        tag->omitempty = true;
    } else if (!strcmp(text, "string")) {
        tag->text = true;
    } else if (!strcmp(text, "inherit")) {
        tag->inherit = true;
    } else if ((value = after(text, "default="))) {
        tag->fallback = value;
    } else if ((value = after(text, "options="))) {
        parse_options(pool, value, tag);
    } else if ((value = after(text, "range="))) {
        parse_range(pool, value, tag);
    } else if ((value = after(text, "env="))) {
        tag->env = value;
    }
}

static void parse_value(struct pool *pool, const char *value,
                        enum tag_source source, struct tag *tag)
{
    struct vec parts = {0};
    split(pool, value, ',', &parts);
    const char *const *texts = parts.items;
    tag->names[source] = texts[0];
    for (size_t i = 1; i < parts.count; i++)
        parse_option(pool, texts[i], tag);
}

void tag_parse(struct pool *pool, const char *text, struct tag *ret)
{
    const char *key, *value;
    *ret = (struct tag){.low = -HUGE_VAL, .high = HUGE_VAL};
    while (next_pair(pool, &text, &key, &value)) {
        enum tag_source source = TAG_JSON;
        while (source < TAG_SOURCES && strcmp(source_keys[source], key))
            source++;
        if (source == TAG_SOURCES)
            ret->foreign = true;
        else
            parse_value(pool, value, source, ret);
    }
}
