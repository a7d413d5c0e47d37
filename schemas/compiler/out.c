/* SPDX-License-Identifier: MIT
 *
 * Text that is being printed.
 */
#include <stdio.h>
#include <string.h>

#include "gen.h"

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

void out_quoted(struct out *out, const char *text)
{
    if (!text) {
        out_printf(out, "NULL");
        return;
    }
    out_printf(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\' || c == '?')
            out_printf(out, "\\%c", c);
        else if (c == '\n')
            out_printf(out, "\\n");
        else if (c < 0x20 || c == 0x7F)
            out_printf(out, "\\%03o", c);
        else
            out_printf(out, "%c", c);
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
        if (ends || begins)
            out_printf(out, "%c ", *doc);
        else
            out_printf(out, "%c", blank ? ' ' : *doc);
    }
    out_printf(out, " */\n");
}
