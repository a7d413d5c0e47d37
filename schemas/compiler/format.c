/* SPDX-License-Identifier: MIT
 *
 * The layout of an .api or .saga file, line by line: a tab a bracket, and one
 * for what belongs to a step; fields in columns, no blanks at a line's end,
 * never two empty lines. Comments and texts stay as they are, for only blanks
 * are moved; what is inside a text or a block comment of several lines is not
 * touched.
 */
#include <ctype.h>
#include <string.h>

#include "gen.h"

#define CELLS 3 /* name, type, tag */

struct row {
    const char *cells[CELLS]; /* NULL: not there */
    const char *tail;         /* a comment; "" */
};

struct layout {
    struct pool *pool;
    struct out out;
    struct vec rows; /* struct row: fields that stand together */
    size_t rows_depth;
    size_t depth;
    char inside;     /* '"', '`', '*' of a block comment; 0: none */
    bool types;      /* the statement at hand is `type` */
    bool blank;      /* an empty line waits */
    char last;       /* of the last line's code */
    bool last_block; /* it ended an @server block */
    bool server;     /* the statement at hand is @server */
    bool saga;       /* it is a saga */
};

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void indent(struct layout *layout, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        out_printf(&layout->out, "\t");
}

static size_t column_width(const struct layout *layout, int cell)
{
    const struct row *rows = layout->rows.items;
    size_t widest = 0;
    for (size_t i = 0; i < layout->rows.count; i++) {
        size_t width = rows[i].cells[cell] ? width_of(rows[i].cells[cell]) : 0;
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void put_row(struct layout *layout, const struct row *row)
{
    size_t pending = 0;
    indent(layout, layout->rows_depth);
    for (int i = 0; i < CELLS; i++) {
        const char *cell = row->cells[i] ? row->cells[i] : "";
        size_t widest = column_width(layout, i);
        if (!widest)
            continue;
        if (*cell)
            out_printf(&layout->out, "%*s%s", (int)pending, "", cell);
        pending = (*cell ? 0 : pending) + widest - width_of(cell) + 1;
    }
    if (row->tail[0])
        out_printf(&layout->out, "%*s%s", (int)pending, "", row->tail);
    out_printf(&layout->out, "\n");
}

static void flush_rows(struct layout *layout)
{
    const struct row *rows = layout->rows.items;
    for (size_t i = 0; i < layout->rows.count; i++)
        put_row(layout, &rows[i]);
    layout->rows.count = 0;
}

/* Follows brackets, texts and comments through one line. */
static void scan(struct layout *layout, const char *line)
{
    for (; *line; line++) {
        if (layout->inside == '*') {
            if (line[0] == '*' && line[1] == '/') {
                layout->inside = 0;
                line++;
            }
        } else if (layout->inside) {
            if (*line == layout->inside)
                layout->inside = 0;
        } else if (line[0] == '/' && line[1] == '*') {
            layout->inside = '*';
            line++;
        } else if (line[0] == '/' && line[1] == '/') {
            return;
        } else if (*line == '"' || *line == '`') {
            layout->inside = *line;
            layout->last = *line;
        } else if (!isspace((unsigned char)*line)) {
            layout->depth += *line == '{' || *line == '(';
            if ((*line == '}' || *line == ')') && layout->depth)
                layout->depth--;
            layout->last = *line;
        }
    }
}

static const char *trimmed(struct pool *pool, const char *text, size_t len)
{
    while (len && isspace((unsigned char)*text))
        text++, len--;
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    return pool_text_n(pool, text, len);
}

/* "Name Type `tag` // comment" */
static bool read_row(struct layout *layout, const char *line, struct row *ret)
{
    size_t name = strcspn(line, " \t");
    const char *rest = line + name;
    const char *tag = strchr(rest, '`');
    const char *comment = strstr(rest, "//");
    size_t code = strcspn(line, "`/");
    if (!layout->types || !layout->depth || !isalpha((unsigned char)*line) ||
        !*rest || strcspn(line, "{}();\"") < code || strstr(line, "/*") ||
        memchr(line, ',', name))
        return false;
    /* A comment's back-quote is no tag's. */
    if (comment && tag && comment < tag)
        tag = NULL;
    const char *end = tag ? strchr(tag + 1, '`') : NULL;
    bool again = end && strchr(end + 1, '`') && !strstr(end + 1, "//");
    if ((tag && !end) || again)
        return false;
    const char *type_end = tag ? tag : comment ? comment : line + strlen(line);
    *ret = (struct row){.tail = ""};
    ret->cells[0] = pool_text_n(layout->pool, line, name);
    ret->cells[1] = trimmed(layout->pool, rest, (size_t)(type_end - rest));
    if (!ret->cells[1][0])
        return false;
    if (tag)
        ret->cells[2] = pool_text_n(layout->pool, tag, (size_t)(end - tag) + 1);
    if (tag)
        ret->tail = trimmed(layout->pool, end + 1, strlen(end + 1));
    else if (comment)
        ret->tail = comment;
    return true;
}

static bool begins(const char *line, const char *word)
{
    size_t len = strlen(word);
    return !strncmp(line, word, len) && !isalnum((unsigned char)line[len]) &&
           line[len] != '_';
}

/* An empty line stands between blocks, none within brackets' ends. */
static void put_gap(struct layout *layout, const char *line)
{
    bool start = !layout->out.len;
    bool closes = strchr("})", *line);
    bool opened = layout->last == '{' || layout->last == '(';
    bool block = !layout->depth && (layout->last == '}' || layout->last == ')');
    bool joined = layout->last_block && begins(line, "service");
    if (start || closes || joined || (opened && layout->depth))
        layout->blank = false;
    else if (block)
        layout->blank = true;
    if (!layout->blank)
        return;
    out_printf(&layout->out, "\n");
    layout->blank = false;
}

/* A line of a saga that goes on with the step above: how it is repeated, when,
 * what undoes it. */
static bool is_of_step(const struct layout *layout, const char *line)
{
    return layout->saga && layout->depth == 1 && !begins(line, "step") &&
           !begins(line, "return") && !strchr("}/", *line);
}

static void put_line(struct layout *layout, const char *line)
{
    struct row row;
    size_t closers = strspn(line, "})");
    size_t depth = closers < layout->depth ? layout->depth - closers : 0;
    depth += is_of_step(layout, line);
    bool field = read_row(layout, line, &row);
    if (layout->blank || !field)
        flush_rows(layout);
    put_gap(layout, line);
    if (!layout->depth) {
        layout->types = begins(line, "type");
        layout->server = begins(line, "@server");
        layout->saga = begins(line, "saga");
    }
    if (field) {
        layout->rows_depth = depth;
        *(struct row *)vec_add(layout->pool, &layout->rows, sizeof(row)) = row;
    } else {
        indent(layout, depth);
        out_printf(&layout->out, "%s\n", line);
    }
    scan(layout, line);
    layout->last_block = layout->server && !layout->depth;
}

static void take_line(struct layout *layout, const char *text, size_t len)
{
    if (len && text[len - 1] == '\r')
        len--;
    const char *line = trimmed(layout->pool, text, len);
    if (layout->inside) {
        const char *whole = pool_text_n(layout->pool, text, len);
        flush_rows(layout);
        out_printf(&layout->out, "%s\n", whole);
        scan(layout, whole);
    } else if (!*line) {
        layout->blank = true;
    } else {
        put_line(layout, line);
    }
}

const char *schema_format(struct schema *schema, const char *text, size_t len)
{
    struct layout layout = {.pool = &schema->pool,
                            .out = {.pool = &schema->pool}};
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line = end ? (size_t)(end - text) - at : len - at;
        take_line(&layout, text + at, line);
        at += line + 1;
    }
    flush_rows(&layout);
    return layout.out.text ? layout.out.text : "";
}
