/* SPDX-License-Identifier: MIT
 *
 * A multipart body is cut at its delimiters ("\r\n--boundary"), each part into
 * headers and value. Nothing is copied but names with escapes in them. Of the
 * headers only Content-Disposition matters.
 */
#include "actors/http/multipart.h"

#include <string.h>
#include <strings.h>

#include "bus/code.h"

#define BOUNDARY_MAX 70        /* RFC 2046 */
#define PART_HEADERS_MAX 8192u /* bytes before a part's value */
#define DELIMITER_MAX (BOUNDARY_MAX + 4)

/* The body from here on. */
struct reader {
    const uint8_t *at, *end;
    char delimiter[DELIMITER_MAX + 1]; /* "\r\n--boundary" */
    size_t delimiter_len;
    struct bus_arena *arena;
    struct bus_error *err;
};

/* One parameter of a header: name="value". */
struct parameter {
    struct bus_bytes name, value; /* value as it stands between the quotes */
};

static int refused(struct bus_error *err, const char *why)
{
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "malformed multipart body: %s", why);
}

static bool same(struct bus_bytes a, const char *b)
{
    return a.len == strlen(b) && !strncasecmp((const char *)a.data, b, a.len);
}

static void skip(struct bus_bytes *text, size_t len)
{
    text->data += len;
    text->len -= len;
}

static void skip_blanks(struct bus_bytes *text)
{
    while (text->len && (*text->data == ' ' || *text->data == '\t'))
        skip(text, 1);
}

/* Up to one of those characters, or to the end; blanks around it go. */
static struct bus_bytes take_until(struct bus_bytes *text, const char *stops)
{
    skip_blanks(text);
    struct bus_bytes taken = {text->data, 0};
    while (text->len && !(*text->data && strchr(stops, *text->data)))
        skip(text, 1);
    taken.len = (size_t)(text->data - taken.data);
    while (taken.len && (taken.data[taken.len - 1] == ' ' ||
                         taken.data[taken.len - 1] == '\t'))
        taken.len--;
    return taken;
}

/* Behind its opening quote, through its closing one. */
static bool take_quoted(struct bus_bytes *text, struct bus_bytes *ret)
{
    size_t len = 0;
    while (len < text->len && text->data[len] != '"')
        len += text->data[len] == '\\' ? 2 : 1;
    if (len >= text->len)
        return false;
    *ret = (struct bus_bytes){text->data, len};
    skip(text, len + 1);
    return true;
}

/* The next "; name=value"; false when there is none, or it is not formed so. */
static bool take_parameter(struct bus_bytes *text, struct parameter *ret)
{
    skip_blanks(text);
    if (!text->len || *text->data != ';')
        return false;
    skip(text, 1);
    ret->name = take_until(text, "=;");
    if (!text->len || *text->data != '=')
        return false;
    skip(text, 1);
    skip_blanks(text);
    if (text->len && *text->data == '"') {
        skip(text, 1);
        return take_quoted(text, &ret->value);
    }
    ret->value = take_until(text, ";");
    return true;
}

bool multipart_is(struct bus_bytes type)
{
    return same(take_until(&type, ";"), "multipart/form-data");
}

static bool find_boundary(struct bus_bytes type, struct bus_bytes *ret)
{
    struct parameter parameter = {0};
    take_until(&type, ";");
    while (take_parameter(&type, &parameter)) {
        if (!same(parameter.name, "boundary"))
            continue;
        *ret = parameter.value;
        return ret->len > 0 && ret->len <= BOUNDARY_MAX &&
               !memchr(ret->data, '\\', ret->len);
    }
    return false;
}

/* The next delimiter, or NULL. */
static const uint8_t *find_delimiter(const struct reader *in)
{
    const uint8_t *at = in->at;
    while ((at = memchr(at, '\r', (size_t)(in->end - at)))) {
        if ((size_t)(in->end - at) < in->delimiter_len)
            return NULL;
        if (!memcmp(at, in->delimiter, in->delimiter_len))
            return at;
        at++;
    }
    return NULL;
}

/* A name without its backslashes. */
static bool unescape(const struct reader *in, struct bus_bytes *name)
{
    if (!name->len || !memchr(name->data, '\\', name->len))
        return true;
    char *copy = bus_arena_alloc(in->arena, name->len + 1);
    size_t len = 0;
    for (size_t i = 0; copy && i < name->len; i++) {
        i += name->data[i] == '\\' && i + 1 < name->len;
        copy[len++] = (char)name->data[i];
    }
    *name = (struct bus_bytes){(const uint8_t *)copy, len};
    return copy != NULL;
}

/* What a Content-Disposition says. */
struct part {
    struct bus_bytes name;
    bool named, file;
};

static void read_header(struct bus_bytes line, struct part *part)
{
    struct parameter parameter = {0};
    struct bus_bytes name = take_until(&line, ":");
    if (!line.len || !same(name, "Content-Disposition"))
        return;
    skip(&line, 1);
    if (!same(take_until(&line, ";"), "form-data"))
        return;
    while (take_parameter(&line, &parameter)) {
        if (same(parameter.name, "name")) {
            part->name = parameter.value;
            part->named = true;
        }
        part->file = part->file || same(parameter.name, "filename") ||
                     same(parameter.name, "filename*");
    }
}

/* Header lines, through the empty one. */
static int read_headers(struct reader *in, struct part *part)
{
    const uint8_t *start = in->at;
    for (;;) {
        size_t left = (size_t)(in->end - in->at);
        const uint8_t *newline = left ? memchr(in->at, '\n', left) : NULL;
        if (!newline || (size_t)(newline - start) > PART_HEADERS_MAX)
            return refused(in->err, "a part's headers have no end");
        if (newline == in->at || newline[-1] != '\r')
            return refused(in->err, "a header ends without CR LF");
        struct bus_bytes line = {in->at, (size_t)(newline - 1 - in->at)};
        in->at = newline + 1;
        if (!line.len)
            return BUS_OK;
        read_header(line, part);
    }
}

/* Behind a delimiter: 1 if another part follows, 0 after the last. */
static int begin_part(struct reader *in)
{
    size_t left = (size_t)(in->end - in->at);
    if (left >= 2 && !memcmp(in->at, "--", 2))
        return 0;
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t'))
        in->at++;
    left = (size_t)(in->end - in->at);
    if (left < 2 || memcmp(in->at, "\r\n", 2) != 0)
        return -1;
    in->at += 2;
    return 1;
}

/* One part, through the delimiter behind it. */
static int read_part(struct reader *in, struct part *part,
                     struct bus_bytes *ret_value)
{
    int code = read_headers(in, part);
    if (code)
        return code;
    /* An empty value has its delimiter's line break just before it. */
    in->at -= 2;
    const uint8_t *value = in->at + 2, *delimiter = find_delimiter(in);
    if (!delimiter)
        return refused(in->err, "a part has no end");
    if (delimiter < value)
        value = delimiter;
    *ret_value = (struct bus_bytes){value, (size_t)(delimiter - value)};
    in->at = delimiter + in->delimiter_len;
    return unescape(in, &part->name)
               ? BUS_OK
               : bus_error_set(in->err, BUS_RESOURCE_EXHAUSTED,
                               "the form needs more memory than a call may "
                               "use");
}

/* To behind the first delimiter: at the body's start or after a preamble. */
static bool begin(struct reader *in)
{
    const char *bare = in->delimiter + 2;
    size_t len = in->delimiter_len - 2;
    if ((size_t)(in->end - in->at) >= len && !memcmp(in->at, bare, len)) {
        in->at += len;
        return true;
    }
    const uint8_t *delimiter = in->at < in->end ? find_delimiter(in) : NULL;
    if (delimiter)
        in->at = delimiter + in->delimiter_len;
    return delimiter != NULL;
}

static int read_parts(struct reader *in, struct bus_pair *pairs, size_t max,
                      size_t *count)
{
    int more;
    if (!begin(in))
        return refused(in->err, "its boundary is not in it");
    while ((more = begin_part(in)) > 0) {
        struct part part = {.named = false};
        struct bus_bytes value;
        int code = read_part(in, &part, &value);
        if (code)
            return code;
        if (part.file || !part.named)
            continue;
        if (*count == max)
            return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                                 "more than %zu form values", max);
        pairs[(*count)++] = (struct bus_pair){part.name, value};
    }
    return more < 0 ? refused(in->err, "no line break behind a boundary")
                    : BUS_OK;
}

int multipart_form(struct bus_bytes type, struct bus_bytes body,
                   struct bus_arena *arena, struct bus_pair *pairs, size_t max,
                   size_t *count, struct bus_error *err)
{
    struct bus_bytes boundary;
    struct reader in = {.at = body.data,
                        .end = body.data + body.len,
                        .arena = arena,
                        .err = err};
    if (!find_boundary(type, &boundary))
        return refused(err, "its type names no boundary");
    memcpy(in.delimiter, "\r\n--", 4);
    memcpy(in.delimiter + 4, boundary.data, boundary.len);
    in.delimiter_len = boundary.len + 4;
    return read_parts(&in, pairs, max, count);
}
