/* SPDX-License-Identifier: MIT
 *
 * Text that is being printed.
 */
#include <stdio.h>
#include <string.h>

#include "gen.h"

#define LITERAL_MAX 4095 /* bytes: C11, 5.2.4.1 */

static void room(struct out *out, size_t more)
{
    if (out->len + more + 1 <= out->cap)
        return;
    size_t cap = (out->cap + more + 4096) * 2;
    char *text = pool_alloc(out->pool, cap);
    if (out->len)
        memcpy(text, out->text, out->len);
    out->text = text;
    out->cap = cap;
}

void out_printf(struct out *out, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0) {
        room(out, (size_t)len);
        vsnprintf(out->text + out->len, (size_t)len + 1, format, again);
        out->len += (size_t)len;
    }
    va_end(again);
}

/* Marks that turn the direction of text: compilers warn of them. */
static size_t turns_text(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    bool embeds = at[0] == 0xE2 && at[1] == 0x80 && at[2] >= 0xAA;
    bool isolates = at[0] == 0xE2 && at[1] == 0x81 && at[2] >= 0xA6;
    return (embeds && at[2] <= 0xAE) || (isolates && at[2] <= 0xA9) ? 3 : 0;
}

static void quote_char(struct out *out, unsigned char c, bool octal)
{
    if (octal || c < 0x20 || c == 0x7F)
        out_printf(out, c == '\n' ? "\\n" : "\\%03o", c);
    else if (c == '"' || c == '\\' || c == '?')
        out_printf(out, "\\%c", c);
    else
        out_printf(out, "%c", c);
}

/* What no literal of standard C may hold: an array does. */
static void quote_long(struct out *out, const char *text)
{
    out_printf(out, "(const char[]){");
    for (; *text; text++)
        out_printf(out, "%d,", (signed char)*text);
    out_printf(out, "0}");
}

void out_quoted(struct out *out, const char *text)
{
    size_t octal = 0;
    if (!text) {
        out_printf(out, "NULL");
        return;
    }
    if (strlen(text) > LITERAL_MAX) {
        quote_long(out, text);
        return;
    }
    out_printf(out, "\"");
    for (; *text; text++) {
        octal -= octal > 0;
        if (!octal)
            octal = turns_text(text);
        quote_char(out, (unsigned char)*text, octal > 0);
    }
    out_printf(out, "\"");
}

void out_doc(struct out *out, const char *indent, const char *doc)
{
    if (!doc[0])
        return;
    out_printf(out, "%s/* ", indent);
    for (; *doc; doc++) {
        bool ends = doc[0] == '*' && doc[1] == '/';
        bool begins = doc[0] == '/' && doc[1] == '*';
        bool blank = *doc == '\n' || *doc == '\r' || *doc == '\t';
        size_t turns = turns_text(doc);
        if (turns)
            doc += turns - 1;
        else if (ends || begins)
            out_printf(out, "%c ", *doc);
        else
            out_printf(out, "%c", blank ? ' ' : *doc);
    }
    out_printf(out, " */\n");
}
