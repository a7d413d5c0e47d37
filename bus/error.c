/* SPDX-License-Identifier: MIT
 *
 * Filling a struct bus_error. Sentences that do not fit are cut where a UTF-8
 * character ends.
 */
#include "bus/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts an incomplete UTF-8 character off the end of a full buffer. */
static void cut_tail(char *text, size_t size)
{
    size_t len = strlen(text);
    if (len + 1 < size)
        return;
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - (start - 1) < want)
        text[start - 1] = '\0';
}

static void copy_cut(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
    cut_tail(to, size);
}

void bus_error_clear(struct bus_error *err)
{
    err->code = 0;
    err->business = err->http = 0;
    err->reason[0] = err->field[0] = err->sentence[0] = '\0';
}

__attribute__((format(printf, 5, 0))) static int
error_fill(struct bus_error *err, int code, const char *reason,
           const char *field, const char *format, va_list args)
{
    assert(code != 0);
    if (!err)
        return code;
    /* The arguments may point into err itself: format into a copy first. */
    struct bus_error fresh = {.code = code};
    copy_cut(fresh.reason, sizeof(fresh.reason), reason);
    copy_cut(fresh.field, sizeof(fresh.field), field);
    vsnprintf(fresh.sentence, sizeof(fresh.sentence), format, args);
    cut_tail(fresh.sentence, sizeof(fresh.sentence));
    *err = fresh;
    return code;
}

int bus_error_set(struct bus_error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_fill(err, code, "", "", format, args);
    va_end(args);
    return code;
}

int bus_error_reason(struct bus_error *err, int code, const char *reason,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_fill(err, code, reason, "", format, args);
    va_end(args);
    return code;
}

int bus_error_field(struct bus_error *err, int code, const char *field,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_fill(err, code, "", field, format, args);
    va_end(args);
    return code;
}
