/* SPDX-License-Identifier: MIT
 *
 * Writing of JSON. Whether a comma is due is seen in what was printed last: a
 * text always ends in a quote.
 */
#include "js.h"

#include <string.h>

static void separate(struct out *out)
{
    if (out->len && !strchr("[{:", out->text[out->len - 1]))
        out_printf(out, ",");
}

void js_text(struct out *out, const char *text)
{
    out_printf(out, "\"");
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' &&
               text[plain] != '\\')
            plain++;
        out_printf(out, "%.*s", (int)plain, text);
        text += plain;
        if (*text == '"' || *text == '\\')
            out_printf(out, "\\%c", *text);
        else if (*text)
            out_printf(out, "\\u%04x", (unsigned)*text);
        text += *text != '\0';
    }
    out_printf(out, "\"");
}

void js_item(struct out *out, const char *text)
{
    separate(out);
    js_text(out, text);
}

void js_key(struct out *out, const char *key)
{
    js_item(out, key);
    out_printf(out, ":");
}

void js_open(struct out *out, const char *key, char bracket)
{
    js_key(out, key);
    out_printf(out, "%c", bracket);
}

void js_open_item(struct out *out, char bracket)
{
    separate(out);
    out_printf(out, "%c", bracket);
}

void js_close(struct out *out, char bracket)
{
    out_printf(out, "%c", bracket);
}

void js_pair(struct out *out, const char *key, const char *text)
{
    js_key(out, key);
    if (text)
        js_text(out, text);
    else
        out_printf(out, "null");
}

void js_number(struct out *out, const char *key, long long number)
{
    js_key(out, key);
    out_printf(out, "%lld", number);
}

void js_bool(struct out *out, const char *key, bool value)
{
    js_key(out, key);
    out_printf(out, value ? "true" : "false");
}

void js_raw(struct out *out, const char *key, const char *json)
{
    js_key(out, key);
    out_printf(out, "%s", json);
}

static void new_line(struct out *out, size_t depth)
{
    out_printf(out, "\n%*s", (int)depth * 2, "");
}

/* The bytes of a text in quotes. */
static size_t quoted_len(const char *text)
{
    size_t len = 1;
    while (text[len] != '"')
        len += text[len] == '\\' ? 2 : 1;
    return len + 1;
}

const char *js_indented(const struct out *out)
{
    struct out made = {.pool = out->pool};
    size_t depth = 0;
    for (const char *at = out->text; *at;) {
        size_t len = *at == '"' ? quoted_len(at) : 1;
        bool opens = *at == '{' || *at == '[';
        bool closes = *at == '}' || *at == ']';
        bool empty = opens && (at[1] == '}' || at[1] == ']');
        if (closes)
            new_line(&made, --depth);
        out_printf(&made, "%.*s%s", (int)(empty ? 2 : len), at,
                   *at == ':' ? " " : "");
        if (opens && !empty)
            new_line(&made, ++depth);
        if (*at == ',')
            new_line(&made, depth);
        at += empty ? 2 : len;
    }
    out_printf(&made, "\n");
    return made.text;
}
